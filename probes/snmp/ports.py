"""What a switch's ports are configured to do, whichever MIB says it; and which of them the declaration speaks of. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from probes.api import NotVerified
from r2s_audit.model.observation import Request
from r2s_audit.model.site import Device, DeviceRole
from r2s_audit.model.text import Message, msg
from r2s_audit.model.topology import Topology

from .asking import listed, no_gap, requests_for
from .facts import BridgeFacts, CiscoPort, CurrentVlan, StaticVlan, SystemFacts
from .specs import BRIDGE, SYSTEM

_STATIC_TABLES = (
    "dot1qVlanStaticTable",
    "dot1qPortVlanTable",
    "dot1dBasePortTable",
    "ieee8021QBridgeVlanStaticTable",
    "ieee8021QBridgePortVlanTable",
    "ieee8021BridgeBasePortTable",
)
_CURRENT_TABLES = ("dot1qVlanCurrentTable", "ieee8021QBridgeVlanCurrentTable")
_CISCO_TABLES = ("vtpVlanTable", "vlanTrunkPortTable", "vmMembershipTable")
_TRUNKING = 1
"""vlanTrunkPortDynamicStatus trunking(1)."""
_NEGOTIABLE = {3: "desirable", 4: "auto"}
"""vlanTrunkPortDynamicState: whoever asks by DTP is given a trunk (DISA L2S-000005)."""
_NOT_COMPARED = {"unauthenticated", "mirror", "trunk"}
"""Points whose sockets have no VLAN of their own to be found in: the authenticator, or nobody, decides."""


@dataclass(frozen=True, slots=True)
class Port:
    """What the VLAN tables and the PVID say of one port."""

    tagged: frozenset[int]
    untagged: frozenset[int]
    """The VLANs that leave without a tag."""
    pvid: int | None = None
    """The VLAN of frames that arrive without one."""
    negotiable: str = ""
    """In which mode it makes a trunk of whoever asks; empty where it does not."""


@dataclass(frozen=True, slots=True)
class Place:
    """A switch port that the declaration speaks of: a socket's or a device's."""

    owner: str
    port: str
    vlan: int


def switches(topology: Topology) -> list[Device]:
    """Declared switches, in file order."""
    return [d for d in topology.site.devices if d.role is DeviceRole.SWITCH]


def places(topology: Topology, switch: str) -> list[Place]:
    """Ports of a switch whose VLAN is declared once and for all: those of sockets, then those of devices."""
    special = {p.socket for p in topology.site.points if p.kind in _NOT_COMPARED}
    found = [Place(s.id, s.port, s.vlan) for s in topology.site.sockets if s.switch == switch and s.id not in special]
    for device in topology.site.devices:
        for attached in device.attached_to:
            if attached.switch != switch or attached.link:
                continue
            own = topology.vlans_of(device)
            if attached.vlan is not None or len(own) == 1:
                found.append(Place(device.id, attached.port, attached.vlan or next(iter(own))))
    return found


def links(topology: Topology, switch: str) -> set[str]:
    """Names of the ports of a switch that the declaration lets carry tagged VLANs."""
    trunks = {p.socket for p in topology.site.points if p.kind == "trunk"}
    found = {s.port for s in topology.site.sockets if s.switch == switch and s.id in trunks}
    found.update(a.port for d in topology.site.devices for a in d.attached_to if a.switch == switch and a.link)
    return found


def is_cisco(facts: BridgeFacts) -> bool:
    """Whether VLANs are in Cisco's tables alone, where ports are ifIndex."""
    return bool(facts.cisco_ports) and not facts.static_vlans and not facts.current_vlans


def ports(facts: BridgeFacts, expected: Message) -> dict[int, Port]:
    """Every port that is in a VLAN or has a PVID, by bridge port; by ifIndex where only Cisco's tables say it.

    Some agents fill the static table with names alone, and the current one with ports: that one is then what is known.

    Raises:
        NotVerified: the tables were not read to their end, or the agent has none.
    """
    if is_cisco(facts):
        no_gap(facts.gaps, _CISCO_TABLES, expected)
        known = frozenset(v.id for v in facts.vtp_vlans)
        return {p.if_index: port for p in facts.cisco_ports if (port := _cisco(p, known)) is not None}
    no_gap(facts.gaps, _STATIC_TABLES, expected)
    rows: tuple[StaticVlan | CurrentVlan, ...] = facts.static_vlans
    if not any(v.egress or v.untagged for v in rows):
        no_gap(facts.gaps, _CURRENT_TABLES, expected)
        rows = facts.current_vlans
    if not any(v.egress or v.untagged for v in rows):
        raise NotVerified(
            msg("l'agent n'offre de ports ni dans dot1qVlanStaticTable ni dans dot1qVlanCurrentTable (RFC 4363)"),
            expected=expected,
        )
    egress: dict[int, set[int]] = {}
    bare: dict[int, set[int]] = {}
    for vlan in rows:
        for number in vlan.egress:
            egress.setdefault(number, set()).add(vlan.id)
        for number in vlan.untagged:
            bare.setdefault(number, set()).add(vlan.id)
    # 0 is how some agents say that a port has no PVID; no VLAN has that number (IEEE 802.1Q).
    pvids = {p.port: p.pvid for p in facts.ports if p.pvid}
    return {
        n: Port(frozenset(egress.get(n, set()) - bare.get(n, set())), frozenset(bare.get(n, set())), pvids.get(n))
        for n in egress.keys() | bare.keys() | pvids.keys()
    }


def _cisco(port: CiscoPort, known: frozenset[int]) -> Port | None:
    """A trunk's VLANs are those that exist, of the allowed ones; None where the tables do not say what the port is."""
    negotiable = _NEGOTIABLE.get(port.dynamic_state or 0, "")
    if port.dynamic_status == _TRUNKING:
        allowed = frozenset(v for v in known if any(low <= v <= high for low, high in port.allowed))
        native = frozenset({port.native} if port.native else ())
        return Port(allowed - native, native, port.native or None, negotiable)
    if port.access_vlan:
        return Port(frozenset(), frozenset({port.access_vlan}), port.access_vlan, negotiable)
    return None


def port_requests(topology: Topology, switch: str) -> tuple[Request, ...]:
    """The bridge observation, and that of the interfaces for their names; none without an access to make them."""
    device = topology.devices[switch]
    if device.admin.snmp is None:
        return ()
    return (*requests_for(topology, device, BRIDGE), *requests_for(topology, device, SYSTEM))


def numbered(bridge: BridgeFacts) -> dict[int, int]:
    """The switch's ports by ifIndex, numbered as :func:`ports` does."""
    if is_cisco(bridge):
        return {p.if_index: p.if_index for p in bridge.cisco_ports}
    return {p.if_index: p.port for p in bridge.ports if p.if_index is not None}


def names(bridge: BridgeFacts, system: SystemFacts) -> dict[str, int]:
    """Ports by the names that the agent gives them, ifName then ifDescr; numbered as :func:`ports` does."""
    numbers = numbered(bridge)
    found: dict[str, int] = {}
    for interface in system.interfaces:
        number = numbers.get(interface.index)
        for text in (interface.name, interface.descr):
            if number is not None and text is not None and text.text:
                found.setdefault(text.text, number)
    return found


def named(numbers: Mapping[str, int]) -> dict[int, str]:
    """One name for each port, for a sentence."""
    found: dict[int, str] = {}
    for name, number in numbers.items():
        found.setdefault(number, name)
    return found


def without_tag(port: Port) -> frozenset[int]:
    """The VLANs in which whoever is plugged in and knows no tag is, or is heard."""
    return port.untagged | ({port.pvid} if port.pvid else frozenset())


def misplaced(place: Place, found: Mapping[int, Port], numbers: Mapping[str, int]) -> str | None:
    """What is wrong with a declared port, in numbers; None where nothing is, or it is not known."""
    if place.port not in numbers:
        return None
    port = found.get(numbers[place.port], Port(frozenset(), frozenset()))
    if port.untagged == {place.vlan} and not port.tagged and port.pvid in {None, place.vlan}:
        return None
    pvid = f" PVID {port.pvid}" if port.pvid not in {None, *port.untagged} else ""
    carried = f"{listed(sorted(port.untagged))} [{listed(sorted(port.tagged))}]{pvid}"
    return f"{place.owner} ({place.port}) : {carried} ≠ {place.vlan}"
