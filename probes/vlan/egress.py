"""By which way the Réseau Smart leaves the building: its own, a shared one that keeps others apart, or somebody's box.

What a line is by contract is declared in the site file, for no packet tells it; what packets tell is whether traffic
takes the declared way (:mod:`probes.vlan.egress_trail`). No hop is judged by a name, and none is ever asked anything:
every question is to the declared end. A way rests on answers alone; the window's controls stand for what could have
been missed, such as a second router that answers too.
"""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from probes.api import Check, NotVerified, conforme, non_conforme, partiel
from probes.vlan.egress_facts import EgressFacts
from probes.vlan.egress_requests import across, asked, leaving
from probes.vlan.egress_trail import Declared, trail
from probes.vlan.isolation import Window, judge_isolation
from probes.vlan.matrix import matrix
from probes.vlan.truth import require_heard
from r2s_audit.model.finding import Subject, Value
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from r2s_audit.model.egress import Egress
    from r2s_audit.model.finding import Judgement
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import AnyAddress, MeasuringPoint
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology

SHARED_MACS = ("00:00:5e:00:01:", "00:00:5e:00:02:", "00:00:0c:07:ac:", "00:00:0c:9f:f", "00:07:b4:")
"""Addresses of a group of routers, whose members answer by their own: VRRP (RFC 5798 §7.3), HSRP and GLBP."""


class LeavesAsDeclared(Check[Window]):
    """One subject per point whose zone may go out and address of the end that its way out declares.

    *Conforme* by the declared way, dedicated; *partiel* by the declared way, shared, where nothing of those who share
    it is reached: the matrix's own deny cells between the two sides, all of them; *non conforme* by another way.
    """

    id = "vlan.egress"
    title = msg("Sortie vers l'opérateur par le chemin déclaré")
    reference = "RFC 792 et RFC 4443 §3.3 (durée de vie épuisée) ; RFC 1812 §5.3.1 ; exigence C1.2"
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "chaque saut jusqu'à l'opérateur répond lui-même, l'extrémité déclarée répond dans la même fenêtre, la passerelle"
        " du point répond au début et à la fin, lien jamais perdu, capture sans aucune perte ; sortie partagée : les"
        " témoins des cellules d'interdiction"
    )

    def subjects(self, topology: Topology, parameters: Window) -> Iterable[Subject]:
        for point in leaving(topology):
            way = topology.egress_of(topology.zone_of(point).id)
            end = topology.devices.get(way.endpoint) if way else None
            addresses = [a for a in end.addresses if _leads_out(topology, point, a)] if end else []
            if end is None or not addresses:
                yield Subject(target=point.socket, point=point.id)
                continue
            for address in addresses:
                yield Subject(target=end.id, point=point.id, detail=(("address", str(address)),))

    def requests(self, topology: Topology, subject: Subject, parameters: Window) -> Sequence[Request]:
        question, way = _question(topology, subject), _way(topology, subject)
        if question is None or way is None:
            return []
        index = matrix(topology)
        cells = across(topology, subject.point, way)
        return list({r.key: r for r in (question, *(r for cell in cells for r in index.around(cell)))}.values())

    def judge(self, subject: Subject, evidence: Evidence, parameters: Window) -> Judgement:
        topology, way = evidence.topology, _way(evidence.topology, subject)
        zone = topology.zone_of(topology.points[subject.point]).id
        if way is None:
            raise NotVerified(msg("aucune sortie déclarée pour la zone {zone} (« egress »)", zone=zone))
        question = _question(topology, subject)
        if question is None:
            raise NotVerified(
                msg("aucun flux déclaré de {zone} vers {end} n'appelle de réponse", zone=zone, end=way.endpoint)
            )
        facts = evidence.facts(question, EgressFacts)
        gateway = topology.gateway(topology.points[subject.point], facts.address.version)
        declared = Declared(topology, way, gateway or facts.next_hop)
        found, expected = trail(facts, declared), _expected(declared)
        if found.wrong is not None:
            return non_conforme(expected, found.wrong)
        _require(facts, expected, found.unknown)
        if way.kind == "dedicated":
            return conforme(expected, _taken(facts))
        return _shared(subject.point, evidence, declared, parameters.control_window_s)


def _leads_out(topology: Topology, point: MeasuringPoint, address: AnyAddress) -> bool:
    """Whether the point's VLAN has a router in the address's IP version, and needs it."""
    return topology.gateway(point, address.version) is not None and not topology.same_vlan(point, address)


def _way(topology: Topology, subject: Subject) -> Egress | None:
    return topology.egress_of(topology.zone_of(topology.points[subject.point]).id)


def _question(topology: Topology, subject: Subject) -> Request | None:
    end, address = topology.devices.get(subject.target), dict(subject.detail).get("address")
    if end is None or address is None:
        return None
    return asked(topology, topology.points[subject.point], end, ip_address(address))


def _expected(declared: Declared) -> Message:
    way, version = declared.way, declared.gateway.version
    hops = [[str(a) for a in hop.addresses if a.version == version] for hop in way.hops]
    taken = " → ".join([str(declared.gateway), *("/".join(addresses) for addresses in hops if addresses)])
    operator = ", ".join(str(prefix) for prefix in way.operator if prefix.version == version) or "–"
    if way.kind == "dedicated":
        return msg(
            "sortie dédiée vers {end} : par {hops}, puis l'opérateur ({operator})",
            end=way.endpoint,
            hops=taken,
            operator=operator,
        )
    return msg(
        "sortie vers {end} partagée avec {zones} et isolée d'eux : par {hops}, puis l'opérateur ({operator})",
        end=way.endpoint,
        zones=", ".join(way.shared_with),
        hops=taken,
        operator=operator,
    )


def _require(facts: EgressFacts, expected: Message, unknown: Message | None) -> None:
    """What the declared way rests on.

    Raises:
        NotVerified: naming what is missing.
    """
    if facts.next_hop_mac is None or facts.end is None:
        raise NotVerified(
            msg("la passerelle {gateway} ne répond ni à ARP ni à NS : rien n'est parti", gateway=str(facts.next_hop)),
            expected=expected,
        )
    if not facts.reached:
        raise NotVerified(
            msg("l'extrémité {end} ne répond pas : le chemin n'est pas connu", end=str(facts.address)),
            expected=expected,
        )
    if unknown is not None:
        raise NotVerified(unknown, expected=expected)
    require_heard(facts.loss, (*facts.hops, facts.end), facts.sender, facts.address)
    answered = {hop.mac for hop in (*facts.hops, facts.end) if hop.mac}
    strange = sorted(answered - {facts.next_hop_mac})
    if strange and not facts.next_hop_mac.startswith(SHARED_MACS):
        raise NotVerified(
            msg(
                "des réponses viennent par {macs}, et non par la passerelle {gateway} ({mac}) : un autre routeur sur ce lien",
                macs=", ".join(strange),
                gateway=str(facts.next_hop),
                mac=facts.next_hop_mac,
            ),
            expected=expected,
        )


def _taken(facts: EgressFacts) -> Message:
    routers = [str(hop.router) for hop in facts.hops if hop.router is not None]
    return msg(
        "par {hops} ; {end} répond dans la même fenêtre ({protocol})",
        hops=" → ".join(routers),
        end=str(facts.address),
        protocol=facts.protocol.upper() + (f" {facts.port}" if facts.port else ""),
    )


def _shared(point: str, evidence: Evidence, declared: Declared, window_s: float) -> Judgement:
    """Of a shared way: whether nothing is reached of those who share it; one cell that is decides, whatever the others.

    Raises:
        NotVerified: a cell that is not verified, or none that could be.
    """
    expected, zones = _expected(declared), ", ".join(declared.way.shared_with)
    cells = across(evidence.topology, point, declared.way)
    pending: Message | None = None
    for cell in cells:
        try:
            found = judge_isolation(cell, evidence, window_s, explained=False)
        except NotVerified as error:
            pending = pending or error.reason
            continue
        if found.value is Value.NON_CONFORME:
            return non_conforme(
                expected,
                msg(
                    "chemin déclaré, mais partagé sans isolement : {target} {address} est atteint",
                    target=cell.target,
                    address=cell.written,
                ),
            )
    if not cells:
        raise NotVerified(
            msg("isolement non montré : aucun équipement déclaré de l'autre côté du partage ({zones})", zones=zones),
            expected=expected,
        )
    if pending is not None:
        raise NotVerified(pending, expected=expected)
    return partiel(
        expected,
        msg("chemin déclaré, partagé avec {zones} ; cellules d'interdiction tenues : {n}", zones=zones, n=len(cells)),
    )
