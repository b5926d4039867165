"""A content-addressed store of bytes: written once, named by their digest, verified when read."""

from __future__ import annotations

import errno
import os
from hashlib import sha256
from pathlib import Path

from r2s_audit.errors import RecordError
from r2s_audit.evidence.regular import read_regular
from r2s_audit.model.observation import BlobRef
from r2s_audit.model.text import msg

MAX_BLOB = 256 << 20
"""Octets; what an audit keeps is smaller by far."""
_INTACT = msg("repartir d'une copie intacte du dossier")


def digest_of(data: bytes) -> str:
    """``sha256:…`` of the bytes."""
    return f"sha256:{sha256(data).hexdigest()}"


def _has_size(path: str, size: int) -> bool:
    try:
        return os.stat(path).st_size == size  # noqa: PTH116 - see BlobStore
    except FileNotFoundError:
        return False


def _write(path: str, data: bytes, *, sync: bool) -> None:
    """A new file with these bytes, in a directory that is made where it is missing."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o666)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - see BlobStore
        descriptor = os.open(path, flags, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_names(directory: Path, top: Path) -> None:
    """Wait until the names in a directory, and its own name up to ``top``, are on the disk.

    Raises:
        OSError: as open(2) and fsync(2).
    """
    for path in (directory, *directory.parents):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if path == top:
            break


class BlobStore:
    """Files ``<root>/sha256/ab/<62 hex digits>``; the path comes from our own digest, never from anybody's data.

    Paths are texts here: thousands of pieces are kept in one pass, and to build their Path objects would take as long
    as to write them.
    """

    def __init__(self, root: Path) -> None:
        """Keep the directory; it is made with the first blob."""
        self._root = root
        self._base = os.fspath(root)

    def _path(self, digest: str) -> str:
        algorithm, _, hexadecimal = digest.partition(":")
        return f"{self._base}/{algorithm}/{hexadecimal[:2]}/{hexadecimal[2:]}"

    def put(self, data: bytes, kind: str, *, redacted: bool = False, sync: bool = False) -> BlobRef:
        """Store bytes; storing them again costs a look-up. ``sync`` waits for the disk.

        Raises:
            RecordError: the file system refuses (full, read-only), with its own reason.
        """
        reference = BlobRef(digest=digest_of(data), kind=kind, size=len(data), redacted=redacted)
        path = self._path(reference.digest)
        if _has_size(path, len(data)):  # a power cut may leave a name without its bytes: those are written again
            return reference
        directory, _, name = path.rpartition("/")
        partial = f"{directory}/.{name}.{os.getpid()}"
        try:
            # Written aside and renamed: a name in the store always means whole bytes, even after a kill -9.
            _write(partial, data, sync=sync)
            os.replace(partial, path)  # noqa: PTH105 - see above
            if sync:
                sync_names(Path(directory), self._root.parent)
        except OSError as error:
            raise RecordError(
                msg("pièce impossible à écrire : {path} ({error})", path=path, error=str(error.strerror)),
                remedy=msg("libérer de la place ou changer --record"),
            ) from error
        return reference

    def get(self, reference: BlobRef) -> bytes:
        """The bytes of a reference.

        Raises:
            RecordError: missing, or changed since it was stored.
        """
        path = self._path(reference.digest)
        try:
            # One octet more than stated is enough to know that it is not what was stored.
            data = read_regular(Path(path), min(reference.size, MAX_BLOB) + 1)
        except OSError as error:
            if error.errno == errno.EFBIG:
                raise self._changed(reference) from error
            raise RecordError(
                msg(
                    "pièce manquante : {kind} {digest} ({error})",
                    kind=reference.kind,
                    digest=reference.digest,
                    error=str(error.strerror),
                ),
                remedy=_INTACT,
            ) from error
        if digest_of(data) != reference.digest:
            raise self._changed(reference)
        return data

    @staticmethod
    def _changed(reference: BlobRef) -> RecordError:
        return RecordError(
            msg("pièce modifiée : {kind} {digest}", kind=reference.kind, digest=reference.digest), remedy=_INTACT
        )
