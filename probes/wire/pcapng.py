"""A section of a pcapng file: interfaces, frames with comments. Written, never read.

Source: draft-ietf-opsawg-pcapng (2024), sections 4.1 to 4.3 and 3.5; little-endian, time stamps in nanoseconds. Sections may
follow one another in a file: joined with ``cat``, they are one capture.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.wire.capture import Direction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_ORDER, _UNKNOWN_LENGTH, _ETHERNET = 0x1A2B3C4D, -1, 1
_END, _COMMENT = 0, 1
_APPLICATION = 4
_NAME, _DESCRIPTION, _MAC, _RESOLUTION = 2, 3, 6, 9
_FLAGS = 2
_DIRECTIONS = {Direction.INCOMING: 1, Direction.OUTGOING: 2}
MAX_TEXT = 2048
"""Octets of a comment, at most."""


@dataclass(frozen=True, slots=True)
class Port:
    """An interface of a section: its name, what is plugged there, its MAC address, octets kept of a frame."""

    name: str
    description: str
    mac: bytes
    snap: int


@dataclass(frozen=True, slots=True)
class Packet:
    """One frame: index of its interface, UTC nanoseconds, kept octets, length on the wire, comments."""

    port: int
    t_ns: int
    direction: Direction
    data: bytes
    original_length: int
    comments: tuple[str, ...] = ()

    def pack(self) -> bytes:
        """An Enhanced Packet Block."""
        when = self.t_ns & 0xFFFFFFFFFFFFFFFF
        head = struct.pack("<IIIII", self.port, when >> 32, when & 0xFFFFFFFF, len(self.data), self.original_length)
        options = [(_COMMENT, _text(comment)) for comment in self.comments]
        options.append((_FLAGS, struct.pack("<I", _DIRECTIONS[self.direction])))
        return _block(_PACKET, head + _padded(self.data), options)


def section(application: str, comment: str, ports: Sequence[Port], packets: Iterable[bytes]) -> bytes:
    """A whole section; packets are packed already (:meth:`Packet.pack`), and name ports by their index."""
    head = struct.pack("<IHHq", _ORDER, 1, 0, _UNKNOWN_LENGTH)
    blocks = [_block(_SECTION, head, [(_COMMENT, _text(comment)), (_APPLICATION, _text(application))])]
    for port in ports:
        options = [(_NAME, _text(port.name)), (_DESCRIPTION, _text(port.description)), (_RESOLUTION, b"\x09")]
        if len(port.mac) == 6:  # noqa: PLR2004 - octets of a MAC address
            options.append((_MAC, port.mac))
        blocks.append(_block(_INTERFACE, struct.pack("<HHI", _ETHERNET, 0, port.snap), options))
    blocks.extend(packets)
    return b"".join(blocks)


def _text(text: str) -> bytes:
    """UTF-8, cut at a character where it is too long."""
    return text.encode("utf-8", "replace")[:MAX_TEXT].decode("utf-8", "ignore").encode()


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _block(kind: int, body: bytes, options: Sequence[tuple[int, bytes]]) -> bytes:
    listed = b"".join(struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options)
    body += listed + struct.pack("<HH", _END, 0)
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)
