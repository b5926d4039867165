"""Every command explains itself in both languages, plainly, in 80 columns."""

from __future__ import annotations

import re

import pytest

from r2s_audit import __version__
from tests.cli.support import COMMANDS, CommandLine

ENGLISH = re.compile(r"Show this message|\[default|\[required\]|COMMAND \[ARGS\]|Commands:|\bthe\b|\bMissing\b")
FRENCH = re.compile(r"[éèêàçùôœ]|Cette aide|par défaut|obligatoire|\ble\b|\bles\b|\bun\b")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(("language", "foreign"), [("fr", ENGLISH), ("en", FRENCH)])
def test_help_is_in_one_language(
    cli: CommandLine, words: tuple[str, ...], language: str, foreign: re.Pattern[str]
) -> None:
    ended = cli("--lang", language, *words, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert "Usage" in ended.out
    text = re.sub(r"Réseau Smart|R2S\s+Résidentiel", "", ended.out)  # names
    assert not foreign.search(text), foreign.search(text)
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "\x1b" not in ended.out


def test_help_names_every_command(cli: CommandLine) -> None:
    out = cli("--help").out
    assert all(re.search(rf"^  {words[0]}\b", out, re.MULTILINE) for words in COMMANDS if len(words) == 1)


def test_no_word_is_a_question_for_help(cli: CommandLine) -> None:
    assert cli().out == cli("--help").out


def test_the_demonstration_says_how_it_ends(cli: CommandLine) -> None:
    assert re.search(r"Code de fin\s*:\s*0", cli("demo", "--help").out)


@pytest.mark.parametrize("words", [("--version",), ("--lang", "en", "--version")])
def test_version(cli: CommandLine, words: tuple[str, ...]) -> None:
    assert cli(*words).out == f"r2s-audit {__version__}\n"
