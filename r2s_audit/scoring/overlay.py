"""A certifier's figures put over a profile's: pure data in, data out, with the way back to the overlay file's lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from r2s_audit.model.base import Model
from r2s_audit.model.overlay import Figure, Overlay
from r2s_audit.model.profile import Profile, ShareOver, Source
from r2s_audit.model.services import ServiceCatalogue
from r2s_audit.model.text import Message, msg

from .consistency import Path, gaps, inconsistencies
from .exact import exact


class Placed(NamedTuple):
    """One figure: where it goes in the profile (or catalogue), where it stands in the overlay file."""

    into: Path
    stands: Path
    figure: Figure[Any]


class Misplaced(NamedTuple):
    """Something in an overlay that the profile cannot take: where, what, what instead, the names that there are."""

    path: Path
    found: Message
    expected: Message
    written: str = ""
    known: Sequence[str] = ()


def placed(profile: Profile, overlay: Overlay) -> list[Placed]:
    """Every figure of an overlay with its place in the profile; names that the profile lacks have none.

    ``each`` gives its figures to every requirement that has none of its own.
    """
    found: list[Placed] = []
    if overlay.prerequisite_minimum is not None:
        found.append(Placed(("prerequisite_minimum",), ("prerequisite_minimum",), overlay.prerequisite_minimum))
    for index, level in enumerate(profile.levels):
        if level.id in overlay.levels:
            found += _figures(("levels", index), ("levels", level.id), overlay.levels[level.id])
    for index, requirement in enumerate(profile.requirements):
        own = overlay.requirements.get(requirement.id)
        if own is not None:
            found += _figures(("requirements", index), ("requirements", requirement.id), own)
        if (own is None or own.partial_weight is None) and overlay.each.partial_weight is not None:
            into: Path = ("requirements", index, "partial_weight")
            found.append(Placed(into, ("each", "partial_weight"), overlay.each.partial_weight))
        for place, criterion in enumerate(requirement.criteria):
            if criterion.id in overlay.criteria:
                into = ("requirements", index, "criteria", place)
                found += _figures(into, ("criteria", criterion.id), overlay.criteria[criterion.id])
    return found


def _figures(into: Path, stands: Path, part: Model) -> Iterator[Placed]:
    """The figures of a part of an overlay: its fields have the names of the profile's."""
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, Figure):
            yield Placed((*into, name), (*stands, name), value)
        elif isinstance(value, Model):
            yield from _figures((*into, name), (*stands, name), value)


def unknown_names(profile: Profile, overlay: Overlay, catalogue: ServiceCatalogue | None) -> Iterator[Misplaced]:
    """What an overlay names and the profile or its catalogue does not have; figures for what counts no population."""
    if overlay.profile != profile.id:
        yield Misplaced(
            ("profile",),
            msg("une surcouche du profil {profile}", profile=overlay.profile),
            msg("une surcouche du profil {profile}", profile=profile.id),
        )
    criteria = {c.id: c for requirement in profile.requirements for c in requirement.criteria}
    families = [family.id for family in catalogue.families] if catalogue else []
    tables: tuple[tuple[str, Iterable[str], Sequence[str], Message], ...] = (
        ("levels", overlay.levels, [level.id for level in profile.levels], msg("un niveau du profil")),
        ("requirements", overlay.requirements, [r.id for r in profile.requirements], msg("une exigence du profil")),
        ("criteria", overlay.criteria, list(criteria), msg("un critère du profil")),
        ("families", overlay.families, families, msg("une famille de services du label")),
    )
    for table, written, known, expected in tables:
        for name in written:
            if name not in known:
                yield Misplaced((table, name), msg("« {name} », inconnu", name=name), expected, name, known)
    for name, said in overlay.criteria.items():
        if said.over is not None and name in criteria and not isinstance(criteria[name].over, ShareOver):
            yield Misplaced(
                ("criteria", name, "over"),
                msg("des seuils pour un critère qui ne compte pas de population"),
                msg("un critère dont le profil donne des seuils sous « over »"),
            )


def overlaid(profile: Profile, overlays: Iterable[Overlay]) -> Profile:
    """The profile with the figures of the overlays, each with the certifier's document as its source.

    Raises pydantic's ValidationError where a figure does not fit its place (thresholds out of order).
    """
    data = profile.model_dump(mode="json", by_alias=True)
    for overlay in overlays:
        for item in placed(profile, overlay):
            _put(data, item.into, sourced(overlay, item.figure))
    return Profile.model_validate(data)


def sourced(overlay: Overlay, figure: Figure[Any]) -> dict[str, Any]:
    """A figure as the profile writes it: value, source, and who says so where."""
    reference = f"{overlay.issuer.name}, {overlay.document}, {figure.reference}"
    return {"value": figure.value, "source": Source.CERTIFIER.value, "reference": reference}


def overlaid_catalogue(catalogue: ServiceCatalogue, overlays: Iterable[Overlay]) -> ServiceCatalogue:
    """The catalogue with the thresholds that the overlays settle: one reading then, the certifier's."""
    data = catalogue.model_dump(mode="json")
    for overlay in overlays:
        for family in data["families"]:
            said = overlay.families.get(family["id"])
            if said is not None and said.vignette is not None:
                reading = {"fr": overlay.title, "en": overlay.title}
                family["vignette"] = [{"reading": reading, "threshold": sourced(overlay, said.vignette)}]
    return ServiceCatalogue.model_validate(data)


def _put(data: Any, path: Path, value: dict[str, Any]) -> None:
    for step in path[:-1]:
        if isinstance(data, dict) and data.get(str(step)) is None:
            data[step] = {}
        data = data[step]
    data[path[-1]] = value


def contradictions(
    profile: Profile, overlays: Sequence[tuple[Overlay, Sequence[Placed]]]
) -> list[tuple[int, Misplaced]]:
    """What is wrong in an overlaid profile, each with the overlay (by its place) and the path that brought it in."""
    found: list[tuple[int, Misplaced]] = []
    for theme in profile.themes:
        members = {index for index, r in enumerate(profile.requirements) if r.theme == theme.id}
        for gap in gaps(profile, theme):
            found += [
                (
                    number,
                    Misplaced(
                        ("requirements",),
                        msg(
                            "{figure} du thème {theme} : {total} en tout",
                            figure=gap.figure,
                            theme=theme.title,
                            total=exact(gap.total),
                        ),
                        msg("{announced}, le chiffre du barème du label", announced=gap.announced),
                    ),
                )
                for number, (_, items) in enumerate(overlays)
                if any(item.into[0] == "requirements" and item.into[1] in members for item in items)
            ][:1]
    for path, value, expected in inconsistencies(profile):
        if path[0] == "themes":
            continue
        number, stands = origin(path, overlays)
        found.append((number, Misplaced(stands, msg("« {found} »", found=value), msg("{text}", text=expected))))
    return found


def origin(path: Path, overlays: Sequence[tuple[Overlay, Sequence[Placed]]]) -> tuple[int, Path]:
    """The overlay and the path in it that put a figure where something is now wrong; the nearest one."""
    best: tuple[int, int, Path] = (-1, 0, ())
    for number, (_, items) in enumerate(overlays):
        for item in items:
            shared = next(
                (n for n, (a, b) in enumerate(zip(path, item.into, strict=False)) if a != b),
                min(len(path), len(item.into)),
            )
            if shared > best[0]:
                best = (shared, number, item.stands)
    return best[1], best[2]


def clashes(overlays: Sequence[tuple[Overlay, Sequence[Placed]]]) -> Iterator[tuple[int, Misplaced]]:
    """Figures that two overlays give differently: their order would decide, and it must not."""
    first: dict[Path, tuple[Overlay, Figure[Any]]] = {}
    for number, (overlay, items) in enumerate(overlays):
        for item in items:
            earlier, figure = first.setdefault(item.into, (overlay, item.figure))
            if figure.value != item.figure.value:
                yield (
                    number,
                    Misplaced(
                        item.stands,
                        msg(
                            "une valeur autre que celle de la surcouche {other} ({value})",
                            other=earlier.id,
                            value=str(figure.value),
                        ),
                        msg("la même valeur dans toutes les surcouches données, ou une seule surcouche qui la donne"),
                    ),
                )
