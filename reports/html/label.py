"""What goes with the score, prepared for the page: readings, declarations, services, what-if, the chart of stages."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from r2s_audit.model.score import CorroborationState
from reports.claims import CLAIMS, CORROBORATIONS, SERVICES, STAGES, STATUSES, VIGNETTES, WAIVERS, in_language
from reports.html.points import decimal, percent, share
from reports.words import SOURCES, VERDICTS

if TYPE_CHECKING:
    from r2s_audit.model.audit import Audit
    from r2s_audit.model.score import FamilyResult, Label, Lift, PointsInterval, Score, ServiceResult, StageTheme
    from r2s_audit.model.text import Message
    from reports.words import Mark

MAX_CLAIMS = 300
MAX_FAMILIES = 30
MAX_SERVICES = 200
MAX_STAGES = 12
MAX_THEMES = 12
MAX_MOVES = 100
_PLOT_TOP, _PLOT_HEIGHT, _PLOT_LEFT, _PLOT_WIDTH = 14, 200, 44, 800
_GAP = 0.22
"""Share of a group's width that stays empty between groups."""


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A declaration or a waiver."""

    id: str
    target: str
    state: Message | None
    author: str
    dated: str
    expires: str
    justification: str
    attachments: tuple[tuple[str, str], ...]
    status: Mark
    said: Message


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """A service; ``objective`` and ``description`` may be None: the label's document has none."""

    id: str
    title: str
    objective: str | None
    description: str | None
    status: Mark
    corroboration: Mark | None


@dataclass(frozen=True, slots=True)
class VignetteRow:
    """A threshold under one reading."""

    threshold: int
    reading: str
    source: Message | str
    mark: Mark


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """A family of services."""

    title: str
    declared: int
    count: int
    points: str
    vignettes: tuple[VignetteRow, ...]
    services: tuple[ServiceRow, ...]


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A corroboration with what was found."""

    target: str
    title: str
    state: Mark
    conforme: int
    partiel: int
    non_conforme: int
    source: Message | str


@dataclass(frozen=True, slots=True)
class MoveRow:
    """One requirement to bring to a state."""

    requirement: str
    title: str
    prerequisite: bool
    to: Mark
    open: bool
    effort: str
    points: str


@dataclass(frozen=True, slots=True)
class LiftView:
    """The least effort to a level."""

    title: str
    moves: tuple[MoveRow, ...]
    effort: str
    points: str
    said: Message
    hypothesis: bool


@dataclass(frozen=True, slots=True)
class Column:
    """One bar of the chart, in the units of its picture: from the bottom certain, declared, possible."""

    x: str
    width: str
    certain: tuple[str, str]
    """Top and height."""
    declared: tuple[str, str]
    possible: tuple[str, str]
    edge: tuple[str, str]
    label: str
    label_x: str
    alternative: str
    percent: str


@dataclass(frozen=True, slots=True)
class ThemeColumns:
    """The bars of one theme, one per stage."""

    title: tuple[str, ...]
    """In lines."""
    x: str
    hypothesis: bool
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """The label's chart, 0 to 100 % by theme."""

    themes: tuple[ThemeColumns, ...]
    lines: tuple[tuple[str, str], ...]
    """Height in the picture and label of each grid line."""
    stages: tuple[tuple[str, Message, str, str, str], ...]
    """Letter, name, date, level measured, level with the declarations."""


@dataclass(frozen=True, slots=True)
class LabelView:
    """All of it."""

    declared: Score | None
    declared_count: int
    claims: tuple[ClaimRow, ...]
    waivers: tuple[ClaimRow, ...]
    links: tuple[LinkRow, ...]
    families: tuple[FamilyRow, ...]
    lifts: tuple[LiftView, ...]
    unit: str
    chart: Chart | None
    notes: tuple[str, ...]


def label_view(audit: Audit, language: str) -> LabelView:
    """From the document alone."""
    label = audit.label
    services = label.services
    return LabelView(
        declared=label.declared_score,
        declared_count=len(label.declared),
        claims=tuple(
            ClaimRow(
                id=item.declaration.id,
                target=item.declaration.target,
                state=CLAIMS[item.declaration.state],
                author=item.declaration.author.name,
                dated=item.declaration.dated.isoformat(),
                expires=item.declaration.expires.isoformat(),
                justification=item.declaration.justification,
                attachments=tuple((a.file, a.digest) for a in item.declaration.attachments[:MAX_CLAIMS]),
                status=STATUSES[item.status],
                said=item.said,
            )
            for item in label.declarations[:MAX_CLAIMS]
        ),
        waivers=tuple(
            ClaimRow(
                id=item.waiver.id,
                target=item.waiver.requirement,
                state=None,
                author=item.waiver.author.name,
                dated=item.waiver.dated.isoformat(),
                expires=item.waiver.expires.isoformat(),
                justification=item.waiver.justification,
                attachments=tuple((a.file, a.digest) for a in item.waiver.attachments[:MAX_CLAIMS]),
                status=WAIVERS.get(item.status, STATUSES[item.status]),
                said=item.said,
            )
            for item in label.waivers[:MAX_CLAIMS]
        ),
        links=tuple(
            LinkRow(
                target=item.target,
                title=in_language(item.title, language),
                state=CORROBORATIONS[item.state],
                conforme=item.conforme,
                partiel=item.partiel,
                non_conforme=item.non_conforme,
                source=SOURCES.get(item.source, item.source),
            )
            for item in label.corroborations[:MAX_CLAIMS]
            if item.kind == "requirement"
        ),
        families=tuple(_family(f, language) for f in services.families[:MAX_FAMILIES]) if services else (),
        lifts=tuple(_lift(lift, language) for lift in label.lifts[:MAX_THEMES]),
        unit=in_language(label.effort_unit, language) if label.effort_unit else "",
        chart=_chart(label),
        notes=tuple(in_language(note, language) for note in services.notes[:MAX_THEMES]) if services else (),
    )


def _family(family: FamilyResult, language: str) -> FamilyRow:
    return FamilyRow(
        title=family.title,
        declared=family.declared,
        count=len(family.services),
        points=_interval(family.points, language),
        vignettes=tuple(
            VignetteRow(
                threshold=vignette.threshold,
                reading=in_language(vignette.reading, language),
                source=SOURCES.get(vignette.source, vignette.source),
                mark=VIGNETTES[vignette.obtained, vignette.possible],
            )
            for vignette in family.vignettes[:MAX_THEMES]
        ),
        services=tuple(_service(service) for service in family.services[:MAX_SERVICES]),
    )


def _service(service: ServiceResult) -> ServiceRow:
    seen = service.corroboration
    return ServiceRow(
        id=service.id,
        title=service.title,
        objective=service.objective,
        description=service.description,
        status=SERVICES[service.status],
        corroboration=CORROBORATIONS[seen] if seen not in {None, CorroborationState.NOTHING} else None,
    )


def _interval(interval: PointsInterval, language: str) -> str:
    found = share((interval,))
    if found is None:
        return f"{interval.worst} – {interval.best} / {interval.maximum}"
    low, high, most = (decimal(n, language) for n in (found.worst, found.best, found.maximum))
    return f"{low} / {most}" if low == high else f"{low} – {high} / {most}"


def _lift(lift: Lift, language: str) -> LiftView:
    return LiftView(
        title=lift.title,
        moves=tuple(
            MoveRow(
                requirement=move.requirement,
                title=move.title,
                prerequisite=move.prerequisite,
                to=VERDICTS[move.to],
                open=move.open,
                effort=_number(move.effort, language),
                points=_number(move.points, language),
            )
            for move in lift.moves[:MAX_MOVES]
        ),
        effort=_number(lift.effort, language),
        points=_number(lift.points, language),
        said=lift.said,
        hypothesis=lift.hypothesis,
    )


def _number(text: str, language: str) -> str:
    found = _fraction(text)
    return decimal(found, language) if found is not None else text


def _fraction(text: str) -> Fraction | None:
    """A number of a document, which may come from anywhere: bounded, or none."""
    if len(text) > 40 or "e" in text.casefold():  # noqa: PLR2004 - exact() writes far less
        return None
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None


def _share(text: str) -> Fraction:
    found = _fraction(text)
    return min(Fraction(1), max(Fraction(0), found)) if found is not None else Fraction(0)


def _chart(label: Label) -> Chart | None:
    stages = label.stages[:MAX_STAGES]
    if not stages:
        return None
    themes: dict[str, StageTheme] = {}
    for stage in stages:
        for theme in stage.themes[:MAX_THEMES]:
            themes.setdefault(theme.theme, theme)
    group = _PLOT_WIDTH / max(1, len(themes))
    groups = []
    for place, (name, theme) in enumerate(themes.items()):
        left = _PLOT_LEFT + place * group
        found = [next((t for t in stage.themes if t.theme == name), None) for stage in stages]
        width = group * (1 - _GAP) / len(stages)
        groups.append(
            ThemeColumns(
                title=_lines(theme.title),
                x=_at(left + group / 2),
                hypothesis=theme.hypothesis,
                columns=tuple(
                    _column(t, left + group * _GAP / 2 + n * width, width * 0.86, "ABCDEFGHIJKL"[n])
                    for n, t in enumerate(found)
                    if t is not None
                ),
            )
        )
    lines = tuple((_at(_height(Fraction(n, 100))), f"{n} %") for n in (0, 20, 40, 60, 80, 100))
    listed = tuple(
        (
            "ABCDEFGHIJKL"[n],
            STAGES[stage.stage],
            stage.dated.isoformat(),
            stage.level_guaranteed,
            stage.level_declared,
        )
        for n, stage in enumerate(stages)
    )
    return Chart(tuple(groups), lines, listed)


def _height(part: Fraction) -> float:
    """Where a share of 0 to 1 lies in the picture, from its top."""
    return _PLOT_TOP + _PLOT_HEIGHT * (1 - float(part))


def _column(theme: StageTheme, left: float, width: float, letter: str) -> Column:
    certain, declared, possible = _share(theme.certain), _share(theme.declared), _share(theme.possible)
    declared, possible = max(certain, declared), max(certain, declared, possible)

    def span(low: Fraction, high: Fraction) -> tuple[str, str]:
        return _at(_height(high)), _at(_height(low) - _height(high))

    told = f"{percent(float(100 * declared))} – {percent(float(100 * possible))} %"
    return Column(
        x=_at(left),
        width=_at(width),
        certain=span(Fraction(0), certain),
        declared=span(certain, declared),
        possible=span(declared, possible),
        edge=span(Fraction(0), Fraction(1)),
        label=letter,
        label_x=_at(left + width / 2),
        alternative=f"{theme.title}, {letter} : {told}",
        percent=told,
    )


def _at(value: float) -> str:
    return f"{value:.1f}"


def _lines(title: str, most: int = 22) -> tuple[str, ...]:
    """A title in two lines or three: a picture does not break them by itself."""
    lines: list[str] = []
    for word in title.split():
        if lines and len(lines[-1]) + len(word) < most:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return tuple(lines[:3])
