"""Options of IPv4 and of DHCP, both versions, that a gate has to know: walked within their bounds, and nothing raised."""

from __future__ import annotations

_BOOTP_OPTIONS, _DHCP_COOKIE, _DHCP_TYPE = 236, b"\x63\x82\x53\x63", 53  # RFC 2131 §3, RFC 2132 §9.6
_SOLICIT, _RAPID_COMMIT = 1, 14  # RFC 8415 §7.3, §21.14
_SOURCE_ROUTES = (131, 137)  # RFC 791: loose and strict source routing


def dhcp_message(message: bytes) -> int | None:
    """The type of a DHCP message to a server; None for what is none, or contradicts itself."""
    if message[_BOOTP_OPTIONS : _BOOTP_OPTIONS + 4] != _DHCP_COOKIE or message[0] != 1:
        return None
    position, found = _BOOTP_OPTIONS + 4, None
    while position < len(message) and message[position] != 0xFF:  # noqa: PLR2004 - end of the options
        if message[position] == 0:
            position += 1
            continue
        value = message[position + 2 : position + 2 + message[position + 1]] if position + 1 < len(message) else b""
        if message[position] == _DHCP_TYPE:
            if len(value) != 1 or found is not None:
                return None
            found = value[0]
        position += 2 + (message[position + 1] if position + 1 < len(message) else 0)
    return found


def dhcpv6_message(message: bytes) -> int | None:
    """The type of a DHCPv6 message to a server (RFC 8415 §8); None where its options do not read.

    None, too, for a SOLICIT with Rapid Commit: that one does not ask, it leases.
    """
    if len(message) < 4:  # noqa: PLR2004 - type and transaction
        return None
    position = 4
    while position < len(message):
        if position + 4 > len(message):
            return None
        size = message[position + 2] << 8 | message[position + 3]
        code = message[position] << 8 | message[position + 1]
        if position + 4 + size > len(message) or (message[0] == _SOLICIT and code == _RAPID_COMMIT):
            return None
        position += 4 + size
    return message[0]


def routed_by_options(options: bytes) -> bool | None:
    """Walk IPv4 options (RFC 791 §3.1); tell whether one routes the packet elsewhere; None: they do not read."""
    position, routed = 0, False
    while position < len(options) and options[position] != 0:
        if options[position] == 1:
            position += 1
            continue
        size = options[position + 1] if position + 1 < len(options) else 0
        if size < 2 or position + size > len(options):  # noqa: PLR2004
            return None
        routed = routed or options[position] in _SOURCE_ROUTES
        position += size
    return routed
