"""Politeness as arithmetic, on a clock of the test's own."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r2s_audit.engine import budget as budgets
from r2s_audit.engine.budget import Budget, OverBudget
from r2s_audit.model.site import Device, Scope
from tests.builders import site

SWITCH, GATEWAY = site().devices
OTHER = GATEWAY.model_copy(update={"id": "gw2"})


def scope(**rates: int) -> Scope:
    return Scope.model_validate({"networks": ["127.0.0.0/8"], "rates": rates, "max_packets": 1000})


class Clock:
    """Time that passes only when somebody sleeps; several sleepers share it in the order of their waking."""

    def __init__(self) -> None:
        self.now = 0.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def sent_at(monkeypatch: pytest.MonkeyPatch, limits: Scope, targets: list[Device | None]) -> list[float]:
    """When each packet of one sender leaves."""
    clock = Clock()
    monkeypatch.setattr(budgets.asyncio, "sleep", clock.sleep)
    budget = Budget(limits, clock=lambda: clock.now)
    times = []

    async def send() -> None:
        for target in targets:
            if not budget.pay_now(target):
                await budget.pay(target)
            times.append(clock.now)

    asyncio.run(send())
    return times


def busiest(times: list[float]) -> int:
    """Packets in the fullest window of one second."""
    return max((sum(start <= t < start + 1 - 1e-4 for t in times) for start in times), default=0)


@given(st.lists(st.sampled_from([SWITCH, GATEWAY, OTHER, None]), max_size=80))
def test_no_second_holds_more_than_its_rates(targets: list[Device | None]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        times = sent_at(patch, scope(total=30, per_target=10, building_devices=6), targets)
    assert busiest(times) <= 30
    assert busiest([t for t, d in zip(times, targets, strict=True) if d is SWITCH]) <= 10
    assert busiest([t for t, d in zip(times, targets, strict=True) if d in (GATEWAY, OTHER)]) <= 6


def test_the_total_is_a_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = scope(total=10000, per_target=10000).model_copy(update={"max_packets": 3})
    budget = Budget(limits, clock=lambda: 0.0)
    budget.charge(3)
    with pytest.raises(OverBudget, match="3 permis"):
        budget.charge(1)
    assert budget.sent == 3


def test_what_goes_now_is_charged_and_what_has_to_wait_is_not() -> None:
    now = [0.0]
    budget = Budget(scope(total=10, per_target=10, building_devices=5), clock=lambda: now[0])
    assert [budget.pay_now(SWITCH), budget.pay_now(SWITCH), budget.pay_now(GATEWAY)] == [True, False, False]
    assert budget.sent == 1
    now[0] = 0.1
    assert budget.pay_now(GATEWAY)
    now[0], budget.sent = 0.2, 1000
    with pytest.raises(OverBudget):
        budget.pay_now(SWITCH)


def test_a_slow_target_does_not_hold_up_the_others() -> None:
    """Ten packets to one device take a second of its time; the other device is served meanwhile."""

    async def both() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        budget = Budget(scope(total=1000, per_target=50), clock=loop.time)
        start = loop.time()

        async def send(device: Device, packets: int) -> float:
            for _ in range(packets):
                await budget.pay(device)
            return loop.time() - start

        server = SWITCH.model_copy(update={"id": "other"})
        slow, quick = await asyncio.gather(send(SWITCH, 20), send(server, 2))
        return slow, quick

    slow, quick = asyncio.run(both())
    assert quick < slow / 2
