"""What the wire saw during a pass, kept: frames sent and received, redacted, with the requests that they belong to.

One section of a pcapng file per stretch, each a blob that an entry of the ledger refers to: a kill leaves what was
written so far, and the sections joined are one capture. Nothing is kept that :mod:`probes.wire.redact` has not passed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import r2s_audit
from probes.wire.capture import Direction
from probes.wire.pcapng import Packet, section
from probes.wire.redact import redact_read, redact_unread
from probes.wire.witness import record_of
from r2s_audit.model.record import FramesKept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.wire.capture import CapturedFrame
    from probes.wire.pcapng import Port
    from probes.wire.witness import WitnessRecord
    from r2s_audit.engine.trail import Trail
    from r2s_audit.evidence.record import RecordWriter

PCAPNG = "pcapng"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is kept of one pass, at most; what is over is counted. No site and no profile changes it."""

    sent: int = 200_000
    """Frames sent: more than a pass of the largest site sends."""
    received: int = 50_000
    """Frames received, shared out evenly among the interfaces: a flood on one of them leaves the others theirs."""
    sent_octets: int = 48 << 20
    received_octets: int = 16 << 20


@dataclass(slots=True)
class _Account:
    """Frames and octets that may still be kept, and what one stretch came to."""

    frames: int
    octets: int
    kept: int = 0
    over: int = 0

    def admits(self, size: int) -> bool:
        if not self.frames or self.octets < size:
            self.over += 1
            return False
        self.frames, self.octets, self.kept = self.frames - 1, self.octets - size, self.kept + 1
        return True

    def full(self) -> bool:
        """Whether not even the smallest frame has room: what comes is then counted without being looked at."""
        return not self.frames or self.octets <= 0


@dataclass(slots=True)
class FrameKeeper:
    """Gathers a stretch, then writes it."""

    writer: RecordWriter
    pass_id: str
    ports: Sequence[Port]
    trail: Trail
    bounds: Bounds = field(default_factory=Bounds)
    _sent: _Account = field(init=False)
    _received: dict[str, _Account] = field(init=False)
    _index: dict[str, int] = field(init=False)
    _packets: list[tuple[int, bytes]] = field(default_factory=list, init=False)
    _sections: int = field(default=0, init=False)
    _missed: int = field(default=0, init=False)
    """Frames received that nobody could read, since the pass began."""
    _told: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Share the bounds out."""
        self._index = {port.name: number for number, port in enumerate(self.ports)}
        share = max(1, len(self.ports))
        self._sent = _Account(self.bounds.sent, self.bounds.sent_octets)
        self._received = {
            port.name: _Account(self.bounds.received // share, self.bounds.received_octets // share)
            for port in self.ports
        }

    def hear(self, frames: Sequence[CapturedFrame]) -> None:
        """As :meth:`take`, for frames of which no record is made; none is read once there is no room."""
        for frame in frames:
            account = self._account(frame)
            if account.full():
                account.over += 1
            else:
                self.take([frame], [record_of(frame)])

    def take(self, frames: Sequence[CapturedFrame], records: Sequence[WitnessRecord]) -> None:
        """Redact frames, whose records are given, and keep them as far as there is room."""
        for frame, record in zip(frames, records, strict=True):
            account = self._account(frame)
            if account.full():
                account.over += 1
                continue
            if record.unread is None and record.header is not None:
                clean = redact_read(frame.data, record.header)
                comments = self.trail.comments(frame, record.header)
            else:
                clean = redact_unread(frame.data, record.header)
                comments = self.trail.comments(frame, None)
            if clean.removed:
                comments += (f"removed: {clean.removed}",)
            packed = Packet(
                self._index[frame.interface], frame.t_ns, frame.direction, clean.data, frame.original_length, comments
            ).pack()
            if account.admits(len(packed)):
                self._packets.append((frame.t_ns, packed))

    def _account(self, frame: CapturedFrame) -> _Account:
        return self._sent if frame.direction is Direction.OUTGOING else self._received[frame.interface]

    def missed(self, total: int) -> None:
        """Learn how many received frames were dropped on all interfaces since the pass began."""
        self._missed = total

    def write(self) -> None:
        """End a stretch: its section into the record, and its entry into the ledger; nothing where nothing happened.

        Raises:
            RecordError: the record cannot be written.
        """
        received = self._received.values()
        entry = FramesKept(
            pass_id=self.pass_id,
            sent=self._sent.kept,
            received=sum(account.kept for account in received),
            sent_over=self._sent.over,
            received_over=sum(account.over for account in received),
            received_missed=max(0, self._missed - self._told),
        )
        if not (entry.sent or entry.received or entry.sent_over or entry.received_over or entry.received_missed):
            return
        self._sections += 1
        self._packets.sort(key=lambda packet: packet[0])
        data = section(
            f"r2s-audit {r2s_audit.__version__}", self._comment(entry), self.ports, [p for _, p in self._packets]
        )
        self.writer.ledger.append(
            entry.model_copy(update={"capture": self.writer.blobs.put(data, PCAPNG, redacted=True)})
        )
        self._told = self._missed
        self._packets.clear()
        for account in (self._sent, *received):
            account.kept = account.over = 0

    def _comment(self, entry: FramesKept) -> str:
        bounds = self.bounds
        return (
            f"pass {self.pass_id}, section {self._sections}\n"
            f"frames sent: {entry.sent} kept, {entry.sent_over} over the bound\n"
            f"frames received: {entry.received} kept, {entry.received_over} over the bound, "
            f"{entry.received_missed} missed\n"
            f"bounds of a pass: {bounds.sent} frames and {bounds.sent_octets} octets sent, "
            f"{bounds.received} frames and {bounds.received_octets} octets received\n"
            "redacted before it was stored: of each frame the headers are kept, and what is known to hold no secret; "
            "the digest of this section covers the redacted octets"
        )
