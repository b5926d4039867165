"""Frames of the tests' own making, octet by octet: what routers, honest and hostile, put on a link."""

import struct
from ipaddress import IPv6Address

ROUTER_MAC, ROUGE_MAC, POINT_MAC = "02:00:00:00:30:01", "02:00:00:00:66:66", "02:00:00:00:30:50"
ROUTER, ROUGE, POINT = "fe80::1", "fe80::66", "fe80::50"
ALL_NODES, ALL_NODES_MAC = "ff02::1", "33:33:00:00:00:01"


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def sums(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def icmp6(message, *, source=ROUTER, destination=ALL_NODES, hops=255, link=(ROUTER_MAC, ALL_NODES_MAC), right=True):
    """A frame around an ICMPv6 message whose checksum is filled in."""
    ends = IPv6Address(source).packed + IPv6Address(destination).packed
    total = sums(ends + struct.pack("!II", len(message), 58) + message)
    message = message[:2] + struct.pack("!H", total if right else total ^ 0xFFFF) + message[4:]
    head = struct.pack("!IHBB", 6 << 28, len(message), 58, hops) + ends
    return (mac(link[1]) + mac(link[0]) + b"\x86\xdd" + head + message).ljust(60, b"\0")


def pio(prefix="fd00:30::", length=64, flags=0xC0, valid=86400, preferred=14400):
    return struct.pack("!BBBBIII", 3, 4, length, flags, valid, preferred, 0) + IPv6Address(prefix).packed


def rdnss(*servers, lifetime=1200):
    packed = b"".join(IPv6Address(s).packed for s in servers)
    return struct.pack("!BBHI", 25, 1 + 2 * len(servers), 0, lifetime) + packed


def dnssl(*names, lifetime=1200):
    octets = b"".join(b"".join(bytes([len(x)]) + x for x in name.split(b".")) + b"\0" for name in names)
    octets += bytes(-len(octets) % 8)
    return struct.pack("!BBHI", 31, 1 + len(octets) // 8, 0, lifetime) + octets


def mtu(value):
    return struct.pack("!BBHI", 5, 1, 0, value)


def sllao(text=ROUTER_MAC):
    return b"\x01\x01" + mac(text)


def body(*options, lifetime=1800, flags=0, code=0, hop_limit=64):
    return struct.pack("!BBHBBHII", 134, code, 0, hop_limit, flags, lifetime, 0, 0) + b"".join(options)


def ra(*options, lifetime=1800, flags=0, code=0, **how):
    """A router advertisement; without options: a /64, the router's MAC."""
    return icmp6(body(*(options or (pio(), sllao())), lifetime=lifetime, flags=flags, code=code), **how)


def rogue(*options, **how):
    """The same from somebody else."""
    return ra(*options, source=ROUGE, link=(ROUGE_MAC, ALL_NODES_MAC), **how)


def na(target, *, flags=0xE0, owner=ROUTER_MAC, option=True, source=None, to=(POINT, POINT_MAC), **how):
    """A neighbour advertisement."""
    message = struct.pack("!BBHB3x", 136, 0, 0, flags) + IPv6Address(target).packed
    message += b"\x02\x01" + mac(owner) if option else b""
    return icmp6(message, source=source or target, destination=to[0], link=(owner, to[1]), **how)


def fragmented(frame, offset=0, more=1):
    """The same packet behind a fragment header."""
    size = struct.unpack_from("!H", frame, 18)[0]
    inner = frame[54 : 54 + size]
    head = frame[:18] + struct.pack("!H", size + 8) + b"\x2c" + frame[21:54]
    return head + struct.pack("!BBHI", 58, 0, offset | more, 7) + inner


def behind_options(frame, count=1):
    """The same packet behind destination options headers (RFC 7113 §2)."""
    size = struct.unpack_from("!H", frame, 18)[0]
    inner = frame[54 : 54 + size]
    extensions = b"".join(bytes([60 if n + 1 < count else 58, 0, 1, 4, 0, 0, 0, 0]) for n in range(count))
    return frame[:18] + struct.pack("!H", size + 8 * count) + b"\x3c" + frame[21:54] + extensions + inner
