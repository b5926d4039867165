"""One DHCPDISCOVER, and reading an OFFER. No REQUEST is ever sent: nothing is leased.

Sources: RFC 2131 §2 (format), §4.1 (ports, broadcast bit), RFC 2132 §3.3, §3.5, §9.6, §9.7. Nothing here raises but
:class:`DhcpError`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from probes.wire.build import BROADCAST, Link, udp
from probes.wire.frames import mac_bytes

SERVER_PORT, CLIENT_PORT = 67, 68
DISCOVER, OFFER = 1, 2
_FIXED = struct.Struct("!BBBBIHH4s4s4s4s16s64x128x4s")
_COOKIE = b"\x63\x82\x53\x63"
_BROADCAST_BIT = 0x8000  # we have no address yet: the answer comes to all
_MASK, _ROUTER, _TYPE, _SERVER, _PARAMETERS, _END = 1, 3, 53, 54, 55, 255


class DhcpError(ValueError):
    """Octets that are no DHCP message."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An address offered; what the server left out is None."""

    address: IPv4Address
    prefix_length: int | None
    router: IPv4Address | None
    server: IPv4Address | None


def discover(source: str, transaction: int) -> bytes:
    """The frame that asks every DHCP server for an offer."""
    nobody = bytes(4)
    head = _FIXED.pack(
        1, 1, 6, 0, transaction, 0, _BROADCAST_BIT, nobody, nobody, nobody, nobody, mac_bytes(source), _COOKIE
    )
    options = bytes([_TYPE, 1, DISCOVER, _PARAMETERS, 2, _MASK, _ROUTER, _END])
    return udp(
        Link(source, BROADCAST),
        IPv4Address(0),
        IPv4Address("255.255.255.255"),
        source_port=CLIENT_PORT,
        destination_port=SERVER_PORT,
        payload=(head + options).ljust(300, b"\0"),  # RFC 1542 §2.1: the shortest that old relays pass
    )


def parse_offer(payload: bytes, transaction: int, mac: str) -> Offer | None:
    """Read a datagram from a DHCP server; None where it is no offer to us.

    Raises:
        DhcpError: cut, or an option that passes the end.
    """
    if len(payload) < _FIXED.size:
        raise DhcpError(f"{len(payload)} octets are no DHCP message")
    operation, _, size, _, number, _, _, _, address, _, _, hardware, cookie = _FIXED.unpack_from(payload)
    if cookie != _COOKIE:
        raise DhcpError("a BOOTP message without DHCP's cookie")
    options = _options(payload[_FIXED.size :])
    ours = (operation, number, size, hardware[:6]) == (2, transaction, 6, mac_bytes(mac))
    if not ours or options.get(_TYPE) != bytes([OFFER]):
        return None
    mask = options.get(_MASK)
    return Offer(IPv4Address(address), _length(mask), _first(options.get(_ROUTER)), _first(options.get(_SERVER)))


def _options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    position = 0
    while position < len(data) and data[position] != _END:
        if data[position] == 0:
            position += 1
            continue
        size = data[position + 1] if position + 1 < len(data) else 0
        value = data[position + 2 : position + 2 + size]
        if position + 1 >= len(data) or len(value) != size:
            raise DhcpError("an option that passes the end")
        found.setdefault(data[position], value)
        position += 2 + size
    return found


def _first(value: bytes | None) -> IPv4Address | None:
    return IPv4Address(value[:4]) if value and len(value) >= 4 else None  # noqa: PLR2004 - octets of an address


def _length(mask: bytes | None) -> int | None:
    """Prefix length of a subnet mask; None where it is missing or has holes."""
    if mask is None or len(mask) != 4:  # noqa: PLR2004 - octets of a mask
        return None
    bits = f"{int.from_bytes(mask):032b}"
    return None if "01" in bits else bits.count("1")
