"""Which observation counts: later passes, discarded ones, resumed ones, the age of evidence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2s_audit.model.observation import Failure, Observation, request
from r2s_audit.model.record import Entry, Machine, Observed, PassClosed, PassDiscarded, PassOpened, PassResumed
from r2s_audit.scoring.supersede import as_known_at, counted, expired, usable

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
MACHINE = Machine(hostname="h", kernel="k", python="3.11", program="0", operator="o")
NAMES = ("a", "b", "c")
REQUESTS = {name: request("family.collector", "P1", name) for name in NAMES}
KEYS = {name: r.key for name, r in REQUESTS.items()}


class Ledger:
    """Entries one after the other, one minute apart."""

    def __init__(self):
        self.entries = []

    def add(self, body):
        number = len(self.entries)
        at = START + timedelta(minutes=number)
        self.entries.append(Entry(n=number, prev="sha256:" + "0" * 64, at=at, body=body))
        return number

    def open(self, name, *requests):
        keys = tuple(KEYS[r] for r in requests)
        return self.add(PassOpened(pass_id=name, points=("P1",), machine=MACHINE, requests=keys))

    def observe(self, pass_id, name, value=1, failure=None):
        at = START + timedelta(minutes=len(self.entries))
        return self.add(Observed(observation=observation(pass_id, name, at, value, failure)))

    def close(self, name, complete=True):
        return self.add(PassClosed(pass_id=name, complete=complete, planned=1, reported=1))

    def discard(self, name):
        return self.add(PassDiscarded(pass_id=name, reason="câble débranché par erreur", by="auditeur"))


def observation(pass_id, name, at, value=1, failure=None):
    return Observation(
        request=REQUESTS[name],
        pass_id=pass_id,
        state="failed" if failure else "completed",
        facts=None if failure else {"value": value},
        failure=failure,
        started=at,
        ended=at,
        collector_version="1",
    )


def values(ledger):
    """Request name to what counts: a value, a failure, or None."""
    names = {key: name for name, key in KEYS.items()}
    found = {}
    for key, result in counted(ledger.entries).items():
        seen = result.observation
        found[names[key]] = None if seen is None else seen.failure or seen.facts["value"]
    return found


def two_passes():
    ledger = Ledger()
    ledger.open("p1", "a", "b")
    ledger.observe("p1", "a", 1)
    ledger.observe("p1", "b", 1)
    ledger.close("p1")
    return ledger


class TestSupersession:
    def test_a_later_pass_supersedes_what_it_set_out_to_observe_and_nothing_else(self):
        ledger = two_passes()
        ledger.open("p2", "b", "c")
        ledger.observe("p2", "b", 2)
        number = ledger.observe("p2", "c", 2)
        assert values(ledger) == {"a": 1, "b": 2, "c": 2}
        result = counted(ledger.entries)[KEYS["c"]]
        assert (result.pass_id, result.entry) == ("p2", number)

    def test_a_failed_observation_supersedes_a_successful_one(self):
        ledger = two_passes()
        ledger.open("p2", "a")
        ledger.observe("p2", "a", failure=Failure.TIMEOUT)
        assert values(ledger) == {"a": Failure.TIMEOUT, "b": 1}

    @pytest.mark.parametrize("closed", [True, False], ids=["closed", "interrupted"])
    def test_what_a_later_pass_set_out_to_observe_and_did_not_is_absent(self, closed):
        ledger = two_passes()
        ledger.open("p2", "a")
        if closed:
            ledger.close("p2", complete=False)
        assert values(ledger) == {"a": None, "b": 1}

    def test_a_discarded_pass_does_not_count_whenever_it_is_discarded(self):
        ledger = two_passes()
        ledger.open("p2", "a")
        ledger.observe("p2", "a", 2)
        ledger.discard("p2")
        assert values(ledger) == {"a": 1, "b": 1}
        ledger.discard("p1")
        assert values(ledger) == {}

    def test_inside_a_pass_nothing_is_repeated_until_it_pleases(self):
        ledger = Ledger()
        ledger.open("p1", "a")
        ledger.observe("p1", "a", 1)
        ledger.add(PassResumed(pass_id="p1"))
        ledger.observe("p1", "a", 2)
        assert values(ledger) == {"a": 1}

    @pytest.mark.parametrize("failure", list(Failure))
    def test_a_resumed_pass_finishes_only_what_was_stopped(self, failure):
        ledger = Ledger()
        ledger.open("p1", "a")
        ledger.observe("p1", "a", failure=failure)
        ledger.add(PassResumed(pass_id="p1"))
        ledger.observe("p1", "a", 2)
        assert values(ledger) == {"a": 2 if failure is Failure.STOPPED else failure}

    def test_a_resumed_pass_keeps_the_rank_of_its_opening(self):
        ledger = Ledger()
        ledger.open("p1", "a", "b")
        ledger.open("p2", "a")
        ledger.observe("p2", "a", 2)
        ledger.add(PassResumed(pass_id="p1"))
        ledger.observe("p1", "a", 1)
        ledger.observe("p1", "b", 1)
        assert values(ledger) == {"a": 2, "b": 1}

    def test_an_observation_that_was_not_announced_counts_as_set_out_for(self):
        ledger = two_passes()
        ledger.open("p2", "a")
        ledger.observe("p2", "c", 2)
        assert values(ledger) == {"a": None, "b": 1, "c": 2}

    def test_a_ledger_that_is_none_is_refused(self):
        strangers = Ledger()
        strangers.observe("p1", "a")
        with pytest.raises(ValueError, match="never opened"):
            counted(strangers.entries)
        twice = two_passes()
        twice.open("p1", "a")
        with pytest.raises(ValueError, match="opened twice"):
            counted(twice.entries)
        nobody = Ledger()
        nobody.discard("p1")
        with pytest.raises(ValueError, match="never opened"):
            counted(nobody.entries)

    def test_a_judgement_of_the_past_knows_the_ledger_of_that_day(self):
        ledger = two_passes()
        last_of_first = ledger.entries[-1].at
        ledger.open("p2", "a")
        ledger.observe("p2", "a", 2)
        ledger.discard("p1")
        before = counted(as_known_at(ledger.entries, last_of_first))
        assert before[KEYS["a"]].pass_id == "p1"
        assert counted(as_known_at(ledger.entries, START - timedelta(seconds=1))) == {}
        assert counted(as_known_at(ledger.entries, START + timedelta(days=1))) == counted(ledger.entries)


outcomes = st.one_of(
    st.none(), st.integers(0, 3), st.sampled_from([Failure.TIMEOUT, Failure.STOPPED, Failure.INTERNAL_ERROR])
)
campaigns = st.lists(
    st.tuples(st.dictionaries(st.sampled_from(NAMES), outcomes), st.booleans()), min_size=1, max_size=5
)
"""Passes in order: what each set out to observe with its outcome (None: not recorded), and whether it is discarded."""


def ledger_of(campaign):
    ledger = Ledger()
    for index, (attempts, _) in enumerate(campaign):
        ledger.open(f"p{index}", *attempts)
        for name, outcome in attempts.items():
            if isinstance(outcome, Failure):
                ledger.observe(f"p{index}", name, failure=outcome)
            elif outcome is not None:
                ledger.observe(f"p{index}", name, outcome)
    for index, (_, gone) in enumerate(campaign):
        if gone:
            ledger.discard(f"p{index}")
    return ledger


@settings(max_examples=150, deadline=None)
@given(campaigns)
def test_no_running_until_green(campaign):
    """The last valid pass that set out for a request decides, whatever the passes before it had found."""
    expected = {}
    for attempts, gone in campaign:
        if not gone:
            expected.update(attempts)
    assert values(ledger_of(campaign)) == expected


@settings(max_examples=150, deadline=None)
@given(campaigns, st.data())
def test_losing_an_observation_only_ever_makes_it_absent(campaign, data):
    ledger = ledger_of(campaign)
    all_of_them = values(ledger)
    observed = [e for e in ledger.entries if isinstance(e.body, Observed)]
    kept = {e.n for e in observed if data.draw(st.booleans())}
    ledger.entries = [e for e in ledger.entries if not isinstance(e.body, Observed) or e.n in kept]
    fewer = values(ledger)
    assert fewer.keys() == all_of_them.keys()
    assert all(value is None or value == all_of_them[name] for name, value in fewer.items())


class TestExpiry:
    @pytest.mark.parametrize(
        ("age", "limit", "is_expired"),
        [
            (timedelta(days=90), 90, False),
            (timedelta(days=90, seconds=1), 90, True),
            (timedelta(days=5000), None, False),
            (timedelta(0), 1, False),
        ],
    )
    def test_age_at_the_date_of_judgement(self, age, limit, is_expired):
        assert expired(observation("p1", "a", START), limit, START + age) is is_expired

    def test_what_is_expired_gives_way_to_nothing_older(self):
        ledger = two_passes()
        ledger.open("p2", "a")
        ledger.observe("p2", "a", failure=Failure.REFUSED)
        ledger.open("p3", "c")
        results = counted(ledger.entries)
        fresh = usable(results, 10, START + timedelta(days=9))
        assert {o.request.target for o in fresh.observations.values()} == {"a", "b"}
        assert fresh.observations[KEYS["a"]].failure is Failure.REFUSED
        assert fresh.expired == frozenset()
        stale = usable(results, 10, START + timedelta(days=11))
        assert stale.observations == {}
        assert stale.expired == {KEYS["a"], KEYS["b"]}
        assert usable(results, None, START + timedelta(days=11)) == fresh
