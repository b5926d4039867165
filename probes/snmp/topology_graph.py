"""Who hears whom by LLDP: neighbours matched with declared equipment. Pure.

More observations only ever add names, hearers and edges here, so that a judgement made with fewer of them can be
completed but not contradicted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from .facts import LldpFacts, Neighbour

if TYPE_CHECKING:
    from r2s_audit.model.site import Device


def _short(name: str) -> str:
    """A host name without its domain, case ignored."""
    return name.strip().casefold().partition(".")[0]


class Graph:
    """Declared switches and routers and the LLDP hearings between them."""

    def __init__(self, equipment: Iterable[Device], heard: Mapping[str, LldpFacts]) -> None:
        """``heard``: the LLDP facts of those that could be asked, by device identifier."""
        self._names: defaultdict[str, set[str]] = defaultdict(set)
        self._identifiers: defaultdict[str, set[str]] = defaultdict(set)
        self._heard = heard
        for device in equipment:
            facts = heard.get(device.id)
            local = facts.sys_name.text if facts and facts.sys_name else ""
            for name in (device.id, device.name, local):
                if _short(name):
                    self._names[_short(name)].add(device.id)
            chassis = facts.chassis if facts else ""
            for identifier in (device.mac or "", chassis, *map(str, device.addresses)):
                if identifier:
                    self._identifiers[identifier].add(device.id)
        self.edges: defaultdict[str, set[str]] = defaultdict(set)
        for device_id, facts in heard.items():
            for neighbour in facts.neighbours:
                for other in self.matches(neighbour) - {device_id}:
                    self.edges[device_id].add(other)
                    self.edges[other].add(device_id)

    def matches(self, neighbour: Neighbour) -> set[str]:
        """Declared equipment that a neighbour may be: by chassis, management address or name."""
        found: set[str] = set()
        for identifier in (neighbour.chassis, *neighbour.addresses):
            found |= self._identifiers.get(identifier, set())
        if neighbour.sys_name:
            found |= self._names.get(_short(neighbour.sys_name.text), set())
        return found

    def seen_by(self, device_id: str) -> set[str]:
        """Declared equipment in the neighbour table of one device, itself excepted."""
        facts = self._heard.get(device_id)
        return set().union(*(self.matches(n) for n in facts.neighbours)) - {device_id} if facts else set()

    def component(self, start: str) -> set[str]:
        """Everything connected with a device, itself included."""
        reached, ahead = {start}, [start]
        while ahead:
            new = self.edges.get(ahead.pop(), set()) - reached
            reached |= new
            ahead.extend(new)
        return reached

    def speaks(self, device_id: str) -> bool:
        """Whether a device was heard by another one, or shows an LLDP identity of its own."""
        facts = self._heard.get(device_id)
        return bool(self.edges.get(device_id)) or bool(facts and facts.supported)
