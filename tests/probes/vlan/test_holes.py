"""UDP cells and cells from a chosen source port: which there are, what is asked, and what the answers mean."""

from ipaddress import ip_address

import pytest

from probes.vlan.datagrams import UdpService, datagram, udp_services
from probes.vlan.facts import Loss
from probes.vlan.holes import FromPort, NoReturnHole, UdpIsolated
from probes.vlan.isolation import Directed
from probes.vlan.matrix import Cell
from r2s_audit.model.finding import Value
from r2s_audit.model.site import ZoneKind
from tests.probes.vlan.support import evidence, reaching, sender, subject, told, topology, value

WINDOW = Directed(control_window_s=60)
FROM = FromPort(control_window_s=60, source_port=53)
UDP, HOLE = UdpIsolated(), NoReturnHole()
C, N, U = Value.CONFORME, Value.NON_CONFORME, Value.NON_VERIFIE


def building(**changes):
    """A switch with SNMP, a supervisor with a clock and syslog, a KNX gateway that has an IPv6 address too."""
    snmp = {"version": 3, "user": "u"}
    devices = [
        {
            "id": "sw",
            "role": "switch",
            "zone": "administration",
            "addresses": ["10.0.10.2"],
            "services": [{"protocol": "https", "port": 443}],
            "admin": {"snmp": snmp},
        },
        {
            "id": "sup",
            "role": "supervisor",
            "zone": "technique",
            "addresses": ["10.0.20.10", "fd00:20::10"],
            "services": [
                {"protocol": "https", "port": 443},
                {"protocol": "https", "port": 8443},
                {"protocol": "Syslog", "port": 514, "transport": "udp"},
                {"protocol": "NTP", "port": 123, "transport": "udp"},
                {"protocol": "coap", "port": 5683, "transport": "udp"},
            ],
        },
        {
            "id": "knx",
            "role": "controller",
            "zone": "technique",
            "addresses": ["10.0.20.23", "fd00:20::23"],
            "services": [{"protocol": "knx", "port": 3671, "transport": "udp"}],
        },
    ]
    flows = [
        {"source": "administration", "destination": "sup", "protocol": "udp", "ports": [123]},
        {"source": "logements", "destination": "sup", "protocol": "tcp", "ports": [443]},
    ]
    return topology(**({"devices": devices, "flows": flows} | changes))


# attempt, control before, control after, value
ROWS = [
    ("answer", "answer", "answer", N),
    ("answer", "missing", "missing", N),
    ("answer", "silence", "failed", N),
    ("target-error", "missing", "missing", N),  # the closed port answers: the datagram has crossed
    ("silence", "answer", "answer", C),
    ("prohibited", "answer", "answer", C),
    ("port-unreachable", "answer", "answer", C),  # the router's own, in its own name
    ("silence", "silence", "silence", U),  # mute for all: filtered, off and merely silent look the same
    ("silence", "answer", "silence", U),
    ("silence", "silence", "answer", U),
    ("silence", "target-error", "target-error", U),  # a closed port may be silent at the third time of asking
    ("silence", "answer", "missing", U),
    ("silence", "missing", "answer", U),
    ("silence", "failed", "answer", U),
    ("silence", "prohibited", "prohibited", U),
    ("host-unreachable", "answer", "answer", U),
    ("ttl", "answer", "answer", U),
    ("unresolved", "answer", "answer", U),
    ("missing", "answer", "answer", U),
    ("failed", "answer", "answer", U),
]


def judged(check, top, key, parameters, tokens, **heard):
    one = subject(check, top, parameters, key)
    requests = reaching(check.requests(top, one, parameters))
    found = []
    for request, token in zip(requests, tokens, strict=True):
        known = "open" if token == "answer" else token
        how = heard if request.param("phase") == "attempt" else {}
        found.append((request, told(request, known, **how)))
    return value(check, one, evidence(top, found), parameters)


@pytest.mark.parametrize("address", ["10.0.20.10", "fd00:20::10"])
@pytest.mark.parametrize(("attempt", "before", "after", "expected"), ROWS)
def test_udp_table(address, attempt, before, after, expected):
    key = f"sup address={address} port=123 service=ntp@P30"
    assert judged(UDP, building(), key, WINDOW, (before, attempt, after)) is expected


@pytest.mark.parametrize(
    "heard",
    [
        {"loss": Loss(kernel=1, forwarding=0, interruptions=0)},
        {"control": sender(carrier_losses=1)},
        {"control": sender(resolved_after=False, echo_after=False)},
        {"frames_seen": 0},
    ],
)
def test_a_datagram_that_may_have_been_missed_proves_nothing(heard):
    key = "sup address=10.0.20.10 port=123 service=ntp@P30"
    assert judged(UDP, building(), key, WINDOW, ("answer", "silence", "answer"), **heard) is U
    assert judged(UDP, building(), key, WINDOW, ("answer", "answer", "answer"), **heard) is N


def test_udp_cells_follow_from_the_declaration():
    keys = {s.key for s in UDP.subjects(building(), WINDOW)}
    assert {k for k in keys if k.endswith("@P10")} == {
        "sup address=10.0.20.10 port=514 service=syslog@P10",
        "sup address=fd00:20::10 port=514 service=syslog@P10",
        "sup address=10.0.20.10 port=5683 service=coap@P10",
        "sup address=fd00:20::10 port=5683 service=coap@P10",
        "knx address=10.0.20.23 port=3671 service=knx@P10",
    }  # the clock is a declared flow; KNXnet/IP is of IPv4
    assert {k for k in keys if k.endswith("@P20")} == {"sw address=10.0.10.2 port=161 service=snmp@P20"}
    towards = Directed(control_window_s=60, towards=[ZoneKind.ADMINISTRATION])
    assert {s.target for s in UDP.subjects(building(), towards)} == {"sw"}


def test_what_answers_nobody_is_planned_and_not_asked():
    one = subject(UDP, building(), WINDOW, "sup address=10.0.20.10 port=514 service=syslog@P30")
    assert reaching(UDP.requests(building(), one, WINDOW)) == []
    assert value(UDP, one, evidence(building(), []), WINDOW) is U


@pytest.mark.parametrize(
    ("heard", "way"),
    [
        ({"answer_hop_limit": 63, "answer_mac": "02:00:00:00:00:01"}, "TTL 63 à l'arrivée"),
        ({"answer_hop_limit": 64, "answer_mac": "02:00:00:00:00:77"}, "02:00:00:00:00:77 est dans le même VLAN"),
        (
            {"answer_hop_limit": 64, "answer_mac": "02:00:00:00:00:01", "next_hop": "10.0.30.1"},
            "TTL 64",
        ),  # the router's
        ({"answer_hop_limit": 62, "answer_mac": "02:00:00:00:00:77"}, "TTL 62"),
        ({"answer_hop_limit": None, "answer_mac": None}, "par 10.0.20.10"),
    ],
)
def test_an_open_cell_says_by_which_way(heard, way):
    top = building()
    one = subject(UDP, top, WINDOW, "sup address=10.0.20.10 port=123 service=ntp@P30")
    attempt = reaching(UDP.requests(top, one, WINDOW))[1]
    judgement = UDP.judge(one, evidence(top, [(attempt, told(attempt, "open", **heard))]), WINDOW)
    assert judgement.value is N
    assert way in str(judgement.measured)


# --- from a chosen source port -----------------------------------------------------------------------------------


def test_one_tcp_and_one_udp_cell_of_each_address_share_the_ordinary_controls():
    top = building()
    keys = [s.key for s in HOLE.subjects(top, FROM) if s.point == "P30"]
    assert keys == [
        "sw address=10.0.10.2 port=443 over=tcp from=53@P30",
        "sup address=10.0.20.10 port=8443 over=tcp from=53@P30",  # 443 is a declared flow
        "sup address=fd00:20::10 port=8443 over=tcp from=53@P30",
        "sw address=10.0.10.2 port=161 service=snmp over=udp from=53@P30",
        "sup address=10.0.20.10 port=123 service=ntp over=udp from=53@P30",  # syslog would answer nobody
        "sup address=fd00:20::10 port=123 service=ntp over=udp from=53@P30",
        "knx address=10.0.20.23 port=3671 service=knx over=udp from=53@P30",
    ]
    one = subject(HOLE, top, FROM, keys[4])
    plain = subject(UDP, top, WINDOW, "sup address=10.0.20.10 port=123 service=ntp@P30")
    before, attempt, after, from_any = reaching(HOLE.requests(top, one, FROM))
    ordinary = reaching(UDP.requests(top, plain, WINDOW))
    assert (before, from_any, after) == tuple(ordinary)
    assert attempt != ordinary[1]
    assert attempt.param("source_port") == 53
    assert (before.point, attempt.point) == ("P20", "P30")


@pytest.mark.parametrize(
    ("attempt", "before", "after", "expected"),
    [
        ("open", "open", "open", N),
        ("open", "missing", "missing", N),
        ("silence", "open", "open", C),
        ("silence", "rst", "rst", C),
        ("prohibited", "open", "open", C),
        ("rst", "rst", "rst", N),
        ("rst", "open", "open", C),
        ("silence", "silence", "silence", U),
        ("silence", "missing", "open", U),
        ("missing", "open", "open", U),
        ("failed", "open", "open", U),
    ],
)
def test_hole_table_over_tcp(attempt, before, after, expected):
    key = "sup address=10.0.20.10 port=8443 over=tcp from=53@P30"
    assert judged(HOLE, building(), key, FROM, (before, attempt, after, "silence")) is expected
    if expected is N:  # open to every source port, or nobody knows: a matter of the ordinary cells
        assert judged(HOLE, building(), key, FROM, (before, attempt, after, "open")) is U
        assert judged(HOLE, building(), key, FROM, (before, attempt, after, "rst")) is U
        assert judged(HOLE, building(), key, FROM, (before, attempt, after, "missing")) is U


@pytest.mark.parametrize(("attempt", "before", "after", "expected"), ROWS)
def test_hole_table_over_udp(attempt, before, after, expected):
    key = "sup address=10.0.20.10 port=123 service=ntp over=udp from=53@P30"
    assert judged(HOLE, building(), key, FROM, (before, attempt, after, "silence")) is expected
    if expected is N:
        assert judged(HOLE, building(), key, FROM, (before, attempt, after, "answer")) is U


# --- requests on the wire ----------------------------------------------------------------------------------------

HERE, THERE = ip_address("10.0.30.50"), ip_address("10.0.20.10")


@pytest.mark.parametrize(
    ("protocol", "start", "size"),
    [
        ("snmp", "303a020103", 60),
        ("ntp", "2300", 48),
        ("dns", "2a2a000000010000", 17),
        ("bacnet", "810a000e01001008", 14),
        ("knx", "06100201000e0801000000000000", 14),
        ("coap", "4001", 21),
    ],
)
def test_requests_have_the_form_and_the_length_that_they_state(protocol, start, size):
    octets = datagram(protocol, HERE, THERE, 1)
    assert octets is not None
    assert octets.hex().startswith(start)
    assert len(octets) == size


def test_sip_asks_to_be_answered_where_it_asks_from():
    octets = datagram("sip", ip_address("fd00:30::50"), ip_address("fd00:20::10"), 5060)
    assert octets is not None
    first, via, *_ = octets.decode("ascii").split("\r\n")
    assert first == "OPTIONS sip:[fd00:20::10]:5060 SIP/2.0"
    assert via.startswith("Via: SIP/2.0/UDP [fd00:30::50];branch=z9hG4bK")
    assert via.endswith(";rport")


def test_protocols_without_an_answer_have_no_request():
    assert [datagram(name, HERE, THERE, 1) for name in ("syslog", "radius", "tftp", "")] == [None] * 4


def test_snmp_administration_is_a_udp_service_once():
    devices = [
        {
            "id": "sw",
            "role": "switch",
            "zone": "administration",
            "services": [{"protocol": "snmp", "port": 161, "transport": "udp"}],
            "admin": {"snmp": {"version": 3, "user": "u"}},
        }
    ]
    assert udp_services(topology(devices=devices).devices["sw"]) == [UdpService("snmp", 161)]


def test_a_cell_survives_its_subject():
    cell = Cell("P30", "sup", THERE, "udp", 123, "ntp", 53)
    assert Cell.of(cell.subject(), "udp") == cell
