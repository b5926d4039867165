"""Sentences kept apart from their language: a template and its arguments.

The template is French (what an integrator reads) and is at the same time the key of the gettext catalogues. A whole
sentence is one template: nothing is glued from pieces. Arguments may come from devices and are therefore hostile until
a renderer has escaped them for its own format (promise 8).
"""

from __future__ import annotations

import re
from typing import TypeAlias

from pydantic import Field, FiniteFloat

from .base import Model

Argument: TypeAlias = str | int | FiniteFloat


class Message(Model):
    """One sentence: ``template`` with ``{name}`` fields, and the values of these fields."""

    template: str
    args: dict[str, Argument] = {}
    text: str = Field(default="", exclude_if=lambda value: not value)
    """The sentence in the language of a document; only there once a document has been made."""

    def in_french(self) -> str:
        """The sentence in the language of its template."""
        return fill(self.template, self.args)

    def __str__(self) -> str:
        """Same as :meth:`in_french`: a Message in a log is readable."""
        return self.in_french()


def fill(template: str, args: dict[str, Argument]) -> str:
    """Put the arguments into a template in one pass: an argument that itself holds ``{…}`` is never looked into."""

    def value(match: re.Match[str]) -> str:
        found = args.get(match[1], match[0])
        return f"{found:g}" if isinstance(found, float) else str(found)

    return re.sub(r"\{(\w+)\}", value, template)


def msg(template: str, /, **args: Argument) -> Message:
    """Mark a sentence for translation and bind its arguments (the extraction keyword of the catalogues)."""
    return Message(template=template, args=args)
