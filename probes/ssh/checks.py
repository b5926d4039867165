"""The family's collectors and checks, as the registry wants them; light to import."""

from __future__ import annotations

from probes.api import AnyCheck

from .check_protections import Layer2Protections
from .specs import COLLECTORS

CHECKS: tuple[AnyCheck, ...] = (Layer2Protections(),)

__all__ = ["CHECKS", "COLLECTORS"]
