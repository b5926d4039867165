"""Which command lines are read, what is asked of each, and what its answers say. Pure: it opens nothing.

Names are those of netmiko and ntc-templates. Commands show; none of them enters a configuration mode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from probes.switching.facts import SwitchFacts

from . import protections, read_aruba, read_cisco, read_columns, read_comware, read_huawei, read_lists
from .answers import Answers

_IOS = ("show vlan", "show interfaces switchport", "show interfaces status", protections.COMMAND)
_NXOS = ("show vlan", "show interface switchport", "show interface status")


@dataclass(frozen=True, slots=True)
class _Platform:
    commands: tuple[str, ...]
    read: Callable[[str, Answers], SwitchFacts]


_KNOWN: dict[str, _Platform] = {
    "alcatel_aos": _Platform(read_lists.AOS, read_lists.read_aos),
    "allied_telesis_awplus": _Platform(read_lists.AWPLUS, read_lists.read_awplus),
    "arista_eos": _Platform(_IOS, read_cisco.read),
    "aruba_aoscx": _Platform(read_aruba.CX, read_aruba.read_cx),
    "cisco_ios": _Platform(_IOS, read_cisco.read),
    "cisco_nxos": _Platform(_NXOS, read_cisco.read),
    "cisco_s300": _Platform(read_columns.COMMANDS, read_columns.read),
    "cisco_xe": _Platform(_IOS, read_cisco.read),
    "eltex": _Platform(read_columns.COMMANDS, read_columns.read),
    "hp_comware": _Platform(read_comware.COMMANDS, read_comware.read),
    "hp_procurve": _Platform(read_aruba.PROCURVE, read_aruba.read_procurve),
    "huawei_vrp": _Platform(read_huawei.COMMANDS, read_huawei.read),
}
PLATFORMS: tuple[str, ...] = tuple(_KNOWN)


def commands(platform: str) -> tuple[str, ...]:
    """What is asked of a platform, in this order; KeyError for one that is not in :data:`PLATFORMS`."""
    return _KNOWN[platform].commands


def facts_of(platform: str, outputs: Mapping[str, str]) -> SwitchFacts:
    """What the answers say, by the command that each answers; one that is missing or says nothing becomes a gap."""
    answers = Answers(outputs)
    facts = _KNOWN[platform].read(platform, answers)
    return facts.model_copy(update={"gaps": tuple(answers.gaps)})


def keepable(platform: str, command: str, output: str) -> str:
    """Of an answer, what may be kept as evidence: of a configuration, the lines that are known to hold no secret."""
    if "running-config" not in command:
        return output
    return protections.kept(output) if command in _KNOWN[platform].commands else ""
