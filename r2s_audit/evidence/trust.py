"""Who is trusted, as somebody stated it: authorities, certificates and bare keys; and whether a signer is one of them.

Path building is ours and small, because building PKIs sign with Ed25519 and the library's verifier, made for the web,
refuses that; every signature is checked by the library. What it does not do it says: no revocation is looked up (a
verifier is offline), and a critical extension that is not understood ends the path.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from r2s_audit.errors import UsageError
from r2s_audit.evidence.keys import MAX_KEY_FILE, PublicKey, key_id, read_public_key
from r2s_audit.evidence.regular import read_regular
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

_T = TypeVar("_T", bound=x509.ExtensionType)
MAX_PATH = 8
MAX_CERTIFICATES = 16
_UNDERSTOOD = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.CRL_DISTRIBUTION_POINTS,
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
}


@dataclass(frozen=True, slots=True)
class Anchors:
    """What somebody states to trust, for everybody (``""``) or for one role."""

    certificates: tuple[tuple[str, x509.Certificate], ...] = ()
    keys: tuple[tuple[str, str], ...] = ()
    """Role and :func:`key_id`."""

    def for_role(self, role: str) -> Anchors:
        """Those that may speak in this role."""
        return Anchors(
            tuple(item for item in self.certificates if item[0] in {"", role}),
            tuple(item for item in self.keys if item[0] in {"", role}),
        )


def load_anchors(stated: Iterable[str]) -> Anchors:
    """Trust anchors from ``[ROLE=]PATH`` words: PEM certificates, PEM or OpenSSH public keys, or a directory of these.

    Raises:
        UsageError: a path that cannot be read, or that holds neither.
    """
    certificates: list[tuple[str, x509.Certificate]] = []
    keys: list[tuple[str, str]] = []
    for word in stated:
        role, _, rest = word.partition("=") if "=" in word and not Path(word).exists() else ("", "", word)
        for path in _files(Path(rest)):
            data = _read(path)
            try:
                if b"-----BEGIN CERTIFICATE-----" in data:
                    certificates.extend((role, c) for c in x509.load_pem_x509_certificates(data))
                else:
                    keys.append((role, key_id(read_public_key(data))))
            except ValueError as error:
                raise UsageError(
                    msg("{path} : ni certificat ni clé publique ({error})", path=str(path), error=str(error)),
                    expected=msg("un certificat PEM, ou une clé publique PEM ou OpenSSH"),
                ) from error
    return Anchors(tuple(certificates), tuple(keys))


def _files(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, MAX_KEY_FILE)
    except OSError as error:
        raise UsageError(
            msg("ancre de confiance illisible : {path} ({error})", path=str(path), error=str(error.strerror)),
            remedy=msg(
                "indiquer par --trust un certificat ou une clé publique reçus par une autre voie que le dossier"
            ),
        ) from error


def why_not_trusted(
    key: PublicKey,
    certificates: Sequence[x509.Certificate],
    anchors: Anchors,
    moment: datetime,
    *,
    for_time: bool = False,
) -> Message | None:
    """None where an anchor vouches for this key at this moment; else the reason.

    ``certificates`` come with the signature and are believed in nothing: they only lead from the key to an anchor.
    """
    if key_id(key) in {name for _, name in anchors.keys}:
        return None
    if not certificates:
        return msg("clé inconnue des ancres de confiance")
    leaf = certificates[0]
    trouble = _unfit(leaf, moment, for_time=for_time)
    if trouble is not None:
        return trouble
    trusted = [certificate for _, certificate in anchors.certificates]
    return _path(leaf, trusted, certificates[1:MAX_CERTIFICATES], moment)


def _unfit(leaf: x509.Certificate, moment: datetime, *, for_time: bool) -> Message | None:
    trouble = _outdated(leaf, moment) or _not_understood(leaf)
    if trouble is not None:
        return trouble
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    if for_time:
        # RFC 3161, 2.3: this purpose alone, and critical.
        if purposes is None or list(purposes.value) != [ExtendedKeyUsageOID.TIME_STAMPING] or not purposes.critical:
            return msg("certificat qui n'est pas d'une autorité d'horodatage : {name}", name=name_of(leaf))
        return None
    usage = _extension(leaf, x509.KeyUsage)
    if usage is not None and not (usage.value.digital_signature or usage.value.content_commitment):
        return msg("certificat qui n'est pas fait pour signer : {name}", name=name_of(leaf))
    return None


def _path(
    leaf: x509.Certificate, trusted: Sequence[x509.Certificate], others: Sequence[x509.Certificate], moment: datetime
) -> Message | None:
    """Follow issuers from the leaf to an anchor, every way there is, no deeper than :data:`MAX_PATH`."""
    reason = msg("certificat de {name}, sans chemin vers une ancre de confiance", name=name_of(leaf))
    if leaf in trusted:
        return None
    ways: list[tuple[x509.Certificate, int]] = [(leaf, 0)]
    seen = {leaf}
    while ways:
        certificate, below = ways.pop()
        for issuer in (*trusted, *others):
            if issuer in seen or not _issued(issuer, certificate):
                continue
            trouble = _outdated(issuer, moment) or _not_understood(issuer) or _no_authority(issuer, below)
            if trouble is not None:
                reason = trouble
                continue
            if issuer in trusted:
                return None
            seen.add(issuer)
            if below < MAX_PATH:
                ways.append((issuer, below + 1))
    return reason


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    if issuer.subject != certificate.issuer:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (
        ValueError,
        TypeError,
        InvalidSignature,
    ):  # another name, a key that cannot sign so, another key's signature
        return False
    return True


def _outdated(certificate: x509.Certificate, moment: datetime) -> Message | None:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if begin <= moment <= end:
        return None
    return msg(
        "certificat de {name} hors de ses dates (du {begin} au {end}) le {moment}",
        name=name_of(certificate),
        begin=begin.date().isoformat(),
        end=end.date().isoformat(),
        moment=moment.date().isoformat(),
    )


def _not_understood(certificate: x509.Certificate) -> Message | None:
    try:
        strange = [e.oid.dotted_string for e in certificate.extensions if e.critical and e.oid not in _UNDERSTOOD]
    except ValueError as error:
        return msg("certificat de {name} mal formé ({error})", name=name_of(certificate), error=str(error))
    if not strange:
        return None
    return msg(
        "certificat de {name} : extension critique non comprise ({oids})",
        name=name_of(certificate),
        oids=", ".join(strange),
    )


def _no_authority(issuer: x509.Certificate, below: int) -> Message | None:
    """RFC 5280, 6.1.4 (k)-(n): an authority says so, may sign certificates, and allows this many authorities below."""
    constraints, usage = _extension(issuer, x509.BasicConstraints), _extension(issuer, x509.KeyUsage)
    if (
        constraints is None
        or not constraints.value.ca
        or (constraints.value.path_length is not None and constraints.value.path_length < below)
        or (usage is not None and not usage.value.key_cert_sign)
    ):
        return msg("certificat de {name}, qui n'est pas une autorité", name=name_of(issuer))
    return None


def _extension(certificate: x509.Certificate, kind: type[_T]) -> x509.Extension[_T] | None:
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def name_of(certificate: x509.Certificate) -> str:
    """The subject as RFC 4514 writes it."""
    return certificate.subject.rfc4514_string()
