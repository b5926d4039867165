"""How far the hops that answered are the declared way out: pure.

The building's own way is the gateway of the point's VLAN, then the declared hops in their order; it ends at the first
router of the operator, or at the end itself. On it, every place has to be answered for:

=====================================  ====================================================================
a place before the operator's          what is said
=====================================  ====================================================================
the router declared there              on to the next
nobody                                 unknown: whoever is there does not say so, and a box may keep silent
an address that is not declared there  N: it stands between the building and its operator
the same after a silent place          unknown: it may be the operator's by then, whose addresses are his own affair
the operator, or the end, too early    N: a declared router is not on the way, or somebody answers for the end
the end's own address, hops run out    unknown: somebody rewrites where packets go
=====================================  ====================================================================

Behind the operator's first router nothing is judged: its network is its own, silent places and private addresses
included. What this cannot see is a box that passes packets on without counting a hop.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING

from r2s_audit.model.site import DeviceRole
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.vlan.egress_facts import EgressFacts, HopFacts
    from r2s_audit.model.egress import Egress
    from r2s_audit.model.site import AnyAddress
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology

PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
"""RFC 1918 and RFC 4193."""


@dataclass(frozen=True, slots=True)
class Trail:
    """What the hops say: one of the two sentences where the way is another one or not known, else neither."""

    wrong: Message | None = None
    unknown: Message | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """The way out of one point in one IP version."""

    topology: Topology
    way: Egress
    gateway: AnyAddress

    @property
    def places(self) -> list[frozenset[AnyAddress]]:
        """Who may answer at each place of the building's own way, the gateway first."""
        version, routers = self.gateway.version, self.topology.site.devices
        # A router may answer by another address of its own; of two that share one, each does (RFC 5798 §8.1.1).
        first = {a for router in routers if router.role is DeviceRole.ROUTER for a in router.addresses}
        device = self.topology.device_at(self.gateway)
        first |= {self.gateway, *(device.addresses if device else ())}
        found = [frozenset(first)]
        for hop in self.way.hops:
            own = frozenset(a for a in hop.addresses if a.version == version)
            if own:
                found.append(own)
        return found

    def is_operator(self, address: AnyAddress) -> bool:
        """Whether an address is in a declared prefix of the operator's routers."""
        return any(address in prefix for prefix in self.way.operator)


def trail(facts: EgressFacts, declared: Declared) -> Trail:
    """Follow the hops from the point on until the building's own way is over."""
    places = declared.places
    gap: HopFacts | None = None
    for hop in facts.hops:
        router, number = hop.router, hop.hop_limit
        if hop.is_end:
            return _arrived(number, str(facts.address), places, gap)
        if router is None:
            gap = gap or hop
        elif router == facts.address:
            return Trail(unknown=_rewritten(hop))
        elif number <= len(places) and _stands(hop, places[number - 1], facts):
            continue
        elif declared.is_operator(router):
            return _arrived(number, str(router), places, gap)
        elif gap is None:
            return Trail(wrong=_stranger(hop, declared))
    if gap is not None:
        return Trail(unknown=_silent(gap))
    return Trail(
        unknown=msg("ni l'opérateur ni l'extrémité {end} en {n} sauts", end=str(facts.address), n=len(facts.hops))
    )


def _stands(hop: HopFacts, place: frozenset[AnyAddress], facts: EgressFacts) -> bool:
    """Whether a hop is the router declared there; the first one may speak by an address of its link alone."""
    if hop.hop_limit == 1 and hop.address is not None and hop.address.is_link_local:
        return hop.mac is not None and hop.mac == facts.next_hop_mac
    return hop.address in place


def _arrived(number: int, who: str, places: Sequence[object], gap: HopFacts | None) -> Trail:
    """The operator, or the end, at this place: neither earlier than declared, nor behind a silent place."""
    if number <= len(places):
        return Trail(
            wrong=msg(
                "{who} répond dès le saut {n}, alors que {declared} routeurs déclarés sont avant lui : l'un d'eux n'est"
                " pas sur le chemin, ou quelqu'un répond à sa place",
                who=who,
                n=number,
                declared=len(places),
            )
        )
    return Trail() if gap is None else Trail(unknown=_silent(gap))


def _stranger(hop: HopFacts, declared: Declared) -> Message:
    address, topology = str(hop.address), declared.topology
    if hop.hop_limit == 1:
        return msg(
            "le premier saut est {address}, et non la passerelle déclarée {gateway}",
            address=address,
            gateway=str(declared.gateway),
        )
    device = topology.device_at(hop.address) if hop.address else None
    if device is not None:
        return msg(
            "le saut {n} est {address}, l'équipement {device} : le Réseau Smart sort par lui, et il n'est pas déclaré sur"
            " ce chemin",
            n=hop.hop_limit,
            address=address,
            device=device.id,
        )
    if hop.address is not None and any(hop.address in prefix for prefix in PRIVATE):
        return msg(
            "le saut {n} est {address}, adresse privée que personne ne déclare : une box entre le Réseau Smart et son"
            " opérateur",
            n=hop.hop_limit,
            address=address,
        )
    return msg(
        "le saut {n} est {address}, qui n'est ni un routeur déclaré ni de l'opérateur déclaré",
        n=hop.hop_limit,
        address=address,
    )


def _rewritten(hop: HopFacts) -> Message:
    return msg(
        "saut {n} : un routeur répond au nom de l'extrémité {address} ; la destination est réécrite en chemin",
        n=hop.hop_limit,
        address=str(hop.address),
    )


def _silent(hop: HopFacts) -> Message:
    if hop.address is not None:
        return msg(
            "saut {n} : {address} répond autre chose que la fin du trajet (ICMP {type}/{code})",
            n=hop.hop_limit,
            address=str(hop.address),
            type=str(hop.icmp_type),
            code=str(hop.icmp_code),
        )
    return msg("le saut {n} ne répond pas : qui s'y trouve n'est pas connu", n=hop.hop_limit)
