"""By which way an open cell is open: the sentence follows from what the point's own link said; the value never does."""

import pytest

from probes.vlan.flows import FlowsOpen
from probes.vlan.isolation import Directed, IcmpIsolated, Window
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure
from tests.probes.vlan.support import evidence, is_reach, proxied, subject, told, topology, value

CHECK, WINDOW = IcmpIsolated(), Directed(control_window_s=60)
ROUTER, TARGET, OTHER = "02:00:00:00:00:01", "02:00:00:00:20:10", "02:00:00:00:66:66"
ADDRESSES = {("sup", 4): "10.0.20.10", ("sup", 6): "fd00:20::10", ("sup2", 4): "10.0.20.11"}


def building():
    """The usual one, the supervisor's MAC address declared, and a second device of its VLAN."""
    devices = [d.model_dump(mode="json") for d in topology().site.devices]
    devices = [d | {"mac": TARGET} if d["id"] == "sup" else d for d in devices]
    more = {"id": "sup2", "role": "supervisor", "zone": "technique", "addresses": ["10.0.20.11"]}
    return topology(devices=[*devices, more])


def judged(version, stand, target="sup", **how):
    top = building()
    one = subject(CHECK, top, WINDOW, f"{target} address={ADDRESSES[target, version]}@P30")
    found = [
        (r, told(r, "open", answer_mac=ROUTER, next_hop=top.gateway(top.points["P30"], version), **how))
        if is_reach(r)
        else (r, stand)
        for r in CHECK.requests(top, one, WINDOW)
    ]
    proof = evidence(top, found)
    assert value(CHECK, one, proof, WINDOW) is Value.NON_CONFORME
    return str(CHECK.judge(one, proof, WINDOW).measured)


@pytest.mark.parametrize("version", [4, 6])
def test_a_router_that_stands_in_for_the_target_is_named(version):
    protocol, address = {4: "ARP", 6: "ND"}[version], ADDRESSES["sup", version]
    said = judged(version, proxied((address, ROUTER), version=version))
    assert f"qui répond en {protocol} au nom de {address} sur ce lien : proxy {protocol} ({ROUTER})" in said


def test_one_that_stands_in_for_another_of_the_same_vlan_is_named_with_that_one():
    assert "au nom de 10.0.20.10 sur ce lien" in judged(4, proxied(("10.0.20.10", ROUTER)), target="sup2")


def test_one_who_stands_in_for_another_vlan_explains_nothing():
    assert "(TTL 63 à l'arrivée)" in judged(4, proxied(("10.0.10.2", ROUTER), ("10.0.20.10", None)))


def test_somebody_else_than_the_router_is_told_from_it():
    said = judged(4, proxied(("10.0.20.10", OTHER)))
    assert f"{OTHER}, qui n'est pas ce routeur, répond en ARP" in said


def test_a_target_that_answers_for_itself_is_in_the_same_vlan_and_no_proxy():
    said = judged(4, proxied(("10.0.20.10", TARGET)))
    assert "10.0.20.10 répond aussi lui-même en ARP sur ce lien" in said
    assert "proxy" not in said


def test_an_answer_that_crossed_no_router_is_of_the_same_vlan_whoever_else_answers():
    said = judged(4, proxied(("10.0.20.10", ROUTER)), answer_hop_limit=64, next_hop_mac=OTHER)
    assert said.endswith(f"sans routeur : {ROUTER} est dans le même VLAN")


@pytest.mark.parametrize("stand", [None, Failure.TIMEOUT, proxied(), proxied(("10.0.20.10", None))])
def test_without_an_answer_or_without_the_question_the_router_alone_is_named(stand):
    assert judged(4, stand).endswith("par 10.0.30.1 (TTL 63 à l'arrivée)")


def test_a_declared_flow_says_by_which_way_it_works():
    check, top, parameters = FlowsOpen(), building(), Window(control_window_s=60)
    one = subject(check, top, parameters, "gw address=10.0.30.101 flow=tcp/443@P20")
    found = [
        (r, told(r, "open") if is_reach(r) else proxied(("10.0.30.101", ROUTER)))
        for r in check.requests(top, one, parameters)
    ]
    proof = evidence(top, found)
    judgement = check.judge(one, proof, parameters)
    assert judgement.value is Value.CONFORME
    assert "proxy ARP" in str(judgement.measured)


def test_the_question_is_the_one_that_the_proxy_check_asks():
    top = building()
    asked = {r.key for s in CHECK.subjects(top, WINDOW) for r in CHECK.requests(top, s, WINDOW) if not is_reach(r)}
    assert asked == {f"vlan.proxy@P{v}>S{v}?version={ip}" for v in (10, 20, 30) for ip in (4, 6)} - {
        "vlan.proxy@P10>S10?version=6",
        "vlan.proxy@P20>S20?version=6",
    }
