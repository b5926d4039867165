"""What a switch's ports are configured to do, whichever MIB says it. Pure."""

from __future__ import annotations

from probes.switching.ports import Port
from r2s_audit.model.text import Message

from .asking import no_gap
from .facts import BridgeFacts, CiscoPort, CurrentVlan, StaticVlan, SystemFacts

_STATIC_TABLES = (
    "dot1qVlanStaticTable",
    "dot1qPortVlanTable",
    "dot1dBasePortTable",
    "ieee8021QBridgeVlanStaticTable",
    "ieee8021QBridgePortVlanTable",
    "ieee8021BridgeBasePortTable",
)
PORT_TABLES = ("dot1dBasePortTable", "ieee8021BridgeBasePortTable", "vlanTrunkPortTable", "vmMembershipTable")
"""Where the ports of the bridge are numbered."""
_CURRENT_TABLES = ("dot1qVlanCurrentTable", "ieee8021QBridgeVlanCurrentTable")
_CISCO_TABLES = ("vtpVlanTable", "vlanTrunkPortTable", "vmMembershipTable")
_TRUNKING = 1
"""vlanTrunkPortDynamicStatus trunking(1)."""
_NEGOTIABLE = {3: "desirable", 4: "auto"}
"""vlanTrunkPortDynamicState: whoever asks by DTP is given a trunk (DISA L2S-000005)."""


def is_cisco(facts: BridgeFacts) -> bool:
    """Whether VLANs are in Cisco's tables alone, where ports are ifIndex."""
    return bool(facts.cisco_ports) and not facts.static_vlans and not facts.current_vlans


def ports(facts: BridgeFacts, expected: Message) -> dict[int, Port] | None:
    """Every port that is in a VLAN or has a PVID, by bridge port; by ifIndex where only Cisco's tables say it.

    Some agents fill the static table with names alone, and the current one with ports: that one is then what is known.
    None where tables that were read to their end, every one, name no port: the agent does not offer them.

    Raises:
        NotVerified: the tables were not read to their end.
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
        no_gap(facts.gaps, _CISCO_TABLES, expected)
        return None
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
