"""What the family observes of DHCPv6: who answers one SOLICIT, and what they would give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from probes.ipv6.facts import Count, Hearing, Octet
from probes.wire.dhcpv6 import Problem
from r2s_audit.model.addresses import IPAddress, IPNetwork
from r2s_audit.model.base import Model


class DhcpAnswer(Model):
    """An ADVERTISE (RFC 8415 §18.3.9) to our SOLICIT; what the server left out is None or empty."""

    source: IPAddress
    """Whence the datagram came: the server's or the relay's link-local address."""
    mac: str
    duid: str
    """The server's identifier, in hexadecimal."""
    preference: Octet | None
    """RFC 8415 §21.8; None counts as zero."""
    status: Annotated[int, Field(ge=0, le=0xFFFF)] | None
    """RFC 8415 §21.13: that of the message, else the first of its identity associations; 2: it has no address to give."""
    addresses: tuple[IPAddress, ...]
    prefixes: tuple[IPNetwork, ...]
    resolvers: tuple[IPAddress, ...]
    """RFC 3646 §3."""
    after_ms: float | None
    """Since our SOLICIT left; None where it was not seen to leave."""


class DhcpRefuse(Model):
    """A datagram to the client's port that no client takes."""

    source: IPAddress
    mac: str
    problem: Problem


class DhcpFacts(Model):
    """What answered one DHCPv6 SOLICIT at a point. Nothing was leased."""

    interface: str
    source: IPAddress
    """The point's own link-local address."""
    solicited: datetime | None
    """When the capture saw the SOLICIT leave; None: it did not, and nothing was asked."""
    window_start: datetime
    window_end: datetime
    listened_s: float
    """From the SOLICIT to the end of listening."""
    answers: tuple[DhcpAnswer, ...]
    """Each different one once."""
    refuse: tuple[DhcpRefuse, ...]
    """Each different one once."""
    unlisted: Count
    """Answers beyond the bounds of these lists."""
    hearing: Hearing
