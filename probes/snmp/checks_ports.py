"""Checks of switch ports, as configured: what a wall socket is handed, and what trunks carry without a tag."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probes.api import Check, Evidence, NoParameters, NotVerified, conforme, non_conforme
from probes.switching.ports import places, switches, without_tag
from probes.switching.words import listed
from r2s_audit.model.finding import Judgement, Subject
from r2s_audit.model.observation import Request
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology

from .configured import configured, switch_requests, switch_subjects, vlans_untold


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
        return switch_subjects(topology, [d for d in switches(topology) if places(topology, d.id)])

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The bridge observation, that of the interfaces for their names, and the command line."""
        return switch_requests(topology, subject.target)

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:  # noqa: ARG002 - contract
        """N for the first wrong port; not verified where a declared port is not found and no other is wrong."""
        topology = evidence.topology
        declared = places(topology, subject.target)
        expected = msg(
            "{count} prises et équipements, chacun dans son VLAN déclaré, sans étiquette", count=len(declared)
        )
        found = configured(evidence, subject, expected)
        wrong = [text for place in declared if (text := found.misplaced(place)) is not None]
        if wrong:
            return non_conforme(
                expected,
                msg("ports mal configurés : {ports} ; selon {source}", ports=" ; ".join(wrong), source=found.source),
            )
        found.all_named()
        unknown = [place.port for place in declared if place.port not in found.numbers]
        if unknown:
            raise NotVerified(
                msg(
                    "ports {ports} introuvables sur {device}, qui connaît {known}",
                    ports=listed(unknown),
                    device=subject.target,
                    known=listed(sorted(found.numbers)[:48]),
                ),
                expected=expected,
            )
        untold = found.untold(found.numbers[place.port] for place in declared)
        if untold:
            raise vlans_untold(subject, untold, found, expected)
        return conforme(
            expected,
            msg(
                "{count} ports conformes : {ports} ; selon {source}",
                count=len(declared),
                ports=listed(p.port for p in declared),
                source=found.source,
            ),
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
        return switch_subjects(topology, switches(topology))

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The bridge observation and the command line, where there is an access to make them."""
        return switch_requests(topology, subject.target, named=False)

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:  # noqa: ARG002 - contract
        """N where a trunk's untagged VLAN or PVID is one that the building uses."""
        topology = evidence.topology
        expected = msg("aucun VLAN déclaré sans étiquette sur une liaison de {device}", device=subject.target)
        found = configured(evidence, subject, expected, named=False)
        trunks = {number: port for number, port in found.ports.items() if port.tagged}
        used = {
            number: at for number, port in sorted(trunks.items()) if (at := (without_tag(port) & topology.vlans.keys()))
        }
        if used:
            return non_conforme(
                expected,
                msg(
                    "VLAN natif utilisé : {ports} ; selon {source}",
                    ports=listed(f"port {found.shown(n)} : VLAN {listed(sorted(vlans))}" for n, vlans in used.items()),
                    source=found.source,
                ),
            )
        untold = found.links_untold()
        if untold:
            raise vlans_untold(subject, untold, found, expected)
        return conforme(
            expected,
            msg(
                "{count} liaisons étiquetées, aucune ne porte de VLAN déclaré sans étiquette ; selon {source}",
                count=len(trunks),
                source=found.source,
            ),
        )
