"""Layer-2 protections as Cisco and Arista configure them, from filtered lines of the running configuration. Pure.

A configuration holds secrets. The switch is asked for the lines of a few words only, and of what it answers a line that
is not wholly in one of the forms below goes no further: neither into facts nor into what is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from probes.switching.facts import Protections, Range

from .answers import refused, unreadable
from .lists import ALL, NAME, merged, vlan_ranges, without

COMMAND = (
    "show running-config | include ^interface|^template|source template|switchport mode|spanning-tree|storm-control"
    "|snooping|arp inspection|verify source"
)
_VLANS = r"(?P<vlans>[\d,\s-]{1,200})"
_LEVEL = r"level( (bps|pps))? [\d.]{1,12}[kmg]?( [\d.]{1,12}[kmg]?)?"
_INTERFACE = re.compile(r"interface (?P<name>[A-Za-z][A-Za-z-]{0,30} ?\d[\d/.:]{0,20})")
_END = "!"
_ELSEWHERE = re.compile(r"template \S{1,64}")
"""The head of a section that is no port: what is indented below it is of no port."""


@dataclass(slots=True)
class _Port:
    """What the lines of one interface say; ``None`` where they leave it to the switch's default."""

    storm: bool = False
    root: bool = False
    guard: bool | None = None
    edge: bool | None = None
    trunk: bool = False
    source: bool = False
    dhcp_trust: bool = False
    arp_trust: bool = False
    deaf: bool = False
    """It drops the BPDUs that it receives, before any guard sees them."""
    unsure: bool = False


@dataclass(slots=True)
class _Switch:
    """What the lines of the whole switch say, and its ports in order."""

    edge_default: bool = False
    guard_default: bool = False
    snooping: bool = False
    dhcp: list[Range] = field(default_factory=list)
    arp: list[Range] = field(default_factory=list)
    igmp: bool = True  # IOS and EOS snoop IGMP unless they are told not to
    igmp_off: list[Range] = field(default_factory=list)
    mld: bool = False
    mld_off: list[Range] = field(default_factory=list)
    ports: dict[str, _Port] = field(default_factory=dict)


def _set(name: str, value: bool) -> Callable[[_Port, re.Match[str]], None]:
    def apply(port: _Port, match: re.Match[str]) -> None:
        del match
        setattr(port, name, value)

    return apply


def _global(name: str, value: bool) -> Callable[[_Switch, re.Match[str]], None]:
    def apply(switch: _Switch, match: re.Match[str]) -> None:
        del match
        setattr(switch, name, value)

    return apply


def _vlans(name: str) -> Callable[[_Switch, re.Match[str]], None]:
    def apply(switch: _Switch, match: re.Match[str]) -> None:
        getattr(switch, name).extend(vlan_ranges(match["vlans"]))

    return apply


def _nothing(place: object, match: re.Match[str]) -> None:
    """A line that is known, and changes nothing here."""
    del place, match


_OF_PORT: tuple[tuple[re.Pattern[str], Callable[[_Port, re.Match[str]], None]], ...] = tuple(
    (re.compile(form), apply)
    for form, apply in (
        (rf"storm-control (broadcast|all) {_LEVEL}", _set("storm", value=True)),
        (rf"storm-control (multicast|unicast|unknown-unicast) {_LEVEL}", _nothing),
        (r"storm-control action (shutdown|trap)", _nothing),
        (r"spanning-tree guard root", _set("root", value=True)),
        (r"spanning-tree guard (loop|none)", _nothing),
        (r"spanning-tree bpduguard enable", _set("guard", value=True)),
        (r"spanning-tree bpduguard disable", _set("guard", value=False)),
        (r"spanning-tree portfast( edge| auto)?( trunk)?", _set("edge", value=True)),
        (r"spanning-tree portfast (disable|network)", _set("edge", value=False)),
        (r"no spanning-tree portfast", _set("edge", value=False)),
        (r"spanning-tree bpdufilter enable", _set("deaf", value=True)),
        (r"spanning-tree bpdufilter disable", _nothing),
        (r"spanning-tree link-type (point-to-point|shared)", _nothing),
        (r"switchport mode (access|dynamic auto|dynamic desirable|dot1q-tunnel)", _set("trunk", value=False)),
        (r"switchport mode trunk( phone)?", _set("trunk", value=True)),
        (r"ip verify source( port-security| mac-check| smartlog)*", _set("source", value=True)),
        (r"ip dhcp snooping trust", _set("dhcp_trust", value=True)),
        (r"ip dhcp snooping limit rate \d{1,6}", _nothing),
        (r"ip arp inspection trust", _set("arp_trust", value=True)),
        (r"ip arp inspection limit (none|rate \d{1,6}( burst interval \d{1,3})?)", _nothing),
        (r"source template \S{1,64}", _set("unsure", value=True)),
    )
)
_OF_SWITCH: tuple[tuple[re.Pattern[str], Callable[[_Switch, re.Match[str]], None]], ...] = tuple(
    (re.compile(form), apply)
    for form, apply in (
        (r"spanning-tree portfast( edge)? default", _global("edge_default", value=True)),
        (r"spanning-tree portfast( edge)? bpduguard default", _global("guard_default", value=True)),
        (r"spanning-tree edge-port bpduguard default", _global("guard_default", value=True)),
        (r"spanning-tree (mode|extend|loopguard|pathcost|etherchannel) [a-z -]{1,40}", _nothing),
        (r"ip dhcp snooping", _global("snooping", value=True)),
        (rf"ip dhcp snooping vlan {_VLANS}( smartlog)?", _vlans("dhcp")),
        (r"(no )?ip dhcp snooping (information option( allow-untrusted)?|verify mac-address)", _nothing),
        (rf"ip arp inspection vlan {_VLANS}", _vlans("arp")),
        (r"ip arp inspection validate [a-z -]{1,40}", _nothing),
        (r"no ip igmp snooping", _global("igmp", value=False)),
        (r"ip igmp snooping", _global("igmp", value=True)),
        (rf"no ip igmp snooping vlan {_VLANS}", _vlans("igmp_off")),
        (rf"(no )?ip igmp snooping vlan {_VLANS} [a-z0-9 -]{{1,40}}", _nothing),
        (r"ip igmp snooping querier", _nothing),
        (r"ipv6 mld snooping", _global("mld", value=True)),
        (r"no ipv6 mld snooping", _global("mld", value=False)),
        (rf"no ipv6 mld snooping vlan {_VLANS}", _vlans("mld_off")),
    )
)


def kept(output: str) -> str:
    """Of an answer, the lines of a known form; ``!`` where another section begins, of which nothing is kept.

    Of a refusal, that it is one.
    """
    refusal = refused(output)
    if refusal:
        return refusal
    lines: list[str] = []
    for line in output.splitlines():
        if _known(line.strip()):
            lines.append(line)
        elif line.strip() and not line[0].isspace() and lines[-1:] != [_END]:
            lines.append(_END)
    return "\n".join(lines)


def _known(line: str) -> bool:
    if _INTERFACE.fullmatch(line) or _ELSEWHERE.fullmatch(line):
        return True
    return any(form.fullmatch(line) for forms in (_OF_PORT, _OF_SWITCH) for form, _ in forms)


def read(text: str) -> Protections:
    """What is at work where.

    Raises:
        Unread: no interface is named, or a list of VLANs is none.
    """
    switch, port = _Switch(), None
    for line in text.splitlines():
        said = line.strip()
        if not said:
            continue
        if not line[0].isspace():
            head = _INTERFACE.fullmatch(said)
            port = switch.ports.setdefault(head["name"][:NAME], _Port()) if head is not None else None
            _apply(_OF_SWITCH, switch, said)
        elif port is not None:
            _apply(_OF_PORT, port, said)
    if not switch.ports:
        raise unreadable()
    return _protections(switch)


def _apply(forms: tuple[tuple[re.Pattern[str], Callable[..., None]], ...], place: object, line: str) -> None:
    for form, apply in forms:
        match = form.fullmatch(line)
        if match is not None:
            apply(place, match)
            return


def _protections(switch: _Switch) -> Protections:
    def where(shown: Callable[[_Port], bool]) -> tuple[str, ...]:
        return tuple(name for name, port in switch.ports.items() if shown(port))

    def edge(port: _Port) -> bool:
        return port.edge is True or (port.edge is None and switch.edge_default and not port.trunk)

    def guarded(port: _Port) -> bool:
        if port.deaf:
            return False
        return port.guard is True or (port.guard is None and switch.guard_default and edge(port))

    igmp = _less(ALL, switch.igmp_off) if switch.igmp else ()
    mld = _less(ALL, switch.mld_off) if switch.mld else ()
    return Protections(
        interfaces=tuple(switch.ports),
        unsure=where(lambda port: port.unsure),
        storm_control=where(lambda port: port.storm),
        root_guard=where(lambda port: port.root and not port.deaf),
        bpdu_guard=where(guarded),
        source_guard=where(lambda port: port.source),
        dhcp_trusted=where(lambda port: port.dhcp_trust),
        arp_trusted=where(lambda port: port.arp_trust),
        dhcp_snooping=merged(switch.dhcp) if switch.snooping else (),
        arp_inspection=merged(switch.arp),
        multicast_snooping=merged((*igmp, *mld)),
    )


def _less(ranges: tuple[Range, ...], taken: list[Range]) -> tuple[Range, ...]:
    for low, high in taken:
        for vlan in range(low, high + 1):
            ranges = without(ranges, vlan)
    return ranges
