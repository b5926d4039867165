"""One pass: opened in the ledger before its first packet, closed after its last, stopped safely in between."""

from __future__ import annotations

import asyncio
import os
import platform
import signal
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import r2s_audit
from probes.wire.pcapng import Port
from probes.wire.witness import WITNESS_SNAP
from r2s_audit.engine.access import PassTools, PointAccess
from r2s_audit.engine.budget import Budget
from r2s_audit.engine.clock import read_clock
from r2s_audit.engine.collect import Collection, Sink, preload
from r2s_audit.engine.egress import witnessed
from r2s_audit.engine.interfaces import Interface, read_interface
from r2s_audit.engine.schedule import lane, rounds, width
from r2s_audit.engine.scope import PointGate, Scope
from r2s_audit.engine.trail import Trail
from r2s_audit.engine.watchdog import guarded_loop
from r2s_audit.errors import InternalError, RecordError
from r2s_audit.evidence.seal import sign_pass
from r2s_audit.model.observation import Failure, Observation
from r2s_audit.model.record import Machine, Observed, PassClosed, PassOpened, PassResumed
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from probes.api import CollectorSpec
    from r2s_audit.engine.resume import Interrupted
    from r2s_audit.engine.schedule import Job
    from r2s_audit.evidence.notary import Notary
    from r2s_audit.evidence.record import RecordWriter
    from r2s_audit.model.observation import Request
    from r2s_audit.model.plan import Plan, PlannedRequest
    from r2s_audit.model.topology import Topology

STALL_SECONDS = 20.0
"""A collector that holds the event loop for longer is interrupted."""


class Progress(Protocol):
    """Who is told how a pass goes."""

    def begin(self, requests: Sequence[PlannedRequest]) -> None:
        """The pass sets out to make these requests."""

    def advance(self, observation: Observation) -> None:
        """One of them is an observation now."""

    def stopping(self) -> None:
        """Somebody asked for an end; what is under way is being closed."""


@dataclass(frozen=True, slots=True)
class PassSettings:
    """What somebody decided for this pass."""

    pass_id: str
    points: tuple[str, ...]
    operator: str = ""
    allow_intrusive: bool = False
    interrupted: Interrupted | None = None
    notary: Notary | None = None
    """Who signs the plan before the first packet; None where nobody does."""


@dataclass(frozen=True, slots=True)
class PassResult:
    """How it ended; ``planned == reported`` holds for every pass that was not killed."""

    pass_id: str
    planned: int
    reported: int
    complete: bool
    reason: Message | None = None


@dataclass(slots=True)
class Pass:
    """One pass over one record."""

    topology: Topology
    plan: Plan
    specs: Mapping[str, CollectorSpec]
    writer: RecordWriter
    tools: PassTools
    progress: Progress
    _reported: set[str] = field(default_factory=set, init=False)

    async def run(self, settings: PassSettings) -> PassResult:
        """Make every request of the chosen points; Ctrl-C and SIGTERM stop safely.

        Raises:
            RecordError: the record cannot be written any more; what was written stays.
        """
        interfaces = {name: read_interface(self.topology.points[name].interface) for name in settings.points}
        mine = [p for p in self.plan.requests if p.request.point in settings.points]
        done = settings.interrupted.done if settings.interrupted else frozenset()
        todo = [p for p in mine if p.request.key not in done]
        preload(self.specs[p.request.collector] for p in todo)
        self._open(settings, interfaces, mine)
        self.progress.begin(todo)
        work = asyncio.create_task(self._work(settings, interfaces, todo))
        reason: Message | None = None
        with _stop_signals(self.progress.stopping, work.cancel):
            try:
                await work
            except asyncio.CancelledError:
                reason = msg("audit arrêté à la demande")
        self._report_unmade(settings, todo, reason)
        result = PassResult(settings.pass_id, len(mine), len(self._reported | done), reason is None, reason)
        if result.planned != result.reported:
            raise InternalError(f"pass {settings.pass_id}: {result.planned} planned, {result.reported} reported")
        self.writer.ledger.append(
            PassClosed(
                pass_id=settings.pass_id,
                complete=result.complete,
                reason=reason,
                clock=read_clock(),
                planned=result.planned,
                reported=result.reported,
            ),
            sync=True,
        )
        return result

    def _open(
        self, settings: PassSettings, interfaces: Mapping[str, Interface | None], mine: Sequence[PlannedRequest]
    ) -> None:
        """Open or resume the pass, and sign where somebody signs: all before the first packet."""
        machine, clock = _machine(settings.operator, interfaces), read_clock()
        opening: PassOpened | PassResumed
        if settings.interrupted is not None:
            torn = self.writer.ledger.torn_bytes
            opening = PassResumed(pass_id=settings.pass_id, torn_bytes=torn, machine=machine, clock=clock)
        else:
            mandate = self.topology.site.mandate
            opening = PassOpened(
                pass_id=settings.pass_id,
                points=settings.points,
                machine=machine,
                mandate=mandate.reference if mandate else "",
                clock=clock,
                intrusive=settings.allow_intrusive,
                requests=tuple(p.request.key for p in mine),
            )
        self.writer.ledger.append(opening, sync=True)
        if settings.notary is not None:
            sign_pass(self.writer, settings.notary, settings.pass_id)

    async def _work(
        self, settings: PassSettings, interfaces: Mapping[str, Interface | None], todo: Sequence[PlannedRequest]
    ) -> None:
        scope = Scope(self.topology, allow_intrusive=settings.allow_intrusive)
        budget = Budget(self.topology.site.scope, clock=asyncio.get_running_loop().time)
        own, over = frozenset(i.mac for i in interfaces.values() if i is not None), asyncio.Event()
        accesses = {
            name: PointAccess(
                PointGate(scope, budget, self.topology.points[name], own, lambda: self.tools.clock.now().date()),
                interface,
                self.tools,
                over,
            )
            for name, interface in interfaces.items()
        }
        trail = Trail(self.topology)
        collection = Collection(settings.pass_id, accesses, Sink(self._write), trail)
        ports = self._ports(interfaces)
        with guarded_loop(STALL_SECONDS):
            async with witnessed(self.tools.wire, self.writer, settings.pass_id, ports, trail, self.tools.no_wire):
                try:
                    async with asyncio.TaskGroup() as lanes:
                        beside = [p.request for p in todo if self.specs[p.request.collector].beside]
                        lanes.create_task(_in_rounds(collection, rounds(beside, self.specs), len(beside)))
                        work = [
                            lanes.create_task(_in_rounds(collection, rounds(requests, self.specs), width(name)))
                            for name, requests in self._lanes(p.request for p in todo).items()
                        ]
                        await _all_ended(work)
                        over.set()
                except ExceptionGroup as group:
                    raise _first_of(group) from group

    def _ports(self, interfaces: Mapping[str, Interface | None]) -> list[Port]:
        """Every interface once, with the points that are measured from it."""
        present = {interface.name: interface for interface in interfaces.values() if interface is not None}
        plugged = {
            name: ", ".join(
                f"point {point.id}, socket {point.socket}"
                for point in (self.topology.points[p] for p in interfaces)
                if point.interface == name
            )
            for name in present
        }
        return [
            Port(name, plugged[name], bytes.fromhex(present[name].mac.replace(":", "")), WITNESS_SNAP)
            for name in sorted(present)
        ]

    def _lanes(self, requests: Iterable[Request]) -> dict[str, list[Request]]:
        """Requests that need not wait for one another, apart; without those that run beside them all."""
        lanes: dict[str, list[Request]] = defaultdict(list)
        for request in requests:
            if not self.specs[request.collector].beside:
                lanes[lane(request, self.specs[request.collector], self.topology)].append(request)
        return dict(lanes)

    def _write(self, observation: Observation) -> None:
        self.writer.ledger.append(Observed(observation=observation))
        if observation.request.key not in self._reported:
            self._reported.add(observation.request.key)
            self.progress.advance(observation)

    def _report_unmade(self, settings: PassSettings, todo: Sequence[PlannedRequest], reason: Message | None) -> None:
        """Nothing vanishes: what was set out to be asked and was not gets its observation too."""
        for planned in todo:
            if planned.request.key in self._reported:
                continue
            now = datetime.now(UTC)
            self._write(
                Observation(
                    request=planned.request,
                    pass_id=settings.pass_id,
                    state="failed",
                    failure=Failure.STOPPED,
                    reason=reason or msg("contrôle jamais commencé"),
                    started=now,
                    ended=now,
                    collector_version=self.specs[planned.request.collector].version,
                )
            )


async def _in_rounds(collection: Collection, order: list[list[Job]], at_once: int) -> None:
    """One round after another."""
    for jobs in order:
        await collection.run_round(jobs, at_once)


async def _all_ended(work: Sequence[asyncio.Task[None]]) -> None:
    """Wait for the rounds; what went wrong in one of them is its group's matter."""
    if work:
        await asyncio.wait(work)


def _first_of(group: ExceptionGroup[Exception]) -> Exception:
    """The exception that a round's failure is about: the record's, or a fault of ours."""
    record = group.subgroup(RecordError)
    error: BaseException = record or group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, RecordError) else InternalError(f"{type(error).__name__}: {error}")


def _machine(operator: str, interfaces: Mapping[str, Interface | None]) -> Machine:
    return Machine(
        hostname=platform.node(),
        kernel=platform.release(),
        python=platform.python_version(),
        program=r2s_audit.__version__,
        operator=operator or os.environ.get("SUDO_USER") or os.environ.get("USER", ""),
        interfaces={i.name: i.mac for i in interfaces.values() if i is not None},
    )


@contextmanager
def _stop_signals(tell: Callable[[], None], stop: Callable[[], object]) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM stops safely; a second one is Python's own."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def once() -> None:
        for number in numbers:
            loop.remove_signal_handler(number)
        tell()
        stop()

    for number in numbers:
        loop.add_signal_handler(number, once)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
