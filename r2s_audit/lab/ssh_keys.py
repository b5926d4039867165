"""The account's own key, drawn when a building goes up, and what the site file pins of a server's."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


def draw(private: Path, public: Path) -> None:
    """Write a new Ed25519 key pair; the private half for its owner alone."""
    key = Ed25519PrivateKey.generate()
    for path, text in (
        (private, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())),
        (public, key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b"\n"),
    ):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)


def pinned(public: Path) -> str:
    """Type and key of a server's public key file, without its comment."""
    return " ".join(public.read_text(encoding="utf-8").split()[:2])
