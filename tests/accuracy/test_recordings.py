"""Recordings: what is written is read again, what no longer fits says how to mend it."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.recordings import (
    REMEDY,
    SUFFIX,
    StaleRecording,
    change,
    changed,
    judge,
    needed,
    read,
    recorded,
    sane_audits,
    sane_of,
    tidy,
)
from r2s_audit.cli.loading import DEFAULT_PROFILE, catalogue, parameter_models
from r2s_audit.files.profile import load_profile

RECORDED = Path(__file__).with_name("recorded")
NAMES = st.sampled_from(["a", "b", "0", "1"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from([0.0, 1.0, 0.5, "", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_a_change_makes_the_second_of_the_first(before: object, after: object) -> None:
    how = json.loads(json.dumps(change(before, after)))
    assert json.dumps(changed(before, how), sort_keys=True) == json.dumps(after, sort_keys=True)


def test_a_change_names_only_what_changed() -> None:
    before = {"at": "1", "rows": [{"n": 1, "name": "x"}, {"n": 2, "name": "y"}], "same": [1, 2]}
    after = {"at": "2", "rows": [{"n": 1, "name": "x"}, {"n": 3, "name": "y"}], "same": [1, 2]}
    assert change(before, after) == {"at": ["2"], "rows": {"1": {"n": [3]}}}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project's own recordings, to be spoilt."""
    directory = tmp_path / "recorded"
    shutil.copytree(RECORDED, directory)
    return directory


def spoil(path: Path, old: str, new: str) -> None:
    text = gzip.decompress(path.read_bytes()).decode()
    assert old in text
    path.write_bytes(gzip.compress(text.replace(old, new).encode()))


def judged(directory: Path, name: str) -> object:
    known = catalogue()
    profile = load_profile(DEFAULT_PROFILE, parameter_models(known))
    return judge(read(directory, name), directory / f"{name}{SUFFIX}", profile, known)


STALE = {
    "facts that are none": ('"facts":{', '"facts":{"no_such_field":1,'),
    "a collector that is no more": ('"collector":"vlan.reach"', '"collector":"vlan.gone"'),
    "an observation that is none": ('"state":"completed"', '"state":"dreamt"'),
    "a site file that is none": ("r2s_site: 1", "r2s_site: 999"),
    "another format": ('"format":1', '"format":0'),
}


@pytest.mark.parametrize("name", STALE)
def test_a_stale_recording_says_how_to_make_it_again(copy: Path, name: str) -> None:
    sane = next(name for name in sane_audits(copy) if not sane_of(copy, name))
    spoil(copy / f"{sane}{SUFFIX}", *STALE[name])
    with pytest.raises(StaleRecording) as caught:
        judged(copy, sane)
    assert REMEDY in str(caught.value)
    assert sane in str(caught.value)


def test_a_fault_that_is_not_recorded_says_how_to_record_it(copy: Path) -> None:
    with pytest.raises(StaleRecording) as caught:
        sane_of(copy, "no-such-fault")
    assert REMEDY in str(caught.value)


def test_a_torn_recording_is_stale(copy: Path) -> None:
    path = copy / f"{min(recorded(copy))}{SUFFIX}"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(StaleRecording):
        read(copy, min(recorded(copy)))


def test_tidying_removes_what_no_fault_needs(copy: Path) -> None:
    kept = min(recorded(copy))
    before = read(copy, kept)
    (copy / f"sane-{0:012x}{SUFFIX}").write_bytes((copy / f"{sane_of(copy, kept)}{SUFFIX}").read_bytes())
    tidy(copy, [kept])
    assert recorded(copy) == {kept}
    assert sane_audits(copy) == needed(copy)
    assert sane_of(copy, kept) in needed(copy)
    assert read(copy, kept) == before
