"""Declarations and waivers: inside the bounds or nothing, whatever the order, and the measured score never moves."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from r2s_audit.model.declaration import Declarations
from r2s_audit.model.score import ClaimStatus
from r2s_audit.model.verdict import VerdictValue
from r2s_audit.scoring.claims import RANK, Bounds, Filed, settled, weigh
from r2s_audit.scoring.corroboration import Seen
from r2s_audit.scoring.label import LabelInputs, label
from r2s_audit.scoring.points import score
from tests.scoring.building import level, profile, requirement, sourced
from tests.scoring.test_points import verdict

VALUES = tuple(RANK)
DAY = date(2026, 6, 1)
LABEL = profile(
    *(requirement(n, prerequisite=sourced(n == "A")) for n in "ABC"), levels=[level("un", 8, 1), level("deux", 16, 1)]
)


def entry(name, target, state, dated=-10, expires=10, attachments=()):
    return {
        "id": name,
        "requirement": target,
        "state": state,
        "author": {"name": "Claire", "role": "auditeur"},
        "dated": str(DAY + timedelta(days=dated)),
        "expires": str(DAY + timedelta(days=expires)),
        "justification": "constaté sur pièces",
        "attachments": list(attachments),
    }


def file(declarations=(), waivers=(), digest="0"):
    data = {"r2s_declarations": 1, "building": "b", "profile": "p"}
    data |= {"declarations": list(declarations), "waivers": list(waivers)}
    return Filed(Declarations.model_validate(data), "sha256:" + digest * 64)


ENTRIES = st.builds(
    entry,
    st.sampled_from(["d1", "d2", "d3"]),
    st.sampled_from("ABC"),
    st.sampled_from([v.value for v in VALUES]),
    st.sampled_from([-20, -10, 0, 5]),
    st.sampled_from([6, 10]),
) | st.builds(entry, st.just("old"), st.sampled_from("ABC"), st.just("atteint"), st.just(-20), st.just(-5))


@st.composite
def bounds(draw):
    found = {}
    for name in "ABC":
        low, high = sorted(draw(st.tuples(st.sampled_from(VALUES), st.sampled_from(VALUES))), key=RANK.__getitem__)
        found[name] = Bounds(low, high)
    return found


def verdicts_of(limits):
    return [verdict(name, b.worst, b.best) for name, b in limits.items()]


@settings(max_examples=200, deadline=None)
@example(
    [entry("d1", "A", state, 0, 6) for state in ("non_atteint", "atteint")],
    {name: Bounds(VALUES[0], VALUES[-1]) for name in "ABC"},
    Random(1),  # one identifier, one day, two states
)
@given(st.lists(ENTRIES, max_size=6), bounds(), st.randoms())
def test_order_grouping_and_repetition_change_nothing(entries, limits, random):
    whole = weigh([file(entries)], limits, DAY)
    shuffled = [*entries, *entries[:2]]
    random.shuffle(shuffled)
    cut = random.randint(0, len(shuffled))
    assert weigh([file(shuffled[:cut]), file(shuffled[cut:])], limits, DAY) == whole


@settings(max_examples=200, deadline=None)
@given(st.lists(ENTRIES, max_size=6), bounds())
def test_a_declared_score_lies_inside_the_measured_one(entries, limits):
    results = verdicts_of(limits)
    measured = score(LABEL, results)
    claims = weigh([file(entries)], limits, DAY)
    after = settled(results, claims)
    for before, now in zip(results, after, strict=True):
        assert RANK[before.worst] <= RANK[now.worst] <= RANK[now.best] <= RANK[before.best]
        if before.worst is before.best:
            assert now == before
    reading = score(LABEL, after)
    assert Fraction(measured.total.worst) <= Fraction(reading.total.worst)
    assert Fraction(reading.total.best) <= Fraction(measured.total.best)
    assert measured.prerequisites.met <= reading.prerequisites.met
    assert reading.prerequisites.possible <= measured.prerequisites.possible


@settings(max_examples=100, deadline=None)
@given(st.lists(ENTRIES, max_size=4), bounds(), st.lists(st.sampled_from("ABC"), max_size=4))
def test_nothing_that_is_written_moves_the_measured_score(entries, limits, waived):
    results = tuple(verdicts_of(limits))
    measured = score(LABEL, results)
    waivers = [
        {k: v for k, v in entry(f"w{n}", name, "atteint").items() if k != "state"} for n, name in enumerate(waived)
    ]
    with_waivers = label(LABEL, results, measured, Seen(), DAY, LabelInputs(filed=(file(entries, waivers),)))
    without = label(LABEL, results, measured, Seen(), DAY, LabelInputs(filed=(file(entries),)))
    assert with_waivers.declared == without.declared
    assert with_waivers.declared_score == without.declared_score
    assert score(LABEL, results) == measured
    assert len(with_waivers.waivers) == len(waived)


@settings(max_examples=100, deadline=None)
@given(st.lists(ENTRIES, max_size=6), bounds())
def test_every_declaration_is_reported_once_with_its_reason(entries, limits):
    claims = weigh([file(entries)], limits, DAY)
    distinct = {str(sorted((k, str(v)) for k, v in e.items())) for e in entries}
    assert len(claims.declarations) == len(distinct)
    assert all(str(result.said) for result in claims.declarations)
    retained = {r.declaration.requirement for r in claims.declarations if r.status is ClaimStatus.RETAINED}
    assert retained == set(claims.verdicts)
    states = {}
    for result in claims.declarations:
        if result.status is ClaimStatus.RETAINED:
            states.setdefault(result.declaration.requirement, set()).add(result.declaration.state)
    assert all(len(found) == 1 for found in states.values())


def test_an_unknown_requirement_is_an_error_and_no_silence():
    limits = {"A": Bounds(VerdictValue.NON_ATTEINT, VerdictValue.ATTEINT)}
    with pytest.raises(ValueError, match="no requirement Z"):
        weigh([file([entry("d", "Z", "atteint")])], limits, DAY)
    waiver = {k: v for k, v in entry("w", "Z", "atteint").items() if k != "state"}
    with pytest.raises(ValueError, match="no requirement Z"):
        weigh([file(waivers=[waiver])], limits, DAY)
