"""Who has a way out, and what is asked of its end: an echo where a flow allows one, else a declared service."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from probes.vlan.datagrams import udp_services
from probes.vlan.matrix import BEFORE, EGRESS, ORDER, PRINTER_PORTS, Cell, matrix, tcp_ports
from r2s_audit.model.observation import request
from r2s_audit.model.site import ZoneKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from r2s_audit.model.egress import Egress
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import AnyAddress, Device, MeasuringPoint
    from r2s_audit.model.topology import Topology


def leaving(topology: Topology) -> list[MeasuringPoint]:
    """Points that may send and whose zone may go out: a declared flow leads from it to a zone of kind wan."""
    outside = {zone.id for zone in topology.zones_of_kind(ZoneKind.WAN)}
    outside |= {device.id for device in topology.site.devices if device.zone in outside}
    sources = {flow.source for flow in topology.site.flows if flow.destination in outside} - outside
    return [point for point in matrix(topology).points if topology.zone_of(point).id in sources]


def asked(topology: Topology, point: MeasuringPoint, end: Device, address: AnyAddress) -> Request | None:
    """The request for the way from a point to an address of the end; None where no flow allows a question to it."""
    zone, version = topology.zone_of(point).id, address.version
    questions = [("icmp", 0, "")] if topology.declared_flow(zone, end, "icmp") else []
    questions += [
        ("tcp", port, "")
        for port in tcp_ports(end)
        if port is not None and port not in PRINTER_PORTS and topology.declared_flow(zone, end, "tcp", port)
    ]
    questions += [
        ("udp", service.port, service.protocol)
        for service in udp_services(end)
        if service.answers and service.is_over(version) and topology.declared_flow(zone, end, "udp", service.port)
    ]
    if not questions:
        return None
    protocol, number, service_name = questions[0]
    return request(
        EGRESS,
        point.id,
        end.id,
        order=ORDER[BEFORE],
        address=str(address),
        protocol=protocol,
        port=number,
        service=service_name,
    )


def across(topology: Topology, point: str, way: Egress) -> Sequence[Cell]:
    """What a point must not reach of those who share its way out; for one of theirs, what it must not reach of the rest."""
    if not way.shared_with:
        return []
    others, index = frozenset(way.shared_with), matrix(topology)
    own = topology.zone_of(topology.points[point]).id
    found = []
    for cell in _denied(topology).get(point, ()):
        vlan, device = index.vlan_of(cell.address), topology.devices[cell.target]
        zone = vlan.zone if vlan else device.zone
        if (own in others) != (zone in others) and topology.zones[zone].kind is not ZoneKind.WAN:
            found.append(cell)
    return found


@lru_cache(maxsize=4)
def _denied(topology: Topology) -> Mapping[str, Sequence[Cell]]:
    """The deny cells of each point that can be asked."""
    index, found = matrix(topology), dict[str, list[Cell]]()
    for cell in (*index.deny_icmp, *index.deny_tcp, *index.deny_udp):
        if not cell.mute and not cell.untouchable:
            found.setdefault(cell.point, []).append(cell)
    return found
