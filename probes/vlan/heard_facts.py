"""What was heard at a measuring point in one window, and what a second point sent it to prove that it hears tags.

Facts say what the frames said, never what was declared or expected. Every list is bounded; what did not fit is counted.
Times are UTC, lengths of time seconds, MAC addresses lower-case text with colons.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from probes.vlan.facts import Count, Loss
from probes.vlan.l2 import Kind
from r2s_audit.model.addresses import IPAddress
from r2s_audit.model.base import Model

MAX_PER_KIND, MAX_BPDUS, MAX_TAGGED, MAX_SENDERS = 8, 32, 64, 1024
"""Rows of each list, the first for each protocol: hostile networks may send millions of different frames."""
Octet = Annotated[int, Field(ge=0, le=255)]
Vid = Annotated[int, Field(ge=0, le=4095)]
Priority = Annotated[int, Field(ge=0, le=65535)]


class Sighting(Model):
    """Frames of one control protocol from one sender."""

    kind: Kind
    source: str
    destination: str
    vids: tuple[Vid, ...] = ()
    """Of the tags that they bore, from the outermost in."""
    count: Count
    first_s: float
    """After the window's beginning."""


class BpduSighting(Model):
    """BPDUs that say the same of the tree."""

    kind: Kind
    source: str
    vids: tuple[Vid, ...] = ()
    version: Octet
    type: Octet
    root_priority: Priority | None = None
    root_mac: str | None = None
    bridge_priority: Priority | None = None
    bridge_mac: str | None = None
    """None in a topology change notice, and where the frame was cut."""
    count: Count
    first_s: float


class Tagged(Model):
    """Frames that bore the same tags."""

    vids: tuple[Vid, ...]
    source: str
    """Of the first one."""
    kind: Kind
    count: Count
    first_s: float


class Sender(Model):
    """Untagged frames to a group, of a station that says that it is on this link with this address."""

    address: IPAddress
    mac: str
    via: Literal["arp", "ipv4", "ipv6"]
    count: Count


class HeardFacts(Model):
    """One listening window."""

    window_start: datetime
    window_end: datetime
    seconds: float
    """Length of the window on a clock that nobody sets."""
    frames: Count
    """All that came in, whatever they were."""
    control: tuple[Sighting, ...]
    bpdus: tuple[BpduSighting, ...]
    tagged: tuple[Tagged, ...]
    senders: tuple[Sender, ...]
    unlisted_bpdus: Count
    unlisted_senders: Count
    unlisted: Count
    """Frames that had a row coming and found none free, in these two lists and in the others."""
    unreadable: Count
    loss: Loss
    carrier_losses: Count
    """Times the link was lost within the window (IFLA_CARRIER_DOWN_COUNT)."""


class TagControlFacts(Model):
    """Frames sent to neighbours of the same VLAN, so that they can tell whether tags reach them."""

    peers: tuple[str, ...]
    """Measuring points that were written to."""
    sent: Count
