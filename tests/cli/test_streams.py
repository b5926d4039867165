"""What a command writes to: devices are never replaced, closed streams never become somebody else's file."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from r2s_audit.cli.run import write

ROOT = Path(__file__).parents[2]


def test_a_fifo_is_written_into_and_stays_one(tmp_path: Path) -> None:
    """As is a device such as /dev/stdout: replacing it would break the machine for everybody."""
    fifo = tmp_path / "sortie"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write(fifo, "verdict")
        assert os.read(reader, 100) == b"verdict"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_a_regular_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "audit.json"
    target.write_text("ancien")
    write(target, "nouveau")
    assert target.read_text() == "nouveau"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_fault_of_the_program(closed: str) -> None:
    command = f"exec {sys.executable} -m r2s_audit checks list {closed}"
    process = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert process.returncode == 0
    assert "Traceback" not in process.stderr
