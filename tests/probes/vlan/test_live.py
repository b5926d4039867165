"""The family over real frames: a router that filters in several ways, and the three silences that prove nothing."""

import asyncio
import os
import socket
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from itertools import groupby

import pytest

from probes.api import NoParameters
from probes.vlan import collect, neighbours, window
from probes.vlan.checks import CHECKS, COLLECTORS
from probes.vlan.isolation import Directed
from probes.vlan.link import read_addresses, read_link
from probes.vlan.matrix import ATTEMPT, REACH, Cell
from probes.wire import build
from probes.wire.client import Wire
from probes.wire.frames import FrameKind, mac_bytes
from probes.wire.gate import FrameRefused
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import BlobRef, Observation
from tests.probes.vlan.network import POINT_MAC, network
from tests.probes.vlan.support import evidence, reaching, topology, value

CHECK = {check.id: check for check in CHECKS}
WINDOW = Directed(control_window_s=300)
ICMP, TCP = CHECK["vlan.icmp-isolated"], CHECK["vlan.tcp-isolated"]
POINTS = [{"id": f"P{v}", "socket": f"S{v}", "interface": f"p{v}"} for v in (20, 30)]
SUPERVISOR = {
    "id": "sup",
    "role": "supervisor",
    "zone": "technique",
    "addresses": ["10.0.20.10", "fd00:20::10"],
    "services": [{"protocol": "https", "port": 443}, {"protocol": "https", "port": 8443}],  # nothing listens on 8443
}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces and raw sockets")


@dataclass
class Gate:
    """Admits all but what ``refuses`` names; ``hook`` runs before each frame, while the window is open."""

    hook: object = None
    refuses: object = None
    paid: list = field(default_factory=list)

    def admit(self, interface, header):
        if self.refuses is not None and self.refuses(header):
            raise FrameRefused("hors périmètre")

    def pay_now(self, interface, header):
        return False  # one by one, through pay

    async def pay(self, interface, header):
        self.paid.append((interface, header))
        if self.hook is not None:
            self.hook(header)


@dataclass
class FakeAccess:
    topology: object
    point: object
    wire: object
    frame_gate: object

    @property
    def mac(self):
        return mac_bytes(read_link(self.point.interface).mac)

    def source(self, version):
        own = [a.address for a in read_addresses(self.point.interface)]
        return next((a for a in own if a.version == version and not a.is_link_local), None)

    def now(self):
        return datetime.now(UTC)

    def keep(self, data, kind, *, redacted=False):
        assert data
        return BlobRef(digest="sha256:" + "0" * 64, kind=kind, size=len(data), redacted=redacted)


class NarrowWire:
    """A wire whose captures have the smallest kernel buffer: what a flood does to a large one, sooner."""

    def __init__(self, wire):
        self.wire = wire

    def __getattr__(self, name):
        return getattr(self.wire, name)

    @asynccontextmanager
    async def capture(self, interface, *, bpf=None):
        async with self.wire.capture(interface, bpf=bpf, buffer_bytes=1) as capture:
            yield capture


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """Namespaces answer within a millisecond."""
    monkeypatch.setattr(window, "ANSWER_SECONDS", 0.15)
    monkeypatch.setattr(neighbours, "ANSWER_SECONDS", 0.15)


def subjects(top):
    return [(check, s) for check in (ICMP, TCP) for s in check.subjects(top, WINDOW) if s.target == "sup"]


def audit(top, gates=None, wrap=lambda wire: wire):
    """Run every request of the supervisor's cells, round by round, and return value by cell and the observations."""
    requests = {r.key: r for check, s in subjects(top) for r in reaching(check.requests(top, s, WINDOW))}
    found = asyncio.run(_collect(top, list(requests.values()), gates or {}, wrap))
    assert {o.request.key for o in found} == set(requests)
    proof = evidence(top, [])
    proof = type(proof)(top, {o.request.key: o for o in found})
    return {f"{check.id} {s.key}": value(check, s, proof, WINDOW) for check, s in subjects(top)}, found


async def _collect(top, requests, gates, wrap):
    found = []
    async with await Wire.launch(["p20", "p30"], max_rate=5000, max_frames=5000) as wire:
        order = lambda r: (r.order, r.point)  # noqa: E731 - the same key twice
        for (_, name), group in groupby(sorted(requests, key=order), key=order):
            access = FakeAccess(top, top.points[name], wrap(wire), gates.get(name, Gate()))
            async for request, outcome in collect.reach(access, list(group)):
                found.append(_observed(request, outcome))
    return found


def _observed(request, outcome):
    failed = outcome.failure
    return Observation(
        request=request,
        pass_id="p1",
        state="failed" if failed else "completed",
        facts=None if failed else outcome.facts.model_dump(mode="json"),
        failure=failed.failure if failed else None,
        reason=failed.reason if failed else None,
        started=outcome.started or datetime.now(UTC),
        ended=outcome.ended or datetime.now(UTC),
        collector_version="1",
        blobs=outcome.blobs,
    )


def declared():
    return topology(points=POINTS, devices=[SUPERVISOR], flows=[])


def attempts(found):
    return {o.request.key: o.facts for o in found if o.request.param("phase") == "attempt"}


def summary(values):
    """Values by check and port, the two IP versions together."""
    short = {"vlan.icmp-isolated": "icmp", "vlan.tcp-isolated": "tcp"}
    result = {}
    for key, one in values.items():
        name = short[key.split()[0]] + (" 8443" if "8443" in key else "")
        result.setdefault(name, set()).add(one)
    return result


C, N, U = {Value.CONFORME}, {Value.NON_CONFORME}, {Value.NON_VERIFIE}


@needs_root
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("drop", {"icmp": C, "tcp": C, "tcp 8443": C}),
        ("reject with icmpx type admin-prohibited", {"icmp": C, "tcp": C, "tcp 8443": C}),
        ("reject", {"icmp": C, "tcp": C, "tcp 8443": C}),
        # A RST of the router's own: proof where the service is open, ambiguous where the port is closed anyway.
        ("meta l4proto tcp reject with tcp reset", {"icmp": N, "tcp": C, "tcp 8443": U}),
        ("accept", {"icmp": N, "tcp": N, "tcp 8443": N}),
        ("meta nfproto ipv4 drop", {"icmp": C | N, "tcp": C | N, "tcp 8443": C | N}),
    ],
)
def test_router_policies(policy, expected):
    with network(policy):
        values, found = audit(declared())
    assert len(values) == 6
    assert summary(values) == expected
    if policy.startswith("meta nfproto"):  # IPv6 only leaks
        assert {key: one for key, one in values.items() if "fd00" in key}.keys() == {
            key for key, one in values.items() if one is Value.NON_CONFORME
        }
    for observation in found:
        assert observation.facts["loss"] == {"kernel": 0, "forwarding": 0, "interruptions": 0}
        if observation.facts["state"] != "silence":
            assert observation.blobs
            assert observation.facts["rtt_ms"] >= 0


@needs_root
def test_target_off_gives_no_conforme():
    with network("drop") as net:
        net.target_off()
        values, found = audit(declared())
    assert summary(values) == {"icmp": U, "tcp": U, "tcp 8443": U}
    controls = [o for o in found if o.request.param("phase") != "attempt"]
    assert {o.facts["state"] for o in controls} == {"arp_unresolved"}


@needs_root
def test_capture_flooded_gives_no_conforme():
    """Frames for the point, as many as one thread can, from its first attempt on: the controls before are whole."""
    with network("drop") as net:
        begun, over = threading.Event(), threading.Event()
        with net.router.inside():
            flood = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        flood.bind(("r30", 0))
        frame = build.udp(
            build.Link("02:00:00:00:30:99", POINT_MAC),
            ip_address("10.0.30.99"),
            ip_address("10.0.30.50"),
            source_port=9,
            destination_port=9,
            payload=bytes(1200),
        )

        def pour():
            begun.wait()
            while not over.is_set():
                for _ in range(64):
                    flood.send(frame)

        def begin(header):
            if str(header.destination_ip) in SUPERVISOR["addresses"]:
                begun.set()

        thread = threading.Thread(target=pour)
        thread.start()
        try:
            values, found = audit(declared(), {"P30": Gate(hook=begin)}, NarrowWire)
        finally:
            over.set()
            begun.set()
            thread.join()
            flood.close()
    assert Value.CONFORME not in values.values()
    first = [o for o in found if o.request.point == "P30" and o.request.param("address") == "10.0.20.10"]
    assert len(first) == 3
    for observation in first:  # the window in which the flood began: it was silent, and lost frames
        assert observation.facts["state"] == "silence"
        assert observation.facts["sender"]["resolved_before"]
        assert observation.facts["loss"]["kernel"] + observation.facts["loss"]["forwarding"] > 0


@needs_root
@pytest.mark.parametrize("again", [False, True])
def test_cable_out_gives_no_conforme(again):
    """The link is lost after the sender's first control; it comes back, or does not."""
    with network("drop") as net:
        pulled = []

        def pull(header):
            if str(header.destination_ip) in SUPERVISOR["addresses"]:
                version = header.destination_ip.version
                if version not in pulled:
                    pulled.append(version)
                    net.unplug_point()
                    if again:
                        net.plug_point()

        values, found = audit(declared(), {"P30": Gate(hook=pull)})
    assert pulled
    assert Value.CONFORME not in values.values()
    for facts in attempts(found).values():
        if facts is not None and facts["state"] == "silence":
            assert facts["sender"]["carrier_losses"] >= 1 or not facts["sender"]["resolved_after"]


@needs_root
def test_refused_by_the_gate_is_a_failure_not_a_silence():
    with network("drop"):
        refuses = lambda header: str(header.destination_ip) == "10.0.20.10"  # noqa: E731 - a predicate
        _, found = audit(declared(), {"P30": Gate(refuses=refuses)})
    refused = [o for o in found if o.request.point == "P30" and o.request.param("address") == "10.0.20.10"]
    assert refused
    assert {(o.state, o.failure.value) for o in refused} == {("failed", "out_of_scope")}


@needs_root
def test_frames_go_through_the_point_to_the_declared_next_hop_only():
    with network("accept"):
        gates = {"P20": Gate(), "P30": Gate()}
        audit(declared(), gates)
    for name, interface, allowed in (
        ("P20", "p20", {"10.0.20.1", "fd00:20::1", "10.0.20.10", "fd00:20::10"}),
        ("P30", "p30", {"10.0.30.1", "fd00:30::1", "10.0.20.10", "fd00:20::10"}),
    ):
        assert {i for i, _ in gates[name].paid} == {interface}
        asked = {str(h.arp.target_ip if h.arp else h.neighbour_target or h.destination_ip) for _, h in gates[name].paid}
        assert asked == allowed


@needs_root
def test_one_request_costs_no_more_than_the_catalogue_says():
    """A silent one, a mute gateway and a target to resolve included; of the other IP version, nothing is asked."""
    spec = next(spec for spec in COLLECTORS if spec.id == REACH)
    top = declared()
    with network("drop") as net:
        net.target_off()
        net.router.run("ip link set r20 down")
        for point, address in (("P30", "fd00:20::10"), ("P20", "10.0.20.10")):
            gate = Gate()
            (found,) = asyncio.run(
                _collect(
                    top,
                    [Cell(point, "sup", ip_address(address), "tcp", 443).ask(ATTEMPT)],
                    {point: gate},
                    lambda wire: wire,
                )
            )
            assert found.state == "completed"
            assert 4 <= len(gate.paid) <= spec.packets
            version = ip_address(address).version
            assert all((header.kind is FrameKind.IPV6) == (version == 6) for _, header in gate.paid)


def point_facts(top, name):
    async def ask():
        async with await Wire.launch(["p20", "p30"], max_rate=5000, max_frames=5000) as wire:
            access = FakeAccess(top, top.points[name], wire, Gate())
            check = CHECK["vlan.point-alive"]
            one = next(s for s in check.subjects(top, NoParameters()) if s.point == name)
            (request,) = check.requests(top, one, NoParameters())
            outcome = await collect.point(access, request)
            proof = evidence(top, [(request, outcome.facts)])
            return outcome.facts, value(check, one, proof, NoParameters())

    return asyncio.run(ask())


@needs_root
def test_point():
    top = declared()
    with network("drop") as net:
        facts, alive = point_facts(top, "P30")
        assert alive is Value.CONFORME
        assert (facts.carrier, facts.mac, facts.mtu, facts.speed_mbps, facts.duplex) == (
            True,
            POINT_MAC,
            1500,
            10000,
            "full",
        )
        assert {str(a.address) for a in facts.addresses} >= {"10.0.30.50", "fd00:30::50"}
        assert [(str(g.address), g.echo, bool(g.mac)) for g in facts.gateways] == [
            ("10.0.30.1", True, True),
            ("fd00:30::1", True, True),
        ]
        net.router.run("ip link set r30 down")
        facts, alive = point_facts(top, "P30")
        assert alive is Value.NON_CONFORME
        assert not any(g.mac or g.echo for g in facts.gateways)
        net.unplug_point()
        facts, alive = point_facts(top, "P30")
        assert (facts.up, facts.carrier, alive) == (True, False, Value.NON_CONFORME)
        assert not any(g.asked for g in facts.gateways)
