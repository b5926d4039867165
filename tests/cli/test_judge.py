"""judge: from the record alone, to the byte; from a bundle as well; with its explanation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import ROOT, CommandLine

DAY = "2031-05-06"


@pytest.fixture
def measured(cli: CommandLine, site: Path, quiet: list[str]) -> Path:
    """A pass that could not reach anything, and says so of every request."""
    cli("run", str(site), "--record", "dossier", "--point", "P-ADM")
    return Path("dossier").resolve()


def in_a_process(record: Path, seed: str) -> bytes:
    """The document as another process writes it, whose sets and dictionaries are in another order."""
    done = subprocess.run(
        [sys.executable, "-m", "r2s_audit", "judge", str(record), "--as-of", DAY, "--json"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        check=False,
    )
    assert done.returncode in {1, 3}, done.stderr
    return done.stdout


def test_the_same_inputs_give_the_same_bytes(measured: Path) -> None:
    first = in_a_process(measured, "1")
    assert json.loads(first)["as_of"].startswith(DAY)
    assert len(json.loads(first)["findings"]) > 10
    assert in_a_process(measured, "2") == first


def test_a_bundle_is_judged_as_its_record(cli: CommandLine, measured: Path) -> None:
    assert cli("seal", str(measured), "--bundle", "d.tar").code == 0
    ours = cli("judge", str(measured), "--as-of", DAY, "--json")
    theirs = cli("judge", "d.tar", "--as-of", DAY, "--json")
    assert (theirs.code, theirs.out) == (ours.code, ours.out)
    assert ours.out


def test_explain_says_that_nothing_changed(cli: CommandLine, measured: Path) -> None:
    ended = cli("judge", str(measured), "--explain")
    assert "Jugement du dossier lui-même : profil r2s-residentiel-2019" in ended.out
    assert "aucun verdict ne change" in ended.out
    document = cli("judge", str(measured), "--explain", "--json", "--as-of", DAY)
    assert document.out == cli("judge", str(measured), "--json", "--as-of", DAY).out
    assert "aucun verdict ne change" in document.err


def test_explain_names_what_another_profile_changes(cli: CommandLine, measured: Path, tmp_path: Path) -> None:
    text = (ROOT / "profiles/r2s-residentiel-2019.yaml").read_text(encoding="utf-8")
    (tmp_path / "autre.yaml").write_text(text.replace("version:", "version: # autre\n ", 1), encoding="utf-8")
    ended = cli("judge", str(measured), "--profile", "autre.yaml", "--explain")
    assert "aucun verdict ne change" in ended.out
