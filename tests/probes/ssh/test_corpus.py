"""Recorded answers of command lines (in the directory that R2S_CORPUS names), beside the parse that was recorded with them.

The recorded parse is that of ntc-templates and not the truth: where the two differ, a rule below says how, and
``differences.yaml`` where, and who is right. A difference without a rule fails.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import pytest
from ntc_templates.parse import parse_output
from ruamel.yaml import YAML

from probes.ssh.platforms import PLATFORMS, commands, facts_of
from probes.switching.names import port_key
from tests.probes.ssh import test_readers as readers

CORPUS = os.environ.get("R2S_CORPUS", "")
pytestmark = pytest.mark.skipif(not CORPUS, reason="R2S_CORPUS names no directory of recordings")

DIFFERENCES = YAML(typ="safe").load(Path(__file__).with_name("differences.yaml"))
TEMPLATE_OF = {"cisco_xe": "cisco_ios"}


def ranges(items):
    """``["1", "31-36"]`` as single VLANs; ALL is every one."""
    found = set()
    for item in items:
        low, _, high = ("1-4094" if item == "ALL" else "0-0" if item == "NONE" else item).partition("-")
        found.update(range(int(low), int(high or low) + 1))
    return found - {0}


def single(found):
    return None if found is None else {v for low, high in found for v in range(low, high + 1)}


def vlans(facts, named=True):
    return [(v.id, v.name) if named else v.id for v in facts.vlans]


def vlans_of(rows, key="vlan_name", leave=lambda _: False):
    return [(int(row["vlan_id"]), row[key].strip()[:64]) for row in rows if not leave(row)]


def members(facts):
    return Counter(
        (vlan, port_key(port.name), tagged)
        for port in facts.ports
        for tagged, found in ((True, port.tagged), (False, port.untagged))
        for vlan in single(found)
    )


def switchport(row):
    """What a row of ``show interfaces switchport`` says, in the words of the facts; written without a look at the reader."""
    if row["switchport"] == "Disabled":
        return "routed", set(), set()
    # NX-OS tells what is at work, and writes the list as one text.
    oper = row["mode"].strip()
    admin = row["admin_mode"].strip() if "admin_mode" in row else "static access" if oper == "access" else oper
    listed = row["trunking_vlans"]
    if admin.startswith("trunk") or (admin.startswith("dynamic") and oper.startswith("trunk")):
        native = int(row["native_vlan"])  # 0: of an aggregate without a link
        return (
            "trunk",
            {native} if native else None,
            ranges(listed.split(",") if isinstance(listed, str) else listed) - {native},
        )
    if admin in {"static access", "dynamic auto", "dynamic desirable"}:
        access = {int(row["access_vlan"])} if row["access_vlan"].isdigit() else None
        return "access", access, {int(row["voice_vlan"])} if row["voice_vlan"].isdigit() else set()
    return "other", None, None


def cx_port(row):
    """Likewise a port of AOS-CX."""
    if not row["vlan_mode"]:
        return set(), set()
    if row["vlan_mode"] == "access":
        return {int(row["vlan_access"])}, set()
    allowed = ranges("ALL" if item == "all" else item for item in row["vlan_trunk"])
    native = set() if row["vlan_mode"] == "native-tagged" else {int(row["vlan_native"])} & allowed
    return native, allowed - native


def port_vlan(row):
    """Likewise ``display port vlan`` alone; what a hybrid or negotiating port carries is not in it."""
    listed, pvid = ranges(row["trunk_vlan_list"]), int(row["vlan_id"])
    if row["link_type"] == "access":
        return {pvid}, set()
    return (listed & {pvid}, listed - {pvid}) if row["link_type"] == "trunk" else (None, None)


# Per answer: (ours, theirs), two values that ought to be equal.
COMPARED = {
    "show vlan": lambda f, rows: (vlans(f), vlans_of(rows, leave=lambda r: r["status"] == "act/unsup")),
    "aruba_aoscx show vlan": lambda f, rows: (vlans(f), vlans_of(rows)),
    "alcatel_aos show vlan": lambda f, rows: (
        [(v.id, v.name, v.active) for v in f.vlans],
        [
            (int(r["vlan_id"]), r["vlan_name"].strip(), r["admin_state"] in {"on", "Ena"})
            for r in rows
            if r["type"] not in {"gvrp", "vcm"}
        ],
    ),
    "eltex show vlan": lambda f, rows: (
        vlans(f),
        [(i, "" if n == "-" else n) for i, n in vlans_of(rows, leave=lambda r: r["created_by"] == "G")],
    ),
    "cisco_s300 show vlan": lambda f, rows: (vlans(f), vlans_of(rows, leave=lambda r: r["created_by"] == "G")),
    "show vlans": lambda f, rows: (vlans(f), vlans_of(rows)),
    "display vlan all": lambda f, rows: (vlans(f), vlans_of(rows, leave=lambda r: r["type"].lower() == "dynamic")),
    "display vlan": lambda f, rows: (
        (
            Counter(vlans(f, named=False)),
            Counter() if f.ports is None else members(f),
        ),
        (
            Counter({int(r["vlan_id"]) for r in rows}),
            Counter((int(r["vlan_id"]), port_key(p), r["mode"] == "TG") for r in rows for p in r["interface"] or ()),
        ),
    ),
    "show vlan all": lambda f, rows: (
        (vlans(f), members(f)),
        (
            vlans_of(rows, "name"),
            Counter((int(r["vlan_id"]), port_key(p[:-3]), p.endswith("(t)")) for r in rows for p in r["interfaces"]),
        ),
    ),
    "show vlan port": lambda f, rows: (
        Counter() if f.ports is None else members(f),
        Counter((int(r["vlan_id"]), port_key(r["port"]), r["type"] == "qtagged") for r in rows),
    ),
    "allied_telesis_awplus show interface switchport": lambda f, rows: (
        {p.name: p.pvid for p in f.ports},
        {r["interface"]: int(r["native_vlan"]) if r["native_vlan"].isdigit() else None for r in rows},
    ),
    "aruba_aoscx show interface": lambda f, rows: (
        {p.name: (single(p.untagged), single(p.tagged), p.enabled) for p in f.ports},
        # The template has six items of a list of VLANs: a longer one is not compared.
        {r["interface"]: (*cx_port(r), r["link_admin"] == "up") for r in rows if len(r["vlan_trunk"]) < 6},
    ),
    "display interface brief": lambda f, rows: (
        {p.name: (p.mode, p.pvid, p.enabled, p.up) for p in f.ports},
        {
            r["interface"]: (
                {"A": "access", "T": "trunk", "H": "hybrid"}[r["type"]],
                int(r["vlan_id"]) or None,
                r["link"] != "ADM",
                r["link"].startswith("UP"),
            )
            for r in rows
            if r["type"]
        },
    ),
    "switchport": lambda f, rows: (
        {p.name: (p.mode, single(p.untagged), single(p.tagged)) for p in f.ports},
        {r["interface"]: switchport(r) for r in rows},
    ),
    "display port vlan": lambda f, rows: (
        {p.name: (p.pvid or 0, single(p.untagged), single(p.tagged)) for p in f.ports if p.mode != "member"},
        {r["interface"]: (int(r["vlan_id"]), *port_vlan(r)) for r in rows if r["vlan_id"] not in {"", "0"}},
    ),
    "status": lambda f, rows: (
        {p.name: (p.enabled, p.up) for p in f.ports},
        {
            r["port"]: (r["status"] != "disabled", r["status"] in {"connected", "up", "monitoring"})
            for r in rows
        },
    ),
}  # fmt: skip
NEEDS_MORE = {
    "eltex show interfaces status": "states of the ports that show vlan names: nothing alone",
    "cisco_s300 show interfaces status": "states of the ports that show vlan names: nothing alone",
    "hp_procurve show interfaces brief": "states of the ports that show vlans ports names: nothing alone",
    "huawei_vrp display interface brief": "states of the ports that the other commands name: nothing alone",
}


def comparison(platform, command):
    for name in (f"{platform} {command}", command):
        if name in COMPARED:
            return COMPARED[name]
    if command == "show vlan members":
        return COMPARED["show vlan port"]
    return next((COMPARED[word] for word in ("switchport", "status") if command.endswith(word)), None)


def records():
    for platform in PLATFORMS:
        for command in commands(platform):
            place = Path(CORPUS, "cli", TEMPLATE_OF.get(platform, platform), command.replace(" ", "_"))
            for raw in sorted(place.glob("*.raw")):
                rows = YAML(typ="safe").load(raw.with_suffix(".yml"))["parsed_sample"]
                yield platform, command, f"{place.parent.name}/{place.name}/{raw.stem}", raw.read_text(), rows


def explained(platform, command, text, ours, theirs):
    """The rule that a difference falls under; empty for none."""
    if (platform, command) == ("huawei_vrp", "display vlan"):
        total = len(re.findall(r"\([UD]\)", text))
        if ours[0] == theirs[0] and not theirs[1] - ours[1] and ours[1].total() == total:
            return "template_drops_ports"
    if command == "show vlan" and platform in {"eltex", "cisco_s300"}:
        pairs = list(zip(ours, theirs, strict=False))
        if len(ours) == len(theirs) and all(a[0] == b[0] and a[1].startswith(b[1]) for a, b in pairs):
            return "name_runs_over"
    return ""


def test_every_recorded_answer_is_read_as_it_was_parsed():
    compared, rows_compared, different, seen = Counter(), Counter(), {}, set()
    for platform, command, name, text, rows in records():
        if f"{platform} {command}" in NEEDS_MORE:
            continue
        facts = facts_of(platform, {command: text})
        assert command not in {gap.command for gap in facts.gaps}, name
        compare = comparison(platform, command)
        assert compare is not None, f"no comparison for {platform} {command}"
        ours, theirs = compare(facts, rows)
        if ours != theirs:
            rule = explained(platform, command, text, ours, theirs)
            assert rule, (name, ours, theirs)
            different.setdefault(rule, set()).add(name)
        seen.add(name)
        compared[platform, command] += 1
        rows_compared[platform, command] += len(rows)
    for (platform, command), count in sorted(compared.items()):
        print(f"{platform}, {command}: {count} answers, {rows_compared[platform, command]} rows compared")
    print("differences:", {rule: len(names) for rule, names in different.items()})
    assert compared
    assert all(rows_compared.values())
    known = {name for names in DIFFERENCES.values() for name in names}
    for rule, names in different.items():
        assert set(DIFFERENCES[rule]) & seen <= names, f"{rule}: named and not different any more"
        print(f"{rule}: not in the table: {sorted(names - known)}")


WRITTEN = {
    ("cisco_ios", "show vlan"): readers.SHOW_VLAN,
    ("cisco_nxos", "show vlan"): readers.SHOW_VLAN,
    ("cisco_ios", "show interfaces switchport"): readers.block("Gi1/0/1") + readers.block("Gi1/0/2", Voice_VLAN="7 (V)"),
    ("cisco_nxos", "show interface switchport"): readers.NXOS,
    ("cisco_ios", "show interfaces status"): readers.STATUS,
    ("aruba_aoscx", "show interface"): readers.CX.replace("10,20,\n                    30-40", "10,20"),
    ("alcatel_aos", "show vlan port"): readers.R6_MEMBERS,
    ("allied_telesis_awplus", "show vlan all"): readers.AWPLUS,
    ("allied_telesis_awplus", "show interface switchport"): readers.AWPLUS_PORTS,
    ("hp_comware", "display vlan all"): readers.COMWARE.replace(" ports:\n Tagged", "\n Tagged"),
    ("hp_comware", "display interface brief"): readers.COMWARE_BRIEF,
    ("huawei_vrp", "display port vlan"): readers.HUAWEI_PORTS,
}  # fmt: skip


@pytest.mark.parametrize(("platform", "command"), WRITTEN)
def test_what_was_written_for_the_readers_is_what_templates_read(platform, command):
    """Of commands without a record: our own answers, by somebody else's reading."""
    text = WRITTEN[platform, command].replace("\n\nInterface name", "\nInterface name")
    text = text.replace(" Rx\n   100 total packets\n", "")
    facts = facts_of(platform, {command: text})
    assert command not in {gap.command for gap in facts.gaps}
    ours, theirs = comparison(platform, command)(facts, parse_output(platform, command, text))
    assert ours == theirs


def test_every_member_of_a_list_is_read():
    """Counted in the raw text by itself: the recorded parse has no ports of these."""
    counted = Counter()
    for platform, command, name, text, _ in records():
        facts = facts_of(platform, {command: text})
        if (platform, command) == ("hp_comware", "display vlan all"):
            lists = re.sub(r"^[^:\n]*:(?!\s*$).*$|^[^\n]*:\s*$", "", text, flags=re.MULTILINE)
            expected = len(lists.split())
        elif (platform, command) == ("huawei_vrp", "display vlan"):
            expected = len(re.findall(r"\([UD]\)", text))
        elif (platform, command) == ("allied_telesis_awplus", "show vlan all"):
            expected = len(re.findall(r"\d\([ut]\)", text))
        else:
            continue
        found = 0 if facts.ports is None else members(facts).total()
        assert found == expected, name
        counted[platform] += found
    print("members counted:", dict(counted))
    assert all(counted.values())
    assert len(counted) >= 1


def test_states_go_with_the_ports_that_other_commands_name():
    compared = Counter()
    for platform, command, name, text, rows in records():
        if platform != "eltex" or not command.endswith("status"):
            continue
        ports = [row for row in rows if row["interface"] != "oob"]  # the port of the switch's own management
        listed = ",".join(row["interface"] for row in ports)
        width = len(listed)
        table = (
            f"Vlan Name Tagged Ports {'UnTagged Ports':{width}} Created by\n"
            f"---- ---- ------------ {'-' * width} ----------\n"
            f"1    a    -            {listed} S\n"
        )
        facts = facts_of(platform, {"show vlan": table, command: text})
        assert not facts.gaps, name
        ours = {p.name: p.up for p in facts.ports}
        assert ours == {row["interface"]: row["link_state"].startswith("Up") for row in ports}, name
        compared["ports"] += len(ports)
    print("states:", dict(compared))
    assert compared["ports"] or not any(p == "eltex" for p, *_ in records())
