"""Which observation counts: the latest valid pass supersedes, and evidence has an age limit.

Merging is of observations, never of verdicts. For one request the latest pass that set out to make it and was not
discarded decides, even where its observation failed or is missing: repeating a measurement until it passes leads
nowhere, since each repetition replaces the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from r2s_audit.model.observation import Failure, Observation
from r2s_audit.model.record import CampaignOpened, Entry, MergeConflict, Merged, Observed, PassDiscarded, PassOpened


@dataclass(frozen=True, slots=True)
class Counted:
    """What counts for one request: the pass that decides, and its observation with the number of its ledger entry.

    ``observation`` is None where that pass set out to make the request and recorded nothing (stopped, interrupted).
    """

    pass_id: str
    observation: Observation | None = None
    entry: int | None = None


@dataclass(frozen=True, slots=True)
class Usable:
    """Observations that may be judged at a date, by request key, and the keys whose observation is too old."""

    observations: Mapping[str, Observation]
    expired: frozenset[str]


def as_known_at(entries: Sequence[Entry], as_of: datetime) -> Sequence[Entry]:
    """The ledger as it stood at a date: what was written later is not evidence for a judgement of that date.

    Entries are in the order of writing, whatever the clock said: one whose clock was ahead is known as soon as a later
    one is, and a clock that was put right in the middle of a pass tears no pass apart.
    """
    known = len(entries)
    while known and entries[known - 1].at > as_of:
        known -= 1
    return entries[:known]


def counted(entries: Iterable[Entry]) -> dict[str, Counted]:
    """For every request key that a valid pass set out to make, what counts for it.

    ``entries`` come in ledger order. Passes rank by their opening; one that is resumed later keeps its rank. Inside one
    pass the first observation of a request stands, unless it was stopped before it could end: a resumed pass may finish
    what was cut short, not repeat what it dislikes. An observation whose request the pass had not announced (a target
    discovered on the way) shows by itself that the pass set out to make it.

    Raises ValueError for anything of a pass that was never opened, a pass opened twice, and a second campaign: such a
    ledger is not one of ours.
    """
    passes: dict[str, dict[str, Counted]] = {}
    discarded: set[str] = set()
    for entry in entries:
        body = entry.body
        if isinstance(body, PassOpened):
            if body.pass_id in passes:
                raise ValueError(f"entry {entry.n}: pass {body.pass_id} opened twice")
            passes[body.pass_id] = {key: Counted(body.pass_id) for key in body.requests}
        elif isinstance(body, Observed):
            _note(passes, entry.n, body.observation)
        elif isinstance(body, CampaignOpened):
            if entry.n:
                raise ValueError(f"entry {entry.n}: a second campaign")
        elif isinstance(body, Merged | MergeConflict):
            pass  # where passes come from decides nothing: each ranks by its own opening
        else:
            if body.pass_id not in passes:
                raise ValueError(f"entry {entry.n}: {body.kind} of pass {body.pass_id}, which was never opened")
            if isinstance(body, PassDiscarded):
                discarded.add(body.pass_id)
    result: dict[str, Counted] = {}
    for pass_id, attempts in passes.items():
        if pass_id not in discarded:
            result.update(attempts)
    return result


def _note(passes: Mapping[str, dict[str, Counted]], number: int, observation: Observation) -> None:
    attempts = passes.get(observation.pass_id)
    if attempts is None:
        raise ValueError(f"entry {number}: observation of pass {observation.pass_id}, which was never opened")
    key = observation.request.key
    first = attempts.get(key)
    if first is None or first.observation is None or first.observation.failure is Failure.STOPPED:
        attempts[key] = Counted(observation.pass_id, observation, number)


def expired(observation: Observation, max_age_days: int | None, as_of: datetime) -> bool:
    """Whether an observation is too old at the date of judgement; without a limit it never is.

    Age counts from the end of the observation; evidence of exactly ``max_age_days`` days still stands.
    """
    return max_age_days is not None and as_of - observation.ended > timedelta(days=max_age_days)


def usable(results: Mapping[str, Counted], max_age_days: int | None, as_of: datetime) -> Usable:
    """What a criterion with this age limit may be judged on at this date.

    An expired observation does not give way to an older one, nor to that of an earlier pass: it counts as non vérifié.
    """
    observations: dict[str, Observation] = {}
    too_old: set[str] = set()
    for key, result in results.items():
        if result.observation is None:
            continue
        if expired(result.observation, max_age_days, as_of):
            too_old.add(key)
        else:
            observations[key] = result.observation
    return Usable(observations, frozenset(too_old))
