"""Who would serve a socket by DHCPv6: the declared server, or somebody who hands out resolvers of his own.

A stranger's answer is *non conforme* whatever else is known. That there is none is believed only where the point is shown
to hear answers: a declared server answered in the same window; or, where nobody is declared to serve, a declared router
answered neighbour discovery or ARP at both ends of it and sends nobody to DHCPv6.
"""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.api import Check, NoParameters, NotVerified, conforme, non_conforme
from probes.ipv6.declared import ask_dhcp, ask_router, each_point, names
from probes.ipv6.dhcp_facts import DhcpFacts
from probes.ipv6.facts import RouterFacts
from probes.ipv6.senders import Sender, Senders, believed, require_hearing, require_whole
from probes.wire.dhcpv6 import Problem
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from probes.ipv6.dhcp_facts import DhcpAnswer
    from r2s_audit.model.finding import Judgement, Subject
    from r2s_audit.model.observation import Request
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology

PROBLEMS = {
    Problem.CUT: msg("trop court"),
    Problem.TYPE: msg("autre type qu'ADVERTISE"),
    Problem.OPTION: msg("option de longueur impossible"),
    Problem.SERVER: msg("identifiant de serveur absent, multiple ou de longueur impossible"),
    Problem.CLIENT: msg("identifiant de client qui n'est pas le nôtre"),
    Problem.CHECKSUM: msg("somme de contrôle fausse"),
}
"""Why clients discard an answer, for those who read."""


class DhcpDeclared(Check[NoParameters]):
    """Only declared DHCPv6 servers answer a SOLICIT."""

    id = "ipv6.dhcp-declared"
    title = msg("Aucun serveur DHCPv6 étranger")
    reference = "RFC 8415 §16.3, §18.2.1, §18.3.9; RFC 7610; exigence S1.2"
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "aucun pour une réponse étrangère ; pour son absence : un serveur DHCPv6 déclaré du VLAN répond dans la même"
        " fenêtre, ou, si le site déclare qu'il n'y en a pas, un routeur déclaré répond (ARP ou NS) à ses deux bouts et"
        " n'annonce pas DHCPv6 ; le SOLICIT est vu partir, lien jamais perdu, capture sans aucune perte"
    )

    def subjects(self, topology: Topology, parameters: NoParameters) -> Iterable[Subject]:
        return each_point(topology)

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:
        """The SOLICIT; what routers announce counts only where nobody is declared to serve."""
        vlan = topology.vlan_of(topology.points[subject.point])
        if vlan is not None and vlan.dhcpv6_servers == []:
            return [ask_dhcp(subject), ask_router(subject)]
        return [ask_dhcp(subject)]

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:
        topology = evidence.topology
        facts = evidence.facts(ask_dhcp(subject), DhcpFacts)
        vlan = topology.vlan_of(topology.points[subject.point])
        declared = vlan.dhcpv6_servers if vlan else None
        expected = msg("à la prise {socket}, seuls les serveurs DHCPv6 déclarés répondent", socket=subject.target)
        if declared is None:
            raise NotVerified(_undeclared(facts), expected=expected)
        strangers = [each for each in facts.answers if each.duid not in declared]
        if strangers:
            return non_conforme(expected, _named(strangers[0], len(strangers)))
        _require_clear(facts, expected)
        if facts.answers:
            return conforme(
                expected,
                msg(
                    "{servers} répond, personne d'autre en {seconds} s",
                    servers=names(sorted({each.duid for each in facts.answers})),
                    seconds=facts.listened_s,
                ),
            )
        if declared:
            raise NotVerified(
                msg("le serveur DHCPv6 déclaré {duid} n'a pas répondu", duid=declared[0]), expected=expected
            )
        require_hearing(facts.hearing)
        _require_unannounced(subject, evidence, expected)
        return conforme(
            expected,
            msg(
                "personne ne répond en {seconds} s, un routeur déclaré répondant avant et après",
                seconds=facts.listened_s,
            ),
        )


def _undeclared(facts: DhcpFacts) -> Message:
    """What was heard where the file says nothing: whoever reads can declare it, or go and look."""
    if not facts.answers:
        return msg(
            "personne ne répond en {seconds} s ; le site ne dit pas qui sert DHCPv6 dans ce VLAN (dhcpv6_servers, liste"
            " vide si personne)",
            seconds=facts.listened_s,
        )
    first = facts.answers[0]
    return msg(
        "{duid} ({source}, {mac}) répond ; le site ne dit pas qui sert DHCPv6 dans ce VLAN (dhcpv6_servers)",
        duid=first.duid,
        source=str(first.source),
        mac=first.mac,
    )


def _named(answer: DhcpAnswer, count: int) -> Message:
    return msg(
        "{duid} ({source}, {mac}) offre {offered}, serveurs de noms : {resolvers} ; réponses étrangères : {n}",
        duid=answer.duid,
        source=str(answer.source),
        mac=answer.mac,
        offered=names([*answer.addresses, *answer.prefixes]),
        resolvers=names(answer.resolvers),
        n=count,
    )


def _require_clear(facts: DhcpFacts, expected: Message) -> None:
    """Asked, nothing lost, everything read, and nobody in another's name.

    Raises:
        NotVerified: naming what is missing.
    """
    if facts.solicited is None:
        raise NotVerified(msg("le SOLICIT n'a pas été vu partir de {name}", name=facts.interface), expected=expected)
    require_whole(facts.hearing)
    if facts.unlisted:
        raise NotVerified(
            msg("trop de réponses DHCPv6 différentes : {n} non conservées", n=facts.unlisted), expected=expected
        )
    if facts.refuse:
        odd = facts.refuse[0]
        raise NotVerified(
            msg(
                "{source} ({mac}) répond par un message DHCPv6 que les clients rejettent : {why} ({n} en tout)",
                source=str(odd.source),
                mac=odd.mac,
                why=str(PROBLEMS[odd.problem]),
                n=len(facts.refuse),
            ),
            expected=expected,
        )
    macs: dict[str, set[str]] = {}
    for each in facts.answers:
        macs.setdefault(each.duid, set()).add(each.mac)
    for duid, senders in macs.items():
        if len(senders) > 1:
            raise NotVerified(
                msg(
                    "{macs} répondent tous au nom de {duid} : relais ou usurpation, à voir sur place",
                    macs=", ".join(sorted(senders)),
                    duid=duid,
                ),
                expected=expected,
            )


def _require_unannounced(subject: Subject, evidence: Evidence, expected: Message) -> None:
    """No router that may be the building's sends hosts to DHCPv6, where nobody is declared to serve.

    Raises:
        NotVerified: one does, or what routers say was not observed.
    """
    routers = evidence.facts(ask_router(subject), RouterFacts)
    senders = Senders(evidence.topology, subject, routers)
    for heard in believed(routers):
        content = heard.content
        if content is not None and content.managed and senders.of(heard) is not Sender.FOREIGN:
            raise NotVerified(
                msg(
                    "{source} annonce des adresses par DHCPv6 (drapeau M), le site déclare que personne n'y sert",
                    source=str(heard.source),
                ),
                expected=expected,
            )
