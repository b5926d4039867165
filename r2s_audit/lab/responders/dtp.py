"""DTP by hand: a port that offers to become a trunk, as switches do that were taken out of their box and plugged in."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Mapping
from typing import Any, NoReturn

GROUP = bytes.fromhex("01000ccccccc")
SNAP = bytes.fromhex("aaaa0300000c2004")
_DOMAIN, _STATUS, _TYPE, _NEIGHBOUR = 1, 2, 3, 4
_DESIRABLE, _NEGOTIATED = 0x03, 0xA5
"""Access now, trunk wanted; 802.1Q or ISL, whatever the other end likes."""


def serve(options: Mapping[str, Any]) -> NoReturn:
    """Say so on ``options['interface']`` every ``options['interval']`` seconds, until killed."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:  # noqa: TID251 - a device of the laboratory
        sock.bind((options["interface"], 0))
        data = frame(options)
        while True:
            sock.send(data)
            time.sleep(options["interval"])


def frame(options: Mapping[str, Any]) -> bytes:
    """One frame of version 1; ``options``: ``mac``, and ``domain``, a text of 32 octets at most."""
    own = bytes.fromhex(options["mac"].replace(":", ""))
    body = b"\x01" + b"".join(
        (
            _tlv(_DOMAIN, options["domain"].encode()[:32] + b"\0"),
            _tlv(_STATUS, bytes((_DESIRABLE,))),
            _tlv(_TYPE, bytes((_NEGOTIATED,))),
            _tlv(_NEIGHBOUR, own),
        )
    )
    payload = SNAP + body
    return (GROUP + own + struct.pack(">H", len(payload)) + payload).ljust(60, b"\0")


def _tlv(kind: int, value: bytes) -> bytes:
    """Type, length of the whole, value."""
    return struct.pack(">HH", kind, 4 + len(value)) + value
