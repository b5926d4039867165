"""Reading capture files for tests: pcap and pcapng of either byte order, plain or gzip, every frame as its octets.

Sources: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. A file that ends inside a frame gives the frames before.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from pathlib import Path

_PCAP = {0xA1B2C3D4, 0xA1B23C4D}
_SECTION, _INTERFACE, _OLD, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6


def frames(path: Path) -> Iterator[bytes]:
    """The octets of each frame, whatever its link type."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if int.from_bytes(data[:4]) == _SECTION:
        yield from _pcapng(data)
        return
    order = next(order for order in "<>" if struct.unpack_from(order + "I", data)[0] in _PCAP)
    position = 24
    while position + 16 <= len(data):
        size = struct.unpack_from(order + "I", data, position + 8)[0]
        if position + 16 + size > len(data):
            return
        yield data[position + 16 : position + 16 + size]
        position += 16 + size


def _pcapng(data: bytes) -> Iterator[bytes]:
    order, position, snaps = "<", 0, list[int]()
    while position + 12 <= len(data):
        if int.from_bytes(data[position : position + 4]) == _SECTION:
            order, snaps = "<" if data[position + 8 : position + 12] == b"\x4d\x3c\x2b\x1a" else ">", []
        kind, length = struct.unpack_from(order + "II", data, position)
        body = data[position + 8 : position + length - 4]
        if length < 12 or position + length > len(data):
            return
        if kind == _INTERFACE:
            snaps.append(struct.unpack_from(order + "I", body, 4)[0])
        elif kind in {_ENHANCED, _OLD}:
            size = struct.unpack_from(order + "I", body, 12)[0]
            yield body[20 : 20 + size]
        elif kind == _SIMPLE:
            size = struct.unpack_from(order + "I", body)[0]
            yield body[4 : 4 + min(size, snaps[0] or size)]
        position += length
