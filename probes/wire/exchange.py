"""Questions and answers over the wire: probe many targets within one capture.

Every result comes with the statistics of the capture that listened: without `complete`, a silence proves
nothing. Times are UTC nanoseconds stamped by the kernel. Every frame passes the gate.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from typing import NamedTuple

from probes.wire import bpf, build
from probes.wire.answers import IcmpError
from probes.wire.capture import Capture, CaptureStatistics
from probes.wire.channel import WireRefused
from probes.wire.client import Wire
from probes.wire.frames import IpAddress
from probes.wire.gate import FrameGate, FrameRefused
from probes.wire.match import Attempt, Match, Matcher, Probe, ProbeState
from probes.wire.station import Foreign, Station

MAX_FRAMES = 20_000  # attempts in one call: each has its own source port or sequence
_FIRST_PORT, _LAST_PORT = 32768, 60999


class ProbeResult(NamedTuple):
    """One probe's end. left_ns has one entry per attempt, None where the frame was not seen to leave."""

    probe: Probe
    state: ProbeState
    left_ns: tuple[int | None, ...]
    answered_ns: int | None = None
    rtt_ns: int | None = None
    answer: bytes | None = None
    answer_mac: str | None = None
    icmp: IcmpError | None = None
    reason: str | None = None


class ProbeReport(NamedTuple):
    """The results in the order of the probes, and what the window's capture says of itself."""

    results: tuple[ProbeResult, ...]
    statistics: CaptureStatistics
    started_ns: int
    ended_ns: int
    foreign: tuple[Foreign, ...]
    foreign_count: int
    unreadable: int


async def probe_many(
    wire: Wire,
    gate: FrameGate,
    station: Station,
    probes: Sequence[Probe],
    *,
    timeout: float = 1.0,  # noqa: ASYNC109 - an expiry is a result here
    attempts: int = 2,
    reset: bool = False,
) -> ProbeReport:
    """Send every probe at the gate's pace, and collect answers until each is answered or timed out.

    Args:
        wire: the helper to send and listen through.
        gate: asked before each frame; a probe that it refuses ends as NOT_SENT.
        station: where we speak from.
        probes: the questions, in the order to be asked.
        timeout: seconds to wait after a probe's frame has left.
        attempts: frames per probe at most; those still unanswered are asked again after a whole round.
        reset: end a half-open connection with an RST of our own. Needed where source_ip is not an address
            of this machine's kernel, which otherwise does it.

    Raises:
        ValueError: more attempts than can be told apart; WireError: the wire failed.
    """
    if len(probes) * attempts > MAX_FRAMES:
        raise ValueError(f"{len(probes)} probes of {attempts} attempts: {MAX_FRAMES} frames at most in one call")
    started = time.time_ns()
    program = bpf.compile_filter(bpf.exchange(station.mac))
    asked = {p.source_ip for p in probes if p.datagram is not None and p.source_port is None}
    with _mailboxes(asked) as ports:
        async with wire.capture(station.interface, bpf=program) as capture:
            window = _Window(wire, gate, station, tuple(probes), capture, reset, ports)
            for _ in range(attempts):
                await window.round(timeout)
            statistics = await capture.statistics()
            await window.absorb()
    results = tuple(window.result(index) for index in range(len(probes)))
    matcher = window.matcher
    foreign = tuple(matcher.foreign)
    return ProbeReport(results, statistics, started, time.time_ns(), foreign, matcher.foreign_count, matcher.unreadable)


@contextmanager
def _mailboxes(addresses: set[IpAddress]) -> Iterator[dict[IpAddress, int]]:
    """Hold one UDP port of each address, so that the kernel does not refuse answers to it by ICMP; nobody reads them.

    An address that is not this machine's gets none: the frames then leave from a port that nobody holds.
    """
    held: list[socket.socket] = []
    ports: dict[IpAddress, int] = {}
    try:
        for address in addresses:
            family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
            mailbox = socket.socket(family, socket.SOCK_DGRAM)
            held.append(mailbox)
            try:
                mailbox.bind((str(address), 0))
            except OSError:
                continue
            ports[address] = mailbox.getsockname()[1]
        yield ports
    finally:
        for mailbox in held:
            mailbox.close()


@dataclass(slots=True)
class _Window:
    """One call's state."""

    wire: Wire
    gate: FrameGate
    station: Station
    probes: tuple[Probe, ...]
    capture: Capture
    reset: bool
    mailboxes: dict[IpAddress, int]
    matcher: Matcher = field(init=False)
    open: set[int] = field(init=False)
    matches: dict[int, Match] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    sent: dict[int, list[Attempt]] = field(default_factory=dict)
    _identifier: int = field(default_factory=lambda: int.from_bytes(os.urandom(2)))
    _nonce: bytes = field(default_factory=lambda: os.urandom(14))
    _sequence: int = field(default_factory=lambda: int.from_bytes(os.urandom(2)))
    _port: int = field(default_factory=lambda: int.from_bytes(os.urandom(4)) % (_LAST_PORT - _FIRST_PORT + 1))

    def __post_init__(self) -> None:
        self.matcher = Matcher(self.station, self.probes)
        self.open = set(range(len(self.probes)))

    async def round(self, timeout: float) -> None:  # noqa: ASYNC109 - an expiry is a result here
        """Ask each open probe once and listen for the answers."""
        deadline = time.monotonic()
        for index in sorted(self.open):
            if index in self.open and self._may_ask(index):  # an answer to an earlier attempt may have come meanwhile
                if await self._ask(index):
                    deadline = time.monotonic() + timeout
                await self.absorb()
        while self.open and await self.capture.until(deadline):
            await self.absorb()

    def _may_ask(self, index: int) -> bool:
        tries = self.probes[index].tries
        return tries is None or len(self.sent.get(index, [])) < tries

    async def absorb(self) -> None:
        """Match what was captured so far; the first answer stands, a later one is noted."""
        for frame in self.capture.take():
            found = self.matcher.match(frame)
            if found is None:
                continue
            index = found.attempt.probe
            if index in self.matches:
                self.matcher.note("a second answer to the same probe", frame)
                continue
            self.matches[index] = found
            self.open.discard(index)
            if self.reset and found.state is ProbeState.SYN_ACK:
                await self._end(found)

    def result(self, index: int) -> ProbeResult:
        """Return what became of a probe."""
        probe, found = self.probes[index], self.matches.get(index)
        left = tuple(attempt.left_ns for attempt in self.sent.get(index, []))
        if found is None:
            state = ProbeState.SILENCE if left else ProbeState.NOT_SENT
            return ProbeResult(probe, state, left, reason=self.refused.get(index))
        departure = found.attempt.left_ns
        rtt = None if departure is None else found.frame.t_ns - departure
        mac, data = found.header.source_mac, found.frame.data
        reason = self.refused.get(index)
        return ProbeResult(probe, found.state, left, found.frame.t_ns, rtt, data, mac, found.icmp, reason)

    async def _ask(self, index: int) -> bool:
        """Send one more frame for a probe; False, with the reason kept, if it may not or cannot leave."""
        attempt = self._attempt(index)
        self.matcher.expect(attempt)
        try:
            await self.wire.send(self.gate, self.station.interface, [attempt.frame])
        except (FrameRefused, WireRefused) as refusal:
            self.refused[index] = str(refusal)
            self.open.discard(index)
            return False
        self.sent.setdefault(index, []).append(attempt)
        return True

    async def _end(self, found: Match) -> None:
        """Reset the connection that a SYN-ACK left half open; a refusal is kept as the result's reason."""
        probe, segment = self.probes[found.attempt.probe], found.segment
        if segment is None or probe.port is None:
            return
        frame = build.tcp(
            build.Link(self.station.mac, probe.next_hop_mac, self.station.vlans),
            probe.source_ip,
            probe.target_ip,
            source_port=found.attempt.identifier,
            destination_port=probe.port,
            sequence=segment.acknowledgement,
            flags=build.RST,
        )
        try:
            await self.wire.send(self.gate, self.station.interface, [frame])
        except (FrameRefused, WireRefused) as refusal:
            self.refused[found.attempt.probe] = f"left half open: {refusal}"

    def _attempt(self, index: int) -> Attempt:
        probe = self.probes[index]
        link = build.Link(self.station.mac, probe.next_hop_mac, self.station.vlans)
        if probe.port is None:
            self._sequence = (self._sequence + 1) & 0xFFFF
            payload = self._nonce + self._sequence.to_bytes(2)
            frame = build.icmp_echo(
                link,
                probe.source_ip,
                probe.target_ip,
                identifier=self._identifier,
                sequence=self._sequence,
                payload=payload,
                hop_limit=probe.hop_limit,
            )
            return Attempt(index, frame, self._identifier, self._sequence, payload)
        port = probe.source_port or self._next_port(probe)
        if probe.datagram is not None:
            frame = build.udp(
                link,
                probe.source_ip,
                probe.target_ip,
                source_port=port,
                destination_port=probe.port,
                payload=probe.datagram,
                hop_limit=probe.hop_limit,
            )
            return Attempt(index, frame, port, 0)
        earlier = self.sent.get(index) if probe.source_port else None
        # From a port that many questions share, a repetition is the same segment: the answer to either is ours.
        sequence = earlier[0].sequence if earlier else int.from_bytes(os.urandom(4))
        frame = build.tcp(
            link,
            probe.source_ip,
            probe.target_ip,
            source_port=port,
            destination_port=probe.port,
            sequence=sequence,
            hop_limit=probe.hop_limit,
        )
        return Attempt(index, frame, port, sequence)

    def _next_port(self, probe: Probe) -> int:
        if probe.datagram is not None and probe.source_ip in self.mailboxes:
            return self.mailboxes[probe.source_ip]
        self._port = (self._port + 1) % (_LAST_PORT - _FIRST_PORT + 1)
        return _FIRST_PORT + self._port
