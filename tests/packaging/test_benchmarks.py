"""The frame of ``make bench``: what it measures is measured, a command that fails has no time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from r2s_audit.model.site import Site
from r2s_audit.model.topology import Topology

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Imports a module of benchmarks/, which is a directory of scripts and no package."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module


def test_the_generated_site_is_valid_and_large(bench: Callable[[str], ModuleType]) -> None:
    site300 = bench("site300")

    site = Site.model_validate(site300.document())
    assert len({d.id for d in site.devices}) == len(site.devices) == 300
    addresses = [a for d in site.devices for a in d.addresses]
    assert len(set(addresses)) == 300
    topology = Topology(site)
    assert all(topology.vlan_containing(a) for a in addresses)


def test_time_and_memory_are_those_of_the_command(bench: Callable[[str], ModuleType], tmp_path: Path) -> None:
    measure = bench("measure")

    ballast = b"x" * 200_000_000  # what this process holds is not the command's
    hungry = "b = b'x' * 60_000_000; print(len(b))"
    result = measure.run([sys.executable, "-c", hungry], measure.environment(tmp_path))
    assert result.stdout == b"60000000\n"
    assert 60 < result.peak_mb < 120
    del ballast
    assert 0 < result.wall < 20


def test_a_command_that_does_not_exist_is_told(bench: Callable[[str], ModuleType], tmp_path: Path) -> None:
    measure = bench("measure")
    with pytest.raises(measure.CommandFailed, match="does not start"):
        measure.run([str(tmp_path / "absent")], measure.environment(tmp_path))


def test_a_failing_command_has_no_time(bench: Callable[[str], ModuleType], tmp_path: Path) -> None:
    measure = bench("measure")

    command = [sys.executable, "-c", "print('reason'); raise SystemExit(3)"]
    with pytest.raises(measure.CommandFailed, match="reason"):
        measure.run(command, measure.environment(tmp_path))
    assert measure.run(command, measure.environment(tmp_path), codes=(0, 3)).stdout == b"reason\n"


def test_commands_take_turns_after_a_warm_up(bench: Callable[[str], ModuleType], tmp_path: Path) -> None:
    measure = bench("measure")

    log = tmp_path / "log"
    note = "import sys; open(sys.argv[1], 'a').write(sys.argv[2])"
    commands = {name: [sys.executable, "-c", note, str(log), name] for name in "ab"}
    found = measure.interleaved(commands, measure.environment(tmp_path), times=2)
    assert log.read_text() == "ababab"
    assert {name: len(runs) for name, runs in found.items()} == {"a": 2, "b": 2}


def test_line(bench: Callable[[str], ModuleType]) -> None:
    run = bench("run")

    assert str(run.Line("x", 0.3, 0.1, 0.15)) == "bench x ours=0.300 peer=0.100 ratio=3.00 goal=0.15"
    assert str(run.Line("x", 3, None, 20)) == "bench x ours=3.000 peer=- ratio=- goal=20"
