"""The family's collectors: ``dot1x.closed``, ``dot1x.start`` and ``dot1x.authenticate``.

How long is listened comes from the request, hence from the profile. None of them believes anything: what was sent,
what came back, and whether the point could hear at the time go into the facts.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from probes.api import CollectFailure, Outcome
from probes.dot1x import door, eapol, identity
from probes.dot1x.ear import listening
from probes.dot1x.facts import AuthenticationFacts, ClosedFacts, LinkState, Loss, StartFacts
from probes.dot1x.story import Story
from probes.wire.supplicant import LockoutSpent, SupplicantRefused
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from probes.api import Access
    from probes.dot1x.ear import Ear, Said
    from probes.dot1x.facts import Knock
    from probes.dot1x.link import Link
    from probes.wire.supplicant import Credentials, Supplicant
    from r2s_audit.model.observation import Request

STARTS = 2
"""EAPOL-Starts at most: some authenticators lose the first one after a Logoff (IEEE 802.1X-2020 allows for three)."""
START_SECONDS = 4.0
"""After which a supplicant that nobody answered gets help: its own Start leaves after two seconds."""
SETTLE_SECONDS = 1.0
"""Given to the authenticator to close the port before anybody asks whether it is closed."""
SUPPLICANT_PACKETS = 40
"""EAPOL frames of one authentication: a chain of certificates takes some twenty each way, at a kilobyte each."""
TURN_SECONDS = 0.2


async def closed(access: Access, request: Request) -> Outcome:
    """Listen without a word, then knock.

    Raises:
        CollectFailure: no interface, no privilege, or an interface that takes no frame. WireError: the helper is gone.
    """
    silence, answer = float(request.param("silence_s")), float(request.param("answer_s"))
    before, started = door.read(access), access.now()
    if not (before.up and before.carrier):
        facts = ClosedFacts(
            link=door.state(access, before),
            silent=None,
            asked=None,
            knock=None,
            loss=Loss(),
            started=started,
            ended=access.now(),
        )
        return Outcome(facts=facts, started=started, ended=facts.ended)
    async with listening(access) as ear:
        await ear.listen(silence)
        silent = ear.phase()
        answers = await door.knock(access, ear, answer)
        loss = await ear.loss()
        facts = ClosedFacts(
            link=door.state(access, before),
            silent=silent,
            asked=ear.phase(),
            knock=answers,
            loss=loss,
            started=started,
            ended=access.now(),
        )
    return Outcome(facts=facts, packets_sent=ear.sent, started=started, ended=facts.ended)


async def start(access: Access, request: Request) -> Outcome:
    """Ask the authenticator to begin, see whether it asks who is there, and take leave.

    Raises:
        CollectFailure: no interface, no privilege, or an interface that takes no frame. WireError: the helper is gone.
    """
    answer, before, started = float(request.param("answer_s")), door.read(access), access.now()
    if not (before.up and before.carrier):
        return Outcome(facts=_not_started(door.state(access, before)), started=started, ended=access.now())
    found: Said | None = None
    asked_ns = starts = 0
    async with listening(access) as ear:
        while found is None and starts < STARTS:
            await door.ask(access, ear, [eapol.start(ear.mac)])
            starts, asked_ns = starts + 1, time.monotonic_ns()
            await ear.listen(answer, lambda: _request_identity(ear) is not None)
            found = _request_identity(ear)
        await door.ask(access, ear, [eapol.logoff(ear.mac)])
        loss = await ear.loss()
        facts = StartFacts(
            link=door.state(access, before),
            listening=ear.phase(),
            requested=found is not None,
            elapsed_ms=None if found is None else round(max(found.at_ns - asked_ns, 0) / 1e6, 3),
            starts=starts,
            authenticator=None if found is None else found.source,
            frames_seen=ear.left,
            loss=loss,
        )
    return Outcome(facts=facts, packets_sent=ear.sent, started=started, ended=access.now())


async def authenticate(access: Access, request: Request) -> Outcome:
    """Knock, authenticate, knock, log off, knock again.

    Raises:
        CollectFailure: no interface, privilege, tool, or credentials; or the lock-out budget is spent.
        WireError: the helper or the launcher is gone.
    """
    answer, before, started = float(request.param("answer_s")), door.read(access), access.now()
    fictitious = request.param("identity") == "fictitious"
    if not (before.up and before.carrier):
        facts = AuthenticationFacts(
            identity="fictitious" if fictitious else "declared",
            link=door.state(access, before),
            before=None,
            result="not_tried",
            requested=False,
            loss=Loss(),
        )
        return Outcome(facts=facts, started=started, ended=access.now())
    credentials = identity.fictitious(access) if fictitious else identity.declared(access)
    async with listening(access) as ear:
        knocked = await door.knock(access, ear, answer)
        run = _Run(access, ear, credentials, request)
        await run.authenticate()
        await ear.listen(SETTLE_SECONDS)
        after = await door.knock(access, ear, answer)
        loss = await ear.loss()
        facts = run.facts(before, knocked, after).model_copy(update={"loss": loss})
    blobs = tuple(access.keep(der, "x509-der") for der in run.story.certificates.values())
    return Outcome(facts=facts, blobs=blobs, packets_sent=ear.sent, started=started, ended=access.now())


class _Run:
    """One supplicant from its start to its end."""

    def __init__(self, access: Access, ear: Ear, credentials: Credentials, request: Request) -> None:
        self.access, self.ear, self.credentials, self.request = access, ear, credentials, request
        self.story = Story()
        self.opened: Knock | None = None
        self.elapsed_ms: float | None = None

    async def authenticate(self) -> None:
        """Follow the supplicant; on the first refusal it is ended at once, so that it cannot try again.

        Raises:
            CollectFailure: OVER_BUDGET, MISSING_TOOL. WireError: the launcher is gone.
        """
        access, supplicants = self.access, self.access.supplicants
        await access.pay(access.topology.devices[self._switch], SUPPLICANT_PACKETS)
        budget = int(self.request.param("failures"))
        try:
            async with supplicants.running(access.point.interface, self.credentials, budget=budget) as attempt:
                await self._follow(attempt.supplicant)
                if self.story.result == "success":
                    self.story.status(await attempt.supplicant.ask("STATUS"))
                    self.opened = await door.enter(
                        access, self.ear, float(self.request.param("open_s")), float(self.request.param("answer_s"))
                    )
                elif self.story.result == "failure":
                    self.story.status(await attempt.supplicant.ask("STATUS"))
                await attempt.supplicant.ask("LOGOFF")
                # Nothing can be locked where nobody said no, and nothing was shown of the credentials.
                unheard = self.story.result is None and self.story.method is None
                attempt.harmless = unheard or self.story.result == "success"
        except LockoutSpent as error:
            raise CollectFailure(
                Failure.OVER_BUDGET, msg("plus d'essai permis : {detail}", detail=str(error))
            ) from error
        except SupplicantRefused as error:
            raise CollectFailure(
                Failure.MISSING_TOOL, msg("wpa_supplicant ne démarre pas : {detail}", detail=str(error))
            ) from error

    @property
    def _switch(self) -> str:
        return self.access.topology.sockets[self.access.point.socket].switch

    async def _follow(self, supplicant: Supplicant) -> None:
        """Until success, failure, or the end of the time."""
        began = time.monotonic()
        deadline, help_at, started_at = began + float(self.request.param("auth_s")), began + START_SECONDS, None
        helped = 0
        while self.story.result is None and time.monotonic() < deadline:
            event = await supplicant.event(TURN_SECONDS)
            self.ear.absorb()
            if event is not None:
                self.story.hear(event)
            if self.story.started and started_at is None:
                started_at = time.monotonic()
            if not self.story.started and helped < STARTS and time.monotonic() > help_at:
                await door.ask(self.access, self.ear, [eapol.start(self.ear.mac)])
                helped, help_at = helped + 1, time.monotonic() + START_SECONDS
        if started_at is not None and self.story.result is not None:
            self.elapsed_ms = round((time.monotonic() - started_at) * 1000, 1)

    def facts(self, before: Link, knocked: Knock, after: Knock) -> AuthenticationFacts:
        """All of it; the capture's losses are still to be read."""
        story = self.story
        return AuthenticationFacts(
            identity="fictitious" if self.request.param("identity") == "fictitious" else "declared",
            link=door.state(self.access, before),
            before=knocked,
            result=story.result or "timeout",
            requested=story.started,
            method=story.method,
            tls_version=story.tls_version,
            tls_cipher=story.tls_cipher,
            validated=story.validated,
            validation_error=story.validation_error,
            certificates=story.shown(),
            elapsed_ms=self.elapsed_ms,
            opened=self.opened,
            closed=after,
            listening=self.ear.phase(),
            loss=Loss(),
        )


def _request_identity(ear: Ear) -> Said | None:
    """The first EAP-Request/Identity heard (RFC 3748 §5.1)."""
    for said in ear.said:
        eap = said.packet.eap
        if eap is not None and (eap.code, eap.type) == (eapol.REQUEST, eapol.IDENTITY):
            return said
    return None


def _not_started(link: LinkState) -> StartFacts:
    return StartFacts(
        link=link,
        listening=None,
        requested=False,
        elapsed_ms=None,
        starts=0,
        authenticator=None,
        frames_seen=0,
        loss=Loss(),
    )
