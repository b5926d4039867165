"""What must not be open: a broker to strangers, a camera's stream to whoever listens."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from probes.api import Check, NotVerified, conforme
from probes.services.declared import Ports, ProtocolName, of_subject, services, twins
from probes.services.evidence import closed_twin, facts_of, graded, observed
from probes.services.facts import MqttAnswer, ServiceFacts
from r2s_audit.model.base import Model, Port
from r2s_audit.model.finding import Subject
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from r2s_audit.model.finding import Judgement
    from r2s_audit.model.observation import Request
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology


class _Clear(Model):
    clear_port: Port | None
    """The protocol's customary port in clear, asked where the device declares another; None: not asked."""


class MqttParameters(_Clear):
    """What it is worth that a broker lets anybody in."""

    in_clear: Literal["P", "N"]
    over_tls: Literal["P", "N"]


class RtspParameters(_Clear):
    """What it is worth that a stream is offered in clear."""

    in_clear: Literal["P", "N"]


class _OneProtocol:
    """Mixin: the declared services of one protocol and their customary port in clear, each with its one request.

    Not itself a :class:`probes.api.Check`, which refuses a class without metadata.
    """

    protocol: ClassVar[ProtocolName]
    intrusiveness: ClassVar[Intrusiveness] = Intrusiveness.SAFE
    controls: ClassVar[Message] = msg(
        "un port usuel en clair n'est dit fermé que si l'équipement lui-même le refuse à un point de son VLAN ; un silence"
        " laisse le service non vérifié"
    )

    def _ports(self, parameters: _Clear) -> Ports:
        return {} if parameters.clear_port is None else {self.protocol: parameters.clear_port}

    def subjects(self, topology: Topology, parameters: _Clear) -> Iterable[Subject]:
        """One per port."""
        return [
            Subject(target=device.id, point=asked.point, detail=asked.detail)
            for device in topology.site.devices
            for asked in (*services(topology, device), *twins(topology, device, self._ports(parameters)))
            if asked.protocol == self.protocol
        ]

    def requests(self, topology: Topology, subject: Subject, parameters: _Clear) -> Sequence[Request]:
        """The service's own; none where nobody may ask."""
        request = of_subject(topology, subject, self._ports(parameters)).request()
        return [request] if request else []

    def _seen(
        self, subject: Subject, evidence: Evidence, parameters: _Clear, expected: Message
    ) -> ServiceFacts | Message:
        """What was answered, or the sentence for a customary port that is closed.

        Raises:
            NotVerified: neither.
        """
        asked = of_subject(evidence.topology, subject, self._ports(parameters))
        try:
            observation = observed(evidence, asked, asked.request())
            return closed_twin(evidence.topology, asked, observation) or facts_of(observation)
        except NotVerified as error:
            raise NotVerified(error.reason, expected=expected) from error


class MqttAnonymous(_OneProtocol, Check[MqttParameters]):
    """C: a broker that refuses who gives no credentials, or whose customary port in clear is closed."""

    id = "services.mqtt-anonymous"
    title = msg("Courtier MQTT fermé aux anonymes")
    reference = "MQTT 3.1.1, 3.1.2.8, 3.2.2.3 ; ANSSI hygiène 12 ; exigence S1.4"
    protocol = "mqtt"

    def judge(self, subject: Subject, evidence: Evidence, parameters: MqttParameters) -> Judgement:
        """See the class."""
        expected = msg("connexion sans identifiant refusée")
        seen = self._seen(subject, evidence, parameters, expected)
        if not isinstance(seen, ServiceFacts):
            return conforme(expected, seen)
        if not isinstance(seen.answer, MqttAnswer):
            raise NotVerified(msg("déclaré en TLS, répond en clair : connexion anonyme non tentée"), expected=expected)
        if not seen.answer.accepted:
            return conforme(expected, msg("connexion sans identifiant refusée (code {code})", code=seen.answer.code))
        if seen.layer == "tls":
            return graded(parameters.over_tls, expected, msg("connexion sans identifiant acceptée, sur TLS"))
        return graded(parameters.in_clear, expected, msg("connexion sans identifiant acceptée, en clair"))


class RtspClear(_OneProtocol, Check[RtspParameters]):
    """C: a stream that is offered over TLS, or whose customary port in clear is closed."""

    id = "services.rtsp-clear"
    title = msg("Flux vidéo chiffrés")
    reference = "ANSSI contrôle d'accès et vidéoprotection v2.2, R50 ; RFC 7826, 19.2 ; exigence S1.4"
    protocol = "rtsp"

    def judge(self, subject: Subject, evidence: Evidence, parameters: RtspParameters) -> Judgement:
        """See the class."""
        expected = msg("RTSP sur TLS, et rien en clair")
        seen = self._seen(subject, evidence, parameters, expected)
        if not isinstance(seen, ServiceFacts):
            return conforme(expected, seen)
        if seen.layer == "tls":
            return conforme(expected, msg("RTSP sur TLS ({version})", version=seen.tls_version))
        if seen.layer == "not_tls":
            return graded("N", expected, msg("déclaré en TLS, répond en clair"))
        return graded(parameters.in_clear, expected, msg("répond en RTSP, en clair"))
