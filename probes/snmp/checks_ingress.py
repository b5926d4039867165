"""Check of switch ports by SNMP: whether a frame that is tagged with another VLAN gets in at a socket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from probes.api import Check, Evidence, NoParameters, NotVerified, conforme, non_conforme
from probes.switching.ports import Place, Port, places, switches, without_tag
from probes.switching.words import listed
from r2s_audit.model.finding import Judgement, Subject
from r2s_audit.model.observation import Request
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology

from .asking import requests_for, the_request
from .configured import by_agent, by_command_line, switch_subjects
from .facts import BridgeFacts, BridgePort
from .specs import BRIDGE, SYSTEM


@dataclass(frozen=True, slots=True)
class _Way:
    """What a port does with a frame that bears another VLAN's tag: ``let_in`` None where its agent does not tell."""

    place: Place
    let_in: bool | None
    words: str = ""


class IngressFiltered(Check[NoParameters]):
    """Expected: no declared socket's or device's port lets a frame in that is tagged with another VLAN.

    Two settings of IEEE 802.1Q keep it out, and either will do: the port admits no tagged frame at all, or it drops
    those of the VLANs that it is no member of, and is a member of its own alone.
    """

    id = "snmp.ingress-filtered"
    title = msg("Trames étiquetées d'un autre VLAN refusées à l'entrée des prises")
    reference = (
        "RFC 4363 (dot1qPortAcceptableFrameTypes, dot1qPortIngressFiltering) ; IEEE 802.1Q-2022, 6.9, 8.6.2 ;"
        " référentiel S1.3"
    )
    intrusiveness = Intrusiveness.SAFE
    controls = msg("aucun : seule une lecture authentifiée menée à bien est jugée")

    def subjects(self, topology: Topology, parameters: NoParameters) -> Iterable[Subject]:  # noqa: ARG002 - contract
        """Declared switches that sockets or devices are declared to be plugged into."""
        return switch_subjects(topology, [d for d in switches(topology) if places(topology, d.id)])

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The bridge observation, and that of the interfaces for their names: a command line does not say it."""
        device = topology.devices[subject.target]
        if device.admin.snmp is None:
            return ()
        return (*requests_for(topology, device, BRIDGE), *requests_for(topology, device, SYSTEM))

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:  # noqa: ARG002 - contract
        """N for a port that lets such a frame in; not verified where one does not say, and no other is wrong."""
        topology = evidence.topology
        declared = places(topology, subject.target)
        expected = msg(
            "{count} prises et équipements, dont aucun port ne laisse entrer une trame étiquetée d'un autre VLAN",
            count=len(declared),
        )
        if by_command_line(topology.devices[subject.target]):
            raise NotVerified(
                msg(
                    "la ligne de commande de {device} ne dit pas ce que ses ports font d'une trame étiquetée :"
                    " déclarer aussi admin.snmp",
                    device=subject.target,
                ),
                expected=expected,
            )
        bridge = evidence.facts(the_request(topology, subject, BRIDGE, expected), BridgeFacts)
        found = by_agent(evidence, subject, bridge, expected)
        settings = {port.port: port for port in bridge.ports}
        ways = [_way(place, found.numbers, settings, found.ports) for place in declared]
        wrong = [f"{way.place.owner} ({way.place.port}) : {way.words}" for way in ways if way.let_in]
        if wrong:
            return non_conforme(expected, msg("étiquettes étrangères admises : {ports}", ports=" ; ".join(wrong)))
        found.all_named()
        untold = [way.place.port for way in ways if way.let_in is None]
        if untold:
            raise NotVerified(
                msg(
                    "l'agent de {device} ne dit pas ce que ses ports {ports} font d'une trame étiquetée"
                    " (dot1qPortAcceptableFrameTypes, dot1qPortIngressFiltering)",
                    device=subject.target,
                    ports=listed(untold),
                ),
                expected=expected,
            )
        return conforme(
            expected,
            msg(
                "{count} ports qui écartent les étiquettes étrangères : {ports}",
                count=len(ways),
                ports=listed(way.place.port for way in ways),
            ),
        )


def _way(
    place: Place, numbers: Mapping[str, int], settings: Mapping[int, BridgePort], found: Mapping[int, Port]
) -> _Way:
    number = numbers.get(place.port)
    setting = None if number is None else settings.get(number)
    if number is None or setting is None:
        return _Way(place, None)
    if setting.admits == "untagged":
        return _Way(place, let_in=False)
    # Where the agent does not say whether tagged frames are admitted, a missing filter may be one that is not needed.
    admitted = True if setting.admits else None
    if setting.ingress_filtering is None:
        return _Way(place, None)
    if not setting.ingress_filtering:
        return _Way(place, admitted, "dot1qPortIngressFiltering false")
    port = found.get(number, Port(frozenset(), frozenset()))
    foreign = (port.tagged | without_tag(port)) - {place.vlan}
    return _Way(place, admitted if foreign else False, f"VLAN {listed(sorted(foreign))}")
