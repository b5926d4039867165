"""EAPOL and EAP packets: the two that we send, and reading what an authenticator says.

Sources: IEEE 802.1X-2020 clauses 11.3 to 11.5 and 11.1.1 (the PAE group), RFC 3748 §4 and §5. Nothing here raises but
:class:`EapolError`; lengths are octets, and no octet beyond the stated lengths is looked at (Ethernet pads).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from probes.wire.build import Link, ethernet
from probes.wire.frames import ETH_EAPOL

PAE_GROUP = "01:80:c2:00:00:03"
"""Where port access entities listen; bridges do not forward it."""
EAP_PACKET, START, LOGOFF = 0, 1, 2
REQUEST, RESPONSE, SUCCESS, FAILURE = 1, 2, 3, 4
IDENTITY = 1
VERSION = 1
"""That of 802.1X-2001, which every authenticator takes (clause 11.3.1: later ones read it as their own)."""

_HEADER = struct.Struct("!BBH")  # version, type, length of the body
_EAP = struct.Struct("!BBH")  # code, identifier, length of all


class EapolError(ValueError):
    """Octets that are no EAPOL packet, or no EAP packet where one is due."""


@dataclass(frozen=True, slots=True)
class Eap:
    """An EAP packet; ``type`` is None for a success or failure, which have none."""

    code: int
    identifier: int
    type: int | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Eapol:
    """An EAPOL packet; ``eap`` where its type says that it carries one."""

    version: int
    type: int
    eap: Eap | None


def start(source: str) -> bytes:
    """The frame that asks an authenticator to begin."""
    return ethernet(Link(source, PAE_GROUP), ETH_EAPOL, _HEADER.pack(VERSION, START, 0))


def logoff(source: str) -> bytes:
    """The frame that asks it to close the port again."""
    return ethernet(Link(source, PAE_GROUP), ETH_EAPOL, _HEADER.pack(VERSION, LOGOFF, 0))


def parse(payload: bytes) -> Eapol:
    """Read what follows the EtherType 0x888E.

    Raises:
        EapolError: cut, or a length that passes the end.
    """
    if len(payload) < _HEADER.size:
        raise EapolError(f"{len(payload)} octets are no EAPOL header")
    version, kind, length = _HEADER.unpack_from(payload)
    body = payload[_HEADER.size : _HEADER.size + length]
    if len(body) != length:
        raise EapolError(f"an EAPOL body of {length} octets, {len(body)} there")
    return Eapol(version, kind, _eap(body) if kind == EAP_PACKET else None)


def _eap(body: bytes) -> Eap:
    if len(body) < _EAP.size:
        raise EapolError(f"{len(body)} octets are no EAP header")
    code, identifier, length = _EAP.unpack_from(body)
    if not _EAP.size <= length <= len(body):
        raise EapolError(f"an EAP packet of {length} octets, {len(body)} there")
    data = body[_EAP.size : length]
    if code not in (REQUEST, RESPONSE):
        return Eap(code, identifier, None, b"")
    if not data:
        raise EapolError("an EAP request or response without a type")
    return Eap(code, identifier, data[0], data[1:])
