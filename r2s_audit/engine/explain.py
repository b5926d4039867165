"""What a new judgement changes against the record's own, and which rule, parameter or evidence changed it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from r2s_audit.model.profile import AllRule, AnyRule, CapRule, GradeRule, TiersRule
from r2s_audit.model.text import Message, msg
from r2s_audit.scoring.population import effective_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from r2s_audit.model.audit import Audit, CellState
    from r2s_audit.model.profile import Criterion, Profile, Requirement, Rule
    from r2s_audit.model.verdict import CriterionResult, Verdict

MAX_CELLS = 20
"""Changed cells that are listed for one criterion; more are counted."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A judgement and the profile that it was made with."""

    audit: Audit
    profile: Profile


@dataclass(frozen=True, slots=True)
class Explanation:
    """Lines for one requirement: its rule with the bounds that went into it, then what changed and why."""

    requirement: str
    derivation: Message
    changes: tuple[Message, ...] = ()


def explain(before: Judged, after: Judged, say: Callable[[Message], str]) -> list[Explanation]:
    """Every requirement of the new judgement that has a rule, and every one that either judgement lacks.

    ``before`` is the record's own judgement: its own profile, as of its last entry. What is said to have changed a
    verdict is what differs between the two: the rule, a criterion's parameters, the state of a cell. ``say`` puts what
    was measured into the reader's language.
    """
    old = {r.id: r for r in before.profile.requirements}
    new = {r.id: r for r in after.profile.requirements}
    verdicts = tuple({v.requirement: v for v in judged.audit.verdicts} for judged in (before, after))
    found: list[Explanation] = []
    for name, requirement in new.items():
        if requirement.rule is None or name not in verdicts[1]:
            continue
        changes: list[Message] = []
        if name not in old:
            changes.append(msg("exigence que le profil du dossier n'avait pas"))
        elif name in verdicts[0]:
            changes += _changes((old[name], verdicts[0][name], before), (requirement, verdicts[1][name], after), say)
        found.append(Explanation(name, _derivation(requirement, verdicts[1][name]), tuple(changes)))
    gone = [name for name, requirement in old.items() if requirement.rule is not None and name not in new]
    found += [
        Explanation(name, msg("{requirement} : hors du profil", requirement=name), (msg("exigence retirée du profil"),))
        for name in gone
    ]
    return found


def _derivation(requirement: Requirement, verdict: Verdict) -> Message:
    bounds = "; ".join(f"{c.criterion} [{c.worst.value}, {c.best.value}]" for c in verdict.criteria)
    return msg(
        "{requirement} : {rule} → {worst} … {best} ; critères : {bounds}",
        requirement=requirement.id,
        rule=rule_text(requirement.rule),
        worst=verdict.worst.value,
        best=verdict.best.value,
        bounds=bounds or "–",
    )


def rule_text(rule: Rule | None) -> str:
    """A rule on one line, in the words of the profile's language."""
    match rule:
        case None:
            text = "–"
        case str():
            text = rule
        case AllRule():
            text = f"all({_texts(rule.all)})"
        case AnyRule():
            text = f"any({_texts(rule.any)})"
        case TiersRule():
            text = f"tiers(atteint: {_texts(rule.tiers.atteint)}; partiel: {_texts(rule.tiers.partiel)})"
        case CapRule():
            cap = rule.cap
            text = f"cap({rule_text(cap.rule)}, unless: {rule_text(cap.unless)}, at: {cap.at})"
        case GradeRule():
            text = f"grade({rule_text(rule.grade.rule)}, worst: {rule.grade.worst})"
    return text


def _texts(rules: Iterable[Rule]) -> str:
    return ", ".join(rule_text(rule) for rule in rules)


_Side = tuple["Requirement", "Verdict", Judged]


def _changes(old: _Side, new: _Side, say: Callable[[Message], str]) -> Iterator[Message]:
    """Nothing where the bounds are the same; else the change and its causes, from the rule down to the cells."""
    was, now = old[1], new[1]
    if (was.worst, was.best) == (now.worst, now.best):
        return
    yield msg(
        "verdict : {was_worst} … {was_best} devient {worst} … {best}",
        was_worst=was.worst.value,
        was_best=was.best.value,
        worst=now.worst.value,
        best=now.best.value,
    )
    before, after = rule_text(old[0].rule), rule_text(new[0].rule)
    if before != after:
        yield msg("règle : {before} devient {after}", before=before, after=after)
    results = {c.criterion: c for c in was.criteria}, {c.criterion: c for c in now.criteria}
    criteria = {c.id: c for c in old[0].criteria}, {c.id: c for c in new[0].criteria}
    for name in dict.fromkeys((*criteria[0], *criteria[1])):
        if name not in criteria[1]:
            yield msg("critère {name} : retiré", name=name)
        elif name not in criteria[0]:
            yield msg("critère {name} : ajouté", name=name)
        elif _bounds(results[0].get(name)) != _bounds(results[1].get(name)):
            yield msg(
                "critère {name} : {before} devient {after}",
                name=name,
                before=_bounds(results[0].get(name)),
                after=_bounds(results[1].get(name)),
            )
            yield from _definition(criteria[0][name], criteria[1][name])
            yield from _cells((old, new), name, say)


def _bounds(result: CriterionResult | None) -> str:
    return f"[{result.worst.value}, {result.best.value}]" if result else "–"


def _definition(old: Criterion, new: Criterion) -> Iterator[Message]:
    """What of a criterion is written otherwise."""
    was, now = (c.model_dump(mode="json", by_alias=True) for c in (old, new))
    parameters = was.pop("with"), now.pop("with")
    for name in sorted(parameters[0].keys() | parameters[1].keys()):
        values = [_value(given.get(name)) for given in parameters]
        if values[0] != values[1]:
            yield msg(
                "critère {criterion}, paramètre {name} : {before} devient {after}",
                criterion=new.id,
                name=name,
                before=values[0],
                after=values[1],
            )
    for name in ("check", "over", "worst", "max_age_days"):
        if was[name] != now[name]:
            yield msg(
                "critère {criterion}, {name} : {before} devient {after}",
                criterion=new.id,
                name=name,
                before=_value(was[name]),
                after=_value(now[name]),
            )


def _value(given: object) -> str:
    """A value without its source; ``–`` for none."""
    if given is None:
        return "–"
    return str(given["value"]) if isinstance(given, dict) and "value" in given else str(given)


def _cells(pair: tuple[_Side, _Side], criterion: str, say: Callable[[Message], str]) -> Iterator[Message]:
    """Cells of a criterion whose state changed, with what is measured now."""
    sides = tuple(_states(side, criterion) for side in pair)
    changed = [key for key, cell in sides[1].items() if key not in sides[0] or sides[0][key].state != cell.state]
    for key in changed[:MAX_CELLS]:
        cell, findings = sides[1][key], pair[1][2].audit.findings
        finding = findings[cell.finding] if cell.finding is not None else None
        yield msg(
            "cellule {cell} : {before} devient {after} ({measured})",
            cell=key,
            before=sides[0][key].state if key in sides[0] else "–",
            after=cell.state if finding is None else effective_value(finding).value,
            measured=say(finding.measured) if finding else "–",
        )
    if len(changed) > MAX_CELLS:
        yield msg("cellules changées, en plus : {count}", count=len(changed) - MAX_CELLS)
    if gone := sides[0].keys() - sides[1].keys():
        yield msg("cellules qui ne sont plus demandées : {count}", count=len(gone))


def _states(side: _Side, criterion: str) -> Mapping[str, CellState]:
    requirement, _, judged = side
    return {
        f"{cell.check or '-'}/{cell.subject.key}": cell
        for cell in judged.audit.cells.cells
        if (cell.requirement, cell.criterion) == (requirement.id, criterion)
    }
