"""Reading the answers that exchanges wait for: ARP, neighbour advertisements, echo replies, ICMP errors, TCP, UDP.

Sources: RFC 768, RFC 826, RFC 4861 §7.1.2 and §4.4, RFC 792, RFC 1812 §5.2.7.1 (administrative prohibition),
RFC 4443 §3, RFC 9293 §3.1. Nothing here raises but `FrameError`.
"""

from __future__ import annotations

import struct
from ipaddress import IPv6Address
from typing import NamedTuple

from probes.wire.frames import (
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    FrameError,
    FrameHeader,
    FrameKind,
    IpAddress,
    checksum,
    mac_text,
    parse_header,
    parse_network,
    pseudo_header,
)

_ERRORS_V4 = (3, 11, 12)  # unreachable, time exceeded, parameter problem
_ERRORS_V6 = (1, 2, 3, 4)  # the same and packet too big
_PROHIBITED_V4 = (9, 10, 13)  # network, host, communication administratively prohibited
_PROHIBITED_V6 = (1, 5, 6)  # prohibited, source address failed policy, reject route
_ND_HOP_LIMIT = 255
_ENVELOPE = bytes(12)  # stands for the addresses when an embedded packet is read as a frame


class AddressAnswer(NamedTuple):
    """An ARP reply or a neighbour advertisement: who says to own an address."""

    ip: IpAddress
    mac: str


class EchoReply(NamedTuple):
    """An ICMP or ICMPv6 echo reply."""

    identifier: int
    sequence: int
    payload: bytes


class Embedded(NamedTuple):
    """What an ICMP error quotes of the packet that it is about; as much as it quotes."""

    source_ip: IpAddress
    destination_ip: IpAddress
    protocol: int
    first: int  # source port, or echo identifier
    second: int  # destination port, or echo sequence
    tcp_sequence: int | None


class IcmpError(NamedTuple):
    """An ICMP or ICMPv6 error; prohibited where its code says that a filter refused."""

    version: int
    type: int
    code: int
    reporter: IpAddress
    prohibited: bool
    embedded: Embedded


class TcpSegment(NamedTuple):
    """A TCP header."""

    source_port: int
    destination_port: int
    sequence: int
    acknowledgement: int
    flags: int


class UdpDatagram(NamedTuple):
    """The ports of a datagram; what it says is somebody else's to read."""

    source_port: int
    destination_port: int


Answer = AddressAnswer | EchoReply | IcmpError | TcpSegment | UdpDatagram


def parse_answer(data: bytes, *, verify: bool = True) -> tuple[FrameHeader, Answer | None]:
    """Read a received frame; None in place of the answer if it is of no kind that an exchange waits for.

    Args:
        data: the whole frame, tag included.
        verify: check the ICMP, TCP and UDP checksums; False for a frame whose sender left them to its adapter.

    Raises:
        FrameError: a header or a checksum is wrong.
    """
    header = parse_header(data)
    if header.arp is not None:
        reply = header.arp.operation == 2  # noqa: PLR2004
        return header, AddressAnswer(header.arp.sender_ip, header.arp.sender_mac) if reply else None
    if header.source_ip is None or header.fragment_offset or header.more_fragments:
        return header, None
    return header, _transport_answer(header, data[header.payload_offset : _end(data, header)], verify=verify)


def _transport_answer(header: FrameHeader, message: bytes, *, verify: bool) -> Answer | None:
    if header.protocol == TCP:
        _verify(header, message, covered=True, wanted=verify)
        return TcpSegment(*struct.unpack_from("!HHIIxB", message))
    if header.protocol == UDP:
        source, destination, _, total = struct.unpack_from("!HHHH", message)
        _verify(header, message, covered=True, wanted=verify and total != 0)  # 0 over IPv4: none was made (RFC 768)
        return UdpDatagram(source, destination)
    if header.protocol == ICMP and header.kind is FrameKind.IPV4:
        _verify(header, message, covered=False, wanted=verify)
        return _icmp(header, message, 0, _ERRORS_V4)
    if header.protocol == ICMPV6 and header.kind is FrameKind.IPV6:
        _verify(header, message, covered=True, wanted=verify)
        if header.icmp_type == 136:  # noqa: PLR2004 - neighbour advertisement
            return _advertisement(header, message)
        return _icmp(header, message, 129, _ERRORS_V6)
    return None


def _end(data: bytes, header: FrameHeader) -> int:
    """Return where the IP packet ends; behind it is padding."""
    start = 14 + 4 * len(header.vlans)
    if header.kind is FrameKind.IPV4:
        return start + int.from_bytes(data[start + 2 : start + 4])
    return start + 40 + int.from_bytes(data[start + 4 : start + 6])


def _verify(header: FrameHeader, message: bytes, *, covered: bool, wanted: bool) -> None:
    """Raise FrameError if the checksum, with the pseudo header where covered, is wrong."""
    if not wanted:
        return
    head = b""
    if covered and header.source_ip is not None and header.destination_ip is not None:
        head = pseudo_header(header.source_ip, header.destination_ip, header.protocol or 0, len(message))
    if checksum(head + message):
        raise FrameError("a wrong transport checksum")


def _icmp(header: FrameHeader, message: bytes, reply: int, errors: tuple[int, ...]) -> EchoReply | IcmpError | None:
    kind, code = message[0], message[1]
    if kind == reply:
        identifier, sequence = struct.unpack_from("!HH", message, 4)
        return EchoReply(identifier, sequence, message[8:])
    if kind not in errors or header.source_ip is None:
        return None
    version = header.source_ip.version
    prohibited = (kind == 3 and code in _PROHIBITED_V4) if version == 4 else (kind == 1 and code in _PROHIBITED_V6)  # noqa: PLR2004
    return IcmpError(version, kind, code, header.source_ip, prohibited, _embedded(message[8:], version))


def _embedded(quoted: bytes, version: int) -> Embedded:
    """Read the quoted packet, of which 8 octets behind the IP header are enough (RFC 792)."""
    ethertype = b"\x08\x00" if version == 4 else b"\x86\xdd"  # noqa: PLR2004
    offset = 2 if version == 4 else 4  # noqa: PLR2004
    stated = int.from_bytes(quoted[offset : offset + 2]) + (0 if version == 4 else 40)  # noqa: PLR2004
    frame = _ENVELOPE + ethertype + quoted
    header, _ = parse_network(frame, max(len(frame), 14 + stated))  # cut is right here: routers quote a part
    if header.source_ip is None or header.destination_ip is None or header.fragment_offset:
        raise FrameError("an ICMP error about a later fragment")
    start = header.payload_offset
    if len(frame) < start + 8:
        raise FrameError("an ICMP error that quotes less than 8 octets of the transport header")
    skip = 0 if header.protocol in (TCP, UDP) else 4
    first, second = struct.unpack_from("!HH", frame, start + skip)
    sequence = struct.unpack_from("!I", frame, start + 4)[0] if header.protocol == TCP else None
    return Embedded(header.source_ip, header.destination_ip, header.protocol or 0, first, second, sequence)


def _advertisement(header: FrameHeader, message: bytes) -> AddressAnswer | None:
    """Read a neighbour advertisement with the target's link-layer address; None without one."""
    if header.hop_limit != _ND_HOP_LIMIT or header.icmp_code != 0 or len(message) < 24:  # noqa: PLR2004
        raise FrameError("a neighbour advertisement from beyond the link, or cut")
    position = 24
    while position + 8 <= len(message):
        size = message[position + 1] * 8
        if size == 0 or position + size > len(message):
            raise FrameError("a neighbour discovery option of impossible length")
        if message[position] == 2:  # noqa: PLR2004 - target link-layer address
            return AddressAnswer(IPv6Address(message[8:24]), mac_text(message[position + 2 : position + 8]))
        position += size
    return None
