"""Corroborations: what the findings say of requirements and services that no probe can settle. Never points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from r2s_audit.model.finding import Value
from r2s_audit.model.profile import Corroboration, Profile
from r2s_audit.model.score import CorroborationResult, CorroborationState
from r2s_audit.model.services import ServiceCatalogue

from .population import JudgedCell, effective_value

Values = Mapping[tuple[str, str], Counter[Value]]
"""Counts by name and by the role of the device that a finding is on; with the role "": on anything."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found, counted by criterion and by check, and what the record itself shows."""

    by_criterion: Values = field(default_factory=dict)
    by_check: Values = field(default_factory=dict)
    facts: Collection[str] = ()


def seen_in(judged: Iterable[JudgedCell], roles: Mapping[str, str], facts: Collection[str] = ()) -> Seen:
    """Findings of an audit, counted; of a check each subject once, however many criteria ask for it.

    ``roles``: role of each declared device, by its name.
    """
    by_criterion: dict[tuple[str, str], Counter[Value]] = {}
    by_check: dict[tuple[str, str], Counter[Value]] = {}
    counted: set[int] = set()
    for cell, finding in judged:
        value = effective_value(finding)
        places = dict.fromkeys(("", roles.get(cell.subject.target, "")))
        for role in places:
            by_criterion.setdefault((cell.criterion, role), Counter())[value] += 1
        if finding is not None and id(finding) not in counted:
            counted.add(id(finding))
            for role in places:
                by_check.setdefault((cell.check, role), Counter())[value] += 1
    return Seen(by_criterion, by_check, facts)


def corroborations(profile: Profile, catalogue: ServiceCatalogue | None, seen: Seen) -> tuple[CorroborationResult, ...]:
    """Every link of the profile and of its catalogue, those that nothing was found for included."""
    found = [_result(link, r.id, "requirement", seen) for r in profile.requirements for link in r.corroborated_by]
    for family in catalogue.families if catalogue else ():
        found += [_result(link, s.id, "service", seen) for s in family.services for link in s.corroborated_by]
    return tuple(found)


def _result(
    link: Corroboration, target: str, kind: Literal["requirement", "service"], seen: Seen
) -> CorroborationResult:
    counts: Counter[Value] = Counter()
    for role in link.roles or ("",):
        for name in link.criteria:
            counts.update(seen.by_criterion.get((name, role), Counter()))
        for name in link.checks:
            counts.update(seen.by_check.get((name, role), Counter()))
    facts = tuple(fact for fact in link.facts if fact in seen.facts)
    return CorroborationResult(
        target=target,
        kind=kind,
        title=link.title,
        state=_state(counts, len(facts)),
        conforme=counts[Value.CONFORME],
        partiel=counts[Value.PARTIEL],
        non_conforme=counts[Value.NON_CONFORME],
        facts=facts,
        links=(*link.criteria, *link.checks, *link.facts),
        source=link.source.value,
    )


def _state(counts: Counter[Value], facts: int) -> CorroborationState:
    """For, against, both, or nothing; what is partial is both."""
    good, bad = counts[Value.CONFORME] + facts, counts[Value.NON_CONFORME]
    if counts[Value.PARTIEL] or (good and bad):
        return CorroborationState.MIXED
    if good:
        return CorroborationState.SUPPORTS
    return CorroborationState.OPPOSES if bad else CorroborationState.NOTHING


def together(states: Iterable[CorroborationState]) -> CorroborationState:
    """Several links to one target, as one state."""
    kinds = set(states) - {CorroborationState.NOTHING}
    if not kinds:
        return CorroborationState.NOTHING
    return kinds.pop() if len(kinds) == 1 else CorroborationState.MIXED
