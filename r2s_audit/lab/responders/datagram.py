"""Devices that are asked by one datagram: a BACnet controller, a KNXnet/IP gateway, a clock, a syslog collector."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn

Address = tuple[Any, ...]
Reply = tuple[bytes, Address]
Device = Callable[[Mapping[str, Any], bytes, Address, str], "Reply | None"]
MAX_DATAGRAM = 2048
_NTP_EPOCH = 2208988800
"""Seconds from 1900 to 1970 (RFC 5905, section 6)."""


def serve(kind: str, options: Mapping[str, Any]) -> NoReturn:
    """Answer on every address of ``options['addresses']``, port ``options['port']``."""
    sockets: dict[int, tuple[socket.socket, str]] = {}  # noqa: TID251 - a device of the laboratory
    for address in options["addresses"]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)  # noqa: TID251 - see above
        sock.bind((address, options["port"]))
        sockets[sock.fileno()] = (sock, address)
    while True:
        for descriptor in select.select(list(sockets), [], [])[0]:
            sock, own = sockets[descriptor]
            data, source = sock.recvfrom(MAX_DATAGRAM)
            reply = KINDS[kind](options, data, source, own)
            if reply is not None:
                sock.sendto(*reply)


def bacnet(options: Mapping[str, Any], data: bytes, source: Address, _own: str) -> Reply | None:
    """An I-Am to whoever asks for a range that holds the device's instance (ANSI/ASHRAE 135, 16.10)."""
    if len(data) < 8 or data[0] != 0x81 or data[4:8] != b"\x01\x00\x10\x08":
        return None
    low, high = _range(data[8:])
    if not low <= options["instance"] <= high:
        return None
    apdu = struct.pack(">BBBI", 0x10, 0x00, 0xC4, 8 << 22 | options["instance"])
    apdu += struct.pack(">BHBBBH", 0x22, 1476, 0x91, 3, 0x22, options["vendor"])
    return struct.pack(">BBHBB", 0x81, 0x0A, 6 + len(apdu), 1, 0) + apdu, source


def _range(limits: bytes) -> tuple[int, int]:
    """Two unsigned integers under context tags 0 and 1; without them, everybody is asked."""
    values: list[int] = []
    while limits and len(values) < 2:
        size = limits[0] & 7
        values.append(int.from_bytes(limits[1 : 1 + size]))
        limits = limits[1 + size :]
    return (values[0], values[1]) if len(values) == 2 else (0, 4194303)


def knx(options: Mapping[str, Any], data: bytes, source: Address, own: str) -> Reply | None:
    """A SEARCH_RESPONSE to the endpoint that the request names, or back where it came from (ISO 22510)."""
    if len(data) != 14 or data[:4] != b"\x06\x10\x02\x01" or data[6:8] != b"\x08\x01":
        return None
    endpoint = (socket.inet_ntoa(data[8:12]), int.from_bytes(data[12:14]))
    control = b"\x08\x01" + socket.inet_aton(own) + struct.pack(">H", options["port"])
    name = options["name"].encode("iso-8859-1")[:29].ljust(30, b"\0")
    device = struct.pack(
        ">BBBBHH6s4s6s", 54, 1, 2, 0, 0x110A, 0, b"\0\xc5\1\2\3\4", b"\xe0\0\x17\x0c", b"\2\x66\0\0\0\1"
    )
    families = bytes((10, 2, 2, 1, 3, 1, 4, 1, 5, 1))
    body = control + device + name + families
    reply = b"\x06\x10\x02\x02" + struct.pack(">H", 6 + len(body)) + body
    return reply, (endpoint if endpoint != ("0.0.0.0", 0) else source)


def ntp(_options: Mapping[str, Any], data: bytes, source: Address, _own: str) -> Reply | None:
    """The machine's own clock at stratum 3 (RFC 5905, 7.3)."""
    if len(data) < 48 or data[0] & 7 != 3:
        return None
    now = time.time() + _NTP_EPOCH
    stamp = struct.pack(">II", int(now), int(now % 1 * (1 << 32)))
    version = data[0] >> 3 & 7
    head = struct.pack(">BBbbII4s", version << 3 | 4, 3, 6, -20, 0, 1 << 8, b"LABO")
    return head + stamp + data[40:48] + stamp + stamp, source


def syslog(_options: Mapping[str, Any], _data: bytes, _source: Address, _own: str) -> Reply | None:
    """Hears, and keeps nothing (RFC 5426)."""
    return None


KINDS: Mapping[str, Device] = MappingProxyType({"bacnet": bacnet, "knx": knx, "ntp": ntp, "syslog": syslog})
