"""The score for a terminal: levels, themes, prerequisites, what is declared, services, what would lift the level.

What is measured comes first and alone; what is declared stands beside it, marked; a simulation says so on top.
"""

from __future__ import annotations

from fractions import Fraction
from io import StringIO
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from r2s_audit.model.score import ClaimStatus, CorroborationState, ServiceStatus
from r2s_audit.model.text import Message, msg
from reports.claims import CLAIMS, CORROBORATIONS, STAGES, VERDICTS, in_language
from reports.html.points import decimal, share
from reports.terminal import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from r2s_audit.i18n import Translator
    from r2s_audit.model.score import Label, Lift, PointsInterval, Score, ScoreDocument, ThemeScore

WIDTH = 80
MAX_LINE = 4 * WIDTH
BAR = 20
HOW = {True: msg("à établir"), False: msg("à corriger")}
"""Whether the evidence leaves a state possible already."""


def render(document: ScoreDocument, translator: Translator, *, colour: bool, width: int = WIDTH) -> str:
    """The whole score, in the translator's language."""
    out = StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    pen = _Pen(console, translator)
    pen.line(
        Message(
            template="{profile} {version}", args={"profile": document.profile, "version": document.profile_version}
        ),
        "bold",
    )
    if document.title:
        pen.line(Message(template="{title}", args={"title": document.title}), "bold reverse" if colour else "")
    for overlay in document.label.overlays:
        pen.line(
            msg(
                "barème : {title}, {issuer}, {document} du {dated} ({figures} chiffres, {digest})",
                title=overlay.title,
                issuer=overlay.issuer,
                document=overlay.document,
                dated=overlay.dated.isoformat(),
                figures=overlay.figures,
                digest=overlay.digest[:23],
            )
        )
    _scores(pen, document)
    _requirements(pen, document)
    _claims(pen, document.label)
    _corroborations(pen, document.label)
    _services(pen, document.label)
    _stages(pen, document.label)
    for lift in document.label.lifts:
        _lift(pen, lift, document.label)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


class _Pen:
    """Writes sentences and tables to one console in one language."""

    def __init__(self, console: Console, translator: Translator) -> None:
        self.console = console
        self.translator = translator

    def say(self, message: Message) -> str:
        return shown(self.translator.say(message), MAX_LINE)

    def line(self, message: Message, style: str = "") -> None:
        self.console.print(Text(self.say(message), style=style, overflow="fold"))

    def heading(self, message: Message) -> None:
        self.console.print()
        self.line(message, "bold")

    def table(self, heads: Sequence[tuple[Message, int | None]], rows: Iterable[Sequence[str]]) -> None:
        table = Table(box=box.SIMPLE_HEAD, width=self.console.width, pad_edge=False)
        for head, size in heads:
            table.add_column(self.say(head), width=size, ratio=None if size else 1, overflow="fold")
        for row in rows:
            table.add_row(*(Text(shown(cell, MAX_LINE), overflow="fold") for cell in row))
        self.console.print(table)

    def points(self, interval: PointsInterval) -> str:
        found = share((interval,))
        if found is None:
            return f"{interval.worst}–{interval.best} / {interval.maximum}"
        return self._range(found.worst, found.best, found.maximum)

    def both(self, theme: ThemeScore) -> str:
        found = share((theme.logement, theme.batiment))
        return self._range(found.worst, found.best, found.maximum) if found else "–"

    def _range(self, worst: Fraction, best: Fraction, maximum: Fraction) -> str:
        low, high, most = (decimal(n, self.translator.language) for n in (worst, best, maximum))
        return f"{low} / {most}" if low == high else f"{low} – {high} / {most}"


def _scores(pen: _Pen, document: ScoreDocument) -> None:
    declared = document.label.declared_score
    readings: list[tuple[Message, Score]] = [(msg("mesuré"), document.score)]
    if declared is not None:
        readings.append((msg("déclarations comprises"), declared))
    heads: list[tuple[Message, int | None]] = [(msg("Thème"), None)]
    heads += [(title, 24) for title, _ in readings]
    rows = [
        [theme.title, *(pen.both(score.themes[place]) for _, score in readings)]
        for place, theme in enumerate(document.score.themes)
    ]
    rows.append([pen.say(msg("Total")), *(pen.points(score.total) for _, score in readings)])
    rows.append(
        [
            pen.say(msg("Prérequis établis – possibles")),
            *(f"{s.prerequisites.met} – {s.prerequisites.possible} / {s.prerequisites.total}" for _, s in readings),
        ]
    )
    pen.table(heads, rows)
    pen.line(msg("mesuré : {statement}", statement=pen.translator.say(document.score.statement)), "bold")
    if declared is not None:
        pen.line(
            msg(
                "déclarations comprises (exigences déclarées : {count}) : {statement}",
                count=len(document.label.declared),
                statement=pen.translator.say(declared.statement),
            ),
            "bold",
        )


def _requirements(pen: _Pen, document: ScoreDocument) -> None:
    rows = []
    for verdict in document.verdicts:
        state = pen.say(VERDICTS[verdict.verdict])
        if verdict.declared is not None:
            state = pen.say(msg("{state} (déclaré)", state=pen.say(VERDICTS[verdict.declared])))
        elif verdict.worst is not verdict.best and (verdict.worst, verdict.best) != ("non_atteint", "atteint"):
            state = pen.say(
                msg(
                    "{state} : de {worst} à {best}",
                    state=state,
                    worst=pen.say(VERDICTS[verdict.worst]),
                    best=pen.say(VERDICTS[verdict.best]),
                )
            )
        name = f"{verdict.requirement} *" if verdict.prerequisite else verdict.requirement
        rows.append([name, verdict.title, state])
    pen.table([(msg("Exig."), 6), (msg("Titre"), None), (msg("Verdict"), 24)], rows)
    pen.line(msg("* prérequis"))


def _claims(pen: _Pen, label: Label) -> None:
    if label.declarations:
        pen.heading(msg("Déclarations"))
        pen.table(
            [(msg("Cible"), 6), (msg("État déclaré, par qui, quand"), None), (msg("Suite donnée"), 30)],
            [
                [
                    item.declaration.target,
                    pen.say(
                        msg(
                            "{state} – {author}, le {dated}, jusqu'au {expires} (pièces : {count})",
                            state=pen.say(CLAIMS[item.declaration.state]),
                            author=item.declaration.author.name,
                            dated=item.declaration.dated.isoformat(),
                            expires=item.declaration.expires.isoformat(),
                            count=len(item.declaration.attachments),
                        )
                    ),
                    pen.say(item.said),
                ]
                for item in label.declarations
            ],
        )
    if label.waivers:
        pen.heading(msg("Dérogations (sans effet sur les verdicts, les points et le niveau)"))
        pen.table(
            [(msg("Cible"), 6), (msg("Par qui, quand, pourquoi"), None), (msg("Suite donnée"), 30)],
            [
                [
                    item.waiver.requirement,
                    pen.say(
                        msg(
                            "{author}, le {dated}, jusqu'au {expires} : {why}",
                            author=item.waiver.author.name,
                            dated=item.waiver.dated.isoformat(),
                            expires=item.waiver.expires.isoformat(),
                            why=item.waiver.justification,
                        )
                    ),
                    pen.say(item.said),
                ]
                for item in label.waivers
            ],
        )
    lost = [i for i in label.declarations if i.status in {ClaimStatus.CONTRADICTED, ClaimStatus.EXPIRED}]
    if lost:
        pen.line(
            msg("déclarations contredites ou échues : {names}", names=", ".join(i.declaration.id for i in lost)),
            "bold red",
        )


def _corroborations(pen: _Pen, label: Label) -> None:
    found = [c for c in label.corroborations if c.kind == "requirement" and c.state is not CorroborationState.NOTHING]
    if not found:
        return
    pen.heading(msg("Corroborations (jamais des points)"))
    pen.table(
        [(msg("Cible"), 6), (msg("Ce qui a été observé"), None), (msg("Constats"), 22)],
        [
            [c.target, in_language(c.title, pen.translator.language), pen.say(CORROBORATIONS[c.state].word)]
            for c in found
        ],
    )


def _services(pen: _Pen, label: Label) -> None:
    services = label.services
    if services is None:
        return
    pen.heading(
        msg(
            "Services déclarés avec preuve : {declared} ; encore possibles : {possible} ; au catalogue : {total}",
            declared=services.declared,
            possible=services.possible,
            total=services.total,
        )
    )
    rows = []
    for family in services.families:
        vignettes = [
            f"{v.threshold} ({in_language(v.reading, pen.translator.language)}) {_mark(v.obtained, v.possible)}"
            for v in family.vignettes
        ]
        names = [s.id for s in family.services if s.status is ServiceStatus.DECLARED]
        seen = [s.id for s in family.services if s.corroboration is CorroborationState.SUPPORTS]
        told = family.title
        if names:
            told += "\n" + pen.say(msg("déclarés : {names}", names=", ".join(names)))
        if seen:
            told += "\n" + pen.say(msg("corroborés par l'audit : {names}", names=", ".join(seen)))
        rows.append([told, f"{family.declared} / {len(family.services)}", "\n".join(vignettes)])
    _multi(pen, [(msg("Famille"), None), (msg("Déclarés"), 9), (msg("Seuil de la vignette"), 26)], rows)
    pen.line(msg("✓ atteint ; ◐ encore possible ; ✕ hors d'atteinte"))


def _multi(pen: _Pen, heads: Sequence[tuple[Message, int | None]], rows: Iterable[Sequence[str]]) -> None:
    """A table whose cells have lines of their own, each made visible by itself."""
    table = Table(box=box.SIMPLE_HEAD, width=pen.console.width, pad_edge=False)
    for head, size in heads:
        table.add_column(pen.say(head), width=size, ratio=None if size else 1, overflow="fold")
    for row in rows:
        table.add_row(
            *(Text("\n".join(shown(line, MAX_LINE) for line in cell.split("\n")), overflow="fold") for cell in row)
        )
    pen.console.print(table)


def _mark(obtained: bool, possible: bool) -> str:
    return "✓" if obtained else "◐" if possible else "✕"


def _stages(pen: _Pen, label: Label) -> None:
    if not label.stages:
        return
    pen.heading(msg("Suivi de l'évolution du projet jusque sa réception"))
    titles = {theme.theme: theme for stage in label.stages for theme in stage.themes}
    rows = []
    for name, theme in titles.items():
        title = pen.say(msg("{title} (hypothèse)", title=theme.title)) if theme.hypothesis else theme.title
        bars = []
        for stage in label.stages:
            found = next((t for t in stage.themes if t.theme == name), None)
            if found is not None:
                bars.append(f"{pen.say(STAGES[stage.stage])} {stage.dated.isoformat()}")
                bars.append(_bar(Fraction(found.declared), Fraction(found.possible)))
        rows.append([title, "\n".join(bars)])
    _multi(pen, [(msg("Thème"), 28), (msg("De 0 à 100 % (█ acquis, déclaré compris ; ░ encore possible)"), None)], rows)


def _bar(certain: Fraction, possible: Fraction) -> str:
    full, reach = int(certain * BAR), int(possible * BAR)
    return f"{'█' * full}{'░' * (reach - full)}{'·' * (BAR - reach)} {int(certain * 100)} – {int(possible * 100)} %"


def _lift(pen: _Pen, lift: Lift, label: Label) -> None:
    unit = in_language(label.effort_unit, pen.translator.language) if label.effort_unit else ""
    if not lift.reachable or not lift.moves:
        pen.heading(msg("Pour {level} : {said}", level=lift.title, said=pen.translator.say(lift.said)))
        return
    pen.heading(
        msg(
            "Pour {level} : {effort} {unit}, {points} points acquis",
            level=lift.title,
            effort=_number(lift.effort, pen),
            unit=unit,
            points=_number(lift.points, pen),
        )
    )
    pen.table(
        [(msg("Exig."), 6), (msg("À porter à"), None), (msg("Comment"), 14), (msg("Effort"), 8), (msg("Points"), 8)],
        [
            [
                f"{move.requirement} *" if move.prerequisite else move.requirement,
                pen.say(VERDICTS[move.to]),
                pen.say(HOW[move.open]),
                _number(move.effort, pen),
                "+" + _number(move.points, pen),
            ]
            for move in lift.moves
        ],
    )
    pen.line(lift.said)
    if lift.hypothesis:
        pen.line(msg("les efforts sont des hypothèses du profil, pas des chiffres du label"))


def _number(text: str, pen: _Pen) -> str:
    return decimal(Fraction(text), pen.translator.language)
