"""Decoders of VLAN tables, row by row: what MIBs say, and what agents make of them."""

import pytest

from probes.snmp import bridging, oids, tables
from probes.snmp.dialects import IEEE, Q_BRIDGE
from probes.snmp.facts import UsmUsed
from probes.snmp.values import port_list

USED = UsmUsed(level="authPriv", address="192.0.2.1", port=161)


def rows_of(columns, *rows):
    """``(index, {column: value})`` as varbinds."""
    return {(*columns[name], *index): value for index, row in rows for name, value in row.items()}


def facts(*tables_):
    rows = {}
    for table in tables_:
        rows |= table
    return bridging.bridge_facts(rows, USED)


@pytest.mark.parametrize(
    ("value", "known", "spelt", "ports"),
    [
        (b"\x80", (), False, (1,)),
        (b"\x01\x80", (), False, (8, 9)),
        (b"", (), False, ()),
        (None, (), False, ()),
        (7, (), False, ()),
        (b"80 01", (), False, (1, 16)),  # the text of its octets
        (b"80 01 ", (), False, (1, 16)),
        (b"80:01", (), False, (1, 16)),
        (b"0", range(1, 55), False, (3, 4)),  # one octet, as any other
        (b"0", range(1, 55), True, ()),  # the same agent spells its lists
        (b"4098,4099", (4097, 4098, 4099), False, (4098, 4099)),
        (b"0,4097", (4097,), False, (4097,)),
        (b"3", (3,), False, (3,)),  # as octets it would be ports 3, 4, 7 and 8, which are not there
        (b"12", range(1, 17), False, (3, 4, 8, 11, 12, 15)),  # octets: the agent has every one of these ports
        (b"4098", (), False, (3, 4, 6, 11, 12, 19, 20, 21, 24, 27, 28, 29)),  # no ports known: as the MIB says
    ],
)
def test_port_lists(value, known, spelt, ports):
    assert port_list(value, known, spelt=spelt) == ports


STATIC = rows_of(
    Q_BRIDGE.static,
    ((10,), {"dot1qVlanStaticName": b"adm", "dot1qVlanStaticEgressPorts": b"\xc0", "dot1qVlanStaticUntaggedPorts": b"\x80"}),
    ((4095,), {"dot1qVlanStaticName": b"control"}),
    ((0,), {"dot1qVlanStaticName": b"none"}),
)  # fmt: skip
CURRENT = rows_of(
    Q_BRIDGE.current,
    ((0, 10), {"dot1qVlanFdbId": 3, "dot1qVlanCurrentEgressPorts": b"\x80"}),
    ((99, 10), {"dot1qVlanFdbId": 4, "dot1qVlanCurrentEgressPorts": b"\xc0"}),
    ((20,), {"dot1qVlanFdbId": 4}),
    ((1, 2, 3), {"dot1qVlanFdbId": 4}),
)


def test_reserved_and_odd_indexes_are_counted_and_left_out():
    found, invalid = tables.static_vlans(STATIC)
    assert ([v.id for v in found], invalid) == ([10], 2)
    found, invalid = tables.current_vlans(CURRENT)
    assert ([(v.id, v.fdb_id, v.egress) for v in found], invalid) == ([(10, 4, (1, 2)), (20, 4, ())], 1)


def test_forwarding_entries_have_all_vlans_of_their_database():
    mac = (2, 0, 0, 0, 0, 1)
    learnt = rows_of(Q_BRIDGE.fdb, ((4, *mac), {"dot1qTpFdbPort": 2}), ((9, *mac), {"dot1qTpFdbPort": 1}))
    assert [(e.fdb_id, e.port, e.vlans) for e in facts(CURRENT, learnt).fdb] == [(4, 2, (10, 20)), (9, 1, ())]


SUCCESSOR = (
    rows_of(
        IEEE.static,
        ((1, 97), {"dot1qVlanStaticEgressPorts": b"\xe0", "dot1qVlanStaticUntaggedPorts": b"\x20"}),
        ((2, 97), {"dot1qVlanStaticEgressPorts": b"\xff"}),  # another component numbers its ports anew
        ((1, 4095), {"dot1qVlanStaticEgressPorts": b"\xff"}),
    )
    | rows_of(IEEE.current, ((0, 1, 97), {"dot1qVlanFdbId": 97, "dot1qVlanCurrentEgressPorts": b"\x60"}))
    | rows_of(IEEE.base_port | IEEE.port_vlan, ((1, 3), {"dot1dBasePortIfIndex": 103, "dot1qPvid": 97}))
    | rows_of(IEEE.fdb, ((1, 97, 2, 0, 0, 0, 0, 1), {"dot1qTpFdbPort": 3}))
)


def test_the_successor_mib_is_read_by_its_first_component():
    found = facts(SUCCESSOR)
    assert found.dialect == "ieee8021-q-bridge"
    assert [(v.id, v.egress, v.untagged) for v in found.static_vlans] == [(97, (1, 2, 3), (3,))]
    assert [(v.id, v.egress) for v in found.current_vlans] == [(97, (2, 3))]
    assert [(p.port, p.if_index, p.pvid) for p in found.ports] == [(3, 103, 97)]
    assert [(e.port, e.vlans) for e in found.fdb] == [(3, (97,))]
    assert found.invalid_rows == 1


def test_the_older_mib_comes_first_and_the_successor_fills_its_gaps():
    older = rows_of(Q_BRIDGE.port_vlan, ((3,), {"dot1qPvid": 10}))
    found = facts(SUCCESSOR, STATIC, older)
    assert (found.dialect, [v.id for v in found.static_vlans]) == ("q-bridge", [10])
    assert [(p.port, p.if_index, p.pvid) for p in found.ports] == [(3, 103, 10)]


def test_cisco():
    every = b"\x7f" + b"\xff" * 127
    found = facts(
        rows_of(
            oids.VTP_VLAN_COLUMNS,
            ((1, 10), {"vtpVlanState": 1, "vtpVlanType": 1, "vtpVlanName": b"adm"}),
            ((1, 1002), {"vtpVlanState": 1, "vtpVlanType": 2}),
            ((1, 4095), {"vtpVlanState": 1, "vtpVlanType": 1}),
        ),
        rows_of(
            oids.VTP_TRUNK_COLUMNS,
            ((101,), {"vlanTrunkPortVlansEnabled": every, "vlanTrunkPortVlansEnabled2k": b"\x80", "vlanTrunkPortNativeVlan": 99,
                      "vlanTrunkPortDynamicState": 1, "vlanTrunkPortDynamicStatus": 1, "vlanTrunkPortVlansEnabled4k": every[:-1] + b"\x01"}),
        ),
        rows_of(oids.VM_MEMBERSHIP_COLUMNS, ((102,), {"vmVlan": 10})),
    )  # fmt: skip
    assert [(v.id, v.state) for v in found.vtp_vlans] == [(10, 1)]
    trunk, access = found.cisco_ports
    assert trunk.allowed[0] == (1, 1024)
    assert trunk.allowed[-1][0] == 3 * 1024 + 1
    assert max(high for _, high in trunk.allowed) <= tables.MAX_VLAN
    assert (trunk.native, trunk.dynamic_status, access.if_index, access.access_vlan) == (99, 1, 102, 10)


def test_lldp_port_vlans():
    rows = rows_of(
        oids.LLDP_PORT_COLUMNS | oids.LLDP_PORT_VLAN_COLUMNS,
        ((7,), {"lldpLocPortDesc": b"ge7", "lldpXdot1LocPortVlanId": 30}),
    )
    rows |= rows_of(oids.LLDP_REMOTE_COLUMNS | oids.LLDP_REMOTE_VLAN_COLUMNS, ((5, 7, 1), {"lldpRemSysName": b"sw", "lldpXdot1RemPortVlanId": 0}))  # fmt: skip
    assert [p.vlan for p in tables.lldp_ports(rows)] == [30]
    assert [n.vlan for n in tables.neighbours(rows)[0]] == [0]


@pytest.mark.parametrize(
    ("dialect", "number", "admits"),
    [
        (Q_BRIDGE, 1, "all"),
        (Q_BRIDGE, 2, "tagged"),
        (Q_BRIDGE, 3, None),  # RFC 4363 has two numbers
        (IEEE, 1, "all"),
        (IEEE, 2, "untagged"),
        (IEEE, 3, "tagged"),
        (IEEE, 4, None),
    ],
)
def test_acceptable_frames_have_other_numbers_in_the_successor(dialect, number, admits):
    index = (1, 3) if dialect is IEEE else (3,)
    rows = rows_of(
        dialect.port_vlan, (index, {"dot1qPortAcceptableFrameTypes": number, "dot1qPortIngressFiltering": 1})
    )
    (port,) = facts(rows).ports
    assert (port.acceptable, port.admits, port.ingress_filtering) == (number, admits, True)
