"""The TLS record and handshake layers as far as a client needs them that never goes encrypted, with bounds on everything.

A :class:`Flight` eats the bytes of a server's first flight: ServerHello, Certificate, ServerKeyExchange,
CertificateRequest, ServerHelloDone (RFC 6101, 2246, 4346, 5246), or the ServerHello of TLS 1.3 (RFC 8446), after which
everything is encrypted. Nothing here does I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from probes.tls.suites import key_exchange, suite_name
from probes.tls.wire_hello import TLS13, group_name, parse_server_hello
from probes.tls.wire_reader import Reader, WireError

if TYPE_CHECKING:
    from probes.tls.wire_hello import ServerHello

MAX_RECORD = 2**14 + 2048
"""TLSCiphertext.length (RFC 5246, 6.2.3)."""
MAX_MESSAGE = 128 * 1024
"""A handshake message: a chain of sixteen 4096-bit RSA certificates has some 30 kB."""
MAX_RECORDS = 256
MAX_FLIGHT = 256 * 1024
"""Bytes of a whole flight."""
MAX_MESSAGES = 16
MAX_CERTIFICATES = 16
MAX_WARNINGS = 4
MAX_DH_BYTES = 2048
"""16384 bits: no server uses more, and OpenSSL verifies no more."""

_RECORD_HEADER = 5
_MESSAGE_HEADER = 4
_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _APPLICATION_DATA = 20, 21, 22, 23
_HELLO_REQUEST, _SERVER_HELLO, _CERTIFICATE, _KEY_EXCHANGE, _CERTIFICATE_REQUEST, _DONE = 0, 2, 11, 12, 13, 14
_MAJOR = 3
_ALERT_BYTES = 2
_NAMED_CURVE = 3
_EXPLICIT = {1: "explicit_prime", 2: "explicit_char2"}


@dataclass(frozen=True, slots=True)
class Alert:
    """A TLS alert (RFC 8446, section 6)."""

    level: Literal[1, 2]
    description: int

    @property
    def is_final(self) -> bool:
        """Fatal, or close_notify: nothing comes after it."""
        return self.level == 2 or self.description == 0  # noqa: PLR2004 - AlertLevel.fatal(2)


@dataclass(slots=True)
class Flight:
    """A server's first flight, filled in as bytes arrive."""

    server_hello: ServerHello | None = None
    certificates: tuple[bytes, ...] = ()
    group: str = ""
    dh_bits: int | None = None
    certificate_requested: bool = False
    done: bool = False
    """ServerHelloDone was read, or the ServerHello of TLS 1.3."""
    alert: Alert | None = None
    """The alert that ended the flight."""
    size: int = 0
    """Bytes fed."""
    _records: bytearray = field(default_factory=bytearray)
    _messages: bytearray = field(default_factory=bytearray)
    _record_count: int = 0
    _message_count: int = 0
    _warnings: int = 0

    @property
    def finished(self) -> bool:
        """There is nothing more to learn from this connection."""
        return self.done or self.alert is not None

    def feed(self, data: bytes) -> None:
        """Take bytes as they come off the connection; bytes after the end of the flight are ignored.

        Raises:
            WireError: ``not_tls``, ``malformed`` or ``limit``.
        """
        self.size += len(data)
        if self.size > MAX_FLIGHT and not self.finished:
            raise WireError("limit", f"{self.size} bytes in one flight")
        self._records += data
        while not self.finished and len(self._records) >= _RECORD_HEADER:
            kind, major = self._records[0], self._records[1]
            if not _CHANGE_CIPHER_SPEC <= kind <= _APPLICATION_DATA or major != _MAJOR:
                raise WireError("not_tls", f"record type {kind}, version byte {major}")
            length = int.from_bytes(self._records[3:_RECORD_HEADER])
            if length > MAX_RECORD:
                raise WireError("limit", f"record of {length} bytes")
            if len(self._records) < _RECORD_HEADER + length:
                return
            body = bytes(self._records[_RECORD_HEADER : _RECORD_HEADER + length])
            del self._records[: _RECORD_HEADER + length]
            self._record(kind, body)

    def check_start(self) -> None:
        """Say whether what little arrived before the connection ended can be TLS at all.

        Raises:
            WireError: ``not_tls``.
        """
        if (
            self._record_count == 0
            and self._records
            and not _CHANGE_CIPHER_SPEC <= self._records[0] <= _APPLICATION_DATA
        ):
            raise WireError("not_tls", f"first byte {self._records[0]}")

    def _record(self, kind: int, body: bytes) -> None:
        self._record_count += 1
        if self._record_count > MAX_RECORDS:
            raise WireError("limit", "too many records")
        if kind == _HANDSHAKE:
            self._messages += body
            self._drain()
        elif kind == _ALERT:
            self._on_alert(body)
        else:
            raise WireError("malformed", f"record type {kind} before the end of the flight")

    def _on_alert(self, body: bytes) -> None:
        if len(body) != _ALERT_BYTES or body[0] not in {1, 2}:
            raise WireError("malformed", "alert that is none")
        alert = Alert(1 if body[0] == 1 else 2, body[1])
        if alert.is_final:
            self.alert = alert
            return
        self._warnings += 1
        if self._warnings > MAX_WARNINGS:
            raise WireError("limit", "too many warnings")

    def _drain(self) -> None:
        while not self.finished and len(self._messages) >= _MESSAGE_HEADER:
            kind = self._messages[0]
            length = int.from_bytes(self._messages[1:_MESSAGE_HEADER])
            if length > MAX_MESSAGE:
                raise WireError("limit", f"handshake message of {length} bytes")
            if len(self._messages) < _MESSAGE_HEADER + length:
                return
            body = bytes(self._messages[_MESSAGE_HEADER : _MESSAGE_HEADER + length])
            del self._messages[: _MESSAGE_HEADER + length]
            self._message_count += 1
            if self._message_count > MAX_MESSAGES:
                raise WireError("limit", "too many handshake messages")
            self._message(kind, body)

    def _message(self, kind: int, body: bytes) -> None:
        if kind == _HELLO_REQUEST:
            return
        if (self.server_hello is None) != (kind == _SERVER_HELLO):
            raise WireError("malformed", f"handshake message {kind} out of order")
        if kind == _SERVER_HELLO:
            self.server_hello = parse_server_hello(body)
            self.group = self.server_hello.group
            self.done = self.server_hello.version >= TLS13
        elif kind == _CERTIFICATE:
            self.certificates = parse_certificates(body)
        elif kind == _KEY_EXCHANGE and self.server_hello is not None:
            self.group, self.dh_bits = parse_key_exchange(body, self.server_hello.suite)
        elif kind == _CERTIFICATE_REQUEST:
            self.certificate_requested = True
        elif kind == _DONE:
            self.done = True


def parse_certificates(body: bytes) -> tuple[bytes, ...]:
    """The DER certificates of a Certificate message (RFC 5246, 7.4.2), as sent.

    Raises:
        WireError: lengths that contradict each other, or more than :data:`MAX_CERTIFICATES`.
    """
    outer = Reader(body)
    inner = Reader(outer.vector(3))
    outer.end()
    found: list[bytes] = []
    while inner.left:
        if len(found) == MAX_CERTIFICATES:
            raise WireError("limit", "too many certificates")
        found.append(inner.vector(3))
    return tuple(found)


def parse_key_exchange(body: bytes, suite: int) -> tuple[str, int | None]:
    """Group and size of a ServerKeyExchange (RFC 5246, 7.4.3; RFC 8422, 5.4); empty for exchanges without a group.

    Returns:
        The IANA name of the group or ``""``, and the bits of a finite-field prime or None.

    Raises:
        WireError: a message shorter than its own lengths, or a prime beyond :data:`MAX_DH_BYTES`.
    """
    exchange = key_exchange(suite_name(suite))
    reader = Reader(body)
    if exchange.endswith("PSK"):
        reader.vector(2)
    if exchange.startswith(("ECDHE_", "ECDH_anon")):
        kind = reader.integer(1)
        if kind != _NAMED_CURVE:
            return _EXPLICIT.get(kind, "unknown"), None
        return group_name(reader.integer(2)), None
    if exchange.startswith(("DHE_", "DH_anon")):
        prime = reader.vector(2)
        if len(prime) > MAX_DH_BYTES:
            raise WireError("limit", f"prime of {len(prime)} bytes")
        return "", int.from_bytes(prime).bit_length()
    return "", None
