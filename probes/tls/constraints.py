"""Name constraints of a certification authority (RFC 5280, 4.2.1.10): which names it may vouch for."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING

from cryptography import x509

if TYPE_CHECKING:
    from collections.abc import Iterable


def names_of(certificate: x509.Certificate) -> list[x509.GeneralName]:
    """The names that constraints apply to: the subject, unless it is empty, and the SAN.

    Raises:
        ValueError, x509.DuplicateExtension: extensions that do not parse.
    """
    names: list[x509.GeneralName] = [x509.DirectoryName(certificate.subject)] if list(certificate.subject) else []
    try:
        names += certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return names
    return names


def allows(constraints: x509.NameConstraints, names: Iterable[x509.GeneralName]) -> bool:
    """Whether every name lies in a permitted subtree of its form, if there is one, and in no excluded subtree.

    A form that is constrained and that this program cannot compare (e-mail, URI) is refused where it occurs.
    """
    permitted = list(constraints.permitted_subtrees or ())
    excluded = list(constraints.excluded_subtrees or ())
    for name in names:
        same_form = [subtree for subtree in permitted if type(subtree) is type(name)]
        if same_form and not any(_within(name, subtree) for subtree in same_form):
            return False
        if any(_excluded(name, subtree) for subtree in excluded if type(subtree) is type(name)):
            return False
    return True


def _within(name: x509.GeneralName, subtree: x509.GeneralName) -> bool:
    if isinstance(name, x509.DNSName) and isinstance(subtree, x509.DNSName):
        return _dns_within(name.value.lower().removeprefix("*."), subtree.value.lower())
    if isinstance(name, x509.IPAddress) and isinstance(subtree, x509.IPAddress):
        return _address_within(name, subtree)
    if isinstance(name, x509.DirectoryName) and isinstance(subtree, x509.DirectoryName):
        base = list(subtree.value.rdns)
        return list(name.value.rdns)[: len(base)] == base
    return False


def _excluded(name: x509.GeneralName, subtree: x509.GeneralName) -> bool:
    if isinstance(name, x509.DNSName) and isinstance(subtree, x509.DNSName):
        value, base = name.value.lower(), subtree.value.lower()
        # A wildcard also stands for the names of the excluded subtree that it could become.
        return _within(name, subtree) or (value.startswith("*.") and _dns_within(base.removeprefix("."), value[2:]))
    if isinstance(name, x509.IPAddress | x509.DirectoryName):
        return _within(name, subtree)
    return True


def _dns_within(name: str, base: str) -> bool:
    base = base.removeprefix(".")
    return not base or name == base or name.endswith(f".{base}")


def _address_within(name: x509.IPAddress, subtree: x509.IPAddress) -> bool:
    address, network = name.value, subtree.value
    if not isinstance(address, IPv4Address | IPv6Address) or not isinstance(network, IPv4Network | IPv6Network):
        return False
    return address in network
