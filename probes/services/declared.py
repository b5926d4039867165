"""What the site file declares of building services, and the one request that each of them gets.

A service is asked once, whoever wants to know: at its device's first address, from one point. The point is one of the
supervisor's zone where the declaration lets it through, for that is who has to reach the building's equipment; else one
of the device's own VLAN, else whichever may reach it.

A *twin* is the port on which a protocol is spoken in clear by custom, on a device that declares the protocol on another
port: MQTT declared on 8883 and left open on 1883 as well. The profile names the ports; a twin is asked from the
device's own VLAN, where a refusal can come from nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from r2s_audit.model.base import Model, Port
from r2s_audit.model.observation import request
from r2s_audit.model.site import DeviceRole, ZoneKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from r2s_audit.model.finding import Subject
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import AnyAddress, Device, Service
    from r2s_audit.model.topology import Topology

ProtocolName = Literal["bacnet", "knx", "modbus", "mqtt", "rtsp", "sip", "http"]


class _Known(NamedTuple):
    protocol: ProtocolName
    transports: frozenset[str]


_TCP, _UDP = frozenset({"tcp"}), frozenset({"udp"})
_NAMES: dict[str, _Known] = {
    "bacnet": _Known("bacnet", _UDP),
    "knx": _Known("knx", _UDP),
    "knxnet-ip": _Known("knx", _UDP),
    "modbus": _Known("modbus", _TCP),
    "mqtt": _Known("mqtt", _TCP),
    "mqtts": _Known("mqtt", _TCP),
    "rtsp": _Known("rtsp", _TCP),
    "rtsps": _Known("rtsp", _TCP),
    "sip": _Known("sip", _TCP | _UDP),
    "sips": _Known("sip", _TCP),
    "http": _Known("http", _TCP),
    "https": _Known("http", _TCP),
}
"""What a site file may call the protocols, and what each is carried by."""
Instance = Annotated[int, Field(ge=0, le=4194303)]


class BacnetRange(Model):
    """Device instances that a Who-Is asks for: nobody outside the range answers."""

    low: Instance
    high: Instance

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.high < self.low:
            raise ValueError("high is below low")
        return self


class Asking(Model):
    """What the profile says of which services are asked, and how."""

    protocols: Annotated[list[ProtocolName], Field(min_length=1)]
    """The protocols that count."""
    bacnet_instances: BacnetRange
    outside: list[ZoneKind]
    """Kinds of zones that are not the building's own: what stands there is none of its services."""


Ports = dict[ProtocolName, Port]
"""Customary ports in clear, by protocol; none: no twin is asked."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A declared service, or the twin of one, as it is asked."""

    device: Device
    protocol: ProtocolName
    port: int
    transport: Literal["tcp", "udp"]
    tls: bool
    name: str
    twin: bool
    address: AnyAddress | None
    point: str
    """Empty: no point may reach it."""

    @property
    def spared(self) -> bool:
        """Whether the device's only TLS handshake is left to those who judge it (one each, unless ``tls: full``)."""
        return self.tls and self.device.tls_mode == "single"

    def request(self, instances: BacnetRange | None = None) -> Request | None:
        """The one request, whoever asks for it; None where nobody may make it. BACnet needs its range."""
        if self.address is None or not self.point or self.spared:
            return None
        params: dict[str, str | int] = {
            "address": str(self.address),
            "port": self.port,
            "layer": "tls" if self.tls else "clear",
        }
        if self.protocol == "bacnet":
            if instances is None:
                raise ValueError("a Who-Is without a range would be answered by everybody")
            params |= {"low": instances.low, "high": instances.high}
        if self.protocol == "sip":
            params["transport"] = self.transport
        if self.name and self.protocol != "bacnet":
            params["name"] = self.name
        return request(f"services.{self.protocol}", self.point, self.device.id, order=0, **params)

    @property
    def detail(self) -> tuple[tuple[str, str], ...]:
        """What tells it from the device's other services."""
        return (("port", str(self.port)), ("protocol", self.protocol), ("transport", self.transport))


def own_devices(topology: Topology, outside: list[ZoneKind]) -> list[Device]:
    """The declared devices that stand in the building, in file order."""
    return [d for d in topology.site.devices if topology.zones[d.zone].kind not in outside]


def services(topology: Topology, device: Device) -> tuple[Asked, ...]:
    """The declared services of a device whose protocol is known here, each once, in file order."""
    return _declared(topology)[device.id]


@lru_cache(maxsize=4)
def _declared(topology: Topology) -> dict[str, tuple[Asked, ...]]:
    """Found once for the site: every criterion of the family, and each of its subjects, asks for the same."""
    return {device.id: tuple(_services(topology, device)) for device in topology.site.devices}


def _services(topology: Topology, device: Device) -> Iterator[Asked]:
    seen: set[tuple[str, int, str]] = set()
    for service in device.services:
        known = _NAMES.get(service.protocol.lower())
        if known is None or service.transport not in known.transports or (service.tls and service.transport == "udp"):
            continue
        key = (known.protocol, service.port, service.transport)
        if key not in seen:
            seen.add(key)
            yield _asked(topology, device, service, known.protocol)


def twins(topology: Topology, device: Device, ports: Ports) -> tuple[Asked, ...]:
    """For each protocol that the device declares over TCP alone: the customary port in clear, where it is not declared."""
    known = _known_twins(topology, tuple(ports.items()))
    if device.id not in known:
        known[device.id] = tuple(_twins(topology, device, ports))
    return known[device.id]


@lru_cache(maxsize=16)
def _known_twins(topology: Topology, ports: tuple[tuple[ProtocolName, Port], ...]) -> dict[str, tuple[Asked, ...]]:
    """Found once for each table of ports: every subject asks for those of its device."""
    del topology, ports
    return {}


def _twins(topology: Topology, device: Device, ports: Ports) -> Iterator[Asked]:
    declared = services(topology, device)
    taken = {s.port for s in device.services if s.transport == "tcp"}
    for protocol in dict.fromkeys(asked.protocol for asked in declared if asked.transport == "tcp"):
        port = ports.get(protocol)
        if port is None or port in taken:
            continue
        address = _address(device, protocol)
        near = [p.id for p in topology.linked(device) if address is not None and topology.same_vlan(p, address)]
        yield Asked(device, protocol, port, "tcp", False, "", True, address, next(iter(near), ""))


def of_subject(topology: Topology, subject: Subject, ports: Ports) -> Asked:
    """The service that a subject stands for; KeyError for one that the site file does not have."""
    device = topology.devices[subject.target]
    for asked in (*services(topology, device), *twins(topology, device, ports)):
        if asked.detail == subject.detail:
            return asked
    raise KeyError(subject.key)


@lru_cache(maxsize=4)
def supervision_zones(topology: Topology) -> frozenset[str]:
    """Zones in which a supervisor stands."""
    return frozenset(device.zone for device in topology.site.devices if device.role is DeviceRole.SUPERVISOR)


def _asked(topology: Topology, device: Device, service: Service, protocol: ProtocolName) -> Asked:
    points = topology.points_reaching(device, service.transport, service.port)
    supervision = supervision_zones(topology)
    preferred = [p for p in points if topology.zone_of(p).id in supervision]
    point = next((p.id for p in (*preferred, *points)), "")
    return Asked(
        device=device,
        protocol=protocol,
        port=service.port,
        transport=service.transport,
        tls=service.tls,
        name=service.server_name,
        twin=False,
        address=_address(device, protocol),
        point=point,
    )


def _address(device: Device, protocol: ProtocolName) -> AnyAddress | None:
    """The first declared address; KNXnet/IP has IPv4 only."""
    if protocol == "knx":
        return next((a for a in device.addresses if isinstance(a, IPv4Address)), None)
    return next(iter(device.addresses), None)
