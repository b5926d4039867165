"""What may be kept of a frame: its headers, and the whole of the few protocols that carry no secret.

The rule names what is kept, never what is removed: a payload that nobody thought of is removed. Kept octets are a
prefix of the frame, so that no filler can be taken for what was sent; inside it, transport checksums of what was removed
and the TCP options that may hold a digest are zeros. A checksum of an unknown payload would be sixteen bits about it.

Sources: RFC 793 and RFC 5925 (TCP options), RFC 8446 5.1 and 4 (TLS records and handshakes), RFC 3748 4 (EAP),
IEEE 802.1X-2020 11.3, RFC 4861 4 (ND), RFC 3810 5 (MLD), RFC 3376 4 (IGMP), IEEE 802.1AB 8 (LLDP), RFC 2131 2 (DHCP),
RFC 8415 8 (DHCPv6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.wire.frames import (
    DHCP_SERVER,
    DHCPV6_SERVER,
    ICMP,
    ICMPV6,
    IGMP,
    TCP,
    UDP,
    FrameError,
    FrameKind,
    parse_header,
    parse_link,
)

if TYPE_CHECKING:
    from probes.wire.frames import FrameHeader

_NAMES = {
    21: "ftp", 22: "ssh", 23: "telnet", 25: "smtp", 53: "dns", 67: "dhcp", 68: "dhcp", 80: "http", 123: "ntp",
    161: "snmp", 162: "snmp", 443: "https", 502: "modbus", 514: "syslog", 546: "dhcpv6",
    547: "dhcpv6", 554: "rtsp", 1812: "radius", 1813: "radius",
    1883: "mqtt", 3671: "knx", 5060: "sip", 5353: "mdns", 8080: "http", 8883: "mqtts", 47808: "bacnet",
}  # fmt: skip
"""To say what was removed, and for nothing else: no port is kept, or removed, for its number."""
_PLAIN_OPTIONS = {0, 1, 2, 3, 4, 5, 8}
"""TCP: end, padding, segment size, window scale, selective acknowledgement, time stamps."""
_ERRORS_AND_ECHOES = {
    FrameKind.IPV4: {0, 3, 5, 8, 11, 12},
    FrameKind.IPV6: {1, 2, 3, 4, 128, 129},
}
_NEIGHBOUR_DISCOVERY, _LISTENERS, _REDIRECT = range(133, 137), {130, 131, 132, 143}, 137
_REDIRECT_FIXED = 40
"""Octets: what comes after them in a redirect quotes a packet."""
_DHCP_FIXED = {DHCP_SERVER: 44, DHCPV6_SERVER: 4}
"""Octets of a message to a server: up to the client's address; type and transaction (RFC 8415 §8)."""
_IGMP_REPORT = 0x22
_TLS_TYPES, _HANDSHAKE, _TLS_LONGEST = range(20, 24), 22, 16384 + 2048
_CHECKSUMS = {ICMP: 2, IGMP: 2, TCP: 16, UDP: 6, ICMPV6: 2}
"""Where the checksum is in a header that is kept without what it covers."""
_ETHERNET = 14


@dataclass(frozen=True, slots=True)
class Redacted:
    """The octets of a frame that may be kept, and what was removed: empty where nothing was."""

    data: bytes
    removed: str = ""


def redact(data: bytes, original_length: int | None = None) -> Redacted:
    """Keep what holds no secret of a frame, which may be cut if original_length gives its length on the wire.

    Nothing is raised: of what does not read, only what does is kept.
    """
    try:
        return redact_read(data, parse_header(data, original_length))
    except FrameError:
        pass
    try:
        return redact_unread(data, parse_link(data, original_length))
    except FrameError:
        return redact_unread(data, None)


def redact_unread(data: bytes, header: FrameHeader | None) -> Redacted:
    """The same for a frame of which no more than the link's header reads, or nothing."""
    if header is None:
        return Redacted(data[:_ETHERNET], "all after the Ethernet header, which does not read")
    return Redacted(data[: header.payload_offset], "all above Ethernet, which does not read")


def redact_read(data: bytes, header: FrameHeader) -> Redacted:
    """The same for a frame whose headers have been read by :func:`probes.wire.frames.parse_header`."""
    keep, what = _kept(data, header)
    kept = bytearray(data[: min(keep, len(data))])
    if header.protocol in _CHECKSUMS and not header.fragment_offset:
        what = _clean_transport(kept, header, what)
    if not what and len(kept) < len(data):
        what = "padding"
    return Redacted(bytes(kept), what)


def _kept(data: bytes, header: FrameHeader) -> tuple[int, str]:
    """How many octets to keep, and what the others are."""
    start = header.payload_offset
    match header.kind:
        case FrameKind.ARP:
            return start + 28, ""
        case FrameKind.LLDP:
            return _lldp_end(data, start), ""
        case FrameKind.BPDU:
            return start + int.from_bytes(data[start - 2 : start]), ""
        case FrameKind.EAPOL:
            return _door(data, header)
        case FrameKind.IPV4 | FrameKind.IPV6:
            return _packet(data, header)
    link = 8 if header.snap else 3 if header.llc else 0
    return start + link, f"{header.kind.value} payload"


def _door(data: bytes, header: FrameHeader) -> tuple[int, str]:
    """EAPOL: its header, and of EAP the code, the identifier, the length and the method's number."""
    start = header.payload_offset
    fixed = 9 if header.eap_code is not None else 4
    return _until(start + fixed, start + 4 + int.from_bytes(data[start + 2 : start + 4]), "EAPOL body")


def _packet(data: bytes, header: FrameHeader) -> tuple[int, str]:
    start = header.payload_offset
    network = _ETHERNET + 4 * len(header.vlans)
    if header.kind is FrameKind.IPV4:
        end = network + int.from_bytes(data[network + 2 : network + 4])
    else:
        end = network + 40 + int.from_bytes(data[network + 4 : network + 6])
    if header.fragment_offset:
        return start, "fragment"
    match header.protocol:
        case 6:
            return _segment(data, header, end)
        case 17:
            fixed = 8 + (_DHCP_FIXED.get(header.destination_port or 0, 0) if header.dhcp_message else 0)
            return _until(start + fixed, end, f"payload of {_service(header, 'udp')}")
        case 1 | 58:
            return _control(header, start, end)
        case 2:
            return _until(end if data[start] == _IGMP_REPORT else start + 8, end, "payload of igmp")
    return _until(start, end, f"payload of IP protocol {header.protocol}")


def _until(keep: int, end: int, what: str) -> tuple[int, str]:
    return (keep, what) if keep < end else (end, "")


def _segment(data: bytes, header: FrameHeader, end: int) -> tuple[int, str]:
    """A TCP header; where its payload starts with TLS records, the first one's own header too."""
    start = header.payload_offset + (data[header.payload_offset + 12] >> 4) * 4
    first = data[start : min(start + 9, end)]
    if _is_tls(first):
        return _until(start + (9 if first[0] == _HANDSHAKE else 5), end, "TLS record")
    return _until(start, end, f"payload of {_service(header, 'tcp')}")


def _is_tls(first: bytes) -> bool:
    """Whether nine octets start a TLS record; of what only looks like one, these are no more than a length."""
    known = len(first) == 9 and first[0] in _TLS_TYPES and first[1] == 3 and first[2] <= 4  # noqa: PLR2004
    return known and 0 < int.from_bytes(first[3:5]) <= _TLS_LONGEST


def _control(header: FrameHeader, start: int, end: int) -> tuple[int, str]:
    """ICMP: an error quotes a packet, an echo carries what its sender likes; neighbours and listeners hide nothing."""
    kind = header.icmp_type
    if header.kind is FrameKind.IPV6 and header.protocol == ICMPV6 and not header.more_fragments:
        if kind in _NEIGHBOUR_DISCOVERY or kind in _LISTENERS:
            return end, ""
        if kind == _REDIRECT:
            return _until(start + _REDIRECT_FIXED, end, "options of a redirect")
    known = header.protocol == (ICMP if header.kind is FrameKind.IPV4 else ICMPV6)
    fixed = 8 if known and kind in _ERRORS_AND_ECHOES[header.kind] else 4
    return _until(start + fixed, end, f"payload of icmp type {kind}")


def _lldp_end(data: bytes, start: int) -> int:
    """Where an LLDP data unit ends: what pads the frame is whatever was in its sender's memory."""
    position = start
    while position + 2 <= len(data):
        kind, size = data[position] >> 1, (data[position] & 1) << 8 | data[position + 1]
        position += 2 + size
        if kind == 0:
            break
    return position


def _clean_transport(kept: bytearray, header: FrameHeader, what: str) -> str:
    """Zero what would still tell something of the removed octets; say so."""
    start = header.payload_offset
    if header.protocol == TCP:
        end = min(start + (kept[start + 12] >> 4) * 4, len(kept))
        if _clean_options(kept, start + 20, end):
            what = f"{what}, TCP options" if what else "TCP options"
    if what:
        where = start + _CHECKSUMS[header.protocol or 0]
        kept[where : where + 2] = bytes(2)
        what += ", checksum"
    return what


def _clean_options(kept: bytearray, position: int, end: int) -> bool:
    """Zero the values of TCP options that are not known to be harmless (MD5 signatures, TCP-AO, cookies)."""
    changed = False
    while position < end and kept[position] != 0:
        if kept[position] == 1:
            position += 1
            continue
        size = kept[position + 1] if position + 1 < end else 0
        if size < 2 or position + size > end:  # noqa: PLR2004 - kind and length
            kept[position:end] = bytes(end - position)
            return True
        if kept[position] not in _PLAIN_OPTIONS:
            kept[position + 2 : position + size] = bytes(size - 2)
            changed = True
        position += size
    if any(kept[position:end]):  # after the end of the options
        kept[position:end] = bytes(end - position)
        changed = True
    return changed


def _service(header: FrameHeader, transport: str) -> str:
    ports = [port for port in (header.destination_port, header.source_port) if port in _NAMES]
    return _NAMES[ports[0]] if ports and ports[0] is not None else f"{transport} port {header.destination_port}"
