"""The unprivileged side of 802.1X: ask the launcher for a supplicant, follow its events, end it.

One launcher per interface, started with the helper of the wire, before privileges are given up. The number of
refused authentications of a pass is counted here: whoever would pass the lock-out budget is refused before a frame
leaves (requirements, S1.1).
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from probes.wire import launcher
from probes.wire.channel import WireError, WireUnavailable
from probes.wire.start import NOBODY, interpreter_for, remedy
from r2s_audit.model.text import msg

Method = Literal["eap-tls", "peap", "ttls"]
Inner = Literal["mschapv2", "pap"]
Command = Literal["PING", "STATUS", "LOGOFF"]

_BOOT = "import os, sys; sys.path.insert(0, sys.argv[1]); from probes.wire.launcher import main; os._exit(main(sys.argv[2:]))"
_ROOT = Path(__file__).resolve().parents[2]
_METHODS: dict[Method, int] = {"eap-tls": 1, "peap": 2, "ttls": 3}
_INNER: dict[Inner, int] = {"mschapv2": 0, "pap": 1}
_HELLO_SECONDS, _REAP_SECONDS, _ANSWER_SECONDS = 5.0, 3.0, 6.0
_WAITING = 256  # messages read ahead of whoever asks for them


class SupplicantRefused(WireError):
    """The launcher did not start the supplicant, or the supplicant ended; without any secret."""


class LockoutSpent(Exception):
    """Another failed authentication could lock an account or a port: none is tried."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who to authenticate as, and which server to believe. Octets: UTF-8 text, PEM, or DER for the client's own."""

    method: Method
    identity: str
    outer: str
    server_name: str
    authority: bytes
    inner: Inner = "mschapv2"
    password: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)

    def packed(self) -> bytes:
        """Return the start request's body."""
        texts = (self.identity, self.outer, self.server_name, self.password)
        parts = [*(text.encode() for text in texts), self.authority, self.certificate, self.key]
        head = launcher.START.pack(_METHODS[self.method], _INNER[self.inner])
        return head + b"".join(launcher.FIELD.pack(len(part)) + part for part in parts)


@dataclass(frozen=True, slots=True)
class LauncherState:
    """What the launcher says of itself: capabilities as bit masks (capabilities(7))."""

    version: int
    pid: int
    uid: int
    permitted: int
    effective: int


class Supplicant:
    """One launcher, and the supplicant that it runs at the moment, if any."""

    def __init__(self, sock: socket.socket, process: subprocess.Popen[bytes]) -> None:
        """Take over both; `close` releases them."""
        self._socket, self._process = sock, process
        self._events: deque[str] = deque()
        self._messages: asyncio.Queue[bytes] = asyncio.Queue(_WAITING)
        self._listening = False
        self.state = LauncherState(0, process.pid, 0, 0, 0)

    async def hello(self) -> None:
        """Learn that the launcher is confined and ready; WireError if it is not."""
        operation, body = await self._receive(_HELLO_SECONDS)
        if operation != launcher.OP_HELLO:
            raise WireError(f"the supplicant's launcher began with operation {operation}")
        self.state = LauncherState(*launcher.HELLO.unpack(body))
        if self.state.version != launcher.VERSION:
            raise WireError(f"the supplicant's launcher speaks version {self.state.version}")

    async def start(self, credentials: Credentials) -> None:
        """Start the supplicant; it speaks EAPOL from now on. SupplicantRefused if it does not start."""
        self._events.clear()
        await self._request(launcher.OP_START, credentials.packed())

    async def event(self, seconds: float) -> str | None:
        """Return the next event without its priority; None after seconds.

        Raises:
            SupplicantRefused: the supplicant ended. WireError: the launcher did.
        """
        if self._events:
            return self._events.popleft()
        try:
            operation, body = await self._receive(seconds)
        except TimeoutError:
            return None
        return self._said(operation, body)

    async def ask(self, command: Command) -> str:
        """Return the supplicant's answer to a command; events meanwhile are kept for `event`."""
        await self._request(launcher.OP_COMMAND, bytes([launcher.COMMANDS.index(command.encode())]))
        while True:
            operation, body = await self._receive(_ANSWER_SECONDS)
            if operation == launcher.OP_DATAGRAM and body[:1] != b"<":  # events begin with their priority: <3>
                return body.decode("utf-8", "replace").rstrip("\n")
            self._keep(operation, body)

    async def stop(self) -> None:
        """End the supplicant; nothing to do where it has ended."""
        await self._request(launcher.OP_STOP, b"")

    async def close(self) -> None:
        """End the launcher, and with it the supplicant, and wait for its end; WireError if it lingers."""
        self._deafen()
        self._socket.close()
        for _ in range(int(_REAP_SECONDS / 0.005)):
            if self._process.poll() is not None:
                return
            await asyncio.sleep(0.005)
        raise WireError(f"the supplicant's launcher (pid {self.state.pid}) did not end within {_REAP_SECONDS} s")

    async def _request(self, operation: int, body: bytes) -> None:
        message = bytes([operation]) + body
        if len(message) > launcher.MAX_MESSAGE:
            raise SupplicantRefused(f"{len(message)} octets of credentials, {launcher.MAX_MESSAGE} at most")
        try:
            await asyncio.get_running_loop().sock_sendall(self._socket, message)
        except OSError as error:
            raise WireError(f"the supplicant's launcher is out of reach: {error.strerror}") from error
        while True:
            answer, text = await self._receive(_ANSWER_SECONDS)
            if answer == launcher.OP_DONE:
                return
            if answer == launcher.OP_REFUSED:
                raise SupplicantRefused(text.decode("utf-8", "replace"))
            self._keep(answer, text)

    async def _receive(self, seconds: float) -> tuple[int, bytes]:
        self._listen()
        message = await asyncio.wait_for(self._messages.get(), seconds)
        if not message:
            raise WireError(f"the supplicant's launcher (pid {self.state.pid}) ended")
        if message[0] == launcher.OP_FATAL:
            raise WireError(f"the supplicant's launcher failed: {message[1:].decode('utf-8', 'replace')}")
        return message[0], message[1:]

    def _listen(self) -> None:
        if not self._listening:
            asyncio.get_running_loop().add_reader(self._socket, self._readable)
            self._listening = True

    def _deafen(self) -> None:
        if self._listening:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._listening = False

    def _readable(self) -> None:
        """Take one message; none while nobody takes those that wait: the launcher then waits, too."""
        if self._messages.full():
            self._deafen()
            return
        try:
            message = self._socket.recv(launcher.MAX_MESSAGE)
        except BlockingIOError:
            return
        except OSError:
            message = b""  # the same as its end
        self._messages.put_nowait(message)
        if not message:
            self._deafen()

    def _keep(self, operation: int, body: bytes) -> None:
        said = self._said(operation, body)
        if said is not None:
            self._events.append(said)

    @staticmethod
    def _said(operation: int, body: bytes) -> str | None:
        """Return an event's text; None for what is no event. SupplicantRefused where the supplicant ended."""
        if operation == launcher.OP_ENDED:
            raise SupplicantRefused(f"the supplicant ended by itself (status {launcher.ENDED.unpack(body)[0]})")
        if operation != launcher.OP_DATAGRAM or body[:1] != b"<":
            return None
        return body.decode("utf-8", "replace").partition(">")[2]


class Supplicants:
    """The launchers of a pass by interface, and the lock-out budget that they share."""

    def __init__(self, by_interface: dict[str, Supplicant]) -> None:
        """Wrap launchers that said hello; `launch` does all of it."""
        self._by_interface = by_interface
        self.failures = 0

    @classmethod
    async def launch(cls, interfaces: Sequence[str], *, interpreter: Path | None = None) -> Self:
        """Start one launcher per interface; before `privilege.drop_all`.

        Args:
            interfaces: the only ones on which a supplicant can then run.
            interpreter: one with file capabilities; by default as `Wire.launch`.

        Raises:
            WireUnavailable: no privilege here, or a launcher did not start.
        """
        chosen = interpreter_for(interpreter)
        async with AsyncExitStack() as stack:
            found = {}
            for name in interfaces:
                found[name] = one = _spawn(chosen, name)
                stack.push_async_callback(one.close)
                try:
                    await one.hello()
                except (WireError, TimeoutError) as error:
                    reason = msg("802.1X impossible : le lanceur n'a pas démarré ({error})", error=str(error))
                    raise WireUnavailable(reason, remedy(chosen)) from error
            stack.pop_all()
        return cls(found)

    async def __aenter__(self) -> Self:
        """Return self."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """End every launcher; WireError if one lingers."""
        async with AsyncExitStack() as stack:
            for one in self._by_interface.values():
                stack.push_async_callback(one.close)

    @asynccontextmanager
    async def running(self, interface: str, credentials: Credentials, *, budget: int) -> AsyncIterator[Attempt]:
        """Run a supplicant for the length of the context.

        The attempt counts as failed until it is told otherwise: two at once cannot both take the last of the budget.

        Args:
            interface: one of those given to `launch`.
            credentials: who, and which server to believe.
            budget: failed authentications of the whole pass, at most.

        Raises:
            LockoutSpent: nothing was tried. SupplicantRefused: it did not start. WireError: the launcher is gone.
        """
        if interface not in self._by_interface:
            raise SupplicantRefused(f"no launcher for {interface}")
        if self.failures >= budget:
            raise LockoutSpent(f"{self.failures} failed authentications, {budget} at most")
        one, attempt = self._by_interface[interface], Attempt()
        self.failures += 1
        attempt.supplicant = one
        try:
            await one.start(credentials)
            yield attempt
        finally:
            if attempt.harmless:
                self.failures -= 1
            await one.stop()


@dataclass(slots=True)
class Attempt:
    """One run of a supplicant. ``harmless``: it ended without a refusal, which does not count against a lock-out."""

    supplicant: Supplicant = field(init=False)
    harmless: bool = False


def _spawn(interpreter: Path, interface: str) -> Supplicant:
    """Start a launcher in its own session: the terminal's signals are not for it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    arguments = [str(theirs.fileno()), str(NOBODY), str(NOBODY), interface]
    command = [str(interpreter), "-I", "-S", "-B", "-c", _BOOT, str(_ROOT), *arguments]
    try:
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                command,
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
    except OSError as error:
        ours.close()
        reason = msg("802.1X impossible : le lanceur ne démarre pas ({error})", error=str(error.strerror))
        raise WireUnavailable(reason, remedy(interpreter)) from error
    ours.setblocking(False)
    return Supplicant(ours, process)
