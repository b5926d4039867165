"""The parts of collecting that need no wire, or a broken one."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from probes.api import CollectFailure
from probes.vlan import collect, window
from probes.vlan.facts import ReachFacts, ReachState
from probes.vlan.link import NoInterface, read_addresses, read_link, read_speed
from probes.vlan.matrix import ATTEMPT, Cell
from probes.wire import build
from probes.wire.answers import parse_answer
from probes.wire.exchange import ProbeResult
from probes.wire.match import Probe, ProbeState
from r2s_audit.model.observation import request
from tests.probes.vlan.network import here, own_namespace
from tests.probes.vlan.support import NOON, facts, topology

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces")


def test_own_loopback():
    link = read_link("lo")
    assert (link.index, link.mac) == (1, "00:00:00:00:00:00")
    assert link.mtu >= 1500
    if link.up:
        assert ip_address("127.0.0.1") in {a.address for a in read_addresses("lo")}
    assert read_speed("lo") == (None, None)


@pytest.mark.parametrize("read", [read_link, read_addresses])
def test_an_absent_interface_is_named(read):
    with pytest.raises(NoInterface, match="r2s-absent"):
        read("r2s-absent")


def test_speed_of_an_absent_interface_is_unknown():
    assert read_speed("r2s-absent") == (None, None)


@needs_root
def test_losses_of_the_link_are_counted_by_the_kernel():
    with own_namespace():
        here("link add pa type veth peer name pb", "link set pa up", "link set pb up")
        before = read_link("pa")
        assert (before.up, before.carrier) == (True, True)
        here("link set pb down")
        down = read_link("pa")
        assert (down.up, down.carrier) == (True, False)
        here("link set pb up", "link set pb down", "link set pb up")
        after = read_link("pa")
        assert after.carrier
        assert after.carrier_downs - before.carrier_downs == 2
        here("link set pa down")
        assert not read_link("pa").up


class Bare:
    """An access whose point has an interface that does not exist, or no address."""

    def __init__(self, interface="r2s-absent", sources=()):
        self.topology = topology()
        self.point = self.topology.points["P30"].model_copy(update={"interface": interface})
        self.sources = {s.version: s for s in map(ip_address, sources)}
        self.mac = bytes(6)
        self.wire = self.frame_gate = None

    def source(self, version):
        return self.sources.get(version)

    def now(self):
        return datetime.now(UTC)


def cell(address, port=443):
    return Cell("P30", "sup", ip_address(address), "tcp" if port else "icmp", port).ask(ATTEMPT)


def reached(access, requests):
    async def run():
        return [each async for each in collect.reach(access, requests)]

    return asyncio.run(run())


def test_a_point_without_an_address_fails_each_request_with_the_reason():
    requests = [cell("10.0.20.10"), cell("fd00:20::10"), cell("10.0.20.10", None)]
    found = reached(Bare(), requests)
    assert sorted(r.key for r, _ in found) == sorted(r.key for r in requests)
    for asked, outcome in found:
        version = ip_address(asked.param("address")).version
        assert outcome.failure.failure.value == "unreachable"
        assert f"pas d'adresse IPv{version}" in str(outcome.failure.reason)


def test_an_absent_interface_is_a_missing_interface():
    with pytest.raises(CollectFailure) as caught:
        reached(Bare(sources=["10.0.30.50"]), [cell("10.0.20.10")])
    assert caught.value.failure.value == "missing_interface"
    with pytest.raises(CollectFailure) as caught:
        asyncio.run(collect.point(Bare(), request("vlan.point", "P30", "S30")))
    assert caught.value.failure.value == "missing_interface"


def blank(asked) -> ReachFacts:
    return facts(asked, "arp_unresolved", frames_sent=0, frames_seen=0, rtt_ms=None)


def test_answers_are_read_from_their_own_bytes():
    asked = cell("10.0.20.10")
    link = build.Link("02:00:00:00:00:01", "02:00:00:00:30:50")
    answer = build.tcp(
        link,
        ip_address("10.0.20.10"),
        ip_address("10.0.30.50"),
        source_port=443,
        destination_port=40000,
        sequence=1,
        flags=build.RST | build.ACK,
        hop_limit=63,
    )
    header, _ = parse_answer(answer)
    assert header.hop_limit == 63
    probe = Probe(asked.key, ip_address("10.0.30.50"), "02:00:00:00:00:01", ip_address("10.0.20.10"), 443)
    left = 1_780_574_400_000_000_000  # 2026-06-04T12:00:00Z
    result = ProbeResult(probe, ProbeState.RST, (None, left), left + 1_500_000, 1_500_000, answer, "02:00:00:00:00:01")
    read = window.answered(blank(asked), result)
    assert ReachFacts.model_validate(read.model_dump(mode="json")) == read
    assert (read.state, read.answered_by, read.answer_hop_limit) == (ReachState.RST, ip_address("10.0.20.10"), 63)
    assert (read.frames_sent, read.frames_seen, read.retries, read.rtt_ms) == (2, 1, 1, 1.5)
    assert read.started == NOON
    assert read.ended == NOON + timedelta(microseconds=1500)


def test_a_silence_lasts_until_its_window_ends():
    asked = cell("10.0.20.10")
    probe = Probe(asked.key, ip_address("10.0.30.50"), "02:00:00:00:00:01", ip_address("10.0.20.10"), 443)
    empty = blank(asked)
    read = window.answered(empty, ProbeResult(probe, ProbeState.SILENCE, (None, None)))
    assert (read.state, read.frames_sent, read.frames_seen) == (ReachState.SILENCE, 2, 0)
    assert (read.started, read.ended) == (empty.window_start, empty.ended)
    assert (read.answered_by, read.rtt_ms) == (None, None)
