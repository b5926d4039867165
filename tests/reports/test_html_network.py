"""The picture of the network: nothing lies over anything, every state has its own shape and sign, hostile names stay text."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from r2s_audit.i18n import Translator
from r2s_audit.model.audit import Audit
from r2s_audit.model.network_map import MapLink, MapNode, NetworkMap, Presence
from reports.html import render
from reports.html.network import BOX_HEIGHT, CHUNK, MAX_NODES, SIGNS, STATES, WIDTH, NetworkView, network_view
from reports.material import Material
from tests.reports.page import Page, faults
from tests.reports.samples import document
from tests.reports.test_html_hostile import HOSTILE

STATE_OF = {7: Presence.MISSING, 3: Presence.DECLARED}


def building(switches: int, fan: int = 5, name: str = "") -> NetworkMap:
    """A core, a tree of switches below it, a loop, stations, and two neighbours that nobody declared."""
    nodes = [MapNode(id="coeur", kind="equipment", role="router", state=Presence.FOUND)]
    links = []
    for n in range(1, switches):
        state = STATE_OF.get(n % 10, Presence.FOUND)
        nodes.append(MapNode(id=f"sw-{n:02}", kind="equipment", name=name, role="switch", state=state))
        if state is Presence.FOUND:
            above = "coeur" if n <= fan else f"sw-{max(1, n // fan):02}"
            above = "coeur" if above in {"sw-03", "sw-07", f"sw-{n:02}"} else above
            links.append(
                MapLink(a=above, b=f"sw-{n:02}", a_port=f"ge{n}", b_port="tr1", state=state, source="lldp", heard=2)
            )
            nodes.append(MapNode(id=f"dev-{n}", kind="station", state=state))
            links.append(MapLink(a=f"sw-{n:02}", b=f"dev-{n}", a_port="ge9", state=state, source="fdb"))
    links.append(
        MapLink(a="sw-01", b="sw-02", a_port="ge7", b_port="ge7", state=Presence.FOUND, source="lldp", heard=1)
    )
    for n in (1, 2):
        nodes.append(MapNode(id=f"?{n}", kind="neighbour", name=name or f"inconnu {n}", state=Presence.UNDECLARED))
        links.append(MapLink(a="sw-02", b=f"?{n}", a_port=f"ge{n}", state=Presence.UNDECLARED, source="lldp", heard=1))
    return NetworkMap(nodes=tuple(nodes), links=tuple(links), read=switches, equipment=switches)


def view(found: NetworkMap) -> NetworkView:
    made = network_view(found)
    assert made is not None
    return made


def page(found: NetworkMap | None) -> str:
    data = document() | {"topology": found.model_dump(mode="json") if found else None}
    return render(Material(Audit.model_validate(data)), Translator("fr"))


@pytest.mark.parametrize("switches", [6, 60])
def test_no_box_lies_over_another_and_no_line_crosses_one(switches: int) -> None:
    made = view(building(switches))
    assert sum(len(p.boxes) for p in made.pictures) == switches + 2
    for picture in made.pictures:
        assert len(picture.boxes) <= CHUNK
        for box in picture.boxes:
            assert box.x >= 0
            assert box.y >= 0
            assert box.x + box.width <= WIDTH
            assert box.y + box.height <= picture.height
        for above, below in pairwise(picture.boxes):
            assert above.y + above.height < below.y
        for line in picture.lines:
            assert line.x1 == line.x2 or line.y1 == line.y2
            left, right = sorted((line.x1, line.x2))
            top, bottom = sorted((line.y1, line.y2))
            for box in picture.boxes:
                inside_x = left < box.x + box.width and right > box.x
                inside_y = top < box.y + box.height and bottom > box.y
                assert not (inside_x and inside_y), (line, box)


@pytest.mark.parametrize("depth", [2, 59])
def test_a_chain_of_switches_stays_inside(depth: int) -> None:
    nodes = tuple(MapNode(id=f"s{n}", kind="equipment", state=Presence.FOUND) for n in range(depth + 1))
    links = tuple(MapLink(a=f"s{n}", b=f"s{n + 1}", state=Presence.FOUND, source="lldp", heard=2) for n in range(depth))
    made = view(NetworkMap(nodes=nodes, links=links))
    assert all(box.x + box.width <= WIDTH for p in made.pictures for box in p.boxes)
    assert made.loops == 0


def test_every_state_has_its_own_sign_words_and_style() -> None:
    assert set(SIGNS) == set(STATES) == set(Presence)
    assert len(set(SIGNS.values())) == len(Presence)
    style = Page(page(building(20))).style
    shapes = {s: "".join(re.findall(rf"\.node\.{s}\{{([^}}]*)\}}", style)) for s in Presence}
    assert len(set(shapes.values())) == len(Presence), "told apart without colour"


def test_layers_are_distances_from_the_core() -> None:
    boxes = {box.id: box for p in view(building(20)).pictures for box in p.boxes}
    assert boxes["coeur"].x < boxes["sw-01"].x == boxes["sw-02"].x < boxes["?1"].x
    assert boxes["sw-01"].ports == "ge1 ↔ tr1"
    assert boxes["sw-01"].stations == 1


def test_a_cable_beside_the_tree_is_told() -> None:
    made = view(building(6))
    assert made.loops == 1
    assert any("sw-01" in cable.a and "sw-02" in cable.b and cable.heard == 1 for cable in made.cables)


def test_the_same_document_gives_the_same_picture() -> None:
    assert view(building(60)) == view(building(60))
    assert page(building(60)) == page(building(60))


def test_what_is_too_much_is_counted_and_what_is_not_as_declared_is_kept() -> None:
    fine = tuple(MapNode(id=f"s{n}", kind="equipment", state=Presence.FOUND) for n in range(MAX_NODES + 5))
    lost = MapNode(id="perdu", kind="equipment", state=Presence.MISSING)
    made = view(NetworkMap(nodes=(*fine, lost)))
    assert made.cut == 6
    assert any(box.id == "perdu" for p in made.pictures for box in p.boxes)


def test_without_a_map_the_page_says_so() -> None:
    assert network_view(None) is None
    assert network_view(NetworkMap()) is None
    assert "ne porte pas de plan du réseau" in Page(page(None)).text


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_hostile_names_stay_text_inside_their_box(kind: str) -> None:
    html = page(building(6, name=HOSTILE[kind]))
    assert faults(html) == []
    inside = re.findall(r'<svg class="node-text" x="\d+" y="\d+" width="(\d+)" height="(\d+)">', html)
    assert len(inside) == 8
    assert all(int(height) == BOX_HEIGHT for _, height in inside)
    assert ".node-text{overflow:hidden}" in Page(html).style, "what is too long is cut at its own box"
