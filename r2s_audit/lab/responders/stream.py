"""Devices that are asked over a connection, in clear or over TLS: a Modbus meter, a camera, an intercom."""

from __future__ import annotations

import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, BinaryIO, ClassVar, NoReturn

MAX_HEAD = 4096
PATIENCE = 5.0
_METHODS = {
    "rtsp": "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN",
    "sip": "INVITE, ACK, CANCEL, OPTIONS, BYE",
}
Talk = Callable[[Mapping[str, Any], BinaryIO, BinaryIO], bool]


def serve(kind: str, options: Mapping[str, Any]) -> NoReturn:
    """Listen where ``options['listeners']`` says: address, port, whether over TLS."""
    context = _context(options)
    for address, port, tls in options["listeners"]:
        server = _Server6 if ":" in address else _Server
        listener = server((address, port), type("Handler", (_Handler,), {"kind": kind, "options": options}))
        listener.context = context if tls else None
        threading.Thread(target=listener.serve_forever, daemon=True).start()
    threading.Event().wait()
    raise AssertionError("nobody sets this event")


def _context(options: Mapping[str, Any]) -> ssl.SSLContext | None:
    """TLS 1.2 and 1.3, ECDSA with forward secrecy and AEAD, no tickets (ANSSI SDE-NT-35)."""
    if "certificate" not in options:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options["certificate"], options["key"])
    context.set_ciphers(options["ciphers"])
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.num_tickets = 0
    return context


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    context: ssl.SSLContext | None = None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who breaks off is not worth a line: auditors do it all the time."""


class _Server6(_Server):
    address_family = 10  # AF_INET6


class _Handler(socketserver.BaseRequestHandler):
    kind: ClassVar[str]
    options: ClassVar[Mapping[str, Any]]

    def handle(self) -> None:
        """One connection, up to its end or an error: in its own thread, so that a slow one holds up nobody."""
        connection = self.request
        connection.settimeout(PATIENCE)
        if self.server.context is not None:  # type: ignore[attr-defined]
            connection = self.server.context.wrap_socket(connection, server_side=True)  # type: ignore[attr-defined]
        with connection, connection.makefile("rb") as reader, connection.makefile("wb", buffering=0) as writer:
            while KINDS[self.kind](self.options, reader, writer):
                pass


def modbus(options: Mapping[str, Any], reader: BinaryIO, writer: BinaryIO) -> bool:
    """Device identification; every other function is illegal here (Modbus V1.1b3, 6.21 and 7)."""
    header = reader.read(7)
    if len(header) < 7:
        return False
    transaction, protocol, length, unit = struct.unpack(">HHHB", header)
    if protocol or not 2 <= length <= 254:
        return False
    pdu = reader.read(length - 1)
    answer = bytes((pdu[0] | 0x80, 1))
    if pdu[:2] == b"\x2b\x0e":
        objects = [str(value).encode() for value in options["identity"]]
        listed = b"".join(bytes((number, len(value))) + value for number, value in enumerate(objects))
        answer = bytes((0x2B, 0x0E, 1, 1, 0, 0, len(objects))) + listed
    writer.write(struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer)
    return True


def text(options: Mapping[str, Any], reader: BinaryIO, writer: BinaryIO) -> bool:
    """OPTIONS of RTSP or SIP; any other method is one that this device does not do (RFC 2326, RFC 3261)."""
    lines: list[bytes] = []
    size = 0
    while (line := reader.readline(MAX_HEAD)).strip():
        size += len(line)
        if size > MAX_HEAD:
            return False
        lines.append(line.strip())
    if not lines:
        return False
    protocol = options["protocol"]
    version = {"rtsp": "RTSP/1.0", "sip": "SIP/2.0"}[protocol]
    status = "200 OK" if lines[0].startswith(b"OPTIONS ") else "405 Method Not Allowed"
    kept = (b"cseq", b"via", b"from", b"to", b"call-id")
    echoed = [line.decode("ascii", "replace") for line in lines[1:] if line.lower().partition(b":")[0] in kept]
    methods = f"{'Public' if protocol == 'rtsp' else 'Allow'}: {_METHODS[protocol]}"
    head = [f"{version} {status}", *echoed, f"Server: {options['server']}", methods, "Content-Length: 0", "", ""]
    writer.write("\r\n".join(head).encode())
    return True


KINDS: Mapping[str, Talk] = MappingProxyType({"modbus": modbus, "text": text})
