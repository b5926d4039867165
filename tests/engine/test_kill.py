"""``kill -9`` at random moments: every record opens, loses nothing that was told, resumes, and ends whole (promise 11)."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from r2s_audit.engine.resume import last_interrupted
from r2s_audit.evidence.record import LEDGER, Record, is_begun
from r2s_audit.evidence.verify import Expectations, State, verify_record
from r2s_audit.model.record import PassClosed, PassState
from tests.engine.audits import Bench, Heard, each

KILLS = int(os.environ.get("R2S_KILLS", "100"))
"""``R2S_KILLS=1000 make test TESTS=tests/engine/test_kill.py`` for more."""
REQUESTS = 60
"""A run of some tenths of a second: moments of the kill fall all over it, and what is read after each is short."""
SHARED = Path("/dev/shm")
CRITERIA = [each("good", "bad", *[f"failing-{n}" for n in range(REQUESTS)])]


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory where there is one: what a killed process has written outlives it there as on a disk.

    Most of the time of a run would else be waiting for the disk, and most kills would fall into that.
    """
    if not os.access(SHARED, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=SHARED, prefix="r2s-kill-") as directory:
        yield Path(directory)


class Telling(Heard):
    """Says through a pipe how many observations are in the ledger."""

    pipe = -1

    def advance(self, observation: Any) -> None:
        os.write(self.pipe, b".")


def killed(directory: Path, chooser: random.Random) -> tuple[int, bool]:
    """One run, killed at some moment; how many observations it told of, and whether it had ended by itself."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(reading)
            bench = Bench(directory, CRITERIA, heard=Telling())
            bench.heard.pipe = writing  # type: ignore[attr-defined]
            interrupted = last_interrupted(Record.open(directory)) if is_begun(directory) else None
            asyncio.run(bench.run(interrupted=interrupted))
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    time.sleep(chooser.choice([0.0, 0.002, 0.01]) + chooser.random() * 0.12)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    told = 0
    while data := os.read(reading, 65536):
        told += len(data)
    os.close(reading)
    assert os.waitstatus_to_exitcode(status) in {0, -signal.SIGKILL}
    return told, os.waitstatus_to_exitcode(status) == 0


def complete(record: Record) -> bool:
    return any(isinstance(e.body, PassClosed) for e in record.reading.entries)


def test_kills_at_random_moments_lose_nothing_that_was_told(memory: Path) -> None:
    chooser = random.Random(11)
    kills = records = 0
    while kills < KILLS:
        directory = memory / f"r{records}"
        records += 1
        before, ended = 0, False
        while not ended and kills < KILLS:
            more, ended = killed(directory, chooser)
            kills += not ended
            if not is_begun(directory):
                assert more == 0
                continue
            record = Record.open(directory)
            now = len(record.observations())
            assert now >= before + more, "what was told is in the ledger"
            before = now
            assert verify_record(directory, Expectations()).state is State.UNSEALED
            ended = ended or complete(record)  # killed between its last entry and its own end
        if not ended:
            interrupted = last_interrupted(Record.open(directory)) if is_begun(directory) else None
            asyncio.run(Bench(directory, CRITERIA).run(interrupted=interrupted))
        (summary,) = Bench(directory, CRITERIA).judge().passes
        assert summary.state is PassState.COMPLETE
        keys = [o.request.key for _, o in Record.open(directory).observations()]
        assert len(keys) == len(set(keys)) == REQUESTS + 2, "each once: a resumed pass repeats nothing"


@pytest.mark.parametrize("left", [b"", b"{", b'{"n":0,"prev":"sha256:00'])
def test_a_cut_in_the_first_line_is_no_campaign_yet(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / LEDGER).write_bytes(left)
    result = asyncio.run(Bench(tmp_path / "r", [each("good")]).run())
    assert result.complete
    assert verify_record(tmp_path / "r", Expectations()).faults == ()
