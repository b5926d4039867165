"""Sentences as HTML: the only way by which text reaches a page.

Everything that a page shows passes :meth:`Voice.text` or :meth:`Voice.say`: made visible, bounded, escaped. What is
filled into a sentence stands in a ``<bdi>``, so that a name written from right to left cannot turn its neighbours.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from r2s_audit.model.text import Message, msg
from reports.html.texts import TEXTS
from reports.visible import visible
from reports.words import MONTHS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from r2s_audit.i18n import Translator
    from r2s_audit.model.text import Argument

MAX_TEXT = 600
"""Characters of one value; a list of TLS suites fits, a 64 KiB name does not."""
MAX_BARE = 200
MAX_ARGUMENTS = 24
"""Fields of one sentence: ours have a handful."""
_FIELD = re.compile(r"\{(\w+)\}")
_FRENCH = re.compile(r" (?=[;:?!»])|(?<=«) ")
_CUT = msg("[suite coupée : {count} caractères]")


class Voice:
    """Says messages in one language, as HTML."""

    def __init__(self, translator: Translator) -> None:
        """Speak the translator's language."""
        self._translator = translator
        self.language = translator.language

    def text(self, value: object) -> Markup:
        """One value; ``Markup`` is ours already.

        Raises:
            TypeError: something that is no text: a template shows only what was prepared for it.
        """
        if isinstance(value, Markup):
            return value
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise TypeError(f"{type(value).__name__} is no text")
        kept, cut = visible(f"{value:g}" if isinstance(value, float) else str(value), MAX_TEXT)
        if not cut:
            return escape(kept)
        told = self._translator.say(Message(template=_CUT.template, args={"count": self.number(cut)}))
        return Markup('{}… <span class="cut">{}</span>').format(kept, told)

    def say(self, message: Message) -> Markup:
        """A sentence; its template may come from a file as well and is escaped like its arguments."""
        return self._fill(message.template, message.args)

    def t(self, name: str, /, **args: Argument) -> Markup:
        """One of the report's own sentences, by name, with whole numbers as counts; KeyError for an unknown name."""
        counts = {k: escape(self.number(v)) if isinstance(v, int) else v for k, v in args.items()}
        return self._fill(TEXTS[name].template, counts)

    def _fill(self, template: str, args: Mapping[str, Argument]) -> Markup:
        words, cut = visible(self._spaced(self._translator.text(template)), 2 * MAX_TEXT)
        split = _FIELD.split(words + "…" * bool(cut), maxsplit=MAX_ARGUMENTS)
        out = [escape(split[0])]
        for name, following in zip(split[1::2], split[2::2], strict=True):
            out += [self._argument(args.get(name, f"{{{name}}}")), escape(following)]
        return Markup("").join(out)

    def _spaced(self, sentence: str) -> str:
        """French puts a no-break space before these signs: a line never begins with one of them."""
        return _FRENCH.sub("\u00a0", sentence) if self.language == "fr" else sentence

    def _argument(self, value: Argument) -> Markup:
        if isinstance(value, str) and not isinstance(value, Markup):
            return Markup("<bdi>{}</bdi>").format(self.text(value))
        return self.text(value)

    def bare(self, value: str) -> str:
        """A value for an attribute or a title, where there is room for text alone; not yet escaped."""
        kept, cut = visible(value, MAX_BARE)
        return kept + "…" * bool(cut)

    def plain(self, name: str, /, **args: Argument) -> str:
        """One of the report's own sentences for an attribute or the style sheet; not yet escaped."""
        bare = {k: self.bare(v) if isinstance(v, str) else v for k, v in args.items()}
        return self.bare(self._translator.say(Message(template=TEXTS[name].template, args=bare)))

    def date(self, moment: datetime) -> Markup:
        """A day as people write it."""
        return self._fill(MONTHS[moment.month - 1].template, {"day": moment.day, "year": moment.year})

    @staticmethod
    def number(value: int) -> str:
        """An integer with its thousands apart (no-break spaces, as both languages read them)."""
        return f"{value:,}".replace(",", "\u202f")
