"""A broker by mosquitto: MQTT over TLS with the building's certificate, and nobody without a name."""

from __future__ import annotations

from collections.abc import Iterator

from r2s_audit.lab.description import PortNumber
from r2s_audit.lab.pki import certificate_file, key_file
from r2s_audit.lab.resources import Certificate, File, Listening, Process, Resource

from .base import Settings, Site, TypedFamily
from .responder import CIPHERS


class MqttSettings(Settings):
    """``clear_port`` opens the broker to everybody in clear, as it comes out of many a box."""

    port: PortNumber = 8883
    clear_port: PortNumber | None = None


def _plan(site: Site, settings: MqttSettings) -> Iterator[Resource]:
    here = site.directory
    description = site.description
    addresses = tuple(str(a.ip) for a in description.addresses(site.node_name, description.management(site.node_name)))
    certificate = Certificate(site.qualified, addresses)
    lines = ["per_listener_settings true", "user root", "persistence false", "log_dest stderr", "log_type error"]
    for address in addresses:
        lines += [
            f"listener {settings.port} {address}",
            f"certfile {certificate_file(site.layout.pki, certificate)}",
            f"keyfile {key_file(site.layout.pki, certificate)}",
            "tls_version tlsv1.2",
            f"ciphers {CIPHERS}",
            "allow_anonymous false",
        ]
    ports = [settings.port]
    if settings.clear_port is not None:
        ports.append(settings.clear_port)
        for address in addresses:
            lines += [f"listener {settings.clear_port} {address}", "allow_anonymous true"]
    yield Process(
        name=site.unit,
        node=site.node_name,
        argv=("mosquitto", "-c", str(here / "mosquitto.conf")),
        files=(File(here / "mosquitto.conf", "\n".join(lines) + "\n"),),
        certificates=(certificate,),
        ready=tuple(probe for port in ports for probe in (Listening("tcp", port), Listening("tcp6", port))),
        after=(f"wiring@{site.node_name}",),
    )


FAMILY = TypedFamily(packages={"mosquitto": "mosquitto"}, settings=MqttSettings, make=_plan)
