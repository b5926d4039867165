"""Answers of a command line, bounded and told apart: refused, not given, not readable, read. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from probes.switching.facts import CommandGap
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import Message, msg

CHARACTERS = 1_000_000
"""Of one answer: a thousand ports in ``show interfaces switchport`` take less."""
LINES = 40_000
_REFUSALS = (
    (
        re.compile(
            r"authori[sz]ation failed|permission denied|insufficient privileges?|not authori[sz]ed", re.IGNORECASE
        ),
        True,
    ),
    (
        re.compile(
            r"^\s*\^?\s*(?:% ?)?(?:invalid|incomplete|ambiguous|unrecogni[sz]ed|unknown|wrong|too many)\b[^\n]*"
            r"(?:input|command|parameters?|token|word|value)|^error:|^\s*\^\s*$|command (?:not found|rejected)",
            re.IGNORECASE | re.MULTILINE,
        ),
        False,
    ),
)
"""How command lines refuse, and whether for want of a right. Looked for in the first lines only: a description may say so."""
_STANDS_FOR = {Failure.ACCESS_DENIED: "% Authorization failed", Failure.NOT_SUPPORTED: "% Invalid input"}
_FIRST = 4
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

T = TypeVar("T")


class Unread(Exception):
    """An answer from which nothing is taken, and why."""

    def __init__(self, failure: Failure, reason: Message) -> None:
        """Keep the class of failure and its sentence."""
        super().__init__(str(reason))
        self.failure = failure
        self.reason = reason


def unreadable() -> Unread:
    """The answer is not of the form that is known."""
    return Unread(Failure.NOT_SUPPORTED, msg("réponse d'une forme inconnue"))


def cut_short(found: int, count: int) -> Unread:
    """The reading took less from an answer than it holds: what is missing would pass for what is not there."""
    return Unread(
        Failure.NOT_SUPPORTED,
        msg("{found} lignes lues sur {count} : réponse d'une forme inconnue", found=found, count=count),
    )


class Answers:
    """The answers of one switch by command, and a gap for each that taught nothing."""

    def __init__(self, outputs: Mapping[str, str]) -> None:
        """Outputs as the device gave them, without the echo of the command and without the prompt."""
        self._outputs = outputs
        self.gaps: list[CommandGap] = []

    def read(self, commands: str | tuple[str, ...], reader: Callable[[str], T]) -> T | None:
        """What a reader makes of an answer; None, and a gap, where there is none that it can read.

        Several commands are alternatives: of different releases, of which a switch knows one. Each is tried; where none
        is read, each has its gap.
        """
        gaps = []
        for command in (commands,) if isinstance(commands, str) else commands:
            try:
                return reader(self._text(command))
            except Unread as error:
                gaps.append(CommandGap(command=command, failure=error.failure, reason=error.reason))
        self.gaps += gaps
        return None

    def _text(self, command: str) -> str:
        raw = self._outputs.get(command)
        if raw is None:
            raise Unread(Failure.TIMEOUT, msg("aucune réponse"))
        if len(raw) > CHARACTERS or raw.count("\n") > LINES:
            raise Unread(
                Failure.LIMIT_EXCEEDED,
                msg("réponse de plus de {most} caractères ou {lines} lignes", most=CHARACTERS, lines=LINES),
            )
        text = _plain(raw)
        if not text.strip():
            raise Unread(Failure.NOT_SUPPORTED, msg("réponse vide"))
        refusal = _refusal(text)
        if refusal is not None:
            raise Unread(refusal, msg("commande refusée par l'équipement"))
        return text


def refused(output: str) -> str:
    """What stands for a refusal where no word of the device may be kept; empty where it refuses nothing."""
    failure = _refusal(_plain(output))
    return "" if failure is None else _STANDS_FOR[failure]


def _plain(raw: str) -> str:
    return _CONTROL.sub("", raw.replace("\r\n", "\n").replace("\r", "\n")).expandtabs()


def _refusal(text: str) -> Failure | None:
    beginning = "\n".join([line for line in text.splitlines() if line.strip()][:_FIRST])
    for pattern, denied in _REFUSALS:
        if pattern.search(beginning):
            return Failure.ACCESS_DENIED if denied else Failure.NOT_SUPPORTED
    return None
