"""What a well-typed profile may still have wrong."""

from __future__ import annotations

import pytest

from r2s_audit.model.site import NotApplicable
from r2s_audit.scoring.consistency import inconsistencies, unknown_checks, unknown_declarations
from tests.scoring.building import criterion, level, profile, requirement, share, sourced


def sound():
    first = requirement(
        "A",
        [criterion("A-0"), criterion("A-1", share("1", "4/5")), criterion("A-2", check=None)],
        {"tiers": {"atteint": ["A-0", {"any": ["A-1", "A-2"]}], "partiel": [{"any": ["A-1", "A-0"]}]}},
        prerequisite=sourced(True),
    )
    return profile(first, requirement("B"), levels=[level("un", 4, 1), level("deux", 16, 1)])


def changed(path, value):
    """The sound profile with one value of the file replaced."""
    label = sound()
    data = label.model_dump(by_alias=True, mode="json")
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return type(label).model_validate(data)


def test_a_sound_profile_has_nothing_wrong():
    assert inconsistencies(sound()) == []


A_RULE = ("requirements", 0, "rule")
CASES = {
    "points that do not add up": (
        ("themes", 0, "points_logement", "value"),
        7,
        [(("themes", 0, "points_logement", "value"), "7", "6, somme des exigences du thème T")],
    ),
    "a fraction among the points": (
        ("requirements", 1, "points", "batiment", "value"),
        "16/3",
        [(("themes", 0, "points_batiment", "value"), "10", "31/3, somme des exigences du thème T")],
    ),
    "a number of requirements": (
        ("themes", 0, "requirements", "value"),
        3,
        [(("themes", 0, "requirements", "value"), "3", "2, somme des exigences du thème T")],
    ),
    "a number of prerequisites": (
        ("requirements", 1, "prerequisite", "value"),
        True,
        [(("themes", 0, "prerequisites", "value"), "1", "2, somme des exigences du thème T")],
    ),
    "a level beyond the total": (
        ("levels", 1, "points", "value"),
        17,
        [(("levels", 1, "points", "value"), "17", "au plus 16, total des thèmes")],
    ),
    "levels out of order": (
        ("levels", 1, "points", "value"),
        4,
        [(("levels", 1, "points", "value"), "4", "plus que 4, niveau précédent")],
    ),
    "a level that needs too many prerequisites": (
        ("levels", 0, "prerequisites", "value"),
        2,
        [(("levels", 0, "prerequisites", "value"), "2", "au plus 1, nombre de prérequis des thèmes")],
    ),
    "a level twice": (
        ("levels", 1, "id"),
        "un",
        [(("levels", 1, "id"), "un", "un identifiant qui ne sert qu'une fois dans le profil")],
    ),
    "a requirement twice": (
        ("requirements", 1, "id"),
        "A",
        [(("requirements", 1, "id"), "A", "un identifiant qui ne sert qu'une fois dans le profil")],
    ),
    "a threshold of nothing": (
        ("requirements", 0, "criteria", 1, "over", "partiel", "value"),
        "0",
        [
            (
                ("requirements", 0, "criteria", 1, "over", "partiel", "value"),
                "0",
                "plus que 0 : rien de conforme n'est jamais partiel",
            )
        ],
    ),
    "criteria without a rule": (
        A_RULE,
        None,
        [(("requirements", 0, "criteria"), "A-0", "une règle qui s'en serve")],
    ),
    "a leaf that does not exist": (
        (*A_RULE, "tiers", "atteint", 1, "any", 1),
        "A-9",
        [
            (("requirements", 0, "rule", "tiers", "atteint", 1, "any", 1), "A-9", "un critère de l'exigence A"),
            (("requirements", 0, "criteria", 2, "id"), "A-2", "un critère que la règle de l'exigence A emploie"),
        ],
    ),
    "a criterion that the rule forgets": (
        A_RULE,
        {"all": ["A-0", {"cap": {"rule": "A-1", "unless": {"grade": {"rule": "A-0", "worst": "P"}}, "at": "P"}}]},
        [(("requirements", 0, "criteria", 2, "id"), "A-2", "un critère que la règle de l'exigence A emploie")],
    ),
    "tiers that are not nested": (
        A_RULE,
        {"all": [{"tiers": {"atteint": ["A-0"], "partiel": ["A-0", {"all": ["A-1", "A-2"]}]}}]},
        [
            (
                ("requirements", 0, "rule", "all", 0, "tiers", "partiel", 1),
                "A-1, A-2",
                "une condition qu'« atteint » contient aussi : les paliers sont emboîtés",
            )
        ],
    ),
}


@pytest.mark.parametrize(("path", "value", "expected"), CASES.values(), ids=CASES.keys())
def test_what_is_wrong_is_found_in_its_place(path, value, expected):
    assert [tuple(found) for found in inconsistencies(changed(path, value))] == expected


def test_a_theme_that_does_not_exist():
    found = inconsistencies(changed(("requirements", 1, "theme"), "X"))
    assert (("requirements", 1, "theme"), "X", "un thème du profil") in [tuple(f) for f in found]
    assert len(found) == 4  # the theme that it left has three figures wrong


def test_a_criterion_identifier_is_unique_in_the_whole_profile():
    label = profile(*(requirement(name, [criterion("same")], "same") for name in "AB"))
    assert [f.path for f in inconsistencies(label)] == [("requirements", 1, "criteria", 0, "id")]


def test_unknown_checks_and_declarations():
    label = sound()
    assert unknown_checks(label, {"family.check"}) == []
    assert [(f.path, f.found) for f in unknown_checks(label, ["family.chek"])] == [
        (("requirements", 0, "criteria", 0, "check"), "family.check"),
        (("requirements", 0, "criteria", 1, "check"), "family.check"),
    ]
    declared = [
        NotApplicable(criterion=c, reason="aucun équipement de ce genre", declared_by="MOA") for c in ("A-1", "A-8")
    ]
    assert [(f.path, f.found) for f in unknown_declarations(label, declared)] == [
        (("not_applicable", 1, "criterion"), "A-8")
    ]
