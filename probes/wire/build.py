"""Frame templates: whole frames, padded and with correct checksums, ready for `Wire.send`.

Sources: RFC 826 (ARP), RFC 792 (ICMP echo), RFC 4443 §4 (ICMPv6 echo), RFC 4861 §4.1 and §4.3 (RS, NS),
RFC 9293 §3.1 (TCP), RFC 768 (UDP), RFC 2464 (IPv6 over Ethernet). `FrameError` where a value is out of range.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from probes.wire.frames import (
    ETH_ARP,
    ETH_IPV4,
    ETH_IPV6,
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    FrameError,
    IpAddress,
    VlanTag,
    checksum,
    mac_bytes,
    pseudo_header,
)

BROADCAST = "ff:ff:ff:ff:ff:ff"
ALL_ROUTERS = IPv6Address("ff02::2")
SYN, RST, ACK, FIN = 0x02, 0x04, 0x10, 0x01
_MINIMUM = 60  # octets without the frame check sequence, IEEE 802.3 clause 3.2.8
_MSS_OPTION = struct.pack("!BBH", 2, 4, 1220)  # fits a path of 1280 octets, IPv6's smallest
_WINDOW = 64240


class Link(NamedTuple):
    """The Ethernet envelope: addresses, and the tags from the outermost in."""

    source: str
    destination: str
    vlans: tuple[VlanTag, ...] = ()


def ethernet(link: Link, ethertype: int, payload: bytes) -> bytes:
    """Return payload in its envelope, padded to the smallest frame."""
    tags = b"".join(tag.pack() for tag in link.vlans)
    head = mac_bytes(link.destination) + mac_bytes(link.source) + tags + _pack("!H", ethertype)
    return (head + payload).ljust(_MINIMUM, b"\0")


def arp_request(
    source_mac: str,
    source_ip: IPv4Address,
    target_ip: IPv4Address,
    vlans: Sequence[VlanTag] = (),
    *,
    destination: str = BROADCAST,
) -> bytes:
    """Return a question for the owner of target_ip, to all or to one station (RFC 1122 §2.3.2.1)."""
    packet = _pack("!HHBBH", 1, ETH_IPV4, 6, 4, 1) + mac_bytes(source_mac) + source_ip.packed
    packet += bytes(6) + target_ip.packed
    return ethernet(Link(source_mac, destination, tuple(vlans)), ETH_ARP, packet)


def packet(
    link: Link, source: IpAddress, destination: IpAddress, protocol: int, payload: bytes, hop_limit: int = 64
) -> bytes:
    """Return an IPv4 packet (don't fragment) or an IPv6 packet around payload, in its envelope."""
    if source.version != destination.version:
        raise FrameError(f"{source} and {destination} are of different versions")
    if isinstance(source, IPv6Address):
        head = _pack("!IHBB", 6 << 28, len(payload), protocol, hop_limit) + source.packed + destination.packed
        return ethernet(link, ETH_IPV6, head + payload)
    head = _pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, hop_limit, protocol, 0)
    head += source.packed + destination.packed
    head = head[:10] + _pack("!H", checksum(head)) + head[12:]
    return ethernet(link, ETH_IPV4, head + payload)


def icmp_echo(
    link: Link,
    source: IpAddress,
    destination: IpAddress,
    *,
    identifier: int,
    sequence: int,
    payload: bytes = b"",
    hop_limit: int = 64,
) -> bytes:
    """Return an ICMP or ICMPv6 echo request, after the version of the addresses."""
    fields = _pack("!HH", identifier, sequence) + payload
    if isinstance(source, IPv6Address):
        return _icmpv6(link, source, destination, 128, fields, hop_limit)
    message = _pack("!BBH", 8, 0, 0) + fields
    message = message[:2] + _pack("!H", checksum(message)) + message[4:]
    return packet(link, source, destination, ICMP, message, hop_limit)


def neighbour_solicitation(
    source_mac: str,
    source_ip: IPv6Address,
    target_ip: IPv6Address,
    vlans: Sequence[VlanTag] = (),
    *,
    destination: str | None = None,
) -> bytes:
    """Return a question for the owner of target_ip, to its group or to one station (RFC 4861 §7.3.3)."""
    asked = solicited_node(target_ip) if destination is None else target_ip
    fields = bytes(4) + target_ip.packed + b"\x01\x01" + mac_bytes(source_mac)
    link = Link(source_mac, destination or multicast_mac(asked), tuple(vlans))
    return _icmpv6(link, source_ip, asked, 135, fields, 255)


def router_solicitation(source_mac: str, source_ip: IPv6Address, vlans: Sequence[VlanTag] = ()) -> bytes:
    """Return a question to all routers of the link."""
    fields = bytes(4) + b"\x01\x01" + mac_bytes(source_mac)
    link = Link(source_mac, multicast_mac(ALL_ROUTERS), tuple(vlans))
    return _icmpv6(link, source_ip, ALL_ROUTERS, 133, fields, 255)


def tcp(  # noqa: PLR0913 - the fields of one segment
    link: Link,
    source: IpAddress,
    destination: IpAddress,
    *,
    source_port: int,
    destination_port: int,
    sequence: int,
    acknowledgement: int = 0,
    flags: int = SYN,
    hop_limit: int = 64,
) -> bytes:
    """Return a segment without data; a SYN carries the MSS option, without which some stacks do not answer."""
    options = _MSS_OPTION if flags & SYN else b""
    offset = (20 + len(options)) // 4 << 4
    window = _WINDOW if flags & SYN else 0
    ports = _pack("!HHII", source_port, destination_port, sequence, acknowledgement)
    segment = ports + _pack("!BBHHH", offset, flags, window, 0, 0) + options
    total = checksum(pseudo_header(source, destination, TCP, len(segment)) + segment)
    segment = segment[:16] + _pack("!H", total) + segment[18:]
    return packet(link, source, destination, TCP, segment, hop_limit)


def udp(
    link: Link,
    source: IpAddress,
    destination: IpAddress,
    *,
    source_port: int,
    destination_port: int,
    payload: bytes,
    hop_limit: int = 64,
) -> bytes:
    """Return a datagram; a checksum of zero is sent as all ones (RFC 768)."""
    head = _pack("!HHHH", source_port, destination_port, 8 + len(payload), 0)
    total = checksum(pseudo_header(source, destination, UDP, 8 + len(payload)) + head + payload) or 0xFFFF
    return packet(link, source, destination, UDP, head[:6] + _pack("!H", total) + payload, hop_limit)


def solicited_node(address: IPv6Address) -> IPv6Address:
    """Return the solicited-node group of an address (RFC 4291 §2.7.1)."""
    return IPv6Address(IPv6Address("ff02::1:ff00:0").packed[:13] + address.packed[13:])


def multicast_mac(group: IPv6Address) -> str:
    """Return the Ethernet group of an IPv6 group (RFC 2464 §7)."""
    return (b"\x33\x33" + group.packed[12:]).hex(":")


def _icmpv6(link: Link, source: IPv6Address, destination: IpAddress, kind: int, fields: bytes, hops: int) -> bytes:
    message = _pack("!BBH", kind, 0, 0) + fields
    total = checksum(pseudo_header(source, destination, ICMPV6, len(message)) + message)
    return packet(link, source, destination, ICMPV6, message[:2] + _pack("!H", total) + message[4:], hops)


def _pack(layout: str, *values: int) -> bytes:
    try:
        return struct.pack(layout, *values)
    except struct.error as error:
        raise FrameError(f"a field is out of range: {error}") from error
