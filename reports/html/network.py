"""The picture of the network: an indented tree from the core, one row for each box, so that nothing can lie over anything.

The layers are distances from the core: what has most cables of all equipment, a router before a switch. Every row has one
box; the cable comes down from the box above it. Cables beside the tree (loops) are told in words. What each box and line
says is said by its shape and its sign too: a copy in black and white loses nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from r2s_audit.model.network_map import Presence
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from r2s_audit.model.network_map import MapLink, MapNode, NetworkMap

WIDTH = 480
"""Units of the picture's width; a telephone shows it at about three quarters."""
BOX_WIDTH, BOX_HEIGHT, ROW = 300, 40, 52
MARGIN = 12
MAX_STEP = 34
"""Units that a layer is set in from the one above; less where there are many."""
CHUNK = 17
"""Rows of one picture: a printed page holds it whole."""
MAX_NODES = 300
MAX_LISTED = 400
"""Stations, sockets and cables that the tables list."""
SIGNS: dict[Presence, str] = {
    Presence.FOUND: "✓",
    Presence.DECLARED: "?",
    Presence.MISSING: "✕",
    Presence.UNDECLARED: "!",
}
STATES: dict[Presence, Message] = {
    Presence.FOUND: msg("retrouvé"),
    Presence.DECLARED: msg("déclaré, rien ne le montre ni ne l'exclut"),
    Presence.MISSING: msg("déclaré, non retrouvé"),
    Presence.UNDECLARED: msg("vu, non déclaré"),
}
SOURCES: dict[str, Message] = {
    "lldp": msg("par LLDP"),
    "fdb": msg("par la table d'adresses du commutateur"),
    "declaration": msg("par le fichier de site seul"),
}
_ORDER = {
    state: at for at, state in enumerate((Presence.FOUND, Presence.UNDECLARED, Presence.DECLARED, Presence.MISSING))
}


@dataclass(frozen=True, slots=True)
class Box:
    """A node at its place; units of its picture."""

    id: str
    name: str
    role: str
    state: Presence
    x: int
    y: int
    ports: str
    """The cable to the box above: its ports at both ends."""
    parallel: int
    """Further cables beside that one."""
    stations: int
    """Declared devices learnt on its ports."""
    width: int = BOX_WIDTH
    height: int = BOX_HEIGHT


@dataclass(frozen=True, slots=True)
class Line:
    """A straight piece of a cable."""

    x1: int
    y1: int
    x2: int
    y2: int
    state: Presence


@dataclass(frozen=True, slots=True)
class Picture:
    """Some rows of the tree."""

    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class CableRow:
    """A cable in words."""

    a: str
    b: str
    state: Presence
    source: Message
    heard: int
    seen_on: str


@dataclass(frozen=True, slots=True)
class NetworkView:
    """The pictures, what they leave out, and everything in words."""

    pictures: tuple[Picture, ...]
    counts: tuple[tuple[Presence, int], ...]
    """Boxes by state."""
    loops: int
    cables: tuple[CableRow, ...]
    others: tuple[MapNode, ...]
    """Stations and sockets that are not as declared, and those that nothing shows."""
    cut: int
    read: int
    equipment: int


def network_view(found: NetworkMap | None) -> NetworkView | None:
    """None where the document has no map, or one without equipment."""
    if found is None:
        return None
    drawn = [n for n in found.nodes if n.kind in {"equipment", "neighbour"}]
    # What is not as declared is kept where not all can be; the order of the document stays.
    kept = {id(n) for n in sorted(drawn, key=lambda n: n.state is Presence.FOUND)[:MAX_NODES]}
    boxes = {n.id: n for n in drawn if id(n) in kept}
    if not boxes:
        return None
    cables = _cables(found.links, boxes)
    rows, loops = _rows(boxes, cables)
    others_of = {n.id for n in found.nodes if n.kind == "station"}
    stations = Counter(link.a for link in found.links if link.b in others_of and link.state is Presence.FOUND)
    pictures = tuple(_picture(rows, at, boxes, cables, stations) for at in range(0, len(rows), CHUNK))
    counts = Counter(n.state for n in boxes.values())
    listed = sorted(found.links, key=lambda link: (link.state is Presence.FOUND, link.source == "fdb"))
    others = [n for n in found.nodes if n.kind in {"station", "socket"} and n.state is not Presence.FOUND]
    return NetworkView(
        pictures,
        tuple((state, counts[state]) for state in Presence if counts[state]),
        loops,
        tuple(_told(link) for link in listed[:MAX_LISTED]),
        tuple(others[:MAX_LISTED]),
        max(0, len(drawn) - len(boxes)) + max(0, len(listed) - MAX_LISTED) + max(0, len(others) - MAX_LISTED),
        found.read,
        found.equipment,
    )


Cables = dict[tuple[str, str], list["MapLink"]]
"""By the two ends, in both orders."""


@dataclass(frozen=True, slots=True)
class _Row:
    node: str
    parent: str
    depth: int


def _cables(links: tuple[MapLink, ...], boxes: dict[str, MapNode]) -> Cables:
    cables: Cables = defaultdict(list)
    for link in links:
        if link.a in boxes and link.b in boxes and link.a != link.b:
            cables[link.a, link.b].append(link)
            cables[link.b, link.a].append(link)
    return cables


def _rows(boxes: dict[str, MapNode], cables: Cables) -> tuple[list[_Row], int]:
    """Every box once, under the one through which the core is nearest; how many pairs are joined beside the tree."""
    near: dict[str, list[str]] = {name: [] for name in boxes}
    for a, b in cables:
        near[a].append(b)
    place = {name: at for at, name in enumerate(boxes)}
    rank = {n: (_ORDER[boxes[n].state], -len(near[n]), boxes[n].role != "router", place[n]) for n in boxes}
    parents: dict[str, str] = {}
    depth: dict[str, int] = {}
    children: dict[str, list[str]] = {name: [] for name in boxes}
    roots = []
    for root in sorted(boxes, key=lambda n: rank[n]):
        if root in depth:
            continue
        roots.append(root)
        depth[root] = 0
        ahead = deque([root])
        while ahead:
            here = ahead.popleft()
            for other in sorted(near[here], key=lambda n: (bool(near[n][1:]), place[n])):
                if other not in depth:
                    depth[other], parents[other] = depth[here] + 1, here
                    children[here].append(other)
                    ahead.append(other)
    rows: list[_Row] = []
    stack = roots[::-1]
    while stack:
        name = stack.pop()
        rows.append(_Row(name, parents.get(name, ""), depth[name]))
        stack += children[name][::-1]
    return rows, len(cables) // 2 - len(parents)


def _picture(
    rows: list[_Row], start: int, boxes: dict[str, MapNode], cables: Cables, stations: Counter[str]
) -> Picture:
    """The rows from ``start``; a cable that comes from an earlier picture enters at the top edge."""
    deepest = max(row.depth for row in rows)
    step = min(MAX_STEP, (WIDTH - BOX_WIDTH - 2 * MARGIN) // max(1, deepest))
    shown = rows[start : start + CHUNK]
    height = len(shown) * ROW + 2 * MARGIN - (ROW - BOX_HEIGHT)

    def x(depth: int) -> int:
        return MARGIN + depth * step

    def y(at: int) -> int:
        return MARGIN + at * ROW

    at_row = {row.node: at for at, row in enumerate(rows)}
    drawn = []
    lines: list[Line] = []
    for at, row in enumerate(rows):
        joined = cables.get((row.node, row.parent), [])
        here = start <= at < start + CHUNK
        if row.parent:
            trunk = x(row.depth - 1) + step // 2
            top = y(at_row[row.parent] - start) + BOX_HEIGHT if at_row[row.parent] >= start else 0
            middle = y(at - start) + BOX_HEIGHT // 2
            state = joined[0].state
            if here:
                lines += [Line(trunk, top, trunk, middle, state), Line(trunk, middle, x(row.depth), middle, state)]
            elif at >= start + CHUNK and at_row[row.parent] < start + CHUNK:
                lines.append(Line(trunk, top, trunk, height, state))  # goes on in the next picture
        if here:
            node = boxes[row.node]
            ports = _ports(joined[0], row.parent) if joined else ""
            drawn.append(
                Box(
                    row.node,
                    node.name,
                    node.role,
                    node.state,
                    x(row.depth),
                    y(at - start),
                    ports,
                    max(0, len(joined) - 1),
                    stations[row.node],
                )
            )
    return Picture(height, tuple(drawn), tuple(dict.fromkeys(lines)) if shown else ())


def _ports(link: MapLink, parent: str) -> str:
    upper, lower = (link.a_port, link.b_port) if link.a == parent else (link.b_port, link.a_port)
    return f"{upper or '–'} ↔ {lower or '–'}"


def _told(link: MapLink) -> CableRow:
    a, b = (f"{name} ({port})" if port else name for name, port in ((link.a, link.a_port), (link.b, link.b_port)))
    return CableRow(a, b, link.state, SOURCES[link.source], link.heard, link.seen_on)
