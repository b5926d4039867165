"""A record of one pass with a seal on it, made once; each test works on a copy."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from r2s_audit.evidence.seal import Sealer, seal_record
from tests.engine.audits import Bench, each
from tests.evidence.people import Person, person


@pytest.fixture(scope="session")
def auditor() -> Person:
    return person("auditrice")


@pytest.fixture(scope="session")
def _measured(tmp_path_factory: pytest.TempPathFactory, auditor: Person) -> Path:
    directory = tmp_path_factory.mktemp("measured") / "r"
    bench = Bench(directory, [each("good", "bad", "failing")])
    asyncio.run(bench.run(notary=auditor.notary()))
    return directory


@pytest.fixture
def measured(_measured: Path, tmp_path: Path) -> Path:
    """One complete pass whose plan the auditor signed; no seal."""
    return Path(shutil.copytree(_measured, tmp_path / "dossier"))


@pytest.fixture
def sealed(measured: Path, auditor: Person) -> Path:
    """The same, sealed by the auditor."""
    seal_record(measured, Sealer(auditor.notary(), "auditeur", "A. Auditrice"))
    return measured
