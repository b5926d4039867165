"""Sentences in the reader's language: French is written in the code, other languages are gettext catalogues.

A sentence without translation is shown in French rather than not at all; a test keeps the English catalogue complete.
What a profile says in both languages stands in the profile, not in a catalogue: :meth:`Translator.knowing` adds it.
"""

from __future__ import annotations

import gettext
from pathlib import Path
from typing import TYPE_CHECKING

from r2s_audit.model.text import fill

if TYPE_CHECKING:
    from collections.abc import Mapping

    from r2s_audit.model.profile import Profile
    from r2s_audit.model.text import Message

DOMAIN = "r2s_audit"
LANGUAGES = ("fr", "en")
LOCALE = Path(__file__).with_name("locale")


class Translator:
    """Says messages in one language."""

    def __init__(self, language: str, texts: Mapping[str, str] | None = None) -> None:
        """Load the catalogue of the language, if it needs one; ``texts``: translations that no catalogue has.

        Raises:
            ValueError: not one of LANGUAGES.
        """
        if language not in LANGUAGES:
            raise ValueError(f"unknown language: {language!r}")
        self.language = language
        self._texts: Mapping[str, str] = {} if language == "fr" or texts is None else texts
        self._catalogue: gettext.NullTranslations = gettext.NullTranslations()
        if language != "fr":
            self._catalogue = gettext.translation(DOMAIN, LOCALE, [language])

    def say(self, message: Message) -> str:
        """A message with its arguments, in this language."""
        return fill(self.text(message.template), message.args)

    def text(self, template: str) -> str:
        """A template in this language, its fields left alone."""
        if template in self._texts:
            return self._texts[template]
        return self._catalogue.gettext(template) if template else ""

    def knowing(self, profile: Profile) -> Translator:
        """A translator that also says in its language what a profile gives in both."""
        titles = (c.title for requirement in profile.requirements for c in requirement.criteria)
        return Translator(self.language, {title.fr: title.en for title in titles if title.en})
