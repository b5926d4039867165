"""The codec against scapy, value for value, and against arbitrary octets."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.wire import build
from probes.wire.answers import AddressAnswer, EchoReply, IcmpError, TcpSegment, parse_answer
from probes.wire.capture import CapturedFrame, Direction
from probes.wire.frames import FrameError, FrameKind, VlanTag, mac_bytes, mac_text, parse_header, parse_link
from probes.wire.witness import record_of

scapy = pytest.importorskip("scapy.all")

MAC_A, MAC_B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
macs = st.binary(min_size=6, max_size=6).map(mac_text)
v4, v6 = st.ip_addresses(v=4), st.ip_addresses(v=6)
pairs = st.one_of(st.tuples(v4, v4), st.tuples(v6, v6))
word, double = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
tags = st.lists(
    st.builds(VlanTag, st.integers(0, 4095), st.integers(0, 7), st.booleans(), st.sampled_from([0x8100, 0x88A8])),
    max_size=2,
).map(tuple)
links = st.builds(build.Link, macs, macs, tags)
many = settings(max_examples=150, deadline=None)


def envelope(link):
    packet = scapy.Ether(src=link.source, dst=link.destination)
    for tag in link.vlans:
        layer = scapy.Dot1Q if tag.protocol == 0x8100 else scapy.Dot1AD
        packet = packet / layer(vlan=tag.vid, prio=tag.priority, dei=int(tag.drop_eligible))
    return packet


def network(source, destination, hop_limit=64, **more):
    if source.version == 4:
        return scapy.IP(src=str(source), dst=str(destination), ttl=hop_limit, id=0, flags="DF", **more)
    return scapy.IPv6(src=str(source), dst=str(destination), hlim=hop_limit, **more)


def padded(packet):
    return bytes(packet).ljust(60, b"\0")


def check_header(header, link, pair):
    assert (header.source_mac, header.destination_mac, header.vlans) == (link.source, link.destination, link.vlans)
    assert (header.source_ip, header.destination_ip) == pair


@many
@given(links, pairs, word, word, st.binary(max_size=64))
def test_echo_equals_scapy(link, pair, identifier, sequence, payload):
    ours = build.icmp_echo(link, *pair, identifier=identifier, sequence=sequence, payload=payload)
    if pair[0].version == 4:
        above = scapy.ICMP(id=identifier, seq=sequence) / payload
    else:
        above = scapy.ICMPv6EchoRequest(id=identifier, seq=sequence, data=payload)
    assert ours == padded(envelope(link) / network(*pair) / above)
    header = parse_header(ours)
    check_header(header, link, pair)
    assert header.icmp_type == (8 if pair[0].version == 4 else 128)


@many
@given(links, pairs, word, word, double, st.sampled_from([build.RST, build.ACK, build.RST | build.ACK]))
def test_tcp_equals_scapy(link, pair, source, destination, sequence, flags):
    ports = {"source_port": source, "destination_port": destination, "sequence": sequence}
    ours = build.tcp(link, *pair, **ports)
    options = [("MSS", 1220)]
    above = scapy.TCP(sport=source, dport=destination, seq=sequence, flags="S", window=64240, options=options)
    assert ours == padded(envelope(link) / network(*pair) / above)
    header = parse_header(ours)
    check_header(header, link, pair)
    assert (header.source_port, header.destination_port, header.tcp_flags) == (source, destination, build.SYN)
    ours = build.tcp(link, *pair, **ports, acknowledgement=7, flags=flags)
    above = scapy.TCP(sport=source, dport=destination, seq=sequence, ack=7, flags=flags, window=0)
    assert ours == padded(envelope(link) / network(*pair) / above)
    assert parse_answer(ours)[1] == TcpSegment(source, destination, sequence, 7, flags)


@many
@given(links, pairs, word, word, st.binary(max_size=64))
def test_udp_equals_scapy(link, pair, source, destination, payload):
    ours = build.udp(link, *pair, source_port=source, destination_port=destination, payload=payload)
    theirs = envelope(link) / network(*pair) / scapy.UDP(sport=source, dport=destination) / scapy.Raw(payload)
    assert ours == padded(theirs)
    header = parse_header(ours)
    check_header(header, link, pair)
    assert (header.source_port, header.destination_port) == (source, destination)


@many
@given(macs, v4, v4, tags)
def test_arp_equals_scapy(mac, source, target, vlans):
    ours = build.arp_request(mac, source, target, vlans)
    link = build.Link(mac, build.BROADCAST, vlans)
    assert ours == padded(envelope(link) / scapy.ARP(hwsrc=mac, psrc=str(source), pdst=str(target)))
    header = parse_header(ours)
    assert header.kind is FrameKind.ARP
    assert (header.arp.sender_mac, header.arp.sender_ip, header.arp.target_ip) == (mac, source, target)
    assert parse_answer(ours)[1] is None, "a question is no answer"


@many
@given(macs, v6, v6, tags)
def test_solicitations_equal_scapy(mac, source, target, vlans):
    ours = build.neighbour_solicitation(mac, source, target, vlans)
    group = build.solicited_node(target)
    link = build.Link(mac, build.multicast_mac(group), vlans)
    option = scapy.ICMPv6NDOptSrcLLAddr(lladdr=mac)
    theirs = envelope(link) / network(source, group, 255) / scapy.ICMPv6ND_NS(tgt=str(target)) / option
    assert ours == padded(theirs)
    assert parse_header(ours).neighbour_target == target
    routers = build.Link(mac, "33:33:00:00:00:02", vlans)
    theirs = envelope(routers) / network(source, build.ALL_ROUTERS, 255) / scapy.ICMPv6ND_RS() / option
    assert build.router_solicitation(mac, source, vlans) == padded(theirs)


@many
@given(macs, v4, v6)
def test_reads_address_answers_of_scapy(mac, four, six):
    link = build.Link(mac, MAC_A)
    reply = scapy.ARP(op=2, hwsrc=mac, psrc=str(four), hwdst=MAC_A, pdst="10.0.0.1")
    assert parse_answer(padded(envelope(link) / reply))[1] == AddressAnswer(four, mac)
    advertisement = scapy.ICMPv6ND_NA(tgt=str(six)) / scapy.ICMPv6NDOptDstLLAddr(lladdr=mac)
    answer = bytes(envelope(link) / network(six, IPv6Address("fd00::1"), 255) / advertisement)
    assert parse_answer(answer)[1] == AddressAnswer(six, mac)
    routed = bytes(envelope(link) / network(six, IPv6Address("fd00::1"), 254) / advertisement)
    with pytest.raises(FrameError, match="beyond the link"):
        parse_answer(routed)


@many
@given(pairs, word, word, double, st.integers(8, 60), st.sampled_from(["tcp", "echo", "udp"]))
def test_reads_icmp_errors_of_scapy(pair, first, second, sequence, quoted, kind):
    """A router quotes our packet, whole or its first octets only."""
    four = pair[0].version == 4
    link = build.Link(MAC_A, MAC_B)
    if kind == "tcp":
        sent = build.tcp(link, *pair, source_port=first, destination_port=second, sequence=sequence)
    elif kind == "udp":
        sent = build.udp(link, *pair, source_port=first, destination_port=second, payload=bytes(40))
    else:
        sent = build.icmp_echo(link, *pair, identifier=first, sequence=second, payload=bytes(40))
    quote = sent[14:][: (20 if four else 40) + quoted]
    reporter = IPv4Address("192.0.2.1") if four else IPv6Address("2001:db8::1")
    error = scapy.ICMP(type=3, code=13) if four else scapy.ICMPv6DestUnreach(code=1)
    frame = padded(envelope(link) / network(reporter, pair[0]) / error / scapy.Raw(quote))
    _, answer = parse_answer(frame)
    assert isinstance(answer, IcmpError)
    assert (answer.type, answer.code, answer.prohibited) == ((3, 13, True) if four else (1, 1, True))
    assert answer.reporter == reporter
    assert (answer.embedded.source_ip, answer.embedded.destination_ip) == pair
    assert (answer.embedded.first, answer.embedded.second) == (first, second)
    assert answer.embedded.tcp_sequence == (sequence if kind == "tcp" else None)


@pytest.mark.parametrize(
    ("type_", "code", "prohibited"),
    [(3, 0, False), (3, 1, False), (3, 3, False), (3, 9, True), (3, 10, True), (3, 13, True), (11, 0, False)],
)
def test_which_errors_say_prohibited(type_, code, prohibited):
    link, here, there = build.Link(MAC_A, MAC_B), IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")
    quote = build.icmp_echo(link, here, there, identifier=1, sequence=2)[14:42]
    frame = padded(envelope(link) / network(there, here) / scapy.ICMP(type=type_, code=code) / scapy.Raw(quote))
    answer = parse_answer(frame)[1]
    assert (answer.type, answer.code, answer.prohibited) == (type_, code, prohibited)


def test_a_wrong_checksum_is_no_answer():
    link, here, there = build.Link(MAC_A, MAC_B), IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")
    reply = bytearray(padded(envelope(link) / network(there, here) / scapy.ICMP(type=0, id=1, seq=2) / b"payload"))
    assert parse_answer(bytes(reply))[1] == EchoReply(1, 2, b"payload")
    reply[45] ^= 1
    with pytest.raises(FrameError, match="checksum"):
        parse_answer(bytes(reply))
    assert parse_answer(bytes(reply), verify=False)[1].payload != b"payload"


KINDS = {
    "bpdu": (b"\x42\x42\x03" + bytes(35), FrameKind.BPDU),
    "pvst": (bytes.fromhex("aaaa0300000c010b") + bytes(35), FrameKind.BPDU),
    "cdp": (bytes.fromhex("aaaa0300000c2000") + bytes(35), FrameKind.CDP),
    "vtp": (bytes.fromhex("aaaa0300000c2003") + bytes(35), FrameKind.VTP),
    "dtp": (bytes.fromhex("aaaa0300000c2004") + bytes(35), FrameKind.DTP),
    "other": (b"\xe0\xe0\x03" + bytes(35), FrameKind.OTHER),
}


@pytest.mark.parametrize("name", KINDS)
def test_recognises_llc_frames(name):
    body, kind = KINDS[name]
    frame = build.ethernet(build.Link(MAC_A, "01:80:c2:00:00:00"), len(body), body)
    header = parse_header(frame)
    assert (header.kind, header.ethertype, header.is_group) == (kind, None, True)
    tagged = build.ethernet(build.Link(MAC_A, MAC_B, (VlanTag(5),)), len(body), body)
    assert (parse_header(tagged).kind, parse_header(tagged).is_group) == (kind, False)


def test_refuses_deep_nesting():
    tag = bytes.fromhex("81000001")
    head = mac_bytes(MAC_A) + mac_bytes(MAC_B)
    assert len(parse_header(head + tag * 4 + b"\x88\xb5" + bytes(50)).vlans) == 4
    with pytest.raises(FrameError, match="tags"):
        parse_header(head + tag * 5 + b"\x88\xb5" + bytes(50))
    extension = b"\x3c" + bytes(7)
    packet = b"\x60\0\0\0" + (8 * 20).to_bytes(2) + b"\x3c\x40" + bytes(32) + extension * 20
    with pytest.raises(FrameError, match="extension headers"):
        parse_header(head + b"\x86\xdd" + packet)


@pytest.mark.parametrize(
    "text", ["", "02:00:00:00:00", "02:00:00:00:00:0g", "02-00-00-00-00-0a", "+1:00:00:00:00:00:", "02:00:00:00:00: a"]
)
def test_refuses_what_is_no_mac(text):
    with pytest.raises(FrameError):
        mac_bytes(text)


@pytest.mark.parametrize(
    "call",
    [
        lambda link, a, b: build.tcp(link, a, b, source_port=70000, destination_port=1, sequence=1),
        lambda link, a, b: build.icmp_echo(link, a, b, identifier=-1, sequence=1),
        lambda link, a, b: build.icmp_echo(link, a, IPv6Address("::1"), identifier=1, sequence=1),
        lambda link, a, b: build.udp(link, a, b, source_port=1, destination_port=1, payload=bytes(70000)),
        lambda link, a, b: build.arp_request(MAC_A, a, b, [VlanTag(4096)]),
    ],
)
def test_builders_refuse_what_does_not_fit(call):
    with pytest.raises(FrameError):
        call(build.Link(MAC_A, MAC_B), IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2"))


VALID = [
    build.arp_request(MAC_A, IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2"), [VlanTag(3)]),
    build.icmp_echo(
        build.Link(MAC_A, MAC_B), IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2"), identifier=1, sequence=1
    ),
    build.tcp(
        build.Link(MAC_A, MAC_B),
        IPv6Address("fd00::1"),
        IPv6Address("fd00::2"),
        source_port=1,
        destination_port=2,
        sequence=3,
    ),
    build.neighbour_solicitation(MAC_A, IPv6Address("fd00::1"), IPv6Address("fd00::2")),
    bytes(envelope(build.Link(MAC_A, MAC_B)) / scapy.IPv6() / scapy.ICMPv6ND_NA() / scapy.ICMPv6NDOptDstLLAddr()),
    bytes(envelope(build.Link(MAC_A, MAC_B)) / scapy.IP() / scapy.ICMP(type=3) / scapy.IP() / scapy.UDP()),
    bytes(envelope(build.Link(MAC_A, MAC_B)) / scapy.IPv6() / scapy.ICMPv6DestUnreach() / scapy.IPv6() / scapy.TCP()),
]


@st.composite
def damaged(draw):
    """A frame that is almost right: cut, or with octets changed."""
    frame = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(0, 4))):
        frame[draw(st.integers(0, len(frame) - 1))] = draw(st.integers(0, 255))
    return bytes(frame[: draw(st.integers(0, len(frame)))])


@settings(max_examples=1500, deadline=None)
@given(st.one_of(st.binary(max_size=200), damaged()), st.one_of(st.none(), st.integers(0, 70000)))
def test_nothing_but_frame_error(data, length):
    for read in (
        lambda: parse_link(data, length),
        lambda: parse_header(data, length),
        lambda: parse_answer(data),
        lambda: parse_answer(data, verify=False),
    ):
        try:
            read()
        except FrameError:
            continue
    record_of(CapturedFrame("x", 0, 0, Direction.OUTGOING, None, len(data), data)).as_ledger()
