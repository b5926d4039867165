"""The truth table of promise 3, row by row, for echo and TCP, in both IP versions."""

import pytest

from probes.vlan.checks import CHECKS
from probes.vlan.facts import Loss
from probes.vlan.isolation import Directed, IcmpIsolated, Tiers
from r2s_audit.model.finding import Value
from r2s_audit.model.site import ZoneKind
from r2s_audit.model.topology import Topology
from tests.builders import site
from tests.probes.vlan.support import evidence, facts, reaching, sender, subject, told, topology, value

CHECK = {check.id: check for check in CHECKS}
WINDOW = Directed(control_window_s=60)
ICMP, TCP = "vlan.icmp-isolated", "vlan.tcp-isolated"

HEARING = {
    "ok": {},
    "kernel-drop": {"loss": Loss(kernel=1, forwarding=0, interruptions=0)},
    "forwarding-drop": {"loss": Loss(kernel=0, forwarding=3, interruptions=0)},
    "interrupted": {"loss": Loss(kernel=0, forwarding=0, interruptions=1)},
    "cable-out": {"control": {"carrier_losses": 1}},
    "deaf-at-end": {"control": {"resolved_after": False, "echo_after": False}},
    "deaf-at-start": {"control": {"resolved_before": False, "echo_before": False}},
    "arp-only": {"control": {"echo_before": False, "echo_after": False}},
    "echo-only-at-end": {"control": {"resolved_after": False}},
    "no-gateway": {"control": {"gateway": None, "resolved_before": False, "resolved_after": False}},
    "not-seen-leaving": {"frames_seen": 1},
}

# check, attempt, control before, control after, hearing, value
ROWS = [
    (ICMP, "silence", "open", "open", "ok", "C"),
    (ICMP, "silence", "open", "open", "arp-only", "C"),
    (ICMP, "silence", "open", "open", "echo-only-at-end", "C"),
    (ICMP, "prohibited", "open", "open", "ok", "C"),
    (ICMP, "port-unreachable", "open", "open", "ok", "C"),
    (ICMP, "no-route", "open", "open", "ok", "C"),
    (ICMP, "open", "open", "open", "ok", "N"),
    (ICMP, "open", "missing", "missing", "ok", "N"),
    (ICMP, "open", "silence", "silence", "kernel-drop", "N"),
    (ICMP, "open", "open", "open", "deaf-at-end", "N"),
    (ICMP, "target-error", "open", "open", "ok", "N"),
    (ICMP, "target-error", "missing", "failed", "ok", "N"),
    (ICMP, "host-unreachable", "open", "open", "ok", "?"),
    (ICMP, "ttl", "open", "open", "ok", "?"),
    (ICMP, "unresolved", "open", "open", "ok", "?"),
    (ICMP, "missing", "open", "open", "ok", "?"),
    (ICMP, "failed", "open", "open", "ok", "?"),
    (ICMP, "silence", "missing", "open", "ok", "?"),
    (ICMP, "silence", "open", "missing", "ok", "?"),
    (ICMP, "silence", "failed", "open", "ok", "?"),
    (ICMP, "silence", "open", "failed", "ok", "?"),
    (ICMP, "silence", "silence", "open", "ok", "?"),
    (ICMP, "silence", "open", "silence", "ok", "?"),
    (ICMP, "silence", "silence", "silence", "ok", "?"),
    (ICMP, "silence", "unresolved", "unresolved", "ok", "?"),
    (ICMP, "silence", "prohibited", "prohibited", "ok", "?"),
    (ICMP, "prohibited", "silence", "silence", "ok", "?"),
    (ICMP, "silence", "open", "open", "kernel-drop", "?"),
    (ICMP, "silence", "open", "open", "forwarding-drop", "?"),
    (ICMP, "silence", "open", "open", "interrupted", "?"),
    (ICMP, "silence", "open", "open", "cable-out", "?"),
    (ICMP, "silence", "open", "open", "deaf-at-start", "?"),
    (ICMP, "silence", "open", "open", "deaf-at-end", "?"),
    (ICMP, "silence", "open", "open", "no-gateway", "?"),
    (ICMP, "silence", "open", "open", "not-seen-leaving", "?"),
    (ICMP, "prohibited", "open", "open", "kernel-drop", "?"),
    (TCP, "silence", "open", "open", "ok", "C"),
    (TCP, "silence", "rst", "rst", "ok", "C"),
    (TCP, "silence", "open", "rst", "ok", "C"),
    (TCP, "prohibited", "open", "open", "ok", "C"),
    (TCP, "prohibited", "rst", "rst", "ok", "C"),
    (TCP, "port-unreachable", "open", "open", "ok", "C"),
    (TCP, "rst", "open", "open", "ok", "C"),
    (TCP, "rst-near", "open", "open", "ok", "C"),
    (TCP, "rst", "rst", "rst", "ok", "N"),
    (TCP, "rst-near", "rst", "rst", "ok", "?"),
    (TCP, "rst-unknown", "rst", "rst", "ok", "?"),
    (TCP, "rst", "open", "rst", "ok", "?"),
    (TCP, "rst", "rst", "open", "ok", "?"),
    (TCP, "rst", "missing", "rst", "ok", "?"),
    (TCP, "rst", "silence", "silence", "ok", "?"),
    (TCP, "rst", "open", "open", "kernel-drop", "?"),
    (TCP, "rst", "open", "open", "cable-out", "?"),
    (TCP, "open", "open", "open", "ok", "N"),
    (TCP, "open", "rst", "rst", "cable-out", "N"),
    (TCP, "open", "missing", "missing", "ok", "N"),
    (TCP, "target-error", "open", "open", "ok", "N"),
    (TCP, "host-unreachable", "open", "open", "ok", "?"),
    (TCP, "silence", "silence", "silence", "ok", "?"),
    (TCP, "silence", "open", "prohibited", "ok", "?"),
    (TCP, "silence", "failed", "failed", "ok", "?"),
    (TCP, "silence", "open", "open", "forwarding-drop", "?"),
    (TCP, "silence", "open", "open", "deaf-at-end", "?"),
    (TCP, "unresolved", "open", "open", "ok", "?"),
    (TCP, "missing", "open", "open", "ok", "?"),
]
VALUES = {"C": Value.CONFORME, "N": Value.NON_CONFORME, "?": Value.NON_VERIFIE}


def cell(check, version):
    address = "10.0.20.10" if version == 4 else "fd00:20::10"
    return f"sup address={address}" + (" port=443@P30" if check == TCP else "@P30")


def proof(top, requests, tokens, hearing, version):
    """Facts for the requests of one cell: before, attempt, after."""
    how = dict(HEARING[hearing])
    if "control" in how:
        how["control"] = sender(version, **how["control"])
    found = []
    for request, token in zip(requests, tokens, strict=True):
        heard = how if request.param("phase") == "attempt" and token not in {"unresolved", "open"} else {}
        found.append((request, told(request, token, **heard)))
    return evidence(top, found)


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(("check", "attempt", "before", "after", "hearing", "expected"), ROWS)
def test_truth_table(version, check, attempt, before, after, hearing, expected):
    top = topology()
    one = subject(CHECK[check], top, WINDOW, cell(check, version))
    requests = reaching(CHECK[check].requests(top, one, WINDOW))
    assert [(r.order, r.point, r.param("phase")) for r in requests] == [
        (10, "P20", "before"),
        (20, "P30", "attempt"),
        (30, "P20", "after"),
    ]
    found = proof(top, requests, (before, attempt, after), hearing, version)
    assert value(CHECK[check], one, found, WINDOW) is VALUES[expected]


def judged(times, window=60.0):
    top = topology()
    one = subject(CHECK[ICMP], top, WINDOW, cell(ICMP, 4))
    requests = reaching(CHECK[ICMP].requests(top, one, WINDOW))
    states = ("reply", "silence", "reply")
    found = [(r, facts(r, state, at=at)) for r, state, at in zip(requests, states, times, strict=True)]
    return value(CHECK[ICMP], one, evidence(top, found), Directed(control_window_s=window))


@pytest.mark.parametrize(
    ("times", "window", "expected"),
    [
        ((0, 10, 20), 22, "C"),  # each takes two seconds: the last ends at 22
        ((0, 10, 20), 21.9, "?"),
        ((0, 2, 4), 60, "C"),
        ((0, 1, 20), 60, "?"),  # the attempt starts before the control has ended
        ((0, 10, 11), 60, "?"),
        ((15, 10, 20), 60, "?"),  # a control of a later pass
        ((0, 10, 5), 60, "?"),
    ],
)
def test_controls_embrace_the_attempt_within_the_window(times, window, expected):
    assert judged(times, window) is VALUES[expected]


def test_promise_target_off_gives_no_conforme():
    for check in (ICMP, TCP):
        for control in ("silence", "unresolved", "host-unreachable", "failed"):
            for attempt in ("silence", "host-unreachable", "prohibited", "rst"):
                test_truth_table(4, check, attempt, control, control, "ok", "?")


def test_without_a_point_that_may_reach_the_target_says_so():
    points = [{"id": "P30", "socket": "S30", "interface": "p30"}]
    top = topology(points=points)
    one = subject(CHECK[TCP], top, WINDOW, cell(TCP, 4))
    (attempt,) = reaching(CHECK[TCP].requests(top, one, WINDOW))
    with pytest.raises(Exception, match=r"aucun point de mesure n'a le droit d'atteindre sup 10\.0\.20\.10"):
        CHECK[TCP].judge(one, evidence(top, [(attempt, told(attempt, "silence"))]), WINDOW)
    assert value(CHECK[TCP], one, evidence(top, [(attempt, told(attempt, "open"))]), WINDOW) is Value.NON_CONFORME


def test_deny_cells_follow_from_the_declaration():
    top = topology()
    icmp = [s.key for s in CHECK[ICMP].subjects(top, WINDOW)]
    assert icmp == [
        "gw address=10.0.30.101@P10",
        "sw address=10.0.10.2@P20",
        "gw address=10.0.30.101@P20",
        "sw address=10.0.10.2@P30",
        "sup address=10.0.20.10@P30",
        "sup address=fd00:20::10@P30",
    ]  # administration may ping technique; the router is everybody's gateway; nothing within a zone
    tcp = {s.key for s in CHECK[TCP].subjects(top, WINDOW)}
    assert "gw address=10.0.30.101 port=443@P10" in tcp
    assert "gw address=10.0.30.101 port=443@P20" not in tcp  # the declared flow
    assert "sup address=fd00:20::10 port=8443@P30" in tcp


def test_printer_ports_are_planned_and_never_asked():
    devices = [
        {
            "id": "imprimante",
            "role": "other",
            "zone": "technique",
            "addresses": ["10.0.20.77"],
            "services": [{"protocol": "raw", "port": port} for port in (9100, 9107, 9108)],
        }
    ]
    top = topology(devices=devices)
    asked = {s.get("port"): reaching(CHECK[TCP].requests(top, s, WINDOW)) for s in CHECK[TCP].subjects(top, WINDOW)}
    assert {port: len(requests) for port, requests in asked.items()} == {"9100": 0, "9107": 0, "9108": 3}
    one = subject(CHECK[TCP], top, WINDOW, "imprimante address=10.0.20.77 port=9100@P30")
    assert value(CHECK[TCP], one, evidence(top, []), WINDOW) is Value.NON_VERIFIE


def test_a_control_of_the_own_vlan_goes_before_one_that_a_flow_allows():
    flows = [{"source": "administration", "destination": "sup", "protocol": "tcp", "ports": [443]}]
    top = topology(flows=flows)
    one = subject(CHECK[TCP], top, WINDOW, cell(TCP, 4))
    assert {r.point for r in reaching(CHECK[TCP].requests(top, one, WINDOW))} == {"P20", "P30"}
    points = [{"id": f"P{v}", "socket": f"S{v}", "interface": f"p{v}"} for v in (10, 30)]
    far = topology(flows=flows, points=points)
    assert {r.point for r in reaching(CHECK[TCP].requests(far, one, WINDOW))} == {"P10", "P30"}


# --- how many VLANs are filtered ---------------------------------------------------------------------------------

COUNT = CHECK["vlan.zones-count"]


def count(token_of, atteint, partiel, **changes):
    top = topology(**changes)
    parameters = Tiers(control_window_s=60, atteint=atteint, partiel=partiel)
    (one,) = COUNT.subjects(top, parameters)
    requests = {r.key: r for r in COUNT.requests(top, one, parameters)}.values()
    found = [(r, told(r, token_of(r) if r.param("phase") == "attempt" else "open")) for r in requests]
    return value(COUNT, one, evidence(top, found), parameters)


def hole(request):
    """Dwellings reach the supervisor: VLAN 20 and 30 are not filtered, VLAN 10 is."""
    return "open" if (request.point, request.target) == ("P30", "sup") else "silence"


def unknown(request):
    return "missing" if (request.point, request.target) == ("P30", "sup") else "silence"


@pytest.mark.parametrize(
    ("token_of", "atteint", "partiel", "expected"),
    [
        (lambda request: "silence", 3, 1, Value.CONFORME),
        (lambda request: "silence", 4, 3, Value.PARTIEL),
        (lambda request: "silence", 5, 4, Value.NON_CONFORME),
        (hole, 3, 1, Value.PARTIEL),
        (hole, 1, 1, Value.CONFORME),
        (hole, 3, 2, Value.NON_CONFORME),
        (unknown, 3, 1, Value.NON_VERIFIE),
        (unknown, 1, 1, Value.CONFORME),
        (unknown, 4, 1, Value.PARTIEL),
        (lambda request: "missing", 3, 1, Value.NON_VERIFIE),
        (lambda request: "missing", 4, 4, Value.NON_CONFORME),
    ],
)
def test_zones_count(token_of, atteint, partiel, expected):
    assert count(token_of, atteint, partiel) is expected


def test_a_vlan_without_a_cell_is_neither_filtered_nor_open():
    vlans = [v.model_dump(mode="json") for v in topology().site.vlans]
    vlans.append({"id": 40, "name": "visiteurs", "zone": "logements", "subnets": []})
    assert count(lambda request: "silence", 3, 1, vlans=vlans) is Value.CONFORME
    assert count(lambda request: "silence", 4, 1, vlans=vlans) is Value.NON_VERIFIE
    assert count(lambda request: "silence", 5, 4, vlans=vlans) is Value.NON_VERIFIE
    assert count(lambda request: "silence", 6, 5, vlans=vlans) is Value.NON_CONFORME


def test_a_criterion_may_be_about_cells_towards_some_zones_only() -> None:
    """« aucune cellule vers l'administration » beside a share over all of them."""
    both = Topology(site(points=[{"id": p, "socket": f"PR-{p[2:]}", "interface": "lo"} for p in ("P-ADM", "P-LOG")]))
    every = {s.target for s in IcmpIsolated().subjects(both, Directed(control_window_s=60))}
    towards = Directed(control_window_s=60, towards=[ZoneKind.ADMINISTRATION])
    assert every == {"sw", "gw"}
    assert {s.target for s in IcmpIsolated().subjects(both, towards)} == {"sw"}
