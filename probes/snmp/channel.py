"""One gated socket, one device: every datagram is paid before it leaves, and everything that comes back is bounded.

The socket comes from :meth:`probes.api.Access.udp`: connected, so that the kernel lets nothing through that is not from
the same address and port, and bound to the measuring point's interface.
"""

from __future__ import annotations

import asyncio
import errno
import struct
from typing import TYPE_CHECKING

from probes.api import Access, CollectFailure, CollectorSpec
from r2s_audit.model.observation import Failure, Request
from r2s_audit.model.site import AnyAddress, Device
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

MAX_DATAGRAM = 65535
PATIENCE = 2
MAX_WATCHED = 64
"""Datagrams that a watcher may take out of the stream during one wait."""
_SOL_SOCKET, _SO_MEMINFO, _DROPS = 1, 55, 8
"""Linux: SO_MEMINFO gives nine 32-bit words, the last of which (SK_MEMINFO_DROPS) counts what the socket lost."""
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}


class Channel:
    """Sends and receives datagrams of one request; counts both, and refuses past the request's stated cost."""

    def __init__(
        self,
        access: Access,
        device: Device,
        sock: socket.socket,  # noqa: TID251 - the type of what Access.udp gave, none is made here
        *,
        max_packets: int,
        seconds: float,
    ) -> None:
        """``max_packets`` sent at most, ``seconds`` in all from now; the channel owns the socket from here on."""
        self._access = access
        self._device = device
        self._socket = sock
        self._max_packets = max_packets
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + seconds
        self._seconds = seconds
        self.sent = 0
        self.received = 0
        self.watch: Callable[[bytes], bool] | None = None
        """Sees every datagram first; one that it takes (True) is not returned by :meth:`receive`."""

    @property
    def drops(self) -> int:
        """Datagrams that the kernel threw away for want of room, or with a wrong checksum, on this socket."""
        words = self._socket.getsockopt(_SOL_SOCKET, _SO_MEMINFO, 9 * 4)
        return int(struct.unpack("=9I", words)[_DROPS])

    def close(self) -> None:
        """Give the socket back to the kernel."""
        self._socket.close()

    async def send(self, datagram: bytes) -> None:
        """Pay, then send.

        Raises CollectFailure: LIMIT_EXCEEDED (cost or time of the request used up), REFUSED or UNREACHABLE (an ICMP
        error answered an earlier datagram, or there is no route).
        """
        if self.sent >= self._max_packets:
            raise CollectFailure(
                Failure.LIMIT_EXCEEDED,
                msg(
                    "lecture SNMP de {device} arrêtée : {limit} paquets envoyés sans arriver au bout",
                    device=self._device.id,
                    limit=self._max_packets,
                ),
            )
        self._remaining()
        await self._access.pay(self._device, 1)
        self._remaining()
        try:
            await self._loop.sock_sendall(self._socket, datagram)
        except OSError as error:
            raise self._failure(error) from error
        self.sent += 1

    async def receive(self, seconds: float) -> bytes | None:
        """The next datagram of the target, or None after so many seconds without one; raises as :meth:`send`."""
        end = min(self._loop.time() + seconds, self._loop.time() + self._remaining())
        for _ in range(MAX_WATCHED):
            try:
                async with asyncio.timeout_at(end):
                    datagram = await self._loop.sock_recv(self._socket, MAX_DATAGRAM)
            except TimeoutError:
                return None
            except OSError as error:
                raise self._failure(error) from error
            self.received += 1
            if self.watch is None or not self.watch(datagram):
                return datagram
        raise CollectFailure(
            Failure.LIMIT_EXCEEDED,
            msg(
                "{device} envoie plus de {limit} datagrammes non demandés : lecture arrêtée",
                device=self._device.id,
                limit=MAX_WATCHED,
            ),
        )

    def _remaining(self) -> float:
        left = self._deadline - self._loop.time()
        if left <= 0:
            raise CollectFailure(
                Failure.LIMIT_EXCEEDED,
                msg(
                    "lecture SNMP de {device} arrêtée : plus de {limit} s sans arriver au bout",
                    device=self._device.id,
                    limit=self._seconds,
                ),
            )
        return left

    def _failure(self, error: OSError) -> CollectFailure:
        if isinstance(error, ConnectionRefusedError):
            return CollectFailure(
                Failure.REFUSED,
                msg("{device} refuse : port UDP fermé (ICMP port inaccessible)", device=self._device.id),
            )
        if error.errno in _UNREACHABLE:
            return CollectFailure(
                Failure.UNREACHABLE,
                msg("{device} inaccessible : {error}", device=self._device.id, error=error.strerror or ""),
            )
        raise error


async def open_channel(
    access: Access, request: Request, spec: CollectorSpec
) -> tuple[Channel, Device, AnyAddress, int]:
    """The channel to the target of a request, the device, and the address and port that the request names.

    Raises CollectFailure(OUT_OF_SCOPE) where the request names no declared device or an address that is not the
    device's own: credentials and communities go only to declared addresses of declared devices (promise 5).
    """
    device = access.topology.devices.get(request.target)
    wanted = str(request.param("address"))
    address = None if device is None else next((a for a in device.addresses if str(a) == wanted), None)
    if device is None or address is None:
        raise CollectFailure(
            Failure.OUT_OF_SCOPE,
            msg(
                "{address} n'est pas une adresse déclarée de {device} : rien n'a été envoyé",
                address=wanted,
                device=request.target,
            ),
        )
    port = int(request.param("port"))
    sock = await access.udp(device, address, port)
    # The stated time and as much again for waiting on the budget, which is no fault of the device.
    channel = Channel(access, device, sock, max_packets=spec.packets, seconds=PATIENCE * spec.seconds)
    return channel, device, address, port
