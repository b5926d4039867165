"""Declarations written into their file one by one: comments and order kept, the file whole at every moment."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

from r2s_audit.errors import RecordError
from r2s_audit.files.opening import read_bytes
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from pathlib import Path

    from r2s_audit.files.declarations import Against
    from r2s_audit.model.declaration import Declaration, Waiver


def added(path: Path, entry: Declaration | Waiver, against: Against) -> None:
    """Add an entry to a declarations file, which is made where there is none; all of it or nothing.

    Raises:
        FileProblems: the file would not load with it; it is left as it was.
        RecordError: the file system refuses.
    """
    from r2s_audit.files.declarations import parse_declarations  # noqa: PLC0415 - the loader is not needed to write

    text = _with(path, entry, against)
    parse_declarations(text.encode(), str(path), path.parent, against)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise RecordError(
            msg("déclarations impossibles à écrire : {path} ({error})", path=str(path), error=str(error.strerror)),
            remedy=msg("choisir un dossier où l'on peut écrire"),
        ) from error


def _with(path: Path, entry: Declaration | Waiver, against: Against) -> str:
    from ruamel.yaml import YAML  # noqa: PLC0415 - only a file that is written needs it

    yaml = YAML(typ="rt")
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    data: Any = (
        yaml.load(read_bytes(path).decode("utf-8"))
        if path.exists()
        else {"r2s_declarations": 1, "building": against.building, "profile": against.profile.id}
    )
    kind = "declarations" if hasattr(entry, "state") else "waivers"
    listed = data.setdefault(kind, [])
    listed.append(entry.model_dump(mode="json", exclude_defaults=True))
    out = StringIO()
    yaml.dump(data, out)
    return out.getvalue()


def free_name(prefix: str, taken: set[str]) -> str:
    """An identifier that no entry of the file has: ``D-M1.2``, then ``D-M1.2-2``."""
    name, number = prefix, 1
    while name in taken:
        number += 1
        name = f"{prefix}-{number}"
    return name
