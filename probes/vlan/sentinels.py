"""Ports that nobody declares: whether what the filter was never told about is closed too.

Declared services are where a filter was thought about. A filter that closes those alone looks like one that closes by
default, until something else is asked for. So a few ports that the building does not declare are asked of the hosts of
every other VLAN: no service has to answer there, for a closed port shows by its RST that the packet came through
(RFC 9293 §3.5.2), and the same RST, heard by a point that may, is the control of a silence.
"""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from probes.api import Check
from probes.vlan.isolation import Directed, isolation_requests, judge_isolation
from probes.vlan.matrix import SENTINELS, Cell, matrix, tcp_ports
from r2s_audit.model.base import Port
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from probes.api import Evidence
    from r2s_audit.model.finding import Judgement, Subject
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import AnyAddress, Device, MeasuringPoint, Vlan
    from r2s_audit.model.topology import Topology

VERSIONS = (4, 6)


class Sentinels(Directed):
    """Which ports are asked where nobody declares them."""

    ports: Annotated[list[Port], Field(min_length=1, max_length=SENTINELS)]
    """TCP ports; those of UDP are :mod:`probes.vlan.udp_sentinels`."""


class SentinelsIsolated(Check[Sentinels]):
    """One subject per VLAN with a point, other VLAN, IP version and port, at a host there that does not declare the port.

    The hosts of a VLAN take turns, so that few ports are asked of each; its first point speaks for a VLAN, and all of
    these ask the same host for the same port, so that they share its controls. *Closed* and *filtered* are told apart: a RST
    of the target's own, which crossed a router, is an open path to a closed port, and what is not filtered by default.
    """

    id = "vlan.sentinels-isolated"
    title = msg("Ports non déclarés hors d'atteinte des autres zones")
    reference = "ANSSI-PA-108 R101-R102; IEC 62443-3-3 SR 5.2 RE 1 (deny by default); RFC 9293 §3.5.2"
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "émetteur : la passerelle du point répond au début et à la fin de la fenêtre, lien jamais perdu ; cible : le"
        " même port, ouvert ou fermé (RST), répond avant et après à un point qui y a droit ; capture sans aucune perte"
    )

    def subjects(self, topology: Topology, parameters: Sentinels) -> Iterable[Subject]:
        cells = _cells(topology, tuple(dict.fromkeys(parameters.ports)))
        return (cell.subject() for cell in cells if parameters.concerns(topology, cell))

    def requests(self, topology: Topology, subject: Subject, parameters: Sentinels) -> Sequence[Request]:
        return isolation_requests(topology, Cell.of(subject, "tcp"))

    def judge(self, subject: Subject, evidence: Evidence, parameters: Sentinels) -> Judgement:
        return judge_isolation(Cell.of(subject, "tcp"), evidence, parameters.control_window_s)


@lru_cache(maxsize=4)
def _cells(topology: Topology, ports: tuple[int, ...]) -> tuple[Cell, ...]:
    speaking = {vlan.id: p for p in reversed(matrix(topology).points) if (vlan := topology.vlan_of(p)) is not None}
    return tuple(
        cell
        for point in reversed(speaking.values())
        for vlan in topology.site.vlans
        for version in VERSIONS
        for cell in _towards(topology, point, vlan, version, ports)
    )


def _towards(
    topology: Topology, point: MeasuringPoint, vlan: Vlan, version: int, ports: tuple[int, ...]
) -> Iterator[Cell]:
    """One cell per port, each at the next host of the VLAN that does not declare it and that no flow leads to.

    What stands the infrastructure's rate comes first: a filter is asked here, and controllers are spared where they can be.
    """
    index = matrix(topology)
    hosts = [each for each in index.hosts.get(vlan.id, ()) if each[1].version == version]
    strong = [each for each in hosts if each[0].role.is_infrastructure]
    weak = [each for each in hosts if not each[0].role.is_infrastructure]
    for turn, port in enumerate(ports):
        for device, address in (*_turned(strong, turn), *_turned(weak, turn)):
            cell = Cell(point.id, device.id, address, "tcp", port)
            if port in tcp_ports(device) or cell.untouchable or not index.apart(point, device, address):
                continue
            if not index.allowed(point, device, cell):
                yield cell
                break


def _turned(hosts: list[tuple[Device, AnyAddress]], turn: int) -> list[tuple[Device, AnyAddress]]:
    """The hosts, beginning with another one at each turn."""
    start = turn % len(hosts) if hosts else 0
    return hosts[start:] + hosts[:start]
