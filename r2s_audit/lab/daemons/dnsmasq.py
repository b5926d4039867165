"""DHCPv4, DHCPv6 and DNS by one dnsmasq: of the building on its router, of the Internet at the operator's."""

from __future__ import annotations

from collections.abc import Iterator

from r2s_audit.lab.description import Description, mac
from r2s_audit.lab.resources import File, Listening, Process, Resource

from .base import Settings, Site, TypedFamily

_LEASE = "10m"
_ENTERPRISE = 32473
"""For documentation (RFC 5612): nobody's own."""


class DnsmasqSettings(Settings):
    """``leases``: hand out addresses in every VLAN. ``upstream``: the node that answers for the rest of the world.

    ``box``: an occupant's box instead, which leases addresses of its own network and answers no names. ``intruder``: one
    that answers DHCPv6 alone, in the link's own prefix, and gives itself for the resolver.
    """

    leases: bool = False
    box: bool = False
    intruder: bool = False
    upstream: str = ""
    names: dict[str, str] = {}
    """Names that it answers for with a node's addresses, beyond those of the building's own domain."""


def served(site: Site) -> list[str]:
    """Give the interfaces that it answers on: not those towards a provider."""
    return [name for name, item in site.description.addressed(site.node_name).items() if item.to is None]


def _plan(site: Site, settings: DnsmasqSettings) -> Iterator[Resource]:
    here = site.directory
    ready = (
        [Listening("udp", 67)] if settings.box else [Listening("udp", 53), Listening("tcp", 53), Listening("udp6", 53)]
    )
    if settings.intruder:
        ready = [Listening("udp6", 547)]
    if settings.leases:
        ready += [Listening("udp", 67), Listening("udp6", 547)]
    yield Process(
        name=site.unit,
        node=site.node_name,
        argv=("dnsmasq", "--keep-in-foreground", f"--conf-file={here / 'dnsmasq.conf'}"),
        files=(File(here / "dnsmasq.conf", "\n".join(_configuration(site, settings)) + "\n"),),
        ready=tuple(ready),
        after=(f"wiring@{site.node_name}", f"filter@{site.node_name}"),
    )


def _configuration(site: Site, settings: DnsmasqSettings) -> Iterator[str]:
    description, here = site.description, site.directory
    if settings.box:
        yield from _box(site)
        return
    if settings.intruder:
        yield from _intruder(site)
        return
    yield from ("user=root", "bind-dynamic", "no-hosts", "no-resolv", "no-ping", "log-facility=-")
    yield f"pid-file={here / 'pid'}"
    yield from (f"interface={name}" for name in served(site))
    if settings.upstream:
        yield from (f"server={address}" for address in _addresses(site, settings.upstream))
    for name, node in settings.names.items():
        yield f"host-record={name},{','.join(_addresses(site, node))}"
    if not settings.leases:
        return
    yield from (f"domain={description.domain}", f"local=/{description.domain}/", f"dhcp-leasefile={here / 'leases'}")
    yield from ("dhcp-authoritative", "dhcp-option=option6:dns-server,[::]", _identity(site))
    for name, machine in description.nodes.items():
        if machine.role not in {"auditor", "operator"}:
            yield f"host-record={name}.{description.domain},{','.join(_addresses(site, name))}"
    for name in served(site):
        vlan = description.networks[description.nodes[site.node_name].interfaces[name].vlan]
        yield f"dhcp-range={vlan.address4(128).ip},{vlan.address4(199).ip},{vlan.ipv4.netmask},{_LEASE}"
        yield f"dhcp-range={vlan.ipv6[0x1000]},{vlan.ipv6[0x1FFF]},{vlan.ipv6.prefixlen},{_LEASE}"


def _box(site: Site) -> Iterator[str]:
    """As boxes come out of their packing: they lease their own prefix and say that they are the way out."""
    yield from ("user=root", "bind-dynamic", "no-hosts", "no-resolv", "no-ping", "log-facility=-", "port=0")
    yield from (f"pid-file={site.directory / 'pid'}", f"dhcp-leasefile={site.directory / 'leases'}")
    yield "dhcp-authoritative"
    for name, interface in site.node.interfaces.items():
        if interface.box is not None:
            own = interface.box
            first, last = own.network.network_address + 100, own.network.network_address + 150
            yield from (f"interface={name}", f"dhcp-range={first},{last},{own.netmask},{_LEASE}")


def _intruder(site: Site) -> Iterator[str]:
    """Whoever wants to be asked for every name: a lease is the way to be believed."""
    description, here = site.description, site.directory
    yield from ("user=root", "bind-dynamic", "no-hosts", "no-resolv", "no-ping", "log-facility=-", "port=0")
    yield from (f"pid-file={here / 'pid'}", f"dhcp-leasefile={here / 'leases'}", _identity(site))
    yield "dhcp-option=option6:dns-server,[::]"
    for name in served(site):
        prefix = description.networks[site.node.interfaces[name].vlan].ipv6
        yield from (f"interface={name}", f"dhcp-range={prefix[0x2000]},{prefix[0x2FFF]},{prefix.prefixlen},{_LEASE}")


def _identity(site: Site) -> str:
    """The same DUID at every start: dnsmasq's own has the time in it."""
    return f"dhcp-duid={_ENTERPRISE},{mac(site.node_name, site.description.management(site.node_name))}"


def duid(description: Description, node: str) -> str:
    """What its answers name, as a site file writes it: type 2, enterprise, identifier (RFC 8415 §11.3)."""
    octets = b"\0\2" + _ENTERPRISE.to_bytes(4)
    return f"{octets.hex(':')}:{mac(node, description.management(node))}"


def _addresses(site: Site, node: str) -> list[str]:
    return [str(a.ip) for a in site.description.addresses(node, site.description.management(node))]


FAMILY = TypedFamily(packages={"dnsmasq": "dnsmasq-base"}, settings=DnsmasqSettings, make=_plan)
