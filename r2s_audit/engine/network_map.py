"""The network as declared and as found, from the observations that count: LLDP, forwarding tables, the site file. Pure.

Nothing is found by silence and nothing is missing by silence. Equipment is *missing* only where it was asked and did
not answer and every other one's neighbour table was read to its end without it; a declared link only where the tables of
both its ends were; a socket's cable only where its measuring point was learnt on another port of the declared switch.
Everything else that was not seen stays *declared*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from probes.snmp.facts import BridgeFacts, LldpFacts, Neighbour, SystemFacts
from probes.snmp.topology_graph import REMOTE, Graph, declared_links
from r2s_audit.model.network_map import MapLink, MapNode, MapPoint, MapZone, NetworkMap, Presence
from r2s_audit.model.observation import Failure

if TYPE_CHECKING:
    from r2s_audit.model.audit import PassSummary
    from r2s_audit.model.base import Model
    from r2s_audit.model.observation import Observation
    from r2s_audit.model.site import Device, Socket
    from r2s_audit.model.topology import Topology

_FACTS = TypeVar("_FACTS", bound="Model")
_SILENT = {Failure.UNREACHABLE, Failure.TIMEOUT}
"""Failures that say that nobody answered; a missing privilege or a denied access does not."""
MAX_NEIGHBOURS = 500
"""Undeclared neighbours in one document: a table of ten thousand inventions is still one finding."""
MAX_TEXT = 200
"""Characters kept of a name or port that a device gives."""


@dataclass(slots=True)
class _Seen:
    """What the switches and routers told, by device."""

    lldp: dict[str, LldpFacts] = field(default_factory=dict)
    bridge: dict[str, BridgeFacts] = field(default_factory=dict)
    system: dict[str, SystemFacts] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    @property
    def whole(self) -> set[str]:
        """Those whose neighbour table was read to its end."""
        return {d for d, f in self.lldp.items() if f.supported and not REMOTE & {gap.table for gap in f.gaps}}


def network_map(
    topology: Topology, observations: Mapping[str, Observation], passes: Iterable[PassSummary] = ()
) -> NetworkMap:
    """Nodes and links in the order of the site file; ``passes`` give the hardware addresses of the measuring points."""
    site = topology.site
    seen = _seen(observations)
    equipment = [d for d in site.devices if d.role.is_network_equipment]
    graph = Graph(site.devices, seen.lldp)
    links, strangers = _lldp_links(graph, seen)
    links += _declared_links(graph, site.devices)
    heard = {end for link in links if link.source == "lldp" for end in (link.a, link.b)}
    nodes = [_equipment(d, equipment, heard, seen) for d in equipment]
    ports = {name: _port_names(bridge, seen.system.get(name)) for name, bridge in seen.bridge.items()}
    uplinks = {
        (name, port)
        for link in links
        if link.state is Presence.FOUND
        for name, port in ((link.a, link.a_port), (link.b, link.b_port))
    }
    own = {d.id for d in equipment}
    for device in site.devices:
        if device.id not in own:
            found = _learnt(device.mac or "", seen, ports, uplinks)
            state = Presence.FOUND if found or device.id in heard else Presence.DECLARED
            nodes.append(_node(device, "station", state))
            links += [
                MapLink(a=s, b=device.id, a_port=p, state=Presence.FOUND, source="fdb")
                for s, p in found[:1]
                if device.id not in heard
            ]
    addresses = _addresses(topology, passes)
    for socket in (topology.sockets[p.socket] for p in site.points if p.socket in topology.sockets):
        if not any(n.id == socket.id and n.kind == "socket" for n in nodes):
            link = _socket_link(socket, addresses.get(socket.id, ""), seen, ports)
            links.append(link)
            nodes.append(MapNode(id=socket.id, kind="socket", zone=socket.zone, state=link.state))
    return NetworkMap(
        zones=tuple(MapZone(id=z.id, name=z.name) for z in site.zones),
        points=tuple(MapPoint(id=p.id, zone=topology.zone_of(p).id) for p in site.points),
        nodes=(*nodes, *strangers),
        links=tuple(links),
        read=len(seen.whole & own),
        equipment=len(equipment),
    )


def _seen(observations: Mapping[str, Observation]) -> _Seen:
    seen = _Seen()
    for key in sorted(observations):
        observation = observations[key]
        target, collector = observation.request.target, observation.request.collector
        if collector.startswith("snmp.") and observation.failure in _SILENT:
            seen.silent.add(target)
        if observation.facts is None:
            continue
        if collector == "snmp.lldp":
            _keep(seen.lldp, LldpFacts, observation)
        elif collector == "snmp.bridge":
            _keep(seen.bridge, BridgeFacts, observation)
        elif collector == "snmp.system":
            _keep(seen.system, SystemFacts, observation)
    return seen


def _keep(kept: dict[str, _FACTS], kind: type[_FACTS], observation: Observation) -> None:
    """The first that can be read; facts of another version of this program are left out, as if nobody had asked."""
    target = observation.request.target
    if target in kept:
        return
    try:
        kept[target] = kind.model_validate(observation.facts)
    except ValidationError:
        return


def _node(device: Device, kind: str, state: Presence) -> MapNode:
    return MapNode.model_validate(
        {
            "id": device.id,
            "kind": kind,
            "name": device.name,
            "role": device.role.value,
            "zone": device.zone,
            "state": state,
        }
    )


def _equipment(device: Device, equipment: Sequence[Device], heard: set[str], seen: _Seen) -> MapNode:
    others = {d.id for d in equipment} - {device.id}
    if device.id in heard or device.id in seen.lldp or device.id in seen.bridge or device.id in seen.system:
        state = Presence.FOUND
    elif device.id in seen.silent and others and others <= seen.whole:
        state = Presence.MISSING
    else:
        state = Presence.DECLARED
    return _node(device, "equipment", state)


def _lldp_links(graph: Graph, seen: _Seen) -> tuple[list[MapLink], list[MapNode]]:
    """Every hearing as a link, the two hearings of one cable as one, and the neighbours that nobody declared."""
    found: dict[tuple[str, str, str, str], MapLink] = {}
    strangers: dict[tuple[str, str], MapNode] = {}
    for device_id, facts in sorted(seen.lldp.items()):
        names = {p.number: p.id.text for p in facts.ports if p.id is not None}
        for neighbour in facts.neighbours:
            here = (device_id, names.get(neighbour.local_port, str(neighbour.local_port))[:MAX_TEXT])
            declared = sorted(graph.matches(neighbour) - {device_id})
            others = [(other, neighbour.port[:MAX_TEXT]) for other in declared]
            state = Presence.FOUND
            if not graph.matches(neighbour) and (stranger := _stranger(neighbour, strangers)):
                others, state = [(stranger, neighbour.port[:MAX_TEXT])], Presence.UNDECLARED
            for other in others:
                (a, a_port), (b, b_port) = sorted((here, other))
                before = found.get((a, a_port, b, b_port))
                found[a, a_port, b, b_port] = MapLink(
                    a=a,
                    b=b,
                    a_port=a_port,
                    b_port=b_port,
                    state=state,
                    source="lldp",
                    heard=min(2, before.heard + 1) if before else 1,
                )
    return list(found.values()), list(strangers.values())


def _declared_links(graph: Graph, devices: Sequence[Device]) -> list[MapLink]:
    """The declared links that nobody was heard on, the two declarations of one cable as one."""
    ports: dict[tuple[str, str], list[tuple[str, Presence]]] = {}
    for link in declared_links(devices):
        found = graph.found(link)
        if not found:
            state = Presence.DECLARED if found is None else Presence.MISSING
            ports.setdefault((link.switch, link.device), []).append((link.port, state))
    drawn: list[MapLink] = []
    for a, b in dict.fromkeys((min(pair), max(pair)) for pair in ports):
        for one, other in zip_longest(ports.get((a, b), ()), ports.get((b, a), ())):
            states = {end[1] for end in (one, other) if end}
            drawn.append(
                MapLink(
                    a=a,
                    b=b,
                    a_port=one[0] if one else "",
                    b_port=other[0] if other else "",
                    state=Presence.DECLARED if Presence.DECLARED in states else Presence.MISSING,
                    source="declaration",
                )
            )
    return drawn


def _stranger(neighbour: Neighbour, strangers: dict[tuple[str, str], MapNode]) -> str:
    """The node of a neighbour that nobody declared, made at its first hearing; nothing past the bound."""
    name = (neighbour.sys_name.text if neighbour.sys_name else "")[:MAX_TEXT]
    key = (neighbour.chassis, "" if neighbour.chassis else name)
    if key not in strangers:
        if len(strangers) >= MAX_NEIGHBOURS:
            return ""
        strangers[key] = MapNode(
            id=f"?{len(strangers) + 1}",
            kind="neighbour",
            name=name or neighbour.chassis[:MAX_TEXT],
            state=Presence.UNDECLARED,
        )
    return strangers[key].id


def _port_names(bridge: BridgeFacts, system: SystemFacts | None) -> dict[int, str]:
    """Bridge ports by number: ifName, else ifDescr, else the number."""
    interfaces = {i.index: i for i in system.interfaces} if system else {}
    names: dict[int, str] = {}
    for port in bridge.ports:
        interface = interfaces.get(port.if_index) if port.if_index is not None else None
        texts = (interface.name, interface.descr) if interface else ()
        names[port.port] = next((t.text[:MAX_TEXT] for t in texts if t is not None and t.text), str(port.port))
    return names


def _learnt(
    mac: str, seen: _Seen, ports: Mapping[str, Mapping[int, str]], uplinks: set[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Switch and port where a hardware address was learnt, on ports that lead to no declared equipment."""
    if not mac:
        return []
    places = (
        (name, ports[name].get(row.port, str(row.port)))
        for name, bridge in sorted(seen.bridge.items())
        for row in bridge.fdb
        if row.mac == mac
    )
    return [place for place in dict.fromkeys(places) if place not in uplinks]


def _addresses(topology: Topology, passes: Iterable[PassSummary]) -> dict[str, str]:
    """The hardware address that stood behind each measuring socket, by the last pass that knew its interface."""
    found: dict[str, str] = {}
    for made in passes:
        for name in made.points:
            point = topology.points.get(name)
            mac = made.machine.interfaces.get(point.interface, "") if point else ""
            if point and mac:
                found[point.socket] = mac.lower()
    return found


def _socket_link(socket: Socket, mac: str, seen: _Seen, ports: Mapping[str, Mapping[int, str]]) -> MapLink:
    """The declared cable of a socket: found on its port, missing where the point was learnt on others alone."""
    places = [port for name, port in _learnt(mac, seen, ports, set()) if name == socket.switch]
    known = socket.port in ports.get(socket.switch, {}).values()
    state = Presence.DECLARED
    if socket.port in places:
        state = Presence.FOUND
    elif places and known:
        state = Presence.MISSING
    return MapLink(
        a=socket.switch,
        b=socket.id,
        a_port=socket.port,
        state=state,
        source="declaration" if state is Presence.DECLARED else "fdb",
        seen_on=places[0] if state is Presence.MISSING else "",
    )
