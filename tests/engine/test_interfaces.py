"""Which of its own addresses a point speaks from."""

from ipaddress import ip_address, ip_network

import pytest

from r2s_audit.engine.interfaces import Interface

ADDRESSES = ("fe80::1", "fd00:bad::1", "fd66:0:0:30::50", "192.0.2.1", "10.66.30.50", "fd66:0:0:30::51")
DECLARED = [ip_network("10.66.30.0/24"), ip_network("fd66:0:0:30::/64")]


@pytest.mark.parametrize(
    ("version", "prefixes", "source"),
    [
        (6, DECLARED, "fd66:0:0:30::50"),  # not the one that a foreign router made it form
        (4, DECLARED, "10.66.30.50"),
        (6, [], "fd00:bad::1"),
        (6, [ip_network("fd66:0:0:40::/64")], "fd00:bad::1"),  # in another VLAN than declared: still heard and told
        (4, [], "192.0.2.1"),
    ],
)
def test_an_address_of_the_declared_vlan_comes_first(version, prefixes, source):
    own = Interface("eth0", "02:00:00:00:00:01", tuple(map(ip_address, ADDRESSES)))
    assert own.source(version, prefixes) == ip_address(source)


def test_a_link_local_address_is_no_source():
    assert Interface("eth0", "02:00:00:00:00:01", (ip_address("fe80::1"),)).source(6, DECLARED) is None
