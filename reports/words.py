"""The words of verdicts and findings with their symbol: a report printed in black and white says the same."""

from __future__ import annotations

from typing import NamedTuple

from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure
from r2s_audit.model.profile import Source
from r2s_audit.model.record import PassState
from r2s_audit.model.site import Stage
from r2s_audit.model.text import Message, msg
from r2s_audit.model.verdict import Grade, VerdictValue


class Mark(NamedTuple):
    """A word, the symbol that stands for it, and the class of the style sheet that colours both."""

    word: Message
    symbol: str
    style: str


VERDICTS: dict[VerdictValue, Mark] = {
    VerdictValue.ATTEINT: Mark(msg("atteint"), "✓", "good"),
    VerdictValue.PARTIELLEMENT_ATTEINT: Mark(msg("partiellement atteint"), "◐", "part"),
    VerdictValue.NON_ATTEINT: Mark(msg("non atteint"), "✕", "bad"),
    VerdictValue.NON_EVALUE: Mark(msg("non évalué"), "?", "open"),
}
VALUES: dict[Value, Mark] = {
    Value.NON_CONFORME: Mark(msg("non conforme"), "✕", "bad"),
    Value.PARTIEL: Mark(msg("partiel"), "◐", "part"),
    Value.NON_VERIFIE: Mark(msg("non vérifié"), "?", "open"),
    Value.SANS_OBJET: Mark(msg("sans objet"), "–", "none"),
    Value.CONFORME: Mark(msg("conforme"), "✓", "good"),
}
"""Worst first: the order in which findings are listed."""
GRADES: dict[Grade, Mark] = {grade: VALUES[Value(grade.value)] for grade in Grade}
SOURCES: dict[str, Message] = {
    Source.SEED: msg("document du label"),
    Source.STANDARD: msg("norme ou guide"),
    Source.HYPOTHESIS: msg("hypothèse de ce profil"),
    Source.CERTIFIER: msg("barème du certificateur"),
}
STAGES: dict[Stage, Message] = {
    Stage.CONCEPTION: msg("conception"),
    Stage.EXECUTION: msg("exécution"),
    Stage.AS_BUILT: msg("ouvrage réalisé (as built)"),
}
ROLES: dict[str, Message] = {
    "maitre_ouvrage": msg("maître d'ouvrage"),
    "amo": msg("assistant à maîtrise d'ouvrage"),
    "integrateur": msg("intégrateur"),
    "auditeur": msg("auditeur"),
    "exploitant": msg("exploitant"),
    "certificateur": msg("certificateur"),
}
PASS_STATES: dict[PassState, Mark] = {
    PassState.COMPLETE: Mark(msg("complète"), "✓", "good"),
    PassState.STOPPED: Mark(msg("arrêtée"), "◐", "part"),
    PassState.INTERRUPTED: Mark(msg("interrompue"), "◐", "part"),
    PassState.DISCARDED: Mark(msg("écartée"), "–", "none"),
}
FAILURES: dict[Failure, Message] = {
    Failure.UNREACHABLE: msg("injoignable"),
    Failure.TIMEOUT: msg("délai dépassé"),
    Failure.REFUSED: msg("refusé"),
    Failure.ACCESS_DENIED: msg("accès refusé"),
    Failure.MISSING_PRIVILEGE: msg("droit manquant"),
    Failure.MISSING_TOOL: msg("outil manquant"),
    Failure.MISSING_INTERFACE: msg("interface absente"),
    Failure.NOT_SUPPORTED: msg("non pris en charge"),
    Failure.OUT_OF_SCOPE: msg("hors du périmètre"),
    Failure.OVER_BUDGET: msg("budget épuisé"),
    Failure.LIMIT_EXCEEDED: msg("borne dépassée"),
    Failure.STOPPED: msg("arrêté"),
    Failure.INTERNAL_ERROR: msg("erreur interne"),
}
MONTHS: tuple[Message, ...] = (
    msg("{day} janvier {year}"),
    msg("{day} février {year}"),
    msg("{day} mars {year}"),
    msg("{day} avril {year}"),
    msg("{day} mai {year}"),
    msg("{day} juin {year}"),
    msg("{day} juillet {year}"),
    msg("{day} août {year}"),
    msg("{day} septembre {year}"),
    msg("{day} octobre {year}"),
    msg("{day} novembre {year}"),
    msg("{day} décembre {year}"),
)
