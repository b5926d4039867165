"""What the family's tests share: a declared site, the engine's own access to it, audits of one socket."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from probes.api import CollectFailure, Evidence, NotVerified
from probes.dot1x import collect
from probes.dot1x.access import Trial
from probes.dot1x.checks import CHECKS
from probes.dot1x.closed import Answering, Windows
from probes.wire.client import Wire
from probes.wire.supplicant import Supplicants
from r2s_audit.engine.access import PassTools, PointAccess, Secrets
from r2s_audit.engine.budget import Budget
from r2s_audit.engine.interfaces import read_interface
from r2s_audit.engine.scope import PointGate, Scope
from r2s_audit.evidence.blobs import BlobStore
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Observation
from r2s_audit.model.site import Site
from r2s_audit.model.text import Message
from r2s_audit.model.topology import Topology
from tests.probes.dot1x.network import OUTER, TLS_USER, USER

CHECK = {check.id.partition(".")[2]: check for check in CHECKS}
PARAMETERS = {
    "port-closed": Windows(silence_seconds=1, answer_seconds=1),
    "authenticator-answers": Answering(silence_seconds=1, answer_seconds=1, request_seconds=2),
    "authentication-opens-port": Trial(authentication_seconds=12, open_seconds=2, answer_seconds=1, lockout_budget=3),
    "bad-credentials-refused": Trial(authentication_seconds=12, open_seconds=2, answer_seconds=1, lockout_budget=3),
}
C, P, N, U = Value.CONFORME, Value.PARTIEL, Value.NON_CONFORME, Value.NON_VERIFIE


def credentials(method="peap", **changes):
    common = {"method": method, "server_name": "batiment.example", "outer_identity": OUTER, "trust": ["ca.pem"]}
    if method == "eap-tls":
        own = {"identity": TLS_USER, "certificate": "client.pem", "private_key": "file:client.key"}
    else:
        own = {"identity": USER, "password": "file:password", "inner": "pap" if method == "ttls" else "mschapv2"}
    return {k: v for k, v in (common | own | changes).items() if v is not None}


def site(dot1x=None, **changes):
    """One socket in VLAN 30, and VLANs 40 (technique) and 50 (visiteurs) beside it."""
    zones = {30: "logements", 40: "technique", 50: "visiteurs"}
    document = {
        "r2s_site": 1,
        "building": {"id": "essai", "name": "Essai"},
        "scope": {"networks": ["10.0.0.0/8"], "rates": {"total": 5000, "per_target": 5000, "building_devices": 1000}},
        "zones": [{"id": name, "kind": name} for name in zones.values()],
        "vlans": [
            {
                "id": vlan,
                "name": name,
                "zone": name,
                "subnets": [{"prefix": f"10.0.{vlan}.0/24", "gateway": f"10.0.{vlan}.1"}],
            }
            for vlan, name in zones.items()
        ],
        "devices": [{"id": "sw", "role": "switch", "zone": "technique", "addresses": ["10.0.40.2"]}],
        "sockets": [{"id": "S1", "zone": "logements", "vlan": 30, "switch": "sw", "port": "1"}],
        "points": [{"id": "P1", "socket": "S1", "interface": "wa", "kind": "unauthenticated"}],
    }
    if dot1x is not None:
        document["points"][0]["dot1x"] = dot1x
    return Site.model_validate(document | changes)


@dataclass
class Audit:
    """One pass over the socket: observations by request key, and what was said."""

    topology: Topology
    directory: object
    found: dict = field(default_factory=dict)
    said: dict = field(default_factory=dict)
    failures: int = 0

    def values(self, *names, before=None, parameters=None):
        """Run what the checks ask for, in the order of its rounds, and judge."""
        chosen = {name: (CHECK[name], (parameters or PARAMETERS)[name]) for name in names}
        requests = {}
        for check, given in chosen.values():
            for one in check.subjects(self.topology, given):
                requests |= {r.key: r for r in check.requests(self.topology, one, given)}
        asyncio.run(self._collect(sorted(requests.values(), key=lambda r: r.order), before or (lambda request: None)))
        return {name: self._judge(name, check, given) for name, (check, given) in chosen.items()}

    def facts(self, collector, **params):
        """The facts of the one observation of a collector with these parameters."""
        (one,) = [
            o
            for o in self.found.values()
            if o.request.collector == collector and all(o.request.param(k) == v for k, v in params.items())
        ]
        return one.facts

    async def _collect(self, requests, before):
        async with (
            await Wire.launch(["wa"], max_rate=5000, max_frames=5000) as wire,
            await Supplicants.launch(["wa"]) as supplicants,
        ):
            tools = PassTools(Secrets(self.directory, {}), BlobStore(self.directory / "blobs"), wire, None, supplicants)
            budget = Budget(self.topology.site.scope, clock=asyncio.get_running_loop().time)
            gate = PointGate(Scope(self.topology), budget, self.topology.points["P1"])
            access = PointAccess(gate, read_interface("wa"), tools)
            for request in requests:
                before(request)
                self.found[request.key] = await _observe(access, request)
            self.failures = supplicants.failures

    def _judge(self, name, check, given):
        (subject,) = check.subjects(self.topology, given)
        found, self.said[name] = judged(check, subject, Evidence(self.topology, self.found), given)
        return found


async def _observe(access, request):
    function = getattr(collect, request.collector.partition(".")[2])
    common = {"request": request, "pass_id": "p1", "collector_version": "1", "started": datetime.now(UTC)}
    try:
        outcome = await function(access, request)
    except CollectFailure as failure:
        common |= {"state": "failed", "failure": failure.failure, "reason": failure.reason}
        return Observation(**common, ended=datetime.now(UTC))
    facts = outcome.facts.model_dump(mode="json")
    return Observation(**common, ended=datetime.now(UTC), state="completed", facts=facts, blobs=outcome.blobs)


def judged(check, subject, evidence, given):
    """Value, and the measured sentence."""
    try:
        judgement = check.judge(subject, evidence, given)
    except NotVerified as error:
        return U, complete(error.reason)
    complete(judgement.expected)
    return judgement.value, complete(judgement.measured)


def complete(sentence: Message):
    text = str(sentence)
    assert text
    assert "{" not in text, text
    return text
