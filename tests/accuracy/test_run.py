"""``make accuracy`` as a command: what it refuses, and that an interrupted run leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from benchmarks.audits import ROOT
from r2s_audit.lab.fault import Fault

COMMAND = [sys.executable, "-m", "benchmarks.accuracy"]


def test_an_unknown_fault_is_a_usage_error_before_anything_is_built() -> None:
    done = subprocess.run(
        [*COMMAND, "--fault", "tls-1.0-enable"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 2
    assert "tls-1.0-enabled" in done.stderr
    assert done.stdout == ""


def test_no_building_is_a_usage_error() -> None:
    done = subprocess.run([*COMMAND, "--side-by-side", "0"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert "--side-by-side" in done.stderr


@pytest.mark.building
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the reference building")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_behind(number: signal.Signals) -> None:
    """Stopped in the middle of two audits: no building, no process, no file, no closing line."""
    with tempfile.TemporaryDirectory() as directory:  # short: the path of a daemon's socket has little room
        lab, scratch = Path(directory, "lab"), Path(directory, "scratch")
        scratch.mkdir()
        with subprocess.Popen(
            [*COMMAND, "--fault", Fault.names()[0], "--side-by-side", "2"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(scratch), "R2S_LAB_DIR": str(lab)},
            start_new_session=True,
        ) as process:
            deadline = time.monotonic() + 60
            while len(list(scratch.glob("*/*/record/ledger.jsonl"))) < 2:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
        assert list(scratch.iterdir()) == []
        assert not lab.exists()
    assert process.returncode == 130, err
    assert "faults found" not in out
    assert of_session(process.pid) == []
    assert naming(f"acc{process.pid}-") == []


def of_session(session: int) -> list[str]:
    """Command lines of what still runs of a session."""
    listing = subprocess.run(["ps", "-eo", "sid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listing.splitlines()[1:] if int(line.split()[0]) == session]


def naming(word: str) -> list[str]:
    """Command lines that name a building."""
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listing.splitlines() if word in line]
