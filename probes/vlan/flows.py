"""Declared flows that must work: what the policy allows, the building needs."""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from probes.api import Check, NotVerified, conforme, non_conforme
from probes.vlan.datagrams import udp_services
from probes.vlan.facts import ReachState
from probes.vlan.isolation import Window
from probes.vlan.matrix import AFTER, ATTEMPT, BEFORE, Cell, matrix, tcp_ports
from probes.vlan.path import proxy_seen, reached
from probes.vlan.truth import attempt_facts, controls, require_hearing
from r2s_audit.model.finding import Subject
from r2s_audit.model.site import DeviceRole, Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from probes.api import Evidence
    from probes.vlan.datagrams import UdpService
    from probes.vlan.facts import ReachFacts
    from probes.vlan.matrix import Protocol
    from r2s_audit.model.finding import Judgement
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import AnyAddress, Device, Flow, MeasuringPoint
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology


class FlowsOpen(Check[Window]):
    """Each declared flow, from each point of its source zone to each address of its destination.

    A flow that fails is *non conforme* only where the target's own VLAN reaches the same port before and after:
    a service that answers nobody is mute, not filtered. A TCP flow is asked of the devices that declare a service
    there, and so is a UDP flow, where its protocol has a request that is answered. Flows without such a device or such
    a request stay in the population, not verified.
    """

    id = "vlan.flows-open"
    title = msg("Flux déclarés ouverts")
    reference = "ANSSI-PA-108 R102 (flux : adresses, protocole et ports); exigence S1.3"
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "aucun pour un flux qui passe ; pour un flux qui ne passe pas : la même adresse et le même port répondent, avant"
        " et après, à un point du VLAN de la cible, l'émetteur entend sa passerelle et la capture est sans perte"
    )

    def subjects(self, topology: Topology, parameters: Window) -> Iterable[Subject]:
        found: dict[str, Subject] = {}
        for flow in topology.site.flows:
            for point in matrix(topology).points:
                if topology.zone_of(point).id == flow.source:
                    found.update((s.key, s) for s in _subjects(topology, flow, point))
        return found.values()

    def requests(self, topology: Topology, subject: Subject, parameters: Window) -> Sequence[Request]:
        cell = _cell(topology, subject)
        if cell is None or cell.untouchable or cell.mute:
            return []
        index = matrix(topology)
        point = index.neighbour(cell)
        attempt = [index.ask(cell, ATTEMPT), *index.proxied(cell)]
        return attempt if point is None else [index.ask(cell, BEFORE, point), *attempt, index.ask(cell, AFTER, point)]

    def judge(self, subject: Subject, evidence: Evidence, parameters: Window) -> Judgement:
        cell = _cell(evidence.topology, subject)
        if cell is None or cell.mute:
            raise NotVerified(_why_not_asked(subject, cell))
        if cell.untouchable:
            raise NotVerified(msg("port {port} jamais sollicité (impression directe)", port=cell.port or 0))
        expected = msg("{address} répond au flux déclaré {flow}", address=str(cell.address), flow=subject.get("flow"))
        attempt = attempt_facts(evidence, cell)
        if attempt.is_open:
            return conforme(expected, reached(attempt, proxy_seen(evidence, cell)))
        point = matrix(evidence.topology).neighbour(cell)
        if point is None:
            raise NotVerified(
                msg(
                    "sans réponse, et aucun autre point dans le VLAN de {address} pour dire s'il vit",
                    address=str(cell.address),
                ),
                expected=expected,
            )
        found = controls(evidence, cell, point, attempt, parameters.control_window_s)
        if not found.both_open:
            raise NotVerified(
                msg(
                    "service arrêté : {address} refuse aussi à {point}, dans son VLAN",
                    address=str(cell.address),
                    point=point,
                ),
                expected=expected,
            )
        require_hearing(attempt)
        return non_conforme(expected, _failed(attempt, point))


def _failed(attempt: ReachFacts, point: str) -> Message:
    if attempt.state is ReachState.RST:
        return msg("refusé (RST), alors que {point} y accède", point=point)
    if attempt.state is ReachState.ICMP_ERROR:
        return msg(
            "refusé par {by} (ICMP {type}/{code}), alors que {point} y accède",
            by=str(attempt.answered_by),
            type=attempt.icmp_type or 0,
            code=attempt.icmp_code or 0,
            point=point,
        )
    return msg("silence à {n} trames, alors que {point} y accède", n=attempt.frames_sent, point=point)


def _subjects(topology: Topology, flow: Flow, point: MeasuringPoint) -> Iterator[Subject]:
    one = topology.devices.get(flow.destination)
    devices = [one] if one else [d for d in topology.site.devices if d.zone == flow.destination]
    ports: list[int | None] = [*flow.ports] or [None]
    for port in ports:
        name = flow.protocol if port is None else f"{flow.protocol}/{port}"
        asked = [
            (device, address)
            for device in devices
            if _serves(device, flow, port)
            for address in _addresses(topology, point, device)
            if flow.protocol != "udp" or _spoken(device, port).is_over(address.version)
        ]
        for device, address in asked:
            yield Subject(target=device.id, point=point.id, detail=(("address", str(address)), ("flow", name)))
        if not asked:
            yield Subject(target=flow.destination, point=point.id, detail=(("flow", name),))


def _serves(device: Device, flow: Flow, port: int | None) -> bool:
    """Whether the device declares what the flow leads to; a building controller is asked for nothing else."""
    if flow.protocol == "tcp":
        return port in tcp_ports(device)
    return flow.protocol == "icmp" or any(service.port == port for service in udp_services(device))


def _spoken(device: Device, port: int | None) -> UdpService:
    """What a device declares on a UDP port."""
    return next(service for service in udp_services(device) if service.port == port)


def _addresses(topology: Topology, point: MeasuringPoint, device: Device) -> list[AnyAddress]:
    """The addresses that a flow to a device leads to; of a router next to the point, those next to the point."""
    addresses = list(dict.fromkeys(device.addresses))
    near = [a for a in addresses if matrix(topology).on_link(point.id, a)]
    return near if near and device.role is DeviceRole.ROUTER else addresses


def _cell(topology: Topology, subject: Subject) -> Cell | None:
    """What can be asked for a subject; None where nobody is there to be asked."""
    detail = dict(subject.detail)
    name, _, port = detail["flow"].partition("/")
    if "address" not in detail:
        return None
    over = cast("Protocol", name)
    service = _spoken(topology.devices[subject.target], int(port)).protocol if over == "udp" else ""
    known = (("address", detail["address"]), ("port", port), ("service", service))
    return Cell.of(Subject(target=subject.target, point=subject.point, detail=known), over)


def _why_not_asked(subject: Subject, cell: Cell | None) -> Message:
    flow = subject.get("flow")
    if cell is None:
        return msg(
            "{target} : aucune adresse ni service déclarés pour le flux {flow}", target=subject.target, flow=flow
        )
    return msg("flux {flow} non vérifiable : {service} ne répond à personne", flow=flow, service=cell.service)
