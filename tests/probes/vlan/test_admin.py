"""The administration plane from the user zones: closed, visible, open, and how the equipment is shown alive."""

import pytest
from pydantic import ValidationError

from probes.vlan.admin import AdminPlane
from probes.vlan.checks import CHECKS
from probes.vlan.facts import Loss
from r2s_audit.model.finding import Value
from tests.probes.vlan.support import evidence, sender, subject, told, topology, value

CHECK = next(check for check in CHECKS if check.id == "vlan.admin-unreachable")
PLANE = AdminPlane(control_window_s=60, ports=[22, 443], user_zones=["logements", "visiteurs"])
FAR, NEAR = "sw address=10.0.10.2 port=22@P30", "rt address=10.0.30.1 port=22@P30"
C, P, N, U = Value.CONFORME, Value.PARTIEL, Value.NON_CONFORME, Value.NON_VERIFIE


def judged(key, attempt, port="missing", echo="missing", **heard):
    """``port`` and ``echo``: what both controls show of the very port and of the echo."""
    top = topology()
    one = subject(CHECK, top, PLANE, key)
    found = []
    for request in CHECK.requests(top, one, PLANE):
        if request.param("phase") == "attempt":
            found.append((request, told(request, attempt, **heard)))
        else:
            found.append((request, told(request, port if request.param("protocol") == "tcp" else echo)))
    return value(CHECK, one, evidence(top, found), PLANE)


@pytest.mark.parametrize(
    ("attempt", "port", "echo", "expected"),
    [
        ("open", "missing", "missing", N),
        ("open", "open", "open", N),
        ("rst", "missing", "missing", P),
        ("rst-near", "open", "open", P),
        ("target-error", "missing", "missing", P),
        ("silence", "open", "missing", C),
        ("silence", "rst", "missing", C),  # closed for everybody, and alive
        ("silence", "silence", "open", C),  # mute for everybody, alive by its echo
        ("silence", "missing", "open", C),
        ("prohibited", "rst", "missing", C),
        ("silence", "silence", "silence", U),
        ("silence", "missing", "missing", U),
        ("silence", "failed", "failed", U),
        ("silence", "silence", "prohibited", U),
        ("host-unreachable", "open", "open", U),
        ("unresolved", "open", "open", U),
        ("missing", "open", "open", U),
    ],
)
def test_equipment_of_another_vlan(attempt, port, echo, expected):
    assert judged(FAR, attempt, port, echo) is expected


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        ({}, C),
        ({"loss": Loss(kernel=2, forwarding=0, interruptions=0)}, U),
        ({"control": sender(carrier_losses=1)}, U),
        ({"control": sender(resolved_after=False, echo_after=False)}, U),
    ],
)
def test_silence_needs_hearing(heard, expected):
    assert judged(FAR, "silence", "open", "open", **heard) is expected
    assert judged(NEAR, "silence", **heard) is expected  # the gateway lives: it answered this very point


@pytest.mark.parametrize(("after", "expected"), [(20, C), (5, U), (59, U)])
def test_echo_controls_embrace_the_attempt(after, expected):
    top = topology()
    one = subject(CHECK, top, PLANE, FAR)
    found = []
    for request in CHECK.requests(top, one, PLANE):
        echo = request.param("protocol") == "icmp"
        at = after if echo and request.param("phase") == "after" else None
        found.append((request, told(request, "open" if echo else "silence", at=at)))
    assert value(CHECK, one, evidence(top, found), PLANE) is expected


def test_own_gateway_is_asked_and_its_answers_count():
    assert judged(NEAR, "open") is N
    assert judged(NEAR, "rst") is P
    assert judged(NEAR, "target-error") is P


def test_neighbour_equipment_is_shown_alive_by_its_echo():
    devices = [{"id": "sw2", "role": "switch", "zone": "logements", "addresses": ["10.0.30.9"]}]
    top = topology(devices=devices)
    one = subject(CHECK, top, PLANE, "sw2 address=10.0.30.9 port=22@P30")
    requests = CHECK.requests(top, one, PLANE)
    assert [(r.point, r.param("protocol"), r.order) for r in requests] == [
        ("P30", "icmp", 10),
        ("P30", "tcp", 20),
        ("P30", "icmp", 30),
    ]
    for echo, expected in (("open", C), ("silence", U), ("missing", U)):
        found = [(r, told(r, "silence" if r.order == 20 else echo)) for r in requests]
        assert value(CHECK, one, evidence(top, found), PLANE) is expected


def test_every_address_and_the_own_gateways_are_subjects():
    keys = {s.key for s in CHECK.subjects(topology(), PLANE)}
    addresses = {("sw", "10.0.10.2"), ("rt", "10.0.10.1"), ("rt", "10.0.20.1"), ("rt", "10.0.30.1")}
    expected = {f"{name} address={address} port={port}@P30" for name, address in addresses for port in (22, 443)}
    undeclared = {f"logements address=fd00:30::1 port={port}@P30" for port in (22, 443)}
    assert keys == expected | undeclared  # the IPv6 gateway belongs to no declared device: its zone stands for it


def test_parameters_are_not_empty():
    with pytest.raises(ValidationError):
        AdminPlane(control_window_s=60, ports=[], user_zones=["logements"])
    with pytest.raises(ValidationError):
        AdminPlane(control_window_s=60, ports=[22], user_zones=["locataires"])
