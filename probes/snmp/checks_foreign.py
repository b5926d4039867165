"""Checks of what is there beside the declaration: equipment that announces itself and that nobody declared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probes.api import Check, Evidence, NoParameters, conforme, non_conforme
from probes.switching.words import listed
from r2s_audit.model.finding import Judgement, Subject
from r2s_audit.model.observation import Request
from r2s_audit.model.site import DeviceRole, Intrusiveness
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology

from .asking import no_gap, requests_for, subjects_for, the_request
from .facts import LldpFacts, Neighbour
from .specs import LLDP
from .topology_graph import Graph

_FORWARDING = {"bridge", "router", "repeater", "wlanAccessPoint"}
"""Capabilities of what joins networks (IEEE 802.1AB-2016, table 8-4)."""


class NoForeignEquipment(Check[NoParameters]):
    """Expected: whatever announces to a switch that it bridges or routes is a declared device.

    A neighbour is recognised by its chassis, a management address or its name. What keeps silent is not seen here.
    """

    id = "snmp.no-foreign-equipment"
    title = msg("Aucun commutateur ni routeur non déclaré parmi les voisins LLDP")
    reference = "IEEE 802.1AB (LLDP-MIB, lldpRemSysCapEnabled) ; IEC 62443-3-3 SR 1.2 ; référentiel C1.2"
    intrusiveness = Intrusiveness.SAFE
    controls = msg("aucun : une table vide est une lecture authentifiée menée à bien, pas un silence")

    def subjects(self, topology: Topology, parameters: NoParameters) -> Iterable[Subject]:  # noqa: ARG002 - contract
        """Declared switches."""
        return subjects_for(topology, [d for d in topology.site.devices if d.role is DeviceRole.SWITCH])

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The switch's neighbours, where there is an access to read them."""
        device = topology.devices[subject.target]
        return requests_for(topology, device, LLDP) if device.admin.snmp else ()

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:  # noqa: ARG002 - contract
        """N for an unknown neighbour that bridges or routes; C where the whole table was read and has none."""
        topology = evidence.topology
        expected = msg("chaque voisin LLDP de {device} qui commute ou route est déclaré", device=subject.target)
        facts = evidence.facts(the_request(topology, subject, LLDP, expected), LldpFacts)
        no_gap(facts.gaps, ("lldpRemTable", "lldpRemManAddrTable"), expected)
        declared = Graph(topology.site.devices, {subject.target: facts})
        foreign = [n for n in facts.neighbours if _FORWARDING & set(n.capabilities) and not declared.matches(n)]
        ports = {p.number: p.id.text for p in facts.ports if p.id is not None}
        if foreign:
            names = listed(f"{_name(n)} ({ports.get(n.local_port, n.local_port)})" for n in foreign)
            return non_conforme(
                expected, msg("{count} équipements non déclarés : {names}", count=len(foreign), names=names)
            )
        return conforme(
            expected, msg("{count} voisins LLDP, aucun équipement non déclaré", count=len(facts.neighbours))
        )


def _name(neighbour: Neighbour) -> str:
    return (neighbour.sys_name.text if neighbour.sys_name else "") or neighbour.chassis
