"""Captured frames, one capture's stream of them, and the counters that say whether any is missing."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import NamedTuple

from probes.wire import helper
from probes.wire.channel import Channel, WireError
from probes.wire.frames import TAGS, VlanTag

PACKET_OUTGOING = 4  # linux/if_packet.h
QUEUE_OCTETS = 16 << 20  # held for a consumer at most; beyond it frames are dropped and counted
_BARRIER_ATTEMPTS = 64


class Direction(StrEnum):
    """Whether the interface received or sent a frame."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"


class CapturedFrame(NamedTuple):
    """One frame as it was on the wire: an outer tag that the kernel had taken off is back in data.

    t_ns is UTC since the epoch, monotonic_ns the same moment on CLOCK_MONOTONIC. checksum_partial: the
    sender left the transport checksum to its adapter, so that the one in data means nothing.
    """

    interface: str
    t_ns: int
    monotonic_ns: int
    direction: Direction
    vlan: VlanTag | None
    original_length: int
    data: bytes
    checksum_partial: bool = False


class CaptureStatistics(NamedTuple):
    """Counters since the capture opened.

    received: frames that passed the filter, lost ones included; kernel_drops: no room in the socket;
    forwarding_drops: lost between the socket and the consumer; pending: not read yet when asked;
    interruptions: times the interface went down; buffer: octets of the kernel's receive buffer.
    """

    received: int
    kernel_drops: int
    forwarding_drops: int
    pending: int
    interruptions: int
    buffer: int

    @property
    def complete(self) -> bool:
        """Tell whether nothing was lost and the interface never went down: silence was heard, not missed."""
        return not (self.kernel_drops or self.forwarding_drops or self.interruptions)


class Capture:
    """An open capture: iterate over it, or take what is there. Made by `Wire.capture`."""

    def __init__(self, channel: Channel, interface: str, queue_octets: int = QUEUE_OCTETS) -> None:
        """Prepare; `opened` completes it when the helper has answered."""
        self._channel, self.interface, self._limit = channel, interface, queue_octets
        self._queue: deque[CapturedFrame] = deque()
        self._octets = 0
        self._dropped = 0
        self._number = 0
        self._buffer = 0
        self._abandoned = False
        self._waiter: asyncio.Future[None] | None = None
        self._error: WireError | None = None
        self._final: CaptureStatistics | None = None

    def opened(self, body: bytes) -> None:
        """Learn the capture's number; frames follow from now on."""
        self._number, self._buffer = helper.OPENED.unpack(body)
        if self._abandoned:
            self._channel.forget(helper.OP_CLOSE, helper.CAPTURE.pack(self._number))
            return
        self._channel.attach(self._number, self)

    def abandon(self) -> None:
        """Give up an opening; the helper's end is closed as soon as it has answered, if it has not yet."""
        self._abandoned = True
        if self._number:
            self._channel.detach(self._number)
            self._channel.forget(helper.OP_CLOSE, helper.CAPTURE.pack(self._number))

    def accept(self, record: tuple[int, ...], data: bytes, offset: int) -> None:
        """Queue one frame, or count it as lost when the consumer is too far behind."""
        if self._octets + len(data) > self._limit:
            self._dropped += 1
            return
        _, wall, packet_type, flags, control, protocol, length, _ = record
        vlan = None
        if flags & helper.HAS_VLAN:
            vlan = VlanTag.from_control(control, protocol)
            data = data[:12] + protocol.to_bytes(2) + control.to_bytes(2) + data[12:]
            length += 4
        elif len(data) >= 16 and data[12] << 8 | data[13] in TAGS:  # noqa: PLR2004 - a tag left in place
            vlan = VlanTag.from_control(data[14] << 8 | data[15], data[12] << 8 | data[13])
        direction = Direction.OUTGOING if packet_type == PACKET_OUTGOING else Direction.INCOMING
        partial = bool(flags & helper.CHECKSUM_PARTIAL)
        frame = CapturedFrame(self.interface, wall, wall + offset, direction, vlan, length, data, partial)
        self._queue.append(frame)
        self._octets += len(data)
        self._wake()

    def fail(self, error: WireError) -> None:
        """Learn that the helper is gone."""
        self._error = error
        self._wake()

    def take(self) -> list[CapturedFrame]:
        """Return every frame queued so far, without waiting."""
        frames = list(self._queue)
        self._queue.clear()
        self._octets = 0
        return frames

    async def wait(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109
        """Wait until a frame is queued; False after timeout seconds or when the capture is closed.

        Raises:
            WireError: the helper is gone.
        """
        if not self._queue and self._error is None and self._final is None:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait_for(self._waiter, timeout)
            except TimeoutError:
                return False
            finally:
                self._waiter = None
        if not self._queue and self._error is not None:
            raise self._error
        return bool(self._queue)

    async def until(self, deadline: float) -> bool:
        """Wait for a frame until the monotonic deadline; False when it has passed. As `wait`."""
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            await asyncio.sleep(0)
            return False
        return await self.wait(remaining)

    async def __aiter__(self) -> AsyncIterator[CapturedFrame]:
        """Yield frames until the capture is closed; WireError if the helper dies."""
        while await self.wait():
            while self._queue:
                frame = self._queue.popleft()
                self._octets -= len(frame.data)
                yield frame

    async def statistics(self) -> CaptureStatistics:
        """Return the counters; every frame that the kernel had accepted before the call is queued by then.

        Raises:
            WireError: the helper is gone.
        """
        if self._final is not None:
            return self._final
        body = helper.CAPTURE.pack(self._number)
        first = helper.STATISTICS.unpack(await self._channel.request(helper.OP_STATISTICS, body))
        counters = first
        for _ in range(_BARRIER_ATTEMPTS):  # a backlog larger than the helper's queue takes several turns
            if counters[2] >= first[0] - first[1]:
                break
            counters = helper.STATISTICS.unpack(await self._channel.request(helper.OP_STATISTICS, body))
        return self._statistics(counters)

    async def close(self) -> None:
        """Close the capture and keep its last counters; nothing to do when the helper is gone."""
        if self._final is not None or self._error is not None:
            return
        body = helper.CAPTURE.pack(self._number)
        counters = helper.STATISTICS.unpack(await self._channel.request(helper.OP_CLOSE, body))
        self._channel.detach(self._number)
        self._final = self._statistics(counters)
        self._wake()

    def _statistics(self, counters: tuple[int, ...]) -> CaptureStatistics:
        packets, drops, forwarded, lost, interruptions = counters
        pending = packets - drops - forwarded - lost
        return CaptureStatistics(packets, drops, lost + self._dropped, pending, interruptions, self._buffer)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
