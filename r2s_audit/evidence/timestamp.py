"""RFC 3161 time-stamps: asked of an authority that somebody declared, verified offline against stated anchors.

What is stamped is a signature: it existed at that time, hence also what it signs. Only a time-stamp says since when.
"""

from __future__ import annotations

import http.client
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from r2s_audit.errors import UsageError
from r2s_audit.evidence import der
from r2s_audit.evidence.der import Tlv
from r2s_audit.evidence.keys import read_certificate
from r2s_audit.evidence.trust import name_of, why_not_trusted
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from r2s_audit.evidence.trust import Anchors

SECONDS = 20.0
MAX_ANSWER = 1 << 18
"""Octets; an answer with its certificates is a few thousand."""
_SIGNED_DATA = "1.2.840.113549.1.7.2"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_SHA256_DER = bytes.fromhex("300d06096086480165030402010500")
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}
_RSA_PSS = "1.2.840.113549.1.1.10"
_CONTEXT_0, _CONTEXT_1, _CONTEXT_3 = 0xA0, 0xA1, 0xA3
_GRANTED = (0, 1)


class BadTimestampError(ValueError):
    """Not a time-stamp of these bytes; the text says why, in English, for the detail of a sentence."""


@dataclass(frozen=True, slots=True)
class Timestamp:
    """What a token says, its own signature being right; whether its authority is trusted is another question."""

    moment: datetime
    authority: str
    why_not_trusted: Message | None


def request_for(data: bytes, nonce: int) -> bytes:
    """A TimeStampReq (RFC 3161, 2.4.1) for the SHA-256 of these bytes, asking for the certificate; ``nonce`` has 63 bits at most."""
    imprint = der.encode(der.SEQUENCE, _SHA256_DER + der.encode(der.OCTET_STRING, sha256(data).digest()))
    version, certificate = b"\x02\x01\x01", b"\x01\x01\xff"
    return der.encode(der.SEQUENCE, version + imprint + der.encode(der.INTEGER, nonce.to_bytes(8)) + certificate)


def fetch(url: str, data: bytes) -> bytes:
    """A token for these bytes from a declared authority; redirections are not followed.

    Raises:
        UsageError: no such authority, no answer in time, or an answer that is not a time-stamp of these bytes.
    """
    nonce = secrets.randbits(62) | 1 << 62  # DER has no leading zeros: the first octet is never one
    try:
        answer = _post(url, request_for(data, nonce))
        token = _granted(answer)
        _verified(token, data, nonce)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UsageError(
            msg("autorité d'horodatage {url} : {error}", url=url, error=str(error)),
            remedy=msg("vérifier l'adresse et la route, ou se passer d'horodatage (sans --tsa)"),
        ) from error
    return token


def _post(url: str, body: bytes) -> bytes:
    """One POST (RFC 3161, 3.4)."""
    parts = urlsplit(url)
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    if parts.scheme not in kinds or not parts.hostname:
        raise ValueError("http://… or https://… expected")
    connection = kinds[parts.scheme](parts.hostname, parts.port, timeout=SECONDS)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, {"Content-Type": "application/timestamp-query"})
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise ValueError(f"HTTP {response.status}")
        answer = bytes(response.read(MAX_ANSWER + 1))
    finally:
        connection.close()
    if len(answer) > MAX_ANSWER:
        raise ValueError(f"more than {MAX_ANSWER} octets")
    return answer


def _granted(answer: bytes) -> bytes:
    """The token of a TimeStampResp (RFC 3161, 2.4.2)."""
    parts = der.parse(answer).expect(der.SEQUENCE).children()
    status = parts[0].expect(der.SEQUENCE).children()[0].expect(der.INTEGER) if parts else None
    if status is None or int.from_bytes(status.content) not in _GRANTED or len(parts) != 2:  # noqa: PLR2004
        raise BadTimestampError("not granted")
    return parts[1].raw


@dataclass(frozen=True, slots=True)
class _Token:
    """A SignedData (RFC 5652, 5.1) with one signer, taken apart."""

    content: bytes
    certificates: tuple[x509.Certificate, ...]
    signer: list[Tlv]


def verify(token: bytes, data: bytes, anchors: Anchors) -> Timestamp:
    """Verify a token over these bytes.

    Raises:
        BadTimestampError: damaged, of other bytes, or with a signature that is not its authority's.
    """
    moment, certificate, certificates = _verified(token, data, None)
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        raise BadTimestampError("a kind of key that is not verified")
    rest = [c for c in certificates if c != certificate]
    why = why_not_trusted(key, [certificate, *rest], anchors, moment, for_time=True)
    return Timestamp(moment, name_of(certificate), why)


def _verified(
    token: bytes, data: bytes, nonce: int | None
) -> tuple[datetime, x509.Certificate, tuple[x509.Certificate, ...]]:
    try:
        taken = _take_apart(token)
        certificate = _check_signature(taken)
        moment = _check_content(taken.content, data, nonce)
    except BadTimestampError:
        raise
    except (ValueError, LookupError, InvalidSignature, UnsupportedAlgorithm) as error:  # bytes of another shape
        raise BadTimestampError(f"{type(error).__name__} {error}".strip()) from error
    return moment, certificate, taken.certificates


def _take_apart(token: bytes) -> _Token:
    kind, wrapped = der.parse(token).expect(der.SEQUENCE).children()[:2]
    if kind.oid() != _SIGNED_DATA:
        raise BadTimestampError("not a SignedData")
    signed = wrapped.expect(_CONTEXT_0).children()[0].expect(der.SEQUENCE).children()
    content_kind, content = signed[2].children()[:2]
    if content_kind.oid() != _TST_INFO:
        raise BadTimestampError("not a time-stamp")
    certificates: tuple[x509.Certificate, ...] = ()
    for part in signed[3:-1]:
        if part.tag == _CONTEXT_0:
            certificates = tuple(read_certificate(c.raw) for c in part.children())
    signers = signed[-1].expect(der.SET).children()
    if len(signers) != 1:
        raise BadTimestampError(f"{len(signers)} signers instead of 1")
    inner = content.expect(_CONTEXT_0).children()[0].expect(der.OCTET_STRING).content
    return _Token(inner, certificates, signers[0].expect(der.SEQUENCE).children())


def _check_signature(token: _Token) -> x509.Certificate:
    """The certificate whose key signed the attributes, which name the content and the certificate (RFC 5652, 5.4)."""
    version, identifier, digest_algorithm, attributes, algorithm, signature = token.signer[:6]
    digest = _hash_of(digest_algorithm)
    if version.expect(der.INTEGER).content not in {b"\x01", b"\x03"}:
        raise BadTimestampError("unknown version of the signer")
    values = _attributes(attributes.expect(_CONTEXT_0))
    if values.get(_CONTENT_TYPE) is None or values[_CONTENT_TYPE].oid() != _TST_INFO:
        raise BadTimestampError("signed attributes name another content")
    if values[_MESSAGE_DIGEST].expect(der.OCTET_STRING).content != _digest(digest, token.content):
        raise BadTimestampError("the signed digest is not that of the content")
    certificate = _signing_certificate(token, values)
    del identifier  # issuer and serial number: the signing-certificate attribute says it, and is signed
    # Signed as a SET OF, whatever tag the structure gives it.
    _check(certificate, signature.expect(der.OCTET_STRING).content, b"\x31" + attributes.raw[1:], (algorithm, digest))
    return certificate


def _attributes(container: Tlv) -> dict[str, Tlv]:
    found: dict[str, Tlv] = {}
    for attribute in container.children():
        kind, values = attribute.expect(der.SEQUENCE).children()[:2]
        if kind.oid() in found:
            raise BadTimestampError("an attribute twice")
        found[kind.oid()] = values.expect(der.SET).children()[0]
    return found


def _signing_certificate(token: _Token, values: dict[str, Tlv]) -> x509.Certificate:
    """RFC 5035, 4 (SHA-256 by default), or RFC 2634, 5.4 (SHA-1): the signer's certificate by its digest."""
    if _SIGNING_CERTIFICATE_V2 in values:
        first = values[_SIGNING_CERTIFICATE_V2].children()[0].children()[0].children()
        named = first[0].tag == der.SEQUENCE
        algorithm: hashes.HashAlgorithm = _hash_of(first[0]) if named else hashes.SHA256()
        wanted = first[1 if named else 0].expect(der.OCTET_STRING).content
    elif _SIGNING_CERTIFICATE in values:
        algorithm = hashes.SHA1()  # noqa: S303 - which certificate is meant; the signature itself is judged apart
        wanted = values[_SIGNING_CERTIFICATE].children()[0].children()[0].children()[0].expect(der.OCTET_STRING).content
    else:
        raise BadTimestampError("does not say which certificate signed")
    for certificate in token.certificates:
        if _digest(algorithm, certificate.public_bytes(Encoding.DER)) == wanted:
            return certificate
    raise BadTimestampError("without the certificate of its signer")


def _check(
    certificate: x509.Certificate, signature: bytes, message: bytes, how: tuple[Tlv, hashes.HashAlgorithm]
) -> None:
    """InvalidSignature unless the certificate's key signed the message."""
    algorithm, digest = how
    key = certificate.public_key()
    match key:
        case rsa.RSAPublicKey():
            pss = algorithm.children()[0].oid() == _RSA_PSS
            salted = padding.PSS(padding.MGF1(digest), padding.PSS.AUTO)
            key.verify(signature, message, salted if pss else padding.PKCS1v15(), digest)
        case ec.EllipticCurvePublicKey():
            key.verify(signature, message, ec.ECDSA(digest))
        case ed25519.Ed25519PublicKey():
            key.verify(signature, message)
        case _:
            raise BadTimestampError("a kind of key that is not verified")


def _check_content(content: bytes, data: bytes, nonce: int | None) -> datetime:
    """The moment of a TSTInfo (RFC 3161, 2.4.2) that is about these bytes."""
    info = der.parse(content).expect(der.SEQUENCE).children()
    algorithm, digest = info[2].expect(der.SEQUENCE).children()[:2]
    if digest.expect(der.OCTET_STRING).content != _digest(_hash_of(algorithm), data):
        raise BadTimestampError("of other bytes")
    if nonce is not None and nonce not in {int.from_bytes(v.content) for v in info[5:] if v.tag == der.INTEGER}:
        raise BadTimestampError("answers another question")
    return _moment(info[4].expect(der.GENERALIZED_TIME).content)


def _moment(text: bytes) -> datetime:
    """``20260102030405[.678]Z``."""
    whole, _, fraction = text.decode("ascii", "replace").removesuffix("Z").partition(".")
    try:
        moment = datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        return moment.replace(microsecond=int((fraction + "000000")[:6]))
    except ValueError as error:
        raise BadTimestampError(f"no time: {whole[:20]!r}") from error


def _hash_of(algorithm: Tlv) -> hashes.HashAlgorithm:
    name = algorithm.expect(der.SEQUENCE).children()[0].oid()
    if name not in _HASHES:
        raise BadTimestampError(f"digest {name} is not accepted")
    return _HASHES[name]


def _digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    context = hashes.Hash(algorithm)
    context.update(data)
    return context.finalize()


def certificates_of(pems: Sequence[str]) -> tuple[x509.Certificate, ...]:
    """Certificates that travel with a signature; ValueError for one that is none."""
    return tuple(read_certificate(pem.encode()) for pem in pems)
