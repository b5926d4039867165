"""One thing wrong in a document, and how it becomes a problem that names line, path, found, expected, near miss.

A :class:`Fault` speaks of a path in plain data; a :class:`Document` knows the lines; :func:`report` joins the two.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from r2s_audit.errors import FileProblems, Problem
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"
"""What a file may hold: the data model of JSON."""
Path: TypeAlias = tuple[str | int, ...]
"""Keys and list indexes from the root of the document."""
Say: TypeAlias = "Callable[[Message], str]"
"""Puts a sentence into the reader's language; ``str`` leaves it in French."""

SHOWN = 60
"""Characters of a value that a problem shows at most."""

MAX_NEIGHBOURS = 1000
"""Names among which a near miss is looked for; the comparison takes some milliseconds per fault by then."""


class Place(NamedTuple):
    """Lines (from 1) of a key and of its value; for a list item both are the item's."""

    key: int
    value: int
    text: str = ""
    """Source text of a scalar that is not a string, to show what was written (``1.10`` and not ``1.1``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong, before it has a line and a language."""

    path: Path
    found: Message
    expected: Message
    near_miss: Message | None = None
    line: int = 0
    """0: the line of the path."""
    hides: bool = False
    """The value at this path is not what was written: other faults at or below it would be echoes."""


def value_at(data: Plain, path: Path) -> Plain:
    """The value at a path; KeyError where there is none."""
    value = data
    for step in path:
        match value, step:
            case dict() as table, str() as key:
                value = table[key]
            case list() as items, int() as index if 0 <= index < len(items):
                value = items[index]
            case _:
                raise KeyError(step)
    return value


@dataclass(slots=True)
class Document:
    """Plain data with the lines that it came from, and the faults found while reading that did not stop the reading."""

    file: str
    data: Plain = None
    places: dict[Path, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def at(self, path: Path) -> Plain:
        """The value at a path; KeyError where there is none."""
        return value_at(self.data, path)

    def has(self, path: Path) -> bool:
        """Whether the document says anything at this path."""
        try:
            self.at(path)
        except KeyError:
            return False
        return True

    def line(self, path: Path) -> int:
        """The line of a scalar's value or of a container's key; for what is missing, that of what should hold it."""
        for end in range(len(path), 0, -1):
            place = self.places.get(path[:end])
            if place is not None:
                whole = end == len(path) and not isinstance(self.at(path), dict | list)
                return place.value if whole else place.key
        return 1

    def source(self, path: Path) -> str:
        """What was written for a scalar that is not a string; empty for anything else."""
        place = self.places.get(path)
        return place.text if place else ""

    def dotted(self, path: Path) -> str:
        """``devices[3] (sw-acces).services[0].port``: keys, indexes and, where there is one, the element's id."""
        words: list[str] = []
        for end, step in enumerate(path, 1):
            if isinstance(step, str):
                words.append(f".{printable(step)}" if words else printable(step))
                continue
            words.append(f"[{step}]")
            name = self._name(path[:end])
            if name:
                words.append(f" ({name})")
        return "".join(words)

    def _name(self, path: Path) -> str:
        try:
            element = self.at(path)
        except KeyError:
            return ""
        name = element.get("id") if isinstance(element, dict) else None
        if isinstance(name, bool) or not isinstance(name, str | int):
            return ""
        return printable(str(name))


def printable(text: str, limit: int = SHOWN) -> str:
    """The text for a terminal: bounded, and whatever does not print is shown as an escape."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)


def enumerated(words: Iterable[str | int], limit: int = 30) -> str:
    """``a, b, c``; a long list ends with an ellipsis."""
    listed = [printable(str(word)) for word in words]
    return ", ".join(listed[:limit]) + (", …" if len(listed) > limit else "")


def near(word: object, known: Iterable[object]) -> Message | None:
    """``vlna : vlan ?`` where something known resembles the word, whatever the case."""
    written = str(word)
    names = list(islice(known, MAX_NEIGHBOURS + 1))
    if len(written) > SHOWN or len(names) > MAX_NEIGHBOURS:
        return None
    by_fold = {str(name).casefold(): str(name) for name in names}
    close = get_close_matches(written.casefold(), by_fold, n=1, cutoff=0.6)
    if not close or by_fold[close[0]] == written:
        return None
    return msg("{written} : {meant} ?", written=printable(written), meant=printable(by_fold[close[0]]))


def problems(document: Document, faults: Iterable[Fault], say: Say = str) -> list[Problem]:
    """The faults with line and path, in words; echoes of a hidden value and doubles are left out."""
    listed = list(faults)
    hidden = {f.path for f in listed if f.hides}

    def echo(fault: Fault) -> bool:
        own = 0 if fault.hides else 1
        return any(fault.path[:end] in hidden for end in range(len(fault.path) + own))

    found: dict[Problem, None] = {}
    for fault in listed:
        if not echo(fault):
            problem = Problem(
                file=document.file,
                line=fault.line or document.line(fault.path),
                path=document.dotted(fault.path),
                found=say(fault.found),
                expected=say(fault.expected),
                near_miss=say(fault.near_miss) if fault.near_miss else "",
            )
            found.setdefault(problem)
    return list(found)


def report(document: Document, faults: Sequence[Fault], say: Say = str) -> None:
    """Raise FileProblems with every fault, those of the reading included; return where there is none."""
    everything = [*document.faults, *faults]
    if everything:
        raise FileProblems(problems(document, everything, say))


def stop(file: str, fault: Fault, say: Say = str) -> FileProblems:
    """The error of a file that cannot be read any further."""
    return FileProblems(problems(Document(file), [fault], say))
