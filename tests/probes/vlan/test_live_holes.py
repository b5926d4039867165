"""UDP, source port 53 and leases over real frames: what a filter lets through is found, and only that."""

import asyncio
import socket
import threading
from contextlib import ExitStack, contextmanager

import pytest

from probes.vlan import leasing, neighbours, window
from probes.vlan.facts import LeaseFacts
from probes.vlan.holes import FromPort, NoReturnHole, UdpIsolated
from probes.vlan.isolation import Directed, TcpIsolated
from probes.wire import dhcp
from probes.wire.client import Wire
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import request
from tests.probes.vlan.network import TARGET, network
from tests.probes.vlan.support import evidence, reaching, topology, value
from tests.probes.vlan.test_live import POINTS, SUPERVISOR, FakeAccess, Gate, _collect, needs_root

CLOCK = {"protocol": "ntp", "port": 123, "transport": "udp"}
WINDOW, FROM = Directed(control_window_s=300), FromPort(control_window_s=300, source_port=53)
CHECKS = {"tcp": (TcpIsolated(), WINDOW), "udp": (UdpIsolated(), WINDOW), "hole": (NoReturnHole(), FROM)}
C, N, U = {Value.CONFORME}, {Value.NON_CONFORME}, {Value.NON_VERIFIE}


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """Namespaces answer within a millisecond."""
    for module, seconds in ((window, 0.15), (neighbours, 0.15)):
        monkeypatch.setattr(module, "ANSWER_SECONDS", seconds)
    monkeypatch.setattr(leasing, "LISTEN_SECONDS", 0.4)


@contextmanager
def clock(net):
    """A time server at both addresses of the target; answers whatever is asked."""
    with ExitStack() as stack:
        for version, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
            with net.target.inside():
                server = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            server.bind((TARGET[version], 123))
            server.settimeout(0.1)
            ended = threading.Event()
            thread = threading.Thread(target=_serve, args=(server, ended))
            thread.start()
            stack.callback(thread.join)
            stack.callback(ended.set)
        yield


def _serve(server, ended):
    while not ended.is_set():
        try:
            data, source = server.recvfrom(512)
        except TimeoutError:
            continue
        server.sendto(b"\x24" + data[1:], source)


def audited(top):
    """Findings of each check, the two IP versions together, and the observations."""
    asked = [
        (name, s)
        for name, (check, parameters) in CHECKS.items()
        for s in check.subjects(top, parameters)
        if s.point == "P30" and "8443" not in s.key
    ]
    requests = {}
    for name, one in asked:
        check, parameters = CHECKS[name]
        requests.update((r.key, r) for r in reaching(check.requests(top, one, parameters)))
    found = asyncio.run(_collect(top, list(requests.values()), {}, lambda wire: wire))
    proof = type(evidence(top, []))(top, {o.request.key: o for o in found})
    values = {}
    for name, one in asked:
        check, parameters = CHECKS[name]
        values.setdefault(name, set()).add(value(check, one, proof, parameters))
    return values, found


@needs_root
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("drop", {"tcp": C, "udp": C, "hole": C}),
        ("reject", {"tcp": C, "udp": C, "hole": C}),
        ("accept", {"tcp": N, "udp": N, "hole": U}),
        ("meta l4proto != udp drop", {"tcp": C, "udp": N, "hole": C | U}),
        ("th sport != 53 drop", {"tcp": C, "udp": C, "hole": N}),
        ("tcp sport != 53 drop", {"tcp": C, "udp": N, "hole": N | U}),
        ("meta nfproto ipv4 drop", {"tcp": C | N, "udp": C | N, "hole": C | U}),
    ],
)
def test_what_passes_is_found(policy, expected):
    top = topology(points=POINTS, devices=[SUPERVISOR | {"services": [*SUPERVISOR["services"], CLOCK]}], flows=[])
    with network(policy) as net, clock(net):
        values, found = audited(top)
    assert values == expected
    for observation in found:
        attempt = observation.facts
        assert attempt["frames_sent"] == attempt["frames_seen"]
        if attempt["protocol"] == "udp" or attempt["source_port"]:
            assert attempt["frames_sent"] == 1


@needs_root
def test_a_clock_that_is_off_proves_no_filter():
    top = topology(points=POINTS, devices=[SUPERVISOR | {"services": [*SUPERVISOR["services"], CLOCK]}], flows=[])
    with network("drop"):
        values, found = audited(top)
    assert values["udp"] == U
    controls = {o.facts["state"] for o in found if o.request.param("protocol") == "udp" and o.request.point == "P20"}
    assert controls == {"icmp_error"}


def offer(question, number):
    """An OFFER of some server to a DISCOVER, as a datagram's payload (RFC 2131 §4.3.1)."""
    head = bytearray(question)
    head[0] = 2
    head[16:20] = bytes((10, 0, 30, 100 + number))
    options = bytes((53, 1, 2, 54, 4, 10, 0, 30, number, 1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 30, number, 255))
    return bytes(head[:240]) + options


@needs_root
def test_every_offer_of_a_link_is_heard():
    """Two servers answer one DISCOVER: both are in the facts, and so is who spoke ARP."""
    with network("drop") as net, ExitStack() as stack:
        with net.router.inside():
            server = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"r30")
        server.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        server.bind(("", dhcp.SERVER_PORT))

        def serve():
            question, _ = server.recvfrom(1024)
            for number in (1, 66, 66):
                server.sendto(offer(question, number), ("255.255.255.255", dhcp.CLIENT_PORT))
            server.sendto(b"no message", ("255.255.255.255", dhcp.CLIENT_PORT))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        top, gate = topology(points=POINTS), Gate()

        async def scenario():
            async with await Wire.launch(["p30"], max_rate=100, max_frames=10) as wire:
                access = FakeAccess(top, top.points["P30"], wire, gate)
                return await leasing.lease(access, request("vlan.lease", "P30", "S30"))

        outcome = asyncio.run(scenario())
        thread.join(timeout=2)
    facts = LeaseFacts.model_validate(outcome.facts)
    assert {str(o.server) for o in facts.offers} == {"10.0.30.1", "10.0.30.66"}
    assert {(str(o.address), o.prefix_length, str(o.router)) for o in facts.offers} == {
        ("10.0.30.101", 24, "10.0.30.1"),
        ("10.0.30.166", 24, "10.0.30.66"),
    }
    assert (facts.frames_sent, facts.frames_seen, facts.unreadable, facts.loss.total) == (1, 1, 1, 0)
    assert len(gate.paid) == 1
