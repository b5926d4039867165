"""Whether a certificate names the service that was asked for (RFC 9525); the subject's common name never counts."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MIN_LABELS_UNDER_WILDCARD = 2
"""``*.example.com`` is somebody's; ``*.com`` is nobody's (what browsers do without a public suffix list)."""


def names_host(host: str, dns_names: Iterable[str], ip_addresses: Iterable[str]) -> bool:
    """Whether a SAN entry names the host: an address by an iPAddress entry, a name by a dNSName entry.

    Args:
        host: a DNS name in its ASCII form, or an IP address.
        dns_names: dNSName entries of the certificate.
        ip_addresses: iPAddress entries of the certificate.
    """
    if is_address(host):
        return any(same_address(host, entry) for entry in ip_addresses)
    return any(_matches(name, host) for name in dns_names)


def is_address(text: str) -> bool:
    """Whether a text is an IPv4 or IPv6 address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def same_address(one: str, other: str) -> bool:
    """Whether two texts are the same address; a text that is none equals nothing."""
    return is_address(one) and is_address(other) and ip_address(one) == ip_address(other)


def _matches(pattern: str, host: str) -> bool:
    """One dNSName entry against one name: a wildcard is a whole leftmost label and stands for exactly one (RFC 9525, 6.3)."""
    wanted = _labels(host)
    offered = _labels(pattern)
    if not wanted or not offered or len(wanted) != len(offered):
        return False
    if offered[0] == "*":
        return (
            len(offered) > _MIN_LABELS_UNDER_WILDCARD and offered[1:] == wanted[1:] and "*" not in "".join(offered[1:])
        )
    return offered == wanted and "*" not in pattern


def _labels(name: str) -> list[str]:
    """Labels in lower case; none where the name has an empty label or a character outside ASCII."""
    if not name.isascii():
        return []
    labels = name.removesuffix(".").lower().split(".")
    return labels if all(labels) else []
