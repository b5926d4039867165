"""What a switch says of its own configuration, in words of no vendor: typed, serialisable, and without any judgement.

``None`` says that the switch did not tell, an empty value that it told of nothing. Texts come from devices: they are
bounded by whoever reads them and escaped by each renderer. Ports go by the name that the device gives them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from r2s_audit.model.base import Model
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import Message

Vid = Annotated[int, Field(ge=1, le=4094)]
"""IEEE 802.1Q VID: 0 and 4095 are reserved."""
Range = tuple[Vid, Vid]
"""VLANs from the first to the last, both included."""
Name = Annotated[str, Field(max_length=64)]
Mode = Literal["access", "trunk", "hybrid", "routed", "member", "other"]
"""``trunk``: one VLAN without a tag at most; ``hybrid``: any number. ``routed``: no switch port. ``member``: of an
aggregate, which has the VLANs. ``other``: something that says nothing of VLANs here (a private VLAN, a tunnel)."""


class SwitchVlan(Model):
    """One VLAN that exists on the switch."""

    id: Vid
    name: Name = ""
    active: bool | None = None
    """False: suspended or shut down, it carries nothing."""


class SwitchPort(Model):
    """One port; what of it stands in no VLAN is said by empty ranges, what nobody told by None."""

    name: Name
    enabled: bool | None = None
    """Administratively up."""
    up: bool | None = None
    """The link is up."""
    mode: Mode | None = None
    pvid: int | None = None
    """The VLAN of frames that arrive without a tag."""
    untagged: tuple[Range, ...] | None = None
    """VLANs that leave without a tag."""
    tagged: tuple[Range, ...] | None = None
    """VLANs that may leave with one; those of them do that exist on the switch."""
    negotiable: str = ""
    """In which mode it makes a trunk of whoever asks by DTP or its like; empty where it does not."""


class Protections(Model):
    """Layer-2 protections, by the names of the ports and the numbers of the VLANs that they are at work on."""

    interfaces: tuple[Name, ...] = ()
    """Every port that the configuration names: one that is not here is not known."""
    unsure: tuple[Name, ...] = ()
    """Those of them whose settings stand elsewhere too, and were not read: what they lack here proves nothing."""
    storm_control: tuple[Name, ...] = ()
    """Broadcasts are limited."""
    root_guard: tuple[Name, ...] = ()
    bpdu_guard: tuple[Name, ...] = ()
    source_guard: tuple[Name, ...] = ()
    dhcp_trusted: tuple[Name, ...] = ()
    """Ports whose DHCP messages are believed, whoever sends them: snooping does not act there."""
    arp_trusted: tuple[Name, ...] = ()
    dhcp_snooping: tuple[Range, ...] = ()
    arp_inspection: tuple[Range, ...] = ()
    multicast_snooping: tuple[Range, ...] = ()
    """By IGMP or by MLD."""


class CommandGap(Model):
    """A command that taught nothing, and why: nothing of it is among the facts."""

    command: str
    failure: Failure
    reason: Message


Algorithm = Annotated[str, Field(max_length=64)]


class SshNegotiated(Model):
    """What one key exchange agreed on (RFC 4253 §7.1), and with whom; algorithms by their registered names."""

    server_version: Annotated[str, Field(max_length=255)]
    """The server's identification string (RFC 4253 §4.2), as it sent it before anything was agreed."""
    key_exchange: Algorithm
    host_key: Algorithm
    cipher: Algorithm
    mac: Algorithm
    """Empty where the cipher authenticates by itself (RFC 5647)."""
    offered: tuple[Annotated[str, Field(max_length=40)], ...] = ()
    """The ways of authentication that the server named when it was asked for none (RFC 4252 §5.2)."""
    authenticated: Literal["publickey", "password", "keyboard-interactive", "none"]
    """How the account was let in; ``none``: the server asked for no proof at all."""


class CliUsed(Model):
    """How the answers were had: shown by a session with the server that holds the pinned key."""

    address: str
    port: int
    user: str = ""
    platform: str
    host_key: str
    """``SHA256:…`` of the key that the server proved to hold."""
    commands: tuple[str, ...]
    """What was asked, in order."""
    negotiated: SshNegotiated | None = None
    redacted_lines: int = 0
    """Lines of the answers that looked like a secret and were cut before anybody read them."""


class SwitchFacts(Model):
    """``ssh.switch``: the switch as its command line shows it."""

    platform: str
    used: CliUsed | None = None
    """Left out by who reads the answers; the collector fills it in."""
    vlans: tuple[SwitchVlan, ...] | None = None
    ports: tuple[SwitchPort, ...] | None = None
    protections: Protections | None = None
    gaps: tuple[CommandGap, ...] = ()
