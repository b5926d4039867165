"""What one attempt and its controls mean together: the truth table of promise 3, pure.

An absence is believed only with three controls: the sender's (this point could send and hear, at both ends of the
window), the target's (the same address and port answered a point that may, before and after), and a capture that lost
nothing. A presence needs none: an echo reply or a SYN-ACK is *not conforme* whatever the controls say, so that no
further observation can turn it round.

=========================  ==========================  ========================================================
attempt                    both controls               an isolation that was expected
=========================  ==========================  ========================================================
reply, SYN-ACK             any                         N: reached
ICMP error of the target   any                         N: the packet crossed, the target itself refuses
silence                    open, or closed             C: the target answers others on this very port
refusal of somebody else   open, or closed             C: refused on the way (codes in ``REFUSALS``)
RST                        open                        C: refused, by a filter or by the target's own
RST                        RST, RST came from afar     N: the closed port answers, the path is open
RST                        RST, RST of the first hop   not verified: a filter and a closed port look the same
RST                        one open, one RST           not verified: the service came or went meanwhile
other ICMP errors          any                         not verified: a host unreachable may mean "allowed, but off"
next hop unresolved        any                         not verified: nothing was sent
=========================  ==========================  ========================================================

*Closed* is a RST on TCP. On UDP it is the target's own port unreachable, and believed only where an empty datagram was
sent to a port that nobody declares (:mod:`probes.vlan.udp_sentinels`, which says what that takes).

The router that refuses with a RST puts the target's address on it, so a RST has no sender to go by. Its hop limit
does tell: senders start at 64, 128 or 255, and a RST that arrives with exactly such a value crossed no router. The
limit of this: a filter two routers away that resets in the name of a closed port looks like the port itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from probes.api import NotVerified
from probes.vlan.datagrams import EMPTY
from probes.vlan.facts import ReachFacts, ReachState
from probes.vlan.matrix import AFTER, ATTEMPT, BEFORE
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probes.api import Evidence
    from probes.vlan.facts import Loss, SenderControl
    from probes.vlan.matrix import Cell
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import AnyAddress

REFUSALS = {
    4: {(3, 0), (3, 2), (3, 3), (3, 6), (3, 9), (3, 10), (3, 11), (3, 13)},
    6: {(1, 0), (1, 1), (1, 4), (1, 5), (1, 6)},
}
"""ICMP type and code that say "not that way" when somebody else than the target sends them.

No route, protocol or port unreachable (what packet filters send by default) and prohibited: RFC 792, RFC 1812 §5.2.7.1,
RFC 4443 §3.1. Host unreachable (3,1; 1,3) is not among them: a router says it of a target that it may reach but that
is not there.
"""
PORT_UNREACHABLE = {4: (3, 3), 6: (1, 4)}
"""ICMP type and code of a UDP port on which nobody listens: RFC 1122 §3.2.2.1 and §4.1.3.1, RFC 4443 §3.1."""
INITIAL_HOP_LIMITS = frozenset({64, 128, 255})


@dataclass(frozen=True, slots=True)
class Controls:
    """What the target's two controls showed; each is either open, or closed by the target's own refusal."""

    before: ReachFacts
    after: ReachFacts

    @property
    def both_open(self) -> bool:
        """The service answered before and after."""
        return self.before.is_open and self.after.is_open

    @property
    def both_closed(self) -> bool:
        """The target refused before and after."""
        return not (self.before.is_open or self.after.is_open)


def crossed(attempt: ReachFacts) -> bool:
    """Whether the attempt reached the target itself, whatever the target then made of it."""
    return attempt.is_open or (attempt.state is ReachState.ICMP_ERROR and attempt.answered_by == attempt.address)


def closed_port(facts: ReachFacts) -> bool:
    """Whether the target itself says that nobody listens on its UDP port."""
    unreachable = (facts.icmp_type, facts.icmp_code) == PORT_UNREACHABLE[facts.address.version]
    return facts.state is ReachState.ICMP_ERROR and facts.answered_by == facts.address and unreachable


def refused_on_the_way(attempt: ReachFacts) -> bool:
    """Whether somebody other than the target said by ICMP that the packet may not pass."""
    return (
        attempt.state is ReachState.ICMP_ERROR
        and attempt.answered_by is not None
        and attempt.answered_by != attempt.address
        and (attempt.icmp_type, attempt.icmp_code) in REFUSALS[attempt.address.version]
    )


def came_from_afar(attempt: ReachFacts) -> bool:
    """Whether the answer crossed a router; False where it did not, and where its hop limit is not known."""
    return attempt.answer_hop_limit is not None and attempt.answer_hop_limit not in INITIAL_HOP_LIMITS


def bridged(attempt: ReachFacts) -> bool:
    """Whether the answer came straight from a neighbour: no router lowered its hop limit, nor is its MAC the router's.

    The MAC that was asked is the target's own where the target is on the link, as a declared flow may have it.
    """
    return (
        attempt.answer_hop_limit in INITIAL_HOP_LIMITS
        and attempt.answer_mac is not None
        and (attempt.answer_mac != attempt.next_hop_mac or attempt.next_hop == attempt.address)
    )


class Frames(Protocol):
    """How many frames were sent, and how many of them were seen to leave."""

    @property
    def frames_sent(self) -> int: ...

    @property
    def frames_seen(self) -> int: ...


def require_hearing(attempt: ReachFacts) -> None:
    """The sender's control and the capture of the attempt's own window.

    Raises:
        NotVerified: naming what is missing.
    """
    require_heard(attempt.loss, [attempt], attempt.sender, attempt.address)


def require_heard(loss: Loss, frames: Iterable[Frames], sender: SenderControl, address: AnyAddress) -> None:
    """The sender's control and the capture of any window in which silence is to be believed.

    Args:
        loss: what the capture lost.
        frames: what was sent in it.
        sender: the sender's control in the address's IP version.
        address: what was asked.

    Raises:
        NotVerified: naming what is missing.
    """
    if loss.total:
        raise NotVerified(
            msg(
                "capture incomplète pendant la tentative : {kernel} trames perdues par le noyau, {forwarding} en aval,"
                " {interruptions} interruptions",
                kernel=loss.kernel,
                forwarding=loss.forwarding,
                interruptions=loss.interruptions,
            )
        )
    for sent in frames:
        if sent.frames_seen < sent.frames_sent:
            raise NotVerified(
                msg(
                    "{n} trames de la tentative sur {sent} jamais vues partir",
                    n=sent.frames_sent - sent.frames_seen,
                    sent=sent.frames_sent,
                )
            )
    if sender.carrier_losses:
        raise NotVerified(msg("lien du point perdu {n} fois pendant la tentative", n=sender.carrier_losses))
    if sender.gateway is None:
        raise NotVerified(
            msg("aucun contrôle de l'émetteur : pas de passerelle IPv{v} déclarée au point", v=address.version)
        )
    if not sender.holds:
        raise NotVerified(
            msg(
                "contrôle de l'émetteur manquant : la passerelle {gateway} n'a pas répondu au début et à la fin de la"
                " fenêtre",
                gateway=str(sender.gateway),
            )
        )


def control(evidence: Evidence, request: Request) -> ReachFacts:
    """The facts of one control.

    Raises:
        NotVerified: nobody made it, it is too old, or it failed; says which control and why.
    """
    observation = evidence.observation(request)
    if observation.facts is None:
        raise NotVerified(
            msg(
                "contrôle de la cible sans résultat : {request} ({failure})",
                request=request.key,
                failure=str(observation.failure),
            )
        )
    return evidence.facts(request, ReachFacts)


def controls(evidence: Evidence, cell: Cell, point: str, attempt: ReachFacts, window_s: float) -> Controls:
    """Both target's controls of an attempt, each showing the target alive on the very port, around the attempt.

    Args:
        evidence: the observations.
        cell: what was attempted.
        point: the point that the controls are made from.
        attempt: the facts of the attempt.
        window_s: seconds that may lie between the start of the first control and the end of the second.

    Raises:
        NotVerified: saying which control is missing, mute, or too far away in time.
    """
    found = Controls(control(evidence, cell.ask(BEFORE, point)), control(evidence, cell.ask(AFTER, point)))
    for facts in (found.before, found.after):
        closed = facts.state is ReachState.RST or (cell.service == EMPTY and closed_port(facts))
        if not (facts.is_open or closed):
            raise _mute(facts, point)
    require_around(found, attempt, window_s)
    return found


def require_around(found: Controls, attempt: ReachFacts, window_s: float) -> None:
    """The controls embrace the attempt, and closely enough.

    Raises:
        NotVerified: they do not.
    """
    if not (found.before.ended <= attempt.started and attempt.ended <= found.after.started):
        raise NotVerified(msg("les contrôles de {address} n'encadrent pas la tentative", address=str(attempt.address)))
    apart = found.after.ended - found.before.started
    if apart > timedelta(seconds=window_s):
        raise NotVerified(
            msg(
                "contrôles de {address} écartés de {apart} s, {window} s au plus",
                address=str(attempt.address),
                apart=round(apart.total_seconds(), 1),
                window=window_s,
            )
        )


def _mute(facts: ReachFacts, point: str) -> NotVerified:
    address, port = str(facts.address), facts.port or 0
    if facts.state is ReachState.ICMP_ERROR:
        return NotVerified(
            msg(
                "contrôle de la cible refusé : {address} port {port} depuis {point} (ICMP {type}/{code} de {by})",
                address=address,
                port=port,
                point=point,
                type=facts.icmp_type or 0,
                code=facts.icmp_code or 0,
                by=str(facts.answered_by),
            )
        )
    if facts.protocol == "icmp":
        return NotVerified(
            msg("cible muette : {address} ne répond pas à l'écho depuis {point}", address=address, point=point)
        )
    return NotVerified(
        msg(
            "cible muette : {address} port {port} ne répond pas depuis {point}", address=address, port=port, point=point
        )
    )


def attempt_facts(evidence: Evidence, cell: Cell) -> ReachFacts:
    """The facts of a cell's attempt; NotVerified where there are none, or where nothing was sent."""
    attempt = evidence.facts(cell.ask(ATTEMPT), ReachFacts)
    if attempt.state is ReachState.ARP_UNRESOLVED:
        raise NotVerified(
            msg(
                "tentative non envoyée : {hop} ne répond ni à ARP ni à NS depuis {point}",
                hop=str(attempt.next_hop),
                point=cell.point,
            )
        )
    return attempt
