"""Points, prerequisites and levels, as intervals; exact fractions throughout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from r2s_audit.model.profile import Level, Points, Profile, Requirement, Source
from r2s_audit.model.score import PointsInterval, PrerequisiteState, Score, ThemeScore
from r2s_audit.model.text import Message, msg
from r2s_audit.model.verdict import Verdict, VerdictValue

from .exact import exact

_RANK = {
    VerdictValue.NON_ATTEINT: 0,
    VerdictValue.PARTIELLEMENT_ATTEINT: 1,
    VerdictValue.ATTEINT: 2,
}


class Span(NamedTuple):
    """Points that are certain, points that are still possible, points that there are."""

    worst: Fraction
    best: Fraction
    maximum: Fraction

    def rendered(self) -> PointsInterval:
        """The same as exact texts."""
        return PointsInterval(worst=exact(self.worst), best=exact(self.best), maximum=exact(self.maximum))


class Scored(NamedTuple):
    """A requirement with the verdict that it got."""

    requirement: Requirement
    verdict: Verdict


def score(profile: Profile, verdicts: Sequence[Verdict]) -> Score:
    """Points per theme and scope, prerequisites, levels guaranteed and possible.

    ``verdicts`` are those of every requirement of the profile (``verdicts.verdicts`` gives them); ValueError where one
    is missing or there twice. ``level_guaranteed`` and ``level_possible`` are identifiers of the profile's levels, empty
    where there is none; in ``prerequisites``, ``met`` and ``possible`` are the two bounds (those met count as possible).
    """
    scored = _scored(profile, verdicts)
    themes = tuple(
        ThemeScore(
            theme=theme.id,
            title=theme.title,
            logement=_span((s for s in scored if s.requirement.theme == theme.id), "logement").rendered(),
            batiment=_span((s for s in scored if s.requirement.theme == theme.id), "batiment").rendered(),
        )
        for theme in profile.themes
    )
    total = Span(
        *(
            logement + batiment
            for logement, batiment in zip(_span(scored, "logement"), _span(scored, "batiment"), strict=True)
        )
    )
    prerequisites = _prerequisites(profile, scored)
    guaranteed = _level(profile, total.worst, prerequisites.met)
    possible = _level(profile, total.best, prerequisites.possible)
    return Score(
        total=total.rendered(),
        themes=themes,
        prerequisites=prerequisites,
        level_guaranteed=guaranteed.id if guaranteed else "",
        level_possible=possible.id if possible else "",
        statement=_statement(guaranteed, possible, prerequisites),
    )


def _scored(profile: Profile, verdicts: Sequence[Verdict]) -> list[Scored]:
    by_requirement = {verdict.requirement: verdict for verdict in verdicts}
    known = {requirement.id for requirement in profile.requirements}
    if len(verdicts) != len(by_requirement) or by_requirement.keys() != known:
        raise ValueError("one verdict per requirement of the profile is needed")
    return [Scored(requirement, by_requirement[requirement.id]) for requirement in profile.requirements]


def _span(scored: Iterable[Scored], scope: str) -> Span:
    worst = best = maximum = Fraction(0)
    for requirement, verdict in scored:
        points = _points(requirement.points, scope)
        worst += points * weight(requirement, verdict.worst)
        best += points * weight(requirement, verdict.best)
        maximum += points
    return Span(worst, best, maximum)


def _points(points: Points, scope: str) -> Fraction:
    return Fraction((points.logement if scope == "logement" else points.batiment).value)


def whole_points(requirement: Requirement) -> Fraction:
    """What a requirement is worth in both scopes together, once *atteint*."""
    return _points(requirement.points, "logement") + _points(requirement.points, "batiment")


def weight(requirement: Requirement, value: VerdictValue) -> Fraction:
    """The share of its points that a requirement is worth; KeyError for a bound that is no bound (non évalué)."""
    return (Fraction(0), Fraction(requirement.partial_weight.value), Fraction(1))[_RANK[value]]


def _prerequisites(profile: Profile, scored: Iterable[Scored]) -> PrerequisiteState:
    minimum = _RANK[VerdictValue(profile.prerequisite_minimum.value)]
    required = [s for s in scored if s.requirement.prerequisite.value]
    return PrerequisiteState(
        total=len(required),
        met=sum(_RANK[s.verdict.worst] >= minimum for s in required),
        possible=sum(_RANK[s.verdict.best] >= minimum for s in required),
        outside_probe=sum(not is_probed(s.requirement) and s.verdict.worst is not s.verdict.best for s in required),
    )


def is_probed(requirement: Requirement) -> bool:
    """Whether any check evidences anything of the requirement."""
    return any(criterion.check is not None for criterion in requirement.criteria)


def _level(profile: Profile, points: Fraction, prerequisites: int) -> Level | None:
    """The highest level that so many points and prerequisites give; None where they give none."""
    reached = [
        level for level in profile.levels if points >= level.points.value and prerequisites >= level.prerequisites.value
    ]
    return max(reached, key=lambda level: level.points.value, default=None)


def _statement(guaranteed: Level | None, possible: Level | None, prerequisites: PrerequisiteState) -> Message:
    if possible is None:
        missed = prerequisites.total - prerequisites.possible
        if missed:
            return msg("aucun niveau possible (prérequis non atteints : {n})", n=missed)
        return msg("aucun niveau possible : points insuffisants")
    if guaranteed is None:
        if prerequisites.outside_probe:
            return msg("niveau non déterminable : {n} prérequis hors sonde", n=prerequisites.outside_probe)
        return msg("niveau non établi : au mieux {best}", best=possible.title)
    if guaranteed.id == possible.id:
        return msg("niveau établi : {level}", level=guaranteed.title)
    return msg("niveau établi : au moins {worst}, au mieux {best}", worst=guaranteed.title, best=possible.title)


def is_simulation(profile: Profile) -> bool:
    """Whether any figure that makes points or a level is our hypothesis.

    That is: a point value, a prerequisite flag, a weight of what is partial (of a requirement, or of a member of a
    share), the state that a prerequisite needs, or what a level needs. A certifier's overlay replaces them.
    """
    sources = {profile.prerequisite_minimum.source}
    for level in profile.levels:
        sources |= {level.points.source, level.prerequisites.source}
    for requirement in profile.requirements:
        sources |= {
            requirement.points.logement.source,
            requirement.points.batiment.source,
            requirement.prerequisite.source,
            requirement.partial_weight.source,
        }
        sources |= {
            criterion.over.partial_weight.source
            for criterion in requirement.criteria
            if not isinstance(criterion.over, str) and criterion.over.partial_weight is not None
        }
    return Source.HYPOTHESIS in sources


def heading(profile: Profile) -> Message:
    """The title that every format puts on the result: the profile's own, or that of a simulation."""
    if is_simulation(profile):
        return msg("simulation – barème hypothétique")
    return msg("{title}", title=profile.title)
