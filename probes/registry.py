"""Which families there are, and their collectors and checks; light to import (no protocol library).

A family registers itself here by one line: its package offers ``COLLECTORS`` and ``CHECKS`` in ``checks.py``.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probes.api import AnyCheck, CollectorSpec

FAMILIES = ("dot1x", "ipv6", "services", "snmp", "ssh", "tls", "vlan", "joined")


@cache
def collectors() -> dict[str, CollectorSpec]:
    """Every collector by its id; two with the same id are a fault found at once."""
    found: dict[str, CollectorSpec] = {}
    for family in FAMILIES:
        for spec in import_module(f"probes.{family}.checks").COLLECTORS:
            if spec.id in found:
                raise TypeError(f"collector {spec.id} registered twice")
            found[spec.id] = spec
    return found


@cache
def checks() -> dict[str, AnyCheck]:
    """Every check by its id; two with the same id are a fault found at once."""
    found: dict[str, AnyCheck] = {}
    for family in FAMILIES:
        for check in import_module(f"probes.{family}.checks").CHECKS:
            if check.id in found:
                raise TypeError(f"check {check.id} registered twice")
            found[check.id] = check
    return found
