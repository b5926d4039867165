"""Verdicts: where a requirement stands, with its bounds and its reasons."""

from __future__ import annotations

from enum import StrEnum

from .base import Model
from .text import Message


class Grade(StrEnum):
    """A point of the chain N < P < C."""

    N = "N"
    P = "P"
    C = "C"

    @property
    def rank(self) -> int:
        """0, 1, 2 along the chain."""
        return "NPC".index(self.value)


class VerdictValue(StrEnum):
    """The label's three verdicts, and the one of an auditor who does not know."""

    ATTEINT = "atteint"
    PARTIELLEMENT_ATTEINT = "partiellement_atteint"
    NON_ATTEINT = "non_atteint"
    NON_EVALUE = "non_evalue"


class Reason(Model):
    """Why a verdict is not simply *atteint*: the criterion, what was expected, what was measured, who says so."""

    criterion: str
    check: str
    subject: str
    value: str
    expected: Message
    measured: Message
    source: str
    reference: str
    observations: tuple[str, ...] = ()


class CriterionResult(Model):
    """One criterion after its cells have been combined."""

    criterion: str
    check: str
    worst: Grade
    best: Grade
    cells: int


class Verdict(Model):
    """``worst`` and ``best`` are what a completion of the evidence could still lead to; equal: the verdict is settled."""

    requirement: str
    title: str
    theme: str
    prerequisite: bool
    verdict: VerdictValue
    worst: VerdictValue
    best: VerdictValue
    criteria: tuple[CriterionResult, ...] = ()
    details: tuple[Reason, ...] = ()
    """Every finding that keeps the verdict from being *atteint*, worst first."""
    reasons: tuple[str, ...] = ()
    """The same in sentences, in the language of the document; filled in when the document is made."""
