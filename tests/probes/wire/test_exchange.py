"""Exchanges with a real kernel on the other end, and with liars."""

import asyncio
import socket
import subprocess
import threading
import time
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from probes.wire import build
from probes.wire.client import Wire
from probes.wire.exchange import probe_many
from probes.wire.frames import FrameKind, VlanTag, parse_header
from probes.wire.match import Probe, ProbeState
from probes.wire.resolve import resolve
from probes.wire.station import Station
from tests.probes.wire.support import MAC_A, MAC_B, ClosedGate, OpenGate, Tap, inside

HERE, THERE, NOBODY = IPv4Address("10.99.0.1"), IPv4Address("10.99.0.2"), IPv4Address("10.99.0.77")
HERE6, THERE6 = IPv6Address("fd99::1"), IPv6Address("fd99::2")
STATION = Station("wa", MAC_A)


def launch(max_rate=1000):
    return Wire.launch(["wa"], max_rate=max_rate, max_frames=5000)


def echo(key, target=THERE, source=None, **more):
    return Probe(key, source or (HERE if target.version == 4 else HERE6), MAC_B, target, **more)


def listen(peer, address, port):
    with inside(peer.namespace):
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.bind((str(address), port))
        sock.listen()
        return sock


def test_resolves_by_arp_and_by_solicitation(peer):
    async def scenario():
        async with await launch() as wire:
            for here, there in ((HERE, THERE), (HERE6, THERE6)):
                found = await resolve(wire, OpenGate(), STATION, here, there)
                assert (found.mac, found.claimants, found.attempts) == (MAC_B, (MAC_B,), 1)
                assert found.answer is not None
                assert found.statistics.complete
            nobody = await resolve(wire, OpenGate(), STATION, HERE, NOBODY, timeout=0.1, attempts=3)
            assert (nobody.mac, nobody.claimants, nobody.attempts, nobody.answer) == (None, (), 3, None)
            assert nobody.statistics.complete

    asyncio.run(scenario())


def test_tells_the_answers_apart(peer):
    listeners = [listen(peer, THERE, 80), listen(peer, THERE6, 80)]
    with inside(peer.namespace):
        subprocess.run(["ip", "route", "add", "prohibit", "10.98.0.0/24"], check=True)
        subprocess.run(["ip", "route", "add", "blackhole", "10.97.0.0/24"], check=True)
        subprocess.run(["ip", "route", "add", "10.96.0.0/24", "dev", "wb"], check=True)
        for name in ("net/ipv4/ip_forward", "net/ipv4/icmp_ratelimit"):
            value = "1" if name.endswith("forward") else "0"
            subprocess.run(["sysctl", "-qw", f"{name.replace('/', '.')}={value}"], check=True)
    probes = [
        echo("ping"),
        echo("ping6", THERE6),
        echo("open", port=80),
        echo("open6", THERE6, port=80),
        echo("closed", port=81),
        echo("closed6", THERE6, port=81),
        echo("prohibited", IPv4Address("10.98.0.5")),
        echo("prohibited tcp", IPv4Address("10.98.0.5"), port=22),
        echo("expired", IPv4Address("10.96.0.5"), hop_limit=1),
        echo("dropped", IPv4Address("10.97.0.5")),
        echo("dropped tcp", IPv4Address("10.97.0.5"), port=22),
    ]

    async def scenario():
        gate = OpenGate()
        async with await launch() as wire:
            report = await probe_many(wire, gate, STATION, probes, timeout=0.2, attempts=2)
        found = {result.probe.key: result for result in report.results}
        assert {key: result.state for key, result in found.items()} == {
            "ping": ProbeState.REPLY,
            "ping6": ProbeState.REPLY,
            "open": ProbeState.SYN_ACK,
            "open6": ProbeState.SYN_ACK,
            "closed": ProbeState.RST,
            "closed6": ProbeState.RST,
            "prohibited": ProbeState.ICMP_ERROR,
            "prohibited tcp": ProbeState.ICMP_ERROR,
            "expired": ProbeState.ICMP_ERROR,
            "dropped": ProbeState.SILENCE,
            "dropped tcp": ProbeState.SILENCE,
        }
        assert [result.probe for result in report.results] == probes
        refused = found["prohibited"].icmp
        assert (refused.type, refused.code, refused.prohibited, refused.reporter) == (3, 13, True, THERE)
        assert (found["expired"].icmp.type, found["expired"].icmp.prohibited) == (11, False)
        assert report.statistics.complete
        assert (report.foreign_count, report.unreadable) == (0, 0)
        for key, result in found.items():
            assert len(result.left_ns) == (2 if key.startswith("dropped") else 1)
            assert all(report.started_ns <= moment <= report.ended_ns for moment in result.left_ns)
            if result.answer is not None:
                assert 0 < result.rtt_ns < 100_000_000
                assert result.answer_mac == MAC_B
                assert parse_header(result.answer).destination_mac == MAC_A
        assert len(gate.paid) == 11 + 2

    asyncio.run(scenario())
    for each in listeners:
        each.close()


def answer_datagrams(peer, address, port):
    """A UDP service in the peer's namespace that answers each datagram with its own octets."""
    with inside(peer.namespace):
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.bind((str(address), port))

    def serve():
        while True:
            data, source = sock.recvfrom(2048)
            if data == b"end":
                return
            sock.sendto(data, source)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return sock


def test_datagrams_and_chosen_source_ports(peer):
    """Answered, refused by the target, dropped; from a port of the exchange's own and from port 53."""
    listener = listen(peer, THERE, 80)
    servers = [answer_datagrams(peer, address, 123) for address in (THERE, THERE6)]
    with inside(peer.namespace):
        subprocess.run(["ip", "route", "add", "blackhole", "10.97.0.0/24"], check=True)
        for name in ("net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0"):
            subprocess.run(["sysctl", "-qw", name], check=True)
    udp = {"datagram": b"question", "tries": 1}
    probes = [
        echo("answered", port=123, **udp),
        echo("answered6", THERE6, port=123, **udp),
        echo("answered from 53", port=123, source_port=53, **udp),
        echo("closed", port=124, **udp),
        echo("closed6", THERE6, port=124, **udp),
        echo("dropped", IPv4Address("10.97.0.5"), port=123, **udp),
        echo("open from 53", port=80, source_port=53),
        echo("refused from 53", port=81, source_port=53),
        echo("dropped from 53", IPv4Address("10.97.0.5"), port=80, source_port=53),
    ]

    async def scenario():
        tap = Tap("wa")
        async with await launch() as wire:
            report = await probe_many(wire, OpenGate(), STATION, probes, timeout=0.2, attempts=2)
        found = {result.probe.key: result for result in report.results}
        assert {key: result.state for key, result in found.items()} == {
            "answered": ProbeState.ANSWER,
            "answered6": ProbeState.ANSWER,
            "answered from 53": ProbeState.ANSWER,
            "closed": ProbeState.ICMP_ERROR,
            "closed6": ProbeState.ICMP_ERROR,
            "dropped": ProbeState.SILENCE,
            "open from 53": ProbeState.SYN_ACK,
            "refused from 53": ProbeState.RST,
            "dropped from 53": ProbeState.SILENCE,
        }
        assert (found["closed"].icmp.code, found["closed6"].icmp.code) == (3, 4)
        assert {key: len(result.left_ns) for key, result in found.items() if "dropped" in key} == {
            "dropped": 1,
            "dropped from 53": 2,
        }
        assert all(None not in result.left_ns for result in report.results)
        assert (report.foreign_count, report.unreadable) == (0, 0)
        sent = [parse_header(each) for each in tap.take(outgoing=True)]
        own = {h.source_port for h in sent if h.protocol == 17 and h.destination_port in (123, 124)} - {53}
        assert len(own) <= 2  # one port per IP version, held while answers may come
        refusals = [h for h in sent if h.icmp_type in (3, 1) and h.protocol in (1, 58)]
        assert len(refusals) <= 1  # only to the answer at port 53, which this machine does not hold
        tap.close()

    asyncio.run(scenario())
    for address, server in zip((THERE, THERE6), servers, strict=True):
        server.sendto(b"end", (str(address), 123))
    listener.close()


def test_a_datagram_of_somebody_else_is_no_answer(peer):
    """Another port of the target, or another host, answers nothing."""
    server = answer_datagrams(peer, THERE, 200)

    async def scenario():
        probe = echo("asked", port=123, source_port=7000, datagram=b"question")
        async with await launch() as wire:
            report_task = asyncio.create_task(probe_many(wire, OpenGate(), STATION, [probe], timeout=0.3, attempts=1))
            await asyncio.sleep(0.1)
            server.sendto(b"lie", (str(HERE), 7000))
            report = await report_task
        assert report.results[0].state in (ProbeState.SILENCE, ProbeState.ICMP_ERROR)

    asyncio.run(scenario())
    server.sendto(b"end", (str(THERE), 200))


def test_resets_what_it_opened(peer):
    """From an address that our kernel does not own, nobody else would."""
    listener = listen(peer, THERE, 80)
    subprocess.run(["ip", "addr", "del", "10.99.0.1/24", "dev", "wa"], check=True)
    with inside(peer.namespace):
        subprocess.run(["ip", "neigh", "replace", "10.99.0.1", "lladdr", MAC_A, "dev", "wb"], check=True)

    async def scenario():
        tap = Tap("wa")
        async with await launch() as wire:
            report = await probe_many(wire, OpenGate(), STATION, [echo("open", port=80)], reset=True)
        assert report.results[0].state is ProbeState.SYN_ACK
        headers = [parse_header(each) for each in tap.take(outgoing=True)]
        assert [each.tcp_flags for each in headers if each.protocol == 6] == [build.SYN, build.RST]
        tap.close()

    asyncio.run(scenario())
    listener.close()


def test_a_refused_probe_is_reported(peer):
    async def scenario():
        tap = Tap("wa")
        gate = ClosedGate(lambda header: header.destination_ip == NOBODY)
        async with await launch() as wire:
            report = await probe_many(wire, gate, STATION, [echo("out", NOBODY), echo("in")])
        out, within = report.results
        assert (out.state, out.left_ns, out.reason) == (ProbeState.NOT_SENT, (), "closed")
        assert within.state is ProbeState.REPLY
        assert all(parse_header(each).destination_ip != NOBODY for each in tap.take(outgoing=True))
        tap.close()

    asyncio.run(scenario())


class Liar:
    """Answers on wb what `reply` makes of each frame heard, from a thread of its own."""

    def __init__(self, reply) -> None:
        self.tap, self.reply, self.stop = Tap("wb"), reply, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def run(self) -> None:
        while not self.stop.wait(0.002):
            for heard in self.tap.take(outgoing=False):
                header = parse_header(heard)
                for answer in self.reply(heard, header):
                    self.tap.inject(answer)

    def __exit__(self, *_) -> None:
        self.stop.set()
        self.thread.join()
        self.tap.close()


BACK = build.Link(MAC_B, MAC_A)


def echo_reply(heard, source=THERE, link=BACK, change=lambda message: message):
    message = bytearray(change(bytearray(heard[34:58])))
    message[0], message[2:4] = 0, b"\0\0"
    message[2:4] = build.checksum(bytes(message)).to_bytes(2)
    return build.packet(link, source, HERE, 1, bytes(message))


def other_payload(message):
    message[-1] ^= 1
    return message


def segment(header, sequence, *, flags=build.SYN | build.ACK, port=None, off=1, source=THERE):
    return build.tcp(
        BACK,
        source,
        HERE,
        source_port=port or header.destination_port,
        destination_port=header.source_port,
        sequence=1,
        acknowledgement=(sequence + off) & 0xFFFFFFFF,
        flags=flags,
    )


def number(heard):
    return int.from_bytes(heard[38:42])


OTHER = IPv4Address("10.99.0.3")
LIES = {
    "another address": (None, lambda heard, header: [echo_reply(heard, source=OTHER)]),
    "another payload": (None, lambda heard, header: [echo_reply(heard, change=other_payload)]),
    "another VLAN": (None, lambda heard, header: [echo_reply(heard, link=build.Link(MAC_B, MAC_A, (VlanTag(9),)))]),
    "another acknowledgement": (80, lambda heard, header: [segment(header, number(heard), off=2)]),
    "reset out of the blue": (80, lambda heard, header: [segment(header, 0, flags=build.RST, off=0)]),
    "another port": (80, lambda heard, header: [segment(header, number(heard), port=81)]),
    "another host": (80, lambda heard, header: [segment(header, number(heard), source=OTHER)]),
    "no answer to a SYN": (80, lambda heard, header: [segment(header, number(heard), flags=build.ACK)]),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_foreign(pair, name):
    port, reply = LIES[name]

    async def scenario():
        async with await launch() as wire:
            report = await probe_many(wire, OpenGate(), STATION, [echo("lie", port=port)], timeout=0.15, attempts=1)
        assert report.results[0].state is ProbeState.SILENCE
        assert report.foreign_count == 1
        assert report.foreign[0].reason

    with Liar(reply):
        asyncio.run(scenario())


def test_the_truth_passes_where_lies_do_not(pair):
    """The same liar, telling the truth: what the tests above refuse is the lie."""

    def truth(heard, header):
        if header.kind is FrameKind.IPV4:
            yield segment(header, number(heard)) if header.protocol == 6 else echo_reply(heard)
            yield segment(header, number(heard)) if header.protocol == 6 else echo_reply(heard)

    async def scenario():
        async with await launch() as wire:
            report = await probe_many(wire, OpenGate(), STATION, [echo("a"), echo("b", port=80)], timeout=0.3)
        assert [each.state for each in report.results] == [ProbeState.REPLY, ProbeState.SYN_ACK]
        assert {each.reason for each in report.foreign} <= {"a second answer to the same probe"}

    with Liar(truth):
        asyncio.run(scenario())


def test_a_damaged_answer_is_counted(pair):
    def damage(heard, header):
        answer = bytearray(echo_reply(heard))
        answer[50] ^= 1
        yield bytes(answer)

    async def scenario():
        async with await launch() as wire:
            report = await probe_many(wire, OpenGate(), STATION, [echo("a")], timeout=0.15, attempts=1)
        assert report.results[0].state is ProbeState.SILENCE
        assert report.unreadable == 1

    with Liar(damage):
        asyncio.run(scenario())


def test_speaks_and_listens_in_its_vlan(pair):
    station = Station("wa", MAC_A, VlanTag(20))

    def reply(heard, header):
        if header.arp is not None and header.arp.target_ip == THERE:
            packet = bytearray(build.arp_request(MAC_B, THERE, HERE)[14:42])
            packet[7] = 2
            yield build.ethernet(build.Link(MAC_B, MAC_A), 0x0806, bytes(packet).replace(b"\x0b", b"\x0d"))
            yield build.ethernet(build.Link(MAC_B, MAC_A, (VlanTag(20),)), 0x0806, bytes(packet))

    async def scenario():
        async with await launch() as wire:
            found = await resolve(wire, OpenGate(), station, HERE, THERE, timeout=0.3)
            assert found.claimants == (MAC_B,), "an answer in another VLAN is none"

    with Liar(reply):
        # The kernel takes the tag off what the liar hears; it answers whatever it is asked.
        asyncio.run(scenario())


def test_a_flooded_window_says_so(pair):
    """Capture-flooded: silence with drops is reported as incomplete."""
    stop = threading.Event()

    def flood():
        tap = Tap("wb")
        noise = build.icmp_echo(BACK, THERE, HERE, identifier=1, sequence=1, payload=bytes(1000))
        for _ in range(60_000):
            if stop.is_set():
                break
            tap.inject(noise)
        tap.close()

    async def scenario():
        async with await launch() as wire:
            wire.capture = lambda *a, _open=wire.capture, **k: _open(*a, **(k | {"buffer_bytes": 4096}))
            thread = threading.Thread(target=flood)
            thread.start()
            report = await probe_many(wire, OpenGate(), STATION, [echo("a")], timeout=0.3, attempts=1)
            stop.set()
            thread.join()
        assert report.results[0].state is ProbeState.SILENCE
        assert report.statistics.kernel_drops + report.statistics.forwarding_drops > 0
        assert not report.statistics.complete

    asyncio.run(scenario())


def test_a_thousand_probes(peer):
    probes = [echo(str(index), port=1000 + index) if index % 2 else echo(str(index)) for index in range(1000)]
    with inside(peer.namespace):
        subprocess.run(["sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv4.icmp_msgs_per_sec=100000"], check=True)

    async def scenario():
        async with await launch(max_rate=5000) as wire:
            began = time.monotonic()
            report = await probe_many(wire, OpenGate(), STATION, probes)
            assert time.monotonic() - began < 5
        states = [result.state for result in report.results]
        assert states == [ProbeState.REPLY, ProbeState.RST] * 500
        assert report.statistics.complete

    asyncio.run(scenario())


def test_limits_are_stated():
    with pytest.raises(ValueError, match="at most in one call"):
        asyncio.run(probe_many(None, OpenGate(), STATION, [echo("a", ip_address("10.99.0.2"))] * 10_001))
