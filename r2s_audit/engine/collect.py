"""Running jobs: every request ends as exactly one observation, whatever its collector does."""

from __future__ import annotations

import asyncio
import traceback
from collections import defaultdict
from contextlib import aclosing, nullcontext, suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from probes.api import CollectFailure, Outcome
from probes.wire.gate import FrameRefused
from r2s_audit.engine.budget import OverBudget
from r2s_audit.engine.scope import GateRefused
from r2s_audit.engine.watchdog import Stalled
from r2s_audit.errors import OutOfScope, RecordError
from r2s_audit.model.observation import Failure, Observation, Request
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from probes.api import CollectorSpec
    from r2s_audit.engine.access import PointAccess
    from r2s_audit.engine.schedule import Job
    from r2s_audit.engine.trail import Trail

MAX_FACTS_BYTES = 4 * 1024 * 1024
GRACE_SECONDS = 2.0
"""What a collector has to put its things away once its time is over; then it is ended by force."""
_GRACE_TURNS = 20


@dataclass(frozen=True, slots=True)
class Sink:
    """Where observations go, and who is told."""

    write: Callable[[Observation], None]
    """Appends to the record; raises RecordError when that is impossible, which ends the pass."""


@dataclass(slots=True)
class Collection:
    """One pass's collecting: the points that it has, the sink, the locks."""

    pass_id: str
    accesses: Mapping[str, PointAccess]
    sink: Sink
    trail: Trail | None = None
    """Told what is under way where, for whoever reads the frames."""
    _devices: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def run_round(self, jobs: list[Job], at_once: int) -> None:
        """Run jobs together, so many at once; a job's fault is its requests' fault alone.

        Raises:
            RecordError: the record cannot be written any more; the other jobs are stopped.
        """
        slots = asyncio.Semaphore(at_once)
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(self._run(job, slots), name=job.requests[0].key)

    async def _run(self, job: Job, slots: asyncio.Semaphore) -> None:
        alone = job.spec.one_per_device and not (job.spec.batch or job.spec.beside)
        lock = self._devices[job.requests[0].target] if alone else asyncio.Lock()
        # What listens as long as the others work must not hold the place that they wait for.
        async with lock, nullcontext() if job.spec.beside else slots:
            pending = {request.key: request for request in job.requests}
            access = self.accesses[job.point]
            started = access.now()
            try:
                access.gate.scope.admit_intrusiveness(job.spec.intrusiveness, job.spec.id, started.date())
                seconds = job.deadline(access.topology.site.scope.rates)
                with self._noted(job, access):
                    fault = await _bounded(self._attempt(job, access, pending), seconds)
            except OutOfScope as error:
                fault = _fault(error)
            except (asyncio.CancelledError, KeyboardInterrupt):
                self._fail_all(job, pending, started, _STOPPED)
                raise
            if fault is not None:
                # A fault after the last outcome is recorded too, as one more observation, which supersedes nothing.
                self._fail_all(job, pending or {job.requests[0].key: job.requests[0]}, started, fault)

    def _noted(self, job: Job, access: PointAccess) -> AbstractContextManager[None]:
        if self.trail is None or access.interface is None:
            return nullcontext()
        return self.trail.under_way(access.interface.name, job.requests)

    async def _attempt(self, job: Job, access: PointAccess, pending: dict[str, Request]) -> _Fault | None:
        """Collect and say what went wrong: whatever a collector raises ends here, SystemExit too.

        Raises:
            RecordError: the record cannot be written any more. KeyboardInterrupt: the person insists.
        """
        try:
            await self._collect(job, access, pending)
        except (RecordError, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - a collector may raise anything; it is recorded, never swallowed
            return _fault(error)
        return _fault(RuntimeError(f"collector {job.spec.id} ended without every outcome")) if pending else None

    async def _collect(self, job: Job, access: PointAccess, pending: dict[str, Request]) -> None:
        """Call the collector and record each outcome as it comes."""
        function = _function(job.spec.function)
        if job.spec.batch:
            async with aclosing(function(access, job.requests)) as outcomes:
                async for request, outcome in outcomes:
                    if pending.get(request.key) != request:
                        raise ValueError(f"an outcome for {request.key}, which was not asked or has one already")
                    observation = self._observation(job, request, outcome, None)
                    del pending[request.key]
                    self.sink.write(observation)
            return
        (request,) = job.requests
        started = access.now()
        outcome = await function(access, request)
        observation = self._observation(job, request, outcome, started)
        del pending[request.key]
        self.sink.write(observation)

    def _fail_all(self, job: Job, pending: dict[str, Request], started: datetime, fault: _Fault) -> None:
        for request in pending.values():
            self.sink.write(
                Observation(
                    request=request,
                    pass_id=self.pass_id,
                    state="failed",
                    failure=fault.failure.failure,
                    reason=fault.failure.reason,
                    trace=fault.trace,
                    started=started,
                    ended=self.accesses[job.point].now(),
                    collector_version=job.spec.version,
                )
            )
        pending.clear()

    def _observation(self, job: Job, request: Request, outcome: Outcome, started: datetime | None) -> Observation:
        now = self.accesses[job.point].now()
        failure = outcome.failure
        facts = None
        if outcome.facts is not None:
            if not isinstance(outcome.facts, job.spec.facts):
                raise TypeError(f"collector {job.spec.id}: facts of type {type(outcome.facts).__name__}")
            if len(text := outcome.facts.model_dump_json()) > MAX_FACTS_BYTES:
                failure = CollectFailure(
                    Failure.LIMIT_EXCEEDED,
                    msg("réponse de {size} octets, au plus {most}", size=len(text), most=MAX_FACTS_BYTES),
                )
            else:
                facts = outcome.facts.model_dump(mode="json")
        elif failure is None:
            raise TypeError(f"collector {job.spec.id}: an outcome without facts and without failure")
        return Observation(
            request=request,
            pass_id=self.pass_id,
            state="failed" if failure else "completed",
            facts=None if failure else facts,
            failure=failure.failure if failure else None,
            reason=failure.reason if failure else None,
            started=outcome.started or started or now,
            ended=outcome.ended or now,
            collector_version=job.spec.version,
            blobs=outcome.blobs,
            packets_sent=outcome.packets_sent,
        )


@dataclass(frozen=True, slots=True)
class _Fault:
    failure: CollectFailure
    trace: str | None


def _fault(error: BaseException) -> _Fault:
    """What an exception means for the requests that it ended; a trace only where the fault is ours."""
    failure = Failure.INTERNAL_ERROR
    match error:
        case CollectFailure():
            return _Fault(error, None)
        case OutOfScope() | GateRefused():
            failure, reason = Failure.OUT_OF_SCOPE, error.message
        case FrameRefused():
            failure, reason = Failure.OUT_OF_SCOPE, msg("trame retenue avant l'envoi ({error})", error=str(error))
        case OverBudget():
            failure, reason = Failure.OVER_BUDGET, error.message
        case TimeoutError():
            failure, reason = Failure.TIMEOUT, msg("délai du contrôle dépassé")
        case Stalled():
            reason = msg("contrôle interrompu : il bloquait le programme")
        case MemoryError():
            reason = msg("contrôle interrompu : mémoire épuisée")
        case _:
            reason = msg("erreur interne du contrôle ({error})", error=f"{type(error).__name__}: {error}"[:200])
    trace = "".join(traceback.format_exception(error))[-8000:] if failure is Failure.INTERNAL_ERROR else None
    return _Fault(CollectFailure(failure, reason), trace)


_STOPPED = _Fault(CollectFailure(Failure.STOPPED, msg("audit arrêté avant la fin de ce contrôle")), None)


async def _bounded(attempt: Coroutine[Any, Any, _Fault | None], seconds: float) -> _Fault | None:
    """What came of an attempt inside so many seconds; it has ended when this returns, willing or not.

    The attempt is a task of its own: a cancellation that it raises by itself is then not taken for somebody's stop.
    """
    task = asyncio.create_task(attempt)
    try:
        await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        await _end(task)
        raise
    if task.done():
        return task.result()
    if not await _end(task):
        return _fault(RuntimeError("the collector did not end when its time was over"))
    return _fault(TimeoutError()) if task.result() is not None else None


async def _end(task: asyncio.Task[_Fault | None]) -> bool:
    """Cancel a task and wait for its end; by force, and False, where it goes on after :data:`GRACE_SECONDS`.

    The time is given in turns: where others keep the loop from it, or the machine is busy, it lasts as much longer.
    """
    task.cancel()
    for _ in range(_GRACE_TURNS):
        await asyncio.wait({task}, timeout=GRACE_SECONDS / _GRACE_TURNS)
        if task.done():
            return True
    with suppress(RuntimeError):  # it ignores even GeneratorExit
        cast("Coroutine[Any, Any, object]", task.get_coro()).close()
    task.cancel()  # a closed coroutine ends at its next step
    await asyncio.wait({task}, timeout=0.1)
    if task.done() and not task.cancelled():
        task.exception()  # retrieved: that it was closed is known
    return False


def preload(specs: Iterable[CollectorSpec]) -> None:
    """Import collectors before the first packet: an import in the event loop makes it deaf to the answers of others.

    One that cannot be imported is left to its own attempt, which says so.
    """
    for path in sorted({spec.function for spec in specs}):
        with suppress(Exception):
            _function(path)


def _function(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
