"""Room for the neighbours of several buildings: the kernel has one table for all network namespaces of a machine.

A full table (``gc_thresh3``, 1024 as a rule) loses packets of whoever asks next, in whichever building: a control that
gets no answer then leaves a cell open. The limit is raised while buildings stand side by side, and put back.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ENTRIES = 8192
LIMITS = tuple(Path(f"/proc/sys/net/{family}/neigh/default/gc_thresh3") for family in ("ipv4", "ipv6"))


@contextmanager
def room_for_neighbours(limits: tuple[Path, ...] = LIMITS) -> Iterator[None]:
    """Raise the limits for the length of the context; where this machine lets nobody, say so and go on."""
    before: dict[Path, str] = {}
    try:
        for limit in limits:
            try:
                found = limit.read_text(encoding="ascii")
                if int(found) < ENTRIES:
                    limit.write_text(str(ENTRIES), encoding="ascii")
                    before[limit] = found
            except OSError as error:
                sys.stderr.write(f"{limit}: {error.strerror}; with many buildings, packets may be lost\n")
        yield
    finally:
        for limit, found in before.items():
            limit.write_text(found, encoding="ascii")
