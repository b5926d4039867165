"""A measuring point that lives, and each way in which it does not."""

from ipaddress import ip_address

import pytest

from probes.api import NoParameters
from probes.vlan.checks import CHECKS
from probes.vlan.facts import GatewayAnswer, Loss, OwnAddress, PointFacts
from r2s_audit.model.finding import Value
from tests.probes.vlan.support import evidence, topology, value

CHECK = next(check for check in CHECKS if check.id == "vlan.point-alive")
C, N, U = Value.CONFORME, Value.NON_CONFORME, Value.NON_VERIFIE


def own(*texts):
    return tuple(OwnAddress(address=ip_address(a), prefix_length=64 if ":" in a else 24) for a in texts)


def gateways(four=True, six=True, asked=True):
    return tuple(
        GatewayAnswer(address=ip_address(a), asked=asked, mac="02:00:00:00:00:01" if alive else None, echo=alive)
        for a, alive in (("10.0.30.1", four), ("fd00:30::1", six))
    )


def judged(**changes):
    top = topology()
    one = next(s for s in CHECK.subjects(top, NoParameters()) if s.point == "P30")
    (request,) = CHECK.requests(top, one, NoParameters())
    base = {
        "interface": "p30",
        "up": True,
        "carrier": True,
        "speed_mbps": 1000,
        "duplex": "full",
        "mtu": 1500,
        "mac": "02:00:00:00:00:30",
        "addresses": own("10.0.30.50", "fe80::1"),
        "gateways": gateways(),
        "loss": Loss(kernel=0, forwarding=0, interruptions=0),
    }
    return value(CHECK, one, evidence(top, [(request, PointFacts(**base | changes))]), NoParameters())


LOST = Loss(kernel=4, forwarding=0, interruptions=0)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, C),
        ({"gateways": gateways(six=False)}, C),  # IPv6 is told, and judged elsewhere
        ({"speed_mbps": None, "duplex": None}, C),
        ({"loss": LOST}, C),  # an answer heard is heard
        ({"carrier": False}, N),
        ({"addresses": ()}, N),
        ({"addresses": own("192.168.1.20")}, N),
        ({"addresses": own("fd00:30::50")}, N),
        ({"gateways": gateways(four=False)}, N),
        ({"gateways": gateways(four=False), "loss": LOST}, U),
        ({"gateways": gateways(asked=False, four=False)}, U),
        ({"gateways": ()}, U),
        ({"up": False, "carrier": False}, U),  # the auditor's own doing
    ],
)
def test_point_table(changes, expected):
    assert judged(**changes) is expected


def test_ipv6_is_judged_where_it_is_alone():
    vlans = [
        {"id": 30, "name": "l", "zone": "logements", "subnets": [{"prefix": "fd00:30::/64", "gateway": "fd00:30::1"}]}
    ]
    sockets = [{"id": "S30", "zone": "logements", "vlan": 30, "switch": "sw", "port": "ge1"}]
    points = [{"id": "P30", "socket": "S30", "interface": "p30"}]
    top = topology(vlans=vlans, sockets=sockets, points=points)
    (one,) = CHECK.subjects(top, NoParameters())
    (request,) = CHECK.requests(top, one, NoParameters())
    for alive, expected in ((True, C), (False, N)):
        facts = PointFacts(
            interface="p30",
            up=True,
            carrier=True,
            speed_mbps=None,
            duplex=None,
            mtu=1500,
            mac="02:00:00:00:00:30",
            addresses=own("fd00:30::50"),
            gateways=gateways(six=alive)[1:],
            loss=Loss(kernel=0, forwarding=0, interruptions=0),
        )
        assert value(CHECK, one, evidence(top, [(request, facts)]), NoParameters()) is expected


def test_points_that_may_not_send_are_no_subjects():
    points = [
        {"id": f"P-{kind}", "socket": "S30", "interface": "p30", "kind": kind}
        for kind in ("access", "trunk", "unauthenticated", "mirror")
    ]
    assert [s.point for s in CHECK.subjects(topology(points=points), NoParameters())] == ["P-access", "P-trunk"]
