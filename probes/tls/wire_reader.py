"""A cursor over bytes that a stranger sent: every read is bounded, every shortage is an error of one kind."""

from __future__ import annotations

from typing import Literal, TypeAlias

WireProblem: TypeAlias = Literal["not_tls", "malformed", "limit"]


class WireError(Exception):
    """Bytes that are no TLS, TLS that contradicts itself, or more of it than anybody needs."""

    def __init__(self, kind: WireProblem, detail: str) -> None:
        """Keep the class; the detail holds numbers only, never the peer's bytes."""
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


class Reader:
    """Reads big-endian integers and length-prefixed vectors (RFC 5246, section 4)."""

    def __init__(self, data: bytes) -> None:
        """Start at the first byte."""
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """Bytes not yet read."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """So many bytes, or WireError."""
        if count > self.left:
            raise WireError("malformed", f"{count} bytes announced, {self.left} left")
        self._at += count
        return self._data[self._at - count : self._at]

    def integer(self, size: int) -> int:
        """An unsigned integer of ``size`` bytes."""
        return int.from_bytes(self.take(size))

    def vector(self, size: int) -> bytes:
        """A vector whose length is written in ``size`` bytes."""
        return self.take(self.integer(size))

    def end(self) -> None:
        """WireError where something follows."""
        if self.left:
            raise WireError("malformed", f"{self.left} bytes too many")


def vector(data: bytes, size: int) -> bytes:
    """A vector with its length in ``size`` bytes, for writing."""
    return len(data).to_bytes(size) + data
