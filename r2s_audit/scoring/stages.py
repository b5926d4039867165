"""The dossier at its stages: the label's chart of how a project evolves until its delivery, 0 to 100 % by theme."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from r2s_audit.model.score import Label, Score, StageResult, StageTheme
from r2s_audit.model.site import Stage

from .exact import exact

SERVICES_AXIS = "services"
"""The chart's fifth axis « Services opérationnels »: the document gives it no scale, the share of services is ours."""


def stage_of(stage: Stage, day: date, measured: Score, found: Label, axis: str) -> StageResult:
    """One stage: shares of each theme's points, and of the catalogue's services under the title ``axis``."""
    themes = list(_themes(measured, found.declared_score or measured))
    if found.services is not None and found.services.total:
        declared = exact(Fraction(found.services.declared, found.services.total))
        themes.append(
            StageTheme(
                theme=SERVICES_AXIS,
                title=axis,
                certain="0",
                declared=declared,
                possible=exact(Fraction(found.services.possible, found.services.total)),
                hypothesis=True,
            )
        )
    return StageResult(
        stage=stage,
        dated=day,
        themes=tuple(themes),
        level_guaranteed=measured.level_guaranteed,
        level_declared=(found.declared_score or measured).level_guaranteed,
    )


def _themes(measured: Score, reading: Score) -> list[StageTheme]:
    return [
        StageTheme(
            theme=theme.theme,
            title=theme.title,
            certain=_share(theme.logement.worst, theme.batiment.worst, theme.logement.maximum, theme.batiment.maximum),
            declared=_share(after.logement.worst, after.batiment.worst, after.logement.maximum, after.batiment.maximum),
            possible=_share(after.logement.best, after.batiment.best, after.logement.maximum, after.batiment.maximum),
        )
        for theme, after in zip(measured.themes, reading.themes, strict=True)
    ]


def _share(logement: str, batiment: str, most_logement: str, most_batiment: str) -> str:
    """Both scopes of a theme together, as a share of its points; 0 of a theme without points."""
    whole = Fraction(most_logement) + Fraction(most_batiment)
    return exact((Fraction(logement) + Fraction(batiment)) / whole) if whole else "0"
