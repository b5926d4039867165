"""From an observation of a service to what a check may say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.api import NotVerified, conforme, non_conforme, partiel
from probes.services.facts import ServiceFacts
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from typing import Literal

    from probes.api import Evidence
    from probes.services.declared import Asked
    from r2s_audit.model.finding import Judgement
    from r2s_audit.model.observation import Observation, Request
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology


def why_not_asked(asked: Asked) -> Message:
    """Why a service has no request."""
    if asked.address is None:
        return msg("aucune adresse déclarée pour {device}", device=asked.device.id)
    if asked.spared:
        return msg(
            "{device} n'est soumis qu'à une poignée de main TLS, réservée au contrôle de son chiffrement : déclarer"
            " « tls: full » s'il en supporte davantage",
            device=asked.device.id,
        )
    if asked.twin:
        return msg(
            "aucun point de mesure dans le VLAN de {device} : un refus du port {port} pourrait venir d'un filtre",
            device=asked.device.id,
            port=asked.port,
        )
    return msg(
        "aucun point de mesure déclaré n'a le droit d'atteindre {device} port {port}",
        device=asked.device.id,
        port=asked.port,
    )


def observed(evidence: Evidence, asked: Asked, request: Request | None) -> Observation:
    """The observation of a service, completed or failed.

    Raises:
        NotVerified: nobody made it.
    """
    if request is None:
        raise NotVerified(why_not_asked(asked))
    return evidence.observation(request)


def facts_of(observation: Observation) -> ServiceFacts:
    """The facts of a completed observation.

    Raises:
        NotVerified: it failed: silence, a refusal or another protocol say nothing about what was asked.
    """
    if observation.facts is None:
        raise NotVerified(observation.reason or msg("observation sans résultat"))
    return ServiceFacts.model_validate(observation.facts)


def itself_refused(topology: Topology, asked: Asked, observation: Observation) -> bool:
    """Whether the device's own kernel refused: no router stands between it and a point of its VLAN."""
    if observation.failure is not Failure.REFUSED or asked.address is None:
        return False
    return topology.same_vlan(topology.points[asked.point], asked.address)


def closed_twin(topology: Topology, asked: Asked, observation: Observation) -> Message | None:
    """The sentence for a customary port that is closed on the device itself; None for anything else."""
    if asked.twin and itself_refused(topology, asked, observation):
        return msg("port {port} fermé : l'équipement lui-même refuse la connexion", port=asked.port)
    return None


def graded(value: Literal["C", "P", "N"], expected: Message, measured: Message) -> Judgement:
    """The judgement that the profile gives to a case."""
    return {"C": conforme, "P": partiel, "N": non_conforme}[value](expected, measured)
