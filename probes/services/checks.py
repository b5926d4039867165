"""What the family offers: a collector per protocol, four checks. Imports nothing that talks to a network."""

from __future__ import annotations

from probes.api import AnyCheck, CollectorSpec
from probes.services.check_answers import Answers
from probes.services.check_class import Classified
from probes.services.check_open import MqttAnonymous, RtspClear
from probes.services.facts import ServiceFacts
from r2s_audit.model.site import Intrusiveness

DATAGRAM_PACKETS = 1
STREAM_PACKETS = 11
"""Connection, exchange and handshake (collect.CONNECTION_PACKETS and its neighbours; a test holds them together)."""
SECONDS = 9.0
"""Connection 2 s, handshake 5 s, answer 2 s."""


def _spec(protocol: str, packets: int) -> CollectorSpec:
    return CollectorSpec(
        id=f"services.{protocol}",
        version="1",
        facts=ServiceFacts,
        function=f"probes.services.collect:{protocol}",
        intrusiveness=Intrusiveness.SAFE,
        packets=packets,
        seconds=SECONDS,
        usual_seconds=0.5,
    )


COLLECTORS: tuple[CollectorSpec, ...] = (
    _spec("bacnet", DATAGRAM_PACKETS),
    _spec("knx", DATAGRAM_PACKETS),
    *(_spec(protocol, STREAM_PACKETS) for protocol in ("modbus", "mqtt", "rtsp", "sip", "http")),
)
CHECKS: tuple[AnyCheck, ...] = (Answers(), Classified(), MqttAnonymous(), RtspClear())
