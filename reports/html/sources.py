"""The source of every criterion and of every threshold: the label's document, a standard, or our hypothesis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from r2s_audit.model.profile import Source
from reports.html.requirements import MAX_REQUIREMENTS, Origin, origin, title_of
from reports.words import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from r2s_audit.model.profile import Criterion, Sourced
    from r2s_audit.model.text import Message
    from reports.material import Material


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A parameter of a criterion."""

    name: str
    value: str
    source: Message
    reference: str


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A criterion with its source."""

    criterion: str
    title: str
    origin: Origin
    thresholds: tuple[Threshold, ...]


@dataclass(frozen=True, slots=True)
class SourceTable:
    """All of them, and how many rest on whom."""

    rows: tuple[SourceRow, ...]
    counts: dict[str, int]


def sources(material: Material, language: str) -> SourceTable:
    """From the profile; without it, from the reasons, which cover only what is not conforme."""
    rows, kinds = [], Counter[str]()
    for row, kind in _from_profile(material, language) if material.profile else _from_reasons(material):
        rows.append(row)
        kinds[kind] += 1
    return SourceTable(tuple(rows), {source.value: kinds[source.value] for source in Source})


def _from_profile(material: Material, language: str) -> Iterator[tuple[SourceRow, str]]:
    judged = {verdict.requirement for verdict in material.audit.verdicts}
    for requirement in material.profile.requirements if material.profile else ():
        if requirement.id in judged:
            for c in requirement.criteria:
                row = SourceRow(c.id, title_of(c, language), origin(c, None), tuple(_thresholds(c)))
                yield row, c.source.value


def _from_reasons(material: Material) -> Iterator[tuple[SourceRow, str]]:
    seen: set[tuple[str, str]] = set()
    for verdict in material.audit.verdicts[:MAX_REQUIREMENTS]:
        for reason in verdict.details:
            key = (verdict.requirement, reason.criterion)
            if reason.criterion and key not in seen and len(seen) < MAX_REQUIREMENTS:
                seen.add(key)
                yield SourceRow(reason.criterion, "", origin(None, reason), ()), reason.source


def _thresholds(criterion: Criterion) -> Iterator[Threshold]:
    over = criterion.over
    if not isinstance(over, str):
        yield _threshold("over.atteint", over.atteint)
        yield _threshold("over.partiel", over.partiel)
        if over.partial_weight is not None:
            yield _threshold("over.partial_weight", over.partial_weight)
    for name, value in criterion.parameters.items():
        yield _threshold(name, value)
    if criterion.max_age_days is not None:
        yield _threshold("max_age_days", criterion.max_age_days)


def _threshold(name: str, value: Sourced[T]) -> Threshold:
    return Threshold(name, _text(value.value), SOURCES[value.source], value.reference)


def _text(value: object) -> str:
    """A parameter as people write it: lists with commas, tables as ``name: value``, none of it as a program's notation."""
    if isinstance(value, Mapping):
        return " ; ".join(f"{name}: {_text(item)}" for name, item in value.items())
    if isinstance(value, BaseModel):
        return _text(value.model_dump(mode="json"))
    if isinstance(value, list | tuple):
        apart = " | " if any(isinstance(item, Mapping | BaseModel) for item in value) else ", "
        return apart.join(_text(item) for item in value)
    return str(value)
