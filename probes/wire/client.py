"""The unprivileged side: launch the helper, capture, witness, and send through a gate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Self

from probes.wire import bpf as filters
from probes.wire import helper
from probes.wire.capture import QUEUE_OCTETS, Capture
from probes.wire.channel import Channel, WireError, WireRefused, WireUnavailable
from probes.wire.frames import FrameError, FrameHeader, parse_header
from probes.wire.gate import FrameGate, FrameRefused, never_allowed
from probes.wire.mailbox import Mailboxes
from probes.wire.start import Started, remedy, start

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from probes.wire.witness import Witness

BUFFER_OCTETS = 4 << 20
SNAP_OCTETS = 2048
BATCH_OCTETS = 16384  # handed to the helper at once: it reads no capture meanwhile, a few milliseconds


class HelperState(NamedTuple):
    """What the helper says of itself: capabilities as bit masks (capabilities(7))."""

    version: int
    pid: int
    uid: int
    permitted: int
    effective: int
    bounding: int


class Wire:
    """A running helper. Use as an asynchronous context manager, or call `close`."""

    def __init__(self, channel: Channel, state: HelperState, interfaces: tuple[str, ...]) -> None:
        """Wrap a channel whose helper has said hello; `launch` does all of it."""
        self._channel, self.state, self.interfaces = channel, state, interfaces
        self._mailboxes = Mailboxes(interfaces)

    @classmethod
    async def launch(
        cls,
        interfaces: Sequence[str],
        *,
        max_rate: int,
        max_frames: int,
        launcher: Path | None = None,
        timeout: float = 5.0,  # noqa: ASYNC109 - expiry is reported with a remedy
    ) -> Self:
        """Start the helper; call it before `privilege.drop_all` where this process holds CAP_NET_RAW.

        Args:
            interfaces: the only ones that the helper will touch.
            max_rate: frames in any one second, at most.
            max_frames: frames in all, at most; 0 for a wire that only listens.
            launcher: an interpreter with file capabilities; by default LAUNCHER_NAME beside sys.executable.
            timeout: seconds for the helper to say hello.

        Raises:
            WireUnavailable: no privilege here, or the helper could not start; with the remedy.
            ValueError: impossible limits or interface names.
        """
        started = start(interfaces, max_rate=max_rate, max_frames=max_frames, launcher=launcher)
        return await cls.join(started, timeout=timeout)

    @classmethod
    async def join(cls, started: Started, *, timeout: float = 5.0) -> Self:  # noqa: ASYNC109 - as in launch
        """Take over a helper that `start` has started, once it has said hello.

        Raises:
            WireUnavailable: it did not; with the remedy.
        """
        process, channel = started.process, Channel(started.socket, started.process)
        try:
            hello = await asyncio.wait_for(asyncio.shield(channel.hello), timeout)
        except (WireError, TimeoutError) as error:
            await channel.close()
            from r2s_audit.model.text import msg  # noqa: PLC0415 - what a working wire needs not load

            reason = msg(
                "trames brutes impossibles : l'assistant n'a pas démarré ({error}), code de sortie {status}",
                error=str(error) or "no hello",
                status=str(process.returncode),
            )
            raise WireUnavailable(reason, remedy(started.interpreter)) from error
        except BaseException:
            await channel.close()
            raise
        state = HelperState(*helper.HELLO.unpack(hello))
        if state.version != helper.VERSION:
            await channel.close()
            raise WireError(f"the wire helper speaks version {state.version}, this client {helper.VERSION}")
        return cls(channel, state, started.interfaces)

    async def __aenter__(self) -> Self:
        """Return self."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """End the helper and wait for its end; WireError if it lingers."""
        self._mailboxes.close()
        await self._channel.close()

    def takes_dhcpv6(self, interface: str) -> bool:
        """Whether a DHCPv6 server's answer to this interface is met with silence, and not with an ICMP error."""
        return self._mailboxes.holds(interface)

    @asynccontextmanager
    async def capture(
        self,
        interface: str,
        *,
        bpf: bytes | None = None,
        promiscuous: bool = False,
        all_multicast: bool = False,
        buffer_bytes: int = BUFFER_OCTETS,
        snap: int = SNAP_OCTETS,
        queue_octets: int = QUEUE_OCTETS,
    ) -> AsyncIterator[Capture]:
        """Open a capture for the length of the context; its statistics can be read after it, too.

        Args:
            interface: one of those given to `launch`.
            bpf: a program of `bpf.compile_filter`; everything if None.
            promiscuous: also frames for other addresses.
            all_multicast: also groups that this machine has not joined.
            buffer_bytes: kernel receive buffer asked for, in octets.
            snap: octets kept of each frame.
            queue_octets: octets held for a slow consumer.

        Raises:
            WireRefused: an interface not declared, or the kernel's refusal.
            WireError: the helper is gone.
        """
        capture = Capture(self._channel, interface, queue_octets)
        flags = promiscuous * helper.FLAG_PROMISCUOUS | all_multicast * helper.FLAG_ALL_MULTICAST
        name = interface.encode()
        body = helper.OPEN.pack(flags, buffer_bytes, snap, len(name)) + name + (bpf or b"")
        try:
            await self._channel.request(helper.OP_OPEN, body, capture.opened)
        except asyncio.CancelledError:
            capture.abandon()
            raise
        try:
            yield capture
        finally:
            await capture.close()

    @asynccontextmanager
    async def witness(self, interface: str, *, buffer_bytes: int = BUFFER_OCTETS) -> AsyncIterator[Witness]:
        """Record every frame that leaves the interface, whoever sends it, header by header; as `capture`."""
        from probes.wire.witness import WITNESS_SNAP, Witness  # noqa: PLC0415 - what a wire without one needs not load

        program = filters.compile_filter(filters.outgoing())
        async with self.capture(interface, bpf=program, buffer_bytes=buffer_bytes, snap=WITNESS_SNAP) as capture:
            yield Witness(capture)

    async def send(self, gate: FrameGate, interface: str, frames: Sequence[bytes]) -> tuple[FrameHeader, ...]:
        """Send frames in order: all are admitted before the first leaves, and each is paid for as it goes.

        Frames that the budget lets go at once travel to the helper together; none waits for a later one's turn.

        Returns:
            The headers as the gate saw them.

        Raises:
            FrameRefused: a frame that does not read, that no gate may allow, or that this gate refused.
                Refused at admission, nothing has left; refused by the budget, the frames before have.
            WireRefused: the helper's own limits; WireError: the helper is gone.
        """
        headers = tuple(_admitted(gate, interface, frame) for frame in frames)
        batch = _Batch(self._channel, interface)
        for frame, header in zip(frames, headers, strict=True):
            try:
                if not gate.pay_now(interface, header):
                    await batch.flush()
                    await gate.pay(interface, header)
            except FrameRefused as refusal:
                await batch.flush()
                refusal.sent = batch.sent
                raise
            batch.add(frame)
            if batch.full:
                await batch.flush()
        await batch.flush()
        return headers


@dataclass(slots=True)
class _Batch:
    """Frames that are paid for and have not gone to the helper yet."""

    channel: Channel
    interface: str
    frames: list[bytes] = field(default_factory=list)
    octets: int = 0
    sent: int = 0

    @property
    def full(self) -> bool:
        return self.octets >= BATCH_OCTETS

    def add(self, frame: bytes) -> None:
        self.frames += (helper.LENGTH.pack(len(frame)), frame)
        self.octets += helper.LENGTH.size + len(frame)

    async def flush(self) -> None:
        """Have the helper send them, and wait until it has."""
        if self.frames:
            name, count, octets = self.interface.encode(), len(self.frames) // 2, b"".join(self.frames)
            self.frames, self.octets = [], 0
            try:
                await self.channel.request(helper.OP_SEND, helper.SEND.pack(len(name), count) + name + octets)
            except WireRefused as refusal:
                refusal.sent += self.sent
                raise
            self.sent += count


def _admitted(gate: FrameGate, interface: str, frame: bytes) -> FrameHeader:
    """Return the frame's header once it may be sent; FrameRefused if not."""
    if len(frame) > helper.MAX_FRAME:
        raise FrameRefused(f"a frame of {len(frame)} octets, {helper.MAX_FRAME} at most")
    try:
        header = parse_header(frame)
    except FrameError as error:
        raise FrameRefused(f"a frame that does not read: {error}") from error
    reason = never_allowed(header)
    if reason is not None:
        raise FrameRefused(reason)
    gate.admit(interface, header)
    return header
