"""Which captured frame answers which probe: pure, strict, and no answer taken that is not ours.

An attempt is known by values that only its target could return: identifier, sequence and nonce of an echo,
source port and sequence number of a SYN, source port of a datagram. A frame that bears some of them and contradicts others is foreign:
kept, with the reason, and not taken for an answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from probes.wire.answers import EchoReply, Embedded, IcmpError, TcpSegment, UdpDatagram, parse_answer
from probes.wire.build import ACK, RST, SYN
from probes.wire.capture import CapturedFrame, Direction
from probes.wire.frames import ICMP, ICMPV6, TCP, UDP, FrameError, FrameHeader, IpAddress
from probes.wire.station import MAX_FOREIGN, Foreign, Station


class ProbeState(StrEnum):
    """What became of a probe. NOT_SENT: the gate or the kernel refused, with the reason in the result."""

    REPLY = "reply"
    SYN_ACK = "syn_ack"
    ANSWER = "answer"
    RST = "rst"
    ICMP_ERROR = "icmp_error"
    SILENCE = "silence"
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True)
class Probe:
    """One question: an ICMP echo to target_ip, or to its port a TCP SYN, or a UDP datagram where one is given.

    source_port: the one to ask from, where it matters; else one of the exchange's own choice. tries: frames at most,
    where fewer than the exchange would send.
    """

    key: str
    source_ip: IpAddress
    next_hop_mac: str
    target_ip: IpAddress
    port: int | None = None
    hop_limit: int = 64
    datagram: bytes | None = None
    source_port: int | None = None
    tries: int | None = None

    @property
    def protocol(self) -> int:
        """The IP protocol of the question."""
        if self.port is None:
            return ICMP if self.target_ip.version == 4 else ICMPV6  # noqa: PLR2004 - IP version
        return TCP if self.datagram is None else UDP


@dataclass(slots=True)
class Attempt:
    """One frame sent for a probe. left_ns: when the capture saw it leave, UTC nanoseconds; None if it did not."""

    probe: int
    frame: bytes
    identifier: int  # echo identifier, or source port
    sequence: int  # echo sequence, or TCP sequence number; nothing to UDP
    payload: bytes = b""
    left_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """The answer to an attempt."""

    attempt: Attempt
    state: ProbeState
    frame: CapturedFrame
    header: FrameHeader
    icmp: IcmpError | None = None
    segment: TcpSegment | None = None


@dataclass(slots=True)
class Matcher:
    """Knows the attempts in flight; give it each captured frame once."""

    station: Station
    probes: tuple[Probe, ...]
    foreign: list[Foreign] = field(default_factory=list)
    foreign_count: int = 0
    unreadable: int = 0
    _by_frame: dict[bytes, Attempt] = field(default_factory=dict)
    _echoes: dict[tuple[int, int], Attempt] = field(default_factory=dict)
    _ports: dict[tuple[int, int], Attempt] = field(default_factory=dict)
    _shared: dict[tuple[int, int, IpAddress, int], Attempt] = field(default_factory=dict)
    """Attempts from one port to many: by protocol, our port, their address and port."""

    def expect(self, attempt: Attempt) -> None:
        """Know an attempt, before its frame leaves."""
        self._by_frame[attempt.frame] = attempt
        probe = self.probes[attempt.probe]
        if probe.port is None:
            self._echoes[attempt.identifier, attempt.sequence] = attempt
        elif probe.datagram is not None or probe.source_port is not None:
            self._shared[probe.protocol, attempt.identifier, probe.target_ip, probe.port] = attempt
        else:
            self._ports[probe.protocol, attempt.identifier] = attempt

    def match(self, frame: CapturedFrame) -> Match | None:
        """Return the attempt that the frame answers; note our own frames' departure and foreign answers."""
        if frame.direction is Direction.OUTGOING:
            attempt = self._by_frame.get(frame.data)
            if attempt is not None and attempt.left_ns is None:
                attempt.left_ns = frame.t_ns
            return None
        try:
            header, answer = parse_answer(frame.data, verify=not frame.checksum_partial)
        except FrameError:
            self.unreadable += 1  # counted, not an answer: a damaged one must not pass for one
            return None
        if isinstance(answer, EchoReply):
            found = self._echoes.get((answer.identifier, answer.sequence))
            return self._decide(frame, header, found, ProbeState.REPLY, echo=answer)
        if isinstance(answer, TcpSegment | UdpDatagram):
            segment = answer if isinstance(answer, TcpSegment) else None
            protocol = TCP if segment else UDP
            found = self._asked(protocol, answer.destination_port, header.source_ip, answer.source_port)
            state = ProbeState.ANSWER
            if segment:
                state = ProbeState.RST if segment.flags & RST else ProbeState.SYN_ACK
            return self._decide(frame, header, found, state, segment=segment)
        if isinstance(answer, IcmpError):
            quoted = answer.embedded
            if quoted.protocol in (TCP, UDP):
                found = self._asked(quoted.protocol, quoted.first, quoted.destination_ip, quoted.second)
            else:
                found = self._echoes.get((quoted.first, quoted.second))
            return self._decide(frame, header, found, ProbeState.ICMP_ERROR, icmp=answer)
        return None

    def _asked(self, protocol: int, ours: int, theirs: IpAddress | None, port: int) -> Attempt | None:
        """The attempt from a port of ours: the one to that address and port, where many were sent from it."""
        shared = None if theirs is None else self._shared.get((protocol, ours, theirs, port))
        return shared or self._ports.get((protocol, ours))

    def _decide(
        self,
        frame: CapturedFrame,
        header: FrameHeader,
        attempt: Attempt | None,
        state: ProbeState,
        *,
        echo: EchoReply | None = None,
        segment: TcpSegment | None = None,
        icmp: IcmpError | None = None,
    ) -> Match | None:
        if attempt is None:
            return None  # somebody else's conversation
        probe = self.probes[attempt.probe]
        reason = self._link_difference(header, probe)
        if reason is None and icmp is None and header.source_ip != probe.target_ip:
            reason = f"from {header.source_ip}, not from {probe.target_ip}"
        if reason is None and echo is not None and echo.payload != attempt.payload:
            reason = "another payload than was sent"
        if reason is None and segment is not None:
            reason = _segment_difference(segment, attempt, probe)
        if reason is None and icmp is not None:
            reason = _quote_difference(icmp.embedded, attempt, probe)
        if reason is not None:
            self.note(reason, frame)
            return None
        return Match(attempt, state, frame, header, icmp, segment)

    def note(self, reason: str, frame: CapturedFrame) -> None:
        """Keep a foreign answer, or count it once enough are kept."""
        self.foreign_count += 1
        if len(self.foreign) < MAX_FOREIGN:
            self.foreign.append(Foreign(reason, frame.t_ns, frame.data))

    def _link_difference(self, header: FrameHeader, probe: Probe) -> str | None:
        expected = 0 if self.station.vlan is None else self.station.vlan.vid
        outer = header.vlans[0].vid if header.vlans else 0  # identifier 0: a priority tag, no VLAN
        if header.destination_mac != self.station.mac:
            return f"to {header.destination_mac}, not to {self.station.mac}"
        if outer != expected:
            return f"in VLAN {outer}, not in {expected}"
        if header.destination_ip != probe.source_ip:
            return f"to {header.destination_ip}, not to {probe.source_ip}"
        return None


def _segment_difference(segment: TcpSegment, attempt: Attempt, probe: Probe) -> str | None:
    if segment.source_port != probe.port:
        return f"from port {segment.source_port}, not from {probe.port}"
    if segment.acknowledgement != (attempt.sequence + 1) & 0xFFFFFFFF:
        return "acknowledges a sequence number that was not sent"
    if segment.flags & (SYN | ACK) != SYN | ACK and segment.flags & (RST | ACK) != RST | ACK:
        return f"flags {segment.flags:#x} answer no SYN"
    return None


def _quote_difference(quoted: Embedded, attempt: Attempt, probe: Probe) -> str | None:
    if (quoted.source_ip, quoted.destination_ip, quoted.protocol) != (probe.source_ip, probe.target_ip, probe.protocol):
        return "an ICMP error that quotes other addresses"
    sequence = None if probe.datagram is not None else attempt.sequence
    if probe.port is not None and (quoted.second, quoted.tcp_sequence) != (probe.port, sequence):
        return "an ICMP error that quotes another segment"
    return None
