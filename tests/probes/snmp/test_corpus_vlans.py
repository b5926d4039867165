"""VLANs, memberships, PVIDs and neighbours of every recorded agent, by the collector's own decoders, against LibreNMS's view.

What LibreNMS derives is a parser's output and not the truth. Where the two differ, a rule below says who is right by what
the raw rows hold, and ``differences.yaml`` names the agents that each rule was found on. A difference without a rule fails;
so does a named one that is none any more, and a field of which nothing was compared.
"""

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from probes.snmp import oids
from probes.snmp.dialects import IEEE, Q_BRIDGE
from probes.snmp.tables import MAX_VLAN
from tests.probes.snmp.recordings import CORPUS, LINE, agents

pytestmark = pytest.mark.skipif(not CORPUS, reason="R2S_CORPUS names no directory of recordings")

DIFFERENCES = YAML(typ="safe").load(Path(__file__).with_name("differences.yaml"))
RULES = DIFFERENCES["rules"]
WRAP = 8 * LINE
"""The last port whose bit is on the first line of a wrapped port list."""


def under(rows, *prefixes):
    return [oid for oid in rows if any(oid[: len(prefix)] == prefix for prefix in prefixes)]


def vlan_rows(agent):
    """Rows of any VLAN table, counted without the decoders under test."""
    columns = [*Q_BRIDGE.static.values(), *Q_BRIDGE.current.values(), *IEEE.static.values(), *IEEE.current.values()]
    return under(agent.rows, *columns, *oids.VTP_VLAN_COLUMNS.values())


def our_vlans(facts):
    return {v.id for v in facts.static_vlans or facts.current_vlans or facts.vtp_vlans}


def their_vlans(view):
    return {v["vlan_vlan"] for v in view.get("vlans", [])}


def our_memberships(agent):
    """Of the ports whose interface the view has at all: it knows a port by its interface only."""
    interfaces = {p["ifIndex"] for p in agent.view.get("ports", [])}
    index = {p.port: p.if_index for p in agent.facts.ports if p.if_index is not None}
    found = {}
    for table in (agent.facts.current_vlans, agent.facts.static_vlans):
        found = found or {
            (v.id, port): port in untagged
            for v in table
            for untagged in [set(v.untagged)]
            for port in v.egress
            if (index.get(port) if index else port) in interfaces
        }
    return found


def their_memberships(view):
    return {(m["vlan"], m["baseport"]): bool(m["untagged"]) for m in view.get("ports_vlans", [])}


def is_vlan(number):
    return 1 <= number <= MAX_VLAN


def is_decimal(octets):
    return isinstance(octets, bytes) and b"," in octets and octets.replace(b",", b"").isdigit()


def explain_vlans(agent):
    """Rows compared, and the rules that explain what differs; None where no rule does."""
    ours, theirs = our_vlans(agent.facts), their_vlans(agent.view)
    if ours == theirs:
        return len(ours), []
    if not vlan_rows(agent):
        return 0, ["not-recorded"]
    if not theirs:
        return 0, ["view-empty"]
    real = {number for number in theirs if is_vlan(number)}
    return len(ours), ["reserved-identifier"] if real == ours else None


def explain_memberships(agent):
    ours, theirs = our_memberships(agent), their_memberships(agent.view)
    if ours == theirs:
        return len(ours), []
    if not any(v.egress for v in (*agent.facts.static_vlans, *agent.facts.current_vlans)) and not any(
        not is_vlan(vlan) for vlan, _ in theirs
    ):
        return 0, ["ports-of-contexts" if agent.facts.vtp_vlans else "not-recorded"]
    if not theirs:
        return 0, ["view-empty"]
    rules = []
    real = {key: bare for key, bare in theirs.items() if is_vlan(key[0])}
    if real != theirs:
        rules.append("reserved-identifier")
    if ours != real and agent.wrapped:
        rules.append("wrapped")
        ours, real = ({k: b for k, b in side.items() if k[1] <= WRAP} for side in (ours, real))
    if ours != real and real.items() <= ours.items() and any(is_decimal(agent.rows[oid]) for oid in vlan_rows(agent)):
        return len(real), [*rules, "decimal-list"]
    return len(real), rules if ours == real else None


def explain_pvids(agent):
    """The view has no PVID: of a port with one untagged VLAN in it, the PVID is that VLAN, but where the agent says otherwise."""
    bare = defaultdict(set)
    for (vlan, port), untagged in their_memberships(agent.view).items():
        if untagged and is_vlan(vlan):
            bare[port].add(vlan)
    prefix = oids.PORT_VLAN_COLUMNS["dot1qPvid"]
    raw = {oid[-1]: number for oid, number in agent.rows.items() if oid[:-1] == prefix and isinstance(number, int)}
    ours = {p.port: p.pvid for p in agent.facts.ports if p.pvid is not None}
    if any(ours.get(port) != number for port, number in raw.items()):
        return 0, None
    compared = {port: vlan for port, (vlan, *more) in bare.items() if not more and ours.get(port)}
    other = {port: vlan for port, vlan in compared.items() if ours[port] != vlan}
    if not other:
        return len(compared), []
    mine = our_memberships(agent)
    same_table = all(mine.get((vlan, port)) is True for port, vlan in other.items())
    return len(compared), ["ingress-is-not-egress"] if same_table else None


def explain_neighbours(agent):
    ours = Counter(n.sys_name.text if n.sys_name else "" for n in agent.neighbours)
    theirs = Counter(link["remote_hostname"] for link in agent.view.get("links", []) if link["protocol"] == "lldp")
    if ours == theirs:
        return theirs.total(), []
    prefixes = oids.LLDP_REMOTE_COLUMNS.values()
    recorded = {oid[len(prefix) :] for prefix in prefixes for oid in under(agent.rows, prefix)}
    if not recorded:
        return 0, ["not-recorded"]
    if len(recorded) != ours.total() or theirs - ours:
        return theirs.total(), None
    return theirs.total(), ["nameless" if set(ours - theirs) == {""} else "left-out"]


FIELDS = {
    "vlans": explain_vlans,
    "memberships": explain_memberships,
    "pvids": explain_pvids,
    "neighbours": explain_neighbours,
}


@pytest.mark.parametrize("field", FIELDS)
def test_against_librenms(field):
    found, unexplained, count = {}, [], Counter()
    for agent in agents():
        compared, rules = FIELDS[field](agent)
        count["agents"] += 1
        count["rows compared"] += compared
        count["agents compared"] += bool(compared)
        if rules is None:
            unexplained.append(agent.name)
        elif rules:
            found[agent.name] = rules
            count.update(f"explained: {rule}" for rule in rules)
    print(f"{field}:", dict(count))
    assert not unexplained
    assert count["rows compared"]
    assert all(RULES[rule]["right"] in {"ours", "theirs", "undecidable"} for rules in found.values() for rule in rules)
    named = {name: rules for name, rules in DIFFERENCES["agents"][field].items() if name in {a.name for a in agents()}}
    assert {name: found.get(name) for name in named} == named


def test_names_against_librenms():
    compared = 0
    for agent in agents():
        names = {v["vlan_vlan"]: v["vlan_name"] or "" for v in agent.view.get("vlans", [])}
        for vlan in agent.facts.static_vlans or agent.facts.vtp_vlans:
            if vlan.name and vlan.name.text and vlan.id in names:  # else LibreNMS puts "VLAN n" or a vendor's name
                assert names[vlan.id].rstrip(".") == vlan.name.text.rstrip("."), agent.name  # "." for a NUL
                compared += 1
    print(f"VLAN names: {compared} compared")
    assert compared
