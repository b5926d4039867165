"""What is observed of a TLS endpoint: protocol versions, suites, groups and certificates, as sent.

``None`` always means *not learnt*; nothing is filled in by inference.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from r2s_audit.model.base import Model

VersionName: TypeAlias = Literal["SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"]
VERSION_NAMES: tuple[VersionName, ...] = ("TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0", "SSLv3")
"""Every version that is asked for, newest first (SSLv2 has no ClientHello of this format)."""

Text = Annotated[str, Field(max_length=1024)]
"""A text that comes from the device; cut to this length where it is collected."""


class VersionResult(Model):
    """What came of offering one protocol version alone.

    ``refused`` needs the server's own words: a fatal alert that says so (``alert``: its description, RFC 8446, 6) or a
    ServerHello of another version (``answered``). Everything else that is not an acceptance is an ``error``.
    """

    version: VersionName
    status: Literal["accepted", "refused", "error", "untested"]
    alert: Annotated[int, Field(ge=0, le=255)] | None = None
    answered: VersionName | None = None
    error: str = ""
    """``timeout``, ``closed``, ``reset``, ``not_tls``, ``malformed``, ``limit``, ``alert``, ``connect``, ``budget``, ``tls``."""


class SuiteResult(Model):
    """A suite that the server chose, with the parameters of the key exchange of that very handshake."""

    code: Annotated[str, Field(pattern=r"^0x[0-9A-F]{4}$")]
    name: str
    group: str = ""
    """IANA name of the group; empty where the exchange has none or it was not seen."""
    dh_bits: int | None = None
    """Size of the prime of a finite-field exchange, in bits."""
    encrypt_then_mac: bool = False
    """RFC 7366 was agreed."""
    compression: Annotated[int, Field(ge=0, le=255)] = 0
    """Compression method chosen (RFC 3749); 0 is none."""


class AcceptedSuites(Model):
    """The suites accepted under one version, in the order in which the server chose them."""

    version: VersionName
    suites: tuple[SuiteResult, ...]
    complete: bool
    """The server refused what was left, in so many words: there is no further suite among those that are known."""


class Controls(Model):
    """A handshake that this endpoint went through in the same observation, before and after the refusals."""

    before: bool = False
    after: bool = False


class Certificate(Model):
    """One certificate, read but not judged; the DER is kept as a blob of digest ``sha256``."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    version: int
    """As people count: 1 or 3."""
    subject: Text
    issuer: Text
    serial: Text
    """Hexadecimal."""
    not_before: datetime
    not_after: datetime
    key_type: str
    """``rsa``, ``ec``, ``ed25519``, ``ed448``, ``dsa``, ``other``; ``ec-explicit`` for a curve by its own parameters, which
    RFC 5480, 2.1.1, forbids; ``unreadable`` where the key does not parse."""
    key_bits: int | None = None
    """RSA, DSA: size of the modulus. Elliptic curves: size of the field; Edwards curves: of the subgroup (253, 446)."""
    curve: str = ""
    rsa_exponent: Text = ""
    """Decimal: a hostile exponent has no bound that JSON numbers would stand."""
    signature_algorithm: Text
    """Name or dotted OID."""
    signature_hash: str = ""
    """``sha256``…; Ed25519 and Ed448 sign with sha512 and shake256 (RFC 8032)."""
    dns_names: tuple[Text, ...] = ()
    ip_addresses: tuple[Text, ...] = ()
    has_san: bool = False
    key_usage: tuple[str, ...] | None = None
    key_usage_critical: bool = False
    extended_key_usage: tuple[Text, ...] | None = None
    """Dotted OIDs."""
    ca: bool | None = None
    """basicConstraints; None where the extension is absent."""
    path_length: int | None = None
    crl_urls: tuple[Text, ...] = ()
    """Recorded, never followed."""
    ocsp_urls: tuple[Text, ...] = ()
    """Recorded, never followed."""
    issuer_urls: tuple[Text, ...] = ()
    """Recorded, never followed."""
    self_signed: bool
    """Subject and issuer are equal and its own key verifies the signature."""
    extensions_readable: bool = True
    """False: some extension does not parse, or one occurs twice; all of them then read as absent."""
    truncated: bool = False
    """The certificate has more names than are kept."""


class Path(Model):
    """Whether signatures lead from the leaf to a declared anchor, through what was sent.

    Dates and names are no part of it. ``not_declared``: the service has no ``trust``; nothing was tried.
    ``missing_issuer``: the issuer of ``stopped_at`` was neither sent nor declared. ``no_anchor``: the chain ends at a
    self-signed certificate that is not declared. ``broken``: an issuer is there, yet ``problem`` says why it does not do.
    """

    result: Literal["anchored", "not_declared", "missing_issuer", "no_anchor", "broken"]
    certificates: tuple[str, ...] = ()
    """SHA-256 from the leaf to the anchor, or as far as it went."""
    stopped_at: Text = ""
    """Issuer name that was looked for in vain."""
    problem: str = ""
    """``signature``, ``not_ca``, ``key_usage``, ``path_length``, ``name_constraints``, ``critical_extension``, ``leaf_is_ca``,
    ``unreadable``, ``unsupported``, ``limit``."""


class Chain(Model):
    """A certificate list as the server sent it."""

    seen_with: tuple[VersionName, ...]
    certificates: tuple[Certificate, ...]
    """Leaf first, as sent, less those that do not parse."""
    unreadable: tuple[int, ...] = ()
    """Places, counted from 0, of what was sent and is no X.509 certificate; kept as blobs like the others."""
    ordered: bool
    """Each certificate is followed by its issuer (RFC 5246, 7.4.2)."""
    path: Path

    @property
    def leaf(self) -> Certificate | None:
        """The server's own certificate; None where it does not parse."""
        return self.certificates[0] if self.certificates and 0 not in self.unreadable else None


class Negotiated(Model):
    """The one handshake that was carried through, with the newest offer."""

    completed: bool
    version: VersionName | None = None
    suite: SuiteResult | None = None
    client_certificate_requested: bool = False
    """Seen in TLS 1.2 and older only."""
    alert: int | None = None
    error: str = ""


class TlsEndpoint(Model):
    """Everything that was learnt of one service at one address."""

    at: datetime
    """When the handshakes began: dates are judged against it."""
    mode: Literal["full", "single"]
    handshakes: int
    server_name: str
    """The name that was asked for (SNI); empty: none."""
    negotiated: Negotiated
    versions: tuple[VersionResult, ...]
    controls: Controls
    suites: tuple[AcceptedSuites, ...] = ()
    renegotiation_info: bool | None = None
    """RFC 5746 in every ServerHello of TLS 1.2 or older; None where there was none."""
    downgrade_sentinel: bool | None = None
    """RFC 8446, 4.1.3, in every older ServerHello of a server that accepts TLS 1.3; None where it does not apply."""
    chains: tuple[Chain, ...] = ()
    anchors: tuple[Certificate, ...] = ()
    """What the site file declares under ``trust``."""
    anchors_unreadable: tuple[Text, ...] = ()
    """Files of ``trust`` that could not be read as certificates."""

    def version(self, name: str) -> VersionResult:
        """The result of a version; KeyError for a name that is none."""
        return {result.version: result for result in self.versions}[name]  # type: ignore[index]
