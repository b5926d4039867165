"""A peer that keeps no protocol: it says what it was told to say, in the portions and for as long as it was told to.

What it says is data (see :func:`octets`), so that a fault's file shows the whole attack: a first burst, then the same
again and again, as fast as the other side takes it or one octet at a time.
"""

from __future__ import annotations

import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

MAX_OCTETS = 1 << 20
LIFETIME = 60.0
"""Seconds after which it lets go of a connection: longer than anybody should wait for it."""
AFTER = 10.0
"""Seconds for which a datagram's sender is sent datagrams without having asked again."""
HURRY = 0.0005
"""Seconds between two datagrams of a flood: the machine that plays the building has to keep up with it."""
MAX_DATAGRAM = 65507
_TOKEN = re.compile(r"(?:'(?P<text>[^']*)'|(?P<hexadecimal>(?:[0-9a-fA-F]{2})+))(?:\*(?P<times>[0-9]+))?\s*")


def octets(script: str) -> bytes:
    """Octets from a script of hexadecimal and quoted words, each repeated by ``*N``: ``16 0303 ffff 00*65535 'text'``.

    Raises:
        ValueError: a word that is neither, or more than :data:`MAX_OCTETS` in all.
    """
    result = bytearray()
    place = 0
    while place < len(script):
        token = _TOKEN.match(script, place)
        if token is None:
            raise ValueError(f"neither hexadecimal nor quoted: {script[place : place + 20]!r}")
        place = token.end()
        said = token["text"].encode() if token["text"] is not None else bytes.fromhex(token["hexadecimal"])
        times = int(token["times"] or 1)
        if len(result) + len(said) * times > MAX_OCTETS:
            raise ValueError(f"more than {MAX_OCTETS} octets")
        result += said * times
    return bytes(result)


def serve(options: Mapping[str, Any]) -> NoReturn:
    """Misbehave on every address of ``options['addresses']``, port ``options['port']``, until killed."""
    first, again = octets(options["first"]), octets(options["again"])
    over_udp = options["transport"] == "udp"
    context = _context(options)
    for address in options["addresses"]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        kind = socket.SOCK_DGRAM if over_udp else socket.SOCK_STREAM
        sock = socket.socket(family, kind)  # noqa: TID251 - a device of the laboratory
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, options["port"]))
        if over_udp:
            work = threading.Thread(target=_datagrams, args=(sock, first, again, options["pause"]), daemon=True)
        else:
            sock.listen(64)
            work = threading.Thread(target=_accept, args=(sock, first, again, options, context), daemon=True)
        work.start()
    threading.Event().wait()
    raise AssertionError("nobody sets this event")


def _context(options: Mapping[str, Any]) -> ssl.SSLContext | None:
    """A real TLS under the garbage, where a certificate is given: the attack then reaches the protocol inside."""
    if "certificate" not in options:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options["certificate"], options["key"])
    context.set_ciphers(options["ciphers"])
    return context


def _accept(
    listener: socket.socket,  # noqa: TID251 - a device of the laboratory
    first: bytes,
    again: bytes,
    options: Mapping[str, Any],
    context: ssl.SSLContext | None,
) -> None:
    """One thread a connection, so that every one of them gets the whole treatment."""
    while True:
        connection, _ = listener.accept()
        arguments = (connection, first, again, options, context)
        threading.Thread(target=_torment, args=arguments, daemon=True).start()


def _torment(
    connection: socket.socket,  # noqa: TID251 - a device of the laboratory
    first: bytes,
    again: bytes,
    options: Mapping[str, Any],
    context: ssl.SSLContext | None,
) -> None:
    """Say everything in portions, until the other side has had enough of it or the lifetime is over."""
    end = time.monotonic() + LIFETIME
    connection.settimeout(LIFETIME)
    try:
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True)
        with connection:
            if options["listens"] and not connection.recv(4096):
                return
            for portion in portions(first, again, options["portion"]):
                if time.monotonic() > end:
                    return
                connection.sendall(portion)
                if options["pause"]:
                    time.sleep(options["pause"])
            # Nothing more is said, and nothing ends either: whoever waits for the rest waits.
            while time.monotonic() < end and connection.recv(4096):
                pass
    except OSError:
        return


def portions(first: bytes, again: bytes, size: int) -> Iterator[bytes]:
    """``first`` once, then ``again`` for ever, ``size`` octets at a time (0: each as a whole); no ``again``, an end."""
    while True:
        step = size or len(first)
        for place in range(0, len(first), max(1, step)):
            yield first[place : place + step]
        if not again:
            return
        first = again


def _datagrams(
    sock: socket.socket,  # noqa: TID251 - a device of the laboratory
    first: bytes,
    again: bytes,
    pause: float,
) -> None:
    """Answer every datagram with ``first``, then go on with ``again`` unasked."""
    source: Any = None
    end = 0.0
    while True:
        flooding = source is not None and again and time.monotonic() < end
        if select.select([sock], [], [], max(pause, HURRY) if flooding else None)[0]:
            _, source = sock.recvfrom(MAX_DATAGRAM)
            end = time.monotonic() + AFTER
            _throw(sock, first, source)
        elif flooding:
            _throw(sock, again, source)


def _throw(sock: socket.socket, datagram: bytes, source: Any) -> None:  # noqa: TID251 - a device of the laboratory
    """One datagram; who has closed its port is not worth a line."""
    try:
        sock.sendto(datagram[:MAX_DATAGRAM], source)
    except OSError:
        return
