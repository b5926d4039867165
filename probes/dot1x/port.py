"""What is asked of each unauthenticated point: the requests that checks share, and what an answer is worth. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from probes.api import NotVerified
from r2s_audit.model.finding import Subject
from r2s_audit.model.observation import request
from r2s_audit.model.site import ZoneKind
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.dot1x.facts import Knock, LinkState, Loss
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import AnyAddress, MeasuringPoint, Vlan
    from r2s_audit.model.topology import Topology

CLOSED, START, AUTHENTICATE = "dot1x.closed", "dot1x.start", "dot1x.authenticate"
ORDER = {CLOSED: -40, START: -30, "declared": -20, "fictitious": -10}
"""Rounds of a pass, before those of every other family: silence first, refusals last, since a quiet period follows.

Below zero so that a minute of silence never lies between another family's attempt and its controls.
"""


def points(topology: Topology) -> list[MeasuringPoint]:
    """Where nobody is authenticated, in file order."""
    return [point for point in topology.site.points if point.kind == "unauthenticated"]


def subjects(topology: Topology) -> Iterator[Subject]:
    """One per unauthenticated point; the target is its socket."""
    for point in points(topology):
        yield Subject(target=point.socket, point=point.id)


def ask_closed(subject: Subject, silence_s: int, answer_s: int) -> Request:
    """Nothing sent for a while, then three questions."""
    return request(CLOSED, subject.point, subject.target, order=ORDER[CLOSED], silence_s=silence_s, answer_s=answer_s)


def ask_start(subject: Subject, answer_s: int) -> Request:
    """An EAPOL-Start."""
    return request(START, subject.point, subject.target, order=ORDER[START], answer_s=answer_s)


def vlan_of(topology: Topology, subject: Subject) -> Vlan:
    """The VLAN that an authenticated socket should come to.

    Raises:
        NotVerified: none is declared.
    """
    found = topology.vlan_of(topology.points[subject.point])
    if found is None:
        raise NotVerified(msg("aucun VLAN déclaré au point {point}", point=subject.point))
    return found


class Reached:
    """Which declared VLANs answered a knock, by the addresses that came back."""

    def __init__(self, topology: Topology, answers: Knock) -> None:
        """Sort the answers: a claim by its address, an offer by the address offered, an advertisement by its prefixes."""
        self.vlans: dict[int, Vlan] = {}
        self.strange: list[str] = []
        """Addresses and prefixes of no declared VLAN."""
        addresses: list[AnyAddress] = [claim.address for claim in answers.claims]
        addresses += [offer.address for offer in answers.offers]
        for address in addresses:
            self._sort(topology.vlan_containing(address), str(address))
        for advertised in answers.advertisements:
            for prefix in advertised.prefixes:
                vlan = next((v for v in topology.site.vlans if any(s.prefix == prefix for s in v.subnets)), None)
                self._sort(vlan, str(prefix))
            if not advertised.prefixes:
                self.strange.append(str(advertised.router))

    def _sort(self, vlan: Vlan | None, what: str) -> None:
        if vlan is None:
            self.strange.append(what)
        else:
            self.vlans[vlan.id] = vlan

    def extent(self, topology: Topology) -> Literal["site", "strange", "guests", "nothing"]:
        """How far it goes: a VLAN that is not the visitors', a network that nobody declared, the visitors' alone."""
        kinds = {topology.zones[vlan.zone].kind for vlan in self.vlans.values()}
        if kinds - {ZoneKind.VISITEURS}:
            return "site"
        if self.strange:
            return "strange"
        return "guests" if kinds else "nothing"

    @property
    def names(self) -> str:
        """Declared VLANs that answered, for a sentence."""
        return ", ".join(f"{vlan.id} ({vlan.name})" for vlan in self.vlans.values())


def require_hearing(link: LinkState, loss: Loss) -> None:
    """The point had a link all the time, and its capture lost nothing.

    Raises:
        NotVerified: saying what is missing.
    """
    if not link.up:
        raise NotVerified(msg("interface {name} désactivée sur le poste", name=link.interface))
    if not link.carrier:
        raise NotVerified(msg("aucun lien sur {name} : câble, prise ou port à vérifier", name=link.interface))
    if link.carrier_losses:
        raise NotVerified(msg("lien perdu {n} fois pendant l'observation", n=link.carrier_losses))
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


def require_sent(answers: Knock) -> None:
    """Every question was seen to leave: a frame that never left was never unanswered.

    Raises:
        NotVerified: some were not.
    """
    if answers.frames_seen < answers.frames_sent:
        missing = answers.frames_sent - answers.frames_seen
        raise NotVerified(msg("{n} questions sur {sent} jamais vues partir", n=missing, sent=answers.frames_sent))
