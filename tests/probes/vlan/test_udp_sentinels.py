"""UDP ports that nobody declares: of whom they are asked, and what a refusal and a silence mean there."""

import asyncio
import socket
import time
from contextlib import closing

import pytest
from pydantic import ValidationError

from probes.vlan.datagrams import EMPTY, UdpService, datagram
from probes.vlan.facts import Loss
from probes.vlan.matrix import UDP_SENTINELS
from probes.vlan.udp_sentinels import UdpSentinels, UdpSentinelsIsolated
from r2s_audit.model.finding import Value
from r2s_audit.model.site import ZoneKind
from tests.probes.vlan.network import TARGET, here, network
from tests.probes.vlan.support import evidence, facts, reaching, sender, subject, told, topology, value
from tests.probes.vlan.test_live import POINTS, SUPERVISOR, _collect, needs_root

CHECK = UdpSentinelsIsolated()
PORTS = UdpSentinels(control_window_s=60, ports=[9, 33434])
C, N, U = Value.CONFORME, Value.NON_CONFORME, Value.NON_VERIFIE


def keys(top, parameters=PORTS, point="P30"):
    return [s.key for s in CHECK.subjects(top, parameters) if s.point == point]


def host(name, last, role="controller", **more):
    return {"id": name, "role": role, "zone": "technique", "addresses": [f"10.0.20.{last}"]} | more


# --- who is asked ------------------------------------------------------------------------------------------------


def test_one_port_of_one_host_of_each_other_vlan():
    assert set(keys(topology())) == {
        "sw address=10.0.10.2 port=9@P30",
        "sup address=10.0.20.10 port=9@P30",
        "sup address=fd00:20::10 port=9@P30",
    }  # neither VLAN has a second host for the second port, and no host is asked for two


def test_each_port_is_asked_of_another_host_of_the_infrastructure():
    devices = [host("a", 11, "server"), host("b", 12), host("c", 13, "switch"), host("d", 14, "server")]
    assert keys(topology(devices=devices)) == ["a address=10.0.20.11 port=9@P30", "c address=10.0.20.13 port=33434@P30"]


def test_a_controller_is_asked_for_one_port_and_only_where_nobody_else_can_be():
    devices = [host("a", 11), host("b", 12), host("c", 13)]
    assert keys(topology(devices=devices)) == ["a address=10.0.20.11 port=9@P30"]


def test_a_declared_port_is_no_sentinel():
    discard = {"protocol": "discard", "port": 9, "transport": "udp"}
    devices = [host("a", 11, "server", services=[discard]), host("b", 12, "server")]
    assert keys(topology(devices=devices)) == ["b address=10.0.20.12 port=9@P30", "a address=10.0.20.11 port=33434@P30"]
    flows = [{"source": "logements", "destination": "b", "protocol": "udp", "ports": [9]}]
    assert keys(topology(devices=devices, flows=flows)) == ["a address=10.0.20.11 port=33434@P30"]


def test_a_device_in_two_vlans_is_asked_once():
    two = host("a", 11, "server") | {"addresses": ["10.0.20.11", "10.0.10.11"]}
    assert keys(topology(devices=[two])) == ["a address=10.0.10.11 port=9@P30"]


def test_printers_are_never_asked_and_ports_are_bounded():
    assert keys(topology(), UdpSentinels(control_window_s=60, ports=[9100])) == []
    with pytest.raises(ValidationError):
        UdpSentinels(control_window_s=60, ports=list(range(1, UDP_SENTINELS + 2)))


def test_towards_some_zones_only():
    towards = UdpSentinels(control_window_s=60, ports=[9], towards=[ZoneKind.ADMINISTRATION])
    assert keys(topology(), towards) == ["sw address=10.0.10.2 port=9@P30"]


def test_the_datagram_is_empty_and_no_declared_service_has_its_name():
    assert datagram(EMPTY, None, None, 9) == b""
    assert not UdpService(EMPTY.lower(), 9).answers


# --- what it means -----------------------------------------------------------------------------------------------


def asked(address="10.0.20.10"):
    """The subject from P30 and its requests: control, attempt, control, and the attempt of the other point."""
    top = topology()
    one = subject(CHECK, top, PORTS, f"sup address={address} port=9@P30")
    return top, one, reaching(CHECK.requests(top, one, PORTS))


def judged(tokens, address="10.0.20.10", others=None, **how):
    top, one, requests = asked(address)
    found = [
        (request, told(request, token, **(how if at == 1 else {})))
        for at, request, token in ((n, *pair) for n, pair in enumerate(zip(requests, tokens, strict=True)))
    ]
    if others is not None:
        found[3] = (requests[3], others)
    proof = evidence(top, found)
    answer = value(CHECK, one, proof, PORTS)
    return answer, str(CHECK.judge(one, proof, PORTS).measured) if answer is not U else ""


@pytest.mark.parametrize(
    ("attempt", "before", "after", "other", "expected", "said"),
    [
        ("silence", "closed", "closed", "silence", C, "silence à 2 trames"),
        ("silence", "target-error", "closed", "silence", C, "silence à 2 trames"),
        ("silence", "open", "open", "silence", C, "silence à 2 trames"),  # somebody listens whom nobody declares
        ("prohibited", "closed", "closed", "silence", C, "refusé par"),
        ("port-unreachable", "closed", "closed", "missing", C, "refusé par"),  # in the router's own name
        ("closed", "missing", "missing", "missing", N, "le chemin est ouvert"),
        ("open", "missing", "missing", "missing", N, "réponse en UDP"),
        ("closed-near", "closed", "closed", "silence", U, ""),  # a filter in the target's name looks the same
        ("silence", "silence", "silence", "silence", U, ""),  # a host that refuses nobody
        ("silence", "closed", "silence", "silence", U, ""),
        ("silence", "silence", "closed", "silence", U, ""),
        ("silence", "closed", "missing", "silence", U, ""),
        ("silence", "failed", "closed", "silence", U, ""),
        ("silence", "port-unreachable", "port-unreachable", "silence", U, ""),  # not the target's own word
        ("silence", "prohibited", "prohibited", "silence", U, ""),
        ("host-unreachable", "closed", "closed", "silence", U, ""),
        ("unresolved", "closed", "closed", "silence", U, ""),
        ("missing", "closed", "closed", "silence", U, ""),
        # The device may have spent on another point what it would have said to this one.
        ("silence", "closed", "closed", "closed", U, ""),
        ("silence", "closed", "closed", "missing", U, ""),
        ("silence", "closed", "closed", "failed", U, ""),
        ("silence", "closed", "closed", "open", C, "silence"),  # an answer is no refusal
        ("silence", "closed", "closed", "unresolved", C, "silence"),
    ],
)
@pytest.mark.parametrize("address", ["10.0.20.10", "fd00:20::10"])
def test_open_closed_and_filtered(address, attempt, before, after, other, expected, said):
    answer, measured = judged((before, attempt, after, other), address)
    assert answer is expected
    assert said in measured


def test_a_neighbour_that_refuses_is_in_the_same_vlan():
    assert judged(("closed", "closed-near", "closed", "silence"), answer_mac="02:00:00:00:20:10")[0] is N


@pytest.mark.parametrize(("at", "expected"), [(5, C), (9, U), (11, U), (40, C)])
def test_only_a_refusal_at_about_the_same_time_counts(at, expected):
    _, _, requests = asked()
    refused = facts(requests[3], "icmp_error", at=at - 2, answered_by="10.0.20.10", icmp_type=3, icmp_code=3)
    assert judged(("closed", "silence", "closed", "silence"), others=refused)[0] is expected


@pytest.mark.parametrize(
    "heard",
    [
        {"frames_sent": 1, "frames_seen": 1},  # the second was refused by the budget: a limit is not ruled out
        {"frames_seen": 1},
        {"loss": Loss(kernel=1, forwarding=0, interruptions=0)},
        {"control": sender(carrier_losses=1)},
        {"control": sender(resolved_after=False, echo_after=False)},
    ],
)
def test_a_refusal_that_may_have_been_missed_proves_nothing(heard):
    assert judged(("closed", "silence", "closed", "silence"), **heard)[0] is U


# --- over real frames --------------------------------------------------------------------------------------------


def live(top):
    """What P30's cells are worth by IP version, and every observation's facts."""
    asking = [s for s in CHECK.subjects(top, PORTS) if s.point == "P30"]
    requests = {r.key: r for s in asking for r in reaching(CHECK.requests(top, s, PORTS))}
    found = asyncio.run(_collect(top, list(requests.values()), {}, lambda wire: wire))
    proof = type(evidence(top, []))(top, {o.request.key: o for o in found})
    values = {6 if ":" in s.get("address") else 4: value(CHECK, s, proof, PORTS) for s in asking}
    return values, [o.facts for o in found]


TOP = topology(points=POINTS, devices=[SUPERVISOR], flows=[])


@needs_root
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("drop", {4: C, 6: C}),
        ("reject", {4: C, 6: C}),
        ("accept", {4: N, 6: N}),
        ("meta l4proto != udp drop", {4: N, 6: N}),
        ("udp dport != 9 drop", {4: N, 6: N}),
        ("meta nfproto ipv4 drop", {4: C, 6: N}),
    ],
)
def test_what_passes_is_found(policy, expected):
    with network(policy):
        values, found = live(TOP)
    assert values == expected
    for attempt in found:
        assert attempt["frames_sent"] == attempt["frames_seen"] == (2 if attempt["state"] == "silence" else 1)


@needs_root
@pytest.mark.parametrize("policy", ["drop", "accept"])
def test_a_host_that_refuses_nobody_proves_no_filter(policy):
    with network(policy) as net:
        net.target.run("nft add table inet t", "nft 'add chain inet t o { type filter hook output priority 0; }'")
        net.target.run(
            "nft add rule inet t o icmp type destination-unreachable drop",
            "nft add rule inet t o icmpv6 type destination-unreachable drop",
        )
        values, found = live(TOP)
    assert values == {4: U, 6: U}
    assert {attempt["state"] for attempt in found} == {"silence"}


@needs_root
def test_a_spent_limit_does_not_pass_for_a_filter(monkeypatch):
    """Linux refuses a peer once a second after a burst of six: the second datagram comes when there is room again."""
    monkeypatch.setattr("probes.vlan.window.ANSWER_SECONDS", 1.0)
    with network("accept") as net:
        net.target.run("echo 1000 > /proc/sys/net/ipv4/icmp_ratelimit; echo 1000 > /proc/sys/net/ipv6/icmp/ratelimit")
        here("route add 10.0.20.10/32 via 10.0.30.1 dev p30", "route add fd00:20::10/128 via fd00:30::1 dev p30")
        for version, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
            heard = spend(family, TARGET[version])
            assert 0 < heard < 20  # there is a limit
        values, found = live(TOP)
    assert values == {4: N, 6: N}
    assert {attempt["frames_sent"] for attempt in found if attempt["protocol"] == "udp"} <= {1, 2}


def spend(family, address):
    """Ask a closed port twenty times from the interface of P30; how often it was refused."""
    refused = 0
    with closing(socket.socket(family, socket.SOCK_DGRAM)) as asker:
        asker.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"p30")
        asker.bind(("10.0.30.50" if family == socket.AF_INET else "fd00:30::50", 0))
        asker.connect((address, 9))
        for _ in range(20):
            try:
                asker.send(b"")
                time.sleep(0.002)
            except ConnectionRefusedError:
                refused += 1
    return refused
