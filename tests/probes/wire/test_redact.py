"""Nothing that may be a secret is left of a frame, and its headers still say what they said."""

from __future__ import annotations

import random
import struct
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.frames import FrameError, parse_header
from probes.wire.redact import redact
from tests.probes.wire.support import MAC_A, MAC_B

SECRET = b"Motdepasse-9876"
ETHERNET = bytes.fromhex((MAC_B + MAC_A).replace(":", ""))
V4 = (IPv4Address("10.0.0.1").packed, IPv4Address("10.0.0.2").packed)
V6 = (IPv6Address("fd00::1").packed, IPv6Address("fd00::2").packed)


def ipv4(protocol: int, payload: bytes, *, fragment: int = 0) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, fragment, 64, protocol, 0)
    return ETHERNET + b"\x08\x00" + head + V4[0] + V4[1] + payload


def ipv6(protocol: int, payload: bytes) -> bytes:
    head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64)
    return ETHERNET + b"\x86\xdd" + head + V6[0] + V6[1] + payload


def udp(port: int, payload: bytes, source: int = 40000) -> bytes:
    return struct.pack("!HHHH", source, port, 8 + len(payload), 0xBEEF) + payload


def tcp(port: int, payload: bytes, options: bytes = b"") -> bytes:
    size = 20 + len(options)
    return struct.pack("!HHIIBBHHH", 40000, port, 1, 2, size // 4 << 4, 0x18, 1000, 0xBEEF, 0) + options + payload


def eapol(kind: int, body: bytes) -> bytes:
    return ETHERNET + b"\x88\x8e" + struct.pack("!BBH", 2, kind, len(body)) + body


SNMP = b"\x30\x29\x02\x01\x01\x04\x0f" + SECRET
EAP_MD5 = b"\x02\x01\x00\x16\x04\x10" + SECRET
LLC_BODY = SECRET + bytes(20)
CARRIERS = {
    "snmp community": ipv4(17, udp(161, SNMP)),
    "snmp community over IPv6": ipv6(17, udp(161, SNMP)),
    "snmp trap received": ipv4(17, udp(162, SNMP)),
    "snmp answer": ipv4(17, udp(40000, SNMP, 161)),
    "radius": ipv4(17, udp(1812, SECRET)),
    "dhcp without a cookie": ipv4(17, udp(67, b"\x01" * 28 + SECRET + bytes(300), 68)),
    "dhcp option": ipv4(
        17, udp(67, b"\x01\x01\x06\x00" + bytes(232) + b"\x63\x82\x53\x63\x35\x01\x01\x5a\x0f" + SECRET + b"\xff", 68)
    ),
    "dhcpv6 option": ipv6(17, udp(547, b"\x01\x12\x34\x56\x00\x01\x00\x0f" + SECRET, 546)),
    "dhcpv6 answer": ipv6(17, udp(546, b"\x02\x12\x34\x56\x00\x02\x00\x0f" + SECRET, 547)),
    "dhcpv6 that does not read": ipv6(17, udp(547, b"\x01\x12\x34\x56\x00\x01\x00\xff" + SECRET, 546)),
    "an unknown port": ipv4(17, udp(9999, SECRET)),
    "http": ipv4(6, tcp(80, b"GET / HTTP/1.1\r\nCookie: " + SECRET)),
    "telnet": ipv6(6, tcp(23, SECRET)),
    "mqtt connect": ipv4(6, tcp(1883, b"\x10\x20\x00\x04MQTT\x04\xc2\x00\x3c" + SECRET)),
    "tls record": ipv4(6, tcp(443, b"\x16\x03\x01\x00\x20\x01\x00\x00\x1c" + SECRET + bytes(20))),
    "tls application data": ipv4(6, tcp(443, b"\x17\x03\x03\x00\x40" + SECRET + bytes(60))),
    "tcp md5 signature": ipv4(6, tcp(179, b"", b"\x13\x12" + SECRET + b"\x00\x01\x01")),
    "tcp options that do not read": ipv4(6, tcp(179, b"", b"\x02\x01" + SECRET + bytes(3))),
    "after the end of tcp options": ipv4(6, tcp(179, b"", b"\x00" + SECRET)),
    "icmp error that quotes": ipv4(1, b"\x03\x03\xbe\xef\x00\x00\x00\x00" + ipv4(17, udp(161, SNMP))[14:]),
    "icmpv6 error that quotes": ipv6(58, b"\x01\x04\x00\x00\x00\x00\x00\x00" + ipv6(17, udp(161, SNMP))[14:]),
    "redirect that quotes": ipv6(58, b"\x89\x00\x00\x00" + bytes(36) + b"\x04\x03" + bytes(6) + SECRET + b"\x00"),
    "echo": ipv4(1, b"\x08\x00\xbe\xef\x00\x01\x00\x01" + SECRET),
    "igmp of another kind": ipv4(2, b"\x13\x00\x00\x00\x00\x00\x00\x00" + SECRET),
    "vrrp with a password": ipv4(112, bytes(8) + SECRET),
    "ospf with a password": ipv4(89, bytes(16) + SECRET),
    "a later fragment": ipv4(17, SECRET + bytes(9), fragment=100),
    "a first fragment": ipv4(17, udp(161, SNMP), fragment=0x2000),
    "an IP header that does not read": ETHERNET + b"\x08\x00\x4f" + SECRET + bytes(40),
    "eap identity": eapol(0, b"\x02\x01\x00\x14\x01" + SECRET),
    "eap md5": eapol(0, EAP_MD5),
    "eapol key": eapol(3, SECRET),
    "an unknown EtherType": ETHERNET + b"\x88\xb5" + SECRET + bytes(40),
    "vtp with a digest": ETHERNET + struct.pack("!H", 40) + b"\xaa\xaa\x03\x00\x00\x0c\x20\x03" + SECRET + bytes(17),
    "another LLC protocol": ETHERNET + struct.pack("!H", 38) + b"\xe0\xe0\x03" + LLC_BODY,
    "behind ARP": ETHERNET + b"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" + bytes(20) + SECRET,
    "behind IP": ipv4(17, udp(9, b"")) + SECRET,
    "behind neighbour discovery": ipv6(58, b"\x87\x00\x00\x00" + bytes(20)) + SECRET,
    "behind LLDP": ETHERNET + b"\x88\xcc" + b"\x02\x02\x07a\x00\x00" + SECRET,
    "behind a BPDU": ETHERNET + b"\x00\x26\x42\x42\x03" + bytes(35) + SECRET,
    "behind a VLAN tag": ETHERNET + b"\x81\x00\x00\x0a" + ipv4(17, udp(161, SNMP))[12:],
    "cut": ipv4(17, udp(161, SNMP))[:70],
    "hardly a frame": ETHERNET[:11] + SECRET,
}


@pytest.mark.parametrize("name", CARRIERS)
def test_nothing_of_the_secret_is_left(name: str) -> None:
    frame = CARRIERS[name]
    assert SECRET in frame or name == "cut", "the control: it is there before"
    clean = redact(frame, max(len(frame), 100) if name == "cut" else None)
    assert clean.removed
    for start in range(len(SECRET) - 3):
        assert SECRET[start : start + 4] not in clean.data, "not even a part"
    if name != "behind IP":  # where the checksum covers nothing that was removed
        assert b"\xbe\xef" not in clean.data, "a checksum tells of what it covers"


@pytest.mark.parametrize("name", CARRIERS)
def test_headers_say_what_they_said(name: str) -> None:
    frame = CARRIERS[name]
    length = max(len(frame), 100)
    try:
        before = parse_header(frame, length)
    except FrameError:
        return
    after = parse_header(redact(frame, length).data, length)
    pairs = ("source_mac", "destination_mac", "source_ip", "destination_ip", "protocol", "source_port", "vlans")
    pairs += ("destination_port", "icmp_type", "arp", "kind", "eap_code", "tcp_flags", "neighbour_target")
    for field in pairs:
        assert getattr(after, field) == getattr(before, field), field


WHOLE = {
    "arp": ETHERNET + b"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" + bytes(20),
    "syn": ipv4(6, tcp(443, b"", b"\x02\x04\x05\xb4\x01\x03\x03\x07")),
    "router advertisement": ipv6(58, b"\x86\x00\x00\x00" + bytes(12) + b"\x01\x01" + bytes(6)),
    "neighbour advertisement": ipv6(58, b"\x88\x00\x00\x00" + bytes(20)),
    "listener report": ipv6(58, b"\x8f\x00\x00\x00" + bytes(24)),
    "igmp report": ipv4(2, b"\x22\x00\x00\x00" + bytes(12)),
    "lldp": ETHERNET + b"\x88\xcc" + b"\x02\x02\x07a\x0a\x03abc\x00\x00",
    "bpdu": ETHERNET + b"\x00\x26\x42\x42\x03" + bytes(35),
    "eapol start": eapol(1, b""),
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_holds_no_secret_is_whole(name: str) -> None:
    clean = redact(WHOLE[name])
    assert (clean.data, clean.removed) == (WHOLE[name], "")


def test_of_a_solicit_it_is_kept_which_question_it_was() -> None:
    clean = redact(CARRIERS["dhcpv6 option"])
    assert clean.data.endswith(b"\x01\x12\x34\x56")
    assert clean.removed == "payload of dhcpv6, checksum"


@given(st.binary(max_size=300), st.sampled_from(sorted(CARRIERS)), st.integers(0, 2**32), st.integers(0, 40))
def test_whatever_comes_is_cut_and_never_grows(tail: bytes, name: str, seed: int, flips: int) -> None:
    """Hostile frames raise nothing; what is kept is the frame's own beginning, zeros aside."""
    frame = bytearray(CARRIERS[name] + tail)
    dice = random.Random(seed)
    for _ in range(flips):
        frame[dice.randrange(len(frame))] = dice.randrange(256)
    data = bytes(frame)
    for length in (None, len(data) + 50):
        clean = redact(data, length)
        assert len(clean.data) <= len(data)
        assert all(kept in {was, 0} for kept, was in zip(clean.data, data, strict=False))
