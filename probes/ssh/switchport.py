"""``show interfaces switchport``: one block per port, as Cisco and Arista write it. Pure.

Read here and not by a template: of lists of VLANs the template takes the first ones of each line, and none knows Arista.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from probes.switching.facts import Mode, Range, SwitchPort

from .answers import unreadable
from .lists import NAME, merged, of, vlan_ranges, without

_KEY = re.compile(r"\s*(?P<key>[A-Za-z][^:]{0,60}?)\s*:\s*(?P<value>.*?)\s*")
_MORE = re.compile(r"\s+[\d,\s-]+,?\s*")
_NUMBER = re.compile(r"(\d{1,4})\b")
_LISTS = ("trunking vlans enabled", "trunking vlans allowed")
_NEGOTIABLE = {"dynamic auto": "auto", "dynamic desirable": "desirable"}
"""Administrative modes in which the port makes a trunk of whoever asks by DTP (DISA L2S-000005)."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one word means differently."""

    native_tagged: str
    """The key that says whether the native VLAN leaves with a tag. On IOS the administrative one is a port's consent to
    a setting of the whole switch, on by default: it says nothing alone."""


IOS = Dialect(native_tagged="operational native vlan tagging")
EOS = Dialect(native_tagged="administrative native vlan tagging")


def ports(text: str, dialect: Dialect) -> dict[str, SwitchPort]:
    """Each port by its name.

    Raises:
        Unread: no port, a list of VLANs of an unknown form, or the same port twice.
    """
    found: dict[str, SwitchPort] = {}
    for block in _blocks(text):
        port = _port(block, dialect)
        if port.name in found:
            raise unreadable()
        found[port.name] = port
    if not found:
        raise unreadable()
    return found


def _blocks(text: str) -> Iterator[dict[str, str]]:
    """Keys in small letters and their values; of a list that goes on in the next lines, all of it."""
    block: dict[str, str] = {}
    open_list = ""
    for line in text.splitlines():
        if open_list and _MORE.fullmatch(line):
            block[open_list] += line.strip()
            continue
        open_list = ""
        match = _KEY.fullmatch(line)
        if match is None:
            continue
        key, value = match["key"].lower(), match["value"]
        if key == "name":
            if block:
                yield block
            block = {}
        elif not block:
            continue  # what stands before the first port is of none
        block[key] = value
        open_list = key if key in _LISTS else ""
    if block:
        yield block


def _port(block: Mapping[str, str], dialect: Dialect) -> SwitchPort:
    name = block["name"]
    if not name or len(name) > NAME:
        raise unreadable()
    if block.get("switchport", "").lower() == "disabled":
        return SwitchPort(name=name, mode="routed", untagged=(), tagged=())
    # What a port is configured to be, not what its link makes of it; where it leaves that to negotiation, that.
    administrative = block.get("administrative mode", "").lower()
    operational = block.get("operational mode", "").lower()
    said = operational if administrative in _NEGOTIABLE or not administrative else administrative
    negotiable = _NEGOTIABLE.get(administrative, "")
    mode = _mode(said, negotiable)
    if mode == "access":
        access = _vid(block.get("access mode vlan", ""))
        return SwitchPort(
            name=name,
            mode=mode,
            pvid=access,
            untagged=None if access is None else of([access]),
            tagged=_voice(block),
            negotiable=negotiable,
        )
    if mode == "trunk":
        native, allowed = _vid(block.get("trunking native mode vlan", "")), _allowed(block)
        if block.get(dialect.native_tagged, "").lower() == "enabled":
            tagged = None if allowed is None else allowed
            return SwitchPort(name=name, mode=mode, untagged=(), tagged=tagged, negotiable=negotiable)
        return SwitchPort(
            name=name,
            mode=mode,
            pvid=native,
            untagged=None if native is None else of([native]),
            tagged=None if allowed is None else without(allowed, native),
            negotiable=negotiable,
        )
    return SwitchPort(name=name, mode=mode, negotiable=negotiable)


def _mode(said: str, negotiable: str) -> Mode:
    """``static access``, ``trunk (member of bundle Po1)``: what follows the first words says of the link."""
    word = said.removeprefix("static ").split("(")[0].strip()
    if word == "access" or (negotiable and word in {"down", ""}):
        return "access"
    return "trunk" if word == "trunk" else "other"


def _vid(value: str) -> int | None:
    match = _NUMBER.match(value)
    number = int(match[1]) if match else 0
    return number if 1 <= number <= 4094 else None  # noqa: PLR2004 - IEEE 802.1Q


def _allowed(block: Mapping[str, str]) -> tuple[Range, ...] | None:
    said = next((block[key] for key in _LISTS if key in block), None)
    return None if said is None else merged(vlan_ranges(said))


def _voice(block: Mapping[str, str]) -> tuple[Range, ...]:
    """The VLAN of telephones leaves an access port with its tag; ``dot1p`` and ``untagged`` name none."""
    voice = _vid(block.get("voice vlan", ""))
    return of([voice] if voice is not None else [])
