"""Verdicts: every requirement of a profile, from the judged cells of an audit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from r2s_audit.model.profile import Criterion, Profile, Requirement
from r2s_audit.model.site import NotApplicable
from r2s_audit.model.verdict import CriterionResult, Grade, Verdict, VerdictValue

from .population import JudgedCell, Standing, stand
from .reasons import CriterionCells, reasons
from .rules import conclude

VERDICT_OF: dict[Grade, VerdictValue] = {
    Grade.N: VerdictValue.NON_ATTEINT,
    Grade.P: VerdictValue.PARTIELLEMENT_ATTEINT,
    Grade.C: VerdictValue.ATTEINT,
}

_Place = tuple[str, str]
"""Requirement and criterion."""
_Named = tuple[str, str, tuple[tuple[str, str], ...]]
"""A subject by its target, point and detail."""


def verdicts(
    profile: Profile, judged: Iterable[JudgedCell], not_applicable: Sequence[NotApplicable] = ()
) -> tuple[Verdict, ...]:
    """One verdict per requirement, in the profile's order, those without any cell included.

    ``judged`` holds every planned cell once; a cell given again with the same finding changes nothing. Raises
    ValueError where a cell comes with two different findings, or belongs to no criterion of the profile, and where
    something unknown is declared not applicable: leaving it aside would be silence.
    """
    cells = _by_place(profile, judged)
    declared = {declaration.criterion: declaration for declaration in not_applicable}
    unknown = declared.keys() - {criterion.id for r in profile.requirements for criterion in r.criteria}
    if unknown:
        raise ValueError(f"declared not applicable, but not in the profile: {', '.join(sorted(unknown))}")
    return tuple(_verdict(requirement, cells, declared) for requirement in profile.requirements)


def _by_place(profile: Profile, judged: Iterable[JudgedCell]) -> dict[_Place, dict[_Named, JudgedCell]]:
    places: dict[_Place, tuple[str, dict[_Named, JudgedCell]]] = {
        (r.id, c.id): (c.check or "", {}) for r in profile.requirements for c in r.criteria
    }
    nowhere: tuple[None, dict[_Named, JudgedCell]] = (None, {})
    for item in judged:
        cell, finding = item
        check, cells = places.get((cell.requirement, cell.criterion), nowhere)
        if check != cell.check:
            raise ValueError(f"cell {cell.key} belongs to no criterion of the profile")
        subject = cell.subject
        if finding is not None and not (
            finding.check == check and (finding.subject is subject or finding.subject == subject)
        ):
            raise ValueError(f"cell {cell.key} comes with a finding of {finding.check} on {finding.subject.key}")
        # By its fields: hashing a model is a hundred times slower than hashing texts.
        first = cells.setdefault((subject.target, subject.point, subject.detail), item)
        if first is not item and first.finding is not finding and first.finding != finding:
            raise ValueError(f"cell {cell.key} comes with two different findings")
    return {place: cells for place, (_, cells) in places.items()}


def _verdict(
    requirement: Requirement,
    cells: Mapping[_Place, Mapping[_Named, JudgedCell]],
    declared: Mapping[str, NotApplicable],
) -> Verdict:
    parts = [
        CriterionCells(criterion, tuple(cells[requirement.id, criterion.id].values()), declared.get(criterion.id))
        for criterion in requirement.criteria
    ]
    standings = {part.criterion.id: _standing(part) for part in parts}
    interval = conclude(requirement.rule, standings)
    return Verdict(
        requirement=requirement.id,
        title=requirement.title,
        theme=requirement.theme,
        prerequisite=requirement.prerequisite.value,
        verdict=VERDICT_OF[interval.lo] if interval.settled else VerdictValue.NON_EVALUE,
        worst=VERDICT_OF[interval.lo],
        best=VERDICT_OF[interval.hi],
        criteria=tuple(
            result
            for criterion in requirement.criteria
            if (result := criterion_result(criterion, standings[criterion.id])) is not None
        ),
        details=reasons(requirement, parts),
    )


def _standing(part: CriterionCells) -> Standing:
    if part.declared is not None:
        return Standing(None, 0, len(part.cells))
    return stand(part.criterion, (judged.finding for judged in part.cells))


def criterion_result(criterion: Criterion, standing: Standing) -> CriterionResult | None:
    """None for a criterion that has left the rule: it has no bounds, and its reason says why."""
    if standing.interval is None:
        return None
    return CriterionResult(
        criterion=criterion.id,
        check=criterion.check or "",
        worst=standing.interval.lo,
        best=standing.interval.hi,
        cells=standing.cells,
    )
