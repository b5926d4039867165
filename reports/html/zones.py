"""The heat map of zones: from the zone of the measuring point to the zone of the target, one sign for each pair.

It is readable from two zones to a few dozens: columns are numbered and stand in blocks that a telephone and a printed page
hold; what a cell says is said by its sign and its frame, so that nothing is lost in black and white.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from reports.html.matrix import MatrixCell, cell

if TYPE_CHECKING:
    from reports.html.matrix import Pairs, Places

COLUMNS = 10
"""Zones side by side in one block."""
MAX_ZONES = 60


@dataclass(frozen=True, slots=True)
class ZoneRow:
    """A zone that was measured from; one cell for each column of the block."""

    number: int
    zone: str
    cells: tuple[MatrixCell, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Some columns, by the numbers and names of their zones."""

    columns: tuple[tuple[int, str], ...]
    rows: tuple[ZoneRow, ...]


@dataclass(frozen=True, slots=True)
class ZoneMap:
    """All blocks; the zones that were reached for and not measured from; how many zones are not shown."""

    blocks: tuple[Block, ...]
    others: tuple[tuple[int, str], ...]
    cut: int


def zone_map(pairs: Pairs, places: Places) -> ZoneMap | None:
    """None where the document knows of fewer than two zones."""
    found: Pairs = defaultdict(Counter)
    for (point, target), counts in pairs.items():
        source, destination = places.points.get(point, ""), places.targets.get(target, "")
        if source and destination:
            found[source, destination].update(counts)
    sources = list(dict.fromkeys(source for source, _ in found))
    names = list(dict.fromkeys([*sources, *(destination for _, destination in found)]))
    if len(names) <= 1:
        return None
    shown = names[:MAX_ZONES]
    numbers = {name: at for at, name in enumerate(shown, start=1)}
    reached = {destination for _, destination in found}
    columns = [name for name in shown if name in reached]
    width = ceil(len(columns) / max(1, ceil(len(columns) / COLUMNS))) or 1
    rows = [name for name in sources if name in numbers]
    blocks = tuple(
        Block(
            tuple((numbers[name], name) for name in columns[at : at + width]),
            tuple(
                ZoneRow(numbers[row], row, tuple(cell(found.get((row, name))) for name in columns[at : at + width]))
                for row in rows
            ),
        )
        for at in range(0, len(columns), width)
    )
    others = tuple((numbers[name], name) for name in columns if name not in sources)
    return ZoneMap(blocks, others, len(names) - len(shown))
