"""The collector ``vlan.lease``: one DHCPDISCOVER, and everybody who offers; no REQUEST, so nothing is leased."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from probes.api import CollectFailure, Outcome
from probes.vlan.facts import LeaseFacts, LeaseOffer, Speaker
from probes.vlan.link import NoInterface, read_link
from probes.vlan.window import loss_of
from probes.wire import dhcp
from probes.wire.capture import Direction
from probes.wire.channel import WireRefused
from probes.wire.frames import UDP, FrameError, mac_text, parse_header
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probes.api import Access
    from probes.wire.capture import CapturedFrame
    from probes.wire.frames import FrameHeader
    from r2s_audit.model.observation import Request

T = TypeVar("T", LeaseOffer, Speaker)
LISTEN_SECONDS = 4.0
"""Servers that try an address by ping before they offer it take up to three seconds."""
MAX_OFFERS = 32
MAX_SPEAKERS = 128
_PORTS = (dhcp.SERVER_PORT, dhcp.CLIENT_PORT)
_NOBODY = "0.0.0.0"


@dataclass(slots=True)
class Heard:
    """What was understood of a capture so far; bounded, for a hostile network may say anything."""

    mac: str
    transaction: int
    question: bytes
    offers: list[LeaseOffer] = field(default_factory=list)
    speakers: list[Speaker] = field(default_factory=list)
    unlisted: int = 0
    unreadable: int = 0
    left: int = 0

    def absorb(self, frames: Iterable[CapturedFrame]) -> None:
        """Read frames; what is damaged or of another VLAN says nothing."""
        for frame in frames:
            if frame.direction is Direction.OUTGOING:
                self.left += frame.data == self.question
                continue
            if frame.vlan is not None and frame.vlan.vid:
                continue
            try:
                header = parse_header(frame.data, frame.original_length)
            except FrameError:
                continue
            self._understand(frame, header)

    def _understand(self, frame: CapturedFrame, header: FrameHeader) -> None:
        if header.arp is not None and str(header.arp.sender_ip) != _NOBODY:
            self._note(self.speakers, Speaker(address=header.arp.sender_ip, mac=header.arp.sender_mac), MAX_SPEAKERS)
        if header.protocol != UDP or (header.source_port, header.destination_port) != _PORTS:
            return
        try:
            offer = dhcp.parse_offer(frame.data[header.payload_offset + 8 :], self.transaction, self.mac)
        except dhcp.DhcpError:
            self.unreadable += 1
            return
        if offer is not None and header.source_ip is not None:
            found = LeaseOffer(
                source=header.source_ip,
                mac=header.source_mac,
                server=offer.server,
                address=offer.address,
                prefix_length=offer.prefix_length,
                router=offer.router,
            )
            self._note(self.offers, found, MAX_OFFERS)

    def _note(self, rows: list[T], row: T, most: int) -> None:
        if row in rows:
            return
        if len(rows) < most:
            rows.append(row)
        else:
            self.unlisted += 1


async def lease(access: Access, request: Request) -> Outcome:
    """Ask once for a lease and listen.

    Raises:
        CollectFailure: no interface, no raw frames, the frame could not leave. FrameRefused: the gate's word.
        WireError: the helper is gone.
    """
    del request  # the access knows the point; the target is the point's own socket
    name, mac, transaction = access.point.interface, mac_text(access.mac), secrets.randbits(32)
    frame = dhcp.discover(mac, transaction)
    heard = Heard(mac, transaction, frame)
    start = access.now()
    try:
        downs = read_link(name).carrier_downs
        async with access.wire.capture(name) as capture:
            await access.wire.send(access.frame_gate, name, [frame])
            began = time.monotonic()
            while (remaining := began + LISTEN_SECONDS - time.monotonic()) > 0:
                await capture.wait(remaining)
                heard.absorb(capture.take())
                await asyncio.sleep(0)
            listened = time.monotonic() - began
            statistics = await capture.statistics()
            heard.absorb(capture.take())
        losses = read_link(name).carrier_downs - downs
    except NoInterface as error:
        raise CollectFailure(
            Failure.MISSING_INTERFACE, msg("interface {name} absente de cette machine", name=name)
        ) from error
    except WireRefused as refusal:
        raise CollectFailure(Failure.UNREACHABLE, msg("trame non envoyée : {why}", why=str(refusal))) from refusal
    end = access.now()
    facts = LeaseFacts(
        frames_sent=1,
        frames_seen=min(heard.left, 1),
        listened_s=round(listened, 3),
        offers=tuple(heard.offers),
        speakers=tuple(heard.speakers),
        unlisted=heard.unlisted,
        unreadable=heard.unreadable,
        window_start=start,
        window_end=end,
        loss=loss_of(statistics),
        carrier_losses=losses,
    )
    return Outcome(facts=facts, packets_sent=1, started=start, ended=end)
