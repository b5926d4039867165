"""Asking an endpoint what it accepts: one hello per version, then one per suite, within a bound and a rate.

Elimination: the server picks a suite, the suite is left out, the server is asked again, until it says that nothing is
left. Connections follow one another; there are never two at once.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probes.api import CollectFailure
from probes.tls.exchange import Answer, say_hello, shake_hands
from probes.tls.facts import VERSION_NAMES, AcceptedSuites, Controls, SuiteResult, VersionResult
from probes.tls.suites import LEGACY_SUITES, PLAIN_SUITES, TLS13_SUITES, hexadecimal, suite_name
from probes.tls.wire_hello import TLS13, VERSION_OF, VERSIONS, client_hello, ffdhe_bits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probes.api import Access
    from probes.tls.facts import VersionName
    from r2s_audit.model.site import AnyAddress, Device

MAX_HANDSHAKES = 80
"""Connections to one endpoint: five versions, two controls, and a suite each for some seventy suites."""
MAX_ACTIVE_SECONDS = 45.0
"""Time spent waiting for the peer, over all connections together."""
HANDSHAKE_SECONDS = 5.0
"""A controller without acceleration takes up to some seconds for an RSA signature."""
HELLO_PACKETS = 3
"""ClientHello and acknowledgements of some kilobytes, beside what the connection itself costs."""
SHAKE_PACKETS = 6
"""ClientHello in two segments, acknowledgements, Finished, close_notify."""
CONNECTION_PACKETS = 3
"""SYN, ACK, FIN: paid where the connection is made."""
REFUSALS = frozenset({40, 70, 71})
"""handshake_failure, protocol_version, insufficient_security (RFC 8446, 6.2): the server says that it will not."""

CLOSE_NOTIFY = 0


@dataclass(slots=True)
class Dialogue:
    """The connections to one endpoint, one after the other, counted and timed."""

    access: Access
    device: Device
    address: AnyAddress
    port: int
    server_name: str
    seconds: float
    """For the exchange on one connection."""
    handshakes: int = 0
    packets: int = 0
    active: float = 0.0

    async def hello(
        self, version: VersionName, suites: Iterable[int], *, plain: bool = False, last: bool = False
    ) -> Answer:
        """Offer one version and these suites; ``last``: may use the connection that is kept for the final control."""
        record = client_hello(VERSIONS[version], suites, self.server_name, plain=plain)
        return await self._connection(HELLO_PACKETS, record, last=last)

    async def shake(self, *, last: bool = False) -> Answer:
        """A whole handshake."""
        return await self._connection(SHAKE_PACKETS, None, last=last)

    async def _connection(self, packets: int, hello: bytes | None, *, last: bool) -> Answer:
        """One connection.

        Raises:
            CollectFailure: the very first connection was not made; a later one is an Answer with ``connect``.
        """
        spare = 0 if last else 1
        if self.handshakes >= MAX_HANDSHAKES - spare or self.active >= MAX_ACTIVE_SECONDS - spare * self.seconds:
            return Answer(error="budget")
        self.handshakes += 1
        self.packets += packets + CONNECTION_PACKETS
        try:
            sock = await self.access.tcp(self.device, self.address, self.port, packets=packets)
        except CollectFailure:
            if self.handshakes == 1:
                raise
            return Answer(error="connect")
        clock = asyncio.get_running_loop().time
        started = clock()
        with sock:
            if hello is None:
                answer = await shake_hands(sock, self.server_name, self.seconds)
            else:
                answer = await say_hello(sock, hello, self.seconds)
        self.active += clock() - started
        return answer


@dataclass(slots=True)
class Survey:
    """What a dialogue taught, before it becomes facts."""

    first: Answer
    versions: list[VersionResult] = field(default_factory=list)
    suites: list[AcceptedSuites] = field(default_factory=list)
    controls: Controls = field(default_factory=Controls)
    answers: list[tuple[VersionName, Answer]] = field(default_factory=list)
    """Every answer with a ServerHello, under the version that it chose."""
    evidence: list[tuple[VersionName, bytes]] = field(default_factory=list)
    """What came back when a version was offered."""


def offer(version: VersionName) -> tuple[int, ...]:
    """All suites that make sense under a version."""
    return TLS13_SUITES if VERSIONS[version] == TLS13 else LEGACY_SUITES


def plain_offer(version: VersionName) -> tuple[int, ...]:
    """The suites that everybody has had."""
    return TLS13_SUITES if VERSIONS[version] == TLS13 else PLAIN_SUITES


def classify(version: VersionName, answer: Answer) -> VersionResult:
    """What an answer says of the version that was offered."""
    hello, alert = answer.flight.server_hello, answer.flight.alert
    if hello is not None:
        chosen = VERSION_OF[hello.version]
        if chosen == version:
            return VersionResult(version=version, status="accepted")
        if hello.version < VERSIONS[version]:
            return VersionResult(version=version, status="refused", answered=chosen)
        return VersionResult(version=version, status="error", error="malformed")
    if alert is not None:
        if alert.description in REFUSALS:
            return VersionResult(version=version, status="refused", alert=alert.description)
        return VersionResult(version=version, status="error", alert=alert.description, error="alert")
    status = "untested" if answer.error == "budget" else "error"
    return VersionResult(version=version, status=status, error=answer.error or "closed")


def chosen_suite(answer: Answer) -> SuiteResult | None:
    """The suite of an answer with what its flight says of the key exchange."""
    flight = answer.flight
    hello = flight.server_hello
    if hello is None:
        return None
    return SuiteResult(
        code=hexadecimal(hello.suite),
        name=suite_name(hello.suite),
        group=flight.group,
        dh_bits=flight.dh_bits or ffdhe_bits(flight.group),
        encrypt_then_mac=hello.encrypt_then_mac,
        compression=hello.compression,
    )


async def survey_once(dialogue: Dialogue) -> Survey:
    """One handshake, the newest offer: what the peer chose is known, what it would also take is not."""
    answer = await dialogue.shake()
    survey = Survey(answer)
    hello = answer.flight.server_hello
    chosen = VERSION_OF[hello.version] if hello else None
    for version in VERSION_NAMES:
        if hello is None or chosen is None or hello.version < VERSIONS[version]:
            # TLS 1.0 and newer were offered in one hello: choosing an older one refuses those above it.
            status = "untested" if chosen is None else "refused"
            survey.versions.append(VersionResult(version=version, status=status, answered=chosen))
        else:
            survey.versions.append(
                VersionResult(version=version, status="accepted" if version == chosen else "untested")
            )
    suite = chosen_suite(answer)
    if chosen and suite:
        survey.answers.append((chosen, answer))
        survey.suites.append(AcceptedSuites(version=chosen, suites=(suite,), complete=False))
    survey.controls = Controls(before=answer.completed)
    return survey


async def survey_all(dialogue: Dialogue) -> Survey:
    """Control, versions, suites, control."""
    first = await dialogue.shake()
    survey = Survey(first)
    _remember(survey, first)
    if is_hopeless(first):
        return survey
    accepted: list[tuple[VersionName, Answer]] = []
    for version in VERSION_NAMES:
        result, answer = await _try_version(dialogue, survey, version)
        survey.versions.append(result)
        if result.status == "accepted":
            accepted.append((version, answer))
        elif not survey.answers and (is_hopeless(answer) or first.error == answer.error == "timeout"):
            return survey
    for version, answer in accepted:
        survey.suites.append(await _eliminate(dialogue, survey, version, answer))
    survey.controls = Controls(
        before=first.completed or first.flight.done, after=await _control(dialogue, survey, accepted)
    )
    return survey


async def _try_version(dialogue: Dialogue, survey: Survey, version: VersionName) -> tuple[VersionResult, Answer]:
    """Offer one version; where the alert is no clear refusal, once more with a short and plain hello.

    OpenSSL at its default security level answers TLS 1.1 with internal_error, always; a server that stumbles over our
    long hello may do so too. Two different hellos that both end in a fatal alert are a refusal, one is not.
    """
    answer = await dialogue.hello(version, offer(version))
    survey.evidence.append((version, answer.raw))
    _remember(survey, answer)
    result = classify(version, answer)
    if result.error != "alert":
        return result, answer
    again = await dialogue.hello(version, plain_offer(version), plain=True)
    survey.evidence.append((version, again.raw))
    _remember(survey, again)
    second = classify(version, again)
    if second.error == "alert" and second.alert == result.alert != CLOSE_NOTIFY:
        return VersionResult(version=version, status="refused", alert=second.alert), again
    return second, again


def is_hopeless(answer: Answer) -> bool:
    """The peer does not speak TLS at all, or speaks without end: asking again would be no use, or no good."""
    return answer.flight.server_hello is None and answer.error in {"not_tls", "limit"}


async def _eliminate(dialogue: Dialogue, survey: Survey, version: VersionName, answer: Answer) -> AcceptedSuites:
    """Every suite of a version, by leaving out what was chosen."""
    remaining = list(offer(version))
    found: list[SuiteResult] = []
    complete = False
    while True:
        result = classify(version, answer)
        hello, suite = answer.flight.server_hello, chosen_suite(answer)
        if result.status != "accepted" or hello is None or suite is None:
            complete = result.status == "refused"
            break
        if hello.suite not in remaining:
            break
        found.append(suite)
        remaining.remove(hello.suite)
        if not remaining:
            complete = True
            break
        answer = await dialogue.hello(version, remaining)
        _remember(survey, answer)
    return AcceptedSuites(version=version, suites=tuple(found), complete=complete)


async def _control(dialogue: Dialogue, survey: Survey, accepted: list[tuple[VersionName, Answer]]) -> bool:
    """The same endpoint still answers at the end as it did at the beginning."""
    if survey.first.completed:
        return (await dialogue.shake(last=True)).completed
    if not accepted:
        return False
    version = accepted[0][0]
    return (await dialogue.hello(version, offer(version), last=True)).flight.done


def _remember(survey: Survey, answer: Answer) -> None:
    if answer.flight.server_hello is not None:
        survey.answers.append((VERSION_OF[answer.flight.server_hello.version], answer))
