"""Sweeps with a real kernel on the other end, with liars, and with gates that say no."""

import asyncio
import socket
import subprocess
import threading
import time
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire import build, frames, pairs, sweep
from probes.wire.client import Wire
from probes.wire.frames import FrameError, VlanTag, parse_header
from probes.wire.gate import FrameRefused
from probes.wire.pairs import PairState, SweepTarget
from probes.wire.station import Station
from tests.probes.wire.support import MAC_A, MAC_B, ClosedGate, OpenGate, Tap, inside
from tests.probes.wire.test_exchange import HERE, HERE6, STATION, THERE, THERE6, launch, listen

AWAY = IPv4Address("10.98.0.1")
v4 = st.integers(0, 2**32 - 1).map(IPv4Address)
v6 = st.integers(0, 2**128 - 1).map(IPv6Address)
word = st.integers(0, 0xFFFF)


class Lifted(OpenGate):
    """No budget: everything goes at once."""

    def pay_now(self, interface, header):
        self.paid.append(header)
        return True


def ask(wire, gate, *targets, source=HERE, wait=0.15, attempts=2, **more):
    return sweep.sweep(wire, gate, STATION, source, targets, timeout=wait, attempts=attempts, **more)


@given(st.one_of(st.tuples(v4, v4), st.tuples(v6, v6)), word, word, st.integers(0, 2**32 - 1), st.booleans())
def test_a_template_makes_the_frame_that_would_be_built(addresses, ours, port, sequence, tagged):
    (source, target), tags = addresses, (VlanTag(10),) if tagged else ()
    station = Station("wa", MAC_A, tags[0] if tags else None)
    template = pairs.Template(station, source, SweepTarget(target, MAC_B, (port,)), ours)
    link = build.Link(MAC_A, MAC_B, tags)
    built = build.tcp(link, source, target, source_port=ours, destination_port=port, sequence=sequence)
    assert template.frame(port, sequence) == built


def test_tells_open_closed_filtered_and_silent_apart(peer):
    listeners = [listen(peer, THERE, 80), listen(peer, THERE6, 80)]
    rules = "table inet f { chain i { type filter hook input priority 0; tcp dport 82 drop\n }\n}"
    with inside(peer.namespace):
        subprocess.run(["ip", "route", "add", "prohibit", "10.98.0.0/24"], check=True)
        subprocess.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
        subprocess.run(["nft", rules], check=True)

    async def scenario():
        tap = Tap("wa")
        async with await launch() as wire:
            four = await ask(wire, Lifted(), SweepTarget(THERE, MAC_B, (80, 81, 82)), SweepTarget(AWAY, MAC_B, (80,)))
            sent = [parse_header(each) for each in tap.take(outgoing=True)]
            six = await ask(wire, OpenGate(), SweepTarget(THERE6, MAC_B, (80, 81, 82)), source=HERE6)
        tap.close()
        expected = {80: PairState.OPEN, 81: PairState.CLOSED, 82: PairState.SILENT}
        assert [each.states for each in four.swept] == [expected, {80: PairState.FILTERED}]
        assert [each.states for each in six.swept] == [expected]
        assert set(four.swept[0].answers) == {80, 81}
        assert not four.swept[0].refused
        for report in (four, six):
            assert report.statistics.complete
            assert (report.foreign_count, report.unreadable) == (0, 0)
        assert (four.frames_sent, six.frames_sent) == (5, 4)  # one each, and the silent one again
        syns = [header.destination_port for header in sent if header.tcp_flags == build.SYN]
        assert sorted(syns) == [80, 80, 81, 82, 82]

    asyncio.run(scenario())
    for sock in listeners:
        sock.close()


def test_every_frame_passes_the_gate_and_the_refused_are_named(peer):
    async def scenario():
        async with await launch() as wire:
            gate = ClosedGate(lambda header: header.destination_port == 9100)
            report = await ask(wire, gate, SweepTarget(THERE, MAC_B, (81, 9100, 83)))
        (swept,) = report.swept
        assert swept.states == {81: PairState.CLOSED, 9100: PairState.NOT_SENT, 83: PairState.CLOSED}
        assert swept.refused == {9100: "closed"}
        assert report.frames_sent == 2

    asyncio.run(scenario())


@pytest.mark.parametrize("together", [True, False])
def test_a_spent_budget_ends_the_sweep_without_sending_twice(peer, together):
    class Spent(OpenGate):
        def pay_now(self, interface, header):
            if len(self.paid) == 3:
                raise FrameRefused("nothing left")
            if together:
                self.paid.append(header)
            return together

    async def scenario():
        tap = Tap("wa")
        async with await launch() as wire:
            report = await ask(wire, Spent(), SweepTarget(THERE, MAC_B, tuple(range(81, 89))))
        states = list(report.swept[0].states.values())
        assert states == [PairState.CLOSED] * 3 + [PairState.NOT_SENT] * 5
        assert set(report.swept[0].refused.values()) == {"nothing left"}
        sent = [parse_header(each).destination_port for each in tap.take(outgoing=True)]
        assert [port for port in sent if port] == [81, 82, 83]  # beside the kernel's own ARP
        assert report.frames_sent == 3
        tap.close()

    asyncio.run(scenario())


def test_the_helpers_own_limit_is_a_reason_too(peer):
    async def scenario():
        async with await Wire.launch(["wa"], max_rate=1000, max_frames=4) as wire:
            report = await ask(wire, Lifted(), SweepTarget(THERE, MAC_B, tuple(range(81, 89))))
        states = list(report.swept[0].states.values())
        assert states == [PairState.CLOSED] * 4 + [PairState.NOT_SENT] * 4
        assert report.frames_sent == 4
        assert len(report.swept[0].refused) == 4

    asyncio.run(scenario())


def test_half_open_connections_are_reset_where_asked_for(peer):
    sock = listen(peer, THERE, 80)
    elsewhere = IPv4Address("10.99.0.5")  # not this kernel's: nobody else resets
    with inside(peer.namespace):
        subprocess.run(["ip", "neigh", "add", str(elsewhere), "lladdr", MAC_A, "dev", "wb"], check=True)

    async def scenario():
        tap = Tap("wa")
        async with await launch() as wire:
            report = await ask(wire, Lifted(), SweepTarget(THERE, MAC_B, (80,)), source=elsewhere, reset=True)
        assert report.swept[0].states == {80: PairState.OPEN}
        flags = [header.tcp_flags for each in tap.take(outgoing=True) if (header := parse_header(each)).tcp_flags]
        assert flags == [build.SYN, build.RST]
        tap.close()

    asyncio.run(scenario())
    sock.close()


def lie(tap, stop, **wrong):
    """Answer each SYN seen by tap as an open port would, but for what is wrong."""
    while not stop.is_set():
        for data in tap.take(outgoing=False):
            header = parse_header(data)
            if header.tcp_flags != build.SYN:
                continue
            answer = {
                "source": header.destination_ip,
                "source_port": header.destination_port,
                "acknowledgement": int.from_bytes(data[38:42]) + 1 & 0xFFFFFFFF,
                "flags": build.SYN | build.ACK,
                **wrong,
            }
            link, ours = build.Link(MAC_B, MAC_A), header.source_port
            answered = build.tcp(
                link, answer.pop("source"), header.source_ip, destination_port=ours, sequence=7, **answer
            )
            tap.inject(answered)
        time.sleep(0.002)


@pytest.mark.parametrize(
    ("wrong", "state", "foreign"),
    [
        ({}, PairState.OPEN, False),
        ({"flags": build.RST | build.ACK}, PairState.CLOSED, False),
        ({"acknowledgement": 1}, PairState.SILENT, True),
        ({"flags": build.SYN}, PairState.SILENT, True),
        ({"flags": build.RST}, PairState.SILENT, True),
        ({"source": IPv4Address("10.99.0.9")}, PairState.SILENT, True),
        ({"source_port": 99}, PairState.SILENT, True),
    ],
)
def test_only_the_pair_itself_answers(pair, wrong, state, foreign):
    tap, stop = Tap("wb"), threading.Event()
    liar = threading.Thread(target=lie, args=(tap, stop), kwargs=wrong)
    liar.start()

    async def scenario():
        async with await launch() as wire:
            report = await ask(wire, Lifted(), SweepTarget(THERE, MAC_B, (80,)), attempts=1)
        assert report.swept[0].states == {80: state}
        assert bool(report.foreign_count) is foreign
        assert report.statistics.complete

    try:
        asyncio.run(scenario())
    finally:
        stop.set()
        liar.join()
        tap.close()


def test_many_pairs_at_once_are_all_told_right(peer):
    with inside(peer.namespace):
        subprocess.run(["ip", "route", "add", "local", "10.96.0.0/26", "dev", "lo"], check=True)
        listeners = [socket.create_server(("", port), backlog=256) for port in range(2000, 2020, 2)]
    targets = [SweepTarget(IPv4Address(0x0A600000 + n), MAC_B, tuple(range(2000, 2020))) for n in range(64)]

    async def scenario():
        async with await launch(max_rate=20000) as wire:
            report = await ask(wire, Lifted(), *targets, wait=0.5)
        for swept in report.swept:
            assert all(
                state is (PairState.CLOSED if port % 2 else PairState.OPEN) for port, state in swept.states.items()
            )
        assert report.statistics.complete
        assert report.frames_sent >= 64 * 20

    asyncio.run(scenario())
    for sock in listeners:
        sock.close()


def test_impossible_questions_are_refused(peer):
    async def scenario():
        async with await launch() as wire:
            with pytest.raises(FrameError, match="no such port"):
                await ask(wire, Lifted(), SweepTarget(THERE, MAC_B, (0,)))
            with pytest.raises(FrameError):
                await ask(wire, Lifted(), SweepTarget(THERE6, MAC_B, (80,)))
            with pytest.raises(ValueError, match="twice"):
                await ask(wire, Lifted(), SweepTarget(THERE, MAC_B, (80, 80)))
            with pytest.raises(ValueError, match="at most"):
                await ask(wire, Lifted(), *(SweepTarget(THERE, MAC_B, tuple(range(1, 40000))) for _ in range(2)))

    asyncio.run(scenario())


@given(
    v4,
    v4,
    word,
    word,
    st.sampled_from([build.SYN, build.RST]),
    st.lists(st.tuples(st.integers(12, 59), st.integers(0, 255)), max_size=3),
)
def test_the_short_way_reads_as_the_long_way(source, target, ours, port, flags, damage):
    link = build.Link(MAC_B, MAC_A)
    frame = bytearray(build.tcp(link, source, target, source_port=ours, destination_port=port, sequence=1, flags=flags))
    for position, octet in damage:
        frame[position] = octet
    short = frames._plain_tcp(bytes(frame), len(frame))
    if short is not None:
        long = frames._transport(bytes(frame), *frames.parse_network(bytes(frame)))
        assert (short, short.payload_offset) == (long, long.payload_offset)


def test_a_copied_header_is_like_a_built_one():
    frame = build.tcp(build.Link(MAC_A, MAC_B), HERE, THERE, source_port=1, destination_port=2, sequence=3)
    header = parse_header(frame)
    assert replace(header) == header
    assert hash(replace(header)) == hash(header)
