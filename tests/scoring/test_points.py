"""Points, prerequisites, levels: exact, monotone, and never narrower than what may still come."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2s_audit.model.verdict import Verdict, VerdictValue
from r2s_audit.scoring.exact import exact
from r2s_audit.scoring.points import heading, is_simulation, score
from r2s_audit.scoring.verdicts import verdicts
from tests.scoring.building import RANK, STATES, criterion, judged, level, profile, requirement, sourced

VALUES = tuple(RANK)


def verdict(name, worst, best=None):
    best = best or worst
    return Verdict(
        requirement=name,
        title=name,
        theme="T",
        prerequisite=False,
        verdict=worst if worst is best else VerdictValue.NON_EVALUE,
        worst=worst,
        best=best,
    )


def points(logement, batiment):
    return {"logement": sourced(logement), "batiment": sourced(batiment)}


def interval(part):
    return Fraction(part.worst), Fraction(part.best)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("0", "0"),
        ("12", "12"),
        ("27/2", "13.5"),
        ("1/8", "0.125"),
        ("1/20", "0.05"),
        ("40/3", "40/3"),
        ("7/30", "7/30"),
        ("-5/4", "-1.25"),
        ("100", "100"),
    ],
)
def test_fractions_are_rendered_without_loss(number, text):
    assert exact(Fraction(number)) == text


@given(st.fractions())
def test_a_rendered_fraction_reads_back_as_itself(number):
    assert Fraction(exact(number)) == number


LEVELS = (level("un", 4, 1), level("deux", 8, 1))


def small(**second):
    """Two requirements of 3 + 5 points; the first is a prerequisite and is probed."""
    return profile(
        requirement("A", [criterion("A-0")], "A-0", prerequisite=sourced(True)),
        requirement("B", **second),
        levels=LEVELS,
    )


ATTEINT, PARTIEL, NON = VerdictValue.ATTEINT, VerdictValue.PARTIELLEMENT_ATTEINT, VerdictValue.NON_ATTEINT


class TestScore:
    def test_points_per_scope_and_theme(self):
        result = score(small(), [verdict("A", PARTIEL, ATTEINT), verdict("B", NON, PARTIEL)])
        theme = result.themes[0]
        assert (theme.logement.worst, theme.logement.best, theme.logement.maximum) == ("1.5", "4.5", "6")
        assert (theme.batiment.worst, theme.batiment.best, theme.batiment.maximum) == ("2.5", "7.5", "10")
        assert (result.total.worst, result.total.best, result.total.maximum) == ("4", "12", "16")

    def test_a_level_needs_its_points_and_its_prerequisites(self):
        def levels(*args):
            result = score(small(), args)
            return result.level_guaranteed, result.level_possible, str(result.statement)

        assert levels(verdict("A", ATTEINT), verdict("B", NON)) == ("deux", "deux", "niveau établi : Niveau deux")
        assert levels(verdict("A", PARTIEL), verdict("B", ATTEINT)) == (
            "",
            "",
            "aucun niveau possible (prérequis non atteints : 1)",
        )
        assert levels(verdict("A", NON, ATTEINT), verdict("B", NON)) == (
            "",
            "deux",
            "niveau non établi : au mieux Niveau deux",
        )

    def test_guaranteed_and_possible_levels_may_differ(self):
        label = profile(
            requirement("A", [criterion("A-0")], "A-0", points=points("4", "0")),
            requirement("B", points=points("4", "0")),
            levels=(level("un", 4, 0), level("deux", 8, 0), level("trois", 9, 0)),
        )
        result = score(label, [verdict("A", ATTEINT), verdict("B", NON, ATTEINT)])
        assert (result.level_guaranteed, result.level_possible) == ("un", "deux")
        assert str(result.statement) == "niveau établi : au moins Niveau un, au mieux Niveau deux"
        none = score(label, [verdict("A", PARTIEL), verdict("B", NON)])
        assert str(none.statement) == "aucun niveau possible : points insuffisants"

    def test_prerequisites_outside_the_probe_leave_the_level_undetermined(self):
        label = small(prerequisite=sourced(True))
        result = score(label, [verdict("A", ATTEINT), verdict("B", NON, ATTEINT)])
        state = result.prerequisites
        assert (state.total, state.met, state.possible, state.outside_probe) == (2, 1, 2, 1)
        label = profile(
            requirement("A", [criterion("A-0", check=None)], "A-0", prerequisite=sourced(True)),
            levels=[level("un", 0, 1)],
        )
        result = score(label, [verdict("A", NON, ATTEINT)])
        assert str(result.statement) == "niveau non déterminable : 1 prérequis hors sonde"
        assert (result.level_guaranteed, result.level_possible) == ("", "un")

    @pytest.mark.parametrize(("minimum", "met"), [("atteint", 0), ("partiellement_atteint", 1)])
    def test_the_profile_says_what_state_a_prerequisite_needs(self, minimum, met):
        label = profile(requirement("A", [criterion("A-0")], "A-0", prerequisite=sourced(True)), minimum=minimum)
        assert score(label, [verdict("A", PARTIEL)]).prerequisites.met == met

    def test_one_verdict_per_requirement_is_needed(self):
        for given_ in ([], [verdict("A", NON)], [verdict("A", NON)] * 2, [verdict(n, NON) for n in "ABC"]):
            with pytest.raises(ValueError, match="one verdict per requirement"):
                score(small(), given_)

    def test_an_empty_audit_has_no_point_for_certain(self):
        result = score(small(), verdicts(small(), []))
        assert (result.total.worst, result.total.best) == ("0", "16")
        assert result.level_guaranteed == ""
        assert result.prerequisites.met == 0


@st.composite
def bounded(draw, name):
    low, high = sorted(draw(st.lists(st.sampled_from(VALUES), min_size=2, max_size=2)), key=RANK.__getitem__)
    return verdict(name, low, high)


@st.composite
def labels(draw):
    amount = st.sampled_from(["0", "1", "2.5", "4/3", "7"])
    return profile(
        *(
            requirement(
                name,
                prerequisite=sourced(draw(st.booleans())),
                partial_weight=sourced(draw(st.sampled_from(["0", "1/3", "1/2", "1"]))),
                points=points(draw(amount), draw(amount)),
            )
            for name in "ABC"
        ),
        levels=[level(str(i), p, draw(st.integers(0, 2))) for i, p in enumerate((3, 9, 15))],
        minimum=draw(st.sampled_from(["atteint", "partiellement_atteint"])),
    )


def rank_of(label, identifier):
    return [each.id for each in label.levels].index(identifier) if identifier else -1


@settings(max_examples=100, deadline=None)
@given(labels(), st.tuples(*(bounded(name) for name in "ABC")))
def test_score_intervals_contain_every_completion_and_are_reached(label, results):
    result = score(label, results)
    ways = [[v for v in VALUES if RANK[each.worst] <= RANK[v] <= RANK[each.best]] for each in results]
    settled = [
        score(label, [verdict(each.requirement, v) for each, v in zip(results, choice, strict=True)])
        for choice in product(*ways)
    ]
    totals = [Fraction(s.total.worst) for s in settled]
    assert all(s.total.worst == s.total.best for s in settled)
    assert interval(result.total) == (min(totals), max(totals))
    met = [s.prerequisites.met for s in settled]
    assert (result.prerequisites.met, result.prerequisites.possible) == (min(met), max(met))
    levels = [rank_of(label, s.level_guaranteed) for s in settled]
    assert rank_of(label, result.level_possible) == max(levels)
    assert rank_of(label, result.level_guaranteed) == min(levels)


@settings(max_examples=100, deadline=None)
@given(labels(), st.tuples(*(bounded(name) for name in "ABC")), st.integers(0, 2), st.sampled_from(VALUES))
def test_points_are_monotone(label, results, which, value):
    """A better verdict never costs a point, a prerequisite or a level."""
    one = results[which]
    better = list(results)
    better[which] = verdict(
        one.requirement,
        max(one.worst, value, key=RANK.__getitem__),
        max(one.best, value, key=RANK.__getitem__),
    )
    before, after = score(label, results), score(label, better)
    assert all(a <= b for a, b in zip(interval(before.total), interval(after.total), strict=True))
    assert before.prerequisites.met <= after.prerequisites.met
    assert rank_of(label, before.level_guaranteed) <= rank_of(label, after.level_guaranteed)
    assert rank_of(label, before.level_possible) <= rank_of(label, after.level_possible)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["A", "B"]), st.sampled_from(STATES)), max_size=5), st.data())
def test_losing_evidence_widens_the_score(states, data):
    label = profile(*(requirement(n, [criterion(f"{n}-0", worst=w)], f"{n}-0") for n, w in (("A", "P"), ("B", None))))
    cells = [judged(n, f"{n}-0", i, s) for i, (n, s) in enumerate(states)]
    fewer = [c._replace(finding=None) if data.draw(st.booleans()) else c for c in cells]
    low, high = interval(score(label, verdicts(label, cells)).total)
    fewer_low, fewer_high = interval(score(label, verdicts(label, fewer)).total)
    assert fewer_low <= low <= high <= fewer_high


def official(data):
    """The same data with every hypothesis said by the label's document."""
    if isinstance(data, dict):
        return {
            key: "seed" if (key, value) == ("source", "hypothesis") else official(value) for key, value in data.items()
        }
    return [official(value) for value in data] if isinstance(data, list | tuple) else data


class TestSimulation:
    def test_a_profile_without_hypotheses_is_no_simulation(self):
        label = small().model_copy()
        settled = type(label).model_validate(official(label.model_dump(by_alias=True, mode="json")))
        assert not is_simulation(settled)
        assert str(heading(settled)) == "Profil d'essai"

    @pytest.mark.parametrize(
        "path",
        [
            ("prerequisite_minimum",),
            ("levels", 0, "points"),
            ("levels", 1, "prerequisites"),
            ("requirements", 1, "points", "logement"),
            ("requirements", 0, "points", "batiment"),
            ("requirements", 1, "prerequisite"),
            ("requirements", 0, "partial_weight"),
            ("requirements", 0, "criteria", 0, "over", "partial_weight"),
        ],
    )
    def test_one_hypothetical_figure_makes_a_simulation(self, path):
        label = small()
        data = official(label.model_dump(by_alias=True, mode="json"))
        data["requirements"][0]["criteria"][0]["over"] = official(
            {"atteint": sourced("1"), "partiel": sourced("1/2"), "partial_weight": sourced("1/2")}
        )
        place = data
        for step in path:
            place = place[step]
        place["source"] = "hypothesis"
        hypothetical = type(label).model_validate(data)
        assert is_simulation(hypothetical)
        assert str(heading(hypothetical)) == "simulation – barème hypothétique"
