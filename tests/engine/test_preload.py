"""Collectors are imported before a pass is opened; one that cannot be is a cell in error like any other fault."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from probes.api import CollectorSpec
from r2s_audit.engine import passes
from r2s_audit.engine.collect import preload
from r2s_audit.evidence.ledger import LedgerWriter
from tests.engine.audits import Bench, each
from tests.engine.family import COLLECTORS


def test_what_cannot_be_imported_is_left_to_its_attempt() -> None:
    spec = COLLECTORS["essai.one"]
    preload([replace(spec, function="no.such.module:at_all"), replace(spec, function="tests.builders:nothing")])


def test_the_imports_come_before_the_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    append = LedgerWriter.append

    def heard(ledger: LedgerWriter, body: Any, **more: bool) -> str:
        said.append(body.kind)
        return append(ledger, body, **more)

    def imported(specs: Iterable[CollectorSpec]) -> None:
        said.extend(sorted({spec.id for spec in specs}))

    monkeypatch.setattr(LedgerWriter, "append", heard)
    monkeypatch.setattr(passes, "preload", imported)
    asyncio.run(Bench(tmp_path / "record", [each("good", "bad")]).run())
    assert said[:3] == ["campaign", "essai.one", "pass_opened"]
