"""vlan.egress over real frames: a router straight to the end, or by a box that translates, keeps silent, or lies."""

import asyncio
import os
import socket
import threading
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address

import pytest

from probes.vlan import egressing, neighbours, window
from probes.vlan.checks import COLLECTORS
from probes.vlan.egress import LeavesAsDeclared
from probes.vlan.isolation import Window
from probes.vlan.matrix import EGRESS
from probes.wire import build
from probes.wire.client import Wire
from probes.wire.frames import checksum, mac_text
from r2s_audit.model.finding import Value
from tests.probes.vlan.network import POINT_MAC, Namespace, network, sysctl
from tests.probes.vlan.support import evidence, topology, value
from tests.probes.vlan.test_live import POINTS, FakeAccess, Gate, _observed

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces and raw sockets")
CHECK, WINDOW = LeavesAsDeclared(), Window(control_window_s=60)
END = {4: "203.0.113.1", 6: "2001:db8::1"}
BOX, NEXT = "10.0.20.10", {4: "10.0.20.20", 6: "fd00:20::20"}
C, N, U = Value.CONFORME, Value.NON_CONFORME, Value.NON_VERIFIE
WAY = {"kind": "dedicated", "endpoint": "end", "operator": ["203.0.113.0/24", "2001:db8::/64"]}


def declared(protocol="icmp", **way):
    """Dwellings that may go out, and VLAN 20 of nobody: it is the operator's side here."""
    base = topology().site.model_dump(mode="json")
    ports = {} if protocol == "icmp" else {"ports": [443 if protocol == "tcp" else 123]}
    services = [{"protocol": "https", "port": 443}, {"protocol": "ntp", "port": 123, "transport": "udp"}]
    return topology(
        zones=[*base["zones"], {"id": "ext", "kind": "wan"}],
        vlans=[vlan for vlan in base["vlans"] if vlan["id"] == 30],
        sockets=[socket for socket in base["sockets"] if socket["vlan"] == 30],
        points=[POINTS[1]],
        devices=[{"id": "end", "role": "other", "zone": "ext", "addresses": list(END.values()), "services": services}],
        flows=[{"source": "logements", "destination": "ext", "protocol": protocol, **ports}],
        egress=[WAY | way],
    )


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    for module in (window, neighbours):
        monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)


class Outside:
    """The end of the way behind VLAN 20, and the network's target as a box beside it."""

    def __init__(self, net, stack):
        self.net, self.end = net, Namespace(stack)
        net._plug(self.end, "wan0", 20, [f"{NEXT[4]}/24", f"{NEXT[6]}/64"])
        self.end.run(*(f"ip address add {address} dev lo" for address in END.values()))
        self.end.run("ip route add default via 10.0.20.1; ip -6 route add default via fd00:20::1")
        net.router.run(
            sysctl(["net/ipv4/conf/all/send_redirects", "net/ipv4/conf/r20/send_redirects"], 0),
            *(f"ip route replace {address} via {NEXT[version]}" for version, address in END.items()),
        )
        net.target.run(sysctl(["net/ipv4/conf/all/send_redirects", "net/ipv4/conf/eth0/send_redirects"], 0))

    def by_the_box(self):
        """IPv4 leaves by the box, which translates."""
        self.net.target.run(
            sysctl(["net/ipv4/ip_forward"], 1),
            f"ip route add {END[4]} via {NEXT[4]}",
            "nft add table ip box",
            "nft 'add chain ip box out { type nat hook postrouting priority srcnat; }'",
            f"nft add rule ip box out ip daddr {END[4]} masquerade",
        )
        self.net.router.run(f"ip route replace {END[4]} via {BOX}")

    def serve(self, stack, protocol):
        """A TCP service that accepts, or a UDP one that gives every datagram back; nothing for an echo."""
        for version in (4, 6) if protocol != "icmp" else ():
            kind, port = (socket.SOCK_STREAM, 443) if protocol == "tcp" else (socket.SOCK_DGRAM, 123)
            with self.end.inside():
                server = stack.enter_context(socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, kind))
            server.bind((END[version], port))
            if protocol == "tcp":
                server.listen(8)
            else:
                _echoing(server, stack)


def _echoing(server, stack):
    server.settimeout(0.1)
    over = threading.Event()

    def echo():
        while not over.is_set():
            try:
                server.sendto(*server.recvfrom(512))
            except TimeoutError:
                continue

    thread = threading.Thread(target=echo)
    thread.start()
    stack.callback(thread.join)
    stack.callback(over.set)


@contextmanager
def outside():
    with network("accept") as net, ExitStack() as stack:
        yield Outside(net, stack), stack


def follow(top, gate=None):
    """Value and facts by IP version, from one call of the collector, and what it sent."""
    gate = gate or Gate()
    subjects = {ip_address(s.get("address")).version: s for s in CHECK.subjects(top, WINDOW)}
    requests = {version: CHECK.requests(top, subject, WINDOW)[0] for version, subject in subjects.items()}

    async def collected():
        async with await Wire.launch(["p30"], max_rate=5000, max_frames=500) as wire:
            access = FakeAccess(top, top.points["P30"], wire, gate)
            return [_observed(*each) async for each in egressing.egress(access, list(requests.values()))]

    found = {o.request.key: o for o in asyncio.run(collected())}
    assert found.keys() == {request.key for request in requests.values()}
    proof = type(evidence(top, []))(top, found)
    values = {version: value(CHECK, subject, proof, WINDOW) for version, subject in subjects.items()}
    return values, {version: found[request.key].facts for version, request in requests.items()}, gate


def _to_the_end(gate):
    return [header for _, header in gate.paid if str(header.destination_ip) in END.values()]


def ways(facts):
    return [hop["address"] for hop in facts["hops"]]


@pytest.mark.parametrize("protocol", ["icmp", "tcp", "udp"])
def test_straight_to_the_operator_and_by_a_box(protocol):
    top = declared(protocol)
    with outside() as (there, stack):
        there.serve(stack, protocol)
        values, facts, gate = follow(top)
        assert values == {4: C, 6: C}
        assert {version: ways(facts[version]) for version in (4, 6)} == {
            4: ["10.0.30.1", END[4]],
            6: ["fd00:30::1", END[6]],
        }
        assert all(facts[version]["end"]["address"] == END[version] for version in (4, 6))
        # To the declared end and the declared gateway, and to nobody who answered.
        asked = {str(h.arp.target_ip if h.arp else h.neighbour_target or h.destination_ip) for _, h in gate.paid}
        assert asked == {"10.0.30.1", "fd00:30::1", *END.values()}
        if protocol == "udp":  # an error quotes the port alone: one of them with two limits would tell nothing apart
            limits = {(h.source_port, h.hop_limit) for h in _to_the_end(gate)}
            assert len({port for port, _ in limits}) == len(limits) == 2 * 3
        there.by_the_box()
        values, facts, gate = follow(top)
        assert values == {4: N, 6: C}
        assert ways(facts[4]) == ["10.0.30.1", BOX, END[4], END[4]]
        assert {
            str(h.arp.target_ip if h.arp else h.neighbour_target or h.destination_ip) for _, h in gate.paid
        } == asked


def test_a_declared_router_on_the_way_is_none_of_a_stranger_and_may_not_be_missing():
    top = declared(hops=[{"addresses": [BOX]}])
    with outside() as (there, _):
        assert follow(top)[0] == {4: N, 6: C}  # passed by
        there.by_the_box()
        assert follow(top)[0] == {4: C, 6: C}
        assert follow(declared(operator=["10.0.20.0/24", "2001:db8::/64"]))[0] == {4: C, 6: C}


def test_a_box_that_keeps_silent_is_no_proof_of_anything():
    top = declared()
    with outside() as (there, _):
        there.by_the_box()
        there.net.target.run(
            "nft 'add chain ip box say { type filter hook output priority 0; }'",
            "nft add rule ip box say icmp type time-exceeded drop",
        )
        values, facts, _ = follow(top)
        assert values == {4: U, 6: C}
        assert ways(facts[4])[:3] == ["10.0.30.1", None, END[4]]


@pytest.mark.parametrize("version", [4, 6])
def test_an_end_that_is_off_is_no_proof_of_anything(version):
    with outside() as (there, _):
        there.end.run(f"ip address del {END[version]} dev lo")
        values, facts, gate = follow(declared())
    assert values == {version: U, 10 - version: C}
    assert facts[version]["end"]["state"] != "reply"
    # Where nobody answers any more, nobody is asked any further.
    assert {h.hop_limit for h in _to_the_end(gate) if h.destination_ip.version == version} == {1, 2, 3, 4, 64}
    spec = next(spec for spec in COLLECTORS if spec.id == EGRESS)
    assert len(gate.paid) <= 2 * spec.packets


@pytest.mark.parametrize(("quoted", "expected", "foreign"), [(END[4], C, False), ("203.0.113.77", U, True)])
def test_an_answer_counts_where_it_quotes_the_very_question(quoted, expected, foreign):
    """The router does not say where hops run out; somebody on it does, of our question or of one that he rewrote."""
    top = declared()
    with outside() as (there, stack):
        router = there.net.router
        router.run(
            "nft add table ip mute",
            "nft 'add chain ip mute say { type filter hook output priority 0; }'",
            "nft add rule ip mute say icmp type time-exceeded drop",
        )
        with router.inside():
            speaker = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)))
        speaker.bind(("r30", 0x0800))
        speaker.settimeout(0.1)
        over = threading.Event()
        thread = threading.Thread(target=_say, args=(speaker, over, quoted))
        thread.start()
        stack.callback(thread.join)
        stack.callback(over.set)
        values, facts, _ = follow(top)
    assert values == {4: expected, 6: C}
    assert ways(facts[4])[0] == (None if foreign else "10.0.30.1")
    assert bool(facts[4]["foreign"]) is foreign


def _say(speaker, over, quoted):
    """A time exceeded by the gateway for every packet to the end with one hop to live."""
    while not over.is_set():
        try:
            frame = speaker.recv(2048)
        except TimeoutError:
            continue
        if frame[22] != 1 or frame[30:34] != ip_address(END[4]).packed or frame[23] != 1:
            continue
        inner = frame[14:30] + ip_address(quoted).packed + frame[34:42]
        message = bytes((11, 0, 0, 0, 0, 0, 0, 0)) + inner
        message = message[:2] + checksum(message).to_bytes(2) + message[4:]
        link = build.Link(mac_text(frame[:6]), POINT_MAC)
        speaker.send(build.packet(link, ip_address("10.0.30.1"), ip_address("10.0.30.50"), 1, message))


@pytest.mark.parametrize("refused", [END[4], "10.0.30.1"])
def test_refused_by_the_gate_is_a_failure_not_a_silence(refused):
    with outside():
        refuses = lambda header: refused in {str(header.destination_ip), str(header.arp and header.arp.target_ip)}  # noqa: E731 - a predicate
        values, facts, _ = follow(declared(), Gate(refuses=refuses))
    assert values == {4: U, 6: C}
    assert facts[4] is None


def test_without_a_gateway_nothing_is_sent_to_the_end():
    with outside() as (there, _):
        there.net.router.run("ip link set r30 down")
        values, facts, gate = follow(declared())
    assert values == {4: U, 6: U}
    assert facts[4]["next_hop_mac"] is None
    assert _to_the_end(gate) == []
