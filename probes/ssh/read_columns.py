"""Eltex and Cisco Small Business: ``show vlan`` in columns whose cells run over several lines. Pure.

Their templates give up on the ports: a name and a list may both run over. The line of dashes says where columns are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from probes.switching.facts import SwitchFacts, SwitchVlan

from .answers import Answers, unreadable
from .lists import NAME, port_names
from .members import Members, vid

_VLANS, _LINKS = "show vlan", "show interfaces status"
COMMANDS = (_VLANS, _LINKS)
_DASHES = re.compile(r"\s*-{2,}(?:\s+-{2,})+\s*")
_LINK = re.compile(
    r"\s*(?P<name>(?:fa|gi|te|tw|xg|Po)[\d/]+)\s.*?\s(?P<state>Up|Down|Not Present)(?:\s*\((?P<why>\w+)\))?(?:\s(?P<rest>.*))?",
    re.IGNORECASE,
)
_MODE = re.compile(r"\b(Access|Trunk|General|Customer)\b(?:\s*\((\d{1,4})\))?\s*$")
_ADMINISTRATIVELY = "adm"


def read(platform: str, answers: Answers) -> SwitchFacts:
    """VLANs with their members; kind and state of the ports where their table says so."""
    members = Members()
    vlans = answers.read(_VLANS, partial(_vlans, members))
    if vlans:
        answers.read(_LINKS, lambda text: _links(text, members))
    return SwitchFacts(platform=platform, vlans=vlans, ports=members.ports() if vlans else None)


def _vlans(members: Members, text: str) -> tuple[SwitchVlan, ...]:
    """Each row of the table, with its lists put together.

    Raises:
        Unread: the table has no columns that are known.
    """
    found = []
    for row in _rows(text):
        number = vid(row["vlan"])
        if not _announced(row):
            found.append(SwitchVlan(id=number, name=_name(row)))
        if "ports" in row:
            # Old releases do not say who leaves with a tag and who without.
            for name in port_names(row["ports"]):
                members.port(name).known = False
        else:
            members.add(number, tagged=port_names(row["tagged ports"]), untagged=port_names(row["untagged ports"]))
    if not found or len({v.id for v in found}) != len(found):
        raise unreadable()
    return tuple(found)


def _announced(row: dict[str, str]) -> bool:
    """Whether a neighbour made the VLAN, by GVRP: nobody configured it here."""
    return row.get("created by") == "G" or row.get("type", "").lower().startswith("dynamic")


def _name(row: dict[str, str]) -> str:
    return "" if row["name"] == "-" else row["name"][:NAME]


def _rows(text: str) -> Iterator[dict[str, str]]:
    """Rows by the title of each column, in small letters; what runs over several lines put together again."""
    lines = text.splitlines()
    ruler = next((n for n, line in enumerate(lines) if _DASHES.fullmatch(line)), 0)
    if not ruler:
        raise unreadable()
    spans = [match.span() for match in re.finditer(r"-+", lines[ruler])]
    titles = [" ".join(lines[ruler - 1][a:b].lower().split()) for a, b in spans]
    if "vlan" not in titles or "name" not in titles or not {"ports", "tagged ports"} & set(titles):
        raise unreadable()
    row: dict[str, str] = {}
    for line in lines[ruler + 1 :]:
        if not line.strip():
            continue
        cells = _cells(line, spans)
        if cells[0]:
            if row:
                yield row
            row = dict(zip(titles, cells, strict=True))
        elif row:
            for title, cell in zip(titles, cells, strict=True):
                row[title] += cell
        else:
            raise unreadable()
    if row:
        yield row


def _cells(line: str, spans: list[tuple[int, int]]) -> list[str]:
    """The cells of a line; a word between two columns is no word of this table.

    Raises:
        Unread: text stands outside the columns.
    """
    cells = [line[a:b].strip() for a, b in spans]
    outside = list(line)
    for a, b in spans:
        outside[a:b] = " " * len(outside[a:b])
    if "".join(outside).strip():
        raise unreadable()
    return cells


def _links(text: str, members: Members) -> bool:
    """Note kind and state of the known ports; an access port's one VLAN leaves it without a tag."""
    seen = False
    for line in text.splitlines():
        match = _LINK.fullmatch(line)
        if match is None:
            continue
        seen = True
        if not members.knows(match["name"]):
            continue
        port = members.port(match["name"])
        port.up = match["state"].lower() == "up"
        # Only newer releases say why a link is down; where they do not, nothing is known of the administrator's word.
        port.enabled = (
            False if (match["why"] or "").lower() == _ADMINISTRATIVELY else True if port.up or match["why"] else None
        )
        mode = _MODE.search(match["rest"] or "")
        if mode is not None and mode[1] in {"Access", "Trunk"}:
            port.mode = "access" if mode[1] == "Access" else "trunk"
    if not seen:
        raise unreadable()
    return True
