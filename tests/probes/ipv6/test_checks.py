"""The meaning of each observation, row by row."""

from ipaddress import ip_address

import pytest

from probes.api import NotVerified
from probes.ipv6.checks import CHECKS
from probes.ipv6.facts import Origin, Problem, Resolvers, eui64
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure
from tests.probes.ipv6 import support as s
from tests.probes.ipv6.frames import ROUGE_MAC, ROUTER_MAC

CHECK = {check.id: check for check in CHECKS}
C, N, U = Value.CONFORME, Value.NON_CONFORME, Value.NON_VERIFIE
MUTE = s.hearing(s.asked(s.GATEWAY4, (), ()), s.asked(s.GATEWAY, (), ()))
HALF = s.hearing(s.asked(s.GATEWAY4, after=()), s.asked(s.GATEWAY, after=()))
ONLY4 = s.hearing(s.asked(s.GATEWAY4), s.asked(s.GATEWAY, (), ()))
DISPUTED = s.hearing(s.asked(s.GATEWAY4), s.asked(s.GATEWAY, (ROUTER_MAC, ROUGE_MAC)))
SPOILT = s.hearing(loss=s.LOST)
CUT = s.hearing(carrier_losses=1)


def judged(name, *facts, parameters=None, point="P30", top=None):
    """``facts`` in the order of the check's requests; the subject of a point."""
    check, top = CHECK[name], top or s.topology()
    parameters = parameters or s.PARAMETERS[name]
    one = next(x for x in check.subjects(top, parameters) if x.point == point)
    requests = check.requests(top, one, parameters)
    return s.value(check, one, s.evidence(top, list(zip(requests, facts, strict=False))), parameters)


ROUTER_ROWS = [
    # heard, more, ra-present, ra-declared, rdnss-or-dhcp, in-use
    ([s.ra()], {}, C, C, C, C),
    ([s.ra()], {"control": SPOILT}, C, U, C, C),  # what was heard was heard; who else spoke is not known
    ([s.ra()], {"control": CUT}, C, U, C, C),
    ([s.ra()], {"unkept": 1}, C, U, C, C),
    ([s.ra(after_ms=None)], {"solicited": None}, U, U, C, C),
    ([s.ra()], {"control": MUTE}, U, U, U, U),  # whose it is cannot be told
    ([s.ra()], {"control": DISPUTED}, C, C, C, C),  # its MAC is that of the IPv4 gateway, too
    ([s.ra(mac=ROUGE_MAC)], {"control": DISPUTED}, U, U, U, U),
    ([s.ra()], {"control": ONLY4}, C, C, C, C),  # the router's MAC is known by ARP
    ([], {}, N, C, N, N),
    ([], {"control": SPOILT}, U, U, U, U),
    ([], {"control": MUTE}, U, U, U, U),
    ([], {"control": HALF}, U, U, U, U),
    ([], {"control": CUT}, U, U, U, U),
    ([], {"control": ONLY4}, N, C, N, N),
    ([], {"solicited": None}, U, U, U, U),
    ([], {"unkept": 9}, U, U, U, U),
    ([], {"sights": (s.sight(),)}, N, C, N, C),
    ([], {"sights": (s.sight("2001:db8::9"),)}, N, C, N, U),  # in use, but not the building's as declared
    ([s.ra(after_ms=401.0)], {}, N, C, C, C),
    ([s.ra(after_ms=400.0)], {}, C, C, C, C),
    ([s.ra(after_ms=-5.0)], {}, N, C, C, C),
    ([s.ra(lifetime_s=0)], {}, N, C, C, C),
    ([s.ra(lifetime_s=0), s.ra()], {}, C, C, C, C),
    ([s.ra(prefixes=())], {}, N, C, C, C),
    ([s.ra(prefixes=(s.prefix(autonomous=False),))], {}, N, C, C, C),
    ([s.ra(prefixes=(s.prefix("fd00:30::/80"),))], {}, N, C, C, C),
    ([s.ra(prefixes=(s.prefix(valid_s=0, preferred_s=0),))], {}, N, C, C, C),
    ([s.ra(prefixes=(s.prefix(valid_s=10, preferred_s=20),))], {}, N, C, C, C),
    ([s.ra(prefixes=(s.prefix("2001:db8::/64"),))], {}, C, N, C, C),
    ([s.ra(prefixes=(s.prefix("2001:db8::/64"),))], {"control": MUTE}, U, N, U, U),  # not declared, whosesoever
    ([s.ra(prefixes=(s.prefix(), s.prefix("2001:db8::/64", valid_s=0)))], {}, C, C, C, C),  # withdrawn
    ([s.ra(prefixes=(s.prefix(), s.prefix("2001:db8::/64", on_link=False, autonomous=False)))], {}, C, C, C, C),
    ([s.ra(resolvers=())], {}, C, C, N, C),
    ([s.ra(resolvers=(), managed=True)], {}, C, C, C, C),
    ([s.ra(resolvers=(), other=True)], {}, C, C, C, C),
    ([s.ra(resolvers=(Resolvers(lifetime_s=0, servers=(ip_address(s.GATEWAY),)),))], {}, C, C, N, C),
    ([s.ra(problems=(Problem.HOP_LIMIT,))], {}, N, C, N, N),
    ([s.ra(problems=(Problem.OPTION,), body=False)], {}, N, C, N, N),
    ([s.rogue()], {}, N, N, N, U),
    ([s.rogue()], {"control": SPOILT}, U, N, U, U),
    ([s.rogue()], {"control": ONLY4}, U, U, U, U),  # the declared IPv6 gateway is mute: it may be another box
    ([s.rogue(lifetime_s=0, prefixes=())], {}, N, N, N, U),
    ([s.rogue(problems=(Problem.HOP_LIMIT,))], {}, N, C, N, N),
    ([s.ra(), s.rogue()], {}, C, N, C, C),
]
NAMES = ("ipv6.ra-present", "ipv6.ra-declared", "ipv6.rdnss-or-dhcp", "ipv6.in-use")


@pytest.mark.parametrize("row", ROUTER_ROWS, ids=range(len(ROUTER_ROWS)))
def test_routers(row):
    heard, more, *expected = row
    facts = s.router(*heard, **more)
    assert [judged(name, facts) for name in NAMES] == expected


def test_a_router_known_by_its_declared_mac_or_link_local_address():
    device = {"id": "r2", "role": "router", "zone": "logements", "addresses": [], "mac": ROUGE_MAC}
    known = s.topology(devices=[*(d.model_dump(mode="json") for d in s.site().devices), device])
    assert judged("ipv6.ra-declared", s.router(s.rogue()), top=known) is C
    vlan = s.site().vlans[0].model_dump(mode="json")
    vlan["subnets"][1]["gateway"] = "fe80::66"
    local = s.topology(vlans=[vlan, s.site().vlans[1].model_dump(mode="json")])
    four = s.hearing(s.asked(s.GATEWAY4))
    assert judged("ipv6.ra-declared", s.router(s.rogue(), control=four), top=local) is C
    assert judged("ipv6.ra-declared", s.router(s.ra(mac="02:00:00:00:99:99"), control=four), top=local) is N


def test_a_vlan_without_declared_ipv6():
    """Silence is not conforme to « every Smart VLAN »; what hosts form and echo there cannot be judged."""
    four = s.hearing(s.asked("10.0.10.1"))
    assert judged("ipv6.ra-present", s.router(control=four), point="P10") is N
    assert judged("ipv6.ra-declared", s.router(control=four), point="P10") is C
    assert judged("ipv6.ra-declared", s.router(s.ra(), control=four), point="P10") is N  # no prefix is declared
    assert judged("ipv6.ra-declared", s.router(s.rogue(prefixes=()), control=four), point="P10") is N
    assert judged("ipv6.address-formed", s.router(control=four), s.addresses(s.own()), point="P10") is U
    assert judged("ipv6.gateway-echo", point="P10") is U


STATIC = s.own("fd00:30::50", flags=0x80, protocol=None)
TENTATIVE, TAKEN = s.own(flags=0x40), s.own(flags=0x48)


@pytest.mark.parametrize(
    ("addresses", "router", "expected"),
    [
        (s.addresses(s.own()), s.router(s.ra()), C),
        (s.addresses(s.own()), None, C),  # it has formed, whatever else
        (s.addresses(s.own()), Failure.TIMEOUT, C),
        (s.addresses(s.own(prefix_length=128, protocol=None)), None, C),  # a DHCPv6 client
        (s.addresses(TAKEN), None, N),
        (s.addresses(s.own(), TAKEN), None, N),
        (s.addresses(TENTATIVE), s.router(s.ra()), U),
        (s.addresses(STATIC), s.router(s.ra()), N),
        (s.addresses(STATIC), None, U),
        (s.addresses(s.own("2001:db8::9")), s.router(s.ra()), N),
        (s.addresses(), s.router(s.ra()), N),
        (s.addresses(), s.router(s.ra(), control=SPOILT), U),
        (s.addresses(), s.router(), N),
        (s.addresses(), s.router(control=SPOILT), U),
        (s.addresses(), s.router(control=MUTE), U),
        (s.addresses(), s.router(s.rogue()), N),  # an intruder's prefix is none to form an address from
        (s.addresses(), s.router(s.ra(prefixes=(), managed=True)), U),
        (s.addresses(), s.router(s.ra(prefixes=(s.prefix("2001:db8::/64"),))), N),
        (s.addresses(how=s.settings(accept_ra=0)), s.router(s.ra()), U),
        (s.addresses(how=s.settings(forwarding=True)), s.router(s.ra()), U),
        (s.addresses(how=s.settings(forwarding=True, accept_ra=2)), s.router(s.ra()), N),
        (s.addresses(how=s.settings(autoconf=False)), s.router(s.ra()), U),
        (s.addresses(how=s.settings(accept_prefix=False)), s.router(s.ra()), U),
        (s.addresses(how=s.settings(disabled=True)), s.router(s.ra()), U),
        (s.addresses(carrier=False), s.router(s.ra()), U),
        (s.addresses(up=False), s.router(s.ra()), U),
        (s.addresses(carrier_losses=1), s.router(s.ra()), U),
    ],
)
def test_addresses(addresses, router, expected):
    assert judged("ipv6.address-formed", router, addresses) is expected


@pytest.mark.parametrize(
    ("address", "flags", "protocol", "length", "expected"),
    [
        ("fd00:30::5", 0, 2, 64, Origin.SLAAC),
        ("fd00:30::5", 0x80, 2, 64, Origin.SLAAC),  # with an infinite lifetime
        ("fd00:30::5", 0x80, None, 64, Origin.STATIC),
        ("fe80::5", 0x80, 3, 64, Origin.STATIC),
        ("fd00:30::5", 0, None, 128, Origin.DYNAMIC),
        ("fd00:30::5", 0, None, 64, Origin.DYNAMIC),
        ("fd00:30::ff:fe00:3050", 0, None, 64, Origin.SLAAC),
        ("fd00:30::ff:fe00:3050", 0, None, 128, Origin.DYNAMIC),
        ("fd00:30::9", 0x800, None, 64, Origin.SLAAC),
        ("fd00:30::9", 0x01, None, 64, Origin.SLAAC),
    ],
)
def test_origin_of_an_address(address, flags, protocol, length, expected):
    one = s.own(address, flags=flags, protocol=protocol, prefix_length=length)
    assert one.origin(s.POINT_MAC) is expected


def test_modified_eui64():
    """The example of RFC 2464 §4."""
    assert eui64("34:56:78:9a:bc:de") == 0x36_56_78_FF_FE_9A_BC_DE


OTHER = s.answer(mac=ROUGE_MAC)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (s.neighbour(s.solicited(s.answer()), s.solicited(s.answer())), C),
        (s.neighbour(s.solicited(s.answer()), s.solicited(s.answer(target_mac=None))), C),
        (s.neighbour(s.solicited(s.answer()), s.solicited(s.answer()), control=SPOILT), C),
        (s.neighbour(s.solicited(s.answer(), OTHER), s.solicited(s.answer())), N),
        (s.neighbour(s.solicited(s.answer()), s.solicited(OTHER)), N),
        (s.neighbour(s.solicited(s.answer()), s.solicited()), N),
        (s.neighbour(s.solicited(s.answer()), s.solicited(), control=s.hearing(loss=s.LOST)), U),
        (s.neighbour(s.solicited(s.answer()), s.solicited(seen=0)), U),
        (s.neighbour(s.solicited(s.answer()), None, refusal="budget"), U),
        (s.neighbour(s.solicited()), N),
        (s.neighbour(s.solicited(), alive=False), U),
        (s.neighbour(s.solicited(), control=s.hearing(s.asked(s.SUPERVISOR4, after=()))), U),
        (s.neighbour(s.solicited(), control=s.hearing(s.asked(s.SUPERVISOR4), loss=s.LOST)), U),
        (s.neighbour(s.solicited(), control=s.hearing(s.asked(s.SUPERVISOR4), carrier_losses=2)), U),
        (s.neighbour(s.solicited(seen=0)), U),
    ],
)
def test_neighbours(facts, expected):
    assert judged("ipv6.neighbours-answer", facts) is expected


def test_neighbours_are_the_addresses_of_the_stated_roles_on_a_points_link_each_once():
    check = CHECK["ipv6.neighbours-answer"]
    twice = s.topology(points=[{"id": p, "socket": "S30", "interface": "p30"} for p in ("A", "B")])
    everybody = type(s.PARAMETERS[check.id])(roles=["router", "supervisor", "camera", "sensor"])
    assert [x.key for x in check.subjects(twice, everybody)] == [
        "rt address=fd00:30::1@A",
        "sup address=fd00:30::101@A",
        "camera address=fd00:30::77@A",
    ]
    assert [x.target for x in check.subjects(twice, s.PARAMETERS[check.id])] == ["sup"]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (s.echo(), C),
        (s.echo(control=SPOILT), C),
        (s.echo(19), N),
        (s.echo(0), N),
        (s.echo(0, errors=20), N),
        (s.echo(19, control=SPOILT), U),
        (s.echo(19, control=CUT), U),
        (s.echo(19, control=HALF), U),
        (s.echo(19, left=19), U),
        (s.echo(0, left=0, mac=None, control=ONLY4), N),  # the same router answers over IPv4
        (s.echo(0, left=0, mac=None, control=MUTE), U),
        (
            s.echo(
                0, left=0, mac=None, control=s.hearing(s.asked(s.GATEWAY4), s.asked(s.GATEWAY, (), ()), loss=s.LOST)
            ),
            U,
        ),
    ],
)
def test_echo(facts, expected):
    assert judged("ipv6.gateway-echo", facts) is expected


def test_echo_losses_are_compared_as_fractions():
    parameters = type(s.PARAMETERS["ipv6.gateway-echo"])(loss="1/20", count=20)
    assert judged("ipv6.gateway-echo", s.echo(19), parameters=parameters) is C
    assert judged("ipv6.gateway-echo", s.echo(18), parameters=parameters) is N


def test_a_mute_gateway_of_nobody_may_be_another_box():
    devices = [d.model_dump(mode="json") for d in s.site().devices if d.id != "rt"]
    facts = s.echo(0, left=0, mac=None, control=ONLY4)
    assert judged("ipv6.gateway-echo", facts, top=s.topology(devices=devices)) is U


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_nobody_asked_and_a_failed_attempt(check):
    top, parameters = s.topology(), s.PARAMETERS[check.id]
    for one in check.subjects(top, parameters):
        requests = check.requests(top, one, parameters)
        for what in (None, Failure.MISSING_PRIVILEGE):
            with pytest.raises(NotVerified):
                check.judge(one, s.evidence(top, [(r, what) for r in requests]), parameters)


def test_points_that_may_not_send_are_no_subjects():
    points = [
        {"id": f"P-{kind}", "socket": "S30", "interface": "p30", "kind": kind}
        for kind in ("access", "trunk", "unauthenticated", "mirror")
    ]
    for check in CHECKS:
        found = {x.point for x in check.subjects(s.topology(points=points), s.PARAMETERS[check.id])}
        assert found <= {"P-access", "P-trunk"}


def test_a_profile_cannot_ask_for_more_seconds_than_are_listened():
    with pytest.raises(ValueError, match=r"less than or equal to 4\.5"):
        type(s.PARAMETERS["ipv6.ra-present"])(ra_seconds=5, prefix_length=64)


@pytest.mark.parametrize("loss", ["2", "-1", "x", "1/0"])
def test_a_loss_is_a_share(loss):
    with pytest.raises(ValueError):
        type(s.PARAMETERS["ipv6.gateway-echo"])(loss=loss, count=5)
