"""Every frame that leaves during a pass, into the ledger: what the scope promise is checked against.

Beside the listing the frames themselves are kept, redacted, with those that came in (:mod:`r2s_audit.engine.kept`).
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probes.wire import bpf
from probes.wire.channel import WireError, WireRefused
from probes.wire.frames import UDP
from probes.wire.witness import WITNESS_SNAP, record_of
from r2s_audit.engine.kept import FrameKeeper
from r2s_audit.model.record import FramesSent
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from probes.wire.capture import Capture
    from probes.wire.client import Wire
    from probes.wire.pcapng import Port
    from probes.wire.witness import Witness
    from r2s_audit.engine.trail import Trail
    from r2s_audit.evidence.record import RecordWriter

PERIOD_S = 2.0
"""A kill loses at most this much of the listing; what it lists has left all the same and is counted as lost."""
MAX_HEARD = 16
"""Interfaces on which received frames are kept: the helper has a bounded number of captures, and collectors need theirs."""
HEARD_BUFFER, HEARD_QUEUE = 1 << 20, 256 << 10
"""Octets: room for what a point normally hears in two seconds; a flood is dropped, and counted, before it costs time."""
_DHCP, _MDNS = (67, 68), (5353, 5353)


def received(mac: str) -> bytes:
    """The filter of frames received: to this machine, and to groups, without other hosts' datagrams to a group."""
    datagrams = bpf.destination_ports(*_DHCP) | bpf.destination_ports(*_MDNS)
    to_us = bpf.group() & (~bpf.protocol(UDP) | datagrams)
    if mac:
        to_us = to_us | bpf.destination(mac)
    return bpf.compile_filter(bpf.incoming() & to_us)


@dataclass(slots=True)
class _Listener:
    """One interface: what the witness heard since the last stretch goes into the ledger."""

    writer: RecordWriter
    pass_id: str
    interface: str
    witness: Witness
    heard: Capture | None
    missed: int = 0

    async def flush(self, keeper: FrameKeeper) -> None:
        """Append one stretch; an empty one is appended too when drops were counted."""
        try:
            statistics = await self.witness.statistics()
            if self.heard is not None:
                missed = await self.heard.statistics()
                self.missed = missed.kernel_drops + missed.forwarding_drops
        except WireError as error:
            self.writer.ledger.append(
                FramesSent(
                    pass_id=self.pass_id,
                    interface=self.interface,
                    frames=0,
                    drops=0,
                    reason=msg("le témoin des trames s'est arrêté : {error}", error=str(error)),
                )
            )
            raise
        frames = self.witness.take_frames()
        records = [record_of(frame) for frame in frames]
        keeper.take(frames, records)
        if self.heard is not None:
            keeper.hear(self.heard.take())
        drops = statistics.kernel_drops + statistics.forwarding_drops
        if not frames and not drops:
            return
        listing = "\n".join(json.dumps(r.as_ledger(), separators=(",", ":")) for r in records).encode()
        self.writer.ledger.append(
            FramesSent(
                pass_id=self.pass_id,
                interface=self.interface,
                frames=len(frames),
                drops=drops,
                listing=self.writer.blobs.put(listing, "frames-sent") if frames else None,
            )
        )


@dataclass(slots=True)
class _Ear:
    """All interfaces of a pass together."""

    keeper: FrameKeeper
    trail: Trail
    listeners: list[_Listener] = field(default_factory=list)
    deaf: bool = False

    async def flush(self) -> None:
        """One stretch of every interface; a witness that died has said so in the ledger, and is not asked again."""
        now = time.time_ns()
        for listener in self.listeners:
            try:
                await listener.flush(self.keeper)
            except WireError:
                self.deaf = True
        self.keeper.missed(sum(listener.missed for listener in self.listeners))
        self.keeper.write()
        self.trail.forget(now)

    async def run(self) -> None:
        """Flush until cancelled, or until the witnesses have died."""
        while not self.deaf:
            await asyncio.sleep(PERIOD_S)
            await self.flush()


@asynccontextmanager
async def witnessed(
    wire: Wire | None,
    writer: RecordWriter,
    pass_id: str,
    ports: Sequence[Port],
    trail: Trail,
    why_not: Message | None,
) -> AsyncIterator[None]:
    """Listen to what leaves these interfaces, and to what comes in, for the length of the block."""
    if wire is None:
        for port in ports:
            reason = why_not or msg("trames émises non relevées")
            writer.ledger.append(FramesSent(pass_id=pass_id, interface=port.name, frames=0, drops=0, reason=reason))
        yield
        return
    async with AsyncExitStack() as stack:
        ear = _Ear(FrameKeeper(writer, pass_id, ports, trail), trail)
        for number, port in enumerate(ports):
            witness = await stack.enter_async_context(wire.witness(port.name))
            heard = await _hear(stack, wire, port) if number < MAX_HEARD else None
            ear.listeners.append(_Listener(writer, pass_id, port.name, witness, heard))
        task = asyncio.create_task(ear.run())
        try:
            yield
        finally:
            task.cancel()
            (ended,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(ended, Exception):
                raise ended
            if isinstance(ended, asyncio.CancelledError):  # still listening: the last stretch
                await ear.flush()


async def _hear(stack: AsyncExitStack, wire: Wire, port: Port) -> Capture | None:
    """Frames received, as a courtesy: where the kernel refuses one more capture, the pass goes on without."""
    program = received(port.mac.hex(":"))
    try:
        return await stack.enter_async_context(
            wire.capture(port.name, bpf=program, buffer_bytes=HEARD_BUFFER, snap=WITNESS_SNAP, queue_octets=HEARD_QUEUE)
        )
    except WireRefused:
        return None
