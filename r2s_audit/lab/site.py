"""The site file of a building, derived from its description: the two cannot drift apart.

It is what a careful integrator would declare of this building, no more: secrets by reference, the sane state whatever
fault is in, and of the router's policy only what concerns two zones (a gateway's echo within one VLAN is no flow).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from .daemons import dnsmasq
from .daemons.base import Site
from .daemons.freeradius import client_certificate
from .daemons.https import HttpsSettings
from .daemons.responder import UdpSettings
from .daemons.ssh import host_key
from .declared import declared_services
from .description import Description, Flow, Node, mac
from .paths import AUTH_SECRET, PRIV_SECRET, SSH_KEY, Layout
from .pki import certificate_file, key_file
from .ssh_keys import pinned

_AUDITOR = "auditor"
_ID = "residence-reference"
"""Whatever the running building is called: two of them are the same building to an auditor."""
_ROLES = {"operator": "other"}
"""Roles that the site file has no word for."""
_RATES = {"total": 2000, "per_target": 500, "building_devices": 200}
"""Nobody lives here: an integrator who audits a living building leaves the polite defaults alone."""


def site_document(description: Description, layout: Layout) -> dict[str, Any]:
    """Give the document in the form of a site file."""
    return {
        "r2s_site": 1,
        "building": {
            "id": _ID,
            "name": description.title,
            "address": description.address,
            "dossier": "LABO",
            "stage": "execution",
        },
        "parties": [
            {"role": "maitre_ouvrage", "name": "Maître d'ouvrage de référence"},
            {"role": "auditeur", "name": "Auditeur de référence"},
            {"role": "exploitant", "name": description.snmp.contact},
        ],
        "scope": {
            "networks": list(_scope(description)),
            "rates": _RATES,
        },
        "zones": [{"id": name, "name": network.title, "kind": name} for name, network in description.zones.items()],
        "vlans": [_vlan(description, name) for name in description.vlans],
        "sockets": list(_sockets(description)),
        "devices": [
            _device(description, name, layout) for name, node in description.nodes.items() if node.role != _AUDITOR
        ],
        "egress": list(_egress(description)),
        "flows": [entry for flow in description.flows for entry in _flows(description, flow)],
        "points": list(_points(description, layout)),
    }


def write_site(document: dict[str, Any], path: Path) -> None:
    """Write a site file."""
    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    with path.open("w", encoding="utf-8") as handle:
        yaml.dump(document, handle)


def _scope(description: Description) -> Iterator[str]:
    """The building's own prefixes; outside of it, nothing but the declared end of egress tests."""
    for vlan in description.vlans.values():
        yield from (str(vlan.ipv4), str(vlan.ipv6))
    for name, node in description.nodes.items():
        if node.role == "operator":
            yield from (f"{a.ip}/{a.max_prefixlen}" for a in description.addresses(name, description.management(name)))


def _vlan(description: Description, name: str) -> dict[str, Any]:
    vlan = description.vlans[name]
    subnets = [
        {"prefix": str(vlan.ipv4), "gateway": str(vlan.address4(vlan.gateway).ip)},
        {"prefix": str(vlan.ipv6), "gateway": str(vlan.address6(vlan.gateway).ip)},
    ]
    declared: dict[str, Any] = {"id": vlan.id, "name": name, "zone": name, "subnets": subnets}
    serving = [
        server
        for server, node in description.nodes.items()
        if _leases(node) and name in {interface.vlan for interface in node.interfaces.values()}
    ]
    if serving:
        declared["dhcp_servers"] = [str(vlan.address4(vlan.gateway).ip)]
    declared["dhcpv6_servers"] = [dnsmasq.duid(description, server) for server in serving]
    return declared


def _leases(node: Node) -> bool:
    """Whether a router of the building hands out addresses in its VLANs."""
    return any(s.kind == "dnsmasq" and s.settings.get("leases") for s in node.services.values())


def _sockets(description: Description) -> Iterator[dict[str, Any]]:
    for name, node in description.nodes.items():
        for interface, socket in node.sockets.items():
            switch, port = description.far_end(name, interface)
            vlan = node.interfaces[interface].vlan
            optional = {"dwelling": socket.dwelling, "riser": socket.riser, "floor": socket.floor}
            yield {
                "id": socket.id,
                "zone": vlan,
                "vlan": description.vlans[vlan].id,
                "switch": switch,
                "port": port,
                **{key: value for key, value in optional.items() if value},
            }


def _serves(node: Node, kind: str) -> bool:
    return any(service.kind == kind for service in node.services.values())


def _credentials(description: Description, server: str, layout: Layout) -> dict[str, Any]:
    """EAP-TLS: nothing that could be guessed, and nothing that a false server could keep."""
    certificate = client_certificate(description)
    return {
        "method": "eap-tls",
        "identity": certificate.name,
        "server_name": f"{server}.{description.domain}",
        "trust": [str(layout.pki / "ca.pem")],
        "certificate": str(certificate_file(layout.pki, certificate)),
        "private_key": f"file:{key_file(layout.pki, certificate)}",
    }


def _points(description: Description, layout: Layout) -> Iterator[dict[str, Any]]:
    for node in description.nodes.values():
        for interface, socket in node.sockets.items():
            point: dict[str, Any] = {
                "id": f"point-{socket.id}",
                "socket": socket.id,
                "interface": interface,
                "kind": socket.kind,
            }
            servers = [name for name, other in description.nodes.items() if _serves(other, "freeradius")]
            if socket.kind == "unauthenticated" and servers:
                point["dot1x"] = _credentials(description, servers[0], layout)
            yield point


def _device(description: Description, name: str, layout: Layout) -> dict[str, Any]:
    node = description.nodes[name]
    interface = description.management(name)
    device: dict[str, Any] = {
        "id": name,
        "name": node.title,
        "role": _ROLES.get(node.role, node.role),
        "zone": node.interfaces[interface].vlan,
        "place": node.place,
        "dwelling": node.dwelling,
        "addresses": [str(address.ip) for address in description.addresses(name, interface)],
        "mac": mac(name, interface),
        "services": list(declared_services(description, name, layout)),
        "attached_to": list(_attachments(description, name)),
        "tls": node.tls,
    }
    if node.role == "switch":
        device["other_ports"] = list(_other_ports(description, name))
    device["admin"] = dict(_administration(description, name, layout))
    return {key: value for key, value in device.items() if value or key == "other_ports"}


def _other_ports(description: Description, name: str) -> Iterator[str]:
    """Ports of a switch in use that lead to nothing else of the site file, its own management interface among them."""
    node = description.nodes[name]
    yield description.management(name)
    for port, settings in node.ports.items():
        far, _, interface = settings.to.partition("/")
        if (
            settings.enabled
            and description.nodes[far].role == _AUDITOR
            and interface not in description.nodes[far].sockets
        ):
            yield port


def _attachments(description: Description, name: str) -> Iterator[dict[str, Any]]:
    """Every switch port at whose other end the node is; a link is declared by both its ends."""
    for switch, node in description.nodes.items():
        for port, settings in node.ports.items():
            far, _, interface = settings.to.partition("/")
            if far != name:
                continue
            place: dict[str, Any] = {"switch": switch, "port": port}
            if settings.trunk:
                yield {**place, "link": True}
            elif interface == description.management(name):
                yield place
            elif settings.access is not None:
                yield {**place, "vlan": description.vlans[description.nodes[name].interfaces[interface].vlan].id}


def _administration(description: Description, name: str, layout: Layout) -> Iterator[tuple[str, dict[str, Any]]]:
    """How a node is administered; a command line only once its server has a key that can be pinned."""
    for service_name, service in description.nodes[name].services.items():
        if service.kind == "snmp":
            yield "snmp", _snmp(description, layout)
        elif service.kind == "ssh" and service.settings.get("command_line") is not None:
            public = host_key(Site(description, name, service_name, layout)).with_suffix(".pub")
            if public.exists():
                yield (
                    "ssh",
                    {
                        "platform": "cisco_ios",
                        "user": description.snmp.user,
                        "host_key": pinned(public),
                        "private_key": f"file:{layout.secret(SSH_KEY)}",
                    },
                )


def _snmp(description: Description, layout: Layout) -> dict[str, Any]:
    return {
        "version": 3,
        "user": description.snmp.user,
        "auth_protocol": "SHA-256",
        "auth_secret": f"file:{layout.secret(AUTH_SECRET)}",
        "priv_protocol": "AES-128",
        "priv_secret": f"file:{layout.secret(PRIV_SECRET)}",
    }


def _flows(description: Description, flow: Flow) -> Iterator[dict[str, Any]]:
    """One entry per target and protocol; what a router grants to its own neighbours is left out."""
    for target in flow.targets:
        if target in description.nodes and description.nodes[target].role == "router":
            continue
        for protocol, granted in (("tcp", flow.tcp), ("udp", flow.udp)):
            ports = _asked(description, target, protocol, granted)
            if ports:
                yield {**_ends(flow, target), "protocol": protocol, "ports": list(ports), "reason": flow.reason}
        if flow.icmp:
            yield {**_ends(flow, target), "protocol": "icmp", "reason": flow.reason}


def _egress(description: Description) -> Iterator[dict[str, Any]]:
    """One way out for every zone: the router is the operator's neighbour, on a line of the building's own."""
    for name, node in description.nodes.items():
        if node.role == "operator" and description.wan is not None:
            operator = [str(description.wan.ipv4), str(description.wan.ipv6)]
            yield {"kind": "dedicated", "endpoint": name, "operator": operator}


def _asked(description: Description, target: str, protocol: str, ports: tuple[int, ...]) -> tuple[int, ...]:
    """Of what may leave for the Internet, the ports that the declared end of egress tests answers."""
    if target != "wan":
        return ports
    services = [s for node in description.nodes.values() if node.role == "operator" for s in node.services.values()]
    if protocol == "tcp":
        served = {HttpsSettings(**service.settings).port for service in services if service.kind == "https"}
    else:
        served = {UdpSettings(**service.settings).port for service in services if service.kind == "ntp"}
    return tuple(port for port in ports if port in served)


def _ends(flow: Flow, target: str) -> dict[str, str]:
    return {"source": flow.source, "destination": target}
