"""What one and two faults must move: on small profiles whose verdicts one can work out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import expected
from benchmarks.accuracy import closing, combine, kept_apart
from benchmarks.expected import (
    Alone,
    Comparison,
    Judged,
    Pair,
    Standing,
    compare_one,
    compare_sane,
    failed,
    standings_of,
)
from r2s_audit.lab import Fault
from r2s_audit.scoring.verdicts import verdicts
from tests.scoring.building import criterion, judged, profile, requirement, share

LABEL = profile(
    requirement("A", [criterion("A-1")], "A-1"),
    requirement("B", [criterion("B-1", over=share("1", "1/2"))], "B-1"),
    requirement("D", [criterion("D-1", over="any")], "D-1"),
)
SANE = {"A": "C C C", "B": "C C C C", "D": "C C"}
RANK = {"non_atteint": 0, "partiellement_atteint": 1, "atteint": 2}


def seen(**states: str) -> Judged:
    """An audit with these cells; a requirement that is not named is as in the sane building."""
    cells = tuple(
        judged(r, f"{r}-1", number, {"?": "non_verifie"}.get(state, state))
        for r, default in SANE.items()
        for number, state in enumerate(states.get(r, default).split())
    )
    return Judged(cells, standings_of(verdicts(LABEL, cells)))


def fault(name: str = "f", *moves: tuple[str, str], kind: str = "real") -> Fault:
    """A fault that states this; ``B=non_evalue:non_atteint:atteint`` gives the bounds too."""
    listed = []
    for requirement_id, text in moves:
        verdict, *bounds = text.split(":")
        listed.append(
            {"requirement": requirement_id, "verdict": verdict, **dict(zip(("worst", "best"), bounds, strict=False))}
        )
    change = [{"at": "nodes", "set": name}]
    data = {"version": 1, "name": name, "title": {"fr": name, "en": name}, "kind": kind, "change": change}
    return Fault.model_validate(data | {"moves": listed})


# -- one fault ----------------------------------------------------------------------------------------------------------

ONE = {
    "as stated": (fault("f", ("A", "non_atteint")), {"A": "N C C"}, (1, 1), True, ""),
    "with bounds": (fault("f", ("A", "non_evalue:non_atteint:atteint")), {"A": "? C C"}, (1, 1), True, ""),
    "bounds that differ": (
        fault("f", ("A", "non_evalue:partiellement_atteint:atteint")),
        {"A": "? C C"},
        (0, 1),
        False,
        "A: stated non_evalue [partiellement_atteint, atteint], found non_evalue [non_atteint, atteint]",
    ),
    "not far enough": (
        fault("f", ("A", "non_atteint")),
        {"A": "P C C"},
        (0, 1),
        False,
        "A: stated non_atteint, found partiellement_atteint",
    ),
    "nothing moved": (fault("f", ("A", "non_atteint")), {}, (0, 1), False, "A: stated non_atteint, found atteint"),
    "one of two": (
        fault("f", ("A", "non_atteint"), ("B", "non_atteint")),
        {"A": "N C C"},
        (1, 2),
        True,
        "B: stated non_atteint, found atteint",
    ),
    "one too many": (
        fault("f", ("A", "non_atteint")),
        {"A": "N C C", "B": "P C C C"},
        (1, 2),
        True,
        "B moved: atteint to partiellement_atteint, not stated",
    ),
    "states what is so already": (
        fault("f", ("A", "atteint")),
        {},
        (0, 1),
        False,
        "A: stated atteint, as in the sane building",
    ),
    "a requirement that is none": (fault("f", ("Z", "non_atteint")), {}, (0, 1), False, "Z: no such requirement"),
    "nothing stated, a cell lost": (fault("f"), {"D": "? C"}, (0, 0), True, ""),
    "nothing stated, nothing seen": (fault("f"), {}, (0, 0), False, "not found"),
}


@pytest.mark.parametrize("name", ONE)
def test_one_fault(name: str) -> None:
    case, states, numbers, found, said = ONE[name]
    comparison = compare_one(case, seen(), seen(**states))
    assert (comparison.right, comparison.total) == numbers
    assert comparison.found == {"f": found}
    assert comparison.differences[:1] == ((said,) if said else ())
    assert comparison.good == (not said)


def test_a_fault_that_no_check_sees_is_not_counted_and_changes_nothing() -> None:
    unseen = fault("f").model_copy(update={"unseen": True})
    assert compare_one(unseen, seen(), seen()).good
    assert compare_one(unseen, seen(), seen()).found == {}
    late = compare_one(unseen, seen(), seen(D="? C"))
    assert late.differences == ("stated unseen, and 1 cells changed: D/D-1/family.check/cible-0@P1",)
    assert closing([unseen, fault("g")], [Comparison(0, 0, {"g": True})]).startswith("faults found 1/1,")
    assert failed([unseen], "why").found == {}


def test_a_silence_that_was_long_enough_once_and_not_again_is_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    unseen = fault("f").model_copy(update={"unseen": True})
    monkeypatch.setattr(expected, "SILENCE", frozenset({"family.check"}))
    assert compare_one(unseen, seen(), seen(D="? C")).good
    assert compare_one(fault("f"), seen(), seen(D="? C")).found == {"f": False}
    assert not compare_one(unseen, seen(), seen(D="P C")).good  # what was heard is


def test_a_non_conformity_that_the_fault_does_not_explain_is_a_false_alarm() -> None:
    """D stays atteint by its other cell: no verdict moves, and the N is wrong all the same."""
    comparison = compare_one(fault("f", ("A", "non_atteint")), seen(), seen(A="N C C", D="C N"))
    assert comparison.differences == ()
    assert comparison.false_alarms == ("family.check on cible-1@P1 (D)",)
    assert not comparison.good


def test_one_finding_of_which_one_requirement_is_moved_is_explained() -> None:
    """The same check on the same subject is one finding, in whichever requirements it counts."""
    assert compare_one(fault("f", ("A", "non_atteint")), seen(), seen(A="N C C", D="N C")).good


def test_a_non_conformity_of_the_sane_building_is_a_false_alarm() -> None:
    assert compare_sane(seen(), seen()).good
    assert compare_sane(seen(D="N C"), seen(D="N C")).false_alarms == ("family.check on cible-0@P1 (D)",)


def test_a_sane_building_that_has_changed_is_told() -> None:
    comparison = compare_sane(seen(A="? C C"), seen())
    assert comparison.differences == ("A moved: atteint to non_evalue [non_atteint, atteint]",)
    assert (comparison.right, comparison.total) == (0, 1)


def test_trouble_of_an_audit_is_never_good() -> None:
    measured = seen(A="N C C")
    troubled = Judged(measured.cells, measured.standings, ("1 faults of the program",))
    assert not compare_one(fault("f", ("A", "non_atteint")), seen(), troubled).good


# -- two faults ---------------------------------------------------------------------------------------------------------


def pair(one: dict[str, str], other: dict[str, str]) -> Pair:
    alone = (Alone(fault("one"), seen(**one)), Alone(fault("other"), seen(**other)))
    return Pair.combine(alone, seen(), LABEL)


TWO = {
    "of two requirements": ({"A": "N C C"}, {"D": "N N"}, {"A": "non_atteint", "D": "non_atteint"}),
    "of one requirement": ({"A": "N C C"}, {"A": "C P C"}, {"A": "non_atteint"}),
    "of one cell": ({"A": "N C C"}, {"A": "P C C"}, {"A": "non_atteint"}),
    "small losses add up": ({"B": "N N C C"}, {"B": "C C N C"}, {"B": "non_atteint"}),
    "the last alternative": ({"D": "N C"}, {"D": "C N"}, {"D": "non_atteint"}),
    "one alternative left": ({"D": "N C"}, {"D": "N C"}, {}),
    "lost evidence stays lost": ({"A": "? C C"}, {"A": "N C C"}, {"A": "non_evalue"}),
    "what is not lost counts": ({"A": "? C C"}, {"A": "N N C"}, {"A": "non_atteint"}),
}


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("turned", [False, True])
def test_two_faults(name: str, turned: bool) -> None:
    one, other, moved = TWO[name]
    found = pair(other, one) if turned else pair(one, other)
    assert {r: s.verdict for r, s in found.expected.moved(found.sane).items()} == moved
    comparison = found.compare(found.expected)
    assert comparison.right == comparison.total == len(moved)


def test_a_fault_of_which_nothing_is_left_to_be_seen_is_hidden() -> None:
    assert pair({"A": "? ? ?"}, {"A": "N C C"}).hidden
    assert not pair({"A": "? C C"}, {"A": "N N C"}).hidden
    assert not pair({"A": "N C C"}, {"A": "N C C"}).hidden


def test_a_pair_in_which_one_is_missed() -> None:
    both = pair({"A": "N C C"}, {"D": "N N"})
    comparison = both.compare(seen(A="N C C"))
    assert comparison.found == {"one": True, "other": False}
    assert comparison.differences == ("D: stated non_atteint, found atteint", "other not found")
    assert (comparison.right, comparison.total) == (1, 2)


def test_a_non_conformity_that_neither_fault_gives_is_a_false_alarm() -> None:
    both = pair({"A": "N C C"}, {"D": "N N"})
    assert both.compare(seen(A="N C C", D="N N", B="C C C N")).false_alarms == ("family.check on cible-3@P1 (B)",)


ANY_STATES = st.fixed_dictionaries(
    {r: st.lists(st.sampled_from("CPN?"), min_size=len(s.split()), max_size=len(s.split())) for r, s in SANE.items()}
).map(lambda states: {r: " ".join(s) for r, s in states.items()})


@given(ANY_STATES, ANY_STATES)
def test_no_pair_stands_better_than_one_of_its_faults_unless_evidence_is_lost(
    one: dict[str, str], other: dict[str, str]
) -> None:
    """The bound of the algebra: the component-wise minimum, which is exact where every cell has to be conforme."""
    both = pair(one, other)
    alone = seen(**one).standings, seen(**other).standings
    for name, together in both.expected.standings.items():
        low = min(RANK[s[name].worst] for s in alone)
        assert RANK[together.worst] <= low
        if "?" not in one[name] + other[name]:
            high = min(RANK[s[name].best] for s in alone)
            assert RANK[together.best] <= high
            assert name != "A" or (RANK[together.worst], RANK[together.best]) == (low, high)


@given(ANY_STATES)
def test_a_fault_that_changes_nothing_leaves_the_other_as_it_is(one: dict[str, str]) -> None:
    assert pair(one, {}).expected.standings == seen(**one).standings


# -- the closing line ---------------------------------------------------------------------------------------------------


def test_the_closing_line() -> None:
    faults = [fault("a"), fault("b", kind="simulated"), fault("c")]
    good = [Comparison(2, 2, {"a": True}), Comparison(1, 1, {"b": True}), Comparison(0, 0, {"c": True})]
    assert closing(faults, [Comparison(0, 0, {}), *good]) == (
        "faults found 3/3, verdicts moved as stated 3/3, false alarms 0 (real 2, simulated 1)"
    )
    missed = Comparison(1, 2, {"a": True, "b": False}, false_alarms=("x",))
    assert closing(faults, [*good, missed]) == (
        "faults found 2/3, verdicts moved as stated 4/5, false alarms 1 (real 2, simulated 1)"
    )


def test_an_audit_that_failed_finds_nothing() -> None:
    comparison = failed([fault("f", ("A", "non_atteint"), ("B", "non_atteint"))], "why")
    assert (comparison.right, comparison.total, comparison.found) == (0, 2, {"f": False})
    assert not comparison.good


def test_standings_in_words() -> None:
    assert str(Standing("atteint", "atteint", "atteint")) == "atteint"
    assert str(Standing("non_evalue", "non_atteint", "atteint")) == "non_evalue [non_atteint, atteint]"


def test_two_faults_that_set_one_place_differently_do_not_combine() -> None:
    tls = Fault.load("tls-1.0-enabled")
    other = tls.model_copy(update={"name": "other", "change": (tls.change[2].model_copy(update={"set": 1}),)})
    assert combine(tls, tls.model_copy(update={"name": "same"}))
    assert not combine(tls, other)


def test_two_faults_that_act_on_each_other_are_kept_apart_whichever_says_so() -> None:
    one, other = fault("one").model_copy(update={"not_with": ("other",)}), fault("other")
    assert kept_apart(one, other)
    assert kept_apart(other, one)
    assert not kept_apart(other, fault("third"))


def test_the_faults_that_are_kept_apart_exist() -> None:
    named = {name for fault_name in Fault.names() for name in Fault.load(fault_name).not_with}
    assert named <= set(Fault.names())
