"""joined.vlans-dedicated: a network of its own, a VLAN without a filter, one link for two; nothing without all readings."""

from datetime import timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.joined.dedicated import Dedicated, VlansDedicated
from probes.vlan.facts import GatewayAnswer, Loss, OwnAddress, PointFacts
from probes.vlan.heard_facts import HeardFacts, Sender
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure
from tests.probes.vlan.support import INTERVALS, NOON, QUIET, evidence, is_reach, proxied, told, topology, value

CHECK = VlansDedicated()
WINDOWS = Dedicated(control_window_s=60, least_s=1, most_s=3, listen_s=8, unfiltered="P")
ROUTER, TARGET, OTHER = "02:00:00:00:00:01", "02:00:00:00:20:10", "02:00:00:00:66:66"
C, P, N, U = Value.CONFORME, Value.PARTIEL, Value.NON_CONFORME, Value.NON_VERIFIE
LOST = Loss(kernel=1, forwarding=0, interruptions=0)
SUP = "10.0.20.10"


def building(**changes):
    devices = [d.model_dump(mode="json") for d in topology().site.devices]
    return topology(devices=[d | ({"mac": TARGET} if d["id"] == "sup" else {}) for d in devices], **changes)


def point(name, **changes):
    vid = name[1:]
    base = {
        "interface": name.lower(),
        "up": True,
        "carrier": True,
        "speed_mbps": 1000,
        "duplex": "full",
        "mtu": 1500,
        "mac": f"02:00:00:00:{vid}:50",
        "addresses": (OwnAddress(address=ip_address(f"10.0.{vid}.50"), prefix_length=24),),
        "gateways": tuple(
            GatewayAnswer(address=ip_address(text), asked=True, mac=ROUTER, echo=True)
            for text in (f"10.0.{vid}.1", f"fd00:{vid}::1")
        ),
        "loss": QUIET,
    }
    return PointFacts(**base | changes)


def heard(*senders, **changes):
    base = {
        "window_start": NOON,
        "window_end": NOON + timedelta(seconds=20),
        "seconds": 20.0,
        "frames": 40,
        "control": (),
        "bpdus": (),
        "tagged": (),
        "senders": tuple(Sender(address=ip_address(a), mac=mac, via="arp", count=1) for a, mac in senders),
        "unlisted_bpdus": 0,
        "unlisted_senders": 0,
        "unlisted": 0,
        "unreadable": 0,
        "loss": QUIET,
        "carrier_losses": 0,
    }
    return HeardFacts(**base | changes)


NOBODY = {4: proxied((SUP, None)), 6: proxied(("fd00:20::10", None), version=6)}
BESIDE = {"next_hop": "10.0.30.1", "answer_mac": TARGET, "answer_hop_limit": 64}


def reach(request, token):
    """Facts by a short name; *beside*: answered without a router."""
    version = 6 if ":" in request.param("address") else 4
    hop = {"next_hop": "10.0.30.1" if version == 4 else "fd00:30::1"}
    if token == "beside":
        return told(request, "open", **BESIDE | hop)
    return told(request, token, **(hop if request.param("phase") == "attempt" else {}))


def told_of(attempts=None, controls=None, default="silence"):
    """Attempts and controls by address and port, else silence and an answer."""

    def tell(request):
        special = attempts if request.param("phase") == "attempt" else controls
        usual = default if request.param("phase") == "attempt" else "open"
        return (special or {}).get((request.target, request.param("port")), usual)

    return tell


SILENT = told_of()


def found(top, one, reaching=SILENT, stands=NOBODY, at_point=None, listening=None):
    for request in CHECK.requests(top, one, WINDOWS):
        if is_reach(request):
            yield request, reach(request, reaching(request))
        elif request.collector == "vlan.proxy":
            yield request, stands[int(request.param("version"))]
        elif request.collector == "vlan.heard":
            yield request, heard() if listening is None else listening
        else:
            yield request, point(request.point) if at_point is None else at_point


def the(top, vlan=30):
    return next(s for s in CHECK.subjects(top, WINDOWS) if s.get("vlan") == str(vlan))


def judged(top=None, vlan=30, parameters=WINDOWS, **how):
    top = top or building()
    one = the(top, vlan)
    proof = evidence(top, list(found(top, one, **how)))
    answer = value(CHECK, one, proof, parameters)
    return answer, str(CHECK.judge(one, proof, parameters).measured) if answer is not U else ""


def test_one_subject_per_vlan_and_nothing_more_is_asked_than_others_ask():
    top = building()
    assert [s.key for s in CHECK.subjects(top, WINDOWS)] == [f"essai vlan={vlan}" for vlan in (10, 20, 30)]
    asked = {r.collector for s in CHECK.subjects(top, WINDOWS) for r in CHECK.requests(top, s, WINDOWS)}
    assert asked == {"vlan.reach", "vlan.proxy", "vlan.heard", "vlan.point"}


@pytest.mark.parametrize(
    ("how", "expected", "said"),
    [
        ({}, C, "séparé et filtré : rien d'un autre VLAN à S30"),
        ({"reaching": told_of(default="prohibited")}, C, "séparé et filtré"),
        ({"reaching": told_of({("sup", 443): "open"})}, P, "sup 10.0.20.10 (TCP 443), sup fd00:20::10 (TCP 443)"),
        ({"reaching": told_of(default="open")}, P, "séparé, mais"),
        ({"reaching": told_of({("sup", 443): "rst"}, {("sup", 443): "rst"})}, P, "séparé, mais"),
        # An unknown cell does not hide an open one, and alone it leaves the filter open.
        ({"reaching": told_of({("sup", 443): "open"}, {("sup", 8443): "silence"})}, P, "séparé, mais"),
        ({"reaching": told_of(controls={("sup", 8443): "silence"})}, U, ""),
        # Not asked: a neighbour might have answered.
        ({"reaching": told_of({("sup", 443): "open", ("sup", 8443): "missing"})}, U, ""),
        ({"reaching": told_of({("sup", 443): "open", ("sup", 8443): "failed"})}, U, ""),
        ({"reaching": told_of({("sup", 443): "unresolved"})}, U, ""),
        # The same link: the device answers here without a router, and at home too.
        ({"reaching": told_of({("sup", 443): "beside"})}, N, "sup 10.0.20.10 (S30)"),
        ({"stands": NOBODY | {4: proxied((SUP, TARGET))}}, N, "sur deux liens à la fois, sans routeur : sup"),
        ({"listening": heard((SUP, TARGET))}, N, "sup 10.0.20.10 (S30)"),
        ({"stands": NOBODY | {4: proxied((SUP, TARGET))}, "listening": Failure.TIMEOUT}, N, ""),
        # Here, but not at home: it may be plugged into the wrong port.
        (
            {
                "listening": heard((SUP, TARGET)),
                "reaching": told_of(controls={("sup", p): "silence" for p in (0, 443, 8443)}),
            },
            U,
            "",
        ),
        # Nobody knows who that is.
        ({"listening": heard((SUP, OTHER))}, U, ""),
        ({"listening": heard(("10.0.20.77", OTHER))}, U, ""),
        ({"stands": NOBODY | {4: proxied((SUP, OTHER))}}, U, ""),
        # The router stands in for it, or speaks with another of its addresses: no link.
        ({"stands": NOBODY | {4: proxied((SUP, ROUTER))}}, C, "séparé et filtré"),
        ({"listening": heard(("10.0.20.1", ROUTER))}, C, "séparé et filtré"),
        # Its own stations, those of no declared VLAN, and link-local ones.
        ({"listening": heard(("10.0.30.7", OTHER), ("192.168.1.1", OTHER), ("fe80::1", OTHER))}, C, "séparé et filtré"),
        # Silence that proves nothing.
        ({"listening": heard(loss=LOST)}, U, ""),
        ({"listening": heard(carrier_losses=1)}, U, ""),
        ({"listening": heard(seconds=7.0)}, U, ""),
        ({"listening": heard(frames=0)}, U, ""),
        ({"listening": heard(unlisted_senders=1)}, U, ""),
        ({"listening": Failure.TIMEOUT}, U, ""),
        ({"stands": NOBODY | {6: None}}, U, ""),
        ({"stands": NOBODY | {4: Failure.TIMEOUT}}, U, ""),
        # No subnet of its own was found at its socket.
        ({"at_point": point("P30", carrier=False)}, U, ""),
        ({"at_point": point("P30", addresses=())}, U, ""),
        ({"at_point": Failure.MISSING_INTERFACE}, U, ""),
    ],
)
def test_judgement(how, expected, said):
    answer, measured = judged(**how)
    assert answer is expected
    assert said in measured


def test_an_open_cell_is_of_both_vlans():
    reaching = told_of({("sup", 443): "open"})
    assert [judged(vlan=vlan, reaching=reaching)[0] for vlan in (10, 20, 30)] == [P, P, P]
    reaching = told_of({("gw", 443): "open"})
    assert [judged(vlan=vlan, reaching=reaching)[0] for vlan in (10, 20, 30)] == [P, C, P]  # technique may reach it


def test_the_profile_says_what_a_missing_filter_is_worth():
    strict = WINDOWS.model_copy(update={"unfiltered": "N"})
    assert judged(reaching=told_of(default="open"), parameters=strict)[0] is N


def test_a_vlan_without_point_subnet_or_cell_is_not_known():
    assert judged(building(points=[{"id": "P10", "socket": "S10", "interface": "p10"}]))[0] is U
    flat = [v.model_dump(mode="json") | {"subnets": []} for v in topology().site.vlans]
    assert judged(topology(vlans=flat))[0] is U
    assert judged(topology(devices=[]), stands={4: None, 6: None})[0] is U


def test_a_trunk_is_no_socket_to_listen_at():
    trunk = [{"id": f"P{v}", "socket": f"S{v}", "interface": f"p{v}", "kind": "trunk", "vlan": v} for v in (10, 20, 30)]
    top = building(points=trunk)
    assert "vlan.heard" not in {r.collector for r in CHECK.requests(top, the(top), WINDOWS)}
    assert judged(top)[0] is C


TOKENS = st.sampled_from(["silence", "silence", "silence", "open", "beside", "missing", "rst", "unresolved"])


@st.composite
def cases(draw):
    top = building()
    tokens = {}

    def tell(request):
        if request.param("phase") != "attempt" and draw(st.booleans()):
            return "open"
        return tokens.setdefault(request.key, draw(TOKENS) if draw(st.integers(0, 5)) == 0 else "silence")

    how = {
        "stands": NOBODY | {4: proxied((SUP, draw(st.sampled_from([None, None, TARGET, OTHER, ROUTER]))))},
        "listening": draw(st.sampled_from([None, None, heard((SUP, TARGET)), heard((SUP, OTHER)), Failure.TIMEOUT])),
        "reaching": draw(st.sampled_from([told_of(), told_of({("sup", 443): "open"}), tell])),
    }
    answers = list(found(top, the(top), **how))
    return top, answers, draw(st.lists(st.integers(0, 9), min_size=len(answers), max_size=len(answers)))


@settings(max_examples=200, deadline=None)
@given(cases())
def test_losing_evidence_never_narrows(case):
    top, answers, kept = case
    one = the(top)
    whole = INTERVALS[value(CHECK, one, evidence(top, answers), WINDOWS)]
    part = [answer for answer, number in zip(answers, kept, strict=True) if number]
    less = INTERVALS[value(CHECK, one, evidence(top, part), WINDOWS)]
    assert less[0] <= whole[0] <= whole[1] <= less[1]


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"reaching": told_of({("sup", 443): "open"})},
        {"reaching": told_of({("sup", 443): "beside"})},
        {"stands": NOBODY | {4: proxied((SUP, TARGET))}},
        {"listening": heard((SUP, TARGET))},
    ],
)
def test_without_any_one_observation_it_is_no_better_known(how):
    top = building()
    one = the(top)
    answers = list(found(top, one, **how))
    whole = INTERVALS[value(CHECK, one, evidence(top, answers), WINDOWS)]
    for request, _ in answers:
        less = INTERVALS[value(CHECK, one, evidence(top, [a for a in answers if a[0].key != request.key]), WINDOWS)]
        assert less[0] <= whole[0] <= whole[1] <= less[1]
