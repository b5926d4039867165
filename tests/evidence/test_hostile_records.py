"""A record from a hostile person: refused with a sentence, in bounded time and memory, or judged without a lie."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from r2s_audit.errors import RecordError
from r2s_audit.evidence.ledger import GENESIS
from r2s_audit.evidence.record import Record
from r2s_audit.model.finding import Value
from tests.engine.audits import Bench, each

Entries = list[dict[str, Any]]


def entries_of(directory: Path) -> Entries:
    return [json.loads(line) for line in (directory / "ledger.jsonl").read_text().splitlines()]


def write(directory: Path, entries: Entries) -> None:
    """A ledger whose chain is right, whatever it says."""
    previous, lines = GENESIS, []
    for number, entry in enumerate(entries):
        line = json.dumps({**entry, "n": number, "prev": previous}).encode()
        lines.append(line)
        previous = f"sha256:{sha256(line).hexdigest()}"
    (directory / "ledger.jsonl").write_bytes(b"\n".join(lines) + b"\n")


def blob_path(directory: Path, reference: dict[str, Any]) -> Path:
    digits = reference["digest"].removeprefix("sha256:")
    return directory / "blobs" / "sha256" / digits[:2] / digits[2:]


def store(directory: Path, data: bytes, kind: str) -> dict[str, Any]:
    reference = {"digest": f"sha256:{sha256(data).hexdigest()}", "kind": kind, "size": len(data), "redacted": False}
    path = blob_path(directory, reference)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return reference


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A record of one pass: one good answer, one bad one."""
    bench = Bench(tmp_path / "r", [each("good", "bad")])
    asyncio.run(bench.run())
    return bench


def bodies(entries: Entries, kind: str) -> list[dict[str, Any]]:
    return [e["body"] for e in entries if e["body"]["kind"] == kind]


def naive_entries(entries: Entries) -> None:
    entries[-1]["at"] = "2026-01-01T00:00:00"


def naive_observation(entries: Entries) -> None:
    bodies(entries, "observation")[0]["observation"]["ended"] = "2026-01-01T00:00:00"


def no_number(entries: Entries) -> None:
    observation = bodies(entries, "observation")[0]["observation"]
    reason = {"template": "{a}", "args": {"a": float("nan")}}
    observation.update(state="failed", facts=None, failure="timeout", reason=reason)


def endless_number(entries: Entries) -> None:
    bodies(entries, "pass_closed")[0]["planned"] = 10**4290


def never_opened(entries: Entries) -> None:
    entries[:] = [e for e in entries if e["body"]["kind"] not in {"pass_opened", "observation"}]


def closed_another(entries: Entries) -> None:
    bodies(entries, "pass_closed")[0]["pass_id"] = "P99"


def second_campaign(entries: Entries) -> None:
    entries.insert(2, entries[0])


WRONG: list[Callable[[Entries], None]] = [
    naive_entries,
    naive_observation,
    no_number,
    endless_number,
    never_opened,
    closed_another,
    second_campaign,
]


@pytest.mark.parametrize("change", WRONG, ids=lambda change: change.__name__)
def test_a_ledger_that_no_version_writes_is_refused(bench: Bench, change: Callable[[Entries], None]) -> None:
    entries = entries_of(bench.directory)
    change(entries)
    write(bench.directory, entries)
    with pytest.raises(RecordError):
        bench.judge()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def without_end(path: Path) -> None:
    os.truncate(path, 20 << 30)


@pytest.mark.parametrize("replace", [a_pipe, a_device, without_end], ids=lambda change: change.__name__)
@pytest.mark.parametrize("which", ["ledger", "profile"])
def test_what_is_no_file_of_a_record_is_refused(bench: Bench, replace: Callable[[Path], None], which: str) -> None:
    campaign = entries_of(bench.directory)[0]["body"]
    ledger = bench.directory / "ledger.jsonl"
    replace(ledger if which == "ledger" else blob_path(bench.directory, campaign["profile"]))
    with pytest.raises(RecordError):
        _ = Record.open(bench.directory).profile_bytes


def test_a_clock_put_right_in_the_middle_of_a_pass_tears_it_not_apart(bench: Bench) -> None:
    before = bench.judge()
    entries = entries_of(bench.directory)
    for entry in entries[:3]:
        entry["at"] = "2099-01-01T00:00:00Z"
    write(bench.directory, entries)
    after = bench.judge(datetime.now(UTC).isoformat())
    assert after.cells == before.cells


def planned_otherwise(bench: Bench, change: Callable[[dict[str, Any]], object]) -> None:
    entries = entries_of(bench.directory)
    campaign = entries[0]["body"]
    plan = json.loads(blob_path(bench.directory, campaign["plan"]).read_bytes())
    change(plan)
    campaign["plan"] = store(bench.directory, json.dumps(plan).encode(), "plan")
    campaign["plan_digest"] = campaign["plan"]["digest"]
    write(bench.directory, entries)


def test_a_plan_that_was_cut_hides_nothing(bench: Bench) -> None:
    whole = bench.judge()
    assert whole.cells.states == {"C": 1, "N": 1}
    planned_otherwise(bench, lambda plan: plan["cells"].pop())
    cut = bench.judge()
    assert cut.cells.states == whole.cells.states
    assert [(v.worst, v.best) for v in cut.verdicts] == [(v.worst, v.best) for v in whole.verdicts]


PLANS: dict[str, Callable[[dict[str, Any]], object]] = {
    "unknown requirement": lambda plan: plan["cells"][0].update(requirement="ZZ"),
    "another check": lambda plan: plan["cells"][0].update(check="essai.nothing"),
    "a cell twice": lambda plan: plan["cells"].append(plan["cells"][0]),
    "another site": lambda plan: plan.update(site_digest=GENESIS),
    "cells of what was not asked": lambda plan: plan.update(requirements=[]),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_of_something_else_is_refused(bench: Bench, name: str) -> None:
    planned_otherwise(bench, PLANS[name])
    with pytest.raises(RecordError):
        bench.judge()


def test_facts_of_another_version_are_not_verified_and_no_fault_of_ours(bench: Bench) -> None:
    entries = entries_of(bench.directory)
    for body in bodies(entries, "observation"):
        body["observation"]["facts"] = {"unheard": "of"}
    write(bench.directory, entries)
    audit = bench.judge()
    assert {f.value for f in audit.findings} == {Value.NON_VERIFIE}
    assert audit.internal_errors == 0
