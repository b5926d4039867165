"""The profile says what the label's document says, and marks as hypothesis what the document does not say."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest

from r2s_audit.model.profile import Source
from r2s_audit.scoring.consistency import inconsistencies
from r2s_audit.scoring.points import heading, is_probed, is_simulation, score
from r2s_audit.scoring.verdicts import verdicts
from tests.profiles.label import FUNCTIONS, LEVELS, PROBED, THEMES, TITLES, normalised, profile


def test_the_31_requirements_have_the_titles_of_the_golden_list_in_its_order():
    assert [(r.id, r.title) for r in profile().requirements] == list(TITLES.items())


def test_requirements_stand_in_the_theme_of_their_letter():
    assert all(r.theme == THEMES[r.id[0]][0] for r in profile().requirements)


def test_themes_and_their_figures_are_those_of_the_scale():
    for theme, (identifier, title, requirements, prerequisites) in zip(profile().themes, THEMES.values(), strict=True):
        assert (theme.id, theme.title) == (identifier, title)
        figures = (theme.points_logement, theme.points_batiment, theme.requirements, theme.prerequisites)
        assert [f.value for f in figures] == [20, 20, requirements, prerequisites]
        assert {f.source for f in figures} == {Source.SEED}


def test_levels_are_those_of_the_scale():
    assert [(level.title, level.points.value, level.prerequisites.value) for level in profile().levels] == LEVELS
    assert {level.points.source for level in profile().levels} == {Source.SEED}


def test_each_requirement_serves_its_function_and_shares_its_purpose():
    by_function = {}
    purposes = {}
    for each in profile().requirements:
        by_function.setdefault(each.function, []).append(each.id)
        purposes.setdefault(each.function, set()).add(each.purpose)
    assert {name: tuple(ids) for name, ids in by_function.items()} == FUNCTIONS
    assert all(len(each) == 1 for each in purposes.values())
    assert len({next(iter(each)) for each in purposes.values()}) == len(FUNCTIONS)


def test_functions_that_the_document_leaves_open_are_hypotheses():
    assert {r.id for r in profile().requirements if r.function_source is not Source.SEED} == {"S3.1", "S3.2", "S3.3"}


def test_the_misprint_is_kept_beside_the_identifier():
    assert {r.id: r.printed_id for r in profile().requirements if r.printed_id} == {"M1.1": "M1.2"}


def test_nothing_in_the_profile_contradicts_itself():
    assert inconsistencies(profile()) == []


def test_points_prerequisites_and_weights_are_hypotheses_and_make_a_simulation():
    for each in profile().requirements:
        sources = {each.points.logement.source, each.points.batiment.source, each.prerequisite.source}
        assert sources | {each.partial_weight.source} == {Source.HYPOTHESIS}, each.id
        assert Fraction(each.partial_weight.value) < 1
    assert is_simulation(profile())
    assert str(heading(profile())) == "simulation – barème hypothétique"


def test_thirteen_requirements_have_a_rule():
    assert tuple(r.id for r in profile().requirements if r.rule is not None) == PROBED


def test_every_criterion_has_both_languages_and_what_is_not_measured_names_its_probe():
    for each in (c for r in profile().requirements for c in r.criteria):
        assert each.title.fr, each.id
        assert each.title.en, each.id
        assert each.check or each.awaits.startswith(("attend la ", "attend le ", "attend les ", "attend l'")), each.id
        assert each.check is None or each.max_age_days is not None, each.id


def test_criteria_bear_the_name_of_their_requirement():
    assert all(c.id.startswith(f"{r.id}-") for r in profile().requirements for c in r.criteria)


def test_an_empty_audit_of_the_label():
    results = verdicts(profile(), [])
    assert {v.verdict.value for v in results} == {"non_evalue"}
    result = score(profile(), results)
    assert (result.total.worst, result.total.best, result.total.maximum) == ("0", "160", "160")
    outside = sum(r.prerequisite.value and not is_probed(r) for r in profile().requirements)
    assert result.prerequisites.outside_probe == outside > 0
    assert str(result.statement) == f"niveau non déterminable : {outside} prérequis hors sonde"
    assert all(v.details for v in results)


@pytest.fixture(scope="module")
def document():
    directory = os.environ.get("R2S_SEEDS")
    if not directory:
        pytest.skip("R2S_SEEDS does not name the directory of the label's document")
    (found,) = Path(directory).glob("000_*.txt")
    return normalised(found.read_text(encoding="utf-8"))


class TestAgainstTheDocument:
    """With the document at hand (R2S_SEEDS), word for word."""

    def test_titles(self, document):
        compared = 0
        for each in profile().requirements:
            assert f"{each.printed_id or each.id} {each.title}" in document, each.id
            compared += 1
        print(f"{compared} titles compared")
        assert compared == len(TITLES)

    def test_functions_and_purposes(self, document):
        texts = {t for each in profile().requirements for t in (each.function, each.purpose)}
        missing = [text for text in texts if text not in document]
        print(f"{len(texts)} functions and purposes compared")
        assert len(texts) == 2 * len(FUNCTIONS)
        assert missing == []

    def test_themes_levels_and_scale(self, document):
        for theme in profile().themes:
            assert theme.title.casefold() in document.casefold()
        for level in profile().levels:
            assert level.title in document
            assert f"{level.prerequisites.value} pré requis + {level.points.value} points" in document
        rows = [" ".join(("20 20 40", str(t.requirements.value), str(t.prerequisites.value))) for t in profile().themes]
        assert all(row in document for row in rows)
        assert "80 80 160 31 8" in document
