"""One question and one answer on a gated socket, in clear or through TLS, each within a time and a size."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING

from probes.services.wire_reader import Incomplete, Malformed

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from OpenSSL.SSL import Connection

    from probes.services.facts import Answer

ANSWER_SECONDS = 2.0
"""For the answer, from the question on: a dripping peer gains no time (requirements, section 4)."""
HANDSHAKE_SECONDS = 5.0
"""A controller without acceleration takes up to some seconds for a signature."""
MAX_ANSWER = 16384
CHUNK = 4096


class NotTls(Exception):
    """TLS was asked for, and what came back is none."""


class NoHandshake(Exception):
    """The peer speaks TLS, and no handshake came about."""


class PeerClosed(Exception):
    """The peer ended the connection before its answer was whole."""


@dataclass(slots=True)
class Line:
    """A connected stream in clear."""

    sock: socket.socket  # noqa: TID251 - lent by Access.tcp
    version: str = ""
    received: bytearray = field(default_factory=bytearray)

    async def send(self, data: bytes) -> None:
        """Send everything."""
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def more(self) -> bytes:
        """What comes next; empty at the end."""
        return await asyncio.get_running_loop().sock_recv(self.sock, CHUNK)

    async def read(self, parse: Callable[[bytes], Answer]) -> Answer:
        """Read until ``parse`` has what it needs.

        Raises:
            PeerClosed: it ended before. Malformed: it is something else, or too much of it. OSError: the connection broke.
        """
        while True:
            data = await self.more()
            if not data:
                raise PeerClosed
            self.received += data
            try:
                return parse(bytes(self.received))
            except Incomplete as error:
                if len(self.received) >= MAX_ANSWER:
                    raise Malformed(f"{len(self.received)} octets and no end") from error


@dataclass(slots=True)
class TlsLine(Line):
    """The same through TLS. OpenSSL works on memory alone: every octet passes the gated socket."""

    connection: Connection | None = None

    @classmethod
    async def over(cls, sock: socket.socket, server_name: str) -> TlsLine:  # noqa: TID251 - lent by Access.tcp
        """Shake hands, verifying nothing: what the certificate is worth is another family's matter.

        Raises:
            NotTls: the peer answers something else. NoHandshake: it refuses, or cannot. PeerClosed: it ends the connection.
            OSError: the connection broke.
        """
        from OpenSSL import SSL  # noqa: PLC0415 - 40 ms that a plan need not pay

        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_verify(SSL.VERIFY_NONE, None)
        context.set_min_proto_version(SSL.TLS1_VERSION)
        # Whatever the service has, old or weak: it is asked what it says, not trusted.
        context.set_cipher_list(b"ALL:COMPLEMENTOFALL:@SECLEVEL=0")
        connection = SSL.Connection(context, None)
        connection.set_connect_state()
        name = _sni(server_name)
        if name:
            connection.set_tlsext_host_name(name)
        line = cls(sock, connection=connection)
        first = True
        while True:
            try:
                connection.do_handshake()
            except SSL.WantReadError:
                await line.flush()
            except SSL.Error as error:
                await line.flush()
                raise NoHandshake from error
            else:
                await line.flush()
                line.version = connection.get_protocol_version_name()
                return line
            data = await Line.more(line)
            if not data:
                raise PeerClosed
            if first and data[0] not in {20, 21, 22}:  # content types of RFC 8446, 5.1
                raise NotTls
            first = False
            connection.bio_write(data)

    async def send(self, data: bytes) -> None:
        """Encrypt and send."""
        assert self.connection is not None  # noqa: S101 - made by `over`
        self.connection.send(data)
        await self.flush()

    async def more(self) -> bytes:
        """Decrypted octets; empty at the end."""
        from OpenSSL import SSL  # noqa: PLC0415 - see over

        assert self.connection is not None  # noqa: S101 - made by `over`
        while True:
            try:
                return self.connection.recv(CHUNK)
            except SSL.WantReadError:
                data = await Line.more(self)
                if not data:
                    return b""
                self.connection.bio_write(data)
            except SSL.ZeroReturnError:
                return b""
            except SSL.Error as error:
                raise Malformed("TLS broke after the handshake") from error

    async def flush(self) -> None:
        """Send what OpenSSL has to say."""
        from OpenSSL import SSL  # noqa: PLC0415 - see over

        assert self.connection is not None  # noqa: S101 - made by `over`
        while True:
            try:
                data = self.connection.bio_read(CHUNK)
            except SSL.WantReadError:
                return
            await Line.send(self, data)


def _sni(name: str) -> bytes:
    """The name for SNI (RFC 6066, section 3): none for an address, or for a name that has no such form."""
    try:
        ip_address(name)
    except ValueError:
        pass
    else:
        return b""
    try:
        return name.encode("idna").removesuffix(b".")
    except UnicodeError:
        return b""
