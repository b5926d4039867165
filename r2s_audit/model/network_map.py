"""The network as declared and as found, for a picture: facts about equipment and links, and no judgement.

A state says what was observed, never what it is worth: verdicts are made from findings alone.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from .base import Count, Model

LinkSource = Literal["lldp", "fdb", "declaration"]
NodeKind = Literal["equipment", "socket", "station", "neighbour"]


class Presence(StrEnum):
    """What is known of a declared or observed thing."""

    FOUND = "found"
    """Declared, and observed."""
    DECLARED = "declared"
    """Declared; no observation shows it, and none shows that it is not there."""
    MISSING = "missing"
    """Declared, and not found where complete observations would have shown it."""
    UNDECLARED = "undeclared"
    """Observed, and not declared."""


class MapNode(Model):
    """One box.

    ``equipment`` is a declared switch or router, ``socket`` one with a measuring point, ``station`` another declared
    device, ``neighbour`` somebody whom nobody declared and who announces himself.
    """

    id: str
    """The identifier of the site file; ``?1``, ``?2``, … (no identifier) for neighbours."""
    kind: NodeKind
    name: str = ""
    """The declared name, or what the neighbour says of itself (hostile)."""
    role: str = ""
    zone: str = ""
    state: Presence


class MapLink(Model):
    """A cable between two nodes, as one or both of its ends tell of it."""

    a: str
    b: str
    a_port: str = ""
    b_port: str = ""
    state: Presence
    source: LinkSource
    heard: Count = 0
    """By how many of the two ends (LLDP)."""
    seen_on: str = ""
    """Of a link that is missing: the port where the other end was learnt instead."""


class MapZone(Model):
    """A declared zone."""

    id: str
    name: str = ""


class MapPoint(Model):
    """A measuring point and the zone of its socket."""

    id: str
    zone: str = ""


class NetworkMap(Model):
    """What a picture of the network needs: it can then be drawn from the document alone."""

    zones: tuple[MapZone, ...] = ()
    points: tuple[MapPoint, ...] = ()
    nodes: tuple[MapNode, ...] = ()
    links: tuple[MapLink, ...] = ()
    read: Count = 0
    """Declared switches and routers whose neighbour table was read to its end."""
    equipment: Count = 0
    """Declared switches and routers."""
