"""Findings: what one check says of one subject."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property

from .base import Model
from .observation import Request
from .text import Message


class Value(StrEnum):
    """The five values of a finding; the first three are the chain N < P < C of the verdict algebra."""

    CONFORME = "C"
    PARTIEL = "P"
    NON_CONFORME = "N"
    NON_VERIFIE = "non_verifie"
    SANS_OBJET = "sans_objet"

    __hash__ = str.__hash__
    """That of its text, computed once; an Enum's own is a function in Python, called for each of 100 000 findings."""


class Subject(Model):
    """What a check is applied to: a target, seen from a point, with whatever tells it from its neighbours."""

    target: str
    point: str = ""
    detail: tuple[tuple[str, str], ...] = ()

    @cached_property
    def key(self) -> str:
        """Readable and unique within a check: ``supervision port=443@P-LOG``."""
        words = [self.target, *(f"{name}={value}" for name, value in self.detail)]
        return " ".join(words) + (f"@{self.point}" if self.point else "")

    def get(self, name: str) -> str:
        """A detail by its name; KeyError where the subject does not have it."""
        return dict(self.detail)[name]


class Judgement(Model):
    """What a check returns: the value, and the words that let two people settle a disagreement.

    ``proof`` marks a *sans objet* that rests on a completed observation; without it *sans objet* counts as [N, C].
    """

    value: Value
    expected: Message
    measured: Message
    proof: bool = False


class Finding(Model):
    """A judgement in its place: which check on which subject, from which observations."""

    check: str
    subject: Subject
    value: Value
    expected: Message
    measured: Message
    proof: bool = False
    observations: tuple[str, ...] = ()
    """Identifiers of ledger entries, in the order in which the check asked for them."""
    missing: tuple[Request, ...] = ()
    """What the check asked for and nobody observed."""
    trace: str | None = None
    """The traceback of a check that crashed: the finding is then *non vérifié*."""
