"""``tls.suites``: accepted cipher suites and key exchanges (SDE-NT-35, R6, R7, R9, R10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field

from probes.api import Check, NotVerified, conforme, non_conforme, partiel
from probes.tls.subjects import EndpointCheck
from probes.tls.suites import has_forward_secrecy, is_cbc, key_exchange
from probes.tls.wire_hello import ffdhe_bits
from r2s_audit.model.base import Model
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from probes.tls.facts import SuiteResult, TlsEndpoint
    from r2s_audit.model.finding import Judgement, Subject

CodePoint = Annotated[
    str, Field(pattern=r"^0[xX][0-9a-fA-F]{4}$"), AfterValidator(lambda text: f"0x{int(text, 16):04X}")
]
"""IANA code point of a suite: ``0x1301``."""
_SHOWN = 12
"""Suites that a sentence lists; all of them are in the observation."""


class SuiteLists(Model):
    """Suites that a policy allows; every other one is refused by it."""

    recommended: Annotated[list[CodePoint], Field(min_length=1)]
    tolerated: list[CodePoint] = []
    """Accepting one of them costs the full mark: P."""


class SuitesParameters(Model):
    """What the policy says of suites and key exchanges."""

    suites: SuiteLists
    """R9, R10 and the annex, by code point."""
    forward_secrecy: bool
    """R6: a suite without ephemeral Diffie-Hellman is refused even where it is listed."""
    groups: Annotated[list[str], Field(min_length=1)]
    """R7: IANA names of allowed groups; finite-field groups are judged by size instead."""
    dhe_bits: Annotated[int, Field(ge=1)]
    """R7-: smallest finite-field prime, in bits."""
    cbc_needs_encrypt_then_mac: bool
    """R10-: a CBC suite is refused where RFC 7366 was not agreed."""


class Suites(EndpointCheck[SuitesParameters], Check[SuitesParameters]):
    """C: recommended suites only; P: tolerated ones too; N: any other, or a key exchange that the policy refuses."""

    id = "tls.suites"
    title = msg("Suites cryptographiques et échanges de clés acceptés par chaque service chiffré")
    reference = "ANSSI SDE-NT-35 v1.2, R6, R7, R9, R10"
    controls: ClassVar[Message] = msg("poignée de main réussie avec le même service avant et après l'énumération")
    Parameters = SuitesParameters

    def expected(self, parameters: SuitesParameters) -> Message:
        """What is allowed, in short."""
        return msg(
            "uniquement des suites recommandées ({recommended}), à confidentialité persistante",
            recommended=", ".join(parameters.suites.recommended),
        )

    def judge_endpoint(self, facts: TlsEndpoint, parameters: SuitesParameters, subject: Subject) -> Judgement:  # noqa: ARG002 - the contract's form
        """See the class."""
        expected = self.expected(parameters)
        seen = [suite for accepted in facts.suites for suite in accepted.suites]
        faults = {suite.name: found for suite in seen if (found := _faults(suite, parameters))}
        if faults:
            items = [f"{name} ({found})" for name, found in faults.items()]
            return non_conforme(
                expected,
                msg(
                    "suites hors règle ({count} sur {total} acceptées) : {items}",
                    count=len(faults),
                    total=len({suite.name for suite in seen}),
                    items=_listed(items),
                ),
            )
        if not seen:
            raise NotVerified(msg("aucune suite acceptée n'a pu être observée"), expected=expected)
        if facts.mode == "single":
            raise NotVerified(
                msg(
                    "une seule poignée de main permise : {suite} choisie, les autres sont inconnues", suite=seen[0].name
                ),
                expected=expected,
            )
        _raise_if_open(facts, seen, expected)
        tolerated = [
            s.name
            for s in seen
            if s.code in parameters.suites.tolerated and s.code not in parameters.suites.recommended
        ]
        names = list(dict.fromkeys(s.name for s in seen))
        if tolerated:
            return partiel(
                expected,
                msg("suites tolérées parmi celles acceptées : {items}", items=_listed(list(dict.fromkeys(tolerated)))),
            )
        return conforme(expected, msg("suites acceptées ({count}) : {items}", count=len(names), items=_listed(names)))


def _faults(suite: SuiteResult, parameters: SuitesParameters) -> str:
    """The rules that a suite, with its key exchange, does not meet; empty where it meets them all."""
    lists = parameters.suites
    found: list[str] = []
    if suite.code not in lists.recommended and suite.code not in lists.tolerated:
        found.append("R9/R10")
    if parameters.forward_secrecy and not has_forward_secrecy(suite.name):
        found.append("R6")
    if parameters.cbc_needs_encrypt_then_mac and is_cbc(suite.name) and not suite.encrypt_then_mac:
        found.append("R10-")
    if suite.group and ffdhe_bits(suite.group) is None and suite.group not in parameters.groups:
        found.append(f"R7 {suite.group}")
    if suite.dh_bits is not None and suite.dh_bits < parameters.dhe_bits:
        found.append(f"R7- {suite.dh_bits}")
    return ", ".join(found)


def _raise_if_open(facts: TlsEndpoint, seen: list[SuiteResult], expected: Message) -> None:
    """NotVerified where some suite may have escaped, or where the parameters of an exchange were not seen."""
    if not (facts.controls.before and facts.controls.after):
        raise NotVerified(msg("énumération sans poignée de main témoin avant et après"), expected=expected)
    partial = [s.version for s in facts.suites if not s.complete]
    partial += [v.version for v in facts.versions if v.status in {"error", "untested"}]
    if partial:
        raise NotVerified(msg("énumération incomplète pour {versions}", versions=", ".join(partial)), expected=expected)
    blind = [s.name for s in seen if not s.group and s.dh_bits is None and _has_group(s.name)]
    if blind:
        raise NotVerified(
            msg("groupe d'échange de clés non observé pour {items}", items=_listed(blind)), expected=expected
        )


def _has_group(name: str) -> bool:
    exchange = key_exchange(name)
    return not exchange or exchange.startswith(("ECDHE", "DHE"))


def _listed(items: list[str]) -> str:
    return ", ".join(items[:_SHOWN]) + (" …" if len(items) > _SHOWN else "")
