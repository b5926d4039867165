"""One file for a whole record: an uncompressed USTAR archive that ``tar xf`` opens, the same bytes from the same record.

Reading is strict: of all the archives that tar would take, only the one that :func:`write_bundle` writes is taken, header
by header and octet by octet. There is then no link, no path, no bomb and no second meaning to guard against one by one;
what is refused is told with what it looks like.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO

from r2s_audit.errors import RecordError
from r2s_audit.evidence.blobs import MAX_BLOB
from r2s_audit.evidence.chain import read_chain
from r2s_audit.evidence.ledger import MAX_LEDGER
from r2s_audit.evidence.record import LEDGER
from r2s_audit.evidence.regular import open_regular
from r2s_audit.evidence.seal import SEAL_NAME, SEALS, paths_of
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP = "dossier"
BLOCK = 512
MAX_FILES = 1_000_000
MAX_BUNDLE = 8 << 30
"""Octets."""
_NAMES = re.compile(rf"{TOP}/(ledger\.jsonl|blobs/sha256/[0-9a-f]{{2}}/[0-9a-f]{{62}}|seals/{SEAL_NAME})")
_MAGIC = b"ustar\x0000"
_INTACT = msg("demander une nouvelle archive à qui l'a envoyée ; celle-ci n'est pas ouverte")


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    size: int


def header(name: str, size: int) -> bytes:
    """A USTAR header (POSIX.1-1988) for a regular file: mode 0644, owner 0, time 0."""
    fields = (
        name.encode().ljust(100, b"\0"),
        b"0000644\0",
        b"0000000\0",
        b"0000000\0",
        b"%011o\0" % size,
        b"%011o\0" % 0,
        b" " * 8,
        b"0",
        bytes(100),
        _MAGIC,
        bytes(32),
        bytes(32),
        b"0000000\0",
        b"0000000\0",
        bytes(155),
        bytes(12),
    )
    block = bytearray(b"".join(fields))
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def write_bundle(directory: Path, target: Path) -> int:
    """Put a record into one file: its ledger, the bytes that it refers to, its seals; returns how many files.

    What can be made again (``audit.json``, reports) stays out.

    Raises:
        RecordError: a record that is not whole, or a file system that refuses.
    """
    chain = read_chain(directory / LEDGER)
    seals = sorted(
        f"{SEALS}/{p.name}" for p in (directory / SEALS).glob("*") if _NAMES.fullmatch(f"{TOP}/{SEALS}/{p.name}")
    )
    names = sorted([LEDGER, *paths_of(chain), *seals])
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with partial.open("wb") as out:
            for name in names:
                with open_regular(directory / name, MAX_LEDGER) as file:
                    _write_member(out, f"{TOP}/{name}", file.read())
            out.write(bytes(2 * BLOCK))
            out.flush()
            os.fsync(out.fileno())
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise RecordError(
            msg(
                "archive impossible à écrire : {path} ({error})",
                path=str(error.filename or target),
                error=str(error.strerror),
            ),
            remedy=msg("« r2s-audit verify » dit ce qui manque au dossier"),
        ) from error
    return len(names)


def _write_member(out: BinaryIO, name: str, data: bytes) -> None:
    out.write(header(name, len(data)))
    out.write(data)
    out.write(bytes(-len(data) % BLOCK))


@contextmanager
def opened(source: Path) -> Iterator[Path]:
    """A record's directory: the source itself, or a bundle unpacked into a directory that goes away with the block.

    Raises:
        RecordError: a bundle that is refused, with the reason.
    """
    if source.is_dir() or not source.exists():
        yield source
        return
    with TemporaryDirectory(prefix="r2s-dossier-") as scratch:
        unpack(source, Path(scratch))
        yield Path(scratch) / TOP


def unpack(bundle: Path, into: Path) -> None:
    """Unpack a bundle below a directory.

    Raises:
        RecordError: not a bundle of ours, damaged, or hostile: with the reason; what was unpacked until then is there.
    """
    try:
        with open_regular(bundle, MAX_BUNDLE) as file:
            for member in _members(file, bundle):
                target = into / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as out:
                    _copy(file, out, member.size)
                if any(file.read(-member.size % BLOCK)):
                    raise _refused(
                        msg(
                            "archive refusée : {path} : des octets entre deux fichiers, après {name}",
                            path=str(bundle),
                            name=member.name,
                        )
                    )
    except OSError as error:
        raise RecordError(
            msg("archive illisible : {path} ({error})", path=str(bundle), error=str(error.strerror)), remedy=_INTACT
        ) from error
    if not (into / TOP / LEDGER).exists():
        raise _refused(msg("archive refusée : {path} : pas de registre", path=str(bundle)))


def _copy(file: BinaryIO, out: BinaryIO, size: int) -> None:
    while size:
        data = file.read(min(size, 1 << 20))
        out.write(data)
        size -= len(data)


def _members(file: BinaryIO, bundle: Path) -> Iterator[_Member]:
    """Headers in turn, each verified before its file is read; the reader leaves the file after the member's padding."""
    whole = os.fstat(file.fileno()).st_size
    before, count = "", 0
    while True:
        block = file.read(BLOCK)
        if len(block) < BLOCK:
            raise _refused(
                msg("archive refusée : {path} : tronquée après {name}", path=str(bundle), name=before or "–")
            )
        if not any(block):
            if file.read(BLOCK + 1) != bytes(BLOCK):
                raise _refused(
                    msg("archive refusée : {path} : des octets après la fin, ou une fin qui manque", path=str(bundle))
                )
            return
        member = _member(block, bundle)
        count += 1
        if count > MAX_FILES:
            raise _refused(
                msg("archive refusée : {path} : plus de {count} fichiers", path=str(bundle), count=MAX_FILES)
            )
        if member.name == before:
            raise _refused(
                msg("archive refusée : {path} : deux fois le même nom ({name})", path=str(bundle), name=_shown(before))
            )
        if member.name < before:
            raise _refused(
                msg(
                    "archive refusée : {path} : un fichier deux fois, ou hors de son ordre ({name})",
                    path=str(bundle),
                    name=_shown(member.name),
                )
            )
        if file.tell() + member.size > whole:
            raise _refused(
                msg(
                    "archive refusée : {path} : tronquée, {name} annonce {size} octets",
                    path=str(bundle),
                    name=member.name,
                    size=member.size,
                )
            )
        before = member.name
        yield member


def _member(block: bytes, bundle: Path) -> _Member:
    """A header, refused unless it is the one that this program writes for this name and size."""
    if block[257:265] != _MAGIC:
        raise _refused(
            msg(
                "archive refusée : {path} : ce n'est pas une archive de r2s-audit (en-tête {bytes})",
                path=str(bundle),
                bytes=block[:8].hex(),
            )
        )
    name = block[:100].rstrip(b"\0").decode("utf-8", "replace")
    kind = chr(block[156])
    if kind in "12":
        raise _refused(msg("archive refusée : {path} : {name} est un lien", path=str(bundle), name=_shown(name)))
    if kind != "0":
        raise _refused(
            msg(
                "archive refusée : {path} : {name} n'est pas un fichier (type {kind})",
                path=str(bundle),
                name=_shown(name),
                kind=_shown(kind),
            )
        )
    if name.startswith("/") or ".." in name.split("/"):
        raise _refused(
            msg(
                "archive refusée : {path} : un chemin qui sort du dossier : {name}", path=str(bundle), name=_shown(name)
            )
        )
    if not _NAMES.fullmatch(name):
        raise _refused(
            msg(
                "archive refusée : {path} : un fichier qui n'est pas d'un dossier de preuves : {name}",
                path=str(bundle),
                name=_shown(name),
            )
        )
    text = block[124:135]
    size = int(text, 8) if re.fullmatch(rb"[0-7]{11}", text) else -1
    if not 0 <= size <= max(MAX_BLOB, MAX_LEDGER):
        raise _refused(
            msg(
                "archive refusée : {path} : une taille hors de toute mesure pour {name}",
                path=str(bundle),
                name=_shown(name),
            )
        )
    if block != header(name, size):
        raise _refused(
            msg("archive refusée : {path} : un en-tête modifié pour {name}", path=str(bundle), name=_shown(name))
        )
    return _Member(name, size)


def _shown(name: str) -> str:
    return ascii(name[:100])[1:-1]


def _refused(reason: Message) -> RecordError:
    return RecordError(reason, remedy=_INTACT)
