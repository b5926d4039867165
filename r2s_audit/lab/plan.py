"""From a description to the resources that make it true."""

from __future__ import annotations

from collections.abc import Iterator

from r2s_audit.model.text import msg

from . import filters, plumbing
from .daemons import FAMILIES
from .daemons.base import Family, Site
from .description import Description
from .errors import LabError
from .paths import Layout
from .resources import Resource

_BASE_PACKAGES = {
    "ip": "iproute2",
    "nft": "nftables",
    "ethtool": "ethtool",
    "unshare": "util-linux",
    "nsenter": "util-linux",
}


def family(kind: str, where: str) -> Family:
    """Find the family of a service."""
    try:
        return FAMILIES[kind]
    except KeyError:
        raise LabError(
            msg("{node} : type de service inconnu « {kind} ».", node=where, kind=kind),
            expected=msg("un des noms : {names}", names=", ".join(FAMILIES)),
        ) from None


def packages(description: Description) -> dict[str, str]:
    """Commands that a building needs, each with its Debian package."""
    needed = dict(_BASE_PACKAGES)
    for name, node in description.nodes.items():
        for service in node.services.values():
            needed.update(family(service.kind, name).packages)
    return needed


def plan(description: Description, layout: Layout) -> list[Resource]:
    """Everything that runs in a building, beyond its namespaces and cables. A node that is off runs nothing."""
    return [resource for name in description.nodes for resource in _node(description, name, layout)]


def _node(description: Description, name: str, layout: Layout) -> Iterator[Resource]:
    node = description.nodes[name]
    yield plumbing.wiring(description, name)
    if node.power == "off":
        return
    if node.role == "router":
        yield filters.router(description, name)
    if node.role == "switch":
        yield filters.switch_guard(description, name)
    if any(interface.vlan == "line" for interface in node.interfaces.values()) and node.role == "gateway":
        yield filters.box(description, name)
    for service_name, service in node.services.items():
        site = Site(description, name, service_name, layout)
        yield from family(service.kind, name).plan(site, service.settings)
