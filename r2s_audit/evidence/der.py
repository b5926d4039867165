"""DER, as much of it as a time-stamp needs: values with their raw bytes, since signatures are over raw bytes."""

from __future__ import annotations

from dataclasses import dataclass

INTEGER, OCTET_STRING, OID, GENERALIZED_TIME, SEQUENCE, SET = 0x02, 0x04, 0x06, 0x18, 0x30, 0x31
_LONG_FORM, _MULTI_BYTE_TAG, _CONSTRUCTED = 0x80, 0x1F, 0x20


class DamagedDerError(ValueError):
    """Not DER, or not of the expected shape."""


@dataclass(frozen=True, slots=True)
class Tlv:
    """One value: its tag octet, its contents, and both with the length as they stood."""

    tag: int
    content: bytes
    raw: bytes

    def children(self) -> list[Tlv]:
        """The values inside a constructed one.

        Raises:
            DamagedDerError: primitive, or not a row of values.
        """
        if not self.tag & _CONSTRUCTED:
            raise DamagedDerError(f"tag {self.tag:#x} holds no values")
        values, rest = [], self.content
        while rest:
            value, rest = _read(rest)
            values.append(value)
        return values

    def expect(self, tag: int) -> Tlv:
        """The same; DamagedDerError where it has another tag."""
        if self.tag != tag:
            raise DamagedDerError(f"tag {self.tag:#x} instead of {tag:#x}")
        return self

    def oid(self) -> str:
        """Dotted object identifier (X.690, 8.19); DamagedDerError for anything else."""
        numbers: list[int] = []
        value = 0
        for octet in self.expect(OID).content:
            value = value << 7 | octet & 0x7F
            if not octet & 0x80:
                numbers.append(value)
                value = 0
        if not numbers or self.content[-1] & 0x80:
            raise DamagedDerError("object identifier without an end")
        first = min(numbers[0] // 40, 2)
        return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))


def _read(data: bytes) -> tuple[Tlv, bytes]:
    if len(data) < 2:  # noqa: PLR2004 - a tag and a length
        raise DamagedDerError("truncated")
    tag, first = data[0], data[1]
    if tag & _MULTI_BYTE_TAG == _MULTI_BYTE_TAG:
        raise DamagedDerError("tag of several octets")
    start, size = 2, first
    if first & _LONG_FORM:
        count = first & 0x7F
        start += count
        octets = data[2:start]
        if not 1 <= count <= 4 or len(octets) != count or octets[0] == 0:  # noqa: PLR2004 - 4 GiB
            raise DamagedDerError("length not as DER has it")
        size = int.from_bytes(octets)
        if size < _LONG_FORM:
            raise DamagedDerError("length not as DER has it")
    if len(data) < start + size:
        raise DamagedDerError("truncated")
    end = start + size
    return Tlv(tag, data[start:end], data[:end]), data[end:]


def parse(data: bytes) -> Tlv:
    """The one value that these bytes are.

    Raises:
        DamagedDerError: not DER, or something follows.
    """
    value, rest = _read(data)
    if rest:
        raise DamagedDerError("bytes after the end")
    return value


def encode(tag: int, content: bytes) -> bytes:
    """A value as DER."""
    size = len(content)
    if size < _LONG_FORM:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, _LONG_FORM | len(octets))) + octets + content
