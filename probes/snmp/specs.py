"""What the plan must know of the collectors; nothing here imports a protocol library.

Costs are bounds that the collectors keep: past them a table becomes a gap, or the observation fails.
"""

from __future__ import annotations

from probes.api import CollectorSpec
from r2s_audit.model.base import Model
from r2s_audit.model.site import Intrusiveness

from .facts import BridgeFacts, EngineFacts, LegacyFacts, LevelsFacts, LldpFacts, SystemFacts

VERSION = "1"


def _spec(name: str, facts: type[Model], packets: int, seconds: float) -> CollectorSpec:
    return CollectorSpec(
        id=f"snmp.{name}",
        version=VERSION,
        facts=facts,
        function=f"probes.snmp.collect:{name}",
        intrusiveness=Intrusiveness.SAFE,
        packets=packets,
        seconds=seconds,
        usual_packets=min(packets, 8),  # measured on the reference building: 5 to 7
        usual_seconds=1.0,
    )


SYSTEM = _spec("system", SystemFacts, 400, 20.0)
LLDP = _spec("lldp", LldpFacts, 150, 15.0)
BRIDGE = _spec("bridge", BridgeFacts, 600, 30.0)
LEGACY = _spec("legacy", LegacyFacts, 14, 10.0)
"""Two controls of five packets at most (USM's own exchanges and one repetition), two communities in two versions."""
LEVELS = _spec("levels", LevelsFacts, 22, 20.0)
"""Two controls of five packets at most, two attempts of six (a discovery, its repetition, and as :data:`LEGACY`)."""
ENGINE = _spec("engine", EngineFacts, 2, 4.0)

COLLECTORS: tuple[CollectorSpec, ...] = (SYSTEM, LLDP, BRIDGE, LEGACY, LEVELS, ENGINE)
