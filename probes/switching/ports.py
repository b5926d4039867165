"""What a switch's ports are configured to do, whoever says it; and which of them the declaration speaks of. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from probes.api import NotVerified
from r2s_audit.model.site import Device, DeviceRole
from r2s_audit.model.topology import Topology

from .words import listed

_NOT_COMPARED = {"unauthenticated", "mirror", "trunk"}
"""Points whose sockets have no VLAN of their own to be found in: the authenticator, or nobody, decides."""


@dataclass(frozen=True, slots=True)
class Port:
    """What the VLAN tables and the PVID say of one port."""

    tagged: frozenset[int]
    untagged: frozenset[int]
    """The VLANs that leave without a tag."""
    pvid: int | None = None
    """The VLAN of frames that arrive without one."""
    negotiable: str = ""
    """In which mode it makes a trunk of whoever asks; empty where it does not."""
    told: bool = True
    """False: the switch does not say all that it carries. Nothing is concluded from the rest."""
    member: bool = False
    """It is one of an aggregate, which has the VLANs and is a port of its own."""


@dataclass(frozen=True, slots=True)
class Configured:
    """The ports of one switch, and who says so."""

    source: str
    """For a sentence: ``SNMP``, or the commands and their platform."""
    ports: Mapping[int, Port]
    numbers: Mapping[str, int]
    """Ports by every name that the switch, or the declaration, gives them."""
    unread: NotVerified | None = None
    """Why there may be more names than these; None where all were read."""

    def all_named(self) -> None:
        """Check that a name that is not there is the name of no port.

        Raises:
            NotVerified: not all names were read.
        """
        if self.unread is not None:
            raise self.unread

    def shown(self, number: int) -> str:
        """A port's name for a sentence."""
        return named(self.numbers).get(number, str(number))

    def untold(self, numbers: Iterable[int]) -> list[str]:
        """Names of those of the ports of which the switch does not say what they carry."""
        return [self.shown(n) for n in sorted(numbers) if n in self.ports and not self.ports[n].told]

    def links_untold(self, but: Collection[int] = ()) -> list[str]:
        """Likewise of all ports but some that may be trunks; a member is told by its aggregate."""
        return self.untold(n for n, port in self.ports.items() if not port.member and n not in but)

    def misplaced(self, place: Place) -> str | None:
        """What is wrong with a declared port, in numbers; None where nothing is, or it is not known."""
        return misplaced(place, self.ports, self.numbers)


@dataclass(frozen=True, slots=True)
class Place:
    """A switch port that the declaration speaks of: a socket's or a device's."""

    owner: str
    port: str
    vlan: int


def switches(topology: Topology) -> list[Device]:
    """Declared switches, in file order."""
    return [d for d in topology.site.devices if d.role is DeviceRole.SWITCH]


def places(topology: Topology, switch: str) -> list[Place]:
    """Ports of a switch whose VLAN is declared once and for all: those of sockets, then those of devices."""
    special = {p.socket for p in topology.site.points if p.kind in _NOT_COMPARED}
    found = [Place(s.id, s.port, s.vlan) for s in topology.site.sockets if s.switch == switch and s.id not in special]
    for device in topology.site.devices:
        for attached in device.attached_to:
            if attached.switch != switch or attached.link:
                continue
            own = topology.vlans_of(device)
            if attached.vlan is not None or len(own) == 1:
                found.append(Place(device.id, attached.port, attached.vlan or next(iter(own))))
    return found


def links(topology: Topology, switch: str) -> set[str]:
    """Names of the ports of a switch that the declaration lets carry tagged VLANs."""
    trunks = {p.socket for p in topology.site.points if p.kind == "trunk"}
    found = {s.port for s in topology.site.sockets if s.switch == switch and s.id in trunks}
    found.update(a.port for d in topology.site.devices for a in d.attached_to if a.switch == switch and a.link)
    return found


def named(numbers: Mapping[str, int]) -> dict[int, str]:
    """One name for each port, for a sentence."""
    found: dict[int, str] = {}
    for name, number in numbers.items():
        found.setdefault(number, name)
    return found


def without_tag(port: Port) -> frozenset[int]:
    """The VLANs in which whoever is plugged in and knows no tag is, or is heard."""
    return port.untagged | ({port.pvid} if port.pvid else frozenset())


def misplaced(place: Place, found: Mapping[int, Port], numbers: Mapping[str, int]) -> str | None:
    """What is wrong with a declared port, in numbers; None where nothing is, or it is not known."""
    if place.port not in numbers:
        return None
    port = found.get(numbers[place.port], Port(frozenset(), frozenset()))
    if not port.told:
        return None
    if port.untagged == {place.vlan} and not port.tagged and port.pvid in {None, place.vlan}:
        return None
    pvid = f" PVID {port.pvid}" if port.pvid not in {None, *port.untagged} else ""
    carried = f"{listed(sorted(port.untagged))} [{listed(sorted(port.tagged))}]{pvid}"
    return f"{place.owner} ({place.port}) : {carried} ≠ {place.vlan}"
