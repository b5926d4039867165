"""A dwelling gateway's announcement of itself (RFC 6762, RFC 6763): at start, every so often, and when asked."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any, NoReturn

GROUP, PORT = "224.0.0.251", 5353
MAX_DATAGRAM = 2048
_A, _PTR, _TXT, _SRV = 1, 12, 16, 33
_IN, _FLUSH = 1, 0x8001
_TTL = 120


def serve(options: Mapping[str, Any]) -> NoReturn:
    """Announce ``options['name']`` at ``options['address']``, and answer whoever asks for its type."""
    own = socket.inet_aton(options["address"])
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # noqa: TID251 - a device of the laboratory
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("", PORT))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + own)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
    announcement = announce(options["name"], options["service"], options["port"], own)
    asked_for = _name(f"{options['service']}.local")
    due = time.monotonic()
    while True:
        if time.monotonic() >= due:
            sock.sendto(announcement, (GROUP, PORT))
            due += options["interval"]
        if select.select([sock], [], [], max(0.0, due - time.monotonic()))[0]:
            data, source = sock.recvfrom(MAX_DATAGRAM)
            if len(data) >= 12 and not data[2] & 0x80 and asked_for in data:
                # Who asks from another port is a simple resolver: it is answered by unicast (RFC 6762, 6.7).
                sock.sendto(announcement, (GROUP, PORT) if source[1] == PORT else source)


def announce(name: str, service: str, port: int, address: bytes) -> bytes:
    """PTR, SRV, TXT and A in one response."""
    kind, instance, host = f"{service}.local", f"{name}.{service}.local", f"{name}.local"
    records = (
        _record(kind, _PTR, _IN, _name(instance)),
        _record(instance, _SRV, _FLUSH, struct.pack(">HHH", 0, 0, port) + _name(host)),
        _record(instance, _TXT, _FLUSH, b"\x0ctype=gateway"),
        _record(host, _A, _FLUSH, address),
    )
    return struct.pack(">HHHHHH", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records)


def _record(name: str, kind: int, cls: int, data: bytes) -> bytes:
    return _name(name) + struct.pack(">HHIH", kind, cls, _TTL, len(data)) + data


def _name(name: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split(".")) + b"\0"
