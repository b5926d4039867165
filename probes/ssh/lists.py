"""Lists as command lines write them: VLANs ``1,3-5``, ports ``gi1/0/1-4``. Pure, and bounded."""

from __future__ import annotations

import re
from collections.abc import Iterable

from probes.switching.facts import Range

from .answers import unreadable

FIRST_VLAN, LAST_VLAN = 1, 4094
ALL: tuple[Range, ...] = ((FIRST_VLAN, LAST_VLAN),)
NAME = 64
"""Characters of a port's or VLAN's name that are kept."""
_ITEM = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")
_DASH = re.compile(r"\s*-\s*|\s+to\s+", re.IGNORECASE)
_PORTS = re.compile(r"(?P<kind>[A-Za-z][A-Za-z-]*)?(?P<place>(?:\d+/)*)(?P<first>\d+)(?:-(?P<last>.+))?")
_WIDEST = 1024
"""Ports that one range stands for at most."""


def vlan_ranges(text: str) -> tuple[Range, ...]:
    """``ALL``, ``none``, ``1,3-5``, ``1 3 to 5``: merged and in order.

    Raises:
        Unread: something else stands in the list.
    """
    stripped = text.strip().strip(",").strip()
    if stripped.lower() in {"none", "", "-", "--"}:
        return ()
    if stripped.lower() == "all":
        return ALL
    found = []
    for item in re.split(r"[,\s]+", _DASH.sub("-", stripped)):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise unreadable()
        low, high = int(match[1]), int(match[2] or match[1])
        if low > high or high > LAST_VLAN + 1:
            raise unreadable()
        # Some switches write the reserved VIDs 0 and 4095 into "all of them"; no VLAN has them (IEEE 802.1Q).
        low, high = max(low, FIRST_VLAN), min(high, LAST_VLAN)
        if low <= high:
            found.append((low, high))
    return merged(found)


def merged(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """Ranges in order, those that touch made one."""
    found: list[Range] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)


def of(numbers: Iterable[int]) -> tuple[Range, ...]:
    """Single VLANs as ranges."""
    return merged((n, n) for n in numbers)


def without(ranges: Iterable[Range], taken: int | None) -> tuple[Range, ...]:
    """The ranges less one VLAN."""
    if taken is None:
        return tuple(ranges)
    found: list[Range] = []
    for low, high in ranges:
        found += [(a, b) for a, b in ((low, min(high, taken - 1)), (max(low, taken + 1), high)) if a <= b]
    return tuple(found)


def port_names(text: str) -> list[str]:
    """``gi1/0/2,gi1/0/4-23,Po1-12`` or ``1/1/1-1/1/4``: each port by its own name.

    Raises:
        Unread: something else stands in the list, or a range is wider than any switch.
    """
    found: list[str] = []
    for raw in text.split(","):
        item = raw.strip()
        if not item or item in {"-", "--"}:
            continue
        match = _PORTS.fullmatch(item)
        if match is None or len(item) > NAME:
            raise unreadable()
        prefix, first, last = (match["kind"] or "") + match["place"], int(match["first"]), match["last"]
        if last is None:
            found.append(item)
            continue
        end = _PORTS.fullmatch(last)
        if end is None or end["last"] or (end["kind"] or "") + end["place"] not in {"", prefix, match["place"]}:
            raise unreadable()
        top = int(end["first"])
        if not first <= top < first + _WIDEST:
            raise unreadable()
        found += [f"{prefix}{n}" for n in range(first, top + 1)]
    return found
