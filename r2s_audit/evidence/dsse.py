"""Signed statements: DSSE envelopes (Dead Simple Signing Envelope 1.0.2), one signature each.

What is signed is the pre-authentication encoding of type and payload, never a JSON text that readers could normalise in
two ways. Beside the signature an envelope carries what a verifier needs who was given nothing else: the public key, the
certificates, an RFC 3161 time-stamp of the signature. None of these is believed by itself.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass

from pydantic import Field, ValidationError

from r2s_audit.model.base import Model

MAX_ENVELOPE = 1 << 20
"""Octets; ours are a few thousand."""


class DamagedEnvelopeError(ValueError):
    """Not an envelope of ours; the text says what is wrong, in English, for the detail of a sentence."""


class _Signature(Model):
    keyid: str = ""
    sig: str
    public_key: str
    certificates: tuple[str, ...] = ()
    timestamp: str = ""


class _Envelope(Model):
    payload_type: str = Field(alias="payloadType")
    payload: str
    signatures: tuple[_Signature, ...]


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed statement, taken apart; ``keyid`` is a label and no ground for trust (DSSE 1.0.2)."""

    payload_type: str
    payload: bytes
    keyid: str
    signature: bytes
    public_key_pem: str
    certificates_pem: tuple[str, ...] = ()
    """The signer's own first, then what leads to an authority."""
    timestamp: bytes = b""
    """DER of an RFC 3161 TimeStampToken over ``signature``; empty without."""

    @property
    def signed_bytes(self) -> bytes:
        """What the signature is over."""
        return pae(self.payload_type, self.payload)

    def to_json(self) -> bytes:
        """The file: JSON with sorted keys, ended by a newline."""
        signature: dict[str, object] = {
            "keyid": self.keyid,
            "public_key": self.public_key_pem,
            "sig": b64encode(self.signature).decode(),
        }
        if self.certificates_pem:
            signature["certificates"] = list(self.certificates_pem)
        if self.timestamp:
            signature["timestamp"] = b64encode(self.timestamp).decode()
        document = {
            "payload": b64encode(self.payload).decode(),
            "payloadType": self.payload_type,
            "signatures": [signature],
        }
        return json.dumps(document, sort_keys=True, indent=1).encode() + b"\n"


def pae(payload_type: str, payload: bytes) -> bytes:
    """Pre-authentication encoding: ``DSSEv1 SP LEN(type) SP type SP LEN(body) SP body``."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse_envelope(data: bytes) -> Envelope:
    """An envelope from its file; nothing is verified yet.

    Only the bytes that :meth:`Envelope.to_json` writes are taken: two files that say the same are one file, so that no
    octet of it can be changed unseen.

    Raises:
        DamagedEnvelopeError: too large, not JSON of this shape, not base64, more or less than one signature.
    """
    if len(data) > MAX_ENVELOPE:
        raise DamagedEnvelopeError(f"more than {MAX_ENVELOPE} octets")
    try:
        read = _Envelope.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise DamagedEnvelopeError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    if len(read.signatures) != 1:
        raise DamagedEnvelopeError(f"{len(read.signatures)} signatures instead of 1")
    signature = read.signatures[0]
    try:
        envelope = Envelope(
            payload_type=read.payload_type,
            payload=b64decode(read.payload, validate=True),
            keyid=signature.keyid,
            signature=b64decode(signature.sig, validate=True),
            public_key_pem=signature.public_key,
            certificates_pem=signature.certificates,
            timestamp=b64decode(signature.timestamp, validate=True),
        )
    except (Base64Error, ValueError) as error:
        raise DamagedEnvelopeError(f"base64: {error}") from error
    if envelope.to_json() != data:
        raise DamagedEnvelopeError("not the bytes that were written")
    return envelope
