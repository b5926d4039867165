"""Each filter against the kernel: what it lets through on a veth pair."""

import asyncio
from ipaddress import IPv4Address, IPv6Address

import pytest

from probes.wire import bpf, build
from probes.wire.client import Wire
from tests.probes.wire.support import MAC_A, MAC_B, OpenGate, Tap, frame

OTHER = "02:00:00:00:00:0c"
TO_US = build.Link(MAC_B, MAC_A)
A4, B4 = IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")
A6, B6 = IPv6Address("fd00::1"), IPv6Address("fd00::2")


def tcp(link, port, pair=(B4, A4)):
    return build.tcp(link, *pair, source_port=80, destination_port=port, sequence=1)


def later_fragment(data):
    return data[:20] + b"\x00\x10" + data[22:]


INCOMING = {
    "arp": build.arp_request(MAC_B, B4, A4),
    "arp to us": build.ethernet(TO_US, 0x0806, build.arp_request(MAC_B, B4, A4)[14:]),
    "echo": build.icmp_echo(TO_US, B4, A4, identifier=1, sequence=1),
    "echo6": build.icmp_echo(TO_US, B6, A6, identifier=1, sequence=1),
    "echo to other": build.icmp_echo(build.Link(MAC_B, OTHER), B4, A4, identifier=1, sequence=1),
    "tcp 99": tcp(TO_US, 99),
    "tcp 100": tcp(TO_US, 100),
    "tcp 110": tcp(TO_US, 110),
    "tcp 111": tcp(TO_US, 111),
    "tcp6 105": tcp(TO_US, 105, (B6, A6)),
    "tcp6 200": tcp(TO_US, 200, (B6, A6)),
    "udp 105": build.udp(TO_US, B4, A4, source_port=1, destination_port=105, payload=b""),
    "fragment 105": later_fragment(tcp(TO_US, 105)),
    "ospf": build.packet(TO_US, B4, A4, 89, bytes(30)),
    "lldp": build.ethernet(build.Link(MAC_B, "01:80:c2:00:00:0e"), 0x88CC, bytes(50)),
    "bpdu": build.ethernet(build.Link(MAC_B, "01:80:c2:00:00:00"), 38, b"\x42\x42\x03" + bytes(35)),
    "vlan 10": build.icmp_echo(build.Link(MAC_B, MAC_A, (build.VlanTag(10, 5),)), B4, A4, identifier=1, sequence=1),
    "vlan 11": build.icmp_echo(build.Link(MAC_B, MAC_A, (build.VlanTag(11),)), B4, A4, identifier=1, sequence=1),
    "unknown": frame(1, MAC_B, MAC_A),
}
OUTGOING = {
    "ours": frame(2, MAC_A, MAC_B),
    "ours tagged": build.ethernet(build.Link(MAC_A, MAC_B, (build.VlanTag(10),)), 0x88B5, bytes(50)),
    "ours as other": frame(3, OTHER, MAC_B),
}
TAGGED = {"vlan 10", "vlan 11"}
PORTS = {"tcp 100", "tcp 110", "tcp6 105", "udp 105"}
TCP = {"tcp 99", "tcp 100", "tcp 110", "tcp 111", "tcp6 105", "tcp6 200", "fragment 105"}
FILTERS = {
    "everything": (bpf.incoming() | bpf.outgoing(), set(INCOMING) | set(OUTGOING)),
    "outgoing": (bpf.outgoing(), set(OUTGOING)),
    "incoming": (bpf.incoming(), set(INCOMING)),
    "arp": (bpf.ethertype(0x0806), {"arp", "arp to us"}),
    "lldp": (bpf.ethertype(0x88CC), {"lldp"}),
    "llc": (bpf.llc(), {"bpdu"}),
    "group": (bpf.group(), {"arp", "lldp", "bpdu"}),
    "destination": (bpf.destination(OTHER), {"echo to other"}),
    "source": (bpf.source(MAC_A), {"ours", "ours tagged"}),
    "icmp": (bpf.protocol(1), {"echo", "echo to other", "vlan 10", "vlan 11"}),
    "icmpv6": (bpf.protocol(58), {"echo6"}),
    "tcp": (bpf.protocol(6), TCP),
    "ports": (bpf.destination_ports(100, 110), PORTS),
    "tagged": (bpf.tagged(), {*TAGGED, "ours tagged"}),
    "vlan 10": (bpf.received_vlan(10), {"vlan 10"}),
    "exchange": (
        bpf.exchange(MAC_A),
        {"arp to us", "echo", "echo6", "udp 105", "ours", "ours tagged", *TCP, *TAGGED},
    ),
    "not": (~(bpf.incoming() & ~bpf.group()), {"arp", "lldp", "bpdu", *OUTGOING}),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filter_on_a_veth_pair(pair, name):
    expression, expected = FILTERS[name]
    by_frame = {data: key for key, data in (INCOMING | OUTGOING).items()}

    async def scenario():
        tap = Tap("wb")
        async with await Wire.launch(["wa"], max_rate=100, max_frames=100) as wire:
            program = bpf.compile_filter(expression)
            async with wire.capture("wa", bpf=program, promiscuous=True) as capture:
                for data in INCOMING.values():
                    tap.inject(data)
                await wire.send(OpenGate(), "wa", list(OUTGOING.values()))
                statistics = await capture.statistics()
                seen = [by_frame[each.data] for each in capture.take()]
        tap.close()
        assert sorted(seen) == sorted(expected)
        assert statistics.received == len(expected)

    asyncio.run(scenario())


def test_refuses_a_jump_too_far():
    expression = bpf.group()
    for _ in range(200):
        expression = expression | bpf.group()
    with pytest.raises(bpf.BpfError, match="jump"):
        bpf.compile_filter(expression)
