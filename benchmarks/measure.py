"""Run commands side by side and measure them from outside: wall time, processor time, largest process."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LAUNCH = Path(__file__).with_name("launch.py")
TREE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Run:
    """One run: seconds of wall clock and of processor, and the largest resident set of it or of a child, in MB."""

    wall: float
    processor: float
    peak_mb: float
    stdout: bytes


class CommandFailed(Exception):
    """A command that is measured did not do its work: its time means nothing."""


def environment(cache: Path) -> dict[str, str]:
    """Ours, with compiled modules kept as for any user, but outside the project and its packages.

    The program measured is that of this tree, also where the environment's installation is that of another one.
    """
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(TREE), "PYTHONPYCACHEPREFIX": str(cache)}


def run(command: Sequence[str], env: Mapping[str, str], *, codes: Sequence[int] = (0,)) -> Run:
    """Run a command once; CommandFailed, with what it said, where its exit code is not among ``codes``."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as numbers:
        try:
            launched = subprocess.run(
                [sys.executable, "-I", "-S", "-B", str(LAUNCH), str(writing), *command],
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(writing,),
                check=False,
            )
        finally:
            os.close(writing)
        taken = numbers.read().decode().split()
    said = launched.stdout.decode(errors="replace")[-2000:]
    if launched.returncode != 0:
        raise CommandFailed(f"{' '.join(command)} does not start:\n{said}")
    wall, processor, peak_mb, code = map(float, taken)
    if code not in codes:
        raise CommandFailed(f"{' '.join(command)} ended with {code:g}:\n{said}")
    return Run(wall, processor, peak_mb, launched.stdout)


def interleaved(commands: Mapping[str, Sequence[str]], env: Mapping[str, str], *, times: int) -> dict[str, list[Run]]:
    """Each command in turn, ``times`` rounds after one that warms up: a slow minute hits all of them alike."""
    found: dict[str, list[Run]] = {name: [] for name in commands}
    for number in range(times + 1):
        for name, command in commands.items():
            result = run(command, env)
            if number:
                found[name].append(result)
    return found


def median_wall(runs: Sequence[Run]) -> float:
    """Median of the wall times, in seconds."""
    return statistics.median(r.wall for r in runs)
