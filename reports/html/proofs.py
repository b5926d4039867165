"""The observations that the page cites: where the finding's evidence is in the record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from r2s_audit.model.observation import Observation
    from reports.html.requirements import ThemeGroup
    from reports.material import Material

MAX_PROOFS = 400
MAX_FACTS = 4000
"""Characters of facts that one observation shows."""
MAX_BLOBS = 6


@dataclass(frozen=True, slots=True)
class Proof:
    """One observation as the annex shows it."""

    anchor: str
    id: str
    observation: Observation
    facts: tuple[str, ...]
    """Lines of JSON."""
    facts_length: int
    """Characters of all facts, where some of them are not shown; else 0."""


@dataclass(frozen=True, slots=True)
class Proofs:
    """The annex; ``anchors`` leads from an identifier to its place in it."""

    first: tuple[Proof, ...]
    """What a finding rests on that is not conforme: what a reader looks up."""
    others: tuple[Proof, ...]
    anchors: dict[str, str]
    cut: int


def proofs(material: Material, themes: Iterable[ThemeGroup]) -> Proofs:
    """What the page cites and the caller could open, in the order of citation."""
    criteria = [c for theme in themes for r in theme.requirements for c in r.criteria]
    bad = dict.fromkeys(i for c in criteria for row in (*c.shown, *c.folded) for i in row.observations)
    good = dict.fromkeys(i for c in criteria for row in c.good for i in row.observations)
    cited = [i for i in {**bad, **good} if i in material.observations]
    found = [
        _proof(f"o{place}", identifier, material.observations[identifier])
        for place, identifier in enumerate(cited[:MAX_PROOFS], start=1)
    ]
    return Proofs(
        first=tuple(proof for proof in found if proof.id in bad),
        others=tuple(proof for proof in found if proof.id not in bad),
        anchors={proof.id: proof.anchor for proof in found},
        cut=len(cited) - len(found),
    )


def _proof(anchor: str, identifier: str, observation: Observation) -> Proof:
    if observation.facts is None:
        return Proof(anchor, identifier, observation, (), 0)
    whole = json.dumps(observation.facts, ensure_ascii=False, indent=1, sort_keys=True)
    lines: list[str] = []
    room = MAX_FACTS
    for line in whole.split("\n"):
        if room <= 0:
            break
        lines.append(visible(line, room)[0])
        room -= len(line) + 1
    return Proof(anchor, identifier, observation, tuple(lines), len(whole) if len(whole) > MAX_FACTS else 0)
