"""A cursor over bytes that a stranger sent: every read is bounded, every shortage is one kind of error."""

from __future__ import annotations

from probes.services.facts import MAX_TEXT


class Malformed(Exception):
    """Bytes that are not the protocol, or contradict themselves; says numbers only, never the peer's bytes."""


class Incomplete(Malformed):
    """So far so good, and more has to come."""


class Reader:
    """Reads big-endian integers and counted octets."""

    def __init__(self, data: bytes) -> None:
        """Start at the first octet."""
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """Octets not yet read."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """So many octets.

        Raises:
            Incomplete: there are fewer.
        """
        if count > self.left:
            raise Incomplete(f"{count} octets expected, {self.left} left")
        self._at += count
        return self._data[self._at - count : self._at]

    def integer(self, size: int = 1) -> int:
        """An unsigned integer of ``size`` octets."""
        return int.from_bytes(self.take(size))


def whole(reader: Reader) -> None:
    """Malformed where something follows what should have been the end."""
    if reader.left:
        raise Malformed(f"{reader.left} octets too many")


def text(data: bytes) -> str:
    """What a device calls a text, bounded and always valid."""
    return data.strip()[:MAX_TEXT].decode("utf-8", "replace").replace("\0", "").strip()[:MAX_TEXT]
