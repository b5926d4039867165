"""What a live switch shows on a command line in the wording of Cisco IOS. Pure: a switch in, text out.

Every VLAN and port is what Open vSwitch does at that moment; what it cannot do (guards, snooping, inspection) are lines of
the description, which it shows and does not obey: ``simulated``, as a fault's file says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from r2s_audit.lab.ovsdb import Port, Switch

_PORTS_WIDTH, _LABEL_WIDTH, _NAME_WIDTH = 31, 18, 32
_DEFAULT = 1
INVALID = "         ^\n% Invalid input detected at '^' marker.\n"


@dataclass(frozen=True, slots=True)
class Setting:
    """What the description says beyond the switch itself."""

    hostname: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """What each port leads to."""
    switch: tuple[str, ...] = ()
    access: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    """Simulated lines of the configuration: of the whole switch, of each port of an end device, of each other port."""
    uplinks: frozenset[str] = frozenset()
    """Ports that lead to a switch or a router."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read what the daemon's plan wrote."""
        lines = {name: tuple(document.get(name, ())) for name in ("switch", "access", "links")}
        uplinks = frozenset(document.get("uplinks", ()))
        return cls(
            hostname=str(document["hostname"]), labels=dict(document.get("labels", {})), uplinks=uplinks, **lines
        )


@dataclass(frozen=True, slots=True)
class State:
    """A port's kernel state."""

    enabled: bool
    up: bool


def vlan_ranges(vlans: Iterable[int]) -> str:
    """``10,20-22``."""
    runs: list[list[int]] = []
    for vlan in sorted(set(vlans)):
        if runs and vlan == runs[-1][1] + 1:
            runs[-1][1] = vlan
        else:
            runs.append([vlan, vlan])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def _named(switch: Switch, vlan: int | None) -> str:
    """A VLAN as a port's settings name it; one that the switch does not have is inactive."""
    number = vlan or _DEFAULT
    if number in switch.vlans:
        return f"{number} ({switch.names.get(number, f'VLAN{number:04d}')[:_NAME_WIDTH]})"
    return f"{number} (default)" if number == _DEFAULT else f"{number} (Inactive)"


def _is_trunk(port: Port) -> bool:
    return port.mode not in {"access", "mirror"}


def show_vlan(switch: Switch, setting: Setting, states: Mapping[str, State]) -> Iterator[str]:
    """VLANs with their access ports, then their types."""
    del setting, states
    yield ""
    yield f"VLAN {'Name':<{_NAME_WIDTH}} {'Status':<9} Ports"
    yield f"---- {'-' * _NAME_WIDTH} {'-' * 9} {'-' * _PORTS_WIDTH}"
    for vlan in switch.vlans:
        members = [port.name for port in switch.ports if port.mode == "access" and port.native == vlan]
        folded = list(_folded(members))
        name = switch.names.get(vlan, f"VLAN{vlan:04d}")[:_NAME_WIDTH]
        yield f"{vlan:<4} {name:<{_NAME_WIDTH}} {'active':<9} {folded[0]}".rstrip()
        yield from (" " * 48 + line for line in folded[1:])
    yield ""
    yield "VLAN Type  SAID       MTU   Parent RingNo BridgeNo Stp  BrdgMode Trans1 Trans2"
    yield "---- ----- ---------- ----- ------ ------ -------- ---- -------- ------ ------"
    for vlan in switch.vlans:
        yield f"{vlan:<4} enet  {100000 + vlan:<10} 1500  -      -      -        -    -        0      0"
    yield ""


def _folded(names: Iterable[str]) -> Iterator[str]:
    line = ""
    for name in names:
        longer = f"{line}, {name}" if line else name
        if len(longer) > _PORTS_WIDTH:
            yield line
            longer = name
        line = longer
    yield line


def show_switchport(switch: Switch, setting: Setting, states: Mapping[str, State]) -> Iterator[str]:
    """One block per port. A port that only copies takes no part in switching."""
    del setting
    for port in switch.ports:
        yield f"Name: {port.name}"
        if port.mode == "mirror":
            yield from ("Switchport: Disabled", "")
            continue
        mode = "trunk" if _is_trunk(port) else "static access"
        up = states.get(port.name, State(enabled=True, up=True)).up
        untagged = _is_trunk(port) and port.native is not None
        # A trunk that drops what has no tag is one whose native VLAN is tagged as well.
        tagging = "enabled" if _is_trunk(port) and not untagged else "disabled"
        allowed = vlan_ranges({*port.trunks, *port.untagged}) if _is_trunk(port) and port.trunks else "ALL"
        yield "Switchport: Enabled"
        yield f"Administrative Mode: {mode}"
        yield f"Operational Mode: {mode if up else 'down'}"
        yield "Administrative Trunking Encapsulation: dot1q"
        yield f"Operational Trunking Encapsulation: {'dot1q' if _is_trunk(port) else 'native'}"
        yield "Negotiation of Trunking: Off"
        yield f"Access Mode VLAN: {_named(switch, None if _is_trunk(port) else port.native)}"
        yield f"Trunking Native Mode VLAN: {_named(switch, port.native if untagged else None)}"
        yield f"Administrative Native VLAN tagging: {tagging}"
        yield f"Operational Native VLAN tagging: {tagging}"
        yield "Voice VLAN: none"
        yield "Administrative private-vlan host-association: none "
        yield "Administrative private-vlan mapping: none "
        yield "Operational private-vlan: none"
        yield f"Trunking VLANs Enabled: {allowed}"
        yield "Pruning VLANs Enabled: 2-1001"
        yield "Capture Mode Disabled"
        yield "Capture VLANs Allowed: ALL"
        yield ""
        yield f"Protected: {str(port.protected).lower()}"
        yield "Unknown unicast blocked: disabled"
        yield "Unknown multicast blocked: disabled"
        yield "Appliance trust: none"
        yield ""


def show_status(switch: Switch, setting: Setting, states: Mapping[str, State]) -> Iterator[str]:
    """One line per port."""
    yield ""
    yield f"{'Port':<9} {'Name':<{_LABEL_WIDTH}} {'Status':<12} {'Vlan':<10} Duplex  Speed Type"
    for port in switch.ports:
        state = states.get(port.name, State(enabled=True, up=True))
        status = "connected" if state.up else "notconnect" if state.enabled else "disabled"
        if port.mode == "mirror" and state.up:
            status = "monitoring"
        vlan = "trunk" if _is_trunk(port) else str(port.native or _DEFAULT)
        label = setting.labels.get(port.name, "")[:_LABEL_WIDTH]
        yield f"{port.name:<9} {label:<{_LABEL_WIDTH}} {status:<12} {vlan:<10} a-full a-1000 10/100/1000BaseTX"


def show_configuration(switch: Switch, setting: Setting, states: Mapping[str, State]) -> Iterator[str]:
    """The whole of it, as the account may read it."""
    body = list(_configuration(switch, setting, states))
    yield "Building configuration..."
    yield ""
    yield f"Current configuration : {sum(len(line) + 1 for line in body)} bytes"
    yield from body


def _configuration(switch: Switch, setting: Setting, states: Mapping[str, State]) -> Iterator[str]:
    yield from ("!", "version 15.2", "service password-encryption", "!", f"hostname {setting.hostname}", "!")
    yield from setting.switch
    if switch.spanning_tree:
        yield f"spanning-tree mode {'rapid-pvst' if switch.spanning_tree == 'rstp' else 'pvst'}"
    yield "!"
    for vlan in switch.vlans:
        yield from (f"vlan {vlan}", f" name {switch.names.get(vlan, f'VLAN{vlan:04d}')[:_NAME_WIDTH]}", "!")
    for port in switch.ports:
        yield f"interface {port.name}"
        yield from _interface(port, setting, states.get(port.name, State(enabled=True, up=True)))
        yield "!"
    yield from ("line vty 0 4", " transport input ssh", "!", "end", "")


def _interface(port: Port, setting: Setting, state: State) -> Iterator[str]:
    if label := setting.labels.get(port.name, ""):
        yield f" description {label}"
    if port.mode == "mirror":
        yield " no switchport"
    elif _is_trunk(port):
        if port.trunks:
            yield f" switchport trunk allowed vlan {vlan_ranges({*port.trunks, *port.untagged})}"
        if port.native is not None:
            yield f" switchport trunk native vlan {port.native}"
        yield " switchport mode trunk"
        yield " switchport nonegotiate"
    else:
        yield f" switchport access vlan {port.native or _DEFAULT}"
        yield " switchport mode access"
        if port.protected:
            yield " switchport protected"
    if port.mode != "mirror":
        yield from (f" {line}" for line in (setting.links if port.name in setting.uplinks else setting.access))
    if not state.enabled:
        yield " shutdown"


Show = Callable[[Switch, Setting, Mapping[str, State]], Iterator[str]]
COMMANDS: dict[str, Show] = {
    "show vlan": show_vlan,
    "show interfaces switchport": show_switchport,
    "show interfaces status": show_status,
    "show running-config": show_configuration,
}
