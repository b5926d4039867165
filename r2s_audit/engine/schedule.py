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
