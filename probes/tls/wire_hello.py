"""ClientHello and ServerHello, SSLv3 to TLS 1.3.

A hello offers exactly one protocol version, so that the answer says something about that version and no other.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.tls.wire_reader import Reader, WireError, vector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probes.tls.facts import VersionName

SSL3, TLS10, TLS11, TLS12, TLS13 = 0x0300, 0x0301, 0x0302, 0x0303, 0x0304
VERSIONS: dict[VersionName, int] = {
    "TLSv1.3": TLS13,
    "TLSv1.2": TLS12,
    "TLSv1.1": TLS11,
    "TLSv1.0": TLS10,
    "SSLv3": SSL3,
}
VERSION_OF: dict[int, VersionName] = {code: name for name, code in VERSIONS.items()}

GROUPS: dict[int, str] = {
    29: "x25519", 23: "secp256r1", 24: "secp384r1", 25: "secp521r1", 30: "x448",
    26: "brainpoolP256r1", 27: "brainpoolP384r1", 28: "brainpoolP512r1",
    31: "brainpoolP256r1tls13", 32: "brainpoolP384r1tls13", 33: "brainpoolP512r1tls13",
    256: "ffdhe2048", 257: "ffdhe3072", 258: "ffdhe4096", 259: "ffdhe6144", 260: "ffdhe8192",
    4588: "X25519MLKEM768", 4587: "SecP256r1MLKEM768", 4589: "SecP384r1MLKEM1024",
    512: "MLKEM512", 513: "MLKEM768", 514: "MLKEM1024", 41: "curveSM2",
    34: "GC256A", 35: "GC256B", 36: "GC256C", 37: "GC256D", 38: "GC512A", 39: "GC512B", 40: "GC512C",
    22: "secp256k1", 21: "secp224r1", 20: "secp224k1", 19: "secp192r1", 18: "secp192k1", 17: "secp160r2", 16: "secp160r1",
    15: "secp160k1", 14: "sect571r1", 13: "sect571k1", 12: "sect409r1", 11: "sect409k1", 10: "sect283r1", 9: "sect283k1",
    8: "sect239k1", 7: "sect233r1", 6: "sect233k1", 5: "sect193r2", 4: "sect193r1", 3: "sect163r2", 2: "sect163r1", 1: "sect163k1",
}  # fmt: skip
"""IANA TLS Supported Groups, in the order in which a hello offers them: usual ones first, all of them."""

_FFDHE_BITS = {"ffdhe2048": 2048, "ffdhe3072": 3072, "ffdhe4096": 4096, "ffdhe6144": 6144, "ffdhe8192": 8192}

_SIGNATURES = (
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B, 0x081A, 0x081B, 0x081C,
    0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0203, 0x0201, 0x0402, 0x0302, 0x0202, 0x0101, 0x0708,
)  # fmt: skip
"""SignatureScheme (RFC 8446, 4.2.3; RFC 8734) down to MD5: a weak server shall answer, and be seen to be weak."""
_PLAIN_GROUPS = (29, 23, 24, 25)
_PLAIN_SIGNATURES = (0x0403, 0x0503, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201)

_SNI, _GROUPS, _POINTS, _SIGS, _ETM, _EMS = 0, 10, 11, 13, 22, 23
_VERSIONS_EXT, _PSK_MODES, _KEY_SHARE, _RENEGOTIATION = 43, 45, 51, 0xFF01
_X25519 = 29
_SCSV = 0x00FF
_DEFLATE, _NULL = 1, 0
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""SHA-256 of "HelloRetryRequest" (RFC 8446, 4.1.3)."""
_SENTINELS = {b"DOWNGRD\x01", b"DOWNGRD\x00"}
MAX_EXTENSIONS = 64
_MAX_SESSION_ID = 32


def group_name(code: int) -> str:
    """IANA name of a group, or its code point."""
    return GROUPS.get(code, f"0x{code:04X}")


def ffdhe_bits(group: str) -> int | None:
    """Size of a group of RFC 7919; None for a group of another kind."""
    return _FFDHE_BITS.get(group)


@dataclass(frozen=True, slots=True)
class ServerHello:
    """What the server chose."""

    version: int
    suite: int
    compression: int
    group: str
    """TLS 1.3 only: the group of the key share, or the one that a HelloRetryRequest asks for."""
    retry: bool
    renegotiation_info: bool
    encrypt_then_mac: bool
    sentinel: bool
    """The last eight bytes of the random say that a newer version was given up (RFC 8446, 4.1.3)."""


def client_hello(version: int, suites: Iterable[int], server_name: str = "", *, plain: bool = False) -> bytes:
    """One ClientHello in one record.

    Args:
        version: the only version that is offered, as on the wire.
        suites: code points, in order.
        server_name: DNS name for SNI (RFC 6066); empty: the extension is left out.
        plain: usual groups and signatures only, no compression: for a server that stumbles over a long list.
    """
    codes = [*suites] + ([_SCSV] if version < TLS13 else [])
    methods = bytes([_NULL]) if version == TLS13 or plain else bytes([_DEFLATE, _NULL])
    body = (
        min(version, TLS12).to_bytes(2)
        + os.urandom(32)
        + vector(os.urandom(32) if version == TLS13 else b"", 1)
        + vector(b"".join(code.to_bytes(2) for code in codes), 2)
        + vector(methods, 1)
    )
    if version > SSL3:
        body += vector(b"".join(_extension(kind, data) for kind, data in _extensions(version, server_name, plain)), 2)
    message = b"\x01" + vector(body, 3)
    return b"\x16" + min(version, TLS10).to_bytes(2) + vector(message, 2)


def _extension(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(2) + vector(data, 2)


def _numbers(codes: Iterable[int]) -> bytes:
    return vector(b"".join(code.to_bytes(2) for code in codes), 2)


def _extensions(version: int, server_name: str, plain: bool) -> Iterable[tuple[int, bytes]]:
    if server_name:
        yield _SNI, vector(b"\x00" + vector(server_name.encode("ascii"), 2), 2)
    yield _GROUPS, _numbers(_PLAIN_GROUPS if plain else GROUPS)
    if version >= TLS12:
        yield _SIGS, _numbers(_PLAIN_SIGNATURES if plain else _SIGNATURES)
    if version == TLS13:
        yield _VERSIONS_EXT, vector(TLS13.to_bytes(2), 1)
        yield _PSK_MODES, vector(b"\x01", 1)
        # Any 32 bytes are a valid X25519 share (RFC 7748, section 5); the exchange is never carried through.
        yield _KEY_SHARE, vector(_X25519.to_bytes(2) + vector(os.urandom(32), 2), 2)
    else:
        yield _POINTS, vector(b"\x00", 1)
        if not plain:
            yield _ETM, b""
            yield _EMS, b""


def parse_server_hello(body: bytes) -> ServerHello:
    """A ServerHello without its handshake header (RFC 5246, 7.4.1.3; RFC 8446, 4.1.3).

    Raises:
        WireError: shorter than its own lengths, an extension twice, or more than :data:`MAX_EXTENSIONS`.
    """
    reader = Reader(body)
    version = reader.integer(2)
    random = reader.take(32)
    if len(reader.vector(1)) > _MAX_SESSION_ID:
        raise WireError("malformed", "session identifier beyond 32 bytes")
    suite = reader.integer(2)
    compression = reader.integer(1)
    extensions = _parse_extensions(reader.vector(2)) if reader.left else {}
    reader.end()
    group = ""
    if _VERSIONS_EXT in extensions:
        chosen = Reader(extensions[_VERSIONS_EXT])
        version = chosen.integer(2)
        chosen.end()
        if _KEY_SHARE in extensions:
            group = group_name(Reader(extensions[_KEY_SHARE]).integer(2))
    if version not in VERSION_OF:
        raise WireError("malformed", f"version {version:#06x}")
    return ServerHello(
        version=version,
        suite=suite,
        compression=compression,
        group=group,
        retry=random == _RETRY,
        renegotiation_info=_RENEGOTIATION in extensions,
        encrypt_then_mac=_ETM in extensions,
        sentinel=random[-8:] in _SENTINELS,
    )


def _parse_extensions(data: bytes) -> dict[int, bytes]:
    reader = Reader(data)
    found: dict[int, bytes] = {}
    while reader.left:
        kind = reader.integer(2)
        content = reader.vector(2)
        if kind in found:
            raise WireError("malformed", f"extension {kind} twice")
        if len(found) == MAX_EXTENSIONS:
            raise WireError("limit", "too many extensions")
        found[kind] = content
    return found
