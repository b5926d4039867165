"""SNMP tells the truth about the live switches, to one account alone; LLDP sees the neighbours."""

from __future__ import annotations

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import pytest

from r2s_audit.lab import Building

pytestmark = pytest.mark.building

Q_BRIDGE = "1.3.6.1.2.1.17.7.1"
SWITCHES = ("sw-coeur", "sw-acces")
CACHE = 0.6


@pytest.fixture
def vsctl(building: Building, inside):
    def run(switch: str, *words: str) -> str:
        database = building.state_dir / "n" / switch / "ovs" / "db.sock"
        result = inside(switch, "ovs-vsctl", f"--db=unix:{database}", *words)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


def column(table: dict[str, str], oid: str) -> dict[str, str]:
    return {name.removeprefix(f"{oid}."): value for name, value in table.items() if name.startswith(f"{oid}.")}


def text(value: str) -> str:
    return bytes.fromhex(value).decode()


def texts(table: dict[str, str]) -> dict[str, str]:
    return {name: text(value) for name, value in table.items()}


def ports_in(value: str) -> set[int]:
    bits = "".join(f"{int(octet, 16):08b}" for octet in value.split())
    return {index for index, bit in enumerate(bits, start=1) if bit == "1"}


def ovs(vsctl, switch: str) -> list[dict[str, Any]]:
    """Ports of the bridge, as ovs-vsctl gives them: name, number, tag, trunks."""

    def listed(table: str, columns: str) -> list[dict[str, Any]]:
        answer = json.loads(vsctl(switch, "--format=json", f"--columns={columns}", "list", table))
        return [dict(zip(answer["headings"], row, strict=True)) for row in answer["data"]]

    numbers = {row["name"]: row["ofport"] for row in listed("interface", "name,ofport")}
    rows = []
    for row in listed("port", "name,tag,trunks,external_ids"):
        notes = dict(row["external_ids"][1])
        if row["name"] == "br0":
            continue
        tag = row["tag"] if isinstance(row["tag"], int) else None
        trunks = row["trunks"][1] if isinstance(row["trunks"], list) else [row["trunks"]]
        place = {"name": row["name"], "number": numbers[row["name"]], "configured": int(notes.get("vlan", 0))}
        rows.append({**place, "tag": tag, "trunks": set(trunks)})
    return rows


def closed(number: int, ports: list[dict[str, Any]]) -> bool:
    return any(p["number"] == number and (p["tag"] or 0) > 4000 for p in ports)


@pytest.mark.parametrize("switch", SWITCHES)
def test_q_bridge_is_what_the_switch_does(building: Building, walk, vsctl, switch: str) -> None:
    table, ports = walk(building.address(switch)[0], "1.3.6.1.2.1.17"), ovs(vsctl, switch)
    assert table[f"{Q_BRIDGE}.1.1.0"] == "1"
    names = {10: "administration", 20: "technique", 30: "logements", 40: "visiteurs", 50: "video"}
    assert table[f"{Q_BRIDGE}.1.4.0"] == str(len(names))
    assert texts(column(table, f"{Q_BRIDGE}.4.3.1.1")) == {str(vlan): name for vlan, name in names.items()}
    for vlan in names:
        members = {p["number"] for p in ports if p["tag"] == vlan or vlan in p["trunks"]}
        bare = {p["number"] for p in ports if p["tag"] == vlan}
        # What is configured knows nothing of what 802.1X opened or closed since.
        guarded = {p["number"] for p in ports if p["configured"]}
        declared = {p["number"] for p in ports if p["configured"] == vlan}
        assert ports_in(table[f"{Q_BRIDGE}.4.2.1.4.0.{vlan}"]) == members
        assert ports_in(table[f"{Q_BRIDGE}.4.2.1.5.0.{vlan}"]) == bare
        assert ports_in(table[f"{Q_BRIDGE}.4.3.1.2.{vlan}"]) - guarded == members - guarded
        assert ports_in(table[f"{Q_BRIDGE}.4.3.1.4.{vlan}"]) - guarded == bare - guarded
        assert ports_in(table[f"{Q_BRIDGE}.4.3.1.4.{vlan}"]) >= {
            n for n in declared if n not in bare and closed(n, ports)
        }
    pvids = {
        str(p["number"]): str(p["configured"] if closed(p["number"], ports) else p["tag"]) for p in ports if p["tag"]
    }
    assert column(table, f"{Q_BRIDGE}.4.5.1.1") == pvids
    accepted = {str(p["number"]): "2" for p in ports if not p["tag"]}
    assert column(table, f"{Q_BRIDGE}.4.5.1.2") == accepted
    assert set(column(table, f"{Q_BRIDGE}.4.5.1.3").values()) == {"1"}


@pytest.mark.parametrize("switch", SWITCHES)
def test_base_ports_lead_to_the_interfaces_of_that_name(building: Building, walk, vsctl, switch: str) -> None:
    host = building.address(switch)[0]
    expected = {p["name"]: str(p["number"]) for p in ovs(vsctl, switch)}
    deadline = time.monotonic() + 30  # snmpd keeps its list of interfaces for some seconds
    while True:
        indexes = column(walk(host, "1.3.6.1.2.1.17.1.4.1.2"), "1.3.6.1.2.1.17.1.4.1.2")
        names = texts(column(walk(host, "1.3.6.1.2.1.31.1.1.1.1"), "1.3.6.1.2.1.31.1.1.1.1"))
        found = {names.get(index): number for number, index in indexes.items()}
        if found == expected or time.monotonic() > deadline:
            break
        time.sleep(1)
    assert found == expected, "the bridge's own interfaces are in the interface table, and are none of its ports"


def test_a_port_that_changes_vlan_changes_rows_and_traffic(building: Building, walk, vsctl, reach, forget) -> None:
    host, target = building.address("sw-acces")[0], building.address("gw-101")[0]
    number = next(p["number"] for p in ovs(vsctl, "sw-acces") if p["name"] == "ge5")
    try:
        vsctl("sw-acces", "set", "port", "ge5", "tag=20")
        time.sleep(CACHE)
        table = walk(host, f"{Q_BRIDGE}.4")
        assert table[f"{Q_BRIDGE}.4.5.1.1.{number}"] == "20"
        assert number in ports_in(table[f"{Q_BRIDGE}.4.3.1.2.20"])
        assert number not in ports_in(table[f"{Q_BRIDGE}.4.3.1.2.30"])
        assert set(reach("auditeur", [("prise-log", target, "443")]).values()) != {"open"}
    finally:
        vsctl("sw-acces", "set", "port", "ge5", "tag=30")
        forget("prise-log")
    time.sleep(CACHE)
    assert walk(host, f"{Q_BRIDGE}.4.5.1.1")[f"{Q_BRIDGE}.4.5.1.1.{number}"] == "30"
    assert set(reach("auditeur", [("prise-log", target, "443")]).values()) == {"open"}


def test_the_forwarding_table_has_the_laptop_on_its_socket(building: Building, walk, vsctl, reach, inside) -> None:
    reach("auditeur", [("prise-tech", building.address("supervision")[0], "443")])
    time.sleep(CACHE)
    link = json.loads(inside("auditeur", "ip", "-j", "link", "show", "prise-tech").stdout)[0]
    index = ".".join(str(int(part, 16)) for part in link["address"].split(":"))
    table = walk(building.address("sw-acces")[0], f"{Q_BRIDGE}.2.2.1.2")
    number = next(p["number"] for p in ovs(vsctl, "sw-acces") if p["name"] == "ge4")
    assert table[f"{Q_BRIDGE}.2.2.1.2.20.{index}"] == str(number)


@pytest.mark.parametrize("device", ["routeur", *SWITCHES])
def test_the_system_group_is_filled_in_over_both_families(building: Building, walk, device: str) -> None:
    address4, address6 = building.address(device)
    for host in (address4, f"udp6:[{address6}]"):
        system = walk(host, "1.3.6.1.2.1.1")
        assert text(system["1.3.6.1.2.1.1.5.0"]) == f"{device}.residence.r2s.test"
        assert system["1.3.6.1.2.1.1.4.0"]
        assert system["1.3.6.1.2.1.1.6.0"]


def test_versions_1_and_2c_are_met_with_silence(building: Building, inside) -> None:
    def ask(question: tuple[str, str, str]) -> str:
        device, version, community = question
        host = building.address(device)[0]
        command = f"snmpget -v{version} -c {community} -t 0.4 -r 0 {host} 1.3.6.1.2.1.1.5.0"
        return inside("auditeur", *command.split()).stderr

    questions = list(product(("routeur", *SWITCHES), ("1", "2c"), ("public", "private")))
    with ThreadPoolExecutor(len(questions)) as pool:
        assert all("Timeout: No Response" in answer for answer in pool.map(ask, questions))


def test_the_account_needs_privacy(building: Building, inside) -> None:
    secret = (building.state_dir / "secrets" / "snmp-auth").read_text().strip()
    user = f"-v3 -l authNoPriv -u auditeur -a SHA-256 -A {secret} -t 1 -r 0"
    result = inside("auditeur", "snmpget", *user.split(), building.address("sw-acces")[0], "1.3.6.1.2.1.1.5.0")
    assert "authorizationError" in result.stderr


def test_a_walk_shows_nothing_of_the_machine(building: Building, walk) -> None:
    assert not [oid for oid in walk(building.address("sw-acces")[0], "1.3.6.1.2.1") if oid.startswith("1.3.6.1.2.1.25")]


def test_lldp_sees_the_neighbours(building: Building, walk) -> None:
    domain = "residence.r2s.test"
    expected = {
        "routeur": {f"sw-coeur.{domain}"},
        "sw-coeur": {f"routeur.{domain}", f"sw-acces.{domain}"},
        "sw-acces": {f"sw-coeur.{domain}"},
    }
    for device, neighbours in expected.items():
        table = walk(building.address(device)[0], "1.0.8802.1.1.2.1.4.1.1.9")
        assert set(texts(table).values()) == neighbours


def test_lldp_is_heard_at_a_socket(building: Building, inside) -> None:
    result = inside(
        "auditeur",
        "tcpdump",
        "--immediate-mode",
        "-i",
        "prise-log",
        "-c",
        "1",
        "-w",
        "/dev/null",
        "ether proto 0x88cc",
        timeout=10,
    )
    assert result.returncode == 0


def test_the_tap_sees_what_the_laptop_sends(building: Building, reach) -> None:
    tap = building.tap("prise-adm")
    address = building.address("supervision")[0]
    command = [
        *tap.prefix,
        "tcpdump",
        "-n",
        "-l",
        "-i",
        tap.interface,
        "-c",
        "1",
        f"tcp dst port 443 and dst host {address}",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as capture:
        assert capture.stderr
        while "listening" not in capture.stderr.readline():
            pass
        reach("auditeur", [("prise-adm", address, "443")])
        out, _ = capture.communicate(timeout=5)
    assert f"10.66.10.50.{out.split('10.66.10.50.')[1].split()[0]} > {address}.443" in out
