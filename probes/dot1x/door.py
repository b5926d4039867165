"""Knocking: one DHCPDISCOVER, ARP for the gateway, one router solicitation (requirements, S1.1)."""

from __future__ import annotations

import secrets
import time
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from probes.api import CollectFailure
from probes.dot1x import router
from probes.dot1x.facts import Knock, LinkState
from probes.dot1x.link import Link, NoInterface, read_link
from probes.wire import dhcp
from probes.wire.build import arp_request
from probes.wire.channel import WireRefused
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from probes.api import Access
    from probes.dot1x.ear import Ear

NOBODY = IPv4Address(0)
"""Asked from without an address of ours: an ARP probe (RFC 5227 §2.1.1), which claims nothing."""
AGAIN_SECONDS = 0.5
"""Between two questions to a gateway that may come within reach at any moment."""


def read(access: Access) -> Link:
    """The point's link now.

    Raises:
        CollectFailure: MISSING_INTERFACE.
    """
    name = access.point.interface
    try:
        return read_link(name)
    except NoInterface as error:
        raise CollectFailure(
            Failure.MISSING_INTERFACE, msg("interface {name} absente de cette machine", name=name)
        ) from error


def state(access: Access, before: Link) -> LinkState:
    """The link over a window that began with ``before`` and ends now."""
    after = read(access)
    return LinkState(
        interface=access.point.interface,
        up=before.up and after.up,
        carrier=before.carrier and after.carrier,
        carrier_losses=max(after.carrier_downs - before.carrier_downs, 0),
    )


def gateway_of(access: Access) -> IPv4Address | None:
    """The declared IPv4 gateway of the VLAN that the point should come to."""
    found = access.topology.gateway(access.point, 4)
    return found if isinstance(found, IPv4Address) else None


async def knock(access: Access, ear: Ear, seconds: float) -> Knock:
    """Ask three questions once and listen for so long, whatever answers.

    Raises:
        CollectFailure: UNREACHABLE where the interface takes no frame. FrameRefused, WireError: as `Ear.send`.
    """
    began, sent, left = time.monotonic(), ear.sent, ear.left
    ear.fresh()
    gateway = gateway_of(access)
    await ask(access, ear, [*_discover(ear), *_arp(access, ear, [gateway]), router.solicitation(ear.mac)])
    await ear.listen(seconds)
    return _told(ear, gateway, (), sent, left, time.monotonic() - began)


async def enter(access: Access, ear: Ear, seconds: float, answer_s: float) -> Knock:
    """Ask for the gateway until it answers or the time is over, then the rest, and the other VLANs' gateways if need be.

    A port takes a moment to open, hence the repetition; the DISCOVER is sent once, when it can be answered.

    Raises:
        CollectFailure: UNREACHABLE where the interface takes no frame. FrameRefused, WireError: as `Ear.send`.
    """
    began, sent, left = time.monotonic(), ear.sent, ear.left
    ear.fresh()
    gateway = gateway_of(access)
    others: tuple[IPv4Address, ...] = ()
    if gateway is not None:
        while time.monotonic() - began < seconds:
            await ask(access, ear, _arp(access, ear, [gateway]))
            if await ear.listen(AGAIN_SECONDS, lambda: any(c.address == gateway for c in ear.claims)):
                break
        else:
            others = _other_gateways(access, gateway)
    await ask(access, ear, [*_discover(ear), *_arp(access, ear, others), router.solicitation(ear.mac)])
    await ear.listen(answer_s, lambda: bool(ear.offers and ear.advertisements))
    return _told(ear, gateway, others, sent, left, time.monotonic() - began)


async def ask(access: Access, ear: Ear, frames: list[bytes]) -> None:
    """Send; an interface that takes no frame is a point out of order, never a silence.

    Raises:
        CollectFailure: UNREACHABLE. FrameRefused, WireError: as `Ear.send`.
    """
    try:
        await ear.send(frames)
    except WireRefused as error:
        name = access.point.interface
        raise CollectFailure(
            Failure.UNREACHABLE, msg("trame non envoyée sur {name} : {why}", name=name, why=str(error))
        ) from error


def _discover(ear: Ear) -> list[bytes]:
    transaction = secrets.randbits(32)
    ear.transactions = {transaction}
    return [dhcp.discover(ear.mac, transaction)]


def _arp(access: Access, ear: Ear, targets: tuple[IPv4Address, ...] | list[IPv4Address | None]) -> list[bytes]:
    own = access.source(4)
    source = own if isinstance(own, IPv4Address) else NOBODY
    return [arp_request(ear.mac, source, target) for target in targets if target is not None]


def _other_gateways(access: Access, gateway: IPv4Address) -> tuple[IPv4Address, ...]:
    found = {s.gateway for v in access.topology.site.vlans for s in v.subnets if isinstance(s.gateway, IPv4Address)}
    return tuple(sorted(found - {gateway}))


def _told(
    ear: Ear, gateway: IPv4Address | None, others: tuple[IPv4Address, ...], sent: int, left: int, seconds: float
) -> Knock:
    asked = {gateway, *others}
    return Knock(
        gateway=gateway,
        others=others,
        claims=tuple(claim for claim in ear.claims if claim.address in asked),
        offers=tuple(ear.offers),
        advertisements=tuple(ear.advertisements),
        frames_sent=ear.sent - sent,
        frames_seen=ear.left - left,
        seconds=round(seconds, 3),
    )
