"""What the page says: everything that the document holds, in both languages, within bounds."""

from __future__ import annotations

import re
import time
import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import reports.html
from r2s_audit.i18n import Translator
from r2s_audit.model.finding import Value
from r2s_audit.model.score import PointsInterval
from r2s_audit.model.site import Stage
from r2s_audit.model.verdict import VerdictValue
from reports import words
from reports.html import render
from reports.html.findings import LISTED, gather
from reports.html.points import percent, share
from reports.html.texts import TEXTS
from reports.material import Material
from tests.reports.page import Page, faults
from tests.reports.samples import DIGEST, audit, finding, message, observation, profile, site

FRENCH = Translator("fr")


def full() -> Material:
    return Material(audit(), profile(), site(), {"3-abc": observation()})


def text_of(material: Material) -> str:
    return Page(render(material, FRENCH)).text.replace("\u00a0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(
    "said",
    [
        "Résidence d'essai",
        "simulation – barème hypothétique",
        "4 mars 2026",
        "2026-03-04 05:06:07 UTC",
        "D-1",
        "Ada",
        "ada@example.test",
        "M-7",
        "du 2026-01-01 au 2026-12-31",
        "Profil d'essai",
        # passes
        "P01",
        "P02",
        "écartée",
        "câble débranché",
        "jamais fermée",
        "1 443",
        "12, dont 2 sans résultat",
        "02:00:00:00:00:01",
        # verdicts, criteria, findings
        "✕ non atteint",
        "entre non conforme et conforme",
        "Titre de iso",
        "norme ou guide : RFC 4941, § 3",
        "10.0.0.1 hors d'atteinte",
        "port ouvert en 0.5 ms",
        "sw port=443@P-LOG",
        "3-abc",
        "ValueError: boum",
        "non conforme : 1, partiel : 1, conforme : 2",
        "attend la sonde dot1x",
        # score
        "2 à 9 sur 10",
        "4 à 16 sur 20",
        "20 % acquis – 80 % possibles",
        "aucun niveau possible (prérequis non atteints : 1)",
        # sources
        "ports = 22, 443 (hypothèse de ce profil)",
        "document du label : 0 ; norme ou guide : 4 ; hypothèse : 0",
        # observations and digests
        "vlan.window@P-LOG>sw?port=443",
        "syn-ack",
        "empreinte des octets caviardés",
        DIGEST,
        "12 345",
        "L'organisme de label décide.",
        "Contrôles ou mesures en erreur interne : 1.",
    ],
)
def test_the_page_says(said: str) -> None:
    assert said in text_of(full())


def test_a_title_of_a_simulation_only_where_it_is_one() -> None:
    def certified(data: dict[str, Any]) -> None:
        data.update(simulation=False, title="")

    html = render(Material(audit(certified), profile()), FRENCH)
    assert "simulation" not in html
    assert faults(html) == []


def test_a_document_alone_says_what_it_lacks() -> None:
    said = text_of(Material(audit()))
    assert "les titres et les sources de certains critères manquent" in said
    assert "Le dossier de preuves n'accompagnait pas ce document" in said
    assert "norme ou guide : RFC 4941, § 3" in said, "the reasons carry the source of what is not conforme"
    assert "3-abc" in said


def test_an_empty_audit_claims_nothing() -> None:
    def empty(data: dict[str, Any]) -> None:
        data.update(passes=[], findings=[], verdicts=[], parties=[], mandate=None)
        data["cells"] = {"planned": 0, "reported": 0, "states": {}, "cells": []}
        data["score"].update(themes=[], total={"worst": "0", "best": "0", "maximum": "0"})

    html = render(Material(audit(empty)), FRENCH)
    said = Page(html).text.replace("\u00a0", " ")
    assert faults(html) == []
    assert "Aucune passe : rien n'a été mesuré." in said
    assert "Aucun constat de filtrage" in said
    assert "100 %" not in said.replace("de 0 à 100 %", ""), "nothing scheduled is not 100 %"


def test_the_same_input_gives_the_same_bytes() -> None:
    assert render(full(), FRENCH) == render(full(), FRENCH)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_both_languages_are_whole_pages(language: str) -> None:
    html = render(full(), Translator(language))
    assert f'<html lang="{language}">' in html
    assert faults(html) == []


def test_english_says_the_profile_s_titles_and_no_french_sentence_of_the_page() -> None:
    english = Translator("en")
    lacking = [m.template for m in TEXTS.values() if english.text(m.template) == m.template and len(m.template) > 30]
    lacking = [template for template in lacking if re.search(r"[éèàç]| le | la | les | de ", template)]
    said = Page(render(full(), english)).text
    assert "Title of iso" in said
    assert lacking == []


def test_every_sentence_of_the_page_is_used() -> None:
    """StrictUndefined and KeyError find names that are missing; this finds sentences that nobody says."""
    room = Path(reports.html.__file__).parent
    code = "".join(path.read_text("utf-8") for path in [*room.glob("*.py"), *room.glob("templates/*.html")])
    said = set(re.findall(r"""(?:\bt|plain)\(\s*"(\w+)\"""", code)) | {"bar_fixed", "bar_range"}
    said |= set(re.findall(r"""\("[a-z]+", "([a-z]+)"\)""", code)) | {"no_finding"}
    assert set(TEXTS) - said == set()


def test_every_word_of_the_model_has_a_name() -> None:
    assert set(words.VERDICTS) == set(VerdictValue)
    assert set(words.VALUES) == set(Value)
    assert set(words.STAGES) == set(Stage)
    symbols = [mark.symbol for mark in words.VALUES.values()]
    assert len(set(symbols)) == len(symbols), "symbols alone tell the values apart, in black and white"


def test_a_symbol_and_a_word_go_with_every_colour() -> None:
    page = Page(render(full(), FRENCH))
    chips = [attrs for tag, attrs in page.elements if tag == "span" and dict(attrs).get("class", "").startswith("chip")]
    symbols = page.having("span", class_="symbol")
    assert chips
    assert len(symbols) >= len(chips)


# --- bars


@pytest.mark.parametrize(
    ("worst", "best", "maximum", "certain", "possible"),
    [
        ("0", "0", "20", "0", "0"),
        ("10", "20", "20", "50", "100"),
        ("40/3", "13.5", "20", "67", "68"),
        ("0.1", "19.9", "20", "< 1", "> 99"),
    ],
)
def test_shares_of_points(worst: str, best: str, maximum: str, certain: str, possible: str) -> None:
    found = share([PointsInterval(worst=worst, best=best, maximum=maximum)])
    assert found is not None
    assert (percent(found.certain), percent(found.possible)) == (certain, possible)


@pytest.mark.parametrize(
    "text", ["", "x", "1e9", "1e999999999", "-1", "1/0", "½", "٣", "1 000", "9" * 5000, "inf", "nan"]
)
def test_what_is_no_number_of_points_draws_no_bar(text: str) -> None:
    assert share([PointsInterval(worst="0", best=text, maximum="20")]) is None


@pytest.mark.parametrize(("worst", "best", "maximum"), [("3", "2", "4"), ("0", "5", "4"), ("0", "0", "0")])
def test_an_interval_out_of_order_draws_no_bar(worst: str, best: str, maximum: str) -> None:
    assert share([PointsInterval(worst=worst, best=best, maximum=maximum)]) is None


@given(st.fractions(0, 1, max_denominator=100), st.fractions(0, 1, max_denominator=100))
def test_a_bar_has_the_lengths_of_its_interval(one: Fraction, other: Fraction) -> None:
    low, high = sorted((one, other))

    def points(data: dict[str, Any]) -> None:
        data["score"]["total"] = {"worst": str(20 * low), "best": str(20 * high), "maximum": "20"}

    page = Page(render(Material(audit(points)), FRENCH))
    certain = [r for r in page.having("rect", class_="certain") if r["width"].endswith("%")][1]
    possible = [r for r in page.having("rect", class_="possible") if r["width"].endswith("%")][1]
    assert abs(float(certain["width"].rstrip("%")) - float(100 * low)) < 0.001
    assert possible["x"] == certain["width"]
    assert abs(float(possible["width"].rstrip("%")) - float(100 * (high - low))) < 0.001


def test_a_bar_says_its_interval_in_words() -> None:
    labels = [attrs["aria-label"] for attrs in Page(render(full(), FRENCH)).having("svg", role="img")]
    assert "Thème : 20 % acquis, 80 % possibles" in labels


# --- bounds: nothing vanishes


def crowd(count: int, value: str) -> Any:
    def change(data: dict[str, Any]) -> None:
        data["findings"] = [finding("vlan.tcp-isolated", f"d{n}", "P-LOG", value) for n in range(count)]
        subjects = [f["subject"] for f in data["findings"]]
        data["cells"]["cells"] = [
            {
                "requirement": "A1",
                "criterion": "iso",
                "check": "vlan.tcp-isolated",
                "subject": s,
                "state": value,
                "finding": n,
            }
            for n, s in enumerate(subjects)
        ]
        data["cells"].update(planned=count, reported=count)

    return change


@pytest.mark.parametrize("value", ["N", "P", "C", "non_verifie"])
def test_what_is_not_listed_is_counted(value: str) -> None:
    said = text_of(Material(audit(crowd(1000, value))))
    assert f"Constats non listés ici : {1000 - LISTED}." in said
    assert "cellules : 4" in said


def test_a_hundred_thousand_findings_render_in_bounded_time_and_size() -> None:
    large = Material(audit(crowd(100_000, "N")))
    began = time.perf_counter()
    html = render(large, FRENCH)
    seconds = time.perf_counter() - began
    assert len(html) < 1_000_000
    assert "Cibles non montrées ici" in Page(html).text
    assert seconds < 20, "about two seconds on one core"


def test_what_a_page_needs_does_not_grow_with_what_it_does_not_show() -> None:
    peaks = []
    for count in (1000, 10_000):
        many = Material(audit(crowd(count, "N")))
        render(many, FRENCH)
        tracemalloc.start()
        render(many, FRENCH)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 1500 * 9000, "bytes for each of the nine thousand more: the counts of its target"


def test_every_finding_is_in_the_counts_of_its_criterion() -> None:
    document = audit()
    groups = gather(document)
    judged = [c for c in document.cells.cells if c.check]
    assert sum(g.counts.total() for g in groups.values()) == len(judged)
    assert groups["A1", "iso"].counts == {Value.NON_CONFORME: 1, Value.PARTIEL: 1, Value.CONFORME: 2}


def test_a_document_without_its_cells_still_lists_its_reasons() -> None:
    def bare(data: dict[str, Any]) -> None:
        data["cells"].update(cells=[])

    assert "port ouvert en 0.5 ms" in text_of(Material(audit(bare)))


def test_a_finding_number_that_leads_nowhere_is_a_cell_without_finding() -> None:
    def lost(data: dict[str, Any]) -> None:
        data["cells"]["cells"][0]["finding"] = 999
        data["cells"]["cells"][1]["finding"] = -1

    assert "cellule prévue au plan, sans constat" in text_of(Material(audit(lost)))


# --- what was not evaluated


def test_open_cells_are_grouped_by_reason() -> None:
    def many(data: dict[str, Any]) -> None:
        details = data["verdicts"][0]["details"]
        one = next(d for d in details if d["criterion"] == "tls")
        data["verdicts"][0]["details"] = details + [
            {**one, "subject": f"d{n} port=443", "measured": message("délai de {n} s dépassé", n=n)} for n in range(40)
        ]

    page = Page(render(Material(audit(many)), FRENCH))
    assert page.text.count("délai de") == 1, "sentences that differ by their arguments alone are one reason"
    assert re.search(r"délai de\s+0\s+s dépassé\s+Par exemple\s+:\s+d0 port=443\s+40", page.text)


def test_the_three_kinds_of_not_knowing_stand_apart() -> None:
    said = text_of(full())
    order = ["Prévu, tenté ou attendu", "Aucune sonde de cette version", "Hors de portée d'une sonde réseau"]
    places = [said.rindex(title) for title in order]
    assert places == sorted(places)
    assert said.index("Exigence B1", places[2]) > places[2]
