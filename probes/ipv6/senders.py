"""Who sent a router advertisement, and what may be concluded from a window: pure.

A router is known by its MAC address: the one declared for it, or the one that answered for a declared router address in
the same window. An advertisement with another one is foreign, unless a declared IPv6 gateway that answered nothing might
be its sender. Where two MAC addresses claim a declared router address, that address identifies nobody.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv6Address
from typing import TYPE_CHECKING

from probes.api import NotVerified
from probes.ipv6.declared import gateways, known_macs
from probes.ipv6.facts import Problem
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from probes.ipv6.facts import Advertisement, Asked, Hearing, RouterFacts
    from r2s_audit.model.finding import Subject
    from r2s_audit.model.topology import Topology

PROBLEMS = {
    Problem.HOP_LIMIT: msg("hop limit différent de 255"),
    Problem.SOURCE: msg("source qui n'est pas de lien local"),
    Problem.CODE: msg("code ICMP non nul"),
    Problem.CHECKSUM: msg("somme de contrôle fausse"),
    Problem.LENGTH: msg("message tronqué"),
    Problem.OPTION: msg("option de longueur impossible"),
    Problem.FRAGMENT: msg("message fragmenté"),
}
"""Why hosts discard an advertisement, for those who read."""


class Sender(StrEnum):
    """Whose advertisement it is."""

    DECLARED = "declared"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


class Senders:
    """The declared routers of one point's link, as far as the window identified them."""

    def __init__(self, topology: Topology, subject: Subject, facts: RouterFacts) -> None:
        """Read the window's questions to declared addresses."""
        declared = gateways(topology, topology.points[subject.point])
        self._locals = {a for a in declared if isinstance(a, IPv6Address) and a.is_link_local}
        self._macs = set(known_macs(topology))
        self.disputed: list[Asked] = []
        mute = False
        answered = {each.address: each for each in facts.hearing.asked}
        for each in facts.hearing.asked:
            if len(each.macs) == 1:
                self._macs |= each.macs
            elif each.macs:
                self.disputed.append(each)
        for gateway in declared:
            found = answered.get(gateway)
            if gateway.version == 6 and gateway not in self._locals and (found is None or not found.macs):  # noqa: PLR2004 - the IP version itself
                mute = True
        self._told_apart = bool(self._macs or self._locals) and not mute and not self.disputed

    def of(self, heard: Advertisement) -> Sender:
        """Whose it is."""
        if heard.source in self._locals or heard.mac in self._macs:
            return Sender.DECLARED
        return Sender.FOREIGN if self._told_apart else Sender.UNKNOWN


def believed(facts: RouterFacts) -> list[Advertisement]:
    """The advertisements that hosts take."""
    return [each for each in facts.advertisements if each.believed]


def require_complete(facts: RouterFacts) -> None:
    """The controls of an absence: asked, able to hear at both ends, nothing lost.

    Raises:
        NotVerified: naming what is missing.
    """
    if facts.solicited is None:
        raise NotVerified(msg("la sollicitation de routeur n'a pas été vue partir de {name}", name=facts.interface))
    require_hearing(facts.hearing)
    if facts.unkept:
        raise NotVerified(msg("trop d'annonces de routeur différentes : {n} non conservées", n=facts.unkept))


def require_hearing(hearing: Hearing) -> None:
    """The sender's control and the capture.

    Raises:
        NotVerified: naming what is missing.
    """
    require_whole(hearing)
    if not hearing.controlled:
        raise NotVerified(
            msg("contrôle de l'émetteur absent : aucun routeur déclaré n'a répondu au début et à la fin de la fenêtre")
        )


def require_whole(hearing: Hearing) -> None:
    """Nothing lost, and the link always there.

    Raises:
        NotVerified: otherwise.
    """
    loss = hearing.loss
    if loss.total:
        raise NotVerified(
            msg(
                "capture incomplète : {kernel} trames perdues par le noyau, {forwarding} en aval, {interruptions}"
                " interruptions",
                kernel=loss.kernel,
                forwarding=loss.forwarding,
                interruptions=loss.interruptions,
            )
        )
    if hearing.carrier_losses:
        raise NotVerified(msg("lien perdu {n} fois pendant la fenêtre", n=hearing.carrier_losses))
