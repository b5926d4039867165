"""Whether a port lets nothing through before authentication, and whether it asks for one."""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from probes.api import Check, NotVerified, conforme, non_conforme, partiel
from probes.dot1x.facts import ClosedFacts, Kind, Listening, StartFacts
from probes.dot1x.port import Reached, ask_closed, ask_start, require_hearing, require_sent, subjects
from r2s_audit.model.base import Model
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from probes.dot1x.facts import Knock
    from r2s_audit.model.finding import Judgement, Subject
    from r2s_audit.model.observation import Request
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology

Seconds = Annotated[int, Field(ge=1, le=30)]


class Windows(Model):
    """How long is listened."""

    silence_seconds: Annotated[int, Field(ge=1, le=120)]
    """Without a word of ours."""
    answer_seconds: Seconds
    """After the questions."""


class Answering(Windows):
    """As for the closed port, whose observation shows whether anything else opens it."""

    request_seconds: Seconds
    """Within which an EAP-Request/Identity has to come."""


class PortClosed(Check[Windows]):
    """Nothing but EAPOL, LLDP, STP and the link's own protocols; a guest VLAN is partiel, access to the site is not.

    ============================  =================================  ==============================================
    heard or answered             controls                           judgement
    ============================  =================================  ==============================================
    a declared VLAN answers       any                                N, P where it is the visitors' alone
    an unknown network answers    any                                not verified: whose it is, nobody declared
    other traffic leaks out       any                                P: listening needs no authentication
    nothing else                  link held, EAPOL, LLDP or STP      C
                                  heard, no loss, questions left
    nothing else                  one of them missing                not verified
    ============================  =================================  ==============================================

    What a visitors' VLAN may reach from there is the business of the ``vlan`` family.
    """

    id = "dot1x.port-closed"
    title = msg("Port fermé avant authentification")
    reference = "IEEE 802.1X-2020 §6.4 ; ANSSI contrôle d'accès et vidéoprotection v2.2, R19"
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "lien présent tout du long, EAPOL, LLDP ou STP entendu dans la même fenêtre, questions vues partir, capture"
        " sans perte"
    )

    def subjects(self, topology: Topology, parameters: Windows) -> Iterable[Subject]:
        return subjects(topology)

    def requests(self, topology: Topology, subject: Subject, parameters: Windows) -> Sequence[Request]:
        return [ask_closed(subject, parameters.silence_seconds, parameters.answer_seconds)]

    def judge(self, subject: Subject, evidence: Evidence, parameters: Windows) -> Judgement:
        (asked,) = self.requests(evidence.topology, subject, parameters)
        facts = evidence.facts(asked, ClosedFacts)
        expected = msg("rien d'autre que EAPOL, LLDP et STP pendant {s} s", s=parameters.silence_seconds)
        if facts.knock is None or facts.silent is None or facts.asked is None:
            require_hearing(facts.link, facts.loss)
            raise NotVerified(msg("le point n'a pas écouté"), expected=expected)
        reached = Reached(evidence.topology, facts.knock)
        match reached.extent(evidence.topology):
            case "site":
                return non_conforme(expected, _opened(reached))
            case "guests":
                return partiel(expected, _opened(reached))
            case "strange":
                raise NotVerified(
                    msg("un réseau non déclaré répond sans authentification : {what}", what=", ".join(reached.strange)),
                    expected=expected,
                )
            case "nothing":
                return self._nothing_answered(facts, facts.silent, facts.asked, facts.knock, expected)

    @staticmethod
    def _nothing_answered(
        facts: ClosedFacts, silent: Listening, asked: Listening, answers: Knock, expected: Message
    ) -> Judgement:
        leaked = silent.leaked + asked.leaked
        if leaked:
            return partiel(
                expected,
                msg("{n} trames du réseau reçues sans authentification : {what}", n=leaked, what=_kinds(facts)),
            )
        require_hearing(facts.link, facts.loss)
        require_sent(answers)
        if not (silent.control or asked.control):
            raise NotVerified(
                msg("rien entendu, pas même EAPOL, LLDP ou STP : le port est peut-être mort"), expected=expected
            )
        controls = sum(phase.count(Kind.EAPOL, Kind.LLDP, Kind.STP) for phase in (silent, asked))
        return conforme(
            expected,
            msg("aucune réponse à DHCP, ARP et RS ; {n} trames EAPOL, LLDP ou STP entendues", n=controls),
        )


class AuthenticatorAnswers(Check[Answering]):
    """An EAP-Request/Identity in time. Silence alone is not judged: a port that filters MAC addresses is silent too.

    Where nothing asks and the port is open all the same, nothing authenticates: non conforme. Where nothing asks and
    the port is closed, it may be MAC filtering, which is judged by its own check, or an authenticator that is off.
    """

    id = "dot1x.authenticator-answers"
    title = msg("Le port demande une authentification 802.1X")
    reference = "IEEE 802.1X-2020 §8.4 ; RFC 3748 §5.1"
    intrusiveness = Intrusiveness.SAFE
    controls = msg("aucun pour une réponse ; le silence demande que le port soit vu ouvert sans authentification")

    def subjects(self, topology: Topology, parameters: Answering) -> Iterable[Subject]:
        return subjects(topology)

    def requests(self, topology: Topology, subject: Subject, parameters: Answering) -> Sequence[Request]:
        return [
            ask_start(subject, parameters.request_seconds),
            ask_closed(subject, parameters.silence_seconds, parameters.answer_seconds),
        ]

    def judge(self, subject: Subject, evidence: Evidence, parameters: Answering) -> Judgement:
        start, closed = self.requests(evidence.topology, subject, parameters)
        facts = evidence.facts(start, StartFacts)
        expected = msg("EAP-Request/Identity en {s} s au plus", s=parameters.request_seconds)
        if facts.requested and facts.elapsed_ms is not None and facts.authenticator is not None:
            return conforme(
                expected,
                msg("{mac} demande l'identité en {ms} ms", mac=facts.authenticator, ms=round(facts.elapsed_ms, 1)),
            )
        require_hearing(facts.link, facts.loss)
        if facts.frames_seen < facts.starts:
            raise NotVerified(msg("EAPOL-Start jamais vu partir"), expected=expected)
        before = evidence.facts(closed, ClosedFacts)
        reached = None if before.knock is None else Reached(evidence.topology, before.knock)
        if reached is not None and reached.vlans:
            return non_conforme(
                expected, msg("aucune demande, et le VLAN {vlans} répond sans authentification", vlans=reached.names)
            )
        raise NotVerified(
            msg("aucune demande d'identité d'un port fermé : filtrage MAC ou authentificateur arrêté, non tranché"),
            expected=expected,
        )


def _opened(reached: Reached) -> Message:
    return msg("le VLAN {vlans} répond sans authentification", vlans=reached.names)


def _kinds(facts: ClosedFacts) -> str:
    """The kinds of the frames that leaked, each once, with one of its senders."""
    phases: list[Listening] = [phase for phase in (facts.silent, facts.asked) if phase is not None]
    found: dict[Kind, str] = {}
    for phase in phases:
        for row in phase.heard:
            if not row.kind.is_of_the_link:
                found.setdefault(row.kind, row.source)
    return ", ".join(f"{kind.value} ({source})" for kind, source in found.items()) or "-"
