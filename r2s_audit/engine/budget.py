"""How fast, and how much in all: the politeness of promise 12 as arithmetic.

Each bucket is a schedule: a packet leaves when every bucket that it belongs to has a free slot. No bursts beyond one
slot: a controller that chokes on ten packets at once is not told from one that chokes on a flood.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from r2s_audit.errors import R2SError
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Callable

    from r2s_audit.model.site import Device, Scope


INSTANT_S = 1e-6
"""Shorter than any packet: what is left of a wait by rounding."""


class OverBudget(R2SError):
    """The total number of packets that the site file allows is spent."""


@dataclass(slots=True)
class _Bucket:
    """One packet every ``1 / rate`` seconds; ``free_at`` is the time of the next free slot."""

    rate: float
    free_at: float = 0.0

    def take(self, now: float, packets: int) -> None:
        """Take the slots of packets that leave now."""
        self.free_at = now + packets / self.rate


@dataclass(slots=True)
class Budget:
    """Rates per target, for all building devices together, and in all; and the total count of a pass."""

    scope: Scope
    clock: Callable[[], float]
    sent: int = 0
    _all: _Bucket = field(init=False)
    _building: _Bucket = field(init=False)
    _targets: dict[str, _Bucket] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Make the buckets that every pass has."""
        self._all = _Bucket(self.scope.rates.total)
        self._building = _Bucket(self.scope.rates.building_devices)

    def charge(self, packets: int) -> None:
        """Count packets against the total.

        Raises:
            OverBudget: ``scope.max_packets`` would be passed.
        """
        if self.sent + packets > self.scope.max_packets:
            raise OverBudget(
                msg(
                    "budget épuisé : {sent} paquets envoyés, {most} permis", sent=self.sent, most=self.scope.max_packets
                ),
                remedy=msg("relever scope.max_packets dans le fichier de site"),
            )
        self.sent += packets

    def pay_now(self, device: Device | None, packets: int = 1) -> bool:
        """Charge packets and take their slots if all rates allow it at this moment; else False, with nothing charged.

        Raises:
            OverBudget: as :meth:`charge`.
        """
        buckets, now = self._buckets(device), self.clock()
        if any(bucket.free_at - now > INSTANT_S for bucket in buckets):
            return False
        self.charge(packets)
        for bucket in buckets:
            bucket.take(now, packets)
        return True

    async def pay(self, device: Device | None, packets: int = 1) -> None:
        """Charge packets and wait until the target's, the building devices' and the common rate all allow them.

        Args:
            device: the declared target; None for what is part of the network itself (a gateway).
            packets: how many.

        Raises:
            OverBudget: as :meth:`charge`.
        """
        self.charge(packets)
        buckets = self._buckets(device)
        # Slots are taken in all buckets at one moment, the one of sending: a slot taken earlier in one of them and used
        # late because of another would let two packets of a slow bucket leave close together.
        while (delay := max(bucket.free_at for bucket in buckets) - (now := self.clock())) > INSTANT_S:  # noqa: ASYNC110 - a schedule, not an event
            await asyncio.sleep(delay)
        for bucket in buckets:
            bucket.take(now, packets)

    def _buckets(self, device: Device | None) -> list[_Bucket]:
        name = device.id if device else ""
        buckets = [self._targets.setdefault(name, _Bucket(self.scope.rates.per_target)), self._all]
        if device is not None and not device.role.is_infrastructure:
            buckets.append(self._building)
        return buckets
