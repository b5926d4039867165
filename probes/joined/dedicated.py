"""Whether each declared VLAN is a network of its own: its own subnet, its own link, and a filter around it.

Three things that three readings tell, none of which is enough alone. The *subnet*: at the VLAN's own points the declared
gateway answers in the declared prefix. The *link*: nothing of another VLAN is on it: no device answers ARP, ND or an
attempt there without a router, or is heard speaking without a tag. The *filter*: every cell of the matrix with the VLAN
at either end, by echo and by TCP service, holds (as ``vlan.zones-count`` counts).

A device that is on a foreign link *and* on its own makes one link of two VLANs. One that is on the foreign link only may
be plugged into the wrong port: that is told elsewhere, and here nothing is known. Which tags a socket is handed is a
matter of ``vlan.foreign-frames``: a VLAN with a single point has no control for them.
"""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from probes.api import Check, NoParameters, NotVerified, conforme, non_conforme, partiel
from probes.switching.words import listed
from probes.vlan.facts import PointFacts, ProxyFacts, ReachFacts, ReachState
from probes.vlan.heard_check import Seconds, WindowParameters, belongs, require_window
from probes.vlan.heard_facts import HeardFacts
from probes.vlan.heard_requests import ask_heard
from probes.vlan.isolation import Window, judge_isolation
from probes.vlan.matrix import AFTER, BEFORE, POINT, Cell, matrix
from probes.vlan.point import PointAlive
from probes.vlan.proxy import VERSIONS, NoProxy
from probes.vlan.truth import attempt_facts, bridged, crossed
from r2s_audit.model.finding import Subject, Value
from r2s_audit.model.observation import request
from r2s_audit.model.site import DeviceRole, Intrusiveness
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from probes.api import Evidence
    from r2s_audit.model.finding import Judgement
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import AnyAddress, MeasuringPoint, Vlan
    from r2s_audit.model.topology import Topology

SHOWN = 8
"""Devices and cells that one sentence names at most."""


class Dedicated(Window, WindowParameters):
    """Windows of the matrix and of listening; what a VLAN with a hole in its filter is worth."""

    listen_s: Seconds
    unfiltered: Literal["P", "N"]


@dataclass(frozen=True, slots=True)
class _Own:
    """What the declared site has of one VLAN."""

    vlan: Vlan
    points: tuple[MeasuringPoint, ...]
    cells: tuple[Cell, ...]
    """With the VLAN at either end."""


@dataclass(slots=True)
class _Seen:
    """What came of one VLAN."""

    held: int = 0
    crossed: list[str] = field(default_factory=list)
    """Through a router."""
    joined: list[str] = field(default_factory=list)
    """On two links at once."""
    link: Message | None = None
    """The first thing that is not known of the link or the subnet."""
    filter: Message | None = None
    """Likewise of the filter."""


class VlansDedicated(Check[Dedicated]):
    """One subject per declared VLAN."""

    id = "joined.vlans-dedicated"
    title = msg("VLAN dédié : son sous-réseau, son lien, son filtrage")
    reference = "IEC 62443-3-2 ZCR 3.1; ANSSI hygiène 19; exigence C1.2"
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "lien : le routeur du VLAN répond pour lui-même au début et à la fin de la fenêtre, et l'écoute de chaque prise a"
        " entendu des trames sans en perdre ; filtrage : les témoins des cellules d'interdiction"
    )

    def subjects(self, topology: Topology, parameters: Dedicated) -> Iterable[Subject]:
        building = topology.site.building.id
        return [Subject(target=building, detail=(("vlan", str(vlan.id)),)) for vlan in topology.site.vlans]

    def requests(self, topology: Topology, subject: Subject, parameters: Dedicated) -> Sequence[Request]:
        own, index = _own(topology)[int(subject.get("vlan"))], matrix(topology)
        asked = [r for cell in own.cells for r in index.around(cell)]
        for point in own.points:
            asked.append(request(POINT, point.id, point.socket))
            asked += [r for version in VERSIONS for r in index.proxying(point.id, version)]
            if point.kind == "access":
                asked.append(ask_heard(topology, point.id, parameters.least_s, parameters.most_s))
        return asked

    def judge(self, subject: Subject, evidence: Evidence, parameters: Dedicated) -> Judgement:
        own = _own(evidence.topology)[int(subject.get("vlan"))]
        expected = msg(
            "VLAN {vlan} ({name}) : son sous-réseau, rien d'un autre VLAN sur son lien, chaque flux non déclaré refusé",
            vlan=own.vlan.id,
            name=own.vlan.name,
        )
        if not own.vlan.subnets or not own.points:
            raise NotVerified(msg("sous-réseau ou point de mesure non déclaré dans ce VLAN"), expected=expected)
        seen = _Seen()
        for point in own.points:
            _subnet(point, evidence, seen)
            _link(point, own, evidence, parameters, seen)
        for cell in own.cells:
            _cell(cell, own, evidence, parameters.control_window_s, seen)
        if seen.joined:
            measured = msg(
                "VLAN {vlan} : sur deux liens à la fois, sans routeur : {devices}",
                vlan=own.vlan.id,
                devices=_some(seen.joined),
            )
            return non_conforme(expected, measured)
        if seen.link is not None:
            raise NotVerified(seen.link, expected=expected)
        if seen.crossed:
            measured = msg(
                "VLAN {vlan} séparé, mais {n} flux non déclarés passent sur {total} : {cells}",
                vlan=own.vlan.id,
                n=len(seen.crossed),
                total=len(own.cells),
                cells=_some(seen.crossed),
            )
            return (partiel if parameters.unfiltered == "P" else non_conforme)(expected, measured)
        if seen.filter is not None or not seen.held:
            raise NotVerified(seen.filter or msg("aucune cellule d'interdiction pour ce VLAN"), expected=expected)
        return conforme(
            expected,
            msg(
                "VLAN {vlan} séparé et filtré : rien d'un autre VLAN à {points}, {n} cellules tenues",
                vlan=own.vlan.id,
                points=listed(point.socket for point in own.points),
                n=seen.held,
            ),
        )


def _subnet(point: MeasuringPoint, evidence: Evidence, seen: _Seen) -> None:
    """The VLAN's gateway answers in its prefix at one of its points; else the subnet was not found there."""
    try:
        judgement = PointAlive().judge(Subject(target=point.socket, point=point.id), evidence, NoParameters())
    except NotVerified as error:
        seen.link = seen.link or error.reason
        return
    if judgement.value is not Value.CONFORME:
        seen.link = seen.link or msg("sous-réseau non constaté à {socket}", socket=point.socket)


def _link(point: MeasuringPoint, own: _Own, evidence: Evidence, parameters: Dedicated, seen: _Seen) -> None:
    """Who answers and who is heard at a point, of another VLAN."""
    for version in VERSIONS:
        if not matrix(evidence.topology).proxying(point.id, version):
            continue
        asked = Subject(target=point.socket, point=point.id, detail=(("version", str(version)),))
        try:
            if NoProxy().judge(asked, evidence, NoParameters()).value is Value.NON_CONFORME:
                _answering(point, version, own, evidence, seen)
        except NotVerified as error:
            seen.link = seen.link or error.reason
    if point.kind == "access":
        try:
            _heard(point, own, evidence, parameters, seen)
        except NotVerified as error:
            seen.link = seen.link or error.reason


def _answering(point: MeasuringPoint, version: int, own: _Own, evidence: Evidence, seen: _Seen) -> None:
    """Who answered ARP or ND for another VLAN: the device itself, the router in its place, or a stranger."""
    topology = evidence.topology
    (asked,) = matrix(topology).proxying(point.id, version)
    routers = {g.mac for g in evidence.facts(request(POINT, point.id, point.socket), PointFacts).gateways}
    for question in evidence.facts(asked, ProxyFacts).questions:
        if question.answer_mac and question.answer_mac not in routers:
            _stranger(point, question.address, question.answer_mac, own, evidence, seen)


def _heard(point: MeasuringPoint, own: _Own, evidence: Evidence, parameters: Dedicated, seen: _Seen) -> None:
    """Who spoke without a tag at a socket, with an address of another declared VLAN.

    A router may send with the address of another one of its interfaces: its frames say nothing of links.

    Raises:
        NotVerified: nobody listened, or not well enough to believe in what was not heard.
    """
    topology = evidence.topology
    facts = evidence.facts(ask_heard(topology, point.id, parameters.least_s, parameters.most_s), HeardFacts)
    for sender in facts.senders:
        if belongs(sender, own.vlan) or topology.vlan_containing(sender.address) is None:
            continue
        device = topology.device_at(sender.address)
        if device is None or device.role is not DeviceRole.ROUTER:
            _stranger(point, sender.address, sender.mac, own, evidence, seen)
    require_window(facts, parameters.listen_s, msg("rien d'un autre VLAN à {socket}", socket=point.socket))
    if facts.unlisted_senders:
        raise NotVerified(msg("plus d'émetteurs que la fenêtre n'en retient"))
    if not facts.frames:
        raise NotVerified(msg("aucune trame entendue à {socket}", socket=point.socket))


def _stranger(point: MeasuringPoint, address: AnyAddress, mac: str, own: _Own, evidence: Evidence, seen: _Seen) -> None:
    """Somebody at a point with an address of another VLAN: the declared device, which is also in its own, or nobody knows."""
    device = evidence.topology.device_at(address)
    if device is not None and device.mac == mac and _at_home(address, own, evidence):
        seen.joined.append(f"{device.id} {address} ({point.socket})")
    else:
        seen.link = seen.link or msg(
            "{mac} ({address}) à {socket} : rien ne montre qui c'est, ni s'il est aussi dans son VLAN",
            mac=mac,
            address=str(address),
            socket=point.socket,
        )


def _at_home(address: AnyAddress, own: _Own, evidence: Evidence) -> bool:
    """Whether a point of the address's own VLAN reached it there, as the control of one of this VLAN's cells."""
    index = matrix(evidence.topology)
    for cell in own.cells:
        point = index.neighbour(cell) if cell.address == address else None
        for phase in (BEFORE, AFTER) if point else ():
            try:
                facts = evidence.facts(index.ask(cell, phase, point or ""), ReachFacts)
            except NotVerified:
                continue
            if facts.is_open or facts.state is ReachState.RST:
                return True
    return False


def _cell(cell: Cell, own: _Own, evidence: Evidence, window_s: float, seen: _Seen) -> None:
    """One deny cell: reached without a router, through one, or not at all."""
    try:
        attempt = attempt_facts(evidence, cell)
    except NotVerified as error:
        seen.link = seen.link or error.reason  # an attempt that nobody made may have been answered by a neighbour
        return
    if (crossed(attempt) or attempt.state is ReachState.RST) and bridged(attempt):
        _stranger(evidence.topology.points[cell.point], cell.address, attempt.answer_mac or "", own, evidence, seen)
        return
    try:
        value = judge_isolation(cell, evidence, window_s, explained=False).value
    except NotVerified as error:
        seen.filter = seen.filter or error.reason
        return
    if value is Value.NON_CONFORME:
        seen.crossed.append(
            f"{cell.target} {cell.written} ({cell.protocol.upper()}{f' {cell.port}' if cell.port else ''})"
        )
    else:
        seen.held += 1


def _some(names: Sequence[str]) -> str:
    """The first of them, each once, and how many more there are."""
    once = list(dict.fromkeys(names))
    more = len(once) - SHOWN
    return f"{listed(once[:SHOWN])} (+{more})" if more > 0 else listed(once)


@lru_cache(maxsize=4)
def _own(topology: Topology) -> Mapping[int, _Own]:
    """Every declared VLAN's own points and cells, by its identifier."""
    index = matrix(topology)
    cells: dict[int, list[Cell]] = {vlan.id: [] for vlan in topology.site.vlans}
    for cell in (*index.deny_icmp, *index.deny_tcp):
        for vlan in _ends(topology, cell):
            cells[vlan].append(cell)
    return {
        vlan.id: _Own(
            vlan,
            tuple(point for point in index.points if topology.vlan_of(point) is vlan),
            tuple(cells[vlan.id]),
        )
        for vlan in topology.site.vlans
    }


def _ends(topology: Topology, cell: Cell) -> Iterator[int]:
    index = matrix(topology)
    there, here = index.vlan_of(cell.address), index.vlan_at(cell.point)
    yield from {vlan.id for vlan in (there, here) if vlan is not None}
