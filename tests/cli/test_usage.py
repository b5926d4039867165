"""A user's mistake: exit code 2, what was found, what to do; never a trace, and nothing is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from r2s_audit.cli.app import run
from r2s_audit.engine.passes import Pass
from r2s_audit.evidence import record as record_module
from tests.cli.support import COMMANDS, CommandLine, site_text

Words = Callable[[Path], list[str]]

# name: (words, what standard error holds in French, and in English)
LINES: dict[str, tuple[tuple[str, ...], str, str]] = {
    "unknown command": (("plna",), "commande inconnue : plna.*vouliez-vous dire plan", "unknown command: plna.*did you mean plan"),
    "unknown sub-command": (("lab", "upp"), "commande inconnue : upp.*dire up", "unknown command: upp.*mean up"),
    "no sub-command": (("lab",), "il manque une commande", "a command is missing"),
    "unknown option": (("plan", "{site}", "--onyl", "C1.1"), "option inconnue : --onyl.*--only", "unknown option: --onyl.*--only"),
    "unknown short option": (("plan", "-z"), "option inconnue : -z", "unknown option: -z"),
    "missing argument": (("plan",), "il manque SITE.*plan --help", "SITE is missing.*plan --help"),
    "missing value": (("plan", "{site}", "--only"), "--only attend une valeur", "--only needs a value"),
    "value too many": (("plan", "{site}", "--json=1"), "--json n'attend pas de valeur", "--json takes no value"),
    "argument too many": (("plan", "{site}", "b"), "argument en trop : b", "too many: b"),
    "unknown language": (("--lang", "de", "plan", "{site}"), "langue inconnue : de.*fr, en", ""),
    "missing site": (("plan", "sit.yaml"), r"sit\.yaml:1: un fichier absent.*sit.yaml : site.yaml \?", r"a missing file.*site.yaml\?"),
    "directory as site": (("plan", "{dir}"), "un répertoire ; attendu : un fichier", "a directory; expected: a file"),
    "unknown requirement": (("plan", "{site}", "--only", "C9.9"), "exigence inconnue : C9.9.*C1.1", "unknown requirement: C9.9.*C1.1"),
    "unknown profile": (("plan", "{site}", "--profile", "r2s-residentiel-2018"), "n'est pas.* fourni.*r2s-residentiel-2019", "not supplied.*r2s-residentiel-2019"),
    "empty profile": (("plan", "{site}", "--profile", "/dev/null"), "un fichier vide", "an empty file"),
    "unknown point": (("run", "{site}", "--point", "P-XXX"), "point de mesure inconnu : P-XXX.*P-ADM", "unknown measuring point: P-XXX.*P-ADM"),
    "unknown check": (("checks", "show", "tls.version"), "contrôle inconnu : tls.version.*dire tls.versions", "unknown check.*mean tls.versions"),
    "nothing like a check": (("checks", "show", "zzzz"), "checks list", "checks list"),
    "unknown fault": (("lab", "up", "--fault", "tls-1.0-enable"), "Défaut inconnu.*dire tls-1.0-enabled", "Unknown fault.*mean tls-1.0-enabled"),
    "unknown fault of the demonstration": (("demo", "--fault", "zzzz"), "Défaut inconnu.*target-off", "Unknown fault.*target-off"),
    "nothing to resume": (("run", "{site}", "--resume", "--record", "neuf"), "rien à reprendre dans neuf.*sans --resume", "nothing to resume.*without --resume"),
    "no record": (("judge", "nulle-part"), "dossier de preuves illisible", "record unreadable"),
    "file as record": (("judge", "{site}"), "archive refusée.*pas une archive", "bundle refused.*not a bundle"),
    "empty directory as record": (("judge", "{dir}"), "dossier de preuves illisible", "record unreadable"),
    "foreign directory for the demonstration": (("demo", "--output", "{dir}"), "n'est pas vide.*--output", "is not empty.*--output"),
    "file for the demonstration": (("demo", "--output", "{site}/x"), "dossier impossible à écrire", "cannot be written"),
    "NUL": (("plan", "a\0b"), r"pas du texte UTF-8 : a\\x00b", "not UTF-8 text"),
    "lone surrogate": (("plan", "a\udcffb"), r"pas du texte UTF-8 : a\\udcffb", "not UTF-8 text"),
    "name of a building": (("lab", "status", "--name", "É"), "Nom de bâtiment refusé", "Building name refused"),
}  # fmt: skip


def filled(words: tuple[str, ...], site: Path, directory: Path) -> list[str]:
    return [word.replace("{site}", str(site)).replace("{dir}", str(directory)) for word in words]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "autre"
    path.mkdir()
    (path / "photo.jpg").write_bytes(b"a")
    return path


@pytest.mark.parametrize("name", LINES)
def test_a_mistake_is_named_with_its_remedy(
    cli: CommandLine, site: Path, directory: Path, quiet: list[str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[str] = []
    monkeypatch.setattr(Pass, "run", lambda *_: passes.append("pass"))
    words, french, english = LINES[name]
    ended = cli(*filled(words, site, directory))
    assert (ended.code, ended.out) == (2, ""), ended.err
    assert re.search(french, ended.err, re.DOTALL), ended.err
    if english:
        ended = cli("--lang", "en", *filled(words, site, directory))
        assert (ended.code, ended.out) == (2, ""), ended.err
        assert re.search(english, ended.err, re.DOTALL), ended.err
        assert not re.search("erreur|attendu|remède", ended.err), ended.err
    assert passes == []
    assert sorted(p.name for p in directory.iterdir()) == ["photo.jpg"]


@pytest.mark.parametrize("asked", [("--lang", "en"), ("--lang=en",)])
def test_the_language_may_be_asked_for_anywhere(cli: CommandLine, site: Path, asked: tuple[str, ...]) -> None:
    first = cli(*asked, "plan", str(site), "--only", "C3.2")
    assert first.code == 0
    for words in (("plan", *asked, str(site), "--only", "C3.2"), ("plan", str(site), "--only", "C3.2", *asked)):
        assert cli(*words) == first


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_problem_of_a_file_at_once(cli: CommandLine, site: Path, language: str) -> None:
    text = site_text().replace("zone:", "zoen:", 1).replace("kind: logements", "kind: logement", 1)
    site.write_text(text, encoding="utf-8")
    ended = cli("--lang", language, "plan", str(site))
    lines = ended.err.splitlines()
    assert (ended.code, ended.out) == (2, "")
    problems = [line for line in lines if re.match(rf"{re.escape(str(site))}:\d+: ", line)]
    assert len(problems) >= 2
    assert any("zoen" in line for line in problems)
    assert any("logement" in line for line in problems)
    word = {"fr": "; attendu : ", "en": "; expected: "}[language]
    assert all(word in line for line in problems)


def test_a_record_of_another_site(cli: CommandLine, site: Path, record: Path, quiet: list[str]) -> None:
    site.write_text(site_text() + "\n# one line more\n", encoding="utf-8")
    before = (record / "ledger.jsonl").read_bytes()
    ended = cli("run", str(site), "--record", str(record), "--point", "P-ADM")
    assert ended.code == 2
    assert "fichier de site n'est plus celui de la campagne" in ended.err
    assert "remède" in ended.err
    assert (record / "ledger.jsonl").read_bytes() == before


def test_a_changed_record(cli: CommandLine, record: Path) -> None:
    ledger = record / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b"campaign", b"kampaign", 1))
    ended = cli("judge", str(record))
    assert ended.code == 2
    assert re.search(r"ledger.jsonl:1: .*\nremède", ended.err)


def test_a_record_without_its_blobs(cli: CommandLine, record: Path) -> None:
    (record / "blobs").rename(record / "ailleurs")
    ended = cli("judge", str(record))
    assert ended.code == 2
    assert "pièce manquante : site" in ended.err


def test_a_record_of_another_version(cli: CommandLine, record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan of a record is read by its own version only; that is said, not thrown at the user."""

    class Other(record_module.Plan):
        something_new: int

    monkeypatch.setattr(record_module, "Plan", Other)
    ended = cli("judge", str(record))
    assert ended.code == 2
    assert "autre version de r2s-audit" in ended.err


@pytest.mark.parametrize("where", ["{site}/dossier", "/proc/dossier", "/dev/null/x"])
def test_an_output_that_cannot_be_written_is_said_before_the_first_packet(
    cli: CommandLine, site: Path, quiet: list[str], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[str] = []
    monkeypatch.setattr(Pass, "run", lambda *_: passes.append("pass"))
    ended = cli("run", str(site), "--point", "P-ADM", "--record", where.format(site=site))
    assert ended.code == 2
    assert "remède" in ended.err
    assert passes == []


def test_a_document_that_cannot_be_written(cli: CommandLine, record: Path, site: Path) -> None:
    ended = cli("judge", str(record), "--output", f"{site}/x.json")
    assert (ended.code, ended.out) == (2, "")
    assert "résultat impossible à écrire" in ended.err


@pytest.mark.parametrize(
    "date",
    ["hier", "2026-02-30", "2026-13-01", "2026-1-1", "", "0000-00-00", "2026-01-01T99:00", "99999999999", "²026-01-01"],
)
def test_a_date_that_is_none(cli: CommandLine, record: Path, date: str) -> None:
    ended = cli("judge", str(record), "--as-of", date)
    if date:
        assert (ended.code, ended.out) == (2, "")
        assert "pas une date" in ended.err
    else:
        assert ended.code == 3  # as if not given


OPTIONS = ["--json", "--only", "--profile", "--point", "--record", "--resume", "--intrusive", "--operator", "--as-of",
           "--output", "--fault", "--name", "--lang", "--help", "--version", "--", "-h", "--nope", "-"]  # fmt: skip
VALUES = ["C1.1", "P-ADM", "site.yaml", "absent.yaml", "dossier", "", "fr", "en", "\0", "\udcff", "\x1b[2J", "é" * 300,
          "../..", "/dev/null", "tls.versions", "2026-01-01", "*", "a" * 5000, "{x}", "%s"]  # fmt: skip
SAFE = [word for words in COMMANDS for word in words if word in {"plan", "judge", "checks", "list", "show"}]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.sampled_from([*SAFE, *OPTIONS, *VALUES]), max_size=7))
def test_no_words_lead_to_a_trace(cli: CommandLine, site: Path, record: Path, words: list[str]) -> None:
    ended = cli(*words)
    assert ended.code in {0, 1, 2, 3}, ended.err
    assert (ended.code == 2) <= bool(ended.err)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", ended.err)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.sampled_from([*OPTIONS[:8], *VALUES]), max_size=5))
def test_no_words_of_run_lead_to_a_trace(cli: CommandLine, site: Path, quiet: list[str], words: list[str]) -> None:
    ended = cli("run", *words)
    assert ended.code in {0, 2, 3}, ended.err


def test_the_catalogue_is_valid_json(cli: CommandLine) -> None:
    listed = json.loads(cli("checks", "list", "--json").out)
    assert {"id", "title", "reference", "intrusiveness", "controls", "parameters"} <= listed[0].keys()
    shown = json.loads(cli("checks", "show", listed[0]["id"], "--json").out)
    assert shown == listed[0]


def test_main_is_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plna"]) == 2
    assert "plna" in capsys.readouterr().err
