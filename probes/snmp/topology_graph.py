"""Who hears whom by LLDP: neighbours matched with declared equipment. Pure.

More observations only ever add names, hearers and edges here, so that a judgement made with fewer of them can be
completed but not contradicted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from r2s_audit.model.site import DeviceRole

from .facts import LldpFacts, Neighbour

if TYPE_CHECKING:
    from r2s_audit.model.site import Device


def _short(name: str) -> str:
    """A host name without its domain, case ignored."""
    return name.strip().casefold().partition(".")[0]


REMOTE = frozenset({"lldpRemTable", "lldpRemManAddrTable"})
"""The tables without which it is not known whom a device hears."""


@dataclass(frozen=True, slots=True)
class Link:
    """A declared link: what is at the other end of a switch's port."""

    switch: str
    port: str
    device: str


def declared_links(devices: Iterable[Device]) -> list[Link]:
    """Every ``attached_to`` with ``link`` of a switch or router; a link is usually declared by both of its ends."""
    known = list(devices)
    switches = {d.id for d in known if d.role is DeviceRole.SWITCH}
    return [
        Link(attached.switch, attached.port, device.id)
        for device in known
        for attached in device.attached_to
        if attached.link and device.role.is_network_equipment and attached.switch in switches - {device.id}
    ]


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

    def whole(self, device_id: str) -> bool:
        """Whether the neighbour table of a device was read to its end."""
        facts = self._heard.get(device_id)
        return facts is not None and facts.supported and not REMOTE & {gap.table for gap in facts.gaps}

    def found(self, link: Link) -> bool | None:
        """Whether either end hears the other on a declared link.

        False where both tables were read to their end and neither does; None where that is not known. A switch that
        does not give its ports the declared names is believed without them.
        """
        here, there = self._heard.get(link.switch), self._heard.get(link.device)
        names = {p.number: {t.text for t in (p.id, p.descr) if t is not None} for p in here.ports} if here else {}
        known = set().union(*names.values())
        for neighbour in here.neighbours if here else ():
            on = names.get(neighbour.local_port, set())
            if link.device in self.matches(neighbour) and (link.port in on or link.port not in known):
                return True
        unclear = False
        for neighbour in there.neighbours if there else ():
            if link.switch in self.matches(neighbour):
                told = {neighbour.port, neighbour.port_descr.text if neighbour.port_descr else ""}
                if link.port in told:
                    return True
                unclear = unclear or link.port not in known or not told & known
        return None if unclear or not (self.whole(link.switch) and self.whole(link.device)) else False

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
