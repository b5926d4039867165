"""A declared address is that of one machine: no group, no IPv4 address in disguise, no interface in its name."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from r2s_audit.engine.scope import Scope
from r2s_audit.errors import FileProblems, OutOfScope
from r2s_audit.files.site import parse_site
from r2s_audit.model.site import is_one_host
from r2s_audit.model.topology import Topology
from tests.builders import site, site_data
from tests.files.samples import SITE

NOT_ONE = [
    "::ffff:10.20.30.9",
    "::ffff:8.8.8.8",
    "224.0.0.251",
    "255.255.255.255",
    "0.0.0.0",
    "::",
    "ff02::1",
    "fd20::9%eth0",
]


@pytest.mark.parametrize("address", NOT_ONE)
def test_the_gate_refuses_what_is_not_one_machine(address: str) -> None:
    """Whatever the scope: the kernel would send to ::ffff:8.8.8.8 as to 8.8.8.8, past every IPv4 exclusion."""
    prefixes = ["::/0", "0.0.0.0/0"]
    devices = [{"id": "sw", "role": "switch", "zone": "adm", "addresses": [address]}, *site_data()["devices"][1:]]
    declared = site(scope={"networks": prefixes}, devices=devices)
    gate = Scope(Topology(declared))
    with pytest.raises(OutOfScope, match="seule machine"):
        gate.admit_connection(declared.devices[0], ip_address(address), 443)
    with pytest.raises(OutOfScope, match="seule machine"):
        gate.admit_destination(ip_address(address))


@pytest.mark.parametrize("address", ["10.20.30.9", "fd20::9", "fe80::9", "127.0.0.1", "::1"])
def test_one_machine(address: str) -> None:
    assert is_one_host(ip_address(address))


@pytest.mark.parametrize("address", NOT_ONE)
def test_a_site_file_with_such_an_address_is_refused(address: str) -> None:
    text = SITE.replace("[10.20.30.101]", f'["{address}"]')
    assert text != SITE
    with pytest.raises(FileProblems, match="seule machine"):
        parse_site(text.encode(), str(Path("site.yaml")))


@pytest.mark.parametrize("prefix", ["0.0.0.0/1", "128.0.0.0/1", "::/1", "fc00::/6", "10.0.0.0/7"])
def test_a_scope_wider_than_any_building_is_refused(prefix: str) -> None:
    text = SITE.replace("networks: [10.20.0.0/16", f'networks: ["{prefix}", 10.20.0.0/16')
    assert text != SITE
    with pytest.raises(FileProblems, match="plus large"):
        parse_site(text.encode(), "site.yaml")
