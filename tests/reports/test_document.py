"""The JSON document: valid by the published schema, the same bytes each time, every message said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from r2s_audit.i18n import LANGUAGES, Translator
from r2s_audit.model.audit import Audit
from reports.document import to_json
from tests.reports.samples import audit

SCHEMA = json.loads(
    (Path(__file__).resolve().parents[2] / "docs/schemas/audit.schema.json").read_text(encoding="utf-8")
)
RELIED_ON = {"title", "verdicts", "cells", "passes", "score"}
"""Top-level keys that other programs read."""


def messages(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [found for item in value for found in messages(item)]
    if not isinstance(value, dict):
        return []
    own = [value] if {"template", "args"} <= value.keys() else []
    return own + [found for item in value.values() for found in messages(item)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_document_is_valid_and_says_every_message(language: str) -> None:
    translator = Translator(language)
    text = to_json(audit(), translator)
    data = json.loads(text)
    Draft202012Validator(SCHEMA).validate(data)
    assert data.keys() >= RELIED_ON
    assert {"requirement", "verdict", "worst", "best", "reasons"} <= data["verdicts"][0].keys()
    assert {"planned", "reported"} <= data["cells"].keys()
    found = messages(data)
    assert len(found) > 10
    assert all(m["text"] for m in found if m["template"])


def test_the_same_audit_gives_the_same_bytes() -> None:
    assert to_json(audit(), Translator("fr")) == to_json(audit(), Translator("fr"))


def test_a_document_reads_back_into_the_same_audit() -> None:
    text = to_json(audit(), Translator("en"))
    again = Audit.model_validate_json(text)
    assert again.model_dump(exclude={"findings", "verdicts", "passes", "score"}) == audit().model_dump(
        exclude={"findings", "verdicts", "passes", "score"}
    )
    assert to_json(again, Translator("en")) == text, "what was said is said the same way again"


def test_an_english_document_says_english() -> None:
    def change(data: dict[str, Any]) -> None:
        data["score"]["statement"] = {"template": "aucun niveau possible : points insuffisants", "args": {}}

    data = json.loads(to_json(audit(change), Translator("en")))
    assert data["score"]["statement"]["text"] == "no level possible: not enough points"


def test_hostile_arguments_are_data() -> None:
    def change(data: dict[str, Any]) -> None:
        data["score"]["statement"] = {
            "template": "niveau établi : {level}",
            "args": {"level": "{worst}\u202e</script>"},
        }

    statement = json.loads(to_json(audit(change), Translator("fr")))["score"]["statement"]
    assert statement["text"] == "niveau établi : {worst}\u202e</script>"
