"""What the types of a profile cannot say: figures that must add up, names that must exist, rules that must make sense.

Each function returns problems with the path of the offending value in the file, for a loader to turn into lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple, TypeAlias

from r2s_audit.model.profile import Profile, Requirement, Rule, ShareOver, Theme, TiersRule
from r2s_audit.model.site import NotApplicable
from r2s_audit.model.text import msg

from .exact import exact
from .interval import CONFORME, NON_CONFORME
from .population import Standing
from .rules import branches, evaluate, leaves

Path: TypeAlias = tuple[str | int, ...]


class Inconsistency(NamedTuple):
    """One thing wrong: where, what was found there, what was expected (in French, as a reader gets it)."""

    path: Path
    found: str
    expected: str


def inconsistencies(profile: Profile) -> list[Inconsistency]:
    """Everything in a well-typed profile that contradicts itself, in the order of the file's parts."""
    found: list[Inconsistency] = []
    found += _identifiers(profile)
    for index, theme in enumerate(profile.themes):
        found += _theme(profile, index, theme)
    found += _levels(profile)
    for index, requirement in enumerate(profile.requirements):
        found += _requirement(profile, index, requirement)
        found += _links(profile, index, requirement)
    return found


def unknown_declarations(profile: Profile, not_applicable: Sequence[NotApplicable]) -> list[Inconsistency]:
    """Criteria that a site file declares without object and that the profile does not have; paths in the site file."""
    known = {criterion.id for requirement in profile.requirements for criterion in requirement.criteria}
    return [
        Inconsistency(
            ("not_applicable", index, "criterion"),
            declaration.criterion,
            str(msg("un critère du profil {profile}", profile=profile.id)),
        )
        for index, declaration in enumerate(not_applicable)
        if declaration.criterion not in known
    ]


def unknown_checks(profile: Profile, known: Iterable[str]) -> list[Inconsistency]:
    """Checks that the profile names and that this program does not have."""
    names = frozenset(known)
    return [
        Inconsistency(
            ("requirements", r, "criteria", c, "check"), criterion.check, str(msg("un contrôle de cette version"))
        )
        for r, requirement in enumerate(profile.requirements)
        for c, criterion in enumerate(requirement.criteria)
        if criterion.check is not None and criterion.check not in names
    ]


def _identifiers(profile: Profile) -> Iterator[Inconsistency]:
    places: list[tuple[Path, str]] = [(("themes", i, "id"), t.id) for i, t in enumerate(profile.themes)]
    yield from _repeated(places)
    yield from _repeated([(("levels", i, "id"), level.id) for i, level in enumerate(profile.levels)])
    yield from _repeated([(("requirements", i, "id"), r.id) for i, r in enumerate(profile.requirements)])
    yield from _repeated(
        [
            (("requirements", r, "criteria", c, "id"), criterion.id)
            for r, requirement in enumerate(profile.requirements)
            for c, criterion in enumerate(requirement.criteria)
        ]
    )


def _repeated(places: Iterable[tuple[Path, str]]) -> Iterator[Inconsistency]:
    seen: set[str] = set()
    for path, name in places:
        if name in seen:
            yield Inconsistency(path, name, str(msg("un identifiant qui ne sert qu'une fois dans le profil")))
        seen.add(name)


_FIGURES: dict[str, tuple[Callable[[Theme], int], Callable[[Requirement], Fraction]]] = {
    "points_logement": (lambda t: t.points_logement.value, lambda r: Fraction(r.points.logement.value)),
    "points_batiment": (lambda t: t.points_batiment.value, lambda r: Fraction(r.points.batiment.value)),
    "requirements": (lambda t: t.requirements.value, lambda _: Fraction(1)),
    "prerequisites": (lambda t: t.prerequisites.value, lambda r: Fraction(r.prerequisite.value)),
}
"""What a theme announces, and what each of its requirements brings to it."""


class Gap(NamedTuple):
    """A figure that a theme announces and that its requirements do not add up to."""

    figure: str
    announced: int
    total: Fraction


def gaps(profile: Profile, theme: Theme) -> Iterator[Gap]:
    """The theme's figures that are not those of its requirements, added up."""
    members = [r for r in profile.requirements if r.theme == theme.id]
    for name, (announced, brought) in _FIGURES.items():
        total = sum((brought(r) for r in members), Fraction(0))
        if announced(theme) != total:
            yield Gap(name, announced(theme), total)


def _theme(profile: Profile, index: int, theme: Theme) -> Iterator[Inconsistency]:
    for gap in gaps(profile, theme):
        yield Inconsistency(
            ("themes", index, gap.figure, "value"),
            str(gap.announced),
            str(msg("{total}, somme des exigences du thème {theme}", total=exact(gap.total), theme=theme.id)),
        )


def _levels(profile: Profile) -> Iterator[Inconsistency]:
    total = sum(theme.points_logement.value + theme.points_batiment.value for theme in profile.themes)
    prerequisites = sum(theme.prerequisites.value for theme in profile.themes)
    before = -1
    for index, level in enumerate(profile.levels):
        path: Path = ("levels", index, "points", "value")
        if level.points.value > total:
            expected = msg("au plus {total}, total des thèmes", total=total)
            yield Inconsistency(path, str(level.points.value), str(expected))
        if level.points.value <= before:
            expected = msg("plus que {before}, niveau précédent", before=before)
            yield Inconsistency(path, str(level.points.value), str(expected))
        before = level.points.value
        if level.prerequisites.value > prerequisites:
            expected = msg("au plus {total}, nombre de prérequis des thèmes", total=prerequisites)
            yield Inconsistency(
                ("levels", index, "prerequisites", "value"), str(level.prerequisites.value), str(expected)
            )


def _requirement(profile: Profile, index: int, requirement: Requirement) -> Iterator[Inconsistency]:
    path: Path = ("requirements", index)
    if requirement.theme not in {theme.id for theme in profile.themes}:
        yield Inconsistency((*path, "theme"), requirement.theme, str(msg("un thème du profil")))
    for number, criterion in enumerate(requirement.criteria):
        if isinstance(criterion.over, ShareOver) and not Fraction(criterion.over.partiel.value):
            yield Inconsistency(
                (*path, "criteria", number, "over", "partiel", "value"),
                criterion.over.partiel.value,
                str(msg("plus que 0 : rien de conforme n'est jamais partiel")),
            )
    if requirement.rule is None:
        if requirement.criteria:
            yield Inconsistency((*path, "criteria"), requirement.criteria[0].id, str(msg("une règle qui s'en serve")))
        return
    yield from _rule(path, requirement, requirement.rule)


def _links(profile: Profile, index: int, requirement: Requirement) -> Iterator[Inconsistency]:
    """A corroboration names criteria and checks that there are in the profile."""
    criteria = {c.id for r in profile.requirements for c in r.criteria}
    checks = {c.check for r in profile.requirements for c in r.criteria}
    for number, link in enumerate(requirement.corroborated_by):
        path: Path = ("requirements", index, "corroborated_by", number)
        for place, name in enumerate(link.criteria):
            if name not in criteria:
                yield Inconsistency((*path, "criteria", place), name, str(msg("un critère du profil")))
        for place, name in enumerate(link.checks):
            if name not in checks:
                yield Inconsistency((*path, "checks", place), name, str(msg("un contrôle que le profil emploie")))


def _rule(path: Path, requirement: Requirement, rule: Rule) -> Iterator[Inconsistency]:
    """Every leaf is a criterion of the requirement, every criterion is a leaf, tiers are nested."""
    known = {criterion.id for criterion in requirement.criteria}
    used = Counter(leaves(rule))
    for place, leaf in _leaves_with_paths(rule, (*path, "rule")):
        if leaf not in known:
            yield Inconsistency(place, leaf, str(msg("un critère de l'exigence {id}", id=requirement.id)))
    for number, criterion in enumerate(requirement.criteria):
        if criterion.id not in used:
            expected = msg("un critère que la règle de l'exigence {id} emploie", id=requirement.id)
            yield Inconsistency((*path, "criteria", number, "id"), criterion.id, str(expected))
    if used.keys() <= known:
        yield from _tiers(rule, (*path, "rule"))


def _leaves_with_paths(rule: Rule, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(rule, str):
        yield path, rule
    for place, part in branches(rule):
        yield from _leaves_with_paths(part, (*path, *place))


def _tiers(rule: Rule, path: Path) -> Iterator[Inconsistency]:
    """What *partiel* needs is met wherever all that *atteint* needs is met."""
    if isinstance(rule, TiersRule):
        needed = {leaf for part in rule.tiers.atteint for leaf in leaves(part)}
        standings = {
            leaf: Standing(CONFORME if leaf in needed else NON_CONFORME, verified=1, cells=1) for leaf in leaves(rule)
        }
        for index, part in enumerate(rule.tiers.partiel):
            if evaluate(part, standings) != CONFORME:
                yield Inconsistency(
                    (*path, "tiers", "partiel", index),
                    ", ".join(dict.fromkeys(leaves(part))),
                    str(msg("une condition qu'« atteint » contient aussi : les paliers sont emboîtés")),
                )
    for place, part in branches(rule):
        yield from _tiers(part, (*path, *place))
