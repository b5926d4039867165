"""The map of accesses."""

from __future__ import annotations

import pytest

from r2s_audit.model.finding import Finding, Value
from reports.html.matrix import MAX_TARGETS, SEVERITY, Matrix, MatrixCell, matrices
from reports.words import VALUES
from tests.reports.samples import finding, site


def found(*cells: tuple[str, str, str, str]) -> list[Finding]:
    """Findings from (check, target, point, value)."""
    return [Finding.model_validate(finding(check, target, point, value)) for check, target, point, value in cells]


def cell_of(matrix: Matrix, target: str, point: str) -> MatrixCell:
    for table in matrix.tables:
        places = [column.point for column in table.columns]
        for row in (row for zone in table.zones for row in zone.rows):
            if row.target == target and point in places:
                return row.cells[places.index(point)]
    raise KeyError((target, point))


@pytest.mark.parametrize(
    ("values", "worst", "some"),
    [
        (["C", "C"], "C", 2),
        (["C", "N", "C", "N"], "N", 2),
        (["C", "non_verifie"], "non_verifie", 1),
        (["non_verifie", "P"], "P", 1),
        (["P", "N"], "N", 1),
        (["sans_objet", "C"], "non_verifie", 1),
    ],
)
def test_a_cell_shows_the_worst_and_how_many(values: list[str], worst: str, some: int) -> None:
    whole, _ = matrices(found(*(("vlan.x", "sw", "P", value) for value in values)), None)
    assert whole is not None
    assert cell_of(whole, "sw", "P") == MatrixCell(VALUES[Value(worst)], some, len(values))


def test_every_value_has_its_place_in_the_order() -> None:
    assert set(SEVERITY) == set(Value)


def test_what_was_not_planned_has_no_mark() -> None:
    whole, _ = matrices(found(("vlan.x", "sw", "P1", "C"), ("vlan.x", "gw", "P2", "C")), None)
    assert whole is not None
    assert cell_of(whole, "gw", "P1") == MatrixCell(None)


def test_other_families_and_subjects_without_point_are_not_accesses() -> None:
    assert matrices(found(("tls.suites", "sw", "P", "N"), ("vlan.zones-count", "site", "", "N")), None) == (None, ())


def test_each_check_has_its_own_map() -> None:
    whole, single = matrices(found(("vlan.a", "sw", "P", "C"), ("vlan.b", "sw", "P", "N")), None)
    assert whole is not None
    assert cell_of(whole, "sw", "P").mark == VALUES[Value.NON_CONFORME]
    assert [(m.checks, cell_of(m, "sw", "P").mark) for m in single] == [
        ("vlan.a", VALUES[Value.CONFORME]),
        ("vlan.b", VALUES[Value.NON_CONFORME]),
    ]


def test_the_site_groups_targets_by_zone_and_a_socket_is_no_target() -> None:
    whole, _ = matrices(
        found(("vlan.x", "gw", "P-ADM", "C"), ("vlan.x", "sw", "P-LOG", "C"), ("vlan.y", "PR-ADM", "P-ADM", "C")),
        site(),
    )
    assert whole is not None
    (table,) = whole.tables
    assert {zone.zone: [row.target for row in zone.rows] for zone in table.zones} == {"log": ["gw"], "adm": ["sw"]}
    assert [(column.point, column.zone) for column in table.columns] == [("P-ADM", "adm"), ("P-LOG", "log")]


def test_many_points_stand_in_several_tables() -> None:
    whole, _ = matrices(found(*(("vlan.x", "sw", f"P{n}", "C") for n in range(7))), None)
    assert whole is not None
    assert [len(table.columns) for table in whole.tables] == [4, 3]


def test_too_many_targets_leave_out_the_least_grave_and_say_so() -> None:
    fine = [("vlan.x", f"d{n}", "P", "C") for n in range(MAX_TARGETS + 5)]
    whole, _ = matrices(found(*fine, ("vlan.x", "grave", "P", "N")), None)
    assert whole is not None
    assert whole.targets_cut == 6
    assert cell_of(whole, "grave", "P").mark == VALUES[Value.NON_CONFORME]
