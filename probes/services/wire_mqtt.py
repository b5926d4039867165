"""MQTT 3.1.1: CONNECT without credentials, CONNACK, DISCONNECT (OASIS MQTT 3.1.1, 2.2.3, 3.1, 3.2, 3.14)."""

from __future__ import annotations

from probes.services.facts import MqttAnswer
from probes.services.wire_reader import Malformed, Reader

CLIENT = b"r2s-audit"
DISCONNECT = b"\xe0\x00"
MIN_CONNACK, MAX_CONNACK = 2, 1024
_LEVEL, _CLEAN, _KEEP_ALIVE_S = 4, 0x02, 10
_CONNECT, _CONNACK = 0x10, 0x20
_MAX_LENGTH_OCTETS = 4


def connect() -> bytes:
    """A CONNECT with a clean session, without user name, password or will: it leaves nothing behind."""
    body = _counted(b"MQTT") + bytes((_LEVEL, _CLEAN)) + _KEEP_ALIVE_S.to_bytes(2) + _counted(CLIENT)
    return bytes((_CONNECT, len(body))) + body


def _counted(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data


def parse_connack(data: bytes) -> MqttAnswer:
    """The first packet of a broker.

    Raises:
        Incomplete: more has to come.
        Malformed: it is no CONNACK.
    """
    reader = Reader(data)
    kind = reader.integer()
    if kind != _CONNACK:
        raise Malformed(f"packet type {kind}")
    length = remaining_length(reader)
    # A broker of version 5 may add properties, and says so in the length.
    if not MIN_CONNACK <= length <= MAX_CONNACK:
        raise Malformed(f"CONNACK of {length} octets")
    body = Reader(reader.take(length))
    flags, code = body.integer(), body.integer()
    if flags > 1 or (flags and code):
        raise Malformed(f"flags {flags} with code {code}")
    return MqttAnswer(code=code)


def remaining_length(reader: Reader) -> int:
    """Seven bits an octet, the least first; four octets at most."""
    value = 0
    for place in range(_MAX_LENGTH_OCTETS):
        octet = reader.integer()
        value |= (octet & 0x7F) << (7 * place)
        if not octet & 0x80:
            return value
    raise Malformed("remaining length of more than four octets")
