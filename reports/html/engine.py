"""The template engine: escaping on, an undefined name an error, and every value said by the voice of the page.

One engine serves all pages: templates are compiled once. The voice (the language) is a value of each page.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, FunctionLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from reports.html.voice import Voice

if TYPE_CHECKING:
    from markupsafe import Markup

    from r2s_audit.model.text import Argument, Message


@cache
def environment() -> Environment:
    """The engine; a page is rendered with ``voice``, a :class:`Voice`, among its values."""
    made = Environment(
        loader=FunctionLoader(source),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(t=_t, plain=_plain)
    made.filters.update(say=_say, bare=_bare, date=_date, count=Voice.number, moment=_moment)
    return made


def source(name: str) -> str:
    """A template or the style sheet."""
    return files("reports.html.templates").joinpath(name).read_text("utf-8")


def _voice(context: Context) -> Voice:
    voice = context["voice"]
    if not isinstance(voice, Voice):
        raise TypeError("a page needs a voice")
    return voice


@pass_context
def _finalize(context: Context, value: object) -> Markup:
    return _voice(context).text(value)


@pass_context
def _t(context: Context, name: str, /, **args: Argument) -> Markup:
    return _voice(context).t(name, **args)


@pass_context
def _plain(context: Context, name: str, /, **args: Argument) -> str:
    return _voice(context).plain(name, **args)


@pass_context
def _say(context: Context, message: Message) -> Markup:
    return _voice(context).say(message)


@pass_context
def _bare(context: Context, value: str) -> str:
    return _voice(context).bare(value)


@pass_context
def _date(context: Context, moment: datetime) -> Markup:
    return _voice(context).date(moment)


def _moment(moment: datetime) -> str:
    """An instant, in UTC, to the second; one that no calendar holds in UTC stays as it is written."""
    try:
        moment = moment.astimezone(UTC) if moment.tzinfo else moment
    except OverflowError:
        return moment.isoformat(" ", "seconds")
    return moment.replace(tzinfo=None).isoformat(" ", "seconds")
