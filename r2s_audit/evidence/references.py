"""Which bytes a ledger refers to, whatever version wrote it: every object that has the shape of a reference."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import JsonValue

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_KEYS = {"digest", "kind", "size"}


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """Bytes by digest, as an entry names them."""

    digest: str
    kind: str
    size: int

    @property
    def path(self) -> str:
        """Where they are, relative to the record: made of the digest's own digits alone."""
        digits = self.digest.removeprefix("sha256:")
        return f"blobs/sha256/{digits[:2]}/{digits[2:]}"


def references(value: JsonValue) -> Iterator[Reference]:
    """Every reference inside a JSON value, facts excepted: what a device said names no file of ours."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            digest, size = item.get("digest"), item.get("size")
            if item.keys() >= _KEYS and isinstance(digest, str) and isinstance(size, int) and _DIGEST.fullmatch(digest):
                yield Reference(digest, str(item["kind"]), size)
            stack.extend(child for key, child in item.items() if key != "facts")
        elif isinstance(item, list):
            stack.extend(item)
