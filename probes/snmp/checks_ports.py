"""Checks of switch ports by SNMP: what a wall socket is handed, and what trunks carry without a tag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from probes.api import Check, Evidence, NoParameters, NotVerified, conforme, non_conforme
from r2s_audit.model.finding import Judgement, Subject
from r2s_audit.model.observation import Request
from r2s_audit.model.site import Device, DeviceRole, Intrusiveness, Socket
from r2s_audit.model.text import Message, msg
from r2s_audit.model.topology import Topology

from .asking import listed, no_gap, requests_for, subjects_for, the_request
from .facts import BridgeFacts, SystemFacts
from .specs import BRIDGE, SYSTEM

_TABLES = ("dot1qVlanStaticTable", "dot1qPortVlanTable", "dot1dBasePortTable")
_NOT_COMPARED = {"unauthenticated", "mirror", "trunk"}
"""Points whose sockets have no VLAN of their own to be found in: the authenticator, or nobody, decides."""


@dataclass(frozen=True, slots=True)
class _Port:
    """What the static VLAN table and the PVID say of one bridge port."""

    tagged: frozenset[int]
    untagged: frozenset[int]
    """The VLANs that leave without a tag."""


def _switches(topology: Topology) -> list[Device]:
    return [d for d in topology.site.devices if d.role is DeviceRole.SWITCH]


def _ports(facts: BridgeFacts, expected: Message) -> dict[int, _Port]:
    """Every bridge port that is in a static VLAN or has a PVID.

    Raises:
        NotVerified: the tables were not read to their end, or the agent has none.
    """
    no_gap(facts.gaps, _TABLES, expected)
    if not facts.static_vlans:
        raise NotVerified(msg("l'agent n'offre pas dot1qVlanStaticTable (RFC 4363)"), expected=expected)
    egress: dict[int, set[int]] = {}
    bare: dict[int, set[int]] = {}
    for vlan in facts.static_vlans:
        for port in vlan.egress:
            egress.setdefault(port, set()).add(vlan.id)
        for port in vlan.untagged:
            bare.setdefault(port, set()).add(vlan.id)
    numbers = egress.keys() | bare.keys() | {p.port for p in facts.ports if p.pvid is not None}
    return {
        n: _Port(frozenset(egress.get(n, set()) - bare.get(n, set())), frozenset(bare.get(n, set()))) for n in numbers
    }


def _names(bridge: BridgeFacts, system: SystemFacts) -> dict[str, int]:
    """Bridge ports by the names that the agent gives them: ifName, then ifDescr."""
    numbers = {p.if_index: p.port for p in bridge.ports if p.if_index is not None}
    found: dict[str, int] = {}
    for interface in system.interfaces:
        number = numbers.get(interface.index)
        for text in (interface.name, interface.descr):
            if number is not None and text is not None and text.text:
                found.setdefault(text.text, number)
    return found


class AccessPorts(Check[NoParameters]):
    """Expected: every declared socket's port has its declared VLAN, untagged, and no other.

    Judged by what is configured, so that a port that 802.1X keeps closed is not taken for a wrong one. A port that
    hands out tagged VLANs is a trunk in the hands of an occupant.
    """

    id = "snmp.access-ports"
    title = msg("Ports des prises dans leur seul VLAN")
    reference = "RFC 4363 (dot1qVlanStaticTable, dot1qPvid) ; DISA L2S-000008 ; référentiel S1.3"
    intrusiveness = Intrusiveness.SAFE
    controls = msg("aucun : seule une lecture authentifiée menée à bien est jugée")

    def subjects(self, topology: Topology, parameters: NoParameters) -> Iterable[Subject]:  # noqa: ARG002 - contract
        """Declared switches that sockets lead to."""
        return subjects_for(topology, [d for d in _switches(topology) if _sockets(topology, d.id)])

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The bridge observation, and that of the interfaces for their names."""
        device = topology.devices[subject.target]
        if device.admin.snmp is None:
            return ()
        return (*requests_for(topology, device, BRIDGE), *requests_for(topology, device, SYSTEM))

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:  # noqa: ARG002 - contract
        """N for the first wrong port; not verified where a declared port is not found and no other is wrong."""
        topology = evidence.topology
        sockets = _sockets(topology, subject.target)
        expected = msg("{count} prises, chacune dans son VLAN déclaré, sans étiquette", count=len(sockets))
        bridge = evidence.facts(the_request(topology, subject, BRIDGE, expected), BridgeFacts)
        system = evidence.facts(the_request(topology, subject, SYSTEM, expected), SystemFacts)
        ports, names = _ports(bridge, expected), _names(bridge, system)
        wrong = [text for s in sockets if (text := _wrong(s, ports, names)) is not None]
        if wrong:
            return non_conforme(expected, msg("prises mal configurées : {ports}", ports=" ; ".join(wrong)))
        no_gap(system.gaps, ("ifTable", "ifXTable"), expected)
        unknown = [s.port for s in sockets if s.port not in names]
        if unknown:
            raise NotVerified(
                msg(
                    "ports {ports} introuvables sur {device}, qui connaît {known}",
                    ports=listed(unknown),
                    device=subject.target,
                    known=listed(sorted(names)[:48]),
                ),
                expected=expected,
            )
        return conforme(
            expected,
            msg("{count} ports conformes : {ports}", count=len(sockets), ports=listed(s.port for s in sockets)),
        )


def _sockets(topology: Topology, switch: str) -> list[Socket]:
    """Sockets that lead to a switch and whose VLAN is declared once and for all."""
    special = {p.socket for p in topology.site.points if p.kind in _NOT_COMPARED}
    return [s for s in topology.site.sockets if s.switch == switch and s.id not in special]


def _wrong(socket: Socket, ports: Mapping[int, _Port], names: Mapping[str, int]) -> str | None:
    """What is wrong with a socket's port, in numbers; None where nothing is, or it is not known."""
    if socket.port not in names:
        return None
    port = ports.get(names[socket.port], _Port(frozenset(), frozenset()))
    if port.untagged == {socket.vlan} and not port.tagged:
        return None
    return (
        f"{socket.id} ({socket.port}) : {listed(sorted(port.untagged))} [{listed(sorted(port.tagged))}] ≠ {socket.vlan}"
    )


class NativeVlan(Check[NoParameters]):
    """Expected: no port that carries tagged VLANs carries a declared one without a tag."""

    id = "snmp.native-vlan"
    title = msg("Aucun VLAN utilisé comme VLAN natif d'une liaison")
    reference = "RFC 4363 (dot1qVlanStaticUntaggedPorts, dot1qPvid) ; DISA L2S-000012, -000013 ; référentiel S1.3"
    intrusiveness = Intrusiveness.SAFE
    controls = msg("aucun : seule une lecture authentifiée menée à bien est jugée")

    def subjects(self, topology: Topology, parameters: NoParameters) -> Iterable[Subject]:  # noqa: ARG002 - contract
        """Declared switches."""
        return subjects_for(topology, _switches(topology))

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The bridge observation, where there is an access to make it."""
        device = topology.devices[subject.target]
        return requests_for(topology, device, BRIDGE) if device.admin.snmp else ()

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:  # noqa: ARG002 - contract
        """N where a trunk's untagged VLAN or PVID is one that the building uses."""
        topology = evidence.topology
        expected = msg("aucun VLAN déclaré sans étiquette sur une liaison de {device}", device=subject.target)
        facts = evidence.facts(the_request(topology, subject, BRIDGE, expected), BridgeFacts)
        trunks = {number: port for number, port in _ports(facts, expected).items() if port.tagged}
        pvids = {p.port: p.pvid for p in facts.ports if p.pvid is not None}
        used = {
            number: found
            for number, port in sorted(trunks.items())
            if (found := ({*port.untagged, pvids.get(number, 0)} & topology.vlans.keys()))
        }
        if used:
            return non_conforme(
                expected,
                msg(
                    "VLAN natif utilisé : {ports}",
                    ports=listed(f"port {n} : VLAN {listed(sorted(vlans))}" for n, vlans in used.items()),
                ),
            )
        return conforme(
            expected,
            msg("{count} liaisons étiquetées, aucune ne porte de VLAN déclaré sans étiquette", count=len(trunks)),
        )
