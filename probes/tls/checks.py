"""What the family offers: one collector, four checks. Light: neither ``cryptography`` nor OpenSSL is imported here."""

from __future__ import annotations

from probes.api import AnyCheck, CollectorSpec
from probes.tls.check_certificate import CertificateRules
from probes.tls.check_chain import ChainRules
from probes.tls.check_suites import Suites
from probes.tls.check_versions import Versions
from probes.tls.facts import TlsEndpoint
from probes.tls.subjects import COLLECTOR
from r2s_audit.model.site import Intrusiveness

COLLECTORS: tuple[CollectorSpec, ...] = (
    CollectorSpec(
        id=COLLECTOR,
        version="1",
        facts=TlsEndpoint,
        function="probes.tls.collect:endpoint",
        intrusiveness=Intrusiveness.SAFE,
        packets=720,  # eighty connections of nine packets at most; survey.MAX_HANDSHAKES, a test holds them together
        seconds=60.0,
        usual_packets=84,  # measured on an endpoint of TLS 1.2 and 1.3 with the recommended suites
        usual_seconds=1.0,
    ),
)
CHECKS: tuple[AnyCheck, ...] = (Versions(), Suites(), CertificateRules(), ChainRules())
