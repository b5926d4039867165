"""merge on the command line: joined, with what disagrees shown and in the exit code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.support import CommandLine


@pytest.fixture
def two(cli: CommandLine, site: Path, quiet: list[str]) -> tuple[str, str]:
    for name in ("un", "deux"):
        assert cli("run", str(site), "--record", name, "--point", "P-ADM").code in {1, 3}
    assert cli("seal", "deux", "--bundle", "deux.tar").code == 0
    return "un", "deux.tar"


def test_joined(cli: CommandLine, two: tuple[str, str]) -> None:
    ended = cli("merge", *two, "--record", "ensemble")
    assert (ended.code, ended.out) == (0, "")
    assert "2 dossiers, 2 passes" in ended.err
    assert cli("verify", "ensemble").code == 3
    assert cli("judge", "ensemble").code in {1, 3}
    assert cli("merge", *two, "--record", "ensemble").code == 2


def test_one_record_is_nothing_to_join(cli: CommandLine, two: tuple[str, str]) -> None:
    shutil.copytree("un", "copie")
    ended = cli("merge", "un", "copie", "--record", "ensemble")
    assert ended.code == 2
    assert "rien à réunir" in ended.err
    assert not Path("ensemble").exists()
