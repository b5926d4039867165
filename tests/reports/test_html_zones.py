"""The heat map of zones, at the sizes of a small building and of a large one."""

from __future__ import annotations

import re
from typing import Any

import pytest

from r2s_audit.i18n import Translator
from r2s_audit.model.audit import Audit
from r2s_audit.model.finding import Value
from r2s_audit.model.network_map import MapNode, MapPoint, MapZone, NetworkMap, Presence
from reports.html import render
from reports.html.matrix import MatrixCell, pairs_of, places_of
from reports.html.zones import COLUMNS, MAX_ZONES, ZoneMap, zone_map
from reports.material import Material
from reports.words import VALUES
from tests.reports.page import Page, faults
from tests.reports.samples import document, finding
from tests.reports.test_html_hostile import HOSTILE

SHOWN = ("C", "N", "P", "non_verifie")


def building(zones: int, name: str = "Zone {n}") -> dict[str, Any]:
    """A document that travels alone: a point and a device in every zone, every pair of zones measured."""
    findings = [
        finding("vlan.x", f"d{b}", f"P{a}", SHOWN[(a * 7 + b) % 4])
        for a in range(zones)
        for b in range(zones)
        if a != b
    ]
    known = NetworkMap(
        zones=tuple(MapZone(id=f"z{n}", name=name.replace("{n}", str(n))) for n in range(zones)),
        points=tuple(MapPoint(id=f"P{n}", zone=f"z{n}") for n in range(zones)),
        nodes=tuple(MapNode(id=f"d{n}", kind="station", zone=f"z{n}", state=Presence.DECLARED) for n in range(zones)),
    )
    return document() | {"findings": findings, "topology": known.model_dump(mode="json")}


def view(data: dict[str, Any]) -> ZoneMap | None:
    audit = Audit.model_validate(data)
    return zone_map(pairs_of(audit.findings, None)[0], places_of(None, audit.topology))


@pytest.mark.parametrize("zones", [8, 40])
def test_every_pair_has_its_cell_in_blocks_that_a_telephone_holds(zones: int) -> None:
    made = view(building(zones))
    assert made is not None
    assert (made.others, made.cut) == ((), 0)
    found: dict[tuple[str, str], MatrixCell] = {}
    for block in made.blocks:
        assert len(block.columns) <= COLUMNS
        for row in block.rows:
            assert len(row.cells) == len(block.columns)
            found.update({(row.zone, name): c for (_, name), c in zip(block.columns, row.cells, strict=True)})
    assert len(found) == zones * zones
    for a in range(zones):
        for b in range(zones):
            wanted = MatrixCell(VALUES[Value(SHOWN[(a * 7 + b) % 4])], 1, 1) if a != b else MatrixCell(None)
            assert found[f"Zone {a}", f"Zone {b}"] == wanted


def test_signs_differ_and_not_colours_alone() -> None:
    html = render(Material(Audit.model_validate(building(8))), Translator("fr"))
    assert len({mark.symbol for mark in VALUES.values()}) == len(VALUES)
    heat = html[html.index('<table class="heat">') :]
    heat = heat[: heat.index("</table>")]
    assert {"✓", "✕", "◐", "?"} <= set(re.findall(r">(.)</span>", heat))
    assert 'aria-label="de Zone 0 vers Zone 1 : non conforme"' in heat


def test_the_worst_of_a_pair_is_shown() -> None:
    data = building(2)
    data["findings"] = [finding("vlan.x", "d1", "P0", v) for v in ("C", "non_verifie", "N", "C")]
    made = view(data)
    assert made is not None
    assert made.blocks[0].rows[0].cells == (MatrixCell(VALUES[Value.NON_CONFORME], 1, 4),)
    assert made.others == ((2, "Zone 1"),)


def test_without_zones_there_is_no_heat_map() -> None:
    assert view(document()) is None


def test_what_is_too_much_is_counted() -> None:
    made = view(building(MAX_ZONES + 3))
    assert made is not None
    assert made.cut == 3


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_hostile_zone_names_stay_text(kind: str) -> None:
    html = render(Material(Audit.model_validate(building(3, name=HOSTILE[kind] + "{n}"))), Translator("fr"))
    assert faults(html) == []
    assert "<table" in html
    assert Page(html).crossed == []


@pytest.mark.parametrize(("zones", "folded"), [(8, False), (40, True)])
def test_the_map_of_targets_is_folded_where_it_would_fill_the_report(zones: int, folded: bool) -> None:
    html = render(Material(Audit.model_validate(building(zones))), Translator("fr"))
    assert ("<summary>Cible par cible</summary>" in html) is folded
