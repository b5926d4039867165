"""What was not evaluated and why: grouped by reason, nothing left out of the counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from r2s_audit.model.finding import Value
from reports.html.requirements import title_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from r2s_audit.model.text import Message
    from r2s_audit.model.verdict import Reason
    from reports.material import Material

MAX_REASONS = 200
MAX_CRITERIA = 12


@dataclass(frozen=True, slots=True)
class Outside:
    """A requirement that no measurement on a network evidences."""

    requirement: str
    title: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A criterion that no probe of this version measures."""

    requirement: str
    criterion: str
    title: str
    why: Message


@dataclass(slots=True)
class Missing:
    """One reason for which planned cells stayed open: its first sentence, how many, which criteria."""

    why: Message
    subject: str
    count: int = 0
    criteria: dict[str, None] = field(default_factory=dict)
    """In the order found; at most MAX_CRITERIA of them."""


@dataclass(frozen=True, slots=True)
class Unevaluated:
    """The three kinds of not knowing."""

    outside: tuple[Outside, ...]
    waiting: tuple[Waiting, ...]
    missing: tuple[Missing, ...]
    """Most frequent first."""
    more_reasons: int
    more_waiting: int

    @property
    def nothing(self) -> bool:
        """Whether everything was evaluated."""
        return not (self.outside or self.waiting or self.missing)


def unevaluated(material: Material, language: str) -> Unevaluated:
    """Every reason of value *non vérifié* of every verdict, in exactly one of the three groups."""
    titles = {}
    if material.profile is not None:
        titles = {(r.id, c.id): title_of(c, language) for r in material.profile.requirements for c in r.criteria}
    outside: list[Outside] = []
    waiting: list[Waiting] = []
    missing: dict[str, Missing] = {}
    for requirement, title, reason in _open(material):
        if not reason.criterion:
            outside.append(Outside(requirement, title))
        elif not reason.check:
            name = titles.get((requirement, reason.criterion)) or reason.expected.in_french()
            waiting.append(Waiting(requirement, reason.criterion, name, reason.measured))
        else:
            _count(missing, reason)
    by_count = sorted(missing.values(), key=lambda m: -m.count)
    return Unevaluated(
        tuple(outside[:MAX_REASONS]),
        tuple(waiting[:MAX_REASONS]),
        tuple(by_count[:MAX_REASONS]),
        len(by_count) - len(by_count[:MAX_REASONS]),
        len(outside) + len(waiting) - len(outside[:MAX_REASONS]) - len(waiting[:MAX_REASONS]),
    )


def _open(material: Material) -> Iterator[tuple[str, str, Reason]]:
    for verdict in material.audit.verdicts:
        for reason in verdict.details:
            if reason.value == Value.NON_VERIFIE:
                yield verdict.requirement, verdict.title, reason


def _count(missing: dict[str, Missing], reason: Reason) -> None:
    """Sentences that differ by their arguments alone have one reason; the template of a mere quotation says nothing."""
    template = reason.measured.template
    key = reason.measured.in_french() if template.startswith("{") and template.endswith("}") else template
    found = missing.setdefault(key, Missing(reason.measured, "" if reason.subject == "-" else reason.subject))
    found.count += 1
    if len(found.criteria) < MAX_CRITERIA:
        found.criteria[reason.criterion] = None
