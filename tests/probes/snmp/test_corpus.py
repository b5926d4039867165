"""Decoders on recorded agents (LibreNMS test data in the directory that R2S_CORPUS names), against LibreNMS's own view.

What LibreNMS derives is a parser's output and not the truth: the differences listed here were looked at in the rows.
"""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from probes.snmp import oids, tables
from probes.snmp.values import column

CORPUS = os.environ.get("R2S_CORPUS", "")
pytestmark = pytest.mark.skipif(not CORPUS, reason="R2S_CORPUS names no directory of recordings")

READ = ("1.3.6.1.2.1.2.", "1.3.6.1.2.1.17.", "1.3.6.1.2.1.31.", "1.3.6.1.2.1.47.", "1.0.8802.")
"""Only what the family reads: the recordings hold whole agents."""
NUMBERS = {"2", "65", "66", "67", "70"}
MEMBERSHIPS_EXPLAINED = {
    "dell-sonic": "port lists recorded as the text of their hexadecimal digits",
    "junos_qfx5100": "LibreNMS reads the vendor's table, numbered by another index",
}


def value(kind, raw):
    if kind.endswith("x"):
        return bytes.fromhex(raw)
    if kind in NUMBERS:
        return int(raw)
    if kind == "6":
        return oids.oid(raw)
    if kind == "64":
        return bytes(int(part) for part in raw.split("."))
    return raw.encode("utf-8", "surrogateescape")


def load(path):
    """Rows of one recording, and how many lines are no rows (broken by the recorder)."""
    rows, broken = {}, 0
    with gzip.open(path, "rt", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            if not line.startswith(READ):
                continue
            try:
                name, kind, raw = line.rstrip("\r\n").split("|", 2)
                rows[oids.oid(name)] = value(kind, raw)
            except ValueError:
                broken += 1
    return rows, broken


@pytest.fixture(scope="module")
def agents():
    """Name, rows and LibreNMS's view ({} where there is none) of every recording."""
    base = Path(CORPUS) / "snmp"
    found = []
    for path in sorted((base / "snmprec").glob("*.snmprec.gz")):
        name = path.name.removesuffix(".snmprec.gz")
        expected = base / "expected" / f"{name}.json.gz"
        view = json.loads(gzip.decompress(expected.read_bytes())) if expected.exists() else {}
        found.append((name, load(path)[0], view))
    assert found, "no recordings in R2S_CORPUS"
    return found


def test_every_recording_is_decoded(agents):
    count = Counter()
    for _, rows, _ in agents:
        static, bad_static = tables.static_vlans(rows)
        current, bad_current = tables.current_vlans(rows)
        learnt, bad_learnt = tables.forwarding(rows, current)
        neighbours, bad_neighbours = tables.neighbours(rows)
        count.update(
            agents=1, rows=len(rows), interfaces=len(tables.interfaces(rows)), entities=len(tables.entities(rows)),
            static=len(static), current=len(current), learnt=len(learnt), neighbours=len(neighbours),
            bridge_ports=len(tables.bridge_ports(rows)), lldp_ports=len(tables.lldp_ports(rows)),
            invalid=bad_static + bad_current + bad_learnt + bad_neighbours,
        )  # fmt: skip
    print("decoded:", dict(count))
    assert all(count[name] for name in count if name != "invalid")
    assert count["invalid"] < count["static"] + count["current"] + count["learnt"] + count["neighbours"]


def test_vlans_against_librenms(agents):
    compared = named = 0
    for name, rows, view in agents:
        theirs = {
            v["vlan_vlan"]: v["vlan_name"] or "" for v in view.get("vlans", []) if v["vlan_vlan"] <= tables.MAX_VLAN
        }
        ours = {v.id: v.name.text if v.name else "" for v in tables.static_vlans(rows)[0]}
        if not ours or not theirs:
            continue  # LibreNMS read a vendor's table, or the recording has no VLAN for it
        assert set(ours) == set(theirs), name
        compared += len(ours)
        raw = column(rows, oids.VLAN_STATIC_COLUMNS["dot1qVlanStaticName"])
        for vlan, text in ours.items():
            if not text:
                continue  # LibreNMS puts "VLAN n" or a vendor's name there
            padding = len(raw[vlan,]) - len(raw[vlan,].rstrip(b"\0"))
            assert text + "." * padding == theirs[vlan], name
            named += 1
    print(f"vlans: {compared} identifiers and {named} names compared")
    assert compared
    assert named


def test_memberships_against_librenms(agents):
    compared = 0
    for name, rows, view in agents:
        theirs = {
            (m["vlan"], m["baseport"]): bool(m["untagged"])
            for m in view.get("ports_vlans", [])
            if m["vlan"] <= tables.MAX_VLAN
        }
        sources = [tables.static_vlans(rows)[0], tables.current_vlans(rows)[0]]
        ours = [
            {(v.id, port): port in untagged for v in source for untagged in [set(v.untagged)] for port in v.egress}
            for source in sources
        ]
        if not theirs or not any(ours) or name in MEMBERSHIPS_EXPLAINED:
            continue
        assert any(theirs.items() <= source.items() for source in ours), name
        compared += len(theirs)
    print(f"memberships: {compared} compared")
    assert compared


def test_neighbours_against_librenms(agents):
    compared = 0
    for name, rows, view in agents:
        ours = {n.sys_name.text for n in tables.neighbours(rows)[0] if n.sys_name}
        theirs = [link["remote_hostname"] for link in view.get("links", []) if link["protocol"] == "lldp"]
        if not ours:
            continue  # LibreNMS read a vendor's LLDP table
        assert set(theirs) <= ours, name
        compared += len(theirs)
    print(f"neighbours: {compared} compared")
    assert compared


def test_interfaces_against_librenms(agents):
    compared = 0
    for name, rows, view in agents:
        ours = {i.index: i for i in tables.interfaces(rows)}
        for port in view.get("ports", []):
            interface = ours.get(port["ifIndex"])
            if interface is None or interface.name is None or not interface.name.text or not port.get("ifName"):
                continue  # LibreNMS falls back to ifDescr or to a vendor's table
            assert interface.name.text == port["ifName"], name
            compared += 1
    print(f"interface names: {compared} compared")
    assert compared
