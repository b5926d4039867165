"""The promises of the design that the engine keeps, by name."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from r2s_audit.cli.exits import Exit, exit_of
from r2s_audit.engine import judge as judging
from r2s_audit.engine import passes
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure
from r2s_audit.model.verdict import VerdictValue
from tests.builders import criterion
from tests.engine.audits import Bench, each

EVERYTHING_WRONG = {
    "failing": Failure.TIMEOUT,
    "raising": Failure.INTERNAL_ERROR,
    "hanging": Failure.TIMEOUT,
    "blocking": Failure.INTERNAL_ERROR,
    "lying": Failure.INTERNAL_ERROR,
    "empty": Failure.INTERNAL_ERROR,
    "outside": Failure.OUT_OF_SCOPE,
}


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines short enough for a test."""
    monkeypatch.setattr("r2s_audit.engine.schedule.DEADLINE_MARGIN_S", 0.3)
    monkeypatch.setattr(passes, "STALL_SECONDS", 0.4)
    monkeypatch.setattr(judging, "CHECK_SECONDS", 0.3)


@pytest.mark.usefixtures("hurried")
def test_nothing_vanishes_whatever_a_collector_does(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "r", [each("good", *EVERYTHING_WRONG)])
    result = asyncio.run(bench.run())
    assert result.planned == result.reported == 1 + len(EVERYTHING_WRONG)
    failures = {str(o.request.param("behaviour")): o.failure for o in bench.heard.observations}
    assert failures == {"good": None, **EVERYTHING_WRONG}
    audit = bench.judge()
    assert audit.cells.planned == audit.cells.reported == 1 + len(EVERYTHING_WRONG)
    assert audit.cells.states == {"C": 1, "non_verifie": len(EVERYTHING_WRONG)}
    (verdict,) = [v for v in audit.verdicts if v.requirement == "A1"]
    assert verdict.verdict is VerdictValue.NON_EVALUE
    assert len(verdict.reasons) == len(EVERYTHING_WRONG)


@pytest.mark.usefixtures("hurried")
def test_nothing_vanishes_from_a_batch(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "r", [each("good", "silent", "bad", collector="essai.many")])
    result = asyncio.run(bench.run())
    assert result.planned == result.reported == 3
    states = {str(o.request.param("behaviour")): o.state for o in bench.heard.observations}
    assert states == {"good": "completed", "bad": "completed", "silent": "failed"}


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("fault", ["raising", "hanging"])
def test_nothing_vanishes_when_a_check_fails(tmp_path: Path, fault: str) -> None:
    bench = Bench(tmp_path / "r", [each("good", check=fault), each("good", name="c2")])
    asyncio.run(bench.run())
    audit = bench.judge()
    assert audit.cells.planned == audit.cells.reported == 2
    broken = next(f for f in audit.findings if f.trace)
    assert broken.value is Value.NON_VERIFIE
    assert ("KeyError" if fault == "raising" else "Stalled") in (broken.trace or "")
    assert audit.internal_errors == 1
    assert exit_of(audit, ["A1"]) == Exit.INTERNAL


def test_never_fail_open_when_nothing_was_measured(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "r", [each("good"), criterion("c2", "essai.nothing")])
    asyncio.run(bench.run(points=()))
    audit = bench.judge()
    assert {v.verdict for v in audit.verdicts} == {VerdictValue.NON_EVALUE}
    assert audit.score.total.worst == "0"
    assert audit.score.level_guaranteed == ""
    assert exit_of(audit, ["A1"]) == Exit.NOT_EVALUATED
    assert exit_of(audit, []) == Exit.NOT_EVALUATED
    reasons = [r for v in audit.verdicts for r in v.reasons]
    assert any("P-ADM" in r for r in reasons), "the point that was not visited is named"
    assert any("ne déclare rien" in r for r in reasons), "an empty population is said, and is no success"


def test_never_fail_open_when_the_interface_is_missing(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "r", [each("plugged", point="P-LOG"), each("plugged", name="c2")])
    result = asyncio.run(bench.run(points=("P-LOG", "P-ADM")))
    assert result.planned == result.reported == 2
    failures = {o.request.point: o.failure for o in bench.heard.observations}
    assert failures == {"P-LOG": Failure.MISSING_INTERFACE, "P-ADM": None}, "the rest is audited"
    (missing,) = [o for o in bench.heard.observations if o.failure]
    assert "absente0" in str(missing.reason)
    assert "P-LOG" in str(missing.reason)


def test_a_requirement_that_cannot_be_met_any_more_is_not_open(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "r", [each("bad", "failing")])
    asyncio.run(bench.run())
    audit = bench.judge()
    assert next(v for v in audit.verdicts if v.requirement == "A1").verdict is VerdictValue.NON_ATTEINT
    assert exit_of(audit, ["A1"]) == Exit.NOT_ATTEINT


def test_all_met_exits_zero(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "r", [each("good")])
    asyncio.run(bench.run())
    assert exit_of(bench.judge(), ["A1"]) == Exit.ATTEINT


def test_intrusive_needs_level_flag_and_mandate(tmp_path: Path) -> None:
    """One row per lock: each alone keeps the collector from running."""
    mandate = {
        "reference": "M-1",
        "signed_by": "MOA",
        "valid_from": "2020-01-01",
        "valid_until": "2099-01-01",
        "intrusive_checks": ["essai.intrusive"],
    }
    scope = {"networks": ["127.0.0.0/8"], "intrusiveness": "intrusive"}
    rows = [
        ({"mandate": mandate}, True, "niveau"),
        ({"mandate": mandate, "scope": scope}, False, "--intrusive"),
        ({"scope": scope}, True, "mandat en vigueur"),
        ({"scope": scope, "mandate": {**mandate, "valid_until": "2020-02-01"}}, True, "mandat en vigueur"),
        ({"scope": scope, "mandate": {**mandate, "intrusive_checks": []}}, True, "absent du mandat"),
        ({"scope": scope, "mandate": mandate}, True, None),
    ]
    for number, (changes, flag, words) in enumerate(rows):
        bench = Bench(tmp_path / str(number), [each("good", collector="essai.intrusive")], changes)
        asyncio.run(bench.run(allow_intrusive=flag))
        (observation,) = bench.heard.observations
        if words is None:
            assert observation.state == "completed"
        else:
            assert observation.failure is Failure.OUT_OF_SCOPE
            assert words in str(observation.reason)


def test_the_record_alone_gives_the_same_document_to_the_byte(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "r", [each("good", "bad", "failing")])
    asyncio.run(bench.run())
    assert bench.judge("2099-01-01").model_dump_json() == bench.judge("2099-01-01").model_dump_json()


def test_what_was_written_after_the_date_is_not_evidence(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "r", [each("good")])
    asyncio.run(bench.run())
    audit = bench.judge("2001-01-01")
    assert audit.passes == ()
    assert audit.cells.states == {"non_verifie": 1}


def test_no_running_until_green(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later pass supersedes, even where it failed; both are listed."""
    bench = Bench(tmp_path / "r", [each("good")])
    asyncio.run(bench.run("P01"))
    assert bench.judge().cells.states == {"C": 1}
    monkeypatch.setattr("tests.engine.family.collect", _raise)
    asyncio.run(bench.run("P02"))
    audit = bench.judge()
    assert audit.cells.states == {"non_verifie": 1}
    assert [p.id for p in audit.passes] == ["P01", "P02"]


async def _raise(*_: object) -> None:
    raise OSError("câble débranché")
