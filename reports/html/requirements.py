"""Each requirement with its criteria: what was expected, what was measured, who says so, by which evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from r2s_audit.model.score import ClaimStatus
from r2s_audit.model.text import Message
from r2s_audit.model.verdict import VerdictValue
from reports.html.findings import OPEN, Group, Groups, Row
from reports.words import GRADES, SOURCES, VERDICTS, Mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from r2s_audit.model.audit import Audit
    from r2s_audit.model.profile import Criterion, Requirement
    from r2s_audit.model.verdict import CriterionResult, Reason, Verdict
    from reports.material import Material

MAX_REQUIREMENTS = 500
MAX_CRITERIA = 200
"""Of one requirement. Labels have 31 requirements of 21 criteria at most; past these bounds the page only counts."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who says what is expected: the kind of source and its clause; no kind where the document does not say."""

    kind: Message | None
    reference: str


@dataclass(frozen=True, slots=True)
class CriterionView:
    """A criterion that a check judges."""

    id: str
    title: str
    check: str
    origin: Origin
    worst: Mark
    best: Mark
    cells: int
    group: Group
    shown: tuple[Row, ...]
    folded: tuple[Row, ...]
    good: tuple[Row, ...]
    unlisted: int


@dataclass(frozen=True, slots=True)
class Awaited:
    """A criterion without findings, and why."""

    id: str
    title: str
    why: Message
    origin: Origin


@dataclass(frozen=True, slots=True)
class RequirementView:
    """A requirement as its own part of the page."""

    anchor: str
    id: str
    title: str
    theme: str
    prerequisite: bool
    verdict: Mark
    worst: Mark
    best: Mark
    settled: bool
    declared: Mark | None
    """The state that a declaration gives to an open verdict; the verdict stays open."""
    waived: bool
    outside: Message | None
    """Set where nothing that a probe does evidences it: why."""
    function: str
    purpose: str
    points: tuple[str, str] | None
    criteria: tuple[CriterionView, ...]
    awaited: tuple[Awaited, ...]


@dataclass(frozen=True, slots=True)
class ThemeGroup:
    """The requirements of one theme."""

    title: str
    requirements: tuple[RequirementView, ...]


@dataclass(frozen=True, slots=True)
class _Claims:
    declared: Mapping[str, Mark]
    waived: frozenset[str]


def by_theme(material: Material, groups: Groups, language: str) -> tuple[ThemeGroup, ...]:
    """Every requirement, under its theme, in the order of the document."""
    audit = material.audit
    declared = {r.id: r for r in material.profile.requirements} if material.profile else {}
    claims = _Claims(
        {item.requirement: VERDICTS[item.value] for item in audit.label.declared},
        frozenset(w.waiver.requirement for w in audit.label.waivers if w.status is ClaimStatus.RETAINED),
    )
    titles = _theme_titles(audit)
    found: dict[str, list[RequirementView]] = {}
    for place, verdict in enumerate(audit.verdicts[:MAX_REQUIREMENTS], start=1):
        view = _requirement(f"e{place}", verdict, declared.get(verdict.requirement), groups, language)
        view = replace(
            view,
            declared=claims.declared.get(verdict.requirement),
            waived=verdict.requirement in claims.waived,
        )
        found.setdefault(verdict.theme, []).append(view)
    return tuple(ThemeGroup(titles.get(theme, theme), tuple(views)) for theme, views in found.items())


def _theme_titles(audit: Audit) -> dict[str, str]:
    return {theme.theme: theme.title for theme in audit.score.themes}


def _requirement(
    anchor: str, verdict: Verdict, declared: Requirement | None, groups: Groups, language: str
) -> RequirementView:
    known = {c.id: c for c in declared.criteria} if declared else {}
    by_criterion: dict[str, Reason] = {}
    for reason in verdict.details:
        by_criterion.setdefault(reason.criterion, reason)
    criteria: list[CriterionView] = []
    awaited: list[Awaited] = []
    for result in verdict.criteria[:MAX_CRITERIA]:
        group = groups.get((verdict.requirement, result.criterion))
        first = by_criterion.get(result.criterion)
        criterion = known.get(result.criterion)
        if group is None and first is not None:
            awaited.append(_awaited(result, criterion, first, language))
        else:
            criteria.append(_criterion(result, criterion, first, group or Group(), language))
    outside = by_criterion.get("")
    return RequirementView(
        anchor=anchor,
        id=verdict.requirement,
        title=verdict.title,
        theme=verdict.theme,
        prerequisite=verdict.prerequisite,
        verdict=VERDICTS[verdict.verdict],
        worst=VERDICTS[verdict.worst],
        best=VERDICTS[verdict.best],
        settled=verdict.verdict is not VerdictValue.NON_EVALUE,
        declared=None,
        waived=False,
        outside=outside.measured if outside is not None and not verdict.criteria else None,
        function=declared.function if declared else "",
        purpose=declared.purpose if declared else "",
        points=(declared.points.logement.value, declared.points.batiment.value) if declared else None,
        criteria=tuple(criteria),
        awaited=tuple(awaited),
    )


def title_of(criterion: Criterion | None, language: str) -> str:
    """The title in the reader's language, the French one where there is no other; nothing without a profile."""
    if criterion is None:
        return ""
    return (criterion.title.en if language == "en" else "") or criterion.title.fr


def origin(criterion: Criterion | None, reason: Reason | None) -> Origin:
    """From the profile, else from a reason."""
    source, reference = ("", "")
    if criterion is not None:
        source, reference = criterion.source.value, criterion.reference
    elif reason is not None:
        source, reference = reason.source, reason.reference
    return Origin(SOURCES.get(source), reference)


def _awaited(result: CriterionResult, criterion: Criterion | None, reason: Reason, language: str) -> Awaited:
    title = title_of(criterion, language) or reason.expected.in_french()
    return Awaited(result.criterion, title, reason.measured, origin(criterion, reason))


def _criterion(
    result: CriterionResult, criterion: Criterion | None, reason: Reason | None, group: Group, language: str
) -> CriterionView:
    bad = group.bad()
    shown = tuple(islice(bad, OPEN))
    folded, good = tuple(bad), tuple(group.good())
    return CriterionView(
        id=result.criterion,
        title=title_of(criterion, language),
        check=result.check,
        origin=origin(criterion, reason),
        worst=GRADES[result.worst],
        best=GRADES[result.best],
        cells=result.cells,
        group=group,
        shown=shown,
        folded=folded,
        good=good,
        unlisted=group.counts.total() - len(shown) - len(folded) - len(good),
    )
