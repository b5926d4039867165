"""Whom the point authenticates as: the declared identity, or one that nobody has.

Secrets are read when they are needed, given to the supplicant's launcher, and kept nowhere.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from probes.api import CollectFailure
from probes.wire.supplicant import Credentials
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from probes.api import Access
    from r2s_audit.model.site import Dot1xCredentials

DAY = timedelta(days=1)


def declared(access: Access) -> Credentials:
    """The point's own credentials.

    Raises:
        CollectFailure: none are declared, or a file or secret cannot be read or is no certificate or key.
    """
    wanted = _wanted(access)
    certificate = key = b""
    if wanted.private_key is not None:
        certificate = _certificate(access, wanted)
        key = _key(access, wanted)
    return Credentials(
        method=wanted.method,
        identity=wanted.identity,
        outer=wanted.outer_identity,
        server_name=wanted.server_name,
        authority=_authority(access, wanted),
        inner=wanted.inner,
        password="" if wanted.password is None else access.own_secret(wanted.password),
        certificate=certificate,
        key=key,
    )


def fictitious(access: Access) -> Credentials:
    """An identity that no directory holds, in the declared realm, by the declared method; no secret of the site's.

    Raises:
        CollectFailure: the point declares no credentials to be shaped after, or an authority cannot be read.
    """
    wanted = _wanted(access)
    _, at, realm = wanted.identity.partition("@")
    name = f"r2s-inexistant-{secrets.token_hex(6)}{at}{realm}"
    certificate = key = b""
    if wanted.method == "eap-tls":
        certificate, key = _self_signed(name)
    return Credentials(
        method=wanted.method,
        identity=name,
        outer=wanted.outer_identity,
        server_name=wanted.server_name,
        authority=_authority(access, wanted),
        inner=wanted.inner,
        password=secrets.token_urlsafe(18),
        certificate=certificate,
        key=key,
    )


def _wanted(access: Access) -> Dot1xCredentials:
    if access.point.dot1x is None:
        raise CollectFailure(
            Failure.NOT_SUPPORTED, msg("le point {point} ne déclare pas d'identité 802.1X", point=access.point.id)
        )
    return access.point.dot1x


def _authority(access: Access, wanted: Dot1xCredentials) -> bytes:
    """The declared authorities as one PEM text without anything else that their files hold."""
    found: list[x509.Certificate] = []
    for name in wanted.trust:
        try:
            found += x509.load_pem_x509_certificates(access.declared_file(name))
        except ValueError as error:
            raise _unreadable(name) from error
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in found)


def _certificate(access: Access, wanted: Dot1xCredentials) -> bytes:
    try:
        return x509.load_pem_x509_certificate(access.declared_file(wanted.certificate)).public_bytes(Encoding.DER)
    except ValueError as error:
        raise _unreadable(wanted.certificate) from error


def _key(access: Access, wanted: Dot1xCredentials) -> bytes:
    reference = wanted.private_key or ""
    text = access.own_secret(reference).encode()
    try:
        return _der(load_pem_private_key(text, None))
    except (ValueError, TypeError):
        raise CollectFailure(
            Failure.ACCESS_DENIED, msg("{reference} : pas une clé privée PEM sans mot de passe", reference=reference)
        ) from None  # the library's words could quote the key


def _der(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _self_signed(name: str) -> tuple[bytes, bytes]:
    """A certificate that nobody issued, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.DER), _der(key)


def _unreadable(name: str) -> CollectFailure:
    return CollectFailure(Failure.ACCESS_DENIED, msg("{name} : pas un certificat PEM", name=name))
