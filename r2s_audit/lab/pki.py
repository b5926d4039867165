"""The building's own certification authority: a root, an issuing authority, and ECDSA leaves (ANSSI SDE-NT-35).

Leaves obey R24 to R29, R33 and R34: SHA-256, at most 825 days, P-256, critical key usage, one extended usage alone,
alternative names, a distribution point for revocations, and the chain in order up to below the root.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from .resources import Certificate

_ORGANISATION = "Résidence de référence"
_LONGEST_NAME = 64
_USAGES = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}
_REVOCATIONS = "http://pki.residence.r2s.test/emission.crl"
_ISSUED = "http://pki.residence.r2s.test/emission.cer"


def certificate_file(pki: Path, wanted: Certificate) -> Path:
    """Leaf, then the issuing authority."""
    return pki / f"{_stem(wanted)}.pem"


def key_file(pki: Path, wanted: Certificate) -> Path:
    """Give the leaf's private key."""
    return pki / f"{_stem(wanted)}.key"


def authorities_file(pki: Path) -> Path:
    """Both authorities, for a server that is shown a client's leaf alone."""
    return pki / "authorities.pem"


def _stem(wanted: Certificate) -> str:
    """Two wishes that differ have two files: a fault's certificate does not overwrite the sane one."""
    return f"{wanted.name}-{hashlib.sha256(repr(wanted).encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class Authority:
    """The issuing authority, ready to sign."""

    pki: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def create(cls, pki: Path) -> Authority:
        """Draw a root and an issuing authority; the root's key is not kept."""
        root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root_name, name = _name("Autorité racine de la résidence"), _name("Autorité d'émission de la résidence")
        root = _authority_certificate(root_name, root_name, root_key, root_key, years=10, depth=1)
        issuing = _authority_certificate(name, root_name, key, root_key, years=5, depth=0)
        _write(pki / "ca.pem", _pem(root), 0o644)
        _write(pki / "emission.pem", _pem(issuing), 0o644)
        _write(authorities_file(pki), _pem(issuing) + _pem(root), 0o644)
        _write(pki / "emission.key", _private(key), 0o600)
        return cls(pki, issuing, key)

    @classmethod
    def load(cls, pki: Path) -> Authority:
        """Take up the authority of a building that is already there."""
        certificate = x509.load_pem_x509_certificate((pki / "emission.pem").read_bytes())
        key = serialization.load_pem_private_key((pki / "emission.key").read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{pki / 'emission.key'}: not an elliptic curve key")
        return cls(pki, certificate, key)

    def ensure(self, wanted: Certificate) -> None:
        """Issue a certificate unless it was issued before."""
        target = certificate_file(self.pki, wanted)
        if target.exists():
            return
        key = ec.generate_private_key(ec.SECP256R1())
        _write(key_file(self.pki, wanted), _private(key), 0o600)
        _write(target, _pem(self._leaf(wanted, key)) + _pem(self.certificate), 0o644)

    def _leaf(self, wanted: Certificate, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        names: list[x509.GeneralName] = [x509.DNSName(wanted.name)]
        # A hostile name is one that the library would refuse to write.
        names += [x509.DNSName._init_without_validation(other) for other in wanted.others]  # noqa: SLF001 - see above
        names += [x509.IPAddress(ip_address(address)) for address in wanted.addresses]
        start = datetime.now(UTC) - timedelta(hours=1)
        builder = _builder(
            _name(wanted.subject or wanted.name), self.certificate.subject, key.public_key(), start, wanted.days
        )
        authority = x509.AuthorityInformationAccess(
            [x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(_ISSUED))]
        )
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(_REVOCATIONS)], None, None, None)
        return (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([_USAGES[wanted.usage]]), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.CRLDistributionPoints([point]), critical=False)
            .add_extension(authority, critical=False)
            .add_extension(_issuer_id(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )


def _authority_certificate(  # one certificate has two names and two keys
    name: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    years: int,
    depth: int,
) -> x509.Certificate:
    start = datetime.now(UTC) - timedelta(days=1)
    return (
        _builder(name, issuer, key.public_key(), start, 365 * years)
        .add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
        .add_extension(_usage(sign=False), critical=True)
        .add_extension(_issuer_id(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def _builder(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, sign: bool) -> x509.KeyUsage:
    """Key usage of a server (``sign``) or of an authority."""
    return x509.KeyUsage(
        digital_signature=sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not sign,
        crl_sign=not sign,
        encipher_only=False,
        decipher_only=False,
    )


def _issuer_id(key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANISATION),
            _common_name(common),
        ]
    )


def _common_name(common: str) -> x509.NameAttribute[str]:
    """At most 64 characters (X.520), unless a hostile device says otherwise."""
    hostile = len(common) > _LONGEST_NAME
    with warnings.catch_warnings():
        if hostile:
            warnings.simplefilter("ignore")
        return x509.NameAttribute(NameOID.COMMON_NAME, common, _validate=not hostile)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
