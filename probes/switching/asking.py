"""Whose command line to ask and from where: one request per switch, whoever wants its facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.api import NotVerified
from r2s_audit.model.observation import Request, request
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from r2s_audit.model.site import Device, MeasuringPoint
    from r2s_audit.model.topology import Topology

SWITCH = "ssh.switch"
"""The collector whose facts are :class:`probes.switching.facts.SwitchFacts`."""
SSH_PORT = 22


def port_of(device: Device) -> int:
    """The declared port of the command line, else 22."""
    return device.admin.ssh.port if device.admin.ssh else SSH_PORT


def point_for(topology: Topology, device: Device) -> MeasuringPoint | None:
    """The first point that the declaration lets reach the command line."""
    if device.admin.ssh is None or not device.addresses:
        return None
    return next(iter(topology.points_reaching(device, "tcp", port_of(device))), None)


def requests_for(topology: Topology, device: Device) -> tuple[Request, ...]:
    """The one request for a device; none where no access is declared or no point may reach it.

    Whoever wants facts of the command line asks with this very request: there is one session per device.
    """
    point = point_for(topology, device)
    if point is None:
        return ()
    address = topology.address_from(point, device)
    return (request(SWITCH, point.id, device.id, address=str(address), port=port_of(device)),)


def the_request(topology: Topology, device: Device, expected: Message) -> Request:
    """The request for a device; NotVerified, with the remedy, where it cannot be made."""
    if device.admin.ssh is None:
        raise NotVerified(
            msg(
                "aucun accès SSH déclaré pour {device} : renseigner admin.ssh dans le fichier de site", device=device.id
            ),
            expected=expected,
        )
    found = requests_for(topology, device)
    if not found:
        raise NotVerified(
            msg(
                "aucun point de mesure n'a le droit d'atteindre {device} en tcp/{port} : déclarer un point dans son VLAN, ou le flux",
                device=device.id,
                port=port_of(device),
            ),
            expected=expected,
        )
    return found[0]
