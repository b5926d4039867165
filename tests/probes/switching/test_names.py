"""One port, several spellings."""

from __future__ import annotations

import pytest

from probes.switching.names import is_physical, port_key, spelt


@pytest.mark.parametrize(
    "same",
    [
        ("Gi1/0/1", "GigabitEthernet1/0/1", "gigabitethernet1/0/1", "GE1/0/1", "Gi 1/0/1", " Gi1/0/1 "),
        ("Te1/1/4", "TenGigabitEthernet1/1/4", "XGE1/1/4", "XGigabitEthernet1/1/4", "Ten-GigabitEthernet1/1/4"),
        ("Et12", "Ethernet12", "Eth12"),
        ("Et3/1/1", "Ethernet3/1/1"),
        ("Fa0/1", "FastEthernet0/1"),
        ("Po1", "port-channel1", "Port-channel1"),
        ("BAGG2", "Bridge-Aggregation2"),
        ("40GE0/0/1", "FortyGigE0/0/1"),
        ("1/1/1",),
        ("port1.0.1",),
        ("A1", "a1"),
    ],
)
def test_spellings_of_one_port(same):
    assert len({port_key(name) for name in same}) == 1


def test_ports_of_several_kinds_and_places_are_several():
    names = [
        "Gi1/0/1",
        "Te1/0/1",
        "Fa1/0/1",
        "Tw1/0/1",
        "Twe1/0/1",
        "Gi1/0/11",
        "Gi1/0/1.1",
        "Et1",
        "Po1",
        "1/0/1",
        "GE1",
    ]
    assert len({port_key(name) for name in names}) == len(names)


def test_a_declared_name_is_that_of_one_port_or_of_none():
    numbers = {"Gi1/0/1": 0, "Et2": 1, "Eth2": 2}
    found = spelt(numbers, ["GigabitEthernet1/0/1", "Ethernet2", "Et2", "Te1/0/1"])
    assert found == {**numbers, "GigabitEthernet1/0/1": 0}


@pytest.mark.parametrize(
    "name", ["Po1", "Vlan10", "vlan-interface10", "lag3", "Trk2", "sa1", "Eth-Trunk1", "BAGG2", "Lo0"]
)
def test_no_cable_goes_there(name):
    assert not is_physical(name)


@pytest.mark.parametrize("name", ["Gi1/0/1", "1/1/1", "A1", "port1.0.1", "ge7", "mgmt", "Ma1", "te1/0/1", "1", "Slot1"])
def test_a_cable_may_go_there(name):
    assert is_physical(name)
