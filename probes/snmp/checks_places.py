"""Checks of where things are: devices in their VLAN, administration out of VLAN 1, trunks where they are declared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import Field

from probes.api import Check, Evidence, NoParameters, NotVerified, conforme, non_conforme
from probes.switching.ports import Port, links, places, switches, without_tag
from probes.switching.words import listed
from r2s_audit.model.base import Model
from r2s_audit.model.finding import Judgement, Subject
from r2s_audit.model.observation import Request
from r2s_audit.model.site import Intrusiveness, VlanId, ZoneKind
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology

from .asking import no_gap, requests_for, subjects_for, the_request
from .configured import configured, no_ports, switch_requests, switch_subjects, vlans_untold
from .facts import BridgeFacts, Learnt
from .ports import ports
from .specs import BRIDGE

_CONTROLS = msg("aucun : seule une lecture authentifiée menée à bien est jugée")


class AdminVlanParameters(Model):
    """In which VLANs administration must not be."""

    forbidden: Annotated[tuple[VlanId, ...], Field(min_length=1)]


class AdminVlan(Check[AdminVlanParameters]):
    """Expected: what administers the building is not in the VLAN that every switch has from the factory."""

    id = "snmp.admin-vlan"
    title = msg("Administration hors du VLAN 1")
    reference = "DISA L2S-000011 ; RFC 4363 (dot1qVlanStaticUntaggedPorts, dot1qPvid) ; référentiel S1.3"
    intrusiveness = Intrusiveness.SAFE
    controls = _CONTROLS

    def subjects(self, topology: Topology, parameters: AdminVlanParameters) -> Iterable[Subject]:  # noqa: ARG002 - contract
        """Declared switches that an administration socket or device is declared to be plugged into."""
        return switch_subjects(topology, [d for d in switches(topology) if self._places(topology, d.id)])

    def requests(self, topology: Topology, subject: Subject, parameters: AdminVlanParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The bridge observation, the interfaces, and the command line."""
        return switch_requests(topology, subject.target)

    def judge(self, subject: Subject, evidence: Evidence, parameters: AdminVlanParameters) -> Judgement:
        """N for a port of the administration in a forbidden VLAN, as declared or as configured."""
        topology = evidence.topology
        declared = self._places(topology, subject.target)
        expected = msg(
            "aucun port d'administration de {device} dans les VLAN {forbidden}",
            device=subject.target,
            forbidden=listed(parameters.forbidden),
        )
        found = configured(evidence, subject, expected)
        numbers = found.numbers
        seen = {
            port: without_tag(found.ports[numbers[port]])
            for port in declared
            if port in numbers and numbers[port] in found.ports
        }
        wrong = {port: at for port, vlans in seen.items() if (at := vlans & set(parameters.forbidden))}
        if wrong:
            return non_conforme(
                expected,
                msg(
                    "administration dans un VLAN interdit : {ports} ; selon {source}",
                    ports=listed(f"{port} : VLAN {listed(sorted(vlans))}" for port, vlans in sorted(wrong.items())),
                    source=found.source,
                ),
            )
        found.all_named()
        unknown = [port for port in declared if not seen.get(port) or not found.ports[numbers[port]].told]
        if unknown:
            raise NotVerified(
                msg("VLAN inconnu des ports {ports} de {device}", ports=listed(unknown), device=subject.target),
                expected=expected,
            )
        return conforme(
            expected,
            msg(
                "ports d'administration : {ports} ; selon {source}",
                ports=listed(f"{port} : VLAN {listed(sorted(vlans))}" for port, vlans in sorted(seen.items())),
                source=found.source,
            ),
        )

    @staticmethod
    def _places(topology: Topology, switch: str) -> list[str]:
        zones = {z.id for z in topology.zones_of_kind(ZoneKind.ADMINISTRATION)}
        inside = {vlan.id for vlan in topology.site.vlans if vlan.zone in zones}
        return sorted({place.port for place in places(topology, switch) if place.vlan in inside})


class TrunksDeclared(Check[NoParameters]):
    """Expected: only declared links carry tagged VLANs, and no other port becomes one for the asking."""

    id = "snmp.trunks-declared"
    title = msg("Aucune liaison étiquetée non déclarée")
    reference = "RFC 4363 (dot1qVlanStaticEgressPorts) ; CISCO-VTP-MIB ; DISA L2S-000005 ; référentiel S1.3"
    intrusiveness = Intrusiveness.SAFE
    controls = _CONTROLS

    def subjects(self, topology: Topology, parameters: NoParameters) -> Iterable[Subject]:  # noqa: ARG002 - contract
        """Declared switches."""
        return switch_subjects(topology, switches(topology))

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The bridge observation, the interfaces, and the command line."""
        return switch_requests(topology, subject.target)

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:  # noqa: ARG002 - contract
        """N for a port with tagged VLANs, or ready to negotiate them, that no link is declared on."""
        topology = evidence.topology
        declared = links(topology, subject.target)
        expected = msg(
            "liaisons étiquetées de {device} : {ports}, et aucune autre",
            device=subject.target,
            ports=listed(sorted(declared)),
        )
        found = configured(evidence, subject, expected)
        numbers = found.numbers
        if not any(d.attached_to for d in topology.site.devices):
            raise NotVerified(
                msg("aucune liaison déclarée : renseigner attached_to des équipements dans le fichier de site"),
                expected=expected,
            )
        allowed = {numbers[name] for name in declared if name in numbers}
        wrong = [
            f"{found.shown(number)} : {text}"
            for number, port in sorted(found.ports.items())
            if number not in allowed and (text := _trunk(port))
        ]
        found.all_named()
        if wrong and len(allowed) < len(declared):
            # One of them may be the link that is declared under a name that the agent does not give.
            raise NotVerified(
                msg(
                    "liaisons {ports} introuvables sur {device}, qui étiquette {found}",
                    ports=listed(sorted(declared - numbers.keys())),
                    device=subject.target,
                    found=listed(wrong),
                ),
                expected=expected,
            )
        if wrong:
            return non_conforme(
                expected,
                msg("liaisons non déclarées : {ports} ; selon {source}", ports=listed(wrong), source=found.source),
            )
        untold = found.links_untold(but=allowed)
        if untold:
            raise vlans_untold(subject, untold, found, expected)
        tagged = [found.shown(n) for n, port in sorted(found.ports.items()) if port.tagged]
        return conforme(
            expected,
            msg("ports à VLAN étiquetés : {ports} ; selon {source}", ports=listed(tagged), source=found.source),
        )


def _trunk(port: Port) -> str:
    """Why a port is a trunk, or may become one; empty where it is none."""
    return f"VLAN {listed(sorted(port.tagged))}" if port.tagged else port.negotiable


class LearntInPlace(Check[NoParameters]):
    """Expected: of the declared devices, those that the switch has learnt on an access port are in their VLAN.

    What a switch is configured for and what it does are two things: this is the second. A device that is learnt where
    its port is not configured to be says that the configuration that was read is not the one at work. Behind a link,
    entries outlive what they tell of by minutes: they prove nothing either way.
    """

    id = "snmp.learnt-in-place"
    title = msg("Équipements appris par le commutateur dans leur VLAN")
    reference = "RFC 4363 (dot1qTpFdbTable, dot1qVlanFdbId) ; référentiel S1.3"
    intrusiveness = Intrusiveness.SAFE
    controls = msg("au moins un équipement déclaré appris dans son VLAN : une table vide ne prouve rien")

    def subjects(self, topology: Topology, parameters: NoParameters) -> Iterable[Subject]:  # noqa: ARG002 - contract
        """Declared switches."""
        return subjects_for(topology, switches(topology))

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The bridge observation, where there is an access to make it."""
        device = topology.devices[subject.target]
        return requests_for(topology, device, BRIDGE) if device.admin.snmp else ()

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:  # noqa: ARG002 - contract
        """N for a declared device that an access port has learnt in another VLAN; C for one at least in the right one."""
        topology = evidence.topology
        expected = msg(
            "les équipements déclarés que {device} a appris sur ses ports d'accès le sont dans leur VLAN",
            device=subject.target,
        )
        facts = evidence.facts(the_request(topology, subject, BRIDGE, expected), BridgeFacts)
        found = ports(facts, expected)
        if found is None:
            raise no_ports(expected)
        owners = {d.mac: d for d in topology.site.devices if d.mac is not None and topology.vlans_of(d)}
        right: list[str] = []
        wrong: list[str] = []
        for entry in facts.fdb:
            device, port = owners.get(entry.mac), found.get(entry.port)
            if device is None or port is None or port.tagged or not entry.vlans:
                continue
            if topology.vlans_of(device) & set(entry.vlans):
                right.append(device.id)
            else:
                wrong.append(_sighting(device.id, entry, port))
        if wrong:
            return non_conforme(expected, msg("appris dans un autre VLAN : {devices}", devices=listed(wrong)))
        no_gap(facts.gaps, ("dot1qTpFdbTable", "ieee8021QBridgeTpFdbTable"), expected)
        if not right:
            raise NotVerified(
                msg("aucun équipement déclaré n'est appris sur un port d'accès de {device}", device=subject.target),
                expected=expected,
            )
        return conforme(expected, msg("appris à leur place : {devices}", devices=listed(sorted(set(right)))))


def _sighting(device: str, entry: Learnt, port: Port) -> str:
    """A device in a wrong VLAN; and the VLANs of its port, where that is not configured to be in this one."""
    configured = without_tag(port)
    beside = "" if configured & set(entry.vlans) else f" (≠ {listed(sorted(configured))})"
    return f"{device}, port {entry.port} : VLAN {listed(sorted(entry.vlans))}{beside}"
