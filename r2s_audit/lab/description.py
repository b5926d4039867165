"""What the reference building is: VLANs, nodes, cables, services, allowed flows, read from one YAML file.

Everything else of the laboratory is derived from these objects: wiring, filters, daemons' configurations and the site
file that an auditor is given. A fault is a change of this description (see :mod:`fault`), never of what is derived.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from r2s_audit.model.text import msg

from .errors import LabError

REFERENCE = Path(__file__).with_name("building.yaml")
InterfaceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,14}$")]
NodeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
PortNumber = Annotated[int, Field(ge=1, le=65535)]
Role = Literal[
    "router", "switch", "supervisor", "gateway", "server", "operator", "auditor",
    "camera", "intercom", "meter", "controller",
]  # fmt: skip


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Network(_Model):
    """A link with its two subnets; host ``n`` has the address that ends in ``n`` (read as hexadecimal in IPv6)."""

    title: str
    ipv4: IPv4Network
    ipv6: IPv6Network
    gateway: Annotated[int, Field(ge=1, le=254)] = 1

    def address4(self, host: int) -> IPv4Interface:
        """IPv4 address of a host, with the prefix length."""
        return IPv4Interface((self.ipv4.network_address + host, self.ipv4.prefixlen))

    def address6(self, host: int) -> IPv6Interface:
        """IPv6 address of a host, with the prefix length."""
        return IPv6Interface((self.ipv6.network_address + int(str(host), 16), self.ipv6.prefixlen))


class Vlan(Network):
    """A network of the building's switches. Numbers from 4000 on are those of closed ports (:attr:`Port8021X`)."""

    id: Annotated[int, Field(ge=1, le=3999)]


class Interface(_Model):
    """A node's interface; ``metric`` ranks its default route where a node has several.

    Without a ``host`` it has no address and says nothing: it only listens. ``to`` (``node/interface``) is the far end
    of a cable that passes no switch. ``proxy_arp`` answers ARP in others' names: ``zones`` for what is routed elsewhere
    (RFC 1027), ``local`` for its own neighbours too (RFC 3069). ``box``: the address of an occupant's own network that
    somebody has plugged into the same link. ``lent``: whoever sends packets to the node leaves by this line, translated
    as boxes do. ``instead`` (``node/interface``): the neighbour by whom IPv4 leaves in the place of this line, which then
    has no IPv4 address.
    """

    vlan: str
    host: Annotated[int, Field(ge=1, le=254)] | None = None
    metric: int | None = None
    to: Annotated[str, Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")] | None = None
    proxy_arp: Literal["off", "zones", "local"] = "off"
    box: IPv4Interface | None = None
    lent: bool = False
    instead: Annotated[str, Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")] | None = None


class Port8021X(_Model):
    """How a port asks for authentication, with the words of IEEE8021-PAE-MIB.

    ``mab``: a known MAC address is let in without. ``guest``: the VLAN for whoever has not authenticated after
    ``guest_after`` seconds.
    """

    control: Literal["auto", "force-authorized", "force-unauthorized"] = "auto"
    mab: bool = False
    guest: str | None = None
    guest_after: Annotated[float, Field(gt=0)] = 1.0


class SwitchPort(_Model):
    """A switch port and what its cable leads to (``node/interface`` or ``switch/port``).

    ``mirror``: no port of any VLAN, but the copy of all that the switch forwards, tags kept. ``native``: the VLAN of a
    trunk's untagged frames, which it drops by default. ``leak``: another port of the switch to which it hands whatever
    comes in, and the other way round, whatever VLANs the two are in: the tables stay as they are, and do not say so.
    """

    to: Annotated[str, Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")]
    access: str | None = None
    trunk: tuple[str, ...] = ()
    native: str | None = None
    mirror: bool = False
    dot1x: Port8021X | None = None
    protected: bool = False
    leak: str | None = None
    enabled: bool = True
    label: str = ""

    @model_validator(mode="after")
    def _one_mode(self) -> Self:
        if sum((self.access is not None, bool(self.trunk), self.mirror)) != 1:
            raise ValueError("a port is either `access`, `trunk` or `mirror`")
        if self.dot1x and self.access is None:
            raise ValueError("`dot1x` goes with `access`")
        if self.native is not None and not self.trunk:
            raise ValueError("`native` goes with `trunk`")
        return self


class Service(BaseModel):
    """A daemon of a node: ``kind`` names its family, which validates the rest (see :mod:`daemons`)."""

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: str

    @property
    def settings(self) -> dict[str, Any]:
        """What the family reads."""
        return dict(self.__pydantic_extra__ or {})


class Socket(_Model):
    """The wall socket that an interface of the auditor is plugged into."""

    id: str
    kind: Literal["access", "unauthenticated", "mirror"] = "access"
    place: str
    dwelling: str = ""
    riser: str = ""
    floor: str = ""


class Node(_Model):
    """A machine of the building."""

    role: Role
    title: str
    place: str = ""
    dwelling: str = ""
    tls: Literal["single", "full"] | None = None
    """How many TLS handshakes the site file declares that the node stands."""
    power: Literal["on", "off"] = "on"
    interfaces: dict[InterfaceName, Interface]
    ports: dict[InterfaceName, SwitchPort] = {}
    services: dict[str, Service] = {}
    sysctl: dict[str, str] = {}
    sockets: dict[InterfaceName, Socket] = {}


class Flow(_Model):
    """An allowed flow; a source or a target is a VLAN or a node. Whatever no flow allows is dropped by the router.

    ``versions``: the IP versions that it is allowed in. ``source_port``: the one port that it comes from, to any port
    where none is named. ``back``: also between two nodes of one VLAN, whose frames the
    router then sends back to where they came from.
    """

    id: str
    source: str
    targets: tuple[str, ...]
    tcp: tuple[PortNumber, ...] = ()
    udp: tuple[PortNumber, ...] = ()
    icmp: bool = False
    versions: tuple[Literal[4, 6], ...] = (4, 6)
    source_port: PortNumber | None = None
    back: bool = False
    reason: str = ""


class Snmp(_Model):
    """The one administration account; its passphrases are drawn when the building goes up."""

    user: str = "auditeur"
    contact: str


@dataclass(frozen=True, slots=True)
class Cable:
    """A cable between two interfaces, each named ``(node, interface)``."""

    a: tuple[str, str]
    b: tuple[str, str]


class Description(_Model):
    """A whole building."""

    version: Literal[1]
    title: str
    address: str
    domain: str
    snmp: Snmp
    vlans: dict[str, Vlan]
    wan: Network | None = None
    """The operator's link, in no VLAN of the building."""
    line: Network | None = None
    """An occupant's own line to the operator, which is no part of the Réseau Smart."""
    nodes: dict[NodeName, Node]
    flows: tuple[Flow, ...]

    @model_validator(mode="after")
    def _names_lead_somewhere(self) -> Self:
        wrong = list(self._wrong_names())
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def _wrong_names(self) -> Iterator[str]:
        for name, node in self.nodes.items():
            for interface in node.interfaces.values():
                yield from self._wrong_interface(name, interface)
            if node.ports and node.role != "switch":
                yield f"{name}: only a switch has ports"
            for port_name, port in node.ports.items():
                yield from self._wrong_port(name, port_name, port)
            for interface_name in node.sockets:
                if interface_name not in node.interfaces:
                    yield f"{name}: no interface {interface_name}"
        for flow in self.flows:
            for end in (flow.source, *flow.targets):
                if end not in self.networks and end not in self.nodes:
                    yield f"flow {flow.id}: no VLAN or node {end}"

    def _wrong_interface(self, node: str, interface: Interface) -> Iterator[str]:
        if interface.vlan not in self.networks:
            yield f"{node}: no VLAN {interface.vlan}"
        for end in filter(None, (interface.to, interface.instead)):
            if end.split("/")[1] not in self._interfaces_of(end.split("/")[0]):
                yield f"{node}: no interface {end}"

    def _wrong_port(self, switch: str, name: str, port: SwitchPort) -> Iterator[str]:
        guest = port.dot1x.guest if port.dot1x else None
        for vlan in (*port.trunk, *(name for name in (port.access, port.native, guest) if name)):
            if vlan not in self.vlans:
                yield f"{switch}/{name}: no VLAN {vlan}"
        if port.leak is not None and port.leak not in self.nodes[switch].ports:
            yield f"{switch}/{name}: no port {port.leak}"
        node_name, end = port.to.split("/")
        node = self.nodes.get(node_name)
        if node is None or (end not in node.interfaces and end not in node.ports):
            yield f"{switch}/{name}: no interface {port.to}"
        elif end in node.ports and node.ports[end].to != f"{switch}/{name}":
            yield f"{switch}/{name}: {port.to} does not lead back"

    def _interfaces_of(self, node: str) -> dict[InterfaceName, Interface]:
        return self.nodes[node].interfaces if node in self.nodes else {}

    @property
    def zones(self) -> dict[str, Network]:
        """The VLANs, and ``wan`` where there is one."""
        return {**self.vlans, **({"wan": self.wan} if self.wan else {})}

    @property
    def networks(self) -> dict[str, Network]:
        """Every link: the zones', and ``line`` where there is one."""
        return {**self.zones, **({"line": self.line} if self.line else {})}

    def diverted(self, node: str) -> tuple[str, IPv4Interface] | None:
        """Where IPv4 leaves a node instead of by its line: its own interface towards the neighbour, and the neighbour."""
        for interface in self.nodes[node].interfaces.values():
            if interface.instead is not None:
                neighbour, end = interface.instead.split("/")
                link = self.nodes[neighbour].interfaces[end].vlan
                own = next(name for name, item in self.nodes[node].interfaces.items() if item.vlan == link)
                return own, self.addresses(neighbour, end)[0]
        return None

    def cables(self) -> list[Cable]:
        """Every cable once, in the file's order."""
        found: dict[frozenset[tuple[str, str]], Cable] = {}
        for name, node in self.nodes.items():
            straight = {end: interface.to for end, interface in node.interfaces.items() if interface.to}
            for end, to in {**{end: port.to for end, port in node.ports.items()}, **straight}.items():
                far_node, far_interface = to.split("/")
                cable = Cable((name, end), (far_node, far_interface))
                found.setdefault(frozenset((cable.a, cable.b)), cable)
        return list(found.values())

    def far_end(self, node: str, interface: str) -> tuple[str, str]:
        """Give the switch and port that an interface is plugged into."""
        for cable in self.cables():
            if cable.b == (node, interface):
                return cable.a
        raise LabError(
            msg("{node}/{interface} n'est branchée nulle part.", node=node, interface=interface),
            expected=msg("une interface au bout d'un port de commutateur"),
        )

    def addresses(self, node: str, interface: str) -> tuple[IPv4Interface, IPv6Interface]:
        """Both addresses of an interface that has some."""
        declared = self.nodes[node].interfaces[interface]
        if declared.host is None:
            raise LabError(
                msg("{node}/{interface} n'a pas d'adresse.", node=node, interface=interface),
                expected=msg("une interface adressée"),
            )
        network = self.networks[declared.vlan]
        return network.address4(declared.host), network.address6(declared.host)

    def addressed(self, node: str) -> dict[InterfaceName, Interface]:
        """Give the interfaces of a node that have addresses."""
        interfaces = self.nodes[node].interfaces.items()
        return {name: interface for name, interface in interfaces if interface.host is not None}

    def management(self, node: str) -> str:
        """Give the interface a node is administered by: the first one in the administration VLAN, else its first."""
        interfaces = self.nodes[node].interfaces
        inside = [name for name, interface in interfaces.items() if interface.vlan == "administration"]
        return (inside or list(interfaces))[0]

    def switch_ports(self, node: str) -> list[str]:
        """Ports of a switch that lead out of it (its own management interface is behind a port as well)."""
        return [name for name, port in self.nodes[node].ports.items() if port.to.split("/")[0] != node]


def mac(node: str, interface: str) -> str:
    """Give a fixed, locally administered address: the same building has the same addresses at every `up`."""
    digest = hashlib.sha256(f"{node}/{interface}".encode()).hexdigest()
    return "02:66:" + ":".join(digest[i : i + 2] for i in range(0, 8, 2))


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping."""
    try:
        value = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, YAMLError) as error:
        raise LabError(
            msg("{path} illisible : {error}", path=str(path), error=str(error)), expected=msg("un fichier YAML lisible")
        ) from error
    if not isinstance(value, dict):
        raise LabError(
            msg("{path} ne contient pas de table ({found})", path=str(path), found=type(value).__name__),
            expected=msg("un document YAML à clés"),
        )
    return value


def build(raw: Mapping[str, Any], origin: str) -> Description:
    """Validate a raw description; every problem at once, with its path."""
    try:
        return Description.model_validate(raw)
    except ValidationError as error:
        lines = [f"{origin}: {'/'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise LabError(
            msg("Description de bâtiment refusée :\n{problems}", problems="\n".join(lines)),
            expected=msg("une description de bâtiment valide"),
        ) from error
