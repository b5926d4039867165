"""Decoders: ``{oid: value}`` rows into facts. Pure, bounded by their input, and never raising on a hostile value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from . import oids
from .dialects import Q_BRIDGE, Dialect
from .facts import (
    BridgePort,
    CurrentVlan,
    Entity,
    Interface,
    Learnt,
    LldpPort,
    Neighbour,
    StaticVlan,
)
from .oids import Oid
from .values import (
    MAC_LENGTH,
    MAX_PORTLIST,
    Rows,
    Value,
    column,
    integer,
    is_spelt,
    mac,
    mac_of_index,
    network_address,
    port_list,
    table,
    text,
    truth,
)

MAX_VLAN = 4094
"""IEEE 802.1Q: 0 and 4095 are reserved."""
_CHASSIS_MAC, _CHASSIS_ADDRESS = 4, 5
_PORT_MAC, _PORT_ADDRESS = 3, 4
_CAPABILITIES = (
    "other",
    "repeater",
    "bridge",
    "wlanAccessPoint",
    "router",
    "telephone",
    "docsisCableDevice",
    "stationOnly",
)
"""LldpSystemCapabilitiesMap (IEEE 802.1AB-2005): BITS, the most significant bit first."""


def interfaces(rows: Rows) -> tuple[Interface, ...]:
    """Rows of ifTable and ifXTable, joined on ifIndex."""
    found = []
    for index, row in table(rows, oids.IF_COLUMNS | oids.IFX_COLUMNS).items():
        if len(index) != 1:
            continue
        found.append(
            Interface(
                index=index[0],
                descr=text(row.get("ifDescr")),
                type=integer(row.get("ifType")),
                mtu=integer(row.get("ifMtu")),
                mac=mac(row.get("ifPhysAddress")),
                admin=integer(row.get("ifAdminStatus")),
                oper=integer(row.get("ifOperStatus")),
                in_errors=integer(row.get("ifInErrors")),
                name=text(row.get("ifName")),
                hc_in_octets=integer(row.get("ifHCInOctets")),
                high_speed_mbps=integer(row.get("ifHighSpeed")),
                connector_present=truth(row.get("ifConnectorPresent")),
                alias=text(row.get("ifAlias")),
            )
        )
    return tuple(found)


def entities(rows: Rows) -> tuple[Entity, ...]:
    """Rows of entPhysicalTable that name something; ports and slots without any name are left out."""
    found = []
    for index, row in table(rows, oids.ENTITY_COLUMNS).items():
        entity = Entity(
            index=index[0],
            physical_class=integer(row.get("entPhysicalClass")),
            firmware=text(row.get("entPhysicalFirmwareRev")),
            software=text(row.get("entPhysicalSoftwareRev")),
            serial=text(row.get("entPhysicalSerialNum")),
            manufacturer=text(row.get("entPhysicalMfgName")),
            model=text(row.get("entPhysicalModelName")),
        )
        named = (entity.firmware, entity.software, entity.serial, entity.manufacturer, entity.model)
        if len(index) == 1 and any(n is not None and n.text.strip() for n in named):
            found.append(entity)
    return tuple(found)


def _one_component(
    rows: Rows, columns: Mapping[str, Oid], dialect: Dialect, lengths: tuple[int, ...], place: int
) -> tuple[dict[Oid, dict[str, Value]], int]:
    """Rows of a table whose indexes have a right length, less their component; and how many had none.

    A bridge of several components (IEEE 802.1Q, clause 5.10) numbers ports and VLANs in each: the first is the bridge
    that its users meet, the others are left out. ``place`` is where the component stands in the index.
    """
    found = table(rows, columns)
    right = {index: row for index, row in found.items() if len(index) - dialect.components in lengths}
    invalid = len(found) - len(right)
    if not dialect.components:
        return right, invalid
    first = min((index[place] for index in right), default=0)
    kept: dict[Oid, dict[str, Value]] = {}
    for index, row in right.items():
        if index[place] == first:
            parts = list(index)
            del parts[place]
            kept[tuple(parts)] = row
    return kept, invalid


def port_numbers(rows: Rows, dialect: Dialect = Q_BRIDGE) -> frozenset[int]:
    """Every bridge port that the agent knows by itself, from the tables that are indexed by ports."""
    found = table(rows, dialect.base_port | dialect.port_vlan)
    return frozenset(index[-1] for index in found if len(index) == 1 + dialect.components)


def static_vlans(rows: Rows, dialect: Dialect = Q_BRIDGE) -> tuple[tuple[StaticVlan, ...], int]:
    """dot1qVlanStaticTable, indexed by VLAN; and how many rows had an index that is no VLAN."""
    found = []
    known, spelt = port_numbers(rows, dialect), _spelt(rows, dialect)
    right, invalid = _one_component(rows, dialect.static, dialect, (1,), 0)
    for (vlan,), row in right.items():
        if not 1 <= vlan <= MAX_VLAN:
            invalid += 1
            continue
        found.append(
            StaticVlan(
                id=vlan,
                name=text(row.get("dot1qVlanStaticName")),
                egress=port_list(row.get("dot1qVlanStaticEgressPorts"), known, spelt=spelt),
                untagged=port_list(row.get("dot1qVlanStaticUntaggedPorts"), known, spelt=spelt),
            )
        )
    return tuple(found), invalid


def current_vlans(rows: Rows, dialect: Dialect = Q_BRIDGE) -> tuple[tuple[CurrentVlan, ...], int]:
    """dot1qVlanCurrentTable, indexed by time mark and VLAN: of several marks the latest row of a VLAN holds."""
    found: dict[int, CurrentVlan] = {}
    known, spelt = port_numbers(rows, dialect), _spelt(rows, dialect)
    # Some agents leave the time mark out of the index: the VLAN is the last part either way.
    right, invalid = _one_component(rows, dialect.current, dialect, (1, 2), -2)
    for index, row in right.items():
        vlan = index[-1]
        if not 1 <= vlan <= MAX_VLAN:
            invalid += 1
            continue
        found[vlan] = CurrentVlan(
            id=vlan,
            fdb_id=integer(row.get("dot1qVlanFdbId")),
            status=integer(row.get("dot1qVlanStatus")),
            egress=port_list(row.get("dot1qVlanCurrentEgressPorts"), known, spelt=spelt),
            untagged=port_list(row.get("dot1qVlanCurrentUntaggedPorts"), known, spelt=spelt),
        )
    return tuple(found[vlan] for vlan in sorted(found)), invalid


def memberships(rows: Rows, dialect: Dialect = Q_BRIDGE) -> int:
    """How many port memberships the VLAN tables hold, counted before any is spelt out."""
    return sum(
        int.from_bytes(value[:MAX_PORTLIST], "big").bit_count()
        for value in _port_lists(rows, dialect)
        if isinstance(value, bytes)
    )


def _port_lists(rows: Rows, dialect: Dialect) -> Iterator[Value]:
    for name, prefix in (dialect.static | dialect.current).items():
        if name.endswith("Ports"):
            yield from column(rows, prefix).values()


def _spelt(rows: Rows, dialect: Dialect) -> bool:
    """Whether the agent spells port lists as text."""
    return any(is_spelt(value) for value in _port_lists(rows, dialect))


def bridge_ports(rows: Rows, dialect: Dialect = Q_BRIDGE) -> tuple[BridgePort, ...]:
    """Bridge ports with their ifIndex (RFC 4188) and 802.1Q settings (RFC 4363), joined on dot1dBasePort."""
    right, _ = _one_component(rows, dialect.base_port | dialect.port_vlan, dialect, (1,), 0)
    return tuple(
        BridgePort(
            port=number,
            if_index=integer(row.get("dot1dBasePortIfIndex")),
            pvid=integer(row.get("dot1qPvid")),
            acceptable=integer(row.get("dot1qPortAcceptableFrameTypes")),
            admits=dialect.admits.get(integer(row.get("dot1qPortAcceptableFrameTypes")) or 0),
            ingress_filtering=truth(row.get("dot1qPortIngressFiltering")),
        )
        for (number,), row in right.items()
    )


def forwarding(
    rows: Rows, current: tuple[CurrentVlan, ...], dialect: Dialect = Q_BRIDGE
) -> tuple[tuple[Learnt, ...], int]:
    """dot1qTpFdbTable, indexed by filtering database (not by VLAN) and MAC address."""
    vlans: defaultdict[int, list[int]] = defaultdict(list)
    for vlan in current:
        if vlan.fdb_id is not None:
            vlans[vlan.fdb_id].append(vlan.id)
    found = []
    # RFC 4363 fixes the address at six parts; some agents put its length before it nevertheless.
    right, invalid = _one_component(rows, dialect.fdb, dialect, (1 + MAC_LENGTH, 2 + MAC_LENGTH), 0)
    for index, row in right.items():
        octets = index[2:] if len(index) == 2 + MAC_LENGTH and index[1] == MAC_LENGTH else index[1:]
        address = mac_of_index(octets)
        port = integer(row.get("dot1qTpFdbPort"))
        if address is None or port is None:
            invalid += 1
            continue
        found.append(Learnt(fdb_id=index[0], mac=address, port=port, vlans=tuple(vlans.get(index[0], ()))))
    return tuple(found), invalid


def _identifier(value: Value | None, subtype: int | None, mac_subtype: int, address_subtype: int) -> str:
    """A chassis or port identifier by its subtype; what does not fit its subtype is shown as text or hexadecimal."""
    if not isinstance(value, bytes):
        return ""
    if subtype == mac_subtype and (found := mac(value)) is not None:
        return found
    if subtype == address_subtype and value and (found := network_address(value[1:], value[0])) is not None:
        return found
    shown = text(value)
    if shown is None:
        return ""
    return shown.hex or shown.text


def chassis_id(value: Value | None, subtype: Value | None) -> str:
    """LldpChassisId by LldpChassisIdSubtype (IEEE 802.1AB): macAddress(4), networkAddress(5)."""
    return _identifier(value, integer(subtype), _CHASSIS_MAC, _CHASSIS_ADDRESS)


def capabilities(value: Value | None) -> tuple[str, ...]:
    """Names of the enabled capabilities."""
    if not isinstance(value, bytes) or not value:
        return ()
    return tuple(name for bit, name in enumerate(_CAPABILITIES) if value[0] & (0x80 >> bit))


def lldp_ports(rows: Rows) -> tuple[LldpPort, ...]:
    """Rows of lldpLocPortTable, with the VLAN that each port announces."""
    vlans = column(rows, oids.LLDP_PORT_VLAN_COLUMNS["lldpXdot1LocPortVlanId"])
    return tuple(
        LldpPort(
            number=index[0],
            id_subtype=integer(row.get("lldpLocPortIdSubtype")),
            id=text(row.get("lldpLocPortId")),
            descr=text(row.get("lldpLocPortDesc")),
            vlan=integer(vlans.get(index)),
        )
        for index, row in table(rows, oids.LLDP_PORT_COLUMNS).items()
        if len(index) == 1
    )


def _management_addresses(rows: Rows) -> dict[Oid, list[str]]:
    """Management addresses by neighbour (time mark, local port, index); family, length and octets are in the index."""
    found: defaultdict[Oid, list[str]] = defaultdict(list)
    for index in table(rows, oids.LLDP_ADDRESS_COLUMNS):  # always with its time mark, as far as recordings show
        neighbour, rest = index[:3], index[3:]
        if len(rest) < 2:  # noqa: PLR2004 - a family and a length
            continue
        family, octets = rest[0], rest[2:]
        if rest[1] != len(octets):
            octets = rest[1:]  # agents that leave the length out, as a fixed-length address would
        if any(part > 0xFF for part in octets):  # noqa: PLR2004 - one octet
            continue
        address = network_address(bytes(octets), family)
        if address is not None:
            found[neighbour].append(address)
    return found


def neighbours(rows: Rows) -> tuple[tuple[Neighbour, ...], int]:
    """lldpRemTable, indexed by time mark, local port number and remote index."""
    addresses = _management_addresses(rows)
    vlans = column(rows, oids.LLDP_REMOTE_VLAN_COLUMNS["lldpXdot1RemPortVlanId"])
    found, invalid = [], 0
    for index, row in table(rows, oids.LLDP_REMOTE_COLUMNS).items():
        # Some agents leave the time mark out of the index: local port and remote index are its last two parts.
        if len(index) not in {2, 3}:
            invalid += 1
            continue
        port_subtype = integer(row.get("lldpRemPortIdSubtype"))
        found.append(
            Neighbour(
                local_port=index[-2],
                index=index[-1],
                chassis_subtype=integer(row.get("lldpRemChassisIdSubtype")),
                chassis=chassis_id(row.get("lldpRemChassisId"), row.get("lldpRemChassisIdSubtype")),
                port_subtype=port_subtype,
                port=_identifier(row.get("lldpRemPortId"), port_subtype, _PORT_MAC, _PORT_ADDRESS),
                port_descr=text(row.get("lldpRemPortDesc")),
                sys_name=text(row.get("lldpRemSysName")),
                sys_descr=text(row.get("lldpRemSysDesc")),
                capabilities=capabilities(row.get("lldpRemSysCapEnabled")),
                addresses=tuple(addresses.get(index, ())),
                vlan=integer(vlans.get(index)),
            )
        )
    return tuple(found), invalid
