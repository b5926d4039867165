"""Which requests wait for which: lanes by what a request opens, rounds inside a lane."""

from __future__ import annotations

import pytest

from probes.api import CollectorSpec
from probes.registry import collectors
from r2s_audit.engine.estimate import estimate
from r2s_audit.engine.schedule import lane, width
from r2s_audit.model.observation import request
from r2s_audit.model.plan import PlannedRequest
from r2s_audit.model.site import Scope
from r2s_audit.model.topology import Topology
from tests.builders import site

SPECS = collectors()
SWITCH, GATEWAY = (device.id for device in site().devices)


def lane_of(collector: str, target: str, point: str = "P-ADM") -> str:
    return lane(request(collector, point, target), SPECS[collector], Topology(site()))


def test_sessions_with_a_controller_and_knocks_at_it_share_a_lane() -> None:
    """A busy controller's silence would look like isolation, and it has one session at a time."""
    knocks = lane_of("vlan.reach", GATEWAY)
    assert lane_of("tls.endpoint", GATEWAY) == lane_of("services.modbus", GATEWAY) == knocks
    assert lane_of("vlan.inside", GATEWAY) == lane_of("vlan.reach", SWITCH) == knocks


def test_what_the_site_does_not_know_is_treated_as_a_controller() -> None:
    assert lane_of("tls.endpoint", "unknown") == lane_of("tls.endpoint", GATEWAY)


def test_switches_stand_sessions_beside_knocks() -> None:
    lanes = {lane_of(name, SWITCH) for name in ("snmp.system", "tls.endpoint", "services.http", "vlan.reach")}
    assert len(lanes) == 2
    (sessions,) = lanes - {lane_of("vlan.reach", SWITCH)}
    rates = Scope.model_validate({"networks": []}).rates
    assert width(sessions) * rates.per_target <= rates.total / 2, "windows beside them keep their pace"


def test_what_opens_nothing_waits_for_nobody() -> None:
    assert lane_of("ipv6.router", "socket") == lane_of("ipv6.echo", "socket") != lane_of("vlan.reach", "socket")
    assert lane_of("vlan.point", "socket") == lane_of("vlan.proxy", "socket") != lane_of("vlan.reach", "socket")


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_what_is_apart_opens_no_session(spec: CollectorSpec) -> None:
    assert not (spec.apart and spec.one_per_device)


def planned(collector: str, target: str, order: int, seconds: float) -> PlannedRequest:
    return PlannedRequest(
        request=request(collector, "P-ADM", target, order=order),
        intrusiveness=SPECS[collector].intrusiveness,
        packets=0,
        usual_packets=0,
        usual_seconds=seconds,
    )


def test_the_estimate_waits_for_the_slowest_lane_alone() -> None:
    asked = [
        planned("tls.endpoint", GATEWAY, 0, 2.0),
        planned("tls.endpoint", GATEWAY, 0, 1.0),
        planned("vlan.reach", GATEWAY, 10, 1.0),
        planned("ipv6.router", "socket", 0, 2.5),
    ]
    topology = Topology(site())
    assert estimate(asked, topology, SPECS).seconds == 3.0
    assert estimate([*asked, planned("ipv6.echo", "socket", 5, 1.0)], topology, SPECS).seconds == 3.5
