"""One window on a link: a capture, questions to addresses at both ends, and whatever else is heard meanwhile.

Nothing is sent here but ARP requests and neighbour solicitations for addresses that the caller names, through the gate.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from probes.api import CollectFailure
from probes.ipv6.facts import Asked, Loss
from probes.ipv6.kernel import NoInterface, read_addresses, read_link
from probes.ipv6.nd import read_claim
from probes.wire import bpf, build
from probes.wire.capture import Direction
from probes.wire.channel import WireRefused
from probes.wire.frames import ETH_ARP, ETH_IPV6, FrameError, parse_header
from probes.wire.gate import FrameRefused
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from probes.api import Access
    from probes.ipv6.kernel import Link
    from probes.ipv6.nd import Claim
    from probes.wire.capture import Capture, CapturedFrame, CaptureStatistics
    from probes.wire.frames import FrameHeader, IpAddress
    from probes.wire.station import Station

ANSWER_SECONDS = 0.5
ATTEMPTS = 2
QUEUE_OCTETS = 1 << 20
"""Held for us at most; a flood beyond it is counted as lost, and cannot keep the processor."""
NOBODY = IPv4Address(0)
"""Sender of an ARP probe (RFC 5227 §2.1.1), for a point without IPv4."""


def interface_of(access: Access) -> Link:
    """The point's interface, up and with a link.

    Raises:
        CollectFailure: MISSING_INTERFACE; UNREACHABLE where it is down or nothing is plugged in.
    """
    name = access.point.interface
    try:
        link = read_link(name)
    except NoInterface as error:
        raise missing(name) from error
    if not (link.up and link.carrier):
        raise CollectFailure(Failure.UNREACHABLE, msg("aucun lien sur {name}", name=name))
    return link


def missing(name: str) -> CollectFailure:
    """The failure of an interface that does not exist, or has no IPv6."""
    return CollectFailure(
        Failure.MISSING_INTERFACE, msg("interface {name} absente de cette machine, ou sans IPv6", name=name)
    )


def link_local(name: str) -> IPv6Address | None:
    """The interface's own usable link-local address, None where it has none (yet).

    Raises:
        NoInterface: there is none of this name.
    """
    for own in read_addresses(name):
        if own.address.is_link_local and own.usable and isinstance(own.address, IPv6Address):
            return own.address
    return None


def program(mac: str) -> bytes:
    """The filter of a window: our own frames, IPv6 to groups or to us, ARP to us."""
    to_us = bpf.destination(mac)
    wanted = (bpf.ethertype(ETH_IPV6) & (bpf.group() | to_us)) | (bpf.ethertype(ETH_ARP) & to_us)
    return bpf.compile_filter((bpf.outgoing() & bpf.source(mac)) | (bpf.incoming() & wanted))


def loss_of(*statistics: CaptureStatistics) -> Loss:
    """What captures say that they lost, together."""
    return Loss(
        kernel=sum(s.kernel_drops for s in statistics),
        forwarding=sum(s.forwarding_drops for s in statistics),
        interruptions=sum(s.interruptions for s in statistics),
    )


@dataclass(frozen=True, slots=True)
class Solicited:
    """One frame to everybody: when it left (UTC nanoseconds, None if not seen), and the window after it."""

    left: int | None
    listened_s: float
    asked: tuple[Asked, ...]
    loss: Loss


@dataclass(slots=True)
class Listener:
    """What a window has heard so far. ``hook`` gets every incoming frame of our VLAN that reads, with its header."""

    access: Access
    station: Station
    source: IPv6Address
    capture: Capture
    hook: Callable[[CapturedFrame, FrameHeader], None] | None = None
    answered: Callable[[CapturedFrame, Claim], None] | None = None
    """Gets every neighbour advertisement that was sent to us."""
    departures: dict[bytes, list[int]] = field(default_factory=dict)
    """When each frame that we sent was seen to leave, UTC nanoseconds; complete once the window is over."""
    sent: int = 0
    refusals: dict[IpAddress, str] = field(default_factory=dict)
    unreadable: int = 0
    _wanted: frozenset[IpAddress] = frozenset()
    _claims: dict[IpAddress, dict[str, None]] = field(default_factory=dict)
    """MAC addresses of those who claim an address, in the order heard, since the last question."""

    async def send(self, frame: bytes) -> None:
        """Send one frame.

        Raises:
            FrameRefused: by the gate. CollectFailure: the interface does not take it. WireError: the helper is gone.
        """
        self.departures.setdefault(frame, [])
        try:
            await self.access.wire.send(self.access.frame_gate, self.station.interface, [frame])
        except WireRefused as error:
            raise CollectFailure(Failure.UNREACHABLE, msg("trame non envoyée : {why}", why=str(error))) from error
        self.sent += 1

    async def ask(self, targets: Iterable[IpAddress]) -> dict[IpAddress, tuple[str, ...]]:
        """Ask the link who has these addresses, twice at most; who claims each.

        Refusals of the gate and of the interface are kept by address, and the others are asked.
        """
        wanted = list(dict.fromkeys(targets))
        self.absorb()
        self._wanted, self._claims = frozenset(wanted), {}
        for _ in range(ATTEMPTS):
            for target in wanted:
                if self._open(target):
                    await self._question(target)
                    self.absorb()
            await self.until(time.monotonic() + ANSWER_SECONDS, lambda: not any(map(self._open, wanted)))
        found = {target: tuple(self._claims.get(target, ())) for target in wanted}
        self._wanted = frozenset()
        return found

    async def solicit(self, frame: bytes, wanted: Iterable[IpAddress], seconds: float) -> Solicited:
        """Send one frame to everybody and listen; declared addresses are asked before and after, as its controls.

        Raises:
            FrameRefused: by the gate. CollectFailure: the interface does not take it. WireError: the helper is gone.
        """
        addresses = list(wanted)
        before = await self.ask(addresses)
        await self.send(frame)
        begun = time.monotonic()
        await self.until(begun + seconds)
        listened = time.monotonic() - begun
        after = await self.ask(addresses)
        statistics = await self.capture.statistics()
        self.absorb()
        left = next(iter(self.departures[frame]), None)
        return Solicited(left, round(listened, 3), asked(before, after, self.refusals), loss_of(statistics))

    def _open(self, target: IpAddress) -> bool:
        return target not in self._claims and target not in self.refusals

    async def _question(self, target: IpAddress) -> None:
        try:
            await self.send(self._frame(target))
        except (FrameRefused, CollectFailure) as refusal:
            self.refusals[target] = str(refusal)

    def _frame(self, target: IpAddress) -> bytes:
        if isinstance(target, IPv6Address):
            return build.neighbour_solicitation(self.station.mac, self.source, target, self.station.vlans)
        own = self.access.source(4)
        sender = own if isinstance(own, IPv4Address) else NOBODY
        return build.arp_request(self.station.mac, sender, target, self.station.vlans)

    async def until(self, deadline: float, done: Callable[[], bool] = lambda: False) -> None:
        """Take what is heard until a monotonic deadline, or until ``done`` says so."""
        while not done():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return
            await self.capture.wait(remaining)
            self.absorb()

    def absorb(self) -> None:
        """Read every frame captured so far."""
        for frame in self.capture.take():
            if frame.direction is Direction.OUTGOING:
                if frame.data in self.departures:
                    self.departures[frame.data].append(frame.t_ns)
            elif (frame.vlan.vid if frame.vlan else 0) == (self.station.vlan.vid if self.station.vlan else 0):
                self._incoming(frame)

    def _incoming(self, frame: CapturedFrame) -> None:
        try:
            header = parse_header(frame.data, frame.original_length)
        except FrameError:
            self.unreadable += 1
            return
        if header.arp is not None:
            if header.arp.operation == 2 and header.arp.sender_ip in self._wanted:  # noqa: PLR2004 - a reply
                self._claims.setdefault(header.arp.sender_ip, {})[header.arp.sender_mac] = None
            return
        if header.neighbour_target is not None and header.destination_mac == self.station.mac:
            self._claim(frame)
        if self.hook is not None:
            self.hook(frame, header)

    def _claim(self, frame: CapturedFrame) -> None:
        """Note a neighbour advertisement to us; one that hosts discard says nothing."""
        try:
            _, claim = read_claim(frame.data, verify=not frame.checksum_partial)
        except FrameError:
            self.unreadable += 1
            return
        if claim is None:
            return
        if claim.address in self._wanted:
            self._claims.setdefault(claim.address, {})[claim.target_mac or claim.mac] = None
        if self.answered is not None:
            self.answered(frame, claim)


def asked(
    before: dict[IpAddress, tuple[str, ...]], after: dict[IpAddress, tuple[str, ...]], refusals: dict[IpAddress, str]
) -> tuple[Asked, ...]:
    """The answers of both ends, by address."""
    return tuple(
        Asked(address=address, before=macs, after=after.get(address, ()), refusal=refusals.get(address))
        for address, macs in before.items()
    )
