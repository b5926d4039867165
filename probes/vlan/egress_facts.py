"""What is observed of a way out: who answers where the hops that a packet may take run out, and whether its end does."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from probes.vlan.facts import Count, Loss, ReachState, SenderControl
from r2s_audit.model.addresses import IPAddress
from r2s_audit.model.base import Model, Port

_TIME_EXCEEDED = {4: (11, 0), 6: (3, 0)}
"""ICMP type and code of a packet whose hops ran out on the way: RFC 792; RFC 4443 §3.3."""


class HopFacts(Model):
    """One question to the end of the way, with so many hops to live, and what came back."""

    hop_limit: Annotated[int, Field(ge=1, le=255)]
    state: ReachState
    address: IPAddress | None = None
    """Who answered; it is recorded and never asked anything."""
    mac: str | None = None
    """Of the neighbour that handed the answer to the point."""
    answer_hop_limit: Annotated[int, Field(ge=0, le=255)] | None = None
    icmp_type: Annotated[int, Field(ge=0, le=255)] | None = None
    icmp_code: Annotated[int, Field(ge=0, le=255)] | None = None
    rtt_ms: float | None = None
    frames_sent: Count
    frames_seen: Count
    """Those that the capture saw leave."""
    note: str | None = None
    """Why nothing was sent, or not again."""

    @property
    def is_end(self) -> bool:
        """The end of the way answered as one that may be used: the question came that far."""
        return self.state.is_open

    @property
    def router(self) -> IPAddress | None:
        """The router where the question's hops ran out; None where the answer is another one, or none."""
        if self.state is not ReachState.ICMP_ERROR or self.address is None:
            return None
        told = (self.icmp_type, self.icmp_code)
        return self.address if told == _TIME_EXCEEDED[self.address.version] else None


class EgressFacts(Model):
    """The way from a point to one address, hop by hop, in one window.

    An answer counts where it quotes the very question: addresses, protocol, identifier and sequence, or ports. What a
    translator rewrote on the way and did not put back is a foreign frame.
    """

    address: IPAddress
    protocol: Literal["icmp", "tcp", "udp"]
    port: Port | None
    next_hop: IPAddress
    """The declared gateway of the point's VLAN: every question is handed to it."""
    next_hop_mac: str | None
    """None: it did not answer ARP or neighbour solicitation, and nothing was sent."""
    hops: tuple[HopFacts, ...]
    """With one hop to live, with two and so on, until the end answered, or nobody did."""
    end: HopFacts | None
    """With hops enough; None where nothing was sent."""
    foreign: Count
    """Frames of the window that resemble answers and quote another question."""
    window_start: datetime
    window_end: datetime
    loss: Loss
    sender: SenderControl

    @property
    def reached(self) -> bool:
        """Whether the end answered in this window."""
        return any(hop.is_end for hop in (*self.hops, *filter(None, [self.end])))
