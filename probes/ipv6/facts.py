"""What the family observes: what routers of a link say, which addresses a point has, how neighbours answer.

Facts say what was sent and heard, never what was declared or expected: a record can be judged again with another
site file. Times are UTC, durations in the unit that their name ends with, MAC addresses lower-case text with colons.
What a router says is kept as it says it, bounded; whether a host may believe it is in ``problems``.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from r2s_audit.model.addresses import IPAddress, IPNetwork
from r2s_audit.model.base import Model

Count = Annotated[int, Field(ge=0)]
Octet = Annotated[int, Field(ge=0, le=255)]
Seconds32 = Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
"""A lifetime of 32 bits; all ones mean infinity (RFC 4861 §4.6.2, RFC 8106 §5.1)."""

IFA_TEMPORARY, IFA_DADFAILED, IFA_DEPRECATED, IFA_TENTATIVE, IFA_PERMANENT = 0x01, 0x08, 0x20, 0x40, 0x80
IFA_MANAGES_TEMPORARY, IFA_STABLE_PRIVACY = 0x100, 0x800
IFAPROT_KERNEL_RA = 2
_SLAAC_FLAGS = IFA_TEMPORARY | IFA_MANAGES_TEMPORARY | IFA_STABLE_PRIVACY
_INTERFACE_BITS = 64


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


class Problem(StrEnum):
    """Why hosts discard a router advertisement (RFC 4861 §6.1.2; fragments: RFC 6980 §5)."""

    HOP_LIMIT = "hop_limit"
    SOURCE = "source"
    CODE = "code"
    CHECKSUM = "checksum"
    LENGTH = "length"
    OPTION = "option"
    FRAGMENT = "fragment"


class Prefix(Model):
    """A prefix information option (RFC 4861 §4.6.2)."""

    prefix: IPNetwork
    on_link: bool
    autonomous: bool
    valid_s: Seconds32
    preferred_s: Seconds32


class Resolvers(Model):
    """A recursive DNS server option (RFC 8106 §5.1)."""

    lifetime_s: Seconds32
    servers: tuple[IPAddress, ...]


class SearchList(Model):
    r"""A DNS search list option (RFC 8106 §5.2); octets that a host name cannot hold are written ``\ddd``."""

    lifetime_s: Seconds32
    names: tuple[str, ...]


class Content(Model):
    """The body of a router advertisement (RFC 4861 §4.2)."""

    hop_limit: Octet
    managed: bool
    """M: addresses by DHCPv6."""
    other: bool
    """O: other information, DNS servers for one, by DHCPv6."""
    preference: Literal["low", "medium", "high", "reserved"]
    """RFC 4191 §2.2."""
    lifetime_s: Annotated[int, Field(ge=0, le=0xFFFF)]
    """Zero: the sender is not a default router."""
    reachable_ms: Seconds32
    retransmit_ms: Seconds32
    mtu: Seconds32 | None = None
    source_mac: str | None = None
    """The source link-layer address option."""
    prefixes: tuple[Prefix, ...] = ()
    resolvers: tuple[Resolvers, ...] = ()
    search_lists: tuple[SearchList, ...] = ()
    ignored_options: Count = 0
    """Options of unknown type, or whose own content is wrong: hosts skip them, and so does this program."""


class Advertisement(Model):
    """A router advertisement as heard; the same one again is counted, not repeated."""

    heard: datetime
    after_ms: float | None
    """Since our router solicitation left; negative before it, None where it was not seen to leave."""
    source: IPAddress
    mac: str
    """Source address of the frame."""
    destination: IPAddress
    hop_limit: Octet
    problems: tuple[Problem, ...] = ()
    content: Content | None = None
    """None where it does not read."""
    count: Annotated[int, Field(ge=1)] = 1

    @property
    def believed(self) -> bool:
        """Whether a host would take it."""
        return not self.problems and self.content is not None


class Asked(Model):
    """One address asked by ARP (RFC 826) or neighbour solicitation (RFC 4861 §7.2), at both ends of a window."""

    address: IPAddress
    before: tuple[str, ...] = ()
    """MAC addresses that claimed it at the beginning."""
    after: tuple[str, ...] = ()
    """The same at the end."""
    refusal: str | None = None
    """Why the gate or the interface kept the question off the wire, where one did."""

    @property
    def macs(self) -> frozenset[str]:
        """Everybody who claimed the address."""
        return frozenset(self.before) | frozenset(self.after)

    @property
    def both(self) -> bool:
        """Answered at the beginning and at the end."""
        return bool(self.before and self.after)


class Hearing(Model):
    """What shows that the point could send and hear during a window (promise 3)."""

    asked: tuple[Asked, ...]
    """Declared addresses on the link, of both IP versions: an answer needs a frame out and a frame in."""
    carrier_losses: Count
    """Times the link was lost within the window, read from the kernel (IFLA_CARRIER_DOWN_COUNT)."""
    loss: Loss

    @property
    def controlled(self) -> bool:
        """Somebody declared answered at both ends and the link was never lost in between."""
        return any(each.both for each in self.asked) and not self.carrier_losses


class Sight(Model):
    """Somebody else's IPv6 address seen in use: as a source, or claimed in an answer."""

    address: IPAddress
    mac: str


class RouterFacts(Model):
    """One router solicitation and the window that listened for its answers."""

    interface: str
    source: IPAddress
    """The point's own link-local address."""
    solicited: datetime | None
    """When the capture saw the solicitation leave; None: it did not, and nothing was asked."""
    window_start: datetime
    window_end: datetime
    listened_s: float
    """From the solicitation to the end of listening."""
    advertisements: tuple[Advertisement, ...]
    unkept: Count
    """Further advertisements, different from those kept: more than the program keeps."""
    unreadable: Count
    """Frames that do not read as IPv6 at all."""
    sights: tuple[Sight, ...]
    """Addresses of global or unique local scope of others, each once, bounded."""
    hearing: Hearing

    @property
    def complete(self) -> bool:
        """Whether an absence in this window is one of the building's: asked, heard, and nothing lost."""
        return (
            self.solicited is not None and self.hearing.controlled and not self.hearing.loss.total and not self.unkept
        )


class Origin(StrEnum):
    """How an address came to the interface, as far as the kernel tells."""

    STATIC = "static"
    """For ever: somebody typed it, or it is the link-local one."""
    SLAAC = "slaac"
    """From a router advertisement (RFC 4862)."""
    DYNAMIC = "dynamic"
    """For a time, by a program: a DHCPv6 client, or one that does SLAAC in the kernel's place."""


class OwnAddress(Model):
    """An IPv6 address of the point's interface, as rtnetlink tells it (linux/if_addr.h)."""

    address: IPAddress
    prefix_length: Annotated[int, Field(ge=0, le=128)]
    flags: Count
    protocol: Octet | None = None
    """IFA_PROTO; None where the kernel does not say (before Linux 5.18)."""
    valid_s: Seconds32 | None = None
    preferred_s: Seconds32 | None = None

    @property
    def tentative(self) -> bool:
        """Duplicate address detection has not ended (RFC 4862 §5.4)."""
        return bool(self.flags & IFA_TENTATIVE)

    @property
    def duplicate(self) -> bool:
        """Duplicate address detection found somebody else with it."""
        return bool(self.flags & IFA_DADFAILED)

    @property
    def usable(self) -> bool:
        """It may be a source."""
        return not (self.tentative or self.duplicate)

    def origin(self, mac: str) -> Origin:
        """Static, by SLAAC or otherwise dynamic; ``mac`` is the interface's, for modified EUI-64 identifiers."""
        if self.protocol == IFAPROT_KERNEL_RA:
            return Origin.SLAAC
        if self.flags & IFA_PERMANENT:
            return Origin.STATIC
        if self.protocol is None and self.prefix_length == _INTERFACE_BITS:
            ours = int(self.address) & (1 << _INTERFACE_BITS) - 1 == eui64(mac)
            if ours or self.flags & _SLAAC_FLAGS:
                return Origin.SLAAC
        return Origin.DYNAMIC


def eui64(mac: str) -> int:
    """The modified EUI-64 interface identifier of a MAC address (RFC 4291, appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    return int.from_bytes(bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:])


class Settings(Model):
    """What the auditor's own kernel does with router advertisements (net.ipv6.conf of the interface)."""

    disabled: bool
    accept_ra: int
    accept_prefix: bool
    autoconf: bool
    forwarding: bool

    @property
    def forms_addresses(self) -> bool:
        """Whether this kernel would form an address from an advertised prefix."""
        accepts = self.accept_ra == 2 or (self.accept_ra == 1 and not self.forwarding)  # noqa: PLR2004 - ip-sysctl
        return accepts and self.accept_prefix and self.autoconf and not self.disabled


class AddressFacts(Model):
    """The IPv6 addresses of the point's interface once they had time to form."""

    interface: str
    up: bool
    carrier: bool
    carrier_losses: Count
    """During the wait."""
    mac: str
    addresses: tuple[OwnAddress, ...]
    settings: Settings
    waited_s: float


class NeighbourAnswer(Model):
    """A neighbour advertisement (RFC 4861 §4.4)."""

    mac: str
    """Source address of the frame."""
    target_mac: str | None
    """The target link-layer address option."""
    router: bool
    solicited: bool
    override: bool
    after_ms: float | None
    """Since the latest question left."""


class Solicited(Model):
    """Questions of one kind for one address, and who answered; each answerer once."""

    frames_sent: Count
    frames_seen: Count
    """Those that the capture saw leave."""
    answers: tuple[NeighbourAnswer, ...] = ()


class NeighbourFacts(Model):
    """One device asked for its IPv6 address: first all who listen for it, then the one who answered."""

    address: IPAddress
    multicast: Solicited
    """To the solicited-node group: address resolution (RFC 4861 §7.2.2)."""
    unicast: Solicited | None
    """To the address and MAC that answered: unreachability detection (§7.3); None where nobody had."""
    hearing: Hearing
    """The device's own IPv4 addresses on this link, asked in the same window: sender's and target's control in one."""
    window_start: datetime
    window_end: datetime
    refusal: str | None = None


class EchoFacts(Model):
    """A series of echoes to the declared IPv6 gateway of the point's VLAN."""

    address: IPAddress
    source: IPAddress
    mac: str | None
    """Who claimed the address; None: nobody, and no echo was sent."""
    wanted: Count
    left: Count
    """Requests that the capture saw leave: only these count."""
    replies: Count
    errors: Count
    """Requests that an ICMPv6 error answered."""
    fastest_ms: float | None
    slowest_ms: float | None
    hearing: Hearing
    window_start: datetime
    window_end: datetime
