"""Every fault's judgement on recorded observations: today's checks and profile, no network, no root."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from benchmarks.expected import Judged, compare_one, compare_sane
from benchmarks.recordings import REMEDY, SUFFIX, judge, needed, read, recorded, sane_audits, sane_of
from r2s_audit.cli.loading import DEFAULT_PROFILE, catalogue, parameter_models
from r2s_audit.files.profile import load_profile
from r2s_audit.lab import Fault

RECORDED = Path(__file__).with_name("recorded")
BUDGET = 1 << 21
"""All recordings together, in octets."""

Judge = Callable[[str], Judged]


@pytest.fixture(scope="module")
def judged() -> Judge:
    """What a recording comes to, by its name; judged once."""
    known = catalogue()
    profile = load_profile(DEFAULT_PROFILE, parameter_models(known))
    return cache(lambda name: judge(read(RECORDED, name), RECORDED / f"{name}{SUFFIX}", profile, known))


def test_every_fault_is_recorded_and_nothing_else() -> None:
    assert recorded(RECORDED) == set(Fault.names()), f"to record them: {REMEDY}"
    assert sane_audits(RECORDED) == needed(RECORDED)


def test_the_recordings_stay_small() -> None:
    assert 0 < sum(path.stat().st_size for path in RECORDED.iterdir()) < BUDGET


@pytest.mark.parametrize("name", sorted(sane_audits(RECORDED)))
def test_the_recorded_sane_building_has_no_non_conformity(judged: Judge, name: str) -> None:
    sane = judged(name)
    assert any(value == "C" for value in sane.values.values()), REMEDY
    assert compare_sane(sane, sane).false_alarms == ()


@pytest.mark.parametrize("name", Fault.names())
def test_a_recorded_fault_moves_exactly_the_stated_verdicts(judged: Judge, name: str) -> None:
    fault = Fault.load(name)
    comparison = compare_one(fault, judged(sane_of(RECORDED, name)), judged(name))
    assert comparison.good, f"{name}: {comparison}\nif what is observed has changed: {REMEDY}"
    assert comparison.found == ({} if fault.unseen else {name: True})
