"""Which cells the declared site has: who must not reach what, who may, and who is the control.

The matrix is asked per *address*: a device with an address in two VLANs is two targets. An address belongs to the zone
of the VLAN whose prefix holds it; where no declared prefix does, to the zone of its device.

Not cells: a pair inside one zone (the site declares flows between zones only), a device without an address, and the
router's other addresses as seen from a VLAN in which it has one (the router is then the point's own gateway: what it
answers about itself is a matter of ``vlan.admin-unreachable``, not a path between two zones).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal

from probes.vlan.datagrams import UdpService, udp_services
from r2s_audit.model.finding import Subject
from r2s_audit.model.observation import Request, request
from r2s_audit.model.site import DeviceRole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from r2s_audit.model.site import AnyAddress, Device, MeasuringPoint, Vlan, ZoneKind
    from r2s_audit.model.topology import Topology

Protocol = Literal["icmp", "tcp", "udp"]
PRINTER_PORTS = range(9100, 9108)
"""Never touched: what arrives there is printed (requirements, section 4)."""
REACH = "vlan.reach"
POINT = "vlan.point"
INSIDE = "vlan.inside"
PROXY = "vlan.proxy"
LEASE = "vlan.lease"
EGRESS = "vlan.egress"
BEFORE, ATTEMPT, AFTER = "before", "attempt", "after"
ORDER = {BEFORE: 10, ATTEMPT: 20, AFTER: 30}
"""Rounds of a pass: every control before, then every attempt, then every control after."""
GROUP_STEP = 30
"""Added to the rounds for each further group of targets: 10-20-30, then 40-50-60, …"""
GROUP_SECONDS = 15.0
"""What the frames of one group take at most at the site's pace, as far as they are known without a profile.

Controls believe in what they embrace only while they are close to it. In a building of 300 devices, a round over all
targets would take minutes: so each group of targets has its own three rounds.
"""
FRAMES = 2
"""Frames of one silent attempt: the first and its retry. Of a datagram, and from a chosen source port, one alone."""
HOLES = 2
"""Attempts from a chosen source port at one address: one over TCP, one over UDP."""
SENTINELS = 6
"""Ports that a profile may have asked of a VLAN's hosts beside the declared ones, at most; the hosts share them."""
UDP_SENTINELS = 3
"""Likewise over UDP, of which a host is asked for one alone."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One address over one protocol, asked from one point. ``target``: a device, or a zone for a gateway of nobody.

    ``service``: what is spoken on a UDP port. ``source_port``: the port that the attempt is to come from, 0 for any; its
    controls come from any.
    """

    point: str
    target: str
    address: AnyAddress
    protocol: Protocol
    port: int | None = None
    service: str = ""
    source_port: int = 0
    text: str = field(default="", compare=False, repr=False)
    """The address as it is written, where somebody had it at hand: to write it takes longer than all the rest."""

    @property
    def written(self) -> str:
        """The address as text."""
        return self.text or _text(self.address)

    def subject(self) -> Subject:
        """The cell as a subject; its protocol is the check's, unless the check has several."""
        detail = [("address", self.written)]
        if self.port is not None:
            detail.append(("port", str(self.port)))
        if self.service:
            detail.append(("service", self.service))
        if self.source_port:
            detail += [("over", self.protocol), ("from", str(self.source_port))]
        return Subject(target=self.target, point=self.point, detail=tuple(detail))

    @classmethod
    def of(cls, subject: Subject, protocol: Protocol) -> Cell:
        """The cell of a subject that :meth:`subject` made."""
        detail = dict(subject.detail)
        port, service, source = (detail.get(name, "") for name in ("port", "service", "from"))
        text, number = detail["address"], int(port) if port else None
        return cls(subject.point, subject.target, _parsed(text), protocol, number, service, int(source or 0), text)

    @property
    def untouchable(self) -> bool:
        """Whether the port is one that is never asked."""
        return self.port is not None and self.port in PRINTER_PORTS

    @property
    def mute(self) -> bool:
        """Whether nothing could come back: a UDP protocol that answers no request of a stranger's."""
        return self.protocol == "udp" and not UdpService(self.service, self.port or 0).answers

    def ask(self, phase: str, point: str = "", later: int = 0) -> Request:
        """The request of one phase, from the cell's point or from another one, so many rounds later; port 0: ICMP."""
        sender, order = point or self.point, ORDER[phase] + later
        more: tuple[tuple[str, str | int], ...] = (("service", self.service),) if self.service else ()
        if self.source_port and phase == ATTEMPT:
            more = (*more, ("source_port", self.source_port))
        return _request(self.target, self.written, self.protocol, self.port or 0, phase, sender, order, more)


_parsed = lru_cache(maxsize=4096)(ip_address)
_text: Callable[[AnyAddress], str] = lru_cache(maxsize=4096)(str)


@lru_cache(maxsize=65536)
def _request(  # noqa: PLR0913, PLR0917 - the fields of one request, positional for the cache
    target: str,
    address: str,
    protocol: Protocol,
    port: int,
    phase: str,
    point: str,
    order: int,
    more: tuple[tuple[str, str | int], ...],
) -> Request:
    """Made once: many cells share a control, and several checks ask for the same requests, thousands of them."""
    asked: dict[str, str | int] = {"address": address, "protocol": protocol, "port": port, "phase": phase, **dict(more)}
    return request(REACH, point, target, order=order, **asked)


class Matrix:
    """Index over a topology for the questions of this family."""

    def __init__(self, topology: Topology) -> None:
        """Keep the topology; everything else is computed when asked for the first time."""
        self.topology = topology

    @cached_property
    def points(self) -> list[MeasuringPoint]:
        """Points that may send: plugged into an access port, or into a trunk with an interface of their VLAN."""
        return [p for p in self.topology.site.points if p.kind in {"access", "trunk"}]

    @cached_property
    def _vlans_of_points(self) -> dict[str, Vlan | None]:
        return {p.id: self.topology.vlan_of(p) for p in self.topology.site.points}

    @cached_property
    def _vlans_of_addresses(self) -> dict[AnyAddress, Vlan | None]:
        addresses = {a for device in self.topology.site.devices for a in device.addresses}
        gateways = {s.gateway for vlan in self.topology.site.vlans for s in vlan.subnets if s.gateway}
        return {address: self.topology.vlan_containing(address) for address in addresses | gateways}

    def vlan_of(self, address: AnyAddress) -> Vlan | None:
        """The declared VLAN of a declared address."""
        return self._vlans_of_addresses[address]

    def vlan_at(self, point: str) -> Vlan | None:
        """The VLAN that a point should be in."""
        return self._vlans_of_points[point]

    def on_link(self, point: str, address: AnyAddress) -> bool:
        """Whether the address is in the point's own VLAN."""
        vlan, own = self.vlan_of(address), self.vlan_at(point)
        return vlan is not None and own is not None and vlan.id == own.id

    def apart(self, point: MeasuringPoint, device: Device, address: AnyAddress) -> bool:
        """Whether a path between two zones lies between the point and the address."""
        vlan, own = self.vlan_of(address), self.vlan_at(point.id)
        if vlan is not None and own is not None and vlan.id == own.id:
            return False
        if (vlan.zone if vlan else device.zone) == self.topology.zone_of(point).id:
            return False
        return device.role is not DeviceRole.ROUTER or not any(self.on_link(point.id, a) for a in device.addresses)

    def allowed(self, point: MeasuringPoint, device: Device, cell: Cell) -> bool:
        """Whether a declared flow leads from the point's zone to what the cell asks."""
        return self.topology.declared_flow(self.topology.zone_of(point).id, device, cell.protocol, cell.port)

    @cached_property
    def _groups(self) -> dict[str, int]:
        """Which group of rounds a target belongs to, in file order; follows from the site file alone."""
        rates = self.topology.site.scope.rates
        groups: dict[str, int] = {}
        group, seconds = 0, 0.0
        for device in self.topology.site.devices:
            asked = 1 + len(tcp_ports(device)) + self._sentinels(device)
            frames = FRAMES * asked + len(udp_services(device)) + HOLES
            pace = rates.total if device.role.is_infrastructure else min(rates.building_devices, rates.total)
            cost = frames * len(device.addresses) * len(self.points) / pace
            if seconds and seconds + cost > GROUP_SECONDS:
                group, seconds = group + 1, 0.0
            groups[device.id], seconds = group, seconds + cost
        return groups

    def _sentinels(self, device: Device) -> int:
        """A device's share of the ports that the first hosts of its VLANs are asked for by turns, about; one is UDP's."""
        shares = [0]
        for vlan in filter(None, map(self.vlan_of, device.addresses)):
            hosts = list(dict.fromkeys(host.id for host, _ in self.hosts.get(vlan.id, ())))
            if device.id in hosts[:SENTINELS]:
                shares.append(1 - (-SENTINELS // len(hosts)))
        return max(shares)

    @cached_property
    def hosts(self) -> dict[int, list[tuple[Device, AnyAddress]]]:
        """The declared addresses in each VLAN, routers left out: they answer for themselves in each, in file order."""
        found: dict[int, list[tuple[Device, AnyAddress]]] = {}
        for device in self.topology.site.devices:
            for address in dict.fromkeys(device.addresses):
                vlan = self.vlan_of(address)
                if vlan is not None and device.role is not DeviceRole.ROUTER:
                    found.setdefault(vlan.id, []).append((device, address))
        return found

    def ask(self, cell: Cell, phase: str, point: str = "") -> Request:
        """The cell's request of one phase, in the rounds of its target's group; its key is that of ``cell.ask``."""
        return cell.ask(phase, point, self.later(cell.target))

    def around(self, cell: Cell) -> list[Request]:
        """Control, attempt, control; the attempt alone where no point may be the control; nothing for printers.

        Made once: each cell is a subject of its own, and all of them together are the count of filtered VLANs.
        """
        key = (cell.point, cell.target, cell.written, cell.protocol, cell.port, cell.source_port)
        if key not in self._around:
            self._around[key] = self._made(cell)
        return self._around[key]

    @cached_property
    def _around(self) -> dict[tuple[str, str, str, Protocol, int | None, int], list[Request]]:
        return {}

    def _made(self, cell: Cell) -> list[Request]:
        if cell.untouchable:
            return []
        point = self.control(cell)
        if point is None:
            return [self.ask(cell, ATTEMPT)]
        return [self.ask(cell, BEFORE, point), self.ask(cell, ATTEMPT), self.ask(cell, AFTER, point)]

    def foreign(self, point: str, version: int) -> tuple[AnyAddress, ...]:
        """The first declared device's address in each other VLAN, routers left out: they may own several."""
        own, found = self.vlan_at(point), dict[int, "AnyAddress"]()
        for device in self.topology.site.devices:
            for address in device.addresses:
                vlan = self.vlan_of(address)
                if device.role is DeviceRole.ROUTER or vlan is None or own is None or vlan.id == own.id:
                    continue
                if address.version == version:
                    found.setdefault(vlan.id, address)
        return tuple(found.values())

    def proxying(self, point: str, version: int) -> tuple[Request, ...]:
        """The question who answers on a point's link for other VLANs; none where no router could, or no VLAN is asked for."""
        key = (point, version)
        if key not in self._proxying:
            here = self.topology.points[point]
            asked = self.topology.gateway(here, version) is not None and self.foreign(point, version)
            made = request(PROXY, point, here.socket, version=version)
            self._proxying[key] = (made,) if asked else ()
        return self._proxying[key]

    @cached_property
    def _proxying(self) -> dict[tuple[str, int], tuple[Request, ...]]:
        return {}

    def proxied(self, cell: Cell) -> tuple[Request, ...]:
        """The same for a cell that is asked: it explains an open one, and decides nothing."""
        return self.proxying(cell.point, cell.address.version)

    def later(self, target: str) -> int:
        """How many rounds after the first group's a target's own come."""
        return GROUP_STEP * self._groups.get(target, 0)

    @cached_property
    def deny_icmp(self) -> tuple[Cell, ...]:
        """Every address that a point must not reach by echo."""
        return tuple(self._deny("icmp"))

    @cached_property
    def deny_tcp(self) -> tuple[Cell, ...]:
        """Every address and declared TCP service that a point must not reach."""
        return tuple(self._deny("tcp"))

    @cached_property
    def deny_udp(self) -> tuple[Cell, ...]:
        """Every address and declared UDP service that a point must not reach."""
        return tuple(self._deny("udp"))

    def deny_from(self, source_port: int) -> Iterator[Cell]:
        """Of each address that a point must not reach, its first TCP service and its first UDP service that answers.

        One of each is enough: what lets a packet in for its source port asks for no other.
        """
        found: dict[tuple[str, str, AnyAddress, Protocol], Cell] = {}
        for cell in (*self.deny_tcp, *self.deny_udp):
            if not cell.untouchable and not cell.mute:
                found.setdefault((cell.point, cell.target, cell.address, cell.protocol), cell)
        return (replace(cell, source_port=source_port) for cell in found.values())

    def _deny(self, protocol: Protocol) -> Iterator[Cell]:
        devices = [
            (device, address, str(address), _asked(device, protocol, address.version))
            for device in self.topology.site.devices
            for address in dict.fromkeys(device.addresses)
        ]
        for point in self.points:
            for device, address, text, asked in devices:
                if asked and self.apart(point, device, address):
                    for port, service in asked:
                        cell = Cell(point.id, device.id, address, protocol, port, service, text=text)
                        if not self.allowed(point, device, cell):
                            yield cell

    def neighbour(self, cell: Cell, *, not_kinds: frozenset[ZoneKind] = frozenset()) -> str | None:
        """The first other point in the address's own VLAN: nothing filters between the two.

        A point in somebody else's dwelling comes last, for dwellings are to be kept apart within their VLAN.
        """
        foreign = None
        for point, kind in self._linked(cell.address):
            if point == cell.point or kind in not_kinds:
                continue
            if not self.topology.other_dwelling(self.topology.points[point], cell.target):
                return point
            foreign = foreign or point
        return foreign

    def _linked(self, address: AnyAddress) -> tuple[tuple[str, ZoneKind], ...]:
        """The points in the address's own VLAN and the kinds of their zones, in file order."""
        vlan = self.vlan_of(address)
        return self._by_vlan.get(vlan.id, ()) if vlan else ()

    @cached_property
    def _by_vlan(self) -> dict[int, tuple[tuple[str, ZoneKind], ...]]:
        found: dict[int, tuple[tuple[str, ZoneKind], ...]] = {}
        for point in self.points:
            vlan = self.vlan_at(point.id)
            if vlan is not None:
                found[vlan.id] = (*found.get(vlan.id, ()), (point.id, self.topology.zone_of(point).kind))
        return found

    def control(self, cell: Cell) -> str | None:
        """The point whose answer shows that the target would answer: its own VLAN first, then an allowed flow."""
        near = self.neighbour(cell)
        device = self.topology.devices.get(cell.target)
        if near or device is None:
            return near
        for point in self.points:
            zone = self.topology.zone_of(point).id
            if point.id != cell.point and self.topology.declared_flow(zone, device, cell.protocol, cell.port):
                return point.id
        return None


def _asked(device: Device, protocol: Protocol, version: int) -> list[tuple[int | None, str]]:
    """What is asked of a device over a protocol: ports, and for UDP what is spoken there; no port for an echo."""
    if protocol == "icmp":
        return [(None, "")]
    if protocol == "tcp":
        return [(port, "") for port in tcp_ports(device)]
    return [(service.port, service.protocol) for service in udp_services(device) if service.is_over(version)]


def tcp_ports(device: Device) -> list[int | None]:
    """The declared TCP services of a device, each port once, in file order."""
    return list(dict.fromkeys(s.port for s in device.services if s.transport == "tcp"))


@lru_cache(maxsize=4)
def matrix(topology: Topology) -> Matrix:
    """The matrix of a topology, built once: three checks ask for the same cells."""
    return Matrix(topology)
