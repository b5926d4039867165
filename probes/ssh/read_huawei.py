"""Huawei VRP: ``display vlan`` has the members of each VLAN, ``display port vlan`` the kind and PVID of each port. Pure.

The template of ``display vlan`` keeps some ports of a line and drops others: its table of ports is read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from probes.switching.facts import Mode, SwitchFacts, SwitchVlan

from .answers import Answers, cut_short, unreadable
from .borrowed import rows
from .lists import vlan_ranges
from .members import Members, vid

_VLANS, _PORTS, _INTERFACES = "display vlan", "display port vlan", "display interface brief"
COMMANDS = (_VLANS, _PORTS, _INTERFACES)
_TOTAL = re.compile(r"total number of vlans is\s*:\s*(\d+)", re.IGNORECASE)
_HEAD = re.compile(r"\s*VID\s+(?:Type\s+)?(?:Name\s+Status\s+)?Ports\s*$", re.IGNORECASE)
_BARE = re.compile(r"\s*VLAN\s+ID\s+Type\s+Status\s", re.IGNORECASE)
_STATES = re.compile(r"\s*VID\s+(?:Type\s+)?Status\s", re.IGNORECASE)
_HEADS = {"ports": _HEAD, "states": _STATES, "bare": _BARE}
_ROW = re.compile(r"\s*(?P<vid>\d{1,4})\*?(?=\s|$)(?P<rest>.*)")
_KINDS = re.compile(r"(UT|TG|MP|ST):")
_LINE = re.compile(r"\S+\d\s+\S+\s+\d+\s")
_PORT = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9-]*\d+(?:/\d+)*(?:\.\d+)?)\([UD]\)")
_MODES: dict[str, Mode] = {"access": "access", "trunk": "trunk", "hybrid": "hybrid"}
_NEGOTIATED = {
    "auto": "auto",
    "desirable": "desirable",
    "negotiation-auto": "auto",
    "negotiation-desirable": "desirable",
}
"""Link types that make a trunk of a neighbour that asks for one."""


@dataclass(slots=True)
class _Vlan:
    number: int
    active: bool | None = None
    ports: dict[str, list[str]] = field(default_factory=lambda: {"UT": [], "TG": [], "MP": [], "ST": []})
    """Names of ports by how the VLAN leaves them: without a tag, with one, translated, stacked."""
    listed: bool = True
    """Whether the answer lists members at all: access points list VLANs alone."""


def read(platform: str, answers: Answers) -> SwitchFacts:
    """VLANs with their members, kind and PVID of ports, and whether they are up."""
    members = Members()
    vlans = answers.read(_VLANS, _vlans)
    for vlan in vlans or ():
        # A VLAN that a port translates into leaves with a tag; one that it stacks leaves in a way of its own.
        members.add(vlan.number, tagged=vlan.ports["TG"] + vlan.ports["MP"], untagged=vlan.ports["UT"])
        for name in vlan.ports["ST"]:
            members.port(name).known = False
    listed = bool(vlans) and all(v.listed for v in vlans or ())
    kinds = answers.read(_PORTS, lambda text: _kinds(text, members, alone=not listed))
    if kinds or listed:
        answers.read(_INTERFACES, lambda text: _links(text, members))
    return SwitchFacts(
        platform=platform,
        vlans=None if vlans is None else tuple(SwitchVlan(id=v.number, active=v.active) for v in vlans),
        ports=members.ports() if listed or kinds else None,
    )


def _vlans(text: str) -> list[_Vlan]:
    """The VLANs of the table of ports, with their state from the table after it.

    Raises:
        Unread: the table is of another form, or shorter than the total that the switch tells.
    """
    found: dict[int, _Vlan] = {}
    section, kind, current = "", "", None
    for line in text.splitlines():
        section_begun = next((name for name, head in _HEADS.items() if head.match(line)), "")
        if section_begun:
            section, kind, current = section_begun, "", None
            continue
        match = _ROW.fullmatch(line)
        if not line.strip() or set(line.strip()) == {"-"}:
            continue
        if section == "bare" and match is not None:
            number = vid(match["vid"])
            found[number] = _Vlan(number, active="enable" in match["rest"].split()[:2], listed=False)
        elif section == "states" and match is not None and vid(match["vid"]) in found:
            found[vid(match["vid"])].active = "enable" in match["rest"].split()[:2]
        elif section == "ports":
            if match is not None:
                current, kind = _Vlan(vid(match["vid"])), ""
                found[current.number] = current
            if current is None:
                raise unreadable()
            kind = _ports(line if match is None else match["rest"], kind, current)
    total = _TOTAL.search(text)
    if not found:
        raise unreadable()
    if total and int(total[1]) > len(found):
        raise cut_short(len(found), int(total[1]))
    return list(found.values())


def _ports(line: str, kind: str, vlan: _Vlan) -> str:
    """Note the ports of a line; the kind that the next line goes on with."""
    for word in _KINDS.sub(r" \1: ", line).split():
        if word.rstrip(":") in vlan.ports and word.endswith(":"):
            kind = word.rstrip(":")
            continue
        match = _PORT.fullmatch(word)
        if match is not None and kind:
            vlan.ports[kind].append(match["name"])
        elif kind:
            raise unreadable()
    return kind


def _kinds(text: str, members: Members, *, alone: bool) -> bool:
    """Note kind and PVID of ports, and their VLANs where no list of members was read; True once it is done."""
    found = rows("huawei_vrp", _PORTS, text)
    lines = sum(_LINE.match(line) is not None for line in text.splitlines())
    if lines != len(found):
        raise cut_short(len(found), lines)
    for row in found:
        port = members.port(row["interface"])
        said, pvid = row["link_type"].lower(), int(row["vlan_id"] or 0) or None
        port.mode, port.negotiable, port.pvid = _MODES.get(said), _NEGOTIATED.get(said, ""), pvid
        if pvid is None:
            port.mode = "member"  # of an Eth-Trunk, which has the VLANs
            continue
        if not alone:
            continue
        lists = vlan_ranges(" ".join(row["trunk_vlan_list"]))
        listed = {v for low, high in lists for v in range(low, high + 1)}
        # Of a hybrid port this table tells the VLANs with a tag alone, of one that negotiates what it might become.
        port.known = port.mode in {"access", "trunk"}
        port.untagged = {pvid} if port.mode == "access" else listed & {pvid}
        port.tagged = listed - {pvid}
    return True


def _links(text: str, members: Members) -> bool:
    """Note which of the known ports are up; ``*down`` is the administrator's word."""
    for row in rows("huawei_vrp", _INTERFACES, text):
        if members.knows(row["interface"]):
            port = members.port(row["interface"])
            port.enabled, port.up = not row["phy"].startswith("*"), row["phy"].startswith("up")
    return True
