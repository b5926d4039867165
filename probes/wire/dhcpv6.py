"""One DHCPv6 SOLICIT, and reading an ADVERTISE. No REQUEST and no Rapid Commit is ever sent: nothing is leased.

Sources: RFC 8415 §7.1, §7.2 (group, ports), §8 (format), §11 (DUID), §16.3 (what a client discards), §21 (options);
RFC 3646 §3 (DNS servers). Nothing here raises but :class:`Dhcpv6Error`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address, IPv6Network
from typing import TYPE_CHECKING

from probes.wire.build import Link, multicast_mac, udp
from probes.wire.frames import mac_bytes
from probes.wire.mailbox import CLIENT_PORT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.wire.station import Station

SERVER_PORT = 547
ALL_SERVERS = IPv6Address("ff02::1:2")
SOLICIT, ADVERTISE = 1, 2
MAX_OPTIONS = 128
"""In one message, at all depths; a frame of 1500 octets has room for some 360 empty ones."""
_CLIENT, _SERVER, _IA_NA, _IA_TA, _ADDRESS, _ORO, _PREFERENCE, _ELAPSED = 1, 2, 3, 4, 5, 6, 7, 8
_STATUS, _DNS, _IA_PD, _PREFIX = 13, 23, 25, 26
_DUID_LL, _ETHERNET = 3, 1
_DUID_SHORTEST, _DUID_LONGEST = 3, 130
"""Octets: a type, and at least one of 128 at most (RFC 8415 §11.1)."""
_IN_ASSOCIATION = {_IA_NA: 12, _IA_TA: 4, _IA_PD: 12}
"""Octets before the options of an identity association."""
_ADDRESS_FIXED, _PREFIX_FIXED = 24, 25
"""Octets: address and two lifetimes; two lifetimes, a length and a prefix."""


class Problem(StrEnum):
    """Why a client discards a message that answers its own transaction."""

    CUT = "cut"
    TYPE = "type"
    OPTION = "option"
    SERVER = "server"
    CLIENT = "client"
    CHECKSUM = "checksum"


class Dhcpv6Error(ValueError):
    """Octets that no client would take for an answer."""

    def __init__(self, problem: Problem) -> None:
        """Keep what is wrong."""
        super().__init__(problem.value)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Advertise:
    """What a server says that it would give. duid: octets in hexadecimal, with colons."""

    duid: str
    preference: int | None
    status: int | None
    addresses: tuple[IPv6Address, ...]
    prefixes: tuple[IPv6Network, ...]
    resolvers: tuple[IPv6Address, ...]


def solicit(station: Station, source: IPv6Address, transaction: int) -> bytes:
    """The frame that asks every DHCPv6 server and relay of the link who is there; transaction: 24 bits."""
    identity = struct.pack("!I", int.from_bytes(mac_bytes(station.mac)[2:]))
    options = (
        _option(_CLIENT, _client(station.mac)),
        _option(_ELAPSED, bytes(2)),
        _option(_ORO, struct.pack("!H", _DNS)),
        _option(_IA_NA, identity + bytes(8)),
        _option(_IA_PD, identity + bytes(8)),
    )
    return udp(
        Link(station.mac, multicast_mac(ALL_SERVERS), station.vlans),
        source,
        ALL_SERVERS,
        source_port=CLIENT_PORT,
        destination_port=SERVER_PORT,
        payload=struct.pack("!I", SOLICIT << 24 | transaction & 0xFFFFFF) + b"".join(options),
        hop_limit=1,
    )


def parse_advertise(payload: bytes, transaction: int, mac: str) -> Advertise | None:
    """Read a datagram to the client's port; None where it belongs to another transaction than ours.

    Raises:
        Dhcpv6Error: it is of our transaction, or too short to tell, and clients discard it (RFC 8415 §16.3).
    """
    if len(payload) < 4:  # noqa: PLR2004 - type and transaction
        raise Dhcpv6Error(Problem.CUT)
    if int.from_bytes(payload[1:4]) != transaction & 0xFFFFFF:
        return None
    if payload[0] != ADVERTISE:
        raise Dhcpv6Error(Problem.TYPE)
    reader = _Reader()
    reader.read(payload[4:], depth=0)
    if len(reader.servers) != 1 or not _DUID_SHORTEST <= len(reader.servers[0]) <= _DUID_LONGEST:
        raise Dhcpv6Error(Problem.SERVER)
    if reader.clients != [_client(mac)]:
        raise Dhcpv6Error(Problem.CLIENT)
    return Advertise(
        duid=reader.servers[0].hex(":"),
        preference=reader.preference,
        status=reader.status,
        addresses=tuple(reader.addresses),
        prefixes=tuple(reader.prefixes),
        resolvers=tuple(reader.resolvers),
    )


def _client(mac: str) -> bytes:
    """Our own DUID: the link-layer address alone (RFC 8415 §11.4)."""
    return struct.pack("!HH", _DUID_LL, _ETHERNET) + mac_bytes(mac)


def _option(code: int, body: bytes) -> bytes:
    return struct.pack("!HH", code, len(body)) + body


class _Reader:
    """Walks options, those inside identity associations too, within bounds."""

    def __init__(self) -> None:
        self.servers: list[bytes] = []
        self.clients: list[bytes] = []
        self.preference: int | None = None
        self.status: int | None = None
        self.addresses: list[IPv6Address] = []
        self.prefixes: list[IPv6Network] = []
        self.resolvers: list[IPv6Address] = []
        self._seen = 0

    def read(self, data: bytes, depth: int) -> None:
        """Take each option of a message (depth 0), or of an identity association (1)."""
        for code, body in self._options(data):
            if depth == 0:
                self._outer(code, body)
            elif code == _ADDRESS:
                _long_enough(body, _ADDRESS_FIXED)
                self.addresses.append(IPv6Address(body[:16]))
            elif code == _PREFIX:
                _long_enough(body, _PREFIX_FIXED)
                if body[8] > 128:  # noqa: PLR2004 - bits of an address
                    raise Dhcpv6Error(Problem.OPTION)
                self.prefixes.append(IPv6Network((body[9:25], body[8]), strict=False))
            elif code == _STATUS and self.status is None:
                self.status = _status(body)

    def _outer(self, code: int, body: bytes) -> None:
        if code == _SERVER:
            self.servers.append(body)
        elif code == _CLIENT:
            self.clients.append(body)
        elif code == _PREFERENCE:
            if len(body) != 1:
                raise Dhcpv6Error(Problem.OPTION)
            self.preference = body[0]
        elif code == _STATUS:
            self.status = _status(body)
        elif code == _DNS:
            if len(body) % 16:
                raise Dhcpv6Error(Problem.OPTION)
            self.resolvers += [IPv6Address(body[at : at + 16]) for at in range(0, len(body), 16)]
        elif code in _IN_ASSOCIATION:
            _long_enough(body, _IN_ASSOCIATION[code])
            self.read(body[_IN_ASSOCIATION[code] :], depth=1)

    def _options(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        position = 0
        while position < len(data):
            if position + 4 > len(data):
                raise Dhcpv6Error(Problem.OPTION)
            code, size = struct.unpack_from("!HH", data, position)
            body = data[position + 4 : position + 4 + size]
            self._seen += 1
            if len(body) != size or self._seen > MAX_OPTIONS:
                raise Dhcpv6Error(Problem.OPTION)
            yield code, body
            position += 4 + size


def _status(body: bytes) -> int:
    _long_enough(body, 2)
    return int.from_bytes(body[:2])


def _long_enough(body: bytes, octets: int) -> None:
    if len(body) < octets:
        raise Dhcpv6Error(Problem.OPTION)
