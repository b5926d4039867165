"""Neutral values and their bounded, never raising conversions.

Live answers and recordings both become ``{oid: value}`` with ``int``, ``bytes`` or an :data:`~probes.snmp.oids.Oid`;
everything after that is the same code. A value of an unexpected type is treated as absent.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import TypeAlias

from .facts import Text
from .oids import Oid

Value: TypeAlias = int | bytes | Oid
Rows: TypeAlias = Mapping[Oid, Value]

MAX_TEXT = 512
"""Octets kept of a text: SnmpAdminString and DisplayString allow 255."""
MAX_PORTLIST = 8192
"""Octets of a PortList that are looked at: all 65535 values of dot1dBasePort (RFC 4188)."""
MAC_LENGTH = 6
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{2}(?:[ :-][0-9A-Fa-f]{2})+[ ]?")
"""At least two pairs with separators: no PortList of a real bridge is made of these octets only, in this rhythm."""
_DIGITS = re.compile(rb"[0-9A-Fa-f]{1,2}")
_DECIMAL = re.compile(rb"[0-9]{1,5}(?:,[0-9]{1,5})*")


def text(value: Value | None) -> Text | None:
    """An octet string as text: UTF-8, replacement characters and hexadecimal where it is not printable."""
    if not isinstance(value, bytes):
        return None
    kept = value[:MAX_TEXT]
    truncated = len(value) > MAX_TEXT
    # RFC 2579 DisplayString allows line ends, and some agents end their strings with a NUL as in C.
    shown = kept.rstrip(b"\0").decode("utf-8", errors="replace")
    plain = "".join(" " if c in "\r\n\t" else c for c in shown)
    if plain.isprintable() and "\N{REPLACEMENT CHARACTER}" not in plain:
        return Text(text=plain, truncated=truncated)
    readable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in plain)
    return Text(text=readable, hex=kept.hex(), truncated=truncated)


def integer(value: Value | None) -> int | None:
    """A number, or None for anything else; at most 64 bits, as Counter64."""
    return value if isinstance(value, int) and -(2**63) <= value < 2**64 else None


def truth(value: Value | None) -> bool | None:
    """TruthValue (RFC 2579): true(1), false(2); None for anything else."""
    return {1: True, 2: False}.get(value) if isinstance(value, int) else None


def mac(value: Value | None) -> str | None:
    """``aa:bb:cc:dd:ee:ff`` for six octets; None for anything else."""
    return value.hex(":") if isinstance(value, bytes) and len(value) == MAC_LENGTH else None


def mac_of_index(parts: Oid) -> str | None:
    """A MAC address spelt as six sub-identifiers of an index."""
    return bytes(parts).hex(":") if len(parts) == MAC_LENGTH and all(0 <= p <= 0xFF for p in parts) else None  # noqa: PLR2004 - one octet


def network_address(octets: bytes, family: int) -> str | None:
    """An address by its IANA address family number: 1 IPv4, 2 IPv6; None for another family or a wrong length."""
    if len(octets) != {1: 4, 2: 16}.get(family):
        return None
    return str(ip_address(octets))


def is_spelt(value: Value) -> bool:
    """Whether a PortList is the text of its octets: hexadecimal pairs between separators."""
    return isinstance(value, bytes) and _HEXADECIMAL.fullmatch(value[:MAX_PORTLIST]) is not None


def port_list(value: Value | None, known: Collection[int] = (), *, spelt: bool = False) -> tuple[int, ...]:
    """Bridge ports of a PortList (RFC 4363): the most significant bit of the first octet is port 1.

    Two other spellings are met in the field and read too: the octets spelt as hexadecimal pairs, and the port numbers
    themselves in decimal. The last is told from octets that look like digits by the ``known`` ports alone. ``spelt``:
    another list of the same agent is hexadecimal text, so that a lone ``0`` is an empty list and not ports 3 and 4.
    """
    if not isinstance(value, bytes):
        return ()
    kept = value[:MAX_PORTLIST]
    if is_spelt(kept) or (spelt and _DIGITS.fullmatch(kept)):
        digits = re.sub(rb"[^0-9A-Fa-f]", b"", kept).decode()
        return bit_numbers(bytes.fromhex(digits if len(digits) % 2 == 0 else f"0{digits}"))
    ports = bit_numbers(kept)
    if known and _DECIMAL.fullmatch(kept) and not known_only(ports, known):
        numbers = tuple(sorted({int(part) for part in kept.split(b",")} - {0}))
        if known_only(numbers, known):
            return numbers
    return ports


def known_only(ports: Collection[int], known: Collection[int]) -> bool:
    """Whether every port is one that the agent has."""
    return all(port in known for port in ports)


def bit_numbers(octets: bytes) -> tuple[int, ...]:
    """Numbers of the bits that are set, counted from 1 at the most significant bit of the first octet."""
    return tuple(
        8 * position + bit + 1 for position, octet in enumerate(octets) for bit in range(8) if octet & (0x80 >> bit)
    )


def column(rows: Rows, name: Oid) -> dict[Oid, Value]:
    """The instances of one column: index to value."""
    length = len(name)
    return {key[length:]: value for key, value in rows.items() if key[:length] == name and len(key) > length}


def table(rows: Rows, columns: Mapping[str, Oid]) -> dict[Oid, dict[str, Value]]:
    """Rows of a table by index, in the order of their indexes; a row has the columns that were given."""
    by_prefix = {prefix: name for name, prefix in columns.items()}
    lengths = {len(prefix) for prefix in by_prefix}
    found: dict[Oid, dict[str, Value]] = {}
    for key, value in rows.items():
        for length in lengths:
            name = by_prefix.get(key[:length])
            if name is not None and len(key) > length:
                found.setdefault(key[length:], {})[name] = value
    return dict(sorted(found.items()))
