"""Profiles and policies: loaded like a site file, and against the checks that the caller knows."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given, settings
from pydantic import Field

from r2s_audit.errors import FileProblems, Problem
from r2s_audit.files.profile import load_policy, load_profile, parse_profile
from r2s_audit.model.base import Model
from tests.files.mutations import mutated
from tests.files.samples import PROFILE, edited


class Version(Model):
    """Parameters of a check, as a family declares them."""

    minimum: Annotated[int, Field(ge=1, le=3)]
    level: Literal["noAuth", "auth"] = "auth"


CHECKS = {"snmp.version": Version}


def problems(text: str) -> list[Problem]:
    try:
        parse_profile(text.encode(), "p.yaml", CHECKS)
    except FileProblems as refused:
        return list(refused.problems)
    return []


def test_the_sample_loads() -> None:
    loaded = parse_profile(PROFILE.encode(), "p.yaml", CHECKS)
    assert loaded.profile.requirements[0].criteria[0].parameters["minimum"].value == 3
    assert loaded.digest == "sha256:" + hashlib.sha256(PROFILE.encode()).hexdigest()
    assert loaded.data == PROFILE.encode()


AWAITS = "        awaits: une sonde\n"
MINIMUM = "          minimum: {value: 3, source: standard, reference: RFC 3411}\n"

# name: (changes, line, path, words of found, words of expected, near miss)
WRONG: dict[str, tuple[list[tuple[str, str]], int, str, str, str, str]] = {
    "newer": ([("r2s_profile: 1", "r2s_profile: 9")], 1, "r2s_profile", "le format 9", "lit le format 9", ""),
    "a site instead": ([("r2s_profile: 1", "r2s_site: 1")], 1, "r2s_site", "un fichier de site", "un profil", ""),
    "unknown key": ([("document:", "docment: x\ndocument:")], 5, "docment", "« docment »", "r2s_profile, id", "docment : document ?"),
    "source": ([("value: 2, source: seed", "value: 2, source: seeds")], 10, "themes[0] (C).points_logement.source", "« seeds »", "seed, standard, hypothesis", "seeds : seed ?"),
    "standard without reference": ([("source: standard, reference: RFC 3411", "source: standard")], 32, "requirements[0] (C1).criteria[0] (C1.a).with.minimum.source", "sans reference", "le document et l'article", ""),
    "share as number": ([('{value: "1/2"', "{value: 0.50")], 26, "requirements[0] (C1).partial_weight.value", "0.50", "un texte", '0.50 : "0.50" ?'),
    "share above one": ([('{value: "1/2"', '{value: "3/2"')], 26, "requirements[0] (C1).partial_weight.value", "« 3/2 »", "entre 0 et 1", ""),
    "share over zero": ([('{value: "1/2"', '{value: "1/0"')], 26, "requirements[0] (C1).partial_weight.value", "« 1/0 »", "nombre exact", ""),
    "points": ([('logement: {value: "2"', 'logement: {value: "deux"')], 24, "requirements[0] (C1).points.logement.value", "« deux »", "nombre exact", ""),
    "over": ([(AWAITS, AWAITS + "        over: al\n")], 37, "requirements[0] (C1).criteria[1] (C1.b).over", "« al »", "all, any", "al : all ?"),
    "over without a threshold": ([(AWAITS, AWAITS + '        over: {atteint: {value: "1", source: seed}}\n')], 37, "requirements[0] (C1).criteria[1] (C1.b).over.partiel", "« partiel » manque", "obligatoire", ""),
    "thresholds out of order": ([(AWAITS, AWAITS + '        over: {atteint: {value: "1/2", source: seed}, partiel: {value: "1", source: seed}}\n')], 37, "requirements[0] (C1).criteria[1] (C1.b).over.partiel", "au-dessus", "au plus égal", ""),
    "neither check nor awaits": ([(AWAITS, "")], 34, "requirements[0] (C1).criteria[1] (C1.b)", "ni check ni awaits", "soit check", ""),
    "form of a rule": ([("all: [C1.a, {any: [C1.b, C1.a]}]", "al: [C1.a, C1.b]")], 38, "requirements[0] (C1).rule", "une table (al)", "{all: …}, {any: …}, {tiers: …}", "al : all ?"),
    "form of a rule inside": ([("{any: [C1.b, C1.a]}", "{any: [C1.b, {cap: {rule: C1.a}}]}")], 39, "requirements[0] (C1).rule.all[1].any[1].cap.unless", "« unless » manque", "obligatoire", ""),
    "empty rule": ([("{any: [C1.b, C1.a]}", "{any: []}, C1.b")], 39, "requirements[0] (C1).rule.all[1].any", "éléments : 0", "au moins 1", ""),
    "identifier in a rule": ([("{any: [C1.b, C1.a]}", "C1 b")], 39, "requirements[0] (C1).rule.all[1]", "« C1 b »", "un identifiant", ""),
    "number in a rule": ([("{any: [C1.b, C1.a]}", "7")], 39, "requirements[0] (C1).rule.all[1]", "7", "…, {all: …}", ""),
    "criterion that is not there": ([("[C1.b, C1.a]", "[C1.b, C1.c]")], 39, "requirements[0] (C1).rule.all[1].any[1]", "« C1.c »", "un critère de l'exigence C1", "C1.c : C1.b ?"),
    "criterion without a use": ([("all: [C1.a, {any: [C1.b, C1.a]}]", "all: [C1.a]")], 34, "requirements[0] (C1).criteria[1] (C1.b).id", "« C1.b »", "la règle de l'exigence C1", ""),
    "theme that is not there": ([("    theme: C\n", "    theme: c\n")], None, "requirements[0] (C1).theme", "« c »", "un thème du profil", "c : C ?"),
    "points that do not add up": ([("points_batiment: {value: 3", "points_batiment: {value: 4")], 11, "themes[0] (C).points_batiment.value", "« 4 »", "somme des exigences", ""),
    "prerequisites that do not add up": ([("prerequisite: {value: true", "prerequisite: {value: false")], 13, "themes[0] (C).prerequisites.value", "« 1 »", "somme des exigences", ""),
    "level out of reach": ([("title: Base, points: {value: 1", "title: Base, points: {value: 9")], 15, "levels[0] (base).points.value", "« 9 »", "au plus 5", ""),
    "unknown check": ([("check: snmp.version", "check: snmp.versoin")], 30, "requirements[0] (C1).criteria[0] (C1.a).check", "« snmp.versoin »", "l'identifiant d'un contrôle", "snmp.versoin : snmp.version ?"),
    "parameter out of range": ([("minimum: {value: 3", "minimum: {value: 4")], 32, "requirements[0] (C1).criteria[0] (C1.a).with.minimum.value", "4", "de 1 à 3", ""),
    "parameter as text": ([("minimum: {value: 3", 'minimum: {value: "3"')], 32, "requirements[0] (C1).criteria[0] (C1.a).with.minimum.value", "« 3 »", "de 1 à 3", ""),
    "parameter missing": ([("        with:\n" + MINIMUM, "")], 28, "requirements[0] (C1).criteria[0] (C1.a).with.minimum", "« minimum » manque", "obligatoire", ""),
    "parameter of another value": ([(MINIMUM, MINIMUM + "          level: {value: aut, source: seed}\n")], 33, "requirements[0] (C1).criteria[0] (C1.a).with.level.value", "« aut »", "noAuth, auth", "aut : auth ?"),
    "parameter that the check does not have": ([(MINIMUM, MINIMUM + "          minium: {value: 3, source: seed}\n")], 33, "requirements[0] (C1).criteria[0] (C1.a).with.minium", "« minium »", "minimum, level", "minium : minimum ?"),
    "parameter without a source": ([(MINIMUM, "          minimum: 3\n")], 32, "requirements[0] (C1).criteria[0] (C1.a).with.minimum", "3", "value, source, reference", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_profile(name: str) -> None:
    changes, line, path, found, expected, near_miss = WRONG[name]
    told = problems(edited(PROFILE, *changes))
    chosen = [p for p in told if p.path == path]
    assert len(chosen) == 1, "\n".join(map(str, told))
    (problem,) = chosen
    assert line is None or problem.line == line
    assert found in problem.found
    assert expected in problem.expected
    assert problem.near_miss == near_miss


@pytest.mark.parametrize(
    "name", [n for n in WRONG if n != "theme that is not there"]
)  # whose sums do not add up either
def test_one_mistake_is_at_most_two_problems(name: str) -> None:
    told = problems(edited(PROFILE, *WRONG[name][0]))
    assert len(told) <= 2, "\n".join(map(str, told))
    assert len({(p.line, p.path) for p in told}) == len(told)


def test_mistakes_of_form_and_of_checks_are_said_together() -> None:
    told = problems(edited(PROFILE, ("check: snmp.version", "check: snmp.vers"), ("awaits:", "await:")))
    assert [(p.line, p.path) for p in told] == [
        (30, "requirements[0] (C1).criteria[0] (C1.a).check"),
        (36, "requirements[0] (C1).criteria[1] (C1.b).await"),
    ]


def test_without_checks_their_names_are_not_looked_into() -> None:
    assert parse_profile(edited(PROFILE, ("snmp.version", "no.such")).encode(), "p.yaml").profile.id == "essai"


def test_a_profile_by_path(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(PROFILE)
    assert load_profile(path).profile.id == load_profile(str(path)).profile.id == "essai"


def test_a_name_that_is_not_ours_is_told_those_that_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("r2s_audit.files.packaged.files", lambda _package: tmp_path)
    (tmp_path / "policies").mkdir()
    (tmp_path / "mon-profil.yaml").write_text(PROFILE)
    (tmp_path / "policies" / "tls-x.yaml").write_text("a: [1, {b: fd00::1}]\n")
    assert load_profile("mon-profil").profile.id == "essai"
    policy = load_policy("tls-x")
    assert policy.document.data == {"a": [1, {"b": "fd00::1"}]}
    assert policy.document.line(("a", 1, "b")) == 1
    with pytest.raises(FileProblems) as refused:
        load_profile("mon-profl")
    (problem,) = refused.value.problems
    assert (problem.near_miss, "mon-profil" in problem.expected) == ("mon-profl : mon-profil ?", True)
    with pytest.raises(FileProblems):
        load_policy("mon-profil")


def test_a_policy_against_its_familys_model(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("minimum: 2\nlevl: auth\n")
    with pytest.raises(FileProblems) as refused:
        load_policy(path).validated(Version)
    (problem,) = refused.value.problems
    assert (problem.line, problem.path, problem.near_miss) == (2, "levl", "levl : level ?")
    path.write_text("minimum: 2\n")
    assert load_policy(path).validated(Version) == Version(minimum=2)


def test_a_policy_with_a_key_written_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("a: 1\na: 2\n")
    with pytest.raises(FileProblems, match="déjà écrite ligne 1"):
        load_policy(path)


@settings(deadline=None)  # the first example makes a schema or loads a parser
@given(mutated(PROFILE))
def test_a_changed_profile_loads_or_is_refused_in_words(data: bytes) -> None:
    try:
        parse_profile(data, "p.yaml", CHECKS)
    except FileProblems as refused:
        lines = data.count(b"\n") + 1
        for problem in refused.problems:
            assert 1 <= problem.line <= lines
            assert not any(
                w in problem.expected for w in ("conforme au schéma", "que le modèle accepte", "de la forme ^")
            ), problem
