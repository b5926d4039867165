"""Devices that speak a building protocol, by our own small responders (:mod:`r2s_audit.lab.responders`)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from pydantic import Field

from r2s_audit.lab.description import PortNumber
from r2s_audit.lab.keeping import PACKAGE_ROOT
from r2s_audit.lab.pki import certificate_file, key_file
from r2s_audit.lab.resources import Certificate, Listening, Probe, Process, Resource

from .base import Settings, Site, TypedFamily

CIPHERS = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"


class BacnetSettings(Settings):
    """A BACnet/IP controller."""

    port: PortNumber = 47808
    instance: int = Field(ge=0, le=4194302)
    vendor: int = Field(default=260, ge=0, le=65535)


class KnxSettings(Settings):
    """A KNXnet/IP gateway."""

    port: PortNumber = 3671
    name: str = Field(max_length=29)


class UdpSettings(Settings):
    """A listener of a supervisor."""

    port: PortNumber


class MdnsSettings(Settings):
    """How a gateway announces itself."""

    name: str = ""
    """Default: the node's own."""
    service: str = "_https._tcp"
    port: PortNumber = 443
    interval: int = 20


class ModbusSettings(Settings):
    """A Modbus/TCP meter: vendor, product code, revision."""

    port: PortNumber = 502
    identity: tuple[str, str, str]


class TextSettings(Settings):
    """A camera or an intercom: over TLS, and with ``clear_port`` in clear as well."""

    port: PortNumber
    clear_port: PortNumber | None = None
    server: str


class RtspSettings(TextSettings):
    """RTSP over TLS on its own port (RFC 7826, 19.2)."""

    port: PortNumber = 322


class SipSettings(TextSettings):
    """SIP over TLS on its own port (RFC 3261, 26.3)."""

    port: PortNumber = 5061


def addresses(site: Site) -> tuple[str, str]:
    """Both addresses that a node is administered by."""
    address4, address6 = site.description.addresses(site.node_name, site.description.management(site.node_name))
    return str(address4.ip), str(address6.ip)


def responder(
    site: Site, kind: str, options: dict[str, Any], ready: tuple[Probe, ...], certificates: tuple[Certificate, ...] = ()
) -> Process:
    """One of our own programs as a service of a node."""
    return Process(
        name=site.unit,
        node=site.node_name,
        argv=(sys.executable, "-S", "-m", "r2s_audit.lab.responders", kind, json.dumps(options, sort_keys=True)),
        env=(("PYTHONPATH", str(PACKAGE_ROOT)), ("PYTHONDONTWRITEBYTECODE", "1")),
        certificates=certificates,
        ready=ready,
        after=(f"wiring@{site.node_name}",),
    )


def _datagram(site: Site, kind: str, options: dict[str, Any], *, ipv4_only: bool = False) -> Process:
    own = addresses(site)[: 1 if ipv4_only else 2]
    ready = (Listening("udp", options["port"]), Listening("udp6", options["port"]))[: len(own)]
    return responder(site, kind, {"addresses": own, **options}, ready)


def _bacnet(site: Site, settings: BacnetSettings) -> Iterator[Resource]:
    yield _datagram(site, "bacnet", settings.model_dump())


def _knx(site: Site, settings: KnxSettings) -> Iterator[Resource]:
    yield _datagram(site, "knx", settings.model_dump(), ipv4_only=True)


def _ntp(site: Site, settings: UdpSettings) -> Iterator[Resource]:
    yield _datagram(site, "ntp", settings.model_dump())


def _syslog(site: Site, settings: UdpSettings) -> Iterator[Resource]:
    yield _datagram(site, "syslog", settings.model_dump())


def _mdns(site: Site, settings: MdnsSettings) -> Iterator[Resource]:
    options = {**settings.model_dump(), "name": settings.name or site.node_name, "address": addresses(site)[0]}
    yield responder(site, "mdns", options, (Listening("udp", 5353),))


def _modbus(site: Site, settings: ModbusSettings) -> Iterator[Resource]:
    listeners = [(address, settings.port, False) for address in addresses(site)]
    options = {"listeners": listeners, "identity": settings.identity}
    yield responder(site, "modbus", options, (Listening("tcp", settings.port), Listening("tcp6", settings.port)))


def _rtsp(site: Site, settings: RtspSettings) -> Iterator[Resource]:
    yield _text(site, "rtsp", settings)


def _sip(site: Site, settings: SipSettings) -> Iterator[Resource]:
    yield _text(site, "sip", settings)


def _text(site: Site, protocol: str, settings: TextSettings) -> Process:
    own = addresses(site)
    ports = [(settings.port, True), *([(settings.clear_port, False)] if settings.clear_port else [])]
    certificate = Certificate(site.qualified, own)
    options = {
        "protocol": protocol,
        "server": settings.server,
        "listeners": [(address, port, tls) for port, tls in ports for address in own],
        "certificate": str(certificate_file(site.layout.pki, certificate)),
        "key": str(key_file(site.layout.pki, certificate)),
        "ciphers": CIPHERS,
    }
    ready = tuple(probe for port, _ in ports for probe in (Listening("tcp", port), Listening("tcp6", port)))
    return responder(site, "text", options, ready, (certificate,))


BACNET = TypedFamily(packages={}, settings=BacnetSettings, make=_bacnet)
KNX = TypedFamily(packages={}, settings=KnxSettings, make=_knx)
NTP = TypedFamily(packages={}, settings=UdpSettings, make=_ntp)
SYSLOG = TypedFamily(packages={}, settings=UdpSettings, make=_syslog)
MDNS = TypedFamily(packages={}, settings=MdnsSettings, make=_mdns)
MODBUS = TypedFamily(packages={}, settings=ModbusSettings, make=_modbus)
RTSP = TypedFamily(packages={}, settings=RtspSettings, make=_rtsp)
SIP = TypedFamily(packages={}, settings=SipSettings, make=_sip)
