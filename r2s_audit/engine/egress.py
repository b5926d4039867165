"""Every frame that leaves during a pass, into the ledger: what the scope promise is checked against."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.wire.channel import WireError
from r2s_audit.model.record import FramesSent
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from probes.wire.client import Wire
    from probes.wire.witness import Witness
    from r2s_audit.evidence.record import RecordWriter

PERIOD_S = 2.0
"""A kill loses at most this much of the listing; what it lists has left all the same and is counted as lost."""


@dataclass(slots=True)
class _Listener:
    """One interface: what the witness heard since the last stretch goes into the ledger."""

    writer: RecordWriter
    pass_id: str
    interface: str
    witness: Witness

    async def flush(self) -> None:
        """Append one stretch; an empty one is appended too when drops were counted."""
        try:
            statistics = await self.witness.statistics()
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
        records = self.witness.take()
        drops = statistics.kernel_drops + statistics.forwarding_drops
        if not records and not drops:
            return
        listing = "\n".join(json.dumps(r.as_ledger(), separators=(",", ":")) for r in records).encode()
        self.writer.ledger.append(
            FramesSent(
                pass_id=self.pass_id,
                interface=self.interface,
                frames=len(records),
                drops=drops,
                listing=self.writer.blobs.put(listing, "frames-sent") if records else None,
            )
        )

    async def run(self) -> None:
        """Flush until cancelled; a witness that died has said so in the ledger and ends."""
        while True:
            await asyncio.sleep(PERIOD_S)
            try:
                await self.flush()
            except WireError:
                return


@asynccontextmanager
async def witnessed(
    wire: Wire | None, writer: RecordWriter, pass_id: str, interfaces: Iterable[str], why_not: Message | None
) -> AsyncIterator[None]:
    """Listen to what leaves these interfaces for the length of the block."""
    names = sorted(set(interfaces))
    if wire is None:
        for name in names:
            reason = why_not or msg("trames émises non relevées")
            writer.ledger.append(FramesSent(pass_id=pass_id, interface=name, frames=0, drops=0, reason=reason))
        yield
        return
    async with AsyncExitStack() as stack:
        listeners = [
            _Listener(writer, pass_id, name, await stack.enter_async_context(wire.witness(name))) for name in names
        ]
        tasks = [asyncio.create_task(listener.run()) for listener in listeners]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            for listener, outcome in zip(listeners, ended, strict=True):
                if isinstance(outcome, Exception):
                    raise outcome
                if isinstance(outcome, asyncio.CancelledError):  # still listening: the last stretch
                    await listener.flush()
