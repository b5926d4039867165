"""The limit of the kernel's neighbour tables, raised and put back."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.neighbours import ENTRIES, room_for_neighbours


def test_a_low_limit_is_raised_and_put_back(tmp_path: Path) -> None:
    low, high = tmp_path / "low", tmp_path / "high"
    low.write_text("1024\n")
    high.write_text("100000\n")

    def interrupted() -> None:
        with room_for_neighbours((low, high)):
            assert (int(low.read_text()), int(high.read_text())) == (ENTRIES, 100_000)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (low.read_text(), high.read_text()) == ("1024\n", "100000\n")


def test_where_nobody_may_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    low = tmp_path / "low"
    low.write_text("1024\n")
    with room_for_neighbours((tmp_path / "absent", low)):
        assert int(low.read_text()) == ENTRIES
    assert low.read_text() == "1024\n"
    assert "absent: No such file or directory" in capsys.readouterr().err
