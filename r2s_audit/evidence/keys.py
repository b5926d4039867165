"""Keys that sign and keys that verify: Ed25519, ECDSA P-256, RSA-PSS; from a file or held by an ssh-agent."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
    load_ssh_private_key,
    load_ssh_public_key,
)

from r2s_audit.errors import UsageError
from r2s_audit.evidence.regular import read_regular
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey
MIN_RSA_BITS = 2048
"""SDE-NT-35 R26, and as much as 2030 allows."""
MAX_KEY_FILE = 1 << 20
_PSS = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
_KINDS = msg("Ed25519, ECDSA P-256 ou RSA (2048 bits ou plus), en PEM ou au format OpenSSH")


class Signer(Protocol):
    """Somebody's private key, wherever it is."""

    @property
    def public_key(self) -> PublicKey:
        """The other half."""

    def sign(self, message: bytes) -> bytes:
        """A signature: 64 octets (Ed25519), DER (ECDSA P-256 with SHA-256), or RSA-PSS (SHA-256, salt of 32)."""


@dataclass(frozen=True, slots=True)
class FileSigner:
    """A private key read from a file."""

    key: PrivateKey

    @property
    def public_key(self) -> PublicKey:
        """The other half."""
        return self.key.public_key()

    def sign(self, message: bytes) -> bytes:
        """See :class:`Signer`."""
        match self.key:
            case ed25519.Ed25519PrivateKey():
                return self.key.sign(message)
            case ec.EllipticCurvePrivateKey():
                return self.key.sign(message, ec.ECDSA(hashes.SHA256()))
            case rsa.RSAPrivateKey():
                return self.key.sign(message, _PSS, hashes.SHA256())


def supported(key: object) -> PublicKey | None:
    """The key, if it is one of the three kinds; None for any other."""
    match key:
        case ed25519.Ed25519PublicKey():
            return key
        case ec.EllipticCurvePublicKey() if isinstance(key.curve, ec.SECP256R1):
            return key
        case rsa.RSAPublicKey() if key.key_size >= MIN_RSA_BITS:
            return key
        case _:
            return None


def spki(key: PublicKeyTypes) -> bytes:
    """DER of the SubjectPublicKeyInfo: what two equal keys share, however they were written."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_id(key: PublicKeyTypes) -> str:
    """``sha256:…`` of the SubjectPublicKeyInfo."""
    return f"sha256:{sha256(spki(key)).hexdigest()}"


def public_pem(key: PublicKeyTypes) -> str:
    """PEM of the SubjectPublicKeyInfo, as ``openssl pkey -pubin`` reads it."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def is_signature(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether this is the key's signature of the message."""
    try:
        match key:
            case ed25519.Ed25519PublicKey():
                key.verify(signature, message)
            case ec.EllipticCurvePublicKey():
                key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
            case rsa.RSAPublicKey():
                key.verify(signature, message, _PSS, hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def read_public_key(data: bytes) -> PublicKey:
    """A public key in PEM (SubjectPublicKeyInfo) or as OpenSSH writes it (``ssh-ed25519 …``).

    Raises:
        ValueError: neither, or a kind that this program does not verify.
    """
    try:
        key = load_ssh_public_key(data.strip()) if data.startswith((b"ssh-", b"ecdsa-")) else load_pem_public_key(data)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error
    found = supported(key)
    if found is None:
        raise ValueError(f"{type(key).__name__}: not Ed25519, ECDSA P-256 or RSA of {MIN_RSA_BITS} bits")
    return found


def read_certificate(data: bytes) -> x509.Certificate:
    """A certificate from somebody unknown, in PEM or DER, with every part read that is looked at later.

    Raises:
        ValueError: not a certificate, or one that the library does not read to its end.
    """
    try:
        pem = data.startswith(b"-----")
        certificate = x509.load_pem_x509_certificate(data) if pem else x509.load_der_x509_certificate(data)
        certificate.public_key()
        certificate.subject.rfc4514_string()
        _ = certificate.issuer, list(certificate.extensions)
        _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except (
        TypeError,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.InvalidVersion,
        x509.UnsupportedGeneralNameType,
    ) as error:
        raise ValueError(f"certificate: {error}") from error
    return certificate


def load_signer(path: Path, passphrase: bytes | None = None) -> FileSigner:
    """A signer from a private key file: PKCS#8, the older PEM forms, or OpenSSH's.

    Raises:
        UsageError: unreadable, a wrong passphrase or none, or a kind of key that this program does not sign with.
    """
    try:
        data = read_regular(path, MAX_KEY_FILE)
    except OSError as error:
        raise UsageError(msg("illisible : {path} ({error})", path=str(path), error=str(error.strerror))) from error
    load = load_ssh_private_key if b"OPENSSH PRIVATE KEY" in data else load_pem_private_key
    try:
        key = load(data, passphrase)
    except TypeError as error:  # what the library raises when a passphrase is given or missing against expectation
        raise UsageError(
            msg("{path} : phrase de passe absente ou sans objet", path=str(path)),
            remedy=msg("une clé protégée demande --passphrase ; une clé qui ne l'est pas s'en passe"),
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(
            msg("{path} : pas une clé privée lisible, ou une autre phrase de passe", path=str(path)), expected=_KINDS
        ) from error
    if not isinstance(key, PrivateKey) or supported(key.public_key()) is None:
        raise UsageError(
            msg("{path} : sorte de clé refusée ({kind})", path=str(path), kind=type(key).__name__), expected=_KINDS
        )
    return FileSigner(key)


def load_certificates(path: Path) -> tuple[x509.Certificate, ...]:
    """Certificates of a PEM file, in its order.

    Raises:
        UsageError: unreadable, or without one.
    """
    try:
        return tuple(x509.load_pem_x509_certificates(read_regular(path, MAX_KEY_FILE)))
    except OSError as error:
        raise UsageError(msg("illisible : {path} ({error})", path=str(path), error=str(error.strerror))) from error
    except ValueError as error:
        raise UsageError(msg("{path} : aucun certificat PEM", path=str(path))) from error
