"""Classic BPF programs for the few filters that captures need, from small expressions.

``compile_filter(ethertype(0x806) & outgoing())`` gives the octets of a struct sock_filter array
(linux/filter.h; Documentation/networking/filter.rst). Offsets are those of an untagged frame: the kernel has
taken the outer tag off a received frame before the filter sees it, and a load past the end rejects a frame.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from probes.wire.frames import ETH_ARP, ETH_IPV4, ETH_IPV6, ICMP, ICMPV6, TAGS, TCP, UDP, mac_bytes

LD_WORD, LD_HALF, LD_BYTE = 0x20, 0x28, 0x30
LD_HALF_INDIRECT, LDX_IPV4_LENGTH, ALU_AND = 0x48, 0xB1, 0x54
JEQ, JGT, JGE, JSET, RET = 0x15, 0x25, 0x35, 0x45, 0x06
ANCILLARY, PACKET_TYPE, VLAN_TAG, VLAN_PRESENT = 0xFFFFF000, 4, 44, 48
OUTGOING = 4
MAX_JUMP = 255


class BpfError(ValueError):
    """An expression too large for classic BPF's 8-bit jumps."""


class Expression:
    """Something that holds of a frame or does not; combine with &, | and ~."""

    __slots__ = ()

    def __and__(self, other: Expression) -> Expression:
        """Both."""
        return _Both(self, other)

    def __or__(self, other: Expression) -> Expression:
        """Either."""
        return _Either(self, other)

    def __invert__(self) -> Expression:
        """Not."""
        return _Not(self)


@dataclass(frozen=True, slots=True)
class _Test(Expression):
    """Load with (code, k) instructions, then compare the accumulator with value."""

    loads: tuple[tuple[int, int], ...]
    jump: int
    value: int


@dataclass(frozen=True, slots=True)
class _Both(Expression):
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class _Either(Expression):
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class _Not(Expression):
    inner: Expression


def compile_filter(expression: Expression) -> bytes:
    """Return the program that accepts a frame whole if expression holds, else rejects it; BpfError."""
    # Laid out from the end, so that the distance of every (forward) jump is known when it is written.
    code: list[tuple[int, int, int, int]] = [(RET, 0, 0, 0), (RET, 0, 0, 0xFFFFFFFF)]

    def emit(node: Expression, yes: int, no: int) -> int:
        """Place node before code; yes and no are positions counted from the end. Return its position."""
        if isinstance(node, _Both):
            return emit(node.left, emit(node.right, yes, no), no)
        if isinstance(node, _Either):
            return emit(node.left, yes, emit(node.right, yes, no))
        if isinstance(node, _Not):
            return emit(node.inner, no, yes)
        if not isinstance(node, _Test):
            raise BpfError(f"no such expression: {node!r}")
        here = len(code)
        distances = (here - 1 - yes, here - 1 - no)
        if max(distances) > MAX_JUMP:
            raise BpfError(f"a jump over {max(distances)} instructions, {MAX_JUMP} at most")
        code.append((node.jump, *distances, node.value))
        code.extend((operation, 0, 0, operand) for operation, operand in reversed(node.loads))
        return len(code) - 1

    emit(expression, 1, 0)
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in reversed(code))


def outgoing() -> Expression:
    """Return: sent by this machine."""
    return _Test(((LD_WORD, ANCILLARY + PACKET_TYPE),), JEQ, OUTGOING)


def incoming() -> Expression:
    """Return: received."""
    return ~outgoing()


def ethertype(value: int) -> Expression:
    """Return: EtherType (or 802.3 length) equal to value."""
    return _Test(((LD_HALF, 12),), JEQ, value)


def llc() -> Expression:
    """Return: 802.3 length instead of an EtherType, as BPDU, CDP, VTP and DTP have."""
    return ~_Test(((LD_HALF, 12),), JGE, 0x0600)


def destination(mac: str) -> Expression:
    """Return: destination address equal to mac."""
    return _address(mac, 0)


def source(mac: str) -> Expression:
    """Return: source address equal to mac."""
    return _address(mac, 6)


def group() -> Expression:
    """Return: multicast or broadcast destination."""
    return _Test(((LD_BYTE, 0),), JSET, 1)


def tagged() -> Expression:
    """Return: has an 802.1Q or 802.1ad tag, taken off by the kernel or still in place."""
    inline: Expression = ethertype(TAGS[0])
    for tag in TAGS[1:]:
        inline = inline | ethertype(tag)
    return _Test(((LD_WORD, ANCILLARY + VLAN_PRESENT),), JEQ, 1) | inline


def received_vlan(vid: int) -> Expression:
    """Return: outer tag, taken off by the kernel, of identifier vid."""
    present = _Test(((LD_WORD, ANCILLARY + VLAN_PRESENT),), JEQ, 1)
    return present & _Test(((LD_WORD, ANCILLARY + VLAN_TAG), (ALU_AND, 0xFFF)), JEQ, vid)


def protocol(number: int) -> Expression:
    """Return: IPv4 protocol, or first IPv6 next header, equal to number."""
    ipv4 = ethertype(ETH_IPV4) & _Test(((LD_BYTE, 23),), JEQ, number)
    return ipv4 | (ethertype(ETH_IPV6) & _Test(((LD_BYTE, 20),), JEQ, number))


def destination_ports(low: int, high: int) -> Expression:
    """Return: TCP or UDP over IPv4 (no later fragment) or plain IPv6, destination port in [low, high]."""
    ports = ((LDX_IPV4_LENGTH, 14), (LD_HALF_INDIRECT, 16)), ((LD_HALF, 56),)
    ipv4, ipv6 = (_Test(loads, JGE, low) & ~_Test(loads, JGT, high) for loads in ports)
    first = ~_Test(((LD_HALF, 20),), JSET, 0x1FFF)
    return (protocol(TCP) | protocol(UDP)) & ((ethertype(ETH_IPV4) & first & ipv4) | (ethertype(ETH_IPV6) & ipv6))


def exchange(mac: str) -> Expression:
    """Return: what an exchange from mac needs: its own frames, and ARP, ICMP, TCP and UDP sent to it."""
    kinds = ethertype(ETH_ARP) | protocol(ICMP) | protocol(ICMPV6) | protocol(TCP) | protocol(UDP)
    return (outgoing() & source(mac)) | (incoming() & destination(mac) & kinds)


def _address(mac: str, offset: int) -> Expression:
    octets = mac_bytes(mac)
    low = _Test(((LD_WORD, offset + 2),), JEQ, int.from_bytes(octets[2:]))
    return low & _Test(((LD_HALF, offset),), JEQ, int.from_bytes(octets[:2]))
