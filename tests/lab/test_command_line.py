"""A switch's command line, live: what it shows is the switch, what is read of it decides, and nobody else is told the account.

One building of its own: the access switch's agent has no VLAN tables, and of the core switch no SNMP access is declared.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from benchmarks.audits import ROOT, Result, audit
from probes.ssh.platforms import commands, facts_of
from probes.switching.facts import SwitchFacts
from r2s_audit.lab import Building, Fault
from r2s_audit.lab.description import REFERENCE
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure, Observation
from tests.lab.audits import tapped

pytestmark = pytest.mark.building

SWITCHES = ("sw-coeur", "sw-acces")
WHERE = ("--point", "point-prise-adm", "--only", "S1.2", "--only", "S1.3")
DECIDED = ("snmp.vlans-declared", "snmp.access-ports", "snmp.native-vlan", "snmp.trunks-declared", "snmp.admin-vlan")
UNUSED = "snmp.unused-ports"
PLANTED = ("laboratoire$0123456789", "lecture-du-laboratoire")
"""Of the secrets that the switches' own configuration holds."""


@pytest.fixture(scope="module")
def switched(root: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Building]:
    yaml = YAML(typ="safe")
    raw = yaml.load(REFERENCE.read_text(encoding="utf-8"))
    acces = raw["nodes"]["sw-acces"]["services"]
    # The library that netmiko rests on does not know the key exchange by its registered name.
    older = {**acces["ssh"], "key_exchange": ["curve25519-sha256@libssh.org"]}
    raw["nodes"]["sw-acces"]["services"] = {**acces, "snmp": {"kind": "snmp", "bridge": False}, "ssh": older}
    source = tmp_path_factory.mktemp("description") / "building.yaml"
    with source.open("w", encoding="utf-8") as handle:
        yaml.sort_base_mapping_type_on_output = False  # a node is administered by its first interface
        yaml.dump(raw, handle)
    with Building.up(f"ligne-{os.getpid()}", source=source) as building:
        yield building


def declared(building: Building, **acces: Any) -> list[dict[str, Any]]:
    """The site's devices: the core switch by its command line alone; changes of the access switch's."""
    devices: list[dict[str, Any]] = building.site_document()["devices"]
    for device in devices:
        if device["id"] == "sw-coeur":
            device["admin"] = {"ssh": device["admin"]["ssh"]}
            device["other_ports"].remove("mgmt")  # no port of the switch: its command line does not list it
        if device["id"] == "sw-acces":
            device["admin"] = {**device["admin"], "ssh": {**device["admin"]["ssh"], **acces}}
    return devices


def audited(building: Building, directory: Path, **acces: Any) -> Result:
    result = audit(building, directory, *WHERE, changes={"devices": declared(building, **acces)})
    assert result.code in {1, 3}, result.err
    return result


def values(result: Result) -> dict[tuple[str, str], Value]:
    """Of the checks that a switch's configuration decides, by check and switch."""
    return {
        (finding.check, finding.subject.target): finding.value
        for finding in result.audit.findings
        if finding.check in {*DECIDED, UNUSED} and finding.subject.target in SWITCHES
    }


def sessions(result: Result) -> dict[str, Observation]:
    seen = (Observation.model_validate(b["observation"]) for b in result.entries if b["kind"] == "observation")
    found = [one for one in seen if one.request.collector == "ssh.switch"]
    assert len(found) == len({one.request.target for one in found}), "more than one session with a device"
    return {one.request.target: one for one in found}


@pytest.fixture(scope="module")
def sane(switched: Building, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Result, int]]:
    """An audit of the sane building, and how many packets left for the access switch's command line."""
    directory = tmp_path_factory.mktemp("sain")
    with tapped(switched, ("prise-adm",), directory / "tap") as (file,):
        result = audited(switched, directory / "audit")
    address, _ = switched.address("sw-acces")
    told = subprocess.run(
        ["tcpdump", "-nnr", str(file), f"tcp dst port 22 and dst host {address}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    sources = [line.split()[2] for line in told]
    return result, max(sources.count(source) for source in set(sources))


def test_the_sane_building_is_as_by_snmp(sane: tuple[Result, int]) -> None:
    found = values(sane[0])
    expected = {(check, switch): Value.CONFORME for check in DECIDED for switch in SWITCHES}
    # Of the access switch the agent speaks, which lists its interfaces and does not say which of them are ports.
    expected |= {(UNUSED, "sw-coeur"): Value.CONFORME, (UNUSED, "sw-acces"): Value.NON_VERIFIE}
    assert found == expected
    for switch in SWITCHES:
        assert sessions(sane[0])[switch].state == "completed"


def test_packets_are_counted_as_they_leave(sane: tuple[Result, int]) -> None:
    result, left = sane
    counted = sessions(result)["sw-acces"].packets_sent
    assert left <= counted <= left + 3


def test_what_it_reads_is_the_switch(switched: Building, sane: tuple[Result, int]) -> None:
    """Against the description, port by port; Open vSwitch's own tables are compared with it elsewhere."""
    vlans = {name: vlan.id for name, vlan in switched.sane.vlans.items()}
    for switch in SWITCHES:
        facts = SwitchFacts.model_validate(sessions(sane[0])[switch].facts)
        assert facts.gaps == ()
        assert facts.vlans is not None
        assert facts.ports is not None
        assert {vlan.name: vlan.id for vlan in facts.vlans} == vlans
        ports = {port.name: port for port in facts.ports}
        for name, port in switched.sane.nodes[switch].ports.items():
            read = ports[name]
            assert read.enabled is port.enabled
            if port.dot1x:
                assert read.mode == "access"  # in whatever VLAN it was opened into
            elif port.access:
                assert (read.mode, read.pvid, read.tagged) == ("access", vlans[port.access], ())
            elif port.trunk:
                assert read.mode == "trunk"
                assert {low for low, high in read.tagged or ()} == {vlans[v] for v in port.trunk}
                assert (read.pvid, read.untagged) == (None, ())
            else:
                assert read.mode == "routed"


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("wrong-pvid-on-gateway-port", "snmp.access-ports"),
        ("vlan-missing-on-access-switch", "snmp.access-ports"),
        ("native-vlan-in-use", "snmp.native-vlan"),
    ],
)
def test_a_fault_is_seen_by_the_command_line(
    switched: Building, sane: tuple[Result, int], fault: str, check: str, tmp_path: Path
) -> None:
    with switched.fault(Fault.load(fault)):
        result = audited(switched, tmp_path)
    found = values(result)
    assert Value.NON_CONFORME in {found[check, switch] for switch in SWITCHES}
    assert result.verdicts()["S1.3"][0] == "non_atteint"
    assert sane[0].verdicts()["S1.3"][0] != "non_atteint"


def protections(result: Result) -> dict[tuple[str, str], Value]:
    return {
        (finding.subject.target, finding.subject.get("protection")): finding.value
        for finding in result.audit.findings
        if finding.check == "ssh.layer2-protections"
    }


def test_protections_that_are_shown_and_those_that_are_not(
    switched: Building, sane: tuple[Result, int], tmp_path: Path
) -> None:
    before = protections(sane[0])
    assert {switch for switch, _ in before} == set(SWITCHES)
    assert set(before.values()) == {Value.CONFORME}
    with switched.fault(Fault.load("layer2-protections-missing")):
        result = audited(switched, tmp_path)
    after = protections(result)
    # Such a switch listens to IGMP unless it is told not to.
    assert after == {cell: Value.CONFORME if cell[1] == "multicast-snooping" else Value.NON_CONFORME for cell in before}
    assert result.verdicts()["S1.2"][0] == "non_atteint"
    assert sane[0].verdicts()["S1.2"][0] != "non_atteint"


def record_text(result: Result) -> str:
    return "\n".join(
        path.read_bytes().decode("utf-8", "replace") for path in result.record.rglob("*") if path.is_file()
    )


def test_no_secret_is_in_the_record(switched: Building, sane: tuple[Result, int]) -> None:
    key = (switched.state_dir / "secrets" / "ssh-auditeur").read_text().split("\n")[1:-2]
    text = record_text(sane[0]) + sane[0].out + sane[0].err
    assert "show vlan" in text
    assert [word for word in (*PLANTED, *key) if word in text] == []


@pytest.fixture
def impostor(switched: Building, tmp_path: Path) -> Iterator[Path]:
    """On the switch's own address, at another port: who listens there has not the switch's key."""
    log = tmp_path / "impostor"
    address, _ = switched.address("sw-acces")
    process = subprocess.Popen(
        [
            *switched.enter("sw-acces"),
            sys.executable,
            str(Path(__file__).with_name("impostor_ssh.py")),
            address,
            "2222",
            str(log),
        ],
        cwd=ROOT,
    )
    until = time.monotonic() + 10
    while not (log.exists() and "listening" in log.read_text()):
        assert time.monotonic() < until
        time.sleep(0.05)
    yield log
    process.kill()
    process.wait()


def test_another_key_harvests_nothing(switched: Building, impostor: Path, tmp_path: Path) -> None:
    result = audited(switched, tmp_path / "audit", port=2222)
    seen = sessions(result)["sw-acces"]
    assert (seen.state, seen.failure) == ("failed", Failure.ACCESS_DENIED)
    told = impostor.read_text().splitlines()
    assert "connected" in told
    shown = next(line for line in told if line.startswith("keys exchanged as ")).rpartition(" ")[2]
    assert shown in str(seen.reason)
    assert [line for line in told if line.startswith("auth")] == []
    found = values(result)
    assert {found[check, "sw-acces"] for check in DECIDED} == {Value.NON_VERIFIE}
    assert {found[check, "sw-coeur"] for check in DECIDED} == {Value.CONFORME}


NETMIKO = """
import json, sys
from netmiko import ConnectHandler
host, user, key = sys.argv[1:]
with ConnectHandler(device_type="cisco_ios", host=host, username=user, use_keys=True, key_file=key, allow_agent=False, fast_cli=True) as line:
    json.dump({command: line.send_command(command) for command in json.loads(sys.stdin.read())}, sys.stdout)
"""


def test_somebody_elses_client_reads_the_same(switched: Building, sane: tuple[Result, int]) -> None:
    """Netmiko knows real switches: it finds prompt, paging and refusals where it expects them."""
    asked = [*commands("cisco_ios"), "configure terminal"]
    address, _ = switched.address("sw-acces")
    key = switched.state_dir / "secrets" / "ssh-auditeur"
    process = subprocess.run(
        [*switched.enter("auditeur"), sys.executable, "-c", NETMIKO, address, "auditeur", str(key)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    outputs = json.loads(process.stdout)
    assert "Invalid input" in outputs.pop("configure terminal")
    theirs = facts_of("cisco_ios", outputs)
    ours = SwitchFacts.model_validate(sessions(sane[0])["sw-acces"].facts)
    assert (theirs.vlans, theirs.ports) == (ours.vlans, ours.ports)


def test_nobody_else_gets_in(switched: Building) -> None:
    address, _ = switched.address("sw-acces")
    key = switched.state_dir / "secrets" / "ssh-auditeur"
    options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"]
    for user, more in (("root", ["-i", str(key)]), ("auditeur", ["-o", "IdentitiesOnly=yes", "-i", "/dev/null"])):
        refused = subprocess.run(
            [*switched.enter("auditeur"), "ssh", *options, *more, f"{user}@{address}", "id"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert refused.returncode != 0
        assert re.search(r"Permission denied", refused.stderr)
    bare = subprocess.run(
        [*switched.enter("auditeur"), "ssh", *options, "-i", str(key), f"auditeur@{address}", "id"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert "uid=" not in bare.stdout
    assert "a terminal is needed" in bare.stderr
