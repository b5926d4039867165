"""Checks of switches by SNMP: LLDP topology, VLANs, 802.1Q."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field

from probes.api import Check, Evidence, NotVerified, conforme, non_conforme, sans_objet
from probes.switching.told import said_by, told, vlans_told
from probes.switching.words import listed
from r2s_audit.model.base import Model
from r2s_audit.model.finding import Judgement, Subject, Value
from r2s_audit.model.observation import Request
from r2s_audit.model.profile import Share
from r2s_audit.model.site import Device, DeviceRole, Intrusiveness, VlanId
from r2s_audit.model.text import Message, msg
from r2s_audit.model.topology import Topology

from .asking import no_gap, requests_for, subjects_for, the_request
from .configured import SNMP, by_command_line, switch_requests, switch_subjects
from .facts import BridgeFacts, LldpFacts
from .specs import BRIDGE, LLDP
from .topology_graph import Graph, Link, declared_links

_DYNAMIC = 3
"""dot1qVlanStatus dynamicGvrp(3): learnt from a neighbour, configured by nobody here."""
_OPERATIONAL = 1
"""vtpVlanState operational(1): a suspended VLAN carries nothing."""
_RANK = {Value.NON_CONFORME: 0, Value.PARTIEL: 1, Value.CONFORME: 2}


def _switches(topology: Topology) -> list[Device]:
    return [d for d in topology.site.devices if d.role is DeviceRole.SWITCH]


def _equipment(topology: Topology) -> list[Device]:
    return [d for d in topology.site.devices if d.role.is_network_equipment]


def _asked(topology: Topology, device: Device) -> tuple[Request, ...]:
    """The LLDP request of a device, where it has an access."""
    return requests_for(topology, device, LLDP) if device.admin.snmp else ()


def _named(links: Iterable[Link]) -> str:
    """Each link by its port and what is at its other end."""
    return listed(f"{link.port} – {link.device}" for link in links)


class LldpParameters(Model):
    """What it costs when the equipment that speaks LLDP does not form one graph."""

    disconnected: Literal["P", "N"]


class LldpComplete(Check[LldpParameters]):
    """Expected: the switch hears declared equipment, all that speaks LLDP hangs together, and declared links are there."""

    id = "snmp.lldp-complete"
    title = msg("Topologie LLDP complète")
    reference = "IEEE 802.1AB (LLDP-MIB) ; référentiel C3.2"
    intrusiveness = Intrusiveness.SAFE
    controls = msg("aucun : une table vide est une lecture authentifiée menée à bien, pas un silence")

    def subjects(self, topology: Topology, parameters: LldpParameters) -> Iterable[Subject]:  # noqa: ARG002 - contract
        """Declared switches."""
        return subjects_for(topology, _switches(topology))

    def requests(self, topology: Topology, subject: Subject, parameters: LldpParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The switch's own table first, then those of all other equipment: the graph is one for the whole building."""
        devices = sorted(_equipment(topology), key=lambda d: d.id != subject.target)
        return [r for d in devices for r in _asked(topology, d)]

    def judge(self, subject: Subject, evidence: Evidence, parameters: LldpParameters) -> Judgement:
        """N when a declared link is nowhere or the switch hears no declared equipment; else C or the stated cost."""
        topology = evidence.topology
        expected = msg(
            "{device} a au moins un équipement réseau déclaré pour voisin LLDP, et tous ceux qui parlent LLDP forment un seul graphe",
            device=subject.target,
        )
        links = [link for link in declared_links(topology.site.devices) if link.switch == subject.target]
        if links:
            expected = msg(
                "{device} a au moins un équipement réseau déclaré pour voisin LLDP, tous ceux qui parlent LLDP forment un seul graphe, et chaque liaison déclarée y est : {links}",
                device=subject.target,
                links=_named(links),
            )
        own = evidence.facts(the_request(topology, subject, LLDP, expected), LldpFacts)
        equipment = _equipment(topology)
        others = [d for d in equipment if d.id != subject.target]
        if not others:
            return sans_objet(expected, msg("aucun autre équipement réseau déclaré"))
        heard, unknown = self._others(evidence, others)
        graph = Graph(equipment, {subject.target: own, **heard})
        missing = [link for link in links if graph.found(link) is False]
        if missing:
            return non_conforme(
                expected,
                msg(
                    "liaison déclarée introuvable, d'un côté comme de l'autre : {links} ; entendus : {seen}",
                    links=_named(missing),
                    seen=listed(sorted(graph.seen_by(subject.target))),
                ),
            )
        seen = graph.seen_by(subject.target)
        if not seen:
            return self._alone(own, unknown, expected)
        component = graph.component(subject.target)
        apart = [d.id for d in others if d.id not in component]
        # What is apart may hang on any that could not be asked, those inside the graph too.
        pending = list(unknown) if apart else []
        if pending:
            raise NotVerified(
                msg(
                    "graphe LLDP incomplet : rien n'est connu de {devices} ({reason})",
                    devices=listed(pending),
                    reason=str(unknown[pending[0]]),
                ),
                expected=expected,
            )
        unclear = [link for link in links if graph.found(link) is None]
        if unclear:
            raise NotVerified(
                msg(
                    "liaison déclarée que rien ne montre, ni n'infirme : {links} (table des voisins non lue à l'autre bout)",
                    links=_named(unclear),
                ),
                expected=expected,
            )
        speaking = [d for d in apart if graph.speaks(d)]
        measured = msg(
            "voisins déclarés : {seen} ; graphe de {size} équipements sur {count} ; hors du graphe : {apart} ; sans LLDP : {silent}",
            seen=listed(sorted(seen)),
            size=len(component),
            count=len(equipment),
            apart=listed(speaking),
            silent=listed(d for d in apart if d not in speaking),
        )
        if not speaking:
            return conforme(expected, measured)
        return Judgement(value=Value(parameters.disconnected), expected=expected, measured=measured)

    @staticmethod
    def _others(evidence: Evidence, others: Iterable[Device]) -> tuple[dict[str, LldpFacts], dict[str, Message]]:
        """Facts of the other equipment; and, for what should have been readable and is not, why."""
        heard: dict[str, LldpFacts] = {}
        unknown: dict[str, Message] = {}
        for device in others:
            for asked in _asked(evidence.topology, device):
                try:
                    facts = evidence.facts(asked, LldpFacts)
                    no_gap(facts.gaps, ("lldpRemTable",), msg("table des voisins lue"))
                except NotVerified as missing:
                    unknown[device.id] = missing.reason
                else:
                    heard[device.id] = facts
        return heard, unknown

    @staticmethod
    def _alone(own: LldpFacts, unknown: dict[str, Message], expected: Message) -> Judgement:
        """The switch hears no declared equipment: N, unless what it hears may be one that could not be asked its name."""
        if not own.supported and not own.gaps:
            return non_conforme(expected, msg("l'agent n'offre aucun objet de LLDP-MIB (1.0.8802.1.1.2)"))
        no_gap(own.gaps, ("lldpRemTable", "lldpRemManAddrTable"), expected)
        names = listed((n.sys_name.text if n.sys_name else "") or n.chassis for n in own.neighbours)
        if own.neighbours and unknown:
            raise NotVerified(
                msg(
                    "voisins {names} non reconnus, et identité illisible de {devices}",
                    names=names,
                    devices=listed(unknown),
                ),
                expected=expected,
            )
        return non_conforme(
            expected,
            msg(
                "{count} voisins LLDP, aucun équipement réseau déclaré parmi eux : {names}",
                count=len(own.neighbours),
                names=names,
            ),
        )


class VlansParameters(Model):
    """Which VLANs a switch must have, and what missing and undeclared ones cost."""

    required_on: Literal["every_switch", "sockets"]
    """``every_switch``: all declared VLANs; ``sockets``: those of the sockets that lead to the switch."""
    partial_share: Share
    """Share of the required VLANs found from which missing ones are P rather than N; 1: any missing one is N."""
    extra: Literal["C", "P", "N"]
    """What configured but undeclared VLANs cost."""
    ignored_extra: tuple[VlanId, ...]
    """Undeclared VLANs that cost nothing (802.1Q: VLAN 1 cannot be removed)."""


class VlansDeclared(Check[VlansParameters]):
    """Expected: the switch's VLANs are the declared ones."""

    id = "snmp.vlans-declared"
    title = msg("VLAN configurés = VLAN déclarés")
    reference = "RFC 4363 (dot1qVlanStaticTable) ; référentiel S1.3"
    intrusiveness = Intrusiveness.SAFE
    controls = msg("aucun : seule une lecture authentifiée menée à bien est jugée")

    def subjects(self, topology: Topology, parameters: VlansParameters) -> Iterable[Subject]:
        """Declared switches of which the declaration wants at least one VLAN."""
        return switch_subjects(topology, [d for d in _switches(topology) if self._required(topology, d, parameters)])

    def requests(self, topology: Topology, subject: Subject, parameters: VlansParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The bridge observation and the command line, where there is an access to make them."""
        return switch_requests(topology, subject.target, named=False)

    def judge(self, subject: Subject, evidence: Evidence, parameters: VlansParameters) -> Judgement:
        """The worse of what missing and undeclared VLANs cost."""
        topology = evidence.topology
        required = self._required(topology, topology.devices[subject.target], parameters)
        expected = msg(
            "VLAN {required} configurés, aucun autre hors {ignored}",
            required=listed(sorted(required)),
            ignored=listed(parameters.ignored_extra),
        )
        configured, source = self._configured(evidence, subject, expected)
        missing = required - configured
        undeclared = configured - set(topology.vlans) - set(parameters.ignored_extra)
        found = Fraction(len(required) - len(missing), len(required))
        measured = msg(
            "{found} VLAN requis sur {count} configurés ; manquants : {missing} ; non déclarés : {undeclared} ; selon {source}",
            found=len(required) - len(missing),
            count=len(required),
            missing=listed(sorted(missing)),
            undeclared=listed(sorted(undeclared)),
            source=source,
        )
        costs = [Value.CONFORME]
        if missing:
            costs.append(Value.PARTIEL if found >= Fraction(parameters.partial_share) else Value.NON_CONFORME)
        if undeclared:
            costs.append(Value(parameters.extra))
        return Judgement(value=min(costs, key=_RANK.__getitem__), expected=expected, measured=measured)

    @staticmethod
    def _required(topology: Topology, device: Device, parameters: VlansParameters) -> set[int]:
        if parameters.required_on == "every_switch":
            return set(topology.vlans)
        return {s.vlan for s in topology.site.sockets if s.switch == device.id}

    @classmethod
    def _configured(cls, evidence: Evidence, subject: Subject, expected: Message) -> tuple[set[int], str]:
        """The VLANs, and who lists them: see :mod:`probes.snmp.configured`."""
        device = evidence.topology.devices[subject.target]
        if not by_command_line(device):
            bridge = evidence.facts(the_request(evidence.topology, subject, BRIDGE, expected), BridgeFacts)
            found = cls._by_agent(bridge, expected)
            if found is not None:
                return found, SNMP
            if device.admin.ssh is None:
                raise NotVerified(
                    msg("l'agent n'offre ni dot1qVlanStaticTable ni dot1qVlanCurrentTable (RFC 4363)"),
                    expected=expected,
                )
        facts = told(evidence, device, expected)
        return vlans_told(facts, device, expected), said_by(facts)

    @staticmethod
    def _by_agent(facts: BridgeFacts, expected: Message) -> set[int] | None:
        """Static VLANs, else the current ones that nobody else announced, else Cisco's that are in operation; else None."""
        no_gap(facts.gaps, ("dot1qVlanStaticTable", "ieee8021QBridgeVlanStaticTable"), expected)
        if facts.static_vlans:
            return {v.id for v in facts.static_vlans}
        no_gap(facts.gaps, ("dot1qVlanCurrentTable", "ieee8021QBridgeVlanCurrentTable"), expected)
        current = {v.id for v in facts.current_vlans if v.status != _DYNAMIC}
        if current:
            return current
        no_gap(facts.gaps, ("vtpVlanTable",), expected)
        if not facts.vtp_vlans:
            return None
        return {v.id for v in facts.vtp_vlans if v.state == _OPERATIONAL}


class Dot1qParameters(Model):
    """Which values of dot1qVlanVersionNumber are 802.1Q: RFC 4363 defines 1 only; some switches say 2."""

    accepted: Annotated[tuple[int, ...], Field(min_length=1)]


class Dot1qVersion(Check[Dot1qParameters]):
    """Expected: the switch says that it does 802.1Q."""

    id = "snmp.dot1q-version"
    title = msg("Prise en charge de 802.1Q")
    reference = "RFC 4363 (dot1qVlanVersionNumber) ; référentiel S1.3"
    intrusiveness = Intrusiveness.SAFE
    controls = msg("aucun : seule une lecture authentifiée menée à bien est jugée")

    def subjects(self, topology: Topology, parameters: Dot1qParameters) -> Iterable[Subject]:  # noqa: ARG002 - contract
        """Declared switches."""
        return subjects_for(topology, _switches(topology))

    def requests(self, topology: Topology, subject: Subject, parameters: Dot1qParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The bridge observation, where there is an access to make it."""
        device = topology.devices[subject.target]
        return requests_for(topology, device, BRIDGE) if device.admin.snmp else ()

    def judge(self, subject: Subject, evidence: Evidence, parameters: Dot1qParameters) -> Judgement:
        """C for an accepted value, N for another; an object that is absent says nothing."""
        expected = msg("dot1qVlanVersionNumber vaut {accepted}", accepted=" ou ".join(map(str, parameters.accepted)))
        facts = evidence.facts(the_request(evidence.topology, subject, BRIDGE, expected), BridgeFacts)
        if facts.version is None:
            raise NotVerified(msg("l'agent n'offre pas dot1qVlanVersionNumber (RFC 4363)"), expected=expected)
        measured = msg("dot1qVlanVersionNumber vaut {version}", version=facts.version)
        return (conforme if facts.version in parameters.accepted else non_conforme)(expected, measured)
