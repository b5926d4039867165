"""A pass's own time: whatever is done to the wall clock, what was near stays near."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from r2s_audit.engine import steady
from r2s_audit.engine.steady import SteadyClock


def test_it_starts_with_the_wall_clock_and_never_goes_back():
    before = datetime.now(UTC)
    clock = SteadyClock()
    times = [clock.now() for _ in range(100)]
    assert times == sorted(times)
    assert before <= times[0] < datetime.now(UTC) + timedelta(seconds=1)
    assert times[0].tzinfo is UTC


def test_it_moves_by_what_goes_by(monkeypatch):
    clock = SteadyClock()
    monkeypatch.setattr(steady, "_elapsed", lambda: clock._start + 90.0)
    assert clock.now() - clock.began == timedelta(seconds=90)


def test_the_wall_clock_is_read_once(monkeypatch):
    """Set back an hour between two readings, it changes nothing."""
    clock = SteadyClock()
    first = clock.now()

    class SetBack(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - timedelta(hours=1)

    monkeypatch.setattr(steady, "datetime", SetBack)
    assert SteadyClock().began < first - timedelta(minutes=59), "the clock is really back"
    assert first <= clock.now() < first + timedelta(minutes=1)
