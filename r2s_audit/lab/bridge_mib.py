"""BRIDGE-MIB (RFC 4188) and Q-BRIDGE-MIB (RFC 4363) of a live switch, for snmpd's ``pass_persist``.

``python -m r2s_audit.lab.bridge_mib DATABASE CONTROL BRIDGE``. Every value is what Open vSwitch does at that moment:
a port that changes VLAN changes rows within half a second. What the switch has no notion of has no row: a trunk that
drops untagged frames has no PVID, a bridge without spanning tree no dot1dStpVersion. FDB identifiers are VLAN numbers.
"""

from __future__ import annotations

import sys
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TextIO, TypeAlias

from r2s_audit.lab.ovsdb import Port, Switch, SwitchError, read

Oid: TypeAlias = tuple[int, ...]
Row: TypeAlias = tuple[Oid, str, str]
BRIDGE: Oid = (1, 3, 6, 1, 2, 1, 17)
Q_BRIDGE: Oid = (*BRIDGE, 7, 1)
_CACHE = 0.5
_ADMIT_ALL, _ADMIT_TAGGED = 1, 2
_LEARNED = 3
_TRUE, _ACTIVE, _DISABLED, _PERMANENT, _TRANSPARENT_ONLY = 1, 1, 2, 2, 2


def _octets(value: bytes) -> str:
    return " ".join(f"{byte:02X}" for byte in value)


def port_list(numbers: Iterator[int] | list[int], width: int) -> bytes:
    """PortList of RFC 4363: port 1 is the first byte's highest bit."""
    octets = bytearray(width)
    for number in numbers:
        octets[(number - 1) // 8] |= 0x80 >> ((number - 1) % 8)
    return bytes(octets)


def accepted(port: Port) -> int | None:
    """dot1qPortAcceptableFrameTypes, as Open vSwitch treats what arrives; RFC 4363 has no number for untagged alone."""
    if port.mode == "access":
        return None
    if port.mode == "mirror":
        return _ADMIT_TAGGED
    if port.mode == "trunk" and port.trunks and 0 not in port.trunks:
        return _ADMIT_TAGGED
    return _ADMIT_ALL


def rows(switch: Switch) -> list[Row]:
    """Every row, in no particular order."""
    return [*_base(switch), *_spanning_tree(switch), *_transparent(switch), *_vlans(switch), *_port_vlans(switch)]


def _base(switch: Switch) -> Iterator[Row]:
    base = (*BRIDGE, 1)
    yield (*base, 1, 0), "octet", _octets(switch.address)
    yield (*base, 2, 0), "integer", str(len(switch.ports))
    yield (*base, 3, 0), "integer", str(_TRANSPARENT_ONLY)
    for port in switch.ports:
        entry = (*base, 4, 1)
        yield (*entry, 1, port.number), "integer", str(port.number)
        yield (*entry, 2, port.number), "integer", str(port.ifindex)
        yield (*entry, 3, port.number), "objectid", ".0.0"


def _spanning_tree(switch: Switch) -> Iterator[Row]:
    yield (*BRIDGE, 2, 1, 0), "integer", "3" if switch.spanning_tree else "1"
    if switch.spanning_tree:
        yield (*BRIDGE, 2, 16, 0), "integer", "2" if switch.spanning_tree == "rstp" else "0"


def _transparent(switch: Switch) -> Iterator[Row]:
    yield (*BRIDGE, 4, 2, 0), "integer", str(switch.ageing)
    # dot1dTpFdbTable knows no VLAN: an address learned in two of them is one row, the youngest.
    for entry in sorted(switch.learned, key=lambda line: -line.age):
        index = tuple(entry.mac)
        yield (*BRIDGE, 4, 3, 1, 1, *index), "octet", _octets(entry.mac)
        yield (*BRIDGE, 4, 3, 1, 2, *index), "integer", str(entry.port)
        yield (*BRIDGE, 4, 3, 1, 3, *index), "integer", str(_LEARNED)
        vlan_entry = (*Q_BRIDGE, 2, 2, 1)
        yield (*vlan_entry, 2, entry.vlan, *index), "integer", str(entry.port)
        yield (*vlan_entry, 3, entry.vlan, *index), "integer", str(_LEARNED)


def _vlans(switch: Switch) -> Iterator[Row]:
    yield (*Q_BRIDGE, 1, 1, 0), "integer", "1"
    yield (*Q_BRIDGE, 1, 2, 0), "integer", "4094"
    yield (*Q_BRIDGE, 1, 3, 0), "gauge", "4094"
    yield (*Q_BRIDGE, 1, 4, 0), "gauge", str(len(switch.vlans))
    yield (*Q_BRIDGE, 1, 5, 0), "integer", str(_DISABLED)
    width = max((port.number for port in switch.ports), default=1) // 8 + 1
    for vlan in switch.vlans:
        count = sum(entry.vlan == vlan for entry in switch.learned)
        yield (*Q_BRIDGE, 2, 1, 1, 2, vlan), "gauge", str(count)
        members = [port for port in switch.ports if port.carries(vlan)]
        egress = _octets(port_list([port.number for port in members], width))
        bare = _octets(port_list([port.number for port in switch.ports if vlan in port.untagged], width))
        # What is configured and what is so now differ where 802.1X keeps a port closed.
        waiting = [port.number for port in switch.ports if port.closed and port.configured == vlan]
        later = [port.number for port in members] + waiting
        bare_later = [port.number for port in switch.ports if vlan in port.untagged] + waiting
        current = (*Q_BRIDGE, 4, 2, 1)
        yield (*current, 3, 0, vlan), "gauge", str(vlan)
        yield (*current, 4, 0, vlan), "octet", egress
        yield (*current, 5, 0, vlan), "octet", bare
        yield (*current, 6, 0, vlan), "integer", str(_PERMANENT)
        yield (*current, 7, 0, vlan), "timeticks", "0"
        static = (*Q_BRIDGE, 4, 3, 1)
        yield (*static, 1, vlan), "string", switch.names.get(vlan, f"VLAN{vlan:04d}")
        yield (*static, 2, vlan), "octet", _octets(port_list(later, width))
        yield (*static, 3, vlan), "octet", _octets(bytes(width))
        yield (*static, 4, vlan), "octet", _octets(port_list(bare_later, width))
        yield (*static, 5, vlan), "integer", str(_ACTIVE)


def _port_vlans(switch: Switch) -> Iterator[Row]:
    entry = (*Q_BRIDGE, 4, 5, 1)
    for port in switch.ports:
        if port.native is not None:
            yield (*entry, 1, port.number), "gauge", str(port.native)
        if (frames := accepted(port)) is not None:
            yield (*entry, 2, port.number), "integer", str(frames)
        # A tagged frame of a VLAN that the port does not carry is dropped, whatever its mode.
        yield (*entry, 3, port.number), "integer", str(_TRUE)
        yield (*entry, 4, port.number), "integer", str(_DISABLED)


class Table:
    """Rows by identifier, in order, read again when they are old."""

    def __init__(
        self,
        source: Callable[[], Switch],
        clock: Callable[[], float] = time.monotonic,
        make: Callable[[Switch], list[Row]] = rows,
    ) -> None:
        """Make rows of what ``source`` says, at most every half second."""
        self._source = source
        self._make = make
        self._clock = clock
        self._read_at = float("-inf")
        self._values: dict[Oid, tuple[str, str]] = {}
        self._order: list[Oid] = []

    def _refresh(self) -> None:
        if self._clock() - self._read_at < _CACHE:
            return
        try:
            found = self._make(self._source())
        except (SwitchError, KeyError, ValueError) as error:
            # A switch that is off has no tables: an old answer would be a lie.
            sys.stderr.write(f"bridge_mib: {error}\n")
            found = []
        self._values = {oid: (kind, value) for oid, kind, value in found}
        self._order = sorted(self._values)
        self._read_at = self._clock()

    def get(self, oid: Oid) -> Row | None:
        """Give the row of exactly this identifier."""
        self._refresh()
        return (oid, *self._values[oid]) if oid in self._values else None

    def following(self, oid: Oid) -> Row | None:
        """Give the first row after an identifier."""
        self._refresh()
        place = bisect_right(self._order, oid)
        return self.get(self._order[place]) if place < len(self._order) else None


class Tree(Protocol):
    """What snmpd asks."""

    def get(self, oid: Oid) -> Row | None:
        """Give the row of exactly this identifier."""

    def following(self, oid: Oid) -> Row | None:
        """Give the first row after an identifier."""


def serve(table: Tree, requests: TextIO, answers: TextIO) -> None:
    """Speak snmpd's line protocol until it closes the pipe."""
    for line in requests:
        match line.strip():
            case "PING":
                answers.write("PONG\n")
            case "get" | "getnext" as word:
                oid = tuple(int(part) for part in requests.readline().strip().strip(".").split("."))
                row = table.get(oid) if word == "get" else table.following(oid)
                answers.write(_answer(row))
            case "set":
                requests.readline()
                requests.readline()
                answers.write("not-writable\n")
            case _:
                answers.write("NONE\n")
        answers.flush()


def _answer(row: Row | None) -> str:
    if row is None:
        return "NONE\n"
    oid, kind, value = row
    return f".{'.'.join(map(str, oid))}\n{kind}\n{value}\n"


def main() -> None:
    """Run as snmpd's child."""
    database, control, bridge = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    serve(Table(lambda: read(database, control, bridge)), sys.stdin, sys.stdout)


if __name__ == "__main__":
    main()
