"""Dwellings of one VLAN over real frames: an isolating switch, one that does not, and a router that undoes it."""

import asyncio
import os
from itertools import groupby

import pytest

from probes.vlan import collect, inside, neighbours, owners, window
from probes.vlan.dwellings import Dwellings, DwellingsIsolated
from probes.vlan.facts import InsideFacts, ReachState, Way
from probes.vlan.matrix import INSIDE
from probes.wire.client import Wire
from r2s_audit.model.finding import Value
from tests.probes.vlan.network import network, sysctl
from tests.probes.vlan.support import evidence, topology, value
from tests.probes.vlan.test_live import FakeAccess, Gate, _observed

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces and raw sockets")
CHECK = DwellingsIsolated()
LIMITS = Dwellings(control_window_s=300, zones=["technique"], dwellings_per_point=8)
ISOLATED = "bridge link set dev s20 isolated on; bridge link set dev xeth020 isolated on"
NOT_BACK = "add table inet u; add chain inet u f { type filter hook forward priority 0; }; add rule inet u f iifname r20 oifname r20 drop"
SILENT = {ReachState.SILENCE}


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """Namespaces answer within a millisecond."""
    for module in (window, neighbours, owners):
        monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)


def declared(mac):
    """The point of VLAN 20 is in a dwelling, the target in another; VLAN 30 may ask the target: the control."""
    device = {
        "id": "sup",
        "role": "gateway",
        "zone": "technique",
        "dwelling": "2",
        "mac": mac,
        "addresses": ["10.0.20.10", "fd00:20::10"],
        "services": [{"protocol": "https", "port": 443}],
    }
    sockets = [
        {"id": "S20", "zone": "technique", "vlan": 20, "switch": "sw", "port": "ge20", "dwelling": "1"},
        {"id": "S30", "zone": "logements", "vlan": 30, "switch": "sw", "port": "ge30"},
    ]
    points = [{"id": f"P{v}", "socket": f"S{v}", "interface": f"p{v}"} for v in (20, 30)]
    flows = [
        {"source": "logements", "destination": "sup", "protocol": "icmp"},
        {"source": "logements", "destination": "sup", "protocol": "tcp", "ports": [443]},
    ]
    return topology(devices=[device], sockets=sockets, points=points, flows=flows)


async def collected(top, requests):
    found = []
    async with await Wire.launch(["p20", "p30"], max_rate=5000, max_frames=5000) as wire:
        order = lambda r: (r.order, r.point, r.collector)  # noqa: E731 - the same key twice
        for (_, name, collector), group in groupby(sorted(requests, key=order), key=order):
            access = FakeAccess(top, top.points[name], wire, Gate())
            ask = inside.inside if collector == INSIDE else collect.reach
            async for request, outcome in ask(access, list(group)):
                found.append(_observed(request, outcome))
    return found


def audit(net):
    mac = net.target.output("ip -o link show eth0").partition("link/ether ")[2].split()[0]
    top = declared(mac)
    subjects = list(CHECK.subjects(top, LIMITS))
    requests = {r.key: r for s in subjects for r in CHECK.requests(top, s, LIMITS)}
    found = asyncio.run(collected(top, requests.values()))
    proof = type(evidence(top, []))(top, {o.request.key: o for o in found})
    facts = {o.facts["address"]: InsideFacts.model_validate(o.facts) for o in found if o.request.collector == INSIDE}
    by_version = {4 if "." in s.get("address") else 6: value(CHECK, s, proof, LIMITS) for s in subjects}
    return by_version, {4 if "." in a else 6: f for a, f in facts.items()}


def states(facts, *ways):
    return {way.state for way in facts.ways if way.way in ways}


@needs_root
def test_a_switch_that_does_not_isolate():
    with network("accept") as net:
        values, facts = audit(net)
    assert values == {4: Value.NON_CONFORME, 6: Value.NON_CONFORME}
    for found in facts.values():
        assert states(found, Way.ASKED_ALL, Way.ASKED_ONE, Way.DIRECT) == {ReachState.REPLY}
        assert found.loss.total == 0


@needs_root
def test_a_switch_that_isolates():
    with network("accept") as net:
        net.switch.run(ISOLATED)
        net.router.run(f"nft '{NOT_BACK}'")
        values, facts = audit(net)
    assert values == {4: Value.CONFORME, 6: Value.CONFORME}
    for found in facts.values():
        assert states(found, *Way) == SILENT
        assert all(way.frames_sent == way.frames_seen == 2 for way in found.ways)
        assert found.sender.holds


@needs_root
def test_a_router_that_undoes_the_isolation():
    """Local proxy ARP: the router gives its own MAC address for every neighbour, and sends everything back."""
    with network("accept") as net:
        net.switch.run(ISOLATED)
        net.router.run(sysctl(["net/ipv4/conf/r20/proxy_arp_pvlan"], 1), sysctl(["net/ipv4/neigh/r20/proxy_delay"], 0))
        values, facts = audit(net)
    assert values[4] is Value.NON_CONFORME
    asked = next(way for way in facts[4].ways if way.way is Way.ASKED_ALL)
    assert asked.answer_mac == facts[4].gateway_mac
    assert states(facts[4], Way.ROUTED) == {ReachState.REPLY, ReachState.SYN_ACK}
    assert states(facts[4], Way.DIRECT) == SILENT


@needs_root
def test_a_target_that_is_off_proves_nothing():
    with network("accept") as net:
        net.switch.run(ISOLATED)
        net.target.run("ip link set eth0 down")
        values, _ = audit(net)
    assert values == {4: Value.NON_VERIFIE, 6: Value.NON_VERIFIE}


@needs_root
def test_filtered_broadcasts_hide_nothing():
    """A switch that keeps back ARP and solicitations to all, yet forwards what is addressed to the device."""
    with network("accept") as net:
        net.switch.run(
            "nft 'add table bridge b; add chain bridge b f { type filter hook forward priority 0; };"
            " add rule bridge b f iifname s20 oifname xeth020 meta pkttype { broadcast, multicast } drop'"
        )
        values, facts = audit(net)
    assert values == {4: Value.NON_CONFORME, 6: Value.NON_CONFORME}
    for found in facts.values():
        assert states(found, Way.ASKED_ALL) == SILENT
        assert states(found, Way.ASKED_ONE) == {ReachState.REPLY}
