"""The least effort to a level: compared with trying everything, and at full size with another method."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2s_audit.files.profile import load_profile
from r2s_audit.model.verdict import VerdictValue
from r2s_audit.scoring import whatif
from r2s_audit.scoring.claims import RANK, Bounds
from r2s_audit.scoring.whatif import Choice, Cost, TooHardError, cheapest, lifts
from tests.scoring.building import level, profile, requirement, sourced

PROFILE = load_profile("r2s-residentiel-2019").profile
NON, PARTIEL, ATTEINT = VerdictValue.NON_ATTEINT, VerdictValue.PARTIELLEMENT_ATTEINT, VerdictValue.ATTEINT
VALUES = (NON, PARTIEL, ATTEINT)
AMOUNTS = st.sampled_from(["0", "1", "2", "2.5", "4/3", "7"])


@st.composite
def labels(draw):
    def one(name):
        efforts = sorted((draw(AMOUNTS), draw(AMOUNTS)), key=Fraction)
        return requirement(
            name,
            prerequisite=sourced(draw(st.booleans())),
            partial_weight=sourced(draw(st.sampled_from(["0", "1/3", "1/2", "1"]))),
            points={"logement": sourced(draw(AMOUNTS)), "batiment": sourced(draw(AMOUNTS))},
            effort=draw(st.sampled_from([None, {"partiel": sourced(efforts[0]), "atteint": sourced(efforts[1])}])),
        )

    names = "ABCDEF"[: draw(st.integers(1, 6))]
    return profile(
        *(one(name) for name in names),
        levels=[level("x", draw(st.integers(0, 30)), draw(st.integers(0, 3)))],
        minimum=draw(st.sampled_from(["atteint", "partiellement_atteint"])),
    )


@st.composite
def situations(draw):
    label = draw(labels())
    bounds = {}
    for each in label.requirements:
        low, high = sorted(draw(st.tuples(st.sampled_from(VALUES), st.sampled_from(VALUES))), key=RANK.__getitem__)
        bounds[each.id] = Bounds(low, high)
    return label, bounds


def worth(requirement_, value):
    weight = {NON: Fraction(0), PARTIEL: Fraction(requirement_.partial_weight.value), ATTEINT: Fraction(1)}[value]
    return weight * (Fraction(requirement_.points.logement.value) + Fraction(requirement_.points.batiment.value))


def effort(requirement_, value):
    if value is NON or requirement_.effort is None:
        return Fraction(0)
    return Fraction((requirement_.effort.atteint if value is ATTEINT else requirement_.effort.partiel).value)


def by_trying_everything(label, bounds):
    wanted = label.levels[0]
    minimum = RANK[VerdictValue(label.prerequisite_minimum.value)]
    ways = [
        [v for v in VALUES if v is bounds[r.id].worst or (r.effort is not None and RANK[v] > RANK[bounds[r.id].worst])]
        for r in label.requirements
    ]
    found = None
    for way in product(*ways):
        pairs = list(zip(label.requirements, way, strict=True))
        if sum((worth(r, v) for r, v in pairs), Fraction(0)) < wanted.points.value:
            continue
        if sum(r.prerequisite.value and RANK[v] >= minimum for r, v in pairs) < wanted.prerequisites.value:
            continue
        cost = sum((effort(r, v) - effort(r, bounds[r.id].worst) for r, v in pairs), Fraction(0))
        moves = sum(v is not bounds[r.id].worst for r, v in pairs)
        found = min(found, (cost, moves)) if found else (cost, moves)
    return found


@settings(max_examples=250, deadline=None)
@given(situations())
def test_no_way_costs_less(situation):
    label, bounds = situation
    (lift,) = lifts(label, bounds, ["x"])
    least = by_trying_everything(label, bounds)
    assert lift.reachable == (least is not None)
    if least is None:
        return
    assert (Fraction(lift.effort), len(lift.moves)) == least
    moved = {m.requirement: m for m in lift.moves}
    total = sum(
        (worth(r, moved[r.id].to if r.id in moved else bounds[r.id].worst) for r in label.requirements), Fraction(0)
    )
    assert Fraction(lift.points) == total >= label.levels[0].points.value
    assert sum((Fraction(m.effort) for m in lift.moves), Fraction(0)) == Fraction(lift.effort)
    for move in lift.moves:
        assert RANK[move.to] > RANK[move.start]
        assert move.open == (RANK[bounds[move.requirement].best] >= RANK[move.to])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(VALUES), min_size=31, max_size=31), st.sampled_from([32, 64, 96, 128]))
def test_all_thirty_one_against_a_table_of_half_points(starts, wanted):
    """Another method: the least effort for every number of half points and prerequisites, one requirement at a time."""
    bounds = {r.id: Bounds(v, v) for r, v in zip(PROFILE.requirements, starts, strict=True)}
    name = {level_.points.value: level_.id for level_ in PROFILE.levels}[wanted]
    table = {(0, 0): Fraction(0)}
    for each in PROFILE.requirements:
        start = bounds[each.id].worst
        grown = {}
        for (points, met), cost in table.items():
            for value in VALUES[RANK[start] :]:
                key = (
                    min(2 * wanted, points + int(2 * worth(each, value))),
                    met + (each.prerequisite.value and value is ATTEINT),
                )
                total = cost + effort(each, value) - effort(each, start)
                grown[key] = min(total, grown.get(key, total))
        table = grown
    (lift,) = lifts(PROFILE, bounds, [name])
    assert lift.reachable
    assert Fraction(lift.effort) == table[2 * wanted, 8]
    assert "prouvé" in str(lift.said) or not lift.moves


def test_greedy_would_be_wrong():
    """By points for effort one would take A (5 for 2), then C; B and C together are cheaper."""
    choices = [
        [_choice(0, 0), _choice(5, 2)],
        [_choice(0, 0), _choice(4, 2)],
        [_choice(0, 0), _choice(4, 2)],
    ]
    greedy_first = cheapest(choices, Fraction(8), 0)
    assert greedy_first.taken == (0, 1, 1)


def _choice(points, cost):
    return Choice(
        ATTEINT if points else NON,
        Fraction(points),
        0,
        Cost(Fraction(cost), int(cost > 0), 3 if points == 5 else 1 if points else 0),
    )


def test_equal_ways_are_settled_by_the_profile_s_order():
    same = {"partiel": sourced("1"), "atteint": sourced("2")}
    label = profile(*(requirement(n, effort=same) for n in "ABC"), levels=[level("x", 8, 0)])
    (lift,) = lifts(label, {n: Bounds(NON, NON) for n in "ABC"}, ["x"])
    assert [(m.requirement, m.to, m.open) for m in lift.moves] == [("A", ATTEINT, False)]


def test_what_has_no_effort_stays():
    label = profile(requirement("A"), levels=[level("x", 1, 0)])
    (lift,) = lifts(label, {"A": Bounds(NON, ATTEINT)}, ["x"])
    assert not lift.reachable
    assert lift.moves == ()


def test_a_level_that_is_certain_needs_nothing():
    (lift,) = lifts(PROFILE, {r.id: Bounds(ATTEINT, ATTEINT) for r in PROFILE.requirements}, ["3-etoiles"])
    assert (lift.reachable, lift.moves, lift.effort) == (True, (), "0")
    assert str(lift.said) == "niveau déjà établi : rien à faire"


def test_too_many_combinations_are_refused_and_not_guessed(monkeypatch):
    monkeypatch.setattr(whatif, "MAX_STATES", 50)
    bounds = {r.id: Bounds(NON, ATTEINT) for r in PROFILE.requirements}
    with pytest.raises(TooHardError):
        lifts(PROFILE, bounds, ["3-etoiles"])


def test_points_and_efforts_that_share_no_pattern_are_exact_too():
    """Nine decimals each, no two alike: nothing that a rounding to half points would survive."""
    label = profile(
        *(
            requirement(
                f"R{n}",
                points={"logement": sourced(f"{3 + (n * 7919 % 97) / 31:.9f}"), "batiment": sourced("1")},
                effort={
                    "partiel": sourced(f"{1 + (n * 104729 % 89) / 43:.9f}"),
                    "atteint": sourced(f"{4 + (n * 1299709 % 83) / 17:.9f}"),
                },
            )
            for n in range(31)
        ),
        levels=[level("x", 90, 0)],
    )
    (lift,) = lifts(label, {r.id: Bounds(NON, ATTEINT) for r in label.requirements}, ["x"])
    assert lift.reachable
    assert Fraction(lift.points) >= 90
    print(f"{lift.states} combinations for 31 requirements without a pattern")
