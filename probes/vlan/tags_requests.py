"""Which tags are tried from where to where, and whether the site file lets anybody try. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.vlan.heard_requests import listening_points
from r2s_audit.model.finding import Subject
from r2s_audit.model.observation import request
from r2s_audit.model.site import Intrusiveness, ZoneKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import MeasuringPoint
    from r2s_audit.model.topology import Topology

RECEIVED = "vlan.tags-received"
NOBODY = "-"
"""In the place of a receiver that the site does not have."""


def permitted(topology: Topology, trial: str) -> bool:
    """Whether the site file asks for an intrusive check: its scope allows it, and its mandate names it.

    Whether the mandate is in force on the day, and the person who audits means it, is for the gate to say then: a trial
    that was to be made and was not leaves its verdict open.
    """
    site = topology.site
    named = site.mandate is not None and trial in site.mandate.intrusive_checks
    return named and site.scope.intrusiveness is Intrusiveness.INTRUSIVE


def sent_tags(topology: Topology) -> Iterator[Subject]:
    """From each access point to each other declared VLAN, received where possible on the same switch."""
    for point in listening_points(topology):
        own = topology.vlan_of(point)
        for vlan in topology.site.vlans:
            if own is None or vlan.id != own.id:
                there = [p for p in listening_points(topology) if topology.vlan_of(p) is vlan]
                receiver = _best(topology, point, there, near=True)
                yield _subject(point, vlan.id, receiver)


def double_tags(topology: Topology) -> Iterator[Subject]:
    """From each VLAN that has an access point, between every two switches that have one of it and one of another VLAN.

    What is tried is how links carry the VLAN of the sender: which other VLAN the inner tag names makes no difference.
    """
    for vlan in topology.site.vlans:
        senders = [p for p in listening_points(topology) if topology.vlan_of(p) is vlan]
        others = [p for p in listening_points(topology) if (at := topology.vlan_of(p)) is not None and at is not vlan]
        pairs: dict[tuple[str, str], Subject] = {}
        for sender in senders:
            for switch in dict.fromkeys(_switch(topology, p) for p in others):
                there = [p for p in others if _switch(topology, p) == switch]
                receiver = _best(topology, sender, there, near=False)
                target = None if receiver is None else topology.vlan_of(receiver)
                if receiver is not None and target is not None and switch != _switch(topology, sender):
                    subject = _subject(sender, target.id, receiver)
                    pairs.setdefault((_switch(topology, sender), switch), subject)
        if senders and not pairs:
            yield Subject(target=senders[0].socket, point=senders[0].id, detail=(("receiver", NOBODY),))
        yield from pairs.values()


def ask_trials(topology: Topology, trial: str, subject: Subject, stacks: Iterable[tuple[int, ...]]) -> Request:
    """Trials from the subject's point to its receiver, each with its stack of tags."""
    tags = ",".join("+".join(map(str, stack)) for stack in stacks)
    socket = topology.points[subject.point].socket
    return request(trial, subject.point, socket, to=subject.get("receiver"), tags=tags)


def stacks_of(asked: Request) -> list[tuple[int, ...]]:
    """The stacks of tags of a request, back from its parameter."""
    return [tuple(int(vid) for vid in stack.split("+")) for stack in str(asked.param("tags")).split(",")]


def ask_received(topology: Topology, point: str, least_s: int, most_s: int) -> Request:
    """The window at a receiver, which all trials that are addressed to it share."""
    return request(RECEIVED, point, topology.points[point].socket, least_s=least_s, most_s=most_s)


def _subject(point: MeasuringPoint, vlan: int, receiver: MeasuringPoint | None) -> Subject:
    named = NOBODY if receiver is None else receiver.id
    return Subject(target=point.socket, point=point.id, detail=(("vlan", str(vlan)), ("receiver", named)))


def _switch(topology: Topology, point: MeasuringPoint) -> str:
    return topology.sockets[point.socket].switch


def _best(
    topology: Topology, sender: MeasuringPoint, candidates: Iterable[MeasuringPoint], *, near: bool
) -> MeasuringPoint | None:
    """The receiver: on the sender's switch where that is wanted, else in the administration; then in file order."""
    usable = [point for point in candidates if point.interface != sender.interface]
    if near:
        return min(usable, key=lambda p: _switch(topology, p) != _switch(topology, sender), default=None)
    return min(usable, key=lambda p: topology.zone_of(p).kind is not ZoneKind.ADMINISTRATION, default=None)
