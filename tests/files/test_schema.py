"""The published schemas are those of the models, and the example keeps to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from r2s_audit.errors import FileProblems
from r2s_audit.files import schema, yaml
from r2s_audit.files.problems import validate
from r2s_audit.model.site import Site
from tests.files.mutations import mutated
from tests.files.samples import PROFILE, SITE

PUBLISHED = Path("docs/schemas")


def data(text: bytes) -> Any:
    return yaml.read(text, "f.yaml").data


def test_what_is_published_is_what_the_models_say(tmp_path: Path) -> None:
    written = schema.write(tmp_path)
    assert sorted(p.name for p in written) == sorted(p.name for p in PUBLISHED.iterdir())
    for path in written:
        assert path.read_text() == (PUBLISHED / path.name).read_text(), "python -m r2s_audit.files.schema docs/schemas"


@pytest.mark.parametrize(
    "name", ["site", "profile", "audit", "overlay", "services", "declarations", "findings", "score"]
)
def test_a_schema_is_one_and_says_what_its_fields_are(name: str) -> None:
    made = schema.schemas()[f"{name}.schema.json"]
    Draft202012Validator.check_schema(made)
    assert made["$id"] == f"urn:r2s-audit:schema:{name}:1"
    assert made["title"]
    assert made["description"]
    assert all(d.get("description") for n, d in made["$defs"].items() if d.get("type") == "object")


def test_field_notes_are_in_the_schema() -> None:
    made = schema.schemas()["site.schema.json"]
    assert "handshakes" in made["$defs"]["Device"]["properties"]["tls"]["description"]


def test_the_keys_that_other_programs_rely_on() -> None:
    made = schema.schemas()["audit.schema.json"]
    assert {"verdicts", "cells", "passes", "score", "title"} <= set(made["required"])
    assert set(made["$defs"]["VerdictValue"]["enum"]) == {
        "atteint",
        "partiellement_atteint",
        "non_atteint",
        "non_evalue",
    }
    assert {"requirement", "verdict", "worst", "best", "reasons"} <= made["$defs"]["Verdict"]["properties"].keys()
    assert {"planned", "reported"} <= set(made["$defs"]["Cells"]["required"])


def test_examples_keep_to_the_schemas() -> None:
    made = schema.schemas()
    site = Draft202012Validator(made["site.schema.json"])
    for text in (Path("docs/exemples/site.yaml").read_bytes(), SITE.encode()):
        site.validate(data(text))
    Draft202012Validator(made["profile.schema.json"]).validate(data(PROFILE.encode()))


SITE_SCHEMA = Draft202012Validator(json.loads((PUBLISHED / "site.schema.json").read_text()))


@settings(deadline=None)  # the first example makes a schema or loads a parser
@given(mutated(SITE))
def test_what_the_loader_takes_for_well_formed_keeps_to_the_schema(text: bytes) -> None:
    try:
        document = yaml.read(text, "f.yaml")
    except FileProblems:  # not YAML that anybody reads
        return
    if isinstance(validate(Site, document.data, document), Site):
        SITE_SCHEMA.validate(document.data)
