"""A switch: Open vSwitch in user space, with a database, a control socket and a port table of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from r2s_audit.lab.description import SwitchPort, mac
from r2s_audit.lab.errors import LabError
from r2s_audit.lab.ovsdb import CLOSED_VLANS
from r2s_audit.lab.resources import Command, Exists, Process, Resource
from r2s_audit.model.text import msg

from .base import Settings, Site, TypedFamily

BRIDGE = "br0"
_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
_LEAK = "0x1eaf"
"""The cookie of the rules that hand frames from one port to another beside the VLANs."""
_QUIET = ("-vsyslog:off", "-vfile:off", "-vconsole:warn")


class SwitchSettings(Settings):
    """RSTP is off unless it is what is tested: a new port then takes 3 s to forward."""

    rstp: bool = False
    vlans: tuple[str, ...] | None = None
    """Those that it knows, by default all: a port of another one goes nowhere, as on hardware."""


def database(directory: Path) -> Path:
    """Socket of the configuration database."""
    return directory / "db.sock"


def control(directory: Path) -> Path:
    """Socket that answers ``fdb/show`` and the like."""
    return directory / "vswitchd.ctl"


def _plan(site: Site, settings: SwitchSettings) -> Iterator[Resource]:
    here = site.directory
    env = (("OVS_RUNDIR", str(here)), ("OVS_DBDIR", str(here)), ("OVS_LOGDIR", str(here)))
    conf, socket = here / "conf.db", database(here)
    node = site.node_name
    # One shell line: the database server needs its file, which only ovsdb-tool makes.
    serve = (
        f"test -e {conf} || ovsdb-tool create {conf} {_SCHEMA} && "
        f"exec ovsdb-server {conf} --remote=punix:{socket} --unixctl={here}/db.ctl {' '.join(_QUIET)}"
    )
    yield Process(f"ovsdb@{node}", node, ("sh", "-c", serve), env, ready=(Exists(socket),))
    yield Process(
        f"vswitchd@{node}",
        node,
        ("ovs-vswitchd", f"unix:{socket}", f"--unixctl={control(here)}", *_QUIET),
        env,
        ready=(Exists(control(here)),),
        # snmpd reads the interfaces once before its configuration tells it which ones to show: the two that Open
        # vSwitch makes for itself have to come later.
        after=(f"ovsdb@{node}", *site.units("snmp")),
    )
    yield Command(
        f"ports@{node}",
        node,
        ("ovs-vsctl", f"--db=unix:{socket}", "--timeout=10", "--", *_configuration(site, settings)),
        # ovs-vsctl returns when the switch has taken the configuration: this is the switch's readiness.
        after=(f"vswitchd@{node}", f"wiring@{node}", f"filter@{node}"),
    )

    yield Command(
        f"leaks@{node}",
        node,
        ("sh", "-c", " && ".join(_leaks(site, here / f"{BRIDGE}.mgmt"))),
        after=(f"ports@{node}",),
    )


def _leaks(site: Site, bridge: Path) -> Iterator[str]:
    """Written anew each time, beside the rules of port control; a switch that is powered again listens after a while."""
    forget = f"ovs-ofctl del-flows {bridge} cookie={_LEAK}/-1"
    yield f"n=0; until {forget} 2>/dev/null; do n=$((n+1)); test $n -lt 250 || exit 1; sleep 0.02; done"
    numbers = {name: number for number, name in enumerate(site.node.ports, start=1)}
    for name, port in site.node.ports.items():
        if port.leak is not None:
            for one, other in ((name, port.leak), (port.leak, name)):
                copied = f"cookie={_LEAK},priority=1,in_port={numbers[one]},actions=NORMAL,output:{numbers[other]}"
                yield f"ovs-ofctl add-flow {bridge} {copied}"


def _configuration(site: Site, settings: SwitchSettings) -> list[str]:
    """Write the whole port table each time, so that a changed description leaves nothing behind."""
    vlans = site.description.vlans
    words = ["--may-exist", "add-br", BRIDGE, "--", "set", "bridge", BRIDGE, "datapath_type=netdev"]
    words += [f"rstp_enable={str(settings.rstp).lower()}", "other_config:mac-aging-time=300"]
    words += [f'other_config:hwaddr="{mac(site.node_name, BRIDGE)}"']
    # Open vSwitch has no table of VLANs: their names stand with the bridge, in the same database as the ports.
    known = {name: vlan for name, vlan in vlans.items() if settings.vlans is None or name in settings.vlans}
    words += ["external_ids={}", *(f'external_ids:vlan-{vlan.id}="{name}"' for name, vlan in known.items())]
    # The bridge's own kernel port belongs to no VLAN in use.
    words += ["--", "set", "port", BRIDGE, "tag=4095", "vlan_mode=access"]
    for number, (name, port) in enumerate(site.node.ports.items(), start=1):
        words += ["--", "--may-exist", "add-port", BRIDGE, name]
        if port.dot1x:
            # Closed as it is made; from then on its VLAN is the port controller's matter.
            words += [f"tag={CLOSED_VLANS + number}", "vlan_mode=access", "--", "set", "port", name]
            words += [f"external_ids:dot1x={port.dot1x.control}", f"external_ids:vlan={vlans[port.access or ''].id}"]
        elif port.access is not None and port.access not in known:
            words += ["--", "set", "port", name, f"tag={CLOSED_VLANS + number}", "trunks=[]", "vlan_mode=access"]
            words += [f"external_ids:vlan={vlans[port.access].id}"]
        else:
            words += ["--", "set", "port", name, *_mode(site, port)]
        words += [f"protected={str(port.protected).lower()}"]
        words += ["--", "set", "interface", name, f"ofport_request={number}"]
    words += ["--", "clear", "bridge", BRIDGE, "mirrors"]
    for name in (name for name, port in site.node.ports.items() if port.mirror):
        words += ["--", "--id=@port", "get", "port", name]
        words += ["--", "--id=@copy", "create", "mirror", f"name={name}", "select_all=true", "output_port=@port"]
        words += ["--", "add", "bridge", BRIDGE, "mirrors", "@copy"]
    return words


def _mode(site: Site, port: SwitchPort) -> list[str]:
    vlans = site.description.vlans
    if port.access is not None:
        return [f"tag={vlans[port.access].id}", "trunks=[]", "vlan_mode=access"]
    if port.mirror:
        return ["tag=[]", "trunks=[]", "vlan_mode=trunk", "external_ids:mirror=output"]
    trunks = f"trunks={','.join(str(vlans[name].id) for name in port.trunk)}"
    if port.native is not None:
        return [f"tag={vlans[port.native].id}", trunks, "vlan_mode=native-untagged"]
    return ["tag=[]", trunks, "vlan_mode=trunk"]


def directory_of(site: Site) -> Path:
    """Where the Open vSwitch of this node keeps its sockets."""
    for name, service in site.node.services.items():
        if service.kind == "openvswitch":
            return site.layout.node(site.node_name) / name
    raise LabError(msg("{node} : aucun service « openvswitch ».", node=site.node_name), expected=msg("un commutateur"))


FAMILY = TypedFamily(
    packages=dict.fromkeys(
        ("ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl"), "openvswitch-switch"
    ),
    settings=SwitchSettings,
    make=_plan,
)
