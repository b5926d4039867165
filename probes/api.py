"""What a probe family is made of: collectors that learn, checks that judge.

A *collector* does I/O through the :class:`Access` that the engine lends it, and returns typed facts or raises
:class:`CollectFailure`. A *check* is pure: it says which subjects a site has for it, which requests it needs for one
subject, and what the observations of these requests mean. Neither knows a requirement.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from r2s_audit.model.base import Model
from r2s_audit.model.finding import Judgement, Subject, Value
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from probes.wire.client import Wire
    from probes.wire.gate import FrameGate
    from probes.wire.supplicant import Supplicants
    from r2s_audit.model.base import SecretRef
    from r2s_audit.model.observation import BlobRef, Failure, Observation, Request
    from r2s_audit.model.site import AnyAddress, Device, MeasuringPoint
    from r2s_audit.model.topology import Topology


class CollectFailure(Exception):
    """An attempt that taught nothing, with the reason that goes into the observation."""

    def __init__(self, failure: Failure, reason: Message) -> None:
        """Keep the class of failure and its sentence."""
        super().__init__(str(reason))
        self.failure = failure
        self.reason = reason


class Access(Protocol):
    """All that a collector may do to the network, for one measuring point, inside one deadline.

    Every method passes the gate first: it raises :class:`r2s_audit.errors.OutOfScope` where the site file does not
    allow the address, and waits for the budget of the target. The engine turns OutOfScope into a failed observation.
    """

    @property
    def topology(self) -> Topology:
        """The declared site."""

    @property
    def point(self) -> MeasuringPoint:
        """Where the agent is plugged in."""

    async def tcp(
        self, device: Device, address: AnyAddress, port: int, *, seconds: float = 2.0, packets: int = 0
    ) -> socket.socket:
        """A connected, non-blocking TCP socket bound to the point's interface.

        ``packets``: what will be said on it, paid at once with the connection itself. A conversation leaves as one
        burst: paid in two parts, those of two devices would leave together.

        Raises CollectFailure: REFUSED (RST), TIMEOUT (silence), UNREACHABLE (ICMP error or no route),
        MISSING_INTERFACE, MISSING_PRIVILEGE.
        """

    async def udp(self, device: Device, address: AnyAddress, port: int) -> socket.socket:
        """A connected, non-blocking UDP socket bound to the point's interface: the kernel lets nothing else in or out."""

    async def pay(self, device: Device, packets: int = 1) -> None:
        """Wait until the budget of the device and of the whole pass allows so many more packets."""

    def secret(self, device: Device, address: AnyAddress, reference: SecretRef) -> str:
        """A credential, lent only for a declared address of the device (promise 5). Never to be logged or stored."""

    def own_secret(self, reference: SecretRef) -> str:
        """A credential of the point itself (802.1X), for the supplicant alone. Never to be logged or stored."""

    def declared_file(self, path: str) -> bytes:
        """A public file that the site file names (a trust anchor, the point's certificate), beside it; at most 1 MiB.

        Raises CollectFailure(MISSING_TOOL) that names the path where it cannot be read. Never for secrets.
        """

    def keep(self, data: bytes, kind: str, *, redacted: bool = False) -> BlobRef:
        """Store evidence by digest; what is secret must have been removed before."""

    @property
    def wire(self) -> Wire:
        """Raw frames; raises CollectFailure(MISSING_PRIVILEGE) with the remedy where the helper is not there."""

    @property
    def supplicants(self) -> Supplicants:
        """802.1X supplicants of this pass; raises CollectFailure(MISSING_PRIVILEGE) where there are none."""

    @property
    def frame_gate(self) -> FrameGate:
        """The gate that every frame given to the wire has to pass."""

    def source(self, version: int) -> AnyAddress | None:
        """The point's own address of IP version 4 or 6 (global or ULA, never link-local)."""

    @property
    def mac(self) -> bytes:
        """The MAC address of the point's interface, six bytes."""

    def now(self) -> datetime:
        """UTC."""

    @property
    def alone(self) -> bool:
        """Whether everything of the pass is over but the collectors that run beside it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request of a batch: facts or a failure, and the evidence kept."""

    facts: BaseModel | None = None
    failure: CollectFailure | None = None
    blobs: tuple[BlobRef, ...] = ()
    packets_sent: int = 0
    started: datetime | None = None
    ended: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorSpec:
    """What the plan must know of a collector without importing what it imports.

    ``function`` is ``"package.module:name"``. A single collector is ``async (Access, Request) -> Outcome``; a batch
    collector (``batch=True``) is an async generator ``(Access, Sequence[Request])`` that yields ``(Request, Outcome)``
    and gets all requests of one point and one order at once.
    """

    id: str
    version: str
    facts: type[Model]
    function: str
    intrusiveness: Intrusiveness
    packets: int
    """Packets that one request costs at most."""
    seconds: float
    """Time that one request takes at most; the engine's deadline is twice this and a margin."""
    usual_packets: int | None = None
    """What a request costs on a healthy device, for the plan's estimate of time; ``packets`` where not said."""
    usual_seconds: float | None = None
    """Likewise for time that is not pacing: listening, waiting for answers."""
    needs_wire: bool = False
    batch: bool = False
    beside: bool = False
    """Runs beside all rounds, from the first one on: it listens as long as the pass lasts, and holds nobody up."""
    one_per_device: bool = True
    """Never two requests of any such collector at the same device at once (one session per controller)."""
    apart: bool = False
    """It reads the point or asks routers and neighbours for themselves only: it opens nothing at a device, disturbs no
    session or silence of another family, and the engine lets it wait for none of them."""


class NotVerified(Exception):
    """Raised inside a check when evidence that it cannot do without is missing: the finding becomes non vérifié."""

    def __init__(self, reason: Message, *, expected: Message | None = None) -> None:
        """Keep the sentence that the report will show as *measured*."""
        super().__init__(str(reason))
        self.reason = reason
        self.expected = expected


F = TypeVar("F", bound=BaseModel)
P = TypeVar("P", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The observations that a check asked for; asking for anything else is a fault of the check."""

    topology: Topology
    observations: Mapping[str, Observation]
    """By request key; already the superseding one, already without expired ones."""
    expired: frozenset[str] = field(default_factory=frozenset)

    def observation(self, request: Request) -> Observation:
        """The observation of a request; NotVerified where nobody made it or it is too old."""
        found = self.observations.get(request.key)
        if found is not None:
            return found
        if request.key in self.expired:
            raise NotVerified(msg("observation périmée à la date du jugement ({request})", request=request.key))
        raise NotVerified(
            msg(
                "aucune observation de {target} : le point {point} n'a pas été visité, ou la mesure {collector} n'y a pas été faite",
                target=request.target,
                point=request.point,
                collector=request.collector,
            )
        )

    def facts(self, request: Request, kind: type[F]) -> F:
        """The facts of a completed observation; NotVerified, with the failure's reason, for a failed one.

        Facts were of their type when they were written: those that are not come from another version, or from nobody.
        """
        observation = self.observation(request)
        if observation.facts is None:
            raise NotVerified(observation.reason or msg("observation sans résultat ({request})", request=request.key))
        try:
            return kind.model_validate(observation.facts)
        except ValidationError as error:
            reason = msg("observation que cette version ne sait pas lire ({request})", request=request.key)
            raise NotVerified(reason) from error


class NoParameters(Model):
    """For checks without parameters."""


class Check(ABC, Generic[P]):
    """One question with its metadata; a subclass that leaves some out is refused when its class is made.

    ``P`` is the pydantic model of the parameters that the profile gives under ``with:``.
    """

    id: ClassVar[str]
    """``family.name``; stable: profiles and records refer to it."""
    title: ClassVar[Message]
    reference: ClassVar[str]
    """RFC §, ANSSI rule, DISA id, MIB: where the question comes from."""
    intrusiveness: ClassVar[Intrusiveness]
    controls: ClassVar[Message]
    """The positive controls that this check needs before it believes a silence; says so where it needs none."""
    Parameters: ClassVar[type[BaseModel]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a check whose metadata is incomplete, at import."""
        super().__init_subclass__(**kwargs)
        base = next((b for b in getattr(cls, "__orig_bases__", ()) if get_origin(b) is Check), None)
        if base is not None and "Parameters" not in cls.__dict__:
            cls.Parameters = get_args(base)[0]
        missing = [
            n for n in ("id", "title", "reference", "intrusiveness", "controls", "Parameters") if not hasattr(cls, n)
        ]
        if missing:
            raise TypeError(f"check {cls.__qualname__}: missing {', '.join(missing)}")

    @abstractmethod
    def subjects(self, topology: Topology, parameters: P) -> Iterable[Subject]:
        """What the declared site has for this check; the population that the plan freezes."""

    @abstractmethod
    def requests(self, topology: Topology, subject: Subject, parameters: P) -> Sequence[Request]:
        """What must be observed for one subject, controls included."""

    @abstractmethod
    def judge(self, subject: Subject, evidence: Evidence, parameters: P) -> Judgement:
        """What the observations mean; raises NotVerified where they do not suffice."""


AnyCheck = Check[Any]
Collect = "Callable[[Access, Request], Awaitable[Outcome]]"
BatchCollect = "Callable[[Access, Sequence[Request]], AsyncIterator[tuple[Request, Outcome]]]"


def conforme(expected: Message, measured: Message) -> Judgement:
    """C."""
    return Judgement(value=Value.CONFORME, expected=expected, measured=measured)


def partiel(expected: Message, measured: Message) -> Judgement:
    """P."""
    return Judgement(value=Value.PARTIEL, expected=expected, measured=measured)


def non_conforme(expected: Message, measured: Message) -> Judgement:
    """N."""
    return Judgement(value=Value.NON_CONFORME, expected=expected, measured=measured)


def sans_objet(expected: Message, measured: Message) -> Judgement:
    """Not applicable, shown by a completed observation."""
    return Judgement(value=Value.SANS_OBJET, expected=expected, measured=measured, proof=True)
