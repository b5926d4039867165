"""Questions that are asked of a declared site, answered from an index built once.

Who is in which zone, from which measuring point may a device be reached, which flows are allowed: plan, gate and checks
ask the same questions and must hear the same answers.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from .site import Device, MeasuringPoint, Site, Socket, Vlan, Zone, ZoneKind

if TYPE_CHECKING:
    from .egress import Egress
    from .site import AnyAddress

FlowProtocol = Literal["icmp", "tcp", "udp"]


class _FlowKey(NamedTuple):
    source: str
    destination: str
    protocol: str
    port: int | None


class Topology:
    """Read-only index over a :class:`~r2s_audit.model.site.Site`."""

    def __init__(self, site: Site) -> None:
        """Index the site; cross references have been verified when the file was loaded."""
        self.site = site
        self.zones: dict[str, Zone] = {z.id: z for z in site.zones}
        self.vlans: dict[int, Vlan] = {v.id: v for v in site.vlans}
        self.sockets: dict[str, Socket] = {s.id: s for s in site.sockets}
        self.devices: dict[str, Device] = {d.id: d for d in site.devices}
        self.points: dict[str, MeasuringPoint] = {p.id: p for p in site.points}

    @cached_property
    def _flows(self) -> frozenset[_FlowKey]:
        keys: set[_FlowKey] = set()
        for flow in self.site.flows:
            ports: list[int | None] = [*flow.ports] or [None]
            keys.update(_FlowKey(flow.source, flow.destination, flow.protocol, port) for port in ports)
        return frozenset(keys)

    @cached_property
    def _by_address(self) -> dict[AnyAddress, Device]:
        return {address: device for device in self.site.devices for address in device.addresses}

    def vlan_of(self, point: MeasuringPoint) -> Vlan | None:
        """The VLAN that the point should be in."""
        return self.vlans.get(point.vlan or self.sockets[point.socket].vlan)

    def zone_of(self, point: MeasuringPoint) -> Zone:
        """The zone that the point speaks from: that of its VLAN, which on a trunk need not be that of its socket."""
        vlan = self.vlan_of(point)
        return self.zones[vlan.zone if vlan is not None else self.sockets[point.socket].zone]

    def other_dwelling(self, point: MeasuringPoint, device: str) -> bool:
        """Whether the point is in a dwelling, and the device not in the same one."""
        dwelling, target = self.sockets[point.socket].dwelling, self.devices.get(device)
        return bool(dwelling) and (target is None or target.dwelling != dwelling)

    def device_at(self, address: AnyAddress) -> Device | None:
        """The declared device that has this address."""
        return self._by_address.get(address)

    def vlan_containing(self, address: AnyAddress) -> Vlan | None:
        """The VLAN one of whose subnets holds the address."""
        for vlan in self.site.vlans:
            if any(address in subnet.prefix for subnet in vlan.subnets):
                return vlan
        return None

    def vlans_of(self, device: Device) -> frozenset[int]:
        """The VLANs whose subnets hold the device's addresses."""
        found = (self.vlan_containing(address) for address in device.addresses)
        return frozenset(vlan.id for vlan in found if vlan is not None)

    def same_vlan(self, point: MeasuringPoint, address: AnyAddress) -> bool:
        """Whether the point reaches the address without a router."""
        vlan = self.vlan_of(point)
        return vlan is not None and vlan.id in self._vlans_holding(address)

    def _vlans_holding(self, address: AnyAddress) -> frozenset[int]:
        """The VLANs with a subnet that holds the address; looked for once, however many points and checks ask."""
        found = self._holding.get(address)
        if found is None:
            found = frozenset(v.id for v in self.vlans.values() if any(address in s.prefix for s in v.subnets))
            self._holding[address] = found
        return found

    @cached_property
    def _holding(self) -> dict[AnyAddress, frozenset[int]]:
        return {}

    def linked(self, device: Device) -> tuple[MeasuringPoint, ...]:
        """Points that may send and that reach an address of a declared device without a router, in file order."""
        if device.id not in self._linked:
            holding = [self._vlans_holding(address) for address in device.addresses]
            vlans = frozenset().union(*holding)
            self._linked[device.id] = tuple(p for p, vlan in self._plugged_in if vlan in vlans)
        return self._linked[device.id]

    @cached_property
    def _linked(self) -> dict[str, tuple[MeasuringPoint, ...]]:
        return {}

    @cached_property
    def _plugged_in(self) -> list[tuple[MeasuringPoint, int | None]]:
        """The same points, each with the VLAN that it should be in."""
        return [(p, vlan.id if (vlan := self.vlan_of(p)) else None) for p in self._plugged]

    def gateway(self, point: MeasuringPoint, version: int) -> AnyAddress | None:
        """The declared router of the point's VLAN for IP version 4 or 6."""
        vlan = self.vlan_of(point)
        if vlan is None:
            return None
        return next((s.gateway for s in vlan.subnets if s.prefix.version == version and s.gateway), None)

    def egress_of(self, zone: str) -> Egress | None:
        """The declared way out of a zone: the one that names it, else the one that names nobody."""
        named = next((way for way in self.site.egress if zone in way.zones), None)
        return named or next((way for way in self.site.egress if not way.zones), None)

    def declared_flow(self, source_zone: str, device: Device, protocol: FlowProtocol, port: int | None = None) -> bool:
        """Whether a zone-to-zone or zone-to-device flow allows this."""
        flows = self._flows
        return (source_zone, device.zone, protocol, port) in flows or (source_zone, device.id, protocol, port) in flows

    def may_reach(self, point: MeasuringPoint, device: Device, protocol: FlowProtocol, port: int | None = None) -> bool:
        """Whether the declaration lets this point reach the device: same VLAN, or an allowed flow."""
        if any(self.same_vlan(point, address) for address in device.addresses):
            return True
        return self.declared_flow(self.zone_of(point).id, device, protocol, port)

    def address_from(self, point: MeasuringPoint, device: Device) -> AnyAddress:
        """The device's address on the point's own link, else its first; IndexError for a device without any."""
        return next((a for a in device.addresses if self.same_vlan(point, a)), device.addresses[0])

    def points_reaching(self, device: Device, protocol: FlowProtocol, port: int | None = None) -> list[MeasuringPoint]:
        """Access points from which the device may be reached, those of its own VLAN first, then in file order.

        Within the VLAN, points in somebody else's dwelling come last: dwellings are kept apart there.
        """
        key = (device.id, protocol, port)
        if key not in self._reaching:
            near = sorted(self.linked(device), key=lambda point: self.other_dwelling(point, device.id))
            known = {p.id for p in near}
            far = [
                p
                for p in self._plugged
                if p.id not in known and self.declared_flow(self.zone_of(p).id, device, protocol, port)
            ]
            self._reaching[key] = tuple(near + far)
        return list(self._reaching[key])

    @cached_property
    def _plugged(self) -> list[MeasuringPoint]:
        return [p for p in self.site.points if p.kind in {"access", "trunk"}]

    @cached_property
    def _reaching(self) -> dict[tuple[str, FlowProtocol, int | None], tuple[MeasuringPoint, ...]]:
        return {}

    def zones_of_kind(self, *kinds: ZoneKind) -> list[Zone]:
        """Zones of these kinds, in file order."""
        return [z for z in self.site.zones if z.kind in kinds]
