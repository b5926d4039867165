"""Plain scalars by the core schema of YAML 1.2.2, section 10.3.2, and nothing beyond it.

No ``yes``, no sexagesimal number, no date: a MAC address, ``22:10`` and ``2026-01-01`` stay the strings that were
written.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from r2s_audit.files.faults import Plain

MAX_DIGITS = 64
"""Characters of a number; no address, port, share or delay is longer, and Python's int() takes quadratic time."""

_STARTS = frozenset("+-.0123456789~nNtTfF")
_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class BadNumber(ValueError):
    """A plain scalar that is a number by its form and not one that a file may hold."""

    def __init__(self, found: Message) -> None:
        """Keep the sentence that says what was found."""
        super().__init__(str(found))
        self.found = found


def resolve(text: str) -> Plain:
    """The value of an unquoted scalar; raises BadNumber for infinities, NaN and numbers past :data:`MAX_DIGITS`."""
    if text and text[0] not in _STARTS:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        _bounded(text)
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        _bounded(text)
        number = float(text)
        if not math.isfinite(number):
            raise BadNumber(msg("un nombre trop grand"))
        return number
    if _NOT_FINITE.fullmatch(text):
        raise BadNumber(msg("« {text} », qui n'est pas un nombre fini", text=text))
    return text


def _bounded(text: str) -> None:
    if len(text) > MAX_DIGITS:
        raise BadNumber(msg("un nombre de {length} caractères", length=len(text)))
