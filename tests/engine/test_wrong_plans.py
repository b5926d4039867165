"""Nothing vanishes before the first packet: a check that crashes while planning is a cell in error."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from r2s_audit.cli.exits import Exit, exit_of
from tests.builders import criterion
from tests.engine import family
from tests.engine.audits import Bench, each


@pytest.mark.parametrize(("check", "method"), [("Nothing", "subjects"), ("EveryRequest", "requests")])
def test_a_check_that_crashes_while_planning_is_a_cell_in_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: str, method: str
) -> None:
    def wrong(*args: object) -> None:
        raise ZeroDivisionError("une faute du contrôle")

    monkeypatch.setattr(getattr(family, check), method, wrong)
    bench = Bench(tmp_path / "r", [each("good"), criterion("c2", "essai.nothing")])
    asyncio.run(bench.run())
    audit = bench.judge()
    assert audit.cells.planned == audit.cells.reported == 2
    (broken,) = [f for f in audit.findings if f.trace]
    assert "ZeroDivisionError" in (broken.trace or "")
    assert exit_of(audit, ["A1"]) == Exit.INTERNAL
