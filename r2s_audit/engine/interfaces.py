"""The machine's own interfaces: which exist, with which addresses. Read, never changed."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Network, IPv6Network

    from r2s_audit.model.site import AnyAddress

    Prefix = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Interface:
    """One network interface of this machine."""

    name: str
    mac: str
    addresses: tuple[AnyAddress, ...]

    def source(self, version: int, prefixes: Sequence[Prefix] = ()) -> AnyAddress | None:
        """Its first address of an IP version that others can answer to, one in ``prefixes`` before any other.

        A router that should not be there may have made this machine form an address in its own prefix (RFC 4862), which
        the kernel then lists first: whoever is asked from there answers to nowhere. Link-local addresses are left out.
        """
        own = [a for a in self.addresses if a.version == version and not a.is_link_local]
        own.sort(key=lambda address: not any(address in prefix for prefix in prefixes))
        return next(iter(own), None)


def interface_names() -> frozenset[str]:
    """Names in this network namespace (from the kernel, not from /sys, which may show another namespace)."""
    return frozenset(name for _, name in socket.if_nameindex())


def read_interface(name: str) -> Interface | None:
    """An interface with its addresses; None where it does not exist."""
    import netifaces  # noqa: PLC0415 - 30 ms that a plan does not need

    if name not in interface_names():
        return None
    families = netifaces.ifaddresses(name)
    mac = next((str(entry["addr"]) for entry in families.get(netifaces.AF_PACKET, [])), "")
    addresses: list[IPv4Address | IPv6Address] = []
    for family in (netifaces.AF_INET, netifaces.AF_INET6):
        addresses.extend(ip_address(str(entry["addr"]).partition("%")[0]) for entry in families.get(family, []))
    return Interface(name, mac.lower(), tuple(addresses))
