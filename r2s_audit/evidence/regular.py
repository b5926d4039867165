"""Reading files that somebody else may have put there: regular ones only, and no larger than they may be."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def open_regular(path: Path, most: int) -> Iterator[BinaryIO]:
    """A regular file of at most ``most`` octets, open for reading.

    A pipe or a device would hold the reader up or never end; neither is opened in a way that waits.

    Raises:
        OSError: as open(2); EINVAL for what is not a regular file, EFBIG for what is too large.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if status.st_size > most:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        yield file


def read_regular(path: Path, most: int) -> bytes:
    """The bytes of such a file; OSError as :func:`open_regular`."""
    with open_regular(path, most) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return data
