"""HPE ProCurve (ArubaOS-Switch) and Aruba AOS-CX: what each port carries, told by port. Pure.

Neither has a template for it; that of ``show vlans`` tells the VLANs that exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from probes.switching.facts import Range, SwitchFacts, SwitchPort, SwitchVlan

from .answers import Answers, unreadable
from .borrowed import rows, whole
from .lists import NAME, of, vlan_ranges, without
from .members import Members, flag, vid

_PROCURVE_VLANS, _PROCURVE_PORTS, _PROCURVE_LINKS = "show vlans", "show vlans ports all detail", "show interfaces brief"
PROCURVE = (_PROCURVE_VLANS, _PROCURVE_PORTS, _PROCURVE_LINKS)
_CX_VLANS, _CX_PORTS = "show vlan", "show interface"
CX = (_CX_VLANS, _CX_PORTS)
_FOR_PORT = re.compile(
    r"\s*Status and Counters - VLAN Information - for ports?\s+(?P<name>[A-Za-z0-9/]+)\s*", re.IGNORECASE
)
_VLAN_OF_PORT = re.compile(r"\s*(?P<vid>\d{1,4})\s.*\s(?P<mode>Tagged|Untagged|Forbid|Auto)\s*", re.IGNORECASE)
_YES = {"yes": True, "no": False, "up": True, "down": False}
_INTERFACE = re.compile(r"\s*(?:Interface|Aggregate)\s+(?P<name>\S+)\s+is\s+(?P<state>up|down)\b.*", re.IGNORECASE)
_ADMIN = re.compile(r"\s*Admin\s+state\s+is\s+(?P<state>up|down)\b.*", re.IGNORECASE)
_KEY = re.compile(
    r"\s*(?P<key>VLAN Mode|Native VLAN|Access VLAN|Allowed VLAN List)\s*:\s*(?P<value>.*?)\s*", re.IGNORECASE
)
_MORE = re.compile(r"\s+\d[\d,\s-]*")


def read_procurve(platform: str, answers: Answers) -> SwitchFacts:
    """VLANs, the VLANs of every port, and link states."""
    members = Members()
    vlans = answers.read(_PROCURVE_VLANS, _procurve_vlans)
    told = answers.read(_PROCURVE_PORTS, lambda text: _procurve_ports(text, members))
    if told:
        answers.read(_PROCURVE_LINKS, lambda text: _procurve_links(text, members))
    return SwitchFacts(platform=platform, vlans=vlans, ports=members.ports() if told else None)


def _procurve_vlans(text: str) -> tuple[SwitchVlan, ...]:
    found = rows("hp_procurve", _PROCURVE_VLANS, text)
    whole(text, (row["vlan_id"] for row in found))
    return tuple(SwitchVlan(id=vid(row["vlan_id"]), name=row["vlan_name"][:NAME]) for row in found)


def _procurve_ports(text: str, members: Members) -> bool:
    """Note the VLANs of each port; True once it is done.

    Raises:
        Unread: a line of the table is of another form, or there is no port.
    """
    current = ""
    for line in text.splitlines():
        match = _FOR_PORT.fullmatch(line)
        if match is not None:
            current = match["name"]
            members.port(current)
        elif line.strip()[:1].isdigit():
            row = _VLAN_OF_PORT.fullmatch(line)
            if row is None or not current:
                raise unreadable()
            # "Forbid" keeps GVRP from it; "Auto" is what GVRP made of it: a member, with a tag.
            mode = row["mode"].lower()
            members.add(
                vid(row["vid"]),
                tagged=[current] if mode in {"tagged", "auto"} else [],
                untagged=[current] if mode == "untagged" else [],
            )
    if not current:
        raise unreadable()
    return True


def _procurve_links(text: str, members: Members) -> bool:
    """Note which of the known ports are enabled and up; a port of a trunk group bears the group's name behind its own."""
    for row in rows("hp_procurve", _PROCURVE_LINKS, text):
        name = row["port"].split("-")[0]
        if members.knows(name):
            port = members.port(name)
            port.enabled, port.up = flag(_YES, row["enabled"]), flag(_YES, row["status"])
    return True


def read_cx(platform: str, answers: Answers) -> SwitchFacts:
    """VLANs, and the VLANs of every port of the bridge."""
    vlans = answers.read(_CX_VLANS, _cx_vlans)
    return SwitchFacts(platform=platform, vlans=vlans, ports=answers.read(_CX_PORTS, _cx_ports))


def _cx_vlans(text: str) -> tuple[SwitchVlan, ...]:
    """A VLAN is down too where none of its ports is up: that makes it no less configured."""
    found = rows("aruba_aoscx", _CX_VLANS, text)
    whole(text, (row["vlan_id"] for row in found))
    return tuple(
        SwitchVlan(
            id=vid(row["vlan_id"]),
            name=row["vlan_name"][:NAME],
            active=False if row["reason"] == "admin_down" else None,
        )
        for row in found
    )


def _cx_ports(text: str) -> tuple[SwitchPort, ...]:
    found = {port.name: port for port in map(_cx_port, _cx_blocks(text))}
    if not found:
        raise unreadable()
    return tuple(found.values())


def _cx_blocks(text: str) -> Iterator[dict[str, str]]:
    block: dict[str, str] = {}
    open_list = False
    for line in text.splitlines():
        match = _INTERFACE.fullmatch(line)
        if match is not None:
            if block:
                yield block
            block, open_list = {"name": match["name"], "up": match["state"].lower()}, False
            continue
        admin, key = _ADMIN.fullmatch(line), _KEY.fullmatch(line)
        if open_list and _MORE.fullmatch(line):
            block["allowed vlan list"] += "," + line.strip()
        elif block and admin is not None:
            block["admin"] = admin["state"].lower()
        elif block and key is not None:
            block[key["key"].lower()] = key["value"]
        open_list = (bool(block) and key is not None and key["key"].lower() == "allowed vlan list") or (
            open_list and bool(_MORE.fullmatch(line))
        )
    if block:
        yield block


def _cx_port(block: dict[str, str]) -> SwitchPort:
    """A port without a VLAN mode is a routed one.

    Raises:
        Unread: a VLAN is none, or the mode is unknown.
    """
    name, mode = block["name"], block.get("vlan mode", "").lower()
    if len(name) > NAME:
        raise unreadable()
    bare = SwitchPort(name=name, enabled=flag(_YES, block.get("admin", "")), up=flag(_YES, block["up"]))
    if not mode:
        return bare.model_copy(update={"mode": "routed", "untagged": (), "tagged": ()})
    if mode == "access":
        access = vid(block.get("access vlan", ""))
        return bare.model_copy(update={"mode": "access", "pvid": access, "untagged": of([access]), "tagged": ()})
    allowed: tuple[Range, ...] = vlan_ranges(block.get("allowed vlan list", ""))
    if mode == "native-tagged":
        return bare.model_copy(update={"mode": "trunk", "untagged": (), "tagged": allowed})
    if mode != "native-untagged":
        raise unreadable()
    native = vid(block.get("native vlan", ""))
    # A native VLAN that is not in the list is not carried: what arrives without a tag is dropped.
    carried = any(low <= native <= high for low, high in allowed)
    return bare.model_copy(
        update={
            "mode": "trunk",
            "pvid": native if carried else None,
            "untagged": of([native] if carried else []),
            "tagged": without(allowed, native),
        }
    )
