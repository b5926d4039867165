"""Text that came from a device or a file, made fit to be read: nothing that it holds is obeyed (promise 8).

Control characters, bidirectional and invisible formatting, lone surrogates and unassigned code points are shown as
what they are; towers of combining marks are cut down; length is bounded, and what was cut is said.
"""

from __future__ import annotations

import re
import unicodedata

KEPT = "\u00a0\u202f"
"""No-break spaces of French typography: not « printable » for Python, harmless for a reader."""
MAX_MARKS = 3
"""Combining marks in a row that a real language needs; more of them paint over the neighbouring lines."""
_CONTROL_PICTURES = 0x2400
_FIRST_PRINTABLE = 0x20
_DELETE = 0x7F


def visible(text: str, limit: int) -> tuple[str, int]:
    """The text with at most ``limit`` of its characters, and how many characters were left out.

    The cut comes first: the work is bounded by ``limit``, whatever a device sent.
    """
    kept = text[:limit]
    if not kept.isascii() or not kept.isprintable():
        kept = _TOWER.sub(_told, "".join(map(_shown, kept)))
    return kept, len(text) - min(len(text), limit)


def _shown(character: str) -> str:
    """A printable character as it is, a control as its picture, anything else as its code point."""
    if character.isprintable() or character in KEPT:
        return character
    code = ord(character)
    if code < _FIRST_PRINTABLE:
        return chr(_CONTROL_PICTURES + code)
    if code == _DELETE:
        return "\u2421"
    return f"⟨U+{code:04X}⟩"


def _told(tower: re.Match[str]) -> str:
    """The marks that a language needs, then how many more there were."""
    return f"{tower[0][:MAX_MARKS]}⟨+{len(tower[0]) - MAX_MARKS}⟩"


def _mark_class() -> str:
    """A character class of every combining mark (Unicode categories Mn and Me), as ranges."""
    planes = (range(0x300, 0x20000), range(0xE0100, 0xE01F0))  # the latter: variation selectors
    marks = [c for plane in planes for c in plane if unicodedata.category(chr(c)) in {"Mn", "Me"}]
    ranges: list[list[int]] = []
    for code in marks:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{chr(low)}-{chr(high)}" for low, high in ranges)


_TOWER = re.compile(f"[{_mark_class()}]{{{MAX_MARKS + 1},}}")
