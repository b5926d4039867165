"""The family over real frames: radvd and scripted routers, and the silences that prove nothing."""

import asyncio
import json
import os
import threading
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path

import pytest

from probes.api import CollectFailure, Outcome
from probes.ipv6 import collect
from probes.ipv6.checks import CHECKS, COLLECTORS
from probes.ipv6.declared import LISTEN_SECONDS
from probes.ipv6.kernel import read_addresses, read_link
from probes.ipv6.routers import Announced
from probes.wire.client import Wire
from probes.wire.frames import mac_bytes
from r2s_audit.engine.budget import Budget
from r2s_audit.engine.scope import PointGate, Scope
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import BlobRef, Observation
from tests.probes.ipv6 import frames as f
from tests.probes.ipv6.network import DEVICE_MAC, Script, link
from tests.probes.ipv6.support import PARAMETERS, evidence, topology, value

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces and raw sockets")
CHECK = {check.id: check for check in CHECKS}
C, N, U = Value.CONFORME, Value.NON_CONFORME, Value.NON_VERIFIE
OTHERS = [name for name in PARAMETERS if name != "ipv6.dhcp-declared"]  # that one: test_live_dhcp.py
ROUTERS = ("ipv6.ra-present", "ipv6.ra-declared", "ipv6.rdnss-or-dhcp", "ipv6.in-use")


@dataclass
class Gate:
    """The real gate of the point, which remembers what it let through; ``hook`` runs before each frame."""

    real: PointGate
    hook: object = None
    paid: list = field(default_factory=list)

    def admit(self, interface, header):
        self.real.admit(interface, header)

    def pay_now(self, interface, header):
        return False  # one by one, through pay

    async def pay(self, interface, header):
        await self.real.pay(interface, header)
        self.paid.append(header)
        if self.hook is not None:
            self.hook(header)


@dataclass
class FakeAccess:
    topology: object
    wire: object
    frame_gate: object

    @property
    def point(self):
        return self.topology.points["P30"]

    @property
    def mac(self):
        return mac_bytes(read_link("p30").mac)

    def source(self, version):
        return ip_address("10.0.30.50") if version == 4 else None

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
    async def capture(self, interface, **how):
        async with self.wire.capture(interface, **how | {"buffer_bytes": 1}) as capture:
            yield capture


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """Namespaces answer within a millisecond: four seconds are 0.4 here."""
    monkeypatch.setattr(collect, "LISTEN_SECONDS", 0.5)
    monkeypatch.setattr(collect, "ECHO_SECONDS", 0.3)
    monkeypatch.setattr(collect, "FORM_SECONDS", 0.4)


def audit(names, top=None, *, hook=None, wrap=lambda wire: wire):
    """Every request of these checks, in their rounds; values by check and target, facts by request key, the gate."""
    top = top or topology()
    gate = Gate(PointGate(Scope(top), Budget(top.site.scope, clock=time.monotonic), top.points["P30"]), hook)
    asked = {}
    for name in names:
        for subject in CHECK[name].subjects(top, PARAMETERS[name]):
            if subject.point == "P30":
                asked |= {r.key: r for r in CHECK[name].requests(top, subject, PARAMETERS[name])}
    found = asyncio.run(_collect(top, sorted(asked.values(), key=lambda r: r.order), gate, wrap))
    proof = evidence(top, [])
    proof = type(proof)(top, {o.request.key: o for o in found})
    values = {
        f"{name} {s.target}" if name == "ipv6.neighbours-answer" else name: value(
            CHECK[name], s, proof, PARAMETERS[name]
        )
        for name in names
        for s in CHECK[name].subjects(top, PARAMETERS[name])
        if s.point == "P30"
    }
    return values, {o.request.collector: o for o in found}, gate


async def _collect(top, requests, gate, wrap):
    specs = {spec.id: spec for spec in COLLECTORS}
    found = []
    async with await Wire.launch(["p30"], max_rate=5000, max_frames=5000) as wire:
        access = FakeAccess(top, wrap(wire), gate)
        batch = []
        for request in requests:
            spec = specs[request.collector]
            module, _, name = spec.function.partition(":")
            function = getattr(import_module(module), name)
            if spec.batch:
                batch.append(request)
                continue
            try:
                outcome = await function(access, request)
            except CollectFailure as failure:
                outcome = Outcome(failure=failure)
            found.append(_observed(request, outcome))
        if batch:
            try:
                found += [_observed(r, o) async for r, o in collect.neighbour(access, batch)]
            except CollectFailure as failure:
                found += [_observed(r, Outcome(failure=failure)) for r in batch]
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
        started=datetime.now(UTC),
        ended=datetime.now(UTC),
        collector_version="1",
        blobs=outcome.blobs,
        packets_sent=outcome.packets_sent,
    )


def heard(found):
    return found["ipv6.router"].facts["advertisements"]


def test_radvd(tmp_path, monkeypatch):
    """With the times of the real world: radvd may keep its answer for 3.5 s."""
    monkeypatch.setattr(collect, "LISTEN_SECONDS", LISTEN_SECONDS)
    monkeypatch.setitem(PARAMETERS, "ipv6.ra-present", Announced(ra_seconds=4, prefix_length=64))
    options = (
        "prefix fd00:30::/64 { AdvValidLifetime 86400; AdvPreferredLifetime 14400; };"
        " RDNSS fd00:30::1 { AdvRDNSSLifetime 1200; }; DNSSL residence.test { }; AdvLinkMTU 1500; AdvDefaultLifetime 1800;"
    )
    with link() as net:
        net.radvd(tmp_path, options)
        values, found, gate = audit([*OTHERS])
        assert values == {
            "ipv6.ra-present": C,
            "ipv6.ra-declared": C,
            "ipv6.address-formed": C,
            "ipv6.rdnss-or-dhcp": C,
            "ipv6.neighbours-answer sup": C,
            "ipv6.gateway-echo": C,
            "ipv6.in-use": C,
        }
        (first, *_) = [a for a in heard(found) if a["content"]["lifetime_s"]]
        content = first["content"]
        assert (first["source"], first["mac"], first["hop_limit"], first["problems"]) == (
            f.ROUTER,
            f.ROUTER_MAC,
            255,
            [],
        )
        assert (content["managed"], content["other"], content["mtu"], content["lifetime_s"]) == (
            False,
            False,
            1500,
            1800,
        )
        assert content["source_mac"] == f.ROUTER_MAC
        assert content["prefixes"] == [
            {"prefix": "fd00:30::/64", "on_link": True, "autonomous": True, "valid_s": 86400, "preferred_s": 14400}
        ]
        assert content["resolvers"] == [{"lifetime_s": 1200, "servers": ["fd00:30::1"]}]
        assert content["search_lists"][0]["names"] == ["residence.test"]
        assert found["ipv6.router"].blobs
        formed = [a for a in read_addresses("p30") if not a.address.is_link_local]
        assert [str(a.address)[:8] for a in formed] == ["fd00:30:"]
        unicast = found["ipv6.neighbour"].facts["unicast"]["answers"]
        assert [(a["mac"], a["solicited"], a["router"]) for a in unicast] == [(DEVICE_MAC, True, False)]
        assert only_questions(gate)
        for observation in found.values():
            spec = next(s for s in COLLECTORS if s.id == observation.request.collector)
            assert observation.packets_sent <= spec.packets


def only_questions(gate):
    """Solicitations, echo requests and ARP requests: never an advertisement, a query or a redirect."""
    return {(h.kind.value, h.icmp_type) for h in gate.paid} <= {
        ("arp", None),
        ("ipv6", 133),
        ("ipv6", 135),
        ("ipv6", 128),
    } and all(h.arp is None or h.arp.operation == 1 for h in gate.paid)


ADVERTISED = f.ra(f.pio(), f.rdnss("fd00:30::1"), f.sllao())


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([ADVERTISED], "CCCC"),
        ([ADVERTISED] * 3, "CCCC"),
        ([f.behind_options(ADVERTISED)], "CCCC"),
        ([f.ra(f.pio(), lifetime=0)], "NCNC"),
        ([f.ra(f.pio(flags=0x80))], "NCNC"),  # on link only: nobody forms an address
        ([f.ra(f.pio(length=56))], "NNNC"),  # wider than what is declared
        ([f.ra(f.pio("2001:db8::"))], "CNNC"),  # another prefix than declared
        ([f.ra(f.pio(), hops=64)], "NCNC"),  # from beyond the link: hosts do not believe it
        ([f.ra(f.pio(), source="fd00:30::1")], "NCNC"),
        ([f.ra(f.pio(), right=False)], "NCNC"),
        ([f.fragmented(f.ra(f.pio()))], "NCNC"),
        ([f.ra(b"\x03\x00" + bytes(30))], "NCNC"),  # an option that loops
        ([f.ra(f.pio(), b"\x19\x40" + bytes(30))], "NCNC"),  # one that passes the end
        ([f.ra(b"\xfd\x01" + bytes(6), *[b"\xfd\x01" + bytes(6)] * 170)], "NCNC"),  # too many
        ([f.rogue(f.pio("2001:db8:66::"))], "NNNC"),
        ([f.rogue(f.pio(), f.rdnss("fd00:30::66"))], "NNNC"),  # the declared prefix, by somebody else
        ([ADVERTISED, f.rogue(f.pio(), lifetime=0)], "CNCC"),
        ([f.behind_options(f.rogue(f.pio(), lifetime=0))], "NNNC"),
        ([f.rogue(f.pio(), hops=64)], "NCNC"),  # an intruder whom nobody believes
        ([f.ra(f.pio(), flags=0x40)], "CCCC"),  # DHCPv6 for DNS
    ],
)
def test_scripted_routers(frames, expected):
    """Values of ra-present, ra-declared, rdnss-or-dhcp and in-use (the gateway's own answers are a use of IPv6)."""
    with link() as net, Script(net.speaker(net.stranger, "eth0"), frames):
        values, found, gate = audit(ROUTERS)
    assert "".join({C: "C", N: "N", U: "U"}[values[name]] for name in ROUTERS) == expected
    assert heard(found), json.dumps(found["ipv6.router"].facts)
    assert found["ipv6.router"].facts["hearing"]["loss"] == {"kernel": 0, "forwarding": 0, "interruptions": 0}
    assert only_questions(gate)


def test_a_late_advertisement_is_heard_as_late(monkeypatch):
    monkeypatch.setattr(collect, "LISTEN_SECONDS", 2.0)
    with link() as net, Script(net.speaker(net.router, "r30"), [ADVERTISED], delay=0.6):
        values, found, _ = audit(ROUTERS)
    assert values == {
        "ipv6.ra-present": N,
        "ipv6.ra-declared": C,
        "ipv6.rdnss-or-dhcp": C,
        "ipv6.in-use": C,
    }
    assert [a["after_ms"] > 590 for a in heard(found)] == [True]


def test_many_different_advertisements_are_bounded_and_settle_no_absence():
    many = [f.icmp6(f.body(f.pio(), lifetime=0, hop_limit=n)) for n in range(200)]
    with link() as net, Script(net.speaker(net.router, "r30"), many):
        values, found, _ = audit(ROUTERS)
    facts = found["ipv6.router"].facts
    assert (len(facts["advertisements"]), facts["unkept"]) == (collect.MAX_ADVERTISEMENTS, 136)
    assert values["ipv6.ra-present"] is U
    assert values["ipv6.ra-declared"] is U


def test_silence_of_a_living_router_is_the_buildings():
    with link():
        values, found, _ = audit([*ROUTERS, "ipv6.address-formed"])
    assert values == {
        "ipv6.ra-present": N,
        "ipv6.ra-declared": C,
        "ipv6.rdnss-or-dhcp": N,
        "ipv6.in-use": C,  # the gateway has an address
        "ipv6.address-formed": N,
    }
    assert not heard(found)


def test_a_building_without_ipv6():
    """The router's IPv4 answers, so that its silence in IPv6 is no silence of the cable."""
    with link(six=False):
        values, _, _ = audit([*OTHERS])
    assert values == {
        "ipv6.ra-present": N,
        "ipv6.ra-declared": C,
        "ipv6.address-formed": N,
        "ipv6.rdnss-or-dhcp": N,
        "ipv6.neighbours-answer sup": N,
        "ipv6.gateway-echo": N,
        "ipv6.in-use": N,
    }


def test_target_off_proves_nothing():
    with link() as net:
        net.router.run("ip link set r30 down")
        net.device.run("ip link set eth0 down")
        values, _, _ = audit([*OTHERS])
    assert set(values.values()) == {U}


@pytest.mark.parametrize("again", [False, True])
def test_cable_out_proves_nothing(again):
    """The link is lost when the solicitation has left; it comes back, or does not."""
    with link() as net:
        pulled = []

        def pull(header):
            if header.icmp_type == 133 and not pulled:
                pulled.append(True)
                net.unplug_point()
                if again:
                    net.plug_point()

        values, found, _ = audit(ROUTERS, hook=pull)
    assert pulled
    assert set(values.values()) <= {U, C}
    assert {values[n] for n in ROUTERS[:3]} == {U}
    facts = found["ipv6.router"].facts
    assert facts is None or facts["hearing"]["carrier_losses"]


def test_no_cable_is_a_failure_of_the_attempt():
    with link() as net:
        net.unplug_point()
        values, found, _ = audit([*OTHERS][:3])
    assert set(values.values()) == {U}
    assert found["ipv6.router"].failure.value == "unreachable"


def test_a_flooded_capture_proves_nothing():
    """IPv6 frames to all nodes, as many as one thread can, from the solicitation on."""
    with link() as net:
        raw = net.speaker(net.stranger, "eth0")
        begun, over = threading.Event(), threading.Event()
        frame = f.icmp6(b"\x82\x00\x00\x00" + bytes(1200), source=f.ROUGE, link=(f.ROUGE_MAC, f.ALL_NODES_MAC))

        def pour():
            begun.wait()
            while not over.is_set():
                for _ in range(64):
                    raw.send(frame)

        thread = threading.Thread(target=pour)
        thread.start()
        try:
            values, found, _ = audit(
                ROUTERS, hook=lambda h: begun.set() if h.icmp_type == 133 else None, wrap=NarrowWire
            )
        finally:
            over.set()
            begun.set()
            thread.join()
    loss = found["ipv6.router"].facts["hearing"]["loss"]
    assert loss["kernel"] + loss["forwarding"] > 0
    assert {values[n] for n in ROUTERS[:3]} == {U}


def test_no_ipv6_on_the_laptop_is_not_the_buildings_fault():
    with link():
        Path("/proc/sys/net/ipv6/conf/p30/disable_ipv6").write_text("1")
        values, found, _ = audit([*OTHERS])
    assert set(values.values()) == {U}
    assert "lien local" in str(found["ipv6.router"].reason)


def test_a_mute_device_whose_ipv4_lives():
    with link() as net:
        net.device.run("ip addr del fd00:30::101/64 dev eth0")
        values, found, _ = audit(["ipv6.neighbours-answer"])
        assert values == {"ipv6.neighbours-answer sup": N}
        assert found["ipv6.neighbour"].facts["multicast"]["frames_seen"] == 2
        net.device.run("ip addr del 10.0.30.101/24 dev eth0")
        values, _, _ = audit(["ipv6.neighbours-answer"])
        assert values == {"ipv6.neighbours-answer sup": U}


def test_two_who_claim_one_address():
    with link() as net:
        net.stranger.run(
            "echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6", "ip addr add fd00:30::101/64 dev eth0 nodad"
        )
        values, found, _ = audit(["ipv6.neighbours-answer"])
    assert values == {"ipv6.neighbours-answer sup": N}
    assert {a["mac"] for a in found["ipv6.neighbour"].facts["multicast"]["answers"]} == {DEVICE_MAC, f.ROUGE_MAC}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("icmpv6 type echo-request drop", N), ("icmpv6 type echo-request limit rate over 5/second drop", N)],
)
def test_lost_echoes(rule, expected):
    with link() as net:
        net.router.run(
            "nft -f -", text=f"table inet t {{ chain i {{ type filter hook input priority 0; {rule}; }}; }}\n"
        )
        values, found, _ = audit(["ipv6.gateway-echo"])
    facts = found["ipv6.echo"].facts
    assert facts["left"] == facts["wanted"] > facts["replies"]
    assert values == {"ipv6.gateway-echo": expected}


def test_an_address_already_taken(monkeypatch):
    """Somebody has it, and says so when the kernel tests it: nothing forms although the kernel would."""
    monkeypatch.setattr(collect, "FORM_SECONDS", 5.0)
    with link(dad=True) as net:
        net.stranger.run("echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6")
        time_out = time.monotonic() + 4
        while time.monotonic() < time_out and not any(a.usable for a in read_addresses("p30")):
            time.sleep(0.02)
        taken = next(str(a.address) for a in read_addresses("p30")).replace("fe80::", "fd00:30::")
        net.stranger.run(f"ip addr add {taken}/64 dev eth0 nodad")
        with Script(net.speaker(net.router, "r30"), [ADVERTISED]):
            values, found, _ = audit(["ipv6.address-formed"])
    assert values == {"ipv6.address-formed": N}, [o.model_dump_json() for o in found.values()]


def test_what_the_gate_refuses_is_out_of_scope():
    top = topology(scope={"networks": ["10.0.0.0/8"]})
    with link():
        values, found, _ = audit(["ipv6.neighbours-answer", "ipv6.gateway-echo"], top)
    assert set(values.values()) == {U}
    assert {o.failure.value for o in found.values()} == {"out_of_scope"}
