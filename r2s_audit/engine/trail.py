"""Which request a frame on the wire belongs to: by interface, time, address and port.

Nothing marks a frame with its request: what the kernel sends for a socket (a SYN, a question for an address) is no less a
part of it than what a collector writes. So this is a reading of the wire, as an expert would do it by hand; it says when it
does not know, and names several where several fit.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING

from probes.wire.capture import Direction
from probes.wire.frames import ICMP, ICMPV6, TCP, UDP, FrameKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from probes.wire.capture import CapturedFrame
    from probes.wire.frames import FrameHeader
    from r2s_audit.model.observation import Request
    from r2s_audit.model.topology import Topology

LATE_NS = 250_000_000
"""A request that ended less than this ago may still get an answer, and its connection an end."""
MOST = 3
"""Requests named for one frame, at most."""
_ADDRESSED = 4
_PROTOCOLS = {"tcp": (TCP,), "udp": (UDP,), "icmp": (ICMP, ICMPV6)}


@dataclass(slots=True)
class _Span:
    """Requests of one job while it ran; addressed ones by their address, the others as windows."""

    begin: int
    label: str
    end: int | None = None
    addressed: dict[str, list[Request]] = field(default_factory=dict)
    windows: list[Request] = field(default_factory=list)

    def covers(self, t_ns: int) -> bool:
        return self.begin <= t_ns and (self.end is None or t_ns <= self.end + LATE_NS)


@dataclass(slots=True)
class Trail:
    """What was under way on which interface of a pass."""

    topology: Topology
    _spans: dict[str, list[_Span]] = field(default_factory=dict, init=False)

    @contextmanager
    def under_way(self, interface: str, requests: Iterable[Request]) -> Iterator[None]:
        """Note that these requests are being made from an interface."""
        several = tuple(requests)
        label = several[0].key if len(several) == 1 else _batch(several)
        span = _Span(time.time_ns(), label)
        for request in several:
            self._index(span, request)
        self._spans.setdefault(interface, []).append(span)
        try:
            yield
        finally:
            span.end = time.time_ns()

    def _index(self, span: _Span, request: Request) -> None:
        params = dict(request.params)
        if "address" in params:
            span.addressed.setdefault(_canonical(str(params["address"])), []).append(request)
            return
        span.windows.append(request)
        device = self.topology.devices.get(request.target)
        for address in device.addresses if device else ():
            span.addressed.setdefault(str(address), []).append(request)

    def forget(self, before_ns: int) -> None:
        """Let go of what ended before; no frame of that time is still to come."""
        for interface, spans in self._spans.items():
            self._spans[interface] = [s for s in spans if s.end is None or s.end + LATE_NS >= before_ns]

    def comments(self, frame: CapturedFrame, header: FrameHeader | None) -> tuple[str, ...]:
        """One line per request that fits best; ``during`` where only the time does, ``none`` where nothing does."""
        spans = [span for span in self._spans.get(frame.interface, ()) if span.covers(frame.t_ns)]
        how, found = _best(spans, frame, header)
        if not found:
            return ("request: none",)
        lines = [f"{how}: {key}" for key in found[:MOST]]
        if len(found) > MOST:
            lines.append(f"{how}: one of {len(found)}")
        return tuple(lines)


def _batch(requests: tuple[Request, ...]) -> str:
    """How requests that one collector makes together are called."""
    return f"{requests[0].collector}@{requests[0].point}, {len(requests)} requests"


def _canonical(address: str) -> str:
    try:
        return str(ip_address(address))
    except ValueError:
        return address


def _best(spans: list[_Span], frame: CapturedFrame, header: FrameHeader | None) -> tuple[str, list[str]]:
    """Keys of the requests that fit best, and whether it is more than their time that does."""
    peer = _peer(header, frame.direction) if header else ""
    scores: dict[str, int] = {}
    for span in spans:
        running = span.end is None or frame.t_ns <= span.end
        for request in span.addressed.get(peer, ()):
            assert header is not None  # noqa: S101 - a frame without a header has no peer
            scores[request.key] = 2 * _fit(request, header, frame.direction) + running
        if header is None or not peer or header.is_group:
            for request in span.windows:
                scores.setdefault(request.key, running)
        # What no address tells: a question for the router on the way, a collector's own control, the end of a connection.
        if frame.direction is Direction.OUTGOING:
            scores.setdefault(span.label, running)
    best = max(scores.values(), default=0)
    found = sorted(key for key, score in scores.items() if score == best) if best > 0 else []
    return "request" if best >= 2 * _ADDRESSED else "during", found


def _fit(request: Request, header: FrameHeader, direction: Direction) -> int:
    """How well a request for this very address fits: its port and protocol count where both sides have one."""
    params = dict(request.params)
    score = _ADDRESSED
    port = header.destination_port if direction is Direction.OUTGOING else header.source_port
    asked = params.get("port")
    if asked and port is not None:
        score += 2 if str(asked) == str(port) else -2
    protocol = _PROTOCOLS.get(str(params.get("protocol")))
    if protocol and header.protocol is not None:
        score += 1 if header.protocol in protocol else -1
    return score


def _peer(header: FrameHeader, direction: Direction) -> str:
    """The address at the other end that a frame is to, from, or about; empty where it has none."""
    outgoing = direction is Direction.OUTGOING
    if header.kind is FrameKind.ARP and header.arp:
        return str(header.arp.target_ip if outgoing else header.arp.sender_ip)
    if header.neighbour_target is not None:
        asking = header.icmp_type == 135  # noqa: PLR2004 - neighbour solicitation (RFC 4861, 4.3)
        if asking == outgoing:
            return str(header.neighbour_target)
    address = header.destination_ip if outgoing else header.source_ip
    return "" if address is None else str(address)
