"""The collector ``vlan.inside``: the other dwellings' devices, by every way that a dwelling's socket has to them.

One window for all that one point asks: the sender's control; the questions to all, then those to one station, and
beside them echoes and SYNs to the devices' own MAC addresses and to the router's; the sender's control again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from probes.api import CollectFailure, Outcome
from probes.vlan.facts import InsideFacts, ReachState, Way, WayFacts
from probes.vlan.matrix import PRINTER_PORTS, tcp_ports
from probes.vlan.owners import Question, ask_owners
from probes.vlan.window import ATTEMPTS, Side, Window, loss_of
from probes.wire.frames import mac_text, parse_header
from probes.wire.match import Probe, ProbeState
from probes.wire.station import Station
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from probes.api import Access
    from probes.vlan.window import End
    from probes.wire.capture import CaptureStatistics
    from probes.wire.exchange import ProbeReport, ProbeResult
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import AnyAddress

VERSIONS = (4, 6)
WINDOW_SIZE = 32
"""Requests of one window at most: its controls have to embrace it closely."""
_RESOLVING = {4: "arp", 6: "nd"}


@dataclass(frozen=True, slots=True)
class _Target:
    """A request read once."""

    request: Request
    address: AnyAddress
    on_link: bool
    mac: str | None
    """As declared: what the building says of itself in this window is what is in question."""
    ports: tuple[int | None, ...]
    """None stands for an echo."""

    def key(self, way: Way, port: int | None) -> str:
        """Of one probe."""
        return f"{self.request.key} {way} {port or 0}"


async def inside(access: Access, requests: Sequence[Request]) -> AsyncIterator[tuple[Request, Outcome]]:
    """Try every address that one point asks about; one outcome each.

    Raises:
        CollectFailure: no raw frames, no interface. WireError: the helper is gone.
    """
    station = Station(access.point.interface, mac_text(access.mac))
    sides: dict[int, Side] = {}
    for version in VERSIONS:
        source = access.source(version)
        if source is not None:
            sides[version] = Side(source, access.topology.gateway(access.point, version))
    targets: list[_Target] = []
    for request in requests:
        target = _read(access, request)
        if target.address.version in sides:
            targets.append(target)
        else:
            reason = msg(
                "le point {point} n'a pas d'adresse IPv{version} sur {name}",
                point=access.point.id,
                version=target.address.version,
                name=access.point.interface,
            )
            yield request, Outcome(failure=CollectFailure(Failure.UNREACHABLE, reason))
    for start in range(0, len(targets), WINDOW_SIZE):
        asked = targets[start : start + WINDOW_SIZE]
        versions = {target.address.version for target in asked}
        window = Window(access, station, {v: side for v, side in sides.items() if v in versions})
        for each in await _ask(window, asked):
            yield each


def _read(access: Access, request: Request) -> _Target:
    device = access.topology.devices[request.target]
    address = ip_address(str(request.param("address")))
    return _Target(
        request=request,
        address=address,
        on_link=access.topology.same_vlan(access.point, address),
        mac=device.mac,
        ports=(None, *(p for p in tcp_ports(device) if p not in PRINTER_PORTS)),
    )


async def _ask(window: Window, targets: Sequence[_Target]) -> list[tuple[Request, Outcome]]:
    access = window.access
    near = [target for target in targets if target.on_link]
    to_all = {t.address: Question(window.sides[t.address.version].source, t.address, None) for t in near}
    to_one = {t.address: Question(window.sides[t.address.version].source, t.address, t.mac) for t in near if t.mac}

    async def work(before: End) -> tuple[ProbeReport, list[CaptureStatistics | None]]:
        # The questions and the probes listen in captures of their own, and no answer to one is an answer to the other.
        asking = asyncio.create_task(_asked(window, [to_all, to_one]))
        try:
            probes = [p for t in targets for p in _probes(window, t, before.neighbours.macs)]
            return await window.probe(probes, ATTEMPTS), await asking
        finally:
            asking.cancel()

    framed = await window.framed(work)
    (report, heard), gateways = framed.found, framed.before.neighbours.macs
    loss = loss_of(*heard, report.statistics)
    results = {result.probe.key: result for result in report.results}
    outcomes: list[tuple[Request, Outcome]] = []
    for target in targets:
        gateway = window.sides[target.address.version].gateway
        ways: list[WayFacts] = []
        if target.on_link:
            ways.append(_resolved(target, Way.ASKED_ALL, to_all[target.address]))
            ways.append(_resolved(target, Way.ASKED_ONE, to_one.get(target.address)))
            ways.append(_probed(target, Way.DIRECT, None, results))
        ways.extend(_probed(target, Way.ROUTED, port, results) for port in target.ports)
        facts = InsideFacts(
            address=target.address,
            on_link=target.on_link,
            gateway_mac=gateways.get(gateway) if gateway else None,
            ways=tuple(ways),
            window_start=framed.start,
            window_end=framed.end,
            loss=loss,
            sender=framed.sender(gateway),
        )
        answers = (r.answer for key, r in results.items() if key.startswith(f"{target.request.key} ") and r.answer)
        outcome = Outcome(
            facts=facts,
            blobs=tuple(access.keep(answer, "ethernet-frame") for answer in answers),
            packets_sent=sum(way.frames_sent for way in ways),
            started=framed.start,
            ended=framed.end,
        )
        outcomes.append((target.request, outcome))
    return outcomes


async def _asked(window: Window, rounds: Sequence[Mapping[AnyAddress, Question]]) -> list[CaptureStatistics | None]:
    """Ask the questions to all before those to one: an answer does not say which of the two it answers."""
    return [await ask_owners(window.access, window.station, list(questions.values())) for questions in rounds]


def _probes(window: Window, target: _Target, gateways: Mapping[AnyAddress, str]) -> Iterator[Probe]:
    side = window.sides[target.address.version]
    if target.on_link and target.mac:
        yield Probe(target.key(Way.DIRECT, None), side.source, target.mac, target.address)
    router = gateways.get(side.gateway) if side.gateway else None
    if router:
        for port in target.ports:
            yield Probe(target.key(Way.ROUTED, port), side.source, router, target.address, port)


def _resolved(target: _Target, way: Way, question: Question | None) -> WayFacts:
    protocol = _RESOLVING[target.address.version]
    if question is None or not question.sent:
        return WayFacts.model_validate(
            {
                "way": way,
                "protocol": protocol,
                "to_mac": None if question is None else question.destination,
                "state": None,
                "frames_sent": 0,
                "frames_seen": 0,
                "note": None if question is None else question.refused,
            }
        )
    answered = question.answer_mac is not None
    return WayFacts.model_validate(
        {
            "way": way,
            "protocol": protocol,
            "to_mac": mac_text(question.frame[:6]),
            "state": ReachState.REPLY if answered else ReachState.SILENCE,
            "answered_by": target.address if answered else None,
            "answer_mac": question.answer_mac,
            "frames_sent": question.sent,
            "frames_seen": question.seen,
            "note": question.refused,
        }
    )


def _probed(target: _Target, way: Way, port: int | None, results: Mapping[str, ProbeResult]) -> WayFacts:
    result = results.get(target.key(way, port))
    protocol = "icmp" if port is None else "tcp"
    if result is None or result.state is ProbeState.NOT_SENT:
        return WayFacts.model_validate(
            {
                "way": way,
                "protocol": protocol,
                "port": port,
                "to_mac": result.probe.next_hop_mac if result else None,
                "state": None,
                "frames_sent": 0,
                "frames_seen": 0,
                "note": result.reason if result else None,
            }
        )
    header = parse_header(result.answer) if result.answer is not None else None
    return WayFacts.model_validate(
        {
            "way": way,
            "protocol": protocol,
            "port": port,
            "to_mac": result.probe.next_hop_mac,
            "state": ReachState(result.state.value),
            "answered_by": header.source_ip if header else None,
            "answer_mac": result.answer_mac,
            "answer_hop_limit": header.hop_limit if header else None,
            "icmp_type": result.icmp.type if result.icmp else None,
            "icmp_code": result.icmp.code if result.icmp else None,
            "frames_sent": len(result.left_ns),
            "frames_seen": sum(ns is not None for ns in result.left_ns),
            "note": result.reason,
        }
    )
