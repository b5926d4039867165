"""Secrets written into a file that many people read: refused with the way to refer to them, never repeated.

A site file goes to the certifier, into the record and into the ledger's digests; a secret in it is lost (promise 6).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from r2s_audit.files.faults import Fault, printable
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from r2s_audit.files.faults import Document, Path, Plain

_NAMES = (
    "secret|secrets|password|passwd|pass|passphrase|pwd|motdepasse|mdp|community|communities|communaute|"
    "psk|token|apikey|privatekey|authkey|privkey|credential|credentials|pin"
)
_SECRET_KEY = re.compile(rf"(^|_)({_NAMES}|mot_de_passe|api_key|private_key|auth_key|priv_key|shared_key)$")
REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+")
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_USERINFO = re.compile(r"[a-z][a-z0-9+.-]*://[^/@\s:]*:[^/@\s]+@", re.IGNORECASE)
_OPEN_IN_ADMIN = frozenset({"version", "port"})
"""Keys under ``admin`` whose values may be shown; anything else there may be a secret that slipped a line."""

_HOW = msg("une référence au secret : env:NOM (variable d'environnement) ou file:CHEMIN (fichier lisible de vous seul)")


@lru_cache(maxsize=1024)
def is_secret_key(key: str) -> bool:
    """Whether a key names a secret: ``snmp_community``, ``authSecret``, ``mot-de-passe``."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).replace("-", "_").replace(" ", "_").casefold()
    return _SECRET_KEY.search(snake.replace("é", "e")) is not None


def is_private(path: Path) -> bool:
    """Whether a value at this path must not be shown."""
    keys = [step for step in path if isinstance(step, str)]
    if any(is_secret_key(key) for key in keys):
        return True
    return bool(keys) and "admin" in keys and keys[-1] not in _OPEN_IN_ADMIN


def leaks(document: Document, text: str) -> list[Fault]:
    """Every secret that the file itself holds; ``text`` is the file, comments included."""
    found = [
        Fault(
            path=(),
            line=text.count("\n", 0, match.start()) + 1,
            found=msg("une clé privée écrite dans le fichier"),
            expected=_HOW,
        )
        for match in _PEM.finditer(text)
    ]
    found += [fault for path, value in _scalars(document.data, ()) for fault in _leak(path, value)]
    return found


def _leak(path: Path, value: Plain) -> Iterator[Fault]:
    if value is None or isinstance(value, bool) or value == "":
        return
    at = next((i for i, step in enumerate(path) if isinstance(step, str) and is_secret_key(step)), None)
    if at is not None:
        if not (isinstance(value, str) and REFERENCE.fullmatch(value)):
            found = msg("un secret écrit en clair sous « {key} » (valeur non affichée)", key=printable(str(path[at])))
            yield Fault(path=path[: at + 1], found=found, expected=_HOW, hides=True)  # what follows may be the secret
    elif isinstance(value, str) and _USERINFO.search(value):
        yield Fault(
            path=path, found=msg("un mot de passe dans une adresse (valeur non affichée)"), expected=_HOW, hides=True
        )


def _scalars(value: Plain, path: Path) -> Iterator[tuple[Path, Plain]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _scalars(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _scalars(inner, (*path, index))
    else:
        yield path, value
