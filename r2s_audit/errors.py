"""One exception tree for everything that this program raises on purpose.

::

    R2SError
    ├── UsageError            a command line or a file that a user can mend      exit 2
    │   └── FileProblems      every problem of a file, with line and near miss   exit 2
    ├── OutOfScope            the gate refused a packet, a frame or an address
    ├── RecordError           a record that cannot be opened, written or trusted exit 2
    └── InternalError         our own fault: the trace goes to the record        exit 70

What an error says is a :class:`Message`, so that the command line says it in the reader's language; ``str(error)`` is
French. Only an InternalError, which nobody can mend but us, may carry plain English text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Sequence


class R2SError(Exception):
    """Base of every error raised on purpose: what was found, what was expected, what to do about it."""

    def __init__(self, message: Message, *, expected: Message | None = None, remedy: Message | None = None) -> None:
        """Keep the three sentences apart; the last two may be missing."""
        super().__init__("\n".join(str(part) for part in (message, expected) if part is not None))
        self.message = message
        self.expected = expected
        self.remedy = remedy


class UsageError(R2SError):
    """The command line or a file is wrong in a way that the user can mend (exit code 2)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one file: where, what was found, what was expected, the near miss.

    Found, expected and near miss are sentences in the reader's language already.
    """

    file: str
    line: int
    path: str
    found: str
    expected: str
    near_miss: str = ""

    @property
    def message(self) -> Message:
        """The whole as one sentence: ``file:line: path : found ; attendu : …``."""
        where: dict[str, str | int] = {
            "file": self.file,
            "line": self.line,
            "found": self.found,
            "expected": self.expected,
        }
        if self.path and self.near_miss:
            return msg(
                "{file}:{line}: {path} : {found} ; attendu : {expected} ; {near_miss}",
                path=self.path,
                near_miss=self.near_miss,
                **where,
            )
        if self.path:
            return msg("{file}:{line}: {path} : {found} ; attendu : {expected}", path=self.path, **where)
        if self.near_miss:
            return msg("{file}:{line}: {found} ; attendu : {expected} ; {near_miss}", near_miss=self.near_miss, **where)
        return msg("{file}:{line}: {found} ; attendu : {expected}", **where)

    def __str__(self) -> str:
        """One line in French, but for the parts that are in the reader's language."""
        return str(self.message)


class FileProblems(UsageError):
    """Everything wrong in one file, reported at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep the problems in the order of their lines."""
        self.problems = tuple(sorted(problems, key=lambda p: (p.line, p.path)))
        super().__init__(msg("erreurs dans le fichier : {count}", count=len(self.problems)))

    def __str__(self) -> str:
        """Every problem, one per line."""
        return "\n".join(str(p) for p in self.problems)


class OutOfScope(R2SError):
    """The gate refused: the message names the rule of the site file that refuses."""


class RecordError(R2SError):
    """A record that cannot be opened, continued, written or trusted (exit code 2)."""


class InternalError(R2SError):
    """A fault of this program (exit code 70)."""

    def __init__(self, message: Message | str) -> None:
        """A plain text is for us alone, in English."""
        super().__init__(
            message if isinstance(message, Message) else Message(template="{text}", args={"text": message})
        )
