"""Looking for secrets in what an audit leaves, in whatever form, and for what a cracker would extract from it."""

from __future__ import annotations

import base64
import gzip
import threading
import time
import urllib.parse
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

MIN_SECRET = 6
MAX_UNPACKED = 64 << 20
AUTH_LENGTHS = (12, 16, 24, 32, 48)
"""Octets of msgAuthenticationParameters (RFC 3414, RFC 7860)."""


def _base64_cores(secret: bytes) -> Iterator[bytes]:
    """What base64 makes of a secret wherever it stands in the encoded text: three alignments, without uncertain ends."""
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + secret)
        start = (shift * 8 + 5) // 6
        yield encoded[start : (shift + len(secret)) * 8 // 6]


def forms(secret: bytes) -> set[bytes]:
    """A secret as it may be written: raw, backwards, hexadecimal, base64 (both alphabets), UTF-16, percent, escapes."""
    found: set[bytes] = set()
    for plain in (secret, secret[::-1]):
        wide = b"".join(bytes((octet, 0)) for octet in plain)
        for octets in (plain, wide, b"\0" + wide[:-1]):
            found |= {octets, octets.hex().encode(), octets.hex().upper().encode()}
            for core in _base64_cores(octets):
                found |= {core, core.translate(bytes.maketrans(b"+/", b"-_"))}
        found |= {plain.hex(sep).encode() for sep in ": -"}
        found |= {urllib.parse.quote(plain).encode(), "".join(f"%{octet:02X}" for octet in plain).encode()}
        found |= {"".join(f"\\x{octet:02x}" for octet in plain).encode(), repr(plain)[2:-1].encode()}
        found |= {", ".join(map(str, plain)).encode(), ",".join(map(str, plain)).encode()}
    return {form for form in found if len(form) >= MIN_SECRET}


def unpacked(data: bytes) -> Iterator[bytes]:
    """Bytes as they are, and what is compressed inside them: gzip and zlib streams wherever they begin."""
    yield data
    for mark, bits in ((b"\x1f\x8b\x08", 31), (b"\x78\x01", 15), (b"\x78\x9c", 15), (b"\x78\xda", 15)):
        position = data.find(mark)
        while position >= 0:
            with suppress(zlib.error):
                yield zlib.decompressobj(bits).decompress(data[position:], MAX_UNPACKED)
            position = data.find(mark, position + 1)


@dataclass
class Hunt:
    """Secrets by name, each in all its forms."""

    secrets: dict[str, bytes]
    _forms: dict[bytes, list[tuple[bytes, str]]] = field(init=False)
    """By their first octets: thousands of forms are then looked for in one reading."""

    def __post_init__(self) -> None:
        short = [name for name, secret in self.secrets.items() if len(secret) < MIN_SECRET]
        assert not short, f"too short to be told from chance: {short}"
        self._forms = {}
        for name, secret in self.secrets.items():
            for form in forms(secret):
                self._forms.setdefault(form[:MIN_SECRET], []).append((form, name))

    def found_in(self, data: bytes) -> set[str]:
        """Names of the secrets that the bytes hold in some form."""
        return {
            name
            for text in unpacked(data)
            for place in range(len(text) - MIN_SECRET + 1)
            for form, name in self._forms.get(text[place : place + MIN_SECRET], ())
            if text.startswith(form, place)
        }

    def found_below(self, paths: Iterable[Path]) -> dict[str, set[str]]:
        """The same for files, with directories' own files and names."""
        files = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
        assert files
        found = {str(file): self.found_in(file.read_bytes()) | self.found_in(str(file).encode()) for file in files}
        return {file: names for file, names in found.items() if names}


class Watch(threading.Thread):
    """Command lines of every process of the machine while a block runs."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[bytes] = set()
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_bytes())
                except OSError:
                    continue
            time.sleep(0.03)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


def usm_digests(data: bytes) -> set[bytes]:
    """Every msgAuthenticationParameters with something in it of the SNMPv3 messages in some bytes."""
    return {digest for _, digest in usm_parameters(data) if len(digest) in AUTH_LENGTHS and any(digest)}


def usm_parameters(data: bytes) -> set[tuple[bytes, bytes]]:
    """Engine and digest of the SNMPv3 messages in some bytes.

    A message is found by its version and header data, as tools that feed crackers do; the parameters are the fifth of
    the security parameters: engine, boots, time, user, digest, salt (RFC 3414, 2.4).
    """
    found = set()
    position = data.find(b"\x02\x01\x03\x30")
    while position >= 0:
        try:
            _, _, after = _tlv(data, position + 3)
            kind, start, _ = _tlv(data, after)
            if kind == 4:
                _, start, _ = _tlv(data, start)
                fields = []
                for _ in range(5):
                    _, begin, start = _tlv(data, start)
                    fields.append(data[begin:start])
                found.add((fields[0], fields[4]))
        except IndexError:
            pass
        position = data.find(b"\x02\x01\x03\x30", position + 1)
    return found


def _tlv(data: bytes, position: int) -> tuple[int, int, int]:
    """Kind, start and end of the value of a BER element; IndexError where it is cut."""
    kind, size = data[position], data[position + 1]
    start = position + 2
    if size & 0x80:
        count = size & 0x7F
        size, start = int.from_bytes(data[start : start + count]), start + count
    if start + size > len(data):
        raise IndexError(position)
    return kind, start, start + size


def eap_hashes(data: bytes) -> set[bytes]:
    """Challenges and responses of EAP-MD5 (type 4) and MSCHAPv2 (type 26) in the EAPOL frames of a capture's bytes."""
    found = set()
    position = data.find(b"\x88\x8e")
    while position >= 0:
        body = data[position + 6 : position + 6 + int.from_bytes(data[position + 4 : position + 6])]
        if len(body) > 6 and body[0] in {1, 2} and body[4] in {4, 26} and int.from_bytes(body[2:4]) == len(body):
            value = body[6 : 6 + body[5]] if body[4] == 4 else body[10:]
            if any(value):
                found.add(value)
        position = data.find(b"\x88\x8e", position + 1)
    return found


def zipped(data: bytes) -> bytes:
    """For the controls."""
    return gzip.compress(data)
