"""A key that an ssh-agent holds: the private half never enters this process.

Ed25519 and ECDSA P-256 only: an agent signs RSA with PKCS#1 v1.5, which is not among the signatures of a seal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from r2s_audit.errors import UsageError
from r2s_audit.evidence.keys import PublicKey, is_signature, supported
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from paramiko.agent import AgentKey

PREFIX = "agent:"
"""``--key agent:`` takes the agent's only usable key, ``agent:WORD`` the one whose comment or fingerprint holds it."""


@dataclass(frozen=True, slots=True)
class AgentSigner:
    """One key of the agent."""

    agent_key: AgentKey
    public_key: PublicKey

    def sign(self, message: bytes) -> bytes:
        """See :class:`r2s_audit.evidence.keys.Signer`.

        Raises:
            UsageError: the agent refused, or answered with something else than a signature of this message.
        """
        from paramiko import Message as Wire  # noqa: PLC0415 - half a second that only an agent's key costs
        from paramiko.ssh_exception import SSHException  # noqa: PLC0415

        try:
            answer = Wire(bytes(self.agent_key.sign_ssh_data(message)))
            kind, blob = answer.get_text(), answer.get_binary()
            if kind.startswith("ecdsa-"):
                pair = Wire(blob)
                blob = encode_dss_signature(int(pair.get_mpint()), int(pair.get_mpint()))
        except (SSHException, OSError, ValueError) as error:
            raise UsageError(msg("l'agent SSH refuse de signer ({error})", error=str(error))) from error
        if not is_signature(self.public_key, blob, message):
            raise UsageError(msg("l'agent SSH a rendu autre chose qu'une signature de cette clé"))
        return blob


def agent_signer(wanted: str) -> AgentSigner:
    """The key of the running agent (``SSH_AUTH_SOCK``) that is meant.

    Raises:
        UsageError: no agent, no such key, or several.
    """
    from paramiko import Agent  # noqa: PLC0415
    from paramiko.ssh_exception import SSHException  # noqa: PLC0415

    try:
        held = Agent().get_keys()
    except (SSHException, OSError) as error:
        raise UsageError(msg("agent SSH injoignable ({error})", error=str(error))) from error
    found: list[AgentSigner] = []
    names: list[str] = []
    for key in held:
        public = _public(key)
        if public is None:
            continue
        name = f"{key.comment} {key.fingerprint}"
        names.append(name)
        if wanted in name:
            found.append(AgentSigner(key, public))
    if len(found) != 1:
        raise UsageError(
            msg("clés de l'agent SSH qui répondent à « {wanted} » : {count}", wanted=wanted, count=len(found)),
            expected=msg(
                "une seule, Ed25519 ou ECDSA P-256 ; l'agent détient : {names}", names="; ".join(names) or "–"
            ),
            remedy=msg("écrire agent: suivi d'un morceau du commentaire ou de l'empreinte (ssh-add -l)"),
        )
    return found[0]


def _public(key: AgentKey) -> PublicKey | None:
    try:
        public = load_ssh_public_key(f"{key.get_name()} {key.get_base64()}".encode())
    except ValueError:  # a kind that ssh knows and the library does not
        return None
    return None if isinstance(public, rsa.RSAPublicKey) else supported(public)
