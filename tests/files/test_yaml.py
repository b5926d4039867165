"""YAML into plain data: the core schema and nothing else, the same lines from both parsers, no surprise."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2s_audit.errors import FileProblems
from r2s_audit.files import parsers, yaml
from r2s_audit.files.faults import Document

BOTH = pytest.mark.parametrize("source", [parsers.fast_events, parsers.pure_events], ids=["libyaml", "python"])


def read(text: str, source: parsers.Events = parsers.events) -> Document:
    return yaml.read(text.encode(), "f.yaml", source=source)


@BOTH
@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", 1),
        ("-1", -1),
        ("+1", 1),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("0b1", "0b1"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.", 1.0),
        (".", "."),
        ("-", None),
        ("~", None),
        ("null", None),
        ("", None),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("on", "on"),
        ("n", "n"),
        ("12:30", "12:30"),
        ("1:2:3", "1:2:3"),
        ("00:11:22:33:44:55", "00:11:22:33:44:55"),
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z"),
        ("10.0.0.1", "10.0.0.1"),
        ("fd00::1", "fd00::1"),
        ("::1", "::1"),
        ('"1"', "1"),
        ("'true'", "true"),
        ("[fd00:1::/64, ::1, 00:11:22:33:44:55]", ["fd00:1::/64", "::1", "00:11:22:33:44:55"]),
        ("{u: https://h/p?q=1, gateway: fd00:1::1}", {"u": "https://h/p?q=1", "gateway": "fd00:1::1"}),
        ('{"u":"v"}', {"u": "v"}),
        ("<<", "<<"),
        ("=", "="),
    ],
)
def test_core_schema(source: parsers.Events, written: str, value: object) -> None:
    text = f"- {written}" if written == "-" else f"k: {written}"
    if written == "-":
        text = "k:\n  -"
        value = [None]
    found = read(text, source)
    assert not found.faults
    assert found.data == {"k": value}
    assert isinstance(found.data, dict)
    assert type(found.data["k"]) is type(value)


@BOTH
@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (b"", 1, "fichier vide"),
        (b"# rien\n", 1, "fichier vide"),
        (b"---", 1, "une valeur seule"),
        (b"- a\n", 1, "une liste"),
        (b"texte\n", 1, "une valeur seule"),
        (b"a: 1\n---\nb: 2\n", 2, "deuxième document"),
        (b"%TAG ! tag:x,2000:\n---\na: 1\n", None, "directive"),
        (b"a: !!python/object/apply:os.system [id]\n", 1, "étiquette"),
        (b"? [a]\n: 1\n", 1, "clé qui est une liste"),
        (b"a: 1\nb: [1, 2\nc: 3\n", 2, "crochets"),
        (b"a: 1\nb: {x: 1\n", 2, "accolades"),
        (b"a: 1\nb: 'x\nc: 1\n", 2, "guillemet ouvert"),
        (b'a: "\\q"\n', 1, "échappement"),
        (b"a:\n  b: 1\n c: 2\n", 3, "alignée"),
        (b"a: b: c\n", 1, "deuxième « : »"),
        (b"a: @x\n", 1, "aucune valeur ne commence"),
        (b"a: 1\nport 443\nb: 2\n", None, "clé : valeur"),
        (b"- a\nb: 1\n", 1, "une liste"),
        (b"a:\n  - b\n  c: 1\n", 3, "aligné"),
        (b"a: 1\n\tb: 2\n", 2, "tabulation"),
        (b"a: 1\nb: \xe9t\xe9\n", 2, "0xe9"),
        ("a: été".encode("utf-16"), 1, "UTF-16"),
        (b"\xef\xbb\xbfa: 1\n", 1, "BOM"),
        (b"a: 1\nb: \x00\n", 2, "U+0000"),
        (b"a: 1\nb: \x1b[31m\n", 2, "U+001B"),
        ("a: 1\nb: x\u202ey\n".encode(), 2, "U+202E"),
        ("a: 1\nb: x\u2028y\n".encode(), 2, "U+2028"),
        ("a: 1\nb: \ufdd0\n".encode(), 2, "U+FDD0"),
        (b"a: 1\rb: 2\n", 1, "U+000D"),
        (b"a: " + b"[" * 40 + b"]" * 40, 1, "32 niveaux"),
        (b"a: [" + b"1," * 200_001 + b"]", 1, "200000 valeurs"),
        (b"a: " + b"x" * (4 * 1024 * 1024), 1, "4 Mio"),
    ],
)
def test_unreadable(source: parsers.Events, text: bytes, line: int | None, words: str) -> None:
    with pytest.raises(FileProblems) as refused:
        yaml.read(text, "f.yaml", source=source)
    problem = refused.value.problems[0]
    assert words in problem.found
    assert problem.expected
    if line is not None:  # where None, the two parsers rightly see it on different lines
        assert problem.line == line


@BOTH
@pytest.mark.parametrize(
    ("text", "line", "path", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, ("a",), "déjà écrite ligne 1"),
        ("a:\n  - b: 1\n    b: 2\n", 3, ("a", 0, "b"), "déjà écrite ligne 2"),
        ("a: &x 1\n", 1, ("a",), "ancre"),
        ("a: *x\n", 1, ("a",), "alias"),
        ("a:\n  - !!python/none x\n", 2, ("a", 0), "étiquette"),
        ("a: ! x\n", 1, ("a",), "étiquette"),
        ("a: !!binary eA==\n", 1, ("a",), "étiquette"),
        ("a: !!set {x}\n", 1, ("a",), "étiquette"),
        ("a:\n  1: x\n", 2, ("a",), "« 1 » comme clé"),
        ("a:\n  ~: x\n", 2, ("a",), "« ~ » comme clé"),
        ("true: x\n", 1, (), "« true » comme clé"),
        ("a: .inf\n", 1, ("a",), "nombre fini"),
        ("a: .NaN\n", 1, ("a",), "nombre fini"),
        ("a: 1e999\n", 1, ("a",), "trop grand"),
        (f"a: {'9' * 5000}\n", 1, ("a",), "5000 caractères"),
        ('a: "\\e[31m"\n', 1, ("a",), "caractère invisible"),
        ('"a\\0": 1\n', 1, (), "caractère invisible"),
    ],
)
def test_refused_and_read_on(
    source: parsers.Events, text: str, line: int, path: tuple[str | int, ...], words: str
) -> None:
    document = read(text + "z: 7\n", source)
    (fault,) = document.faults
    assert (fault.line, fault.path) == (line, path)
    assert words in str(fault.found)
    assert isinstance(document.data, dict)
    assert document.data["z"] == 7


def test_a_key_written_twice_keeps_its_first_value_and_its_lines() -> None:
    document = read("a: {b: 1}\nc: 2\na: {b: 3, d: 4}\n")
    assert document.data == {"a": {"b": 1}, "c": 2}
    assert document.line(("a", "b")) == 1
    assert ("a", "d") not in document.places


def test_lines_of_keys_values_and_what_is_missing() -> None:
    document = read('a:\n  b:\n    - c: 1\n      d:\n        "text\n        on two"\n    - e\n')
    assert document.line(("a",)) == 1
    assert document.line(("a", "b")) == 2
    assert document.line(("a", "b", 0)) == 3
    assert document.line(("a", "b", 0, "d")) == 5
    assert document.line(("a", "b", 1)) == 7
    assert document.line(("a", "b", 0, "absent", "deeper")) == 3
    assert document.line(("absent",)) == 1


def test_source_of_a_number_is_what_was_written() -> None:
    document = read('a: 1.10\nb: "1.10"\n')
    assert (document.source(("a",)), document.source(("b",))) == ("1.10", "")


def test_without_libyaml_the_python_parser_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ruamel.yaml.cyaml", None)
    monkeypatch.delattr("ruamel.yaml.cyaml", raising=False)
    source = parsers.events("a: 1")
    assert source.gi_code is parsers.pure_events.__code__
    assert read("a: {b: fd00::1}").data == {"a": {"b": "fd00::1"}}


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x24F, exclude_categories=["Cc"]), max_size=12),
    st.sampled_from(
        ["10.0.0.1", "fd00:1::/64", "::1", "00:11:22:33:44:55", "a: b", "# x", "- x", "? x", "yes", "1.10"]
    ),
)
KEYS = st.from_regex(r"[a-z][a-z_:./?-]{0,6}[a-z]", fullmatch=True)
TREES = st.recursive(SCALARS, lambda t: st.lists(t, max_size=4) | st.dictionaries(KEYS, t, max_size=4), max_leaves=20)


def block(value: object, indent: int = 0) -> str:
    """The value in block style, scalars as JSON writes them (JSON is YAML)."""
    pad = " " * indent
    if isinstance(value, dict) and value:
        return "".join(f"\n{pad}{k}: {block(v, indent + 2)}" for k, v in value.items())
    if isinstance(value, list) and value:
        return "".join(f"\n{pad}- {block(v, indent + 2)}" for v in value)
    return json.dumps(value, ensure_ascii=False)


@settings(deadline=None)  # the first example makes a schema or loads a parser
@given(st.dictionaries(KEYS, TREES, min_size=1, max_size=4), st.booleans())
def test_both_parsers_read_what_was_meant(tree: dict[str, object], flow: bool) -> None:
    text = json.dumps(tree, ensure_ascii=False, indent=1) if flow else block(tree).lstrip("\n")
    fast, pure = read(text, parsers.fast_events), read(text, parsers.pure_events)
    assert fast.data == pure.data == tree
    assert fast.places == pure.places
    assert fast.faults == pure.faults == []


TOKENS = [
    "a",
    "b: ",
    "- ",
    "\n",
    "\n  ",
    "\n    ",
    ": ",
    ":",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "'",
    '"',
    "# c",
    "> \n",
    "? ",
    "&x ",
    "*x",
    "!t ",
    "1",
    "~",
    "---\n",
    "...\n",
    "\\n",
    "é",
    " ",
    "-",
    "null",
    "x y",
    "@",
    "%",
    "<<: ",
    "fd00::1",
    "::/0",
    "http://a?b=c",
    '"b":',
]
FRAGMENTS = st.lists(st.sampled_from([*TOKENS, "|\n", "|-\n"]), max_size=18)


def outcome(text: str, source: parsers.Events) -> Document | None:
    try:
        document = read(text, source)
    except FileProblems:
        return None
    return None if document.faults else document


@settings(deadline=None)  # the first example makes a schema or loads a parser
@given(FRAGMENTS)
def test_the_parsers_never_read_the_same_text_differently(fragments: list[str]) -> None:
    text = "a: " + "".join(fragments)
    fast, pure = outcome(text, parsers.fast_events), outcome(text, parsers.pure_events)
    if fast is not None and pure is not None:  # in exotic forms one may refuse what the other reads
        assert fast.data == pure.data
        assert fast.places == pure.places


@settings(deadline=None)  # the first example makes a schema or loads a parser
@given(
    st.one_of(st.binary(max_size=200), FRAGMENTS.map(lambda f: "".join(f).encode())),
    st.sampled_from([parsers.fast_events, parsers.pure_events]),
)
def test_arbitrary_bytes_are_read_or_refused(data: bytes, source: parsers.Events) -> None:
    document, problems = None, []
    try:
        document = yaml.read(data, "f.yaml", source=source)
    except FileProblems as refused:
        problems = list(refused.problems)
    assert (document is None) == bool(problems)
    assert all(1 <= p.line <= data.count(b"\n") + 1 and p.found and p.expected for p in problems)
    json.dumps(document.data if document else None).encode()
