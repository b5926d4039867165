"""The least effort to a level, exactly.

Each requirement may stay where it certainly is or be brought to a higher state, at an effort; a level wants so many
points and so many prerequisites. That is a multiple-choice knapsack. It is solved by dynamic programming over the
requirements, keeping every combination that no other one beats at once in points, prerequisites and effort (Nemhauser
and Ullmann, 1969: dropping the beaten ones loses no optimum), in exact fractions. What cannot reach the level any more
whatever follows, or costs more than a way that is known, is dropped as well. Nothing is rounded or guessed; beyond
``MAX_STATES`` kept combinations the answer is refused, not approximated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from r2s_audit.model.profile import Effort, Level, Profile, Requirement, Source
from r2s_audit.model.score import Lift, Move
from r2s_audit.model.text import msg
from r2s_audit.model.verdict import VerdictValue

from .claims import RANK, Bounds
from .exact import exact
from .points import weight, whole_points

MAX_STATES = 500_000


class TooHardError(ValueError):
    """More combinations than are kept: no answer rather than a guess."""


class Cost(NamedTuple):
    """What is made least, in this order: effort, number of moves, and the profile's order among equals."""

    effort: Fraction
    moves: int
    order: int

    def plus(self, other: Cost) -> Cost:
        """Both together."""
        return Cost(self.effort + other.effort, self.moves + other.moves, self.order + other.order)


class Choice(NamedTuple):
    """One way to treat a requirement: the state, what it brings, what it costs."""

    to: VerdictValue
    points: Fraction
    prerequisite: int
    cost: Cost


@dataclass(frozen=True, slots=True)
class _State:
    points: Fraction
    prerequisites: int
    cost: Cost
    taken: tuple[int, ...]


class Solution(NamedTuple):
    """The cheapest choices, one index per item, and how many combinations were kept on the way."""

    taken: tuple[int, ...] | None
    kept: int


def cheapest(items: Sequence[Sequence[Choice]], points: Fraction, prerequisites: int) -> Solution:
    """One choice per item with the least cost that reaches both; ``taken`` is None where nothing does.

    Raises:
        TooHardError: more than MAX_STATES combinations that none other beats.
    """
    to_come = _to_come(items)
    states = [_State(Fraction(0), 0, Cost(Fraction(0), 0, 0), ())]
    kept = 1
    ceiling = _some_way(items, points, prerequisites)
    for place, choices in enumerate(items, 1):
        rest_points, rest_prerequisites = to_come[place]
        grown = [
            _State(
                min(points, state.points + choice.points),
                min(prerequisites, state.prerequisites + choice.prerequisite),
                state.cost.plus(choice.cost),
                (*state.taken, index),
            )
            for state in states
            for index, choice in enumerate(choices)
            if state.points + choice.points + rest_points >= points
            and state.prerequisites + choice.prerequisite + rest_prerequisites >= prerequisites
        ]
        states = _unbeaten([s for s in grown if ceiling is None or s.cost <= ceiling])
        kept += len(states)
        if kept > MAX_STATES:
            raise TooHardError(f"more than {MAX_STATES} combinations")
    best = min(states, key=lambda state: state.cost, default=None)
    return Solution(best.taken if best is not None else None, kept)


def _to_come(items: Sequence[Sequence[Choice]]) -> list[tuple[Fraction, int]]:
    """From each place on, the most points and prerequisites that the remaining items can still bring."""
    result = [(Fraction(0), 0)]
    for choices in reversed(items):
        points, prerequisites = result[-1]
        result.append(
            (
                points + max(choice.points for choice in choices),
                prerequisites + max(choice.prerequisite for choice in choices),
            )
        )
    return result[::-1]


def _some_way(items: Sequence[Sequence[Choice]], points: Fraction, prerequisites: int) -> Cost | None:
    """The cost of one way that reaches both: from everything at its best, give up what costs most for its points."""
    taken = [max(choices, key=lambda c: (c.prerequisite, c.points, -c.cost.effort)) for choices in items]
    if sum((c.points for c in taken), Fraction(0)) < points or sum(c.prerequisite for c in taken) < prerequisites:
        return None
    for place in sorted(range(len(items)), key=lambda i: (-taken[i].cost.effort, i)):
        for choice in sorted(items[place], key=lambda c: c.cost):
            tried = [*taken[:place], choice, *taken[place + 1 :]]
            if (
                sum((c.points for c in tried), Fraction(0)) >= points
                and sum(c.prerequisite for c in tried) >= prerequisites
            ):
                taken = tried
                break
    return Cost(
        sum((c.cost.effort for c in taken), Fraction(0)),
        sum(c.cost.moves for c in taken),
        sum(c.cost.order for c in taken),
    )


def _unbeaten(states: Sequence[_State]) -> list[_State]:
    """The states that no other equals or betters in points and prerequisites at the same or a lower cost."""
    kept: list[_State] = []
    best: dict[int, Fraction] = {}
    for state in sorted(states, key=lambda s: (s.cost, -s.points, -s.prerequisites)):
        if any(met >= state.prerequisites and points >= state.points for met, points in best.items()):
            continue
        best[state.prerequisites] = max(state.points, best.get(state.prerequisites, Fraction(-1)))
        kept.append(state)
    return kept


def lifts(profile: Profile, bounds: Mapping[str, Bounds], targets: Sequence[str]) -> tuple[Lift, ...]:
    """For each level, what to bring to which state at the least effort so that the level is certain.

    ``bounds`` are those that the score rests on. A requirement without an effort stays where it certainly is. Raises
    TooHardError, and KeyError for a level that the profile does not have.
    """
    levels = {level.id: level for level in profile.levels}
    items = [
        _choices(profile, place, requirement, bounds[requirement.id])
        for place, requirement in enumerate(profile.requirements)
    ]
    return tuple(_lift(profile, levels[target], items, bounds) for target in targets)


def _choices(profile: Profile, place: int, requirement: Requirement, bounds: Bounds) -> list[Choice]:
    minimum = RANK[VerdictValue(profile.prerequisite_minimum.value)]
    start = bounds.worst
    found = []
    for value, rank in RANK.items():
        if rank < RANK[start] or (value is not start and requirement.effort is None):
            continue
        effort = _effort(requirement.effort, value) - _effort(requirement.effort, start)
        moved = value is not start
        # Among ways of the same effort and number of moves, the earlier requirements of the profile are preferred.
        order = 3 ** (place + 1) * rank if moved else 0
        found.append(
            Choice(
                to=value,
                points=whole_points(requirement) * weight(requirement, value),
                prerequisite=int(requirement.prerequisite.value and rank >= minimum),
                cost=Cost(effort, int(moved), order),
            )
        )
    return found


def _effort(effort: Effort | None, value: VerdictValue) -> Fraction:
    if effort is None or value is VerdictValue.NON_ATTEINT:
        return Fraction(0)
    return Fraction((effort.atteint if value is VerdictValue.ATTEINT else effort.partiel).value)


def _lift(profile: Profile, level: Level, items: Sequence[Sequence[Choice]], bounds: Mapping[str, Bounds]) -> Lift:
    solution = cheapest(items, Fraction(level.points.value), level.prerequisites.value)
    hypothesis = any(
        Source.HYPOTHESIS in {r.effort.partiel.source, r.effort.atteint.source}
        for r in profile.requirements
        if r.effort is not None
    )
    if solution.taken is None:
        return Lift(
            level=level.id,
            title=level.title,
            reachable=False,
            hypothesis=hypothesis,
            states=solution.kept,
            said=msg("aucune combinaison d'exigences ne donne ce niveau"),
        )
    chosen = [choices[index] for choices, index in zip(items, solution.taken, strict=True)]
    moves = tuple(
        Move(
            requirement=requirement.id,
            title=requirement.title,
            prerequisite=requirement.prerequisite.value,
            start=bounds[requirement.id].worst,
            to=choice.to,
            open=RANK[bounds[requirement.id].best] >= RANK[choice.to],
            effort=exact(choice.cost.effort),
            points=exact(choice.points - whole_points(requirement) * weight(requirement, bounds[requirement.id].worst)),
        )
        for requirement, choice in zip(profile.requirements, chosen, strict=True)
        if choice.cost.moves
    )
    said = (
        msg(
            "effort le plus faible, prouvé : {states} combinaisons comparées, aucune autre ne coûte moins",
            states=solution.kept,
        )
        if moves
        else msg("niveau déjà établi : rien à faire")
    )
    return Lift(
        level=level.id,
        title=level.title,
        reachable=True,
        moves=moves,
        effort=exact(sum((c.cost.effort for c in chosen), Fraction(0))),
        points=exact(sum((c.points for c in chosen), Fraction(0))),
        hypothesis=hypothesis,
        states=solution.kept,
        said=said,
    )
