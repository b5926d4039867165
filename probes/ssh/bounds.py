"""The socket that SSH is spoken on, within bounds: a library that trusts its peer reads and writes through it."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

MAX_HELLO_BYTES = 64 * 1024
"""What a server may say before its key is known: an identification, its algorithms, its half of the exchange."""
MAX_BYTES = 2 * 1024 * 1024
"""What a whole session may bring: a large switch's configuration is some hundreds of kilobytes."""
MAX_READS = 60_000
"""Reads that brought something: a server that speaks in crumbs costs time for each."""
MAX_WRITES = 400
"""Segments of ours: a server can make a client answer each of its messages (RFC 4253 §11.4)."""
CHUNK = 32 * 1024
_IPPROTO_TCP, _TCP_INFO, _SEGS_OUT = 6, 11, 136
"""Where Linux counts the segments that a connection sent: ``tcpi_segs_out`` of ``struct tcp_info`` (linux/tcp.h)."""
SEGMENT = 1220
"""Bytes of one segment at the least that IPv6 lets through (RFC 8200 §5: 1280, less headers)."""


class PastBoundsError(Exception):
    """The peer said more, or took longer, than a session may; no OSError, which the library would take for the line's."""


class LentSocket:
    """What the library takes for a socket. It counts what passes, and refuses to go on past a bound.

    The library reads in one thread and writes in another; each counter has one writer but for :meth:`close`.
    """

    def __init__(self, sock: socket.socket, seconds: float, now: Callable[[], float] = time.monotonic) -> None:  # noqa: TID251 - lent by Access.tcp
        """Take the socket over; ``seconds`` is what the first step may last."""
        self._sock = sock
        self._now = now
        self._until = now() + seconds
        self._closed = False  # the library looks at it, as at a socket's own
        self._most = MAX_HELLO_BYTES
        self._reads = 0
        self.received = 0
        """Bytes."""
        self.writes = 0
        """Segments at the least, for a bound; :attr:`segments` counts them all."""
        self._sent = 0
        self.broken: Literal["", "bytes", "time", "closed", "reset"] = ""
        """Why nothing more is read, where something went wrong: a bound, the peer's end, its RST."""

    @property
    def segments(self) -> int:
        """What we sent, as the kernel counts it: the connection, what was said, every acknowledgement; and its end, two more."""
        if not self._closed:
            with suppress(OSError):  # the peer cut it
                info = self._sock.getsockopt(_IPPROTO_TCP, _TCP_INFO, _SEGS_OUT + 4)
                if len(info) == _SEGS_OUT + 4:
                    self._sent = int.from_bytes(info[_SEGS_OUT:], sys.byteorder)
        return max(self._sent, self.writes + 2) + 2

    def step(self, seconds: float) -> None:
        """From now on, so long for what comes next."""
        self._until = self._now() + seconds

    def trust(self) -> None:
        """The server is the one that was pinned: it may say as much as a configuration needs."""
        self._most = MAX_BYTES

    def _check(self) -> None:
        if self._now() > self._until:
            self.broken = self.broken or "time"
        if self.received > self._most or self._reads > MAX_READS or self.writes > MAX_WRITES:
            self.broken = self.broken or "bytes"
        if self.broken in {"time", "bytes"}:
            raise PastBoundsError(self.broken)

    def recv(self, size: int) -> bytes:
        """Read at most a chunk, whatever size a packet says that it has."""
        self._check()
        try:
            data = self._sock.recv(min(size, CHUNK))
        except TimeoutError:
            raise
        except OSError:
            self.broken = self.broken or ("closed" if self._closed else "reset")
            raise
        self._reads += 1
        self.received += len(data)
        if not data:
            self.broken = self.broken or "closed"
        return data

    def send(self, data: bytes) -> int:
        """Write what the line takes."""
        self._check()
        try:
            sent = self._sock.send(data)
        except TimeoutError:
            raise
        except OSError:
            self.broken = self.broken or "reset"
            raise
        self.writes += -(-sent // SEGMENT)
        return sent

    def settimeout(self, seconds: float | None) -> None:
        """How long one read waits."""
        self._sock.settimeout(seconds)

    def close(self) -> None:
        """End it; whoever waits for it wakes up."""
        _ = self.segments  # the kernel forgets them
        self._closed = True
        self._sock.close()
