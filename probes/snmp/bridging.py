"""A whole switch from its rows: whichever of the three families of VLAN tables the agent offers.

Q-BRIDGE-MIB comes first, then the IEEE's successor; Cisco's own tables, in which ports are ifIndex, stand beside both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import oids, tables
from .dialects import IEEE, Q_BRIDGE, Dialect
from .facts import BridgeFacts, BridgePort, CiscoPort, VtpVlan
from .values import Rows, Value, bit_numbers, integer, table, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .facts import Gap, UsmUsed

_ETHERNET = 1
"""vtpVlanType ethernet(1): 1002 to 1005 are FDDI's and Token Ring's on every switch of the make."""
_TRUNK_BLOCKS = (
    "vlanTrunkPortVlansEnabled",
    "vlanTrunkPortVlansEnabled2k",
    "vlanTrunkPortVlansEnabled3k",
    "vlanTrunkPortVlansEnabled4k",
)
_BLOCK = 128
"""Octets of each: a quarter of the 4096 VLANs, the first bit of the first is VLAN 0."""


def has_vlans(rows: Rows, dialect: Dialect) -> bool:
    """Whether the agent gave any row of the dialect's VLAN tables."""
    prefixes = {*dialect.static.values(), *dialect.current.values()}
    lengths = {len(prefix) for prefix in prefixes}
    return any(name[:length] in prefixes for name in rows for length in lengths)


def memberships(rows: Rows) -> int:
    """How many port memberships the tables hold, counted before any is spelt out."""
    return sum(tables.memberships(rows, dialect) for dialect in (Q_BRIDGE, IEEE))


def bridge_facts(rows: Rows, used: UsmUsed, gaps: Sequence[Gap] = ()) -> BridgeFacts:
    """Facts of all rows that were read; each table is taken from the first dialect that fills it."""
    dialect = IEEE if not has_vlans(rows, Q_BRIDGE) and has_vlans(rows, IEEE) else Q_BRIDGE
    static, invalid_static = tables.static_vlans(rows, dialect)
    current, invalid_current = tables.current_vlans(rows, dialect)
    learnt, invalid_learnt = tables.forwarding(rows, current, dialect)
    vlans, invalid_vtp = vtp_vlans(rows)
    scalars = oids.BRIDGE_SCALARS
    return BridgeFacts(
        used=used,
        version=integer(rows.get(scalars["dot1qVlanVersionNumber"])),
        num_vlans=integer(rows.get(scalars["dot1qNumVlans"])),
        stp_version=integer(rows.get(scalars["dot1dStpVersion"])),
        gvrp=integer(rows.get(scalars["dot1qGvrpStatus"])),
        dialect="ieee8021-q-bridge" if dialect is IEEE else "q-bridge",
        static_vlans=static,
        current_vlans=current,
        ports=_ports(rows),
        fdb=learnt,
        vtp_vlans=vlans,
        cisco_ports=cisco_ports(rows),
        invalid_rows=invalid_static + invalid_current + invalid_learnt + invalid_vtp,
        gaps=tuple(gaps),
    )


def _ports(rows: Rows) -> tuple[BridgePort, ...]:
    """Ports of the successor fill what the older tables leave open: some agents have the ones and not the others."""
    older = {port.port: port for port in tables.bridge_ports(rows, Q_BRIDGE)}
    for port in tables.bridge_ports(rows, IEEE):
        known = older.get(port.port)
        if known is None:
            older[port.port] = port
            continue
        missing = {name: value for name, value in port if value is not None and getattr(known, name) is None}
        older[port.port] = known.model_copy(update=missing)
    return tuple(older[number] for number in sorted(older))


def vtp_vlans(rows: Rows) -> tuple[tuple[VtpVlan, ...], int]:
    """vtpVlanTable, indexed by management domain and VLAN; and how many rows had an index that is no VLAN."""
    found, invalid = [], 0
    for index, row in table(rows, oids.VTP_VLAN_COLUMNS).items():
        if len(index) != 2 or not 1 <= index[1] <= tables.MAX_VLAN:  # noqa: PLR2004 - domain and VLAN
            invalid += 1
            continue
        kind = integer(row.get("vtpVlanType"))
        if kind in {None, _ETHERNET}:
            found.append(
                VtpVlan(id=index[1], name=text(row.get("vtpVlanName")), state=integer(row.get("vtpVlanState")))
            )
    return tuple(found), invalid


def cisco_ports(rows: Rows) -> tuple[CiscoPort, ...]:
    """Rows of vlanTrunkPortTable and vmMembershipTable, joined on ifIndex."""
    return tuple(
        CiscoPort(
            if_index=index[0],
            access_vlan=integer(row.get("vmVlan")),
            native=integer(row.get("vlanTrunkPortNativeVlan")),
            dynamic_state=integer(row.get("vlanTrunkPortDynamicState")),
            dynamic_status=integer(row.get("vlanTrunkPortDynamicStatus")),
            allowed=_ranges(_allowed(row.get(name) for name in _TRUNK_BLOCKS)),
        )
        for index, row in table(rows, oids.VTP_TRUNK_COLUMNS | oids.VM_MEMBERSHIP_COLUMNS).items()
        if len(index) == 1
    )


def _allowed(blocks: Iterable[Value | None]) -> list[int]:
    """VLANs of the four blocks; a block of another size says nothing of VLANs beyond it."""
    found: list[int] = []
    for number, block in enumerate(blocks):
        if isinstance(block, bytes):
            found += [8 * _BLOCK * number + bit - 1 for bit in bit_numbers(block[:_BLOCK])]
    return [vlan for vlan in found if 1 <= vlan <= tables.MAX_VLAN]


def _ranges(numbers: list[int]) -> tuple[tuple[int, int], ...]:
    """Sorted numbers as ranges: a trunk of the make allows 4094 VLANs unless told otherwise."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return tuple(found)
