"""Namespaces, cables, addresses: text for ``ip -batch`` and ``sh``, nothing executed here.

Everything that stays the same for a building's life is made once (:func:`make_nodes`, :func:`make_cables`); what a
fault may change (a link, the power of a node) is a command of the plan (:func:`wiring`) that can run again.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address

from r2s_audit.model.text import msg

from .description import Description, Node, mac
from .errors import LabError
from .resources import Command

_EVERY_NODE = {
    # Addresses are static and unique by construction: no second lost on duplicate detection, none made up by the kernel.
    "net/ipv6/conf/all/accept_dad": "0",
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv6/conf/default/accept_ra": "0",
    "net/ipv6/conf/default/router_solicitations": "0",
    "net/ipv4/ip_forward": "0",
}
_BY_ROLE: dict[str, dict[str, str]] = {
    # It sends no redirects (RFC 1812 §5.2.7.2): a laptop would keep to one for minutes after the fault that it is due to.
    "router": {
        "net/ipv4/ip_forward": "1",
        "net/ipv6/conf/all/forwarding": "1",
        "net/ipv4/conf/all/send_redirects": "0",
        "net/ipv4/conf/default/send_redirects": "0",
    },
    # The kernel of a switch hears every port: it must not speak on them (see filters.switch_guard).
    "switch": {"net/ipv6/conf/default/disable_ipv6": "1", "net/ipv4/conf/default/arp_ignore": "8"},
}
_PORT_MTU = 1500
_PROXY_ARP = {"off": (0, 0), "zones": (1, 0), "local": (0, 1)}
"""``proxy_arp`` and ``proxy_arp_pvlan`` of the kernel."""


def make_nodes(description: Description) -> str:
    """Shell text that makes the namespaces and sets what has to be set before an interface appears in them."""
    lines = ["set -e", "ip -batch - <<'BATCH'"]
    lines += [f"netns add {name}" for name in description.nodes]
    lines += ["BATCH"]
    for name, node in description.nodes.items():
        settings = {**_EVERY_NODE, **_BY_ROLE.get(node.role, {}), **node.sysctl}
        lines.append(f"nsenter --net=/run/netns/{name} sh -e <<'NODE'")
        lines += [f"echo {value} > /proc/sys/{key}" for key, value in settings.items()]
        lines += ["NODE"]
    return "\n".join(lines) + "\n"


def make_cables(description: Description) -> str:
    """``ip -batch`` text: one veth pair per cable, each end in its node under its final name and address."""
    lines = []
    for cable in description.cables():
        (node_a, name_a), (node_b, name_b) = cable.a, cable.b
        lines.append(
            f"link add name {name_a} address {mac(*cable.a)} mtu {_PORT_MTU} netns {node_a}"
            f" type veth peer name {name_b} address {mac(*cable.b)} mtu {_PORT_MTU} netns {node_b}"
        )
    return "\n".join(lines) + "\n"


def wiring(description: Description, name: str) -> Command:
    """Make a node's links, addresses and routes what the description says, whatever they were."""
    node = description.nodes[name]
    lines = ["set -e"]
    lines += [
        f"echo 1 > /proc/sys/net/ipv6/conf/{interface}/disable_ipv6"
        for interface, declared in node.interfaces.items()
        if declared.host is None
    ]
    if node.role == "switch":
        lines += [f"echo 0 > /proc/sys/net/ipv6/conf/{interface}/disable_ipv6" for interface in node.interfaces]
        lines += [f"echo 1 > /proc/sys/net/ipv4/conf/{interface}/arp_ignore" for interface in node.interfaces]
    if node.role == "router":
        for end, interface in node.interfaces.items():
            across, inside = _PROXY_ARP[interface.proxy_arp]
            here = f"/proc/sys/net/ipv4/conf/{end}"
            lines += [f"echo {across} > {here}/proxy_arp", f"echo {inside} > {here}/proxy_arp_pvlan"]
            # By default a proxy waits for up to 0.8 s, so that the owner may answer first.
            lines += [f"echo 0 > /proc/sys/net/ipv4/neigh/{end}/proxy_delay"]
        lines += [f"ip -4 address flush dev {end}" for end, interface in node.interfaces.items() if interface.instead]
    if node.role == "gateway":
        lent = any(interface.lent for interface in node.interfaces.values())
        lines += [f"echo {int(lent)} > /proc/sys/net/ipv4/ip_forward"]
        lines += [f"ip -4 address flush dev {interface} label {_box(interface)}" for interface in node.interfaces]
    # Checksums left to a network card that does not exist reach the other end wrong, and UDP dies of it.
    lines += [f"ethtool -K {interface} tx off rx off >/dev/null" for interface in node.interfaces]
    if node.role == "switch" and node.power == "off":
        # Open vSwitch makes its own interfaces persistent: they would stand before the next snmpd and be shown by it.
        lines += ["ip -o link show type tun | cut -d: -f2 | xargs -r -n1 ip link delete dev"]
    lines += ["ip -batch - <<'BATCH'", *_batch(description, name, node), "BATCH"]
    return Command(f"wiring@{name}", name, ("sh", "-s"), "\n".join(lines) + "\n")


def _batch(description: Description, name: str, node: Node) -> Iterator[str]:
    if node.power == "off":
        yield from (f"link set dev {interface} down" for interface in (*node.interfaces, *node.ports))
        return
    yield "link set dev lo up"
    for port_name, port in node.ports.items():
        yield f"link set dev {port_name} {'up' if port.enabled else 'down'}"
    for interface_name, interface in node.interfaces.items():
        if interface.host is None:
            yield f"link set dev {interface_name} up arp off"
            continue
        address4, address6 = description.addresses(name, interface_name)
        yield f"link set dev {interface_name} up"
        if interface.instead is None:
            yield f"address replace {address4} dev {interface_name}"
        yield f"address replace {address6} dev {interface_name} nodad"
        if interface.box is not None:
            yield f"address replace {interface.box} dev {interface_name} label {_box(interface_name)}"
        yield from _routes(description, name, interface_name)


def _routes(description: Description, name: str, end: str) -> Iterator[str]:
    """Where a node sends, by one of its interfaces, what is not on a link of its own."""
    node = description.nodes[name]
    interface = node.interfaces[end]
    network = description.networks[interface.vlan]
    via4, via6 = network.address4(network.gateway).ip, network.address6(network.gateway).ip
    if network.gateway == interface.host:
        # The operator knows the building's own IPv6 prefixes; IPv4 leaves the building behind one address.
        others = (vlan for vlan in description.vlans.values() if node.role == "operator")
        yield from (f"route replace {vlan.ipv6} via {_beyond(description, name)}" for vlan in others)
    elif interface.vlan in description.vlans and any(other.vlan == "line" for other in node.interfaces.values()):
        # What is the building's stays in the building; all else leaves by the node's own line.
        for other in description.vlans.values():
            if other is not network:
                yield from (f"route replace {other.ipv4} via {via4}", f"route replace {other.ipv6} via {via6}")
    elif node.role != "router" or interface.vlan == "wan":
        metric = interface.metric or 100
        diverted = description.diverted(name) if interface.instead else None
        own, neighbour = (diverted[0], diverted[1].ip) if diverted else (end, via4)
        yield f"route replace default via {neighbour} dev {own} metric {metric}"
        yield f"route replace default via {via6} dev {end} metric {metric}"


def _box(interface: str) -> str:
    """How a second address is told from the first, so that it can be taken off again."""
    return f"{interface}:box"


def _beyond(description: Description, operator: str) -> IPv6Address:
    """Give the address of the router at the other end of the operator's link."""
    for node in description.nodes.values():
        for name, interface in node.interfaces.items():
            if interface.to and interface.to.split("/")[0] == operator:
                router = next(key for key, value in description.nodes.items() if value is node)
                return description.addresses(router, name)[1].ip
    raise LabError(
        msg("{node} ne mène à aucun routeur.", node=operator),
        expected=msg("une interface d'un routeur dont `to` y mène"),
    )
