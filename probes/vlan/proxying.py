"""The collector ``vlan.proxy``: asks a point's own link for addresses that belong to other VLANs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.api import CollectFailure, Outcome
from probes.vlan.facts import ForeignQuestion, ProxyFacts
from probes.vlan.matrix import matrix
from probes.vlan.owners import Question, ask_owners
from probes.vlan.window import Side, Window, loss_of
from probes.wire.frames import mac_text
from probes.wire.station import Station
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from probes.api import Access
    from r2s_audit.model.observation import Request


async def proxy(access: Access, request: Request) -> Outcome:
    """Ask for one device of each other VLAN, between two sender's controls.

    Raises:
        CollectFailure: no address of this IP version, no raw frames, no interface. WireError: the helper is gone.
    """
    name, version = access.point.interface, int(request.param("version"))
    source = access.source(version)
    if source is None:
        reason = msg(
            "le point {point} n'a pas d'adresse IPv{version} sur {name}",
            point=access.point.id,
            version=version,
            name=name,
        )
        raise CollectFailure(Failure.UNREACHABLE, reason)
    station = Station(name, mac_text(access.mac))
    gateway = access.topology.gateway(access.point, version)
    window = Window(access, station, {version: Side(source, gateway)})
    asked = matrix(access.topology).foreign(access.point.id, version)
    questions = [Question(source, target, None) for target in asked]
    framed = await window.framed(lambda _: ask_owners(access, station, questions))
    facts = ProxyFacts.model_validate(
        {
            "version": version,
            "questions": [
                ForeignQuestion(
                    address=q.target, answer_mac=q.answer_mac, frames_sent=q.sent, frames_seen=q.seen, note=q.refused
                )
                for q in questions
            ],
            "window_start": framed.start,
            "window_end": framed.end,
            "loss": loss_of(framed.found),
            "sender": framed.sender(gateway),
        }
    )
    return Outcome(facts=facts, packets_sent=sum(q.sent for q in questions), started=framed.start, ended=framed.end)
