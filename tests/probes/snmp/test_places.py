"""Where things are, as tables: device ports, administration, trunks, what switches have learnt."""

import pytest

from probes.api import NotVerified
from probes.snmp.facts import BridgeFacts, BridgePort, CiscoPort, Learnt, VtpVlan
from tests.probes.snmp.test_checks import SANE_PORTS, SOCKETS, USED, judge, judge_ports, switched

MAC = "02:00:00:00:00:09"


def building(site, *attached, **changes):
    """The test site with a device in VLAN 30 that is plugged in as given."""
    device = {
        "id": "passerelle",
        "role": "gateway",
        "zone": "log",
        "addresses": ["10.0.30.9"],
        "mac": MAC,
        "attached_to": list(attached),
    }
    made = site(sockets=SOCKETS, **changes)
    document = made.site.model_dump(mode="json")
    document["vlans"][2]["subnets"] = [{"prefix": "10.0.30.0/24"}]
    document["devices"].append(device)
    return type(made)(type(made.site).model_validate(document))


GE2 = {"switch": "sw-coeur", "port": "ge2"}
TR1 = {"switch": "sw-coeur", "port": "tr1", "link": True}


@pytest.mark.parametrize(
    ("vlans", "pvids", "value"),
    [
        (SANE_PORTS, (), "C"),
        (SANE_PORTS, ((2, 30),), "C"),
        (SANE_PORTS, ((2, 20),), "N"),  # what arrives untagged goes elsewhere
        (SANE_PORTS | {30: ((3,), ()), 20: ((2, 3), (2,))}, ((2, 20),), "N"),
    ],
)
def test_the_port_of_a_device(site, vlans, pvids, value):
    found = judge_ports("snmp.access-ports", building(site, GE2), switched(vlans, pvids=pvids))
    assert found.value == value
    assert value == "C" or "passerelle (ge2) : " in str(found.measured)


@pytest.mark.parametrize(
    ("vlans", "pvids", "value"),
    [
        (SANE_PORTS, (), "C"),
        (SANE_PORTS | {10: ((3,), ()), 1: ((1,), (1,))}, (), "N"),
        (SANE_PORTS, ((1, 1),), "N"),
    ],
)
def test_administration_out_of_vlan_1(site, vlans, pvids, value):
    assert judge_ports("snmp.admin-vlan", building(site, GE2), switched(vlans, pvids=pvids)).value == value


def test_administration_in_an_unknown_vlan_is_not_verified(site):
    vlans = {20: SANE_PORTS[20], 30: SANE_PORTS[30]}
    with pytest.raises(NotVerified, match="VLAN inconnu des ports ge1"):
        judge_ports("snmp.admin-vlan", building(site, GE2), switched(vlans))


@pytest.mark.parametrize(
    ("attached", "vlans", "value"),
    [
        ((GE2, TR1), SANE_PORTS, "C"),
        ((GE2,), SANE_PORTS, "N"),  # nobody declared the trunk
        ((GE2, TR1), SANE_PORTS | {20: ((2, 3), ())}, "N"),
    ],
)
def test_undeclared_trunks(site, attached, vlans, value):
    assert judge_ports("snmp.trunks-declared", building(site, *attached), switched(vlans)).value == value


def test_trunks_are_not_judged_without_any_declared_link_or_with_one_that_is_not_found(site):
    with pytest.raises(NotVerified, match="renseigner attached_to"):
        judge_ports("snmp.trunks-declared", site(sockets=SOCKETS), switched(SANE_PORTS))
    elsewhere = {**TR1, "port": "Po1"}
    with pytest.raises(NotVerified, match="liaisons Po1 introuvables"):
        judge_ports("snmp.trunks-declared", building(site, elsewhere), switched(SANE_PORTS))


@pytest.mark.parametrize(
    ("port", "value"),
    [
        (CiscoPort(if_index=101, access_vlan=30, dynamic_state=2, dynamic_status=2), "C"),
        (CiscoPort(if_index=101, access_vlan=30, dynamic_state=4, dynamic_status=2), "N"),  # auto: DTP makes it a trunk
        (CiscoPort(if_index=101, native=1, dynamic_status=1, allowed=((1, 4094),)), "N"),
    ],
)
def test_cisco_trunks(site, port, value):
    told = switched(SANE_PORTS)
    told["snmp.bridge"] = BridgeFacts(used=USED, vtp_vlans=(VtpVlan(id=20), VtpVlan(id=30)), cisco_ports=(port,))
    link = {**TR1, "port": "tr1"}
    topology = building(site, {**GE2, "vlan": 30}, {**link, "switch": "sw-acces"})
    assert judge_ports("snmp.trunks-declared", topology, told).value == value


def test_cisco_vlans_are_those_in_operation(site):
    declared = (VtpVlan(id=10, state=1), VtpVlan(id=20, state=1))
    told = BridgeFacts(used=USED, vtp_vlans=(*declared, VtpVlan(id=30, state=2)))
    assert judge("snmp.vlans-declared", site(), told).value == "N"
    told = BridgeFacts(used=USED, vtp_vlans=(*declared, VtpVlan(id=30, state=1), VtpVlan(id=1, state=1)))
    assert judge("snmp.vlans-declared", site(), told).value == "C"


def learnt(*entries):
    bridge = switched(SANE_PORTS)["snmp.bridge"]
    return bridge.model_copy(update={"fdb": tuple(Learnt(fdb_id=1, mac=m, port=p, vlans=v) for m, p, v in entries)})


@pytest.mark.parametrize(
    ("entries", "value"),
    [
        (((MAC, 2, (30,)),), "C"),
        (((MAC, 2, (20, 30)),), "C"),  # one database for both
        (((MAC, 2, (20,)),), "N"),
        (((MAC, 2, (30,)), (MAC, 1, (10,))), "N"),  # in two places at once
        (((MAC, 2, ()),), None),  # a database of no known VLAN
        (((MAC, 3, (30,)),), None),  # behind a link
        ((), None),
    ],
)
def test_devices_are_where_switches_have_learnt_them(site, entries, value):
    topology = building(site, GE2)
    if value is None:
        with pytest.raises(NotVerified):
            judge("snmp.learnt-in-place", topology, learnt(*entries))
    else:
        assert judge("snmp.learnt-in-place", topology, learnt(*entries)).value == value


def test_learnt_where_it_is_not_configured_says_both(site):
    found = judge("snmp.learnt-in-place", building(site, GE2), learnt((MAC, 2, (20,))))
    assert "passerelle, port 2 : VLAN 20 (≠ 30)" in str(found.measured)


def entering(admits, filtering, vlans=SANE_PORTS):
    """ge2 admits and filters so; every other port is known to filter."""
    told = switched(vlans)
    settings = [(1, None, True), (2, admits, filtering), (3, "all", False)]
    ports = tuple(
        BridgePort(port=n, if_index=100 + n, admits=kinds, ingress_filtering=drops) for n, kinds, drops in settings
    )
    return told | {"snmp.bridge": told["snmp.bridge"].model_copy(update={"ports": ports})}


TAGGED_TOO = SANE_PORTS | {20: ((2, 3), ())}


@pytest.mark.parametrize(
    ("admits", "filtering", "vlans", "value"),
    [
        ("all", True, SANE_PORTS, "C"),
        (None, True, SANE_PORTS, "C"),  # what is not its own is dropped, whatever is admitted
        ("tagged", True, SANE_PORTS, "C"),
        ("untagged", False, SANE_PORTS, "C"),  # no tag gets as far as the filter
        ("untagged", None, TAGGED_TOO, "C"),
        ("all", False, SANE_PORTS, "N"),
        ("tagged", False, SANE_PORTS, "N"),
        ("all", True, TAGGED_TOO, "N"),  # the filter lets pass what the port is a member of
        ("all", None, SANE_PORTS, None),
        (None, False, SANE_PORTS, None),  # it may admit no tag at all
        (None, True, TAGGED_TOO, None),
        (None, None, SANE_PORTS, None),
    ],
)
def test_tagged_frames_at_the_entry_of_a_socket(site, admits, filtering, vlans, value):
    told, topology = entering(admits, filtering, vlans), building(site, GE2)
    if value is None:
        with pytest.raises(NotVerified, match="ne dit pas ce que ses ports Ethernet 2, ge2 font"):
            judge_ports("snmp.ingress-filtered", topology, told)
    else:
        found = judge_ports("snmp.ingress-filtered", topology, told)
        assert found.value == value
        assert value == "C" or "passerelle (ge2) : " in str(found.measured)


def test_one_open_port_is_enough_and_an_unknown_one_is_not_taken_for_closed(site):
    told = entering("all", True)
    bridge = told["snmp.bridge"]
    silent = bridge.model_copy(update={"ports": (BridgePort(port=1, if_index=101), *bridge.ports[1:])})
    topology = building(site, {**GE2, "port": "ge1", "vlan": 10}, GE2)
    with pytest.raises(NotVerified, match="ports ge1, ge1 font"):
        judge_ports("snmp.ingress-filtered", topology, told | {"snmp.bridge": silent})
    open_one = BridgePort(port=2, if_index=102, admits="all", ingress_filtering=False)
    both = silent.model_copy(update={"ports": (silent.ports[0], open_one)})
    assert judge_ports("snmp.ingress-filtered", topology, told | {"snmp.bridge": both}).value == "N"
    with pytest.raises(NotVerified, match="ports ge1, Ethernet 2, ge2 font"):
        judge_ports(
            "snmp.ingress-filtered",
            building(site, GE2),
            told | {"snmp.bridge": bridge.model_copy(update={"ports": ()})},
        )
