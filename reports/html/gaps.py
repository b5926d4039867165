"""What an integrator reads first: where the measures contradict what is expected, gathered by check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from r2s_audit.model.finding import Value
from reports.html.requirements import title_of
from reports.words import VALUES, Mark

if TYPE_CHECKING:
    from r2s_audit.model.finding import Finding
    from reports.material import Material

MAX_GAPS = 60
NAMED = 8
"""Targets and points that one row names."""
_OF_INTEREST = (Value.NON_CONFORME, Value.PARTIEL)


@dataclass(frozen=True, slots=True)
class Gap:
    """The findings of one value of one check."""

    mark: Mark
    title: str
    check: str
    requirements: tuple[str, ...]
    count: int
    targets: tuple[str, ...]
    points: tuple[str, ...]
    more_targets: int
    more_points: int
    example: Finding


@dataclass(frozen=True, slots=True)
class Gaps:
    """The worst first, those with most findings first; how many are not listed."""

    rows: tuple[Gap, ...]
    cut: int


def gaps(material: Material, language: str) -> Gaps:
    """Each finding once, whatever number of criteria rest on it."""
    audit = material.audit
    titles = {
        (r.id, c.id): title_of(c, language)
        for r in (material.profile.requirements if material.profile else ())
        for c in r.criteria
    }
    found: dict[tuple[Value, str], dict[int, Finding]] = {}
    named: dict[tuple[Value, str], str] = {}
    requirements: dict[tuple[Value, str], dict[str, None]] = {}
    for cell in audit.cells.cells:
        value = Value(cell.state)
        if value not in _OF_INTEREST or cell.finding is None or not 0 <= cell.finding < len(audit.findings):
            continue
        key = (value, cell.check)
        found.setdefault(key, {})[cell.finding] = audit.findings[cell.finding]
        named.setdefault(key, titles.get((cell.requirement, cell.criterion), ""))
        requirements.setdefault(key, {})[cell.requirement] = None
    keys = sorted(found, key=lambda k: (_OF_INTEREST.index(k[0]), -len(found[k]), k[1]))
    rows = tuple(_gap(key, found[key], named[key], tuple(requirements[key])) for key in keys[:MAX_GAPS])
    return Gaps(rows, max(0, len(keys) - MAX_GAPS))


def _gap(key: tuple[Value, str], findings: dict[int, Finding], title: str, requirements: tuple[str, ...]) -> Gap:
    value, check = key
    targets = tuple(dict.fromkeys(f.subject.target for f in findings.values() if f.subject.target not in {"", "-"}))
    points = tuple(dict.fromkeys(f.subject.point for f in findings.values() if f.subject.point))
    return Gap(
        VALUES[value],
        title,
        check,
        requirements,
        len(findings),
        targets[:NAMED],
        points[:NAMED],
        max(0, len(targets) - NAMED),
        max(0, len(points) - NAMED),
        next(iter(findings.values())),
    )
