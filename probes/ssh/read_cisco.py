"""Cisco IOS, IOS XE and NX-OS, Arista EOS: VLANs, switchports, link states. Pure."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from probes.switching.facts import Mode, SwitchFacts, SwitchPort, SwitchVlan
from probes.switching.names import port_key

from . import protections, switchport
from .answers import Answers
from .borrowed import rows, whole
from .lists import NAME

_END_OF_VLANS = re.compile(r"^VLAN\s+Type\b", re.MULTILINE | re.IGNORECASE)
_AGGREGATE = re.compile(r"(?:Po|Port-Channel)\d+", re.IGNORECASE)
"""What stands for the VLAN of a port that is a member of an aggregate, on Arista."""
_MODES: dict[str, Mode] = {"routed": "routed", "trunk": "trunk"}


def read(platform: str, answers: Answers) -> SwitchFacts:
    """VLANs by ``show vlan``, what ports carry by their switchport, whether they are up by their status, and what guards them."""
    show = "show interface" if platform == "cisco_nxos" else "show interfaces"
    template = "cisco_ios" if platform == "cisco_xe" else platform
    vlans = answers.read("show vlan", partial(_vlans, template))
    dialect = switchport.EOS if platform == "arista_eos" else switchport.IOS
    ports = answers.read(f"{show} switchport", lambda text: switchport.ports(text, dialect))
    states = answers.read(f"{show} status", partial(_states, template, f"{show} status"))
    guards = None if platform == "cisco_nxos" else answers.read(protections.COMMAND, protections.read)
    return SwitchFacts(platform=platform, vlans=vlans, ports=_joined(ports, states), protections=guards)


def _vlans(template: str, text: str) -> tuple[SwitchVlan, ...]:
    """The VLANs of the first table; those of FDDI and Token Ring, which this switch does not have, left out."""
    table = _END_OF_VLANS.split(text)[0]
    found = rows(template, "show vlan", table)
    whole(table, (row["vlan_id"] for row in found))
    return tuple(
        SwitchVlan(id=int(row["vlan_id"]), name=row["vlan_name"][:NAME], active=row["status"] == "active")
        for row in found
        if row["status"] != "act/unsup"
    )


def _states(template: str, command: str, text: str) -> dict[str, SwitchPort]:
    return {port.name: port for row in rows(template, command, text) for port in [_state(row)]}


def _state(row: dict[str, Any]) -> SwitchPort:
    """``disabled`` is the administrator's word; everything else a state of a port that is enabled."""
    status = row["status"]
    return SwitchPort(
        name=row.get("port", row.get("interface", ""))[:NAME],
        enabled=status != "disabled",
        up=status in {"connected", "up", "monitoring"},
        mode="member" if _AGGREGATE.fullmatch(row.get("vlan_id", "")) else _MODES.get(row.get("vlan_id", "")),
    )


def _joined(ports: dict[str, SwitchPort] | None, states: dict[str, SwitchPort] | None) -> tuple[SwitchPort, ...] | None:
    """One port per name: what it carries, and whether it is up; each of them None where its table was not read."""
    if ports is None and states is None:
        return None
    found = {port_key(port.name): port for port in (ports or {}).values()}
    for state in (states or {}).values():
        key = port_key(state.name)
        port = found.get(key)
        found[key] = (
            port.model_copy(update={"enabled": state.enabled, "up": state.up}) if port is not None else _bare(state)
        )
    return tuple(found.values())


def _bare(state: SwitchPort) -> SwitchPort:
    """A port of which only the state is known; a routed one is in no VLAN."""
    if state.mode == "routed":
        return state.model_copy(update={"untagged": (), "tagged": ()})
    return state
