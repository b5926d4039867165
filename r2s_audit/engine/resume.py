"""Which pass of a record was interrupted, and what it has done already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from r2s_audit.model.observation import Failure
from r2s_audit.model.record import Observed, PassClosed, PassDiscarded, PassOpened, PassResumed

if TYPE_CHECKING:
    from r2s_audit.evidence.record import Record


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A pass to go on with."""

    opened: PassOpened
    done: frozenset[str]
    """Keys of the requests that have an observation other than « stopped »."""


def last_interrupted(record: Record) -> Interrupted | None:
    """The latest pass, if it was stopped or cut off; None if it is complete, discarded, or there is none."""
    opened: PassOpened | None = None
    over = True
    done: set[str] = set()
    for entry in record.reading.entries:
        body = entry.body
        match body:
            case PassOpened():
                opened, over, done = body, False, set()
            case PassResumed():
                over = False
            case Observed() if body.observation.failure is not Failure.STOPPED:
                done.add(body.observation.request.key)
            case PassClosed():
                over = body.complete
            case PassDiscarded() if opened is not None and body.pass_id == opened.pass_id:
                over = True
            case _:
                pass
    return None if opened is None or over else Interrupted(opened, frozenset(done))


def next_pass_id(record: Record) -> str:
    """``P01``, ``P02``, … in the order of opening."""
    count = sum(isinstance(entry.body, PassOpened) for entry in record.reading.entries)
    return f"P{count + 1:02d}"
