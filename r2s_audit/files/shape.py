"""What a file may hold at a path: its keys, its enumerated values, its forms, read from the model's own JSON Schema.

Only an error needs it, so a schema is made when the first one is reported.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

    from r2s_audit.files.faults import Path

_SCALARS = frozenset(
    {"str", "constrained-str", "int", "constrained-int", "float", "bool", "none", "date", "list", "dict"}
)


class Shape:
    """A JSON Schema that is asked by path in the data; branches of a union are followed together."""

    def __init__(self, schema: dict[str, Any]) -> None:
        """Keep the schema and its definitions."""
        self.schema = schema
        self.definitions: dict[str, dict[str, Any]] = schema.get("$defs", {})

    def is_branch(self, step: str | int) -> bool:
        """Whether pydantic means a branch of a union by this step of an error's location, and not a key."""
        return isinstance(step, str) and (step in self.definitions or step in _SCALARS or "[" in step)

    def at(self, path: Path) -> list[dict[str, Any]]:
        """The schemas that apply at a path, unions and references resolved; none where nothing may stand there."""
        found = self._branches(self.schema)
        for step in path:
            found = [branch for schema in found for inner in _inside(schema, step) for branch in self._branches(inner)]
        return found

    def keys(self, path: Path) -> list[str]:
        """The keys that a table at this path may have, in the model's order."""
        return list(dict.fromkeys(key for schema in self.at(path) for key in schema.get("properties", {})))

    def choices(self, path: Path) -> list[str | int]:
        """The values enumerated for this path."""
        found: dict[str | int, None] = {}
        for schema in self.at(path):
            found.update(dict.fromkeys(schema.get("enum", ())))
            if "const" in schema:
                found.setdefault(schema["const"])
        return list(found)

    def bounds(self, path: Path) -> tuple[int | None, int | None]:
        """The least and the greatest number allowed at this path."""
        for schema in self.at(path):
            if "minimum" in schema or "maximum" in schema:
                return schema.get("minimum"), schema.get("maximum")
        return None, None

    def forms(self, path: Path) -> list[str]:
        """The forms that a value may take, in signs that need no translation: ``…``, ``[…]``, ``{all: …}``, ``any``."""
        found: dict[str, None] = {}
        for schema in self.at(path):
            found.update(dict.fromkeys(_forms(schema)))
        return list(found)

    def _branches(self, schema: dict[str, Any]) -> list[dict[str, Any]]:
        if "$ref" in schema:
            return self._branches(self.definitions[schema["$ref"].rpartition("/")[2]])
        options = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        if options:
            return [branch for option in options for branch in self._branches(option)]
        return [schema]


def _inside(schema: dict[str, Any], step: str | int) -> list[dict[str, Any]]:
    if isinstance(step, int):
        inner = schema.get("items")
    else:
        inner = schema.get("properties", {}).get(step)
        if inner is None:
            inner = schema.get("additionalProperties")
    return [inner] if isinstance(inner, dict) else []


def _forms(schema: dict[str, Any]) -> list[str]:
    if "enum" in schema:
        return [str(value) for value in schema["enum"]]
    if "properties" in schema:
        return ["{" + ", ".join(f"{key}: …" for key in schema["properties"]) + "}"]
    return {"array": ["[…]"], "object": ["{…}"], "null": []}.get(schema.get("type", ""), ["…"])


@cache
def shape_of(model: type[BaseModel]) -> Shape:
    """The shape of a model as files write it (aliases, validation mode)."""
    return Shape(model.model_json_schema(by_alias=True))
