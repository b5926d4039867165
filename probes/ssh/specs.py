"""What the plan must know of the collector; nothing here imports a protocol library."""

from __future__ import annotations

from probes.api import CollectorSpec
from probes.switching.asking import SWITCH as SWITCH_CONFIGURATION
from probes.switching.facts import SwitchFacts
from r2s_audit.model.site import Intrusiveness

SWITCH = CollectorSpec(
    id=SWITCH_CONFIGURATION,
    version="1",
    facts=SwitchFacts,
    function="probes.ssh.collect:switch",
    intrusiveness=Intrusiveness.SAFE,
    packets=600,
    seconds=45.0,
    usual_packets=45,  # measured on the reference building
    usual_seconds=2.0,
)
"""One session per device and pass: every command that its platform has is asked on it."""

COLLECTORS: tuple[CollectorSpec, ...] = (SWITCH,)
