"""What listens beside the rounds: as long as they last, without a place that they wait for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from r2s_audit.engine import schedule
from tests.engine.audits import Bench, each


def test_a_listener_outlasts_the_rounds_and_takes_nobodys_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "CONCURRENCY", 1)
    bench = Bench(tmp_path / "r", [each("listening", collector="essai.beside"), each("good", "failing", name="c2")])
    result = asyncio.run(asyncio.wait_for(bench.run(), 20))
    assert result.complete
    assert (result.planned, result.reported) == (3, 3)
    last = bench.heard.observations[-1]
    assert (last.request.collector, last.state) == ("essai.beside", "completed")


def test_a_listener_alone_ends_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "r", [each("listening", collector="essai.beside")])
    assert asyncio.run(asyncio.wait_for(bench.run(), 20)).complete


@pytest.mark.parametrize("behaviour", ["raising", "failing"])
def test_a_listener_that_fails_is_an_observation_like_any_other(tmp_path: Path, behaviour: str) -> None:
    bench = Bench(tmp_path / "r", [each(behaviour, collector="essai.beside"), each("good", name="c2")])
    assert asyncio.run(asyncio.wait_for(bench.run(), 20)).complete
    assert sorted(o.state for o in bench.heard.observations) == ["completed", "failed"]
