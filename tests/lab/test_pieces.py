"""What needs no root: descriptions, faults, filters and tables as data."""

from __future__ import annotations

import copy
import io
import re
from pathlib import Path
from typing import Any

import pytest

from r2s_audit.lab import Fault, LabError, pae_mib
from r2s_audit.lab.bridge_mib import Table, accepted, port_list, rows, serve
from r2s_audit.lab.description import REFERENCE, build, mac, read_yaml
from r2s_audit.lab.fault import Patch, Title, changed
from r2s_audit.lab.filters import router
from r2s_audit.lab.ovsdb import Learned, Port, Switch
from r2s_audit.lab.paths import SECRETS, Layout, locate
from r2s_audit.lab.plan import packages, plan
from r2s_audit.lab.site import site_document, write_site
from r2s_audit.model.site import Site

RAW = read_yaml(REFERENCE)


def made(name: str, *patches: dict[str, Any]) -> Fault:
    change = tuple(Patch(**patch) for patch in patches)
    return Fault(version=1, name=name, title=Title(fr="f", en="e"), kind="real", change=change)


def test_the_site_file_is_a_valid_site(tmp_path: Path) -> None:
    document = site_document(build(RAW, "reference"), Layout(tmp_path / "b"))
    site = Site.model_validate(document)
    assert {vlan.id for vlan in site.vlans} == {10, 20, 30, 40, 50}
    assert {socket.switch for socket in site.sockets} <= {device.id for device in site.devices}
    write_site(document, tmp_path / "site.yaml")
    assert read_yaml(tmp_path / "site.yaml") == document
    assert "router" not in {flow.destination for flow in site.flows}


def test_no_secret_is_in_the_site_file(tmp_path: Path) -> None:
    document = site_document(build(RAW, "reference"), Layout(tmp_path / "b"))
    references = [
        d["admin"]["snmp"][key] for d in document["devices"] if "admin" in d for key in ("auth_secret", "priv_secret")
    ]
    assert references
    assert all(reference.startswith("file:/") for reference in references)


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        (("nodes", "gw-101", "interfaces", "eth0", "vlan"), "logement", "no VLAN logement"),
        (("nodes", "sw-acces", "ports", "ge1", "to"), "gw-109/eth0", "no interface gw-109/eth0"),
        (("nodes", "sw-acces", "ports", "tr1", "to"), "sw-coeur/ge1", "does not lead back"),
        (("nodes", "sw-acces", "ports", "ge8", "leak"), "ge99", "sw-acces/ge8: no port ge99"),
        (("nodes", "sw-acces", "ports", "ge1", "trunk"), ["logements"], "either"),
        (("nodes", "routeur", "interfaces", "wan", "to"), "operateur/eth9", "no interface operateur/eth9"),
        (("nodes", "routeur", "interfaces", "wan", "instead"), "gw-102/eth9", "no interface gw-102/eth9"),
        (("vlans", "technique", "id"), 0, "greater than or equal to 1"),
        (("vlans", "technique", "id"), 4001, "less than or equal to 3999"),
        (("nodes", "sw-acces", "ports", "ge11", "dot1x", "guest"), "amis", "no VLAN amis"),
        (("nodes", "sw-acces", "ports", "tr1", "dot1x"), {}, "goes with"),
        (("nodes", "gw-101", "colour"), "red", "Extra inputs"),
    ],
)
def test_a_wrong_description_says_what_is_wrong(at: tuple[str, ...], value: object, said: str) -> None:
    raw = copy.deepcopy(RAW)
    place: Any = raw
    for key in at[:-1]:
        place = place[key]
    place[at[-1]] = value
    with pytest.raises(LabError, match=said):
        build(raw, "test")


def test_every_fault_file_is_valid_and_changes_the_plan(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "b")
    layout.make()
    for secret in SECRETS:
        layout.secret(secret).write_text("0" * 32)
    sane = plan(build(RAW, "reference"), layout)
    for name in Fault.names():
        fault = Fault.load(name)
        assert fault.title.fr
        assert fault.title.en
        assert plan(build(changed(RAW, [fault]), name), layout) != sane
    assert plan(build(changed(RAW, []), "none"), layout) == sane


def test_a_fault_in_one_node_stays_there() -> None:
    """The reference file shares the services of both switches through a YAML anchor."""
    result = changed(RAW, [Fault.load("snmp-v2c-public")])
    assert result["nodes"]["sw-acces"]["services"]["snmp"]["communities"] == ["public"]
    assert "communities" not in result["nodes"]["sw-coeur"]["services"]["snmp"]
    assert "communities" not in RAW["nodes"]["sw-acces"]["services"]["snmp"]


def test_faults_that_contradict_each_other_are_refused() -> None:
    one = made("one", {"at": "nodes/gw-101/power", "set": "off"})
    other = made("other", {"at": "nodes/gw-101/power", "set": "on"})
    with pytest.raises(LabError, match="one et other"):
        changed(RAW, [one, other])


def test_a_fault_at_no_place_is_refused() -> None:
    with pytest.raises(LabError, match="nowhere"):
        changed(RAW, [made("lost", {"at": "nodes/nowhere/power", "set": "off"})])


def test_the_order_of_faults_changes_nothing() -> None:
    first, second = Fault.load("admin-reachable-from-logements"), Fault.load("supervision-reachable-from-logements")
    assert changed(RAW, [first, second]) == changed(RAW, [second, first])


def test_the_router_drops_by_default_and_lets_the_declared_through_in_both_families() -> None:
    text = router(build(RAW, "reference"), "routeur").stdin
    assert text.count("policy drop") == 2
    accepted_rules = [line for line in text.splitlines() if "accept" in line and "dport" in line]
    families = [sum(f" {family} saddr" in line for line in accepted_rules) for family in ("ip", "ip6")]
    assert families[0] == families[1] > 0
    marks = re.findall(r"ct mark set (0x[0-9a-f]+)", text)
    assert all(text.count(mark) > 2 for mark in marks), "each flow's mark keeps its own connections alive"


def test_an_address_is_fixed_and_local() -> None:
    assert mac("gw-101", "eth0") == mac("gw-101", "eth0") != mac("gw-102", "eth0")
    assert int(mac("gw-101", "eth0")[:2], 16) & 3 == 2


@pytest.mark.parametrize("name", ["", "A", "a b", "../x", "x" * 25])
def test_a_building_name_is_a_plain_word(name: str) -> None:
    with pytest.raises(LabError, match="Nom de bâtiment"):
        locate(name, None)


def test_a_directory_too_long_for_sockets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="inutilisable"):
        locate("b", tmp_path / ("x" * 60))


def test_every_command_has_a_package() -> None:
    needed = packages(build(RAW, "reference"))
    assert {"ip", "nft", "ovs-vswitchd", "snmpd", "lldpd", "nginx"} <= set(needed)


# -- SNMP tables ------------------------------------------------------------------------------------------------------

PORTS = (
    Port(1, "tr1", 11, None, (10, 20), "trunk"),
    Port(2, "ge1", 12, 10, (), "access"),
    Port(9, "ge8", 19, 20, (10,), "native-untagged"),
    Port(10, "ge9", 20, None, (), "trunk"),
)
SWITCH = Switch(b"\2\0\0\0\0\1", "rstp", 300, {10: "a", 20: "b"}, PORTS, (Learned(2, 10, b"\2\0\0\0\0\7", 1),))


def test_a_port_list_has_port_one_first() -> None:
    assert port_list([1, 2, 9], 2) == b"\xc0\x80"


def test_a_closed_port_is_where_it_is_configured_and_carries_nothing() -> None:
    closed = Port(3, "ge2", 13, 4003, (), "access", "auto", 20)
    table = rows(Switch(b"\2\0\0\0\0\1", "", 300, {10: "a", 20: "b"}, (*PORTS[:2], closed), ()))
    values = {".".join(map(str, oid)): value for oid, _, value in table}
    q_bridge = "1.3.6.1.2.1.17.7.1"
    assert values[f"{q_bridge}.4.3.1.2.20"] == "A0", "tr1, and ge2 by configuration"
    assert values[f"{q_bridge}.4.2.1.4.0.20"] == "80", "tr1 alone now"
    assert values[f"{q_bridge}.4.5.1.1.3"] == "20"
    assert f"{q_bridge}.4.3.1.1.4003" not in values, "its own VLAN is nobody's business"


@pytest.mark.parametrize(
    ("control", "tag", "said", "expected"),
    [
        ("auto", 4003, {}, ("2", "2", "2")),
        ("auto", 20, {"dot1xAuthPaeState": "5"}, ("2", "1", "2")),
        ("force-authorized", 20, {}, ("8", "1", "3")),
        ("force-unauthorized", 4003, {}, ("9", "2", "1")),
    ],
)
def test_the_authenticator_of_a_port_is_what_the_switch_does(
    control: str, tag: int, said: dict[str, str], expected: tuple[str, str, str]
) -> None:
    """Without its interface, a port in mode auto has no link: its machine is disconnected whatever hostapd said."""
    port = Port(3, "no-such-port", 13, tag, (), "access", control, 20)
    switch = Switch(b"\2\0\0\0\0\1", "", 300, {}, (*PORTS[:2], port), ())
    values = {".".join(map(str, oid)): value for oid, _, value in pae_mib.rows(switch, {port.name: said})}
    entry = "1.0.8802.1.1.1.1.2.1.1"
    assert tuple(values[f"{entry}.{column}.13"] for column in (1, 5, 6)) == expected
    assert values["1.0.8802.1.1.1.1.1.1.0"] == ("1" if control == "auto" else "2")
    assert not [oid for oid in values if oid.startswith(entry) and oid.endswith((".11", ".12"))], (
        "no row without 802.1X"
    )


def test_rows_are_unique_and_follow_the_ports() -> None:
    table = rows(SWITCH)
    values = {".".join(map(str, oid)): value for oid, _, value in table}
    assert len(values) == len(table)
    q_bridge = "1.3.6.1.2.1.17.7.1"
    assert values[f"{q_bridge}.4.3.1.2.10"] == "C0 C0", "tr1, ge1, ge8 tagged, ge9 carries all"
    assert values[f"{q_bridge}.4.3.1.4.20"] == "00 80"
    assert values[f"{q_bridge}.4.5.1.1.9"] == "20"
    assert f"{q_bridge}.4.5.1.1.1" not in values, "a trunk that drops untagged frames has no PVID"
    assert values["1.3.6.1.2.1.17.2.16.0"] == "2"
    assert [accepted(port) for port in PORTS] == [2, None, 1, 1]


def conversation(table: Table, text: str) -> list[str]:
    answers = io.StringIO()
    serve(table, io.StringIO(text), answers)
    return answers.getvalue().splitlines()


def test_snmpd_is_answered_in_order_to_the_end() -> None:
    table = Table(lambda: SWITCH)
    oid, seen = ".1.3.6.1.2.1.17", []
    while (answer := conversation(table, f"getnext\n{oid}\n")) != ["NONE"]:
        assert len(answer) == 3
        oid = answer[0]
        seen.append(tuple(int(part) for part in oid.strip(".").split(".")))
    assert seen == sorted(seen)
    assert len(seen) == len(rows(SWITCH))


def test_snmpd_is_answered_to_each_word() -> None:
    table = Table(lambda: SWITCH)
    assert conversation(table, "PING\n") == ["PONG"]
    assert conversation(table, "get\n.1.3.6.1.2.1.17.1.2.0\n") == [".1.3.6.1.2.1.17.1.2.0", "integer", "4"]
    assert conversation(table, "get\n.1.3.6.1.2.1.17.9\n") == ["NONE"]
    assert conversation(table, "set\n.1.3.6.1.2.1.17.1.2.0\ninteger 3\n") == ["not-writable"]
    assert conversation(table, "nonsense\n") == ["NONE"]
