"""What faults must move, and whether they did: pure comparisons of judged audits.

**One fault.** Its file states the verdicts that it moves; every other requirement keeps the sane building's verdict,
worst and best. It is *found* where at least one stated verdict moved as stated; a fault that states none (something is
switched off) is found where at least one cell is judged otherwise than in the sane building. One that says of itself
that no check sees it (``unseen``) is not counted, and must change no cell: the day that it does, its file is out of date.

**A false alarm** is a non-conformity that no fault explains: any in the sane building; with one fault, a finding none
of whose requirements the fault moves; with two, a finding that neither fault gives alone.

**Two faults.** What is expected follows from the two audits with one fault each, cell by cell, and from the profile's
own rules over the cells (:func:`r2s_audit.scoring.verdicts.verdicts`):

- a cell that one fault leaves as in the sane building is as the other makes it;
- where both change it, lost evidence stays lost: *non vérifié* wins (nobody reads the TLS versions of what is off);
- else the lower of the two (N < P < C).

Under ``all`` this is the component-wise minimum of worst and best over what the two faults state, so that a verdict
that either states *non atteint* is *non atteint*; under ``share`` two small losses may add up, and under ``any`` one
alternative may remain, which that minimum alone would get wrong. A pair in which one fault keeps nothing of what it
changes alone is *hidden*: there is nothing to find, and it is not run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from r2s_audit.model.finding import Value
from r2s_audit.model.plan import Cell
from r2s_audit.model.record import PassState
from r2s_audit.scoring.population import JudgedCell, effective_value
from r2s_audit.scoring.verdicts import verdicts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from r2s_audit.lab import Fault
    from r2s_audit.model.audit import Audit
    from r2s_audit.model.finding import Finding
    from r2s_audit.model.profile import Profile
    from r2s_audit.model.site import NotApplicable
    from r2s_audit.model.verdict import Verdict

SILENCE = frozenset({"vlan.control-protocols"})
"""Checks whose *conforme* needs a window longer than a period: whether a pass lasts so long is the machine's doing."""
_RANK = {Value.NON_VERIFIE: 0, Value.NON_CONFORME: 1, Value.PARTIEL: 2, Value.CONFORME: 3, Value.SANS_OBJET: 4}
"""Which of two changes of one cell stays: the lowest."""


class Standing(NamedTuple):
    """Where a requirement stands."""

    verdict: str
    worst: str
    best: str

    def __str__(self) -> str:
        if self.worst == self.best == self.verdict:
            return self.verdict
        return f"{self.verdict} [{self.worst}, {self.best}]"


@dataclass(frozen=True)
class Judged:
    """An audit as far as it is compared: its cells with their findings, and where every requirement stands."""

    cells: tuple[JudgedCell, ...]
    standings: Mapping[str, Standing]
    trouble: tuple[str, ...] = ()
    """Why this audit is no fair measurement: faults of the program, a pass that did not end, cells that vanished."""

    @classmethod
    def of_audit(cls, audit: Audit) -> Judged:
        """What an audit document says."""
        cells = tuple(
            JudgedCell(
                Cell(requirement=c.requirement, criterion=c.criterion, check=c.check, subject=c.subject),
                None if c.finding is None else audit.findings[c.finding],
            )
            for c in audit.cells.cells
        )
        trouble = [f"pass {p.id} is {p.state}" for p in audit.passes if p.state is not PassState.COMPLETE]
        if audit.internal_errors:
            trouble.append(f"{audit.internal_errors} faults of the program")
        if audit.cells.planned != audit.cells.reported:
            trouble.append(f"{audit.cells.planned} cells planned, {audit.cells.reported} reported")
        return cls(cells, standings_of(audit.verdicts), tuple(trouble))

    @cached_property
    def values(self) -> dict[str, Value]:
        """What every cell counts as."""
        return {cell.key: effective_value(finding) for cell, finding in self.cells}

    @cached_property
    def non_conformities(self) -> dict[tuple[str, str], set[str]]:
        """Check and subject of every N, with the requirements that it counts in."""
        found: dict[tuple[str, str], set[str]] = {}
        for cell, finding in self.cells:
            if effective_value(finding) is Value.NON_CONFORME:
                found.setdefault((cell.check, cell.subject.key), set()).add(cell.requirement)
        return found

    @property
    def unverified(self) -> int:
        """Cells that a check was there for and did not settle."""
        return sum(1 for _, f in self.cells if f is not None and effective_value(f) is Value.NON_VERIFIE)

    def changed(self, other: Judged) -> set[str]:
        """Keys of the cells that count otherwise here than there, and not for the length of the pass alone."""
        lasting = self._silent & other._silent
        return {
            key
            for key in self.values.keys() | other.values.keys()
            if self.values.get(key) != other.values.get(key) and key not in lasting
        }

    @cached_property
    def _silent(self) -> set[str]:
        """Cells in which nothing was heard, for long enough or not."""
        checks = {cell.key for cell, _ in self.cells if cell.check in SILENCE}
        return {key for key in checks if self.values[key] in {Value.CONFORME, Value.NON_VERIFIE}}

    def moved(self, other: Judged) -> dict[str, Standing]:
        """Where the requirements stand that stand elsewhere in another audit."""
        return {r: standing for r, standing in self.standings.items() if standing != other.standings.get(r)}


def standings_of(results: Iterable[Verdict]) -> dict[str, Standing]:
    """Where every requirement stands."""
    return {v.requirement: Standing(v.verdict.value, v.worst.value, v.best.value) for v in results}


def stated(fault: Fault) -> dict[str, Standing]:
    """What a fault states that it moves, and where to; without bounds a verdict is its own."""
    return {m.requirement: Standing(m.verdict, m.worst or m.verdict, m.best or m.verdict) for m in fault.moves}


@dataclass(frozen=True)
class Comparison:
    """What came of one audit with faults in the building."""

    right: int
    """Verdicts that moved as they should."""
    total: int
    """Verdicts that should move, or did."""
    found: Mapping[str, bool]
    """Of every fault that was in and can be seen: whether it was found."""
    differences: tuple[str, ...] = ()
    false_alarms: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether everything is as it should be."""
        return not self.differences and not self.false_alarms and self.right == self.total and all(self.found.values())


def compare_sane(found: Judged, before: Judged) -> Comparison:
    """The sane building: no non-conformity at all, and the same verdicts as ``before``."""
    moved = found.moved(before)
    differences = [f"{r} moved: {before.standings[r]} to {standing}" for r, standing in moved.items()]
    return Comparison(0, len(moved), {}, (*found.trouble, *differences), _alarms(found, set()))


def compare_one(fault: Fault, sane: Judged, faulty: Judged) -> Comparison:
    """One fault against what its file states."""
    moves = stated(fault)
    right, total, differences = _verdicts(moves, sane, faulty)
    changed = faulty.changed(sane)
    if fault.unseen:
        if changed:
            differences = (*differences, f"stated unseen, and {len(changed)} cells changed: {min(changed)}")
        return Comparison(right, total, {}, (*faulty.trouble, *differences), _alarms(faulty, set()))
    found = right > 0 if moves else bool(changed)
    if not found:
        differences = (*differences, "not found")
    explained = {key for key, requirements in faulty.non_conformities.items() if requirements & moves.keys()}
    return Comparison(right, total, {fault.name: found}, (*faulty.trouble, *differences), _alarms(faulty, explained))


def failed(faults: Sequence[Fault], why: str) -> Comparison:
    """There is no audit to compare: nothing that the faults state was seen to move."""
    counted = [f.name for f in faults if not f.unseen]
    return Comparison(0, sum(len(f.moves) for f in faults), dict.fromkeys(counted, False), (why,))


@dataclass(frozen=True)
class Alone:
    """A fault, and its audit without any other."""

    fault: Fault
    judged: Judged


@dataclass(frozen=True)
class Pair:
    """Two faults that are to be in the building together, and what follows from each alone."""

    first: Alone
    second: Alone
    sane: Judged
    expected: Judged

    @classmethod
    def combine(
        cls, both: tuple[Alone, Alone], sane: Judged, profile: Profile, not_applicable: Sequence[NotApplicable] = ()
    ) -> Pair:
        """What two faults give together, by the rule above."""
        one, other = (_by_key(alone.judged) for alone in both)
        cells = tuple(
            JudgedCell(cell, _combined(finding, one.get(cell.key), other.get(cell.key))) for cell, finding in sane.cells
        )
        return cls(*both, sane, Judged(cells, standings_of(verdicts(profile, cells, not_applicable))))

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.first.fault.name} + {self.second.fault.name}"

    @property
    def hidden(self) -> bool:
        """Whether one of the two leaves nothing to be seen of the other."""
        return not all(self.visible(alone) for alone in (self.first, self.second))

    def visible(self, alone: Alone) -> set[str]:
        """The cells that a fault changes and that stay so beside the other."""
        changed = alone.judged.changed(self.sane)
        return {key for key in changed if self.expected.values.get(key) is alone.judged.values.get(key)}

    def compare(self, both: Judged) -> Comparison:
        """An audit of the two together against what is expected."""
        moves = self.expected.moved(self.sane)
        right, total, differences = _verdicts(moves, self.sane, both)
        found = {
            alone.fault.name: any(both.values.get(k) is self.expected.values.get(k) for k in self.visible(alone))
            for alone in (self.first, self.second)
        }
        missed = [f"{name} not found" for name, seen in found.items() if not seen]
        explained = self.first.judged.non_conformities.keys() | self.second.judged.non_conformities.keys()
        return Comparison(right, total, found, (*both.trouble, *differences, *missed), _alarms(both, explained))


def _by_key(judged: Judged) -> dict[str, Finding | None]:
    return {cell.key: finding for cell, finding in judged.cells}


def _combined(sane: Finding | None, one: Finding | None, other: Finding | None) -> Finding | None:
    if effective_value(one) is effective_value(sane):
        return other
    if effective_value(other) is effective_value(sane):
        return one
    return min(one, other, key=lambda finding: _RANK[effective_value(finding)])


def _verdicts(moves: Mapping[str, Standing], sane: Judged, found: Judged) -> tuple[int, int, tuple[str, ...]]:
    """How many verdicts moved as they should, of how many that should or did, and what differs."""
    moved = found.moved(sane)
    right, differences = 0, []
    concerned = sorted(moves.keys() | moved.keys())
    for requirement in concerned:
        before, after = sane.standings.get(requirement), found.standings.get(requirement)
        wanted = moves.get(requirement)
        if wanted is None:
            differences.append(f"{requirement} moved: {before} to {after}, not stated")
        elif after is None:
            differences.append(f"{requirement}: no such requirement")
        elif wanted == before:
            differences.append(f"{requirement}: stated {wanted}, as in the sane building")
        elif after != wanted:
            differences.append(f"{requirement}: stated {wanted}, found {after}")
        else:
            right += 1
    return right, len(concerned), tuple(differences)


def _alarms(found: Judged, explained: Collection[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(
        f"{check} on {subject} ({', '.join(sorted(requirements))})"
        for (check, subject), requirements in sorted(found.non_conformities.items())
        if (check, subject) not in explained
    )
