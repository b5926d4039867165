"""LLDP by hand (IEEE 802.1AB-2016, 8): what a well-behaved agent would not say, octet for octet."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, NoReturn

GROUP = bytes.fromhex("0180c200000e")
ETHERTYPE = 0x88CC
MAX_VALUE = 511
"""Nine bits of length."""
_CHASSIS, _PORT, _TTL, _PORT_DESCRIPTION, _NAME, _DESCRIPTION, _CAPABILITIES, _MANAGEMENT = 1, 2, 3, 4, 5, 6, 7, 8
_MAC_SUBTYPE, _IFNAME_SUBTYPE = 4, 5
_BRIDGE = 0x0004
_IFINDEX = 2
_AFI = {4: 1, 6: 2}
"""Address family numbers of IANA, by IP version."""


def serve(options: Mapping[str, Any]) -> NoReturn:
    """Announce ``options`` (see :func:`frame`) on ``options['interface']``, every second, until killed."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:  # noqa: TID251 - a device of the laboratory
        sock.bind((options["interface"], 0))
        data = frame(options)
        while True:
            sock.send(data)
            time.sleep(1)


def frame(options: Mapping[str, Any]) -> bytes:
    """One LLDPDU in its frame.

    ``options``: ``mac``, and the texts ``port``, ``port_description``, ``name``, ``description``, each cut where a TLV
    ends; ``management``: addresses; ``ttl`` in seconds: what is forgotten soon leaves nothing behind when it stops.
    """
    own = bytes.fromhex(options["mac"].replace(":", ""))
    tlvs = [
        _tlv(_CHASSIS, bytes((_MAC_SUBTYPE,)) + own),
        _tlv(_PORT, bytes((_IFNAME_SUBTYPE,)) + _text(options["port"])[:255]),
        _tlv(_TTL, struct.pack(">H", options["ttl"])),
        _tlv(_PORT_DESCRIPTION, _text(options["port_description"])[:255]),
        _tlv(_NAME, _text(options["name"])[:255]),
        _tlv(_DESCRIPTION, _text(options["description"])[:255]),
        _tlv(_CAPABILITIES, struct.pack(">HH", _BRIDGE, _BRIDGE)),
        *(_tlv(_MANAGEMENT, _management(address)) for address in options["management"]),
        _tlv(0, b""),
    ]
    return GROUP + own + struct.pack(">H", ETHERTYPE) + b"".join(tlvs)


def _text(text: str) -> bytes:
    """UTF-8; what is no character stands for the octet that it was (``surrogateescape``)."""
    return text.encode("utf-8", "surrogateescape")


def _tlv(kind: int, value: bytes) -> bytes:
    return struct.pack(">H", kind << 9 | len(value[:MAX_VALUE])) + value[:MAX_VALUE]


def _management(address: str) -> bytes:
    """Clause 8.5.9: an address, the interface's number, no object."""
    parsed = ip_address(address)
    counted = bytes((1 + len(parsed.packed), _AFI[parsed.version])) + parsed.packed
    return counted + struct.pack(">BIB", _IFINDEX, 1, 0)
