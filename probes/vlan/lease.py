"""Who hands out addresses, gateways and prefixes at a socket: the declared server, or somebody's box.

An offer from a stranger is *non conforme* whatever else is known. That there is none is believed only where the point
is shown to hear offers: a declared server of its VLAN offered in the same window, the DISCOVER was seen to leave, the
link held and the capture lost nothing.
"""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.api import Check, NoParameters, NotVerified, conforme, non_conforme
from probes.vlan.facts import LeaseFacts
from probes.vlan.matrix import BEFORE, LEASE, ORDER, matrix
from r2s_audit.model.finding import Subject
from r2s_audit.model.observation import request
from r2s_audit.model.site import DeviceRole, Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from probes.vlan.facts import LeaseOffer, Speaker
    from r2s_audit.model.finding import Judgement
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import AnyAddress, Vlan
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology

CONTROLS = msg(
    "un serveur DHCP déclaré du VLAN fait une offre dans la même fenêtre, la demande a été vue partir, lien jamais"
    " perdu, capture sans aucune perte"
)


class _AtSockets:
    """What the two checks share: one subject per point that may send, and its one observation."""

    def subjects(self, topology: Topology, parameters: NoParameters) -> Iterable[Subject]:
        return [Subject(target=point.socket, point=point.id) for point in matrix(topology).points]

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:
        return [_asked(subject)]


class DhcpDeclared(_AtSockets, Check[NoParameters]):
    """Only declared DHCP servers offer leases."""

    id = "vlan.dhcp-declared"
    title = msg("Aucun serveur DHCP étranger")
    reference = "RFC 2131; DISA Layer 2 Switch SRG L2S-000025; exigence S1.2"
    intrusiveness = Intrusiveness.SAFE
    controls = CONTROLS

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:
        facts = evidence.facts(_asked(subject), LeaseFacts)
        vlan = matrix(evidence.topology).vlan_at(subject.point)
        expected = msg("à la prise {socket}, seuls les serveurs DHCP déclarés répondent", socket=subject.target)
        strangers = [o for o in facts.offers if _is_stranger(evidence.topology, vlan, o)]
        if strangers:
            return non_conforme(expected, _named(strangers[0], len(strangers)))
        return conforme(expected, _shown(vlan, facts, expected))


class NoBox(_AtSockets, Check[NoParameters]):
    """No foreign server, gateway or prefix: neither in an offer, nor in what neighbours say of themselves by ARP."""

    id = "vlan.no-box"
    title = msg("Aucune box d'occupant : ni serveur DHCP, ni passerelle, ni préfixe étranger")
    reference = "RFC 2131; RFC 826; exigence C1.2"
    intrusiveness = Intrusiveness.SAFE
    controls = CONTROLS

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:
        facts, topology = evidence.facts(_asked(subject), LeaseFacts), evidence.topology
        vlan = matrix(topology).vlan_at(subject.point)
        expected = msg(
            "à la prise {socket}, ni serveur DHCP, ni passerelle, ni préfixe étranger au site", socket=subject.target
        )
        strangers = [o for o in facts.offers if _is_stranger(topology, vlan, o)]
        if strangers:
            return non_conforme(expected, _named(strangers[0], len(strangers)))
        gateways = {s.gateway for s in vlan.subnets if s.gateway} if vlan else set()
        for offer in facts.offers:
            if gateways and offer.router is not None and offer.router not in gateways:
                return non_conforme(
                    expected,
                    msg("{mac} donne {router} pour passerelle", mac=offer.mac, router=str(offer.router)),
                )
            if topology.vlan_containing(offer.address) is None:
                return non_conforme(
                    expected, msg("{mac} offre {address}, hors du site", mac=offer.mac, address=str(offer.address))
                )
        foreign = [s for s in facts.speakers if _is_foreign(topology, s)]
        if foreign:
            return non_conforme(
                expected,
                msg(
                    "{mac} parle ARP au nom de {address}, hors de tout préfixe du site ({n} en tout)",
                    mac=foreign[0].mac,
                    address=str(foreign[0].address),
                    n=len(foreign),
                ),
            )
        return conforme(expected, _shown(vlan, facts, expected))


def _is_stranger(topology: Topology, vlan: Vlan | None, offer: LeaseOffer) -> bool:
    """Whether nobody declared offers this.

    Where a VLAN declares no server at all, its own router is no stranger: the declaration says too little, not the box.
    """
    server = _server(offer)
    declared = vlan.dhcp_servers if vlan else []
    if declared:
        return server not in declared
    device = topology.device_at(server)
    return server not in _gateways(topology) and (device is None or device.role is not DeviceRole.ROUTER)


def _server(offer: LeaseOffer) -> AnyAddress:
    return offer.server or offer.source


def _gateways(topology: Topology) -> set[AnyAddress]:
    return {s.gateway for vlan in topology.site.vlans for s in vlan.subnets if s.gateway}


def _is_foreign(topology: Topology, speaker: Speaker) -> bool:
    """Whether an address is in no prefix of the site; one that a machine gave itself (RFC 3927) is nobody's network."""
    address = speaker.address
    if address.is_link_local or topology.vlan_containing(address) or topology.device_at(address):
        return False
    return not any(address in prefix for prefix in topology.site.scope.networks)


def _named(offer: LeaseOffer, count: int) -> Message:
    return msg(
        "{server} ({mac}) offre {address}, passerelle {router} ; offres étrangères : {n}",
        server=str(_server(offer)),
        mac=offer.mac,
        address=str(offer.address),
        router=str(offer.router or "–"),
        n=count,
    )


def _shown(vlan: Vlan | None, facts: LeaseFacts, expected: Message) -> Message:
    """What shows that a stranger would have been heard.

    Raises:
        NotVerified: naming what is missing.
    """
    lost = facts.loss.total + facts.carrier_losses
    if lost or facts.unlisted:
        raise NotVerified(
            msg("écoute incomplète : {lost} pertes, {more} annonces non gardées", lost=lost, more=facts.unlisted),
            expected=expected,
        )
    if facts.frames_seen < max(facts.frames_sent, 1):
        raise NotVerified(msg("la demande DHCP n'a pas été vue partir"), expected=expected)
    declared = vlan.dhcp_servers if vlan else []
    for offer in facts.offers:
        if _server(offer) not in declared:
            raise NotVerified(
                msg(
                    "le routeur {server} offre des baux, sans être déclaré serveur DHCP de ce VLAN",
                    server=str(_server(offer)),
                ),
                expected=expected,
            )
    if not declared:
        raise NotVerified(
            msg("aucun serveur DHCP déclaré dans ce VLAN : rien ne montre qu'une offre serait entendue"),
            expected=expected,
        )
    senders: dict[AnyAddress, set[str]] = {}
    for offer in facts.offers:
        senders.setdefault(_server(offer), set()).add(offer.mac)
    for server, macs in senders.items():
        if len(macs) > 1:
            raise NotVerified(
                msg(
                    "{macs} offrent tous au nom de {server} : relais ou usurpation, à voir sur place",
                    macs=", ".join(sorted(macs)),
                    server=str(server),
                ),
                expected=expected,
            )
    if not senders:
        raise NotVerified(
            msg("le serveur DHCP déclaré {server} n'a rien offert", server=str(declared[0])), expected=expected
        )
    return msg(
        "{server} offre, personne d'autre en {seconds} s",
        server=", ".join(map(str, senders)),
        seconds=facts.listened_s,
    )


def _asked(subject: Subject) -> Request:
    return request(LEASE, subject.point, subject.target, order=ORDER[BEFORE])
