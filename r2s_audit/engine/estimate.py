"""What a plan costs: packets, bytes, time, before anything is sent."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from r2s_audit.engine.schedule import lane
from r2s_audit.model.base import Model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from probes.api import CollectorSpec
    from r2s_audit.model.plan import PlannedRequest
    from r2s_audit.model.topology import Topology

BYTES_PER_PACKET = 160
"""Mean size of what the probes send and receive, for an order of magnitude; measured on the reference building."""


class Estimate(Model):
    """An upper bound of packets; an order of magnitude of bytes; seconds as a healthy building takes under its rates."""

    requests: int
    packets: int
    bytes: int
    seconds: float
    intrusiveness: dict[str, int]
    needs_wire: int


def estimate(requests: Iterable[PlannedRequest], topology: Topology, specs: Mapping[str, CollectorSpec]) -> Estimate:
    """Add up planned requests under the site's rates: what is paced, and what the slowest lane waits beside it."""
    planned = list(requests)
    rates = topology.site.scope.rates
    per_target: Counter[str] = Counter()
    slowest: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for item in planned:
        per_target[item.request.target] += item.usual_packets
        waits = slowest[lane(item.request, specs[item.request.collector], topology)]
        waits[item.request.order] = max(waits[item.request.order], item.usual_seconds)
    packets = sum(item.packets for item in planned)
    waiting = max((sum(waits.values()) for waits in slowest.values()), default=0.0)
    building = sum(count for target, count in per_target.items() if _is_building_device(topology, target))
    paced = max(
        sum(per_target.values()) / rates.total,
        max(per_target.values(), default=0) / rates.per_target,
        building / rates.building_devices,
    )
    return Estimate(
        requests=len(planned),
        packets=packets,
        bytes=packets * BYTES_PER_PACKET,
        seconds=round(paced + waiting, 1),
        intrusiveness=dict(sorted(Counter(str(i.intrusiveness) for i in planned).items())),
        needs_wire=sum(i.needs_wire for i in planned),
    )


def _is_building_device(topology: Topology, target: str) -> bool:
    device = topology.devices.get(target)
    return device is not None and not device.role.is_infrastructure
