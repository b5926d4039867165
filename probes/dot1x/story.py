"""What a supplicant says of an authentication, event by event; pure.

Sources: wpa_supplicant 2.10, src/common/wpa_ctrl.h (the events), wpa_supplicant/notify.c (certificates), eapol_supp_sm.c
and eap.c (STATUS). Subjects come from certificates and are hostile: they are bounded, and never told from our own words
by anything that they can contain.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Literal

from cryptography import x509

from probes.dot1x.facts import PeerCertificate

MAX_CERTIFICATES = 10
MAX_TEXT, MAX_ERROR = 1024, 256
_METHOD = re.compile(r"CTRL-EVENT-EAP-METHOD EAP vendor 0 method (\d{1,3})\b")
_CERTIFICATE = re.compile(r"CTRL-EVENT-EAP-PEER-CERT depth=(\d{1,2}) subject='.*' cert=((?:[0-9a-f]{2})+)", re.DOTALL)
_CERTIFICATE_ERROR = re.compile(r"CTRL-EVENT-EAP-TLS-CERT-ERROR .* err='([^']*)'", re.DOTALL)
_VALIDATED = "CTRL-EVENT-EAP-STATUS status='remote certificate verification' parameter='success'"


@dataclass(slots=True)
class Story:
    """Grows with every event; ``result`` is final once it is not None."""

    started: bool = False
    result: Literal["success", "failure"] | None = None
    method: int | None = None
    validated: bool | None = None
    validation_error: str = ""
    tls_version: str = ""
    tls_cipher: str = ""
    certificates: dict[int, bytes] = field(default_factory=dict)
    """DER by depth."""

    def hear(self, event: str) -> None:
        """Take one event in; what is of no interest changes nothing."""
        if event.startswith("CTRL-EVENT-EAP-STARTED"):
            self.started = True
        elif event.startswith("CTRL-EVENT-EAP-SUCCESS"):
            self.result = self.result or "success"
        elif event.startswith("CTRL-EVENT-EAP-FAILURE"):
            self.result = self.result or "failure"
        elif event.startswith(_VALIDATED):
            self.validated = self.validated is not False
        elif (found := _METHOD.match(event)) and int(found[1]) <= 255:  # noqa: PLR2004 - RFC 3748 §4: one octet
            self.method = int(found[1])
        elif found := _CERTIFICATE_ERROR.match(event):
            self.validated, self.validation_error = False, printable(found[1], MAX_ERROR)
        elif (found := _CERTIFICATE.fullmatch(event.rstrip("\n"))) and len(self.certificates) < MAX_CERTIFICATES:
            self.certificates.setdefault(int(found[1]), bytes.fromhex(found[2]))

    def status(self, answer: str) -> None:
        """Take in an answer to STATUS: two of its lines, none of them secret (its session identifiers stay out)."""
        lines = dict(line.partition("=")[::2] for line in answer.splitlines())
        self.tls_version = printable(lines.get("eap_tls_version", ""), 64)
        self.tls_cipher = printable(lines.get("EAP TLS cipher", ""), 128)

    def shown(self) -> tuple[PeerCertificate, ...]:
        """The server's certificates, its own first."""
        return tuple(_certificate(depth, der) for depth, der in sorted(self.certificates.items()) if depth <= 32)  # noqa: PLR2004 - PeerCertificate.depth


def _certificate(depth: int, der: bytes) -> PeerCertificate:
    subject, issuer = "", None
    try:
        parsed = x509.load_der_x509_certificate(der)
        subject = printable(parsed.subject.rfc4514_string(), MAX_TEXT)
        issuer = printable(parsed.issuer.rfc4514_string(), MAX_TEXT)
    except ValueError:
        issuer = None  # the octets are kept: whoever reads them later may know more
    return PeerCertificate(depth=depth, subject=subject, issuer=issuer, sha256=hashlib.sha256(der).hexdigest())


def printable(text: str, most: int) -> str:
    """Bounded; what does not print is replaced."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:most])
