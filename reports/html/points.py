"""Points as shares of a whole, for bars: what is certain, what is still possible, what is lost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from r2s_audit.model.score import PointsInterval

_EXACT = re.compile(r"\d{1,6}(?:\.\d{1,12}|/\d{1,12})?", re.ASCII)
"""What the scores write. An audit document may come from anywhere, and ``Fraction("1e999999999")`` never ends."""


@dataclass(frozen=True, slots=True)
class Share:
    """An interval of points; ``certain`` and ``possible`` are percentages of the maximum, 0 to 100."""

    worst: Fraction
    best: Fraction
    maximum: Fraction

    @property
    def certain(self) -> float:
        """What nothing can take away any more."""
        return float(100 * self.worst / self.maximum)

    @property
    def possible(self) -> float:
        """What the best completion of the evidence would give."""
        return float(100 * self.best / self.maximum)


def share(intervals: Iterable[PointsInterval]) -> Share | None:
    """The sum of intervals; None where they are no points (0 ≤ worst ≤ best ≤ maximum, maximum > 0)."""
    total = [Fraction(0), Fraction(0), Fraction(0)]
    for interval in intervals:
        for place, text in enumerate((interval.worst, interval.best, interval.maximum)):
            number = _fraction(text)
            if number is None:
                return None
            total[place] += number
    worst, best, maximum = total
    if not (worst <= best <= maximum and maximum > 0):
        return None
    return Share(worst, best, maximum)


def _fraction(text: str) -> Fraction | None:
    if not _EXACT.fullmatch(text):
        return None
    numerator, _, denominator = text.partition("/")
    if denominator and not int(denominator):
        return None
    return Fraction(numerator) / Fraction(denominator or 1)


_ONE, _ALL = 1, 100


def percent(value: float) -> str:
    """A percentage without decimals that never claims 0 or 100 where it is not."""
    if 0 < value < _ONE:
        return "< 1"
    if _ALL - _ONE < value < _ALL:
        return "> 99"
    return str(round(value))


def decimal(value: Fraction, language: str) -> str:
    """Points as people read them: at most two decimals, a comma in French."""
    text = f"{float(value):.2f}".rstrip("0").rstrip(".")
    return text.replace(".", ",") if language == "fr" else text
