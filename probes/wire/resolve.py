"""Who owns an address on the link: by ARP (RFC 826) or neighbour solicitation (RFC 4861), within one capture."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address
from typing import NamedTuple

from probes.wire import bpf, build
from probes.wire.answers import AddressAnswer, parse_answer
from probes.wire.capture import Capture, CapturedFrame, CaptureStatistics, Direction
from probes.wire.client import Wire
from probes.wire.frames import FrameError, IpAddress
from probes.wire.gate import FrameGate
from probes.wire.station import Station


class Resolution(NamedTuple):
    """What was learnt of an address: mac is None if nobody answered; claimants are all who did."""

    target_ip: IpAddress
    mac: str | None
    claimants: tuple[str, ...]
    attempts: int
    statistics: CaptureStatistics
    answer: CapturedFrame | None


async def resolve(
    wire: Wire,
    gate: FrameGate,
    station: Station,
    source_ip: IpAddress,
    target_ip: IpAddress,
    *,
    timeout: float = 1.0,  # noqa: ASYNC109 - an expiry is a result here
    attempts: int = 2,
) -> Resolution:
    """Ask the link for the owner of target_ip, by ARP or neighbour solicitation.

    Args:
        wire: the helper to send and listen through.
        gate: asked before each question.
        station: where we speak from.
        source_ip: our address in the question.
        target_ip: the address asked for.
        timeout: seconds to wait after each attempt.
        attempts: questions at most.

    Raises:
        FrameRefused: the gate refused; WireError: the wire failed.
        FrameError: the two addresses are of different versions.
    """
    if isinstance(source_ip, IPv6Address) and isinstance(target_ip, IPv6Address):
        frame = build.neighbour_solicitation(station.mac, source_ip, target_ip, station.vlans)
    elif not isinstance(source_ip, IPv6Address) and not isinstance(target_ip, IPv6Address):
        frame = build.arp_request(station.mac, source_ip, target_ip, station.vlans)
    else:
        raise FrameError(f"{source_ip} cannot ask for {target_ip}")
    program = bpf.compile_filter(bpf.exchange(station.mac))
    heard: dict[str, CapturedFrame] = {}
    asked = 0

    def absorb(capture: Capture) -> None:
        for answer, frame in claims(capture.take(), station):
            if answer.ip == target_ip:
                heard.setdefault(answer.mac, frame)

    async with wire.capture(station.interface, bpf=program) as capture:
        while asked < attempts and not heard:
            await wire.send(gate, station.interface, [frame])
            asked += 1
            deadline = time.monotonic() + timeout
            while not heard and await capture.until(deadline):
                absorb(capture)
        statistics = await capture.statistics()
        absorb(capture)
    first = next(iter(heard), None)
    return Resolution(target_ip, first, tuple(heard), asked, statistics, heard[first] if first else None)


def claims(frames: Iterable[CapturedFrame], station: Station) -> Iterator[tuple[AddressAnswer, CapturedFrame]]:
    """Yield who says, to us and in our VLAN, to own what; a damaged frame says nothing."""
    expected = 0 if station.vlan is None else station.vlan.vid
    for frame in frames:
        if frame.direction is Direction.OUTGOING or (frame.vlan.vid if frame.vlan else 0) != expected:
            continue
        try:
            header, answer = parse_answer(frame.data, verify=not frame.checksum_partial)
        except FrameError:
            continue
        if isinstance(answer, AddressAnswer) and header.destination_mac == station.mac:
            yield answer, frame
