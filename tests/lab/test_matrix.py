"""The sane building lets through what is declared, in both families, and nothing else."""

from __future__ import annotations

import pytest

from r2s_audit.lab import Building

pytestmark = pytest.mark.building

GATEWAYS = ("gw-101", "gw-102", "gw-201", "gw-202")
TARGETS = ("routeur", "sw-coeur", "sw-acces", "supervision", *GATEWAYS, "operateur")
# By hand, apart from the description: from each socket, what answers HTTPS and what answers an echo.
HTTPS = {
    "prise-adm": {"sw-coeur", "sw-acces", "supervision", *GATEWAYS},
    "prise-tech": {"supervision", *GATEWAYS, "operateur"},
    "pc-rdc": {"supervision", *GATEWAYS, "operateur"},
    "pc-r1": {"supervision", *GATEWAYS, "operateur"},
    "prise-log": {*GATEWAYS, "operateur"},
    "prise-vis": {"operateur"},
    "prise-video": set(),
    "prise-202": {
        "operateur"
    },  # a dwelling's own socket: no other dwelling, and its own gateway through the switch neither
}
ECHO = {
    "prise-adm": {"routeur", "sw-coeur", "sw-acces", "supervision", *GATEWAYS},
    "prise-tech": {"supervision", "operateur"},
    "pc-rdc": {"supervision", "operateur"},
    "pc-r1": {"supervision", "operateur"},
    "prise-log": {*GATEWAYS, "operateur"},
    "prise-vis": {"operateur"},
    "prise-video": set(),
    "prise-202": {"operateur"},
}
VLANS = {"adm": "prise-adm", "tech": "prise-tech", "log": "prise-log", "vis": "prise-vis", "video": "prise-video"}


def test_the_sockets_reach_what_is_declared_and_nothing_else(building: Building, reach) -> None:
    questions = {
        (socket, address, what): (what, target)
        for socket in HTTPS
        for target in TARGETS
        for address in building.address(target)
        for what in ("icmp", "443")
    }
    outcomes = reach("auditeur", list(questions))
    wrong = []
    for question, outcome in outcomes.items():
        what, target = questions[question]
        allowed = target in (ECHO if what == "icmp" else HTTPS)[question[0]]
        if outcome != ("open" if allowed else "silent"):
            wrong.append((question, target, outcome, "allowed" if allowed else "denied"))
    assert not wrong


@pytest.mark.parametrize("vlan", VLANS)
def test_a_gateway_answers_in_its_own_vlan_alone(building: Building, reach, vlan: str) -> None:
    socket, own = VLANS[vlan], building.address("routeur", vlan)
    others = [a for other in (*VLANS, "wan") if other != vlan for a in building.address("routeur", other)]
    outcomes = reach("auditeur", [(socket, address, "icmp") for address in (*own, *others)])
    assert [outcomes[socket, address, "icmp"] for address in own] == ["open", "open"]
    assert {outcomes[socket, address, "icmp"] for address in others} == {"silent"}


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_the_dwellings_do_not_reach_each_other(building: Building, reach, gateway: str) -> None:
    others = [a for other in GATEWAYS if other != gateway for a in building.address(other)]
    router = building.address("routeur", "log")
    questions = [("eth0", address, what) for address in others for what in ("icmp", "443")]
    outcomes = reach(gateway, [*questions, *(("eth0", address, "icmp") for address in router)])
    assert {outcomes["eth0", address, "icmp"] for address in router} == {"open"}
    # No frame passes, so a neighbour is not even found: silence, or the kernel's own "no route to host".
    assert {outcomes[question] for question in questions} <= {"silent", "EHOSTUNREACH"}


def test_nothing_comes_in_from_the_internet(building: Building, reach) -> None:
    names = ("routeur", "sw-coeur", "supervision", *GATEWAYS)
    targets = [a for name in names for a in building.address(name)] + [*building.address("routeur", "wan")]
    outcomes = reach("operateur", [("batiment", a, what) for a in targets for what in ("icmp", "443")])
    assert set(outcomes.values()) <= {"silent", "ENETUNREACH"}


def test_nothing_comes_up_from_the_dwellings(building: Building, reach) -> None:
    targets = [a for name in ("sw-coeur", "sw-acces", "supervision") for a in building.address(name)]
    outcomes = reach("gw-101", [("eth0", a, what) for a in targets for what in ("icmp", "443", "22")])
    assert set(outcomes.values()) == {"silent"}


def test_the_supervisor_reaches_the_gateways_alone(building: Building, reach) -> None:
    gateways = [a for name in GATEWAYS for a in building.address(name)]
    administration = [a for name in ("sw-coeur", "sw-acces", "routeur") for a in building.address(name)]
    outcomes = reach("supervision", [("eth0", a, "443") for a in (*gateways, *administration)])
    assert {outcomes["eth0", a, "443"] for a in gateways} == {"open"}
    assert {outcomes["eth0", a, "443"] for a in administration} == {"silent"}


def test_a_closed_port_of_the_same_vlan_is_refused(building: Building, reach) -> None:
    """Otherwise silence elsewhere could not be told from a dead machine."""
    assert set(reach("auditeur", [("prise-adm", a, "23") for a in building.address("sw-acces")]).values()) == {
        "refused"
    }


def test_the_switch_does_not_answer_on_its_ports(building: Building, inside) -> None:
    """The kernel of a switch hears every port; an ARP for its address from another VLAN has to stay without answer."""
    address, _ = building.address("sw-acces")
    result = inside("auditeur", "arping", "-c", "2", "-w", "1", "-I", "prise-tech", "-S", "10.66.20.50", address)
    if result.returncode == 127:
        result = inside("auditeur", "ping", "-c", "1", "-W", "1", "-I", "prise-tech", address)
    assert result.returncode != 0
