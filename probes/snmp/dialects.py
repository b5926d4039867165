"""Where an agent keeps its VLAN tables: the IETF's MIB, or the IEEE's that succeeds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from . import oids
from .oids import Oid

Admits = Literal["all", "tagged", "untagged"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One spelling of the same tables; columns are named after RFC 4363 in each."""

    static: dict[str, Oid]
    current: dict[str, Oid]
    base_port: dict[str, Oid]
    port_vlan: dict[str, Oid]
    fdb: dict[str, Oid]
    admits: dict[int, Admits]
    """Numbers of the acceptable frame types of a port."""
    components: int = 0
    """Index parts that say which component of the bridge a row is of."""


Q_BRIDGE = Dialect(
    oids.VLAN_STATIC_COLUMNS,
    oids.VLAN_CURRENT_COLUMNS,
    oids.BASE_PORT_COLUMNS,
    oids.PORT_VLAN_COLUMNS,
    oids.FDB_COLUMNS,
    {1: "all", 2: "tagged"},
)
"""BRIDGE-MIB (RFC 4188) and Q-BRIDGE-MIB (RFC 4363)."""
IEEE = Dialect(
    oids.IEEE_VLAN_STATIC_COLUMNS,
    oids.IEEE_VLAN_CURRENT_COLUMNS,
    oids.IEEE_BASE_PORT_COLUMNS,
    oids.IEEE_PORT_VLAN_COLUMNS,
    oids.IEEE_FDB_COLUMNS,
    {1: "all", 2: "untagged", 3: "tagged"},
    components=1,
)
"""IEEE8021-BRIDGE-MIB and IEEE8021-Q-BRIDGE-MIB; IEEE8021PortAcceptableFrameTypes (IEEE8021-TC-MIB) for the numbers."""
