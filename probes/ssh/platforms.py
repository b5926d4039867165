"""Which command lines are read, what is asked of each, and what its answers say. Pure: it opens nothing.

Names are those of netmiko and ntc-templates. Commands show; none of them enters a configuration mode.
"""

from __future__ import annotations

from collections.abc import Mapping

from probes.switching.facts import SwitchFacts

_COMMANDS: dict[str, tuple[str, ...]] = {
    "cisco_ios": ("show vlan", "show interfaces switchport", "show interfaces status"),
    "arista_eos": ("show vlan", "show interfaces switchport", "show interfaces status"),
    "hp_comware": ("display vlan all", "display interface brief"),
    "huawei_vrp": ("display vlan", "display port vlan", "display interface brief"),
    "hp_procurve": ("show vlans", "show interfaces status"),
    "alcatel_aos": ("show vlan", "show vlan port"),
    "allied_telesis_awplus": ("show vlan all", "show interface switchport"),
    "eltex": ("show vlan", "show interfaces status"),
}
PLATFORMS: tuple[str, ...] = tuple(sorted(_COMMANDS))


def commands(platform: str) -> tuple[str, ...]:
    """What is asked of a platform, in this order; KeyError for one that is not in :data:`PLATFORMS`."""
    return _COMMANDS[platform]


def facts_of(platform: str, outputs: Mapping[str, str]) -> SwitchFacts:
    """What the answers say, by the command that each answers; one that is missing or says nothing becomes a gap."""
    raise NotImplementedError


def keepable(platform: str, command: str, output: str) -> str:
    """Of an answer, what may be kept as evidence: of a configuration, the lines that are known to hold no secret."""
    raise NotImplementedError
