"""Whether the declared identity gets in, into the declared VLAN, and a false one does not."""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from probes.api import Check, NotVerified, conforme, non_conforme, partiel
from probes.dot1x.facts import AuthenticationFacts
from probes.dot1x.port import AUTHENTICATE, ORDER, Reached, points, require_hearing, require_sent, subjects, vlan_of
from r2s_audit.model.base import Model
from r2s_audit.model.finding import Subject
from r2s_audit.model.observation import request
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from probes.dot1x.facts import Knock
    from r2s_audit.model.finding import Judgement
    from r2s_audit.model.observation import Request
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology

METHODS = {
    4: "EAP-MD5",
    13: "EAP-TLS",
    17: "LEAP",
    21: "EAP-TTLS",
    25: "PEAP",
    26: "MSCHAPv2",
    43: "EAP-FAST",
    55: "TEAP",
}
"""IANA EAP method types that a sentence names."""


class Trial(Model):
    """How long is waited, and how many refusals a pass may draw."""

    authentication_seconds: Annotated[int, Field(ge=5, le=60)]
    """From the supplicant's start to success or failure."""
    open_seconds: Annotated[int, Field(ge=1, le=60)]
    """For the port to open after a success."""
    answer_seconds: Annotated[int, Field(ge=1, le=30)]
    """After the questions that should be unanswered."""
    lockout_budget: Annotated[int, Field(ge=1, le=3)]
    """Refused authentications of a whole pass, all points together."""


class OpensPort(Check[Trial]):
    """Success, and the declared VLAN answers; closed before, closed again after the Logoff: else it proves nothing."""

    id = "dot1x.authentication-opens-port"
    title = msg("L'identité déclarée entre, dans le VLAN déclaré")
    reference = "IEEE 802.1X-2020 §6.4 ; RFC 3580 §3.31 ; RFC 5216"
    intrusiveness = Intrusiveness.SAFE
    controls = msg("port fermé avant l'authentification et après le Logoff, capture sans perte")

    def subjects(self, topology: Topology, parameters: Trial) -> Iterable[Subject]:
        return subjects(topology)

    def requests(self, topology: Topology, subject: Subject, parameters: Trial) -> Sequence[Request]:
        return [_trial(subject, "declared", parameters)]

    def judge(self, subject: Subject, evidence: Evidence, parameters: Trial) -> Judgement:
        topology = evidence.topology
        facts = evidence.facts(_trial(subject, "declared", parameters), AuthenticationFacts)
        vlan = vlan_of(topology, subject)
        expected = msg("authentifié, puis le VLAN {id} ({name}) répond", id=vlan.id, name=vlan.name)
        if facts.result == "failure":
            return non_conforme(expected, _refusal(facts))
        if facts.result != "success" or facts.opened is None or facts.before is None or facts.closed is None:
            require_hearing(facts.link, facts.loss)
            raise NotVerified(_unanswered(facts), expected=expected)
        reached, method = Reached(topology, facts.opened), _method(facts)
        if _elsewhere(reached, vlan.id):
            return non_conforme(
                expected, msg("authentifié ({method}), mais dans le VLAN {vlans}", method=method, vlans=reached.names)
            )
        if vlan.id not in reached.vlans:
            raise NotVerified(
                msg("authentifié ({method}), mais rien ne répond du VLAN {id}", method=method, id=vlan.id),
                expected=expected,
            )
        _require_closed(facts.before, msg("le port répondait déjà avant l'authentification"), expected)
        _require_closed(facts.closed, msg("le port répond encore après le Logoff"), expected)
        require_hearing(facts.link, facts.loss)
        return conforme(
            expected,
            msg(
                "{method} en {ms} ms, le VLAN {id} répond, refermé après le Logoff",
                method=method,
                ms=round(facts.elapsed_ms or 0.0, 1),
                id=vlan.id,
            ),
        )


class BadCredentialsRefused(Check[Trial]):
    """One try of an identity that nobody has, from the first point that declares credentials: refused, still closed.

    One point speaks for all: refusals are counted against accounts and ports, and every point asks the same server.
    """

    id = "dot1x.bad-credentials-refused"
    title = msg("Une identité fausse est refusée et le port reste fermé")
    reference = "RFC 3748 §4.2 ; IEEE 802.1X-2020 §6.4"
    intrusiveness = Intrusiveness.SAFE
    controls = msg("EAP-Failure reçu, questions vues partir, lien présent, capture sans perte")

    def subjects(self, topology: Topology, parameters: Trial) -> Iterable[Subject]:
        every = points(topology)
        first = next((point for point in every if point.dot1x is not None), every[0] if every else None)
        return [] if first is None else [Subject(target=first.socket, point=first.id)]

    def requests(self, topology: Topology, subject: Subject, parameters: Trial) -> Sequence[Request]:
        return [_trial(subject, "fictitious", parameters)]

    def judge(self, subject: Subject, evidence: Evidence, parameters: Trial) -> Judgement:
        topology = evidence.topology
        facts = evidence.facts(_trial(subject, "fictitious", parameters), AuthenticationFacts)
        expected = msg("EAP-Failure, et le port reste fermé")
        if facts.result == "success":
            return non_conforme(expected, msg("une identité inventée est acceptée ({method})", method=_method(facts)))
        if facts.result != "failure" or facts.closed is None:
            require_hearing(facts.link, facts.loss)
            raise NotVerified(_unanswered(facts), expected=expected)
        if facts.validated is not True:
            raise NotVerified(
                msg("le serveur n'a pas été validé : l'identité fausse ne lui a pas été montrée"), expected=expected
            )
        reached = Reached(topology, facts.closed)
        found = msg("refusée, mais le VLAN {vlans} répond", vlans=reached.names)
        match reached.extent(topology):
            case "site":
                return non_conforme(expected, found)
            case "guests":
                return partiel(expected, found)
        _require_closed(facts.closed, msg("refusée, mais un réseau non déclaré répond"), expected)
        require_hearing(facts.link, facts.loss)
        return conforme(expected, msg("refusée ({method}), aucune réponse à DHCP, ARP et RS", method=_method(facts)))


def _trial(subject: Subject, identity: Literal["declared", "fictitious"], parameters: Trial) -> Request:
    return request(
        AUTHENTICATE,
        subject.point,
        subject.target,
        order=ORDER[identity],
        identity=identity,
        auth_s=parameters.authentication_seconds,
        open_s=parameters.open_seconds,
        answer_s=parameters.answer_seconds,
        failures=parameters.lockout_budget,
    )


def _elsewhere(reached: Reached, vlan: int) -> bool:
    """Whether other declared VLANs answer, and the declared one does not."""
    return bool(reached.vlans) and vlan not in reached.vlans


def _require_closed(answers: Knock, otherwise: Message, expected: Message) -> None:
    """Nobody answered questions that left.

    Raises:
        NotVerified: somebody did, or some did not leave.
    """
    if not answers.silent:
        raise NotVerified(otherwise, expected=expected)
    require_sent(answers)


def _method(facts: AuthenticationFacts) -> str:
    if facts.method is None:
        return "EAP"
    return METHODS.get(facts.method, f"EAP {facts.method}")


def _refusal(facts: AuthenticationFacts) -> Message:
    if facts.validated is False:
        return msg(
            "certificat du serveur EAP refusé ({error}) : l'identité ne lui a pas été montrée",
            error=facts.validation_error or "-",
        )
    if facts.validated is None:
        return msg("EAP-Failure avant que le serveur ait montré un certificat")
    return msg("identité déclarée refusée ({method})", method=_method(facts))


def _unanswered(facts: AuthenticationFacts) -> Message:
    if facts.requested:
        return msg("l'authentification commence et ne finit pas : serveur d'authentification muet")
    return msg("l'authentificateur ne répond pas")
