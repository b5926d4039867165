"""Questions to an auditor, one at a time; every answer can be the last one."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from r2s_audit.cli.session import printable
from r2s_audit.files.declarations import digest_of_file
from r2s_audit.model.declaration import Attachment
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Mapping

    from r2s_audit.cli.session import Session

MIN_JUSTIFICATION = 10
MAX_JUSTIFICATION = 4000
YEAR = timedelta(days=365)


class Finished(Exception):
    """The auditor stops here: end of input, or « q »."""


@dataclass(frozen=True, slots=True)
class Interview:
    """Asks on standard output, reads standard input."""

    session: Session
    base: Path
    """Where the declarations file is: attached files are named from there."""
    day: date

    def put(self, message: Message) -> None:
        """A line for the auditor."""
        sys.stdout.write(printable(self.session.translator.say(message)) + "\n")
        sys.stdout.flush()

    def ask(self, message: Message) -> str:
        """One answer, without blanks around it.

        Raises:
            Finished: end of input, or « q ».
        """
        sys.stdout.write(printable(self.session.translator.say(message)) + " ")
        sys.stdout.flush()
        line = sys.stdin.readline()
        if not line or line.strip().casefold() == "q":
            raise Finished
        return line.strip()

    def choice(self, message: Message, choices: Mapping[str, str]) -> str | None:
        """One of the choices by its letter; None for an empty answer: left open."""
        while True:
            answer = self.ask(message).casefold()
            if not answer:
                return None
            if answer in choices:
                return choices[answer]
            self.put(msg("une des lettres {letters}, ou rien pour passer", letters=", ".join(choices)))

    def justification(self) -> str:
        """Why, in a sentence or two."""
        while True:
            answer = self.ask(msg("Justification :"))
            if MIN_JUSTIFICATION <= len(answer) <= MAX_JUSTIFICATION:
                return answer
            self.put(msg("entre {least} et {most} caractères", least=MIN_JUSTIFICATION, most=MAX_JUSTIFICATION))

    def attachments(self) -> list[Attachment]:
        """Files that support it, until an empty answer; each is named with its digest at once."""
        found: list[Attachment] = []
        while name := self.ask(msg("Pièce jointe (chemin depuis {base} ; rien pour finir) :", base=str(self.base))):
            try:
                place = (self.base / name).resolve().relative_to(self.base.resolve())
                digest = digest_of_file(self.base / place)
            except ValueError:
                self.put(msg("la pièce doit être sous {base}", base=str(self.base)))
                continue
            except OSError as error:
                self.put(msg("illisible : {path} ({error})", path=name, error=str(error.strerror)))
                continue
            found.append(Attachment(file=str(place), digest=digest))
            self.put(msg("jointe : {file}, {digest}", file=str(place), digest=digest))
        return found

    def expiry(self) -> date:
        """The last day on which it counts; a year by default."""
        default = self.day + YEAR
        while True:
            answer = self.ask(msg("Échéance (AAAA-MM-JJ ; rien pour le {default}) :", default=default.isoformat()))
            try:
                found = date.fromisoformat(answer) if answer else default
            except ValueError:
                self.put(msg("une date AAAA-MM-JJ"))
                continue
            if found >= self.day:
                return found
            self.put(msg("une date qui n'est pas passée"))
