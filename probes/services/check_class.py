"""``services.class``: each service is secure, in clear but confined to its zone, or in clear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from probes.api import Check, NotVerified, conforme, non_conforme
from probes.services.declared import Asking, Ports, of_subject, own_devices, services, twins
from probes.services.evidence import closed_twin, facts_of, graded, observed
from probes.services.facts import KnxAnswer, ServiceFacts, TextAnswer
from r2s_audit.model.finding import Subject
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from probes.services.declared import Asked
    from r2s_audit.model.finding import Judgement
    from r2s_audit.model.observation import Request
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology


REDIRECTIONS = (300, 399)
"""Status codes of RFC 9110, 15.4."""


class ClassParameters(Asking):
    """Which services, and what each class of clear service is worth."""

    clear_ports: Ports
    """Customary ports in clear that a device should have closed beside its declared service of the protocol."""
    confined: Literal["C", "P", "N"]
    """In clear, and no flow from another zone is declared to it."""
    exposed: Literal["P", "N"]
    """In clear, and another zone is allowed to reach it."""
    undeclared: Literal["P", "N"]
    """In clear on a customary port that the site file does not declare."""
    redirecting: Literal["C", "P", "N"]
    """In clear on such a port, and nothing there but a redirection to HTTPS (its address is not looked at further)."""


class Classified(Check[ClassParameters]):
    """What a service speaks is observed; who may reach it is read from the declared flows.

    That the network holds what is declared is not said here: the zone matrix measures it for every TCP service.
    """

    id = "services.class"
    title = msg("Services chiffrés, ou en clair mais confinés à leur zone")
    reference = "ANSSI-PA-108 v2.0, R153, R154 ; exigence S1.4"
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "un port usuel en clair n'est dit fermé que si l'équipement lui-même le refuse à un point de son VLAN ; un silence"
        " laisse le service non vérifié"
    )

    def subjects(self, topology: Topology, parameters: ClassParameters) -> Iterable[Subject]:
        """Every declared service of the protocols, and the customary port in clear beside it."""
        return [
            Subject(target=device.id, point=asked.point, detail=asked.detail)
            for device in own_devices(topology, parameters.outside)
            for asked in (*services(topology, device), *twins(topology, device, parameters.clear_ports))
            if asked.protocol in parameters.protocols
        ]

    def requests(self, topology: Topology, subject: Subject, parameters: ClassParameters) -> Sequence[Request]:
        """The service's own; none where nobody may ask."""
        asked = of_subject(topology, subject, parameters.clear_ports)
        request = asked.request(parameters.bacnet_instances)
        return [request] if request else []

    def judge(self, subject: Subject, evidence: Evidence, parameters: ClassParameters) -> Judgement:
        """See the class."""
        topology = evidence.topology
        asked = of_subject(topology, subject, parameters.clear_ports)
        expected = msg("service chiffré")
        if asked.twin:
            expected = msg("port usuel en clair fermé")
        elif parameters.confined == "C":
            expected = msg("service chiffré, ou en clair et confiné à sa zone")
        try:
            observation = observed(evidence, asked, asked.request(parameters.bacnet_instances))
            closed = closed_twin(topology, asked, observation)
            if closed is not None:
                return conforme(expected, closed)
            facts = facts_of(observation)
        except NotVerified as error:
            raise NotVerified(error.reason, expected=expected) from error
        return _classed(topology, asked, facts, parameters, expected)


def _classed(
    topology: Topology, asked: Asked, facts: ServiceFacts, parameters: ClassParameters, expected: Message
) -> Judgement:
    """The class of a service that answered, and what the profile says that it is worth."""
    if facts.layer == "tls":
        return conforme(expected, msg("chiffré ({version})", version=facts.tls_version))
    if facts.layer == "not_tls":
        return non_conforme(expected, msg("déclaré en TLS, répond en clair"))
    if isinstance(facts.answer, KnxAnswer) and facts.answer.secured:
        return conforme(expected, msg("KNX IP Secure annoncé"))
    if asked.twin:
        return _undeclared(asked, facts, parameters, expected)
    crossing = sources(topology, asked)
    if crossing:
        measured = msg("en clair, et ouvert à d'autres zones : {zones}", zones=", ".join(crossing))
        return graded(parameters.exposed, expected, measured)
    return graded(parameters.confined, expected, msg("en clair, confiné à la zone {zone}", zone=asked.device.zone))


def _undeclared(asked: Asked, facts: ServiceFacts, parameters: ClassParameters, expected: Message) -> Judgement:
    """A customary port in clear that is open."""
    if _redirects(facts):
        measured = msg("le port {port} ne fait que renvoyer vers HTTPS", port=asked.port)
        return graded(parameters.redirecting, expected, measured)
    measured = msg("répond en clair sur le port {port}, non déclaré", port=asked.port)
    return graded(parameters.undeclared, expected, measured)


def _redirects(facts: ServiceFacts) -> bool:
    """Whether the answer holds nothing but the way to HTTPS (RFC 9110, 15.4)."""
    answer = facts.answer
    return (
        isinstance(answer, TextAnswer)
        and REDIRECTIONS[0] <= answer.status <= REDIRECTIONS[1]
        and (answer.location.lower().startswith("https://"))
    )


def sources(topology: Topology, asked: Asked) -> list[str]:
    """Other zones from which a declared flow leads to the service, in file order."""
    device = asked.device
    return [
        zone.id
        for zone in topology.site.zones
        if zone.id != device.zone and topology.declared_flow(zone.id, device, asked.transport, asked.port)
    ]
