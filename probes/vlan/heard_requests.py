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
MAX_MATES = 4
"""Points that one writes to: one would do, more help where not all of them are in the same pass."""


def listening_points(topology: Topology) -> Iterator[MeasuringPoint]:
    """Where a host is plugged in; a trunk and a mirror are there to carry what nobody may hear elsewhere."""
    return (point for point in topology.site.points if point.kind == "access")


def mates(topology: Topology, point: MeasuringPoint) -> list[MeasuringPoint]:
    """Other access points of the point's VLAN, in file order."""
    vlan = topology.vlan_of(point)
    if vlan is None:
        return []
    found = (other for other in listening_points(topology) if other.id != point.id)
    return [other for other in found if topology.vlan_of(other) == vlan][:MAX_MATES]


def ask_heard(topology: Topology, point: str, least_s: int, most_s: int) -> Request:
    """One window; its target is the point's socket."""
    return request(HEARD, point, topology.points[point].socket, least_s=least_s, most_s=most_s)


def ask_controls(topology: Topology, point: str, least_s: int, most_s: int) -> list[Request]:
    """What the others of its VLAN send it meanwhile."""
    return [
        request(TAG_CONTROL, mate.id, mate.socket, least_s=least_s, most_s=most_s)
        for mate in mates(topology, topology.points[point])
    ]
