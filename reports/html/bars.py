"""The theme bars of the label's own slide (« indicateur de suivi », 0 to 100 % by theme), as intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from reports.html.points import Share, decimal, percent, share

if TYPE_CHECKING:
    from r2s_audit.model.audit import Audit
    from r2s_audit.model.profile import Profile
    from r2s_audit.model.score import PointsInterval
    from reports.html.voice import Voice

MAX_THEMES = 50


@dataclass(frozen=True, slots=True)
class LevelMark:
    """A level's threshold on the bar of the whole; ``x`` in percent."""

    x: str
    title: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; lengths are percentages of its width, None where the document's points are no numbers."""

    title: str
    alternative: str
    """For an attribute: text without markup."""
    value: Markup
    scopes: Markup | str
    certain: str
    reach: str
    """From the certain part's end to what is possible."""
    total: bool = False
    levels: tuple[LevelMark, ...] = ()


def theme_bars(audit: Audit, voice: Voice) -> tuple[Bar, ...]:
    """One bar per theme: dwelling and building together, each told beside it."""
    return tuple(
        _bar(theme.title, (theme.logement, theme.batiment), voice, scopes=True)
        for theme in audit.score.themes[:MAX_THEMES]
    )


def total_bar(audit: Audit, profile: Profile | None, voice: Voice) -> Bar:
    """The whole, with the thresholds of the levels where the profile is known."""
    bar = _bar(voice.plain("all_themes"), (audit.score.total,), voice, scopes=False)
    whole = share((audit.score.total,))
    levels: tuple[LevelMark, ...] = ()
    if profile is not None and whole is not None:
        levels = tuple(
            LevelMark(_length(100 * level.points.value / float(whole.maximum)), level.title)
            for level in profile.levels
            if 0 <= level.points.value <= whole.maximum
        )
    return Bar(bar.title, bar.alternative, bar.value, Markup(), bar.certain, bar.reach, total=True, levels=levels)


def points_text(interval: PointsInterval, voice: Voice) -> Markup:
    """An interval of points in words; as it stands where it is no interval of points."""
    found = share((interval,))
    if found is None:
        return voice.t("points_unreadable", worst=interval.worst, best=interval.best, maximum=interval.maximum)
    return _range(found, voice)


def _range(found: Share, voice: Voice) -> Markup:
    name = "bar_fixed" if found.worst == found.best else "bar_range"
    return voice.t(
        name,
        worst=decimal(found.worst, voice.language),
        best=decimal(found.best, voice.language),
        maximum=decimal(found.maximum, voice.language),
    )


def _bar(title: str, intervals: tuple[PointsInterval, ...], voice: Voice, *, scopes: bool) -> Bar:
    texts = [points_text(interval, voice) for interval in intervals]
    told = voice.t("bar_scopes", logement=texts[0], batiment=texts[1]) if scopes else texts[0]
    found = share(intervals)
    if found is None:
        return Bar(title, voice.plain("bar_unreadable", theme=title), told, Markup(), "0%", "0%")
    certain, possible = percent(found.certain), percent(found.possible)
    value = (
        voice.t("bar_settled", certain=certain)
        if found.worst == found.best
        else voice.t("bar_value", certain=certain, possible=possible)
    )
    alternative = voice.plain("bar_text", theme=title, certain=certain, possible=possible)
    return Bar(title, alternative, value, told, _length(found.certain), _length(found.possible - found.certain))


def _length(value: float) -> str:
    return f"{value:.3f}%"
