"""One cable instead of five: from a trunk, with an interface per VLAN, the matrix is what it is from the sockets."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from benchmarks.audits import LAPTOP, Result, audit
from r2s_audit.lab import Building, Fault, plumbing
from r2s_audit.model.finding import Value

pytestmark = pytest.mark.building

CLOSED, OPEN = ("vlan.icmp-isolated", "vlan.tcp-isolated", "vlan.sentinels-isolated"), "vlan.flows-open"
MUTE = "tronc-video"
"""Where no flow begins."""
CABLE = "prise-adm"
HOST = 70
QUIET = ("-vsyslog:off", "-vfile:off", "-vconsole:off")


@pytest.fixture
def trunk(building: Building, inside, wait_for, tmp_path: Path) -> Iterator[list[dict[str, Any]]]:
    """The laptop's cable as a trunk of all VLANs, and the points to declare.

    An interface per VLAN comes of an Open vSwitch in the laptop: a kernel without 802.1Q has none of its own.
    """
    switch, port = building.sane.far_end(LAPTOP, CABLE)
    far = ["ovs-vsctl", f"--db=unix:{building.state_dir}/n/{switch}/ovs/db.sock", "--timeout=10"]
    near = ["ovs-vsctl", f"--db=unix:{tmp_path}/db.sock", "--timeout=10"]
    vlans = building.sane.vlans
    before = inside(switch, *far, "get", "port", port, "tag").stdout.strip()

    def run(node: str, *command: str, **options: Any) -> None:
        done = inside(node, *command, **options)
        assert done.returncode == 0, done.stdout + done.stderr

    with ExitStack() as stack:

        def start(*command: str) -> None:
            environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "OVS_RUNDIR": str(tmp_path)}
            process = subprocess.Popen([*building.enter(LAPTOP), *command], env=environment)
            stack.callback(process.wait, 10)
            stack.callback(process.terminate)

        run(LAPTOP, "ovsdb-tool", "create", f"{tmp_path}/conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
        sockets = (f"--remote=punix:{tmp_path}/db.sock", f"--unixctl={tmp_path}/db.ctl")
        start("ovsdb-server", f"{tmp_path}/conf.db", *sockets, *QUIET)
        wait_for((tmp_path / "db.sock").exists, 10)
        start("ovs-vswitchd", f"unix:{tmp_path}/db.sock", f"--unixctl={tmp_path}/switch.ctl", *QUIET)
        words = ["--", "add-br", "local", "--", "set", "bridge", "local", "datapath_type=netdev"]
        words += ["--", "set", "port", "local", "tag=4095", "--", "add-port", "local", CABLE]
        for vlan in vlans.values():
            words += ["--", "add-port", "local", f"t{vlan.id}", f"tag={vlan.id}"]
            words += ["--", "set", "interface", f"t{vlan.id}", "type=internal"]
        run(LAPTOP, *near, *words)
        run(LAPTOP, "ip", "address", "flush", "dev", CABLE)
        lines = [
            line
            for vlan in vlans.values()
            for line in (
                f"link set t{vlan.id} up",
                f"address add {vlan.address4(HOST)} dev t{vlan.id} noprefixroute",
                f"address add {vlan.address6(HOST)} dev t{vlan.id} nodad noprefixroute",
            )
        ]
        run(LAPTOP, "ip", "-batch", "-", input="\n".join(lines) + "\n")
        tags = ",".join(str(vlan.id) for vlan in vlans.values())
        run(switch, *far, "set", "port", port, "tag=[]", f"trunks={tags}", "vlan_mode=trunk")
        kept = [p for p in building.site_document()["points"] if p["kind"] == "mirror"]
        yield [
            *kept,
            *(
                {"id": f"tronc-{name}", "socket": CABLE, "interface": f"t{vlan.id}", "kind": "trunk", "vlan": vlan.id}
                for name, vlan in vlans.items()
            ),
        ]
        run(switch, *far, "set", "port", port, f"tag={before}", "trunks=[]", "vlan_mode=access")
        run(LAPTOP, *near, "del-br", "local")
    run(LAPTOP, "sh", "-s", input=plumbing.wiring(building.sane, LAPTOP).stdin)


def found(result: Result, check: str) -> set[tuple[str, Value]]:
    """Points and values."""
    return {(f.subject.point, f.value) for f in result.audit.findings if f.check == check}


def test_from_a_trunk_each_vlan_is_a_point_of_its_own_zone(
    building: Building, trunk: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Whoever speaks in a VLAN speaks from its zone, whatever the socket that the cable is in."""
    speaking = {point["id"] for point in trunk if point["kind"] == "trunk"}
    result = audit(building, tmp_path / "audit", "--only", "S1.3", changes={"points": trunk})
    assert result.code == 3, result.err
    for check in CLOSED:
        assert found(result, check) == {(point, Value.CONFORME) for point in speaking}
    assert found(result, OPEN) == {(point, Value.CONFORME) for point in speaking - {MUTE}}
    assert [f for f in result.audit.findings if f.value is Value.NON_CONFORME] == []


def test_from_a_trunk_a_hole_is_one_of_the_vlan_that_it_is_in(
    building: Building, trunk: list[dict[str, Any]], tmp_path: Path
) -> None:
    with building.fault(Fault.load("supervision-reachable-from-logements")):
        result = audit(building, tmp_path / "audit", "--only", "S1.3", changes={"points": trunk})
    wrong = [f for f in result.audit.findings if f.value is Value.NON_CONFORME]
    assert {(f.check, f.subject.target, f.subject.point) for f in wrong} == {
        ("vlan.tcp-isolated", "supervision", "tronc-logements")
    }
