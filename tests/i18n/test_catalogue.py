"""Every sentence has its English, with the same fields; nothing that a reader sees is made at run time."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from r2s_audit.errors import FileProblems, InternalError, Problem, R2SError
from r2s_audit.i18n import LANGUAGES, Translator
from r2s_audit.model.text import msg
from tests.builders import criterion, profile

ROOT = Path(__file__).resolve().parents[2]
KEYWORDS = {"msg", "say", "tell"}

PASS_THROUGH = {
    "r2s_audit/cli/session.py": {"template"},  # say(template) and tell(template): the sentence is the caller's
}
"""Where a keyword is given a name instead of a sentence, on purpose; everything else is a literal or a Message."""


@cache
def tool() -> Any:
    spec = importlib.util.spec_from_file_location("messages", ROOT / "packaging/messages.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def extracted() -> frozenset[str]:
    return frozenset(sentence for sentence, _ in tool().sentences())


@cache
def catalogue() -> dict[str, str]:
    with tool().path_of("en", ".po").open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file, abort_invalid=True) if m.id}


def fields(template: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", template))


def calls() -> Iterator[tuple[str, ast.Call]]:
    for package in tool().PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and node.args:
                    function = node.func
                    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                    if name in KEYWORDS:
                        yield str(path.relative_to(ROOT)), node


def test_every_sentence_has_its_english() -> None:
    assert len(extracted()) > 500
    assert sorted(s for s in extracted() if not catalogue().get(s)) == [], "make messages, then translate"


def test_translations_keep_the_fields() -> None:
    wrong = {fr: en for fr, en in catalogue().items() if en and fields(fr) != fields(en)}
    assert wrong == {}


def test_translations_are_not_the_french() -> None:
    """An accented letter betrays a sentence that was copied; names of ours may have one."""
    copied = [fr for fr, en in catalogue().items() if fr == en and re.search(r"[éèêàçùô]", fr)]
    assert copied == []


def test_compiled_catalogue_is_that_of_the_source() -> None:
    compiled = tool().path_of("en", ".mo").read_bytes()
    with tool().path_of("en", ".po").open("rb") as file:
        assert compiled == tool().as_mo(read_po(file, locale="en")), "make messages"


def test_no_template_is_built_at_run_time() -> None:
    """``msg`` and ``tell`` take literals; so does a session's ``say``. A translator's ``say`` takes a Message (mypy)."""
    seen = 0
    for path, call in calls():
        first = call.args[0]
        seen += 1
        where = f"{path}:{call.lineno}: {ast.unparse(call)[:80]}"
        if isinstance(first, ast.Constant):
            assert isinstance(first.value, str), where
            continue
        if ast.unparse(first) in PASS_THROUGH.get(path, set()):
            continue
        function = ast.unparse(call.func)
        assert function.endswith("say"), where
        assert not isinstance(first, ast.JoinedStr | ast.BinOp | ast.IfExp), where
        if path.startswith("r2s_audit/cli/"):
            assert function.endswith("translator.say"), where
    assert seen > 500


def test_the_extraction_misses_no_literal() -> None:
    """Babel reads tokens: a call inside an f-string would escape it."""
    literals = {call.args[0].value for _, call in calls() if isinstance(call.args[0], ast.Constant)}
    assert {str(text) for text in literals if text} - extracted() == set()


def test_no_error_is_raised_with_plain_text() -> None:
    errors = {"UsageError", "OutOfScope", "RecordError", "LabError", "OverBudget", "GateRefused", "WireUnavailable"}
    seen = 0
    for package in tool().PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in errors:
                    seen += 1
                    for value in (*node.args, *(keyword.value for keyword in node.keywords)):
                        assert not isinstance(value, ast.Constant | ast.JoinedStr), f"{path}:{node.lineno}"
    assert seen > 40


@pytest.mark.parametrize("language", LANGUAGES)
def test_arguments_are_never_translated_nor_looked_into(language: str) -> None:
    said = Translator(language).say(msg("option inconnue : {name}", name="{language} atteint"))
    assert said.endswith("{language} atteint")


@given(st.text())
def test_an_unknown_sentence_is_said_as_it_is(text: str) -> None:
    for language in LANGUAGES:
        assert Translator(language).text(text) in {text, catalogue().get(text)}


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="'de'"):
        Translator("de")


def test_a_profile_brings_its_own_english() -> None:
    label = profile(
        [criterion("c1", "essai.each", title={"fr": "Pare-feu", "en": "Firewall"}), criterion("c2", "essai.each")]
    )
    english, french = (Translator(language).knowing(label) for language in ("en", "fr"))
    assert (english.text("Pare-feu"), french.text("Pare-feu"), english.text("c2")) == ("Firewall", "Pare-feu", "c2")


def test_errors_are_readable_in_french_and_sayable_in_english() -> None:
    error = R2SError(
        msg("commande inconnue : {name}", name="x"), expected=msg("un fichier"), remedy=msg("attendre sa fin")
    )
    assert str(error) == "commande inconnue : x\nun fichier"
    assert Translator("en").say(error.message) == "unknown command: x"
    assert str(InternalError("plain {braces}")) == "plain {braces}"


@pytest.mark.parametrize("near", ["", "vlan ?"])
@pytest.mark.parametrize("path", ["", "vlans[0]"])
def test_problems_are_one_sentence_in_each_language(path: str, near: str) -> None:
    problem = Problem("site.yaml", 3, path, "a", "b", near)
    french, english = str(problem), Translator("en").say(problem.message)
    for text in (french, english):
        assert text.startswith("site.yaml:3: ")
        assert (path in text, near in text) == (True, True)
    assert ("attendu : b" in french, "expected: b" in english) == (True, True)
    assert str(FileProblems([problem])) == french
