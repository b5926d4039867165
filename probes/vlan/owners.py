"""Who answers for these addresses, each question to all or to one station, with the departures seen.

Unlike :mod:`probes.vlan.neighbours`, which wants to learn an owner, this wants to believe a silence: every question is
asked as often as it may be, and counts only if the capture saw it leave.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from probes.wire import bpf, build
from probes.wire.answers import AddressAnswer, parse_answer
from probes.wire.capture import CapturedFrame, CaptureStatistics, Direction
from probes.wire.channel import WireRefused
from probes.wire.frames import ICMPV6, FrameError, IpAddress
from probes.wire.gate import FrameRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.api import Access
    from probes.wire.capture import Capture
    from probes.wire.station import Station

ANSWER_SECONDS = 0.5
ATTEMPTS = 2
ADVERTISEMENT = 136
"""ICMPv6 type of a neighbour advertisement (RFC 4861 §4.4)."""


@dataclass(slots=True)
class Question:
    """Who has ``target``? ``destination`` None asks all; what became of it is written here."""

    source: IpAddress
    target: IpAddress
    destination: str | None
    sent: int = 0
    seen: int = 0
    answer_mac: str | None = None
    refused: str | None = None
    """Why the gate or the interface kept it back."""
    frame: bytes = field(default=b"", repr=False)

    @property
    def open(self) -> bool:
        """Whether to ask again."""
        return self.answer_mac is None and self.refused is None


async def ask_owners(access: Access, station: Station, questions: Sequence[Question]) -> CaptureStatistics | None:
    """Ask every question, twice where nobody answers, in one capture; what it says of itself.

    Raises:
        WireError: the helper is gone.
    """
    if not questions:
        return None
    for question in questions:
        question.frame = _frame(station, question)
    async with access.wire.capture(station.interface, bpf=bpf.compile_filter(bpf.exchange(station.mac))) as capture:
        for _ in range(ATTEMPTS):
            for question in questions:
                if question.open:
                    await _send(access, station, question)
                    _absorb(capture.take(), station, questions)
            await _listen(capture, station, questions)
        statistics = await capture.statistics()
        _absorb(capture.take(), station, questions)
    return statistics


def _frame(station: Station, question: Question) -> bytes:
    source, target, to = question.source, question.target, question.destination
    if isinstance(source, IPv6Address) and isinstance(target, IPv6Address):
        return build.neighbour_solicitation(station.mac, source, target, station.vlans, destination=to)
    if isinstance(source, IPv4Address) and isinstance(target, IPv4Address):
        return build.arp_request(station.mac, source, target, station.vlans, destination=to or build.BROADCAST)
    raise FrameError(f"{source} cannot ask for {target}")


async def _send(access: Access, station: Station, question: Question) -> None:
    try:
        await access.wire.send(access.frame_gate, station.interface, [question.frame])
    except (FrameRefused, WireRefused) as refusal:
        question.refused = str(refusal)
    else:
        question.sent += 1


async def _listen(capture: Capture, station: Station, questions: Sequence[Question]) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while any(question.open for question in questions):
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return
        await capture.wait(remaining)
        _absorb(capture.take(), station, questions)


def _absorb(frames: Sequence[CapturedFrame], station: Station, questions: Sequence[Question]) -> None:
    """Count departures, and note who says, to us and in our VLAN, to own what; a damaged frame says nothing."""
    expected = 0 if station.vlan is None else station.vlan.vid
    for frame in frames:
        if frame.direction is Direction.OUTGOING:
            for question in questions:
                question.seen += frame.data == question.frame
            continue
        if (frame.vlan.vid if frame.vlan else 0) != expected:
            continue
        try:
            header, answer = parse_answer(frame.data, verify=not frame.checksum_partial)
        except FrameError:
            continue
        if header.destination_mac != station.mac:
            continue
        if isinstance(answer, AddressAnswer):
            owner: tuple[IpAddress | None, str] = answer.ip, answer.mac
        elif header.protocol == ICMPV6 and header.icmp_type == ADVERTISEMENT:
            # To a question that came to it alone, a host may leave its link-layer address out (RFC 4861 §7.2.4).
            owner = header.source_ip, header.source_mac
        else:
            continue
        for question in questions:
            if question.target == owner[0] and question.sent and question.answer_mac is None:
                question.answer_mac = owner[1]
