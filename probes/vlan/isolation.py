"""Zones that must not reach one another: by echo, by declared TCP service, and how many VLANs that filters."""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from probes.api import Check, NotVerified, conforme, non_conforme, partiel
from probes.vlan.datagrams import EMPTY
from probes.vlan.facts import ReachFacts, ReachState
from probes.vlan.matrix import Cell, matrix
from probes.vlan.path import proxy_seen, reached
from probes.vlan.truth import (
    attempt_facts,
    came_from_afar,
    controls,
    crossed,
    refused_on_the_way,
    require_hearing,
)
from r2s_audit.model.base import Model
from r2s_audit.model.finding import Judgement, Subject, Value
from r2s_audit.model.site import Intrusiveness, ZoneKind
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from probes.vlan.matrix import Protocol
    from probes.vlan.truth import Controls
    from r2s_audit.model.observation import Request
    from r2s_audit.model.topology import Topology

CONTROLS = msg(
    "émetteur : la passerelle du point répond au début et à la fin de la fenêtre, lien jamais perdu ; cible : la même"
    " adresse et le même port répondent, avant et après, à un point qui y a droit ; capture sans aucune perte"
)
Seconds = Annotated[float, Field(gt=0)]


class Window(Model):
    """Parameters of every check that believes in silence."""

    control_window_s: Seconds
    """Seconds from the start of the control before to the end of the control after, at most."""


class Directed(Window):
    """Parameters of the isolation checks: which deny cells a criterion is about."""

    towards: list[ZoneKind] = []
    """Kinds of the zones that are not to be reached; empty: all."""

    def concerns(self, topology: Topology, cell: Cell) -> bool:
        """Whether the cell's target is in such a zone."""
        device = topology.devices.get(cell.target)
        return not self.towards or (device is not None and topology.zones[device.zone].kind in self.towards)


def isolation_requests(topology: Topology, cell: Cell) -> list[Request]:
    """Control, attempt, control, and the question that explains an open cell; nothing for printers."""
    index = matrix(topology)
    return [] if cell.untouchable else [*index.around(cell), *index.proxied(cell)]


def judge_isolation(cell: Cell, evidence: Evidence, window_s: float, *, explained: bool = True) -> Judgement:
    """One deny cell by the table of :mod:`probes.vlan.truth`; an open one with its path, where that was asked for.

    Raises:
        NotVerified: naming the control that is missing.
    """
    if cell.untouchable:
        raise NotVerified(msg("port {port} jamais sollicité (impression directe)", port=cell.port or 0))
    expected = _expected(cell)
    attempt = attempt_facts(evidence, cell)
    if crossed(attempt):
        return non_conforme(expected, reached(attempt, proxy_seen(evidence, cell) if explained else None))
    point = matrix(evidence.topology).control(cell)
    if point is None:
        raise NotVerified(
            msg(
                "aucun point de mesure n'a le droit d'atteindre {target} {address} : contrôle de la cible impossible",
                target=cell.target,
                address=str(cell.address),
            )
        )
    found = controls(evidence, cell, point, attempt, window_s)
    if attempt.state is ReachState.RST:
        return _judge_rst(expected, attempt, found)
    if attempt.state is ReachState.ICMP_ERROR and not refused_on_the_way(attempt):
        raise NotVerified(
            msg(
                "réponse ambiguë : ICMP {type}/{code} de {by} ne dit pas si le flux est filtré",
                type=attempt.icmp_type or 0,
                code=attempt.icmp_code or 0,
                by=str(attempt.answered_by),
            )
        )
    require_hearing(attempt)
    return conforme(expected, _kept_out(attempt, point))


def _judge_rst(expected: Message, attempt: ReachFacts, found: Controls) -> Judgement:
    if found.both_open:
        require_hearing(attempt)
        return conforme(expected, msg("refusé (RST), le service répondant aux points autorisés"))
    if not found.both_closed:
        raise NotVerified(msg("le service a changé d'état entre les deux contrôles"))
    if came_from_afar(attempt):
        return non_conforme(
            expected,
            msg(
                "port fermé, et chemin ouvert : la cible répond elle-même (RST, TTL {ttl}) ; le filtrage n'est pas fermé par"
                " défaut",
                ttl=attempt.answer_hop_limit or 0,
            ),
        )
    raise NotVerified(msg("port fermé pour tous : le RST de la cible et celui d'un filtre sont indiscernables"))


def _expected(cell: Cell) -> Message:
    address, port = str(cell.address), cell.port or 0
    if cell.protocol == "icmp":
        return msg("aucune réponse à l'écho de {address} : flux non déclaré", address=address)
    if cell.source_port:
        return msg(
            "{address} port {port}/{over} hors d'atteinte, même depuis le port source {source}",
            address=address,
            port=port,
            over=cell.protocol.upper(),
            source=cell.source_port,
        )
    if cell.protocol == "udp" and cell.service == EMPTY:
        return msg("{address} port {port}/UDP hors d'atteinte : port non déclaré", address=address, port=port)
    if cell.protocol == "udp":
        return msg(
            "{address} port {port}/UDP ({service}) hors d'atteinte : flux non déclaré",
            address=address,
            port=port,
            service=cell.service,
        )
    return msg("{address} port {port}/TCP hors d'atteinte : flux non déclaré", address=address, port=port)


def _kept_out(attempt: ReachFacts, point: str) -> Message:
    if attempt.state is ReachState.ICMP_ERROR:
        return msg(
            "refusé par {by} (ICMP {type}/{code}), la cible répondant à {point} avant et après",
            by=str(attempt.answered_by),
            type=attempt.icmp_type or 0,
            code=attempt.icmp_code or 0,
            point=point,
        )
    return msg(
        "silence à {n} trames, la cible répondant à {point} avant et après, sans perte de capture",
        n=attempt.frames_sent,
        point=point,
    )


class _DenyCells:
    """What the two isolation checks share; each says over which protocol."""

    protocol: ClassVar[Protocol]

    def requests(self, topology: Topology, subject: Subject, parameters: Window) -> Sequence[Request]:
        return isolation_requests(topology, Cell.of(subject, self.protocol))

    def judge(self, subject: Subject, evidence: Evidence, parameters: Window) -> Judgement:
        return judge_isolation(Cell.of(subject, self.protocol), evidence, parameters.control_window_s)


class IcmpIsolated(_DenyCells, Check[Directed]):
    """No echo between zones where no flow is declared."""

    id = "vlan.icmp-isolated"
    title = msg("Zones isolées à l'écho ICMP")
    reference = "ANSSI-PA-108 R101-R102; ANSSI hygiène 19; IEC 62443-3-3 SR 5.1-5.2; PCI DSS 4.0.1 11.4.5"
    intrusiveness = Intrusiveness.SAFE
    controls = CONTROLS
    protocol = "icmp"

    def subjects(self, topology: Topology, parameters: Directed) -> Iterable[Subject]:
        return (cell.subject() for cell in matrix(topology).deny_icmp if parameters.concerns(topology, cell))


class TcpIsolated(_DenyCells, Check[Directed]):
    """No declared TCP service reached from a zone that no flow allows."""

    id = "vlan.tcp-isolated"
    title = msg("Services TCP hors d'atteinte des zones non autorisées")
    reference = "ANSSI-PA-108 R101-R102; IEC 62443-3-3 SR 5.1-5.2; PCI DSS 4.0.1 11.4.5"
    intrusiveness = Intrusiveness.SAFE
    controls = CONTROLS
    protocol = "tcp"

    def subjects(self, topology: Topology, parameters: Directed) -> Iterable[Subject]:
        return (cell.subject() for cell in matrix(topology).deny_tcp if parameters.concerns(topology, cell))


class Tiers(Window):
    """How many VLANs must be filtered."""

    atteint: Annotated[int, Field(ge=1)]
    partiel: Annotated[int, Field(ge=1)]


@dataclass(slots=True)
class _Tally:
    """Findings of the deny cells that a VLAN is one end of."""

    proven: int = 0
    broken: int = 0
    unknown: int = 0

    @property
    def filtered_surely(self) -> bool:
        return bool(self.proven) and not (self.broken or self.unknown)

    @property
    def filtered_perhaps(self) -> bool:
        return not self.broken


class ZonesCount(Check[Tiers]):
    """How many declared VLANs the matrix shows filtered.

    A VLAN is filtered when at least one deny cell with it at either end is proven and none is broken. What is not
    known, a VLAN without any cell included, widens the count; the finding stands only where both ends agree.
    """

    id = "vlan.zones-count"
    title = msg("Nombre de VLAN filtrés")
    reference = "IEC 62443-3-2 ZCR 3.1; ANSSI hygiène 19"
    intrusiveness = Intrusiveness.SAFE
    controls = CONTROLS

    def subjects(self, topology: Topology, parameters: Tiers) -> Iterable[Subject]:
        return [Subject(target=topology.site.building.id)]

    def requests(self, topology: Topology, subject: Subject, parameters: Tiers) -> Sequence[Request]:
        return [r for cell in _deny_cells(topology) for r in matrix(topology).around(cell)]

    def judge(self, subject: Subject, evidence: Evidence, parameters: Tiers) -> Judgement:
        tallies = _tallies(evidence, parameters.control_window_s)
        lowest = sum(t.filtered_surely for t in tallies.values())
        highest = sum(t.filtered_perhaps for t in tallies.values())
        expected = msg(
            "au moins {n} VLAN filtrés ({partial} : partiel)", n=parameters.atteint, partial=parameters.partiel
        )
        low, high = _grade(lowest, parameters), _grade(highest, parameters)
        declared = len(tallies)
        if low != high:
            raise NotVerified(
                msg(
                    "entre {low} et {high} VLAN filtrés sur {n} déclarés : cellules non vérifiées",
                    low=lowest,
                    high=highest,
                    n=declared,
                ),
                expected=expected,
            )
        measured = msg(
            "{low} VLAN filtrés au moins, {high} au plus, sur {n} déclarés", low=lowest, high=highest, n=declared
        )
        make = {Value.CONFORME: conforme, Value.PARTIEL: partiel, Value.NON_CONFORME: non_conforme}[low]
        return make(expected, measured)


def _deny_cells(topology: Topology) -> tuple[Cell, ...]:
    index = matrix(topology)
    return index.deny_icmp + index.deny_tcp


def _grade(count: int, parameters: Tiers) -> Value:
    if count >= parameters.atteint:
        return Value.CONFORME
    return Value.PARTIEL if count >= parameters.partiel else Value.NON_CONFORME


def _tallies(evidence: Evidence, window_s: float) -> dict[int, _Tally]:
    """The tally of every declared VLAN, by its identifier."""
    index = matrix(evidence.topology)
    tallies: dict[int, _Tally] = defaultdict(_Tally)
    for vlan in evidence.topology.site.vlans:
        tallies[vlan.id] = _Tally()
    for cell in _deny_cells(evidence.topology):
        ends = {vlan.id for vlan in (index.vlan_of(cell.address), index.vlan_at(cell.point)) if vlan is not None}
        try:
            value: Value | None = judge_isolation(cell, evidence, window_s, explained=False).value
        except NotVerified:
            value = None
        for end in ends:
            tally = tallies[end]
            if value is Value.CONFORME:
                tally.proven += 1
            elif value is Value.NON_CONFORME:
                tally.broken += 1
            else:
                tally.unknown += 1
    return tallies
