"""JSON Schemas of the files that people write and of the document that programs read, from the models themselves.

``python -m r2s_audit.files.schema docs/schemas`` writes them; a test fails where they are out of date. Descriptions are
the docstrings: of the classes, which pydantic knows, and those under the fields, read from the models' source.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from r2s_audit.model import (
    audit,
    base,
    declaration,
    finding,
    observation,
    overlay,
    profile,
    record,
    score,
    services,
    site,
    text,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType
    from typing import Literal

    from pydantic import BaseModel

    Mode = Literal["validation", "serialization"]

_READABLE = 40
"""Characters of a definition's name beyond which it is a spelt-out generic model."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MODULES: tuple[ModuleType, ...] = (
    audit,
    base,
    declaration,
    finding,
    observation,
    overlay,
    profile,
    record,
    score,
    services,
    site,
    text,
    verdict,
)


def schemas() -> dict[str, dict[str, Any]]:
    """Every published schema by its file name."""
    return {
        "site.schema.json": _schema(site.Site, "site", site.SITE_FORMAT, "Fichier de site de r2s-audit", "validation"),
        "profile.schema.json": _schema(
            profile.Profile, "profile", profile.PROFILE_FORMAT, "Profil de r2s-audit", "validation"
        ),
        "audit.schema.json": _schema(
            audit.Audit, "audit", audit.AUDIT_FORMAT, "Document d'audit de r2s-audit", "serialization"
        ),
        "overlay.schema.json": _schema(
            overlay.Overlay, "overlay", overlay.OVERLAY_FORMAT, "Surcouche d'un certificateur", "validation"
        ),
        "services.schema.json": _schema(
            services.ServiceCatalogue,
            "services",
            services.SERVICES_FORMAT,
            "Catalogue de services d'un label",
            "validation",
        ),
        "declarations.schema.json": _schema(
            declaration.Declarations,
            "declarations",
            declaration.DECLARATIONS_FORMAT,
            "Déclarations et dérogations d'un dossier",
            "validation",
        ),
        "findings.schema.json": _schema(
            score.Findings, "findings", score.FINDINGS_FORMAT, "Constats à noter par « score --json - »", "validation"
        ),
        "score.schema.json": _schema(
            score.ScoreDocument, "score", score.SCORE_FORMAT, "Document de score de r2s-audit", "serialization"
        ),
    }


def text_of(schema: dict[str, Any]) -> str:
    """A schema as it stands in its file: the same bytes for the same models."""
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def write(directory: Path) -> list[Path]:
    """Write every schema; the paths written."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, schema in schemas().items():
        path = directory / name
        path.write_text(text_of(schema), encoding="utf-8")
        written.append(path)
    return written


def _schema(model: type[BaseModel], name: str, version: int, title: str, mode: Mode) -> dict[str, Any]:
    schema = _renamed(model.model_json_schema(by_alias=True, mode=mode))
    notes = _field_notes()
    for definition in (schema, *schema.get("$defs", {}).values()):
        _describe(definition, notes.get(definition.get("title", ""), {}))
    return {"$schema": DIALECT, "$id": f"urn:r2s-audit:schema:{name}:{version}", **schema, "title": title}


def _renamed(schema: dict[str, Any]) -> dict[str, Any]:
    """The same schema with readable names for generic models: pydantic spells their parameters out."""
    definitions = schema.get("$defs", {})
    long = [name for name in definitions if len(name) > _READABLE]
    names = {name: f"{name.partition('_')[0]}_{number}" for number, name in enumerate(long, 1)}
    text = json.dumps(schema)
    for name, short in names.items():
        text = text.replace(json.dumps(name), json.dumps(short)).replace(f'"#/$defs/{name}"', f'"#/$defs/{short}"')
    renamed: dict[str, Any] = json.loads(text)
    for definition in renamed.get("$defs", {}).values():
        definition["title"] = definition.get("title", "").partition("[")[0]
        for generic in (profile.Sourced, overlay.Figure):  # a parametrised class loses its docstring
            if definition["title"] == generic.__name__:
                definition.setdefault("description", inspect.getdoc(generic))
    return renamed


def _describe(definition: dict[str, Any], notes: dict[str, str]) -> None:
    for name, note in notes.items():
        field = definition.get("properties", {}).get(name)
        if field is not None:
            field.setdefault("description", note)


def _field_notes() -> dict[str, dict[str, str]]:
    """Docstrings under fields, by class name and field name."""
    notes: dict[str, dict[str, str]] = {}
    for module in _MODULES:
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.ClassDef):
                notes.setdefault(node.name, {}).update(_notes_of(node))
    return notes


def _notes_of(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, note in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(note, ast.Expr)
            and isinstance(note.value, ast.Constant)
            and isinstance(note.value.value, str)
        ):
            yield field.target.id, inspect.cleandoc(note.value.value)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
