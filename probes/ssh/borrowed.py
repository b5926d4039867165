"""Tables that ntc-templates reads: safe templates that take a whole answer, and are shown to have done so. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from io import StringIO
from typing import Any

from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

from .answers import Unread, cut_short, unreadable

LINE = 256
"""Characters of a line that a template is given: its expressions take polynomial time, and real lines are shorter."""
_NUMBERED = re.compile(r"\s*(\d{1,4})\s")


def rows(platform: str, command: str, text: str) -> list[dict[str, Any]]:
    """The rows of an answer as the template of that command reads them; a value is a text or a list of texts.

    Raises:
        Unread: the template does not know a line, finds no row, or would take too long.
    """
    if any(len(line) > LINE for line in text.splitlines()):
        raise Unread(Failure.LIMIT_EXCEEDED, msg("ligne de plus de {most} caractères", most=LINE))
    # Loaded where it is needed: planning must not import what reading imports.
    from textfsm import TextFSM, TextFSMError  # noqa: PLC0415

    try:
        # One of its own for each answer: it holds the rows, and several switches are read at once, in threads.
        machine = TextFSM(StringIO(_template(platform, command)))
        found = [{name.lower(): value for name, value in row.items()} for row in machine.ParseTextToDicts(text)]
    except TextFSMError as error:
        raise unreadable() from error
    if not found:
        raise unreadable()
    return found


@cache
def _template(platform: str, command: str) -> str:
    """The template of a command, by its file's own name: the index of all of them takes longer to read than any answer."""
    file = files("ntc_templates") / "templates" / f"{platform}_{command.replace(' ', '_')}.textfsm"
    return file.read_text(encoding="utf-8")


def whole(text: str, numbers: Iterable[str]) -> None:
    """Check that every line of a table that begins with a number is a row of the reading.

    Raises:
        Unread: one is not. A VLAN that is not read would pass for one that is not configured.
    """
    lines = [m[1] for line in text.splitlines() if (m := _NUMBERED.match(f"{line} "))]
    found = list(numbers)
    if sorted(lines) != sorted(found):
        raise cut_short(len(found), len(lines))
