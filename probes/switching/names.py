"""One port, several spellings: a switch abbreviates its interface types as it pleases from one command to the next. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_SPELLINGS: tuple[tuple[str, ...], ...] = (
    ("ethernet", "eth", "et"),
    ("fastethernet", "fas", "fa"),
    ("gigabitethernet", "gig", "gi", "ge"),
    ("twogigabitethernet", "tw"),
    ("fivegigabitethernet", "fi"),
    ("tengigabitethernet", "ten-gigabitethernet", "xgigabitethernet", "xge", "te"),
    ("twentyfivegige", "twenty-fivegige", "25ge", "twe"),
    ("fortygigabitethernet", "fortygige", "40ge", "fge", "fo"),
    ("hundredgige", "100ge", "hge", "hu"),
    ("appgigabitethernet", "ap"),
    ("port-channel", "po"),
    ("bridge-aggregation", "bagg"),
    ("management", "ma"),
)
"""Spellings of one interface type each, in small letters: those of Cisco, Arista, H3C and Huawei, which do not clash."""
_KIND = {spelling: all_of_it[0] for all_of_it in _SPELLINGS for spelling in all_of_it}
_NAME = re.compile(r"(?P<kind>(?:40|25|100)ge|[a-z][a-z-]*)\s?(?P<place>\d+(?:[/.:]\d+)*)")


_NOT_PHYSICAL = re.compile(
    r"(?:po|port-channel|bridge-aggregation|bagg|eth-trunk|trk|lag|sa|ae|bond|vl|vlan|vlanif|vlan-interface|lo|loopback|tunnel|tu|"
    r"nve|vxlan|vx|bdi|irb|null|nu|inloopback|register-tunnel|fc|wl|ap|appgigabitethernet)\s?\d.*",
    re.IGNORECASE,
)
"""Aggregates, interfaces of the switch itself, and ports of what is built into it: no cable goes there."""


def is_physical(name: str) -> bool:
    """Whether a cable may be plugged into the port of that name."""
    return _NOT_PHYSICAL.fullmatch(name.strip()) is None


def port_key(name: str) -> str:
    """The same text for all spellings of one port; a name that has no known type stands for itself, in small letters."""
    small = name.strip().lower()
    match = _NAME.fullmatch(small)
    if match is None:
        return small
    kind = match["kind"]
    return f"{_KIND.get(kind, kind)} {match['place']}"


def spelt(names: Mapping[str, int], declared: Iterable[str]) -> dict[str, int]:
    """``names``, and each declared name that is another spelling of exactly one of them."""
    by_key: dict[str, set[int]] = {}
    for name, number in names.items():
        by_key.setdefault(port_key(name), set()).add(number)
    found = dict(names)
    for name in declared:
        numbers = by_key.get(port_key(name), set())
        if name not in found and len(numbers) == 1:
            found[name] = next(iter(numbers))
    return found
