"""``services.answers``: a building's equipment answers its open protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from probes.api import Check, NotVerified, conforme
from probes.services.declared import Asking, own_devices, services, supervision_zones
from probes.services.evidence import facts_of, graded, itself_refused, observed
from probes.services.facts import (
    Answer,
    BacnetAnswer,
    KnxAnswer,
    ModbusAnswer,
    MqttAnswer,
    TextAnswer,
)
from r2s_audit.model.finding import Subject
from r2s_audit.model.observation import Failure
from r2s_audit.model.site import DeviceRole, Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from probes.services.declared import Asked
    from r2s_audit.model.finding import Judgement
    from r2s_audit.model.observation import Observation, Request
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology


class AnswersParameters(Asking):
    """Whose answer counts, from where, and what less than an answer is worth."""

    roles: Annotated[list[DeviceRole], Field(min_length=1)]
    from_supervision: bool
    """Only what is heard in a zone that has a supervisor counts."""
    foreign: Literal["P", "N"]
    """Something answers, and not the declared protocol."""
    refused: Literal["P", "N"]
    """The equipment answers, and refuses the service."""


class Answers(Check[AnswersParameters]):
    """C: one declared service of an open protocol answers in that protocol.

    Less than that is judged only where something came back: another protocol, or a refusal by the device itself, in its
    own VLAN. Silence, and a refusal that a router may have sent, are unknown.
    """

    id = "services.answers"
    title = msg("Équipements qui répondent sur un protocole ouvert")
    reference = (
        "exigences C1.3 et C2.3 ; requête de lecture propre à chaque protocole (BACnet, KNXnet/IP, Modbus, MQTT…)"
    )
    intrusiveness = Intrusiveness.SAFE
    controls = msg("aucun : seule une réponse est jugée, un silence laisse le point non vérifié")

    def subjects(self, topology: Topology, parameters: AnswersParameters) -> Iterable[Subject]:
        """Every declared device of the roles."""
        return [Subject(target=d.id) for d in own_devices(topology, parameters.outside) if d.role in parameters.roles]

    def requests(self, topology: Topology, subject: Subject, parameters: AnswersParameters) -> Sequence[Request]:
        """One for each service of the protocols that may be asked from where it counts."""
        made = (asked.request(parameters.bacnet_instances) for asked in _counted(topology, subject, parameters))
        return [request for request in made if request is not None]

    def judge(self, subject: Subject, evidence: Evidence, parameters: AnswersParameters) -> Judgement:
        """See the class."""
        expected = msg("un service de l'équipement répond dans son protocole")
        counted = _counted(evidence.topology, subject, parameters)
        if not counted:
            raise NotVerified(_nobody(evidence.topology, subject, parameters), expected=expected)
        lesser: list[tuple[Literal["P", "N"], Message]] = []
        unknown: Message | None = None
        for asked in counted:
            try:
                observation = observed(evidence, asked, asked.request(parameters.bacnet_instances))
                facts = facts_of(observation) if observation.facts is not None else None
                if facts is not None and facts.answer is not None:
                    return conforme(expected, _told(asked, facts.answer))
                lesser.append(_lesser(evidence.topology, asked, observation, parameters))
            except NotVerified as error:
                unknown = unknown or error.reason
        # A service of which nothing is known may answer: what the others lack is no verdict on the equipment.
        if unknown is not None:
            raise NotVerified(unknown, expected=expected)
        value, measured = next((found for found in lesser if found[0] == "P"), lesser[0])
        return graded(value, expected, measured)


def _counted(topology: Topology, subject: Subject, parameters: AnswersParameters) -> list[Asked]:
    """The declared services of the protocols, less those that the declaration keeps from where it counts."""
    zones = supervision_zones(topology)
    return [
        asked
        for asked in services(topology, topology.devices[subject.target])
        if asked.protocol in parameters.protocols
        and (
            not parameters.from_supervision
            or (asked.point and topology.zone_of(topology.points[asked.point]).id in zones)
        )
    ]


def _nobody(topology: Topology, subject: Subject, parameters: AnswersParameters) -> Message:
    """Why no service counts."""
    if any(a.protocol in parameters.protocols for a in services(topology, topology.devices[subject.target])):
        return msg(
            "aucun point de mesure de la zone du superviseur n'a le droit d'atteindre {device}", device=subject.target
        )
    return msg("aucun service déclaré pour {device} parmi les protocoles connus", device=subject.target)


def _lesser(
    topology: Topology, asked: Asked, observation: Observation, parameters: AnswersParameters
) -> tuple[Literal["P", "N"], Message]:
    """What something else than an answer is worth.

    Raises:
        NotVerified: it is silence, or a refusal that may be a router's.
    """
    if observation.facts is not None or observation.failure is Failure.NOT_SUPPORTED:
        return parameters.foreign, _foreign(asked)
    if itself_refused(topology, asked, observation):
        return parameters.refused, msg("l'équipement refuse la connexion au port {port}", port=asked.port)
    raise NotVerified(observation.reason or msg("observation sans résultat"))


def _foreign(asked: Asked) -> Message:
    if asked.tls:
        return msg("le port {port} répond, mais pas en {protocol} sur TLS", port=asked.port, protocol=asked.protocol)
    return msg("le port {port} répond, mais pas en {protocol}", port=asked.port, protocol=asked.protocol)


def _told(asked: Asked, answer: Answer) -> Message:
    """One sentence on what was answered."""
    match answer:
        case BacnetAnswer():
            return msg(
                "BACnet, port {port} : équipement {instance}, fabricant {vendor}",
                port=asked.port,
                instance=answer.instance,
                vendor=answer.vendor,
            )
        case KnxAnswer():
            return msg(
                "KNXnet/IP, port {port} : « {name} », adresse individuelle {address}",
                port=asked.port,
                name=answer.name,
                address=answer.individual_address,
            )
        case ModbusAnswer(exception=None):
            return msg(
                "Modbus, port {port} : {vendor} {product} {revision}",
                port=asked.port,
                vendor=answer.vendor,
                product=answer.product,
                revision=answer.revision,
            )
        case ModbusAnswer():
            return msg(
                "Modbus, port {port} : répond par l'exception {code}", port=asked.port, code=answer.exception or 0
            )
        case MqttAnswer():
            return msg("MQTT, port {port} : CONNACK de code {code}", port=asked.port, code=answer.code)
        case TextAnswer():
            return msg(
                "{protocol}, port {port} : statut {status}",
                protocol=answer.kind.upper(),
                port=asked.port,
                status=answer.status,
            )
