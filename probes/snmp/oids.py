"""Numeric object identifiers that the family reads, by their names in the MIBs (requirements, section 3).

No MIB file is ever loaded: names live here, once, for collectors, decoders and checks.
"""

from __future__ import annotations

from typing import TypeAlias

Oid: TypeAlias = tuple[int, ...]


def oid(text: str) -> Oid:
    """``"1.3.6"`` as a tuple; ValueError for anything else."""
    return tuple(int(part) for part in text.lstrip(".").split("."))


def dotted(name: Oid) -> str:
    """The usual notation."""
    return ".".join(str(part) for part in name)


SYSTEM = oid("1.3.6.1.2.1.1")
SYSTEM_SCALARS: dict[str, Oid] = {
    "sysDescr": (*SYSTEM, 1, 0),
    "sysObjectID": (*SYSTEM, 2, 0),
    "sysUpTime": (*SYSTEM, 3, 0),
    "sysContact": (*SYSTEM, 4, 0),
    "sysName": (*SYSTEM, 5, 0),
    "sysLocation": (*SYSTEM, 6, 0),
}
"""SNMPv2-MIB (RFC 3418)."""

_IF = oid("1.3.6.1.2.1.2.2.1")
_IFX = oid("1.3.6.1.2.1.31.1.1.1")
IF_COLUMNS: dict[str, Oid] = {
    "ifDescr": (*_IF, 2),
    "ifType": (*_IF, 3),
    "ifMtu": (*_IF, 4),
    "ifPhysAddress": (*_IF, 6),
    "ifAdminStatus": (*_IF, 7),
    "ifOperStatus": (*_IF, 8),
    "ifInErrors": (*_IF, 14),
}
IFX_COLUMNS: dict[str, Oid] = {
    "ifName": (*_IFX, 1),
    "ifHCInOctets": (*_IFX, 6),
    "ifHighSpeed": (*_IFX, 15),
    "ifConnectorPresent": (*_IFX, 17),
    "ifAlias": (*_IFX, 18),
}
"""IF-MIB (RFC 2863)."""

_ENTITY = oid("1.3.6.1.2.1.47.1.1.1.1")
ENTITY_COLUMNS: dict[str, Oid] = {
    "entPhysicalClass": (*_ENTITY, 5),
    "entPhysicalFirmwareRev": (*_ENTITY, 9),
    "entPhysicalSoftwareRev": (*_ENTITY, 10),
    "entPhysicalSerialNum": (*_ENTITY, 11),
    "entPhysicalMfgName": (*_ENTITY, 12),
    "entPhysicalModelName": (*_ENTITY, 13),
}
"""ENTITY-MIB (RFC 6933)."""

_BRIDGE = oid("1.3.6.1.2.1.17")
_QBRIDGE = (*_BRIDGE, 7, 1)
BRIDGE_SCALARS: dict[str, Oid] = {
    "dot1dStpVersion": (*_BRIDGE, 2, 16, 0),
    "dot1qVlanVersionNumber": (*_QBRIDGE, 1, 1, 0),
    "dot1qNumVlans": (*_QBRIDGE, 1, 4, 0),
    "dot1qGvrpStatus": (*_QBRIDGE, 1, 5, 0),
}
BASE_PORT_COLUMNS: dict[str, Oid] = {"dot1dBasePortIfIndex": (*_BRIDGE, 1, 4, 1, 2)}
VLAN_STATIC_COLUMNS: dict[str, Oid] = {
    "dot1qVlanStaticName": (*_QBRIDGE, 4, 3, 1, 1),
    "dot1qVlanStaticEgressPorts": (*_QBRIDGE, 4, 3, 1, 2),
    "dot1qVlanStaticUntaggedPorts": (*_QBRIDGE, 4, 3, 1, 4),
}
VLAN_CURRENT_COLUMNS: dict[str, Oid] = {
    "dot1qVlanFdbId": (*_QBRIDGE, 4, 2, 1, 3),
    "dot1qVlanCurrentEgressPorts": (*_QBRIDGE, 4, 2, 1, 4),
    "dot1qVlanCurrentUntaggedPorts": (*_QBRIDGE, 4, 2, 1, 5),
    "dot1qVlanStatus": (*_QBRIDGE, 4, 2, 1, 6),
}
PORT_VLAN_COLUMNS: dict[str, Oid] = {
    "dot1qPvid": (*_QBRIDGE, 4, 5, 1, 1),
    "dot1qPortAcceptableFrameTypes": (*_QBRIDGE, 4, 5, 1, 2),
    "dot1qPortIngressFiltering": (*_QBRIDGE, 4, 5, 1, 3),
}
FDB_COLUMNS: dict[str, Oid] = {"dot1qTpFdbPort": (*_QBRIDGE, 2, 2, 1, 2)}
"""BRIDGE-MIB (RFC 4188) and Q-BRIDGE-MIB (RFC 4363)."""

_IEEE_Q = oid("1.3.111.2.802.1.1.4.1")
IEEE_BASE_PORT_COLUMNS: dict[str, Oid] = {"dot1dBasePortIfIndex": oid("1.3.111.2.802.1.1.2.1.1.4.1.3")}
IEEE_VLAN_STATIC_COLUMNS: dict[str, Oid] = {
    "dot1qVlanStaticName": (*_IEEE_Q, 4, 3, 1, 3),
    "dot1qVlanStaticEgressPorts": (*_IEEE_Q, 4, 3, 1, 4),
    "dot1qVlanStaticUntaggedPorts": (*_IEEE_Q, 4, 3, 1, 6),
}
IEEE_VLAN_CURRENT_COLUMNS: dict[str, Oid] = {
    "dot1qVlanFdbId": (*_IEEE_Q, 4, 2, 1, 4),
    "dot1qVlanCurrentEgressPorts": (*_IEEE_Q, 4, 2, 1, 5),
    "dot1qVlanCurrentUntaggedPorts": (*_IEEE_Q, 4, 2, 1, 6),
    "dot1qVlanStatus": (*_IEEE_Q, 4, 2, 1, 7),
}
IEEE_PORT_VLAN_COLUMNS: dict[str, Oid] = {
    "dot1qPvid": (*_IEEE_Q, 4, 5, 1, 1),
    "dot1qPortAcceptableFrameTypes": (*_IEEE_Q, 4, 5, 1, 2),
    "dot1qPortIngressFiltering": (*_IEEE_Q, 4, 5, 1, 3),
}
IEEE_FDB_COLUMNS: dict[str, Oid] = {"dot1qTpFdbPort": (*_IEEE_Q, 2, 2, 1, 2)}
"""IEEE8021-BRIDGE-MIB and IEEE8021-Q-BRIDGE-MIB (IEEE 802.1Q, clause 17): the successors of the tables above, with a
component before every index. Columns keep the names of the objects that they succeed, so that one decoder reads both."""

_VTP_VLAN = oid("1.3.6.1.4.1.9.9.46.1.3.1.1")
_VTP_TRUNK = oid("1.3.6.1.4.1.9.9.46.1.6.1.1")
VTP_VLAN_COLUMNS: dict[str, Oid] = {
    "vtpVlanState": (*_VTP_VLAN, 2),
    "vtpVlanType": (*_VTP_VLAN, 3),
    "vtpVlanName": (*_VTP_VLAN, 4),
}
VTP_TRUNK_COLUMNS: dict[str, Oid] = {
    "vlanTrunkPortVlansEnabled": (*_VTP_TRUNK, 4),
    "vlanTrunkPortNativeVlan": (*_VTP_TRUNK, 5),
    "vlanTrunkPortDynamicState": (*_VTP_TRUNK, 13),
    "vlanTrunkPortDynamicStatus": (*_VTP_TRUNK, 14),
    "vlanTrunkPortVlansEnabled2k": (*_VTP_TRUNK, 17),
    "vlanTrunkPortVlansEnabled3k": (*_VTP_TRUNK, 18),
    "vlanTrunkPortVlansEnabled4k": (*_VTP_TRUNK, 19),
}
VM_MEMBERSHIP_COLUMNS: dict[str, Oid] = {"vmVlan": oid("1.3.6.1.4.1.9.9.68.1.2.2.1.2")}
"""CISCO-VTP-MIB and CISCO-VLAN-MEMBERSHIP-MIB; ports are ifIndex there."""

_LLDP = oid("1.0.8802.1.1.2.1")
LLDP_SCALARS: dict[str, Oid] = {
    "lldpLocChassisIdSubtype": (*_LLDP, 3, 1, 0),
    "lldpLocChassisId": (*_LLDP, 3, 2, 0),
    "lldpLocSysName": (*_LLDP, 3, 3, 0),
}
LLDP_PORT_COLUMNS: dict[str, Oid] = {
    "lldpLocPortIdSubtype": (*_LLDP, 3, 7, 1, 2),
    "lldpLocPortId": (*_LLDP, 3, 7, 1, 3),
    "lldpLocPortDesc": (*_LLDP, 3, 7, 1, 4),
}
_REMOTE = (*_LLDP, 4, 1, 1)
LLDP_REMOTE_COLUMNS: dict[str, Oid] = {
    "lldpRemChassisIdSubtype": (*_REMOTE, 4),
    "lldpRemChassisId": (*_REMOTE, 5),
    "lldpRemPortIdSubtype": (*_REMOTE, 6),
    "lldpRemPortId": (*_REMOTE, 7),
    "lldpRemPortDesc": (*_REMOTE, 8),
    "lldpRemSysName": (*_REMOTE, 9),
    "lldpRemSysDesc": (*_REMOTE, 10),
    "lldpRemSysCapEnabled": (*_REMOTE, 12),
}
LLDP_ADDRESS_COLUMNS: dict[str, Oid] = {"lldpRemManAddrIfSubtype": (*_LLDP, 4, 2, 1, 3)}
"""LLDP-MIB (IEEE 802.1AB-2005); a management address is in the index of its row."""

_DOT1 = (*_LLDP, 5, 32962, 1)
LLDP_PORT_VLAN_COLUMNS: dict[str, Oid] = {"lldpXdot1LocPortVlanId": (*_DOT1, 2, 1, 1, 1)}
LLDP_REMOTE_VLAN_COLUMNS: dict[str, Oid] = {"lldpXdot1RemPortVlanId": (*_DOT1, 3, 1, 1, 1)}
"""LLDP-EXT-DOT1-MIB (IEEE 802.1Q): the Port VLAN ID TLV, sent and heard; 0 says that the port has none."""

USM_REPORTS: dict[Oid, str] = {
    (1, 3, 6, 1, 6, 3, 15, 1, 1, 1, 0): "usmStatsUnsupportedSecLevels",
    (1, 3, 6, 1, 6, 3, 15, 1, 1, 2, 0): "usmStatsNotInTimeWindows",
    (1, 3, 6, 1, 6, 3, 15, 1, 1, 3, 0): "usmStatsUnknownUserNames",
    (1, 3, 6, 1, 6, 3, 15, 1, 1, 4, 0): "usmStatsUnknownEngineIDs",
    (1, 3, 6, 1, 6, 3, 15, 1, 1, 5, 0): "usmStatsWrongDigests",
    (1, 3, 6, 1, 6, 3, 15, 1, 1, 6, 0): "usmStatsDecryptionErrors",
}
"""SNMP-USER-BASED-SM-MIB (RFC 3414, section 5)."""
