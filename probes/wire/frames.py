"""Reading the header of one Ethernet frame: strict, bounded, and enough for a gate to decide.

Sources: IEEE 802.3 clause 3.2, IEEE 802.1Q clause 9, IEEE 802.2 (LLC, SNAP), RFC 826 (ARP), RFC 791 (IPv4),
RFC 8200 (IPv6), RFC 9293 (TCP), RFC 768 (UDP), RFC 792 and RFC 4443 (ICMP), RFC 4861 (ND), RFC 3376 (IGMP).
MAC addresses are text in lower case with colons; lengths are octets. Nothing here raises but `FrameError`.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from probes.wire.options import dhcp_message, dhcpv6_message, routed_by_options

IpAddress = IPv4Address | IPv6Address

ETH_IPV4, ETH_ARP, ETH_IPV6 = 0x0800, 0x0806, 0x86DD
ETH_VLAN, ETH_SERVICE_VLAN, ETH_OLD_QINQ = 0x8100, 0x88A8, 0x9100
ETH_EAPOL, ETH_LLDP = 0x888E, 0x88CC
ETH_LOCAL_EXPERIMENT = 0x88B5
"""IEEE 802-2014 clause 9.2.3: for local experiments, no protocol's own."""
TAGS = (ETH_VLAN, ETH_SERVICE_VLAN, ETH_OLD_QINQ)
ICMP, IGMP, TCP, UDP, ICMPV6 = 1, 2, 6, 17, 58
MAX_TAGS = 4
MAX_EXTENSIONS = 8
DHCP_SERVER, DHCPV6_SERVER = 67, 547

_HOP_BY_HOP, _ROUTING, _FRAGMENT, _DESTINATION, _MOBILITY = 0, 43, 44, 60, 135
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}")
_PLAIN = struct.Struct("!6s6sHBxHxxHBBxx4s4sHH8xBB6x")  # Ethernet, IPv4 without options, TCP
_PLAIN_TCP_AT = 34
_SNAP_KINDS = {
    (b"\x00\x00\x0c", 0x2000): "cdp",
    (b"\x00\x00\x0c", 0x2003): "vtp",
    (b"\x00\x00\x0c", 0x2004): "dtp",
    (b"\x00\x00\x0c", 0x010B): "bpdu",  # per-VLAN spanning tree
}


class FrameError(ValueError):
    """A frame, or text said to be an address, that does not read as what it should be."""


class FrameKind(StrEnum):
    """What a frame carries, as far as a gate distinguishes."""

    ARP = "arp"
    IPV4 = "ipv4"
    IPV6 = "ipv6"
    EAPOL = "eapol"
    LLDP = "lldp"
    BPDU = "bpdu"
    CDP = "cdp"
    VTP = "vtp"
    DTP = "dtp"
    OTHER = "other"


_DHCP = {(FrameKind.IPV4, DHCP_SERVER): dhcp_message, (FrameKind.IPV6, DHCPV6_SERVER): dhcpv6_message}


class VlanTag(NamedTuple):
    """One IEEE 802.1Q tag: identifier 0-4095, priority 0-7, drop eligibility, tag protocol."""

    vid: int
    priority: int = 0
    drop_eligible: bool = False
    protocol: int = ETH_VLAN

    @classmethod
    def from_control(cls, control: int, protocol: int = ETH_VLAN) -> VlanTag:
        """Return the tag for a 16-bit tag control information."""
        return cls(control & 0xFFF, control >> 13, bool(control >> 12 & 1), protocol)

    def pack(self) -> bytes:
        """Return the four octets on the wire; FrameError if a value is out of range."""
        if not (0 <= self.vid <= 0xFFF and 0 <= self.priority <= 7 and self.protocol in TAGS):  # noqa: PLR2004
            raise FrameError(f"no such VLAN tag: {self}")
        control = self.priority << 13 | self.drop_eligible << 12 | self.vid
        return struct.pack("!HH", self.protocol, control)


class ArpFields(NamedTuple):
    """An ARP packet for IPv4 over Ethernet: operation 1 asks, 2 answers."""

    operation: int
    sender_mac: str
    sender_ip: IPv4Address
    target_mac: str
    target_ip: IPv4Address


@dataclass(frozen=True)
class FrameHeader:
    """What the headers of one frame say. None: the frame has no such field.

    ethertype is None for an LLC frame, whose service access points are in llc. protocol is the one after
    IPv6 extension headers. fragment_offset is in octets; a later fragment has no ports. neighbour_target is
    the address that a neighbour solicitation or advertisement is about. eapol_type is that of IEEE 802.1X-2020
    clause 11.3, eap_code that of RFC 3748 §4 (1 request to 4 failure). dhcp_message is the type of a DHCP
    message to a server, of either version (1: DISCOVER, SOLICIT), None also where it does not read.
    """

    destination_mac: str
    source_mac: str
    length: int
    vlans: tuple[VlanTag, ...] = ()
    ethertype: int | None = None
    kind: FrameKind = FrameKind.OTHER
    llc: tuple[int, int] | None = None
    snap: tuple[bytes, int] | None = None
    arp: ArpFields | None = None
    source_ip: IpAddress | None = None
    destination_ip: IpAddress | None = None
    hop_limit: int | None = None
    protocol: int | None = None
    fragment_offset: int = 0
    more_fragments: bool = False
    source_routed: bool = False
    source_port: int | None = None
    destination_port: int | None = None
    tcp_flags: int | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    igmp_type: int | None = None
    neighbour_target: IPv6Address | None = None
    eapol_type: int | None = None
    eap_code: int | None = None
    dhcp_message: int | None = None
    payload_offset: int = field(default=0, compare=False)  # of the transport header, or of the payload

    @property
    def is_group(self) -> bool:
        """Tell whether the destination is a multicast or broadcast address (I/G bit, IEEE 802 clause 8.2)."""
        return bool(int(self.destination_mac[:2], 16) & 1)


def _changed(header: FrameHeader, **changes: object) -> FrameHeader:
    """As dataclasses.replace, which takes a third of the reading of a frame; an audit reads ten thousand of them."""
    new = object.__new__(FrameHeader)
    vars(new).update(vars(header), **changes)
    return new


def mac_bytes(text: str) -> bytes:
    """Return the six octets of a MAC address; FrameError if text is none."""
    if _MAC.fullmatch(text) is None:  # int() and bytes.fromhex() would let spaces and signs pass
        raise FrameError(f"not a MAC address: {text!r}")
    return bytes.fromhex(text.replace(":", ""))


def mac_text(octets: bytes) -> str:
    """Return six octets as text."""
    return octets.hex(":")


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of data."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo_header(source: IpAddress, destination: IpAddress, protocol: int, length: int) -> bytes:
    """Return what the transport checksum covers beside the segment (RFC 9293 §3.1, RFC 8200 §8.1)."""
    if isinstance(source, IPv4Address):
        return source.packed + destination.packed + struct.pack("!BBH", 0, protocol, length)
    return source.packed + destination.packed + struct.pack("!IHBB", length, 0, 0, protocol)


def parse_link(data: bytes, original_length: int | None = None) -> FrameHeader:
    """Read addresses, tags, EtherType or LLC, and nothing above; FrameError if even these are not whole."""
    length = len(data) if original_length is None else original_length
    if len(data) < 14 or length < len(data):  # noqa: PLR2004
        raise FrameError(f"{len(data)} octets of {length} are no Ethernet header")
    position = 12
    tags: list[VlanTag] = []
    while True:
        ethertype = _word(data, position)
        if ethertype not in TAGS:
            break
        if len(tags) == MAX_TAGS:
            raise FrameError(f"more than {MAX_TAGS} VLAN tags")
        tags.append(VlanTag.from_control(_word(data, position + 2), ethertype))
        position += 4
    position += 2
    header = FrameHeader(mac_text(data[:6]), mac_text(data[6:12]), length, vlans=tuple(tags), payload_offset=position)
    if ethertype >= 0x0600:  # noqa: PLR2004 - IEEE 802.3 clause 3.2.6: from here on a type
        kinds = {
            ETH_ARP: FrameKind.ARP,
            ETH_IPV4: FrameKind.IPV4,
            ETH_IPV6: FrameKind.IPV6,
            ETH_EAPOL: FrameKind.EAPOL,
            ETH_LLDP: FrameKind.LLDP,
        }
        return _changed(header, ethertype=ethertype, kind=kinds.get(ethertype, FrameKind.OTHER))
    if ethertype > 1500 or position + ethertype > length:  # noqa: PLR2004 - 802.3: the largest length
        raise FrameError(f"{ethertype} is neither an EtherType nor the length of this frame")
    return _llc(data, position, header)


def parse_header(data: bytes, original_length: int | None = None) -> FrameHeader:
    """Read every header of a frame up to the transport's.

    Args:
        data: the frame from its destination address on, without frame check sequence; it may be cut after
            the headers if original_length gives the length on the wire.
        original_length: octets on the wire; len(data) if not given.

    Raises:
        FrameError: a header is cut, contradicts itself, or is nested deeper than any honest frame's.
    """
    plain = _plain_tcp(data, len(data) if original_length is None else original_length)
    if plain is not None:
        return plain
    header, end = parse_network(data, original_length)
    return header if header.protocol is None else _transport(data, header, end)


def parse_network(data: bytes, original_length: int | None = None) -> tuple[FrameHeader, int]:
    """Read as `parse_header` does, but stop before the transport; return also where the IP packet ends."""
    header = parse_link(data, original_length)
    if header.kind is FrameKind.ARP:
        return _arp(data, header), header.length
    if header.kind is FrameKind.IPV4:
        return _ipv4(data, header)
    if header.kind is FrameKind.IPV6:
        return _ipv6(data, header)
    if header.kind is FrameKind.EAPOL:
        return _eapol(data, header), header.length
    return header, header.length


@lru_cache(maxsize=4096)
def _address(octets: bytes) -> IPv4Address:
    """The address; sweeps read the same few hundred again and again."""
    return IPv4Address(octets)


def _plain_tcp(data: bytes, length: int) -> FrameHeader | None:
    """Read at once what a sweep's frames are: untagged IPv4 without options, TCP. None: else or wrong; read on."""
    if len(data) < _PLAIN.size or length < len(data):
        return None
    destination, source, ethertype, version, total, flags, hops, protocol, *rest = _PLAIN.unpack_from(data)
    from_ip, to_ip, from_port, to_port, offset, tcp_flags = rest
    if (ethertype, version, protocol) != (ETH_IPV4, 0x45, TCP) or flags & 0x3FFF:
        return None
    end, size = _PLAIN_TCP_AT - 20 + total, (offset >> 4) * 4
    if size < 20 or _PLAIN_TCP_AT + size > end or end > length:  # noqa: PLR2004
        return None
    header = object.__new__(FrameHeader)  # a frozen class's own constructor takes as long as all the rest
    vars(header).update(
        destination_mac=destination.hex(":"),
        source_mac=source.hex(":"),
        length=length,
        ethertype=ETH_IPV4,
        kind=FrameKind.IPV4,
        source_ip=_address(from_ip),
        destination_ip=_address(to_ip),
        hop_limit=hops,
        protocol=TCP,
        source_port=from_port,
        destination_port=to_port,
        tcp_flags=tcp_flags,
        payload_offset=_PLAIN_TCP_AT,
    )
    return header


def _word(data: bytes, position: int) -> int:
    if position + 2 > len(data):
        raise FrameError(f"cut at octet {len(data)}, inside a header")
    return data[position] << 8 | data[position + 1]


def _take(data: bytes, position: int, size: int, what: str) -> bytes:
    if position + size > len(data):
        raise FrameError(f"{what} cut at octet {len(data)}")
    return data[position : position + size]


def _llc(data: bytes, position: int, header: FrameHeader) -> FrameHeader:
    destination, source, control = _take(data, position, 3, "LLC header")
    kind, snap = FrameKind.OTHER, None
    if (destination, source) == (0x42, 0x42):
        kind = FrameKind.BPDU
    elif (destination, source, control) == (0xAA, 0xAA, 3):
        octets = _take(data, position + 3, 5, "SNAP header")
        snap = (octets[:3], octets[3] << 8 | octets[4])
        kind = FrameKind(_SNAP_KINDS.get(snap, "other"))
    return _changed(header, llc=(destination, source), snap=snap, kind=kind)


def _eapol(data: bytes, header: FrameHeader) -> FrameHeader:
    kind = _take(data, header.payload_offset, 4, "EAPOL header")[1]
    code = None if kind else _take(data, header.payload_offset + 4, 4, "EAP header")[0]
    return _changed(header, eapol_type=kind, eap_code=code)


def _arp(data: bytes, header: FrameHeader) -> FrameHeader:
    octets = _take(data, header.payload_offset, 28, "ARP packet")
    hardware, protocol, hardware_size, protocol_size, operation = struct.unpack_from("!HHBBH", octets)
    if (hardware, protocol, hardware_size, protocol_size) != (1, ETH_IPV4, 6, 4) or operation not in (1, 2):
        raise FrameError("an ARP packet that is not a request or reply for IPv4 over Ethernet")
    arp = ArpFields(
        operation,
        mac_text(octets[8:14]),
        IPv4Address(octets[14:18]),
        mac_text(octets[18:24]),
        IPv4Address(octets[24:28]),
    )
    return _changed(header, arp=arp)


def _ipv4(data: bytes, header: FrameHeader) -> tuple[FrameHeader, int]:
    start = header.payload_offset
    octets = _take(data, start, 20, "IPv4 header")
    size, total = (octets[0] & 15) * 4, _word(octets, 2)
    if octets[0] >> 4 != 4 or size < 20 or total < size or start + total > header.length:  # noqa: PLR2004
        raise FrameError("an IPv4 header whose version or lengths are wrong")
    options = _take(data, start + 20, size - 20, "IPv4 options")
    flags, routed = _word(octets, 6), routed_by_options(options)
    if routed is None:
        raise FrameError("an IPv4 option of impossible length")
    header = _changed(
        header,
        source_ip=IPv4Address(octets[12:16]),
        destination_ip=IPv4Address(octets[16:20]),
        hop_limit=octets[8],
        protocol=octets[9],
        fragment_offset=(flags & 0x1FFF) * 8,
        more_fragments=bool(flags & 0x2000),
        source_routed=routed,
        payload_offset=start + size,
    )
    return header, start + total


def _ipv6(data: bytes, header: FrameHeader) -> tuple[FrameHeader, int]:
    start = header.payload_offset
    octets = _take(data, start, 40, "IPv6 header")
    end = start + 40 + _word(octets, 4)
    if octets[0] >> 4 != 6 or end > header.length:  # noqa: PLR2004
        raise FrameError("an IPv6 header whose version or length is wrong")
    position, following, offset, more, routed = start + 40, octets[6], 0, False, False
    for _ in range(MAX_EXTENSIONS):
        if following not in (_HOP_BY_HOP, _ROUTING, _FRAGMENT, _DESTINATION, _MOBILITY) or offset:
            break
        extension = _take(data, position, 8, "IPv6 extension header")
        if following == _FRAGMENT:
            word = _word(extension, 2)
            offset, more, size = word & 0xFFF8, bool(word & 1), 8
        else:
            routed, size = routed or following == _ROUTING, 8 + extension[1] * 8
        following, position = extension[0], position + size
        if position > end:
            raise FrameError("an IPv6 extension header that passes the end of its packet")
    else:
        raise FrameError(f"more than {MAX_EXTENSIONS} IPv6 extension headers")
    header = _changed(
        header,
        source_ip=IPv6Address(octets[8:24]),
        destination_ip=IPv6Address(octets[24:40]),
        hop_limit=octets[7],
        protocol=following,
        fragment_offset=offset,
        more_fragments=more,
        source_routed=routed,
        payload_offset=position,
    )
    return header, end


def _transport(data: bytes, header: FrameHeader, end: int) -> FrameHeader:
    """Read the transport header, which must lie before end, the end of the IP packet."""
    if header.fragment_offset:
        return header
    smallest = {TCP: 20, UDP: 8, ICMP: 8, ICMPV6: 8, IGMP: 8}.get(header.protocol or 0, 0)
    start = header.payload_offset
    if start + smallest > end:
        raise FrameError(f"no room for the header of protocol {header.protocol}")
    octets = _take(data, start, smallest, f"header of protocol {header.protocol}")
    if header.protocol == TCP:
        if (octets[12] >> 4) * 4 < 20 or start + (octets[12] >> 4) * 4 > end:  # noqa: PLR2004
            raise FrameError("a TCP header of impossible length")
        ports = struct.unpack_from("!HH", octets)
        return _changed(header, source_port=ports[0], destination_port=ports[1], tcp_flags=octets[13])
    if header.protocol == UDP:
        source, destination, size = struct.unpack_from("!HHH", octets)
        if size < 8 or (start + size > end and not header.more_fragments):  # noqa: PLR2004
            raise FrameError("a UDP header of impossible length")
        read = _DHCP.get((header.kind, destination))
        message = read(data[start + 8 : start + size]) if read else None
        return _changed(header, source_port=source, destination_port=destination, dhcp_message=message)
    if header.protocol == IGMP:
        return _changed(header, igmp_type=octets[0])
    if header.protocol == (ICMP if header.kind is FrameKind.IPV4 else ICMPV6):
        target = None
        if header.protocol == ICMPV6 and octets[0] in (135, 136):
            target = IPv6Address(_take(data, start + 8, 16, "neighbour discovery target"))
        return _changed(header, icmp_type=octets[0], icmp_code=octets[1], neighbour_target=target)
    return header
