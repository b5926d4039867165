"""The catalogue of services: the label's 42, in its document's own words, and nothing invented beside them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from r2s_audit.errors import FileProblems
from r2s_audit.files.packaged import named
from r2s_audit.files.profile import load_profile
from r2s_audit.files.services import load_services, parse_services, services_of

PROFILE = load_profile("r2s-residentiel-2019").profile
LOADED = load_services("r2s-residentiel-2019", PROFILE)
CATALOGUE = LOADED.catalogue

TABLE = {
    # family: (services, points logement, bâtiment, total, thresholds in the table and in the chart)
    "energie": (8, 3, 5, 8, (3,)),
    "confort": (4, 4, 2, 6, (2,)),
    "securite": (8, 5, 3, 8, (3, 4)),
    "usages-numeriques": (7, 4, 5, 9, (3,)),
    "e-sante": (5, 5, 0, 5, (2,)),
    "services-partages": (6, 0, 6, 6, (2,)),
    "services-generaux": (4, 0, 4, 4, (2,)),
}


def test_the_table_of_families():
    found = {
        f.id: (
            len(f.services),
            f.points_logement.value,
            f.points_batiment.value,
            f.points_total.value,
            tuple(v.threshold.value for v in f.vignette),
        )
        for f in CATALOGUE.families
    }
    assert found == TABLE
    assert sum(len(f.services) for f in CATALOGUE.families) == 42
    assert sum(f.points_total.value for f in CATALOGUE.families) == 46


def test_services_are_numbered_by_family():
    for place, family in enumerate(CATALOGUE.families, 1):
        assert [s.id for s in family.services] == [f"{place}.{n}" for n in range(1, len(family.services) + 1)]


def test_only_the_service_without_text_has_none():
    services = [s for family in CATALOGUE.families for s in family.services]
    assert [s.id for s in services if s.objective is None or s.description is None] == ["3.8"]
    assert {s.id: s.map_title for s in services if s.map_title} == {
        "1.6": "Maitrise des facteurs d'infleunce des consommations énergétiques"
    }
    assert {s.source.value for s in services} == {"seed"}


def test_what_the_document_leaves_open_is_a_hypothesis():
    (security,) = (f for f in CATALOGUE.families if f.id == "securite")
    assert [(v.threshold.value, v.threshold.source.value) for v in security.vignette] == [
        (3, "seed"),
        (4, "hypothesis"),
    ]
    links = [link for f in CATALOGUE.families for s in f.services for link in s.corroborated_by]
    assert links
    assert {link.source.value for link in links} == {"hypothesis"}


def test_a_profile_names_its_catalogue():
    found = services_of(PROFILE)
    assert found is not None
    assert found.digest == LOADED.digest
    assert services_of(PROFILE.model_copy(update={"services": None})) is None


WRONG = {
    "count": (
        "{value: 8, source: seed, reference: les 7",
        "{value: 9, source: seed, reference: les 7",
        "8, le nombre de services listés",
    ),
    "points": ("points_total: {value: 8", "points_total: {value: 7", "8, somme des points"),
    "threshold": ("threshold: {value: 2", "threshold: {value: 12", "au plus 4, le nombre de services"),
    "double": ('- id: "1.2"', '- id: "1.1"', "une valeur différente"),
    "criterion": ("criteria: [C1.3-service]", "criteria: [C1.3-servise]", "C1.3-servise : C1.3-service ?"),
    "no text": ("objective: null", "objectif: null", "objectif : objective ?"),
    "source": ("        source: seed\n", "        source: sed\n", "sed : seed ?"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_malformed_catalogue_is_told_with_its_line(name):
    before, after, words = WRONG[name]
    text = named("r2s-residentiel-2019", "services")[0].decode()
    assert before in text
    with pytest.raises(FileProblems) as refused:
        parse_services(text.replace(before, after, 1).encode(), "s.yaml", PROFILE)
    assert words in str(refused.value)
    assert all(problem.line > 1 and problem.file == "s.yaml" for problem in refused.value.problems)


def squeezed(text):
    return re.sub(r"\s+", "", text)


def test_every_word_is_the_document_s():
    directory = os.environ.get("R2S_SEEDS")
    if not directory:
        pytest.skip("R2S_SEEDS does not name the directory of the label's document")
    (found,) = Path(directory).glob("000_*.txt")
    document = squeezed(found.read_text(encoding="utf-8"))
    compared = 0
    for family in CATALOGUE.families:
        for text in (family.title, *family.printed):
            assert squeezed(text) in document, text
        for service in family.services:
            assert squeezed(f"{service.id} {service.title}") in document, service.id
            for text in (service.map_title, service.objective, service.description):
                if text is not None:
                    assert squeezed(text) in document, text
                    compared += 1
    assert compared == 2 * 41 + 1
