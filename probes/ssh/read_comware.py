"""HPE Comware and H3C: ``display vlan all`` has the members of each VLAN, the interfaces' table their PVID. Pure.

The template of ``display vlan all`` reads no ports: they are read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from probes.switching.facts import Mode, SwitchFacts, SwitchVlan

from .answers import Answers, unreadable
from .borrowed import rows
from .lists import NAME
from .members import Members, vid

_VLANS, _INTERFACES = "display vlan all", "display interface brief"
COMMANDS = (_VLANS, _INTERFACES)
_KEY = re.compile(r"\s*(?P<key>[A-Za-z][A-Za-z0-9 -]{0,40}?)\s*:\s*(?P<value>.*?)\s*")
_PORT = re.compile(r"(?P<name>[A-Za-z][A-Za-z-]*\d+(?:/\d+)*(?::\d+)?)(?:\([UD]\))?")
_MODES: dict[str, Mode] = {"A": "access", "T": "trunk", "H": "hybrid"}
_DOWN = {"ADM"}
"""Administratively down, as the table's own legend says."""


@dataclass(slots=True)
class _Vlan:
    number: int
    name: str = ""
    dynamic: bool = False
    lists: dict[str, list[str]] = field(default_factory=dict)
    """Names of ports by ``tagged`` and ``untagged``."""


def read(platform: str, answers: Answers) -> SwitchFacts:
    """VLANs with their members; PVID, kind and state of the ports of the bridge."""
    members = Members()
    vlans = answers.read(_VLANS, _vlans)
    for vlan in vlans or ():
        members.add(vlan.number, tagged=vlan.lists["tagged"], untagged=vlan.lists["untagged"])
    bridged = answers.read(_INTERFACES, lambda text: _interfaces(text, members))
    return SwitchFacts(
        platform=platform,
        # One that a neighbour announced is configured by nobody here.
        vlans=None if vlans is None else tuple(SwitchVlan(id=v.number, name=v.name) for v in vlans if not v.dynamic),
        ports=members.ports(told=vlans is not None) if vlans is not None or bridged else None,
    )


def _vlans(text: str) -> list[_Vlan]:
    """The blocks of ``VLAN ID:``; each has to name its ports of either kind, be it none.

    Raises:
        Unread: a list of ports holds something else, or a block has no lists.
    """
    found: list[_Vlan] = []
    open_list = ""
    for line in text.splitlines():
        match = _KEY.fullmatch(line)
        if match is None:
            if open_list and line.strip():
                found[-1].lists[open_list] += _names(line)
            continue
        key, value = " ".join(match["key"].lower().split()), match["value"]
        open_list = ""
        if key == "vlan id":
            found.append(_Vlan(vid(value)))
        elif found and key == "name":
            found[-1].name = value[:NAME]
        elif found and key == "vlan type":
            found[-1].dynamic = value.lower().startswith("dynamic")
        elif found and key in {"tagged ports", "untagged ports"}:
            open_list = key.split()[0]
            found[-1].lists[open_list] = [] if value.lower() == "none" else _names(value)
    if not found or any(v.lists.keys() != {"tagged", "untagged"} for v in found):
        raise unreadable()
    if len({v.number for v in found}) != len(found):
        raise unreadable()
    return found


def _names(line: str) -> list[str]:
    found = []
    for word in line.split():
        match = _PORT.fullmatch(word)
        if match is None:
            raise unreadable()
        found.append(match["name"])
    return found


def _interfaces(text: str, members: Members) -> bool:
    """Note kind, PVID and state of the ports of the bridge; True once it is done."""
    for row in rows("hp_comware", _INTERFACES, text):
        if not row["type"]:
            continue  # a routed interface
        port = members.port(row["interface"])
        port.mode, port.pvid = _MODES[row["type"]], int(row["vlan_id"]) or None
        port.enabled, port.up = row["link"] not in _DOWN, row["link"].startswith("UP")
    return True
