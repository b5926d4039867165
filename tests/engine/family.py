"""A probe family for tests: collectors and checks that succeed, fail, crash, hang and block on demand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Literal

from probes.api import (
    Access,
    Check,
    CollectFailure,
    CollectorSpec,
    Evidence,
    NoParameters,
    Outcome,
    conforme,
    non_conforme,
)
from r2s_audit.model.base import Model
from r2s_audit.model.finding import Judgement, Subject
from r2s_audit.model.observation import Failure, Request, request
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology

Behaviour = Literal[
    "good",
    "bad",
    "failing",
    "raising",
    "hanging",
    "blocking",
    "lying",
    "silent",
    "outside",
    "empty",
    "plugged",
    "listening",
]


class Facts(Model):
    """What is learnt."""

    good: bool


class OtherFacts(Model):
    """Not what was promised."""

    good: bool = True


async def collect(access: Access, asked: Request) -> Outcome:
    """Behave as the request says."""
    match asked.param("behaviour"):
        case "good" | "bad" as answer:
            device = access.topology.devices[asked.target]
            await access.pay(device)
            return Outcome(facts=Facts(good=answer == "good"), blobs=(access.keep(b"preuve", "essai"),), packets_sent=1)
        case "plugged":
            return Outcome(facts=Facts(good=len(access.mac) == 6))
        case "listening":
            while not access.alone:  # noqa: ASYNC110 - as collectors do: the contract has no event
                await asyncio.sleep(0.01)
            return Outcome(facts=Facts(good=True))
        case "failing":
            raise CollectFailure(Failure.TIMEOUT, msg("muet"))
        case "raising":
            raise ZeroDivisionError("une faute du collecteur")
        case "hanging":
            await asyncio.sleep(3600)
        case "blocking":
            time.sleep(3600)  # noqa: ASYNC251 - on purpose: the loop is blocked
        case "lying":
            return Outcome(facts=OtherFacts())
        case "empty":
            return Outcome()
        case "outside":
            device = access.topology.devices[asked.target]
            await access.tcp(device, device.addresses[0].__class__("198.51.100.1"), 80)
    raise AssertionError("unreachable")


async def collect_many(access: Access, asked: Sequence[Request]) -> AsyncIterator[tuple[Request, Outcome]]:
    """A batch: each behaves for itself; « raising » ends the batch, « silent » leaves its request without an outcome."""
    for item in asked:
        if item.param("behaviour") != "silent":
            yield item, await collect(access, item)


def spec(name: str, **changes: object) -> CollectorSpec:
    """A collector of this family."""
    values: dict[str, object] = {
        "id": name,
        "version": "1",
        "facts": Facts,
        "function": "tests.engine.family:collect",
        "intrusiveness": Intrusiveness.SAFE,
        "packets": 1,
        "seconds": 0.1,
    }
    return CollectorSpec(**(values | changes))  # type: ignore[arg-type]


COLLECTORS = {
    "essai.one": spec("essai.one"),
    "essai.many": spec("essai.many", function="tests.engine.family:collect_many", batch=True),
    "essai.beside": spec("essai.beside", beside=True),
    "essai.intrusive": spec("essai.intrusive", intrusiveness=Intrusiveness.INTRUSIVE),
}


class Parameters(Model):
    """Which requests a check makes, and how it behaves itself."""

    behaviours: list[str]
    collector: str = "essai.one"
    point: str = "P-ADM"
    check: Literal["judging", "raising", "hanging"] = "judging"


class EveryRequest(Check[Parameters]):
    """One subject per behaviour, each on its own request."""

    id = "essai.each"
    title = msg("la réponse est bonne")
    reference = "essai"
    intrusiveness = Intrusiveness.SAFE
    controls = msg("aucun")

    def subjects(self, topology: Topology, parameters: Parameters) -> Iterable[Subject]:
        return [Subject(target="sw", point=parameters.point, detail=(("behaviour", b),)) for b in parameters.behaviours]

    def requests(self, topology: Topology, subject: Subject, parameters: Parameters) -> Sequence[Request]:
        return [request(parameters.collector, parameters.point, "sw", behaviour=subject.get("behaviour"))]

    def judge(self, subject: Subject, evidence: Evidence, parameters: Parameters) -> Judgement:
        if parameters.check == "raising":
            raise KeyError("une faute du contrôle")
        if parameters.check == "hanging":
            while True:
                pass
        facts = evidence.facts(self.requests(evidence.topology, subject, parameters)[0], Facts)
        return (conforme if facts.good else non_conforme)(msg("bon"), msg("mesuré"))


class Nothing(Check[NoParameters]):
    """A check that the site has nothing for."""

    id = "essai.nothing"
    title = msg("rien à voir")
    reference = "essai"
    intrusiveness = Intrusiveness.PASSIVE
    controls = msg("aucun")

    def subjects(self, topology: Topology, parameters: NoParameters) -> Iterable[Subject]:
        return []

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:
        raise AssertionError("never asked")

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:
        raise AssertionError("never asked")


CHECKS = {check.id: check for check in (EveryRequest(), Nothing())}
