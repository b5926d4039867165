"""What the site declares for this family, and the requests that its checks share. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import TYPE_CHECKING

from r2s_audit.model.finding import Subject
from r2s_audit.model.observation import Request, request
from r2s_audit.model.site import DeviceRole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from r2s_audit.model.site import AnyAddress, Device, MeasuringPoint
    from r2s_audit.model.topology import Topology

ROUTER, ADDRESS, NEIGHBOUR, ECHO = "ipv6.router", "ipv6.address", "ipv6.neighbour", "ipv6.echo"
DHCP = "ipv6.dhcp"
LISTEN_SECONDS = 4.5
"""From the router solicitation on. A router answers within 0.5 s, or 3.5 s after an earlier answer (RFC 4861 §6.2.6):
what comes after four seconds is late, and is still heard as such."""
DHCP_SECONDS = 3.0
"""After the SOLICIT: as long as a host waits before it has asked three times (RFC 8415 §7.6, §15: 1 s, then 2 s)."""
MAX_ROUTERS = 8
"""Declared routers asked on one link, gateways first."""
AFTER_ROUTERS = 5
"""The round of what an answer to the solicitation may change: addresses have formed by then."""


def points(topology: Topology) -> list[MeasuringPoint]:
    """Points that may send: plugged into an access port, or into a trunk with an interface of their VLAN."""
    return [p for p in topology.site.points if p.kind in {"access", "trunk"}]


def each_point(topology: Topology) -> Iterator[Subject]:
    """One subject per point that may send; its target is its socket."""
    for point in points(topology):
        yield Subject(target=point.socket, point=point.id)


def prefixes(topology: Topology, point: MeasuringPoint) -> list[IPv6Network]:
    """The declared IPv6 prefixes of the point's VLAN."""
    vlan = topology.vlan_of(point)
    return [s.prefix for s in vlan.subnets if isinstance(s.prefix, IPv6Network)] if vlan else []


def gateways(topology: Topology, point: MeasuringPoint) -> list[AnyAddress]:
    """The declared router addresses of the point's VLAN, of both IP versions, in file order."""
    vlan = topology.vlan_of(point)
    return [s.gateway for s in vlan.subnets if s.gateway] if vlan else []


def gateway6(topology: Topology, point: MeasuringPoint) -> IPv6Address | None:
    """The declared IPv6 gateway of the point's VLAN."""
    return next((g for g in gateways(topology, point) if isinstance(g, IPv6Address)), None)


def routers(topology: Topology, point: MeasuringPoint) -> list[AnyAddress]:
    """Whom to ask on the point's link to know its routers: gateways, and IPv6 addresses of declared routers."""
    own = prefixes(topology, point)
    found = gateways(topology, point)
    for device in topology.site.devices:
        if device.role is DeviceRole.ROUTER:
            found += [a for a in device.addresses if a.version == 6 and any(a in prefix for prefix in own)]  # noqa: PLR2004 - the IP version itself
    return list(dict.fromkeys(found))[:MAX_ROUTERS]


def on_link(topology: Topology, point: MeasuringPoint, device: Device) -> list[AnyAddress]:
    """The addresses of a device in the point's own VLAN."""
    return [a for a in dict.fromkeys(device.addresses) if topology.same_vlan(point, a)]


def alive_addresses(topology: Topology, point: MeasuringPoint, device: Device) -> list[IPv4Address]:
    """The IPv4 addresses by which a device on the link can be shown alive when its IPv6 is silent."""
    return [a for a in on_link(topology, point, device) if isinstance(a, IPv4Address)]


def ask_router(subject: Subject) -> Request:
    """Router solicitation and listening, from a point."""
    return request(ROUTER, subject.point, subject.target)


def ask_dhcp(subject: Subject) -> Request:
    """One DHCPv6 SOLICIT from a point, and everybody who answers."""
    return request(DHCP, subject.point, subject.target)


def ask_address(subject: Subject) -> Request:
    """The addresses that the point's interface has formed."""
    return request(ADDRESS, subject.point, subject.target, order=AFTER_ROUTERS)


def ask_neighbour(subject: Subject) -> Request:
    """One device's address asked by neighbour solicitation."""
    return request(NEIGHBOUR, subject.point, subject.target, order=AFTER_ROUTERS, address=subject.get("address"))


def ask_echo(subject: Subject, address: AnyAddress, count: int) -> Request:
    """A series of echoes to the gateway."""
    return request(ECHO, subject.point, subject.target, order=AFTER_ROUTERS, address=str(address), count=count)


def known_macs(topology: Topology) -> frozenset[str]:
    """The MAC addresses of declared routers."""
    return frozenset(d.mac for d in topology.site.devices if d.role is DeviceRole.ROUTER and d.mac)


def names(items: Sequence[object]) -> str:
    """Values in a row for a sentence; a dash for none."""
    return ", ".join(map(str, items)) or "-"
