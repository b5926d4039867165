"""The family's collectors: ``ipv6.router``, ``ipv6.address``, ``ipv6.neighbour`` and ``ipv6.echo``.

They send router solicitations, neighbour solicitations, ARP requests and echo requests; never an advertisement, an MLD
query or a redirect. Neither believes anything: what was heard goes into the facts with its faults, the checks decide.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from probes.api import CollectFailure, Outcome
from probes.ipv6 import kernel
from probes.ipv6.declared import LISTEN_SECONDS, gateways, prefixes, routers
from probes.ipv6.facts import AddressFacts, Advertisement, EchoFacts, Hearing, Origin, RouterFacts, Sight
from probes.ipv6.kernel import NoInterface
from probes.ipv6.listener import QUEUE_OCTETS, Listener, asked, interface_of, link_local, loss_of, missing, program
from probes.ipv6.nd import NEIGHBOUR_ADVERTISEMENT, ROUTER_ADVERTISEMENT, Reading, read_advertisement
from probes.ipv6.neighbours import neighbour
from probes.wire import build
from probes.wire.exchange import probe_many
from probes.wire.frames import FrameKind, mac_text
from probes.wire.match import Probe, ProbeState
from probes.wire.station import Station
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from probes.api import Access
    from probes.wire.capture import CapturedFrame, CaptureStatistics
    from probes.wire.frames import FrameHeader
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import AnyAddress

__all__ = ["address", "echo", "neighbour", "router"]

MAX_ADVERTISEMENTS = 64
MAX_SIGHTS = 32
SETTLE_SECONDS = 3.0
"""For the point's own link-local address: duplicate address detection takes one to two seconds (RFC 4862 §5.4)."""
FORM_SECONDS = 4.0
POLL_SECONDS = 0.1
ECHO_SECONDS = 1.0


@dataclass(slots=True)
class _Heard:
    """An advertisement as first heard, and how often."""

    frame: CapturedFrame
    header: FrameHeader
    reading: Reading
    count: int = 1


@dataclass(slots=True)
class _Routers:
    """What a window hears of routers and of others' addresses."""

    own: frozenset[str]
    heard: dict[bytes, _Heard] = field(default_factory=dict)
    unkept: int = 0
    sights: dict[AnyAddress, str] = field(default_factory=dict)

    def take(self, frame: CapturedFrame, header: FrameHeader) -> None:
        """Note one incoming frame."""
        if header.source_mac in self.own or header.kind is not FrameKind.IPV6:
            return  # another interface of this very machine
        if header.icmp_type == ROUTER_ADVERTISEMENT:
            self._advertisement(frame, header)
        for seen in (
            header.source_ip,
            header.neighbour_target if header.icmp_type == NEIGHBOUR_ADVERTISEMENT else None,
        ):
            if seen is not None and len(self.sights) < MAX_SIGHTS and _is_sight(seen):
                self.sights.setdefault(seen, header.source_mac)

    def _advertisement(self, frame: CapturedFrame, header: FrameHeader) -> None:
        known = self.heard.get(frame.data)
        if known is not None:
            known.count += 1
        elif len(self.heard) < MAX_ADVERTISEMENTS:
            verify = not frame.checksum_partial
            reading = read_advertisement(frame.data, header, original_length=frame.original_length, verify=verify)
            self.heard[frame.data] = _Heard(frame, header, reading)
        else:
            self.unkept += 1


def _is_sight(address: AnyAddress) -> bool:
    local = address.is_link_local or address.is_loopback or address.is_multicast or address.is_unspecified
    return isinstance(address, IPv6Address) and not local


async def router(access: Access, request: Request) -> Outcome:
    """Solicit routers once, and listen in one window for what they and others say.

    Raises:
        CollectFailure: no interface, no link, no usable link-local address, no raw frames.
        FrameRefused: by the gate. WireError: the helper is gone.
    """
    del request  # the access knows the point; the target is the point's own socket
    name, started = access.point.interface, access.now()
    link = interface_of(access)
    source = await own_link_local(name)
    station = Station(name, mac_text(access.mac))
    ears = _Routers(kernel.own_macs())
    frame = build.router_solicitation(station.mac, source, station.vlans)
    async with access.wire.capture(
        name, bpf=program(station.mac), all_multicast=True, queue_octets=QUEUE_OCTETS
    ) as capture:
        listener = Listener(access, station, source, capture, hook=ears.take)
        window = await listener.solicit(frame, routers(access.topology, access.point), LISTEN_SECONDS)
    losses = losses_since(name, link.carrier_downs)
    facts = RouterFacts(
        interface=name,
        source=source,
        solicited=None if window.left is None else moment(window.left),
        window_start=started,
        window_end=access.now(),
        listened_s=window.listened_s,
        advertisements=tuple(_told(each, window.left) for each in ears.heard.values()),
        unkept=ears.unkept,
        unreadable=listener.unreadable,
        sights=tuple(Sight(address=a, mac=m) for a, m in ears.sights.items()),
        hearing=Hearing(asked=window.asked, carrier_losses=losses, loss=window.loss),
    )
    blobs = tuple(access.keep(data, "ethernet-frame") for data in ears.heard)
    return Outcome(facts=facts, blobs=blobs, packets_sent=listener.sent, started=started, ended=access.now())


def _told(heard: _Heard, left: int | None) -> Advertisement:
    header, reading = heard.header, heard.reading
    return Advertisement(
        heard=moment(heard.frame.t_ns),
        after_ms=None if left is None else round((heard.frame.t_ns - left) / 1e6, 3),
        source=header.source_ip or IPv6Address(0),
        mac=header.source_mac,
        destination=header.destination_ip or IPv6Address(0),
        hop_limit=header.hop_limit or 0,
        problems=reading.problems,
        content=reading.content,
        count=heard.count,
    )


async def own_link_local(name: str) -> IPv6Address:
    """The interface's usable link-local address, waited for while the kernel still tests one."""
    deadline = time.monotonic() + SETTLE_SECONDS
    try:
        while (found := link_local(name)) is None:
            testing = any(a.tentative and not a.duplicate for a in kernel.read_addresses(name))
            if not testing or time.monotonic() > deadline:
                reason = msg("aucune adresse IPv6 de lien local utilisable sur {name}", name=name)
                raise CollectFailure(Failure.UNREACHABLE, reason)
            await asyncio.sleep(POLL_SECONDS)
    except NoInterface as error:
        raise missing(name) from error
    return found


async def address(access: Access, request: Request) -> Outcome:
    """The interface's IPv6 addresses, once one has formed or there was time for it; nothing is sent.

    Raises:
        CollectFailure: no interface.
    """
    del request
    name, started, begun = access.point.interface, access.now(), time.monotonic()
    try:
        downs = kernel.read_link(name).carrier_downs
        while not _settled(name) and time.monotonic() - begun < FORM_SECONDS:  # noqa: ASYNC110 - the kernel is asked, it does not tell
            await asyncio.sleep(POLL_SECONDS)
        link, settings, addresses = kernel.read_link(name), kernel.read_settings(name), kernel.read_addresses(name)
    except NoInterface as error:
        raise missing(name) from error
    facts = AddressFacts(
        interface=name,
        up=link.up,
        carrier=link.carrier,
        carrier_losses=max(link.carrier_downs - downs, 0),
        mac=link.mac,
        addresses=addresses,
        settings=settings,
        waited_s=round(time.monotonic() - begun, 3),
    )
    return Outcome(facts=facts, started=started, ended=access.now())


def _settled(name: str) -> bool:
    """Whether an address has formed and none is being tested, or none can form."""
    link, addresses = kernel.read_link(name), kernel.read_addresses(name)
    if any(a.tentative and not a.duplicate for a in addresses):
        return False
    formed = any(a.origin(link.mac) is not Origin.STATIC for a in addresses)
    return formed or not link.carrier or not kernel.read_settings(name).forms_addresses


async def echo(access: Access, request: Request) -> Outcome:
    """A series of echoes to the gateway, which is resolved before and after, as the point's other gateways are.

    Raises:
        CollectFailure: no interface, no link, no address to ask from, out of scope, no raw frames.
        WireError: the helper is gone.
    """
    name, started = access.point.interface, access.now()
    target, count = ip_address(str(request.param("address"))), int(request.param("count"))
    link = interface_of(access)
    local = await own_link_local(name)
    source = _near(access, name) or local
    station = Station(name, mac_text(access.mac))
    ends = _Ends(access, station, local, list(dict.fromkeys([target, *gateways(access.topology, access.point)])))
    before = await ends.ask()
    if target in ends.refusals:
        why = ends.refusals[target]
        raise CollectFailure(Failure.OUT_OF_SCOPE, msg("trame non envoyée : {why}", why=why))
    macs = before[target]
    probes = [Probe(str(n), source, macs[0], target) for n in range(count)] if macs else []
    report = await probe_many(access.wire, access.frame_gate, station, probes, timeout=ECHO_SECONDS, attempts=1)
    after = await ends.ask()
    losses = losses_since(name, link.carrier_downs)
    left = [r for r in report.results if any(ns is not None for ns in r.left_ns)]
    times = [r.rtt_ns / 1e6 for r in left if r.state is ProbeState.REPLY and r.rtt_ns is not None]
    facts = EchoFacts(
        address=target,
        source=source,
        mac=macs[0] if macs else None,
        wanted=count,
        left=len(left),
        replies=sum(r.state is ProbeState.REPLY for r in left),
        errors=sum(r.state is ProbeState.ICMP_ERROR for r in left),
        fastest_ms=round(min(times), 3) if times else None,
        slowest_ms=round(max(times), 3) if times else None,
        hearing=Hearing(
            asked=asked(before, after, ends.refusals),
            carrier_losses=losses,
            loss=loss_of(report.statistics, *ends.statistics),
        ),
        window_start=started,
        window_end=access.now(),
    )
    sent = ends.sent + sum(len(r.left_ns) for r in report.results)
    return Outcome(facts=facts, packets_sent=sent, started=started, ended=access.now())


@dataclass(slots=True)
class _Ends:
    """The same addresses asked at both ends of a window, in a short capture of its own each time."""

    access: Access
    station: Station
    source: IPv6Address
    wanted: list[AnyAddress]
    refusals: dict[AnyAddress, str] = field(default_factory=dict)
    statistics: list[CaptureStatistics] = field(default_factory=list)
    sent: int = 0

    async def ask(self) -> dict[AnyAddress, tuple[str, ...]]:
        """Who claims each address."""
        filtered = program(self.station.mac)
        async with self.access.wire.capture(self.station.interface, bpf=filtered, queue_octets=QUEUE_OCTETS) as capture:
            listener = Listener(self.access, self.station, self.source, capture)
            found = await listener.ask(self.wanted)
            self.statistics.append(await capture.statistics())
        self.refusals |= listener.refusals
        self.sent += listener.sent
        return found


def _near(access: Access, name: str) -> IPv6Address | None:
    """The point's own usable address in a declared prefix of its VLAN."""
    declared = prefixes(access.topology, access.point)
    for own in kernel.read_addresses(name):
        if own.usable and isinstance(own.address, IPv6Address) and any(own.address in p for p in declared):
            return own.address
    return None


def losses_since(name: str, downs: int) -> int:
    """Times that the link was lost since it counted ``downs``; an interface that has gone was lost once."""
    try:
        return max(kernel.read_link(name).carrier_downs - downs, 0)
    except NoInterface:
        return 1


def moment(nanoseconds: int) -> datetime:
    """UTC from nanoseconds since the epoch, to the microsecond below."""
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=nanoseconds // 1000)
