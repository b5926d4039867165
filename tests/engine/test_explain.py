"""judge --explain: which rule, parameter, age or cell changed a verdict, and nothing else."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from r2s_audit.engine.audit import Question, judge_record
from r2s_audit.engine.explain import Explanation, Judged, explain
from r2s_audit.evidence.blobs import digest_of
from r2s_audit.evidence.record import Record
from r2s_audit.i18n import Translator
from r2s_audit.model.profile import Profile
from tests.builders import profile_data
from tests.engine.audits import CATALOGUE, Bench, each

TRANSLATOR = Translator("fr")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """c1 is good, c2 is bad: A1, which needs both, is non atteint."""
    bench = Bench(tmp_path / "r", [each("good"), each("bad", name="c2")])
    asyncio.run(bench.run())
    return bench


def judged(bench: Bench, label: dict[str, Any], later: timedelta = timedelta(0)) -> Judged:
    record = Record.open(bench.directory)
    last = max(entry.at for entry in record.reading.entries)
    profile = Profile.model_validate(label)
    question = Question(bench.site, profile, digest_of(json.dumps(label).encode()), last + later)
    return Judged(judge_record(record, question, CATALOGUE, TRANSLATOR), profile)


def explained(bench: Bench, label: dict[str, Any], later: timedelta = timedelta(0)) -> tuple[str, ...]:
    (item,) = explain(judged(bench, profile_data(bench.criteria)), judged(bench, label, later), TRANSLATOR.say)
    assert isinstance(item, Explanation)
    return tuple(map(str, item.changes))


def test_the_same_judgement_changes_nothing_and_shows_its_rule(bench: Bench) -> None:
    same = judged(bench, profile_data(bench.criteria))
    (item,) = explain(same, same, TRANSLATOR.say)
    assert item.changes == ()
    assert str(item.derivation) == ("A1 : all(c1, c2) → non_atteint … non_atteint ; critères : c1 [C, C]; c2 [N, N]")


def test_another_rule_is_named(bench: Bench) -> None:
    assert explained(bench, profile_data(bench.criteria, {"any": ["c1", "c2"]})) == (
        "verdict : non_atteint … non_atteint devient atteint … atteint",
        "règle : all(c1, c2) devient any(c1, c2)",
    )


def test_another_parameter_is_named_with_the_cells_that_it_changes(bench: Bench) -> None:
    told = explained(bench, profile_data([each("good"), each("good", name="c2")]))
    assert "critère c2 : [N, N] devient [C, C]" in told
    assert "critère c2, paramètre behaviours : ['bad'] devient ['good']" in told
    assert any(line.startswith("cellule essai.each/sw behaviour=good") and "devient C" in line for line in told)
    assert "cellules qui ne sont plus demandées : 1" in told


def test_a_milder_criterion_is_named(bench: Bench) -> None:
    told = explained(bench, profile_data([each("good"), {**each("bad", name="c2"), "worst": "P"}]))
    assert "critère c2, worst : – devient P" in told


def test_criteria_that_come_and_go_are_named(bench: Bench) -> None:
    told = explained(bench, profile_data([each("good"), each("good", name="c3")]))
    assert {"critère c2 : retiré", "critère c3 : ajouté"} <= set(told)


def test_evidence_that_grew_old_is_named(tmp_path: Path) -> None:
    aged = {**each("good"), "max_age_days": {"value": 30, "source": "hypothesis"}}
    bench = Bench(tmp_path / "r", [aged])
    asyncio.run(bench.run())
    assert explained(bench, profile_data([aged]), timedelta(days=29)) == ()
    told = explained(bench, profile_data([aged]), timedelta(days=31))
    assert told[0] == "verdict : atteint … atteint devient non_atteint … atteint"
    assert any("C devient non_verifie" in line for line in told)


@pytest.mark.parametrize("gone", [True, False])
def test_requirements_that_come_and_go_are_named(bench: Bench, gone: bool) -> None:
    other = profile_data(bench.criteria)
    other["requirements"][0]["id"] = "A2"
    pair = judged(bench, profile_data(bench.criteria)), judged(bench, other)
    told = [str(c) for item in explain(*(pair if gone else pair[::-1]), TRANSLATOR.say) for c in item.changes]
    assert told == ["exigence que le profil du dossier n'avait pas", "exigence retirée du profil"]
