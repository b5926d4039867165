"""Rule sets of nftables: the router's policy between VLANs, and the silence of a switch's own kernel."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network

from .description import Description, Flow
from .resources import Command

_IPV4 = 4
_NEIGHBOURS = "{ nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert }"


@dataclass(frozen=True, slots=True)
class _End:
    """One end of a rule: the router's interface towards it, and its addresses."""

    vlan: str
    interface: str
    ipv4: IPv4Network | IPv4Interface
    ipv6: IPv6Network | IPv6Interface
    diverted: str = ""
    """The interface by which IPv4 leaves instead, whatever is no address of the building."""
    building: str = ""
    """The building's own IPv4 prefixes, as a set."""

    def towards(self, family: str) -> str:
        """The interface and the addresses of what a rule lets out to."""
        if self.diverted and family == "ip":
            return f'oifname "{self.diverted}" ip daddr != {self.building}'
        return f'oifname "{self.interface}" {family} daddr {self.address(family)}'

    def address(self, family: str) -> str:
        value = self.ipv4 if family == "ip" else self.ipv6
        return str(value.ip) if isinstance(value, IPv4Interface | IPv6Interface) else str(value)


def router(description: Description, name: str) -> Command:
    """Default deny in both families, stateful, loaded in one transaction.

    Every connection carries the mark of the flow that let it in, and goes on only while a flow of that mark exists:
    taking a flow away ends its connections too, where a plain `established` would keep them alive past a fault.
    """
    through: list[str] = []
    to_router: list[str] = []
    marks: list[str] = []
    for flow in description.flows:
        mark = f"{zlib.crc32(flow.id.encode()) | 1:#x}"
        rules = list(_forward(description, name, flow))
        own = list(_input(description, name, flow))
        through += [f"{rule} ct mark set {mark} accept" for rule in rules]
        to_router += [f"{rule} ct mark set {mark} accept" for rule in own]
        marks += [mark] if rules or own else []
    known = ", ".join(["0x0", *marks])
    text = f"""\
table inet routeur
delete table inet routeur
table inet routeur {{
  chain input {{
    type filter hook input priority 0; policy drop;
    iifname "lo" accept
    ct state invalid drop
    ct state established,related ct mark {{ {known} }} accept
    icmpv6 type {_NEIGHBOURS} ip6 hoplimit 255 accept
    {_lines([*_own_services(description, name), *to_router])}
  }}
  chain forward {{
    type filter hook forward priority 0; policy drop;
    ct state invalid drop
    ct state established,related ct mark {{ {known} }} accept
    {_lines(through)}
  }}
{_translation(description, name)}
}}
"""
    return Command(f"filter@{name}", name, ("nft", "-f", "-"), text)


def _own_services(description: Description, name: str) -> Iterator[str]:
    """Names and leases, of the router itself: in each VLAN at its address there, and nowhere else."""
    services = [service for service in description.nodes[name].services.values() if service.kind == "dnsmasq"]
    for end, interface in description.addressed(name).items() if services else ():
        if interface.vlan not in description.vlans:
            continue
        address4, address6 = description.addresses(name, end)
        yield f'iifname "{end}" ip daddr {address4.ip} meta l4proto {{ tcp, udp }} th dport 53 accept'
        yield f'iifname "{end}" ip6 daddr {address6.ip} meta l4proto {{ tcp, udp }} th dport 53 accept'
        if any(service.settings.get("leases") for service in services):
            yield f'iifname "{end}" udp dport {{ 67, 547 }} accept'


def _translation(description: Description, name: str) -> str:
    """IPv4 leaves the building behind the router's one address (RFC 3022); IPv6 needs no translation."""
    outside = [end for end, interface in description.nodes[name].interfaces.items() if interface.vlan == "wan"]
    rules = _lines([f"{_outside(description, name, end).towards('ip')} masquerade" for end in outside])
    return f"""\
  chain sortie {{
    type nat hook postrouting priority srcnat; policy accept;
    {rules}
  }}"""


def _lines(rules: list[str]) -> str:
    return "\n    ".join(rules)


def _matches(flow: Flow) -> Iterator[tuple[str, str]]:
    """Protocol matches of a flow, each with the address family it is for."""
    for family in ("ip" if version == _IPV4 else "ip6" for version in flow.versions):
        if flow.source_port and not (flow.tcp or flow.udp):
            yield family, f"meta l4proto {{ tcp, udp }} th sport {flow.source_port}"
        for protocol, ports in (("tcp", flow.tcp), ("udp", flow.udp)):
            if ports and flow.source_port:
                yield family, f"{protocol} sport {flow.source_port} {protocol} dport {{ {', '.join(map(str, ports))} }}"
            elif ports:
                yield family, f"{protocol} dport {{ {', '.join(map(str, ports))} }}"
        if flow.icmp:
            yield family, "icmp type echo-request" if family == "ip" else "icmpv6 type echo-request"


def _ends(description: Description, router_name: str, end: str) -> list[_End]:
    """Where the router sees a VLAN or a node: through each VLAN it is in and the router too."""
    own = {interface.vlan: name for name, interface in description.nodes[router_name].interfaces.items()}
    if end == "wan" and end in own:
        return [_outside(description, router_name, own[end])]
    if end in description.vlans:
        vlan = description.vlans[end]
        return [_End(end, own[end], vlan.ipv4, vlan.ipv6)] if end in own else []
    return [
        _End(interface.vlan, own[interface.vlan], *description.addresses(end, name))
        for name, interface in description.addressed(end).items()
        if interface.vlan in own
    ]


def _outside(description: Description, router_name: str, interface: str) -> _End:
    """Whatever is outside, as the router sees it: by its line, or by a neighbour in its place."""
    diverted = description.diverted(router_name)
    prefixes = ", ".join(str(vlan.ipv4) for vlan in description.vlans.values())
    ends = ("wan", interface, IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))
    return _End(*ends, diverted=diverted[0] if diverted else "", building=f"{{ {prefixes} }}")


def _forward(description: Description, router_name: str, flow: Flow) -> Iterator[str]:
    for source in _ends(description, router_name, flow.source):
        for target_name in flow.targets:
            if target_name == router_name:
                continue
            for target in _ends(description, router_name, target_name):
                if target.vlan == source.vlan and not flow.back:
                    continue
                for family, match in _matches(flow):
                    yield (
                        f'iifname "{source.interface}" {family} saddr {source.address(family)} '
                        f"{target.towards(family)} {match}"
                    )


def _input(description: Description, router_name: str, flow: Flow) -> Iterator[str]:
    """To the router itself: at its address in the sender's own VLAN, never at another's."""
    if router_name not in flow.targets:
        return
    here = {end.vlan: end for end in _ends(description, router_name, router_name)}
    for source in _ends(description, router_name, flow.source):
        for family, match in _matches(flow):
            yield (
                f'iifname "{source.interface}" {family} saddr {source.address(family)} '
                f"{family} daddr {here[source.vlan].address(family)} {match}"
            )


def box(description: Description, name: str) -> Command:
    """What an occupant's box does for whoever leaves by it: everything from its own address (RFC 3022), or nothing."""
    lines = [end for end, interface in description.nodes[name].interfaces.items() if interface.lent]
    rules = _lines([f'oifname "{end}" masquerade' for end in lines])
    text = f"""\
table ip box
delete table ip box
table ip box {{
  chain sortie {{
    type nat hook postrouting priority srcnat; policy accept;
    {rules}
  }}
}}
"""
    return Command(f"filter@{name}", name, ("nft", "-f", "-"), text)


def switch_guard(description: Description, name: str) -> Command:
    """Keep a switch's kernel from hearing its ports: it answers on the management interface alone.

    Frames reach Open vSwitch through packet sockets, before these hooks; without them the kernel answered ARP on a
    port that the switch had closed.
    """
    allowed = " ".join(f'iifname "{interface}" accept;' for interface in description.nodes[name].interfaces)
    text = f"""\
table inet garde
delete table inet garde
table inet garde {{
  chain input {{ type filter hook input priority 0; policy drop; iifname "lo" accept; {allowed} }}
  chain forward {{ type filter hook forward priority 0; policy drop; }}
}}
table arp garde
delete table arp garde
table arp garde {{
  chain input {{ type filter hook input priority 0; policy drop; {allowed} }}
}}
"""
    return Command(f"filter@{name}", name, ("nft", "-f", "-"), text)
