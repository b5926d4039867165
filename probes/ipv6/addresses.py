"""Whether the point forms an IPv6 address on its link, as any host would."""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from probes.api import Check, NotVerified, conforme, non_conforme
from probes.ipv6.declared import ask_address, ask_router, each_point, names, prefixes
from probes.ipv6.facts import AddressFacts, Origin, RouterFacts
from probes.ipv6.routers import usable_prefixes
from probes.ipv6.senders import Sender, Senders, believed, require_complete
from r2s_audit.model.base import Model
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from probes.ipv6.facts import OwnAddress
    from r2s_audit.model.finding import Judgement, Subject
    from r2s_audit.model.observation import Request
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology


class Formed(Model):
    """What V2 asks of an address."""

    origins: Annotated[list[Origin], Field(min_length=1)]
    """How it may have come: one that the auditor typed says nothing of the building."""
    prefix_length: Annotated[int, Field(ge=1, le=128)]
    """Of a prefix from which hosts form addresses."""


class AddressFormed(Check[Formed]):
    """The point's interface has formed a usable address in a declared prefix.

    An address that has formed is proof by itself. That none has is the building's fault only where nothing was
    announced to form one from, with the controls of an absence, or where the auditor's own kernel had what it takes.
    """

    id = "ipv6.address-formed"
    title = msg("Adresse IPv6 formée dans un préfixe déclaré, sans conflit")
    reference = "RFC 4862 §5.4, §5.5.3; exigence C3.3 V2"
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "aucun pour une adresse formée ; pour une absence : ceux de l'annonce de routeur, et un poste qui accepte les"
        " annonces"
    )

    def subjects(self, topology: Topology, parameters: Formed) -> Iterable[Subject]:
        return each_point(topology)

    def requests(self, topology: Topology, subject: Subject, parameters: Formed) -> Sequence[Request]:
        return [ask_router(subject), ask_address(subject)]

    def judge(self, subject: Subject, evidence: Evidence, parameters: Formed) -> Judgement:
        facts = evidence.facts(ask_address(subject), AddressFacts)
        declared = prefixes(evidence.topology, evidence.topology.points[subject.point])
        if not declared:
            raise NotVerified(msg("aucun préfixe IPv6 déclaré pour le VLAN du point {point}", point=subject.point))
        expected = msg("adresse formée dans {prefixes}, sans conflit", prefixes=names(declared))
        formed = [
            a
            for a in facts.addresses
            if any(a.address in prefix for prefix in declared) and a.origin(facts.mac) in parameters.origins
        ]
        for own in formed:
            if own.duplicate:
                return non_conforme(
                    expected, msg("{address} est déjà prise sur le lien (DAD)", address=str(own.address))
                )
        for own in formed:
            if own.usable:
                return conforme(expected, _how(own, facts.mac))
        if not (facts.up and facts.carrier) or facts.carrier_losses:
            raise NotVerified(msg("aucun lien sur {name}, ou lien perdu", name=facts.interface), expected=expected)
        if formed:
            raise NotVerified(
                msg("{address} encore en cours de vérification (DAD)", address=str(formed[0].address)),
                expected=expected,
            )
        return self._without(subject, evidence, parameters, facts, expected)

    @staticmethod
    def _without(
        subject: Subject, evidence: Evidence, parameters: Formed, facts: AddressFacts, expected: Message
    ) -> Judgement:
        """No address: whose fault it is."""
        router = evidence.facts(ask_router(subject), RouterFacts)
        senders = Senders(evidence.topology, subject, router)
        ours = [a for a in believed(router) if senders.of(a) is not Sender.FOREIGN]
        declared = prefixes(evidence.topology, evidence.topology.points[subject.point])
        offered = [
            p.prefix
            for a in ours
            for p in usable_prefixes(a, parameters.prefix_length)
            if any(p.prefix.network_address in each for each in declared)
        ]
        if offered:
            if not facts.settings.forms_addresses:
                raise NotVerified(
                    msg("le poste n'accepte pas les annonces de routeur sur {name}", name=facts.interface),
                    expected=expected,
                )
            require_complete(router)
            return non_conforme(
                expected,
                msg(
                    "aucune adresse formée en {seconds} s dans {prefixes}, annoncé : conflit d'adresse ou annonce que le"
                    " poste refuse",
                    seconds=facts.waited_s,
                    prefixes=names(offered),
                ),
            )
        if any(a.content and a.content.managed for a in ours):
            raise NotVerified(
                msg("adresses par DHCPv6 (drapeau M) : aucune sur {name}", name=facts.interface), expected=expected
            )
        require_complete(router)
        return non_conforme(expected, msg("aucune adresse, aucun préfixe déclaré et autonome n'étant annoncé"))


def _how(own: OwnAddress, mac: str) -> Message:
    address = str(own.address)
    match own.origin(mac):
        case Origin.SLAAC:
            return msg("{address}, formée par SLAAC", address=address)
        case Origin.DYNAMIC:
            return msg("{address}, attribuée pour un temps (DHCPv6 ou programme)", address=address)
        case _:
            return msg("{address}, saisie à la main", address=address)
