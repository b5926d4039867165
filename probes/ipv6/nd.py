"""Reading neighbour discovery: router and neighbour advertisements, strict and bounded.

Sources: RFC 4861 §4.2, §4.4, §4.6, §6.1.2, §7.1.2; RFC 4191 §2.2 (preference); RFC 8106 §5 (DNS options); RFC 6980 §5
(no fragments). Whatever the octets, nothing here raises but `FrameError`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network
from typing import TYPE_CHECKING, Literal

from probes.ipv6.facts import Content, Prefix, Problem, Resolvers, SearchList
from probes.wire import build
from probes.wire.frames import ICMPV6, FrameError, FrameKind, checksum, mac_bytes, mac_text, parse_header, pseudo_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.wire.frames import FrameHeader
    from probes.wire.station import Station

ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT = 133, 134, 135, 136
HOP_LIMIT = 255
MAX_OPTIONS = 64
"""Honest advertisements have fewer than twenty; a frame of 1500 octets has room for 178."""
MAX_NAME = 255
"""Octets of a domain name (RFC 1035 §2.3.4)."""
_SOURCE_MAC, _TARGET_MAC, _PREFIX, _MTU, _RDNSS, _DNSSL = 1, 2, 3, 5, 25, 31
_RA, _NA = struct.Struct("!xxxxBBHII"), 24
_PREFERENCE: dict[int, Literal["medium", "high", "reserved", "low"]] = {0: "medium", 1: "high", 2: "reserved", 3: "low"}
_PIO = struct.Struct("!BBII4x16s")
_LABEL = 63


class OptionError(FrameError):
    """An option whose length makes the whole message one to discard (RFC 4861 §4.6, §6.1.2)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A router advertisement, and why hosts would discard it."""

    problems: tuple[Problem, ...]
    content: Content | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A neighbour advertisement: who claims an address, and how."""

    address: IPv6Address
    mac: str
    target_mac: str | None
    router: bool
    solicited: bool
    override: bool


def read_advertisement(data: bytes, header: FrameHeader, *, original_length: int, verify: bool = True) -> Reading:
    """Read a router advertisement, valid or not.

    Args:
        data: the frame.
        header: its headers, with ``icmp_type`` 134.
        original_length: octets on the wire; less in ``data`` means that the capture cut it.
        verify: check the checksum; False for a frame whose sender left it to its adapter.

    Raises:
        FrameError: the header is none of an ICMPv6 message.
    """
    if header.icmp_type != ROUTER_ADVERTISEMENT or header.kind is not FrameKind.IPV6 or header.source_ip is None:
        raise FrameError("not a router advertisement")
    problems: list[Problem] = []
    if header.hop_limit != HOP_LIMIT:
        problems.append(Problem.HOP_LIMIT)
    if not header.source_ip.is_link_local:
        problems.append(Problem.SOURCE)
    if header.icmp_code != 0:
        problems.append(Problem.CODE)
    if header.more_fragments or header.fragment_offset:
        return Reading((*problems, Problem.FRAGMENT), None)
    message = _message(data, header)
    if len(data) < original_length or len(message) < _RA.size:
        return Reading((*problems, Problem.LENGTH), None)
    if verify and not _sums_up(header, message):
        problems.append(Problem.CHECKSUM)
    try:
        content = _content(message)
    except OptionError:
        return Reading((*problems, Problem.OPTION), None)
    return Reading(tuple(problems), content)


def read_claim(data: bytes, *, verify: bool = True) -> tuple[FrameHeader, Claim | None]:
    """Read a frame; None unless it is a neighbour advertisement that a host would take (RFC 4861 §7.1.2).

    Raises:
        FrameError: it does not read.
    """
    header = parse_header(data)
    if header.icmp_type != NEIGHBOUR_ADVERTISEMENT or header.kind is not FrameKind.IPV6:
        return header, None
    if header.fragment_offset or header.more_fragments or header.neighbour_target is None:
        return header, None
    message = _message(data, header)
    if (
        header.hop_limit != HOP_LIMIT
        or header.icmp_code != 0
        or len(message) < _NA
        or header.neighbour_target.is_multicast
    ):
        raise FrameError("a neighbour advertisement that hosts discard")
    if verify and not _sums_up(header, message):
        raise FrameError("a wrong transport checksum")
    flags, target_mac = message[4], None
    for kind, body in _options(message[_NA:]):
        if kind == _TARGET_MAC and len(body) == 6:  # noqa: PLR2004 - Ethernet, RFC 2464 §6
            target_mac = mac_text(body)
    claim = Claim(
        header.neighbour_target,
        header.source_mac,
        target_mac,
        router=bool(flags & 0x80),
        solicited=bool(flags & 0x40),
        override=bool(flags & 0x20),
    )
    return header, claim


def unicast_solicitation(station: Station, source: IPv6Address, target: IPv6Address, mac: str) -> bytes:
    """A neighbour solicitation to one neighbour: is it still there (RFC 4861 §7.3)."""
    fields = bytes(4) + target.packed + b"\x01\x01" + mac_bytes(station.mac)
    message = bytes([NEIGHBOUR_SOLICITATION, 0, 0, 0]) + fields
    total = checksum(pseudo_header(source, target, ICMPV6, len(message)) + message)
    message = message[:2] + total.to_bytes(2) + message[4:]
    return build.packet(build.Link(station.mac, mac, station.vlans), source, target, ICMPV6, message, HOP_LIMIT)


def _message(data: bytes, header: FrameHeader) -> bytes:
    """The ICMPv6 message alone: behind the IP packet's end is padding."""
    start = 14 + 4 * len(header.vlans)
    return data[header.payload_offset : start + 40 + int.from_bytes(data[start + 4 : start + 6])]


def _sums_up(header: FrameHeader, message: bytes) -> bool:
    if header.source_ip is None or header.destination_ip is None:
        return False
    return not checksum(pseudo_header(header.source_ip, header.destination_ip, ICMPV6, len(message)) + message)


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each option; OptionError for a length of zero, past the end, or too many of them."""
    position, count = 0, 0
    while position < len(data):
        if position + 2 > len(data):
            raise OptionError("an option cut in its header")
        size = data[position + 1] * 8
        count += 1
        if size == 0 or position + size > len(data) or count > MAX_OPTIONS:
            raise OptionError("an option of impossible length, or too many options")
        yield data[position], data[position + 2 : position + size]
        position += size


def _content(message: bytes) -> Content:
    hop_limit, flags, lifetime, reachable, retransmit = _RA.unpack_from(message)
    mtu: int | None = None
    source_mac: str | None = None
    prefixes: list[Prefix] = []
    resolvers: list[Resolvers] = []
    lists: list[SearchList] = []
    ignored = 0
    for kind, body in _options(message[_RA.size :]):
        if kind == _PREFIX and len(body) == _PIO.size and body[0] <= 128:  # noqa: PLR2004 - bits of an address
            prefixes.append(_prefix(body))
        elif kind == _MTU and len(body) == 6:  # noqa: PLR2004 - RFC 4861 §4.6.4
            mtu = int.from_bytes(body[2:])
        elif kind == _SOURCE_MAC and len(body) == 6:  # noqa: PLR2004 - Ethernet, RFC 2464 §6
            source_mac = mac_text(body)
        elif kind == _RDNSS and len(body) >= 22 and len(body) % 16 == 6:  # noqa: PLR2004 - RFC 8106 §5.1
            servers = tuple(IPv6Address(body[at : at + 16]) for at in range(6, len(body), 16))
            resolvers.append(Resolvers(lifetime_s=int.from_bytes(body[2:6]), servers=servers))
        elif kind == _DNSSL and (names := _names(body[6:])) is not None:
            lists.append(SearchList(lifetime_s=int.from_bytes(body[2:6]), names=names))
        else:
            ignored += 1
    return Content(
        hop_limit=hop_limit,
        managed=bool(flags & 0x80),
        other=bool(flags & 0x40),
        preference=_PREFERENCE[flags >> 3 & 3],
        lifetime_s=lifetime,
        reachable_ms=reachable,
        retransmit_ms=retransmit,
        mtu=mtu,
        source_mac=source_mac,
        prefixes=tuple(prefixes),
        resolvers=tuple(resolvers),
        search_lists=tuple(lists),
        ignored_options=ignored,
    )


def _prefix(body: bytes) -> Prefix:
    length, flags, valid, preferred, address = _PIO.unpack(body)
    network = IPv6Network((address, length), strict=False)  # what follows the prefix is to be ignored (§4.6.2)
    return Prefix(
        prefix=network,
        on_link=bool(flags & 0x80),
        autonomous=bool(flags & 0x40),
        valid_s=valid,
        preferred_s=preferred,
    )


def _names(data: bytes) -> tuple[str, ...] | None:
    """Uncompressed domain names (RFC 8106 §5.2) up to the padding; None where they do not read."""
    found: list[str] = []
    position = 0
    while position < len(data) and data[position]:
        labels: list[str] = []
        start = position
        while size := data[position]:
            end = position + 1 + size
            if size > _LABEL or end >= len(data) or end - start >= MAX_NAME:
                return None
            labels.append("".join(map(_printable, data[position + 1 : end])))
            position = end
        found.append(".".join(labels))
        position += 1
    return tuple(found) if found else None


def _printable(octet: int) -> str:
    r"""A letter, digit, hyphen or underscore as it is; anything else as ``\ddd`` (RFC 1035 §5.1)."""
    character = chr(octet)
    return character if character.isascii() and (character.isalnum() or character in "-_") else f"\\{octet:03d}"
