"""A sweep: one SYN to each of many (address, port) pairs, one capture, and what became of each pair.

`exchange.probe_many` keeps the evidence of every attempt; a sweep answers one question of thousands of pairs: does
something listen there? All frames of a sweep have one source port, so that a pair is known by its addresses and ports,
and a repeated SYN is the same segment again, as a kernel would retransmit it (RFC 9293 §3.8). An answer must come from
the pair, to us, in our VLAN, and acknowledge the sequence number that was sent; else it is foreign and answers nothing.
"""

from __future__ import annotations

import os
import struct
import time
from asyncio import Task, create_task
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from probes.wire import bpf, build
from probes.wire.answers import IcmpError, TcpSegment, parse_answer
from probes.wire.capture import Capture, CapturedFrame, CaptureStatistics, Direction
from probes.wire.channel import WireRefused
from probes.wire.client import Wire
from probes.wire.frames import ICMP, ICMPV6, TCP, FrameError, FrameHeader, IpAddress, checksum, mac_bytes
from probes.wire.gate import FrameGate, FrameRefused
from probes.wire.pairs import PairState, Question, SweepTarget, Template, refuse
from probes.wire.station import MAX_FOREIGN, Foreign, Station

CHUNK = 256
"""Pairs whose frames are made, admitted and sent together; their time to answer counts from the last of them."""
AHEAD = 2
"""Chunks on their way to the helper while the next is made."""
_FIRST_PORT, _PORTS = 32768, 28232
_PLAIN = struct.Struct("!6s6x3sxHxxHxB18xIBB6x")
"""Destination; EtherType, version and header length; total length, fragment, protocol; acknowledgement, offset, flags."""
_IPV4_PLAIN = b"\x08\x00\x45"
SYN_ACK, RST_ACK = build.SYN | build.ACK, build.RST | build.ACK


@dataclass(frozen=True, slots=True)
class Swept:
    """What became of one target; each view of it is made when it is asked for."""

    target: SweepTarget
    _row: Sequence[Question]

    @property
    def states(self) -> Mapping[int, PairState]:
        """By port."""
        return {question.port: question.state for question in self._row}

    @property
    def answers(self) -> Mapping[int, CapturedFrame]:
        """The first answer, by port."""
        return {question.port: question.answer for question in self._row if question.answer is not None}

    @property
    def refused(self) -> Mapping[int, str]:
        """Why a pair was not sent or is left half open, by port."""
        return {question.port: question.refused for question in self._row if question.refused is not None}


class SweepReport(NamedTuple):
    """The targets in the order given, and what the capture says of itself: not complete, a SILENT proves nothing."""

    swept: tuple[Swept, ...]
    frames_sent: int
    statistics: CaptureStatistics
    started_ns: int
    ended_ns: int
    foreign: tuple[Foreign, ...]
    foreign_count: int
    unreadable: int


async def sweep(  # noqa: PLR0913 - one question's parts, as in probe_many
    wire: Wire,
    gate: FrameGate,
    station: Station,
    source_ip: IpAddress,
    targets: Sequence[SweepTarget],
    *,
    timeout: float = 1.0,  # noqa: ASYNC109 - an expiry is a result here
    attempts: int = 2,
    reset: bool = False,
) -> SweepReport:
    """Ask every pair at the gate's pace, targets taking turns; ask those that stay silent again.

    Args:
        wire: the helper to send and listen through.
        gate: asked before each frame.
        station: where we speak from.
        source_ip: our address.
        targets: whom to ask, and which ports.
        timeout: seconds that a pair has to answer after its frame has left.
        attempts: frames per pair at most.
        reset: end half-open connections with an RST of our own, as in `exchange.probe_many`.

    Raises:
        ValueError: more than MAX_PAIRS pairs, or one twice; WireError: the wire failed.
        FrameError: a port or an address is out of range, or of another version than source_ip.
    """
    started, ours = time.time_ns(), _FIRST_PORT + int.from_bytes(os.urandom(4)) % _PORTS
    refuse(targets)
    icmp = bpf.protocol(ICMP) | bpf.protocol(ICMPV6)
    wanted = bpf.incoming() & bpf.destination(station.mac) & (bpf.destination_ports(ours, ours) | icmp)
    async with wire.capture(station.interface, bpf=bpf.compile_filter(wanted)) as capture:
        run = _Sweep(wire, gate, station, source_ip, ours, targets, capture)
        await run.ask(timeout, attempts, reset=reset)
        statistics = await capture.statistics()
        run.absorb()
        if reset:
            await run.end_open()
    return SweepReport(
        swept=tuple(map(Swept, targets, run.rows)),
        frames_sent=run.frames_sent,
        statistics=statistics,
        started_ns=started,
        ended_ns=time.time_ns(),
        foreign=tuple(run.foreign),
        foreign_count=run.foreign_count,
        unreadable=run.unreadable,
    )


def _due(waiting: deque[tuple[float, int, list[Question]]]) -> bool:
    return bool(waiting) and waiting[0][0] <= time.monotonic()


@dataclass(slots=True)
class _Sweep:
    """One call's state."""

    wire: Wire
    gate: FrameGate
    station: Station
    source_ip: IpAddress
    ours: int
    targets: Sequence[SweepTarget]
    capture: Capture
    frames_sent: int = 0
    foreign: list[Foreign] = field(default_factory=list)
    foreign_count: int = 0
    unreadable: int = 0
    rows: list[list[Question]] = field(init=False)
    """The questions to each target, in the order of its ports."""
    _by_key: dict[bytes, Question] = field(default_factory=dict)
    _mac: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.rows = [[] for _ in self.targets]
        self._mac = mac_bytes(self.station.mac)

    async def ask(self, timeout: float, attempts: int, *, reset: bool) -> None:  # noqa: ASYNC109 - as in sweep
        """Send all chunks, and again those of their pairs that stay silent, until each had its time to answer."""
        fresh = self._chunks()
        waiting: deque[tuple[float, int, list[Question]]] = deque()  # in the order of their ends: all wait alike
        leaving: deque[tuple[Task[float], int, list[Question]]] = deque()
        while True:
            asked, chunk = 0, next(fresh, None) if len(leaving) <= AHEAD else None
            if chunk is None and leaving and (len(leaving) > AHEAD or not _due(waiting)):
                left, asked, chunk = leaving.popleft()
                waiting.append((await left + timeout, asked, chunk))
                self.absorb()
                continue
            if chunk is None:
                if not waiting:
                    return
                due, asked, chunk = waiting.popleft()
                await self._listen(due, chunk)
                if reset:
                    await self.end_open()
            silent = [question for question in chunk if question.silent]
            if silent and asked < attempts:
                leaving.append((create_task(self._send(silent)), asked + 1, silent))

    def _chunks(self) -> Iterator[list[Question]]:
        """Make the questions as they are wanted, targets taking turns: the first leave while the next are made."""
        templates = [Template(self.station, self.source_ip, target, self.ours) for target in self.targets]
        lengths = [len(target.ports) for target in self.targets]
        sequences = iter(struct.unpack(f"!{sum(lengths)}I", os.urandom(4 * sum(lengths))))
        made: list[Question] = []
        for turn in range(max(lengths, default=0)):
            for target, template, row in zip(self.targets, templates, self.rows, strict=True):
                if turn < len(target.ports):
                    question = Question(target.ports[turn], target, template, next(sequences))
                    row.append(question)
                    self._by_key[template.key(question.port)] = question
                    made.append(question)
                    if len(made) == CHUNK:
                        yield made
                        made = []
        if made:
            yield made

    async def end_open(self) -> None:
        """Reset the connections that were found open and have not been ended."""
        found = [q for row in self.rows for q in row if q.state is PairState.OPEN and not q.ended]
        for question in found:
            question.ended = True
        for question, reason in await self._transmit(found, [self._reset(question) for question in found]):
            question.refused = f"left half open: {reason}"

    def absorb(self) -> None:
        """Match what was captured so far; the first answer stands."""
        for frame in self.capture.take():
            if frame.direction is Direction.OUTGOING or self._plain(frame):
                continue
            try:
                header, answer = parse_answer(frame.data, verify=not frame.checksum_partial)
            except FrameError:
                self.unreadable += 1  # counted, not an answer: a damaged one must not pass for one
                continue
            if isinstance(answer, TcpSegment):
                self._segment(frame, header, answer)
            elif isinstance(answer, IcmpError) and answer.embedded.protocol == TCP:
                self._error(frame, header, answer)

    def _plain(self, frame: CapturedFrame) -> bool:
        """Take the usual answer as it stands: untagged, IPv4 without options, a segment that only the pair can send.

        Whatever differs in anything is left to the parser, which knows what is wrong with it.
        """
        data = frame.data
        question = self._by_key.get(data[26:38])
        if question is None or len(data) < _PLAIN.size or self.station.vlan is not None:
            return False
        destination, kind, total, fragment, protocol, acknowledged, offset, flags = _PLAIN.unpack_from(data)
        expected = (self._mac, _IPV4_PLAIN, TCP, (question.sequence + 1) & 0xFFFFFFFF)
        if (destination, kind, protocol, acknowledged) != expected or fragment & 0x3FFF:
            return False
        end = 14 + total
        if not 20 <= (offset >> 4) * 4 <= total - 20 or end > len(data):  # noqa: PLR2004 - octets of both headers
            return False
        if not frame.checksum_partial and checksum(data[26:34] + b"\0\6" + (total - 20).to_bytes(2) + data[34:end]):
            return False
        if flags & (SYN_ACK | build.RST) == SYN_ACK:
            self._answered(question, PairState.OPEN, frame)
        elif flags & RST_ACK == RST_ACK:
            self._answered(question, PairState.CLOSED, frame)
        else:
            return False
        return True

    def _segment(self, frame: CapturedFrame, header: FrameHeader, segment: TcpSegment) -> None:
        if header.source_ip is None or header.destination_ip is None or segment.destination_port != self.ours:
            return  # somebody else's conversation
        key = header.source_ip.packed + header.destination_ip.packed
        question = self._by_key.get(key + (segment.source_port << 16 | segment.destination_port).to_bytes(4))
        reason = self._link_difference(header)
        if question is None:
            reason = reason or f"from {header.source_ip} port {segment.source_port}, which was not asked"
        elif reason is None and segment.acknowledgement != (question.sequence + 1) & 0xFFFFFFFF:
            reason = "acknowledges a sequence number that was not sent"
        if segment.flags & (SYN_ACK | build.RST) == SYN_ACK:
            state = PairState.OPEN
        elif segment.flags & RST_ACK == RST_ACK:
            state = PairState.CLOSED
        else:
            reason = reason or f"flags {segment.flags:#x} answer no SYN"
        if question is None or reason is not None:
            self._note(reason or "", frame)
        else:
            self._answered(question, state, frame)

    def _error(self, frame: CapturedFrame, header: FrameHeader, error: IcmpError) -> None:
        quoted = error.embedded
        if quoted.first != self.ours:
            return
        key = quoted.destination_ip.packed + quoted.source_ip.packed
        question = self._by_key.get(key + (quoted.second << 16 | quoted.first).to_bytes(4))
        reason = self._link_difference(header)
        if question is None or quoted.tcp_sequence != question.sequence:
            self._note("an ICMP error that quotes another segment", frame)
        elif reason is not None or header.destination_ip != self.source_ip:
            self._note(reason or f"to {header.destination_ip}, not to {self.source_ip}", frame)
        else:
            self._answered(question, PairState.FILTERED, frame)

    def _answered(self, question: Question, state: PairState, frame: CapturedFrame) -> None:
        if question.answer is None:
            question.state, question.answer = state, frame
        elif question.state is not state:
            self._note(f"a second answer, {state} after {question.state}", frame)

    def _link_difference(self, header: FrameHeader) -> str | None:
        expected = 0 if self.station.vlan is None else self.station.vlan.vid
        outer = header.vlans[0].vid if header.vlans else 0  # identifier 0: a priority tag, no VLAN
        if header.destination_mac != self.station.mac:
            return f"to {header.destination_mac}, not to {self.station.mac}"
        return None if outer == expected else f"in VLAN {outer}, not in {expected}"

    def _note(self, reason: str, frame: CapturedFrame) -> None:
        self.foreign_count += 1
        if len(self.foreign) < MAX_FOREIGN:
            self.foreign.append(Foreign(reason, frame.t_ns, frame.data))

    async def _listen(self, due: float, chunk: Sequence[Question]) -> None:
        """Absorb until the monotonic moment due, or until nobody of the chunk is silent."""
        self.absorb()
        while (remaining := due - time.monotonic()) > 0 and any(question.silent for question in chunk):
            if await self.capture.wait(remaining):
                self.absorb()

    async def _send(self, chunk: Sequence[Question]) -> float:
        """Send a chunk; return the monotonic time when the last frame had left."""
        frames = [question.template.frame(question.port, question.sequence) for question in chunk]
        for question, reason in await self._transmit(chunk, frames):
            question.refused = reason
        for question in chunk:
            if question.refused is None and question.state is PairState.NOT_SENT:
                question.state = PairState.SILENT
        return time.monotonic()

    async def _transmit(self, questions: Sequence[Question], frames: Sequence[bytes]) -> list[tuple[Question, str]]:
        """Send frames together, and one by one where one of them is refused; return whose were, and why."""
        refused: list[tuple[Question, str]] = []
        position, size = 0, len(frames)
        while position < len(frames):
            part = frames[position : position + size]
            try:
                await self.wire.send(self.gate, self.station.interface, part)
            except (FrameRefused, WireRefused) as refusal:
                self.frames_sent += refusal.sent
                position += refusal.sent
                if refusal.sent or size == 1:  # the next one is meant; at admission it may be any
                    refused.append((questions[position], str(refusal)))
                    position += 1
                size = 1
            else:
                self.frames_sent += len(part)
                position += len(part)
        return refused

    def _reset(self, question: Question) -> bytes:
        link = build.Link(self.station.mac, question.target.next_hop_mac, self.station.vlans)
        there, sequence = question.target.address, (question.sequence + 1) & 0xFFFFFFFF
        ports = {"source_port": self.ours, "destination_port": question.port}
        return build.tcp(link, self.source_ip, there, **ports, sequence=sequence, flags=build.RST)
