"""Profiles and policies by name (those of this program) or by path (a certifier's own)."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from r2s_audit.files.faults import Fault, Say, near, printable, stop
from r2s_audit.files.opening import read_bytes
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def named(what: str | Path, *directory: str, say: Say = str) -> tuple[bytes, str]:
    """The bytes and the file name of ``profiles/<directory>/<what>.yaml``, or of a file where ``what`` is a path.

    Raises FileProblems for a file that cannot be read and for a name that is not among ours.
    """
    text = str(what)
    if isinstance(what, Path) or not _NAME.fullmatch(text) or text.endswith((".yaml", ".yml")):
        return read_bytes(Path(what), say=say), text
    where = files("profiles").joinpath(*directory)
    source = where.joinpath(f"{text}.yaml")
    if source.is_file():
        return source.read_bytes(), str(source)
    known = _names(where)
    fault = Fault(
        path=(),
        found=msg("« {name} », qui n'est pas fourni avec le programme", name=printable(text)),
        expected=msg("un des noms : {names} ; ou le chemin d'un fichier .yaml", names=", ".join(known)),
        near_miss=near(text, known),
    )
    raise stop(text, fault, say)


def _names(where: Traversable) -> list[str]:
    if not where.is_dir():
        return []
    return sorted(entry.name.removesuffix(".yaml") for entry in where.iterdir() if entry.name.endswith(".yaml"))
