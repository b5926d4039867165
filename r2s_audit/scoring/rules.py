"""A requirement's rule, evaluated over the standings of its criteria."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from r2s_audit.model.profile import AllRule, AnyRule, CapRule, Rule, TiersRule
from r2s_audit.model.verdict import Grade

from .interval import UNKNOWN, Interval, all_of, any_of, cap, graded, tiers
from .population import Standing


def evaluate(rule: Rule, standings: Mapping[str, Standing]) -> Interval | None:
    """The interval of a rule over its leaves; None where all of them have left it.

    KeyError where the rule names a criterion that is not there: a profile with such a rule is refused when loaded.
    """
    if isinstance(rule, str):
        return standings[rule].interval
    if isinstance(rule, AllRule):
        return all_of(evaluate(part, standings) for part in rule.all)
    if isinstance(rule, AnyRule):
        return any_of(_supported(part, standings) for part in rule.any)
    if isinstance(rule, TiersRule):
        return tiers(
            all_of(evaluate(part, standings) for part in rule.tiers.atteint),
            all_of(evaluate(part, standings) for part in rule.tiers.partiel),
        )
    if isinstance(rule, CapRule):
        return cap(_supported(rule.cap.rule, standings), evaluate(rule.cap.unless, standings), Grade(rule.cap.at))
    return graded(evaluate(rule.grade.rule, standings), Grade(rule.grade.worst))


def conclude(rule: Rule | None, standings: Mapping[str, Standing]) -> Interval:
    """The interval of a whole requirement; ``[N, C]`` without a rule, or where every leaf has left it."""
    if rule is None:
        return UNKNOWN
    return _supported(rule, standings) or UNKNOWN


def _supported(rule: Rule, standings: Mapping[str, Standing]) -> Interval | None:
    """The interval of a part that something verified supports; ``[N, C]`` where no cell left in it is verified.

    A grade (« costs no more than ») guarantees nothing by itself. This also keeps the invariant: an unverified leaf may
    yet turn out *sans objet*, and then the guarantee of its grade leaves the rule with it. In an ``all`` this changes
    nothing, since what leaves there can only have lowered the result.
    """
    interval = evaluate(rule, standings)
    if interval is None or any(standings[leaf].verified for leaf in leaves(rule)):
        return interval
    return UNKNOWN


def leaves(rule: Rule) -> Iterator[str]:
    """The criteria that a rule names, in order, with repetitions."""
    if isinstance(rule, str):
        yield rule
        return
    for _, part in branches(rule):
        yield from leaves(part)


def branches(rule: Rule) -> Iterator[tuple[tuple[str | int, ...], Rule]]:
    """The direct parts of a rule, each with its path in the profile file below the rule."""
    if isinstance(rule, str):
        return
    if isinstance(rule, AllRule):
        yield from ((("all", i), part) for i, part in enumerate(rule.all))
    elif isinstance(rule, AnyRule):
        yield from ((("any", i), part) for i, part in enumerate(rule.any))
    elif isinstance(rule, TiersRule):
        yield from ((("tiers", "atteint", i), part) for i, part in enumerate(rule.tiers.atteint))
        yield from ((("tiers", "partiel", i), part) for i, part in enumerate(rule.tiers.partiel))
    elif isinstance(rule, CapRule):
        yield ("cap", "rule"), rule.cap.rule
        yield ("cap", "unless"), rule.cap.unless
    else:
        yield ("grade", "rule"), rule.grade.rule
