"""Dwellings that must not see one another, although they share a VLAN or a router.

=======================================  =======================================================================
from one dwelling's socket               finding
=======================================  =======================================================================
anybody but the router answers ARP/ND,   N: a path of layer 2, whatever the controls say
or the device a frame to its own MAC
the router sends everything back         N: private VLAN bypassed by the router's MAC address
the router sends some of it back         P: layer 3 only, filtered; what it keeps back is shown like any absence
nothing at all                           C: with the three controls of promise 3
=======================================  =======================================================================
"""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from probes.api import Check, NotVerified, conforme, non_conforme, partiel
from probes.vlan.facts import InsideFacts, ReachFacts, ReachState, Way, WayFacts
from probes.vlan.isolation import Window
from probes.vlan.matrix import AFTER, ATTEMPT, BEFORE, INSIDE, ORDER, Cell, matrix, tcp_ports
from probes.vlan.truth import INITIAL_HOP_LIMITS, control, require_heard
from r2s_audit.model.finding import Judgement, Subject
from r2s_audit.model.observation import request
from r2s_audit.model.site import Intrusiveness, ZoneKind
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from probes.api import Evidence
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import Device, MeasuringPoint
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology

_ASKED = (Way.ASKED_ALL, Way.ASKED_ONE)
_LAYER_2 = (*_ASKED, Way.DIRECT)


class Dwellings(Window):
    """Which zones dwellings are in, and how many others each point tries."""

    zones: Annotated[list[ZoneKind], Field(min_length=1)]
    dwellings_per_point: Annotated[int, Field(ge=1)]
    """Other dwellings that one point tries at most, spread evenly over those that are declared."""


class DwellingsIsolated(Check[Dwellings]):
    """One subject per point in a dwelling and declared address of a device of another dwelling.

    What is looked for are answers. A router that sends frames back into the VLAN, in which the device's answer then finds
    no way, is not seen from one point: that path is one-way.
    """

    id = "vlan.dwellings-isolated"
    title = msg("Logements isolés les uns des autres")
    reference = "ANSSI contrôle d'accès et vidéoprotection v2.2, R16; RFC 5517 §3; exigence S1.3"
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "émetteur : le routeur du VLAN répond au point au début et à la fin de la fenêtre, lien jamais perdu ; cible :"
        " l'équipement de l'autre logement répond, avant et après, à un point qui y a droit ; capture sans aucune perte"
    )

    def subjects(self, topology: Topology, parameters: Dwellings) -> Iterable[Subject]:
        points = [p for p in matrix(topology).points if _dwelling(topology, p) and _concerned(topology, p, parameters)]
        homes = _homes(topology, parameters)
        if not points:  # the question stands: it is asked of every dwelling, from nowhere
            for devices in homes.values():
                for device in devices:
                    yield from _addressed(device, "")
        for point in points:
            others = [devices for dwelling, devices in homes.items() if dwelling != _dwelling(topology, point)]
            for devices in _spread(others, parameters.dwellings_per_point):
                for device in devices:
                    yield from _addressed(device, point.id)

    def requests(self, topology: Topology, subject: Subject, parameters: Dwellings) -> Sequence[Request]:
        if not subject.point:
            return []
        index, found = matrix(topology), [_asked(topology, subject)]
        for cell in _cells(topology, subject):
            point = index.control(cell)
            if point is not None:
                found += [index.ask(cell, BEFORE, point), index.ask(cell, AFTER, point)]
        return found

    def judge(self, subject: Subject, evidence: Evidence, parameters: Dwellings) -> Judgement:
        if not subject.point:
            raise NotVerified(
                msg("aucun point de mesure dans un logement : déclarer un point dont la prise porte « dwelling »")
            )
        device = evidence.topology.devices[subject.target]
        expected = msg(
            "{device} {address} hors d'atteinte du point {point}, qui est dans un autre logement que le {dwelling}",
            device=device.id,
            address=subject.get("address"),
            point=subject.point,
            dwelling=device.dwelling,
        )
        facts = evidence.facts(_asked(evidence.topology, subject), InsideFacts)
        direct = [way for way in facts.ways if way.way in _LAYER_2 and _by_the_target(way, facts)]
        if direct:
            return non_conforme(expected, _seen(direct))
        _require_no_stranger(facts)
        routed = [way for way in facts.ways if way.way is Way.ROUTED and way.state is not None]
        through = [way for way in routed if _by_the_target(way, facts)]
        kept = [way for way in routed if way not in through]
        if through and not kept:
            return non_conforme(expected, msg("le routeur renvoie tout dans le VLAN ({ways})", ways=_names(through)))
        require_heard(facts.loss, facts.ways, facts.sender, facts.address)
        _require_tried(facts, device)
        shown = _require_alive(evidence, subject, facts, kept, parameters.control_window_s)
        if through:
            measured = msg(
                "joint par le routeur seul, qui filtre : {ways} passe, {kept} non",
                ways=_names(through),
                kept=_names(kept),
            )
            return partiel(expected, measured)
        return conforme(
            expected,
            msg(
                "silence à {n} trames ({ways}), l'équipement répondant à {point} avant et après, sans perte de capture",
                n=sum(way.frames_sent for way in facts.ways),
                ways=_names(facts.ways),
                point=shown,
            ),
        )


def _asked(topology: Topology, subject: Subject) -> Request:
    order = ORDER[ATTEMPT] + matrix(topology).later(subject.target)
    return request(INSIDE, subject.point, subject.target, order=order, address=subject.get("address"))


def _dwelling(topology: Topology, point: MeasuringPoint) -> str:
    return topology.sockets[point.socket].dwelling


def _concerned(topology: Topology, point: MeasuringPoint, parameters: Dwellings) -> bool:
    return topology.zone_of(point).kind in parameters.zones


def _homes(topology: Topology, parameters: Dwellings) -> dict[str, list[Device]]:
    """The devices of every dwelling in the zones concerned, in file order."""
    homes: dict[str, list[Device]] = {}
    for device in topology.site.devices:
        if device.dwelling and device.addresses and topology.zones[device.zone].kind in parameters.zones:
            homes.setdefault(device.dwelling, []).append(device)
    return homes


def _spread(homes: list[list[Device]], most: int) -> list[list[Device]]:
    """At most so many of them, evenly spread: neighbours in the file are often neighbours on the switch."""
    if len(homes) <= most:
        return homes
    return [homes[number * len(homes) // most] for number in range(most)]


def _addressed(device: Device, point: str) -> Iterator[Subject]:
    for address in dict.fromkeys(device.addresses):
        yield Subject(target=device.id, point=point, detail=(("address", str(address)),))


def _cells(topology: Topology, subject: Subject) -> list[Cell]:
    """What the target's controls ask: an echo, and each declared TCP service."""
    address = ip_address(subject.get("address"))
    ports = [p for p in tcp_ports(topology.devices[subject.target]) if p is not None]
    cells = [Cell(subject.point, subject.target, address, "icmp")]
    cells += [Cell(subject.point, subject.target, address, "tcp", port) for port in ports]
    return [cell for cell in cells if not cell.untouchable]


def _by_the_target(way: WayFacts, facts: InsideFacts) -> bool:
    """Whether somebody other than the router is at the other end of this way."""
    if way.state is None or way.state is ReachState.SILENCE:
        return False
    from_router = way.answer_mac is not None and way.answer_mac == facts.gateway_mac
    if way.way in _ASKED:
        # The router may answer in the device's name (proxy ARP): the routed way tells the rest.
        own = _own_mac(facts)
        return way.answer_mac == own if own else facts.gateway_mac is not None and not from_router
    if way.state in (ReachState.REPLY, ReachState.SYN_ACK):
        return True
    if way.answered_by != facts.address:
        return False  # refused by somebody else
    if way.state is ReachState.RST and from_router:
        return way.answer_hop_limit not in INITIAL_HOP_LIMITS  # the router's own, in the device's name, crossed nothing
    return True


def _own_mac(facts: InsideFacts) -> str | None:
    """The device's declared MAC address, as it was tried."""
    return next((way.to_mac for way in facts.ways if way.way is Way.ASKED_ONE), None)


def _require_no_stranger(facts: InsideFacts) -> None:
    """Nobody but the device and the router answers for the address.

    Raises:
        NotVerified: somebody does, of whom it is not known whether he is behind the router or in another dwelling.
    """
    for way in facts.ways:
        answered = way.way in _ASKED and way.answer_mac is not None
        if answered and way.answer_mac not in (_own_mac(facts), facts.gateway_mac):
            raise NotVerified(
                msg(
                    "{mac} répond pour {address}, et n'est ni l'équipement déclaré ni le routeur",
                    mac=way.answer_mac or "",
                    address=str(facts.address),
                )
            )


def _require_tried(facts: InsideFacts, device: Device) -> None:
    """Every way was tried, or is none.

    Raises:
        NotVerified: naming the way that was not, and the remedy.
    """
    for way in facts.ways:
        if way.state is not None:
            continue
        if way.way is not Way.ROUTED and device.mac is None:
            raise NotVerified(
                msg("adresse MAC de {device} non déclarée : les trames directes n'ont pas pu partir", device=device.id)
            )
        raise NotVerified(msg("{way} : trame non envoyée ({why})", way=_name(way), why=way.note or "–"))


def _require_alive(
    evidence: Evidence, subject: Subject, facts: InsideFacts, kept: Sequence[WayFacts], window_s: float
) -> str:
    """The target's controls; the point that they were made from.

    An answer of any kind shows the device alive, which is what a silence at layer 2 needs. For what the router keeps
    back, the same protocol and port have to answer, as far as they answer anybody.

    Raises:
        NotVerified: naming the control that is missing.
    """
    index, reasons, shown = matrix(evidence.topology), [], ""
    for cell in _cells(evidence.topology, subject):
        point = index.control(cell)
        if point is None or not any((w.protocol, w.port) == (cell.protocol, cell.port) for w in kept):
            continue
        try:
            around = [control(evidence, cell.ask(phase, point)) for phase in (BEFORE, AFTER)]
        except NotVerified as error:
            reasons.append(error.reason)
            continue
        problem = _not_around(around[0], around[1], facts, window_s)
        if problem is None:
            shown = point
        else:
            reasons.append(problem)
    if shown:
        return shown
    if reasons:
        raise NotVerified(reasons[0])
    raise NotVerified(
        msg(
            "aucun point de mesure n'a le droit d'atteindre {target} {address} : contrôle de la cible impossible",
            target=subject.target,
            address=subject.get("address"),
        )
    )


def _not_around(before: ReachFacts, after: ReachFacts, facts: InsideFacts, window_s: float) -> Message | None:
    """Why two controls do not show the target alive around the window; None where they do."""
    address = str(facts.address)
    for found in (before, after):
        if not (found.is_open or found.state is ReachState.RST):
            return msg(
                "cible muette : {address} ne répond pas au point de contrôle ({state})",
                address=address,
                state=str(found.state),
            )
    if not (before.ended <= facts.window_start and facts.window_end <= after.started):
        return msg("les contrôles de {address} n'encadrent pas la tentative", address=address)
    apart = (after.ended - before.started).total_seconds()
    if apart > window_s:
        return msg(
            "contrôles de {address} écartés de {apart} s, {window} s au plus",
            address=address,
            apart=round(apart, 1),
            window=window_s,
        )
    return None


def _seen(ways: Sequence[WayFacts]) -> Message:
    macs = sorted({way.answer_mac for way in ways if way.answer_mac})
    return msg("chemin de couche 2 ouvert : {ways} répondu par {macs}", ways=_names(ways), macs=", ".join(macs) or "–")


_WAYS = {
    (Way.ASKED_ALL, "arp"): "ARP (broadcast)",
    (Way.ASKED_ALL, "nd"): "ND (multicast)",
    (Way.ASKED_ONE, "arp"): "ARP (unicast)",
    (Way.ASKED_ONE, "nd"): "ND (unicast)",
    (Way.DIRECT, "icmp"): "ICMP (unicast)",
    (Way.ROUTED, "icmp"): "ICMP (MAC du routeur)",
    (Way.ROUTED, "tcp"): "TCP (MAC du routeur)",
}


def _name(way: WayFacts) -> str:
    return f"{_WAYS[way.way, way.protocol]}{f' {way.port}' if way.port else ''}"


def _names(ways: Iterable[WayFacts]) -> str:
    return ", ".join(_name(way) for way in ways)
