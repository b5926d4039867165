"""The family's catalogue: its collectors and its checks. Imports nothing that talks to a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.api import CollectorSpec
from probes.dot1x.access import BadCredentialsRefused, OpensPort
from probes.dot1x.closed import AuthenticatorAnswers, PortClosed
from probes.dot1x.facts import AuthenticationFacts, ClosedFacts, StartFacts
from probes.dot1x.port import AUTHENTICATE, CLOSED, START
from r2s_audit.model.site import Intrusiveness

if TYPE_CHECKING:
    from probes.api import AnyCheck

COLLECTORS: tuple[CollectorSpec, ...] = (
    CollectorSpec(
        id=CLOSED,
        version="1",
        facts=ClosedFacts,
        function="probes.dot1x.collect:closed",
        intrusiveness=Intrusiveness.SAFE,
        packets=3,
        seconds=65.0,  # a profile may ask for twice that, which the deadline allows
        needs_wire=True,
        one_per_device=False,
    ),
    CollectorSpec(
        id=START,
        version="1",
        facts=StartFacts,
        function="probes.dot1x.collect:start",
        intrusiveness=Intrusiveness.SAFE,
        packets=3,
        usual_packets=2,
        seconds=10.0,
        usual_seconds=1.0,
        needs_wire=True,
        one_per_device=False,
    ),
    CollectorSpec(
        id=AUTHENTICATE,
        version="1",
        facts=AuthenticationFacts,
        function="probes.dot1x.collect:authenticate",
        intrusiveness=Intrusiveness.SAFE,
        packets=200,  # the supplicant's, three knocks, a question every half second while the port may open
        usual_packets=30,
        seconds=60.0,
        usual_seconds=20.0,  # two knocks, two seconds before the supplicant speaks
        needs_wire=True,
        one_per_device=False,
    ),
)
CHECKS: tuple[AnyCheck, ...] = (PortClosed(), AuthenticatorAnswers(), OpensPort(), BadCredentialsRefused())
