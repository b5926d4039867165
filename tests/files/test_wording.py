"""Every pattern and every rule of the models that files are read with has a sentence of its own."""

from __future__ import annotations

import ast
import inspect
from types import ModuleType
from typing import Any

import pytest

from r2s_audit.files.shape import shape_of
from r2s_audit.files.wording import PATTERNS, RULES, rule_for
from r2s_audit.model import addresses, administration, declaration, egress, overlay, profile, services, site


def patterns(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
        return own.union(*(patterns(v) for v in schema.values()))
    return set().union(*(patterns(v) for v in schema)) if isinstance(schema, list) else set()


def test_patterns() -> None:
    models = (site.Site, profile.Profile, overlay.Overlay, services.ServiceCatalogue, declaration.Declarations)
    assert set().union(*(patterns(shape_of(model).schema) for model in models)) == set(PATTERNS)


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


OF_A_SOURCE = {"source: standard needs a reference", "source: certifier needs a reference"}
"""Made from the source's name."""
MODULES = (addresses, administration, egress, site, profile, declaration)


@pytest.mark.parametrize("text", [*(text for module in MODULES for text in raised(module)), *sorted(OF_A_SOURCE)])
def test_rules(text: str) -> None:
    assert rule_for(text) is not None


def test_every_row_is_used() -> None:
    of_python = {
        "does not appear to be an IPv4 or IPv6 address",
        "does not appear to be an IPv4 or IPv6 network",
        "has host bits set",
    }
    written = {text for module in MODULES for text in raised(module)}
    assert set(RULES) == {*written, *OF_A_SOURCE, *of_python}
