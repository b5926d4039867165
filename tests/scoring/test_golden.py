"""The dozen buildings worked by hand, and what declarations, waivers and an overlay make of them."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from r2s_audit.files.overlay import parse_overlay, under
from r2s_audit.files.profile import load_profile
from r2s_audit.files.services import services_of
from r2s_audit.model.declaration import Declarations
from r2s_audit.model.score import Findings
from r2s_audit.scoring.claims import Filed
from r2s_audit.scoring.door import assess
from r2s_audit.scoring.label import LabelInputs
from tests.scoring.golden import ALL, BUILDINGS, NON, POINTS, PREREQUISITES, SOFT, Building, verdicts

PROFILE = load_profile("r2s-residentiel-2019").profile
SERVICES = services_of(PROFILE)
AUTHOR = {"name": "Claire Martin", "role": "auditeur"}
WHY = "constaté sur pièces lors de la visite"
DIGEST = "sha256:" + 64 * "0"


def scored(building: Building, *, inputs: LabelInputs | None = None, profile=PROFILE, day="2026-06-01"):
    given = Findings.model_validate({"r2s_findings": 1, "as_of": day, "verdicts": verdicts(building)})
    return assess(profile, given, inputs or LabelInputs())


def figures(score):
    state = score.prerequisites
    return (
        score.total.worst,
        score.total.best,
        state.met,
        state.possible,
        score.level_guaranteed,
        score.level_possible,
        str(score.statement),
    )


def filed(declarations=(), waivers=()):
    file = Declarations.model_validate(
        {
            "r2s_declarations": 1,
            "building": "essai",
            "profile": PROFILE.id,
            "declarations": list(declarations),
            "waivers": list(waivers),
        }
    )
    assert SERVICES is not None
    return LabelInputs(filed=(Filed(file, DIGEST),), catalogue=SERVICES.catalogue, catalogue_digest=SERVICES.digest)


def declared(name, state="atteint", dated="2026-01-01", expires="2027-01-01", **more):
    target = "service" if name[0].isdigit() else "requirement"
    entry = {"id": f"D-{name}-{dated}-{state}", target: name, "state": state, "author": AUTHOR, "dated": dated}
    return entry | {"justification": WHY, "expires": expires} | more


def waived(name, expires="2027-01-01"):
    return {"id": f"W-{name}", "requirement": name, "author": AUTHOR, "dated": "2026-01-01", "justification": WHY} | {
        "expires": expires
    }


def test_the_points_of_the_table_are_the_profile_s():
    found = {r.id: Fraction(r.points.logement.value) + Fraction(r.points.batiment.value) for r in PROFILE.requirements}
    assert found == POINTS
    assert sum(POINTS.values()) == 160
    assert tuple(r.id for r in PROFILE.requirements if r.prerequisite.value) == (*PREREQUISITES[:7], "M1.2")


@pytest.mark.parametrize("name", BUILDINGS)
def test_building(name):
    building = BUILDINGS[name]
    document = scored(building)
    assert figures(document.score) == building[3:]
    assert document.title == "simulation – barème hypothétique"
    assert document.label.declared_score is None


def test_everything_waived_changes_nothing():
    without = scored(BUILDINGS["nothing met"])
    document = scored(BUILDINGS["nothing met"], inputs=filed(waivers=[waived(name) for name in POINTS]))
    assert document.score == without.score
    assert document.verdicts == without.verdicts
    assert document.label.declared_score is None
    assert {w.status.value for w in document.label.waivers} == {"retained"}
    late = scored(BUILDINGS["nothing met"], inputs=filed(waivers=[waived("C1.1")]), day="2028-01-01")
    assert [w.status.value for w in late.label.waivers] == ["expired"]
    assert "l'écart n'est plus accepté" in str(late.label.waivers[0].said)


def test_declarations_fill_what_is_open_and_the_measured_score_stays():
    building = BUILDINGS["the network alone"]
    document = scored(building, inputs=filed([declared(name) for name in SOFT.split()]))
    assert figures(document.score) == building[3:]
    assert document.label.declared_score is not None
    assert figures(document.label.declared_score)[:6] == ("160", "160", 8, 8, "3-etoiles", "3-etoiles")
    shown = {v.requirement: (v.verdict.value, v.declared) for v in document.verdicts}
    assert shown["M1.2"] == ("non_evalue", "atteint")
    assert shown["C1.1"] == ("atteint", None)


def test_a_contradicted_declaration_is_named_and_has_no_effect():
    document = scored(BUILDINGS["a prerequisite missing"], inputs=filed([declared("C1.3")]))
    (found,) = document.label.declarations
    assert found.status.value == "contradicted"
    assert document.label.declared_score is None
    assert document.score.level_guaranteed == ""
    assert next(v for v in document.verdicts if v.requirement == "C1.3").declared is None


@pytest.mark.parametrize(
    ("entries", "statuses", "value"),
    [
        ([declared("M1.2")], {"retained"}, "atteint"),
        ([declared("M1.2", state="non_atteint")], {"retained"}, NON),
        ([declared("M1.2", expires="2026-05-31")], {"expired"}, None),
        ([declared("M1.2", expires="2026-06-01")], {"retained"}, "atteint"),
        ([declared("M1.2", dated="2026-06-02")], {"not_yet"}, None),
        ([declared("M1.2", dated="2026-06-01")], {"retained"}, "atteint"),
        ([declared("M1.2"), declared("M1.2", state="non_atteint")], {"conflicting"}, None),
        ([declared("M1.2"), declared("M1.2", state="non_atteint", dated="2026-02-01")], {"superseded", "retained"}, NON),
        # the later one has expired: the earlier one does not come back
        (
            [declared("M1.2"), declared("M1.2", state="non_atteint", dated="2026-02-01", expires="2026-03-01")],
            {"superseded", "expired"},
            None,
        ),
        # the later one is not known yet on that day
        ([declared("M1.2"), declared("M1.2", state="non_atteint", dated="2026-07-01")], {"retained", "not_yet"}, "atteint"),
    ],
)  # fmt: skip
def test_dates_and_conflicts(entries, statuses, value):
    document = scored(BUILDINGS["the network alone"], inputs=filed(entries))
    assert {d.status.value for d in document.label.declarations} == statuses
    assert next(v for v in document.verdicts if v.requirement == "M1.2").declared == value


def test_a_declaration_of_what_is_measured_adds_nothing():
    document = scored(BUILDINGS["everything met"], inputs=filed([declared("C1.1")]))
    assert [d.status.value for d in document.label.declarations] == ["agrees"]
    assert document.label.declared_score is None


class TestServices:
    PROOF = {"attachments": [{"file": "pv.pdf", "digest": DIGEST}]}

    def families(self, *entries):
        services = scored(BUILDINGS["nothing evaluated"], inputs=filed(entries)).label.services
        assert services is not None
        assert services.total == 42
        return {family.id: family for family in services.families}

    def test_nothing_declared_is_open(self):
        for family in self.families().values():
            assert (family.declared, family.possible) == (0, len(family.services))
            assert (family.points.worst, family.points.best) == ("0", family.points.maximum)
            assert not any(v.obtained for v in family.vignettes)
            assert all(v.possible for v in family.vignettes)

    def test_security_has_two_readings(self):
        three = [declared(n, "valide", **self.PROOF) for n in ("3.1", "3.2", "3.5")]
        security = self.families(*three)["securite"]
        assert [(v.threshold, v.obtained) for v in security.vignettes] == [(3, True), (4, False)]
        four = self.families(*three, declared("3.8", "valide", **self.PROOF))["securite"]
        assert [v.obtained for v in four.vignettes] == [True, True]

    def test_a_service_without_proof_is_not_counted(self):
        family = self.families(declared("2.1", "valide"))["confort"]
        assert (family.declared, family.possible) == (0, 4)

    def test_an_absent_service_closes_what_was_possible(self):
        family = self.families(*(declared(n, "non_valide") for n in ("7.1", "7.2", "7.3")))["services-generaux"]
        assert (family.declared, family.possible) == (0, 1)
        assert [v.possible for v in family.vignettes] == [False]

    def test_points_of_a_family_are_certain_only_when_all_of_it_is(self):
        all_but_one = [declared(f"2.{n}", "valide", **self.PROOF) for n in (1, 2, 3)]
        assert self.families(*all_but_one)["confort"].points.worst == "0"
        assert self.families(*all_but_one, declared("2.4", "valide", **self.PROOF))["confort"].points.worst == "6"


OVERLAY = """
r2s_overlay: 1
id: essai
version: "1"
title: Barème d'essai
issuer: {name: Certificateur d'essai, role: certificateur}
document: Référentiel 1.0
dated: 2026-01-15
profile: r2s-residentiel-2019
"""


def overlaid(text):
    assert SERVICES is not None
    return under(PROFILE, SERVICES.catalogue, [parse_overlay((OVERLAY + text).encode(), "o.yaml")])


def test_a_prerequisite_missing_at_159_points():
    """Under an overlay that gives a partial C1.1 five sixths of its six points: 159, and still no level."""
    scale = overlaid('requirements: {C1.1: {partial_weight: {value: "5/6", reference: annexe}}}\n')
    building = Building(
        ALL.replace("C1.1 ", ""),
        "C1.1",
        "",
        "159",
        "159",
        7,
        7,
        "",
        "",
        "aucun niveau possible (prérequis non atteints : 1)",
    )
    assert figures(scored(building, profile=scale.profile).score) == building[3:]
    # The same building under a certifier who takes « partiellement atteint » for met.
    scale = overlaid(
        'requirements: {C1.1: {partial_weight: {value: "5/6", reference: annexe}}}\n'
        "prerequisite_minimum: {value: partiellement_atteint, reference: annexe}\n"
    )
    assert scored(building, profile=scale.profile).score.level_guaranteed == "3-etoiles"


def test_the_overlay_settles_the_vignette():
    scale = overlaid("families: {securite: {vignette: {value: 4, reference: annexe}}}\n")
    assert scale.catalogue is not None
    (security,) = (f for f in scale.catalogue.families if f.id == "securite")
    assert [(v.threshold.value, v.threshold.source.value) for v in security.vignette] == [(4, "certifier")]
    assert scale.overlays[0].figures == 1


def test_the_day_is_an_input():
    with_date = scored(
        BUILDINGS["the network alone"], inputs=filed([declared("M1.2")]), day=date(2026, 6, 1).isoformat()
    )
    assert with_date.as_of is not None
    assert with_date.as_of.isoformat() == "2026-06-01T23:59:59+00:00"
