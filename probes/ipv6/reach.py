"""Who answers on a point's link: neighbours to solicitations, the gateway to echoes."""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from fractions import Fraction
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from probes.api import Check, NotVerified, conforme, non_conforme
from probes.ipv6.declared import ask_echo, ask_neighbour, each_point, gateway6, gateways, names, on_link, points
from probes.ipv6.facts import EchoFacts, NeighbourFacts
from probes.ipv6.senders import require_whole
from r2s_audit.model.base import Model
from r2s_audit.model.finding import Subject
from r2s_audit.model.site import DeviceRole, Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from r2s_audit.model.finding import Judgement
    from r2s_audit.model.observation import Request
    from r2s_audit.model.topology import Topology

MAX_ECHOES = 50


def _exact(text: str) -> str:
    if not 0 <= Fraction(text) <= 1:
        raise ValueError("a share lies between 0 and 1")
    return text


class NeighboursParameters(Model):
    """Whose answer V4 asks for."""

    roles: Annotated[list[DeviceRole], Field(min_length=1)]
    """What counts as infrastructure: a constrained sensor without IPv6 does not fail the building."""


class NeighboursAnswer(Check[NeighboursParameters]):
    """Every declared IPv6 address on a point's link answers address resolution and unreachability detection.

    One subject per address, from the first point of its VLAN. A silence counts where the device's own IPv4 address
    answers ARP before and after: the device lives, its IPv6 does not. Else it may be off.
    """

    id = "ipv6.neighbours-answer"
    title = msg("Infrastructure qui répond à la découverte de voisins")
    reference = "RFC 4861 §7.2, §7.3; exigence C3.3 V4"
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "aucun pour une réponse ; pour un silence : l'adresse IPv4 du même équipement répond à ARP avant et après, lien"
        " jamais perdu, capture sans aucune perte"
    )

    def subjects(self, topology: Topology, parameters: NeighboursParameters) -> Iterable[Subject]:
        seen: set[IPv6Address] = set()
        for point in points(topology):
            for device in topology.site.devices:
                if device.role not in parameters.roles:
                    continue
                for address in on_link(topology, point, device):
                    if isinstance(address, IPv6Address) and address not in seen:
                        seen.add(address)
                        yield Subject(target=device.id, point=point.id, detail=(("address", str(address)),))

    def requests(self, topology: Topology, subject: Subject, parameters: NeighboursParameters) -> Sequence[Request]:
        return [ask_neighbour(subject)]

    def judge(self, subject: Subject, evidence: Evidence, parameters: NeighboursParameters) -> Judgement:
        facts = evidence.facts(ask_neighbour(subject), NeighbourFacts)
        address = str(facts.address)
        expected = msg("{address} répond à NS, en groupe puis en direct", address=address)
        first = facts.multicast.answers
        again = facts.unicast.answers if facts.unicast else ()
        macs = sorted({a.target_mac or a.mac for a in (*first, *again)})
        if len(macs) > 1:
            return non_conforme(
                expected,
                msg("{address} revendiquée par plusieurs équipements : {macs}", address=address, macs=names(macs)),
            )
        if first and again:
            return conforme(
                expected,
                msg("{address} répond ({mac}) en {ms} ms", address=address, mac=macs[0], ms=again[0].after_ms or 0.0),
            )
        if facts.refusal is not None:
            raise NotVerified(msg("trame non envoyée : {why}", why=facts.refusal), expected=expected)
        require_whole(facts.hearing)
        silent = facts.unicast if first and facts.unicast else facts.multicast
        if not silent.frames_seen:
            raise NotVerified(
                msg("la question pour {address} n'a pas été vue partir", address=address), expected=expected
            )
        if first:
            return non_conforme(
                expected, msg("{address} répond au groupe ({mac}), mais pas en direct", address=address, mac=macs[0])
            )
        alive = next((a for a in facts.hearing.asked if a.both), None)
        if alive is None:
            raise NotVerified(
                msg("cible muette : {address} ne répond pas, et rien ne montre l'équipement en vie", address=address),
                expected=expected,
            )
        return non_conforme(
            expected,
            msg(
                "{address} ne répond pas, {ipv4} du même équipement répondant", address=address, ipv4=str(alive.address)
            ),
        )


class EchoParameters(Model):
    """How many echoes, and how many may be lost."""

    loss: Annotated[str, Field(pattern=r"^\d+(/0*[1-9]\d*|\.\d+)?$"), AfterValidator(_exact)]
    """Share of echoes without a reply, at most."""
    count: Annotated[int, Field(ge=1, le=MAX_ECHOES)]


class GatewayEcho(Check[EchoParameters]):
    """The declared IPv6 gateway of the point's VLAN replies to echoes."""

    id = "ipv6.gateway-echo"
    title = msg("Passerelle IPv6 qui répond à l'écho")
    reference = "RFC 4443 §4; exigence C3.3 V5"
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "aucun pour des réponses ; pour une perte : la passerelle répond à NS au début et à la fin (ou, muette en IPv6,"
        " à ARP par son adresse IPv4), lien jamais perdu, capture sans aucune perte"
    )

    def subjects(self, topology: Topology, parameters: EchoParameters) -> Iterable[Subject]:
        return each_point(topology)

    def requests(self, topology: Topology, subject: Subject, parameters: EchoParameters) -> Sequence[Request]:
        gateway = gateway6(topology, topology.points[subject.point])
        return [ask_echo(subject, gateway, parameters.count)] if gateway else []

    def judge(self, subject: Subject, evidence: Evidence, parameters: EchoParameters) -> Judgement:
        gateway = gateway6(evidence.topology, evidence.topology.points[subject.point])
        if gateway is None:
            raise NotVerified(msg("aucune passerelle IPv6 déclarée pour le VLAN du point {point}", point=subject.point))
        facts = evidence.facts(ask_echo(subject, gateway, parameters.count), EchoFacts)
        expected = msg("{gateway} répond, perte d'au plus {loss}", gateway=str(gateway), loss=parameters.loss)
        if facts.mac is None:
            require_whole(facts.hearing)
            if not _same_router_alive(evidence.topology, subject, facts):
                raise NotVerified(
                    msg("cible muette : {gateway} ne répond pas à NS", gateway=str(gateway)), expected=expected
                )
            return non_conforme(expected, msg("{gateway} ne répond pas à NS, son IPv4 répondant", gateway=str(gateway)))
        if facts.left < facts.wanted:
            raise NotVerified(
                msg("{left} échos partis sur {wanted}", left=facts.left, wanted=facts.wanted), expected=expected
            )
        measured = msg(
            "{replies} réponses à {left} échos, de {fastest} à {slowest} ms",
            replies=facts.replies,
            left=facts.left,
            fastest=facts.fastest_ms or 0.0,
            slowest=facts.slowest_ms or 0.0,
        )
        if Fraction(facts.left - facts.replies, facts.left) <= Fraction(parameters.loss):
            return conforme(expected, measured)
        require_whole(facts.hearing)
        if not any(a.address == gateway and a.both for a in facts.hearing.asked):
            raise NotVerified(
                msg("la passerelle {gateway} a cessé de répondre", gateway=str(gateway)), expected=expected
            )
        return non_conforme(expected, measured)


def _same_router_alive(topology: Topology, subject: Subject, facts: EchoFacts) -> bool:
    """Whether the device that declares the mute IPv6 gateway also declares an IPv4 one, which answered at both ends."""
    owner = topology.device_at(facts.address)
    if owner is None:
        return False
    own = {a for a in gateways(topology, topology.points[subject.point]) if topology.device_at(a) is owner}
    return any(each.both and each.address in own - {facts.address} for each in facts.hearing.asked)
