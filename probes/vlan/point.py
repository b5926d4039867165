"""Whether a measuring point is plugged into a living network: the ground that every other finding stands on."""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.api import Check, NoParameters, NotVerified, conforme, non_conforme
from probes.vlan.facts import GatewayAnswer, PointFacts
from probes.vlan.matrix import POINT, matrix
from r2s_audit.model.finding import Subject
from r2s_audit.model.observation import request
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from r2s_audit.model.finding import Judgement
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import Vlan
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology


class PointAlive(Check[NoParameters]):
    """Link, an address in the declared prefix, a gateway that answers.

    Judged over IPv4 where the VLAN declares an IPv4 gateway, else over IPv6; what IPv6 does beside IPv4 is told and
    judged by the ``ipv6`` family. An interface that the auditor's machine holds down is not the building's fault.
    """

    id = "vlan.point-alive"
    title = msg("Point de mesure raccordé et vivant")
    reference = "exigence C1.3; RFC 826; RFC 4861 §7.2"
    intrusiveness = Intrusiveness.SAFE
    controls = msg("aucun pour une réponse ; le silence de la passerelle demande le lien et une capture sans perte")

    def subjects(self, topology: Topology, parameters: NoParameters) -> Iterable[Subject]:
        return [Subject(target=point.socket, point=point.id) for point in matrix(topology).points]

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:
        return [request(POINT, subject.point, subject.target)]

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:
        facts = evidence.facts(request(POINT, subject.point, subject.target), PointFacts)
        vlan = matrix(evidence.topology).vlan_at(subject.point)
        version, gateway = _judged_gateway(vlan)
        if vlan is None or gateway is None:
            raise NotVerified(msg("le point {point} n'a ni VLAN ni passerelle déclarés", point=subject.point))
        expected = msg(
            "lien, adresse IPv{v} du VLAN {vlan}, passerelle {gateway} qui répond",
            v=version,
            vlan=vlan.id,
            gateway=gateway,
        )
        if not facts.up:
            raise NotVerified(msg("interface {name} désactivée sur le poste", name=facts.interface), expected=expected)
        if not facts.carrier:
            return non_conforme(expected, msg("aucun lien sur {name}", name=facts.interface))
        own = [a.address for a in facts.addresses if a.address.version == version and not a.address.is_link_local]
        prefixes = [s.prefix for s in vlan.subnets if s.prefix.version == version]
        if not any(address in prefix for address in own for prefix in prefixes):
            return non_conforme(
                expected,
                msg(
                    "adresses IPv{v} du point : {found} ; préfixe déclaré : {prefix}",
                    v=version,
                    found=", ".join(map(str, own)) or "-",
                    prefix=", ".join(map(str, prefixes)),
                ),
            )
        answer = next((g for g in facts.gateways if str(g.address) == gateway), None)
        if answer is None or not answer.asked:
            raise NotVerified(msg("passerelle {gateway} non interrogée", gateway=gateway), expected=expected)
        if not (answer.mac or answer.echo):
            if facts.loss.total:
                raise NotVerified(msg("capture incomplète : {n} pertes", n=facts.loss.total), expected=expected)
            return non_conforme(expected, msg("la passerelle {gateway} ne répond pas", gateway=gateway))
        return conforme(expected, _alive(facts, answer))


def _judged_gateway(vlan: Vlan | None) -> tuple[int, str | None]:
    """The IP version that is judged and its declared gateway: IPv4 where there is one, else IPv6, else nothing."""
    for version in (4, 6):
        for subnet in vlan.subnets if vlan else []:
            if subnet.gateway and subnet.gateway.version == version:
                return version, str(subnet.gateway)
    return 4, None


def _alive(facts: PointFacts, answer: GatewayAnswer) -> Message:
    others = [g for g in facts.gateways if g.address.version != answer.address.version]
    speed = facts.speed_mbps or 0
    gateway, mac = str(answer.address), answer.mac or "-"
    if not others:
        return msg("{gateway} répond ({mac}), lien à {speed} Mbit/s", gateway=gateway, mac=mac, speed=speed)
    six = others[0]
    if six.mac or six.echo:
        return msg(
            "{gateway} répond ({mac}), {six} aussi, lien à {speed} Mbit/s",
            gateway=gateway,
            mac=mac,
            six=str(six.address),
            speed=speed,
        )
    return msg(
        "{gateway} répond ({mac}), mais {six} ne répond pas, lien à {speed} Mbit/s",
        gateway=gateway,
        mac=mac,
        six=str(six.address),
        speed=speed,
    )
