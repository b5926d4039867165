"""What one frame is at layer 2: tags, length or type, LLC, SNAP, and which control protocol it speaks.

A pure function of any octets: it never raises, reads nothing twice and keeps nothing of the payload. What is cut or
contradicts itself is said to be so, with what could be read before. Lengths and offsets are octets; addresses are
lower-case text with colons.

Sources: IEEE 802.3-2022 clause 3.2.6 (length or type), IEEE 802.1Q-2022 clauses 9 (tags), 10 and 11 (MRP, MVRP) and 14
(BPDUs), IEEE 802.1D-2004 clauses 9 (BPDUs) and 12 (GARP), IEEE 802-2014 clause 9 (LLC, SNAP), RFC 1042, IEEE 802.3
annex 57A (slow protocols), IEEE 802.1X-2020 clause 11, IEEE 802.1AB-2016 clause 8. The identifiers under Cisco's OUI
00-00-0C are those that the maker's documents and every dissector give (CDP 0x2000, VTP 0x2003, DTP 0x2004, UDLD 0x0111,
PAgP 0x0104, per-VLAN spanning tree 0x010B).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from probes.wire.frames import VlanTag, mac_text

TAG_TYPES = (0x8100, 0x88A8, 0x9100, 0x9200)
"""Customer tag, service tag, and two that were used for service tags before 802.1ad."""
MAX_TAGS = 16
"""More are read as a frame of tags and nothing else."""
HEADER = 14
SMALLEST_TYPE, LARGEST_LENGTH = 0x0600, 1500
CISCO = b"\x00\x00\x0c"
BRIDGE_TUNNEL = (b"\x00\x00\x00", b"\x00\x00\xf8")
"""RFC 1042, and IEEE 802.1H for what RFC 1042 cannot carry: an EtherType follows."""
BPDU_LLC, SNAP_LLC, UI = 0x42, 0xAA, 0x03
GARP_PROTOCOL, GVRP_GROUP, GMRP_GROUP = 1, "01:80:c2:00:00:21", "01:80:c2:00:00:20"
_TCN = 0x80
_ISL_GROUP, _ISL_HEADER = b"\x00\x0c\x00\x00", 26
"""Octets 1 to 4 of the address of an ISL frame, and what precedes the frame inside."""
_BODY = 35
"""Octets of a configuration BPDU (802.1D-2004 clause 9.3.1)."""


class Kind(StrEnum):
    """What a frame speaks."""

    DTP = "dtp"
    VTP = "vtp"
    CDP = "cdp"
    UDLD = "udld"
    PAGP = "pagp"
    PVST = "pvst"
    """A BPDU of one VLAN, in SNAP."""
    STP = "stp"
    RSTP = "rstp"
    MSTP = "mstp"
    """Versions 0, 2, and 3 or later."""
    GVRP = "gvrp"
    GMRP = "gmrp"
    MVRP = "mvrp"
    MMRP = "mmrp"
    LLDP = "lldp"
    EAPOL = "eapol"
    LACP = "lacp"
    SLOW = "slow"
    """Another slow protocol: marker, OAM, or reserved."""
    ARP = "arp"
    IPV4 = "ipv4"
    IPV6 = "ipv6"
    ISL = "isl"
    """Cisco's old trunk encapsulation, cut before the frame inside; else the kind is that of the frame inside."""
    SNAP = "snap"
    LLC = "llc"
    RAW = "raw"
    """Novell's frame without LLC: a length, then an IPX packet."""
    TYPE = "type"
    """Another EtherType."""
    UNREADABLE = "unreadable"


_TYPES = {
    0x0800: Kind.IPV4,
    0x0806: Kind.ARP,
    0x86DD: Kind.IPV6,
    0x888E: Kind.EAPOL,
    0x88CC: Kind.LLDP,
    0x88F5: Kind.MVRP,
    0x88F6: Kind.MMRP,
    0x8809: Kind.SLOW,
}
_CISCO_TYPES = {
    0x2000: Kind.CDP,
    0x2003: Kind.VTP,
    0x2004: Kind.DTP,
    0x0111: Kind.UDLD,
    0x0104: Kind.PAGP,
    0x010B: Kind.PVST,
}
BPDUS = frozenset({Kind.STP, Kind.RSTP, Kind.MSTP, Kind.PVST})


@dataclass(frozen=True, slots=True)
class BridgeId:
    """Priority (with the system's extension, 0-65535) and address; the smaller one wins (802.1D-2004 clause 17.5)."""

    priority: int
    mac: str


@dataclass(frozen=True, slots=True)
class Bpdu:
    """What a BPDU says. Identifiers are None for a topology change notice, and where the frame is cut before them."""

    version: int
    type: int
    flags: int | None = None
    root: BridgeId | None = None
    cost: int | None = None
    bridge: BridgeId | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class L2Frame:
    """One frame. ``ethertype`` xor ``length``; None and None where even that is not there."""

    kind: Kind
    destination: str = ""
    source: str = ""
    tags: tuple[VlanTag, ...] = ()
    ethertype: int | None = None
    """Also the one inside SNAP with the OUI of RFC 1042 or 802.1H, where ``snap`` is not None."""
    length: int | None = None
    llc: tuple[int, int, int] | None = None
    """Destination and source service access point, first control octet."""
    snap: tuple[bytes, int] | None = None
    bpdu: Bpdu | None = None
    isl: int | None = None
    """VLAN of the trunk encapsulation around the frame, whose own addresses stand above."""
    payload: int = 0
    """Where what the kind names begins."""
    fault: str = ""
    """Why it is cut or wrong, in the words of a log; never a text of the frame's."""


def classify(data: bytes) -> L2Frame:
    """Say what the octets of a frame are, from its destination address on; of any octets at all."""
    if data[:1] in (b"\x01", b"\x0c") and data[1:5] == _ISL_GROUP:
        return _encapsulated(data)
    return _plain(data, 0)


def _encapsulated(data: bytes) -> L2Frame:
    """A frame inside ISL, which is read once: one more envelope would be a frame that nobody sends."""
    vlan = _word(data, 20)
    if vlan is None or len(data) < _ISL_HEADER + HEADER:
        source = mac_text(data[6:12]) if len(data) >= HEADER else ""
        return L2Frame(Kind.ISL, mac_text(data[:6]), source, fault="cut inside the trunk's envelope")
    return replace(_plain(data, _ISL_HEADER), isl=vlan >> 1)


def _plain(data: bytes, start: int) -> L2Frame:
    """The frame that begins at ``start``."""
    if len(data) < start + HEADER:
        return L2Frame(Kind.UNREADABLE, fault=f"{len(data) - start} octets are no Ethernet header")
    found = L2Frame(Kind.UNREADABLE, mac_text(data[start : start + 6]), mac_text(data[start + 6 : start + 12]))
    tags: list[VlanTag] = []
    position = start + 12
    while True:
        word = _word(data, position)
        if word is None:
            return replace(found, tags=tuple(tags), fault="cut before length or type")
        if word not in TAG_TYPES:
            break
        control = _word(data, position + 2)
        if control is None or len(tags) == MAX_TAGS:
            return replace(found, tags=tuple(tags), fault="cut inside a tag" if control is None else "too many tags")
        tags.append(VlanTag.from_control(control, word))
        position += 4
    found = replace(found, tags=tuple(tags), payload=position + 2)
    if word >= SMALLEST_TYPE:
        return _typed(data, found, word)
    if word > LARGEST_LENGTH:
        return replace(found, fault="neither a length nor a type")
    return _with_length(data, replace(found, length=word))


def _typed(data: bytes, found: L2Frame, ethertype: int) -> L2Frame:
    """By EtherType; slow protocols by their subtype as well."""
    kind = _TYPES.get(ethertype, Kind.TYPE)
    if kind is Kind.SLOW and data[found.payload : found.payload + 1] == b"\x01":
        kind = Kind.LACP
    return replace(found, kind=kind, ethertype=ethertype)


def _with_length(data: bytes, found: L2Frame) -> L2Frame:
    """A frame of IEEE 802.3: LLC, and SNAP inside it."""
    start, length = found.payload, found.length or 0
    if data[start : start + 2] == b"\xff\xff":  # no LLC at all: the checksum of IPX, which nobody computes
        return replace(found, kind=Kind.RAW)
    octets = data[start : start + min(length, 3)]
    if len(octets) < 3:  # noqa: PLR2004
        return replace(found, kind=Kind.LLC, fault="no room for LLC")
    found = replace(found, kind=Kind.LLC, llc=(octets[0], octets[1], octets[2]), payload=start + 3)
    access = (octets[0], octets[1])
    if access == (BPDU_LLC, BPDU_LLC) and octets[2] == UI:
        return _spanning_tree(data, found)
    if access == (SNAP_LLC, SNAP_LLC) and octets[2] == UI:
        return _in_snap(data, found)
    return found


def _in_snap(data: bytes, found: L2Frame) -> L2Frame:
    """By organisation and its own identifier."""
    start = found.payload
    octets = data[start : start + 5]
    if len(octets) < 5 or (found.length or 0) < 8:  # noqa: PLR2004
        return replace(found, fault="no room for SNAP")
    oui, identifier = octets[:3], octets[3] << 8 | octets[4]
    found = replace(found, kind=Kind.SNAP, snap=(oui, identifier), payload=start + 5)
    if oui in BRIDGE_TUNNEL:
        return _typed(data, found, identifier) if identifier >= SMALLEST_TYPE else found
    if oui == CISCO and identifier in _CISCO_TYPES:
        kind = _CISCO_TYPES[identifier]
        bpdu = _bpdu(data, found.payload) if kind is Kind.PVST else None
        fault = "a BPDU that is cut" if kind is Kind.PVST and bpdu is None else ""
        return replace(found, kind=kind, bpdu=bpdu, fault=fault)
    return found


def _spanning_tree(data: bytes, found: L2Frame) -> L2Frame:
    """What bridges say to each other by LLC 0x42: protocol 0 is spanning tree, 1 is GARP."""
    protocol = _word(data, found.payload)
    if protocol == GARP_PROTOCOL:
        kinds = {GVRP_GROUP: Kind.GVRP, GMRP_GROUP: Kind.GMRP}
        return replace(found, kind=kinds.get(found.destination, Kind.LLC))
    if protocol != 0:
        return replace(found, kind=Kind.STP, fault="no known protocol" if protocol else "cut before the protocol")
    bpdu = _bpdu(data, found.payload)
    if bpdu is None:
        return replace(found, kind=Kind.STP, fault="a BPDU that is cut")
    kind = Kind.STP if bpdu.version < 2 else Kind.RSTP if bpdu.version == 2 else Kind.MSTP  # noqa: PLR2004
    return replace(found, kind=kind, bpdu=bpdu)


def _bpdu(data: bytes, start: int) -> Bpdu | None:
    """Read a BPDU; None where it is cut before its type, and fields as far as it goes."""
    octets = data[start : start + _BODY]
    if len(octets) < 4:  # noqa: PLR2004
        return None
    found = Bpdu(version=octets[2], type=octets[3])
    if found.type == _TCN or len(octets) < 27:  # noqa: PLR2004 - flags, root, cost, bridge, port
        return found
    return replace(
        found,
        flags=octets[4],
        root=BridgeId(int.from_bytes(octets[5:7]), mac_text(octets[7:13])),
        cost=int.from_bytes(octets[13:17]),
        bridge=BridgeId(int.from_bytes(octets[17:19]), mac_text(octets[19:25])),
        port=int.from_bytes(octets[25:27]),
    )


def _word(data: bytes, position: int) -> int | None:
    if position + 2 > len(data):
        return None
    return data[position] << 8 | data[position + 1]
