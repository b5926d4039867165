"""The egress witness: one small record for every frame that left an interface, whoever sent it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from probes.wire.capture import Capture, CapturedFrame, CaptureStatistics
from probes.wire.frames import FrameError, FrameHeader, parse_header, parse_link

WITNESS_SNAP = 256  # octets: every header that parse_header reads of an ordinary frame
LedgerValue = str | int | None | list[int]


@dataclass(frozen=True, slots=True)
class WitnessRecord:
    """One frame sent: when (UTC nanoseconds), from which interface, and its headers.

    unread says why part of the headers is missing; the record is there all the same.
    """

    interface: str
    t_ns: int
    length: int
    header: FrameHeader | None
    unread: str | None = None

    def as_ledger(self) -> dict[str, LedgerValue]:
        """Return the record as plain values for a line of a ledger; absent fields are left out."""
        line: dict[str, LedgerValue] = {"interface": self.interface, "t_ns": self.t_ns, "length": self.length}
        header = self.header
        if header is not None:
            line |= {
                "source_mac": header.source_mac,
                "destination_mac": header.destination_mac,
                "ethertype": header.ethertype,
                "vlans": [tag.vid for tag in header.vlans] or None,
                "kind": header.kind.value,
                "source_ip": None if header.source_ip is None else str(header.source_ip),
                "destination_ip": None if header.destination_ip is None else str(header.destination_ip),
                "protocol": header.protocol,
                "source_port": header.source_port,
                "destination_port": header.destination_port,
                "tcp_flags": header.tcp_flags,
                "icmp_type": header.icmp_type,
                "arp_target": None if header.arp is None else str(header.arp.target_ip),
                "neighbour_target": None if header.neighbour_target is None else str(header.neighbour_target),
            }
        line["unread"] = self.unread
        return {key: value for key, value in line.items() if value is not None}


class Witness:
    """Iterate for records as frames leave; ask `statistics` whether any is missing."""

    def __init__(self, capture: Capture) -> None:
        """Read from a capture of outgoing frames."""
        self._capture = capture

    def take(self) -> list[WitnessRecord]:
        """Return the records of every frame seen since the last call, without waiting."""
        return [record_of(frame) for frame in self.take_frames()]

    def take_frames(self) -> list[CapturedFrame]:
        """Return the frames themselves, cut after WITNESS_SNAP octets and not redacted: not for keeping as they are."""
        return self._capture.take()

    async def __aiter__(self) -> AsyncIterator[WitnessRecord]:
        """Yield records until the witness is closed; WireError if the helper dies."""
        async for frame in self._capture:
            yield record_of(frame)

    async def statistics(self) -> CaptureStatistics:
        """Return the counters; every frame that left before the call is recorded by then."""
        return await self._capture.statistics()


def record_of(frame: CapturedFrame) -> WitnessRecord:
    """Summarise a frame; what does not read is said, and the frame recorded all the same."""
    header, unread = None, None
    try:
        header = parse_header(frame.data, frame.original_length)
    except FrameError as error:
        unread = str(error)
        try:
            header = parse_link(frame.data, frame.original_length)
        except FrameError as worse:
            unread = str(worse)
    return WitnessRecord(frame.interface, frame.t_ns, frame.original_length, header, unread)
