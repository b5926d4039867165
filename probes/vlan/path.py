"""By which way an open cell is open: none but the VLAN itself, a router, or somebody who answers in the target's name.

The attempt itself goes to the declared router, whoever else may answer for the target: what the same point's own link
said when it was asked for addresses of other VLANs (``vlan.proxy``) is set beside it. It explains, and decides nothing:
a cell is as open without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.api import NotVerified
from probes.vlan.facts import ProxyFacts, ReachState
from probes.vlan.matrix import matrix
from probes.vlan.truth import bridged
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from probes.api import Evidence
    from probes.vlan.facts import ReachFacts
    from probes.vlan.matrix import Cell
    from r2s_audit.model.text import Message


_PROTOCOLS = {4: "ARP", 6: "ND"}
"""RFC 1027 and RFC 4389."""


@dataclass(frozen=True, slots=True)
class Stand:
    """Somebody who answers on a point's link for an address of another VLAN."""

    mac: str
    address: str
    """The address asked for: the target's own, else another one of the target's VLAN."""
    protocol: str
    itself: bool
    """The target, by its declared MAC address: it is on this link, and nobody stands in for it."""


def proxy_seen(evidence: Evidence, cell: Cell) -> Stand | None:
    """Who answers, on the link of a cell's point, for its target or for another device of the target's VLAN.

    None where nobody does, and where it is not known: the question explains a cell and does not judge it.
    """
    topology = evidence.topology
    index, own = matrix(topology), topology.vlan_containing(cell.address)
    for asked in index.proxied(cell):
        try:
            facts = evidence.facts(asked, ProxyFacts)
        except NotVerified:
            return None
        answered = [question for question in facts.questions if question.answer_mac]
        same = [q for q in answered if q.address == cell.address]
        near = [q for q in answered if own is not None and topology.vlan_containing(q.address) is own]
        for question in (*same, *near):
            device = topology.devices.get(cell.target)
            itself = bool(same) and device is not None and device.mac == question.answer_mac
            return Stand(question.answer_mac or "", str(question.address), _PROTOCOLS[facts.version], itself)
    return None


def reached(attempt: ReachFacts, stand: Stand | None) -> Message:
    """How far the attempt came, and by which way."""
    if attempt.is_open and bridged(attempt):
        return _bridged(attempt)
    if attempt.is_open and stand is not None:
        return _stood_for(attempt, stand)
    rtt, hop, ttl = attempt.rtt_ms or 0.0, str(attempt.next_hop), attempt.answer_hop_limit or 0
    if attempt.state is ReachState.REPLY:
        return msg("réponse à l'écho en {rtt} ms, par {hop} (TTL {ttl} à l'arrivée)", rtt=rtt, hop=hop, ttl=ttl)
    if attempt.state is ReachState.SYN_ACK:
        return msg("port ouvert (SYN-ACK en {rtt} ms), par {hop} (TTL {ttl} à l'arrivée)", rtt=rtt, hop=hop, ttl=ttl)
    if attempt.state is ReachState.ANSWER:
        return msg("réponse en UDP en {rtt} ms, par {hop} (TTL {ttl} à l'arrivée)", rtt=rtt, hop=hop, ttl=ttl)
    return msg(
        "la cible répond elle-même (ICMP {type}/{code}) : le chemin est ouvert",
        type=attempt.icmp_type or 0,
        code=attempt.icmp_code or 0,
    )


def _bridged(attempt: ReachFacts) -> Message:
    rtt, mac = attempt.rtt_ms or 0.0, attempt.answer_mac or "–"
    if attempt.state is ReachState.REPLY:
        return msg("réponse à l'écho en {rtt} ms, sans routeur : {mac} est dans le même VLAN", rtt=rtt, mac=mac)
    if attempt.state is ReachState.SYN_ACK:
        return msg("port ouvert (SYN-ACK en {rtt} ms), sans routeur : {mac} est dans le même VLAN", rtt=rtt, mac=mac)
    return msg("réponse en UDP en {rtt} ms, sans routeur : {mac} est dans le même VLAN", rtt=rtt, mac=mac)


def _stood_for(attempt: ReachFacts, stand: Stand) -> Message:
    rtt, hop = attempt.rtt_ms or 0.0, str(attempt.next_hop)
    mac, address, protocol = stand.mac, stand.address, stand.protocol
    if stand.itself:
        return msg(
            "atteint en {rtt} ms par {hop} ; {address} répond aussi lui-même en {protocol} sur ce lien ({mac}) : il est"
            " dans le même VLAN",
            rtt=rtt,
            hop=hop,
            mac=mac,
            address=address,
            protocol=protocol,
        )
    if stand.mac == attempt.next_hop_mac:
        return msg(
            "atteint en {rtt} ms par {hop}, qui répond en {protocol} au nom de {address} sur ce lien : proxy {protocol}"
            " ({mac})",
            rtt=rtt,
            hop=hop,
            mac=mac,
            address=address,
            protocol=protocol,
        )
    return msg(
        "atteint en {rtt} ms par {hop} ; {mac}, qui n'est pas ce routeur, répond en {protocol} au nom de {address} sur"
        " ce lien : proxy {protocol}",
        rtt=rtt,
        hop=hop,
        mac=mac,
        address=address,
        protocol=protocol,
    )
