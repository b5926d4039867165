"""802.1X on a switch: hostapd authenticates at each port, and a port controller opens and closes it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from r2s_audit.lab.description import mac
from r2s_audit.lab.keeping import PACKAGE_ROOT
from r2s_audit.lab.ovsdb import CLOSED_VLANS
from r2s_audit.lab.paths import RADIUS_SECRET
from r2s_audit.lab.resources import Exists, File, Process, Resource, Says

from . import freeradius, openvswitch
from .base import Settings, Site, TypedFamily


class Dot1xSettings(Settings):
    """``server``: the node that authenticates. ``reauthentication``: seconds between two of one station."""

    server: str
    reauthentication: int = 3600


def sockets(directory: Path) -> Path:
    """Where hostapd has one control socket per port."""
    return directory / "h"


def _plan(site: Site, settings: Dot1xSettings) -> Iterator[Resource]:
    here, node = site.directory, site.node_name
    guarded = {name: port for name, port in site.node.ports.items() if port.dot1x}
    ports = [name for name, port in guarded.items() if port.dot1x and port.dot1x.control == "auto"]
    secret = site.layout.secret(RADIUS_SECRET).read_text().strip()
    if ports:
        yield Process(
            name=f"hostapd@{node}",
            node=node,
            argv=("hostapd", *(str(here / f"{name}.conf") for name in ports)),
            files=tuple(File(here / f"{name}.conf", _authenticator(site, settings, name, secret)) for name in ports),
            ready=tuple(Exists(sockets(here) / name) for name in ports),
            after=(f"wiring@{node}", f"filter@{node}"),
        )
    yield Process(
        name=f"portes@{node}",
        node=node,
        argv=(sys.executable, "-S", "-m", "r2s_audit.lab.port_control", str(here / "ports.json")),
        env=(("PYTHONPATH", str(PACKAGE_ROOT)),),
        files=(
            File(here / "ports.json", json.dumps(_control(site, settings), indent=1)),
            File(here / "radius-secret", secret + "\n"),
        ),
        ready=(Says("ready"),),
        after=(f"hostapd@{node}", f"ports@{node}"),
    )


def _authenticator(site: Site, settings: Dot1xSettings, port: str, secret: str) -> str:
    description = site.description
    own = description.addresses(site.node_name, description.management(site.node_name))[0].ip
    server = description.addresses(settings.server, description.management(settings.server))[0].ip
    return f"""\
interface={port}
driver=wired
ctrl_interface={sockets(site.directory)}
ieee8021x=1
use_pae_group_addr=1
eapol_version=2
eap_reauth_period={settings.reauthentication}
own_ip_addr={own}
nas_identifier={site.qualified}
auth_server_addr={server}
auth_server_port={freeradius.PORT}
auth_server_shared_secret={secret}
"""


def _control(site: Site, settings: Dot1xSettings) -> dict[str, object]:
    description, vlans = site.description, site.description.vlans
    switch = openvswitch.directory_of(site)
    server = description.addresses(settings.server, description.management(settings.server))[0].ip
    ports = []
    for number, (name, port) in enumerate(site.node.ports.items(), start=1):
        if port.dot1x and port.access:
            rules = port.dot1x
            ports.append(
                {
                    "name": name,
                    "number": number,
                    "own": mac(site.node_name, name),
                    "vlan": vlans[port.access].id,
                    "closed": CLOSED_VLANS + number,
                    "control": rules.control,
                    "mab": rules.mab,
                    "guest": vlans[rules.guest].id if rules.guest else None,
                    "guest_after": rules.guest_after,
                }
            )
    return {
        "database": str(openvswitch.database(switch)),
        "bridge": f"unix:{switch / (openvswitch.BRIDGE + '.mgmt')}",
        "hostapd": str(sockets(site.directory)),
        "radius": f"{server}:{freeradius.PORT}",
        "secret": str(site.directory / "radius-secret"),
        "identifier": site.qualified,
        "ports": ports,
    }


FAMILY = TypedFamily(
    packages={"hostapd": "hostapd", "radclient": "freeradius-utils", "ovs-ofctl": "openvswitch-switch"},
    settings=Dot1xSettings,
    make=_plan,
)
