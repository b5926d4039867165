"""The point's own interface, asked of the kernel: link, IPv6 addresses with their flags, and what it makes of an RA.

Sources: rtnetlink(7), linux/if_addr.h, linux/if_link.h, Documentation/networking/ip-sysctl. No frame is sent and no
privilege needed. ``/proc/sys/net`` and netlink show the network namespace of the process that asks.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING

from probes.ipv6.facts import OwnAddress, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_LINK = struct.Struct("=BxHiII")  # ifinfomsg: family, type, index, flags, change
_ADDRESS = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefix length, flags, scope, index
_ATTRIBUTE = struct.Struct("=HH")  # rtattr: length, type
_CACHE = struct.Struct("=II")  # ifa_cacheinfo: preferred, valid, and two that are not needed
_NEWLINK, _GETLINK, _NEWADDR, _GETADDR = 16, 18, 20, 22
_ERROR, _DONE = 2, 3
_REQUEST, _DUMP = 0x1, 0x300
_IFLA_ADDRESS, _IFLA_CARRIER, _IFLA_CARRIER_DOWN_COUNT = 1, 33, 48
_IFA_ADDRESS, _IFA_LOCAL, _IFA_CACHEINFO, _IFA_FLAGS, _IFA_PROTO = 1, 2, 6, 8, 11
_TYPE_MASK = 0x3FFF  # NLA_TYPE_MASK: the two upper bits are flags
_IFF_UP = 0x1
_RECEIVE = 1 << 18
_CONF = Path("/proc/sys/net/ipv6/conf")


class NoInterface(Exception):
    """There is no interface of this name in this network namespace."""


@dataclass(frozen=True, slots=True)
class Link:
    """An interface as the kernel has it; ``carrier_downs`` counts the losses of its link since it was made."""

    up: bool
    carrier: bool
    carrier_downs: int
    mac: str


def read_link(name: str) -> Link:
    """The state of an interface.

    Raises:
        NoInterface: there is none of this name.
    """
    index = _index(name)
    for found, link in _links(0, index):
        if found == index:
            return link
    raise NoInterface(name)


def own_macs() -> frozenset[str]:
    """The MAC addresses of all interfaces of this machine: what they send is not the building's."""
    return frozenset(link.mac for _, link in _links(_DUMP, 0) if link.mac)


def read_addresses(name: str) -> tuple[OwnAddress, ...]:
    """The IPv6 addresses of an interface, in the kernel's order.

    Raises:
        NoInterface: there is none of this name.
    """
    index = _index(name)
    found: list[OwnAddress] = []
    for payload in _ask(_GETADDR, _NEWADDR, _DUMP, _ADDRESS.pack(socket.AF_INET6, 0, 0, 0, 0)):
        family, length, flags, _, owner = _ADDRESS.unpack_from(payload)
        attributes = _attributes(payload[_ADDRESS.size :])
        octets = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)  # IFA_ADDRESS is the peer's on a tunnel
        if owner != index or family != socket.AF_INET6 or not octets:
            continue
        cache = attributes.get(_IFA_CACHEINFO, b"")
        preferred, valid = _CACHE.unpack_from(cache) if len(cache) >= _CACHE.size else (None, None)
        protocol = attributes.get(_IFA_PROTO)
        found.append(
            OwnAddress(
                address=IPv6Address(octets),
                prefix_length=length,
                flags=int.from_bytes(attributes.get(_IFA_FLAGS, bytes([flags])), sys.byteorder),
                protocol=protocol[0] if protocol else None,
                valid_s=valid,
                preferred_s=preferred,
            )
        )
    return tuple(found)


def read_settings(name: str) -> Settings:
    """What the kernel does with router advertisements on an interface.

    Raises:
        NoInterface: there is none of this name, or it has no IPv6 at all.
    """

    def value(key: str) -> int:
        try:
            return int((_CONF / name / key).read_text())
        except FileNotFoundError as error:
            raise NoInterface(name) from error

    return Settings(
        disabled=bool(value("disable_ipv6")),
        accept_ra=value("accept_ra"),
        accept_prefix=bool(value("accept_ra_pinfo")),
        autoconf=bool(value("autoconf")),
        forwarding=bool(value("forwarding")),
    )


def _index(name: str) -> int:
    try:
        return socket.if_nametoindex(name)
    except OSError as error:
        raise NoInterface(name) from error


def _links(flags: int, index: int) -> Iterator[tuple[int, Link]]:
    for payload in _ask(_GETLINK, _NEWLINK, flags, _LINK.pack(0, 0, index, 0, 0)):
        _, _, found, state, _ = _LINK.unpack_from(payload)
        attributes = _attributes(payload[_LINK.size :])
        yield (
            found,
            Link(
                up=bool(state & _IFF_UP),
                carrier=bool(attributes.get(_IFLA_CARRIER, b"\0")[0]),
                carrier_downs=int.from_bytes(attributes.get(_IFLA_CARRIER_DOWN_COUNT, b""), sys.byteorder),
                mac=attributes.get(_IFLA_ADDRESS, b"").hex(":"),
            ),
        )


def _ask(kind: int, wanted: int, flags: int, body: bytes) -> Iterator[bytes]:
    """Send one request and yield the bodies of the wanted messages; one suffices without the dump flag."""
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
                    _raise(-int.from_bytes(payload[:4], sys.byteorder, signed=True))
                if found == wanted:
                    yield payload
            if not flags & _DUMP:
                return


def _raise(number: int) -> None:
    if number == errno.ENODEV:
        raise NoInterface
    raise OSError(number, os.strerror(number))


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
