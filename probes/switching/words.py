"""How names and numbers are put into a sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def listed(items: Iterable[object]) -> str:
    """Names or numbers for a sentence; a dash for none."""
    return ", ".join(str(item) for item in items) or "–"
