"""What a sweep asks: (address, port) pairs, the SYN to each, and what is known of it so far."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from probes.wire import build
from probes.wire.capture import CapturedFrame
from probes.wire.frames import FrameError, IpAddress
from probes.wire.station import Station

MAX_PAIRS = 65_536
_PORT_AND_SEQUENCE = struct.Struct("!HI")


class PairState(StrEnum):
    """What a pair answered. FILTERED: somebody refused by ICMP; NOT_SENT: the gate or the kernel refused."""

    OPEN = "open"
    CLOSED = "closed"
    FILTERED = "filtered"
    SILENT = "silent"
    NOT_SENT = "not_sent"


class SweepTarget(NamedTuple):
    """One address, the station that leads to it, and the ports to ask."""

    address: IpAddress
    next_hop_mac: str
    ports: tuple[int, ...]


@dataclass(slots=True)
class Question:
    """One pair's course."""

    port: int
    target: SweepTarget
    template: Template
    sequence: int
    state: PairState = PairState.NOT_SENT
    answer: CapturedFrame | None = None
    refused: str | None = None
    ended: bool = False

    @property
    def silent(self) -> bool:
        """Whether nothing is known of it yet."""
        return self.answer is None and self.refused is None


class Template:
    """The SYN to one address, all but port and sequence number: the checksum is corrected for them (RFC 1624)."""

    __slots__ = ("_addresses", "_head", "_middle", "_ours", "_sum", "_tail")

    def __init__(self, station: Station, source: IpAddress, target: SweepTarget, ours: int) -> None:
        link = build.Link(station.mac, target.next_hop_mac, station.vlans)
        whole = build.tcp(link, source, target.address, source_port=ours, destination_port=0, sequence=0)
        start = 14 + 4 * len(station.vlans) + (20 if source.version == 4 else 40)  # noqa: PLR2004
        self._head, self._middle, self._tail = whole[: start + 2], whole[start + 8 : start + 16], whole[start + 18 :]
        self._sum = ~int.from_bytes(whole[start + 16 : start + 18]) & 0xFFFF
        self._addresses, self._ours = target.address.packed + source.packed, ours.to_bytes(2)

    def key(self, port: int) -> bytes:
        """Target, source, port and our port, as an answer over IPv4 has them in a row."""
        return self._addresses + port.to_bytes(2) + self._ours

    def frame(self, port: int, sequence: int) -> bytes:
        total = self._sum + port + (sequence >> 16) + (sequence & 0xFFFF)
        total = (total & 0xFFFF) + (total >> 16)
        total = ~(total + (total >> 16)) & 0xFFFF
        return b"%b%b%b%b%b" % (
            self._head,
            _PORT_AND_SEQUENCE.pack(port, sequence),
            self._middle,
            total.to_bytes(2),
            self._tail,
        )


def refuse(targets: Sequence[SweepTarget]) -> None:
    """Raise what `sweep` raises for pairs that it does not ask, before any frame leaves."""
    count = sum(len(target.ports) for target in targets)
    if count > MAX_PAIRS:
        raise ValueError(f"{count} pairs, {MAX_PAIRS} at most in one sweep")
    ports: dict[IpAddress, list[int]] = {}
    for target in targets:
        ports.setdefault(target.address, []).extend(target.ports)
    for asked in ports.values():
        if asked and not 0 < min(asked) <= max(asked) <= 0xFFFF:  # noqa: PLR2004
            raise FrameError(f"no such port: {min(asked) if min(asked) <= 0 else max(asked)}")
        if len(set(asked)) != len(asked):
            raise ValueError("a pair is asked for twice")
