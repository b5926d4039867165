"""The two parsers that turn text into YAML events, and what makes them agree.

Documents of ordinary form give the same events from both; in exotic forms one may refuse what the other reads, but
never do both read something different (a test compares them).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Events: TypeAlias = "Callable[[str], Iterator[Any]]"


def fast_events(text: str) -> Iterator[Any]:
    """The events of libyaml; raises ImportError where ruamel.yaml.clib is missing."""
    from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined]  # no __all__  # noqa: PLC0415 - loaded with the first file, not with the program

    parser = CParser(text)
    while (event := parser.get_event()) is not None:
        yield event


def pure_events(text: str) -> Iterator[Any]:
    """The events of ruamel.yaml's parser in Python, about twenty times slower."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - see fast_events

    yield from YAML(typ="safe", pure=True).parse(text)


def events(text: str) -> Iterator[Any]:
    """The events of the fastest parser that is installed."""
    try:
        from ruamel.yaml import cyaml  # noqa: F401, PLC0415 - only asks whether it is there
    except ImportError:
        return pure_events(text)
    return fast_events(text)


_CONTENT = re.compile(r":(?<![\"'\]}]:)(?![\s,\[\]{}]|$)|\?(?<=[^\s,\[\]{}\"'][?])(?![\s,\[\]{}]|$)")
"""A colon or a question mark that can only be content: nothing ends after it, no quote or bracket closes before it."""
_SHIELDS = {":": "\ufdd0", "?": "\ufdd1"}
"""Noncharacters (decoding refuses them in a file) that stand for these signs while libyaml reads."""


def shielded(text: str) -> str:
    """The text with content signs out of the parser's sight.

    libyaml as ruamel.yaml.clib has it follows YAML 1.1: it refuses ``{prefix: fd00:1::/64}`` and ``[00:11:22:33:44:55]``,
    which YAML 1.2.2 (section 7.3.3) reads as plain texts. Both parsers get the same shielded text.
    """
    return _CONTENT.sub(lambda match: _SHIELDS[match[0]], text)


def unshielded(text: str) -> str:
    """A scalar with its own signs back."""
    for sign, shield in _SHIELDS.items():
        if shield in text:
            text = text.replace(shield, sign)
    return text
