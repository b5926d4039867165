"""The verdict table for a terminal: 80 columns, colour where asked, plain in a pipe.

What an integrator has to mend comes first: non atteint, then partiel, then what is still open, then what is met; within
a requirement what was measured comes before what could not be, and what no probe of this version measures is counted.
"""

from __future__ import annotations

from collections import Counter
from io import StringIO
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from r2s_audit.model.finding import Value
from r2s_audit.model.text import Message, msg
from r2s_audit.model.verdict import Reason, Verdict, VerdictValue
from reports.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from r2s_audit.i18n import Translator
    from r2s_audit.model.audit import Audit

WIDTH = 80
MAX_REASON = 240
"""Characters of one reason: the document has the whole."""
MAX_SHOWN = {Value.NON_CONFORME.value: 3, Value.PARTIEL.value: 2, Value.NON_VERIFIE.value: 1}
"""Reasons of each kind that a row shows; the others are counted."""

NAMES: dict[VerdictValue, Message] = {
    VerdictValue.NON_ATTEINT: msg("non atteint"),
    VerdictValue.PARTIELLEMENT_ATTEINT: msg("partiellement atteint"),
    VerdictValue.NON_EVALUE: msg("non évalué"),
    VerdictValue.ATTEINT: msg("atteint"),
}
"""The verdicts in the order of the table."""
_STYLES = {
    VerdictValue.ATTEINT: "green",
    VerdictValue.PARTIELLEMENT_ATTEINT: "yellow",
    VerdictValue.NON_ATTEINT: "bold red",
    VerdictValue.NON_EVALUE: "cyan",
}


def shown(text: str, limit: int = MAX_REASON) -> str:
    """What came from a device or a file, made harmless and bounded (promise 8)."""
    kept, cut = visible(text, limit)
    return f"{kept}…" if cut else kept


def render(audit: Audit, translator: Translator, *, colour: bool, width: int = WIDTH) -> str:
    """The table and its summary."""
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
    say = translator.say
    heading = shown(f"{audit.building.name} — {audit.profile} {audit.profile_version}", 2 * width)
    console.print(Text(heading, style="bold", overflow="fold"))
    if audit.title:
        console.print(Text(shown(audit.title), style="bold reverse" if colour else "", overflow="fold"))
    table = Table(box=box.SIMPLE_HEAD, width=width, pad_edge=False)
    table.add_column(say(msg("Exig.")), width=6, overflow="fold")
    table.add_column(say(msg("Verdict")), width=14, overflow="fold")
    table.add_column(say(msg("Ce qui l'explique")), ratio=1, overflow="fold")
    planned = {cell.requirement for cell in audit.cells.cells}
    order = list(NAMES)
    asked = [v for v in audit.verdicts if v.criteria and v.requirement in planned]
    for verdict in sorted(asked, key=lambda v: (order.index(v.verdict), v.best is VerdictValue.ATTEINT)):
        table.add_row(shown(verdict.requirement), _verdict_cell(verdict, translator), _why(verdict, translator))
    if asked:
        console.print(table)
    for line in _summary(audit, asked, translator):
        console.print(Text(shown(line, 4 * width), overflow="fold"))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _verdict_cell(verdict: Verdict, translator: Translator) -> Text:
    say = translator.say
    text = Text(say(NAMES[verdict.verdict]), style=_STYLES[verdict.verdict])
    if verdict.verdict is VerdictValue.NON_EVALUE:
        if verdict.best is not VerdictValue.ATTEINT:
            text.append("\n" + say(msg("au mieux {best}", best=say(NAMES[verdict.best]))), style="dim")
        if verdict.worst is not VerdictValue.NON_ATTEINT:
            text.append("\n" + say(msg("au moins {worst}", worst=say(NAMES[verdict.worst]))), style="dim")
    return text


def _why(verdict: Verdict, translator: Translator) -> Text:
    """Measured shortcomings, then what could not be verified, then how many criteria no probe of ours measures."""
    say = translator.say
    lines: list[str] = []
    for value, most in MAX_SHOWN.items():
        found = _grouped((d for d in verdict.details if d.check and d.value == value), translator)
        kept = 0 if value == Value.NON_VERIFIE.value and lines else most  # what was measured says enough
        lines += [shown(sentence) for sentence, _ in found[:kept]]
        if rest := sum(count for _, count in found[kept:]):
            message = msg("autres constats non vérifiés : {count}", count=rest)
            if value != Value.NON_VERIFIE.value:
                message = msg("autres écarts constatés : {count}", count=rest)
            lines.append(say(message))
    settled = sum(criterion.worst is criterion.best for criterion in verdict.criteria)
    total, unmeasured = len(verdict.criteria), sum(not detail.check for detail in verdict.details)
    message = msg("critères établis : {settled} sur {total}", settled=settled, total=total)
    if unmeasured:
        message = msg(
            "critères établis : {settled} sur {total} ; sans sonde : {unmeasured}",
            settled=settled,
            total=total,
            unmeasured=unmeasured,
        )
    lines.append(say(message))
    return Text("\n".join(lines), overflow="fold")


def _grouped(details: Iterable[Reason], translator: Translator) -> list[tuple[str, int]]:
    """What was measured, each thing once with the first subject and how many more say the same."""
    subjects: dict[str, list[str]] = {}
    for detail in details:
        subjects.setdefault(translator.say(detail.measured), []).append(_short(detail.subject))
    found = []
    for measured, names in subjects.items():
        subject, count = names[0], len(set(names)) - 1
        if not subject:
            message = msg("{measured}", measured=measured)
        elif count:
            message = msg("{subject} (+{count}) : {measured}", subject=subject, count=count, measured=measured)
        else:
            message = msg("{subject} : {measured}", subject=subject, measured=measured)
        found.append((translator.say(message), len(names)))
    return found


def _short(subject: str) -> str:
    """``supervision@P-TECH`` of ``supervision address=… port=443@P-TECH``: the document has the details."""
    if subject in {"", "-"}:
        return ""
    target, _, rest = subject.partition(" ")
    point = rest.rpartition("@")[2] if "@" in rest else ""
    return f"{target}@{point}" if point else target


def _summary(audit: Audit, asked: Sequence[Verdict], translator: Translator) -> list[str]:
    say = translator.say
    score = audit.score
    counts = Counter(verdict.verdict for verdict in asked)
    outside = sum(not verdict.criteria for verdict in audit.verdicts)
    unasked = len(audit.verdicts) - sum(counts.values()) - outside
    sentences = [
        msg(
            "non atteint : {failed} ; partiellement atteint : {partial} ; non évalué : {open} ; atteint : {met}",
            failed=counts[VerdictValue.NON_ATTEINT],
            partial=counts[VerdictValue.PARTIELLEMENT_ATTEINT],
            open=counts[VerdictValue.NON_EVALUE],
            met=counts[VerdictValue.ATTEINT],
        )
    ]
    if any(not detail.check for verdict in asked for detail in verdict.details):
        sentences.append(msg("sans sonde : critères qu'aucune sonde de cette version ne mesure"))
    if unasked:
        sentences.append(msg("exigences non demandées, non évaluées : {count}", count=unasked))
    if outside:
        sentences.append(msg("exigences hors de portée de la sonde, non évaluées : {count}", count=outside))
    sentences += [
        msg(
            "cellules : {planned} prévues, {reported} rapportées ; passes : {passes}",
            planned=audit.cells.planned,
            reported=audit.cells.reported,
            passes=len(audit.passes),
        ),
        msg(
            "points : entre {worst} et {best} sur {maximum}",
            worst=score.total.worst,
            best=score.total.best,
            maximum=score.total.maximum,
        ),
        score.statement,
    ]
    if audit.internal_errors:
        sentences.append(
            msg("contrôles en erreur interne : {count} ; leurs traces sont au dossier", count=audit.internal_errors)
        )
    return [say(sentence) for sentence in sentences]
