"""SOLICIT and ADVERTISE against scapy, against hostile octets, and the port that is held for answers."""

import asyncio
import socket
import struct
import time
from ipaddress import IPv6Address, IPv6Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.wire import dhcpv6
from probes.wire.client import Wire
from probes.wire.dhcpv6 import Advertise, Dhcpv6Error, Problem, parse_advertise, solicit
from probes.wire.frames import FrameKind, VlanTag, mac_text, parse_header
from probes.wire.mailbox import Mailboxes
from probes.wire.options import dhcpv6_message
from probes.wire.station import Station
from tests.probes.wire.support import MAC_A, MAC_B, Tap, inside

scapy = pytest.importorskip("scapy.all")

XID = 0x123456
SERVER = bytes.fromhex("0003000102000000000b")
CLIENT = bytes.fromhex("00030001") + bytes.fromhex(MAC_A.replace(":", ""))
macs = st.binary(min_size=6, max_size=6).map(mac_text)


def option(code, body):
    return struct.pack("!HH", code, len(body)) + body


IDENTITIES = option(2, SERVER) + option(1, CLIENT)


def message(*options, kind=2, transaction=XID):
    return struct.pack("!I", kind << 24 | transaction) + b"".join(options)


def iaaddr(address):
    return option(5, IPv6Address(address).packed + bytes(8))


def iaprefix(prefix, length):
    return option(26, bytes(8) + bytes([length]) + IPv6Address(prefix).packed)


@settings(max_examples=60, deadline=None)
@given(macs, st.ip_addresses(v=6), st.integers(0, 0xFFFFFF), st.sampled_from([None, VlanTag(30)]))
def test_solicit_is_what_scapy_reads(mac, source, transaction, vlan):
    frame = solicit(Station("x", mac, vlan), source, transaction)
    read = scapy.Ether(frame)
    assert (read.src, read.dst) == (mac, "33:33:00:01:00:02")
    datagram, asked = read[scapy.UDP], read[scapy.DHCP6_Solicit]
    assert (datagram.sport, datagram.dport, read[scapy.IPv6].dst) == (546, 547, "ff02::1:2")
    right = datagram.chksum
    del datagram.chksum
    assert scapy.Ether(bytes(read))[scapy.UDP].chksum == right
    assert (asked.trid, read[scapy.DHCP6OptClientId].duid.lladdr) == (transaction, mac)
    assert read[scapy.DHCP6OptOptReq].reqopts == [23]
    assert read.haslayer(scapy.DHCP6OptIA_NA)
    assert read.haslayer(scapy.DHCP6OptIA_PD)
    assert not read.haslayer(scapy.DHCP6OptRapidCommit), "it asks, and leases nothing"
    header = parse_header(frame)
    assert (header.kind, header.dhcp_message, header.source_ip) == (FrameKind.IPV6, dhcpv6.SOLICIT, source)


def test_an_advertise_by_scapy_reads():
    built = (
        scapy.DHCP6_Advertise(trid=XID)
        / scapy.DHCP6OptClientId(duid=scapy.DUID_LL(lladdr=MAC_A))
        / scapy.DHCP6OptServerId(duid=scapy.DUID_LL(lladdr=MAC_B))
        / scapy.DHCP6OptPref(prefval=7)
        / scapy.DHCP6OptIA_NA(iaid=1, ianaopts=[scapy.DHCP6OptIAAddress(addr="fd00:30::9")])
        / scapy.DHCP6OptIA_PD(iaid=1, iapdopt=[scapy.DHCP6OptIAPrefix(prefix="fd00:77::", plen=48)])
        / scapy.DHCP6OptDNSServers(dnsservers=["fd00:30::1", "fd00:30::2"])
    )
    assert parse_advertise(bytes(built), XID, MAC_A) == Advertise(
        duid="00:03:00:01:02:00:00:00:00:0b",
        preference=7,
        status=None,
        addresses=(IPv6Address("fd00:30::9"),),
        prefixes=(IPv6Network("fd00:77::/48"),),
        resolvers=(IPv6Address("fd00:30::1"), IPv6Address("fd00:30::2")),
    )


def test_no_address_to_give_is_said_wherever_the_server_says_it():
    inside_association = option(3, bytes(12) + option(13, b"\0\2none"))
    for more in (option(13, b"\0\2none"), inside_association):
        assert parse_advertise(message(IDENTITIES, more), XID, MAC_A).status == 2


OTHERS = {
    "another transaction": message(IDENTITIES, transaction=XID + 1),
    "another transaction, and no more": message(transaction=1),
}
WRONG = {
    "nothing": (b"", Problem.CUT),
    "no transaction": (b"\2\x12\x34", Problem.CUT),
    "a reply": (message(IDENTITIES, kind=7), Problem.TYPE),
    "a solicit": (message(IDENTITIES, kind=1), Problem.TYPE),
    "no server": (message(option(1, CLIENT)), Problem.SERVER),
    "two servers": (message(IDENTITIES, option(2, SERVER + b"\1")), Problem.SERVER),
    "a server without a name": (message(option(1, CLIENT), option(2, b"\0\3")), Problem.SERVER),
    "a server's name too long": (message(option(1, CLIENT), option(2, bytes(131))), Problem.SERVER),
    "no client": (message(option(2, SERVER)), Problem.CLIENT),
    "another client": (message(option(2, SERVER), option(1, CLIENT[:-1] + b"\xff")), Problem.CLIENT),
    "two clients": (message(IDENTITIES, option(1, CLIENT)), Problem.CLIENT),
    "an option cut in its header": (message(IDENTITIES, b"\0\7\0"), Problem.OPTION),
    "an option that passes the end": (message(IDENTITIES, b"\0\7\0\2\1"), Problem.OPTION),
    "a preference of two octets": (message(IDENTITIES, option(7, b"\1\1")), Problem.OPTION),
    "a status without a code": (message(IDENTITIES, option(13, b"\0")), Problem.OPTION),
    "half a resolver": (message(IDENTITIES, option(23, bytes(24))), Problem.OPTION),
    "a short association": (message(IDENTITIES, option(3, bytes(11))), Problem.OPTION),
    "an address cut": (message(IDENTITIES, option(3, bytes(12) + option(5, bytes(23)))), Problem.OPTION),
    "a prefix cut": (message(IDENTITIES, option(25, bytes(12) + option(26, bytes(24)))), Problem.OPTION),
    "a prefix of 129": (message(IDENTITIES, option(25, bytes(12) + iaprefix("fd00::", 129))), Problem.OPTION),
    "inside passes the end": (message(IDENTITIES, option(3, bytes(12) + b"\0\5\0\x18")), Problem.OPTION),
    "too many options": (message(IDENTITIES, option(99, b"") * dhcpv6.MAX_OPTIONS), Problem.OPTION),
    "too many inside": (message(IDENTITIES, option(3, bytes(12) + iaaddr("fd00::1") * 128)), Problem.OPTION),
}


@pytest.mark.parametrize("name", OTHERS)
def test_others_conversations_say_nothing(name):
    assert parse_advertise(OTHERS[name], XID, MAC_A) is None


@pytest.mark.parametrize("name", WRONG)
def test_what_clients_discard_is_said_as_such(name):
    payload, problem = WRONG[name]
    with pytest.raises(Dhcpv6Error) as caught:
        parse_advertise(payload, XID, MAC_A)
    assert caught.value.problem is problem


def test_host_bits_of_a_prefix_are_no_fault():
    said = parse_advertise(message(IDENTITIES, option(25, bytes(12) + iaprefix("fd00:77::9", 48))), XID, MAC_A)
    assert said.prefixes == (IPv6Network("fd00:77::/48"),)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=400), st.booleans())
def test_arbitrary_octets_are_an_answer_or_a_problem(tail, ours):
    payload = message(IDENTITIES, tail) if ours else tail
    try:
        said = parse_advertise(payload, XID, MAC_A)
    except Dhcpv6Error as error:
        assert isinstance(error.problem, Problem)  # noqa: PT017 - the only thing that is raised
        return
    assert said is None or 8 <= len(said.duid) <= 389


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (message(IDENTITIES, kind=1), 1),
        (message(kind=1), 1),
        (message(kind=3), 3),
        (message(option(14, b""), kind=1), None),  # Rapid Commit: it leases
        (message(option(14, b""), kind=3), 3),
        (message(option(1, CLIENT), b"\0\x0e", kind=1), None),
        (message(b"\0\1\0\x20", kind=1), None),
        (b"\1\0\0", None),
        (b"", None),
    ],
)
def test_what_a_gate_reads_of_a_message_to_a_server(payload, kind):
    assert dhcpv6_message(payload) == kind


def errors(tap):
    """ICMPv6 errors that left: what a kernel says to whoever speaks to a port that nobody holds."""
    time.sleep(0.05)
    headers = [parse_header(frame) for frame in tap.take(outgoing=True)]
    return [header.icmp_type for header in headers if header.icmp_type == 1]


def answer_from(peer):
    with inside(peer.namespace), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as server:
        server.sendto(message(IDENTITIES), ("fd99::1", 546))


def test_the_kernel_refuses_no_answer_while_the_port_is_held(peer):
    tap = Tap("wa")
    answer_from(peer)
    assert errors(tap) == [1], "the control: without anybody at the port it does"
    boxes = Mailboxes(["wa", "no-such"])
    assert (boxes.holds("wa"), boxes.holds("no-such")) == (True, False)
    assert Mailboxes(["wa"]).holds("wa"), "held by somebody else, it is held"
    for _ in range(64):  # more than the box has room for
        answer_from(peer)
    assert errors(tap) == []
    boxes.close()
    assert not boxes.holds("wa")
    tap.close()


def test_a_wire_holds_the_port_of_its_interfaces_until_it_is_closed(peer):
    async def scenario():
        async with await Wire.launch(["wa"], max_rate=10, max_frames=10) as wire:
            tap = Tap("wa")
            assert (wire.takes_dhcpv6("wa"), wire.takes_dhcpv6("lo")) == (True, False)
            answer_from(peer)
            assert errors(tap) == []
            tap.close()
        assert not wire.takes_dhcpv6("wa")

    asyncio.run(scenario())
