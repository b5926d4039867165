"""The family's collectors: ``vlan.point`` and ``vlan.reach``.

Neither believes anything: what was sent, what came back, and whether the point could hear at the time go into the
facts; the checks decide.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal

from probes.api import CollectFailure, Outcome
from probes.vlan.datagrams import UdpService
from probes.vlan.facts import GatewayAnswer, PointFacts
from probes.vlan.link import NoInterface, read_addresses, read_link, read_speed
from probes.vlan.neighbours import resolve_all
from probes.vlan.window import ANSWER_SECONDS, ATTEMPTS, NOTHING_LOST, Question, Side, Window, loss_of
from probes.wire.exchange import probe_many
from probes.wire.frames import mac_text
from probes.wire.match import Probe, ProbeState
from probes.wire.station import Station
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from probes.api import Access
    from probes.vlan.facts import Loss
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import AnyAddress

WINDOW_SIZE = 256
"""Requests of one window at most: a loss spoils no more than its own window."""
VERSIONS = (4, 6)
_PROTOCOLS: dict[str, Literal["icmp", "tcp", "udp"]] = {"icmp": "icmp", "tcp": "tcp", "udp": "udp"}


async def point(access: Access, request: Request) -> Outcome:
    """The point's interface and its gateways' answers.

    Raises:
        CollectFailure: MISSING_INTERFACE or MISSING_PRIVILEGE. WireError: the helper is gone.
    """
    del request  # the access knows the point; the target is the point's own socket
    name, started = access.point.interface, access.now()
    try:
        link, addresses = read_link(name), read_addresses(name)
    except NoInterface as error:
        raise CollectFailure(
            Failure.MISSING_INTERFACE, msg("interface {name} absente de cette machine", name=name)
        ) from error
    speed, duplex = read_speed(name)
    gateways: list[GatewayAnswer] = []
    losses = [NOTHING_LOST]
    for version in VERSIONS:
        gateway = access.topology.gateway(access.point, version)
        if gateway is None:
            continue
        source = access.source(version)
        if source is None or not (link.up and link.carrier):
            gateways.append(GatewayAnswer(address=gateway, asked=False, mac=None, echo=False))
            continue
        answer, loss = await _ask_gateway(access, source, gateway)
        gateways.append(answer)
        losses.append(loss)
    facts = PointFacts(
        interface=name,
        up=link.up,
        carrier=link.carrier,
        speed_mbps=speed,
        duplex=duplex,
        mtu=link.mtu,
        mac=link.mac,
        addresses=addresses,
        gateways=tuple(gateways),
        loss=NOTHING_LOST.model_copy(
            update={
                name: sum(getattr(loss, name) for loss in losses) for name in ("kernel", "forwarding", "interruptions")
            }
        ),
    )
    return Outcome(facts=facts, started=started, ended=access.now())


async def _ask_gateway(access: Access, source: AnyAddress, gateway: AnyAddress) -> tuple[GatewayAnswer, Loss]:
    """Ask one gateway by ARP or NS, then by echo.

    Raises:
        CollectFailure: OUT_OF_SCOPE where the gate refuses the gateway.
    """
    station = Station(access.point.interface, mac_text(access.mac))
    found = await resolve_all(access.wire, access.frame_gate, station, [(source, gateway)])
    refusal = found.refused.get(gateway)
    if refusal is not None:
        raise CollectFailure(Failure.OUT_OF_SCOPE, msg("trame refusée par le périmètre : {detail}", detail=refusal))
    mac = found.macs.get(gateway)
    if mac is None:
        return GatewayAnswer(address=gateway, asked=True, mac=None, echo=False), loss_of(found.statistics)
    report = await probe_many(
        access.wire,
        access.frame_gate,
        station,
        [Probe("gateway", source, mac, gateway)],
        timeout=ANSWER_SECONDS,
        attempts=ATTEMPTS,
    )
    echo = report.results[0].state is ProbeState.REPLY
    answer = GatewayAnswer(address=gateway, asked=True, mac=mac, echo=echo)
    return answer, loss_of(found.statistics, report.statistics)


async def reach(access: Access, requests: Sequence[Request]) -> AsyncIterator[tuple[Request, Outcome]]:
    """Ask every request of one point and one phase, window by window; one outcome each.

    Raises:
        CollectFailure: no raw frames, no interface. WireError: the helper is gone.
    """
    station = Station(access.point.interface, mac_text(access.mac))
    sides: dict[int, Side] = {}
    for version in VERSIONS:
        source = access.source(version)
        if source is not None:
            sides[version] = Side(source, access.topology.gateway(access.point, version))
    questions: list[Question] = []
    for question in (_question(access, request) for request in requests):
        if question.address.version not in sides:
            yield question.request, _no_source(access, question.address.version)
        elif question.protocol == "udp" and not UdpService(question.service, question.port or 0).answers:
            reason = msg("aucune question du protocole {service} n'appelle de réponse", service=question.service)
            yield question.request, Outcome(failure=CollectFailure(Failure.NOT_SUPPORTED, reason))
        else:
            questions.append(question)
    for start in range(0, len(questions), WINDOW_SIZE):
        asked = questions[start : start + WINDOW_SIZE]
        versions = {question.address.version for question in asked}  # the other gateway need not be disturbed
        window = Window(access, station, {v: side for v, side in sides.items() if v in versions})
        for each in await window.ask(asked):
            yield each


def _question(access: Access, request: Request) -> Question:
    """Read a request; its next hop is its own address where the point is in the address's VLAN."""
    address = ip_address(str(request.param("address")))
    port = int(request.param("port"))
    more = dict(request.params)
    near = access.topology.same_vlan(access.point, address)
    return Question(
        request=request,
        address=address,
        protocol=_PROTOCOLS[str(request.param("protocol"))],
        port=port or None,
        next_hop=address if near else access.topology.gateway(access.point, address.version),
        service=str(more.get("service", "")),
        source_port=int(more.get("source_port", 0)) or None,
    )


def _no_source(access: Access, version: int) -> Outcome:
    reason = msg(
        "le point {point} n'a pas d'adresse IPv{version} sur {name}",
        point=access.point.id,
        version=version,
        name=access.point.interface,
    )
    return Outcome(failure=CollectFailure(Failure.UNREACHABLE, reason))
