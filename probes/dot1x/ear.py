"""Listening on a point: everything that arrives is counted by kind and sender, and answers are picked out.

One capture for a whole observation, promiscuous and for every group, so that its statistics speak for all of it.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from probes.dot1x import eapol, router
from probes.dot1x.facts import MAX_ROWS, Advertised, Claim, Heard, Kind, Listening, Loss, Offered
from probes.wire import dhcp
from probes.wire.capture import CapturedFrame, Direction
from probes.wire.frames import ICMPV6, UDP, FrameError, FrameHeader, FrameKind, mac_text, parse_header, parse_link

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from probes.api import Access
    from probes.wire.capture import Capture, CaptureStatistics

MAX_ANSWERS = 16
"""Answers kept of each kind and phase: hostile networks may send millions."""
MAX_PACKETS = 64
"""EAPOL packets kept unread."""
TURN_SECONDS = 0.25
QUEUE_OCTETS = 4 << 20
"""Frames waiting to be counted: some 70000 of the smallest, two seconds of work; more are counted as lost."""
_LINK_GROUPS = ("01:80:c2:00:00:0", "01:00:0c:cc:cc:c")
"""IEEE 802.1Q clause 8.6.3: groups that no bridge forwards; and those of CDP, VTP, DTP and per-VLAN spanning tree."""
_KINDS = {
    FrameKind.EAPOL: Kind.EAPOL,
    FrameKind.LLDP: Kind.LLDP,
    FrameKind.BPDU: Kind.STP,
    FrameKind.CDP: Kind.LINK,
    FrameKind.VTP: Kind.LINK,
    FrameKind.DTP: Kind.LINK,
    FrameKind.ARP: Kind.ARP,
    FrameKind.IPV4: Kind.IPV4,
    FrameKind.IPV6: Kind.IPV6,
}


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Said:
    """An EAPOL packet of somebody else's, with the time of its arrival (CLOCK_MONOTONIC nanoseconds)."""

    source: str
    at_ns: int
    packet: eapol.Eapol


def kind_of(header: FrameHeader) -> Kind:
    """What a frame is; one to a reserved group is the link's own whatever it carries."""
    found = _KINDS.get(header.kind, Kind.OTHER)
    if found is Kind.OTHER and header.destination_mac.startswith(_LINK_GROUPS):
        return Kind.LINK
    return found


@dataclass(slots=True)
class Ear:
    """An open capture and what it heard in the current phase."""

    access: Access
    capture: Capture
    mac: str
    transactions: set[int] = field(default_factory=set)
    """DHCP transactions of ours."""
    said: deque[Said] = field(default_factory=lambda: deque(maxlen=MAX_PACKETS))
    claims: list[Claim] = field(default_factory=list)
    offers: list[Offered] = field(default_factory=list)
    advertisements: list[Advertised] = field(default_factory=list)
    left: int = 0
    """Frames given to :meth:`send` that were seen to leave."""
    sent: int = 0
    _expected: Counter[bytes] = field(default_factory=Counter)
    _rows: Counter[tuple[Kind, str, int | None, int | None]] = field(default_factory=Counter)
    _unlisted: int = 0
    _own: int = 0
    _since: float = field(default_factory=time.monotonic)

    async def send(self, frames: list[bytes]) -> None:
        """Send frames through the gate, one by one.

        Raises:
            FrameRefused: the gate's word. WireRefused: the interface's. WireError: the helper is gone.
        """
        for frame in frames:
            self._expected[frame] += 1
            await self.access.wire.send(self.access.frame_gate, self.access.point.interface, [frame])
            self.sent += 1

    async def listen(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Take frames in for so long; earlier, with True, once ``until`` holds."""
        deadline = time.monotonic() + seconds
        while not until():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return False
            if await self.capture.wait(min(remaining, TURN_SECONDS)):
                self.absorb()
        return True

    def absorb(self) -> None:
        """Count what is queued."""
        for frame in self.capture.take():
            if frame.direction is Direction.OUTGOING:
                self._own += 1
                if self._expected[frame.data] > 0:
                    self._expected[frame.data] -= 1
                    self.left += 1
            else:
                self._hear(frame)

    def fresh(self) -> None:
        """Forget answers: those of an earlier question do not answer the next one."""
        self.claims.clear()
        self.offers.clear()
        self.advertisements.clear()

    def phase(self) -> Listening:
        """What was heard since the last phase; a new one begins."""
        now = time.monotonic()
        rows = tuple(
            Heard(kind=kind, source=source, ethertype=ethertype, vlan=vlan, count=count)
            for (kind, source, ethertype, vlan), count in sorted(self._rows.items(), key=lambda item: str(item[0]))
        )
        found = Listening(seconds=round(now - self._since, 3), heard=rows, unlisted=self._unlisted, own=self._own)
        self._rows.clear()
        self._unlisted = self._own = 0
        self._since = now
        return found

    async def loss(self) -> Loss:
        """What is missing so far; every frame accepted before the call is counted by then."""
        statistics = await self.capture.statistics()
        self.absorb()
        return loss_of(statistics)

    def _hear(self, frame: CapturedFrame) -> None:
        vlan = frame.vlan.vid if frame.vlan else None
        try:
            header = parse_header(frame.data, frame.original_length)
        except FrameError:
            self._count(_unreadable(frame), vlan)
            return
        self._count((kind_of(header), header.source_mac, header.ethertype), vlan)
        try:
            self._understand(frame, header)
        except (eapol.EapolError, dhcp.DhcpError, router.RouterError):
            return  # counted all the same; it answers nothing

    def _count(self, row: tuple[Kind, str, int | None], vlan: int | None) -> None:
        key = (*row, vlan)
        if key in self._rows or len(self._rows) < MAX_ROWS:
            self._rows[key] += 1
        else:
            self._unlisted += 1

    def _understand(self, frame: CapturedFrame, header: FrameHeader) -> None:
        """Keep an answer that we may be waiting for."""
        data, start = frame.data, header.payload_offset
        if header.kind is FrameKind.EAPOL:
            self.said.append(Said(header.source_mac, frame.monotonic_ns, eapol.parse(data[start:])))
        elif header.arp is not None and header.arp.operation == 2 and header.destination_mac == self.mac:  # noqa: PLR2004 - a reply
            keep(self.claims, Claim(address=header.arp.sender_ip, mac=header.arp.sender_mac))
        elif header.protocol == UDP and (header.source_port, header.destination_port) == (67, 68):
            for transaction in self.transactions:
                offer = dhcp.parse_offer(data[start + 8 :], transaction, self.mac)
                if offer is not None:
                    keep(self.offers, Offered.model_validate(offer, from_attributes=True))
        elif header.source_ip is not None and _is_advertisement(header):
            prefixes = router.parse_prefixes(data[start : start + _payload_length(data, header)])
            keep(self.advertisements, Advertised(router=header.source_ip, mac=header.source_mac, prefixes=prefixes))


def keep(answers: list[T], answer: T) -> None:
    """Add an answer that is new, up to the bound."""
    if len(answers) < MAX_ANSWERS and answer not in answers:
        answers.append(answer)


def loss_of(statistics: CaptureStatistics) -> Loss:
    """A capture's own word."""
    return Loss(
        kernel=statistics.kernel_drops,
        forwarding=statistics.forwarding_drops,
        interruptions=statistics.interruptions,
    )


@asynccontextmanager
async def listening(access: Access) -> AsyncIterator[Ear]:
    """An ear on the point's interface, for the length of the context."""
    name = access.point.interface
    async with access.wire.capture(name, promiscuous=True, all_multicast=True, queue_octets=QUEUE_OCTETS) as capture:
        yield Ear(access, capture, mac_text(access.mac))


def _unreadable(frame: CapturedFrame) -> tuple[Kind, str, int | None]:
    """What can be said of a frame whose headers do not read."""
    try:
        header = parse_link(frame.data, frame.original_length)
    except FrameError:
        return Kind.OTHER, mac_text(frame.data[6:12].ljust(6, b"\0")), None
    return kind_of(header), header.source_mac, header.ethertype


def _is_advertisement(header: FrameHeader) -> bool:
    """From a router of this very link (RFC 4861 §6.1.2)."""
    kind = (header.protocol, header.icmp_type, header.hop_limit)
    return kind == (ICMPV6, router.ADVERTISEMENT, router.HOP_LIMIT)


def _payload_length(data: bytes, header: FrameHeader) -> int:
    """Octets of the ICMPv6 message: the packet's end less what precedes; padding follows."""
    start = 14 + 4 * len(header.vlans)
    return start + 40 + int.from_bytes(data[start + 4 : start + 6]) - header.payload_offset
