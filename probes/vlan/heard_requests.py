"""Which points listen, who of them can help another one to prove that it hears tags, and what is asked of each. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from r2s_audit.model.observation import request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import MeasuringPoint
    from r2s_audit.model.topology import Topology

HEARD, TAG_CONTROL = "vlan.heard", "vlan.tag-control"
REACH_OF_MATES = 2
"""How far along the VLAN's points one writes, either way: one neighbour would do, more help where not all are in a pass."""


def listening_points(topology: Topology) -> Iterator[MeasuringPoint]:
    """Where a host is plugged in; a trunk and a mirror are there to carry what nobody may hear elsewhere."""
    return (point for point in topology.site.points if point.kind == "access")


def mates(topology: Topology, point: MeasuringPoint) -> list[MeasuringPoint]:
    """Up to four other access points of the point's VLAN: its neighbours in a ring in file order.

    Symmetric, as it must be: whom I write to is who expects it of me.
    """
    vlan = topology.vlan_of(point)
    ring = [other for other in listening_points(topology) if topology.vlan_of(other) is vlan]
    if vlan is None or point not in ring:
        return []
    at = ring.index(point)
    found: dict[str, MeasuringPoint] = {}
    for step in range(1, REACH_OF_MATES + 1):
        for place in (at + step, at - step):
            other = ring[place % len(ring)]
            found.setdefault(other.id, other)
    found.pop(point.id, None)
    return list(found.values())


def ask_heard(topology: Topology, point: str, least_s: int, most_s: int) -> Request:
    """One window; its target is the point's socket."""
    return request(HEARD, point, topology.points[point].socket, least_s=least_s, most_s=most_s)


def ask_controls(topology: Topology, point: str, least_s: int, most_s: int) -> list[Request]:
    """What the others of its VLAN send it meanwhile."""
    return [
        request(TAG_CONTROL, mate.id, mate.socket, least_s=least_s, most_s=most_s)
        for mate in mates(topology, topology.points[point])
    ]
