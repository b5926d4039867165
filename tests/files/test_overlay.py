"""Certifier's overlays: whose they are, what they replace, and every way to be wrong, with its line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from r2s_audit.errors import FileProblems
from r2s_audit.files.overlay import load_overlay, parse_overlay, under
from r2s_audit.files.profile import load_profile
from r2s_audit.files.services import services_of
from r2s_audit.model.profile import Profile, Source
from r2s_audit.scoring.points import heading, is_simulation

PROFILE = load_profile("r2s-residentiel-2019").profile
LOADED = services_of(PROFILE)
CATALOGUE = LOADED.catalogue if LOADED else None
HEAD = """\
r2s_overlay: 1
id: essai
version: "1"
title: Barème d'essai
issuer: {name: Certificateur d'essai, role: certificateur}
document: Référentiel 1.0
dated: 2026-01-15
profile: r2s-residentiel-2019
"""


def figure(value: object) -> str:
    return json.dumps({"value": value, "reference": "annexe A"})


def whole() -> str:
    """An overlay that says every figure of the scale, as the profile has it."""
    text = HEAD + f"prerequisite_minimum: {figure('atteint')}\nrequirements:\n"
    for r in PROFILE.requirements:
        text += f"  {r.id}:\n    prerequisite: {figure(r.prerequisite.value)}\n    partial_weight: {figure(r.partial_weight.value)}\n"
        text += f"    points: {{logement: {figure(r.points.logement.value)}, batiment: {figure(r.points.batiment.value)}}}\n"
    text += "criteria:\n"
    for r in PROFILE.requirements:
        for c in r.criteria:
            if not isinstance(c.over, str) and c.over.partial_weight is not None:
                text += f"  {c.id}: {{over: {{partial_weight: {figure(c.over.partial_weight.value)}}}}}\n"
    return text


def over(*texts: str) -> Profile:
    return under(PROFILE, CATALOGUE, [parse_overlay(t.encode(), f"{n}.yaml") for n, t in enumerate(texts)]).profile


def test_a_whole_overlay_takes_the_title_away() -> None:
    profile = over(whole())
    assert is_simulation(PROFILE)
    assert not is_simulation(profile)
    assert str(heading(profile)) == PROFILE.title
    first = profile.requirements[0]
    assert first.prerequisite.source is Source.CERTIFIER
    assert first.prerequisite.reference == "Certificateur d'essai, Référentiel 1.0, annexe A"


def test_one_hypothesis_left_keeps_the_title() -> None:
    lines = whole().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if line.startswith("    partial_weight"))
    assert is_simulation(over("".join(lines[:at] + lines[at + 1 :])))
    each = "".join(lines[:at] + lines[at + 1 :]) + f"each: {{partial_weight: {figure('1/2')}}}\n"
    assert not is_simulation(over(each))


def test_criteria_and_checks_stay_the_profile_s() -> None:
    profile = over(whole())
    for before, after in zip(PROFILE.requirements, profile.requirements, strict=True):
        assert [(c.id, c.check, c.parameters) for c in before.criteria] == [
            (c.id, c.check, c.parameters) for c in after.criteria
        ]
        assert before.rule == after.rule


def test_provenance(tmp_path: Path) -> None:
    path = tmp_path / "o.yaml"
    path.write_text(HEAD + f"levels: {{base: {{points: {figure(30)}}}}}\n")
    (used,) = under(PROFILE, CATALOGUE, [load_overlay(path)]).overlays
    assert used.digest == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    assert (used.id, used.issuer, used.document, str(used.dated), used.figures) == (
        "essai",
        "Certificateur d'essai",
        "Référentiel 1.0",
        "2026-01-15",
        1,
    )


def test_two_overlays_give_the_same_in_either_order() -> None:
    one = HEAD + f"levels: {{base: {{points: {figure(30)}}}}}\n"
    two = HEAD.replace("id: essai", "id: autre") + f"prerequisite_minimum: {figure('atteint')}\n"
    assert over(one, two) == over(two, one)
    assert over(one, one) == over(one)


# name: (text after the head, line in the file, path, found, expected, near miss)
WRONG: dict[str, tuple[str, int, str, str, str, str]] = {
    "prerequisite unknown": (f"requirements:\n  C9.1: {{prerequisite: {figure(True)}}}\n", 10, "requirements.C9.1", "inconnu", "une exigence du profil", "C9.1 : C3.1 ?"),
    "points that do not add up": (f"requirements:\n  C1.1: {{points: {{logement: {figure('4')}}}}}\n", 9, "requirements", "points_logement du thème Connectivité & Réseau : 21 en tout", "20, le chiffre du barème", ""),
    "prerequisites that do not add up": (f"requirements:\n  C1.1: {{prerequisite: {figure(False)}}}\n", 9, "requirements", "prerequisites du thème", "3, le chiffre du barème", ""),
    "levels out of order": (f"levels:\n  1-etoile: {{points: {figure(100)}}}\n", 10, "levels.1-etoile.points", "« 96 »", "plus que 100", ""),
    "level out of reach": (f"levels:\n  3-etoiles: {{points: {figure(161)}}}\n", 10, "levels.3-etoiles.points", "« 161 »", "au plus 160", ""),
    "unknown level": (f"levels:\n  1-etoiles: {{points: {figure(60)}}}\n", 10, "levels.1-etoiles", "inconnu", "un niveau", "1-etoiles : 1-etoile ?"),
    "unknown criterion": (f"criteria:\n  C1.2-inventair: {{max_age_days: {figure(30)}}}\n", 10, "criteria.C1.2-inventair", "inconnu", "un critère", "C1.2-inventaire ?"),
    "shares for what counts none": (f"criteria:\n  C1.3-service:\n    over: {{partiel: {figure('1/2')}}}\n", 11, "criteria.C1.3-service.over", "ne compte pas", "sous « over »", ""),
    "shares out of order": (f"criteria:\n  C1.2-inventaire:\n    over: {{atteint: {figure('1/2')}}}\n", 11, "criteria.C1.2-inventaire.over.atteint", "ne sont pas en ordre", "au plus égal", ""),
    "unknown family": (f"families:\n  securit: {{vignette: {figure(3)}}}\n", 10, "families.securit", "inconnu", "une famille", "securit : securite ?"),
    "another profile": ("", 8, "profile", "", "", ""),
    "a figure without a reference": ('requirements:\n  C1.1: {partial_weight: {value: "1/2"}}\n', 10, "requirements.C1.1.partial_weight.reference", "manque", "obligatoire", ""),
    "a weight above one": (f"requirements:\n  C1.1: {{partial_weight: {figure('3/2')}}}\n", 10, "requirements.C1.1.partial_weight.value", "« 3/2 »", "entre 0 et 1", ""),
    "an unknown key": (f"requirement:\n  C1.1: {{prerequisite: {figure(True)}}}\n", 9, "requirement", "clé inconnue", "r2s_overlay", "requirement : requirements ?"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_with_line_and_reason(name: str) -> None:
    tail, line, path, found, expected, near_miss = WRONG[name]
    text = HEAD + tail
    if name == "another profile":
        text = text.replace("profile: r2s-residentiel-2019", "profile: bee")
    with pytest.raises(FileProblems) as refused:
        under(PROFILE, CATALOGUE, [parse_overlay(text.encode(), "o.yaml")])
    told = [p for p in refused.value.problems if p.path == path]
    assert told, str(refused.value)
    assert told[0].file == "o.yaml"
    assert told[0].line == line
    assert found in told[0].found
    assert expected in told[0].expected
    assert near_miss in told[0].near_miss


def test_an_overlay_is_a_certifier_s() -> None:
    with pytest.raises(FileProblems, match="certificateur"):
        parse_overlay(HEAD.replace("role: certificateur", "role: auditeur").encode(), "o.yaml")


def test_two_overlays_that_disagree_are_refused() -> None:
    one = HEAD + f"levels: {{base: {{points: {figure(30)}}}}}\n"
    two = one.replace("id: essai", "id: autre").replace("30", "31")
    with pytest.raises(FileProblems, match="une valeur autre que celle de la surcouche essai"):
        over(one, two)


def test_another_kind_of_file_is_named() -> None:
    with pytest.raises(FileProblems, match="une surcouche de certificateur"):
        parse_overlay(b"r2s_profile: 1\n", "p.yaml")
