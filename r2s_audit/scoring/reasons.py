"""Why a verdict is not simply *atteint*: one reason per finding that is not conforme, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from r2s_audit.model.finding import Finding, Value
from r2s_audit.model.profile import Criterion, Requirement
from r2s_audit.model.site import NotApplicable
from r2s_audit.model.text import Message, msg
from r2s_audit.model.verdict import Reason

from .population import JudgedCell, effective_value

_WORST_FIRST = {
    value.value: rank
    for rank, value in enumerate((Value.NON_CONFORME, Value.PARTIEL, Value.NON_VERIFIE, Value.SANS_OBJET))
}


class CriterionCells(NamedTuple):
    """A criterion, its planned cells with their findings, and who declared that it has no object here."""

    criterion: Criterion
    cells: Sequence[JudgedCell]
    declared: NotApplicable | None


def reasons(requirement: Requirement, parts: Sequence[CriterionCells]) -> tuple[Reason, ...]:
    """Every finding that is not C, and every criterion that nothing could be found of.

    Order: non conforme, partiel, non vérifié, sans objet; then the profile's order of criteria, then the subjects'
    names. The order of the cells given makes no difference.
    """
    if requirement.rule is None:
        return (_outside_the_probe(requirement),)
    found = [reason for part in parts for reason in _of_criterion(part)]
    place = {part.criterion.id: position for position, part in enumerate(parts)}
    return tuple(sorted(found, key=lambda r: (_WORST_FIRST[r.value], place[r.criterion], r.subject)))


def _of_criterion(part: CriterionCells) -> list[Reason]:
    if part.declared is not None:
        return [_declared(part, part.declared)]
    if part.criterion.check is None:
        return [_awaited(part.criterion)]
    if not part.cells:
        return [_nothing_planned(part.criterion)]
    conforme = Value.CONFORME
    return [
        _of_cell(part.criterion, judged)
        for judged in part.cells
        if judged.finding is None or judged.finding.value is not conforme
    ]


def _of_cell(criterion: Criterion, judged: JudgedCell) -> Reason:
    finding = judged.finding or Finding(
        check=judged.cell.check,
        subject=judged.cell.subject,
        value=Value.NON_VERIFIE,
        expected=_expected(criterion),
        measured=msg("cellule prévue au plan, sans constat"),
    )
    return Reason(
        criterion=criterion.id,
        check=finding.check,
        subject=judged.cell.subject.key,
        value=effective_value(finding).value,
        expected=finding.expected,
        measured=finding.measured,
        source=criterion.source.value,
        reference=criterion.reference,
        observations=finding.observations,
    )


def _declared(part: CriterionCells, declared: NotApplicable) -> Reason:
    verified = sum(
        effective_value(judged.finding) not in {Value.NON_VERIFIE, Value.SANS_OBJET} for judged in part.cells
    )
    if verified:
        measured = msg(
            "déclaré sans objet par {declared_by} : {reason} ; à vérifier, car des constats portent sur ce critère ({count})",
            declared_by=declared.declared_by,
            reason=declared.reason,
            count=verified,
        )
    else:
        measured = msg(
            "déclaré sans objet par {declared_by} : {reason}",
            declared_by=declared.declared_by,
            reason=declared.reason,
        )
    return _without_finding(part.criterion, Value.SANS_OBJET, measured)


def _awaited(criterion: Criterion) -> Reason:
    measured = Message(template=criterion.awaits)  # a sentence of the profile; the catalogues have its translation
    return _without_finding(criterion, Value.NON_VERIFIE, measured)


def _nothing_planned(criterion: Criterion) -> Reason:
    measured = msg("rien à vérifier dans le plan : aucun équipement, point ou flux déclaré ne relève de ce critère")
    return _without_finding(criterion, Value.NON_VERIFIE, measured)


def _without_finding(criterion: Criterion, value: Value, measured: Message) -> Reason:
    return Reason(
        criterion=criterion.id,
        check=criterion.check or "",
        subject="",
        value=value.value,
        expected=_expected(criterion),
        measured=measured,
        source=criterion.source.value,
        reference=criterion.reference,
    )


def _outside_the_probe(requirement: Requirement) -> Reason:
    return Reason(
        criterion="",
        check="",
        subject="",
        value=Value.NON_VERIFIE.value,
        expected=msg("{title}", title=requirement.title),
        measured=msg("hors sonde : cette exigence ne s'établit pas par une mesure sur le réseau"),
        source="",
        reference="",
    )


def _expected(criterion: Criterion) -> Message:
    return Message(template=criterion.title.fr)  # a translator that knows the profile says it in its language
