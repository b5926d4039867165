"""The time of a pass: UTC as it was when the pass began, and what has gone by since.

Somebody sets the laptop's clock, or a time server does, between a control and the attempt that it stands for: by the
wall clock the two would seem closer together, or further apart, than they were. So a pass reads the wall clock once.
What goes by while the laptop sleeps counts (CLOCK_BOOTTIME).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


def _elapsed() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class SteadyClock:
    """UTC that never goes back and never jumps."""

    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    _start: float = field(default_factory=_elapsed)

    def now(self) -> datetime:
        """UTC."""
        return self.began + timedelta(seconds=_elapsed() - self._start)
