"""vlan.egress: the declared way out, another one, and all that leaves it unknown."""

from datetime import timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.api import Evidence
from probes.vlan.egress import LeavesAsDeclared
from probes.vlan.egress_facts import EgressFacts, HopFacts
from probes.vlan.isolation import Window
from probes.vlan.matrix import EGRESS
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure
from tests.probes.vlan.support import INTERVALS, NOON, QUIET, evidence, sender, site, told, topology, value

CHECK, WINDOW = LeavesAsDeclared(), Window(control_window_s=60)
C, P, N, U = Value.CONFORME, Value.PARTIEL, Value.NON_CONFORME, Value.NON_VERIFIE
GATEWAY, END, OPERATOR, BOX, FIREWALL = "10.0.30.1", "203.0.113.9", "198.51.100.1", "192.168.1.1", "172.16.0.2"
MAC = "02:00:00:00:30:01"
WAY = {"kind": "dedicated", "endpoint": "end", "operator": ["198.51.100.0/24", "2001:db8:1::/48"]}
DEVICES = [device.model_dump(mode="json") for device in site().devices]


def declared(way=WAY, protocol="icmp", **changes):
    """The small site with a zone outside, an end in it, and a flow to it from the dwellings."""
    ports = {} if protocol == "icmp" else {"ports": [443 if protocol == "tcp" else 123]}
    base = site().model_dump(mode="json")
    services = [{"protocol": "https", "port": 443}, {"protocol": "ntp", "port": 123, "transport": "udp"}]
    end = {"id": "end", "role": "other", "zone": "ext", "addresses": [END, "2001:db8::9"], "services": services}
    outside = {
        "zones": [*base["zones"], {"id": "ext", "kind": "wan"}],
        "devices": [*DEVICES, end],
        "flows": [*base["flows"], {"source": "logements", "destination": "ext", "protocol": protocol, **ports}],
        "egress": [way] if way else [],
    }
    return topology(**(outside | changes))


def hop(limit, who, **changes):
    """Where so many hops led: a router, the end, or nobody."""
    base = {"hop_limit": limit, "frames_sent": 1, "frames_seen": 1, "mac": MAC, "address": who, "answer_hop_limit": 63}
    if who is None:
        base |= {"state": "silence", "mac": None, "answer_hop_limit": None, "frames_sent": 2, "frames_seen": 2}
    elif who in {END, "2001:db8::9"}:
        base |= {"state": "reply"}
    else:
        version = ip_address(who).version
        base |= {"state": "icmp_error", "icmp_type": {4: 11, 6: 3}[version], "icmp_code": 0}
    return HopFacts.model_validate(base | changes)


def followed(*way, end=END, **changes):
    """Facts of a way: who answered with one hop to live, with two and so on."""
    hops = [who if isinstance(who, HopFacts) else hop(n, who) for n, who in enumerate(way, start=1)]
    last = end if end is None or isinstance(end, HopFacts) else hop(64, end)
    base = {
        "address": END,
        "protocol": "icmp",
        "port": None,
        "next_hop": GATEWAY,
        "next_hop_mac": MAC,
        "hops": hops,
        "end": last or hop(64, None),
        "foreign": 0,
        "window_start": NOON,
        "window_end": NOON + timedelta(seconds=2),
        "loss": QUIET,
        "sender": sender(),
    }
    return EgressFacts.model_validate(base | changes)


def subject(top, address=END):
    return next(s for s in CHECK.subjects(top, WINDOW) if dict(s.detail).get("address") == address)


def question(top, address=END):
    return next(r for r in CHECK.requests(top, subject(top, address), WINDOW) if r.collector == EGRESS)


def judged(top, found, address=END, more=()):
    return value(CHECK, subject(top, address), evidence(top, [(question(top, address), found), *more]), WINDOW)


HOPS = WAY | {"hops": [{"addresses": [FIREWALL, "fd00:ffff::2"]}]}
REFUSED = hop(2, "10.0.30.1", icmp_type=3, icmp_code=13)
LOSS = QUIET.model_copy(update={"kernel": 1})


@pytest.mark.parametrize(
    ("way", "found", "expected"),
    [
        # as declared
        (WAY, followed(GATEWAY, END), C),
        (WAY, followed(GATEWAY, OPERATOR, END), C),
        (WAY, followed(GATEWAY, OPERATOR, None, "10.9.9.9", END), C),  # behind the operator's first: its own affair
        (WAY, followed(GATEWAY, OPERATOR, None, None, None, None, None, None), C),  # the end answers with hops enough
        (WAY, followed("10.0.20.1", END), C),  # the same router by another address of its own
        (HOPS, followed(GATEWAY, FIREWALL, END), C),
        (HOPS, followed(GATEWAY, FIREWALL, OPERATOR, END), C),
        # another way
        (WAY, followed("10.0.30.254", END), N),
        (WAY, followed(GATEWAY, BOX, END), N),
        (WAY, followed(GATEWAY, BOX, OPERATOR, END), N),
        (WAY, followed(GATEWAY, "192.0.2.1", END), N),  # public, and of nobody we know
        (WAY, followed(GATEWAY, "10.0.30.101", END), N),
        (WAY, followed(GATEWAY, BOX, end=None), N),  # what is seen is seen, whatever else is not
        (WAY, followed(GATEWAY, BOX, loss=LOSS), N),
        (WAY, followed(END), N),  # with one hop to live: somebody answers in its name
        (WAY, followed(OPERATOR, END), N),
        (HOPS, followed(GATEWAY, OPERATOR, END), N),  # the firewall is passed by
        (HOPS, followed(GATEWAY, END), N),
        (HOPS, followed(None, OPERATOR, END), N),  # one router before the operator, whoever it is, and two declared
        (HOPS, followed(FIREWALL, GATEWAY, END), N),  # in another order
        # not known
        (WAY, followed(None, END), U),
        (WAY, followed(GATEWAY, None, END), U),
        (WAY, followed(None, BOX, END), U),  # may be the operator's own by then
        (WAY, followed(None, "10.0.30.101", END), U),  # likewise: operators use private addresses as they please
        (WAY, followed(GATEWAY, None, OPERATOR, END), U),
        (HOPS, followed(GATEWAY, None, END), U),
        (HOPS, followed(GATEWAY, None, OPERATOR, END), U),
        (WAY, followed(GATEWAY, REFUSED, end=None), U),
        (WAY, followed(GATEWAY, OPERATOR, end=None), U),  # cut off behind it
        (WAY, followed(GATEWAY, end=None), U),
        (HOPS, followed(GATEWAY, FIREWALL), U),
        (WAY, followed(GATEWAY, hop(2, END, state="icmp_error", icmp_type=11, icmp_code=0), hop(3, END)), U),
        (WAY, followed(GATEWAY, hop(2, END, state="rst"), end=hop(64, END, state="rst")), U),
        (WAY, followed(next_hop_mac=None, end=None), U),
        (WAY, followed(GATEWAY, END, loss=LOSS), U),
        (WAY, followed(GATEWAY, END, sender=sender(carrier_losses=1)), U),
        (WAY, followed(GATEWAY, END, sender=sender(resolved_after=False, echo_after=False)), U),
        (WAY, followed(hop(1, GATEWAY, frames_seen=0), END), U),
        (WAY, followed(GATEWAY, hop(2, END, mac="02:00:00:00:00:66")), U),  # a second router on the link
        (WAY, followed(next_hop_mac="02:00:00:00:00:66"), U),
        (WAY, Failure.OUT_OF_SCOPE, U),
        (WAY, None, U),
    ],
)
def test_judgement(way, found, expected):
    assert judged(declared(way), found) is expected


@pytest.mark.parametrize("mac", ["00:00:5e:00:01:0a", "00:00:0c:9f:f0:01"])
def test_the_members_of_a_group_of_routers_answer_by_addresses_of_their_own(mac):
    assert judged(declared(), followed(GATEWAY, END, next_hop_mac=mac)) is C


@pytest.mark.parametrize(("mac", "expected"), [(MAC, C), ("02:00:00:00:00:66", N)])
def test_over_ipv6_a_gateway_may_speak_by_an_address_of_its_link(mac, expected):
    found = followed(
        hop(1, "fe80::1", mac=mac),
        "2001:db8:1::1",
        "2001:db8::9",
        end="2001:db8::9",
        address="2001:db8::9",
        next_hop="fd00:30::1",
        sender=sender(6),
    )
    assert judged(declared(), found, "2001:db8::9") is expected


def test_a_hop_of_the_other_ip_version_is_not_on_the_way():
    only_ipv4 = WAY | {"hops": [{"addresses": [FIREWALL]}]}
    found = followed(
        "fd00:30::1",
        "2001:db8::9",
        end="2001:db8::9",
        address="2001:db8::9",
        next_hop="fd00:30::1",
        sender=sender(6),
    )
    assert judged(declared(only_ipv4), found, "2001:db8::9") is C
    assert judged(declared(HOPS), found, "2001:db8::9") is N


@pytest.mark.parametrize(("protocol", "asked"), [("icmp", 0), ("tcp", 443), ("udp", 123)])
def test_what_a_flow_allows_is_asked(protocol, asked):
    request = question(declared(protocol=protocol))
    assert (request.param("protocol"), request.param("port"), request.target) == (protocol, asked, "end")


def test_only_points_that_may_go_out_and_only_the_declared_end():
    subjects = list(CHECK.subjects(declared(), WINDOW))
    assert [(s.point, s.target, s.get("address")) for s in subjects] == [
        ("P30", "end", END),
        ("P30", "end", "2001:db8::9"),
    ]
    assert list(CHECK.subjects(topology(), WINDOW)) == []


def test_what_is_not_declared_is_not_verified_and_says_so():
    for top in (
        declared(way=None),
        declared(WAY | {"zones": ["technique"]}),  # nothing about the dwellings
        declared(flows=[{"source": "logements", "destination": "ext", "protocol": "tcp", "ports": [8080]}]),
    ):
        subjects = list(CHECK.subjects(top, WINDOW))
        assert {s.point for s in subjects} == {"P30"}
        for each in subjects:
            assert list(CHECK.requests(top, each, WINDOW)) == []
            assert value(CHECK, each, evidence(top, []), WINDOW) is U


def test_a_zone_leaves_by_the_way_that_names_it_else_by_that_of_the_rest():
    named = HOPS | {"zones": ["logements"]}
    for ways in ([WAY, named], [named, WAY]):
        top = declared(egress=ways)
        assert judged(top, followed(GATEWAY, FIREWALL, END)) is C
        assert judged(top, followed(GATEWAY, END)) is N
        assert top.egress_of("technique").hops == []


SHARED = WAY | {"kind": "shared", "shared_with": ["technique"]}
SHARING = declared(SHARED)


def cells(top):
    return [r for r in CHECK.requests(top, subject(top), WINDOW) if r.collector != EGRESS]


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ({"before": "open", "attempt": "silence", "after": "open"}, P),
        ({"before": "open", "attempt": "prohibited", "after": "open"}, P),
        ({"before": "open", "attempt": "open", "after": "open"}, N),
        ({"before": "missing", "attempt": "open", "after": "missing"}, N),
        ({"before": "silence", "attempt": "silence", "after": "silence"}, U),
        ({"before": "open", "attempt": "silence", "after": "missing"}, U),
    ],
)
def test_a_shared_way_is_partial_where_those_who_share_it_are_kept_apart(tokens, expected):
    more = [(r, told(r, tokens[r.param("phase")])) for r in cells(SHARING)]
    assert more
    assert judged(SHARING, followed(GATEWAY, END), more=more) is expected
    assert judged(SHARING, followed(GATEWAY, BOX), more=more) is N
    assert judged(SHARING, followed(None, END), more=more) is U


def test_one_cell_decides_that_a_shared_way_is_not_isolated():
    attempts = [r for r in cells(SHARING) if r.param("phase") == "attempt"]
    assert len(attempts) > 1
    assert judged(SHARING, followed(GATEWAY, END), more=[(attempts[-1], told(attempts[-1], "open"))]) is N


def test_a_shared_way_without_anybody_to_ask_is_not_verified():
    alone = declared(
        SHARED, devices=[d for d in declared().site.model_dump(mode="json")["devices"] if d["id"] != "sup"]
    )
    assert cells(alone) == []
    assert judged(alone, followed(GATEWAY, END)) is U


def test_of_a_zone_that_shares_the_way_the_cells_lead_to_the_rest():
    of_theirs = declared(WAY | {"kind": "shared", "shared_with": ["logements"]})
    targets = {r.target for r in cells(of_theirs) if r.param("phase") == "attempt"}
    assert targets == {"sw", "sup"}  # neither the dwellings' own gateway, nor the end
    assert {r.target for r in cells(SHARING)} == {"sup"}


PLACES = st.sampled_from([GATEWAY, BOX, OPERATOR, FIREWALL, "10.0.30.101", END, None])


@settings(max_examples=300, deadline=None)
@given(st.lists(PLACES, min_size=1, max_size=4), st.sampled_from([WAY, HOPS, SHARED]), st.data())
def test_losing_an_observation_never_narrows(way, declared_way, data):
    top = declared(declared_way)
    tokens = st.sampled_from(["open", "silence", "prohibited", "failed", "missing"])
    pairs = [(question(top), followed(*way)), *((r, told(r, data.draw(tokens))) for r in cells(top))]
    whole = evidence(top, pairs)
    kept = data.draw(st.sets(st.sampled_from(sorted(whole.observations))))
    part = Evidence(top, {key: whole.observations[key] for key in kept})
    low, high = INTERVALS[value(CHECK, subject(top), whole, WINDOW)]
    less_low, less_high = INTERVALS[value(CHECK, subject(top), part, WINDOW)]
    assert less_low <= low
    assert less_high >= high


@settings(max_examples=300, deadline=None)
@given(st.lists(PLACES, min_size=1, max_size=5), st.sampled_from([WAY, HOPS]), st.data())
def test_a_hop_that_keeps_silent_never_makes_a_way_conforme_nor_another_one(way, declared_way, data):
    """Fewer answers within one observation, too: what is silent could be anybody."""
    top = declared(declared_way)
    silent = data.draw(st.integers(0, len(way) - 1))
    less = [None if n == silent else who for n, who in enumerate(way)]
    low, high = INTERVALS[judged(top, followed(*way))]
    less_low, less_high = INTERVALS[judged(top, followed(*less))]
    assert less_low <= low
    assert less_high >= high
