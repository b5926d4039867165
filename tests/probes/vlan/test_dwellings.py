"""vlan.dwellings-isolated, row by row: which way betrays what, and which controls a silence needs."""

from datetime import timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.api import Evidence, NotVerified
from probes.vlan.dwellings import Dwellings, DwellingsIsolated
from probes.vlan.facts import InsideFacts, Loss, ReachState, Way, WayFacts
from probes.vlan.matrix import AFTER, BEFORE, INSIDE, Cell, matrix
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure
from tests.probes.vlan.support import INTERVALS, NOON, QUIET, evidence, sender, site, told, topology, value

CHECK = DwellingsIsolated()
LIMITS = Dwellings(control_window_s=60, zones=["logements"], dwellings_per_point=2)
ROUTER_MAC, DEVICE_MAC = "02:00:00:00:30:01", "02:00:00:00:31:01"


def dwellings(**changes):
    """Gateways of four dwellings; a point in dwelling 102, one in the riser of the same VLAN."""
    base = site().model_dump(mode="json")
    base["sockets"] += [
        {"id": "S102", "zone": "logements", "vlan": 30, "switch": "sw", "port": "ge2", "dwelling": "102"}
    ]
    base["points"] = [{"id": "P102", "socket": "S102", "interface": "p102"}, *base["points"]]
    base["devices"] = [d for d in base["devices"] if d["id"] != "gw"]
    base["devices"] += [
        {
            "id": f"gw-{number}",
            "role": "gateway",
            "zone": "logements",
            "dwelling": str(number),
            "mac": DEVICE_MAC,
            "addresses": [f"10.0.30.{number}"],
            "services": [{"protocol": "https", "port": 443}],
        }
        for number in (101, 102, 103, 104)
    ]
    return topology(**({"sockets": base["sockets"], "points": base["points"], "devices": base["devices"]} | changes))


TOPOLOGY = dwellings()
SUBJECT = next(iter(CHECK.subjects(TOPOLOGY, LIMITS)))
ADDRESS = ip_address("10.0.30.101")
WAYS = {
    "all": (Way.ASKED_ALL, "arp", None, "ff:ff:ff:ff:ff:ff"),
    "one": (Way.ASKED_ONE, "arp", None, DEVICE_MAC),
    "direct": (Way.DIRECT, "icmp", None, DEVICE_MAC),
    "echo": (Way.ROUTED, "icmp", None, ROUTER_MAC),
    "443": (Way.ROUTED, "tcp", 443, ROUTER_MAC),
}
BY_DEVICE = {"answered_by": ADDRESS, "answer_mac": DEVICE_MAC, "answer_hop_limit": 64}
BY_ROUTER = {"answered_by": ADDRESS, "answer_mac": ROUTER_MAC, "answer_hop_limit": 64}
THROUGH = {"answered_by": ADDRESS, "answer_mac": ROUTER_MAC, "answer_hop_limit": 63}
REPLY, SYN_ACK, RST = {"state": "reply"}, {"state": "syn_ack"}, {"state": "rst"}
REFUSAL = {
    "state": "icmp_error",
    "answered_by": ip_address("10.0.30.1"),
    "answer_mac": ROUTER_MAC,
    "icmp_type": 3,
    "icmp_code": 13,
}
UNSENT = {"state": None, "frames_sent": 0, "frames_seen": 0}


def inside(loss=QUIET, control=None, at=10.0, gateway_mac=ROUTER_MAC, **ways) -> InsideFacts:
    """Silence by every way but those that are named."""
    found = []
    for name, (way, protocol, port, mac) in WAYS.items():
        base = {"way": way, "protocol": protocol, "port": port, "to_mac": mac, "state": ReachState.SILENCE}
        found.append(WayFacts.model_validate({**base, "frames_sent": 2, "frames_seen": 2, **ways.get(name, {})}))
    start = NOON + timedelta(seconds=at)
    return InsideFacts(
        address=ADDRESS,
        on_link=True,
        gateway_mac=gateway_mac,
        ways=tuple(found),
        window_start=start,
        window_end=start + timedelta(seconds=5),
        loss=loss,
        sender=control or sender(),
    )


def proof(facts, icmp="open", tcp="open"):
    found = []
    for request in CHECK.requests(TOPOLOGY, SUBJECT, LIMITS):
        if request.collector == INSIDE:
            found.append((request, facts))
        else:
            found.append((request, told(request, tcp if request.param("protocol") == "tcp" else icmp)))
    return evidence(TOPOLOGY, found)


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (inside(), Value.CONFORME),
        (inside(echo=REFUSAL, **{"443": REFUSAL}), Value.CONFORME),  # the router says so
        (inside(all=REPLY | BY_DEVICE), Value.NON_CONFORME),
        (inside(one=REPLY | BY_DEVICE), Value.NON_CONFORME),  # broadcasts filtered, unicast not
        (inside(direct=REPLY | BY_DEVICE), Value.NON_CONFORME),
        (inside(all=REPLY | BY_DEVICE, gateway_mac=None), Value.NON_CONFORME),
        (inside(all=REPLY | BY_ROUTER), Value.CONFORME),  # proxy ARP alone is no path
        (inside(all=REPLY | BY_ROUTER, echo=REPLY | THROUGH, **{"443": SYN_ACK | THROUGH}), Value.NON_CONFORME),
        (inside(echo=REPLY | THROUGH, **{"443": SYN_ACK | THROUGH}), Value.NON_CONFORME),  # private VLAN bypassed
        (inside(**{"443": SYN_ACK | THROUGH}), Value.PARTIEL),  # layer 3 only, filtered
        (inside(echo=REPLY | THROUGH), Value.PARTIEL),
        (inside(**{"443": RST | THROUGH}), Value.PARTIEL),  # a closed port of the device answered: the path is there
        (inside(**{"443": RST | BY_ROUTER}), Value.CONFORME),  # the router's own reset
        (inside(**{"443": RST | BY_DEVICE}), Value.PARTIEL),  # there by the router, back directly
        (inside(all=REPLY | BY_DEVICE, loss=Loss(kernel=9, forwarding=0, interruptions=0)), Value.NON_CONFORME),
    ],
)
def test_judgement(facts, found):
    assert value(CHECK, SUBJECT, proof(facts), LIMITS) is found


@pytest.mark.parametrize(
    ("facts", "controls", "words"),
    [
        (inside(loss=Loss(kernel=1, forwarding=0, interruptions=0)), {}, "capture incomplète"),
        (inside(control=sender(resolved_after=False, echo_after=False)), {}, "contrôle de l'émetteur manquant"),
        (inside(control=sender(carrier_losses=1)), {}, "lien du point perdu"),
        (inside(one={"frames_seen": 1}), {}, "jamais vues partir"),
        (inside(one=UNSENT, direct=UNSENT), {}, "trame non envoyée"),
        (inside(), {"icmp": "silence", "tcp": "silence"}, "cible muette"),
        (inside(), {"icmp": "missing", "tcp": "missing"}, "aucune observation"),
        (inside(), {"icmp": "failed", "tcp": "failed"}, "contrôle de la cible sans résultat"),
        (inside(at=-30.0), {}, "n'encadrent pas"),
        (inside(all=REPLY | {"answer_mac": "02:00:00:00:99:99"}), {}, "ni l'équipement déclaré ni le routeur"),
        (inside(all=REPLY | BY_ROUTER, gateway_mac=None), {}, "ni l'équipement déclaré ni le routeur"),
        (inside(echo=REPLY | THROUGH), {"tcp": "silence"}, "cible muette"),  # what is kept back needs its own control
        (Failure.MISSING_PRIVILEGE, {}, "essai"),
        (None, {}, "aucune observation"),
    ],
)
def test_without_its_evidence(facts, controls, words):
    with pytest.raises(NotVerified) as caught:
        CHECK.judge(SUBJECT, proof(facts, **controls), LIMITS)
    assert words in str(caught.value)


@pytest.mark.parametrize("mute", ["icmp", "tcp"])
def test_a_device_that_answers_one_of_the_two_is_alive(mute):
    assert value(CHECK, SUBJECT, proof(inside(), **{mute: "silence"}), LIMITS) is Value.CONFORME


def test_controls_too_far_apart():
    limits = LIMITS.model_copy(update={"control_window_s": 5})
    assert value(CHECK, SUBJECT, proof(inside()), limits) is Value.NON_VERIFIE


def test_an_undeclared_mac_address_is_the_remedy_that_is_named():
    devices = [d.model_copy(update={"mac": None}) for d in TOPOLOGY.site.devices]
    top = dwellings(devices=[d.model_dump(mode="json") for d in devices])
    found = Evidence(top, proof(inside(one=UNSENT, direct=UNSENT)).observations)
    with pytest.raises(NotVerified, match="adresse MAC de gw-101 non déclarée"):
        CHECK.judge(SUBJECT, found, LIMITS)


def test_without_a_declared_mac_address_whoever_is_not_the_router_is_the_device():
    silent = UNSENT | {"to_mac": None}
    found = inside(all=REPLY | {"answer_mac": "02:00:00:00:99:99"}, one=silent, direct=silent)
    assert value(CHECK, SUBJECT, proof(found), LIMITS) is Value.NON_CONFORME


def test_subjects_are_the_other_dwellings_evenly_spread():
    assert [(s.point, s.target) for s in CHECK.subjects(TOPOLOGY, LIMITS)] == [("P102", "gw-101"), ("P102", "gw-103")]
    everyone = LIMITS.model_copy(update={"dwellings_per_point": 8})
    assert [s.target for s in CHECK.subjects(TOPOLOGY, everyone)] == ["gw-101", "gw-103", "gw-104"]


def test_without_a_point_in_a_dwelling_the_question_stays_open():
    points = [p.model_dump(mode="json") for p in TOPOLOGY.site.points if p.id != "P102"]
    top = dwellings(points=points)
    subjects = list(CHECK.subjects(top, LIMITS))
    assert [s.target for s in subjects] == ["gw-101", "gw-102", "gw-103", "gw-104"]
    assert CHECK.requests(top, subjects[0], LIMITS) == []
    with pytest.raises(NotVerified, match="aucun point de mesure dans un logement"):
        CHECK.judge(subjects[0], Evidence(top, {}), LIMITS)


def test_the_control_is_made_from_outside_any_dwelling_where_it_can_be():
    """P102 stands first in the file: its silence towards other dwellings would be no control."""
    far = Cell("P20", "gw-101", ADDRESS, "icmp")
    assert matrix(TOPOLOGY).neighbour(far) == "P30"
    own = Cell("P20", "gw-102", ip_address("10.0.30.102"), "icmp")
    assert matrix(TOPOLOGY).neighbour(own) == "P102"
    near = [p.id for p in TOPOLOGY.points_reaching(TOPOLOGY.devices["gw-101"], "tcp", 443)]
    assert near[:2] == ["P30", "P102"]
    requests = CHECK.requests(TOPOLOGY, SUBJECT, LIMITS)
    assert {r.point for r in requests if r.collector != INSIDE} == {"P30"}
    assert {r.param("phase") for r in requests if r.collector != INSIDE} == {BEFORE, AFTER}
    before, during, after = (
        {r.order for r in requests if r.collector != INSIDE and r.param("phase") == BEFORE},
        {r.order for r in requests if r.collector == INSIDE},
        {r.order for r in requests if r.collector != INSIDE and r.param("phase") == AFTER},
    )
    assert max(before) < min(during) <= max(during) < min(after)


ANSWERS = st.sampled_from([{}, REPLY | BY_DEVICE, REPLY | THROUGH, REFUSAL])
TOKENS = st.sampled_from(["open", "silence", "failed"])


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(dict.fromkeys(WAYS, ANSWERS)),
    TOKENS,
    TOKENS,
    st.booleans(),
    st.data(),
)
def test_removing_observations_only_widens(ways, icmp, tcp, lossy, data):
    facts = inside(loss=Loss(kernel=int(lossy), forwarding=0, interruptions=0), **ways)
    whole = proof(facts, icmp, tcp)
    kept = data.draw(st.sets(st.sampled_from(sorted(whole.observations))))
    part = Evidence(TOPOLOGY, {key: whole.observations[key] for key in kept})
    low, high = INTERVALS[value(CHECK, SUBJECT, whole, LIMITS)]
    less_low, less_high = INTERVALS[value(CHECK, SUBJECT, part, LIMITS)]
    assert less_low <= low
    assert less_high >= high
