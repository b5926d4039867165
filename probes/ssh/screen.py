"""From what a terminal is sent to the lines that a person would read on it. Pure.

Devices colour, move the cursor, and wipe out their "--More--"; what they send is hostile and bounded here.
"""

from __future__ import annotations

import re

MAX_LINES = 20_000
MAX_LINE = 4096
"""Characters: no table of a switch is wider."""
_NEXT_LINE = re.compile(r"\x1b[DE]")
_LEFT = re.compile(r"\x1b\[(\d{0,3})D")
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
"""Control sequences and strings of ECMA-48, the second kind without its end too."""
_UNSEEN = re.compile(r"[\x00-\x07\x0b-\x0c\x0e-\x1f\x7f-\x9f]")
_PAGER = re.compile(r"\W*more\b.{0,100}", re.IGNORECASE)
_PAUSE = re.compile(r".{0,100}\b(?:press|hit)\b.{0,60}\b(?:key|enter|return)\b.{0,60}", re.IGNORECASE)
_LEFTOVER = re.compile(r"\W*more\W*", re.IGNORECASE)
_PROMPT = re.compile(r"(?=[^\n]*[\w-])[^\s\x1b][^\n]{0,80}[>#] ?")


class TooLongError(Exception):
    """More lines, or a longer one, than anything that is read here has."""


def lines_of(data: bytes) -> list[str]:
    """The lines as they stand on the screen at the end, without trailing spaces; the last may be a prompt, or a pager.

    Raises:
        TooLongError: past :data:`MAX_LINES` or :data:`MAX_LINE`.
    """
    text = _NEXT_LINE.sub("\n", data.decode("utf-8", "replace"))
    text = _LEFT.sub(lambda found: "\b" * min(int(found[1] or "1"), 200), text)
    raw = _UNSEEN.sub("", _ESCAPE.sub("", text)).split("\n")
    if len(raw) > MAX_LINES:
        raise TooLongError
    shown = [_overwritten(line) for line in raw]
    return [line for line in shown[:-1] if not _LEFTOVER.fullmatch(line)] + shown[-1:]


def _overwritten(line: str) -> str:
    """A line after its carriage returns and backspaces."""
    line = line.rstrip("\r")
    if len(line) > 4 * MAX_LINE:
        raise TooLongError
    if "\r" in line or "\b" in line:
        cells: list[str] = []
        at = 0
        for char in line:
            if char == "\r":
                at = 0
            elif char == "\b":
                at = max(0, at - 1)
            else:
                cells[at : at + 1] = [char]
                at += 1
        line = "".join(cells)
    if len(line) > MAX_LINE:
        raise TooLongError
    return line.rstrip()


def is_prompt(line: str) -> bool:
    """Whether a last line may be the invitation of a command line: a name, then ``>`` or ``#``."""
    return _PROMPT.fullmatch(line) is not None


def is_pager(line: str) -> bool:
    """Whether a last line waits for somebody to turn the page."""
    return _PAGER.fullmatch(line) is not None


def is_pause(line: str) -> bool:
    """Whether a last line waits for any key, as before the first prompt of some makers."""
    return _PAUSE.fullmatch(line) is not None
