"""Words of what goes with a score: verdicts, declarations, corroborations, stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from r2s_audit.model.score import ClaimStatus, CorroborationState, ServiceStatus
from r2s_audit.model.text import Message, msg
from r2s_audit.model.verdict import VerdictValue
from reports import words
from reports.words import Mark

if TYPE_CHECKING:
    from r2s_audit.model.profile import Bilingual

VERDICTS: dict[VerdictValue, Message] = {value: mark.word for value, mark in words.VERDICTS.items()}
STAGES = words.STAGES
CLAIMS: dict[str, Message] = {
    "atteint": msg("atteint"),
    "partiellement_atteint": msg("partiellement atteint"),
    "non_atteint": msg("non atteint"),
    "valide": msg("service en place"),
    "non_valide": msg("service absent"),
}
STATUSES: dict[ClaimStatus, Mark] = {
    ClaimStatus.RETAINED: Mark(msg("retenue"), "✓", "good"),
    ClaimStatus.AGREES: Mark(msg("sans effet"), "=", "none"),
    ClaimStatus.CONTRADICTED: Mark(msg("contredite"), "✕", "bad"),
    ClaimStatus.CONFLICTING: Mark(msg("en conflit"), "✕", "bad"),
    ClaimStatus.SUPERSEDED: Mark(msg("remplacée"), "–", "none"),
    ClaimStatus.EXPIRED: Mark(msg("échue"), "✕", "bad"),
    ClaimStatus.NOT_YET: Mark(msg("à venir"), "–", "none"),
    ClaimStatus.WITHOUT_PROOF: Mark(msg("sans preuve"), "?", "open"),
}
WAIVERS: dict[ClaimStatus, Mark] = {ClaimStatus.RETAINED: Mark(msg("en vigueur"), "–", "none")}
"""Where a waiver is called otherwise than a declaration: it is no success."""
CORROBORATIONS: dict[CorroborationState, Mark] = {
    CorroborationState.SUPPORTS: Mark(msg("corroboré"), "✓", "good"),
    CorroborationState.OPPOSES: Mark(msg("constats contraires"), "✕", "bad"),
    CorroborationState.MIXED: Mark(msg("constats partagés"), "◐", "part"),
    CorroborationState.NOTHING: Mark(msg("aucun constat"), "?", "open"),
}
SERVICES: dict[ServiceStatus, Mark] = {
    ServiceStatus.DECLARED: Mark(msg("déclaré"), "✓", "good"),
    ServiceStatus.ABSENT: Mark(msg("déclaré absent"), "✕", "bad"),
    ServiceStatus.OPEN: Mark(msg("non déclaré"), "?", "open"),
}
VIGNETTES: dict[tuple[bool, bool], Mark] = {
    (True, True): Mark(msg("obtenue"), "✓", "good"),
    (False, True): Mark(msg("encore possible"), "◐", "part"),
    (False, False): Mark(msg("hors d'atteinte"), "✕", "bad"),
}
"""By whether enough services are declared, and whether enough may still be."""


def in_language(text: Bilingual, language: str) -> str:
    """The text in the reader's language, in French where there is no other."""
    return (text.en if language == "en" else "") or text.fr
