"""Declared flows: which subjects, and when a flow that fails is the network's fault."""

import pytest

from probes.vlan.checks import CHECKS
from probes.vlan.facts import Loss
from probes.vlan.isolation import Window
from r2s_audit.model.finding import Value
from tests.probes.vlan.support import evidence, reaching, sender, subject, told, topology, value

CHECK = next(check for check in CHECKS if check.id == "vlan.flows-open")
WINDOW = Window(control_window_s=60)
KEY = "gw address=10.0.30.101 flow=tcp/443@P20"
C, N, U = Value.CONFORME, Value.NON_CONFORME, Value.NON_VERIFIE


@pytest.mark.parametrize(
    ("attempt", "before", "after", "expected"),
    [
        ("open", "missing", "missing", C),
        ("open", "silence", "silence", C),
        ("silence", "open", "open", N),
        ("rst", "open", "open", N),
        ("rst-near", "open", "open", N),
        ("prohibited", "open", "open", N),
        ("host-unreachable", "open", "open", N),
        ("silence", "rst", "rst", U),
        ("rst", "rst", "rst", U),
        ("silence", "open", "rst", U),
        ("silence", "silence", "silence", U),
        ("silence", "missing", "open", U),
        ("silence", "open", "failed", U),
        ("unresolved", "open", "open", U),
        ("missing", "open", "open", U),
        ("failed", "open", "open", U),
    ],
)
def test_flow_table(attempt, before, after, expected):
    top = topology()
    one = subject(CHECK, top, WINDOW, KEY)
    requests = reaching(CHECK.requests(top, one, WINDOW))
    assert [r.point for r in requests] == ["P30", "P20", "P30"]
    found = [(r, told(r, token)) for r, token in zip(requests, (before, attempt, after), strict=True)]
    assert value(CHECK, one, evidence(top, found), WINDOW) is expected


@pytest.mark.parametrize(
    "heard",
    [
        {"loss": Loss(kernel=1, forwarding=0, interruptions=0)},
        {"control": sender(carrier_losses=1)},
        {"control": sender(resolved_after=False, echo_after=False)},
        {"frames_seen": 0},
    ],
)
def test_a_silence_that_may_have_been_missed_is_no_fault_of_the_network(heard):
    top = topology()
    one = subject(CHECK, top, WINDOW, KEY)
    before, attempt, after = reaching(CHECK.requests(top, one, WINDOW))
    found = [(before, told(before, "open")), (attempt, told(attempt, "silence", **heard)), (after, told(after, "open"))]
    assert value(CHECK, one, evidence(top, found), WINDOW) is U


def test_nothing_declared_vanishes():
    flows = [
        {"source": "technique", "destination": "logements", "protocol": "tcp", "ports": [443, 502]},
        {"source": "technique", "destination": "gw", "protocol": "udp", "ports": [3671]},
        {"source": "administration", "destination": "rt", "protocol": "icmp"},
        {"source": "logements", "destination": "technique", "protocol": "icmp"},
        {"source": "logements", "destination": "sup", "protocol": "icmp"},
    ]
    top = topology(flows=flows)
    keys = [s.key for s in CHECK.subjects(top, WINDOW)]
    assert keys == [
        KEY,
        "logements flow=tcp/502@P20",
        "gw flow=udp/3671@P20",
        "rt address=10.0.10.1 flow=icmp@P10",
        "sup address=10.0.20.10 flow=icmp@P30",
        "sup address=fd00:20::10 flow=icmp@P30",
    ]  # the two flows to the supervisor are one subject; of the router only the address next to the point
    for key in ("logements flow=tcp/502@P20", "gw flow=udp/3671@P20"):
        one = subject(CHECK, top, WINDOW, key)
        assert reaching(CHECK.requests(top, one, WINDOW)) == []
        assert value(CHECK, one, evidence(top, []), WINDOW) is U


def udp(protocol, port):
    devices = [
        {
            "id": "gw",
            "role": "gateway",
            "zone": "logements",
            "addresses": ["10.0.30.101", "fd00:30::101"],
            "services": [{"protocol": protocol, "port": port, "transport": "udp"}],
        }
    ]
    flows = [{"source": "technique", "destination": "gw", "protocol": "udp", "ports": [port]}]
    return topology(devices=devices, flows=flows)


@pytest.mark.parametrize(
    ("attempt", "before", "after", "expected"),
    [
        ("open", "missing", "missing", C),
        ("silence", "open", "open", N),
        ("prohibited", "open", "open", N),
        ("target-error", "open", "open", N),
        ("silence", "silence", "silence", U),
        ("silence", "target-error", "target-error", U),
        ("missing", "open", "open", U),
    ],
)
def test_udp_flow_table(attempt, before, after, expected):
    top = udp("knx", 3671)
    (one,) = CHECK.subjects(top, WINDOW)  # KNXnet/IP is of IPv4
    assert one.key == "gw address=10.0.30.101 flow=udp/3671@P20"
    requests = reaching(CHECK.requests(top, one, WINDOW))
    assert {r.param("service") for r in requests} == {"knx"}
    found = [(r, told(r, token)) for r, token in zip(requests, (before, attempt, after), strict=True)]
    assert value(CHECK, one, evidence(top, found), WINDOW) is expected


def test_a_udp_service_that_answers_nobody_is_planned_and_not_verified():
    top = udp("syslog", 514)
    assert len(list(CHECK.subjects(top, WINDOW))) == 2
    for one in CHECK.subjects(top, WINDOW):
        assert reaching(CHECK.requests(top, one, WINDOW)) == []
        with pytest.raises(Exception, match="syslog ne répond à personne"):
            CHECK.judge(one, evidence(top, []), WINDOW)


def test_a_mute_target_without_a_neighbour_is_not_verified():
    points = [{"id": "P20", "socket": "S20", "interface": "p20"}]
    top = topology(points=points)
    one = subject(CHECK, top, WINDOW, KEY)
    (attempt,) = reaching(CHECK.requests(top, one, WINDOW))
    assert value(CHECK, one, evidence(top, [(attempt, told(attempt, "silence"))]), WINDOW) is U
    assert value(CHECK, one, evidence(top, [(attempt, told(attempt, "open"))]), WINDOW) is C
