"""The administration plane of switches and routers, as seen from the zones of users (requirement C3.2)."""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from probes.api import Check, NotVerified, conforme, non_conforme, partiel
from probes.vlan.facts import ReachFacts, ReachState
from probes.vlan.isolation import Window
from probes.vlan.matrix import AFTER, ATTEMPT, BEFORE, Cell, matrix
from probes.vlan.truth import (
    Controls,
    attempt_facts,
    control,
    controls,
    refused_on_the_way,
    require_around,
    require_hearing,
)
from r2s_audit.model.base import Port
from r2s_audit.model.site import Intrusiveness, ZoneKind
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from probes.api import Evidence
    from r2s_audit.model.finding import Judgement, Subject
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import AnyAddress, MeasuringPoint
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology


class AdminPlane(Window):
    """Which ports are the administration plane, and who is a user."""

    ports: Annotated[list[Port], Field(min_length=1)]
    """TCP ports; those of UDP protocols among them are asked over TCP all the same."""
    user_zones: Annotated[list[ZoneKind], Field(min_length=1)]


class AdminUnreachable(Check[AdminPlane]):
    """No administration port of a switch or router answers a user zone.

    *Closed* means that nothing comes back although the device lives. It is shown alive, in this order, by the same
    port answering (open or RST) a point of its own VLAN or of an administration zone; by its echo replies to that
    point; on the point's own link, by its echo replies to the point itself or, for the gateway, by the sender's
    control, which is an answer of that very address. A RST is *visible*: somebody is there.
    """

    id = "vlan.admin-unreachable"
    title = msg("Plan d'administration hors d'atteinte des zones d'usagers")
    reference = "ANSSI administration sécurisée R15, R18; ANSSI hygiène 28; ANSSI-PA-108 R108; exigence C3.2"
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "émetteur : la passerelle du point répond au début et à la fin de la fenêtre ; cible : l'équipement est montré"
        " vivant avant et après, par le même port ou par l'écho ; capture sans aucune perte"
    )

    def subjects(self, topology: Topology, parameters: AdminPlane) -> Iterable[Subject]:
        for point in matrix(topology).points:
            if topology.zone_of(point).kind not in parameters.user_zones:
                continue
            for target, address in _equipment(topology, point):
                for port in dict.fromkeys(parameters.ports):
                    yield Cell(point.id, target, address, "tcp", port).subject()

    def requests(self, topology: Topology, subject: Subject, parameters: AdminPlane) -> Sequence[Request]:
        cell = Cell.of(subject, "tcp")
        if cell.untouchable:
            return []
        echo, index = _echo(cell), matrix(topology)
        if index.on_link(cell.point, cell.address):
            return [index.ask(echo, BEFORE), index.ask(cell, ATTEMPT), index.ask(echo, AFTER)]
        point = _control_point(topology, cell)
        if point is None:
            return [index.ask(cell, ATTEMPT)]
        around = [(BEFORE, echo), (BEFORE, cell), (AFTER, cell), (AFTER, echo)]
        return [index.ask(cell, ATTEMPT), *(index.ask(each, phase, point) for phase, each in around)]

    def judge(self, subject: Subject, evidence: Evidence, parameters: AdminPlane) -> Judgement:
        cell = Cell.of(subject, "tcp")
        if cell.untouchable:
            raise NotVerified(msg("port {port} jamais sollicité (impression directe)", port=cell.port or 0))
        expected = msg("{address} port {port}/TCP fermé aux usagers", address=str(cell.address), port=cell.port or 0)
        attempt = attempt_facts(evidence, cell)
        if attempt.is_open:
            return non_conforme(expected, msg("port ouvert (SYN-ACK en {rtt} ms)", rtt=attempt.rtt_ms or 0.0))
        if attempt.state is ReachState.RST:
            return partiel(expected, msg("filtré mais visible : refus par RST"))
        if attempt.state is ReachState.ICMP_ERROR and attempt.answered_by == attempt.address:
            return partiel(
                expected,
                msg(
                    "filtré mais visible : refus par ICMP {type}/{code} de l'équipement lui-même",
                    type=attempt.icmp_type or 0,
                    code=attempt.icmp_code or 0,
                ),
            )
        if attempt.state is ReachState.ICMP_ERROR and not refused_on_the_way(attempt):
            raise NotVerified(
                msg(
                    "réponse ambiguë : ICMP {type}/{code} de {by} ne dit pas si le flux est filtré",
                    type=attempt.icmp_type or 0,
                    code=attempt.icmp_code or 0,
                    by=str(attempt.answered_by),
                ),
                expected=expected,
            )
        require_hearing(attempt)
        return conforme(expected, _shown_alive(evidence, cell, attempt, parameters.control_window_s))


def _equipment(topology: Topology, point: MeasuringPoint) -> Iterator[tuple[str, AnyAddress]]:
    """Every address of network equipment, then the point's own gateways that no device declares, each once."""
    known: set[AnyAddress] = set()
    for device in topology.site.devices:
        if device.role.is_network_equipment:
            for address in device.addresses:
                if address not in known:
                    known.add(address)
                    yield device.id, address
    vlan = topology.vlan_of(point)
    for subnet in vlan.subnets if vlan else []:
        gateway = subnet.gateway
        if vlan and gateway and gateway not in known:
            known.add(gateway)
            owner = topology.device_at(gateway)
            yield owner.id if owner else vlan.zone, gateway


def _echo(cell: Cell) -> Cell:
    return Cell(cell.point, cell.target, cell.address, "icmp", text=cell.text)


def _control_point(topology: Topology, cell: Cell) -> str | None:
    """A point of the address's own VLAN, else one of an administration zone, else one that a flow allows."""
    index = matrix(topology)
    near = index.neighbour(cell)
    if near:
        return near
    for point in index.points:
        if point.id != cell.point and topology.zone_of(point).kind is ZoneKind.ADMINISTRATION:
            return point.id
    return index.control(cell)


def _shown_alive(evidence: Evidence, cell: Cell, attempt: ReachFacts, window_s: float) -> Message:
    """The sentence that says how the equipment was shown alive around a silence that was heard.

    Raises:
        NotVerified: it was not.
    """
    silent = msg("sans réponse, l'équipement {address} répondant à l'écho avant et après", address=str(cell.address))
    if matrix(evidence.topology).on_link(cell.point, cell.address):
        if attempt.sender.gateway == cell.address:  # whose answers are the sender's control, required above
            return msg("sans réponse, la passerelle {address} répondant à ce même point", address=str(cell.address))
        _require_echo(evidence, cell, cell.point, attempt, window_s)
        return silent
    point = _control_point(evidence.topology, cell)
    if point is None:
        raise NotVerified(
            msg(
                "aucun point de mesure n'a le droit d'atteindre {target} {address} : contrôle de la cible impossible",
                target=cell.target,
                address=str(cell.address),
            )
        )
    try:
        controls(evidence, cell, point, attempt, window_s)
    except NotVerified:  # the port may be mute to everybody; the echo is the other way that this check states
        _require_echo(evidence, cell, point, attempt, window_s)
        return silent
    return msg("sans réponse, le même port répondant à {point} avant et après", point=point)


def _require_echo(evidence: Evidence, cell: Cell, point: str, attempt: ReachFacts, window_s: float) -> None:
    echo = _echo(cell)
    found = Controls(control(evidence, echo.ask(BEFORE, point)), control(evidence, echo.ask(AFTER, point)))
    if not found.both_open:
        raise NotVerified(
            msg(
                "cible muette : {address} ne répond ni au port ni à l'écho depuis {point}",
                address=str(cell.address),
                point=point,
            )
        )
    require_around(found, attempt, window_s)
