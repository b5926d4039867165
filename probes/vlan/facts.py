"""What the family observes: a measuring point, and one attempt to reach an address from it.

Facts say what was sent and heard, never what was declared or expected: a record can be judged again with another
site file. Times are UTC, durations milliseconds, MAC addresses lower-case text with colons.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from r2s_audit.model.addresses import IPAddress
from r2s_audit.model.base import Model, Port

Count = Annotated[int, Field(ge=0)]


class ReachState(StrEnum):
    """What came back, told apart as far as the wire tells it apart."""

    REPLY = "reply"
    """ICMP echo reply from the target (RFC 792; RFC 4443 §4.2)."""
    SYN_ACK = "syn_ack"
    """The port is open (RFC 9293 §3.5)."""
    ANSWER = "answer"
    """A datagram from the very address and port that one was sent to (RFC 768)."""
    RST = "rst"
    """Refused by the target, or by somebody on the way in the target's name: one frame does not tell (RFC 9293 §3.5.2)."""
    ICMP_ERROR = "icmp_error"
    """A destination unreachable, a time exceeded and the like, with type, code and sender."""
    SILENCE = "silence"
    """Nothing, after every retry."""
    ARP_UNRESOLVED = "arp_unresolved"
    """The next hop did not answer ARP or neighbour solicitation: the probe was never sent."""

    @property
    def is_open(self) -> bool:
        """The target answered as one that may be used: echo reply, SYN-ACK or datagram."""
        return self in {ReachState.REPLY, ReachState.SYN_ACK, ReachState.ANSWER}


class SenderControl(Model):
    """Whether the point could send and hear at both ends of the window (promise 3).

    The gateway of the point's own VLAN is asked by ARP (RFC 826) or neighbour solicitation (RFC 4861), then by echo.
    Either answer will do: both need a frame to leave and a frame to come back.
    """

    gateway: IPAddress | None
    """None: the site declares none for this IP version, nobody could be asked."""
    resolved_before: bool
    resolved_after: bool
    echo_before: bool
    echo_after: bool
    carrier_losses: Count
    """Times the link was lost within the window, read from the kernel (IFLA_CARRIER_DOWN_COUNT)."""
    refusal: str | None = None
    """Why the gate kept the question to the gateway off the wire, where it did."""

    @property
    def holds(self) -> bool:
        """Answered at the beginning, answered at the end, and the link was never lost in between."""
        before = self.resolved_before or self.echo_before
        after = self.resolved_after or self.echo_after
        return before and after and not self.carrier_losses


class Loss(Model):
    """What the capture of a window lost; anything but zero and silence proves nothing."""

    kernel: Count
    """Frames for which the socket had no room (PACKET_STATISTICS, packet(7))."""
    forwarding: Count
    """Frames lost between the socket and this program."""
    interruptions: Count
    """Times the interface went down under the capture."""

    @property
    def total(self) -> int:
        """Zero means that silence was heard, not missed."""
        return self.kernel + self.forwarding + self.interruptions


class ReachFacts(Model):
    """One address asked once over one protocol, from one point, in one phase of a cell."""

    address: IPAddress
    protocol: Literal["icmp", "tcp", "udp"]
    port: Port | None
    source_port: Port | None = None
    """The port that the question had to come from; None where any would do."""
    state: ReachState
    next_hop: IPAddress
    """The target itself where it is on the point's link, else the gateway."""
    next_hop_mac: str | None
    answered_by: IPAddress | None = None
    """Source address of the answer: for an ICMP error, who refuses."""
    answer_mac: str | None = None
    answer_hop_limit: Annotated[int, Field(ge=0, le=255)] | None = None
    """TTL or hop limit of the answer as received: an answer that crossed a router has a lowered one."""
    icmp_type: Annotated[int, Field(ge=0, le=255)] | None = None
    icmp_code: Annotated[int, Field(ge=0, le=255)] | None = None
    rtt_ms: float | None = None
    frames_sent: Count
    """Frames handed to the interface for this attempt."""
    frames_seen: Count
    """Those that the capture saw leave: a frame that never left was never unanswered."""
    retries: Count
    started: datetime
    """First frame of this attempt, or the moment at which it was given up unsent."""
    ended: datetime
    """Answer heard, or the wait over."""
    window_start: datetime
    """Before the first sender's control of the batch."""
    window_end: datetime
    """After its last."""
    loss: Loss
    sender: SenderControl
    note: str | None = None
    """What the wire adds: a retry that the budget refused, a connection left half open."""

    @property
    def is_open(self) -> bool:
        """The target answered as one that may be used: echo reply, SYN-ACK or datagram."""
        return self.state.is_open


class Way(StrEnum):
    """By which way a neighbour of the same VLAN is tried."""

    ASKED_ALL = "asked_all"
    """ARP by broadcast (RFC 826), or neighbour solicitation by multicast (RFC 4861 §7.2.2)."""
    ASKED_ONE = "asked_one"
    """The same question straight to the declared MAC address of the device."""
    DIRECT = "direct"
    """An echo straight to that MAC address."""
    ROUTED = "routed"
    """An echo or a TCP SYN to the MAC address of the router, which may send it back into the VLAN."""


class WayFacts(Model):
    """One way tried, and what came back."""

    way: Way
    protocol: Literal["arp", "nd", "icmp", "tcp"]
    port: Port | None = None
    to_mac: str | None
    """None: not known, so that nothing was sent."""
    state: ReachState | None
    """REPLY also for an ARP reply or a neighbour advertisement; None where nothing was sent, for the reason in the note."""
    answered_by: IPAddress | None = None
    answer_mac: str | None = None
    answer_hop_limit: Annotated[int, Field(ge=0, le=255)] | None = None
    icmp_type: Annotated[int, Field(ge=0, le=255)] | None = None
    icmp_code: Annotated[int, Field(ge=0, le=255)] | None = None
    frames_sent: Count
    frames_seen: Count
    """Those that the capture saw leave."""
    note: str | None = None


class InsideFacts(Model):
    """One address of another dwelling, tried by every way from a dwelling's own socket, in one window."""

    address: IPAddress
    on_link: bool
    """In the point's own VLAN: else the router is the only way."""
    gateway_mac: str | None
    """Of the router of the point's VLAN, as it answered in this window."""
    ways: tuple[WayFacts, ...]
    window_start: datetime
    window_end: datetime
    loss: Loss
    sender: SenderControl


class ForeignQuestion(Model):
    """One address of another VLAN, asked for by ARP or neighbour solicitation on the point's own link."""

    address: IPAddress
    answer_mac: str | None
    frames_sent: Count
    frames_seen: Count
    note: str | None = None
    """Why nothing was sent."""


class ProxyFacts(Model):
    """Who answers on a point's link in the name of other VLANs (RFC 1027), in one window and one IP version."""

    version: Literal[4, 6]
    questions: tuple[ForeignQuestion, ...]
    window_start: datetime
    window_end: datetime
    loss: Loss
    sender: SenderControl


class OwnAddress(Model):
    """An address of the point's own interface, with its prefix length."""

    address: IPAddress
    prefix_length: Annotated[int, Field(ge=0, le=128)]


class GatewayAnswer(Model):
    """What the declared gateway of one IP version said to the point."""

    address: IPAddress
    asked: bool
    """False: no link, or no own address to ask from."""
    mac: str | None
    echo: bool


class PointFacts(Model):
    """The state of a measuring point's interface and what its gateways answer."""

    interface: str
    up: bool
    """Administratively up (IFF_UP)."""
    carrier: bool
    """Link present (IFLA_CARRIER)."""
    speed_mbps: Count | None
    """None where the driver does not say."""
    duplex: Literal["full", "half"] | None
    mtu: Count
    mac: str
    addresses: tuple[OwnAddress, ...]
    gateways: tuple[GatewayAnswer, ...]
    loss: Loss


class LeaseOffer(Model):
    """One DHCPOFFER (RFC 2131 §3.1) to our DISCOVER; what the server left out is None."""

    source: IPAddress
    """Whence the datagram came: the server, or the relay that passed it on."""
    mac: str
    server: IPAddress | None
    """Option 54 (RFC 2132 §9.7): who offers."""
    address: IPAddress
    prefix_length: Annotated[int, Field(ge=0, le=32)] | None
    router: IPAddress | None
    """Option 3 (RFC 2132 §3.5), the first one."""


class Speaker(Model):
    """Whoever says by ARP to own an IPv4 address on the point's link (RFC 826)."""

    address: IPAddress
    mac: str


class LeaseFacts(Model):
    """What answered one DHCPDISCOVER at a point, and who spoke ARP meanwhile. Nothing was leased."""

    frames_sent: Count
    frames_seen: Count
    """Those that the capture saw leave."""
    listened_s: float
    """Seconds listened after the DISCOVER."""
    offers: tuple[LeaseOffer, ...]
    speakers: tuple[Speaker, ...]
    unlisted: Count
    """Offers and speakers beyond the bounds of this list."""
    unreadable: Count
    """Datagrams from a DHCP server's port that are no DHCP message."""
    window_start: datetime
    window_end: datetime
    loss: Loss
    carrier_losses: Count
