"""Bytes of a file that somebody named, with what to do where they cannot be had."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from r2s_audit.files.decoding import MAX_BYTES
from r2s_audit.files.faults import Fault, Say, near, stop
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from pathlib import Path


def read_bytes(path: Path, *, say: Say = str) -> bytes:
    """The file's bytes, one more than allowed at most; raises FileProblems where it cannot be read."""
    try:
        with path.open("rb") as handle:
            return handle.read(MAX_BYTES + 1)
    except FileNotFoundError:
        fault = Fault(
            path=(), found=msg("un fichier absent"), expected=msg("un fichier qui existe"), near_miss=_neighbour(path)
        )
    except IsADirectoryError:
        fault = _fault(msg("un répertoire"), msg("un fichier"))
    except PermissionError:
        fault = _fault(msg("un fichier que l'on n'a pas le droit de lire"), msg("un fichier lisible"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        fault = _fault(msg("un fichier illisible ({reason})", reason=reason), msg("un fichier lisible"))
    raise stop(str(path), fault, say)


def digest(data: bytes) -> str:
    """``sha256:…`` of the bytes as they are in the file."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _fault(found: Message, expected: Message) -> Fault:
    return Fault(path=(), found=found, expected=expected)


def _neighbour(path: Path) -> Message | None:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:  # the directory is missing too: there is no neighbour to name
        return None
    return near(path.name, names)
