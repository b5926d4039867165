"""What switches say that they keep apart, and what is reached all the same.

Two readings of one thing: the VLAN tables and PVIDs of the switches (SNMP, or their command line), and what answers at a wall socket (the
matrix, ARP and ND). Each has its own criteria. Where the first is as declared and the second is not, the fault is not in
the configuration that was read: a router that lets it through, a cable between two VLANs, a table that is not the one
at work. That is told here, and nothing else: where the configuration itself is otherwise, this question has no object.
"""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from probes.api import Check, NoParameters, NotVerified, conforme, non_conforme, sans_objet
from probes.snmp.configured import configured, switch_requests, vlans_untold
from probes.switching.ports import Configured, Place, places, switches
from probes.switching.words import listed
from probes.vlan.isolation import Window, isolation_requests, judge_isolation
from probes.vlan.matrix import Cell, matrix
from probes.vlan.path import proxy_seen
from probes.vlan.proxy import NoProxy
from probes.vlan.truth import attempt_facts, bridged
from r2s_audit.model.finding import Judgement, Subject, Value
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from probes.api import Evidence
    from probes.vlan.path import Stand
    from r2s_audit.model.observation import Request
    from r2s_audit.model.topology import Topology

NAMED = 8
"""Cells that one sentence names at most."""


@dataclass(frozen=True, slots=True)
class _At:
    """A declared place of a socket or a device, with its switch."""

    switch: str
    place: Place


@dataclass(frozen=True, slots=True)
class _Side:
    """One socket, one other VLAN, and what of that VLAN the socket must not reach, by device."""

    socket: _At
    vlan: int
    cells: dict[str, list[Cell]] = field(default_factory=dict)
    at: dict[str, list[_At]] = field(default_factory=dict)
    """Where each of these devices is plugged in, in that VLAN."""


@dataclass(slots=True)
class _Seen:
    """What came of one side."""

    held: list[str] = field(default_factory=list)
    """The device of each cell that holds."""
    direct: list[str] = field(default_factory=list)
    """Reached without a router between the two."""
    routed: list[str] = field(default_factory=list)
    hops: set[str] = field(default_factory=set)
    otherwise: list[str] = field(default_factory=list)
    """Ports that are not configured as declared: not what this check is about."""
    pending: Message | None = None
    """The first thing that is not known."""


class VlansHold(Check[Window]):
    """One subject per measuring socket and other VLAN: configured apart, nothing of it answers at the socket.

    Both ports are to be read as declared: each in its one VLAN, without a tag, with its PVID. What then crosses all the
    same is *non conforme*, by a router as much as without one. Devices without a declared port are not in question: of
    them the configuration says nothing.
    """

    id = "joined.vlans-hold"
    title = msg("VLAN configurés séparés, et qui le sont")
    reference = "RFC 4363 (dot1qVlanStaticTable, dot1qPvid) ; ANSSI-PA-108 R101-R102 ; exigence S1.3"
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "configuration : tables SNMP lues jusqu'au bout, ou ligne de commande, aux deux ports ; séparation : les témoins des cellules"
        " d'interdiction, et le routeur du VLAN qui répond pour lui-même à la prise"
    )

    def subjects(self, topology: Topology, parameters: Window) -> Iterable[Subject]:
        for (point, vlan), side in _sides(topology).items():
            yield Subject(target=side.socket.place.owner, point=point, detail=(("vlan", str(vlan)),))

    def requests(self, topology: Topology, subject: Subject, parameters: Window) -> Sequence[Request]:
        side = _side(topology, subject)
        asked = [r for name in _switches(side) for r in switch_requests(topology, name)]
        for cells in side.cells.values():
            for cell in cells:
                asked += isolation_requests(topology, cell)
        return list({r.key: r for r in asked}.values())

    def judge(self, subject: Subject, evidence: Evidence, parameters: Window) -> Judgement:
        topology = evidence.topology
        side = _side(topology, subject)
        socket = side.socket
        expected = msg(
            "prise {socket} ({switch} {port}) : VLAN {own} seul, et rien du VLAN {other} n'y répond",
            socket=socket.place.owner,
            switch=socket.switch,
            port=socket.place.port,
            own=socket.place.vlan,
            other=side.vlan,
        )
        tables = _Configured(evidence, expected)
        wrong = tables.wrong(socket)
        if wrong:
            return sans_objet(expected, msg("la prise est configurée autrement : {port}", port=wrong))
        seen = self._seen(side, tables, parameters.control_window_s)
        if seen.direct or seen.routed:
            return non_conforme(expected, _reached(seen))
        if seen.held:
            seen.pending = seen.pending or self._unknown(subject, side, evidence)
        if seen.pending is not None:
            raise NotVerified(seen.pending, expected=expected)
        if not seen.held:
            return sans_objet(
                expected, msg("équipements configurés autrement : {ports}", ports=" ; ".join(seen.otherwise))
            )
        return conforme(
            expected,
            msg(
                "configurés séparés (selon {source}) ; cellules tenues vers {devices} : {n}",
                source=listed(tables.sources),
                n=len(seen.held),
                devices=listed(dict.fromkeys(seen.held)),
            ),
        )

    @staticmethod
    def _seen(side: _Side, tables: _Configured, window_s: float) -> _Seen:
        seen, evidence = _Seen(), tables.evidence
        for device, cells in side.cells.items():
            try:
                wrong = [text for at in side.at[device] if (text := tables.wrong(at))]
            except NotVerified as error:
                seen.pending = seen.pending or error.reason
                continue
            if wrong:
                seen.otherwise += wrong
                continue
            for cell in cells:
                stand = proxy_seen(evidence, cell)
                if stand is not None and stand.itself:
                    seen.direct.append(_name(cell))
                    continue
                try:
                    value = judge_isolation(cell, evidence, window_s).value
                except NotVerified as error:
                    seen.pending = seen.pending or error.reason
                    continue
                attempt = attempt_facts(evidence, cell)
                if value is Value.NON_CONFORME:
                    (seen.direct if bridged(attempt) else seen.routed).append(_name(cell))
                    seen.hops.add(str(attempt.next_hop))
                elif stand is not None and stand.mac != attempt.next_hop_mac:
                    seen.pending = seen.pending or _stranger(stand)
                else:
                    seen.held.append(device)
        return seen

    @staticmethod
    def _unknown(subject: Subject, side: _Side, evidence: Evidence) -> Message | None:
        """Why it is not known who answers at the socket for other VLANs, in one of the IP versions that were asked."""
        for version in sorted({cell.address.version for cells in side.cells.values() for cell in cells}):
            if matrix(evidence.topology).proxying(subject.point, version):
                asked = Subject(target=subject.target, point=subject.point, detail=(("version", str(version)),))
                try:
                    NoProxy().judge(asked, evidence, NoParameters())
                except NotVerified as error:
                    return error.reason
        return None


class _Configured:
    """What the switches say of ports, read once per switch."""

    def __init__(self, evidence: Evidence, expected: Message) -> None:
        self.evidence = evidence
        self._expected = expected
        self._read: dict[str, Configured] = {}

    @property
    def sources(self) -> list[str]:
        """Who spoke, once each."""
        return list(dict.fromkeys(found.source for found in self._read.values()))

    def wrong(self, at: _At) -> str:
        """How a port is configured otherwise than declared; empty where it is as declared.

        Raises:
            NotVerified: its switch was not read, or does not know the port.
        """
        expected = self._expected
        found = self._ports(at.switch)
        if at.place.port in found.numbers:
            untold = found.untold([found.numbers[at.place.port]])
            if untold:
                raise vlans_untold(Subject(target=at.switch), untold, found, expected)
            return found.misplaced(at.place) or ""
        found.all_named()
        raise NotVerified(
            msg("port {port} introuvable sur {device}", port=at.place.port, device=at.switch), expected=expected
        )

    def _ports(self, switch: str) -> Configured:
        """The ports of a switch, by whoever speaks for it."""
        if switch not in self._read:
            self._read[switch] = configured(self.evidence, Subject(target=switch), self._expected)
        return self._read[switch]


def _reached(seen: _Seen) -> Message:
    if seen.direct:
        return msg(
            "les deux ports sont configurés comme déclarés, et pourtant on répond sans routeur entre les deux ({cells}) :"
            " les deux VLAN n'en font qu'un",
            cells=_some(seen.direct),
        )
    return msg(
        "les deux ports sont configurés comme déclarés, et pourtant on passe par {hops} ({cells}) : séparés par les"
        " commutateurs, reliés par le routeur",
        cells=_some(seen.routed),
        hops=listed(sorted(seen.hops)),
    )


def _stranger(stand: Stand) -> Message:
    """The device itself, whose MAC address is not the declared one or not declared, or a proxy: nobody can tell."""
    return msg(
        "{mac} répond à la prise pour {address}, et n'est ni l'équipement déclaré ni le routeur",
        mac=stand.mac,
        address=stand.address,
    )


def _some(cells: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(cells) - NAMED
    return f"{listed(cells[:NAMED])} (+{more})" if more > 0 else listed(cells)


def _name(cell: Cell) -> str:
    over = cell.protocol.upper() + (f" {cell.port}" if cell.port else "")
    return f"{cell.target} {cell.written} ({over})"


def _switches(side: _Side) -> Iterator[str]:
    yield from dict.fromkeys((side.socket.switch, *(at.switch for all_of_it in side.at.values() for at in all_of_it)))


def _side(topology: Topology, subject: Subject) -> _Side:
    return _sides(topology)[subject.point, int(subject.get("vlan"))]


@lru_cache(maxsize=4)
def _sides(topology: Topology) -> Mapping[tuple[str, int], _Side]:
    """Every measuring socket and other VLAN between whose declared ports there are deny cells, in file order."""
    index = matrix(topology)
    at: dict[str, list[_At]] = {}
    for switch in switches(topology):
        for place in places(topology, switch.id):
            at.setdefault(place.owner, []).append(_At(switch.id, place))
    found: dict[tuple[str, int], _Side] = {}
    for cell in (*index.deny_icmp, *index.deny_tcp, *index.deny_udp):
        own, vlan = at.get(topology.points[cell.point].socket), index.vlan_of(cell.address)
        there = [a for a in at.get(cell.target, ()) if vlan is not None and a.place.vlan == vlan.id]
        if not own or vlan is None or not there or cell.mute or cell.untouchable or own[0].place.vlan == vlan.id:
            continue
        side = found.setdefault((cell.point, vlan.id), _Side(own[0], vlan.id))
        side.cells.setdefault(cell.target, []).append(cell)
        side.at.setdefault(cell.target, there)
    return found
