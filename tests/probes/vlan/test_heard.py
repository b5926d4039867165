"""Listening at a socket: what each window means, and what a real interface delivers."""

import asyncio
import os
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.vlan.facts import Loss
from probes.vlan.heard import _Window, heard, tag_control
from probes.vlan.heard_check import ControlParameters, ControlProtocols, ForeignFrames, ForeignParameters
from probes.vlan.heard_facts import BpduSighting, HeardFacts, Sender, Sighting, Tagged
from probes.vlan.heard_requests import ask_controls, ask_heard, mates
from probes.vlan.l2 import Kind
from probes.wire.capture import CapturedFrame, Direction
from probes.wire.client import Wire
from probes.wire.gate import FrameRefused
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure
from tests.probes.vlan.network import own_namespace
from tests.probes.vlan.support import NOON, QUIET, evidence, site, topology, value
from tests.probes.vlan.test_l2 import FRAMES, SOURCE
from tests.probes.vlan.test_live import FakeAccess

CONTROL, FOREIGN = ControlProtocols(), ForeignFrames()
LISTEN = {"dtp": 32, "vtp": 302, "mvrp": 16, "gvrp": 16, "bpdu": 7}
CONTROL_LIMITS = ControlParameters(least_s=1, most_s=3, listen_s=LISTEN)
FOREIGN_LIMITS = ForeignParameters(least_s=1, most_s=3, listen_s=8, foreign_address="P")
SWITCH, PORT, STRANGER, HOST = "02:00:00:00:01:00", "02:00:00:00:01:08", "06:00:00:00:00:01", "02:00:00:00:09:01"


def _declared():
    found = site()
    devices = [device.model_copy(update={"mac": {"sw": SWITCH, "gw": HOST}.get(device.id)}) for device in found.devices]
    points = [*found.points, found.points[2].model_copy(update={"id": "P31", "interface": "p31"})]
    return topology(
        devices=[device.model_dump(mode="json", exclude_none=True) for device in devices],
        points=[point.model_dump(mode="json", exclude_none=True) for point in points],
    )


TOPOLOGY = _declared()
ASKED = ask_heard(TOPOLOGY, "P30", 1, 3)
LLDP = Sighting(kind=Kind.LLDP, source=PORT, destination="01:80:c2:00:00:0e", count=4, first_s=1.0)


def sighting(kind: Kind, source: str = STRANGER) -> Sighting:
    return Sighting(kind=kind, source=source, destination="01:00:0c:cc:cc:cc", count=1, first_s=1.0)


def tag(*vids: int) -> Tagged:
    return Tagged(vids=vids, source=STRANGER, kind=Kind.TYPE, count=1, first_s=1.0)


def bpdu(source: str = PORT, bridge: str | None = SWITCH, root: str | None = SWITCH) -> BpduSighting:
    return BpduSighting(
        kind=Kind.RSTP,
        source=source,
        version=2,
        type=2,
        root_priority=32768 if root else None,
        root_mac=root,
        bridge_priority=32768 if bridge else None,
        bridge_mac=bridge,
        count=3,
        first_s=1.0,
    )


def facts(seconds: float = 400.0, **changes) -> HeardFacts:
    base = {
        "window_start": NOON,
        "window_end": NOON + timedelta(seconds=seconds),
        "seconds": seconds,
        "frames": 100,
        "control": (LLDP,),
        "bpdus": (),
        "tagged": (tag(30),),
        "senders": (),
        "unlisted_bpdus": 0,
        "unlisted_senders": 0,
        "unlisted": 0,
        "unreadable": 0,
        "loss": QUIET,
        "carrier_losses": 0,
    }
    return HeardFacts(**(base | changes))


LOST = {"loss": Loss(kernel=1, forwarding=0, interruptions=0)}
INTERRUPTED = {"loss": Loss(kernel=0, forwarding=0, interruptions=1)}
C, P, N, NV = Value.CONFORME, Value.PARTIEL, Value.NON_CONFORME, Value.NON_VERIFIE


@pytest.mark.parametrize(
    ("protocol", "found", "expected"),
    [
        *((protocol, facts(), C) for protocol in LISTEN),
        *((protocol, facts(LISTEN[protocol] - 0.1), NV) for protocol in LISTEN),
        *((protocol, facts(LISTEN[protocol] + 0.1), C) for protocol in LISTEN),
        *((protocol, facts(**LOST), NV) for protocol in LISTEN),
        *((protocol, facts(**INTERRUPTED), NV) for protocol in LISTEN),
        *((protocol, facts(carrier_losses=1), NV) for protocol in LISTEN),
        *((protocol, facts(control=()), NV) for protocol in LISTEN),
        *((protocol, facts(control=(sighting(Kind.CDP),)), NV) for protocol in LISTEN),
        *((kind, facts(control=(LLDP, sighting(Kind(kind)))), N) for kind in ("dtp", "vtp", "mvrp", "gvrp")),
        ("dtp", facts(2.0, control=(sighting(Kind.DTP),), carrier_losses=1, **LOST), N),
        ("dtp", facts(control=(LLDP, sighting(Kind.VTP))), C),
        *((protocol, Failure.MISSING_PRIVILEGE, NV) for protocol in LISTEN),
        *((protocol, None, NV) for protocol in LISTEN),
        # A switch that says what it is, by its base address or by its port's.
        ("bpdu", facts(control=(sighting(Kind.RSTP, PORT),), bpdus=(bpdu(),)), C),
        ("bpdu", facts(control=(), bpdus=(bpdu(bridge=STRANGER),)), NV),  # nothing of the link was listed
        ("bpdu", facts(bpdus=(bpdu(source=STRANGER, bridge=SWITCH),)), C),
        ("bpdu", facts(bpdus=(bpdu(), bpdu(bridge=None, root=None))), C),  # its topology change notice
        # One that nobody declared: alone, it may be a switch of another numbering.
        ("bpdu", facts(bpdus=(bpdu(STRANGER, STRANGER, STRANGER),)), NV),
        ("bpdu", facts(bpdus=(bpdu(), bpdu(STRANGER, STRANGER, STRANGER))), N),
        ("bpdu", facts(2.0, bpdus=(bpdu(), bpdu(STRANGER, STRANGER, SWITCH)), **LOST), N),
        ("bpdu", facts(bpdus=(bpdu(STRANGER, STRANGER), bpdu("06:00:00:00:07:02", "06:00:00:00:07:02"))), N),
        ("bpdu", facts(bpdus=(bpdu(HOST, HOST, HOST),)), N),  # a declared gateway that wants to be root
        ("bpdu", facts(bpdus=(bpdu(root=HOST),)), N),
        ("bpdu", facts(control=(LLDP, sighting(Kind.STP)), bpdus=()), NV),  # one that did not read
        ("bpdu", facts(bpdus=(bpdu(),), unlisted_bpdus=1), NV),
    ],
)
def test_control_protocols(protocol, found, expected):
    subject = next(
        s for s in CONTROL.subjects(TOPOLOGY, CONTROL_LIMITS) if (s.point, s.get("protocol")) == ("P30", protocol)
    )
    assert value(CONTROL, subject, evidence(TOPOLOGY, [(ASKED, found)]), CONTROL_LIMITS) is expected


def said(address: str, mac: str = HOST) -> Sender:
    return Sender(address=address, mac=mac, via="arp" if "." in address else "ipv6", count=1)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (facts(), C),
        (facts(tagged=(tag(0),)), C),
        (facts(tagged=(tag(0, 30),)), C),
        (facts(tagged=()), NV),  # nothing shows that this interface delivers tags
        (facts(7.9), NV),
        (facts(**LOST), NV),
        (facts(**INTERRUPTED), NV),
        (facts(carrier_losses=1), NV),
        (facts(unlisted_senders=1), NV),
        (facts(tagged=(tag(20),)), N),
        (facts(tagged=(tag(30), tag(20))), N),
        (facts(tagged=(tag(30, 20),)), N),  # two tags, the inner one of another VLAN
        (facts(tagged=(tag(999),)), N),  # of none that is declared
        (facts(0.5, tagged=(tag(20),), carrier_losses=1, **LOST), N),
        (facts(senders=(said("10.0.30.7"), said("fd00:30::7"), said("fe80::1"), said("0.0.0.0"), said("::"))), C),
        (facts(senders=(said("169.254.1.1"),)), C),
        (facts(senders=(said("10.0.20.7"),)), P),
        (facts(senders=(said("fd00:20::7"),)), P),
        (facts(senders=(said("192.168.1.1"),), tagged=()), P),
        (Failure.MISSING_INTERFACE, NV),
        (None, NV),
    ],
)
def test_foreign_frames(found, expected):
    subject = next(s for s in FOREIGN.subjects(TOPOLOGY, FOREIGN_LIMITS) if s.point == "P30")
    assert value(FOREIGN, subject, evidence(TOPOLOGY, [(ASKED, found)]), FOREIGN_LIMITS) is expected
    harder = FOREIGN_LIMITS.model_copy(update={"foreign_address": "N"})
    again = value(FOREIGN, subject, evidence(TOPOLOGY, [(ASKED, found)]), harder)
    assert again is (N if expected is P else expected)


def test_the_points_of_a_vlan_help_each_other():
    assert [mate.id for mate in mates(TOPOLOGY, TOPOLOGY.points["P30"])] == ["P31"]
    assert [r.point for r in ask_controls(TOPOLOGY, "P31", 1, 3)] == ["P30"]
    assert mates(TOPOLOGY, TOPOLOGY.points["P10"]) == []


@pytest.mark.parametrize("number", range(1, 9))
def test_whom_a_point_writes_to_is_who_expects_it(number):
    points = [{"id": f"P{n}", "socket": "S30", "interface": f"p{n}"} for n in range(number)]
    top = topology(points=points)
    written = {(one, mate.id) for one, point in top.points.items() for mate in mates(top, point)}
    assert written == {(there, here) for here, there in written}
    assert all(one != mate for one, mate in written)
    assert {one for one, _ in written} == (set(top.points) if number > 1 else set())
    assert all(len(mates(top, point)) <= 4 for point in top.points.values())


@given(st.lists(st.binary(max_size=120), max_size=30))
def test_no_octets_break_a_window(frames):
    window = _Window(own=frozenset())
    window.absorb([_captured(data) for data in frames])
    assert window.frames == len(frames)


def test_a_crowd_of_one_protocol_hides_no_other():
    window = _Window(own=frozenset())
    crowd = [bytes(6) + n.to_bytes(6) + b"\x88\xcc" + bytes(46) for n in range(3000)]
    window.absorb([_captured(data) for data in [*crowd, FRAMES["dtp"][0]]])
    assert sum(1 for key in window.control if key[0] is Kind.LLDP) == 8
    assert any(key[0] is Kind.DTP for key in window.control)
    assert window.unlisted == 2992


def _captured(data: bytes) -> CapturedFrame:
    return CapturedFrame("p30", 0, 0, Direction.INCOMING, None, len(data), data)


LIVE = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces and raw sockets")


@dataclass
class Beside(FakeAccess):
    """An access whose pass is over."""

    alone: bool = True


class Anything:
    """A gate that keeps what it was asked and refuses nothing, or everything."""

    def __init__(self, *, closed: bool = False):
        self.closed, self.headers = closed, []

    def pay_now(self, interface, header):
        return False

    def admit(self, interface, header):
        del interface
        if self.closed:
            raise FrameRefused("not a point of ours")
        self.headers.append(header)

    async def pay(self, interface, header):
        """Free."""


def listen(frames: list[bytes], work=heard, gate=None, point: str = "P30"):
    """What a window at p30 comes to while its cable's other end sends these frames; p31 is on a bridge with it."""
    with own_namespace():
        for line in (
            "link add p30 type veth peer name far",
            "link add p31 type veth peer name near",
            "link set p30 up",
            "link set p31 up",
            "link set far up",
            "link set near up",
        ):
            subprocess.run(["ip", *line.split()], check=True)

        async def run():
            async with await Wire.launch(["p30", "p31"], max_rate=1000, max_frames=100) as wire:
                access = Beside(TOPOLOGY, TOPOLOGY.points[point], wire, gate or Anything())
                return (await work(access, ASKED)).facts

        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
            sock.bind(("far", 0))
            sender = threading.Timer(0.4, lambda: [sock.send(frame) for frame in frames])
            sender.start()
            try:
                return asyncio.run(run())
            finally:
                sender.join()


@LIVE
def test_a_real_interface_delivers_what_no_host_would_be_handed():
    vlan20 = b"\xff" * 6 + SOURCE + bytes.fromhex("81000014") + b"\x08\x06" + bytes(46)
    stacked = b"\xff" * 6 + SOURCE + bytes.fromhex("88a80007" + "81000014") + b"\x08\x00" + bytes(46)
    arp = b"\xff" * 6 + SOURCE + b"\x08\x06" + bytes.fromhex("0001080006040001") + SOURCE + bytes.fromhex("0a001407")
    frames = [FRAMES[name][0] for name in ("dtp", "vtp", "cdp", "rstp", "pvst", "gvrp", "mvrp", "lldp")]
    found = listen([*frames, vlan20, stacked, arp + bytes(10)])
    assert {row.kind for row in found.control} >= {Kind(name) for name in ("dtp", "vtp", "cdp", "rstp", "pvst")}
    assert {row.kind for row in found.control} >= {Kind(name) for name in ("gvrp", "mvrp", "lldp")}
    assert {row.vids for row in found.tagged} == {(20,), (7, 20)}
    assert [(str(s.address), s.via) for s in found.senders if s.address.version == 4] == [("10.0.20.7", "arp")]
    assert {row.root_mac for row in found.bpdus} == {"aa:bb:cc:dd:ee:ff"}
    assert found.loss == QUIET
    assert 1.0 <= found.seconds < 3.0


@LIVE
def test_silence_is_a_window_too():
    found = listen([])
    assert (found.control, found.bpdus, found.tagged) == ((), (), ())


@LIVE
def test_the_control_of_tags_is_one_vlan_inside_a_priority_tag_to_our_own_card():
    gate = Anything()
    found = listen([], tag_control, gate)
    assert found.peers == ("P31",)
    assert found.sent == len(gate.headers) >= 1
    for header in gate.headers:
        assert [each.vid for each in header.vlans] == [0, 30]
        assert (header.ethertype, header.is_group) == (0x88B5, False)


@LIVE
def test_a_gate_that_refuses_leaves_nobody_to_write_to():
    began = time.monotonic()
    found = listen([], tag_control, Anything(closed=True))
    assert (found.peers, found.sent) == ((), 0)
    assert time.monotonic() - began < 3
