"""One router solicitation without an address of ours, and reading an advertisement.

Sources: RFC 4861 §4.1 (from the unspecified address, hence without our link-layer address: nothing has to be claimed
first), §4.2, §4.6.2, §6.1.2. Nothing here raises but :class:`RouterError`.
"""

from __future__ import annotations

import struct
from ipaddress import IPv6Address, IPv6Network

from probes.wire.build import ALL_ROUTERS, Link, multicast_mac, packet
from probes.wire.frames import ICMPV6, checksum, pseudo_header

SOLICITATION, ADVERTISEMENT = 133, 134
HOP_LIMIT = 255
MAX_PREFIXES = 16
_HEADER, _PREFIX_OPTION, _PREFIX_SIZE = 16, 3, 32
_NOBODY = IPv6Address(0)


class RouterError(ValueError):
    """Octets that are no router advertisement."""


def solicitation(source: str) -> bytes:
    """The frame that asks all routers of the link."""
    message = struct.pack("!BBHI", SOLICITATION, 0, 0, 0)
    total = checksum(pseudo_header(_NOBODY, ALL_ROUTERS, ICMPV6, len(message)) + message)
    message = message[:2] + struct.pack("!H", total) + message[4:]
    return packet(Link(source, multicast_mac(ALL_ROUTERS)), _NOBODY, ALL_ROUTERS, ICMPV6, message, HOP_LIMIT)


def parse_prefixes(message: bytes) -> tuple[IPv6Network, ...]:
    """The prefixes of an advertisement, from its ICMPv6 header on; the first ``MAX_PREFIXES``.

    Raises:
        RouterError: cut, or an option of impossible length.
    """
    if len(message) < _HEADER or message[0] != ADVERTISEMENT or message[1]:
        raise RouterError("no router advertisement")
    found: list[IPv6Network] = []
    position = _HEADER
    while position < len(message) and len(found) < MAX_PREFIXES:
        size = message[position + 1] * 8 if position + 1 < len(message) else 0
        if not size or position + size > len(message):
            raise RouterError("an option of impossible length")
        if message[position] == _PREFIX_OPTION and size == _PREFIX_SIZE:
            length = message[position + 2]
            if length > 128:  # noqa: PLR2004 - bits of an address
                raise RouterError(f"a prefix of {length} bits")
            found.append(IPv6Network((message[position + 16 : position + 32], length), strict=False))
        position += size
    return tuple(found)
