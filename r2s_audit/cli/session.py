"""What every command shares: language, where to print, how to end."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from r2s_audit.i18n import Translator
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from r2s_audit.errors import R2SError
    from r2s_audit.model.profile import Profile
    from r2s_audit.model.text import Argument, Message


@dataclass(frozen=True, slots=True)
class Session:
    """One invocation."""

    translator: Translator

    def say(self, template: str, /, **args: Argument) -> str:
        """A sentence in the reader's language."""
        return self.translator.say(msg(template, **args))

    def tell(self, template: str, /, **args: Argument) -> None:
        """Say something to the person, on standard error: standard output is for results."""
        self.tell_message(msg(template, **args))

    def tell_message(self, message: Message) -> None:
        """The same for a sentence that somebody else made."""
        print(printable(self.translator.say(message)), file=sys.stderr)

    def complain(self, error: R2SError) -> None:
        """What an error found, expected and advises, on standard error."""
        self.tell("erreur : {error}", error=self.translator.say(error.message))
        if error.expected is not None:
            self.tell("attendu : {expected}", expected=self.translator.say(error.expected))
        if error.remedy is not None:
            self.tell("remède : {remedy}", remedy=self.translator.say(error.remedy))

    def advise(self, message: Message, *, remedy: Message) -> None:
        """A trouble that does not end the command, and what to do about it."""
        self.tell_message(message)
        self.tell("remède : {remedy}", remedy=self.translator.say(remedy))

    def reading(self, profile: Profile) -> Session:
        """The session once a profile has been read: it also speaks the profile's own sentences."""
        return Session(self.translator.knowing(profile))


def printable(text: str) -> str:
    """Text for a terminal: control characters (C0, C1, bidirectional) are shown, never obeyed (promise 8)."""
    return "".join(c if c in "\n\t" or c.isprintable() else escaped(c) for c in text)


def escaped(character: str) -> str:
    r"""``\x1b``, ``\u202e``, ``\U000e0001``: a character that must not reach a terminal."""
    return ascii(character)[1:-1]


def language_of(argv: list[str]) -> str:
    """The language asked for, looked up before the options are declared, since their help is in that language."""
    for position, word in enumerate(argv):
        if word == "--":
            break
        if word == "--lang" and position + 1 < len(argv):
            return argv[position + 1]
        if word.startswith("--lang="):
            return word.removeprefix("--lang=")
    return "fr"
