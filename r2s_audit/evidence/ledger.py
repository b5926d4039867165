"""The append-only ledger: one JSON line per entry, each with the digest of the line before.

A line is written by one ``write`` call, so a kill leaves whole lines and at most one torn one at the end. A torn end is
told, kept out, and cut only when somebody resumes; a break of the chain anywhere else is an error that names the line.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import ValidationError

from r2s_audit.errors import RecordError
from r2s_audit.evidence.blobs import digest_of
from r2s_audit.evidence.regular import open_regular
from r2s_audit.model.record import RECORD_FORMAT, Entry
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from r2s_audit.model.record import Body

GENESIS = f"sha256:{'0' * 64}"
"""``prev`` of the first entry."""
_MAKE_ROOM = msg("libérer de la place puis relancer avec --resume")
MAX_LINE = 16 * 1024 * 1024
"""A longer line is not ours."""
MAX_LEDGER = 256 << 20
"""Octets: a hundred passes over the largest building that we know of; reading takes ten times as much memory."""
SYNC_SECONDS = 0.5
"""A power cut loses at most this much of a running pass; opening and closing a pass are synced at once."""


@dataclass(frozen=True, slots=True)
class LedgerReading:
    """What a ledger says: its whole entries with the digest of each line, its head, and how many torn bytes follow."""

    entries: tuple[Entry, ...]
    digests: tuple[str, ...]
    torn_bytes: int
    whole_bytes: int

    @property
    def head(self) -> str:
        """Digest of the last whole line."""
        return self.digests[-1] if self.digests else GENESIS


def entry_id(entry: Entry, digest: str) -> str:
    """How findings name an entry: its number and the first 12 hexadecimal digits of its digest."""
    return f"{entry.n}-{digest.removeprefix('sha256:')[:12]}"


def read_ledger(path: Path) -> LedgerReading:
    """Read and verify a ledger.

    Raises:
        RecordError: no such file, a line that is not an entry, or a broken chain; the line is named.
    """
    entries: list[Entry] = []
    digests: list[str] = []
    previous = GENESIS
    whole, rest = 0, b""
    for line, ended in ledger_lines(path):
        if not ended and len(line) <= MAX_LINE:
            rest = line
            break
        whole += len(line) + 1
        number = len(entries)
        try:
            entry = Entry.model_validate_json(line)
        except ValidationError as error:
            if number == 0 and (newer := _newer_format(line)):
                raise RecordError(
                    msg(
                        "{path} : dossier de format {found}, plus récent que ce programme", path=str(path), found=newer
                    ),
                    expected=msg("au plus le format {known}", known=RECORD_FORMAT),
                    remedy=msg("prendre un r2s-audit plus récent"),
                ) from error
            raise RecordError(
                msg("{path}:{line}: ce n'est pas une entrée du registre", path=str(path), line=number + 1),
                remedy=msg("repartir d'une copie intacte du dossier"),
            ) from error
        if entry.n != number or entry.prev != previous:
            raise RecordError(
                msg(
                    "{path}:{line}: chaîne rompue (entrée {found}, précédente {found_before}… ; "
                    "attendu : entrée {expected}, précédente {expected_before}…)",
                    path=str(path),
                    line=number + 1,
                    found=entry.n,
                    found_before=entry.prev[:19],
                    expected=number,
                    expected_before=previous[:19],
                ),
                remedy=msg("une entrée a été retirée, ajoutée, modifiée ou déplacée : repartir d'une copie intacte"),
            )
        previous = digest_of(line)
        entries.append(entry)
        digests.append(previous)
    return LedgerReading(tuple(entries), tuple(digests), torn_bytes=len(rest), whole_bytes=whole)


def _newer_format(line: bytes) -> int:
    """The format of a campaign that a newer version opened; 0 for anything else."""
    try:
        found = json.loads(line)["body"]["record_format"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return 0
    return found if isinstance(found, int) and found > RECORD_FORMAT else 0


def ledger_lines(path: Path) -> Iterator[tuple[bytes, bool]]:
    """Lines of a ledger without their ends; False with one that has none.

    Raises:
        RecordError: no such file, one that is not a ledger's, or too large to be one.
    """
    try:
        with open_regular(path, MAX_LEDGER) as file:
            while line := file.readline(MAX_LINE + 1):
                yield line.removesuffix(b"\n"), line.endswith(b"\n")
    except OSError as error:
        raise RecordError(
            msg("dossier de preuves illisible : {path} ({error})", path=str(path), error=str(error.strerror)),
            remedy=msg("indiquer le dossier d'un audit, que l'on a le droit de lire"),
        ) from error


class LedgerWriter:
    """The one process that may append to a ledger (an exclusive lock says so)."""

    def __init__(self, path: Path, *, clock: Callable[[], datetime] | None = None) -> None:
        """Open for appending, verify the chain, cut a torn end.

        Raises:
            RecordError: another process is writing, the file cannot be written, or the chain is broken.
        """
        self._path = path
        self._clock = clock or (lambda: datetime.now(UTC))
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise RecordError(
                msg(
                    "registre impossible à ouvrir en écriture : {path} ({error})",
                    path=str(path),
                    error=str(error.strerror),
                ),
                remedy=msg("choisir un dossier où l'on peut écrire"),
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            reading = read_ledger(path)
            if reading.torn_bytes:
                os.ftruncate(self._fd, reading.whole_bytes)
        except BlockingIOError as error:
            os.close(self._fd)
            raise RecordError(
                msg("un autre audit écrit déjà dans {path}", path=str(path)), remedy=msg("attendre sa fin")
            ) from error
        except RecordError:
            os.close(self._fd)
            raise
        self.torn_bytes = reading.torn_bytes
        self._count = len(reading.entries)
        self._head = reading.head
        self._synced = time.monotonic()

    @property
    def count(self) -> int:
        """How many entries there are."""
        return self._count

    @property
    def head(self) -> str:
        """Digest of the last one."""
        return self._head

    def append(self, body: Body, *, sync: bool = False) -> str:
        """Append one entry and return its identifier; ``sync`` waits for the disk.

        Raises:
            RecordError: the disk is full or gone; what was written before stays whole.
        """
        entry = Entry(n=self._count, prev=self._head, at=self._clock(), body=body)
        line = entry.model_dump_json(exclude_defaults=False).encode()
        if len(line) > MAX_LINE:
            raise RecordError(msg("entrée de {size} octets refusée (au plus {most})", size=len(line), most=MAX_LINE))
        self._write(line + b"\n")
        self._count += 1
        self._head = digest_of(line)
        if sync or time.monotonic() - self._synced > SYNC_SECONDS:
            os.fsync(self._fd)
            self._synced = time.monotonic()
        return entry_id(entry, self._head)

    def _write(self, data: bytes) -> None:
        status = os.fstat(self._fd)
        if not status.st_nlink:  # an audit that leaves no record must not go on sending
            raise RecordError(
                msg("registre supprimé pendant l'audit : {path}", path=str(self._path)),
                remedy=msg("relancer, avec un dossier que rien n'efface (--record)"),
            )
        start = status.st_size
        try:
            written = os.write(self._fd, data)
        except OSError as error:
            raise RecordError(
                msg("écriture impossible dans {path} ({error})", path=str(self._path), error=str(error.strerror)),
                remedy=_MAKE_ROOM,
            ) from error
        if written != len(data):
            os.ftruncate(self._fd, start)  # half a line would be taken for a torn end: leave the last whole one
            raise RecordError(msg("disque plein : {path}", path=str(self._path)), remedy=_MAKE_ROOM)

    def close(self) -> None:
        """Sync and release the lock."""
        os.fsync(self._fd)
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
