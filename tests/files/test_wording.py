"""Every pattern and every rule of the models that files are read with has a sentence of its own."""

from __future__ import annotations

import ast
import inspect
from types import ModuleType
from typing import Any

import pytest

from r2s_audit.files.shape import shape_of
from r2s_audit.files.wording import PATTERNS, RULES, rule_for
from r2s_audit.model import profile, site


def patterns(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
        return own.union(*(patterns(v) for v in schema.values()))
    return set().union(*(patterns(v) for v in schema)) if isinstance(schema, list) else set()


def test_patterns() -> None:
    assert patterns(shape_of(site.Site).schema) | patterns(shape_of(profile.Profile).schema) == set(PATTERNS)


def raised(module: ModuleType) -> list[str]:
    return [
        node.exc.args[0].value
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
        and node.exc.func.id == "ValueError"
        and isinstance(node.exc.args[0], ast.Constant)
    ]


@pytest.mark.parametrize("text", [*raised(site), *raised(profile)])
def test_rules(text: str) -> None:
    assert rule_for(text) is not None


def test_every_row_is_used() -> None:
    of_python = {
        "does not appear to be an IPv4 or IPv6 address",
        "does not appear to be an IPv4 or IPv6 network",
        "has host bits set",
    }
    assert set(RULES) == {*raised(site), *raised(profile), *of_python}
