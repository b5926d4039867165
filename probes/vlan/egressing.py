"""The collector ``vlan.egress``: asks the declared end of a way out with one hop to live, with two and so on.

Every frame is to that end, by the point's own gateway; who answers on the way is written down and asked nothing. Two
hops are tried at a time, until the end answers, nobody does any more, or the way is longer than any that a building
has to its operator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal

from probes.api import CollectFailure, Outcome
from probes.vlan.datagrams import datagram
from probes.vlan.egress_facts import EgressFacts, HopFacts
from probes.vlan.facts import ReachState
from probes.vlan.window import ATTEMPTS, Side, Window, loss_of
from probes.wire.frames import mac_text, parse_header
from probes.wire.match import Probe, ProbeState
from probes.wire.station import Station
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from probes.api import Access
    from probes.vlan.facts import Loss
    from probes.vlan.window import End
    from probes.wire.capture import CaptureStatistics
    from probes.wire.exchange import ProbeReport, ProbeResult
    from r2s_audit.model.observation import BlobRef, Request
    from r2s_audit.model.site import AnyAddress

LIMITS = ((1, 2), (3, 4), (5, 6), (7, 8))
"""Hops to live that are tried together; those after the last belong to the operator, or to nobody we know."""
ENOUGH = 64
_PROTOCOLS: dict[str, Literal["icmp", "tcp", "udp"]] = {"icmp": "icmp", "tcp": "tcp", "udp": "udp"}


@dataclass(slots=True)
class _Way:
    """One request, read once, and what has come of it so far."""

    request: Request
    address: AnyAddress
    protocol: Literal["icmp", "tcp", "udp"]
    port: int | None
    service: str
    gateway: AnyAddress
    results: dict[int, ProbeResult] = field(default_factory=dict)
    over: bool = False

    def key(self, limit: int) -> str:
        """What tells its questions apart."""
        return f"{self.request.key} {limit}"

    def probe(self, limit: int, source: AnyAddress, mac: str) -> Probe:
        """The question with so many hops to live."""
        return Probe(
            self.key(limit),
            source,
            mac,
            self.address,
            self.port,
            hop_limit=limit,
            datagram=datagram(self.service, source, self.address, self.port or 0) if self.protocol == "udp" else None,
        )

    def take(self, results: dict[int, ProbeResult]) -> None:
        """Note a stage; the last one is that in which the end answered, or in which nobody did and the end never had."""
        self.results |= results
        states = [result.state for limit, result in results.items() if limit != ENOUGH]
        ended = any(state not in {ProbeState.ICMP_ERROR, ProbeState.SILENCE} for state in states)
        mute = self.results[ENOUGH].state is ProbeState.SILENCE and set(states) == {ProbeState.SILENCE}
        self.over = ended or mute


async def egress(access: Access, requests: Sequence[Request]) -> AsyncIterator[tuple[Request, Outcome]]:
    """Follow every way out of one point, both IP versions in one window; one outcome each.

    Raises:
        CollectFailure: no raw frames, no interface. WireError: the helper is gone.
    """
    ways: list[_Way] = []
    sides: dict[int, Side] = {}
    for request in requests:
        found = _way(access, request)
        if isinstance(found, Outcome):
            yield request, found
            continue
        way, side = found
        ways.append(way)
        sides[way.address.version] = side
    if ways:
        for each in await _followed(access, ways, sides):
            yield each


def _way(access: Access, request: Request) -> Outcome | tuple[_Way, Side]:
    """Read a request; a failure where the point has no address, or the site no gateway, in its IP version."""
    address = ip_address(str(request.param("address")))
    source, gateway = access.source(address.version), access.topology.gateway(access.point, address.version)
    if source is None:
        reason = msg(
            "le point {point} n'a pas d'adresse IPv{version} sur {name}",
            point=access.point.id,
            version=address.version,
            name=access.point.interface,
        )
        return Outcome(failure=CollectFailure(Failure.UNREACHABLE, reason))
    if gateway is None:
        reason = msg(
            "aucune passerelle IPv{version} déclarée au point {point}", version=address.version, point=access.point.id
        )
        return Outcome(failure=CollectFailure(Failure.NOT_SUPPORTED, reason))
    way = _Way(
        request=request,
        address=address,
        protocol=_PROTOCOLS[str(request.param("protocol"))],
        port=int(request.param("port")) or None,
        service=str(request.param("service")),
        gateway=gateway,
    )
    return way, Side(source, gateway)


async def _followed(access: Access, ways: Sequence[_Way], sides: dict[int, Side]) -> list[tuple[Request, Outcome]]:
    name = access.point.interface
    window = Window(access, Station(name, mac_text(access.mac)), sides)

    async def work(before: End) -> list[ProbeReport]:
        return [report async for report in _stages(window, ways, before)]

    framed = await window.framed(work)
    reports, before, start = framed.found, framed.before, framed.start
    found = []
    for way in ways:
        refusal = _refusal(way, before)
        if refusal is not None:
            found.append((way.request, Outcome(failure=refusal, started=start, ended=access.now())))
            continue
        hops = {limit: _hop(limit, result) for limit, result in sorted(way.results.items())}
        end = hops.pop(ENOUGH, None)
        facts = EgressFacts(
            address=way.address,
            protocol=way.protocol,
            port=way.port,
            next_hop=way.gateway,
            next_hop_mac=before.neighbours.macs.get(way.gateway),
            hops=tuple(hops.values()),
            end=end,
            foreign=sum(report.foreign_count for report in reports),
            window_start=start,
            window_end=access.now(),
            loss=_loss(reports),
            sender=framed.sender(way.gateway),
        )
        sent = sum(hop.frames_sent for hop in (*facts.hops, *filter(None, [end])))
        blobs = tuple(_kept(access, way.results.values()))
        found.append(
            (way.request, Outcome(facts=facts, blobs=blobs, packets_sent=sent, started=start, ended=facts.window_end))
        )
    return found


async def _stages(window: Window, ways: Sequence[_Way], before: End) -> AsyncIterator[ProbeReport]:
    """Two hops at a time for every way that is not over; nothing where the gateway did not answer."""
    macs = before.neighbours.macs
    for number, stage in enumerate(LIMITS):
        limits = (*stage, ENOUGH) if number == 0 else stage
        open_ways = [way for way in ways if way.gateway in macs and not way.over]
        if not open_ways:
            return
        # Datagrams of one call leave from one port: with several hops to live, nobody could tell their answers apart.
        alone = any(way.protocol == "udp" for way in open_ways)
        found: dict[str, ProbeResult] = {}
        for together in [(limit,) for limit in limits] if alone else [limits]:
            probes = [
                way.probe(limit, window.sides[way.address.version].source, macs[way.gateway])
                for way in open_ways
                for limit in together
            ]
            report = await window.probe(probes, ATTEMPTS)
            found |= {result.probe.key: result for result in report.results}
            yield report
        for way in open_ways:
            way.take({limit: found[way.key(limit)] for limit in limits})


def _refusal(way: _Way, before: End) -> CollectFailure | None:
    """The gate's, or the interface's: what never left is no silence."""
    why = before.neighbours.refused.get(way.gateway)
    if why is not None:
        return CollectFailure(Failure.OUT_OF_SCOPE, msg("trame refusée par le périmètre : {why}", why=why))
    for result in way.results.values():
        if result.state is ProbeState.NOT_SENT:
            return CollectFailure(Failure.OUT_OF_SCOPE, msg("trame non envoyée : {why}", why=result.reason or "-"))
    return None


def _hop(limit: int, result: ProbeResult) -> HopFacts:
    header = None if result.answer is None else parse_header(result.answer)
    return HopFacts(
        hop_limit=limit,
        state=ReachState(result.state.value),
        address=None if header is None else header.source_ip,
        mac=result.answer_mac,
        answer_hop_limit=None if header is None else header.hop_limit,
        icmp_type=None if result.icmp is None else result.icmp.type,
        icmp_code=None if result.icmp is None else result.icmp.code,
        rtt_ms=None if result.rtt_ns is None else round(result.rtt_ns / 1e6, 3),
        frames_sent=len(result.left_ns),
        frames_seen=sum(1 for ns in result.left_ns if ns is not None),
        note=result.reason,
    )


def _loss(reports: Sequence[ProbeReport]) -> Loss:
    statistics: list[CaptureStatistics | None] = [report.statistics for report in reports]
    return loss_of(*statistics)


def _kept(access: Access, results: Iterable[ProbeResult]) -> list[BlobRef]:
    """The answers' own bytes: headers of ICMP and TCP, and of our question as it was quoted."""
    return [access.keep(result.answer, "ethernet-frame") for result in results if result.answer]
