"""``make accuracy``: the sane building and every fault, live; then seeded pairs of faults.

Buildings stand side by side, and faults are applied and reverted in them without rebuilding. Each audit is the command
that a user runs on the laptop. One line per audit; the last line counts. What is expected is in ``expected.py``.

Exit code: 0 all found, all verdicts moved as stated, no false alarm; 1 otherwise; 2 usage; 130 interrupted (nothing is
left behind, and there is no closing line).
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import secrets
import signal
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from benchmarks import recordings
from benchmarks.expected import Alone, Comparison, Pair, compare_one, compare_sane, failed
from benchmarks.neighbours import room_for_neighbours
from benchmarks.places import AuditFailed, Measured, Place, Places
from r2s_audit.cli.exits import Exit
from r2s_audit.cli.loading import DEFAULT_PROFILE, catalogue, parameter_models
from r2s_audit.errors import R2SError
from r2s_audit.evidence.record import Record
from r2s_audit.files.profile import load_profile
from r2s_audit.files.site import parse_site
from r2s_audit.lab import Fault, LabError
from r2s_audit.lab.description import REFERENCE, build, read_yaml
from r2s_audit.lab.fault import changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

PAIRS = 10
SIDE_BY_SIDE = 8
"""An audit waits most of its time (a minute of silence at a closed port): eight take little more time than one on two
cores, and each building some 260 MB."""
INTERRUPTED = 130


@dataclass(frozen=True)
class Line:
    """One audit and what came of it."""

    name: str
    kind: str
    comparison: Comparison
    measured: Measured | None

    def __str__(self) -> str:
        said = [*self.comparison.differences, *(f"false alarm: {alarm}" for alarm in self.comparison.false_alarms)]
        seconds = f"{self.measured.seconds:6.1f}" if self.measured else "     -"
        return f"{self.name:<44} {self.kind:<9} {seconds} s  {'; '.join(said) or 'OK'}"

    def as_json(self) -> dict[str, Any]:
        """The same for a program."""
        return {
            "name": self.name,
            "kind": self.kind,
            "seconds": round(self.measured.seconds, 2) if self.measured else None,
            "unverified_cells": self.measured.judged.unverified if self.measured else None,
            "found": dict(self.comparison.found),
            "right": self.comparison.right,
            "total": self.comparison.total,
            "differences": list(self.comparison.differences),
            "false_alarms": list(self.comparison.false_alarms),
        }


@dataclass
class Run:
    """One ``make accuracy``."""

    places: Places
    executor: ThreadPoolExecutor
    faults: Sequence[Fault]
    record: Path | None
    lines: list[Line] = field(default_factory=list)
    sane: dict[str, Measured] = field(default_factory=dict)
    """By place."""
    recorded: str = ""
    """The first sane audit that was recorded; the others are changes against it."""
    recording: threading.Lock = field(default_factory=threading.Lock)

    def each(self, *work: Callable[[], Line]) -> None:
        """Do all this, side by side where it can be; each line is printed as it comes."""
        for future in as_completed([self.executor.submit(item) for item in work]):
            self.lines.append(future.result())
            print(self.lines[-1], flush=True)

    # -- the sane building ------------------------------------------------------------------------------------------

    def before(self, place: Place) -> Line:
        """The sane building before any fault.

        Raises:
            AuditFailed: nothing can be compared with it.
        """
        measured = place.audit()
        self.sane[place.name] = measured
        if self.record is not None:
            with self.recording:
                place.recorded = recordings.write_sane(self.record, measured.result, self.recorded)
                self.recorded = self.recorded or place.recorded
        return Line(f"conforme, {place.title}", "sane", compare_sane(measured.judged, measured.judged), measured)

    def after(self, place: Place) -> Line:
        """The same building when all its faults are out again."""
        name = f"conforme, {place.title}, after {place.audits} audits"
        try:
            measured = place.audit()
        except AuditFailed as error:
            return Line(name, "sane", failed([], str(error)), None)
        return Line(name, "sane", compare_sane(measured.judged, self.reference.judged), measured)

    @property
    def reference(self) -> Measured:
        """The first building's sane audit: every building is to be like it."""
        return self.sane[self.places.all[0].name]

    # -- faults -----------------------------------------------------------------------------------------------------

    def alone(self, fault: Fault) -> Line:
        """One fault."""

        def work(place: Place) -> Line:
            try:
                measured = place.audit(fault)
            except AuditFailed as error:
                return Line(fault.name, fault.kind, failed([fault], str(error)), None)
            comparison = compare_one(fault, self.sane[place.name].judged, measured.judged)
            if self.record is not None:
                if comparison.good and not place.rebuilt:
                    recordings.write_fault(self.record, fault.name, place.recorded, measured.result)
                else:
                    print(f"{fault.name}: not recorded", flush=True)
            return Line(fault.name, fault.kind, comparison, measured)

        return self.places.lend(work)

    def together(self, pair: Pair) -> Line:
        """Two faults at once."""
        both = pair.first.fault, pair.second.fault

        def work(place: Place) -> Line:
            try:
                measured = place.audit(*both)
            except AuditFailed as error:
                return Line(pair.name, "pair", failed(both, str(error)), None)
            return Line(pair.name, "pair", pair.compare(measured.judged), measured)

        return self.places.lend(work)

    def pairs(self, number: int, seed: int) -> list[Pair]:
        """Draw pairs among the faults that came out right alone; says how many are left out by rule."""
        lines = {line.name: line for line in self.lines if line.comparison.good}
        alone = [
            Alone(fault, measured.judged)
            for fault in self.faults
            if not fault.unseen and fault.name in lines and (measured := lines[fault.name].measured) is not None
        ]
        every = list(itertools.combinations(alone, 2))
        apart = [both for both in every if not kept_apart(*(a.fault for a in both))]
        taken = [both for both in apart if combine(*(a.fault for a in both))]
        profile = load_profile(DEFAULT_PROFILE, parameter_models(catalogue())).profile
        site = parse_site(Record.open(self.reference.result.record).site_bytes, "site.yaml")
        combined = [Pair.combine(both, self.reference.judged, profile, site.not_applicable) for both in taken]
        visible = [pair for pair in combined if not pair.hidden]
        drawn = random.Random(seed).sample(visible, min(number, len(visible)))
        print(
            f"pairs: {len(drawn)} of {len(visible)} drawn, seed {seed}; left out by rule: {len(every) - len(apart)} that "
            f"their files keep apart, {len(apart) - len(taken)} that the building refuses together, "
            f"{len(combined) - len(visible)} where one fault hides the other",
            flush=True,
        )
        return drawn

    # -- the end ----------------------------------------------------------------------------------------------------

    @property
    def good(self) -> bool:
        """Whether everything is as it should be."""
        return all(line.comparison.good for line in self.lines)

    def closing(self) -> str:
        """The last line. A fault counts as found where it was found alone and in every pair that it was in."""
        return closing(self.faults, [line.comparison for line in self.lines])


def closing(faults: Sequence[Fault], comparisons: Iterable[Comparison]) -> str:
    """The closing line of a run over these faults; what no check sees is not counted."""
    listed = list(comparisons)
    counted = [fault for fault in faults if not fault.unseen]
    found = sum(all(c.found.get(fault.name, True) for c in listed) for fault in counted)
    right, total = sum(c.right for c in listed), sum(c.total for c in listed)
    alarms = sum(len(c.false_alarms) for c in listed)
    real = sum(fault.kind == "real" for fault in counted)
    return (
        f"faults found {found}/{len(counted)}, verdicts moved as stated {right}/{total}, "
        f"false alarms {alarms} (real {real}, simulated {len(counted) - real})"
    )


def kept_apart(one: Fault, other: Fault) -> bool:
    """Whether the file of one says that the two together are a third fault."""
    return other.name in one.not_with or one.name in other.not_with


def combine(one: Fault, other: Fault) -> bool:
    """Whether the building takes both faults at once: two that set one place differently are refused."""
    try:
        build(changed(read_yaml(REFERENCE), [one, other]), f"{one.name}+{other.name}")
    except LabError:
        return False
    return True


def run(options: argparse.Namespace, faults: Sequence[Fault]) -> Run:
    """Everything; leaves nothing behind, however it ends.

    Raises:
        LabError: the building cannot be built here.
        AuditFailed: the sane building cannot be audited.
    """
    with ExitStack() as stack:
        stack.enter_context(room_for_neighbours())
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="r2s-accuracy-")))
        places = Places()
        executor = ThreadPoolExecutor(options.side_by_side)
        # Undone from the last to the first: nothing new begins, the buildings end and with them what runs in them, the
        # threads come back, and what one of them may have built meanwhile ends too.
        stack.callback(places.down)
        stack.callback(executor.shutdown)
        stack.callback(places.down)
        stack.callback(executor.shutdown, wait=False, cancel_futures=True)
        stack.callback(places.stopping.set)
        stack.callback(_deaf)
        for number in range(1, options.side_by_side + 1):
            places.add(Place.up(f"acc{os.getpid()}-{number}", scratch))
        work = Run(places, executor, faults, options.record)
        work.each(*(_call(work.before, place) for place in places.all))
        work.each(*(_call(work.alone, fault) for fault in faults))
        if options.pairs:
            work.each(*(_call(work.together, pair) for pair in work.pairs(options.pairs, options.seed)))
        work.each(*(_call(work.after, place) for place in places.all))
    return work


def _call(work: Callable[[Any], Line], item: Any) -> Callable[[], Line]:
    return lambda: work(item)


def _deaf() -> None:
    """Once the end has begun, a second Ctrl-C does not leave it half done; it takes a few seconds at most."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make accuracy", description=__doc__, allow_abbrev=False)
    parser.add_argument("--fault", action="append", metavar="NAME", help="this fault alone (repeatable); default all")
    parser.add_argument("--pairs", type=int, metavar="N", help=f"how many pairs; default {PAIRS}, with --record none")
    parser.add_argument("--seed", type=int, metavar="S", help="of the pairs; default drawn, and printed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every line for a program too")
    parser.add_argument("--record", type=Path, metavar="DIR", help="keep the observations of each fault, for make test")
    parser.add_argument("--side-by-side", type=int, default=SIDE_BY_SIDE, metavar="N", help="how many buildings")
    options = parser.parse_args(arguments)
    if options.side_by_side < 1 or (options.pairs or 0) < 0:
        parser.error("--side-by-side is at least 1, --pairs at least 0")
    if options.pairs is None:
        options.pairs = 0 if options.record else PAIRS
    if options.seed is None:
        options.seed = secrets.randbelow(1_000_000)
    return options


def main(arguments: Sequence[str]) -> int:
    """Run, print, and say by the exit code what came of it."""
    options = parse(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    start = time.monotonic()
    try:
        faults = [Fault.load(name) for name in dict.fromkeys(options.fault or Fault.names())]
        work = run(options, faults)
        seconds = time.monotonic() - start
        if options.record is not None:
            recordings.tidy(options.record, Fault.names())
            _give_to_caller(options.record, *options.record.iterdir())
        if options.json is not None:
            lines = [line.as_json() for line in work.lines]
            document = {"seed": options.seed, "seconds": round(seconds, 1), "lines": lines, "closing": work.closing()}
            options.json.write_text(json.dumps(document, indent=1) + "\n")
            _give_to_caller(options.json)
    except KeyboardInterrupt:
        print("accuracy: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (R2SError, AuditFailed, OSError) as error:
        print(f"accuracy: {error}", getattr(error, "remedy", None) or "", sep="\n", file=sys.stderr)
        return Exit.USAGE if isinstance(error, R2SError) else 1
    unseen = [fault.name for fault in faults if fault.unseen]
    if unseen:
        print(f"not counted, for no check of this version sees them: {', '.join(unseen)}")
    print(f"{len(work.lines)} audits in {seconds:.0f} s, {options.side_by_side} side by side")
    print(work.closing())
    return 0 if work.good else 1


def _give_to_caller(*paths: Path) -> None:
    """Under sudo, what was made belongs to whoever called it."""
    uid, gid = os.environ.get("SUDO_UID"), os.environ.get("SUDO_GID")
    if uid is not None and gid is not None:
        for path in paths:
            os.chown(path, int(uid), int(gid), follow_symlinks=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
