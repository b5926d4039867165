"""The audit document from a record: everything to the right of the observations, again and again, offline."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import r2s_audit
from r2s_audit.engine.judge import Judge
from r2s_audit.engine.label import label_of, record_facts
from r2s_audit.engine.network_map import network_map
from r2s_audit.engine.plan import Catalogue, make_plan
from r2s_audit.errors import InternalError, RecordError
from r2s_audit.evidence.blobs import digest_of
from r2s_audit.evidence.ledger import entry_id
from r2s_audit.model.audit import Audit, Cells, CellState, PassSummary
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure
from r2s_audit.model.record import (
    FramesSent,
    Observed,
    PassClosed,
    PassDiscarded,
    PassOpened,
    PassResumed,
    PassState,
)
from r2s_audit.model.text import Message, msg
from r2s_audit.model.topology import Topology
from r2s_audit.scoring.corroboration import seen_in
from r2s_audit.scoring.label import NOTHING
from r2s_audit.scoring.points import is_simulation, score
from r2s_audit.scoring.population import JudgedCell, effective_value
from r2s_audit.scoring.supersede import as_known_at, counted, usable
from r2s_audit.scoring.verdicts import verdicts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from r2s_audit.evidence.record import Record
    from r2s_audit.i18n import Translator
    from r2s_audit.model.finding import Finding
    from r2s_audit.model.plan import Plan
    from r2s_audit.model.profile import Profile
    from r2s_audit.model.record import Entry
    from r2s_audit.model.site import Site
    from r2s_audit.model.verdict import Reason, Verdict
    from r2s_audit.scoring.label import LabelInputs
    from r2s_audit.scoring.supersede import Counted


@dataclass(frozen=True, slots=True)
class Question:
    """What is judged, against what, as of when."""

    site: Site
    profile: Profile
    profile_digest: str
    as_of: datetime
    label: LabelInputs = NOTHING
    """Overlays that the profile is under already, declarations, services, levels to ask for."""


def judge_record(record: Record, question: Question, catalogue: Catalogue, translator: Translator) -> Audit:
    """Judge a record: the same record, profile, date and version give the same document.

    Raises:
        RecordError: the ledger is whole but not one that this program could have written.
        UsageError: the profile does not fit the checks of this version.
        InternalError: a planned cell was not reported.
    """
    entries = as_known_at(record.reading.entries, question.as_of)
    try:
        counting = counted(entries)
    except ValueError as error:
        raise RecordError(
            msg(
                "{directory} : registre qu'aucune version de ce programme n'écrit ({error})",
                directory=str(record.directory),
                error=str(error),
            )
        ) from error
    plan = _plan(record, question, catalogue)
    ids = {e.n: entry_id(e, d) for e, d in zip(record.reading.entries, record.reading.digests, strict=True)}
    judge = Judge(Topology(question.site), catalogue, counting, ids, question.as_of)
    judged = judge.judge(plan.cells, question.profile)
    findings, cells = _cells(judged, planned=len(plan.cells))
    if cells.planned != cells.reported:
        raise InternalError(f"{cells.planned} cells planned, {cells.reported} reported")
    results = verdicts(question.profile, judged, question.site.not_applicable)
    simulation = is_simulation(question.profile)
    measured = score(question.profile, results)
    passes = _passes(entries)
    roles = {device.id: device.role.value for device in question.site.devices}
    seen = seen_in(judged, roles, record_facts(record, passes, counting, question.as_of))
    return Audit(
        title=translator.say(msg("simulation – barème hypothétique")) if simulation else "",
        simulation=simulation,
        language=translator.language,
        program=r2s_audit.__version__,
        as_of=question.as_of,
        building=question.site.building,
        parties=tuple(question.site.parties),
        mandate=question.site.mandate,
        profile=question.profile.id,
        profile_version=question.profile.version,
        profile_digest=question.profile_digest,
        site_digest=record.campaign.site.digest,
        plan_digest=digest_of(plan.model_dump_json().encode()),
        ledger_head=record.reading.head,
        ledger_entries=len(record.reading.entries),
        passes=passes,
        cells=cells,
        internal_errors=_internal_errors(findings, entries, counting),
        findings=findings,
        verdicts=tuple(_worded(v, translator) for v in results),
        score=measured,
        label=label_of(question.profile, results, measured, seen, question.as_of, question.label),
        topology=network_map(
            judge.topology, usable(counting, _age_of_pictures(question.profile), question.as_of).observations, passes
        ),
    )


def _age_of_pictures(profile: Profile) -> int | None:
    """Days: what no check of the switches may rest on any more is not drawn as found either."""
    ages = (c.max_age_days for r in profile.requirements for c in r.criteria if (c.check or "").startswith("snmp."))
    return min((age.value for age in ages if age is not None), default=None)


def _plan(record: Record, question: Question, catalogue: Catalogue) -> Plan:
    """The plan of the campaign; a newer profile asks its own questions of the same observations.

    A cell that site, profile and this version's checks give and that the record's plan lacks is planned all the same: a
    plan that was cut, or that an older version made, hides nothing.

    Raises:
        RecordError: a plan of another site or profile, with a cell that the profile does not have, or with one twice.
    """
    digests = (record.campaign.site.digest, question.profile_digest)
    if question.profile_digest != record.campaign.profile.digest:
        return make_plan(question.site, question.profile, catalogue, digests)
    plan = record.plan
    places = {(r.id, c.id, c.check or "") for r in question.profile.requirements for c in r.criteria}
    keys = {cell.key for cell in plan.cells}
    if (
        (plan.site_digest, plan.profile_digest) != digests
        or len(keys) != len(plan.cells)
        or not {(cell.requirement, cell.criterion, cell.check) for cell in plan.cells} <= places
        or not {cell.requirement for cell in plan.cells} <= set(plan.requirements)
    ):
        raise RecordError(
            msg(
                "{directory} : le plan n'est pas celui du site et du profil qu'il accompagne",
                directory=str(record.directory),
            ),
            remedy=msg("repartir d'une copie intacte du dossier"),
        )
    whole = make_plan(question.site, question.profile, catalogue, digests, plan.requirements)
    lacking = [cell for cell in whole.cells if cell.key not in keys] if plan.requirements else []
    return plan.model_copy(update={"cells": (*plan.cells, *lacking)})


def _cells(judged: Sequence[JudgedCell], planned: int) -> tuple[tuple[Finding, ...], Cells]:
    """Findings once each, and every cell pointing at its own."""
    index: dict[int, int] = {}
    findings: list[Finding] = []
    states: list[CellState] = []
    for cell, finding in judged:
        number = None
        if finding is not None:
            if id(finding) not in index:
                index[id(finding)] = len(findings)
                findings.append(finding)
            number = index[id(finding)]
        state = effective_value(finding) if finding is not None else Value.NON_VERIFIE
        states.append(
            CellState(
                requirement=cell.requirement,
                criterion=cell.criterion,
                check=cell.check,
                subject=cell.subject,
                state=state.value,
                finding=number,
            )
        )
    counts = Counter(s.state for s in states)
    return tuple(findings), Cells(
        planned=planned, reported=len(states), states=dict(sorted(counts.items())), cells=tuple(states)
    )


def _internal_errors(findings: Iterable[Finding], entries: Iterable[Entry], counting: Mapping[str, Counted]) -> int:
    """Checks and collectors that crashed; in the passes that count, also after the observation that counts."""
    crashed_checks = sum(1 for f in findings if f.trace)
    observed = (entry.body.observation for entry in entries if isinstance(entry.body, Observed))
    crashed_collectors = sum(
        o.failure is Failure.INTERNAL_ERROR and counting[o.request.key].pass_id == o.pass_id
        for o in observed
        if o.request.key in counting
    )
    return crashed_checks + crashed_collectors


def _worded(verdict: Verdict, translator: Translator) -> Verdict:
    return verdict.model_copy(update={"reasons": tuple(_sentence(r, translator) for r in verdict.details)})


def _sentence(reason: Reason, translator: Translator) -> str:
    say = translator.say
    where = reason.subject if reason.subject not in {"", "-"} else ""
    if not where:
        return say(msg("{measured}", measured=say(reason.measured)))
    return say(
        msg(
            "{subject} : {measured} (attendu : {expected})",
            subject=where,
            measured=say(reason.measured),
            expected=say(reason.expected),
        )
    )


@dataclass(slots=True)
class _Tally:
    opened: PassOpened
    at: datetime
    state: PassState = PassState.INTERRUPTED
    closed: datetime | None = None
    reason: Message | None = None
    observations: int = 0
    failed: int = 0
    frames: int = 0


def _passes(entries: Iterable[Entry]) -> tuple[PassSummary, ...]:
    """Every pass, the discarded and the interrupted ones too, in the order of opening."""
    tallies: dict[str, _Tally] = {}
    for entry in entries:
        body = entry.body
        match body:
            case PassOpened():
                tallies[body.pass_id] = _Tally(body, entry.at)
            case PassResumed():
                tally = tallies[body.pass_id]
                tally.state, tally.closed, tally.reason = PassState.INTERRUPTED, None, None
            case Observed():
                tally = tallies[body.observation.pass_id]
                tally.observations += 1
                tally.failed += body.observation.state == "failed"
            case FramesSent():
                tallies[body.pass_id].frames += body.frames
            case PassClosed():
                tally = tallies[body.pass_id]
                tally.state = PassState.COMPLETE if body.complete else PassState.STOPPED
                tally.closed, tally.reason = entry.at, body.reason
            case PassDiscarded():
                tally = tallies[body.pass_id]
                tally.state, tally.reason = PassState.DISCARDED, msg("{reason}", reason=body.reason)
            case _:
                pass
    return tuple(
        PassSummary(
            id=name,
            state=t.state,
            points=t.opened.points,
            opened=t.at,
            closed=t.closed,
            observations=t.observations,
            failed=t.failed,
            packets=t.frames,
            machine=t.opened.machine,
            reason=t.reason,
        )
        for name, t in tallies.items()
    )


def parse_as_of(text: str | None) -> datetime:
    """The date of judgement: now, or an ISO 8601 date or instant (a date alone means its last second, UTC).

    Raises:
        ValueError: not such a date.
    """
    if not text:
        return datetime.now(UTC)
    if len(text) == len("2026-01-01"):
        return datetime.fromisoformat(text).replace(hour=23, minute=59, second=59, tzinfo=UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
