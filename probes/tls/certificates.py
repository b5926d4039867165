"""DER to facts: what a certificate says, read without judging it; a hostile certificate costs its own facts only."""

from __future__ import annotations

import hashlib
import warnings
from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import AuthorityInformationAccessOID, SignatureAlgorithmOID

from probes.tls.facts import Certificate
from probes.tls.signatures import signature_problem

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_TEXT = 1024
MAX_NAMES = 256
"""Names, URLs or usages of one certificate; what is beyond is not kept."""
_EDWARDS_HASH = {SignatureAlgorithmOID.ED25519: "sha512", SignatureAlgorithmOID.ED448: "shake256"}
_EDWARDS_SUBGROUP = {"ed25519": 253, "ed448": 446}
_EXPLICIT_CURVE = bytes.fromhex("06072a8648ce3d0201") + b"\x30"
"""id-ecPublicKey followed by a SEQUENCE, where RFC 5480, 2.1.1, allows the OID of a named curve only: parameters of its own."""
_KEY_TYPES: dict[str, type] = {
    "rsa": rsa.RSAPublicKey,
    "ec": ec.EllipticCurvePublicKey,
    "dsa": dsa.DSAPublicKey,
    "ed25519": ed25519.Ed25519PublicKey,
    "ed448": ed448.Ed448PublicKey,
}
_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
    "crl_sign",
)  # fmt: skip
E = TypeVar("E", bound=x509.ExtensionType)


class UnreadableCertificate(Exception):
    """Bytes that are no X.509 certificate."""


def load(der: bytes) -> x509.Certificate:
    """Parse the DER of one certificate.

    Raises:
        UnreadableCertificate: the outer structure, a name or a date does not parse.
    """
    try:
        with warnings.catch_warnings():
            # What is odd in a certificate is a fact of the report, not a line on the user's screen.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            certificate = x509.load_der_x509_certificate(der)
            # These parse on demand; a certificate without them is none.
            _ = (certificate.subject, certificate.issuer, certificate.not_valid_before_utc)
            _ = (certificate.version, certificate.not_valid_after_utc, certificate.signature_algorithm_oid)
            _ = (certificate.serial_number, certificate.public_key_algorithm_oid)
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise UnreadableCertificate(str(error)) from error
    return certificate


def digest(der: bytes) -> str:
    """SHA-256, the name of a certificate everywhere in this family."""
    return hashlib.sha256(der).hexdigest()


def describe(certificate: x509.Certificate, der: bytes) -> Certificate:
    """The facts of one certificate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # as in load
        return _describe(certificate, der)


def _describe(certificate: x509.Certificate, der: bytes) -> Certificate:
    extensions = read_extensions(certificate)
    kind, bits, curve, exponent = _key(certificate)
    san = extension(extensions, x509.SubjectAlternativeName)
    basic = extension(extensions, x509.BasicConstraints)
    usage = extension(extensions, x509.KeyUsage)
    extended = extension(extensions, x509.ExtendedKeyUsage)
    aia = extension(extensions, x509.AuthorityInformationAccess)
    return Certificate(
        sha256=digest(der),
        version=certificate.version.value + 1,
        subject=_cut(certificate.subject.rfc4514_string()),
        issuer=_cut(certificate.issuer.rfc4514_string()),
        serial=_cut(f"{certificate.serial_number:x}"),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        key_type=kind,
        key_bits=bits,
        curve=curve,
        rsa_exponent=exponent,
        signature_algorithm=_cut(_signature_name(certificate)),
        signature_hash=_signature_hash(certificate),
        dns_names=_texts(san.get_values_for_type(x509.DNSName) if san else ()),
        ip_addresses=_texts(str(a) for a in san.get_values_for_type(x509.IPAddress)) if san else (),
        has_san=san is not None,
        key_usage=tuple(name for name in _USAGES if getattr(usage, name)) if usage else None,
        key_usage_critical=bool(usage)
        and extensions is not None
        and extensions.get_extension_for_class(x509.KeyUsage).critical,
        extended_key_usage=_texts(oid.dotted_string for oid in extended) if extended else None,
        ca=basic.ca if basic else None,
        path_length=basic.path_length if basic else None,
        crl_urls=_texts(_crl_urls(extension(extensions, x509.CRLDistributionPoints))),
        ocsp_urls=_texts(_access_urls(aia, AuthorityInformationAccessOID.OCSP)),
        issuer_urls=_texts(_access_urls(aia, AuthorityInformationAccessOID.CA_ISSUERS)),
        self_signed=is_self_signed(certificate),
        extensions_readable=extensions is not None,
        truncated=san is not None and len(list(san)) > MAX_NAMES,
    )


def read_extensions(certificate: x509.Certificate) -> x509.Extensions | None:
    """All extensions, or None where one of them does not parse or occurs twice."""
    try:
        return certificate.extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, UnsupportedAlgorithm):
        return None


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Subject and issuer equal, and its own key verifies it; a signature that cannot be computed is told by the names."""
    return certificate.subject == certificate.issuer and signature_problem(certificate, certificate) != "signature"


def extension(extensions: x509.Extensions | None, kind: type[E]) -> E | None:
    """The value of an extension; None where it, or every extension, is missing."""
    if extensions is None:
        return None
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _key(certificate: x509.Certificate) -> tuple[str, int | None, str, str]:
    """Type, bits, curve and RSA exponent of the public key."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "unreadable", None, "", ""
    kind = next((name for name, types in _KEY_TYPES.items() if isinstance(key, types)), "other")
    curve = key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else ""
    if curve and _EXPLICIT_CURVE in certificate.tbs_certificate_bytes:
        kind = "ec-explicit"
    exponent = _cut(str(key.public_numbers().e)) if isinstance(key, rsa.RSAPublicKey) else ""
    bits = _EDWARDS_SUBGROUP.get(kind) or getattr(key, "key_size", None)
    return kind, bits, curve, exponent


def _signature_name(certificate: x509.Certificate) -> str:
    oid = certificate.signature_algorithm_oid
    return oid.dotted_string if oid._name == "Unknown OID" else oid._name  # noqa: SLF001 - the library's only name of an OID


def _signature_hash(certificate: x509.Certificate) -> str:
    oid = certificate.signature_algorithm_oid
    if oid in _EDWARDS_HASH:
        return _EDWARDS_HASH[oid]
    try:
        algorithm = certificate.signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError):
        return ""
    return algorithm.name if algorithm else ""


def _crl_urls(points: x509.CRLDistributionPoints | None) -> Iterable[str]:
    for point in points or ():
        yield from (n.value for n in point.full_name or () if isinstance(n, x509.UniformResourceIdentifier))


def _access_urls(aia: x509.AuthorityInformationAccess | None, method: x509.ObjectIdentifier) -> Iterable[str]:
    for entry in aia or ():
        if entry.access_method == method and isinstance(entry.access_location, x509.UniformResourceIdentifier):
            yield entry.access_location.value


def _cut(text: str) -> str:
    return text[:MAX_TEXT]


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(_cut(value) for value, _ in zip(values, range(MAX_NAMES), strict=False))
