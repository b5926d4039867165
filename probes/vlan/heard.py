"""The collectors ``vlan.heard``, which says nothing, and ``vlan.tag-control``, which sends a neighbour something to hear.

Both last as long as the pass has other things to do, and at least and at most what the profile says: listening then
costs no time of its own. The window is one capture, promiscuous, of every group, of what comes in alone, with the tags
that the kernel takes off put back (PACKET_AUXDATA); its statistics speak for all of it.

The control of tags. That no tagged frame was heard says nothing where the adapter, its driver or the switch would have
taken the tag off or dropped the frame. So a second point of the same VLAN sends the first one a frame of its own VLAN's
tag inside a priority tag (VID 0): a switch treats a priority-tagged frame on an access port as an untagged one (IEEE
802.1Q-2022 clause 6.9) and hands it on without that tag, so that the tag inside arrives. It names no other VLAN, goes
to one of our own adapters, and carries an EtherType for local experiments: nobody else has a use for it. Where the
switch does otherwise, nothing arrives, and nothing is claimed.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Literal, TypeVar

from probes.api import CollectFailure, Outcome
from probes.vlan.heard_facts import (
    MAX_BPDUS,
    MAX_PER_KIND,
    MAX_SENDERS,
    MAX_TAGGED,
    BpduSighting,
    HeardFacts,
    Sender,
    Sighting,
    TagControlFacts,
    Tagged,
)
from probes.vlan.heard_requests import mates
from probes.vlan.l2 import BPDUS, Bpdu, Kind, L2Frame, classify
from probes.vlan.link import NoInterface, read_link
from probes.vlan.window import loss_of
from probes.wire import bpf, build
from probes.wire.channel import WireRefused
from probes.wire.frames import ETH_LOCAL_EXPERIMENT, VlanTag, mac_text
from probes.wire.gate import FrameRefused
from probes.wire.trials import read_trial
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from datetime import datetime

    from probes.api import Access
    from probes.vlan.link import Link
    from probes.wire.capture import Capture, CapturedFrame, CaptureStatistics
    from probes.wire.frames import IpAddress
    from r2s_audit.model.observation import Request

    Via = Literal["arp", "ipv4", "ipv6"]

TURN_SECONDS = 0.25
SNAP_OCTETS = 256
"""More than any header that is read."""
QUEUE_OCTETS = 4 << 20
SOON_SECONDS, EVERY_SECONDS = 1.0, 5.0
"""Pauses of the control of tags: a second frame follows the first soon, since a window may open a little later."""
CONTROL = BPDUS | {
    Kind.DTP,
    Kind.VTP,
    Kind.CDP,
    Kind.UDLD,
    Kind.PAGP,
    Kind.GVRP,
    Kind.GMRP,
    Kind.MVRP,
    Kind.MMRP,
    Kind.LLDP,
    Kind.EAPOL,
    Kind.LACP,
    Kind.SLOW,
}
K = TypeVar("K")


async def heard(access: Access, request: Request) -> Outcome:
    """One window.

    Raises:
        CollectFailure: no interface, no link, or no raw frames. WireError: the helper is gone.
    """
    name, started = access.point.interface, access.now()
    before = linked(name)
    window = _Window(own=_own_addresses(access))
    async with access.wire.capture(
        name,
        bpf=bpf.compile_filter(bpf.incoming()),
        promiscuous=True,
        all_multicast=True,
        snap=SNAP_OCTETS,
        queue_octets=QUEUE_OCTETS,
    ) as capture:
        await _listen(access, request, capture, window)
        statistics = await capture.statistics()
        window.absorb(capture.take())
    seconds = time.monotonic() - window.since
    downs = losses_since(name, before.carrier_downs)
    ended = access.now()
    facts = window.facts(started, ended, seconds, statistics, downs)
    return Outcome(facts=facts, started=started, ended=ended)


async def tag_control(access: Access, request: Request) -> Outcome:
    """Write to every other point of the VLAN that this machine has, while the pass lasts.

    Raises:
        CollectFailure: no interface, no link, or no raw frames. WireError: the helper is gone.
    """
    started, own = access.now(), mac_text(access.mac)
    linked(access.point.interface)
    vlan = access.topology.vlan_of(access.point)
    frames: dict[str, bytes] = {}
    for mate in mates(access.topology, access.point):
        there = linked_or_none(mate.interface)
        if there is not None and vlan is not None:
            link = build.Link(own, there.mac, (VlanTag(0), VlanTag(vlan.id)))
            frames[mate.id] = build.ethernet(link, ETH_LOCAL_EXPERIMENT, b"")
    sent, pause = 0, SOON_SECONDS
    since = time.monotonic()
    while frames:
        for name, frame in list(frames.items()):
            try:
                await access.wire.send(access.frame_gate, access.point.interface, [frame])
                sent += 1
            except (FrameRefused, WireRefused):
                del frames[name]  # not a point of this pass, or no link: there is nobody to hear it
        due, pause = time.monotonic() + pause, EVERY_SECONDS
        while time.monotonic() < due:
            if over(access, request, since):
                facts = TagControlFacts(peers=tuple(frames), sent=sent)
                return Outcome(facts=facts, packets_sent=sent, started=started, ended=access.now())
            await asyncio.sleep(TURN_SECONDS)
    facts = TagControlFacts(peers=(), sent=sent)
    return Outcome(facts=facts, packets_sent=sent, started=started, ended=access.now())


async def _listen(access: Access, request: Request, capture: Capture, window: _Window) -> None:
    while not over(access, request, window.since):
        if await capture.wait(TURN_SECONDS):
            window.absorb(capture.take())


def over(access: Access, request: Request, since: float) -> bool:
    """Whether a window has lasted long enough: as long as the pass, within what the profile says."""
    seconds = time.monotonic() - since
    return seconds >= int(request.param("most_s")) or (access.alone and seconds >= int(request.param("least_s")))


def linked(name: str) -> Link:
    """The interface, up and plugged in.

    Raises:
        CollectFailure: it is not.
    """
    link = linked_or_none(name)
    if link is None:
        raise CollectFailure(Failure.MISSING_INTERFACE, msg("interface {name} absente de cette machine", name=name))
    if not (link.up and link.carrier):
        raise CollectFailure(Failure.UNREACHABLE, msg("aucun lien sur {name}", name=name))
    return link


def linked_or_none(name: str) -> Link | None:
    """The interface, whatever its state; None where there is none of this name."""
    try:
        return read_link(name)
    except NoInterface:
        return None


def losses_since(name: str, downs: int) -> int:
    """How often the link was lost since it counted ``downs``; an interface that is gone was lost once."""
    link = linked_or_none(name)
    return 1 if link is None else link.carrier_downs - downs


def _own_addresses(access: Access) -> frozenset[str]:
    """MAC addresses of this machine's points: what we say ourselves is no finding."""
    links = (linked_or_none(point.interface) for point in access.topology.site.points)
    return frozenset(link.mac for link in links if link is not None)


@dataclass(slots=True)
class _Row:
    count: int = 0
    first_s: float = 0.0


@dataclass(slots=True)
class _Window:
    """What was heard so far."""

    own: frozenset[str]
    since: float = field(default_factory=time.monotonic)
    frames: int = 0
    unreadable: int = 0
    unlisted: int = 0
    unlisted_bpdus: int = 0
    unlisted_senders: int = 0
    control: dict[tuple[Kind, str, str, tuple[int, ...]], _Row] = field(default_factory=dict)
    bpdus: dict[tuple[Kind, str, tuple[int, ...], Bpdu], _Row] = field(default_factory=dict)
    tagged: dict[tuple[int, ...], tuple[str, Kind, _Row]] = field(default_factory=dict)
    senders: dict[tuple[IpAddress, str, Via], _Row] = field(default_factory=dict)
    _kinds: dict[Kind, int] = field(default_factory=dict)

    def absorb(self, frames: list[CapturedFrame]) -> None:
        """Count frames."""
        now = round(time.monotonic() - self.since, 3)
        for frame in frames:
            self.frames += 1
            self._hear(frame.data, classify(frame.data), now)

    def _hear(self, data: bytes, found: L2Frame, now: float) -> None:
        if found.source in self.own and read_trial(data) is not None:
            return  # our own trials with foreign tags are judged by what their receiver says of them (vlan.tags-received)
        vids = tuple(tag.vid for tag in found.tags)
        if found.kind is Kind.UNREADABLE:
            self.unreadable += 1
        if vids:
            self._tagged(vids, found, now)
        if found.kind in CONTROL:
            self._control((found.kind, found.source, found.destination, vids), now)
        if found.bpdu is not None:
            self.unlisted_bpdus += _count(self.bpdus, (found.kind, found.source, vids, found.bpdu), now, MAX_BPDUS)
        if not vids and found.source not in self.own and int(found.destination[:2] or "0", 16) & 1:
            said = _sender(data, found)
            if said is not None:
                address, via = said
                self.unlisted_senders += _count(self.senders, (address, found.source, via), now, MAX_SENDERS)

    def _tagged(self, vids: tuple[int, ...], found: L2Frame, now: float) -> None:
        if vids not in self.tagged:
            if len(self.tagged) >= MAX_TAGGED:
                self.unlisted += 1
                return
            self.tagged[vids] = (found.source, found.kind, _Row(first_s=now))
        self.tagged[vids][2].count += 1

    def _control(self, key: tuple[Kind, str, str, tuple[int, ...]], now: float) -> None:
        """A row of its own for the first senders of each protocol: one cannot crowd another out."""
        if key not in self.control:
            if self._kinds.get(key[0], 0) >= MAX_PER_KIND:
                self.unlisted += 1
                return
            self._kinds[key[0]] = self._kinds.get(key[0], 0) + 1
            self.control[key] = _Row(first_s=now)
        self.control[key].count += 1

    def facts(
        self, start: datetime, end: datetime, seconds: float, statistics: CaptureStatistics, losses: int
    ) -> HeardFacts:
        """As facts."""
        return HeardFacts(
            window_start=start,
            window_end=end,
            seconds=round(seconds, 3),
            frames=self.frames,
            control=tuple(
                Sighting(kind=kind, source=source, destination=to, vids=vids, count=row.count, first_s=row.first_s)
                for (kind, source, to, vids), row in self.control.items()
            ),
            bpdus=tuple(_bpdu(*key, row) for key, row in self.bpdus.items()),
            tagged=tuple(
                Tagged(vids=vids, source=source, kind=kind, count=row.count, first_s=row.first_s)
                for vids, (source, kind, row) in self.tagged.items()
            ),
            senders=tuple(
                Sender(address=address, mac=mac, via=via, count=row.count)
                for (address, mac, via), row in self.senders.items()
            ),
            unlisted_bpdus=self.unlisted_bpdus,
            unlisted_senders=self.unlisted_senders,
            unlisted=self.unlisted,
            unreadable=self.unreadable,
            loss=loss_of(statistics),
            carrier_losses=losses,
        )


def _count(rows: dict[K, _Row], key: K, now: float, most: int) -> int:
    """Count a frame in its row; 1 where there is no room for a new one."""
    if key not in rows:
        if len(rows) >= most:
            return 1
        rows[key] = _Row(first_s=now)
    rows[key].count += 1
    return 0


def _bpdu(kind: Kind, source: str, vids: tuple[int, ...], bpdu: Bpdu, row: _Row) -> BpduSighting:
    root, bridge = bpdu.root, bpdu.bridge
    return BpduSighting(
        kind=kind,
        source=source,
        vids=vids,
        version=bpdu.version,
        type=bpdu.type,
        root_priority=root.priority if root else None,
        root_mac=root.mac if root else None,
        bridge_priority=bridge.priority if bridge else None,
        bridge_mac=bridge.mac if bridge else None,
        count=row.count,
        first_s=row.first_s,
    )


def _sender(data: bytes, found: L2Frame) -> tuple[IpAddress, Via] | None:
    """The address that a station gives itself in a frame to a group; None where it gives none."""
    start = found.payload
    if found.kind is Kind.ARP and data[start : start + 6] == b"\x00\x01\x08\x00\x06\x04" and len(data) >= start + 28:
        return IPv4Address(data[start + 14 : start + 18]), "arp"
    if found.kind is Kind.IPV4 and len(data) >= start + 20:
        return IPv4Address(data[start + 12 : start + 16]), "ipv4"
    if found.kind is Kind.IPV6 and len(data) >= start + 40:
        return IPv6Address(data[start + 8 : start + 24]), "ipv6"
    return None
