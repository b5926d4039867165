"""LLDP by lldpd, which also brings LLDP-MIB to the node's snmpd over AgentX."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from r2s_audit.lab.resources import Command, Exists, File, Process, Resource, Says

from .base import Settings, Site, TypedFamily


class LldpSettings(Settings):
    """Seconds between frames: more often than the usual 30, so that a short visit meets one at every socket."""

    interval: int = 3


def _plan(site: Site, settings: LldpSettings) -> Iterator[Resource]:
    node, description = site.node, site.description
    # lldpcli gives its privileges up at once: it could not reach its files in a directory that is closed to others.
    conf, socket = (Path("/run/lldpd") / f"{site.node_name}.{name}" for name in ("conf", "socket"))
    ports = description.switch_ports(site.node_name) if node.role == "switch" else list(node.interfaces)
    address4, address6 = description.addresses(site.node_name, description.management(site.node_name))
    capability = {"router": "router", "switch": "bridge"}.get(node.role, "station")
    configuration = [
        f"configure system hostname {site.qualified}",
        f'configure system description "{node.title}"',
        f"configure system interface pattern {','.join(ports)}",
        f"configure system ip management pattern {address4.ip},{address6.ip}",
        f"configure system capabilities enabled {capability}",
        "configure lldp portidsubtype ifname",
        f"configure lldp tx-interval {settings.interval}",
        *(f'configure ports {name} lldp portdescription "{port.label}"' for name, port in node.ports.items()),
        "resume",
    ]
    agentx = [site.layout.node(site.node_name) / name for name, item in node.services.items() if item.kind == "snmp"]
    subagent = ("-X", f"unix:{agentx[0] / 'agentx'}") if agentx else ()
    yield Process(
        name=site.unit,
        node=site.node_name,
        argv=("lldpd", "-d", "-u", str(socket), "-O", str(conf), *subagent),
        files=(File(conf, "\n".join(configuration) + "\n", 0o644),),
        # The socket is there before the configuration is taken, which alone lets it speak.
        ready=(Exists(socket), Says("lldpd should resume operations")),
        # The subagent looks for its master once and then every fifteen seconds: the master comes first.
        after=(
            f"wiring@{site.node_name}",
            f"ports@{site.node_name}",
            *site.units("snmp"),
        ),
    )
    # Each one spoke as it started, when its neighbours did not listen yet: once all do, all speak again.
    everybody = tuple(
        f"{name}@{other_name}"
        for other_name, other in description.nodes.items()
        for name, item in other.services.items()
        if item.kind == "lldp"
    )
    yield Command(
        f"announce@{site.node_name}", site.node_name, ("lldpcli", "-u", str(socket), "update"), after=everybody
    )


FAMILY = TypedFamily(packages={"lldpd": "lldpd", "lldpcli": "lldpd"}, settings=LldpSettings, make=_plan)
