"""The verdict table: what has to be mended first, 80 columns whatever the names, nothing that a terminal would obey."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from r2s_audit.i18n import Translator
from r2s_audit.model.audit import Audit
from reports.terminal import MAX_REASON, render
from tests.reports.samples import audit, document

FRENCH, ENGLISH = Translator("fr"), Translator("en")
ESCAPES = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def reason(value: str, measured: str, **more: Any) -> dict[str, Any]:
    return {
        "criterion": "c", "check": "tls.versions", "subject": "sw port=443@P-ADM", "value": value,
        "expected": {"template": "TLSv1.3"}, "measured": {"template": "{text}", "args": {"text": measured}},
        "source": "hypothesis", "reference": "", **more,
    }  # fmt: skip


def criterion(worst: str, best: str) -> dict[str, Any]:
    return {"criterion": "c", "check": "tls.versions", "worst": worst, "best": best, "cells": 1}


BEST = {"N": "non_atteint", "P": "partiellement_atteint", "C": "atteint"}


def made(*rows: tuple[str, str, str, list[dict[str, Any]]], **changes: Any) -> Audit:
    """An audit of these requirements: identifier, worst, best, details."""
    data = document()
    data |= changes
    data["verdicts"] = [
        {
            "requirement": name, "title": "Titre", "theme": "T", "prerequisite": False,
            "verdict": BEST[worst] if worst == best else "non_evalue", "worst": BEST[worst], "best": BEST[best],
            "criteria": [criterion(worst, best)], "details": details, "reasons": ["une phrase"] * len(details),
        }
        for name, worst, best, details in rows
    ]  # fmt: skip
    cell = data["cells"]["cells"][0]
    data["cells"]["cells"] = [{**cell, "requirement": name, "finding": None} for name, *_ in rows]
    return Audit.model_validate(data)


def test_what_has_to_be_mended_comes_first() -> None:
    rows = [("A1", "C", "C"), ("A2", "N", "C"), ("A3", "P", "P"), ("A4", "N", "P"), ("A5", "N", "N")]
    text = render(made(*((name, worst, best, []) for name, worst, best in rows)), FRENCH, colour=False)
    assert re.findall(r"^ (A\d)\b", text, re.MULTILINE) == ["A5", "A3", "A4", "A2", "A1"]
    assert "non atteint : 1 ; partiellement atteint : 1 ; non évalué : 2 ; atteint : 1" in text
    assert re.search(r"A4 .*\n\s+au mieux\n?\s", text)


def test_measured_facts_come_before_what_is_not_known() -> None:
    details = [
        reason("non_verifie", "muet"),
        reason("N", "accepte TLSv1.0"),
        reason("P", "accepte une suite tolérée"),
        reason("non_verifie", "attend la sonde ssh", check=""),
    ]
    text = render(made(("A1", "N", "N", details)), FRENCH, colour=False)
    words = ["sw@P-ADM : accepte TLSv1.0", "tolérée", "autres constats non vérifiés : 1", "sans sonde : 1"]
    places = [text.index(word) for word in words]
    assert places == sorted(places)
    assert "muet" not in text
    assert "attend la sonde" not in text


def test_the_same_fact_is_said_once() -> None:
    details = [reason("N", "accepte TLSv1.0", subject=f"gw-{n} port=443@P-ADM") for n in range(40)]
    text = render(made(("A1", "N", "N", details)), FRENCH, colour=False)
    assert text.count("accepte TLSv1.0") == 1
    assert "gw-0@P-ADM (+39) :" in text


def test_more_facts_than_fit_are_counted() -> None:
    details = [reason("N", f"écart {n}") for n in range(9)] + [reason("P", f"tolérance {n}") for n in range(3)]
    text = render(made(("A1", "N", "N", details)), FRENCH, colour=False)
    assert "autres écarts constatés : 6" in text
    assert "autres écarts constatés : 1" in text


def test_unasked_and_outside_are_counted_apart() -> None:
    data = document()
    whole = made(("A1", "C", "C", []), ("A2", "N", "C", []))
    verdicts = [v.model_dump() for v in whole.verdicts] + [
        {**whole.verdicts[0].model_dump(), "requirement": "B1", "criteria": []}
    ]
    data |= {"verdicts": verdicts, "cells": {**data["cells"], "cells": [whole.cells.cells[0].model_dump()]}}
    text = render(Audit.model_validate(data), FRENCH, colour=False)
    assert "exigences non demandées, non évaluées : 1" in text
    assert "exigences hors de portée de la sonde, non évaluées : 1" in text
    assert " A2 " not in text


@pytest.mark.parametrize(
    ("translator", "words"), [(FRENCH, ["non atteint", "attendu"]), (ENGLISH, ["not met", "What explains it"])]
)
def test_the_sample_in_both_languages(translator: Translator, words: list[str]) -> None:
    text = render(made(("A1", "N", "N", [reason("N", "x")])), translator, colour=False)
    assert words[0] in text
    assert ("Ce qui l'explique" in text) == (translator is FRENCH)


def test_colour_is_for_terminals() -> None:
    whole = made(("A1", "N", "N", [reason("N", "x")]))
    plain, colour = render(whole, FRENCH, colour=False), render(whole, FRENCH, colour=True)
    assert "\x1b" not in plain
    assert "\x1b[1;31m" in colour
    assert [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", colour).splitlines()] == plain.splitlines()


def test_the_title_of_a_simulation_is_there() -> None:
    assert "simulation – barème hypothétique" in render(
        made(title="simulation – barème hypothétique"), FRENCH, colour=False
    )


HOSTILE = [
    "\x1b]0;pwned\x07\x1b[2J", "\u202egnp.exe", "\u2066x\u2069", "a\rb\nc\td", "é" * 65536, "漢字" * 30000, "👩‍👩‍👧‍👦" * 50,
    "a" * 65536, "[bold]x[/bold]", "{name} %s", "\u0301" * 500, "\ufeff\u200b\u00ad", "\x9b31m", "ﷺ" * 100,
]  # fmt: skip


def harmless(text: str) -> None:
    for line in text.splitlines():
        assert cell_len(line) <= 80, line
    assert not ESCAPES.search(text), ESCAPES.search(text)
    assert len(text) < 20_000


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_stay_within_their_columns(name: str) -> None:
    building = {**document()["building"], "name": name}
    details = [reason("N", name), reason("P", name, subject=f"{name}@P-ADM"), reason("non_verifie", name)]
    harmless(render(made(("A1", "N", "N", details), building=building, title=name), FRENCH, colour=False))


@settings(max_examples=100, deadline=None)
@given(name=st.text(), measured=st.text())
def test_no_text_leaves_its_columns(name: str, measured: str) -> None:
    details = [reason("N", measured, subject=f"{name} port=1@{name}")]
    harmless(render(made(("A1", "N", "N", details), title=name), ENGLISH, colour=False))


def test_a_long_reason_is_cut_and_says_so() -> None:
    text = render(made(("A1", "N", "N", [reason("N", "mot " * 1000)])), FRENCH, colour=False)
    assert "…" in text
    assert text.count("mot") <= MAX_REASON // 4


def test_the_shared_sample_renders() -> None:
    for translator in (FRENCH, ENGLISH):
        harmless(render(audit(), translator, colour=False))
