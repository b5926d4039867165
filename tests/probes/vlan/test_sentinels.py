"""Ports that nobody declares: which are asked of whom, and what open, closed and filtered mean there."""

import pytest
from pydantic import ValidationError

from probes.vlan.matrix import SENTINELS
from probes.vlan.sentinels import Sentinels, SentinelsIsolated
from r2s_audit.model.finding import Value
from r2s_audit.model.site import ZoneKind
from tests.probes.vlan.support import evidence, reaching, subject, told, topology, value

CHECK = SentinelsIsolated()
PORTS = Sentinels(control_window_s=60, ports=[22, 23, 443])
C, N, U = Value.CONFORME, Value.NON_CONFORME, Value.NON_VERIFIE


def keys(top, parameters=PORTS, point="P30"):
    return [s.key for s in CHECK.subjects(top, parameters) if s.point == point]


def host(name, last, ports=(), zone="technique", **more):
    services = [{"protocol": "https", "port": port} for port in ports]
    return {
        "id": name,
        "role": "controller",
        "zone": zone,
        "addresses": [f"10.0.20.{last}"],
        "services": services,
    } | more


def test_what_is_declared_is_left_to_the_ordinary_cells():
    assert keys(topology()) == [
        "sw address=10.0.10.2 port=22@P30",
        "sw address=10.0.10.2 port=23@P30",
        "sup address=10.0.20.10 port=22@P30",
        "sup address=10.0.20.10 port=23@P30",
        "sup address=fd00:20::10 port=22@P30",
        "sup address=fd00:20::10 port=23@P30",
    ]  # 443 is declared everywhere, the router answers for itself, and the point's own VLAN is no path


def test_hosts_take_turns_and_one_that_declares_the_port_is_passed_over():
    devices = [host("a", 11), host("b", 12, ports=[23]), host("c", 13)]
    assert keys(topology(devices=devices)) == [
        "a address=10.0.20.11 port=22@P30",
        "c address=10.0.20.13 port=23@P30",
        "c address=10.0.20.13 port=443@P30",
    ]


def test_a_server_is_asked_before_a_controller():
    devices = [host("a", 11), host("b", 12, role="server", ports=[443])]
    assert keys(topology(devices=devices)) == [
        "b address=10.0.20.12 port=22@P30",
        "b address=10.0.20.12 port=23@P30",
        "a address=10.0.20.11 port=443@P30",
    ]


def test_every_point_asks_the_same_host_for_the_same_port():
    devices = [host(f"d{n}", n) for n in range(11, 30)]
    top = topology(devices=devices)
    asked = {point: [key.partition("@")[0] for key in keys(top, point=point)] for point in ("P10", "P30")}
    assert asked["P10"] == asked["P30"]
    assert len(asked["P30"]) == len(PORTS.ports)  # three, of nineteen hosts


def test_one_point_speaks_for_its_vlan():
    points = [{"id": f"P30{n}", "socket": "S30", "interface": f"p30{n}"} for n in "ab"]
    asking = {s.point for s in CHECK.subjects(topology(points=points), PORTS)}
    assert asking == {"P30a"}


def test_what_a_flow_allows_is_asked_of_another_host():
    flows = [{"source": "logements", "destination": "a", "protocol": "tcp", "ports": [22]}]
    top = topology(devices=[host("a", 11), host("b", 12)], flows=flows)
    assert keys(top, Sentinels(control_window_s=60, ports=[22])) == ["b address=10.0.20.12 port=22@P30"]


def test_printers_are_never_asked_and_ports_are_bounded():
    top = topology(devices=[host("a", 11)])
    assert keys(top, Sentinels(control_window_s=60, ports=[9100])) == []
    with pytest.raises(ValidationError):
        Sentinels(control_window_s=60, ports=list(range(1, SENTINELS + 2)))


def test_towards_some_zones_only():
    towards = Sentinels(control_window_s=60, ports=[22], towards=[ZoneKind.ADMINISTRATION])
    assert keys(topology(), towards) == ["sw address=10.0.10.2 port=22@P30"]


@pytest.mark.parametrize(
    ("attempt", "control", "expected", "said"),
    [
        ("silence", "rst", C, "silence à 2 trames"),  # filtered, and the closed port answers its neighbours
        ("silence", "open", C, "silence à 2 trames"),  # filtered, and somebody listens there whom nobody declared
        ("prohibited", "rst", C, "refusé par"),
        ("rst", "rst", N, "le filtrage n'est pas fermé par défaut"),  # closed, and not filtered
        ("open", "missing", N, "port ouvert"),
        ("target-error", "rst", N, "le chemin est ouvert"),
        ("rst-near", "rst", U, ""),  # a filter's RST looks the same
        ("rst", "missing", U, ""),
        ("silence", "silence", U, ""),  # off, or closed to its neighbours too
        ("silence", "missing", U, ""),
        ("unresolved", "rst", U, ""),
        ("missing", "rst", U, ""),
    ],
)
@pytest.mark.parametrize("address", ["10.0.20.10", "fd00:20::10"])
def test_open_closed_and_filtered(address, attempt, control, expected, said):
    top = topology()
    one = subject(CHECK, top, PORTS, f"sup address={address} port=23@P30")
    before, asked, after = reaching(CHECK.requests(top, one, PORTS))
    proof = evidence(
        top, [(before, told(before, control)), (asked, told(asked, attempt)), (after, told(after, control))]
    )
    assert value(CHECK, one, proof, PORTS) is expected
    if said:
        assert said in str(CHECK.judge(one, proof, PORTS).measured)
