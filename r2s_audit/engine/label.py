"""What goes with an audit's score: what the record itself shows, and the dossier at its stages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from r2s_audit.errors import UsageError
from r2s_audit.evidence.seal import seal_files
from r2s_audit.evidence.verify import Expectations, State, verify_record
from r2s_audit.model.record import PassState
from r2s_audit.model.text import msg
from r2s_audit.scoring.label import label
from r2s_audit.scoring.stages import stage_of
from r2s_audit.scoring.whatif import TooHardError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from r2s_audit.engine.audit import Question
    from r2s_audit.engine.plan import Catalogue
    from r2s_audit.evidence.record import Record
    from r2s_audit.i18n import Translator
    from r2s_audit.model.audit import Audit, PassSummary
    from r2s_audit.model.profile import Fact, Profile
    from r2s_audit.model.score import Label, Score, StageResult
    from r2s_audit.model.site import Stage
    from r2s_audit.model.verdict import Verdict
    from r2s_audit.scoring.corroboration import Seen
    from r2s_audit.scoring.label import LabelInputs
    from r2s_audit.scoring.supersede import Counted


def record_facts(
    record: Record, passes: Iterable[PassSummary], counting: Mapping[str, Counted], as_of: datetime
) -> tuple[Fact, ...]:
    """What the record shows beside its findings: a pass that ran to its end, versions read, a seal."""
    found: list[Fact] = []
    if _sealed(record, as_of):
        found.append("sealed")
    if any(item.state is PassState.COMPLETE for item in passes):
        found.append("pass_complete")
    if any(_versions(counted) for counted in counting.values()):
        found.append("firmware_read")
    return tuple(found)


def _sealed(record: Record, as_of: datetime) -> bool:
    """Whether an intact record bears a seal on its last entry that was there at the date.

    Who signed is for whoever decides to trust (``verify --trust``): a seal corroborates, and awards nothing.
    """
    if not seal_files(record.directory):
        return False
    found = verify_record(record.directory, Expectations(moment=as_of))
    return found.state in {State.SEALED, State.UNKNOWN_AUTHOR} and any(
        not seal.faults and seal.claimed is not None and seal.claimed <= as_of for seal in found.seals
    )


def _versions(counted: Counted) -> bool:
    """Whether what counts for a request is an ENTITY-MIB table with a version in it (RFC 6933)."""
    facts = counted.observation.facts if counted.observation is not None else None
    rows = facts.get("entities") if isinstance(facts, dict) else None
    return isinstance(rows, list) and any(
        isinstance(row, dict) and (row.get("firmware") or row.get("software")) for row in rows
    )


def label_of(
    profile: Profile, verdicts: Sequence[Verdict], measured: Score, seen: Seen, as_of: datetime, inputs: LabelInputs
) -> Label:
    """The label's part of an audit document on the day of judgement (UTC).

    Raises:
        UsageError: the what-if has more combinations than are weighed.
    """
    try:
        return label(profile, verdicts, measured, seen, as_of.astimezone(UTC).date(), inputs)
    except TooHardError as error:
        raise UsageError(
            msg("what-if : trop de combinaisons pour une réponse exacte"),
            remedy=msg("donner des efforts et des points à moins de décimales"),
        ) from error


def with_stages(
    audit: Audit,
    record: Record,
    question: Question,
    catalogue: Catalogue,
    translator: Translator,
    days: Mapping[Stage, date],
) -> Audit:
    """The same document with the dossier as it stood at the end of each stage's day, from this one record.

    A stage after the date of judgement is left out: nobody knows yet. Raises what ``judge_record`` raises.
    """
    from r2s_audit.engine.audit import judge_record  # noqa: PLC0415 - the two need each other

    stages: list[StageResult] = []
    axis = translator.say(msg("Services opérationnels"))
    for stage, day in sorted(days.items(), key=lambda item: item[1]):
        moment = datetime.combine(day, time(23, 59, 59), UTC)
        if moment.date() > question.as_of.astimezone(UTC).date():
            continue
        then = judge_record(
            record,
            replace(question, as_of=moment, label=replace(question.label, targets=())),
            catalogue,
            translator,
        )
        stages.append(stage_of(stage, day, then.score, then.label, axis))
    return audit.model_copy(update={"label": audit.label.model_copy(update={"stages": tuple(stages)})})
