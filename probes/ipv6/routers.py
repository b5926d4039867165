"""What routers announce on a point's link: an advertisement, only declared ones, and where names are resolved."""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from ipaddress import IPv6Network
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from probes.api import Check, NoParameters, NotVerified, conforme, non_conforme
from probes.ipv6.declared import LISTEN_SECONDS, ask_router, each_point, names, prefixes
from probes.ipv6.facts import RouterFacts
from probes.ipv6.senders import PROBLEMS, Sender, Senders, believed, require_complete
from r2s_audit.model.base import Model
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from probes.ipv6.facts import Advertisement, Content, Prefix
    from r2s_audit.model.finding import Judgement, Subject
    from r2s_audit.model.observation import Request
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology

CONTROLS = msg(
    "aucun pour une annonce entendue ; pour une absence : la sollicitation est vue partir, un routeur déclaré du VLAN"
    " répond (ARP ou NS) au début et à la fin de la fenêtre, lien jamais perdu, capture sans aucune perte"
)


class Announced(Model):
    """What V1 asks of an advertisement."""

    ra_seconds: Annotated[float, Field(gt=0, le=LISTEN_SECONDS)]
    """From the solicitation to the advertisement, at most; the collector listens no longer than LISTEN_SECONDS."""
    prefix_length: Annotated[int, Field(ge=1, le=128)]
    """Of a prefix from which hosts form addresses."""


class RaPresent(Check[Announced]):
    """A declared router answers the solicitation: in time, as a default router, with a prefix to form addresses from.

    Only advertisements that hosts take count, and only those of declared routers: an intruder's does not make a
    network conforme. Where it cannot be told whose it is, nothing is verified.
    """

    id = "ipv6.ra-present"
    title = msg("Annonce de routeur IPv6 après sollicitation")
    reference = "RFC 4861 §6.1.2, §6.2.6, §4.6.2; exigence C3.3 V1"
    intrusiveness = Intrusiveness.SAFE
    controls = CONTROLS

    def subjects(self, topology: Topology, parameters: Announced) -> Iterable[Subject]:
        return each_point(topology)

    def requests(self, topology: Topology, subject: Subject, parameters: Announced) -> Sequence[Request]:
        return [ask_router(subject)]

    def judge(self, subject: Subject, evidence: Evidence, parameters: Announced) -> Judgement:
        facts = evidence.facts(ask_router(subject), RouterFacts)
        senders = Senders(evidence.topology, subject, facts)
        expected = msg(
            "annonce d'un routeur déclaré en {seconds} s, durée de vie non nulle, préfixe /{length} autonome",
            seconds=parameters.ra_seconds,
            length=parameters.prefix_length,
        )
        heard = believed(facts)
        good = [a for a in heard if _fault(a, parameters) is None]
        for each in good:
            if senders.of(each) is Sender.DECLARED:
                return conforme(expected, _heard(each))
        for each in good:
            if senders.of(each) is Sender.UNKNOWN:
                raise NotVerified(_whose(each), expected=expected)
        require_complete(facts)
        return non_conforme(
            expected, _absent(facts, [a for a in heard if senders.of(a) is not Sender.FOREIGN], parameters)
        )


class RaDeclared(Check[NoParameters]):
    """No advertisement that hosts would take comes from anybody but a declared router, or announces another prefix."""

    id = "ipv6.ra-declared"
    title = msg("Annonces de routeur IPv6 des seuls routeurs et préfixes déclarés")
    reference = "RFC 4861 §6.1.2; RFC 6104; RFC 6105; exigences C3.3 et S1.2"
    intrusiveness = Intrusiveness.SAFE
    controls = CONTROLS

    def subjects(self, topology: Topology, parameters: NoParameters) -> Iterable[Subject]:
        return each_point(topology)

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:
        return [ask_router(subject)]

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:
        facts = evidence.facts(ask_router(subject), RouterFacts)
        topology = evidence.topology
        senders = Senders(topology, subject, facts)
        declared = prefixes(topology, topology.points[subject.point])
        expected = msg("annonces des seuls routeurs déclarés, préfixes : {prefixes}", prefixes=names(declared))
        heard = believed(facts)
        for each in heard:
            if senders.of(each) is Sender.FOREIGN:
                measured = msg(
                    "annonce d'un routeur non déclaré : {source} ({mac}), préfixes : {prefixes}",
                    source=str(each.source),
                    mac=each.mac,
                    prefixes=names([p.prefix for p in _content(each).prefixes]),
                )
                return non_conforme(expected, measured)
        for each in heard:
            for option in _content(each).prefixes:
                if _in_force(option) and not _within(option, declared):
                    measured = msg(
                        "préfixe non déclaré {prefix}, annoncé par {source} ({mac})",
                        prefix=str(option.prefix),
                        source=str(each.source),
                        mac=each.mac,
                    )
                    return non_conforme(expected, measured)
        for each in heard:
            if senders.of(each) is Sender.UNKNOWN:
                raise NotVerified(_whose(each), expected=expected)
        require_complete(facts)
        return conforme(expected, _only_declared(facts, heard))


class NameServers(Check[NoParameters]):
    """The announced half of V3: a declared router names resolvers, or sends hosts to DHCPv6 for them.

    That a name resolves is another question.
    """

    id = "ipv6.rdnss-or-dhcp"
    title = msg("Serveurs de noms annoncés en IPv6 (RDNSS ou DHCPv6)")
    reference = "RFC 8106 §5.1; RFC 4861 §4.2 (drapeaux M et O); exigence C3.3 V3"
    intrusiveness = Intrusiveness.SAFE
    controls = CONTROLS

    def subjects(self, topology: Topology, parameters: NoParameters) -> Iterable[Subject]:
        return each_point(topology)

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:
        return [ask_router(subject)]

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:
        facts = evidence.facts(ask_router(subject), RouterFacts)
        senders = Senders(evidence.topology, subject, facts)
        expected = msg("option RDNSS, ou drapeau M ou O, dans l'annonce d'un routeur déclaré")
        named = [(a, m) for a in believed(facts) if (m := _name_servers(_content(a))) is not None]
        for each, measured in named:
            if senders.of(each) is Sender.DECLARED:
                return conforme(expected, measured)
        for each, _ in named:
            if senders.of(each) is Sender.UNKNOWN:
                raise NotVerified(_whose(each), expected=expected)
        require_complete(facts)
        if any(senders.of(each) is Sender.DECLARED for each in believed(facts)):
            return non_conforme(expected, msg("ni RDNSS, ni drapeau M ou O"))
        return non_conforme(
            expected, msg("aucune annonce d'un routeur déclaré en {seconds} s", seconds=facts.listened_s)
        )


def usable_prefixes(heard: Advertisement, length: int) -> list[Prefix]:
    """The prefixes from which a host forms addresses (RFC 4862 §5.5.3)."""
    return [
        p
        for p in _content(heard).prefixes
        if p.autonomous
        and p.prefix.prefixlen == length
        and p.valid_s >= p.preferred_s
        and p.valid_s
        and not p.prefix.network_address.is_link_local
    ]


def _content(heard: Advertisement) -> Content:
    if heard.content is None:
        raise TypeError("an advertisement that is believed has a content")
    return heard.content


def _fault(heard: Advertisement, parameters: Announced) -> Message | None:
    """Why an advertisement is not what V1 asks for; None if it is."""
    content = _content(heard)
    if heard.after_ms is None or heard.after_ms < 0:
        return msg("annonce de {source} entendue avant la sollicitation seulement", source=str(heard.source))
    if heard.after_ms > parameters.ra_seconds * 1000:
        return msg(
            "annonce de {source} tardive : {seconds} s",
            source=str(heard.source),
            seconds=round(heard.after_ms / 1000, 2),
        )
    if not content.lifetime_s:
        return msg(
            "annonce de {source} de durée de vie nulle : ce n'est pas un routeur par défaut", source=str(heard.source)
        )
    if not usable_prefixes(heard, parameters.prefix_length):
        return msg(
            "annonce de {source} sans préfixe /{length} autonome ; préfixes : {prefixes}",
            source=str(heard.source),
            length=parameters.prefix_length,
            prefixes=names([p.prefix for p in content.prefixes]),
        )
    return None


def _heard(heard: Advertisement) -> Message:
    content = _content(heard)
    return msg(
        "{source} ({mac}) en {ms} ms, durée de vie {life} s, préfixes : {prefixes}",
        source=str(heard.source),
        mac=heard.mac,
        ms=round(heard.after_ms or 0.0, 1),
        life=content.lifetime_s,
        prefixes=names([p.prefix for p in content.prefixes]),
    )


def _absent(facts: RouterFacts, ours: list[Advertisement], parameters: Announced) -> Message:
    """What was heard in the place of what was expected."""
    for each in ours:
        fault = _fault(each, parameters)
        if fault is not None:
            return fault
    for each in facts.advertisements:
        if each.believed:
            return msg(
                "seule annonce : celle d'un routeur non déclaré, {source} ({mac})",
                source=str(each.source),
                mac=each.mac,
            )
        why = ", ".join(str(PROBLEMS[problem]) for problem in each.problems)
        return msg("annonce de {source} que les hôtes rejettent : {why}", source=str(each.source), why=why)
    return msg("aucune annonce en {seconds} s, un routeur déclaré répondant avant et après", seconds=facts.listened_s)


def _whose(heard: Advertisement) -> Message:
    return msg(
        "annonce de {source} ({mac}) sans qu'on puisse dire si c'est un routeur déclaré : sa passerelle n'a pas répondu,"
        " ou plusieurs équipements répondent pour elle",
        source=str(heard.source),
        mac=heard.mac,
    )


def _only_declared(facts: RouterFacts, heard: list[Advertisement]) -> Message:
    rejected = len(facts.advertisements) - len(heard)
    return msg(
        "{n} annonces en {seconds} s, toutes de routeurs déclarés ; {rejected} invalides, que les hôtes rejettent",
        n=sum(each.count for each in heard),
        seconds=facts.listened_s,
        rejected=rejected,
    )


def _in_force(option: Prefix) -> bool:
    """Whether hosts act on it: a lifetime of zero withdraws a prefix."""
    return (
        bool(option.valid_s)
        and (option.autonomous or option.on_link)
        and not option.prefix.network_address.is_link_local
    )


def _within(option: Prefix, declared: list[IPv6Network]) -> bool:
    return isinstance(option.prefix, IPv6Network) and any(option.prefix.subnet_of(each) for each in declared)


def _name_servers(content: Content) -> Message | None:
    servers = [str(s) for option in content.resolvers if option.lifetime_s for s in option.servers]
    if servers:
        return msg("RDNSS : {servers}", servers=", ".join(servers))
    if content.managed:
        return msg("DHCPv6 annoncé (drapeau M)")
    if content.other:
        return msg("DHCPv6 annoncé (drapeau O)")
    return None
