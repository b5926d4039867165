"""The collector ``ipv6.neighbour``: many devices asked for their IPv6 address in one window.

First all who listen for the address, by its solicited-node group (RFC 4861 §7.2.2), then the one who answered, at its own
address and MAC (§7.3). A device that has IPv4 on the link is asked for it by ARP before and after: so is one that is off
told from one whose IPv6 is mute.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from probes.api import CollectFailure, Outcome
from probes.ipv6.declared import alive_addresses
from probes.ipv6.facts import Hearing, NeighbourAnswer, NeighbourFacts, Solicited
from probes.ipv6.kernel import NoInterface, read_link
from probes.ipv6.listener import (
    ANSWER_SECONDS,
    ATTEMPTS,
    QUEUE_OCTETS,
    Listener,
    asked,
    interface_of,
    link_local,
    loss_of,
    missing,
    program,
)
from probes.ipv6.nd import unicast_solicitation
from probes.wire import build
from probes.wire.frames import mac_text
from probes.wire.gate import FrameRefused
from probes.wire.station import Station
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from probes.api import Access
    from probes.ipv6.facts import Loss
    from probes.ipv6.nd import Claim
    from probes.wire.capture import CapturedFrame
    from probes.wire.frames import IpAddress
    from r2s_audit.model.observation import BlobRef, Request

WINDOW_SIZE = 64
"""Devices of one window at most: a loss spoils no more than its own window."""
MAX_ANSWERS = 8
GRACE_SECONDS = 0.05
"""After the last first answer: for a second claimant of the same address."""


@dataclass(slots=True)
class _Phase:
    """Questions of one kind for one address."""

    sent: int = 0
    frame: bytes = b""
    answers: dict[str, tuple[Claim, CapturedFrame]] = field(default_factory=dict)
    """The first answer of each MAC address."""

    def told(self, left: list[int]) -> Solicited:
        """As facts; ``left``: when the questions were seen to leave."""
        return Solicited(
            frames_sent=self.sent,
            frames_seen=len(left),
            answers=tuple(_answer(claim, frame.t_ns, left) for claim, frame in self.answers.values()),
        )


@dataclass(slots=True)
class _Target:
    """One device's address, with what became of it."""

    request: Request
    address: IPv6Address
    alive: list[IpAddress]
    multicast: _Phase = field(default_factory=_Phase)
    unicast: _Phase | None = None
    refusal: str | None = None


async def neighbour(access: Access, requests: Sequence[Request]) -> AsyncIterator[tuple[Request, Outcome]]:
    """Ask every device of one point, window by window; one outcome each.

    Raises:
        CollectFailure: no interface, no link, no link-local address, no raw frames. WireError: the helper is gone.
    """
    name = access.point.interface
    for start in range(0, len(requests), WINDOW_SIZE):
        link = interface_of(access)
        try:
            source = link_local(name)
        except NoInterface as error:
            raise missing(name) from error
        if source is None:
            reason = msg("aucune adresse IPv6 de lien local utilisable sur {name}", name=name)
            raise CollectFailure(Failure.UNREACHABLE, reason)
        targets = [_target(access, request) for request in requests[start : start + WINDOW_SIZE]]
        for each in await _Window(access, source, targets).ask(link.carrier_downs):
            yield each


def _target(access: Access, request: Request) -> _Target:
    address = ip_address(str(request.param("address")))
    if not isinstance(address, IPv6Address):
        raise CollectFailure(Failure.NOT_SUPPORTED, msg("{address} n'est pas une adresse IPv6", address=str(address)))
    device = access.topology.devices[request.target]
    return _Target(request, address, list(alive_addresses(access.topology, access.point, device)))


class _Window:
    """One capture around the questions to some targets."""

    def __init__(self, access: Access, source: IPv6Address, targets: list[_Target]) -> None:
        self.access, self.source, self.targets = access, source, targets
        self.station = Station(access.point.interface, mac_text(access.mac))
        self._by_address = {target.address: target for target in targets}

    async def ask(self, downs: int) -> list[tuple[Request, Outcome]]:
        """Ask all; one outcome each, in their order."""
        name, started = self.station.interface, self.access.now()
        controls = [address for target in self.targets for address in target.alive]
        async with self.access.wire.capture(name, bpf=program(self.station.mac), queue_octets=QUEUE_OCTETS) as capture:
            listener = Listener(self.access, self.station, self.source, capture, answered=self._answered)
            before = await listener.ask(controls)
            await self._round(listener, self.targets)
            answered = [target for target in self.targets if target.multicast.answers]
            for target in answered:
                target.unicast = _Phase()
            await self._round(listener, answered)
            after = await listener.ask(controls)
            statistics = await capture.statistics()
            listener.absorb()
        try:
            losses = max(read_link(name).carrier_downs - downs, 0)
        except NoInterface:
            losses = 1
        context = _Context(started, self.access.now(), losses, loss_of(statistics))
        return [(t.request, self._outcome(t, listener, before, after, context)) for t in self.targets]

    async def _round(self, listener: Listener, targets: list[_Target]) -> None:
        """Ask each open target, twice at most, in the kind of question that it is at."""
        for _ in range(ATTEMPTS):
            for target in targets:
                if _open(target):
                    await self._question(listener, target)
            await listener.until(time.monotonic() + ANSWER_SECONDS, lambda: not any(map(_open, targets)))
        await listener.until(time.monotonic() + GRACE_SECONDS)

    async def _question(self, listener: Listener, target: _Target) -> None:
        phase = target.unicast or target.multicast
        if target.unicast is None:
            frame = build.neighbour_solicitation(self.station.mac, self.source, target.address, self.station.vlans)
        else:
            mac = next(iter(target.multicast.answers))
            frame = unicast_solicitation(self.station, self.source, target.address, mac)
        phase.frame = frame
        try:
            await listener.send(frame)
        except (FrameRefused, CollectFailure) as refusal:
            target.refusal = str(refusal)
            return
        phase.sent += 1
        listener.absorb()

    def _answered(self, frame: CapturedFrame, claim: Claim) -> None:
        target = self._by_address.get(claim.address)
        if target is None:
            return
        phase = target.unicast or target.multicast
        if claim.mac not in phase.answers and len(phase.answers) < MAX_ANSWERS:
            phase.answers[claim.mac] = (claim, frame)

    def _outcome(
        self,
        target: _Target,
        listener: Listener,
        before: dict[IpAddress, tuple[str, ...]],
        after: dict[IpAddress, tuple[str, ...]],
        context: _Context,
    ) -> Outcome:
        if target.refusal is not None and not target.multicast.sent:
            failure = CollectFailure(Failure.OUT_OF_SCOPE, msg("trame non envoyée : {why}", why=target.refusal))
            return Outcome(failure=failure, started=context.started, ended=context.ended)
        alive = asked({a: before[a] for a in target.alive}, after, listener.refusals)
        hearing = Hearing(asked=alive, carrier_losses=context.losses, loss=context.loss)
        facts = NeighbourFacts(
            address=target.address,
            multicast=_told(target.multicast, listener),
            unicast=None if target.unicast is None else _told(target.unicast, listener),
            hearing=hearing,
            window_start=context.started,
            window_end=context.ended,
            refusal=target.refusal,
        )
        sent = target.multicast.sent + (target.unicast.sent if target.unicast else 0)
        return Outcome(
            facts=facts, blobs=self._kept(target), packets_sent=sent, started=context.started, ended=context.ended
        )

    def _kept(self, target: _Target) -> tuple[BlobRef, ...]:
        phases = [target.multicast, target.unicast] if target.unicast else [target.multicast]
        data = dict.fromkeys(frame.data for phase in phases for _, frame in phase.answers.values())
        return tuple(self.access.keep(octets, "ethernet-frame") for octets in data)


@dataclass(frozen=True, slots=True)
class _Context:
    """What every outcome of a window shares."""

    started: datetime
    ended: datetime
    losses: int
    loss: Loss


def _open(target: _Target) -> bool:
    if target.refusal is not None:
        return False
    if target.unicast is not None:
        return not target.unicast.answers
    return not target.multicast.answers


def _told(phase: _Phase, listener: Listener) -> Solicited:
    return phase.told(listener.departures.get(phase.frame, []))


def _answer(claim: Claim, heard_ns: int, left: list[int]) -> NeighbourAnswer:
    last = max((ns for ns in left if ns <= heard_ns), default=None)
    return NeighbourAnswer(
        mac=claim.mac,
        target_mac=claim.target_mac,
        router=claim.router,
        solicited=claim.solicited,
        override=claim.override,
        after_ms=None if last is None else round((heard_ns - last) / 1e6, 3),
    )
