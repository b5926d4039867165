"""The verdict algebra: intervals over the chain N < P < C.

An interval ``[lo, hi]`` holds every grade that a completion of the evidence could still lead to. Each operation is a
function that never falls when an argument rises, applied to the lower and to the upper bounds: its interval is exactly
what the completions of its arguments can reach, and losing evidence can only widen it.

``None`` stands for an argument that has left the rule (*sans objet*, declared or shown). An operation skips such
arguments; left with nothing but them it has itself left the rule, so that grouping changes nothing. Only the whole
rule, left with nothing, is ``[N, C]`` (see ``rules``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from r2s_audit.model.verdict import Grade


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds on a grade; ValueError where they are out of order."""

    lo: Grade
    hi: Grade

    def __post_init__(self) -> None:
        if self.lo.rank > self.hi.rank:
            raise ValueError(f"interval out of order: [{self.lo}, {self.hi}]")

    @property
    def settled(self) -> bool:
        """Whether no further evidence can change the grade."""
        return self.lo is self.hi

    def within(self, other: Interval) -> bool:
        """Whether every grade of this interval is also one of the other."""
        return other.lo.rank <= self.lo.rank and self.hi.rank <= other.hi.rank


UNKNOWN = Interval(Grade.N, Grade.C)
"""Nothing is known: a cell that is not verified, a rule over nothing."""

CONFORME = Interval(Grade.C, Grade.C)
PARTIEL = Interval(Grade.P, Grade.P)
NON_CONFORME = Interval(Grade.N, Grade.N)


def lower(first: Grade, second: Grade) -> Grade:
    """The lower of two grades."""
    return first if first.rank <= second.rank else second


def higher(first: Grade, second: Grade) -> Grade:
    """The higher of two grades."""
    return first if first.rank >= second.rank else second


def all_of(parts: Iterable[Interval | None]) -> Interval | None:
    """Component-wise minimum of what has not left the rule; None where nothing is left."""
    left = [part for part in parts if part is not None]
    if not left:
        return None
    return Interval(min((p.lo for p in left), key=_rank), min((p.hi for p in left), key=_rank))


def any_of(parts: Iterable[Interval | None]) -> Interval | None:
    """Component-wise maximum of what has not left the rule; None where nothing is left."""
    left = [part for part in parts if part is not None]
    if not left:
        return None
    return Interval(max((p.lo for p in left), key=_rank), max((p.hi for p in left), key=_rank))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Shares of a population, exact: ``atteint`` gives C, ``partiel`` gives P; a member that is P weighs ``weight``."""

    atteint: Fraction
    partiel: Fraction
    weight: Fraction = Fraction(0)

    def grade(self, share: Fraction) -> Grade:
        """The class of a share; a share of zero is N whatever the thresholds: nothing conforme never passes."""
        if share <= 0:
            return Grade.N
        if share >= self.atteint:
            return Grade.C
        return Grade.P if share >= self.partiel else Grade.N


def share_of(members: Mapping[Interval, int], thresholds: Thresholds) -> Interval:
    """The class of a population, given how many of its members have which interval.

    The population is that of the plan, less what was shown to be *sans objet*; over nothing: ``[N, C]``.
    """
    population = sum(members.values())
    if population == 0:
        return UNKNOWN
    at_worst: Counter[Grade] = Counter()
    at_best: Counter[Grade] = Counter()
    for interval, number in members.items():
        at_worst[interval.lo] += number
        at_best[interval.hi] += number

    def grade(counts: Counter[Grade]) -> Grade:
        return thresholds.grade((counts[Grade.C] + thresholds.weight * counts[Grade.P]) / Fraction(population))

    return Interval(grade(at_worst), grade(at_best))


def tiers(larger: Interval | None, smaller: Interval | None) -> Interval | None:
    """C where all of the larger set is C, else P where all of the smaller set is C, else N.

    A set of which nothing is left is unknown, not met; None where nothing is left of either.
    """
    if larger is None and smaller is None:
        return None
    atteint, partiel = larger or UNKNOWN, smaller or UNKNOWN

    def grade(high: Grade, low: Grade) -> Grade:
        if high is Grade.C:
            return Grade.C
        return Grade.P if low is Grade.C else Grade.N

    return Interval(grade(atteint.lo, partiel.lo), grade(atteint.hi, partiel.hi))


def cap(result: Interval | None, condition: Interval | None, at: Grade) -> Interval | None:
    """The result, limited to ``at`` unless the condition is C; an unknown condition lowers only the lower bound.

    A condition that has left the rule limits nothing; a result that has left it is unknown, and still limited.
    """
    if condition is None:
        return result
    result = result or UNKNOWN
    lo = result.lo if condition.lo is Grade.C else lower(result.lo, at)
    hi = result.hi if condition.hi is Grade.C else lower(result.hi, at)
    return Interval(lo, hi)


def graded(result: Interval | None, worst: Grade) -> Interval | None:
    """The result, never below ``worst``: a failure costs no more than that."""
    if result is None:
        return None
    return Interval(higher(result.lo, worst), higher(result.hi, worst))


def _rank(grade: Grade) -> int:
    return grade.rank
