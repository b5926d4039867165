"""vlan.no-proxy: who answers in another VLAN's name, and what makes that silence worth something."""

import asyncio
import os
from datetime import timedelta

import pytest

from probes.api import NoParameters
from probes.vlan import neighbours, owners, proxying, window
from probes.vlan.facts import ForeignQuestion, Loss, ProxyFacts
from probes.vlan.matrix import matrix
from probes.vlan.proxy import NoProxy
from probes.wire.client import Wire
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure
from tests.probes.vlan.network import network, sysctl
from tests.probes.vlan.support import INTERVALS, NOON, QUIET, evidence, sender, topology, value
from tests.probes.vlan.test_live import POINTS, SUPERVISOR, FakeAccess, Gate, _observed

CHECK, NOTHING = NoProxy(), NoParameters()
TOPOLOGY = topology()
SUBJECT = next(s for s in CHECK.subjects(TOPOLOGY, NOTHING) if s.point == "P30" and s.get("version") == "4")
(ASKED,) = CHECK.requests(TOPOLOGY, SUBJECT, NOTHING)


def facts(*answers, loss=QUIET, control=None, **changes) -> ProxyFacts:
    questions = [
        ForeignQuestion(
            **({"address": f"10.0.20.{n}", "answer_mac": mac, "frames_sent": 2, "frames_seen": 2} | changes)
        )
        for n, mac in enumerate(answers, start=1)
    ]
    return ProxyFacts(
        version=4,
        questions=tuple(questions),
        window_start=NOON,
        window_end=NOON + timedelta(seconds=2),
        loss=loss,
        sender=control or sender(),
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (facts(None, None), Value.CONFORME),
        (facts(None, "02:00:00:00:30:01"), Value.NON_CONFORME),
        (facts("02:00:00:00:30:01", loss=Loss(kernel=3, forwarding=0, interruptions=0)), Value.NON_CONFORME),
        (facts(None, loss=Loss(kernel=3, forwarding=0, interruptions=0)), Value.NON_VERIFIE),
        (facts(None, control=sender(resolved_before=False, echo_before=False)), Value.NON_VERIFIE),
        (facts(None, control=sender(carrier_losses=1)), Value.NON_VERIFIE),
        (facts(None, frames_seen=1), Value.NON_VERIFIE),
        (facts(None, frames_sent=0, frames_seen=0), Value.NON_VERIFIE),
        (facts(), Value.NON_VERIFIE),
        (Failure.MISSING_PRIVILEGE, Value.NON_VERIFIE),
        (None, Value.NON_VERIFIE),
    ],
)
def test_judgement(found, expected):
    proof = evidence(TOPOLOGY, [(ASKED, found)])
    assert value(CHECK, SUBJECT, proof, NOTHING) is expected
    low, high = INTERVALS[expected]
    assert INTERVALS[value(CHECK, SUBJECT, evidence(TOPOLOGY, []), NOTHING)] == (0, 2)
    assert 0 <= low <= high <= 2


def test_one_device_of_each_other_vlan_is_asked_for_and_no_router():
    index = matrix(TOPOLOGY)
    assert [str(a) for a in index.foreign("P30", 4)] == ["10.0.10.2", "10.0.20.10"]
    assert [str(a) for a in index.foreign("P30", 6)] == ["fd00:20::10"]


@pytest.fixture
def short_waits(monkeypatch):
    for module in (window, neighbours, owners):
        monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces and raw sockets")
@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize(("proxy", "expected"), [(0, Value.CONFORME), (1, Value.NON_CONFORME)])
def test_a_router_that_answers_for_the_other_vlan(proxy, expected):
    top = topology(points=POINTS, devices=[SUPERVISOR], flows=[])
    subject = next(s for s in CHECK.subjects(top, NOTHING) if s.point == "P30" and s.get("version") == "4")
    (asked,) = CHECK.requests(top, subject, NOTHING)

    async def collected():
        async with await Wire.launch(["p30"], max_rate=5000, max_frames=500) as wire:
            return await proxying.proxy(FakeAccess(top, top.points["P30"], wire, Gate()), asked)

    with network("drop") as net:
        net.router.run(sysctl(["net/ipv4/conf/r30/proxy_arp"], proxy), sysctl(["net/ipv4/neigh/r30/proxy_delay"], 0))
        observation = _observed(asked, asyncio.run(collected()))
    proof = type(evidence(top, []))(top, {asked.key: observation})
    assert value(CHECK, subject, proof, NOTHING) is expected
