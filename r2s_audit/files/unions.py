"""Errors of a union brought back to the one branch that the writer meant.

pydantic reports every branch of a union that did not fit, with the branch's name inside the location: a wrong key in a
rule of a profile comes as six groups of errors. The branch that recognises the written keys is the one that was meant;
where none does, one error says which forms there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from r2s_audit.files.faults import value_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from r2s_audit.files.faults import Path, Plain
    from r2s_audit.files.shape import Shape

NO_BRANCH = "no_branch"
"""Our own error type: the value has none of the forms of a union."""

_WRONG_FORM = frozenset({
    "string_type", "int_type", "bool_type", "float_type", "model_type", "model_attributes_type",
    "dict_type", "list_type", "tuple_type", "date_type", "none_required",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusal:
    """One error of pydantic's: location, type, context."""

    loc: Path
    kind: str
    context: dict[str, Any]


def settle(refusals: Iterable[Refusal], data: Plain, shape: Shape) -> list[Refusal]:
    """The refusals with locations that are paths in the data, and one branch for every union."""
    settled: list[Refusal] = []
    pending: dict[Path, dict[str, list[Refusal]]] = {}
    for refusal in refusals:
        at = _branch_index(refusal.loc, data, shape)
        if at is None:
            settled.append(refusal)
            continue
        inside = replace(refusal, loc=refusal.loc[:at] + refusal.loc[at + 1 :])
        pending.setdefault(refusal.loc[:at], {}).setdefault(str(refusal.loc[at]), []).append(inside)
    for path, branches in pending.items():
        meant = _meant(path, branches, value_at(data, path))
        settled += [Refusal(path, NO_BRANCH, {})] if meant is None else settle(meant, data, shape)
    return settled


def _branch_index(loc: Path, data: Plain, shape: Shape) -> int | None:
    for index, step in enumerate(loc):
        try:
            value_at(data, loc[: index + 1])
        except KeyError:
            return index if shape.is_branch(step) else None
    return None


def _meant(path: Path, branches: dict[str, list[Refusal]], value: Plain) -> list[Refusal] | None:
    depth = len(path)
    fitting = [
        refusals for refusals in branches.values() if not any(r.loc == path and r.kind in _WRONG_FORM for r in refusals)
    ]
    if not isinstance(value, dict):
        return fitting[0] if fitting else None

    def strangers(refusals: list[Refusal]) -> int:
        return sum(len(r.loc) == depth + 1 and r.kind == "extra_forbidden" for r in refusals)

    def strange(refusals: list[Refusal]) -> int:
        return sum(len(r.loc) == depth + 1 and r.kind in {"extra_forbidden", "missing"} for r in refusals)

    tables = [
        refusals for refusals in fitting if not any(r.loc == path and r.kind == "literal_error" for r in refusals)
    ]
    best = min(tables, key=strange, default=None)
    if best is None or strangers(best) == len(value):
        return None
    return best
