"""The record: an append-only ledger of a campaign.

One line of JSON per entry; each carries the digest of the line before, so that nothing can be removed or reordered in
silence. A pass is opened before its first packet and closed after its last.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, FiniteFloat

from .base import Count, Identifier, Model
from .observation import BlobRef, Digest, Observation
from .text import Message

RECORD_FORMAT = 3
"""Version of the ledger's entries. 2 adds clock readings, the mandate, signatures of the plan and merged records, 3 the
frames that were kept; every entry of an earlier format is one of the later ones as well."""


class Machine(Model):
    """What did the measuring: for the PV's « moyens de mesure »."""

    hostname: str
    kernel: str
    python: str
    program: str
    operator: str
    interfaces: dict[str, str] = {}
    """Interface name to MAC address."""


class ClockReading(Model):
    """What the machine's clock was worth at one moment."""

    source: str
    """Who says so."""
    synchronised: bool | None = None
    """None where nobody could say."""
    offset_ms: FiniteFloat | None = None
    """Milliseconds that the clock is known to be off; None where nobody knows."""
    max_error_ms: FiniteFloat | None = None
    """Bound on the error beside the offset."""


class CampaignOpened(Model):
    """First entry: what is audited against what."""

    kind: Literal["campaign"] = "campaign"
    record_format: int = RECORD_FORMAT
    site: BlobRef
    profile: BlobRef
    plan: BlobRef
    plan_digest: Digest


class PassOpened(Model):
    """Somebody plugged in and starts; written before the first packet."""

    kind: Literal["pass_opened"] = "pass_opened"
    pass_id: Identifier
    points: tuple[str, ...]
    machine: Machine
    mandate: str = ""
    """Reference of the written permission, from the site file."""
    clock: ClockReading | None = None
    clock_offset_ms: FiniteFloat | None = Field(default=None, exclude_if=lambda value: value is None)
    clock_source: str = Field(default="", exclude_if=lambda value: not value)
    """These two are format 1; ``clock`` says it now."""
    intrusive: bool = False
    requests: tuple[str, ...]
    """Keys of the requests that this pass sets out to make."""


class PassResumed(Model):
    """The same pass goes on after an interruption; ``torn_bytes`` were cut from the ledger's end."""

    kind: Literal["pass_resumed"] = "pass_resumed"
    pass_id: Identifier
    torn_bytes: Count = 0
    machine: Machine | None = None
    """Who goes on, with what; format 1 did not say."""
    clock: ClockReading | None = None


class PassSigned(Model):
    """Somebody signed the plan, and the ledger up to here, before the pass sent its first packet.

    ``envelope`` is a DSSE envelope, whose statement names the entry before this one; see docs/record-format.md.
    """

    kind: Literal["pass_signed"] = "pass_signed"
    pass_id: Identifier
    envelope: BlobRef


class Observed(Model):
    """One observation."""

    kind: Literal["observation"] = "observation"
    observation: Observation


class FramesSent(Model):
    """Frames that left an interface during one stretch of a pass, as a witness on the interface heard them.

    Whoever sent them: this program, the kernel, another program of the machine. ``reason`` says why nobody listened.
    """

    kind: Literal["frames_sent"] = "frames_sent"
    pass_id: Identifier
    interface: str
    frames: Count
    drops: Count
    listing: BlobRef | None = None
    reason: Message | None = None


class FramesKept(Model):
    """Frames sent and received on all interfaces during one stretch of a pass, as a section of a pcapng file.

    Redacted before they were stored: the digest covers the redacted bytes. ``…_over``: heard, and not kept, the bounds of
    the pass being reached (frames sent are listed by ``frames_sent`` all the same). ``received_missed``: dropped unread.
    """

    kind: Literal["frames_kept"] = "frames_kept"
    pass_id: Identifier
    sent: Count
    received: Count
    sent_over: Count = 0
    received_over: Count = 0
    received_missed: Count = 0
    capture: BlobRef | None = None


class PassClosed(Model):
    """The pass ended: complete, or stopped with the reason."""

    kind: Literal["pass_closed"] = "pass_closed"
    pass_id: Identifier
    complete: bool
    reason: Message | None = None
    clock: ClockReading | None = None
    clock_offset_ms: FiniteFloat | None = Field(default=None, exclude_if=lambda value: value is None)
    """Format 1; ``clock`` says it now."""
    planned: Count
    reported: Count


class PassDiscarded(Model):
    """A pass that does not count any more; it stays listed with its reason."""

    kind: Literal["pass_discarded"] = "pass_discarded"
    pass_id: Identifier
    reason: Annotated[str, Field(min_length=10)]
    by: str


class Merged(Model):
    """One of the records that a joined campaign was made from; see docs/record-format.md."""

    kind: Literal["merged"] = "merged"
    ledger: BlobRef
    """The source's own ledger, byte for byte."""
    entries: Count
    head: Digest
    passes: dict[Identifier, Identifier]
    """Its names of passes to those of this ledger."""
    seals: dict[str, BlobRef] = {}
    """Its seals and their manifests, by file name."""


class MergeConflict(Model):
    """What two sources disagree on; nothing is resolved by leaving it out.

    Of ``passes`` the last one counts, as of any two passes; ``requests`` are those that ended differently.
    """

    kind: Literal["merge_conflict"] = "merge_conflict"
    passes: tuple[Identifier, ...]
    requests: tuple[str, ...] = ()
    reason: Message


Body = Annotated[
    CampaignOpened
    | PassOpened
    | PassResumed
    | PassSigned
    | Observed
    | FramesSent
    | FramesKept
    | PassClosed
    | PassDiscarded
    | Merged
    | MergeConflict,
    Field(discriminator="kind"),
]


class Entry(Model):
    """One line of the ledger."""

    n: Count
    prev: Digest
    at: AwareDatetime
    body: Body


class PassState(StrEnum):
    """How a pass ended, or that it did not."""

    COMPLETE = "complete"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    DISCARDED = "discarded"
