"""Valid files made wrong somewhere: a value replaced, a key removed or added, an element repeated."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

from r2s_audit.files import yaml
from r2s_audit.files.faults import Path

VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 70000),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(
        [
            "adm",
            "log",
            "sw-coeur",
            "10.20.10.1",
            "10.20.10.0/23",
            "::/0",
            "all",
            "C1.a",
            "1/0",
            "0/1",
            "9/8",
            "2026-13-01",
            "env:",
            "file:x",
        ]
    ),
    st.lists(st.integers(0, 3), max_size=2),
    st.dictionaries(
        st.sampled_from(["id", "all", "any", "tiers", "cap", "value", "zzz"]),
        st.sampled_from(["a", 1, None]),
        max_size=2,
    ),
)


def paths(value: Any, path: Path = ()) -> list[Path]:
    """Every path of a tree, its root left out."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [p for step, v in inner for p in [(*path, step), *paths(v, (*path, step))]]


@st.composite
def mutated(draw: st.DrawFn, text: str) -> bytes:
    """The file with one to four changes, as JSON (which is YAML) with a line per value."""
    data: Any = copy.deepcopy(yaml.read(text.encode(), "f").data)
    for _ in range(draw(st.integers(1, 4))):
        *holder, last = draw(st.sampled_from(paths(data)))
        where = data
        for step in holder:
            where = where[step]
        change = draw(st.sampled_from(["replace", "remove", "add", "repeat"]))
        if change == "replace":
            where[last] = draw(VALUES)
        elif change == "remove" and len(data) > 1:
            del where[last]
        elif isinstance(where, dict):
            where[draw(st.text(min_size=1, max_size=8))] = copy.deepcopy(where[last])
        else:
            where.append(copy.deepcopy(where[last]))
    return json.dumps(data, indent=1, ensure_ascii=False).encode()
