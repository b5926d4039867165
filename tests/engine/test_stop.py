"""A stop is safe (promise 11): Ctrl-C, SIGTERM, kill -9, a full disk; the record opens, says so, and resumes."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from r2s_audit.engine.resume import last_interrupted, next_pass_id
from r2s_audit.errors import RecordError
from r2s_audit.evidence.record import Record
from r2s_audit.model.observation import Failure
from r2s_audit.model.record import PassState
from tests.engine.audits import Bench, each

ROOT = Path(__file__).parents[2]


def start(directory: Path) -> subprocess.Popen[bytes]:
    """An audit in its own process: 1 quick request, then one that hangs."""
    script = f"""
        import asyncio
        from pathlib import Path
        from tests.engine.audits import Bench, each
        bench = Bench(Path({str(directory)!r}), [each("good", "hanging")])
        result = asyncio.run(bench.run())
        print(result.complete, result.planned, result.reported)
    """
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def wait_for_observation(directory: Path) -> None:
    deadline = time.monotonic() + 20
    ledger = directory / "ledger.jsonl"
    while time.monotonic() < deadline:
        if ledger.exists() and b'"kind":"observation"' in ledger.read_bytes():
            return
        time.sleep(0.01)
    raise AssertionError("the audit did not get going")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_the_record(tmp_path: Path, number: int) -> None:
    process = start(tmp_path / "r")
    wait_for_observation(tmp_path / "r")
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert out.split() == [b"False", b"2", b"2"], err.decode()
    bench = Bench(tmp_path / "r", [each("good", "hanging")])
    (summary,) = bench.judge().passes
    assert summary.state is PassState.STOPPED
    stopped = [o for _, o in Record.open(tmp_path / "r").observations() if o.failure is Failure.STOPPED]
    assert len(stopped) == 1


def test_kill_9_leaves_a_record_that_opens_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "r"
    process = start(directory)
    wait_for_observation(directory)
    process.kill()
    process.communicate(timeout=10)
    bench = Bench(directory, [each("good", "hanging")])
    (summary,) = bench.judge().passes
    assert summary.state is PassState.INTERRUPTED
    interrupted = last_interrupted(Record.open(directory))
    assert interrupted is not None
    assert len(interrupted.done) == 1
    monkeypatch.setattr("r2s_audit.engine.schedule.DEADLINE_MARGIN_S", 0.2)
    result = asyncio.run(bench.run("P01", interrupted=interrupted))
    assert (result.planned, result.reported, result.complete) == (2, 2, True)
    assert [o.request.param("behaviour") for o in bench.heard.observations] == ["hanging"], "only what was missing"
    assert last_interrupted(Record.open(directory)) is None
    assert next_pass_id(Record.open(directory)) == "P02"


def test_a_full_disk_ends_the_pass_and_keeps_what_was_written(tmp_path: Path) -> None:
    """The file-size limit stands in for the disk: the write comes up short in the same place."""
    directory = tmp_path / "r"
    bench = Bench(directory, [each(*["good"] * 1, *[f"failing-{n}" for n in range(400)])])
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
            asyncio.run(bench.run())
        except RecordError as error:
            code = 42 if "écriture impossible" in str(error) or "disque plein" in str(error) else 3
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 42
    record = Record.open(directory)
    assert record.reading.torn_bytes == 0
    assert bench.judge().passes[0].state is PassState.INTERRUPTED
