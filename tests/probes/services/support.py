"""A fake Access on loopback that counts what is paid and refuses two connections at once; sites; parameters."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from probes.api import CollectFailure, Evidence, Outcome
from probes.services import collect
from probes.services.checks import CHECKS
from probes.services.facts import ServiceFacts
from r2s_audit.model.finding import Judgement, Subject
from r2s_audit.model.observation import BlobRef, Failure, Observation, Request, request
from r2s_audit.model.site import Site
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology
from tests.builders import site_data

NOW = datetime.now(UTC).replace(microsecond=0)
EVERYTHING = {"low": 0, "high": 4194303}
PROTOCOLS = ["bacnet", "knx", "modbus", "mqtt", "rtsp", "sip", "http"]


def service(protocol: str, port: int, **more: Any) -> dict[str, Any]:
    return {"protocol": protocol, "port": port, **more}


def device(name: str, *services: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "role": "controller",
        "zone": "adm",
        "addresses": ["127.0.0.1"],
        "services": list(services),
        **more,
    }


def topology(*devices: dict[str, Any], **changes: Any) -> Topology:
    return Topology(Site.model_validate(site_data(devices=list(devices), **changes)))


@dataclass
class FakeAccess:
    """Loopback sockets, no gate."""

    topology: Topology
    payments: list[int] = field(default_factory=list)
    connections: int = 0
    datagrams: int = 0
    blobs: dict[str, bytes] = field(default_factory=dict)
    _open: list[socket.socket] = field(default_factory=list)

    @property
    def point(self) -> Any:
        return self.topology.points["P-ADM"]

    async def pay(self, device: Any, packets: int = 1) -> None:
        self.payments.append(packets)

    @property
    def paid(self) -> int:
        return sum(self.payments)

    async def tcp(
        self, device: Any, address: Any, port: int, *, seconds: float = 2.0, packets: int = 0
    ) -> socket.socket:
        self.payments.append(packets)
        assert all(s.fileno() == -1 for s in self._open), "two sessions at once"
        sock = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
        except ConnectionRefusedError as error:
            sock.close()
            raise CollectFailure(Failure.REFUSED, msg("refus")) from error
        self.connections += 1
        self._open.append(sock)
        return sock

    async def udp(self, device: Any, address: Any, port: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.connect((str(address), port))
        self.datagrams += 1
        return sock

    def keep(self, data: bytes, kind: str, *, redacted: bool = False) -> BlobRef:
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return BlobRef(digest=f"sha256:{digest}", kind=kind, size=len(data), redacted=redacted)


def asked(protocol: str, port: int, *, tls: bool = False, **more: Any) -> Request:
    params = {"address": "127.0.0.1", "port": port, "layer": "tls" if tls else "clear"} | more
    if protocol == "bacnet":
        params = EVERYTHING | params
    if protocol == "sip":
        params.setdefault("transport", "udp")
    return request(f"services.{protocol}", "P-ADM", "ctl", **params)


async def ask(protocol: str, port: int, *, tls: bool = False, **more: Any) -> tuple[ServiceFacts, FakeAccess, Outcome]:
    """One question, its facts after a trip through JSON as in the record."""
    access = FakeAccess(topology(device("ctl", service(protocol, port, tls=tls))))
    outcome: Outcome = await getattr(collect, protocol)(access, asked(protocol, port, tls=tls, **more))
    assert isinstance(outcome.facts, ServiceFacts)
    return ServiceFacts.model_validate_json(outcome.facts.model_dump_json()), access, outcome


def observation(of: Request, facts: dict[str, Any] | None = None, failure: Failure | None = None) -> Observation:
    valid = ServiceFacts.model_validate(facts).model_dump(mode="json") if facts else None
    return Observation(
        request=of,
        pass_id="p1",
        state="completed" if facts else "failed",
        facts=valid,
        failure=failure,
        reason=msg("échec {kind}", kind=str(failure)) if failure else None,
        started=NOW,
        ended=NOW,
        collector_version="1",
    )


BY_ID = {check.id: check for check in CHECKS}


def judge(
    check_id: str,
    topo: Topology,
    subject: Subject,
    parameters: Mapping[str, Any],
    seen: Mapping[int, dict[str, Any] | Failure],
) -> Judgement:
    """Judge one subject from what was seen at each port."""
    check = BY_ID[check_id]
    valid = check.Parameters.model_validate(parameters)
    observations = {}
    for each in check.requests(topo, subject, valid):
        what = seen.get(int(each.param("port")))
        if isinstance(what, Failure):
            observations[each.key] = observation(each, failure=what)
        elif what is not None:
            observations[each.key] = observation(each, what)
    return check.judge(subject, Evidence(topo, observations), valid)


def subjects(check_id: str, topo: Topology, parameters: Mapping[str, Any]) -> list[Subject]:
    check = BY_ID[check_id]
    return list(check.subjects(topo, check.Parameters.model_validate(parameters)))
