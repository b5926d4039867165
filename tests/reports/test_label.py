"""The label's part of the page and of the terminal: everything said, marked, and harmless."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from r2s_audit.files.profile import load_profile
from r2s_audit.files.services import services_of
from r2s_audit.i18n import Translator
from r2s_audit.model.audit import Audit
from r2s_audit.model.declaration import Declarations
from r2s_audit.model.score import Findings, Label, ScoreDocument
from r2s_audit.model.site import Stage
from r2s_audit.scoring.claims import Filed
from r2s_audit.scoring.door import assess
from r2s_audit.scoring.label import LabelInputs
from r2s_audit.scoring.stages import stage_of
from reports.document import to_json
from reports.html import render
from reports.material import Material
from reports.score import render as render_score
from tests.reports import samples
from tests.scoring.golden import BUILDINGS, verdicts

PROFILE = load_profile("r2s-residentiel-2019").profile
SERVICES = services_of(PROFILE)
FRENCH = Translator("fr")
DIGEST = "sha256:" + 64 * "a"
BUILDING = BUILDINGS["the network alone"]._replace(atteint=BUILDINGS["the network alone"].atteint.replace("S1.4 ", ""))
"""115 points for certain, M open (40), S1.4 (5) lost; with M1.2 (8) declared: 123, all prerequisites, two stars."""
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"


def entries(word: str = "") -> dict[str, Any]:
    author = {"name": "Claire Martin" + word, "role": "auditeur"}
    base = {
        "author": author,
        "dated": "2026-01-01",
        "justification": "constaté sur pièces" + word,
        "expires": "2027-01-01",
    }
    proof = {"attachments": [{"file": "pv.pdf" + word, "digest": DIGEST}]}
    return {
        "declarations": [
            {"id": "D1", "requirement": "M1.2", "state": "atteint", **base, **proof},
            {"id": "D2", "requirement": "C1.1", "state": "non_atteint", **base},
            {"id": "D3", "service": "3.5", "state": "valide", **base, **proof},
            {"id": "D4", "requirement": "M1.1", "state": "atteint", **base, "expires": "2026-02-01"},
        ],
        "waivers": [{"id": "W1", "requirement": "S1.4", **base}],
    }


def document(word: str = "", targets: tuple[str, ...] | None = None) -> ScoreDocument:
    assert SERVICES is not None
    file = Declarations.model_validate({"r2s_declarations": 1, "building": "b", "profile": PROFILE.id, **entries(word)})
    inputs = LabelInputs(
        filed=(Filed(file, DIGEST),), catalogue=SERVICES.catalogue, catalogue_digest=SERVICES.digest, targets=targets
    )
    given = Findings.model_validate({"r2s_findings": 1, "as_of": "2026-06-01", "verdicts": verdicts(BUILDING)})
    made = assess(PROFILE, given, inputs)
    stages = tuple(
        stage_of(stage, day, made.score, made.label, "Services opérationnels")
        for stage, day in zip(Stage, (d.declaration.dated for d in made.label.declarations), strict=False)
    )
    return made.model_copy(update={"label": made.label.model_copy(update={"stages": stages})})


def page(label: Label) -> str:
    audit = samples.audit()
    return render(Material(audit.model_copy(update={"label": label})), FRENCH)


def test_the_page_says_everything_of_the_label() -> None:
    text = page(document().label)
    part = text[text.index('<section id="label">') :]
    for words in (
        "Claire Martin", "retenue", "contredite", "échue", "Dérogations", "en vigueur", "Services opérationnels", "(hypothèse)",
        "3.8", "le document du label n&#39;en donne que le titre", "schéma, dans l&#39;ordre du tableau",
        "jours-personne", "effort le plus faible, prouvé", "Suivi de l&#39;évolution du projet jusque sa réception",
        "100 %",
    ):  # fmt: skip
        assert words in re.sub(r"</?bdi>", "", part).replace("\u00a0", " "), words
    assert len(re.findall(r"<g><title>", part)) == 3 * 5  # three stages, four themes and the fifth axis
    assert len(re.findall(r'class="edge dashed"', part)) == 3


def test_a_document_without_a_label_part_is_shown_too() -> None:
    text = page(Label())
    assert "Aucune déclaration" in text
    assert 'class="evolution"' not in text


def test_hostile_words_stay_words() -> None:
    for label in (document(HOSTILE).label, hostile_stages(document().label)):
        text = page(label)
        assert "<script" not in text.lower()
        assert "\x1b" not in text
        assert "\u202e" not in text


def hostile_stages(label: Label) -> Label:
    """Titles and shares that no scale of ours gives: a document may come from anywhere."""
    data = json.loads(label.model_dump_json())
    for stage in data["stages"]:
        for theme in stage["themes"]:
            theme |= {"title": HOSTILE, "certain": "1e999999999", "declared": "-5", "possible": "1/0"}
    for lift in data["lifts"]:
        lift |= {"title": HOSTILE, "effort": "1e999999999"}
    for family in data["services"]["families"]:
        family |= {"title": HOSTILE, "points": {"worst": HOSTILE, "best": "1/0", "maximum": "x"}}
    return Label.model_validate(data)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_terminal(language: str) -> None:
    text = render_score(document(), Translator(language), colour=False)
    assert max(map(len, text.splitlines())) <= 80
    if language == "fr":
        for words in (
            "simulation – barème hypothétique",
            "mesuré : niveau non déterminable",
            "(déclaré)",
            "D4",
            "D2",
            "déclarés : 3.5",
        ):
            assert words in text, words
    else:
        assert "niveau" not in text
    hostile = render_score(document(HOSTILE), Translator(language), colour=False)
    assert "\x1b" not in hostile
    assert "\u202e" not in hostile


def test_measured_and_declared_stand_apart() -> None:
    made = document()
    text = render_score(made, FRENCH, colour=False)
    assert made.label.declared_score is not None
    assert made.score.total.worst == "115"
    assert made.label.declared_score.total.worst == "123"
    assert re.search(r"Total +115 – 155 / 160 +123 – 155 / 160", text)


def test_json_has_every_sentence_in_the_reader_s_language() -> None:
    data = json.loads(to_json(document(), Translator("en")))
    said = [d["said"]["text"] for d in data["label"]["declarations"]]
    assert any("contradicted" in sentence for sentence in said)
    assert Audit.model_validate_json(samples.audit().model_dump_json()).label == Label()
