"""Frames that try whether a switch lets a foreign tag in: their one form, read and written here.

A trial is a unicast frame to one of our own adapters, of an EtherType for local experiments (IEEE 802-2014, 9.2.3), with
a mark and a nonce and nothing else: nobody acts on it, and whoever hears it knows which one it was. Its tags are what is
tried. One tag of another VLAN: an access port that lets it in hands its occupant that VLAN. Two tags, the outer one the
VLAN of the port itself or none (VID 0): a trunk that carries this VLAN without a tag takes the outer one off, and the
next switch reads the inner one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.wire import build
from probes.wire.frames import ETH_LOCAL_EXPERIMENT, ETH_VLAN, FrameError, VlanTag, parse_link

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from probes.wire.frames import FrameHeader

SENT_TAG, DOUBLE_TAG = "vlan.sent-tag", "vlan.double-tag"
"""A trial is named by the check that a mandate has to name: the same word in the mandate, the plan and at the gate."""
MARK = b"R2S tag trial\0"
NONCE_OCTETS = 12
PRIORITY = 0
"""The VID of a tag that names no VLAN (IEEE 802.1Q-2022, 9.6)."""


@dataclass(frozen=True, slots=True)
class TrialFrame:
    """A trial as it was heard: the tags that were left, from the outermost in, and which one it is."""

    source: str
    vids: tuple[int, ...]
    nonce: str


def new_nonce() -> str:
    """What no other frame bears, in hexadecimal."""
    return os.urandom(NONCE_OCTETS).hex()


def trial_frame(source: str, destination: str, vids: Sequence[int], nonce: str) -> bytes:
    """The frame; FrameError where a VLAN has no such number."""
    link = build.Link(source, destination, tuple(VlanTag(vid) for vid in vids))
    return build.ethernet(link, ETH_LOCAL_EXPERIMENT, MARK + bytes.fromhex(nonce))


def read_trial(data: bytes) -> TrialFrame | None:
    """What a frame says as a trial; None where it is none."""
    try:
        header = parse_link(data)
    except FrameError:
        return None
    start = header.payload_offset + len(MARK)
    nonce = data[start : start + NONCE_OCTETS]
    if header.ethertype != ETH_LOCAL_EXPERIMENT or data[header.payload_offset : start] != MARK:
        return None
    if len(nonce) < NONCE_OCTETS:
        return None
    return TrialFrame(header.source_mac, tuple(tag.vid for tag in header.vlans), nonce.hex())


def trial_of(header: FrameHeader, vlan: int, declared: Collection[int]) -> str | None:
    """Which trial a header is of, from a port of this VLAN; None for any other frame.

    Only declared VLANs are tried, and only the two forms above: no third tag, no service tag, no other type.
    """
    if header.ethertype != ETH_LOCAL_EXPERIMENT or any(tag.protocol != ETH_VLAN for tag in header.vlans):
        return None
    match [tag.vid for tag in header.vlans]:
        case [inner] if inner in declared and inner != vlan:
            return SENT_TAG
        case [outer, inner] if outer in {PRIORITY, vlan} and inner in declared and inner != vlan:
            return DOUBLE_TAG
        case _:
            return None
