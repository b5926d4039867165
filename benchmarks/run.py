"""``make bench``: one line per comparison, ``bench NAME ours=S peer=S ratio=R goal=G``.

S in seconds (in MB where the name ends in ``-mb``), medians of several runs taken in turns. The peer is what the time
is measured against: for a start, the bare interpreter; for a plan, reading the same file with the same parser and doing
nothing with it; where there is nothing to compare with, ``-``. The goal is an upper bound on ours; the exit code is 1
where one is missed or a command fails.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ledger import results as keeping
from measure import CommandFailed, environment, interleaved, median_wall, run
from site300 import DEVICES, write
from sweep import results as sweeping

PROGRAM = str(Path(sys.executable).parent / "r2s-audit")
READ_YAML = "import sys; from ruamel.yaml import YAML; YAML(typ='safe').load(open(sys.argv[1], encoding='utf-8'))"
AUDITED = (0, 1, 3)  # the audit ran to its end, whatever it found


@dataclass(frozen=True, slots=True)
class Line:
    """One comparison."""

    name: str
    ours: float
    peer: float | None
    goal: float

    def __str__(self) -> str:
        peer = "-" if self.peer is None else f"{self.peer:.3f}"
        ratio = "-" if self.peer is None else f"{self.ours / self.peer:.2f}"
        return f"bench {self.name} ours={self.ours:.3f} peer={peer} ratio={ratio} goal={self.goal:g}"


def version(scratch: Path) -> Iterator[Line]:
    """The start of the program against the start of Python."""
    commands = {"ours": [PROGRAM, "--version"], "peer": [sys.executable, "-c", "pass"]}
    found = interleaved(commands, environment(scratch / "cache"), times=11)
    yield Line("version", median_wall(found["ours"]), median_wall(found["peer"]), 0.15)


def plan(scratch: Path) -> Iterator[Line]:
    """The plan of a 300-device site against reading its file."""
    site = scratch / "site.yaml"
    write(site)
    env = environment(scratch / "cache")
    planned = json.loads(run([PROGRAM, "plan", str(site), "--json"], env).stdout)["plan"]
    if not planned["cells"] or not planned["requests"]:
        raise CommandFailed(f"plan of {DEVICES} devices: nothing planned")
    commands = {"ours": [PROGRAM, "plan", str(site)], "peer": [sys.executable, "-c", READ_YAML, str(site)]}
    found = interleaved(commands, env, times=7)
    yield Line("plan-300", median_wall(found["ours"]), median_wall(found["peer"]), 0.6)


def audit(scratch: Path) -> Iterator[Line]:
    """The demonstration: its audit's own time, and the largest of its processes (the building's daemons included)."""
    env = environment(scratch / "cache")
    audits: list[float] = []
    peaks: list[float] = []
    whole: list[float] = []
    for number in range(3):
        output = scratch / f"demo-{number}"
        result = run([PROGRAM, "demo", "--output", str(output)], env, codes=AUDITED)
        document = json.loads((output / "audit.json").read_bytes())
        audits.append(sum(_seconds(item["opened"], item["closed"]) for item in document["passes"]))
        peaks.append(result.peak_mb)
        whole.append(result.wall)
    yield Line("audit", statistics.median(audits), None, 20)
    yield Line("audit-peak-mb", max(peaks), None, 150)
    yield Line("demo", statistics.median(whole), None, 26)  # 20 beside up (5) and down (1)


def ledger(scratch: Path) -> Iterator[Line]:
    """Keeping 10 000 observations against the least time that measuring them takes."""
    for name, ours, peer, goal in keeping(scratch):
        yield Line(name, ours, peer, goal)


def sweep(scratch: Path) -> Iterator[Line]:
    """Finding open ports beside nmap and a connect sweep: whole processes, each finding the same."""
    for name, ours, peer, goal in sweeping(scratch):
        yield Line(name, ours, peer, goal)


def _seconds(opened: str, closed: str) -> float:
    return (datetime.fromisoformat(closed) - datetime.fromisoformat(opened)).total_seconds()


BENCHES: dict[str, Callable[[Path], Iterator[Line]]] = {
    "version": version,
    "plan": plan,
    "ledger": ledger,
    "sweep": sweep,
    "audit": audit,
}

NEED_ROOT = {"audit": "the reference building", "sweep": "namespaces of its own, raw sockets"}


def main(names: list[str]) -> int:
    """Run the named benches, or all; 0 where every goal is met."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"no such bench: {', '.join(unknown)}; there are: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    missed = 0
    with tempfile.TemporaryDirectory(prefix="r2s-bench-") as scratch:
        for name in names or BENCHES:
            if name in NEED_ROOT and os.geteuid() != 0:
                print(f"bench {name} needs root ({NEED_ROOT[name]}): make bench asks for it", file=sys.stderr)
                return 2
            try:
                for line in BENCHES[name](Path(scratch)):
                    met = line.ours < line.goal
                    missed += not met
                    print(line if met else f"{line} MISSED", flush=True)
            except CommandFailed as error:
                missed += 1
                print(f"bench {name} failed: {error}", file=sys.stderr, flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
