"""Exit codes: 2 usage or file, 70 our own fault, 1 not atteint, 3 not evaluated, 0 all atteints; in this precedence."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

from r2s_audit.model.verdict import VerdictValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from r2s_audit.model.audit import Audit


class Exit(IntEnum):
    """What the caller learns without reading anything."""

    ATTEINT = 0
    NOT_ATTEINT = 1
    USAGE = 2
    NOT_EVALUATED = 3
    INTERNAL = 70


def exit_of(audit: Audit, selected: Iterable[str]) -> Exit:
    """The exit code of an audit for the selected requirements.

    A requirement that can no longer become *atteint* counts as not atteint, even while its verdict is open.
    """
    if audit.internal_errors:
        return Exit.INTERNAL
    wanted = set(selected)
    return exit_of_verdicts([v for v in audit.verdicts if v.requirement in wanted])


class Bounded(Protocol):
    """A verdict with its bounds, wherever it stands."""

    @property
    def verdict(self) -> VerdictValue:
        """The verdict."""

    @property
    def best(self) -> VerdictValue:
        """What it may still become."""


def exit_of_verdicts(verdicts: Sequence[Bounded]) -> Exit:
    """The exit code of measured verdicts; a declaration turns none of them green."""
    if any(v.best is not VerdictValue.ATTEINT for v in verdicts):
        return Exit.NOT_ATTEINT
    if not verdicts or any(v.verdict is VerdictValue.NON_EVALUE for v in verdicts):
        return Exit.NOT_EVALUATED
    return Exit.ATTEINT
