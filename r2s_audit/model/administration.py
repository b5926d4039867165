"""How a device is administered, as declared: protocols, accounts, and where their secrets are; never a secret."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .base import Model, Port, SecretRef

HostKey = Annotated[
    str,
    Field(
        pattern=r"^(SHA256:[A-Za-z0-9+/]{43}=?|(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]{40,2000}={0,2}( [^\r\n]{0,200})?)$"
    ),
]
"""A server's public key as OpenSSH writes it (RFC 4253 §6.6 in base64, RFC 4648), or the SHA-256 fingerprint of it."""
SshPlatform = Literal[
    "alcatel_aos", "allied_telesis_awplus", "arista_eos", "aruba_aoscx", "cisco_ios", "cisco_nxos", "cisco_s300", "cisco_xe",
    "eltex", "hp_comware", "hp_procurve", "huawei_vrp",
]  # fmt: skip
"""The command lines that the program reads, by the names that netmiko and ntc-templates give them."""


class SnmpV3(Model):
    """USM access to a device (RFC 3414, 3826, 7860); the passphrases are references."""

    version: Literal[3] = 3
    user: str
    auth_protocol: Literal["MD5", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"] | None = None
    auth_secret: SecretRef | None = None
    priv_protocol: Literal["DES", "AES-128", "AES-192", "AES-256"] | None = None
    priv_secret: SecretRef | None = None
    port: Port = 161

    @model_validator(mode="after")
    def _levels_are_complete(self) -> Self:
        if (self.auth_protocol is None) != (self.auth_secret is None):
            raise ValueError("auth_protocol and auth_secret go together")
        if (self.priv_protocol is None) != (self.priv_secret is None):
            raise ValueError("priv_protocol and priv_secret go together")
        if self.priv_protocol and not self.auth_protocol:
            raise ValueError("priv_protocol needs auth_protocol (RFC 3414, section 2.2)")
        return self


class SshAccess(Model):
    """A command line over SSH, read and never written to: whose key is pinned, and who may read.

    The key comes first: nothing of the account is said to a server that cannot show it holds this very key.
    """

    platform: SshPlatform
    user: Annotated[str, Field(pattern=r"^[^\s:@]{1,64}$")]
    host_key: HostKey
    password: SecretRef | None = None
    private_key: SecretRef | None = None
    """A key without a passphrase, in OpenSSH's or PEM form."""
    port: Port = 22

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.password is None) == (self.private_key is None):
            raise ValueError("ssh needs either password or private_key")
        return self

    @model_validator(mode="after")
    def _key_is_of_its_type(self) -> Self:
        kind, _, rest = self.host_key.partition(" ")
        if not rest:
            return self
        try:
            blob = b64decode(rest.partition(" ")[0], validate=True)
        except NotBase64 as error:
            raise ValueError("host_key is not what its type says") from error
        if not blob.startswith(len(kind).to_bytes(4, "big") + kind.encode()):
            raise ValueError("host_key is not what its type says")
        return self


class Administration(Model):
    """How a device is administered."""

    snmp: SnmpV3 | None = None
    snmp_community: SecretRef | None = None
    ssh: SshAccess | None = None
