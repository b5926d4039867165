"""Verdicts with their reasons, declarations, and what is refused."""

from __future__ import annotations

import time

import pytest

from r2s_audit.model.site import NotApplicable
from r2s_audit.model.verdict import Grade, VerdictValue
from r2s_audit.scoring.verdicts import verdicts
from tests.scoring.building import PROVEN, criterion, judged, profile, requirement, share

WHY = "le bâtiment n'a pas d'ascenseur"


def declaration(name):
    return NotApplicable(criterion=name, reason=WHY, declared_by="maîtrise d'ouvrage")


def two(rule=None, **first):
    return profile(requirement("R", [criterion("R-0", **first), criterion("R-1")], rule or {"all": ["R-0", "R-1"]}))


def one(label, cells, not_applicable=()):
    return verdicts(label, cells, not_applicable)[0]


class TestVerdicts:
    @pytest.mark.parametrize(
        ("states", "verdict", "worst", "best"),
        [
            ("CC", "atteint", "atteint", "atteint"),
            ("CP", "partiellement_atteint", "partiellement_atteint", "partiellement_atteint"),
            ("CN", "non_atteint", "non_atteint", "non_atteint"),
            ("C?", "non_evalue", "non_atteint", "atteint"),
            ("P?", "non_evalue", "non_atteint", "partiellement_atteint"),
            ("N?", "non_atteint", "non_atteint", "non_atteint"),
        ],
    )
    def test_a_verdict_is_given_only_where_the_bounds_agree(self, states, verdict, worst, best):
        cells = [judged("R", f"R-{i}", i, None if s == "?" else s) for i, s in enumerate(states)]
        result = one(two(), cells)
        assert (result.verdict.value, result.worst.value, result.best.value) == (verdict, worst, best)

    def test_every_requirement_of_the_profile_gets_a_verdict_in_its_order(self):
        label = profile(requirement("B"), requirement("A", [criterion("A-0")], "A-0"), requirement("C"))
        result = verdicts(label, [judged("A", "A-0", 0, "C")])
        assert [(v.requirement, v.verdict.value) for v in result] == [
            ("B", "non_evalue"),
            ("A", "atteint"),
            ("C", "non_evalue"),
        ]

    def test_criteria_show_their_own_bounds(self):
        cells = [judged("R", "R-0", 0, "P"), judged("R", "R-0", 1, "C"), judged("R", "R-1", 2, None)]
        first, second = one(two(), cells).criteria
        assert (first.worst, first.best, first.cells, first.check) == (Grade.P, Grade.P, 2, "family.check")
        assert (second.worst, second.best, second.cells) == (Grade.N, Grade.C, 1)

    @pytest.mark.parametrize(
        ("cell", "message"),
        [
            (judged("X", "R-0", 0, "C"), "belongs to no criterion"),
            (judged("R", "R-9", 0, "C"), "belongs to no criterion"),
            (judged("R", "R-0", 0, "C", check="family.other"), "belongs to no criterion"),
            (judged("R", "R-0", 0, "C")._replace(finding=judged("R", "R-0", 1, "C").finding), "comes with a finding"),
        ],
    )
    def test_a_cell_that_fits_nowhere_is_not_passed_over(self, cell, message):
        with pytest.raises(ValueError, match=message):
            verdicts(two(), [cell])


class TestReasons:
    def test_one_reason_per_finding_that_is_not_conforme_worst_first(self):
        states = (("R-1", PROVEN), ("R-1", None), ("R-0", "C"), ("R-0", "P"), ("R-1", "N"), ("R-0", "non_verifie"))
        states += (("R-0", "N"), ("R-0", "sans_objet"))
        cells = [judged("R", name, i, state) for i, (name, state) in enumerate(states)]
        details = one(two(), cells).details
        assert [(r.value, r.criterion, r.subject) for r in details] == [
            ("N", "R-0", "cible-6@P1"),
            ("N", "R-1", "cible-4@P1"),
            ("P", "R-0", "cible-3@P1"),
            ("non_verifie", "R-0", "cible-5@P1"),
            ("non_verifie", "R-0", "cible-7@P1"),
            ("non_verifie", "R-1", "cible-1@P1"),
            ("sans_objet", "R-1", "cible-0@P1"),
        ]
        first = details[0]
        assert (str(first.expected), str(first.measured), first.observations) == ("attendu", "mesuré 6", ("e6",))
        assert (first.check, first.source, first.reference) == ("family.check", "hypothesis", "")
        assert str(details[5].measured) == "cellule prévue au plan, sans constat"

    def test_an_atteint_needs_no_excuse(self):
        assert one(two(), [judged("R", f"R-{i}", i, "C") for i in (0, 1)]).details == ()

    def test_a_criterion_that_awaits_its_probe_says_what_it_awaits(self):
        result = one(two(check=None), [judged("R", "R-0", 0, None, check=""), judged("R", "R-1", 1, "C")])
        assert [(r.criterion, r.value, str(r.measured)) for r in result.details] == [
            ("R-0", "non_verifie", "attend la sonde de demain")
        ]
        assert result.verdict is VerdictValue.NON_EVALUE
        without_cell = one(two(check=None), [judged("R", "R-1", 1, "C")])
        assert without_cell.details == result.details
        assert (without_cell.worst, without_cell.best) == (result.worst, result.best)

    def test_nothing_planned_is_said(self):
        result = one(two(), [judged("R", "R-0", 0, "C")])
        assert [(r.criterion, r.value) for r in result.details] == [("R-1", "non_verifie")]
        assert "rien à vérifier dans le plan" in str(result.details[0].measured)
        assert result.verdict is VerdictValue.NON_EVALUE

    def test_a_requirement_outside_the_probe_says_so(self):
        result = one(profile(requirement("R")), [])
        assert "hors sonde" in str(result.details[0].measured)


class TestSansObjet:
    def test_a_declared_criterion_leaves_the_rule_and_stays_visible(self):
        result = one(two(), [judged("R", "R-1", 1, "C")], [declaration("R-0")])
        assert result.verdict is VerdictValue.ATTEINT
        assert [(r.criterion, r.value, str(r.measured)) for r in result.details] == [
            ("R-0", "sans_objet", f"déclaré sans objet par maîtrise d'ouvrage : {WHY}")
        ]
        assert [c.criterion for c in result.criteria] == ["R-1"]

    def test_a_declaration_that_findings_contradict_is_told(self):
        cells = [judged("R", "R-0", 0, "N"), judged("R", "R-1", 1, "C")]
        result = one(two(), cells, [declaration("R-0")])
        assert "car des constats portent sur ce critère (1)" in str(result.details[0].measured)

    def test_a_requirement_left_with_nothing_is_not_a_success(self):
        result = one(two(), [], [declaration("R-0"), declaration("R-1")])
        assert (result.worst, result.best) == (VerdictValue.NON_ATTEINT, VerdictValue.ATTEINT)
        assert {r.value for r in result.details} == {"sans_objet"}

    def test_an_unknown_criterion_cannot_be_declared_away(self):
        with pytest.raises(ValueError, match="not in the profile: X-0"):
            verdicts(two(), [], [declaration("X-0")])


def test_a_hundred_thousand_findings(capsys):
    """All of them are counted; how long it takes is printed, not asserted."""
    count = 100_000
    label = two(over=share("1", "4/5"))
    states = ("C",) * 9 + ("N",)
    cells = [judged("R", f"R-{i % 2}", i, states[i // 2 % 10]) for i in range(count)]
    start = time.perf_counter()
    result = one(label, cells)
    seconds = time.perf_counter() - start
    with capsys.disabled():
        print(f"\nverdicts of {count} findings, {len(result.details)} reasons: {seconds:.2f} s")
    assert sum(c.cells for c in result.criteria) == count
    assert len(result.details) == count // 10
    assert [(c.worst, c.best) for c in result.criteria] == [(Grade.P, Grade.P), (Grade.N, Grade.N)]
