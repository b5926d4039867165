"""Checks of switch ports by SNMP: what a wall socket is handed, and what trunks carry without a tag."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probes.api import Check, Evidence, NoParameters, NotVerified, conforme, non_conforme
from r2s_audit.model.finding import Judgement, Subject
from r2s_audit.model.observation import Request
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology

from .asking import listed, no_gap, requests_for, subjects_for, the_request
from .facts import BridgeFacts, SystemFacts
from .ports import misplaced, names, places, port_requests, ports, switches, without_tag
from .specs import BRIDGE, SYSTEM


class AccessPorts(Check[NoParameters]):
    """Expected: every declared socket's or device's port has its declared VLAN, untagged, as its PVID, and no other.

    Judged by what is configured, so that a port that 802.1X keeps closed is not taken for a wrong one. A port that
    hands out tagged VLANs is a trunk in the hands of an occupant.
    """

    id = "snmp.access-ports"
    title = msg("Ports des prises et des équipements dans leur seul VLAN")
    reference = "RFC 4363 (dot1qVlanStaticTable, dot1qPvid) ; DISA L2S-000008 ; référentiel S1.3"
    intrusiveness = Intrusiveness.SAFE
    controls = msg("aucun : seule une lecture authentifiée menée à bien est jugée")

    def subjects(self, topology: Topology, parameters: NoParameters) -> Iterable[Subject]:  # noqa: ARG002 - contract
        """Declared switches that sockets or devices are declared to be plugged into."""
        return subjects_for(topology, [d for d in switches(topology) if places(topology, d.id)])

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The bridge observation, and that of the interfaces for their names."""
        return port_requests(topology, subject.target)

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:  # noqa: ARG002 - contract
        """N for the first wrong port; not verified where a declared port is not found and no other is wrong."""
        topology = evidence.topology
        declared = places(topology, subject.target)
        expected = msg(
            "{count} prises et équipements, chacun dans son VLAN déclaré, sans étiquette", count=len(declared)
        )
        bridge = evidence.facts(the_request(topology, subject, BRIDGE, expected), BridgeFacts)
        system = evidence.facts(the_request(topology, subject, SYSTEM, expected), SystemFacts)
        found, numbers = ports(bridge, expected), names(bridge, system)
        wrong = [text for place in declared if (text := misplaced(place, found, numbers)) is not None]
        if wrong:
            return non_conforme(expected, msg("ports mal configurés : {ports}", ports=" ; ".join(wrong)))
        no_gap(system.gaps, ("ifTable", "ifXTable"), expected)
        unknown = [place.port for place in declared if place.port not in numbers]
        if unknown:
            raise NotVerified(
                msg(
                    "ports {ports} introuvables sur {device}, qui connaît {known}",
                    ports=listed(unknown),
                    device=subject.target,
                    known=listed(sorted(numbers)[:48]),
                ),
                expected=expected,
            )
        return conforme(
            expected,
            msg("{count} ports conformes : {ports}", count=len(declared), ports=listed(p.port for p in declared)),
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
        return subjects_for(topology, switches(topology))

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The bridge observation, where there is an access to make it."""
        device = topology.devices[subject.target]
        return requests_for(topology, device, BRIDGE) if device.admin.snmp else ()

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:  # noqa: ARG002 - contract
        """N where a trunk's untagged VLAN or PVID is one that the building uses."""
        topology = evidence.topology
        expected = msg("aucun VLAN déclaré sans étiquette sur une liaison de {device}", device=subject.target)
        facts = evidence.facts(the_request(topology, subject, BRIDGE, expected), BridgeFacts)
        trunks = {number: port for number, port in ports(facts, expected).items() if port.tagged}
        used = {
            number: found
            for number, port in sorted(trunks.items())
            if (found := (without_tag(port) & topology.vlans.keys()))
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
