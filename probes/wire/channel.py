"""Requests to the helper and its answers, over one SOCK_SEQPACKET socket, on the running event loop."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from probes.wire import helper

if TYPE_CHECKING:
    from r2s_audit.model.text import Message

_MESSAGE_LIMIT = 262144  # octets: above anything that the helper may send
_MESSAGES_PER_TURN = 64
_REAP_SECONDS = 2.0


class WireError(Exception):
    """The wire does not work, or no longer: which part, and why."""


class WireUnavailable(WireError):
    """No raw socket can be had here: the reason and what the user can do about it."""

    def __init__(self, reason: Message, remedy: Message) -> None:
        """Keep both sentences for a caller who shows them, in the reader's language."""
        super().__init__(str(reason))
        self.reason, self.remedy = reason, remedy


class WireRefused(WireError):
    """The helper refused a request: one of helper.REASON_*, with the frames of the call that left before."""

    def __init__(self, reason: int, sent: int, number: int, text: str) -> None:
        """Keep the helper's own words."""
        super().__init__(f"the wire helper refused: {text}")
        self.reason, self.sent, self.errno = reason, sent, number


class FrameSink(Protocol):
    """Where a capture's records go."""

    def accept(self, record: tuple[int, ...], data: bytes, offset: int) -> None:
        """Take one frame: the fields of helper.FRAME, its octets, monotonic minus wall nanoseconds."""

    def fail(self, error: WireError) -> None:
        """Learn that no more will come."""


class Channel:
    """The client's end. Not thread-safe: it belongs to the loop that made it."""

    def __init__(self, sock: socket.socket, process: subprocess.Popen[bytes]) -> None:
        """Take over the socket and the process; both are released by `close`."""
        self._socket, self._process = sock, process
        self._loop = asyncio.get_running_loop()
        self._pending: dict[int, tuple[asyncio.Future[bytes], Callable[[bytes], None] | None]] = {}
        self._sinks: dict[int, FrameSink] = {}
        self._outgoing: deque[bytes] = deque()
        self._next = 1
        self._error: WireError | None = None
        self._buffer = bytearray(_MESSAGE_LIMIT)
        self.hello: asyncio.Future[bytes] = self._loop.create_future()
        sock.setblocking(False)
        self._loop.add_reader(sock.fileno(), self._readable)

    @property
    def pid(self) -> int:
        """Return the helper's process number."""
        return self._process.pid

    async def request(self, operation: int, body: bytes, on_answer: Callable[[bytes], None] | None = None) -> bytes:
        """Send one request and return the payload of its answer.

        on_answer runs as the answer is read, before any frame that follows it is.

        Raises:
            WireRefused: the helper said no.
            WireError: the helper is gone.
        """
        if self._error is not None:
            raise self._error
        number, self._next = self._next, self._next % 0xFFFFFFFF + 1
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self._pending[number] = (answer, on_answer)
        self._outgoing.append(helper.REQUEST.pack(operation, number) + body)
        self._write()
        return await answer

    def forget(self, operation: int, body: bytes) -> None:
        """Send one request whose answer nobody needs."""
        if self._error is None:
            number, self._next = self._next, self._next % 0xFFFFFFFF + 1
            answer: asyncio.Future[bytes] = self._loop.create_future()
            answer.cancel()  # done already: whatever is answered has no place to go
            self._pending[number] = (answer, None)
            self._outgoing.append(helper.REQUEST.pack(operation, number) + body)
            self._write()

    def attach(self, capture: int, sink: FrameSink) -> None:
        """Lead the capture's frames to sink."""
        self._sinks[capture] = sink

    def detach(self, capture: int) -> None:
        """Forget the capture's sink."""
        self._sinks.pop(capture, None)

    async def close(self) -> None:
        """Close the socket, which ends the helper, and wait for its end; WireError if it lingers."""
        self._shut(WireError("the wire was closed"))
        try:
            for _ in range(int(_REAP_SECONDS / 0.002)):
                if self._process.poll() is not None:
                    return
                await asyncio.sleep(0.002)
        except asyncio.CancelledError:
            self._process.wait(_REAP_SECONDS)  # it is ending: a few milliseconds, and no zombie
            raise
        raise WireError(f"the wire helper (pid {self.pid}) did not end within {_REAP_SECONDS} s")

    def _write(self) -> None:
        """Send what is waiting; come back when the socket has room."""
        while self._outgoing:
            try:
                self._socket.send(self._outgoing[0])
            except BlockingIOError:
                self._loop.add_writer(self._socket.fileno(), self._write)
                return
            except OSError as error:
                self._gone(f"is out of reach: {error.strerror}")
                return
            self._outgoing.popleft()
        self._loop.remove_writer(self._socket.fileno())

    def _readable(self) -> None:
        for _ in range(_MESSAGES_PER_TURN):
            if self._error is not None:
                return
            try:
                size = self._socket.recv_into(self._buffer)
            except BlockingIOError:
                return
            except OSError as error:
                self._gone(f"is out of reach: {error.strerror}")
                return
            if size == 0:
                self._gone("ended")
                return
            self._dispatch(memoryview(self._buffer)[:size])

    def _dispatch(self, message: memoryview) -> None:
        operation, number = helper.REQUEST.unpack_from(message)
        body = message[helper.REQUEST.size :]
        if operation == helper.OP_FRAMES:
            self._frames(number, body)
        elif operation == helper.OP_HELLO:
            if not self.hello.done():
                self.hello.set_result(bytes(body))
        elif operation == helper.OP_FATAL:
            self._gone(f"failed: {bytes(body).decode('utf-8', 'replace')}")
        else:
            self._answer(operation, number, bytes(body))

    def _answer(self, operation: int, number: int, body: bytes) -> None:
        if number not in self._pending:
            self._gone(f"answered what was not asked: operation {operation}, request {number}")
            return
        answer, on_answer = self._pending.pop(number)
        if operation == helper.OP_DONE:
            if on_answer is not None:
                on_answer(body)
            if not answer.done():
                answer.set_result(body)
        elif not answer.done():
            reason, sent, errno = helper.REFUSAL.unpack_from(body)
            text = body[helper.REFUSAL.size :].decode("utf-8", "replace")
            answer.set_exception(WireRefused(reason, sent, errno, text))

    def _frames(self, count: int, body: memoryview) -> None:
        (offset,) = helper.BATCH.unpack_from(body)
        position = helper.BATCH.size
        for _ in range(count):
            record = helper.FRAME.unpack_from(body, position)
            position += helper.FRAME.size
            sink = self._sinks.get(record[0])
            if sink is not None:
                sink.accept(record, bytes(body[position : position + record[-1]]), offset)
            position += record[-1]

    def _gone(self, what: str) -> None:
        status = self._process.poll()
        ending = "" if status is None else f", status {status}"
        self._shut(WireError(f"the wire helper (pid {self.pid}) {what}{ending}"))

    def _shut(self, error: WireError) -> None:
        """Release the socket and tell everybody who waits; idempotent."""
        if self._error is not None:
            return
        self._error = error
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._socket.close()
        waiting = [self.hello, *(answer for answer, _ in self._pending.values())]
        self._pending.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(error)
                future.exception()  # retrieved: whoever awaits it sees it, and nobody else is warned
        for sink in list(self._sinks.values()):
            sink.fail(error)
        self._sinks.clear()
