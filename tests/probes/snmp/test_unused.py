"""Ports without a declared use, as a table: which count, where the share lies, and what is not known."""

import pytest
from pydantic import ValidationError

from probes.api import NotVerified
from probes.snmp.checks_unused import UnusedParameters
from probes.snmp.facts import BridgeFacts, BridgePort, CiscoPort, Interface, SystemFacts
from r2s_audit.model.observation import Failure
from tests.probes.snmp.test_checks import BY_ID as CHECKS
from tests.probes.snmp.test_checks import SOCKETS, USED, T, gap, judge_ports, parameters

NAME = "snmp.unused-ports"
UP, DOWN, TESTING = 1, 2, 3


def building(site, other=("mgmt",), attached=("tr1",)):
    """Two sockets (ge1, Ethernet 2), a link (tr1), and the management port of the switch itself."""
    made = site(sockets=SOCKETS)
    document = made.site.model_dump(mode="json")
    document["devices"][0]["other_ports"] = None if other is None else list(other)
    router = {"id": "rt", "role": "router", "zone": "adm", "addresses": ["127.0.0.9"]}
    document["devices"].append(
        router | {"attached_to": [{"switch": "sw-coeur", "port": p, "link": True} for p in attached]}
    )
    return type(made)(type(made.site).model_validate(document))


def port(name, admin=UP, *, kind=6, connector=True, descr=None):
    return name, {"type": kind, "admin": admin, "connector_present": connector, "descr": T(descr) if descr else None}


IN_USE = [port("ge1"), port("ge2", descr="Ethernet 2"), port("tr1"), port("mgmt")]


def switch(*more, bridge=None, gaps=(), cisco=False):
    """Interfaces by ifIndex from 101; all but those not named in ``bridge``, where it is given, are the bridge's."""
    rows = [*IN_USE, *more]
    interfaces = tuple(
        Interface(index=101 + n, name=T(name) if name else None, **fields) for n, (name, fields) in enumerate(rows)
    )
    members = [i for i in interfaces if bridge is None or (i.name and i.name.text in bridge)]
    ports = {"ports": tuple(BridgePort(port=n, if_index=i.index) for n, i in enumerate(members, 1))}
    if cisco:
        ports = {"cisco_ports": tuple(CiscoPort(if_index=i.index, access_vlan=10) for i in members)}
    system = SystemFacts(used=USED, interfaces=interfaces, gaps=gaps)
    return {"snmp.bridge": BridgeFacts(used=USED, **ports), "snmp.system": system}


def free(down, opened=0):
    return [port(f"ge{n}", DOWN) for n in range(10, 10 + down)] + [port(f"ge{n}") for n in range(300, 300 + opened)]


ROWS = [
    (switch(*free(5)), "C", "ports sans usage déclaré, tous désactivés : 5"),
    (switch(*free(19, 1)), "C", "ports sans usage déclaré : 20, dont ouverts : 1 (ge300)"),  # 95 %, exactly
    (switch(*free(18, 1)), "P", "19, dont ouverts : 1 "),
    (switch(*free(7, 3)), "P", "10, dont ouverts : 3 (ge300, ge301, ge302)"),  # 70 %, exactly
    (switch(*free(69, 30)), "N", "99, dont ouverts : 30 (ge300, "),
    (switch(*free(0, 1)), "N", "1, dont ouverts : 1"),
    (switch(port("ge9", TESTING)), "N", "1, dont ouverts : 1 (ge9)"),  # not down
    (switch(port("", DOWN)), "C", "désactivés : 1"),
    (switch(port("", UP)), "N", "ifIndex 105"),
    (switch(port("ge9", UP, kind=117)), "N", "ge9"),  # as old agents call a gigabit port
    (switch(port("ge9", UP, connector=None)), "N", "ge9"),  # an agent without ifConnectorPresent
    (switch(*free(2), port("vlan10", UP, kind=136, connector=False)), "C", "désactivés : 2"),
    (switch(*free(2), port("lo", UP, kind=24)), "C", "désactivés : 2"),
    (switch(*free(2), port("vEth0", UP, connector=False)), "C", "désactivés : 2"),
    (switch(*free(5), cisco=True), "C", "désactivés : 5"),
    # Disabled interfaces that are no ports of the bridge do not make up for open ones.
    (switch(*free(3, 3), bridge=("ge1", "ge10")), "N", "4, dont ouverts : 3"),
    (switch(), "sans_objet", "tous les ports Ethernet de sw-coeur ont un usage déclaré"),
]


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_table(site, row):
    facts, value, words = row
    found = judge_ports(NAME, building(site), facts)
    assert found.value == value
    assert words in str(found.measured)
    assert found.proof is (value == "sans_objet")


UNKNOWN = {
    "the file does not say": (None, switch(*free(5)), "other_ports"),
    "it does not say, and all are open": (None, switch(*free(0, 5)), "other_ports"),
    "a declared port is not there": (("mgmt", "ge99"), switch(*free(5)), "ports ge99 introuvables sur sw-coeur"),
    "its names are others": ((), switch(*free(5), gaps=(gap("ifTable"),)), "table ifTable non lue"),
    "the extensions were not read": (("mgmt",), switch(*free(5), gaps=(gap("ifXTable"),)), "table ifXTable non lue"),
    "a port does not say its state": (("mgmt",), switch(port("ge9", None)), "état du port ge9"),
    "none of the disabled is the bridge's": (("mgmt",), switch(*free(5), bridge=("ge1",)), "5 autres interfaces"),
    "too few of the disabled are": (("mgmt",), switch(*free(19, 1), bridge=("ge10", "ge11")), "17 autres interfaces"),
    "no port is known to be the bridge's": (("mgmt",), switch(*free(5), bridge=()), "5 autres interfaces"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_is_not_verified(site, name):
    other, facts, words = UNKNOWN[name]
    with pytest.raises(NotVerified, match=words):
        judge_ports(NAME, building(site, other), facts)


@pytest.mark.parametrize("lost", ["snmp.bridge", "snmp.system"])
def test_what_was_not_observed_is_not_verified(site, lost):
    with pytest.raises(NotVerified):
        judge_ports(NAME, building(site), switch(*free(5)) | {lost: Failure.TIMEOUT})


def test_a_switch_that_the_declaration_gives_no_use_at_all(site):
    """Every port counts: the management port too, which is then open without a use."""
    made = building(site, other=(), attached=())
    document = made.site.model_dump(mode="json")
    found = judge_ports(NAME, type(made)(type(made.site).model_validate(document)), switch(*free(9)))
    assert found.value == "P"
    assert "tr1, mgmt" in str(found.measured)


def test_without_an_access_nothing_is_asked(site):
    made = site(snmp={})
    (subject,) = CHECKS[NAME].subjects(made, parameters(NAME))
    assert CHECKS[NAME].requests(made, subject, parameters(NAME)) == ()


def test_thresholds_are_in_order():
    UnusedParameters(atteint="0.7", partiel="0.7")
    with pytest.raises(ValidationError, match="partiel is above atteint"):
        UnusedParameters(atteint="0.7", partiel="0.95")
