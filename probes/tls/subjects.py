"""What all TLS checks are applied to: every declared TLS service at every declared address of its device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from pydantic import BaseModel

from probes.api import NotVerified
from probes.tls.facts import TlsEndpoint
from r2s_audit.model.finding import Subject
from r2s_audit.model.observation import request as make_request
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from r2s_audit.model.finding import Judgement
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import AnyAddress, Device, Service
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology

COLLECTOR = "tls.endpoint"
NO_ADDRESS: tuple[None] = (None,)
P = TypeVar("P", bound=BaseModel)


class EndpointCheck(ABC, Generic[P]):
    """Mixin of a check of one TLS endpoint: population, the one observation that all of them share, what to say without it.

    Not itself a :class:`probes.api.Check`, which refuses a class without metadata.
    """

    intrusiveness: ClassVar[Intrusiveness] = Intrusiveness.SAFE

    def subjects(self, topology: Topology, parameters: P) -> Iterable[Subject]:  # noqa: ARG002 - the contract's form
        """One per service and address; a device without an address keeps its place in the population."""
        return _endpoints(topology)

    def requests(self, topology: Topology, subject: Subject, parameters: P) -> Sequence[Request]:  # noqa: ARG002 - see above
        """The endpoint's observation; none where nobody could make it."""
        return [_request(subject)] if subject.point and subject.get("address") else []

    def judge(self, subject: Subject, evidence: Evidence, parameters: P) -> Judgement:
        """Say why nothing can be observed, or judge what was."""
        expected = self.expected(parameters)
        if not subject.get("address"):
            raise NotVerified(msg("aucune adresse déclarée pour {device}", device=subject.target), expected=expected)
        if not subject.point:
            raise NotVerified(
                msg(
                    "aucun point de mesure déclaré n'a le droit d'atteindre {device} port {port}",
                    device=subject.target,
                    port=subject.get("port"),
                ),
                expected=expected,
            )
        try:
            facts = evidence.facts(_request(subject), TlsEndpoint)
        except NotVerified as missing:
            raise NotVerified(missing.reason, expected=expected) from missing
        return self.judge_endpoint(facts, parameters, subject)

    @abstractmethod
    def expected(self, parameters: P) -> Message:
        """The sentence of what conforms."""

    @abstractmethod
    def judge_endpoint(self, facts: TlsEndpoint, parameters: P, subject: Subject) -> Judgement:
        """What the facts mean."""


@lru_cache(maxsize=4)
def _endpoints(topology: Topology) -> tuple[Subject, ...]:
    """The population, found once: every criterion of the family has the same."""
    found = (
        _subject(topology, device, service, address)
        for device in topology.site.devices
        for service in device.services
        if service.tls and service.transport == "tcp"
        for address in (device.addresses or NO_ADDRESS)
    )
    return tuple({subject.key: subject for subject in found}.values())


def _subject(topology: Topology, device: Device, service: Service, address: AnyAddress | None) -> Subject:
    points = topology.points_reaching(device, "tcp", service.port)
    near = [p for p in points if address is not None and topology.same_vlan(p, address)]
    point = next((p.id for p in [*near, *points]), "")
    detail = [("address", str(address) if address is not None else ""), ("port", str(service.port))]
    if service.server_name:
        detail.append(("name", service.server_name))
    return Subject(target=device.id, point=point, detail=tuple(detail))


@lru_cache(maxsize=4096)
def _request(subject: Subject) -> Request:
    """The endpoint's one request, whichever criteria of the family ask for it."""
    params: dict[str, str | int] = {"address": subject.get("address"), "port": int(subject.get("port"))}
    name = dict(subject.detail).get("name")
    if name:
        params["name"] = name
    return make_request(COLLECTOR, subject.point, subject.target, order=0, **params)


def declared_host(subject: Subject, server_name: str) -> str:
    """What a certificate has to name: the name in the form in which it was asked for, else the declared address."""
    return server_name or dict(subject.detail).get("name", "") or subject.get("address")
