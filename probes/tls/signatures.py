"""Who signed a certificate; digests that the library no longer takes in a certificate included.

A certificate signed with SHA-1 is bad (R24), yet whether a declared authority signed it is another question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import SignatureAlgorithmOID

if TYPE_CHECKING:
    from cryptography import x509

_MD5 = hashes.MD5()  # noqa: S303 - only to verify what others signed
_SHA1 = hashes.SHA1()  # noqa: S303 - only to verify what others signed
_RSA_PKCS1: dict[str, hashes.HashAlgorithm] = {
    SignatureAlgorithmOID.RSA_WITH_MD5.dotted_string: _MD5,
    SignatureAlgorithmOID.RSA_WITH_SHA1.dotted_string: _SHA1,
    "1.3.14.3.2.29": _SHA1,  # sha1WithRSASignature of the OIW, seen in old factory certificates
}
_ECDSA: dict[str, hashes.HashAlgorithm] = {SignatureAlgorithmOID.ECDSA_WITH_SHA1.dotted_string: _SHA1}


def signature_problem(issued: x509.Certificate, issuer: x509.Certificate) -> str:
    """Why the issuer's key does not verify the certificate's signature.

    Args:
        issued: the certificate, whose issuer name is the issuer's subject.
        issuer: whose key is tried.

    Returns:
        ``""`` where it does, ``signature`` where it is wrong, ``unsupported`` where it cannot be computed.
    """
    try:
        issued.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return "signature"
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return _old_signature_problem(issued, issuer)
    return ""


def _old_signature_problem(issued: x509.Certificate, issuer: x509.Certificate) -> str:
    try:
        oid = issued.signature_algorithm_oid.dotted_string
        key = issuer.public_key()
        if issued.issuer != issuer.subject:
            return "unsupported"
        if isinstance(key, rsa.RSAPublicKey) and oid in _RSA_PKCS1:
            key.verify(issued.signature, issued.tbs_certificate_bytes, padding.PKCS1v15(), _RSA_PKCS1[oid])
        elif isinstance(key, ec.EllipticCurvePublicKey) and oid in _ECDSA:
            key.verify(issued.signature, issued.tbs_certificate_bytes, ec.ECDSA(_ECDSA[oid]))
        else:
            return "unsupported"
    except InvalidSignature:
        return "signature"
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "unsupported"
    return ""
