"""Findings gathered by criterion, in bounded memory: every one is counted, the worst are listed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from r2s_audit.model.finding import Value
from reports.html.texts import TEXTS
from reports.words import VALUES, Mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from r2s_audit.model.audit import Audit
    from r2s_audit.model.text import Message
    from r2s_audit.model.verdict import Reason

LISTED = 60
"""Findings of one value that one criterion lists."""
LISTED_IN_ALL = 3000
"""Findings that a whole page lists: about four megabytes."""
OPEN = 6
"""Findings that are not conforme and shown without opening anything."""
CITED = 5
"""Observations that one finding cites on the page."""
TRACE_LINES = 60


@dataclass(frozen=True, slots=True)
class Row:
    """One finding as a page shows it."""

    mark: Mark
    subject: str
    check: str
    expected: Message
    measured: Message
    observations: tuple[str, ...]
    more_observations: int
    trace: tuple[str, ...] = ()


@dataclass(slots=True)
class Group:
    """The findings of one criterion: counts of all, rows of some, worst first."""

    counts: Counter[Value] = field(default_factory=Counter)
    _kept: dict[Value, list[Row]] = field(default_factory=dict)

    def room(self, value: Value) -> bool:
        """Count a finding; whether it is to be listed too."""
        self.counts[value] += 1
        return len(self._kept.setdefault(value, [])) < LISTED

    def keep(self, value: Value, row: Row) -> None:
        """List a finding for which there was room."""
        self._kept[value].append(row)

    @property
    def marks(self) -> list[tuple[Mark, int]]:
        """How many of each value, worst first."""
        return [(VALUES[value], self.counts[value]) for value in VALUES if self.counts[value]]

    def bad(self) -> Iterator[Row]:
        """Rows that are not conforme, worst first."""
        for value in VALUES:
            if value is not Value.CONFORME:
                yield from self._kept.get(value, ())

    def good(self) -> list[Row]:
        """Rows that are conforme."""
        return self._kept.get(Value.CONFORME, [])

    def trim(self, room: int) -> int:
        """Keep the worst rows that there is room for; how many are kept."""
        left = room
        for value in VALUES:
            rows = self._kept.get(value, [])
            del rows[left:]
            left -= len(rows)
        return room - left


Groups = dict[tuple[str, str], Group]
"""By requirement and criterion."""


def gather(audit: Audit) -> Groups:
    """Every cell that has, or should have, a finding; cells that no check judges are told by the verdict's reasons."""
    groups: Groups = {}
    for cell in audit.cells.cells:
        if not cell.check:
            continue
        group = groups.setdefault((cell.requirement, cell.criterion), Group())
        value = Value(cell.state)
        if not group.room(value):
            continue
        number = cell.finding
        if number is None or not 0 <= number < len(audit.findings):
            missing = TEXTS["no_finding"]
            group.keep(value, Row(VALUES[value], cell.subject.key, cell.check, missing, missing, (), 0))
            continue
        finding = audit.findings[number]
        cited, more = cite(finding.observations)
        trace = tuple(finding.trace.splitlines()[:TRACE_LINES]) if finding.trace else ()
        group.keep(
            value,
            Row(
                VALUES[value],
                _named(cell.subject.key),
                finding.check,
                finding.expected,
                finding.measured,
                cited,
                more,
                trace,
            ),
        )
    if not audit.cells.cells:
        for verdict in audit.verdicts:
            _from_reasons(groups, verdict.requirement, verdict.details)
    room = LISTED_IN_ALL
    for group in groups.values():
        room -= group.trim(room)
    return groups


def _from_reasons(groups: Groups, requirement: str, reasons: Iterable[Reason]) -> None:
    """A document without its cells still has the reasons of its verdicts."""
    known = {value.value: value for value in Value}
    for reason in reasons:
        if not reason.check or not _named(reason.subject):
            continue
        value = known.get(reason.value, Value.NON_VERIFIE)
        group = groups.setdefault((requirement, reason.criterion), Group())
        if group.room(value):
            cited, more = cite(reason.observations)
            row = Row(VALUES[value], reason.subject, reason.check, reason.expected, reason.measured, cited, more)
            group.keep(value, row)


def _named(subject: str) -> str:
    """The subject, or nothing where the plan found none to apply the check to."""
    return "" if subject == "-" else subject


def cite(observations: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
    """The first observations of a finding, each once, and how many more there are."""
    distinct = tuple(dict.fromkeys(identifier for identifier in observations if identifier))
    return distinct[:CITED], max(0, len(distinct) - CITED)
