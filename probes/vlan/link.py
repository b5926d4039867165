"""The point's own interface, asked of the kernel: rtnetlink for link and addresses, ethtool for speed and duplex.

Not read from ``/sys/class/net``: that directory shows the network namespace of whoever mounted it, which need not be
the one that this program lives in. Nothing here sends a frame or needs a privilege. Sources: rtnetlink(7),
linux/if_link.h, linux/if_addr.h, linux/ethtool.h (ETHTOOL_GSET).
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import socket
import struct
import sys
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal

from probes.vlan.facts import OwnAddress

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_LINK = struct.Struct("=BxHiII")  # ifinfomsg: family, type, index, flags, change
_ADDRESS = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefix length, flags, scope, index
_ATTRIBUTE = struct.Struct("=HH")  # rtattr: length, type
_NEWLINK, _GETLINK, _NEWADDR, _GETADDR = 16, 18, 20, 22
_ERROR, _DONE = 2, 3
_REQUEST, _DUMP = 0x1, 0x300
_IFLA_ADDRESS, _IFLA_MTU, _IFLA_CARRIER, _IFLA_CARRIER_DOWN_COUNT = 1, 4, 33, 48
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_TYPE_MASK = 0x3FFF  # NLA_TYPE_MASK: the two upper bits are flags
_IFF_UP = 0x1
_RECEIVE = 1 << 18
_SIOCETHTOOL, _ETHTOOL_GSET = 0x8946, 0x1
_SETTINGS = struct.Struct("=III H BBBBBB II H 14x")  # struct ethtool_cmd
_UNKNOWN_SPEED = (0, 0xFFFF, 0xFFFFFFFF)
_DUPLEX: dict[int, Literal["half", "full"]] = {0: "half", 1: "full"}


class NoInterface(Exception):
    """There is no interface of this name in this network namespace."""


@dataclass(frozen=True, slots=True)
class Link:
    """An interface as the kernel has it; ``carrier_downs`` counts the losses of its link since it was made."""

    index: int
    up: bool
    carrier: bool
    carrier_downs: int
    mtu: int
    mac: str


def read_link(name: str) -> Link:
    """The state of an interface.

    Raises:
        NoInterface: there is none of this name.
    """
    index = _index(name)
    for kind, payload in _ask(_GETLINK, 0, _LINK.pack(0, 0, index, 0, 0), name):
        if kind == _NEWLINK:
            _, _, _, flags, _ = _LINK.unpack_from(payload)
            attributes = _attributes(payload[_LINK.size :])
            return Link(
                index=index,
                up=bool(flags & _IFF_UP),
                carrier=bool(attributes.get(_IFLA_CARRIER, b"\0")[0]),
                carrier_downs=int.from_bytes(attributes.get(_IFLA_CARRIER_DOWN_COUNT, b""), sys.byteorder),
                mtu=int.from_bytes(attributes.get(_IFLA_MTU, b""), sys.byteorder),
                mac=attributes.get(_IFLA_ADDRESS, b"").hex(":"),
            )
    raise NoInterface(name)


def read_addresses(name: str) -> tuple[OwnAddress, ...]:
    """The addresses of an interface, link-local ones included, in the kernel's order.

    Raises:
        NoInterface: there is none of this name.
    """
    index = _index(name)
    found: list[OwnAddress] = []
    for kind, payload in _ask(_GETADDR, _DUMP, _ADDRESS.pack(0, 0, 0, 0, 0), name):
        if kind != _NEWADDR:
            continue
        _, length, _, _, owner = _ADDRESS.unpack_from(payload)
        attributes = _attributes(payload[_ADDRESS.size :])
        octets = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)  # IFA_ADDRESS is the peer's on a tunnel
        if owner == index and octets:
            found.append(OwnAddress(address=ip_address(octets), prefix_length=length))
    return tuple(found)


def read_speed(name: str) -> tuple[int | None, Literal["full", "half"] | None]:
    """Speed in Mbit/s and duplex; None for what the driver does not say."""
    block = array.array("B", _SETTINGS.pack(_ETHTOOL_GSET, *(0,) * 12))
    # A question to the kernel about our own interface: no packet, hence no gate.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:  # noqa: TID251
        asked = struct.pack("16sP", name.encode(), block.buffer_info()[0])
        try:
            fcntl.ioctl(handle, _SIOCETHTOOL, asked)
        except OSError as error:
            if error.errno in {errno.EOPNOTSUPP, errno.EINVAL, errno.ENODEV, errno.EPERM}:
                return None, None
            raise
    values = _SETTINGS.unpack(block.tobytes())
    speed = values[3] | values[12] << 16
    return (None if speed in _UNKNOWN_SPEED else speed), _DUPLEX.get(values[4])


def _index(name: str) -> int:
    try:
        return socket.if_nametoindex(name)
    except OSError as error:
        raise NoInterface(name) from error


def _ask(kind: int, flags: int, body: bytes, name: str) -> Iterator[tuple[int, bytes]]:
    """Send one request and yield the messages of its answer; one message suffices without the dump flag."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as handle:  # noqa: TID251 - local to the kernel
        handle.bind((0, 0))
        handle.send(_HEADER.pack(_HEADER.size + len(body), kind, _REQUEST | flags, 1, 0) + body)
        while True:
            data = handle.recv(_RECEIVE)
            position = 0
            while position + _HEADER.size <= len(data):
                length, found, _, _, _ = _HEADER.unpack_from(data, position)
                payload = data[position + _HEADER.size : position + length]
                position += (length + 3) & ~3
                if found == _DONE:
                    return
                if found == _ERROR:
                    _raise(-int.from_bytes(payload[:4], sys.byteorder, signed=True), name)
                yield found, payload
            if not flags & _DUMP:
                return


def _raise(number: int, name: str) -> None:
    if number == errno.ENODEV:
        raise NoInterface(name)
    raise OSError(number, os.strerror(number), name)


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
