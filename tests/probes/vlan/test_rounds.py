"""In which rounds requests are made: controls stay close to what they embrace, in a small building and a large one."""

from collections import defaultdict
from ipaddress import ip_address

from probes.vlan.admin import AdminPlane
from probes.vlan.checks import CHECKS
from probes.vlan.holes import FromPort
from probes.vlan.isolation import Directed, Tiers, Window
from probes.vlan.matrix import ATTEMPT, FRAMES, GROUP_SECONDS, Cell
from probes.vlan.sentinels import Sentinels
from probes.vlan.udp_sentinels import UdpSentinels
from probes.vlan.window import Question, in_turns
from tests.probes.vlan.support import reaching, topology

REACHING = {
    "vlan.icmp-isolated": Directed(control_window_s=60),
    "vlan.tcp-isolated": Directed(control_window_s=60),
    "vlan.udp-isolated": Directed(control_window_s=60),
    "vlan.no-return-hole": FromPort(control_window_s=60, source_port=53),
    "vlan.sentinels-isolated": Sentinels(control_window_s=60, ports=[22, 23, 80, 830]),
    "vlan.udp-sentinels-isolated": UdpSentinels(control_window_s=60, ports=[9, 33434]),
    "vlan.flows-open": Window(control_window_s=60),
    "vlan.admin-unreachable": AdminPlane(control_window_s=60, ports=[22, 23], user_zones=["logements"]),
    "vlan.zones-count": Tiers(control_window_s=60, atteint=4, partiel=2),
}


def requests_of(top):
    """Requests of every check and subject, as the plan asks for them."""
    for check in CHECKS:
        if check.id in REACHING:
            for subject in check.subjects(top, REACHING[check.id]):
                yield reaching(check.requests(top, subject, REACHING[check.id]))


def large():
    zones = {10: "administration", 20: "technique", 30: "logements"}
    devices = []
    for i in range(300):
        vid = (10, 20, 30, 30)[i % 4]
        devices.append(
            {
                "id": f"d{i}",
                "role": "switch" if vid == 10 else "controller",
                "zone": zones[vid],
                "addresses": [f"10.0.{vid}.{20 + i // 2}", f"fd00:{vid}::{i + 100:x}"],
                "services": [{"protocol": "https", "port": 443}],
            }
        )
    return topology(devices=devices)


def test_a_small_building_has_three_rounds():
    orders = {r.order for requests in requests_of(topology()) for r in requests}
    assert orders == {10, 20, 30}


def test_one_request_has_one_order_whoever_asks():
    for top in (topology(), large()):
        known = {}
        for requests in requests_of(top):
            for request in requests:
                assert known.setdefault(request.key, request.order) == request.order


def test_in_a_large_building_controls_embrace_their_attempt_in_consecutive_rounds():
    groups = set()
    for requests in requests_of(large()):
        by_target = defaultdict(set)
        for request in requests:
            by_target[request.target].add((request.param("phase"), request.order % 30 or 30, request.order))
        for rounds in by_target.values():
            start = min(order for _, _, order in rounds) - (10 if len(rounds) == 3 else 20)
            assert start % 30 == 0
            assert {(phase, order - start) for phase, _, order in rounds} <= {
                ("before", 10),
                ("attempt", 20),
                ("after", 30),
            }
            groups.add(start // 30)
    assert groups == set(range(max(groups) + 1))
    assert len(groups) > 5


def test_the_attempts_of_a_round_fit_its_time():
    top = large()
    frames = defaultdict(int)
    distinct = {r.key: r for requests in requests_of(top) for r in requests}
    for request in distinct.values():
        device = top.devices.get(request.target)  # None: a gateway that no device declares
        if device and not device.role.is_infrastructure:
            frames[request.order] += FRAMES
    slowest = max(frames.values()) / top.site.scope.rates.building_devices
    assert GROUP_SECONDS / 4 < slowest <= GROUP_SECONDS


def test_targets_take_turns():
    def question(target, port):
        asked = Cell("P30", target, ip_address("10.0.20.10"), "tcp", port).ask(ATTEMPT)
        return Question(asked, ip_address("10.0.20.10"), "tcp", port, None)

    given = [question("a", 1), question("a", 2), question("a", 3), question("b", 1), question("c", 1), question("c", 2)]
    turns = [(q.request.target, q.port) for q in in_turns(given)]
    assert turns == [("a", 1), ("b", 1), ("c", 1), ("a", 2), ("c", 2), ("a", 3)]
