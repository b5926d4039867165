"""The family's catalogue: checks alone, for every observation is another family's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.joined.apart import VlansHold
from probes.joined.dedicated import VlansDedicated

if TYPE_CHECKING:
    from probes.api import AnyCheck, CollectorSpec

COLLECTORS: tuple[CollectorSpec, ...] = ()
CHECKS: tuple[AnyCheck, ...] = (VlansHold(), VlansDedicated())
