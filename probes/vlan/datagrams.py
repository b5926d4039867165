"""One harmless request for each UDP protocol that has one: a device that speaks it answers, and nothing changes.

What is asked for is always a reading of public identity or time. A protocol without an answer by design (syslog), or
whose answer needs a secret (RADIUS), has no request: whether it is reached cannot be told from outside.

Where nobody should listen, an empty datagram is sent: it is not there to be understood, but for its refusal.

Sources: RFC 3414 §4 and RFC 3412 §7.1 (SNMPv3 engine discovery), RFC 5905 §7.3 (NTP), RFC 1035 §4.1 (DNS), ANSI/ASHRAE
135 §16.10 and annex J (BACnet Who-Is), ISO 22510 (KNXnet/IP search), RFC 3261 §11.1 (SIP OPTIONS), RFC 7252 §3 and
RFC 6690 §4 (CoAP).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from r2s_audit.model.site import AnyAddress, Device

# A SEQUENCE of version 3; header with the reportable flag and USM; empty engine, user and keys; an empty GetRequest.
_SNMP_DISCOVERY = bytes.fromhex(
    "303a020103300f02022a2a020300ffe3040104020103"
    "0410300e0400020100020100040004000400301204000400a00c02022a2a0201000201003000"
)
_NTP_CLIENT = b"\x23" + bytes(47)  # version 4, mode 3
_DNS_ROOT = bytes.fromhex("2a2a000000010000000000000000060001")  # SOA of the root, no recursion desired
_BACNET_WHO_IS = bytes.fromhex("810a000e0100100809001b3fffff")  # every device instance, 0 to 4194303
_KNX_SEARCH = bytes.fromhex("06100201000e0801000000000000")  # endpoint 0.0.0.0:0: back where the question came from
_COAP_CORE = bytes.fromhex("40012a2a") + b"\xbb.well-known\x04core"
EMPTY = "EMPTY"
"""In place of a protocol: a datagram without data (RFC 768), to a port that nobody declares. Declared names are in lower
case, so that none is this one."""


@dataclass(frozen=True, slots=True)
class UdpService:
    """A declared UDP service of a device; ``protocol`` as the site file calls it, in lower case."""

    protocol: str
    port: int

    @property
    def answers(self) -> bool:
        """Whether there is a request that it answers."""
        return self.protocol in _REQUESTS

    def is_over(self, version: int) -> bool:
        """Whether the protocol exists over this IP version."""
        return version == 4 or self.protocol not in _IPV4_ONLY  # noqa: PLR2004 - IP version


def udp_services(device: Device) -> list[UdpService]:
    """What a device declares over UDP, SNMP administration included; each port once, in file order."""
    found = {s.port: UdpService(s.protocol.lower(), s.port) for s in reversed(device.services) if s.transport == "udp"}
    services = [found[port] for port in dict.fromkeys(s.port for s in device.services if s.transport == "udp")]
    snmp = device.admin.snmp
    if snmp is not None and snmp.port not in found:
        services.append(UdpService("snmp", snmp.port))
    return services


def datagram(protocol: str, source: AnyAddress, target: AnyAddress, port: int) -> bytes | None:
    """The request to a service at an address and port; None where the protocol has none."""
    make = _REQUESTS.get(protocol)
    return make(source, target, port) if make else None


def _sip(source: AnyAddress, target: AnyAddress, port: int) -> bytes:
    """OPTIONS: what a user agent can do; it does not ring, and no proxy passes it on."""
    here, there = (f"[{a}]" if a.version == 6 else str(a) for a in (source, target))  # noqa: PLR2004 - IP version
    lines = (
        f"OPTIONS sip:{there}:{port} SIP/2.0",
        f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{secrets.token_hex(8)};rport",
        "Max-Forwards: 0",
        f"From: <sip:r2s-audit@{here}>;tag={secrets.token_hex(4)}",
        f"To: <sip:{there}:{port}>",
        f"Call-ID: {secrets.token_hex(8)}",
        "CSeq: 1 OPTIONS",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode("ascii")


def _fixed(octets: bytes) -> Callable[[AnyAddress, AnyAddress, int], bytes]:
    return lambda _source, _target, _port: octets


_REQUESTS: dict[str, Callable[[AnyAddress, AnyAddress, int], bytes]] = {
    "snmp": _fixed(_SNMP_DISCOVERY),
    "ntp": _fixed(_NTP_CLIENT),
    "dns": _fixed(_DNS_ROOT),
    "bacnet": _fixed(_BACNET_WHO_IS),
    "knx": _fixed(_KNX_SEARCH),
    "knxnet-ip": _fixed(_KNX_SEARCH),
    "sip": _sip,
    "coap": _fixed(_COAP_CORE),
    EMPTY: _fixed(b""),
}
_IPV4_ONLY = frozenset({"bacnet", "knx", "knxnet-ip"})
"""BACnet/IP and KNXnet/IP are of IPv4; over IPv6 there is nothing of theirs to reach."""
