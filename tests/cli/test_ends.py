"""How a run or a judgement ends, and what it writes where."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from r2s_audit.cli import judge as judge_module
from r2s_audit.cli.demo import prepare
from r2s_audit.engine import campaign
from r2s_audit.errors import InternalError, UsageError
from r2s_audit.evidence.record import Record
from r2s_audit.model.record import PassClosed
from tests.cli.support import ROOT, CommandLine, Ended, site_text


@pytest.fixture
def schema() -> Draft202012Validator:
    return Draft202012Validator(json.loads((ROOT / "docs/schemas/audit.schema.json").read_text(encoding="utf-8")))


def test_without_any_interface_nothing_is_evaluated(
    cli: CommandLine, site: Path, quiet: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign, "interface_names", frozenset)
    ended = cli("run", str(site), "--record", "dossier")
    assert ended.code == 3
    assert "points sans interface ici : P-ADM, P-TECH, P-101" in ended.err
    assert "trames brutes" in ended.err
    assert "relancer la même commande avec sudo" in ended.err
    assert "non évalué" in ended.out
    closed = [e.body for e in Record.open(Path("dossier")).reading.entries if isinstance(e.body, PassClosed)]
    assert [(c.planned, c.reported, c.complete) for c in closed] == [(0, 0, True)]


def test_a_named_point_whose_interface_is_missing_is_reported(cli: CommandLine, site: Path, quiet: list[str]) -> None:
    ended = cli("--lang", "en", "run", str(site), "--record", "dossier", "--point", "P-ADM", "--json")
    assert ended.code == 3
    document = json.loads(ended.out)
    assert document["cells"]["planned"] == document["cells"]["reported"] > 0
    assert document["passes"][0]["failed"] == document["passes"][0]["observations"] > 0
    assert document["language"] == "en"
    said = " ".join(reason for verdict in document["verdicts"] for reason in verdict["reasons"])
    assert "interface absente0 is missing on this machine: plug in point P-ADM" in said


@pytest.mark.parametrize("language", ["fr", "en"])
def test_json_is_the_document_and_nothing_else(
    cli: CommandLine, site: Path, record: Path, schema: Draft202012Validator, language: str
) -> None:
    judged = cli("--lang", language, "judge", str(record), "--json", "--output", "ici.json")
    assert judged.code == 3
    document = json.loads(judged.out)
    schema.validate(document)
    assert judged.out == Path("ici.json").read_text(encoding="utf-8")
    assert {v["verdict"] for v in document["verdicts"]} == {"non_evalue"}
    planned = cli("--lang", language, "plan", str(site), "--json")
    assert planned.code == 0
    assert len(json.loads(planned.out)["plan"]["cells"]) == document["cells"]["planned"]


def test_the_english_document_has_no_french_sentence(cli: CommandLine, record: Path) -> None:
    """Names stay as they are; every sentence, of the code and of the profile, is English."""
    document = json.loads(cli("--lang", "en", "judge", str(record), "--json").out)
    said: list[str] = [reason for verdict in document["verdicts"] for reason in verdict["reasons"]]

    def walk(value: object) -> None:
        if isinstance(value, dict):
            if value.keys() >= {"template", "args", "text"}:
                said.append(value["text"])
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk([document["findings"], [v["details"] for v in document["verdicts"] if v["criteria"]], document["score"]])
    assert len(said) > 50
    titles = {v["title"] for v in document["verdicts"]}
    french = [
        text
        for text in set(said) - titles
        if re.search(r"\b(attend|une|les|du|est|sur le|aucune?)\b|é", text.replace("Réseau Smart", ""))
    ]
    assert french == []


def test_plan_is_aligned_and_short(cli: CommandLine, site: Path) -> None:
    out = cli("plan", str(site)).out
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    rows = [line for line in lines if re.match(r"^[A-Z]\d\.\d ", line)]
    assert len(rows) == 13
    assert {len(row) for row in rows} == {len(lines[0])}


def test_a_fault_of_ours_is_70_with_its_trace(cli: CommandLine, record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("\x1b[2J" + "x" * 100_000)

    monkeypatch.setattr(judge_module, "show", broken)
    ended = cli("judge", str(record))
    assert ended.code == 70
    assert "faute du programme (ZeroDivisionError)" in ended.err
    assert "\x1b" not in ended.err
    assert len(ended.err) < 10_000

    def internal(*_: object, **__: object) -> None:
        raise InternalError("two plus two")

    monkeypatch.setattr(judge_module, "show", internal)
    ended = cli("judge", str(record))
    assert (ended.code, "Traceback" in ended.err, "two plus two" in ended.err) == (70, True, True)


def test_a_stop_from_the_keyboard(cli: CommandLine, record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(judge_module, "show", stopped)
    assert cli("judge", str(record)) == Ended(3, "", "interrompu\n")


def test_a_demonstration_never_writes_over_what_is_not_its_own(tmp_path: Path) -> None:
    own = tmp_path / "resultat"
    prepare(own)
    (own / "audit.json").write_text("{}")
    prepare(own)
    assert [p.name for p in own.iterdir()] == [".r2s-demo"]
    foreign = tmp_path / "photos"
    foreign.mkdir()
    (foreign / "a.jpg").write_bytes(b"a")
    with pytest.raises(UsageError, match="n'est pas vide"):
        prepare(foreign)
    assert (foreign / "a.jpg").read_bytes() == b"a"
    link = tmp_path / "lien"
    link.symlink_to(tmp_path / "nulle-part")
    (tmp_path / "fichier").write_text("a")
    for wrong in (tmp_path / "fichier", tmp_path / "fichier" / "x"):
        with pytest.raises(UsageError, match="impossible à écrire"):
            prepare(wrong)


def shell(*words: str, **more: object) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SUDO_")} | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "r2s_audit", *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=60,
        **more,
    )  # type: ignore[call-overload, no-any-return]


def test_a_reader_that_leaves_ends_it_quietly(site: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "r2s_audit", "plan", str(site), "--json"],
        stdout=write, stderr=subprocess.PIPE, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60,
    )  # fmt: skip
    os.close(write)
    assert (done.returncode, done.stderr) == (3, b"")


def test_a_pipe_gets_plain_text(record: Path) -> None:
    done = shell("judge", str(record))
    assert done.returncode == 3
    assert "\x1b" not in done.stdout + done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_terminal_of_another_encoding_loses_signs_and_not_the_result(record: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-m", "r2s_audit", "judge", str(record)],
        capture_output=True,
        check=False,
        env=environment,
        timeout=60,
    )
    assert done.returncode == 3, done.stderr
    assert b"Traceback" not in done.stderr
    assert "non évalué" in done.stdout.decode("utf-8")


@pytest.mark.skipif(os.geteuid() != 0, reason="gives up capabilities, which takes having them")
def test_without_privileges_each_trouble_is_named(tmp_path: Path) -> None:
    """Without a capability and without the declared interface the run ends, and says what to do on standard error."""
    site = tmp_path / "site.yaml"
    site.write_text(site_text("lo").replace("interface: lo", "interface: absente0", 1), encoding="utf-8")
    bare = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-m", "r2s_audit")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SUDO_")} | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*bare, "run", str(site), "--only", "C3.2", "--record", str(tmp_path / "d")],
        capture_output=True, text=True, check=False, env=environment, cwd=tmp_path, timeout=120,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert "points sans interface ici : P-ADM" in done.stderr
    assert "trames brutes impossibles : ce processus n'a pas CAP_NET_RAW" in done.stderr
    assert "remède : lancer avec sudo" in done.stderr
    assert "C3.2" in done.stdout
