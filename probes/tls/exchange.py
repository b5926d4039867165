"""One connection each: send a hello and read the answer, or carry a real handshake through."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probes.tls.wire import MAX_FLIGHT, Flight
from probes.tls.wire_reader import WireError

if TYPE_CHECKING:
    import socket

    from OpenSSL.SSL import Connection as SSLConnection

CHUNK = 16384


@dataclass(slots=True)
class Answer:
    """What one connection taught; ``error`` is empty where the peer finished what it had to say."""

    flight: Flight = field(default_factory=Flight)
    error: str = ""
    completed: bool = False
    """Both Finished messages were exchanged."""
    chain: tuple[bytes, ...] = ()
    """DER certificates, leaf first; empty where none was seen."""
    raw: bytes = b""
    """What was received, as evidence: at most what a flight may have."""


async def say_hello(sock: socket.socket, hello: bytes, seconds: float) -> Answer:  # noqa: TID251 - lent by Access.tcp
    """Send a ClientHello and read the first flight; never raises for what the peer does.

    Args:
        sock: connected and non-blocking; stays open.
        hello: a whole record.
        seconds: for everything together: a dripping peer gains no time.
    """
    answer = Answer()
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            await loop.sock_sendall(sock, hello)
            while not answer.flight.finished:
                data = await loop.sock_recv(sock, CHUNK)
                if not data:
                    answer.flight.check_start()
                    answer.error = "closed"
                    break
                answer.raw += data
                answer.flight.feed(data)
    except WireError as error:
        answer.error = error.kind
    except TimeoutError:
        answer.error = "timeout"
    except OSError:
        answer.error = "reset"
    answer.chain = answer.flight.certificates
    return answer


async def shake_hands(sock: socket.socket, server_name: str, seconds: float) -> Answer:  # noqa: TID251 - lent by Access.tcp
    """A whole handshake with the newest offer, TLS 1.3 down to 1.0, verifying nothing; never raises for what the peer does.

    OpenSSL works on memory only: bytes go through the gated socket, and the server's first flight is read by
    :class:`~probes.tls.wire.Flight` as well. A peer that is no TLS is found there, not in OpenSSL's error queue.
    """
    from OpenSSL import SSL, crypto  # noqa: PLC0415 - 40 ms that a plan need not pay

    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_verify(SSL.VERIFY_NONE, None)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    # Every suite and key size: a weak service shall show what it has; judging comes later.
    context.set_cipher_list(b"ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    connection = SSL.Connection(context, None)
    connection.set_connect_state()
    if server_name:
        connection.set_tlsext_host_name(server_name.encode("ascii"))
    answer = Answer()
    try:
        async with asyncio.timeout(seconds):
            await _drive(sock, connection, answer)
            answer.completed = True
            connection.shutdown()
            await _flush(sock, connection)
    except WireError as error:
        answer.error = error.kind
    except TimeoutError:
        answer.error = "timeout"
    except SSL.Error:
        answer.error = answer.error or ("alert" if answer.flight.alert else "tls")
        # Our alert, or what is left of our last flight, is courtesy: the peer may be gone already.
    except OSError:
        answer.error = answer.error or "reset"
    sent = connection.get_peer_cert_chain() or []
    dumped = tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate) for certificate in sent)
    answer.chain = dumped or answer.flight.certificates
    if answer.completed:
        answer.error = ""
    return answer


class _Closed(OSError):
    """The peer closed in the middle of the handshake."""


async def _drive(sock: socket.socket, connection: SSLConnection, answer: Answer) -> None:  # noqa: TID251 - lent by Access.tcp
    """Alternate between OpenSSL and the socket until the handshake is over.

    Raises:
        SSL.Error, WireError, OSError: what went wrong.
    """
    from OpenSSL import SSL  # noqa: PLC0415 - see shake_hands

    loop = asyncio.get_running_loop()
    while True:
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            await _flush(sock, connection)
        except SSL.Error:
            await _flush(sock, connection)
            raise
        else:
            await _flush(sock, connection)
            return
        data = await loop.sock_recv(sock, CHUNK)
        if answer.flight.size > 2 * MAX_FLIGHT:
            raise WireError("limit", f"{answer.flight.size} bytes in one handshake")
        if not data:
            answer.flight.check_start()
            answer.error = "closed"
            raise _Closed
        answer.flight.feed(data)
        connection.bio_write(data)


async def _flush(sock: socket.socket, connection: SSLConnection) -> None:  # noqa: TID251 - lent by Access.tcp
    """Send whatever OpenSSL has to say."""
    from OpenSSL import SSL  # noqa: PLC0415 - see shake_hands

    loop = asyncio.get_running_loop()
    while True:
        try:
            data = connection.bio_read(CHUNK)
        except SSL.WantReadError:
            return
        await loop.sock_sendall(sock, data)
