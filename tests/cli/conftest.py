"""Fixtures of the command line: nothing here sends, and nothing gives up this process's privileges."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from probes.wire.channel import WireUnavailable
from r2s_audit.cli.loading import DEFAULT_PROFILE, load
from r2s_audit.engine import campaign
from r2s_audit.evidence.record import CampaignFiles, create_record
from r2s_audit.model.text import msg
from tests.cli.support import CommandLine, site_text


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a command writes without being told where is written into the test's directory."""
    before = Path.cwd()
    os.chdir(tmp_path)
    yield
    os.chdir(before)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(site_text(), encoding="utf-8")
    return path


@pytest.fixture
def record(tmp_path: Path, site: Path) -> Path:
    """A campaign that was opened and never measured anything."""
    loaded = load(site, DEFAULT_PROFILE)
    directory = tmp_path / "dossier"
    create_record(directory, CampaignFiles(loaded.site.data, loaded.profile.data, loaded.plan)).ledger.close()
    return directory


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """``run`` without privileges to lose and without a wire; the list says what would have been opened or sent."""
    opened: list[str] = []

    async def launch(*_: object, **__: object) -> None:
        opened.append("wire")
        raise WireUnavailable(
            msg("trames brutes impossibles sans CAP_NET_RAW"), msg("relancer la même commande avec sudo")
        )

    monkeypatch.setattr(campaign.Wire, "launch", launch)
    monkeypatch.setattr(campaign, "drop_all", lambda **_: None)
    return opened
