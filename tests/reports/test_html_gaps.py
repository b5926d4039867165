"""Deviations first: gathered by check, each finding once, non-conforming before partial."""

from __future__ import annotations

from r2s_audit.model.audit import Audit
from r2s_audit.model.profile import Profile
from reports.html.gaps import NAMED, gaps
from reports.material import Material
from tests.reports.samples import document, finding, profile


def material(data: dict[str, object], of: Profile | None = None) -> Material:
    return Material(Audit.model_validate(data), of)


def cell(number: int, found: dict[str, object], requirement: str = "A1") -> dict[str, object]:
    state = found["value"]
    subject, check = found["subject"], found["check"]
    return {
        "requirement": requirement,
        "criterion": "iso",
        "check": check,
        "subject": subject,
        "state": state,
        "finding": number,
    }


def with_findings(*found: dict[str, object], again: str = "") -> dict[str, object]:
    cells = [cell(at, f) for at, f in enumerate(found)]
    cells += [cell(at, f, again) for at, f in enumerate(found) if again]
    counted = {"planned": len(cells), "reported": len(cells), "states": {}, "cells": cells}
    return document() | {"findings": list(found), "cells": counted}


def test_non_conforming_come_first_and_what_conforms_or_is_unknown_does_not_come() -> None:
    made = gaps(material(document(), profile()), "fr")
    assert [(gap.check, gap.mark.style, gap.count) for gap in made.rows] == [
        ("vlan.tcp-isolated", "bad", 1),
        ("vlan.icmp-isolated", "part", 1),
    ]
    assert made.rows[0].title == "Titre de iso"


def test_a_finding_that_two_requirements_rest_on_is_one() -> None:
    (gap,) = gaps(material(with_findings(finding("vlan.x", "sw", "P", "N"), again="B1")), "fr").rows
    assert (gap.count, gap.requirements) == (1, ("A1", "B1"))


def test_many_targets_are_counted() -> None:
    (gap,) = gaps(material(with_findings(*(finding("vlan.x", f"d{n}", "P", "N") for n in range(20)))), "fr").rows
    assert (len(gap.targets), gap.more_targets, gap.points) == (NAMED, 20 - NAMED, ("P",))


def test_none() -> None:
    assert gaps(material(with_findings(finding("vlan.x", "sw", "P", "C"))), "fr").rows == ()
