"""Whom to ask and from where: what the family's checks share."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from probes.api import NotVerified
from r2s_audit.model.finding import Subject
from r2s_audit.model.observation import Request, request
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probes.api import CollectorSpec
    from r2s_audit.model.site import Device, MeasuringPoint
    from r2s_audit.model.topology import Topology

    from .facts import Gap

SNMP_PORT = 161


def port_of(device: Device) -> int:
    """The declared port of the agent, else 161."""
    return device.admin.snmp.port if device.admin.snmp else SNMP_PORT


def point_for(topology: Topology, device: Device) -> MeasuringPoint | None:
    """The first point that the declaration lets reach the agent."""
    if not device.addresses:
        return None
    return next(iter(topology.points_reaching(device, "udp", port_of(device))), None)


def requests_for(topology: Topology, device: Device, collector: CollectorSpec) -> tuple[Request, ...]:
    """The one request of a collector for a device; none where no point may reach it (``judge`` then says so)."""
    known, key = _known(topology), (device.id, collector.id)
    if key not in known:
        known[key] = _made(topology, device, collector)
    return known[key]


@lru_cache(maxsize=4)
def _known(topology: Topology) -> dict[tuple[str, str], tuple[Request, ...]]:
    """The requests of a site by device and collector, made once: the graph of LLDP asks all of them of every switch."""
    del topology
    return {}


def _made(topology: Topology, device: Device, collector: CollectorSpec) -> tuple[Request, ...]:
    point = point_for(topology, device)
    if point is None:
        return ()
    address = topology.address_from(point, device)
    return (request(collector.id, point.id, device.id, address=str(address), port=port_of(device)),)


def administrable(topology: Topology) -> list[Device]:
    """Switches and routers, and whatever else declares an SNMP access."""
    return [
        d
        for d in topology.site.devices
        if d.role.is_network_equipment or d.admin.snmp is not None or d.admin.snmp_community is not None
    ]


def subjects_for(topology: Topology, devices: Iterable[Device]) -> list[Subject]:
    """One subject per device, seen from the point that asks."""
    found = []
    for device in devices:
        point = point_for(topology, device)
        found.append(Subject(target=device.id, point=point.id if point else ""))
    return found


def the_request(
    topology: Topology, subject: Subject, collector: CollectorSpec, expected: Message, *, usm: bool = True
) -> Request:
    """The request for a subject; NotVerified, with the remedy, where it cannot be made."""
    device = topology.devices[subject.target]
    if usm and device.admin.snmp is None:
        raise NotVerified(
            msg(
                "aucun accès SNMPv3 déclaré pour {device} : renseigner admin.snmp dans le fichier de site",
                device=device.id,
            ),
            expected=expected,
        )
    found = requests_for(topology, device, collector)
    if not found:
        raise NotVerified(
            msg(
                "aucun point de mesure n'a le droit d'atteindre {device} en udp/{port} : déclarer un point dans son VLAN, ou le flux",
                device=device.id,
                port=port_of(device),
            ),
            expected=expected,
        )
    return found[0]


def no_gap(gaps: Iterable[Gap], tables: Iterable[str], expected: Message) -> None:
    """NotVerified where one of the tables that a judgement needs could not be read to its end."""
    needed = set(tables)
    for gap in gaps:
        if gap.table in needed:
            raise NotVerified(
                msg("table {table} non lue jusqu'au bout : {reason}", table=gap.table, reason=str(gap.reason)),
                expected=expected,
            )
