"""Prefixes and addresses of a site file: disjoint, inside the scope, each where its zone is.

The scope's gate refuses whatever is outside of ``scope.networks`` or inside of ``scope.exclude``. A subnet that is in
neither is a mistake that would only show as cells without a result, so it is said when the file is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from r2s_audit.files.faults import Fault, enumerated
from r2s_audit.model.site import is_one_host
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Network, IPv6Network

    from r2s_audit.files.faults import Document, Path
    from r2s_audit.files.parts import Parts
    from r2s_audit.model.site import AnyAddress, Device

_P2P = 2
"""Host bits of the longest prefixes that have no network or broadcast address (RFC 3021 for /31, /32)."""


_WIDEST = {4: 8, 6: 7}
"""Length of the widest private prefixes: 10.0.0.0/8 (RFC 1918), fc00::/7 (RFC 4193)."""
_OPERATORS = {4: 8, 6: 12}
"""Length of the widest prefixes that can be an operator's: address registries themselves are given no wider ones."""
_BUILDINGS = msg("les préfixes du bâtiment : le périmètre borne ce que l'auditeur peut toucher")


class _Declared(NamedTuple):
    prefix: IPv4Network | IPv6Network
    zone: str
    vlan: int
    path: Path


def addressing(parts: Parts, document: Document) -> Iterator[Fault]:
    """Every fault of prefixes and addresses."""
    subnets = [
        _Declared(subnet.prefix, vlan.zone, vlan.id, ("vlans", index, "subnets", i, "prefix"))
        for index, vlan in parts.vlans
        for i, subnet in enumerate(vlan.subnets)
    ]
    yield from _scope(parts, subnets)
    yield from _gateways(parts)
    yield from _overlaps(subnets, document)
    yield from _operators(parts, subnets)
    yield from _devices(parts, _Index(subnets), document)


def _scope(parts: Parts, subnets: list[_Declared]) -> Iterator[Fault]:
    if parts.scope is None:
        return
    for index, network in enumerate(parts.scope.networks):
        if network.prefixlen == 0:
            yield Fault(
                path=("scope", "networks", index),
                found=msg("« {prefix} », qui est tout Internet", prefix=str(network)),
                expected=_BUILDINGS,
            )
        elif network.prefixlen < _WIDEST[network.version]:
            yield Fault(
                path=("scope", "networks", index),
                found=msg("« {prefix} », plus large que tout réseau privé", prefix=str(network)),
                expected=_BUILDINGS,
            )
    inside = _Index([_Declared(n, "", 0, ()) for n in (*parts.scope.networks, *parts.scope.exclude)])
    for subnet in subnets:
        if not inside.holds(subnet.prefix):
            yield Fault(
                path=subnet.path,
                found=msg("« {prefix} », hors du périmètre : rien n'y serait vérifié", prefix=str(subnet.prefix)),
                expected=msg(
                    "un préfixe compris dans scope.networks, ou dans scope.exclude s'il ne doit pas être visité"
                ),
            )


def _gateways(parts: Parts) -> Iterator[Fault]:
    for index, vlan in parts.vlans:
        for i, subnet in enumerate(vlan.subnets):
            if subnet.gateway is None:
                continue
            path: Path = ("vlans", index, "subnets", i, "gateway")
            if not is_one_host(subnet.gateway):
                yield _many(path, subnet.gateway)
            elif subnet.gateway not in subnet.prefix:
                yield Fault(
                    path=path,
                    found=msg(
                        "« {address} », hors de {prefix}", address=str(subnet.gateway), prefix=str(subnet.prefix)
                    ),
                    expected=msg("l'adresse du routeur dans ce préfixe"),
                )
            elif _is_no_host(subnet.gateway, subnet.prefix):
                yield _no_host(path, subnet.gateway, subnet.prefix)


def _overlaps(subnets: list[_Declared], document: Document) -> Iterator[Fault]:
    """Sorted by first address, a prefix overlaps an earlier one exactly where it starts before the furthest end so far."""
    for version in (4, 6):
        widest: _Declared | None = None
        ordered = sorted(
            (s for s in subnets if s.prefix.version == version),
            key=lambda s: (int(s.prefix.network_address), s.prefix.prefixlen, document.line(s.path)),
        )
        for subnet in ordered:
            if widest is not None and int(subnet.prefix.network_address) <= int(widest.prefix.broadcast_address):
                first, second = sorted((widest, subnet), key=lambda s: document.line(s.path))
                yield Fault(
                    path=second.path,
                    found=msg(
                        "« {prefix} », qui recouvre {other} (VLAN {vlan}, ligne {line})",
                        prefix=str(second.prefix),
                        other=str(first.prefix),
                        vlan=first.vlan,
                        line=document.line(first.path),
                    ),
                    expected=msg("des préfixes disjoints"),
                )
            if widest is None or subnet.prefix.broadcast_address > widest.prefix.broadcast_address:  # type: ignore[operator]  # same version
                widest = subnet


def _operators(parts: Parts, subnets: list[_Declared]) -> Iterator[Fault]:
    """What is called the operator's must not hold everything, nor the building: any hop would pass for the operator."""
    expected = msg("les préfixes des seuls routeurs de l'opérateur")
    for index, way in parts.egress:
        for i, prefix in enumerate(way.operator):
            path: Path = ("egress", index, "operator", i)
            inside = next(
                (s for s in subnets if s.prefix.version == prefix.version and s.prefix.overlaps(prefix)), None
            )
            if prefix.prefixlen < _OPERATORS[prefix.version]:
                yield Fault(
                    path=path,
                    found=msg("« {prefix} », plus large que le réseau d'un opérateur", prefix=str(prefix)),
                    expected=expected,
                )
            elif inside is not None:
                yield Fault(
                    path=path,
                    found=msg(
                        "« {prefix} », qui recouvre {other} (VLAN {vlan})",
                        prefix=str(prefix),
                        other=str(inside.prefix),
                        vlan=inside.vlan,
                    ),
                    expected=expected,
                )


class _Index:
    """Prefixes by length and first address: a look-up costs one step per length in use, not one per prefix."""

    def __init__(self, subnets: list[_Declared]) -> None:
        self.found: dict[tuple[int, int, int], _Declared] = {}
        for subnet in subnets:
            key = (subnet.prefix.version, subnet.prefix.prefixlen, int(subnet.prefix.network_address))
            self.found.setdefault(key, subnet)
        self.lengths = sorted({key[:2] for key in self.found}, reverse=True)
        self.zones = {subnet.zone for subnet in subnets}

    def holding(self, address: AnyAddress, longest: int | None = None) -> _Declared | None:
        """The longest prefix that holds the address (of at most that length)."""
        for version, length in self.lengths:
            if version == address.version and (longest is None or length <= longest):
                host_bits = address.max_prefixlen - length
                found = self.found.get((version, length, int(address) >> host_bits << host_bits))
                if found is not None:
                    return found
        return None

    def holds(self, prefix: IPv4Network | IPv6Network) -> bool:
        """Whether one prefix holds the other whole."""
        return self.holding(prefix.network_address, prefix.prefixlen) is not None


def _devices(parts: Parts, subnets: _Index, document: Document) -> Iterator[Fault]:
    scope = (
        None
        if parts.scope is None
        else _Index([_Declared(n, "", 0, ()) for n in (*parts.scope.networks, *parts.scope.exclude)])
    )
    first: dict[AnyAddress, Path] = {}
    for index, device in parts.devices:
        zones: set[str] = set()
        for i, address in enumerate(device.addresses):
            path: Path = ("devices", index, "addresses", i)
            earlier = first.setdefault(address, path)
            if earlier is not path:
                yield Fault(
                    path=path,
                    found=msg(
                        "« {address} », déjà écrite ligne {line}", address=str(address), line=document.line(earlier)
                    ),
                    expected=msg("une adresse différente de celle de {other}", other=document.dotted(earlier)),
                )
            if not is_one_host(address):
                yield _many(path, address)
                continue
            subnet = subnets.holding(address)
            if subnet is not None:
                zones.add(subnet.zone)
                if _is_no_host(address, subnet.prefix):
                    yield _no_host(path, address, subnet.prefix)
            elif device.zone in subnets.zones:
                yield _nowhere(path, address, device)
            elif scope is not None and scope.holding(address) is None:
                yield Fault(
                    path=path,
                    found=msg("« {address} », hors du périmètre : rien n'y serait vérifié", address=str(address)),
                    expected=msg("une adresse de scope.networks, ou de scope.exclude si elle ne doit pas être visitée"),
                )
        if zones and device.zone in subnets.zones and device.zone not in zones:
            yield Fault(
                path=("devices", index, "zone"),
                found=msg("la zone « {zone} », où l'équipement n'a aucune adresse", zone=device.zone),
                expected=msg("la zone d'une de ses adresses : {zones}", zones=enumerated(sorted(zones))),
            )


def _many(path: Path, address: AnyAddress) -> Fault:
    return Fault(
        path=path,
        found=msg("« {address} », qui n'est pas l'adresse d'une seule machine", address=str(address)),
        expected=msg("une adresse d'équipement : ni groupe, ni « ::ffff:a.b.c.d », ni « %interface »"),
    )


def _nowhere(path: Path, address: AnyAddress, device: Device) -> Fault:
    return Fault(
        path=path,
        found=msg("« {address} », qui n'est dans aucun préfixe déclaré", address=str(address)),
        expected=msg("une adresse d'un préfixe de la zone {zone} (vlans[].subnets)", zone=device.zone),
    )


def _is_no_host(address: AnyAddress, prefix: IPv4Network | IPv6Network) -> bool:
    if prefix.version != 4 or prefix.max_prefixlen - prefix.prefixlen < _P2P:  # noqa: PLR2004 - IP version
        return False
    return address in {prefix.network_address, prefix.broadcast_address}


def _no_host(path: Path, address: AnyAddress, prefix: IPv4Network | IPv6Network) -> Fault:
    return Fault(
        path=path,
        found=msg("« {address} », qui désigne tout le préfixe {prefix}", address=str(address), prefix=str(prefix)),
        expected=msg("l'adresse d'un équipement : ni la première ni la dernière du préfixe"),
    )
