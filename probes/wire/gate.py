"""What stands between a frame and the wire: the gate's interface, and what no gate can allow."""

from __future__ import annotations

from typing import Protocol

from probes.wire.frames import ICMPV6, TCP, UDP, FrameHeader, FrameKind

_TUNNELS = {4: "IPv4 in IP", 41: "IPv6 in IP", 47: "GRE", 50: "ESP", 115: "L2TP", 137: "MPLS in IP"}
_IGMP_QUERY, _MLD_QUERY = 0x11, 130


class FrameRefused(Exception):
    """A frame was kept off the wire: outside the scope, over the budget, harmful, or not fully readable."""

    sent = 0
    """Frames of the same call that had left before this one was refused."""


class FrameGate(Protocol):
    """Decides and paces. Each frame is admitted, then paid for, then sent, in this order."""

    def admit(self, interface: str, header: FrameHeader) -> None:
        """Return if the frame may be sent on the interface; raise `FrameRefused` if it may not."""

    def pay_now(self, interface: str, header: FrameHeader) -> bool:
        """Charge the frame if the budget allows it at this very moment; False, uncharged, if `pay` has to wait.

        Raises:
            FrameRefused: no budget is left.
        """

    async def pay(self, interface: str, header: FrameHeader) -> None:
        """Wait until the budget allows the frame, and charge it; raise `FrameRefused` if none is left."""


def never_allowed(header: FrameHeader) -> str | None:
    """Return why no mandate can allow a frame with this header; None if it is for the gate to decide.

    Harmful: trunk negotiation, VLAN database changes and querier elections would change the building's
    network. Unreadable: where the final destination or the ports are not in the header that the gate sees,
    its decision would be about something else than what arrives.
    """
    if header.kind in (FrameKind.DTP, FrameKind.VTP):
        return f"{header.kind.upper()} changes switches"
    if header.igmp_type == _IGMP_QUERY or (header.protocol == ICMPV6 and header.icmp_type == _MLD_QUERY):
        return "a multicast query takes part in the election of the querier"
    if header.source_routed:
        return "a source route leads past the destination address"
    if header.protocol in _TUNNELS:
        return f"{_TUNNELS[header.protocol]} hides the final destination"
    if header.fragment_offset and header.protocol in (TCP, UDP, ICMPV6):
        return "a later fragment has no ports"
    return None
