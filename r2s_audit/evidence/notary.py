"""Signing statements: a key, the certificates that go with it, an authority for the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding

from r2s_audit.errors import UsageError
from r2s_audit.evidence import timestamp
from r2s_audit.evidence.dsse import Envelope, pae
from r2s_audit.evidence.keys import key_id, public_pem, spki
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from cryptography import x509

    from r2s_audit.evidence.keys import Signer
    from r2s_audit.model.base import Model


@dataclass(frozen=True, slots=True)
class Notary:
    """Somebody who signs."""

    signer: Signer
    certificates: tuple[x509.Certificate, ...] = ()
    """The signer's own first; none for a bare key."""
    authority: str = ""
    """Address of the time-stamping authority; empty for none."""

    def __post_init__(self) -> None:
        """UsageError where the first certificate is of another key."""
        if self.certificates and spki(self.certificates[0].public_key()) != spki(self.signer.public_key):
            raise UsageError(
                msg("le premier certificat n'est pas celui de la clé"),
                remedy=msg("mettre en tête du fichier le certificat de la clé qui signe"),
            )

    def attest(self, statement: Model, payload_type: str) -> bytes:
        """The envelope's file: the statement signed, and time-stamped where an authority is declared.

        Raises:
            UsageError: the agent or the authority refuses; nothing is then signed by halves.
        """
        payload = statement.model_dump_json().encode()
        signature = self.signer.sign(pae(payload_type, payload))
        return Envelope(
            payload_type=payload_type,
            payload=payload,
            keyid=key_id(self.signer.public_key),
            signature=signature,
            public_key_pem=public_pem(self.signer.public_key),
            certificates_pem=tuple(c.public_bytes(Encoding.PEM).decode() for c in self.certificates),
            timestamp=timestamp.fetch(self.authority, signature) if self.authority else b"",
        ).to_json()
