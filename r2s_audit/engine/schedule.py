"""From planned requests to jobs: who runs together, after whom, until when."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from probes.api import CollectorSpec
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import Rates
    from r2s_audit.model.topology import Topology

CONCURRENCY = 16
"""Jobs of one lane under way at once; each device is asked by one of them at a time."""
SESSIONS = "sessions"
BESIDE = 4
"""Sessions with infrastructure under way at once: by default four targets take 80 packets a second of the 200 in all, so
that windows beside them keep their pace, and their attempts stay close to the controls that embrace them."""
DEADLINE_FACTOR = 2.0
DEADLINE_MARGIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Job:
    """Requests that one call of a collector serves: all of a point's for a batch collector, else exactly one."""

    spec: CollectorSpec
    requests: tuple[Request, ...]

    @property
    def point(self) -> str:
        """The measuring point that all requests of a job share."""
        return self.requests[0].point

    @property
    def packets(self) -> int:
        """What the job sends at most, by the collector's own statement."""
        return self.spec.packets * len(self.requests)

    def deadline(self, rates: Rates) -> float:
        """Seconds after which the job is given up.

        Pacing is not the job's fault: what the slowest rate makes of its packets is added to what the work takes, since
        other jobs may have taken the earlier slots.
        """
        paced = self.packets / min(rates.building_devices, rates.per_target, rates.total)
        work = self.spec.seconds if self.spec.batch else self.spec.seconds * len(self.requests)
        return DEADLINE_FACTOR * (work + paced) + DEADLINE_MARGIN_S


def lane(request: Request, spec: CollectorSpec, topology: Topology) -> str:
    """The name of the lane that a request waits in: lanes need not wait for one another, rounds of one lane do.

    A socket where nobody is authenticated has time of its own: its minute of silence would hold up every other point,
    and no control of another point is about it. What opens nothing at a device is apart by family; sessions with
    switches, routers and servers, which stand knocks beside them, have a lane too. All else shares one lane: a building controller
    has one session at a time, and nobody knocks while it has it, since a busy controller's silence would look like
    isolation.
    """
    point = topology.points[request.point]
    if point.kind == "unauthenticated":
        return f"point {point.id}"
    family = request.collector.partition(".")[0]
    if spec.apart:
        return f"apart {family}"
    device = topology.devices.get(request.target)
    if spec.one_per_device and not spec.batch and device is not None and device.role.is_infrastructure:
        return SESSIONS
    return "devices"


def width(name: str) -> int:
    """How many jobs of one lane are under way at once."""
    return BESIDE if name == SESSIONS else CONCURRENCY


def rounds(requests: Iterable[Request], specs: Mapping[str, CollectorSpec]) -> list[list[Job]]:
    """Jobs in consecutive rounds: a round starts when the one before has ended (controls before, attempts, after)."""
    ordered = sorted(requests, key=lambda r: (r.order, r.collector, r.point, r.key))
    result: list[list[Job]] = []
    for _, same_order in groupby(ordered, key=lambda r: r.order):
        jobs: list[Job] = []
        for (collector, _), group in groupby(same_order, key=lambda r: (r.collector, r.point)):
            spec = specs[collector]
            members = tuple(group)
            jobs.extend([Job(spec, members)] if spec.batch else [Job(spec, (member,)) for member in members])
        result.append(jobs)
    return result
