"""Where the audits of ``make accuracy`` are made: buildings side by side, each with its own sane audit."""

from __future__ import annotations

import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from benchmarks.audits import audit
from benchmarks.expected import Judged
from r2s_audit.cli.exits import Exit
from r2s_audit.lab import Building, LabError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.audits import Result
    from r2s_audit.lab import Fault

AUDIT_SECONDS = 420
"""An audit that takes longer hangs."""
T = TypeVar("T")


class AuditFailed(Exception):
    """There is no audit to compare, and why."""


@dataclass(frozen=True)
class Measured:
    """One audit: what it left, what it judged, how many seconds it and its faults' coming and going took."""

    result: Result
    judged: Judged
    seconds: float


@dataclass
class Place:
    """A building in which audits are made one after the other; faults come and go in it without rebuilding."""

    name: str
    scratch: Path
    building: Building
    audits: int = 0
    rebuilt: bool = False
    """It had to be built anew: what it is now is no longer the building of its first audit."""
    recorded: str = ""
    """Under which name its sane audit is recorded."""

    @classmethod
    def up(cls, name: str, scratch: Path) -> Place:
        """Build.

        Raises:
            LabError: this machine cannot have the building.
        """
        return cls(name, scratch, Building.up(name))

    @property
    def title(self) -> str:
        """The building in a line of output."""
        return f"building {self.name.rpartition('-')[2]}"

    def down(self) -> None:
        """End the building, and with it any audit that runs in it; harmless when it has ended."""
        self.building.down()

    def rebuild(self) -> None:
        """Start over with a building that is sane for certain."""
        self.rebuilt = True
        self.building.down()
        self.building = Building.up(self.name)

    @property
    def intact(self) -> bool:
        """Whether the building is sane: no fault in it, everything that should run does."""
        try:
            status = self.building.status()
        except (LabError, OSError):
            return False
        return status.healthy and not status.faults

    def audit(self, *faults: Fault) -> Measured:
        """Audit with these faults in the building, and take them out again.

        Raises:
            AuditFailed: a fault could not be put in or taken out, what should run does not, or the command did not end
                as one that has evaluated something.
        """
        self.audits += 1
        start = time.monotonic()
        try:
            with ExitStack() as stack:
                for fault in faults:
                    stack.enter_context(self.building.fault(fault))
                result = audit(self.building, self.scratch / f"{self.name}-{self.audits}", timeout=AUDIT_SECONDS)
            status = self.building.status()
            # Python itself ends with 1 where it cannot even begin: only a document tells that something was evaluated.
            evaluated = result.code in {Exit.ATTEINT, Exit.NOT_ATTEINT, Exit.NOT_EVALUATED}
            if not (evaluated and (result.record / "audit.json").exists()):
                raise AuditFailed(f"the audit ended with {result.code}: {' '.join(result.err.split()[-60:])}")
            judged = Judged.of_audit(result.audit)
        except (LabError, OSError, subprocess.TimeoutExpired) as error:
            raise AuditFailed(f"{type(error).__name__}: {' '.join(str(error).split())}") from error
        stopped = [d.name for node in status.nodes for d in node.daemons if not d.running]
        if stopped:
            raise AuditFailed(f"taken out again, but this does not run: {', '.join(stopped)}")
        return Measured(result, judged, time.monotonic() - start)


@dataclass(frozen=True)
class Places:
    """The buildings, lent to one audit at a time."""

    all: list[Place] = field(default_factory=list)
    stopping: Event = field(default_factory=Event)
    """Set when everything is about to end: nothing is built any more."""
    _free: SimpleQueue[Place] = field(default_factory=SimpleQueue)

    def add(self, place: Place) -> None:
        """One more building."""
        self.all.append(place)
        self._free.put(place)

    def down(self) -> None:
        """End every building."""
        for place in self.all:
            place.down()

    def lend(self, work: Callable[[Place], T]) -> T:
        """Do some work where a building is free; one that is not left as it was is built anew."""
        place = self._free.get()
        try:
            return work(place)
        finally:
            if not self.stopping.is_set() and not place.intact:
                place.rebuild()
            self._free.put(place)
