"""What a filter that looks right over TCP may still let through: UDP, and whatever comes from a well-known port.

Both are judged by the table of :mod:`probes.vlan.truth`, with one difference of UDP: a closed port may be as silent as
a filter, so the target's control is an *answer* to the same request from a point that may ask, before and after.
"""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from probes.api import Check, NotVerified
from probes.vlan.facts import ReachState
from probes.vlan.isolation import CONTROLS, Directed, isolation_requests, judge_isolation
from probes.vlan.matrix import ATTEMPT, Cell, matrix
from probes.vlan.truth import attempt_facts, crossed
from r2s_audit.model.base import Port
from r2s_audit.model.finding import Value
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from probes.vlan.matrix import Protocol
    from r2s_audit.model.finding import Judgement, Subject
    from r2s_audit.model.observation import Request
    from r2s_audit.model.topology import Topology


class UdpIsolated(Check[Directed]):
    """No declared UDP service reached from a zone that no flow allows, by one request that it would answer.

    A service that answers nobody by design (syslog) stays in the population, not verified.
    """

    id = "vlan.udp-isolated"
    title = msg("Services UDP hors d'atteinte des zones non autorisées")
    reference = "ANSSI-PA-108 R101-R102; IEC 62443-3-3 SR 5.1-5.2; PCI DSS 4.0.1 11.4.5; RFC 768"
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "émetteur : la passerelle du point répond au début et à la fin de la fenêtre, lien jamais perdu ; cible : la"
        " même question au même port obtient une réponse, avant et après, à un point qui y a droit ; capture sans"
        " aucune perte"
    )

    def subjects(self, topology: Topology, parameters: Directed) -> Iterable[Subject]:
        return (cell.subject() for cell in matrix(topology).deny_udp if parameters.concerns(topology, cell))

    def requests(self, topology: Topology, subject: Subject, parameters: Directed) -> Sequence[Request]:
        cell = Cell.of(subject, "udp")
        return [] if cell.mute else isolation_requests(topology, cell)

    def judge(self, subject: Subject, evidence: Evidence, parameters: Directed) -> Judgement:
        cell = Cell.of(subject, "udp")
        if cell.mute:
            raise NotVerified(
                msg(
                    "{service} (UDP {port}) ne répond à personne : son silence ne prouve rien",
                    service=cell.service,
                    port=cell.port or 0,
                )
            )
        return judge_isolation(cell, evidence, parameters.control_window_s)


class FromPort(Directed):
    """Parameters of the return hole."""

    source_port: Port
    """The port that answers of a service outside come from, which a stateless filter lets in whoever sends."""


class NoReturnHole(Check[FromPort]):
    """A deny cell holds also where the attempt comes from the port of a service outside (53: DNS).

    A filter without state lets answers in by their source port, and with them whoever chooses that port. Per address,
    one TCP service and one UDP service are tried; controls are those of the ordinary cells. What is open to every
    source port is no such hole, and a matter of the ordinary cells: here it is not verified.
    """

    id = "vlan.no-return-hole"
    title = msg("Aucun passage pour qui choisit son port source")
    reference = "NIST SP 800-41 rev. 1, 2.1.1-2.1.2; ANSSI-PA-108 R101-R102; IEC 62443-3-3 SR 5.2"
    intrusiveness = Intrusiveness.SAFE
    controls = CONTROLS

    def subjects(self, topology: Topology, parameters: FromPort) -> Iterable[Subject]:
        cells = matrix(topology).deny_from(parameters.source_port)
        return (cell.subject() for cell in cells if parameters.concerns(topology, cell))

    def requests(self, topology: Topology, subject: Subject, parameters: FromPort) -> Sequence[Request]:
        cell = _cell(subject)
        return [*isolation_requests(topology, cell), matrix(topology).ask(_plain(cell), ATTEMPT)]

    def judge(self, subject: Subject, evidence: Evidence, parameters: FromPort) -> Judgement:
        cell = _cell(subject)
        judgement = judge_isolation(cell, evidence, parameters.control_window_s)
        if judgement.value is not Value.NON_CONFORME:
            return judgement
        plain = attempt_facts(evidence, _plain(cell))
        if crossed(plain) or plain.state is ReachState.RST:
            raise NotVerified(
                msg("{address} port {port} s'ouvre à tout port source", address=str(cell.address), port=cell.port or 0)
            )
        return judgement


def _plain(cell: Cell) -> Cell:
    """The same attempt from any port."""
    return replace(cell, source_port=0)


def _cell(subject: Subject) -> Cell:
    return Cell.of(subject, cast("Protocol", subject.get("over")))
