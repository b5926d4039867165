"""The collectors of trials with foreign tags: ``vlan.sent-tag`` and ``vlan.double-tag`` send, ``vlan.tags-received`` hears.

Intrusive: what is sent is harmless, but it asks the switches to do what they must not. Few frames, each to one of our own
adapters, each through the gate, which lets them pass for the mandate's sake and for nothing else. The receiver's window
embraces the whole pass and begins and ends with its control: it hears its own VLAN's gateway. Sender and receiver know
nothing of each other but a nonce; their clocks are one, so that the check can tell whether the one was listening when
the other sent.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probes.api import CollectFailure, Outcome
from probes.vlan.heard import TURN_SECONDS, linked, linked_or_none, losses_since, over
from probes.vlan.tags_facts import MAX_ARRIVALS, Arrival, TagsReceivedFacts, TagsSentFacts, Trial
from probes.vlan.tags_requests import stacks_of
from probes.vlan.window import Side, Window, loss_of, sender_of
from probes.wire import bpf
from probes.wire.channel import WireRefused
from probes.wire.frames import ETH_LOCAL_EXPERIMENT, mac_text
from probes.wire.gate import FrameRefused
from probes.wire.station import Station
from probes.wire.trials import new_nonce, read_trial, trial_frame
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    from probes.api import Access
    from probes.vlan.facts import SenderControl
    from probes.vlan.window import End
    from probes.wire.capture import Capture, CapturedFrame
    from r2s_audit.model.observation import Request

ROUNDS = 3
PAUSE_SECONDS = 0.4
LINGER_SECONDS = 0.5
"""A switch in software may hold a frame back while it learns where it belongs."""
SNAP_OCTETS = 128
VERSIONS = (4, 6)


@dataclass(slots=True)
class _Attempt:
    """A trial on its way."""

    vids: tuple[int, ...]
    nonce: str
    frame: bytes
    sent_at: list[datetime] = field(default_factory=list)
    refusal: str | None = None

    def facts(self, departed: Mapping[bytes, int]) -> Trial:
        """As facts."""
        return Trial(
            vids=self.vids,
            nonce=self.nonce,
            sent_at=tuple(self.sent_at),
            seen=departed.get(self.frame, 0),
            refusal=self.refusal,
        )


async def tried(access: Access, requests: Sequence[Request]) -> AsyncIterator[tuple[Request, Outcome]]:
    """Send every trial that one point is asked for, in turns, in one window; one outcome each.

    Raises:
        CollectFailure: no interface, no link, or no raw frames. WireError: the helper is gone.
    """
    name, started = access.point.interface, access.now()
    downs = linked(name).carrier_downs
    attempts: dict[str, list[_Attempt]] = {}
    for request in requests:
        receiver = access.topology.points[str(request.param("to"))]
        there = linked_or_none(receiver.interface)
        if there is None:
            reason = msg("le point {point} n'est pas branché à cette machine", point=receiver.id)
            yield request, Outcome(failure=CollectFailure(Failure.MISSING_INTERFACE, reason))
            continue
        attempts[request.key] = [_attempt(mac_text(access.mac), there.mac, vids) for vids in stacks_of(request)]
    window = _window(access)
    before = await window.control({})
    async with access.wire.capture(
        name, bpf=bpf.compile_filter(bpf.outgoing() & _trials()), snap=SNAP_OCTETS
    ) as capture:
        for _ in range(ROUNDS):
            for attempt in (each for several in attempts.values() for each in several):
                await _send(access, attempt)
            await asyncio.sleep(PAUSE_SECONDS)
        statistics = await capture.statistics()
        departed = _departed(capture)
    after = await window.control(before.neighbours.macs)
    controls = _controls(window, before, after, losses_since(name, downs))
    ended = access.now()
    for request in requests:
        if request.key not in attempts:
            continue
        facts = TagsSentFacts(
            receiver=str(request.param("to")),
            trials=tuple(attempt.facts(departed) for attempt in attempts[request.key]),
            window_start=started,
            window_end=ended,
            loss=loss_of(statistics),
            controls=controls,
        )
        sent = sum(len(trial.sent_at) for trial in facts.trials)
        yield request, Outcome(facts=facts, packets_sent=sent, started=started, ended=ended)


async def received(access: Access, request: Request) -> Outcome:
    """Hear what is addressed to this point, as long as the pass lasts, within what the profile says.

    Raises:
        CollectFailure: no interface, no link, or no raw frames. WireError: the helper is gone.
    """
    name = access.point.interface
    downs = linked(name).carrier_downs
    arrived: dict[tuple[str, str, tuple[int, ...]], int] = {}
    unlisted = 0

    def absorb(frames: Sequence[CapturedFrame]) -> None:
        nonlocal unlisted
        for frame in frames:
            trial = read_trial(frame.data)
            if trial is None:
                continue
            key = (trial.nonce, trial.source, trial.vids)
            if key in arrived or len(arrived) < MAX_ARRIVALS:
                arrived[key] = arrived.get(key, 0) + 1
            else:
                unlisted += 1

    window = _window(access)
    async with access.wire.capture(
        name,
        bpf=bpf.compile_filter(bpf.incoming() & _trials()),
        promiscuous=True,
        all_multicast=True,
        snap=SNAP_OCTETS,
    ) as capture:
        started, since = access.now(), time.monotonic()
        before = await window.control({})
        while not over(access, request, since):
            if await capture.wait(TURN_SECONDS):
                absorb(capture.take())
        after = await window.control(before.neighbours.macs)
        await asyncio.sleep(LINGER_SECONDS)
        ended = access.now()
        statistics = await capture.statistics()
        absorb(capture.take())
    facts = TagsReceivedFacts(
        window_start=started,
        window_end=ended,
        arrivals=tuple(
            Arrival(nonce=nonce, source=source, vids=vids, count=count)
            for (nonce, source, vids), count in arrived.items()
        ),
        unlisted=unlisted,
        loss=loss_of(statistics),
        controls=_controls(window, before, after, losses_since(name, downs)),
    )
    return Outcome(facts=facts, started=started, ended=ended)


def _trials() -> bpf.Expression:
    """Trials, with or without the tags that they left with."""
    return bpf.ethertype(ETH_LOCAL_EXPERIMENT) | bpf.tagged()


def _attempt(source: str, destination: str, vids: tuple[int, ...]) -> _Attempt:
    nonce = new_nonce()
    return _Attempt(vids, nonce, trial_frame(source, destination, vids, nonce))


async def _send(access: Access, attempt: _Attempt) -> None:
    """Once, unless it was refused before: a gate does not change its mind."""
    if attempt.refusal is not None:
        return
    moment = access.now()
    try:
        await access.wire.send(access.frame_gate, access.point.interface, [attempt.frame])
    except (FrameRefused, WireRefused) as refusal:
        attempt.refusal = str(refusal)
    else:
        attempt.sent_at.append(moment)


def _departed(capture: Capture) -> dict[bytes, int]:
    """How often each frame left, octet for octet: with the tags that it was to have."""
    found: dict[bytes, int] = {}
    for frame in capture.take():
        found[frame.data] = found.get(frame.data, 0) + 1
    return found


def _window(access: Access) -> Window:
    """The point's own way to its gateways, for the controls."""
    sides = {
        version: Side(source, access.topology.gateway(access.point, version))
        for version in VERSIONS
        if (source := access.source(version)) is not None
    }
    return Window(access, Station(access.point.interface, mac_text(access.mac)), sides)


def _controls(window: Window, before: End, after: End, losses: int) -> tuple[SenderControl, ...]:
    return tuple(sender_of(side.gateway, before, after, losses) for side in window.sides.values())
