"""The refusal test: community GETs between two controls on one socket.

Silence is the expected answer, and alone it proves nothing: the same address and port must have answered on the same
socket just before and just after, and the socket must have lost nothing. An answer, on the other hand, needs no control.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from probes.api import CollectFailure
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

from .community import (
    CommunityAnswer,
    CommunityVersion,
    NotSnmp,
    decode_answer,
    decode_report,
    encode_discovery,
    encode_get,
    message_version,
    random_id,
)
from .facts import Attempt, Control
from .oids import SYSTEM_SCALARS
from .usm import ANSWER_SECONDS, MAX_STRAYS, TRIES, AgentError, UsmSession

if TYPE_CHECKING:
    from .channel import Channel

ControlFunction: TypeAlias = Callable[[], Awaitable[Control]]
Community: TypeAlias = Literal["declared", "public", "private"]
WINDOW_SECONDS = 2.0
"""How long an answer to a community GET is waited for; the control after gives late ones a little more."""
MAX_COMMUNITIES = 2
"""Requirements, C3.2: at most two communities per device, never brute force."""
_VERSIONS: tuple[CommunityVersion, ...] = ("v1", "v2c")
_V3 = 3
_ENDS = {Failure.REFUSED, Failure.UNREACHABLE, Failure.LIMIT_EXCEEDED}


@dataclass(slots=True)
class _Asked:
    version: CommunityVersion
    community: Community
    answer: CommunityAnswer | None = None


def candidates(declared: str | None) -> tuple[tuple[Community, str], ...]:
    """Which communities are tried: the declared one if any, then the two defaults, two in all and none twice."""
    defaults: tuple[Community, ...] = ("public", "private")
    # A declared community that is itself a default is named as what it is: it then counts as a default that answers.
    found: list[tuple[Community, str]] = [("declared", declared)] if declared and declared not in defaults else []
    found.extend((name, name) for name in defaults)
    return tuple(found[:MAX_COMMUNITIES])


class Refusal:
    """One GET per community and version, no repetition; collects answers whenever they come until the channel closes."""

    def __init__(self, channel: Channel, declared: str | None) -> None:
        """Watch the channel for community messages from now on."""
        self._channel = channel
        self._communities = candidates(declared)
        self._asked: dict[int, _Asked] = {}
        self.undecodable = 0
        self.window_seconds = WINDOW_SECONDS
        channel.watch = self._watch

    def attempts(self) -> tuple[Attempt, ...]:
        """What became of each GET so far."""
        return tuple(
            Attempt(
                version=asked.version,
                community=asked.community,
                answered=asked.answer is not None,
                readable=asked.answer is not None and asked.answer.readable,
                error_status=asked.answer.error_status if asked.answer else None,
            )
            for asked in self._asked.values()
        )

    async def ask(self) -> None:
        """Send the GETs, then listen for the whole window; raises CollectFailure as the channel does."""
        for community, value in self._communities:
            for version in _VERSIONS:
                identifier = random_id()
                while identifier in self._asked:
                    identifier = random_id()
                self._asked[identifier] = _Asked(version, community)
                await self._channel.send(encode_get(version, value, identifier))
        loop = asyncio.get_running_loop()
        end = loop.time() + self.window_seconds
        for _ in range(MAX_STRAYS):
            left = end - loop.time()
            if left <= 0 or all(asked.answer for asked in self._asked.values()):
                return
            # Community messages go to _watch; whatever comes back here is a late answer to a control.
            await self._channel.receive(left)
        raise CollectFailure(
            Failure.LIMIT_EXCEEDED,
            msg("plus de {limit} datagrammes sans rapport avec la demande : lecture arrêtée", limit=MAX_STRAYS),
        )

    def _watch(self, datagram: bytes) -> bool:
        """Take v1 and v2c messages out of the stream; everything else is left to whoever listens."""
        version = message_version(datagram)
        if version == _V3:
            return False
        try:
            answer = decode_answer(datagram)
        except NotSnmp:
            self.undecodable += 1
            return True
        asked = self._asked.get(answer.request_id)
        if asked is not None and asked.version == answer.version:
            asked.answer = answer
        return True


def usm_control(session: UsmSession) -> ControlFunction:
    """The target's control with the declared access: GET sysUpTime.0."""

    async def control() -> Control:
        try:
            await session.get([SYSTEM_SCALARS["sysUpTime"]])
        except CollectFailure as error:
            return _failed("usm_get", error)
        except AgentError as error:
            # An authenticated answer with an error-status is an answer.
            reason = msg("réponse authentifiée avec l'erreur {status}", status=error.status)
            return Control(kind="usm_get", answered=True, reason=reason)
        return Control(kind="usm_get", answered=True)

    return control


def discovery_control(channel: Channel) -> ControlFunction:
    """The target's control where no access is declared: a report to a discovery without credentials."""

    async def control() -> Control:
        try:
            for _ in range(TRIES):
                message_id = random_id()
                await channel.send(encode_discovery(message_id))
                datagram = await channel.receive(ANSWER_SECONDS)
                if datagram is not None and _is_report(datagram, message_id):
                    return Control(kind="discovery", answered=True)
        except CollectFailure as error:
            return _failed("discovery", error)
        return Control(
            kind="discovery",
            answered=False,
            reason=msg("aucune réponse à la découverte SNMPv3 après {tries} envois", tries=TRIES),
        )

    return control


def _is_report(datagram: bytes, message_id: int) -> bool:
    try:
        return decode_report(datagram).message_id == message_id
    except NotSnmp:
        return False


def _failed(kind: Literal["usm_get", "discovery"], error: CollectFailure) -> Control:
    """A control without an answer; a port that is closed or gone ends the observation instead."""
    if error.failure in _ENDS:
        raise error
    return Control(kind=kind, answered=False, reason=error.reason)
