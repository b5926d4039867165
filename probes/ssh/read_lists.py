"""Alcatel-Lucent AOS and Allied Telesis AlliedWare Plus: VLANs and their members, with and without a tag. Pure."""

from __future__ import annotations

import re
from functools import partial

from probes.switching.facts import SwitchFacts, SwitchVlan

from .answers import Answers, unreadable
from .borrowed import rows, whole
from .lists import NAME
from .members import Members, vid

_AOS_VLANS, _AOS_MEMBERS = "show vlan", ("show vlan members", "show vlan port")
AOS = (_AOS_VLANS, *_AOS_MEMBERS)
"""Release 8 and release 6 call the members otherwise; a switch knows one of the two."""
_AW_VLANS, _AW_PORTS = "show vlan all", "show interface switchport"
AWPLUS = (_AW_VLANS, _AW_PORTS)
_MEMBER = re.compile(r"\s*(?P<vid>\d{1,4})\s+(?P<port>\d+(?:/\d+){0,3}[A-Za-z]?)\s+(?P<kind>\S+)\s+(?P<state>\S+)\s*")
_BARE, _TAGGED = {"default", "untagged"}, {"qtagged", "tagged"}
_ENABLED = {"on", "ena"}
_AW_MEMBER = re.compile(r"(?P<port>\S+)\((?P<kind>[ut])\)")


def read_aos(platform: str, answers: Answers) -> SwitchFacts:
    """VLANs, and the members of each."""
    members = Members()
    vlans = answers.read(_AOS_VLANS, _aos_vlans)
    told = answers.read(_AOS_MEMBERS, partial(_aos_members, members))
    return SwitchFacts(platform=platform, vlans=vlans, ports=members.ports() if told else None)


def _aos_vlans(text: str) -> tuple[SwitchVlan, ...]:
    """The VLANs that somebody configured here: those of GVRP and the switch's own channel are not."""
    found = rows("alcatel_aos", _AOS_VLANS, text)
    whole(text, (row["vlan_id"] for row in found))
    return tuple(
        SwitchVlan(
            id=vid(row["vlan_id"]), name=row["vlan_name"].strip()[:NAME], active=row["admin_state"].lower() in _ENABLED
        )
        for row in found
        if row["type"].lower() not in {"gvrp", "dyn", "mvrp", "vcm"}
    )


def _aos_members(members: Members, text: str) -> bool:
    """Note every member; True once it is done.

    Read here: the template's expression for a port takes time without bound on a line that was made to.
    """
    seen = False
    for line in text.splitlines():
        match = _MEMBER.fullmatch(line)
        if match is None:
            if line.strip()[:1].isdigit():
                raise unreadable()
            continue
        seen, kind = True, match["kind"].lower()
        if kind in _TAGGED:
            members.add(vid(match["vid"]), tagged=[match["port"]])
        elif kind in _BARE:
            members.add(vid(match["vid"]), untagged=[match["port"]])
            members.port(match["port"]).pvid = vid(match["vid"])
        else:
            members.port(match["port"]).known = False  # mirrored, mobile: what it carries is decided elsewhere
    if not seen:
        raise unreadable()
    return True


def read_awplus(platform: str, answers: Answers) -> SwitchFacts:
    """VLANs with their members, and the default VLAN of each port."""
    members = Members()
    vlans = answers.read(_AW_VLANS, partial(_aw_vlans, members))
    defaults = answers.read(_AW_PORTS, lambda text: _aw_defaults(text, members))
    return SwitchFacts(
        platform=platform, vlans=vlans, ports=members.ports(told=bool(vlans)) if vlans or defaults else None
    )


def _aw_vlans(members: Members, text: str) -> tuple[SwitchVlan, ...]:
    found = rows("allied_telesis_awplus", _AW_VLANS, text)
    whole(text, (row["vlan_id"] for row in found))
    named = sum(_AW_MEMBER.fullmatch(word) is not None for word in text.split())
    if named != sum(len(row["interfaces"]) for row in found):
        raise unreadable()
    for row in found:
        for word in row["interfaces"]:
            match = _AW_MEMBER.fullmatch(word)
            if match is None:
                raise unreadable()
            kind = "tagged" if match["kind"] == "t" else "untagged"
            members.add(vid(row["vlan_id"]), **{kind: [match["port"]]})
    return tuple(
        SwitchVlan(id=vid(row["vlan_id"]), name=row["name"][:NAME], active=row["status"].upper() == "ACTIVE")
        for row in found
    )


def _aw_defaults(text: str, members: Members) -> bool:
    """Note kind and PVID of each port; ``None`` is a trunk without a native VLAN."""
    for row in rows("allied_telesis_awplus", _AW_PORTS, text):
        port = members.port(row["interface"])
        port.mode = (
            "access" if row["mode"].lower() == "access" else "trunk" if row["mode"].lower() == "trunk" else "other"
        )
        port.pvid = vid(row["native_vlan"]) if row["native_vlan"].isdigit() else None
    return True
