"""Trials with foreign tags: who tries what from where, what it means, and what a real cable does to it."""

import asyncio
import os
import subprocess
from datetime import timedelta

import pytest

from probes.api import CollectFailure, NotVerified
from probes.vlan.facts import Loss
from probes.vlan.heard import _Window
from probes.vlan.heard_check import WindowParameters
from probes.vlan.tags import received, tried
from probes.vlan.tags_check import DoubleTag, SentTag
from probes.vlan.tags_facts import Arrival, TagsReceivedFacts, TagsSentFacts, Trial
from probes.vlan.tags_requests import stacks_of
from probes.wire.capture import CapturedFrame, Direction
from probes.wire.client import Wire
from probes.wire.trials import trial_frame
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure
from tests.probes.vlan.network import own_namespace
from tests.probes.vlan.support import NOON, QUIET, evidence, sender, site, topology, value
from tests.probes.vlan.test_heard import Anything, Beside

SENT, DOUBLE = SentTag(), DoubleTag()
LIMITS = WindowParameters(least_s=2, most_s=10)
MANDATE = {
    "reference": "M-1",
    "signed_by": "MOA",
    "valid_from": "2026-01-01",
    "valid_until": "2026-12-31",
    "intrusive_checks": ["vlan.sent-tag", "vlan.double-tag"],
}
SCOPE = {"networks": ["10.0.0.0/8"], "intrusiveness": "intrusive"}
C, N, NV = Value.CONFORME, Value.NON_CONFORME, Value.NON_VERIFIE


def mandated(**changes):
    """Three zones, of which technique has its point on another switch."""
    found = site()
    sockets = [each.model_dump(mode="json", exclude_none=True) for each in found.sockets]
    sockets[1]["switch"] = "sw2"
    devices = [each.model_dump(mode="json", exclude_none=True) for each in found.devices]
    devices.append({"id": "sw2", "role": "switch", "zone": "administration"})
    return topology(**({"scope": SCOPE, "mandate": MANDATE, "sockets": sockets, "devices": devices} | changes))


def keys(check, top):
    return [s.key for s in check.subjects(top, LIMITS)]


def test_each_point_tries_each_other_vlan():
    assert keys(SENT, mandated()) == [
        "S10 vlan=20 receiver=P20@P10",
        "S10 vlan=30 receiver=P30@P10",
        "S20 vlan=10 receiver=P10@P20",
        "S20 vlan=30 receiver=P30@P20",
        "S30 vlan=10 receiver=P10@P30",
        "S30 vlan=20 receiver=P20@P30",
    ]


def test_a_receiver_on_the_same_switch_is_preferred():
    more = [
        *({"id": f"P{v}", "socket": f"S{v}", "interface": f"p{v}"} for v in (20, 30, 10)),
        {"id": "P11", "socket": "S11", "interface": "p11"},
    ]
    top = mandated(points=more)
    sockets = [each.model_dump(mode="json", exclude_none=True) for each in top.site.sockets]
    sockets.append({**sockets[0], "id": "S11", "switch": "sw2", "port": "ge11"})
    assert "S20 vlan=10 receiver=P11@P20" in keys(SENT, mandated(points=more, sockets=sockets))


def test_two_tags_are_tried_from_each_vlan_to_another_switch():
    assert keys(DOUBLE, mandated()) == [
        "S10 vlan=20 receiver=P20@P10",
        "S20 vlan=10 receiver=P10@P20",  # of two receivers there, the one in the administration
        "S30 vlan=20 receiver=P20@P30",
    ]


def test_where_nobody_can_receive_nothing_is_claimed():
    points = [{"id": "P30", "socket": "S30", "interface": "p30"}]
    top = mandated(points=points)
    assert keys(SENT, top) == ["S30 vlan=10 receiver=-@P30", "S30 vlan=20 receiver=-@P30"]
    assert keys(DOUBLE, top) == ["S30 receiver=-@P30"]
    for check in (SENT, DOUBLE):
        for subject in check.subjects(top, LIMITS):
            assert check.requests(top, subject, LIMITS) == []
            assert value(check, subject, evidence(top, []), LIMITS) is NV


@pytest.mark.parametrize(
    "changes",
    [
        {"mandate": None},
        {"scope": SCOPE | {"intrusiveness": "safe"}},
        {"mandate": MANDATE | {"intrusive_checks": []}},
    ],
)
@pytest.mark.parametrize("check", [SENT, DOUBLE])
def test_what_the_site_file_does_not_ask_for_is_not_planned(check, changes):
    top = mandated(**changes)
    (subject,) = check.subjects(top, LIMITS)
    assert check.requests(top, subject, LIMITS) == []
    with pytest.raises(NotVerified, match="non planifié"):
        check.judge(subject, evidence(top, []), LIMITS)


def test_one_mandate_is_not_the_other():
    top = mandated(mandate=MANDATE | {"intrusive_checks": ["vlan.double-tag"]})
    assert keys(SENT, top) == ["essai"]
    assert len(keys(DOUBLE, top)) == 3


def asked(check, top, key):
    subject = next(s for s in check.subjects(top, LIMITS) if s.key == key)
    return subject, check.requests(top, subject, LIMITS)


def test_what_is_sent_is_in_the_request():
    top = mandated()
    _, (trials, window) = asked(SENT, top, "S30 vlan=20 receiver=P20@P30")
    assert (trials.collector, trials.point, trials.param("to"), stacks_of(trials)) == (
        "vlan.sent-tag",
        "P30",
        "P20",
        [(20,)],
    )
    assert (window.collector, window.point) == ("vlan.tags-received", "P20")
    _, (trials, _) = asked(DOUBLE, top, "S30 vlan=20 receiver=P20@P30")
    assert stacks_of(trials) == [(30, 20), (0, 20)]


NONCES = ("a" * 24, "b" * 24)
AT = tuple(NOON + timedelta(seconds=s) for s in (1.0, 1.4, 1.8))


def sent(stacks, **changes):
    base = {
        "receiver": "P20",
        "trials": tuple(Trial(vids=s, nonce=n, sent_at=AT, seen=3) for s, n in zip(stacks, NONCES, strict=False)),
        "window_start": NOON,
        "window_end": NOON + timedelta(seconds=3),
        "loss": QUIET,
        "controls": (sender(),),
    }
    return TagsSentFacts(**(base | changes))


def heard(seconds=9.0, start=0.0, **changes):
    base = {
        "window_start": NOON + timedelta(seconds=start),
        "window_end": NOON + timedelta(seconds=seconds),
        "arrivals": (),
        "unlisted": 0,
        "loss": QUIET,
        "controls": (sender(gateway="10.0.20.1"),),
    }
    return TagsReceivedFacts(**(base | changes))


def arrival(nonce=NONCES[0], vids=()):
    return Arrival(nonce=nonce, source="02:00:00:00:30:50", vids=vids, count=3)


ONE = ((20,),)
LOST = Loss(kernel=1, forwarding=0, interruptions=0)
MUTE = sender(resolved_before=False, echo_before=False)
TRIAL = Trial(vids=(20,), nonce=NONCES[0], sent_at=AT, seen=3)


@pytest.mark.parametrize(
    ("left", "arrived", "expected"),
    [
        (sent(ONE), heard(), C),
        (sent(ONE), heard(arrivals=(arrival(),)), N),
        (sent(ONE), heard(arrivals=(arrival(vids=(20,)),)), N),  # with its tag left on
        (sent(ONE), heard(arrivals=(arrival("c" * 24),)), C),  # another point's
        # What arrived, arrived: no control is asked for.
        (sent(ONE, controls=(), loss=LOST), heard(0.5, arrivals=(arrival(),), controls=(), loss=LOST), N),
        # Each control alone keeps silence from proving anything.
        (sent(ONE, loss=LOST), heard(), NV),
        (sent(ONE), heard(loss=LOST), NV),
        (sent(ONE), heard(unlisted=1), NV),
        (sent(ONE, controls=()), heard(), NV),
        (sent(ONE, controls=(MUTE,)), heard(), NV),
        (sent(ONE, controls=(sender(carrier_losses=1),)), heard(), NV),
        (sent(ONE, controls=(MUTE, sender(6))), heard(), C),  # heard in one version is heard
        (sent(ONE), heard(controls=()), NV),
        (sent(ONE), heard(controls=(sender(resolved_after=False, echo_after=False),)), NV),
        (sent(ONE, trials=(TRIAL.model_copy(update={"seen": 2}),)), heard(), NV),
        (sent(ONE, trials=(TRIAL.model_copy(update={"sent_at": (), "seen": 0}),)), heard(), NV),
        (sent(ONE, trials=(TRIAL.model_copy(update={"refusal": "périmètre"}),)), heard(), NV),
        (sent(ONE), heard(start=2.0), NV),  # it listened too late
        (sent(ONE), heard(1.2), NV),  # and not long enough
        (sent(ONE), heard(1.3), C),
        (Failure.OUT_OF_SCOPE, heard(), NV),
        (None, heard(), NV),
        (sent(ONE), Failure.MISSING_PRIVILEGE, NV),
        (sent(ONE), None, NV),
    ],
)
def test_a_sent_tag(left, arrived, expected):
    top = mandated()
    subject, (trials, window) = asked(SENT, top, "S30 vlan=20 receiver=P20@P30")
    assert value(SENT, subject, evidence(top, [(trials, left), (window, arrived)]), LIMITS) is expected


TWO = ((30, 20), (0, 20))


@pytest.mark.parametrize(
    ("left", "arrived", "expected"),
    [
        (sent(TWO), heard(), C),
        (sent(TWO), heard(arrivals=(arrival(NONCES[0]),)), N),
        (sent(TWO), heard(arrivals=(arrival(NONCES[1]),)), N),
        (sent(TWO, trials=(TRIAL, TRIAL.model_copy(update={"nonce": NONCES[1], "seen": 0}))), heard(), NV),
    ],
)
def test_two_tags(left, arrived, expected):
    top = mandated()
    subject, (trials, window) = asked(DOUBLE, top, "S30 vlan=20 receiver=P20@P30")
    assert value(DOUBLE, subject, evidence(top, [(trials, left), (window, arrived)]), LIMITS) is expected


def test_our_own_trials_are_no_foreign_frames_to_whoever_listens():
    ours, stranger = "02:00:00:00:30:50", "02:00:00:00:66:66"
    window = _Window(own=frozenset({ours}))
    for source in (ours, stranger):
        data = trial_frame(source, "02:00:00:00:20:50", (20,), NONCES[0])
        window.absorb([CapturedFrame("p30", 0, 0, Direction.INCOMING, None, len(data), data)])
    assert [(vids, source) for vids, (source, _, _) in window.tagged.items()] == [((20,), stranger)]


LIVE = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces and raw sockets")


def try_live(*cables, gate=None):
    """What P30 sends and P20 hears, over these cables."""
    top = mandated()
    _, (trials, window) = asked(DOUBLE, top, "S30 vlan=20 receiver=P20@P30")
    with own_namespace():
        for one, other in cables:
            subprocess.run(["ip", *f"link add {one} type veth peer name {other}".split()], check=True)
            for name in (one, other):
                subprocess.run(["ip", *f"link set {name} up".split()], check=True)

        async def run():
            async with await Wire.launch(["p30", "p20"], max_rate=1000, max_frames=100) as wire:
                here, there = (Beside(top, top.points[name], wire, gate or Anything()) for name in ("P30", "P20"))
                listening = asyncio.create_task(received(there, window))
                await asyncio.sleep(0.3)
                outcomes = [outcome async for _, outcome in tried(here, [trials])]
                return outcomes, (await listening).facts

        ((outcome,), found) = asyncio.run(run())
        return outcome, found


@LIVE
def test_a_cable_that_keeps_nothing_out_delivers_every_trial():
    outcome, found = try_live(("p30", "p20"))
    assert [(t.vids, len(t.sent_at), t.seen, t.refusal) for t in outcome.facts.trials] == [
        ((30, 20), 3, 3, None),
        ((0, 20), 3, 3, None),
    ]
    assert {(a.nonce, a.vids, a.count) for a in found.arrivals} == {(t.nonce, t.vids, 3) for t in outcome.facts.trials}
    assert (found.loss, found.unlisted, outcome.packets_sent) == (QUIET, 0, 6)
    assert found.window_start < min(outcome.facts.trials[0].sent_at)
    assert found.window_end > max(outcome.facts.trials[1].sent_at)


@LIVE
def test_cables_apart_deliver_nothing():
    outcome, found = try_live(("p30", "far"), ("p20", "near"))
    assert [t.seen for t in outcome.facts.trials] == [3, 3]
    assert found.arrivals == ()


@LIVE
def test_what_the_gate_refuses_is_said_and_never_leaves():
    outcome, found = try_live(("p30", "p20"), gate=Anything(closed=True))
    assert [(t.sent_at, t.seen, t.refusal) for t in outcome.facts.trials] == [((), 0, "not a point of ours")] * 2
    assert found.arrivals == ()


@LIVE
def test_a_receiver_that_is_not_of_this_machine_is_a_failure():
    with own_namespace():
        subprocess.run(["ip", "link", "add", "p30", "type", "veth", "peer", "name", "far"], check=True)
        for name in ("p30", "far"):
            subprocess.run(["ip", *f"link set {name} up".split()], check=True)
        top = mandated()
        _, (trials, _) = asked(SENT, top, "S30 vlan=20 receiver=P20@P30")

        async def run():
            async with await Wire.launch(["p30"], max_rate=1000, max_frames=100) as wire:
                access = Beside(top, top.points["P30"], wire, Anything())
                return [outcome async for _, outcome in tried(access, [trials])]

        (outcome,) = asyncio.run(run())
    assert isinstance(outcome.failure, CollectFailure)
    assert outcome.failure.failure is Failure.MISSING_INTERFACE
