"""A dialogue with a command line: find its invitation, ask, read up to the invitation again. Blocking; run in a thread.

What is asked is given by the caller. A blank line, and a space where the device waits for a page to be turned, are all that
is said beside it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, Protocol

from .screen import TooLongError, is_pager, is_pause, is_prompt, lines_of

if TYPE_CHECKING:
    from collections.abc import Callable

QUIET_SECONDS = 0.1
"""An invitation counts as one when nothing comes after it for so long."""
CHUNK = 32 * 1024
MAX_OUTPUT = 1024 * 1024
MAX_PAGES = 1000
_TAIL = 1024
_ROUNDS = 4


class DialogueError(Exception):
    """The other side is no command line that this can talk to; ``why`` names how."""

    def __init__(self, why: Literal["silent", "no prompt", "configuring", "out of step", "too long", "closed"]) -> None:
        """Keep why."""
        super().__init__(why)
        self.why = why


class Terminal(Protocol):
    """What is needed of a channel: :class:`paramiko.Channel` has it."""

    def recv(self, nbytes: int) -> bytes:
        """Give what has come, nothing at the end; TimeoutError where nothing comes."""

    def sendall(self, s: bytes) -> None:
        """Send all of it."""

    def settimeout(self, timeout: float | None) -> None:
        """How long ``recv`` waits."""


class Shell:
    """A command line with a known invitation."""

    def __init__(self, terminal: Terminal, now: Callable[[], float] = time.monotonic) -> None:
        """Take a terminal over."""
        self._terminal = terminal
        self._now = now
        self.prompt = ""
        terminal.settimeout(QUIET_SECONDS)

    def find_prompt(self, seconds: float) -> None:
        """Wait for an invitation, and see that a blank line brings the same one again; ``seconds`` for all of it.

        Raises:
            DialogueError: there is none, or it is that of a configuration.
        """
        until = self._now() + seconds
        last = self._read(is_prompt, until)[-1]
        for _ in range(_ROUNDS):
            self._terminal.sendall(b"\n")
            again = self._read(is_prompt, until)[-1]
            if again == last:
                if "(conf" in again or again.endswith("]"):
                    raise DialogueError("configuring")
                self.prompt = again
                return
            last = again
        raise DialogueError("no prompt")

    def ask(self, command: str, seconds: float) -> str:
        """What a command shows, without its echo and the invitation after it.

        Raises:
            DialogueError: the answer does not begin with the echo, or does not end.
        """
        self._terminal.sendall(command.encode() + b"\n")
        lines = self._read(lambda line: line == self.prompt, self._now() + seconds)
        first = next((place for place, line in enumerate(lines[:3]) if line.endswith(command)), None)
        # Without its echo, an answer might be the end of the one before.
        if first is None:
            raise DialogueError("out of step")
        return "\n".join(lines[first + 1 : -1])

    def finish(self, seconds: float) -> None:
        """See that nothing was left of the last answer: a blank line brings the invitation alone.

        Raises:
            DialogueError: something was.
        """
        self._terminal.sendall(b"\n")
        lines = self._read(lambda line: line == self.prompt, self._now() + seconds)
        if any(line and line != self.prompt for line in lines):
            raise DialogueError("out of step")

    def _read(self, ends: Callable[[str], bool], until: float) -> list[str]:
        """The lines up to one that ``ends`` says is the last, and silence after it."""
        raw = bytearray()
        pages = 0
        while True:
            try:
                data = self._terminal.recv(CHUNK)
            except TimeoutError:
                data = None
            if data == b"":
                raise DialogueError("closed")
            if data is not None:
                raw += data
                if len(raw) > MAX_OUTPUT:
                    raise DialogueError("too long")
            elif raw:
                last = self._last_line(raw)
                if ends(last):
                    return self._lines(raw)
                if is_pager(last) or (not self.prompt and is_pause(last)):
                    pages += 1
                    if pages > MAX_PAGES:
                        raise DialogueError("too long")
                    self._terminal.sendall(b" ")
                    raw += b"\r"  # what it waited with is overwritten by what comes
            if self._now() > until:
                raise DialogueError("no prompt" if raw else "silent")

    @staticmethod
    def _last_line(raw: bytearray) -> str:
        try:
            return lines_of(bytes(raw[-_TAIL:]))[-1]
        except (TooLongError, IndexError):
            return ""

    @staticmethod
    def _lines(raw: bytearray) -> list[str]:
        try:
            return lines_of(bytes(raw))
        except TooLongError as error:
            raise DialogueError("too long") from error
