"""The point's own link, asked of the kernel by rtnetlink: no frame, no privilege.

Not read from ``/sys/class/net``, which shows the network namespace of whoever mounted it. Sources: rtnetlink(7),
linux/if_link.h.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from dataclasses import dataclass

_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_LINK = struct.Struct("=BxHiII")  # ifinfomsg: family, type, index, flags, change
_ATTRIBUTE = struct.Struct("=HH")  # rtattr: length, type
_NEWLINK, _GETLINK, _ERROR, _REQUEST = 16, 18, 2, 1
_IFLA_CARRIER, _IFLA_CARRIER_DOWN_COUNT = 33, 48
_TYPE_MASK = 0x3FFF  # NLA_TYPE_MASK: the two upper bits are flags
_IFF_UP = 0x1


class NoInterface(Exception):
    """There is no interface of this name in this network namespace."""


@dataclass(frozen=True, slots=True)
class Link:
    """``carrier_downs`` counts the losses of the link since the interface was made."""

    up: bool
    carrier: bool
    carrier_downs: int


def read_link(name: str) -> Link:
    """The state of an interface.

    Raises:
        NoInterface: there is none of this name. OSError: the kernel refuses.
    """
    try:
        index = socket.if_nametoindex(name)
    except OSError as error:
        raise NoInterface(name) from error
    body = _LINK.pack(0, 0, index, 0, 0)
    # A question to the kernel about our own interface: no packet, hence no gate.
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as handle:  # noqa: TID251
        handle.send(_HEADER.pack(_HEADER.size + len(body), _GETLINK, _REQUEST, 1, 0) + body)
        data = handle.recv(1 << 18)
    _, kind, _, _, _ = _HEADER.unpack_from(data)
    if kind == _ERROR:
        number = -int.from_bytes(data[_HEADER.size : _HEADER.size + 4], sys.byteorder, signed=True)
        raise OSError(number, os.strerror(number), name)
    if kind != _NEWLINK:
        raise NoInterface(name)
    _, _, _, flags, _ = _LINK.unpack_from(data, _HEADER.size)
    found = _attributes(data[_HEADER.size + _LINK.size :])
    downs = int.from_bytes(found.get(_IFLA_CARRIER_DOWN_COUNT, b""), sys.byteorder)
    return Link(bool(flags & _IFF_UP), bool(found.get(_IFLA_CARRIER, b"\0")[0]), downs)


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    position = 0
    while position + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, position)
        if length < _ATTRIBUTE.size:
            break
        found[kind & _TYPE_MASK] = data[position + _ATTRIBUTE.size : position + length]
        position += (length + 3) & ~3
    return found
