"""LLDP by lldpd, which also brings LLDP-MIB to the node's snmpd over AgentX."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from r2s_audit.lab.resources import Command, Exists, File, Process, Resource, Says

from .base import Settings, Site, TypedFamily


class LldpSettings(Settings):
    """Seconds between frames: more often than the usual 30, so that a short visit meets one at every socket."""

    interval: int = 3
    description: str = ""
    """Default: the node's title."""
    name: str = ""
    """Default: the node's own name. Another one is that of another device: with its own chassis, and no address."""
    capability: Literal["router", "bridge", "station"] | None = None
    """Default: what the node is."""


def _configuration(site: Site, settings: LldpSettings) -> str:
    node, description = site.node, site.description
    ports = description.switch_ports(site.node_name) if node.role == "switch" else list(node.interfaces)
    address4, address6 = description.addresses(site.node_name, description.management(site.node_name))
    capability = settings.capability or {"router": "router", "switch": "bridge"}.get(node.role, "station")
    lines = [
        f"configure system hostname {settings.name or site.qualified}",
        f'configure system description "{settings.description or node.title}"',
        f"configure system interface pattern {','.join(ports)}",
        f"configure system ip management pattern {'!*' if settings.name else f'{address4.ip},{address6.ip}'}",
        *([f"configure system chassisid {settings.name}"] if settings.name else []),
        f"configure system capabilities enabled {capability}",
        "configure lldp portidsubtype ifname",
        f"configure lldp tx-interval {settings.interval}",
        *(f'configure ports {name} lldp portdescription "{port.label}"' for name, port in node.ports.items()),
        "resume",
    ]
    return "\n".join(lines) + "\n"


def _everybody(site: Site) -> Iterator[Site]:
    """Every lldpd of the building."""
    for name, node in site.description.nodes.items():
        for service, item in node.services.items():
            if item.kind == "lldp" and node.power == "on":
                yield Site(site.description, name, service, site.layout)


def _plan(site: Site, settings: LldpSettings) -> Iterator[Resource]:
    node = site.node
    # lldpcli gives its privileges up at once: it could not reach its files in a directory that is closed to others.
    conf, socket = (Path("/run/lldpd") / f"{site.node_name}.{name}" for name in ("conf", "socket"))
    agentx = [site.layout.node(site.node_name) / name for name, item in node.services.items() if item.kind == "snmp"]
    subagent = ("-X", f"unix:{agentx[0] / 'agentx'}") if agentx else ()
    yield Process(
        name=site.unit,
        node=site.node_name,
        argv=("lldpd", "-d", "-u", str(socket), "-O", str(conf), *subagent),
        files=(File(conf, _configuration(site, settings), 0o644),),
        farewell=True,
        # The socket is there before the configuration is taken, which alone lets it speak.
        ready=(Exists(socket), Says("lldpd should resume operations")),
        # The subagent looks for its master once and then every fifteen seconds: the master comes first.
        after=(
            f"wiring@{site.node_name}",
            f"ports@{site.node_name}",
            *site.units("snmp"),
        ),
    )
    # Each one spoke as it started, when its neighbours did not listen yet: once all do, all speak again. It is another
    # command when one of them is to begin anew, which nothing but its neighbours' next announcement would then tell.
    everybody = list(_everybody(site))
    said = "".join(_configuration(each, _settings(each)) for each in everybody)
    yield Command(
        f"announce@{site.node_name}",
        site.node_name,
        ("lldpcli", "-u", str(socket), "update"),
        stdin=f"# {hashlib.sha256(said.encode()).hexdigest()}\n",
        after=tuple(each.unit for each in everybody),
    )


def _settings(site: Site) -> LldpSettings:
    return LldpSettings.model_validate(site.node.services[site.service].settings)


FAMILY = TypedFamily(packages={"lldpd": "lldpd", "lldpcli": "lldpd"}, settings=LldpSettings, make=_plan)
