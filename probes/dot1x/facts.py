"""What the family observes of a socket: what is heard, what answers, what an authentication comes to.

Facts say what was sent and heard, never what was declared or expected. Times are UTC, durations milliseconds unless a
name ends in ``_s`` (seconds), MAC addresses lower-case text with colons. Nothing secret is among them: no password, no
inner identity, no EAP payload.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from r2s_audit.model.addresses import IPAddress, IPNetwork
from r2s_audit.model.base import Model

Count = Annotated[int, Field(ge=0)]
MAX_ROWS = 64
"""Talkers listed of one phase; the frames of the others are counted."""


class Kind(StrEnum):
    """What a heard frame is, as far as a closed port tells apart."""

    EAPOL = "eapol"
    LLDP = "lldp"
    STP = "stp"
    LINK = "link"
    """Another protocol of the link itself, which no bridge forwards: CDP and its like, 01:80:c2:00:00:0x."""
    ARP = "arp"
    IPV4 = "ipv4"
    IPV6 = "ipv6"
    OTHER = "other"

    @property
    def is_of_the_link(self) -> bool:
        """Said by the switch about the link: it is no access to the network."""
        return self in {Kind.EAPOL, Kind.LLDP, Kind.STP, Kind.LINK}

    @property
    def is_control(self) -> bool:
        """Shows that the point hears the switch (requirements, S1.1)."""
        return self in {Kind.EAPOL, Kind.LLDP, Kind.STP}


class Heard(Model):
    """Frames of one kind from one sender."""

    kind: Kind
    source: str
    ethertype: Annotated[int, Field(ge=0, le=0xFFFF)] | None
    """None for 802.3 frames with LLC, and for what does not read."""
    vlan: Annotated[int, Field(ge=0, le=4095)] | None = None
    count: Annotated[int, Field(ge=1)]


class Listening(Model):
    """All that was heard in one phase of a window."""

    seconds: float
    heard: tuple[Heard, ...] = ()
    unlisted: Count = 0
    """Frames of senders beyond the first ``MAX_ROWS``."""
    own: Count = 0
    """Frames that left this machine meanwhile, whoever sent them: its kernel may not keep quiet."""

    def count(self, *kinds: Kind) -> int:
        """Listed frames of these kinds."""
        return sum(row.count for row in self.heard if row.kind in kinds)

    @property
    def control(self) -> bool:
        """EAPOL, LLDP or STP was heard."""
        return any(row.kind.is_control for row in self.heard)

    @property
    def leaked(self) -> int:
        """Frames that are none of the link's own protocols."""
        return self.unlisted + sum(row.count for row in self.heard if not row.kind.is_of_the_link)


class Loss(Model):
    """What the capture lost; anything but zero and silence proves nothing."""

    kernel: Count = 0
    """Frames for which the socket had no room (PACKET_STATISTICS, packet(7))."""
    forwarding: Count = 0
    """Frames lost between the socket and this program."""
    interruptions: Count = 0
    """Times the interface went down under the capture."""

    @property
    def total(self) -> int:
        """Zero means that silence was heard, not missed."""
        return self.kernel + self.forwarding + self.interruptions


class LinkState(Model):
    """The interface at both ends of a window."""

    interface: str
    up: bool
    """Administratively up (IFF_UP)."""
    carrier: bool
    """Link present at the beginning and at the end (IFLA_CARRIER)."""
    carrier_losses: Count = 0
    """Times the link was lost in between (IFLA_CARRIER_DOWN_COUNT)."""

    @property
    def held(self) -> bool:
        """Up, with a link, all the time."""
        return self.up and self.carrier and not self.carrier_losses


class Claim(Model):
    """Who says to own an address asked for by ARP."""

    address: IPAddress
    mac: str


class Offered(Model):
    """A DHCPOFFER; nothing was requested."""

    address: IPAddress
    prefix_length: Annotated[int, Field(ge=0, le=32)] | None
    router: IPAddress | None
    server: IPAddress | None


class Advertised(Model):
    """A router advertisement."""

    router: IPAddress
    mac: str
    prefixes: tuple[IPNetwork, ...]


class Knock(Model):
    """One DHCPDISCOVER, ARP for a gateway, one router solicitation, and who answered."""

    gateway: IPAddress | None
    """The declared gateway asked for by ARP; None: the VLAN declares none for IPv4."""
    others: tuple[IPAddress, ...] = ()
    """Gateways of other VLANs asked for as well."""
    claims: tuple[Claim, ...] = ()
    offers: tuple[Offered, ...] = ()
    advertisements: tuple[Advertised, ...] = ()
    frames_sent: Count
    frames_seen: Count
    """Those that the capture saw leave: a frame that never left was never unanswered."""
    seconds: float

    @property
    def silent(self) -> bool:
        """Nobody answered."""
        return not (self.claims or self.offers or self.advertisements)

    def claimed(self, address: object) -> bool:
        """Somebody says to own the address."""
        return any(claim.address == address for claim in self.claims)


class ClosedFacts(Model):
    """An unauthenticated point: nothing sent, then three questions, in one capture."""

    link: LinkState
    silent: Listening | None
    """None: no link, nobody listened."""
    asked: Listening | None
    knock: Knock | None
    loss: Loss
    started: datetime
    ended: datetime


class StartFacts(Model):
    """An EAPOL-Start and what it drew; ended by a Logoff."""

    link: LinkState
    listening: Listening | None
    requested: bool
    """An EAP-Request/Identity came (RFC 3748 §5.1)."""
    elapsed_ms: float | None
    """From the last Start before it."""
    starts: Count
    authenticator: str | None
    frames_seen: Count
    loss: Loss


class PeerCertificate(Model):
    """A certificate that the EAP server showed; ``depth`` 0 is its own (RFC 5216 §2.1)."""

    depth: Annotated[int, Field(ge=0, le=32)]
    subject: Annotated[str, Field(max_length=1024)]
    issuer: Annotated[str, Field(max_length=1024)] | None
    """None: it does not parse."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class AuthenticationFacts(Model):
    """One authentication: closed before, tried, what then opened, closed after."""

    identity: Literal["declared", "fictitious"]
    link: LinkState
    before: Knock | None
    """None: no link, nothing tried."""
    result: Literal["success", "failure", "timeout", "not_tried"]
    requested: bool
    """The authenticator began a conversation."""
    method: Annotated[int, Field(ge=0, le=255)] | None = None
    """EAP method agreed upon: 13 TLS, 21 TTLS, 25 PEAP."""
    tls_version: Annotated[str, Field(max_length=64)] = ""
    tls_cipher: Annotated[str, Field(max_length=128)] = ""
    validated: bool | None = None
    """Whether the server's certificate met the declared authority and name; None: it showed none."""
    validation_error: Annotated[str, Field(max_length=256)] = ""
    certificates: tuple[PeerCertificate, ...] = ()
    elapsed_ms: float | None = None
    """From the start of the conversation to its end."""
    opened: Knock | None = None
    """After a success."""
    closed: Knock | None = None
    """After the Logoff, or after a refusal."""
    listening: Listening | None = None
    loss: Loss
