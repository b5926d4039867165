"""A check of several rules: each measured for itself, and together one judgement that names every rule that fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.api import NotVerified, conforme, non_conforme
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from r2s_audit.model.finding import Judgement
    from r2s_audit.model.text import Message


@dataclass(frozen=True, slots=True)
class Item:
    """One rule on one object: met, not met, or not known (None)."""

    rule: str
    ok: bool | None
    datum: str
    """What was measured, without a word of any language: it stands in a list."""
    sentence: Message
    """The same as a sentence: it stands alone."""


def settle(items: Sequence[Item], expected: Message) -> Judgement:
    """N where a rule is not met, C where all are.

    Raises:
        NotVerified: no rule fails, and some are not known, or there is none.
    """
    failed = [item for item in items if item.ok is False]
    unknown = [item for item in items if item.ok is None]
    if len(failed) == 1:
        return non_conforme(expected, failed[0].sentence)
    if failed:
        return non_conforme(expected, msg("écarts ({count}) : {failed}", count=len(failed), failed=_listed(failed)))
    if len(unknown) == 1:
        raise NotVerified(unknown[0].sentence, expected=expected)
    if unknown or not items:
        raise NotVerified(msg("règles non vérifiables : {unknown}", unknown=_listed(unknown) or "-"), expected=expected)
    if len(items) == 1:
        return conforme(expected, items[0].sentence)
    return conforme(expected, msg("règles respectées : {passed}", passed=_listed(items)))


def unreadable_leaf(rules: Sequence[str]) -> list[Item]:
    """Every rule is open where the server's own certificate does not parse."""
    sentence = msg("le certificat présenté n'est pas un certificat X.509 lisible")
    return [Item(rule, None, "?", sentence) for rule in rules]


def _listed(items: Iterable[Item]) -> str:
    """Each rule with its measure, once."""
    return " ; ".join(dict.fromkeys(f"{item.rule} {item.datum}".rstrip() for item in items))
