"""Nothing vanishes: collectors and checks that break every rule that Python lets them break."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from probes.api import Access, Outcome
from r2s_audit.cli.exits import Exit, exit_of
from r2s_audit.engine import collect as collecting
from r2s_audit.engine import judge as judging
from r2s_audit.engine import passes
from r2s_audit.model.observation import Failure, Request
from r2s_audit.model.record import PassState
from tests.engine import family
from tests.engine.audits import Bench, each

GOOD = Outcome(facts=family.Facts(good=True))


class Odd(BaseException):
    """Not an Exception."""


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines short enough for a test."""
    monkeypatch.setattr("r2s_audit.engine.schedule.DEADLINE_MARGIN_S", 0.1)
    monkeypatch.setattr(collecting, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr(passes, "STALL_SECONDS", 0.3)
    monkeypatch.setattr(judging, "CHECK_SECONDS", 0.2)


async def stubborn() -> None:
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            continue


async def retrying() -> None:
    while True:
        try:
            time.sleep(3600)  # noqa: ASYNC251 - on purpose: the loop is blocked
        except Exception:  # noqa: BLE001 - on purpose: whatever happens, again
            continue


def raising(error: BaseException) -> Any:
    async def behave() -> None:
        raise error

    return behave


SINGLE = {
    "SystemExit": raising(SystemExit(0)),
    "GeneratorExit": raising(GeneratorExit()),
    "BaseException": raising(Odd()),
    "own-cancellation": raising(asyncio.CancelledError()),
    "ignores-cancellation": stubborn,
    "retries-when-interrupted": retrying,
}


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("fault", SINGLE)
def test_a_collector_that_breaks_the_rules_is_a_cell_in_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    original = family.collect

    async def wrong(access: Access, asked: Request) -> Outcome:
        if asked.param("behaviour") != "empty":
            return await original(access, asked)
        await SINGLE[fault]()
        raise AssertionError("unreachable")

    monkeypatch.setattr(family, "collect", wrong)
    bench = Bench(tmp_path / "r", [each("good", "empty", "bad")])
    result = asyncio.run(bench.run())
    assert result.planned == result.reported == 3
    failures = {str(o.request.param("behaviour")): o.failure for o in bench.heard.observations}
    assert failures == {"good": None, "bad": None, "empty": Failure.INTERNAL_ERROR}
    audit = bench.judge()
    assert audit.passes[0].state is PassState.COMPLETE
    assert exit_of(audit, ["A1"]) == Exit.INTERNAL


@pytest.mark.usefixtures("hurried")
def test_a_busy_loop_is_not_the_fault_of_a_collector_that_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends when it is told to, in a few turns of the loop; that others make each turn long is not its doing."""
    original = family.collect
    busy = asyncio.Event()

    async def others() -> None:
        while busy.is_set():
            time.sleep(0.05)  # noqa: ASYNC251 - on purpose: half of the grace
            await asyncio.sleep(0)

    async def slow(access: Access, asked: Request) -> Outcome:
        if asked.param("behaviour") != "empty":
            return await original(access, asked)
        busy.set()
        beside = asyncio.create_task(others())
        try:
            await asyncio.sleep(3600)
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            busy.clear()
            await beside
        raise AssertionError("unreachable")

    monkeypatch.setattr(family, "collect", slow)
    bench = Bench(tmp_path / "r", [each("good", "empty")])
    asyncio.run(bench.run())
    failures = {str(o.request.param("behaviour")): o.failure for o in bench.heard.observations}
    assert failures == {"good": None, "empty": Failure.TIMEOUT}
    assert bench.judge().internal_errors == 0


def outcomes_of(item: Request, fault: str) -> list[tuple[Request, Any]]:
    """What a batch that breaks a rule yields for one request."""
    return {
        "twice": [(item, GOOD), (item, Outcome(facts=family.Facts(good=False)))],
        "stranger": [(item.model_copy(update={"target": "gw"}), GOOD)],
        "wrong-facts": [(item, Outcome(facts=family.OtherFacts()))],
        "no-outcome": [(item, None)],
    }[fault]


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("fault", ["twice", "stranger", "wrong-facts", "no-outcome", "SystemExit"])
@pytest.mark.parametrize("place", ["first", "last"])
def test_a_batch_that_breaks_the_rules_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, place: str
) -> None:
    async def wrong(access: Access, asked: Sequence[Request]) -> AsyncIterator[tuple[Request, Outcome]]:
        order = sorted(asked, key=lambda r: (r.param("behaviour") == "empty") == (place == "last"))
        for item in order:
            if item.param("behaviour") != "empty":
                yield item, GOOD
            elif fault == "SystemExit":
                sys.exit(0)
            else:
                for pair in outcomes_of(item, fault):
                    yield pair

    monkeypatch.setattr(family, "collect_many", wrong)
    bench = Bench(tmp_path / "r", [each("good", "empty", "bad", collector="essai.many")])
    result = asyncio.run(bench.run())
    assert result.planned == result.reported == 3
    assert len({o.request.key for o in bench.heard.observations}) == len(bench.heard.observations) == 3
    audit = bench.judge()
    assert audit.cells.planned == audit.cells.reported == 3
    stopped = [o for o in bench.heard.observations if o.failure is Failure.STOPPED]
    assert not stopped, "a fault of ours is not somebody's stop"
    assert audit.internal_errors
    assert exit_of(audit, ["A1"]) == Exit.INTERNAL


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("error", [SystemExit(0), GeneratorExit(), Odd()])
def test_a_check_that_ends_the_program_is_a_cell_in_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def wrong(*args: object) -> None:
        raise error

    bench = Bench(tmp_path / "r", [each("good")])
    asyncio.run(bench.run())
    monkeypatch.setattr(family.EveryRequest, "judge", wrong)
    audit = bench.judge()
    assert audit.cells.planned == audit.cells.reported == 1
    assert exit_of(audit, ["A1"]) == Exit.INTERNAL


@pytest.mark.usefixtures("hurried")
def test_a_check_that_goes_on_after_every_exception_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*args: object) -> None:
        while True:
            try:
                time.sleep(3600)
            except Exception:  # noqa: BLE001 - on purpose: whatever happens, again
                continue

    bench = Bench(tmp_path / "r", [each("good")])
    asyncio.run(bench.run())
    monkeypatch.setattr(family.EveryRequest, "judge", wrong)
    assert exit_of(bench.judge(), ["A1"]) == Exit.INTERNAL
