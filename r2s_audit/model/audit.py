"""The audit document: the one immutable result that every renderer shows and other programs read."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from .base import Model
from .finding import Finding, Subject
from .network_map import NetworkMap
from .record import Machine, PassState
from .score import Label, Score
from .site import Building, Mandate, Party
from .text import Message
from .verdict import Verdict

AUDIT_FORMAT = 1


class PassSummary(Model):
    """One pass as the PV lists it."""

    id: str
    state: PassState
    points: tuple[str, ...]
    opened: datetime
    closed: datetime | None
    observations: int
    failed: int
    packets: int
    """Frames that left the point's interfaces, where a witness heard them."""
    machine: Machine
    reason: Message | None = None


class CellState(Model):
    """A planned cell and what became of it."""

    requirement: str
    criterion: str
    check: str
    subject: Subject
    state: Literal["C", "P", "N", "non_verifie", "sans_objet"]
    finding: int | None
    """Index into ``findings``; None where no check was there to judge."""


class Cells(Model):
    """Nothing vanishes: ``planned`` equals ``reported``, always."""

    planned: int
    reported: int
    states: dict[str, int]
    cells: tuple[CellState, ...] = ()


class Audit(Model):
    """A whole audit, judged at one date."""

    r2s_audit: int = AUDIT_FORMAT
    title: str
    simulation: bool
    language: str = "fr"
    program: str
    as_of: datetime
    """The date of judgement: an input, so that the same inputs give the same document."""
    building: Building
    parties: tuple[Party, ...] = ()
    mandate: Mandate | None = None
    profile: str
    profile_version: str
    profile_digest: str
    site_digest: str
    plan_digest: str
    ledger_head: str
    ledger_entries: int
    passes: tuple[PassSummary, ...]
    cells: Cells
    internal_errors: int
    """Cells that a fault of this program left without an answer; their traces are in the record and in findings."""
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    score: Score
    label: Label = Label()
    """Declarations, services, what-if and stages: what goes with the score and never changes a verdict."""
    topology: NetworkMap | None = None
    """The network as declared and as found; None in documents of earlier versions."""
