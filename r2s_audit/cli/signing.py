"""Who signs, from the options of a command line; shared by ``run`` and ``seal``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from r2s_audit.errors import UsageError
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from r2s_audit.evidence.keys import Signer
    from r2s_audit.evidence.notary import Notary

MAX_PASSPHRASE = 4096


def notary_of(key: str, certificates: Path | None, authority: str, passphrase: str) -> "Notary":
    """The notary that ``--key``, ``--cert``, ``--tsa`` and ``--passphrase`` describe.

    Raises:
        UsageError: a key, a certificate or a passphrase that cannot be had, or that do not go together.
    """
    from r2s_audit.evidence.keys import load_certificates
    from r2s_audit.evidence.notary import Notary

    return Notary(_signer(key, passphrase), load_certificates(certificates) if certificates else (), authority)


def _signer(key: str, passphrase: str) -> "Signer":
    from r2s_audit.evidence.agent import PREFIX, agent_signer
    from r2s_audit.evidence.keys import load_signer

    if key.startswith(PREFIX):
        return agent_signer(key.removeprefix(PREFIX))
    return load_signer(Path(key), _passphrase(passphrase))


def _passphrase(reference: str) -> bytes | None:
    """What ``env:NAME`` or ``file:PATH`` holds; a passphrase is never a word of a command line, which others can see."""
    if not reference:
        return None
    kind, _, where = reference.partition(":")
    if kind == "env" and where in os.environ:
        return os.environ[where].encode()
    if kind == "file":
        from r2s_audit.evidence.regular import read_regular

        try:
            return read_regular(Path(where), MAX_PASSPHRASE).rstrip(b"\r\n")
        except OSError as error:
            raise UsageError(msg("illisible : {path} ({error})", path=where, error=str(error.strerror))) from error
    raise UsageError(
        msg("phrase de passe introuvable : {reference}", reference=where if kind in {"env", "file"} else "…"),
        expected=msg("env:NOM ou file:CHEMIN"),
    )
