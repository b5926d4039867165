"""Whether agents insist on the protection that the declared account uses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from probes.api import Check, Evidence, NotVerified, conforme, non_conforme, partiel
from probes.switching.words import listed
from r2s_audit.model.base import Model
from r2s_audit.model.finding import Judgement, Subject
from r2s_audit.model.observation import Request
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import Message, msg
from r2s_audit.model.topology import Topology

from .asking import administrable, requests_for, subjects_for, the_request
from .facts import LEVELS as USM_LEVELS
from .facts import Level, LevelAttempt, LevelsFacts
from .specs import LEVELS


class LevelParameters(Model):
    """The least that an agent has to demand."""

    required: Level
    authenticated_only: Literal["P", "N"]
    """What an agent is worth that demands authentication, but not the encryption that is required."""


class LevelEnforced(Check[LevelParameters]):
    """Expected: reads below the required level are refused, or silent while the agent lives.

    A refusal is an answer and needs no control; a silence is believed between two reads at the declared level.
    """

    id = "snmp.level-enforced"
    title = msg("Niveau de protection SNMPv3 exigé par l'agent")
    reference = "RFC 3411, 3.4.3 ; RFC 3414, 3.2 ; ANSSI-PA-108 R153 ; référentiel C3.2"
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "pour un silence : le compte déclaré est servi au niveau déclaré, sur la même prise, juste avant et juste après,"
        " sans datagramme perdu"
    )

    def subjects(self, topology: Topology, parameters: LevelParameters) -> Iterable[Subject]:  # noqa: ARG002 - contract
        """Declared switches and routers, and devices that declare an SNMP access."""
        return subjects_for(topology, administrable(topology))

    def requests(self, topology: Topology, subject: Subject, parameters: LevelParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The levels below the declared one, controls included, where there is an access."""
        device = topology.devices[subject.target]
        return requests_for(topology, device, LEVELS) if device.admin.snmp else ()

    def judge(self, subject: Subject, evidence: Evidence, parameters: LevelParameters) -> Judgement:
        """The weakest level that gave a value decides at once; without one, every level below must be refused."""
        expected = msg("lectures refusées par l'agent en dessous du niveau {level}", level=parameters.required)
        facts = evidence.facts(the_request(evidence.topology, subject, LEVELS, expected), LevelsFacts)
        wanted = USM_LEVELS[: USM_LEVELS.index(parameters.required)]
        served = [a.level for a in facts.attempts if a.outcome == "value"]
        if facts.before.answered or facts.after.answered:
            served.append(facts.declared)
        weak = next((level for level in wanted if level in served), None)
        if weak is not None:
            measured = msg("valeur de sysUpTime.0 obtenue au niveau {level}", level=weak)
            only = weak == "authNoPriv" and parameters.authenticated_only == "P"
            if only and not self._refused(facts, "noAuthNoPriv"):
                raise NotVerified(
                    msg("lu au niveau authNoPriv ; le niveau noAuthNoPriv n'a pas pu être éprouvé"), expected=expected
                )
            return (partiel if only else non_conforme)(expected, measured)
        for level in wanted:
            if not self._refused(facts, level):
                raise NotVerified(_doubt(facts, level), expected=expected)
        return conforme(
            expected,
            msg(
                "refus ou silence à {levels} ({answers})",
                levels=listed(wanted),
                answers=listed(a.by or a.outcome for a in facts.attempts if a.level in wanted),
            ),
        )

    @staticmethod
    def _refused(facts: LevelsFacts, level: Level) -> bool:
        """Whether a level is shown refused."""
        found = _at(facts, level)
        if found is None:
            return False
        alive = facts.before.answered and facts.after.answered and not facts.drops
        # An unknown user proves a refused level only where that very user is known.
        return alive if found.outcome == "silence" or found.by == "UnknownUserName" else found.outcome == "denied"


def _at(facts: LevelsFacts, level: Level) -> LevelAttempt | None:
    return next((a for a in facts.attempts if a.level == level), None)


def _doubt(facts: LevelsFacts, level: Level) -> Message:
    """Why a level is not shown refused."""
    found = _at(facts, level)
    if found is None:
        return msg("niveau {level} non éprouvé : l'accès déclaré est de niveau {own}", level=level, own=facts.declared)
    for when, control in (("avant", facts.before), ("après", facts.after)):
        if not control.answered:
            return msg(
                "silence sans valeur : le témoin SNMPv3 ({when} l'essai) n'a pas répondu : {reason}",
                when=when,
                reason=str(control.reason or "–"),
            )
    if found.outcome == "empty":
        return msg("requête acceptée au niveau {level}, mais sysUpTime.0 n'a pas de valeur dans la vue", level=level)
    if found.outcome == "unclear":
        return msg("réponse au niveau {level} qui ne tranche pas : {reason}", level=level, reason=str(found.reason))
    return msg("silence sans valeur : {drops} datagrammes perdus par la prise", drops=facts.drops)
