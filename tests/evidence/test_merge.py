"""merge: passes of two records in one campaign; what they disagree on is shown, and each source still stands."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from r2s_audit.engine.resume import last_interrupted
from r2s_audit.errors import R2SError, UsageError
from r2s_audit.evidence.ledger import LedgerWriter
from r2s_audit.evidence.merge import Joined, merge
from r2s_audit.evidence.record import Record
from r2s_audit.evidence.seal import Sealer, seal_record
from r2s_audit.evidence.trust import load_anchors
from r2s_audit.evidence.verify import Expectations, State, Verification, verify_record
from r2s_audit.model.record import MergeConflict, PassDiscarded
from tests.engine.audits import Bench, each
from tests.evidence.people import Person
from tests.evidence.test_hostile_records import blob_path, entries_of
from tests.evidence.test_verify import write

CRITERIA = [each("good", "bad")]


def laptop(directory: Path, auditor: Person, points: tuple[str, ...] = ("P-ADM",), **more: Any) -> Bench:
    bench = Bench(directory, CRITERIA)
    asyncio.run(bench.run(points=points, notary=auditor.notary(), **more))
    return bench


@pytest.fixture
def two(tmp_path: Path, auditor: Person) -> tuple[Path, Path]:
    """Two laptops, the same campaign; both call their pass P01; the first one's is sealed."""
    laptop(tmp_path / "a", auditor)
    seal_record(tmp_path / "a", Sealer(auditor.notary(), "auditeur", ""))
    laptop(tmp_path / "b", auditor)
    return tmp_path / "a", tmp_path / "b"


def seen(directory: Path, auditor: Person) -> Verification:
    auditor.write(directory.parent / "k")
    return verify_record(directory, Expectations(signers=load_anchors([str(directory.parent / "k/auditrice.pub")])))


def conflicts(directory: Path) -> list[MergeConflict]:
    return [e.body for e in Record.open(directory).reading.entries if isinstance(e.body, MergeConflict)]


def test_both_passes_are_there_and_the_later_one_counts(
    two: tuple[Path, Path], tmp_path: Path, auditor: Person
) -> None:
    joined = merge(two, tmp_path / "ab")
    assert joined == Joined(sources=2, passes=2, conflicts=())
    bench = Bench(tmp_path / "ab", CRITERIA)
    audit = bench.judge()
    assert [p.id for p in audit.passes] == ["P01", "P01.2"]
    alone = Bench(two[1], CRITERIA).judge()
    assert audit.cells.states == alone.cells.states
    counted = {o for f in audit.findings for o in f.observations}
    observations = dict(Record.open(tmp_path / "ab").observations())
    assert {observations[o].pass_id for o in counted} == {"P01.2"}


def test_every_source_still_verifies_with_its_seal(two: tuple[Path, Path], tmp_path: Path, auditor: Person) -> None:
    merge(two, tmp_path / "ab")
    found = seen(tmp_path / "ab", auditor)
    assert (found.state, found.faults) == (State.UNSEALED, ())
    assert [s.trusted for s in found.plans] == [True, True]
    assert [(s.role, s.trusted) for s in found.sources] == [("auditeur", True)]
    seal_record(tmp_path / "ab", Sealer(auditor.notary(), "auditeur", ""))
    assert seen(tmp_path / "ab", auditor).state is State.SEALED


def test_order_grouping_and_duplication_change_nothing(two: tuple[Path, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(two[0], tmp_path / "copie"))
    for name, given in (("1", two), ("2", two[::-1]), ("3", (*two, copy, two[1]))):
        merge(given, tmp_path / name)
    assert len({(tmp_path / n / "ledger.jsonl").read_bytes() for n in "123"}) == 1


def change(directory: Path, how: Callable[[dict[str, Any]], object], again: Callable[..., None] = write) -> None:
    entries = entries_of(directory)
    for entry in entries:
        how(entry)
    again(directory, entries)


def now_good(entry: dict[str, Any]) -> None:
    observation = entry["body"].get("observation", {})
    if (observation.get("facts") or {}).get("good") is False:
        observation["facts"]["good"] = True


def test_a_disagreement_is_in_the_ledger_and_the_later_pass_counts(tmp_path: Path, auditor: Person) -> None:
    for name in "ab":
        asyncio.run(Bench(tmp_path / name, CRITERIA).run())
    change(tmp_path / "b", now_good)
    joined = merge((tmp_path / "a", tmp_path / "b"), tmp_path / "ab")
    (conflict,) = joined.conflicts
    assert conflicts(tmp_path / "ab") == [conflict]
    assert conflict.passes == ("P01", "P01.2")
    assert conflict.requests == ("essai.one@P-ADM>sw?behaviour=bad",)
    assert "la dernière ouverte compte (P01.2)" in str(conflict.reason)
    assert Bench(tmp_path / "ab", CRITERIA).judge().cells.states == {"C": 2}
    assert any("se contredisent" in str(r) for r in seen(tmp_path / "ab", auditor).remarks)


def test_passes_that_ran_at_the_same_time_are_told(tmp_path: Path) -> None:
    for name in "ab":
        asyncio.run(Bench(tmp_path / name, CRITERIA).run())
    change(tmp_path / "b", now_good)
    times = [e["at"] for e in entries_of(tmp_path / "a")]
    entries = entries_of(tmp_path / "b")
    for entry, at in list(zip(entries, times, strict=True))[1:]:
        entry["at"] = at
    write(tmp_path / "b", entries)
    (conflict,) = merge((tmp_path / "a", tmp_path / "b"), tmp_path / "ab").conflicts
    assert "deux horloges" in str(conflict.reason)


def test_a_copy_that_went_on_shares_its_past_once(two: tuple[Path, Path], tmp_path: Path, auditor: Person) -> None:
    """One laptop measures, its record is copied, and both go on: the common past is there once."""
    copy = Path(shutil.copytree(two[0], tmp_path / "copie"))
    laptop(two[0], auditor, pass_id="P02")
    laptop(copy, auditor, pass_id="P02")
    joined = merge((copy, two[0]), tmp_path / "ab")
    assert (joined.sources, joined.passes) == (2, 3)
    assert [p.id for p in Bench(tmp_path / "ab", CRITERIA).judge().passes] == ["P01", "P02", "P02.2"]
    assert seen(tmp_path / "ab", auditor).faults == ()


def test_a_pass_continued_in_two_copies_is_refused(two: tuple[Path, Path], tmp_path: Path, auditor: Person) -> None:
    path = two[0] / "ledger.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:4]))
    copy = Path(shutil.copytree(two[0], tmp_path / "copie"))
    for directory in (two[0], copy):
        bench = Bench(directory, CRITERIA)
        interrupted = last_interrupted(Record.open(directory))
        asyncio.run(bench.run(interrupted=interrupted))
    with pytest.raises(UsageError, match="continuée dans"):
        merge((two[0], copy), tmp_path / "ab")
    assert not (tmp_path / "ab" / "ledger.jsonl").exists()


def test_a_pass_discarded_in_one_copy_is_told(two: tuple[Path, Path], tmp_path: Path, auditor: Person) -> None:
    copy = Path(shutil.copytree(two[0], tmp_path / "copie"))
    laptop(two[0], auditor, pass_id="P02")
    with LedgerWriter(copy / "ledger.jsonl") as ledger:
        ledger.append(PassDiscarded(pass_id="P01", reason="câble débranché pendant la passe", by="essai"))
    (conflict,) = merge((copy, two[0]), tmp_path / "ab").conflicts
    assert conflict.passes == ("P01",)
    assert "écartée" in str(conflict.reason)


def test_records_of_different_campaigns_are_refused(two: tuple[Path, Path], tmp_path: Path) -> None:
    other = Bench(tmp_path / "c", [each("good")])
    asyncio.run(other.run())
    with pytest.raises(UsageError, match="n'ont pas le même profil"):
        merge((two[0], tmp_path / "c"), tmp_path / "ac")


def one(two: tuple[Path, Path]) -> list[Path]:
    return [two[0]]


def broken(two: tuple[Path, Path]) -> list[Path]:
    path = two[1] / "ledger.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"good":true', b'"good":null'))
    return list(two)


def torn(two: tuple[Path, Path]) -> list[Path]:
    path = two[1] / "ledger.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    return list(two)


def lacking(two: tuple[Path, Path]) -> list[Path]:
    blob_path(two[1], entries_of(two[1])[0]["body"]["plan"]).unlink()
    return list(two)


@pytest.mark.parametrize("given", [one, broken, torn, lacking], ids=lambda g: g.__name__)
def test_what_cannot_be_joined_leaves_no_record(
    two: tuple[Path, Path], tmp_path: Path, given: Callable[..., list[Path]]
) -> None:
    with pytest.raises(R2SError):
        merge(given(two), tmp_path / "ab")
    assert not (tmp_path / "ab/ledger.jsonl").exists()


def without_one(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    at = next(n for n, e in enumerate(entries) if e["body"]["kind"] == "observation")
    return entries[:at] + entries[at + 1 :]


def one_better(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for entry in entries:
        now_good(entry)
    return entries


def other_source(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    entries[1]["body"]["head"] = entries[2]["body"]["head"]
    return entries


FORGED: dict[str, tuple[Callable[[list[dict[str, Any]]], list[dict[str, Any]]], str]] = {
    "an observation left out": (without_one, "n'est pas dans le registre réuni"),
    "an observation changed": (one_better, "ne vient d'aucune origine"),
    "another source named": (other_source, "registre d'origine manque"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_joined_ledger_that_is_not_its_sources_is_found(
    two: tuple[Path, Path], tmp_path: Path, auditor: Person, name: str
) -> None:
    """Even where the chain was made again and nobody sealed it: the sources are in the record."""
    merge(two, tmp_path / "ab")
    how, told = FORGED[name]
    write(tmp_path / "ab", how(entries_of(tmp_path / "ab")))
    found = seen(tmp_path / "ab", auditor)
    assert found.state is State.ALTERED
    assert told in "\n".join(map(str, found.faults))


def test_a_joined_record_takes_another_pass(two: tuple[Path, Path], tmp_path: Path, auditor: Person) -> None:
    merge(two, tmp_path / "ab")
    laptop(tmp_path / "ab", auditor, pass_id="P03")
    assert seen(tmp_path / "ab", auditor).faults == ()
    assert json.loads((tmp_path / "ab/ledger.jsonl").read_text().splitlines()[-1])["body"]["pass_id"] == "P03"
