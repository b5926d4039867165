"""Who owns these addresses on the point's link: many ARP requests or neighbour solicitations in one capture.

One capture for all of them, because a building where half the devices are off would otherwise cost a time-out each.
Sources: RFC 826, RFC 4861 §7.2.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from probes.wire import bpf, build
from probes.wire.capture import CaptureStatistics
from probes.wire.channel import WireRefused
from probes.wire.frames import FrameError, IpAddress
from probes.wire.gate import FrameGate, FrameRefused
from probes.wire.resolve import claims

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probes.wire.capture import Capture, CapturedFrame
    from probes.wire.client import Wire
    from probes.wire.station import Station

ANSWER_SECONDS = 0.5
ATTEMPTS = 2


@dataclass(slots=True)
class Neighbours:
    """What was learnt: owners by address, refusals of the gate by address, failures of the interface by address."""

    macs: dict[IpAddress, str] = field(default_factory=dict)
    refused: dict[IpAddress, str] = field(default_factory=dict)
    unsent: dict[IpAddress, str] = field(default_factory=dict)
    statistics: CaptureStatistics | None = None

    def open(self, address: IpAddress) -> bool:
        """Whether asking again makes sense."""
        return address not in self.macs and address not in self.refused


async def resolve_all(
    wire: Wire, gate: FrameGate, station: Station, pairs: Iterable[tuple[IpAddress, IpAddress]]
) -> Neighbours:
    """Ask for the owner of every target; the first who answers is taken.

    Args:
        wire: where frames go.
        gate: what they pass first.
        station: the point's interface and MAC address.
        pairs: the point's own address to ask from, and the target, of the same IP version.

    Raises:
        WireError: the helper is gone.
    """
    sources = {target: source for source, target in pairs}
    wanted = list(sources)
    found = Neighbours()
    if not wanted:
        return found
    program = bpf.compile_filter(bpf.exchange(station.mac))
    async with wire.capture(station.interface, bpf=program) as capture:
        for _ in range(ATTEMPTS):
            for target in wanted:
                if found.open(target):
                    await _ask(wire, gate, station, (sources[target], target), found)
                    _absorb(capture.take(), station, wanted, found)
            await _listen(capture, station, wanted, found)
        found.statistics = await capture.statistics()
        _absorb(capture.take(), station, wanted, found)
    return found


async def _ask(
    wire: Wire, gate: FrameGate, station: Station, pair: tuple[IpAddress, IpAddress], found: Neighbours
) -> None:
    target = pair[1]
    try:
        await wire.send(gate, station.interface, [_question(station, *pair)])
    except FrameRefused as refusal:
        found.refused[target] = str(refusal)
    except WireRefused as refusal:
        found.unsent[target] = str(refusal)
    else:
        found.unsent.pop(target, None)


def _question(station: Station, source: IpAddress, target: IpAddress) -> bytes:
    if isinstance(source, IPv6Address) and isinstance(target, IPv6Address):
        return build.neighbour_solicitation(station.mac, source, target, station.vlans)
    if isinstance(source, IPv4Address) and isinstance(target, IPv4Address):
        return build.arp_request(station.mac, source, target, station.vlans)
    raise FrameError(f"{source} cannot ask for {target}")


async def _listen(capture: Capture, station: Station, wanted: list[IpAddress], found: Neighbours) -> None:
    """Take answers until all have answered or the time is over; nothing is awaited that was not sent."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while any(found.open(target) and target not in found.unsent for target in wanted):
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return
        await capture.wait(remaining)
        _absorb(capture.take(), station, wanted, found)


def _absorb(frames: list[CapturedFrame], station: Station, wanted: list[IpAddress], found: Neighbours) -> None:
    """Note who says to own what is wanted."""
    for answer, _ in claims(frames, station):
        if answer.ip in wanted:
            found.macs.setdefault(answer.ip, answer.mac)
