"""The collector ``ipv6.dhcp``: one DHCPv6 SOLICIT, and everybody who answers; no REQUEST, so nothing is leased."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, TypeVar

from probes.api import CollectFailure, Outcome
from probes.ipv6.collect import losses_since, moment, own_link_local
from probes.ipv6.declared import DHCP_SECONDS, routers
from probes.ipv6.dhcp_facts import DhcpAnswer, DhcpFacts, DhcpRefuse
from probes.ipv6.facts import Hearing
from probes.ipv6.listener import QUEUE_OCTETS, Listener, interface_of, program
from probes.wire import dhcpv6
from probes.wire.answers import parse_answer
from probes.wire.dhcpv6 import Dhcpv6Error, Problem
from probes.wire.frames import UDP, FrameError, FrameKind, mac_text
from probes.wire.mailbox import CLIENT_PORT
from probes.wire.station import Station
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from probes.api import Access
    from probes.wire.capture import CapturedFrame
    from probes.wire.frames import FrameHeader
    from r2s_audit.model.observation import Request

T = TypeVar("T", "_Heard", DhcpRefuse)
MAX_ANSWERS = 32


@dataclass(frozen=True, slots=True)
class _Heard:
    """An ADVERTISE and whose it is; when it was first heard is no part of what it says."""

    source: IPv6Address
    mac: str
    said: dhcpv6.Advertise
    t_ns: int = field(compare=False)


@dataclass(slots=True)
class _Servers:
    """What a window hears of DHCPv6 servers; bounded, for a hostile network may say anything."""

    mac: str
    transaction: int
    answers: list[_Heard] = field(default_factory=list)
    refuse: list[DhcpRefuse] = field(default_factory=list)
    unlisted: int = 0

    def take(self, frame: CapturedFrame, header: FrameHeader) -> None:
        """Note one incoming frame of our VLAN; what belongs to another transaction says nothing."""
        if header.kind is not FrameKind.IPV6 or header.protocol != UDP or header.fragment_offset:
            return
        if header.destination_port != CLIENT_PORT or not isinstance(header.source_ip, IPv6Address):
            return
        try:
            said = self._read(frame, header)
        except Dhcpv6Error as error:
            odd = DhcpRefuse(source=header.source_ip, mac=header.source_mac, problem=error.problem)
            self._note(self.refuse, odd)
            return
        if said is not None:
            self._note(self.answers, _Heard(header.source_ip, header.source_mac, said, frame.t_ns))

    def _read(self, frame: CapturedFrame, header: FrameHeader) -> dhcpv6.Advertise | None:
        start = header.payload_offset
        size = int.from_bytes(frame.data[start + 4 : start + 6])
        said = dhcpv6.parse_advertise(frame.data[start + 8 : start + size], self.transaction, self.mac)
        if said is not None and not frame.checksum_partial:
            if not any(frame.data[start + 6 : start + 8]):  # none at all: over IPv6 hosts discard that, too
                raise Dhcpv6Error(Problem.CHECKSUM)
            try:
                parse_answer(frame.data)
            except FrameError as error:
                raise Dhcpv6Error(Problem.CHECKSUM) from error
        return said

    def _note(self, rows: list[T], row: T) -> None:
        if row in rows:
            return
        if len(rows) < MAX_ANSWERS:
            rows.append(row)
        else:
            self.unlisted += 1


async def dhcp(access: Access, request: Request) -> Outcome:
    """Ask once who would serve this socket by DHCPv6, and listen; declared routers answer at both ends of the window.

    Raises:
        CollectFailure: no interface, no link, no usable link-local address, no raw frames, or nobody holds the client's
            port: the kernel would then send an ICMP error to whoever answers.
        FrameRefused: by the gate. WireError: the helper is gone.
    """
    del request  # the access knows the point; the target is the point's own socket
    name, started = access.point.interface, access.now()
    link = interface_of(access)
    source = await own_link_local(name)
    if not access.wire.takes_dhcpv6(name):
        reason = msg("port UDP 546 non tenu sur {name} : relancer avec sudo", name=name)
        raise CollectFailure(Failure.MISSING_PRIVILEGE, reason)
    station = Station(name, mac_text(access.mac))
    servers = _Servers(station.mac, secrets.randbits(24))
    frame = dhcpv6.solicit(station, source, servers.transaction)
    async with access.wire.capture(name, bpf=program(station.mac), queue_octets=QUEUE_OCTETS) as capture:
        listener = Listener(access, station, source, capture, hook=servers.take)
        window = await listener.solicit(frame, routers(access.topology, access.point), DHCP_SECONDS)
    facts = DhcpFacts(
        interface=name,
        source=source,
        solicited=None if window.left is None else moment(window.left),
        window_start=started,
        window_end=access.now(),
        listened_s=window.listened_s,
        answers=tuple(_told(each, window.left) for each in servers.answers),
        refuse=tuple(servers.refuse),
        unlisted=servers.unlisted,
        hearing=Hearing(
            asked=window.asked,
            carrier_losses=losses_since(name, link.carrier_downs),
            loss=window.loss,
        ),
    )
    return Outcome(facts=facts, packets_sent=listener.sent, started=started, ended=access.now())


def _told(heard: _Heard, left: int | None) -> DhcpAnswer:
    said = heard.said
    return DhcpAnswer(
        source=heard.source,
        mac=heard.mac,
        duid=said.duid,
        preference=said.preference,
        status=said.status,
        addresses=said.addresses,
        prefixes=said.prefixes,
        resolvers=said.resolvers,
        after_ms=None if left is None else round((heard.t_ns - left) / 1e6, 3),
    )
