"""UDP ports that nobody declares: a closed one says so itself, and who hears that is let through.

A host refuses a datagram to a port on which nobody listens by a port unreachable of its own (RFC 1122 §3.2.2.1, RFC
4443 §3.1). That is what RST is to TCP, with two differences. Hosts may leave it out: one that is silent to its own VLAN
too is *non vérifié*. And hosts put a limit on it, which must not pass for a filter. What is known of these limits:

* RFC 1812 §4.3.2.8 and RFC 4443 §2.4 (f) ask for one, and leave its form open; the latter names ten a second.
* Linux counts per *peer*: one a second (``icmp_ratelimit``), or four over IPv6 where the route is a /64, after a burst
  of six. What the asking point was refused does not touch what the control's point hears, so that a control shows nothing
  of it: the attempt has to stand by itself.
* Others count all askers together, some as slowly as two a second; Linux too, far above what is sent here.

Hence: the datagrams of an attempt are two, a second apart, after which a peer's limit has room for one again; from one
point only one port is asked of a device in one IP version, so that no refusal takes another's room; and where the device
refused another point at about that time, a silence is *non vérifié*. Controls are of another round, from another
address, and one datagram each as a rule. What remains: a stranger who draws a device's whole limit during the attempt,
and not during the controls; and a filter that lets datagrams in and their refusals not out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from probes.api import Check, NotVerified
from probes.vlan.datagrams import EMPTY, udp_services
from probes.vlan.facts import ReachFacts, ReachState
from probes.vlan.isolation import Directed, isolation_requests, judge_isolation
from probes.vlan.matrix import ATTEMPT, UDP_SENTINELS, Cell, matrix
from probes.vlan.truth import attempt_facts, bridged, came_from_afar, crossed
from r2s_audit.model.base import Port
from r2s_audit.model.finding import Value
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from probes.api import Evidence
    from r2s_audit.model.finding import Judgement, Subject
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import AnyAddress, Device, MeasuringPoint, Vlan
    from r2s_audit.model.topology import Topology

VERSIONS = (4, 6)
DATAGRAMS = 2
LIMIT = timedelta(seconds=1)
"""The longest pause between two refusals that a limit is known to ask for."""


class UdpSentinels(Directed):
    """Which UDP ports are asked where nobody declares them."""

    ports: Annotated[list[Port], Field(min_length=1, max_length=UDP_SENTINELS)]
    """Ports where a datagram without data does nothing, whatever listens there."""


class UdpSentinelsIsolated(Check[UdpSentinels]):
    """One subject per VLAN with a point, other VLAN, IP version and port, at a host there that does not declare the port.

    Each port is asked of another switch, router or server of the VLAN; a VLAN without any has the first port asked of one
    controller.
    """

    id = "vlan.udp-sentinels-isolated"
    title = msg("Ports UDP non déclarés hors d'atteinte des autres zones")
    reference = (
        "ANSSI-PA-108 R101-R102; IEC 62443-3-3 SR 5.2 RE 1 (deny by default); RFC 1122 §3.2.2.1; RFC 4443 §2.4 f, §3.1"
    )
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "émetteur : la passerelle du point répond au début et à la fin de la fenêtre, lien jamais perdu ; cible : le"
        " même port, fermé (port inaccessible de la cible elle-même) ou ouvert, répond avant et après à un point qui y a"
        " droit ; limite des refus ICMP écartée : deux datagrammes à une seconde d'écart, aucun autre point refusé par la"
        " cible au même moment ; capture sans aucune perte"
    )

    def subjects(self, topology: Topology, parameters: UdpSentinels) -> Iterable[Subject]:
        for cells in _cells(topology, tuple(dict.fromkeys(parameters.ports))).values():
            yield from (replace(cell, service="").subject() for cell in cells if parameters.concerns(topology, cell))

    def requests(self, topology: Topology, subject: Subject, parameters: UdpSentinels) -> Sequence[Request]:
        cell, index = _cell(subject), matrix(topology)
        others = [index.ask(other, ATTEMPT) for other in _others(topology, cell, parameters)]
        return [*isolation_requests(topology, cell), *others]

    def judge(self, subject: Subject, evidence: Evidence, parameters: UdpSentinels) -> Judgement:
        cell = _cell(subject)
        attempt = attempt_facts(evidence, cell)
        if crossed(attempt) and not (attempt.is_open or came_from_afar(attempt) or bridged(attempt)):
            raise NotVerified(
                msg(
                    "refus au nom de {address} sans routeur entre les deux (TTL {ttl}) : celui de la cible et celui d'un"
                    " filtre sont indiscernables",
                    address=str(cell.address),
                    ttl=attempt.answer_hop_limit or 0,
                )
            )
        judgement = judge_isolation(cell, evidence, parameters.control_window_s)
        if judgement.value is Value.CONFORME and attempt.state is ReachState.SILENCE:
            _require_unlimited(cell, evidence, attempt, _others(evidence.topology, cell, parameters))
        return judgement


def _require_unlimited(cell: Cell, evidence: Evidence, attempt: ReachFacts, others: Iterable[Cell]) -> None:
    """No limit on the target's refusals explains the silence.

    Raises:
        NotVerified: one may; or it is not known, for want of another point's attempt.
    """
    if attempt.frames_sent < DATAGRAMS:
        raise NotVerified(msg("un seul datagramme envoyé : une limite des refus ICMP de la cible n'est pas écartée"))
    index = matrix(evidence.topology)
    for other in others:
        facts = evidence.facts(index.ask(other, ATTEMPT), ReachFacts)
        refused = crossed(facts) and not facts.is_open
        if refused and attempt.window_start - LIMIT <= facts.ended <= attempt.ended:
            raise NotVerified(
                msg(
                    "{target} refuse au même moment un datagramme de {point} : une limite de ses refus ICMP peut expliquer"
                    " le silence",
                    target=cell.target,
                    point=other.point,
                )
            )


def _cell(subject: Subject) -> Cell:
    return replace(Cell.of(subject, "udp"), service=EMPTY)


def _others(topology: Topology, cell: Cell, parameters: UdpSentinels) -> list[Cell]:
    """What other points ask of the same device in the same IP version."""
    cells = _cells(topology, tuple(dict.fromkeys(parameters.ports)))[cell.target, cell.address.version]
    return [other for other in cells if other.point != cell.point]


@lru_cache(maxsize=4)
def _cells(topology: Topology, ports: tuple[int, ...]) -> Mapping[tuple[str, int], Sequence[Cell]]:
    """By device and IP version, from the first point of each VLAN."""
    speaking = {vlan.id: p for p in reversed(matrix(topology).points) if (vlan := topology.vlan_of(p)) is not None}
    found: dict[tuple[str, int], list[Cell]] = defaultdict(list)
    for point in reversed(speaking.values()):
        for version in VERSIONS:
            asked: set[str] = set()
            for vlan in topology.site.vlans:
                for cell in _towards(topology, point, vlan, version, ports, asked):
                    found[cell.target, version].append(cell)
    return found


def _towards(
    topology: Topology, point: MeasuringPoint, vlan: Vlan, version: int, ports: tuple[int, ...], asked: set[str]
) -> Iterator[Cell]:
    """One cell per port at the infrastructure of the VLAN, where there is none one cell; no device is asked twice."""
    hosts = [each for each in matrix(topology).hosts.get(vlan.id, ()) if each[1].version == version]
    strong = [each for each in hosts if each[0].role.is_infrastructure]
    weak = [each for each in hosts if not each[0].role.is_infrastructure]
    found = False
    for group, wanted in ((strong, ports), (weak, ports[:1])):
        for port in () if found else wanted:
            cell = next(_askable(topology, point, group, port, asked), None)
            if cell is not None:
                found = True
                asked.add(cell.target)
                yield cell


def _askable(
    topology: Topology, point: MeasuringPoint, hosts: Iterable[tuple[Device, AnyAddress]], port: int, asked: set[str]
) -> Iterator[Cell]:
    """The hosts that declare nothing on the port, that no flow leads to there, and that were not asked yet."""
    index = matrix(topology)
    for device, address in hosts:
        cell = Cell(point.id, device.id, address, "udp", port, EMPTY)
        declared = any(service.port == port for service in udp_services(device))
        if device.id in asked or declared or cell.untouchable or not index.apart(point, device, address):
            continue
        if not index.allowed(point, device, cell):
            yield cell
