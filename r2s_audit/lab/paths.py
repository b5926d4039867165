"""Where a building keeps its files: one directory per building, gone with it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from r2s_audit.model.text import msg

from .errors import LabError

AUTH_SECRET, PRIV_SECRET = "snmp-auth", "snmp-priv"  # names of files, not secrets
RADIUS_SECRET, DOT1X_PASSWORD = "radius", "dot1x-password"
SSH_KEY, SSH_PUBLIC = "ssh-auditeur", "ssh-auditeur.pub"
"""The account's key for the switches' command lines, drawn with the secrets."""
SECRETS = (AUTH_SECRET, PRIV_SECRET, RADIUS_SECRET, DOT1X_PASSWORD)
"""What is drawn when a building goes up."""
_SOCKET_LIMIT = 60
"""A Unix socket's path has at most 107 bytes; the longest name that a building adds takes some 40."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The directory of one building."""

    root: Path

    @property
    def lock(self) -> Path:
        """Held by the building's first process for as long as it lives."""
        return self.root.parent / f"{self.root.name}.lock"

    @property
    def state(self) -> Path:
        """What another process needs to find the building again."""
        return self.root / "state.json"

    @property
    def description(self) -> Path:
        """The description that the building was built from."""
        return self.root / "building.yaml"

    @property
    def secrets(self) -> Path:
        """One file per secret."""
        return self.root / "secrets"

    @property
    def pki(self) -> Path:
        """The building's certification authority and what it issued."""
        return self.root / "pki"

    @property
    def logs(self) -> Path:
        """One bounded file per daemon."""
        return self.root / "log"

    def node(self, name: str) -> Path:
        """Give the directory of a node's configurations and sockets."""
        return self.root / "n" / name

    def secret(self, name: str) -> Path:
        """Give the file of a secret."""
        return self.secrets / name

    def make(self) -> None:
        """Create the directories that every building has."""
        for path in (self.root, self.secrets, self.pki, self.logs, self.root / "n"):
            path.mkdir(mode=0o700)


def locate(name: str, state_dir: Path | None) -> Layout:
    """Where the building ``name`` lives.

    Under ``/run`` rather than a login's own runtime directory: a building needs root anyway, may outlive the session
    that made it, and has to be found again from another one.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,23}", name):
        raise LabError(
            msg("Nom de bâtiment refusé : « {name} ».", name=name),
            expected=msg("minuscules, chiffres et traits d'union, 24 caractères au plus"),
        )
    base = state_dir or Path(os.environ.get("R2S_LAB_DIR", "/run/r2s-lab"))
    root = base.resolve() / name
    if len(os.fsencode(root)) > _SOCKET_LIMIT or re.search(r"[^\w./+-]", str(root)):
        raise LabError(
            msg("Répertoire de bâtiment inutilisable : {directory}", directory=str(root)),
            expected=msg(
                "un chemin de {most} octets au plus, sans espace (sockets Unix des démons)", most=_SOCKET_LIMIT
            ),
            remedy=msg("choisir un R2S_LAB_DIR plus court"),
        )
    return Layout(root)
