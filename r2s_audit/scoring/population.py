"""A criterion over its cells: who is in the population, and where the criterion stands.

The population is frozen by the plan. A planned cell that nobody judged is *non vérifié*; a cell leaves the population
only where a completed observation shows that it is *sans objet*.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from r2s_audit.model.finding import Finding, Value
from r2s_audit.model.plan import Cell
from r2s_audit.model.profile import Criterion, ShareOver
from r2s_audit.model.verdict import Grade

from .interval import (
    CONFORME,
    NON_CONFORME,
    PARTIEL,
    UNKNOWN,
    Interval,
    Thresholds,
    all_of,
    any_of,
    graded,
    share_of,
)


class JudgedCell(NamedTuple):
    """A planned cell with its finding; None where no check was there to judge."""

    cell: Cell
    finding: Finding | None


_INTERVALS: dict[Value, Interval] = {
    Value.CONFORME: CONFORME,
    Value.PARTIEL: PARTIEL,
    Value.NON_CONFORME: NON_CONFORME,
    Value.NON_VERIFIE: UNKNOWN,
}


# An enumeration looks its members up by a function in Python: here that would be for each of 100 000 findings.
_UNVERIFIED, _WITHOUT_OBJECT = Value.NON_VERIFIE, Value.SANS_OBJET


def effective_value(finding: Finding | None) -> Value:
    """What a finding counts as: none at all, or *sans objet* without proof, is *non vérifié*."""
    if finding is None:
        return _UNVERIFIED
    value = finding.value
    return _UNVERIFIED if value is _WITHOUT_OBJECT and not finding.proof else value


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a criterion stands.

    ``interval`` is None where it has left the rule; ``verified`` counts the cells that are C, P or N; ``cells`` counts
    the planned ones.
    """

    interval: Interval | None
    verified: int
    cells: int


def stand(criterion: Criterion, findings: Iterable[Finding | None]) -> Standing:
    """Combine the findings of a criterion's planned cells.

    Without any planned cell the criterion is ``[N, C]``: nothing scheduled is no success. Where every planned cell is
    shown to be *sans objet* it leaves the rule.
    """
    return standing(criterion, Counter(map(effective_value, findings)))


def standing(criterion: Criterion, values: Counter[Value]) -> Standing:
    """The same, given how many planned cells have which effective value."""
    values = values.copy()
    cells = values.total()
    removed = values.pop(Value.SANS_OBJET, 0)
    verified = values.total() - values[Value.NON_VERIFIE]
    if cells and removed == cells:
        return Standing(None, 0, cells)
    members = Counter({_INTERVALS[value]: number for value, number in values.items() if number})
    interval = _combine(criterion, members)
    if criterion.worst is not None:
        interval = graded(interval, Grade(criterion.worst)) or interval
    return Standing(interval, verified, cells)


def _combine(criterion: Criterion, members: Counter[Interval]) -> Interval:
    if isinstance(criterion.over, ShareOver):
        return share_of(members, thresholds(criterion.over))
    combined = all_of(members) if criterion.over == "all" else any_of(members)
    return combined or UNKNOWN


def thresholds(over: ShareOver) -> Thresholds:
    """The thresholds of a profile as exact fractions."""
    weight = Fraction(over.partial_weight.value) if over.partial_weight else Fraction(0)
    return Thresholds(Fraction(over.atteint.value), Fraction(over.partiel.value), weight)
