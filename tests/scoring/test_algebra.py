"""The verdict algebra: what completions can reach, and the invariant."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2s_audit.model.profile import Profile
from r2s_audit.model.verdict import Grade, VerdictValue
from r2s_audit.scoring.interval import (
    CONFORME,
    NON_CONFORME,
    PARTIEL,
    UNKNOWN,
    Interval,
    Thresholds,
    all_of,
    any_of,
    cap,
    graded,
    share_of,
    tiers,
)
from r2s_audit.scoring.verdicts import verdicts
from tests.scoring.building import PROVEN, Case, cases, criterion, judged, profile, requirement, share

N, P, C = Grade.N, Grade.P, Grade.C
N_TO_P, P_TO_C = Interval(N, P), Interval(P, C)
EVERY = (NON_CONFORME, PARTIEL, CONFORME, UNKNOWN, N_TO_P, P_TO_C)


def pointwise(operation, *arguments):
    """The hull of an operation over every choice of settled arguments."""

    def settled(interval):
        if interval is None:
            return (None,)
        return tuple(Interval(g, g) for g in (N, P, C) if interval.lo.rank <= g.rank <= interval.hi.rank)

    results = [operation(*choice) for choice in product(*map(settled, arguments))]
    assert all(r.settled for r in results)
    ranks = [r.lo.rank for r in results]
    return min(ranks), max(ranks)


def ranks(interval):
    return interval.lo.rank, interval.hi.rank


class TestIntervals:
    def test_bounds_out_of_order_are_refused(self):
        with pytest.raises(ValueError, match="out of order"):
            Interval(C, N)

    @pytest.mark.parametrize("first", EVERY)
    @pytest.mark.parametrize("second", EVERY)
    @pytest.mark.parametrize(
        "operation",
        [
            lambda a, b: all_of([a, b]),
            lambda a, b: any_of([a, b]),
            tiers,
            lambda a, b: cap(a, b, P),
            lambda a, b: cap(a, b, N),
            lambda a, b: all_of([graded(a, P), b]),
        ],
        ids=["all", "any", "tiers", "cap at P", "cap at N", "grade"],
    )
    def test_an_operation_gives_exactly_what_its_completions_reach(self, operation, first, second):
        assert ranks(operation(first, second)) == pointwise(operation, first, second)

    @pytest.mark.parametrize("operation", [all_of, any_of])
    def test_over_nothing_the_operation_has_left_the_rule(self, operation):
        assert operation([]) is None
        assert operation([None, None]) is None
        assert operation([None, PARTIEL]) == PARTIEL

    def test_all_and_any(self):
        assert all_of([CONFORME, P_TO_C, NON_CONFORME]) == NON_CONFORME
        assert all_of([CONFORME, UNKNOWN]) == UNKNOWN
        assert any_of([NON_CONFORME, UNKNOWN]) == UNKNOWN
        assert any_of([CONFORME, UNKNOWN]) == CONFORME

    def test_cap_lowers_only_the_lower_bound_where_its_condition_is_unknown(self):
        assert cap(CONFORME, UNKNOWN, P) == P_TO_C
        assert cap(CONFORME, NON_CONFORME, P) == PARTIEL
        assert cap(CONFORME, PARTIEL, P) == PARTIEL
        assert cap(CONFORME, CONFORME, P) == CONFORME
        assert cap(NON_CONFORME, NON_CONFORME, P) == NON_CONFORME
        assert cap(CONFORME, NON_CONFORME, N) == NON_CONFORME

    def test_cap_over_what_has_left_the_rule(self):
        assert cap(CONFORME, None, P) == CONFORME
        assert cap(None, NON_CONFORME, P) == N_TO_P
        assert cap(None, None, P) is None

    def test_grade_costs_no_more_than_stated(self):
        assert graded(NON_CONFORME, P) == PARTIEL
        assert graded(UNKNOWN, P) == P_TO_C
        assert graded(CONFORME, P) == CONFORME
        assert graded(None, P) is None

    def test_tiers(self):
        assert tiers(CONFORME, CONFORME) == CONFORME
        assert tiers(NON_CONFORME, CONFORME) == PARTIEL
        assert tiers(PARTIEL, PARTIEL) == NON_CONFORME
        assert tiers(UNKNOWN, CONFORME) == P_TO_C
        assert tiers(NON_CONFORME, UNKNOWN) == N_TO_P
        assert tiers(None, CONFORME) == P_TO_C
        assert tiers(NON_CONFORME, None) == N_TO_P
        assert tiers(None, None) is None


class TestShares:
    """Exact fractions over the population that the plan froze."""

    @pytest.mark.parametrize(
        ("conforme", "partiel", "non_conforme", "unknown", "expected"),
        [
            (20, 0, 0, 0, CONFORME),
            (19, 0, 1, 0, CONFORME),  # 95 % exactly
            (189, 0, 11, 0, PARTIEL),  # 94.5 %
            (16, 0, 4, 0, PARTIEL),  # 80 % exactly
            (159, 0, 41, 0, NON_CONFORME),
            (19, 0, 0, 1, CONFORME),  # whatever the last one turns out to be
            (18, 0, 1, 1, P_TO_C),
            (16, 0, 0, 4, P_TO_C),
            (15, 0, 0, 5, UNKNOWN),
            (15, 0, 4, 1, N_TO_P),
            (0, 20, 0, 0, NON_CONFORME),  # a P weighs nothing unless said
            (0, 0, 0, 20, UNKNOWN),
            (0, 0, 0, 0, UNKNOWN),
        ],
    )
    def test_shares_with_unverified_members(self, conforme, partiel, non_conforme, unknown, expected):
        members = {CONFORME: conforme, PARTIEL: partiel, NON_CONFORME: non_conforme, UNKNOWN: unknown}
        assert share_of(members, Thresholds(Fraction("0.95"), Fraction("4/5"))) == expected

    def test_no_floating_point_decides(self):
        thirds = Thresholds(Fraction("1/3"), Fraction("1/3"))
        assert share_of({CONFORME: 1, NON_CONFORME: 2}, thirds) == CONFORME
        tenths = Thresholds(Fraction("0.7"), Fraction("0.1"))
        assert share_of({CONFORME: 7, NON_CONFORME: 3}, tenths) == CONFORME

    def test_a_weight_lets_what_is_partial_count(self):
        thresholds = Thresholds(Fraction(1), Fraction("9/10"), Fraction("9/10"))
        assert share_of({PARTIEL: 7}, thresholds) == PARTIEL
        assert share_of({PARTIEL: 1, CONFORME: 6}, thresholds) == PARTIEL
        assert share_of({NON_CONFORME: 1, CONFORME: 9}, thresholds) == PARTIEL
        assert share_of({NON_CONFORME: 1, CONFORME: 8}, thresholds) == NON_CONFORME

    def test_nothing_conforme_is_never_more_than_n(self):
        assert share_of({NON_CONFORME: 3}, Thresholds(Fraction(0), Fraction(0))) == NON_CONFORME


class TestInvariant:
    """Fewer observations widen: for O' ⊆ O the interval of O lies in that of O'."""

    @settings(max_examples=500, deadline=None)
    @given(cases(), st.data())
    def test_losing_evidence_never_raises_lo_nor_lowers_hi(self, case, data):
        lost = [data.draw(st.booleans()) for _ in case.states]
        as_nothing = data.draw(st.sampled_from([None, "non_verifie", "sans_objet"]))
        fewer = case.with_states([as_nothing if gone else s for gone, (_, s) in zip(lost, case.states, strict=True)])
        (lo, hi), (fewer_lo, fewer_hi) = case.bounds(), fewer.bounds()
        assert fewer_lo <= lo <= hi <= fewer_hi

    @settings(max_examples=150, deadline=None)
    @given(cases(most_cells=4))
    def test_every_completion_lies_inside_the_bounds(self, case):
        lo, hi = case.bounds()
        label = case.profile()
        for completion in case.completions(("C", "P", "N", PROVEN)):
            low, high = completion.bounds(label)
            assert lo <= low <= high <= hi

    @settings(max_examples=150, deadline=None)
    @given(cases(states=("C", "P", "N", "non_verifie", None), grades=False, least_cells=1, most_cells=4))
    def test_the_bounds_are_reached_by_completions(self, case):
        label = case.profile()
        reached = [completion.bounds(label) for completion in case.completions()]
        assert all(low == high for low, high in reached)
        assert case.bounds() == (min(low for low, _ in reached), max(high for _, high in reached))

    @settings(max_examples=150, deadline=None)
    @given(cases(states=(PROVEN, "sans_objet", "non_verifie", None)))
    def test_nothing_verified_guarantees_nothing(self, case):
        assert case.bounds() == (0, 2)


class TestIndifference:
    """Order, grouping and duplication change nothing."""

    @settings(max_examples=150, deadline=None)
    @given(cases(), st.randoms(use_true_random=False))
    def test_the_order_of_cells_changes_nothing(self, case, shuffler: random.Random):
        cells = case.cells()
        shuffler.shuffle(cells)
        assert verdicts(case.profile(), cells)[0] == case.verdict()

    @settings(max_examples=150, deadline=None)
    @given(cases(), st.data())
    def test_a_cell_given_twice_changes_nothing(self, case, data):
        cells = case.cells()
        again = [*case.cells(), *case.cells()] if data.draw(st.booleans()) else [c for c in cells for _ in range(2)]
        assert verdicts(case.profile(), again)[0] == case.verdict()

    @settings(max_examples=150, deadline=None)
    @given(cases(), st.data())
    def test_all_and_any_do_not_count_their_members(self, case, data):
        if any(isinstance(c["over"], dict) for c in case.criteria) or not case.states:
            case = Case((criterion("R-0", "any"), criterion("R-1", "all")), {"all": ["R-0", "R-1"]}, case.states)
            case = Case(case.criteria, case.rule, tuple((f"R-{i % 2}", s) for i, (_, s) in enumerate(case.states)))
        more = Case(case.criteria, case.rule, case.states + tuple(data.draw(st.permutations(case.states))))
        assert more.bounds() == case.bounds()

    @settings(max_examples=150, deadline=None)
    @given(cases(), st.data())
    def test_grouping_changes_nothing(self, case, data):
        names = [c["id"] for c in case.criteria] * 2
        kind = data.draw(st.sampled_from(["all", "any"]))
        cut = data.draw(st.integers(1, len(names) - 1))
        flat = Case(case.criteria, {kind: names}, case.states)
        nested = Case(case.criteria, {kind: [{kind: names[:cut]}, {kind: names[cut:]}]}, case.states)
        alone = Case(case.criteria, {kind: [{kind: [{"all": [name]}]} for name in names]}, case.states)
        assert flat.bounds() == nested.bounds() == alone.bounds()

    @settings(max_examples=100, deadline=None)
    @given(cases(), st.data())
    def test_the_order_of_parts_changes_nothing(self, case, data):
        kind = data.draw(st.sampled_from(["all", "any"]))
        names = [c["id"] for c in case.criteria]
        other = data.draw(st.permutations(names))
        first = Case(case.criteria, {kind: [case.rule, *names]}, case.states)
        second = Case(case.criteria, {kind: [*other, case.rule]}, case.states)
        assert first.bounds() == second.bounds()

    def test_two_different_findings_of_one_cell_are_refused(self):
        case = Case((criterion("R-0"),), "R-0", (("R-0", "C"),))
        with pytest.raises(ValueError, match="two different findings"):
            verdicts(case.profile(), [judged("R", "R-0", 0, "C"), judged("R", "R-0", 0, "N")])


class TestCriteria:
    def one(self, over, *states, worst=None):
        return Case((criterion("R-0", over, worst),), "R-0", tuple(("R-0", s) for s in states)).bounds()

    @pytest.mark.parametrize(
        ("over", "states", "expected"),
        [
            ("all", ("C", "C"), (2, 2)),
            ("all", ("C", "P"), (1, 1)),
            ("all", ("C", None), (0, 2)),
            ("all", ("N", None), (0, 0)),
            ("any", ("N", "C"), (2, 2)),
            ("any", ("P", "non_verifie"), (1, 2)),
            ("all", ("C", PROVEN), (2, 2)),  # shown not to apply: leaves
            ("all", ("C", "sans_objet"), (0, 2)),  # merely said: does not
            ("any", ("N", PROVEN), (0, 0)),
            ("all", (PROVEN, PROVEN), (0, 2)),  # nothing left is no success
            ("all", (), (0, 2)),
            (share("1", "4/5"), ("C", "C", "C", PROVEN), (2, 2)),
            (share("1", "4/5"), ("C", "C", "C", "C", "N", PROVEN), (1, 1)),
            (share("1", "4/5"), ("C", "C", "C", "C", None), (1, 2)),
            (share("1", "4/5"), (PROVEN,), (0, 2)),
        ],
    )
    def test_sans_objet_and_unverified_cells(self, over, states, expected):
        assert self.one(over, *states) == expected

    def test_a_minor_criterion_costs_no_more_than_partiel(self):
        assert self.one("all", "N", worst="P") == (1, 1)
        assert self.one("all", None, worst="P") == (0, 2)
        minor = (criterion("R-0"), criterion("R-1", worst="P"))
        assert Case(minor, {"all": ["R-0", "R-1"]}, (("R-0", "C"), ("R-1", None))).bounds() == (1, 2)

    def test_a_leaf_that_left_is_skipped_in_a_rule(self):
        two = (criterion("R-0"), criterion("R-1"))
        states = (("R-0", "P"), ("R-1", PROVEN))
        for rule in ({"all": ["R-0", "R-1"]}, {"any": ["R-0", "R-1"]}, {"all": ["R-0", {"any": ["R-1"]}]}):
            assert Case(two, rule, states).bounds() == (1, 1)

    def test_a_criterion_for_which_nothing_is_planned_does_not_leave_the_rule(self):
        two = (criterion("R-0"), criterion("R-1"))
        assert Case(two, {"all": ["R-0", "R-1"]}, (("R-0", "C"),)).bounds() == (0, 2)

    @pytest.mark.parametrize(
        "rule",
        [
            {"any": ["R-0", {"grade": {"rule": "R-1", "worst": "P"}}]},
            {"cap": {"rule": {"grade": {"rule": "R-1", "worst": "P"}}, "unless": "R-0", "at": "P"}},
        ],
        ids=["in any", "in cap"],
    )
    def test_a_grade_guarantees_nothing_of_what_may_yet_prove_sans_objet(self, rule):
        two = (criterion("R-0"), criterion("R-1"))
        unknown = Case(two, rule, (("R-0", "N"), ("R-1", None))).bounds()
        shown = Case(two, rule, (("R-0", "N"), ("R-1", PROVEN))).bounds()
        assert unknown[0] == shown[0] == 0
        assert shown[1] <= unknown[1]

    def test_tiers_are_nested(self):
        three = tuple(criterion(f"R-{i}") for i in range(3))
        rule = {"tiers": {"atteint": ["R-0", "R-1", "R-2"], "partiel": ["R-0"]}}

        def bounds(*states):
            return Case(three, rule, tuple((f"R-{i}", s) for i, s in enumerate(states))).bounds()

        assert bounds("C", "C", "C") == (2, 2)
        assert bounds("C", "C", "N") == (1, 1)
        assert bounds("C", "P", "C") == (1, 1)
        assert bounds("P", "C", "C") == (0, 0)
        assert bounds("C", None, "C") == (1, 2)
        assert bounds(None, "N", "C") == (0, 1)
        assert bounds(None, "C", "C") == (0, 2)


def test_an_empty_audit_is_non_evalue_everywhere_and_not_a_success():
    criteria = (criterion("A-0", worst="P"), criterion("A-1", "any"), criterion("A-2", share("1", "1/2")))
    rules = ["A-0", {"any": ["A-0", "A-1"]}, {"grade": {"rule": "A-2", "worst": "P"}}, None]
    for rule in rules:
        empty = profile(requirement("A", criteria, rule), requirement("B"))
        for verdict in verdicts(empty, []):
            assert verdict.verdict is VerdictValue.NON_EVALUE
            assert (verdict.worst, verdict.best) == (VerdictValue.NON_ATTEINT, VerdictValue.ATTEINT)


def test_no_requirement_gives_no_verdict():
    assert verdicts(profile(), []) == ()
    assert isinstance(profile(), Profile)
