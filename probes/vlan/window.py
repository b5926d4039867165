"""One window: the sender's control, the attempts in one capture, the sender's control again.

The half-open connection that a SYN-ACK leaves is ended twice: by the kernel of this machine, which knows of no such
connection and answers with a RST of its own, and by a gated RST through the point's interface. The kernel's is not
enough on a machine with several points: it leaves by the default route, which may lead through another point.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from probes.api import CollectFailure, Outcome
from probes.vlan.datagrams import EMPTY, datagram
from probes.vlan.facts import Loss, ReachFacts, ReachState, SenderControl
from probes.vlan.link import NoInterface, read_link
from probes.vlan.neighbours import Neighbours, resolve_all
from probes.wire.exchange import ProbeReport, ProbeResult, probe_many
from probes.wire.frames import IpAddress, parse_header
from probes.wire.match import Probe, ProbeState
from probes.wire.station import Station
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence

    from probes.api import Access
    from probes.wire.capture import CaptureStatistics
    from r2s_audit.model.observation import BlobRef, Request
    from r2s_audit.model.text import Message

T = TypeVar("T")
ANSWER_SECONDS = 1.0
"""Waited after each round of frames; a later answer to the first is still heard during the second."""
ATTEMPTS = 2
"""One retry, on building controllers and infrastructure alike (requirements, section 4)."""
NOTHING_LOST = Loss(kernel=0, forwarding=0, interruptions=0)


@dataclass(frozen=True, slots=True)
class Question:
    """A request read once."""

    request: Request
    address: IpAddress
    protocol: Literal["icmp", "tcp", "udp"]
    port: int | None
    next_hop: IpAddress | None
    """None: off the link, and the site declares no gateway."""
    service: str = ""
    """What is spoken on the port, over UDP."""
    source_port: int | None = None

    @property
    def tries(self) -> int | None:
        """One datagram alone to a service, one frame alone from a chosen port; else what the window allows.

        An empty datagram, to a port where no service is, has its second try: one refusal may be kept back by the limit
        that hosts put on them.
        """
        once = self.protocol == "udp" and self.service != EMPTY
        return 1 if once or self.source_port else None


@dataclass(frozen=True, slots=True)
class Side:
    """The point in one IP version: its own address, and the declared gateway of its VLAN."""

    source: IpAddress
    gateway: IpAddress | None


@dataclass(frozen=True, slots=True)
class End:
    """The sender's control at one end of the window, by gateway."""

    neighbours: Neighbours
    echoes: frozenset[IpAddress]


@dataclass(frozen=True, slots=True)
class Framed(Generic[T]):
    """What was done between the sender's two controls, and what these say."""

    found: T
    start: datetime
    end: datetime
    before: End
    after: End
    losses: int
    """Of the carrier, meanwhile."""

    def sender(self, gateway: IpAddress | None) -> SenderControl:
        """The control by one gateway."""
        return sender_of(gateway, self.before, self.after, self.losses)


@dataclass(frozen=True, slots=True)
class _Context:
    """What every outcome of a window shares."""

    start: datetime
    end: datetime
    loss: Loss
    senders: Mapping[int, SenderControl]
    neighbours: Neighbours


def loss_of(*statistics: CaptureStatistics | None) -> Loss:
    """What captures say that they lost, together."""
    found = [s for s in statistics if s is not None]
    return Loss(
        kernel=sum(s.kernel_drops for s in found),
        forwarding=sum(s.forwarding_drops for s in found),
        interruptions=sum(s.interruptions for s in found),
    )


@dataclass(frozen=True, slots=True)
class Window:
    """All that one window needs: where from, in which IP versions, through whom."""

    access: Access
    station: Station
    sides: Mapping[int, Side]

    async def framed(self, work: Callable[[End], Awaitable[T]]) -> Framed[T]:
        """Do some work between the sender's controls, and give it what the first of them found.

        Raises:
            CollectFailure: the interface is gone; no raw frames here. WireError: the helper is gone.
        """
        name, start = self.station.interface, self.access.now()
        try:
            downs = read_link(name).carrier_downs
            before = await self.control({})
            found = await work(before)
            after = await self.control(before.neighbours.macs)
            losses = read_link(name).carrier_downs - downs
        except NoInterface as error:
            raise CollectFailure(
                Failure.MISSING_INTERFACE, msg("interface {name} absente de cette machine", name=name)
            ) from error
        return Framed(found, start, self.access.now(), before, after, losses)

    async def ask(self, questions: Sequence[Question]) -> list[tuple[Request, Outcome]]:
        """Ask all of them, in IP versions that the point has, inside one window; one outcome each, in their order.

        Raises:
            CollectFailure, WireError: as :meth:`framed`.
        """

        async def work(before: End) -> tuple[Neighbours, ProbeReport]:
            hops = {q.next_hop for q in questions if q.next_hop is not None} - set(self._gateways)
            neighbours = await self._resolve(sorted(hops, key=lambda hop: (hop.version, int(hop))))
            neighbours.macs |= before.neighbours.macs
            neighbours.refused |= before.neighbours.refused
            neighbours.unsent |= before.neighbours.unsent
            return neighbours, await self.probe(list(self._probes(questions, neighbours)), ATTEMPTS)

        framed = await self.framed(work)
        neighbours, report = framed.found
        senders = {version: framed.sender(side.gateway) for version, side in self.sides.items()}
        context = _Context(framed.start, framed.end, loss_of(report.statistics), senders, neighbours)
        results = {result.probe.key: result for result in report.results}
        return [(q.request, self._outcome(q, context, results.get(q.request.key))) for q in questions]

    @property
    def _gateways(self) -> list[IpAddress]:
        return [side.gateway for side in self.sides.values() if side.gateway is not None]

    async def _resolve(self, targets: Sequence[IpAddress]) -> Neighbours:
        pairs = [(self.sides[target.version].source, target) for target in targets]
        return await resolve_all(self.access.wire, self.access.frame_gate, self.station, pairs)

    async def control(self, known: Mapping[IpAddress, str]) -> End:
        """Ask the gateways by ARP or NS, then those whose MAC is or was known by echo."""
        found = await self._resolve(self._gateways)
        macs = {**known, **found.macs}
        probes = [Probe(str(g), self.sides[g.version].source, macs[g], g) for g in self._gateways if g in macs]
        report = await self.probe(probes, 1)
        replied = (result.probe.target_ip for result in report.results if result.state is ProbeState.REPLY)
        return End(found, frozenset(replied))

    async def probe(self, probes: Sequence[Probe], attempts: int) -> ProbeReport:
        return await probe_many(
            self.access.wire,
            self.access.frame_gate,
            self.station,
            probes,
            timeout=ANSWER_SECONDS,
            attempts=attempts,
            reset=True,
        )

    def _probes(self, questions: Sequence[Question], neighbours: Neighbours) -> Iterator[Probe]:
        """One probe for each question whose next hop is known, targets taking turns: each has its own pace."""
        for q in in_turns(questions):
            mac = neighbours.macs.get(q.next_hop) if q.next_hop else None
            if mac is None:
                continue
            source = self.sides[q.address.version].source
            yield Probe(
                q.request.key,
                source,
                mac,
                q.address,
                q.port,
                datagram=datagram(q.service, source, q.address, q.port or 0) if q.protocol == "udp" else None,
                source_port=q.source_port,
                tries=q.tries,
            )

    def _outcome(self, question: Question, context: _Context, result: ProbeResult | None) -> Outcome:
        hop, sender = question.next_hop, context.senders[question.address.version]
        if hop is None:
            point, version = self.access.point.id, question.address.version
            reason = msg("aucune passerelle IPv{version} déclarée au point {point}", version=version, point=point)
            return _failed(context, Failure.NOT_SUPPORTED, reason)
        if result is None and hop in context.neighbours.refused:
            refusal = context.neighbours.refused[hop]
            return _failed(context, Failure.OUT_OF_SCOPE, msg("trame refusée par le périmètre : {why}", why=refusal))
        if result is not None and result.state is ProbeState.NOT_SENT:
            down = context.loss.interruptions or sender.carrier_losses
            failure = Failure.UNREACHABLE if down else Failure.OUT_OF_SCOPE
            return _failed(context, failure, msg("trame non envoyée : {why}", why=result.reason or "-"))
        facts = ReachFacts(
            address=question.address,
            protocol=question.protocol,
            port=question.port,
            source_port=question.source_port,
            state=ReachState.ARP_UNRESOLVED,
            next_hop=hop,
            next_hop_mac=context.neighbours.macs.get(hop),
            frames_sent=0,
            frames_seen=0,
            retries=0,
            started=context.start,
            ended=context.end,
            window_start=context.start,
            window_end=context.end,
            loss=context.loss,
            sender=sender,
            note=context.neighbours.unsent.get(hop),
        )
        if result is None:
            return Outcome(facts=facts, started=context.start, ended=context.end)
        facts = answered(facts, result)
        return Outcome(
            facts=facts,
            blobs=self._kept(result),
            packets_sent=facts.frames_sent,
            started=facts.started,
            ended=facts.ended,
        )

    def _kept(self, result: ProbeResult) -> tuple[BlobRef, ...]:
        """The answer's own bytes: headers of ICMP and TCP, nothing secret."""
        return (self.access.keep(result.answer, "ethernet-frame"),) if result.answer else ()


def in_turns(questions: Iterable[Question]) -> list[Question]:
    """The questions reordered so that targets take turns; within a target, in the given order."""
    queues: dict[str, list[Question]] = {}
    for question in questions:
        queues.setdefault(question.request.target, []).append(question)
    return [question for turn in zip_longest(*queues.values()) for question in turn if question is not None]


def sender_of(gateway: IpAddress | None, before: End, after: End, losses: int) -> SenderControl:
    """The sender's control of one IP version, from both ends of the window."""
    if gateway is None:
        return SenderControl(
            gateway=None,
            resolved_before=False,
            resolved_after=False,
            echo_before=False,
            echo_after=False,
            carrier_losses=losses,
        )
    return SenderControl(
        gateway=gateway,
        resolved_before=gateway in before.neighbours.macs,
        resolved_after=gateway in after.neighbours.macs,
        echo_before=gateway in before.echoes,
        echo_after=gateway in after.echoes,
        carrier_losses=losses,
        refusal=before.neighbours.refused.get(gateway) or after.neighbours.refused.get(gateway),
    )


def _failed(context: _Context, failure: Failure, reason: Message) -> Outcome:
    return Outcome(failure=CollectFailure(failure, reason), started=context.start, ended=context.end)


def answered(facts: ReachFacts, result: ProbeResult) -> ReachFacts:
    """The facts of an attempt that was sent, from what the wire reports of it."""
    seen = [ns for ns in result.left_ns if ns is not None]
    change: dict[str, object] = {
        "state": ReachState(result.state.value),
        "frames_sent": len(result.left_ns),
        "frames_seen": len(seen),
        "retries": max(len(result.left_ns) - 1, 0),
        "started": moment(seen[0]) if seen else facts.window_start,
        "note": result.reason,
    }
    if result.answer is not None and result.answered_ns is not None:
        header = parse_header(result.answer)
        change |= {
            "answered_by": header.source_ip,
            "answer_mac": result.answer_mac,
            "answer_hop_limit": header.hop_limit,
            "ended": moment(result.answered_ns),
            "rtt_ms": None if result.rtt_ns is None else round(result.rtt_ns / 1e6, 3),
        }
    if result.icmp is not None:
        change |= {"icmp_type": result.icmp.type, "icmp_code": result.icmp.code}
    return facts.model_copy(update=change)


def moment(nanoseconds: int) -> datetime:
    """UTC from nanoseconds since the epoch, to the microsecond below."""
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=nanoseconds // 1000)
