"""The ledger: a chain that nobody can change in silence, and a torn end that costs nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r2s_audit.errors import RecordError
from r2s_audit.evidence.blobs import BlobStore
from r2s_audit.evidence.ledger import GENESIS, LedgerWriter, read_ledger
from r2s_audit.model.record import PassDiscarded, PassResumed

DAY = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def body(number: int) -> PassDiscarded:
    return PassDiscarded(pass_id=f"P{number:02d}", reason="pour cet essai seulement", by="essai")


def write(path: Path, count: int) -> bytes:
    with LedgerWriter(path, clock=lambda: DAY) as writer:
        for number in range(count):
            writer.append(body(number))
    return path.read_bytes()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path / "l", 3)
    reading = read_ledger(tmp_path / "l")
    assert [e.n for e in reading.entries] == [0, 1, 2]
    assert reading.entries[0].prev == GENESIS
    assert reading.entries[2].prev == reading.digests[1]
    assert reading.torn_bytes == 0


@given(cut=st.integers(min_value=0, max_value=700))
def test_a_cut_at_any_byte_opens_and_goes_on(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("cut") / "l"
    data = write(path, 3)
    cut = min(cut, len(data))
    path.write_bytes(data[:cut])
    whole = data[:cut].count(b"\n")
    reading = read_ledger(path)
    assert len(reading.entries) == whole
    assert reading.whole_bytes + reading.torn_bytes == cut
    with LedgerWriter(path, clock=lambda: DAY) as writer:
        assert writer.torn_bytes == reading.torn_bytes
        writer.append(body(9))
    assert len(read_ledger(path).entries) == whole + 1


@given(st.data())
def test_a_changed_byte_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Anywhere but in the last line, whose own digest only a seal can hold."""
    path = tmp_path_factory.mktemp("flip") / "l"
    original = write(path, 4)
    last = original[:-1].rindex(b"\n") + 1
    position = data.draw(st.integers(0, last - 1))
    bit = data.draw(st.integers(0, 7))
    changed = bytearray(original)
    changed[position] ^= 1 << bit
    path.write_bytes(bytes(changed))
    with pytest.raises(RecordError):
        read_ledger(path)


@pytest.mark.parametrize("order", [(0, 2, 3), (0, 2, 1, 3), (0, 1, 1, 2, 3), (1, 2, 3)])
def test_removed_moved_and_repeated_lines_are_found(tmp_path: Path, order: tuple[int, ...]) -> None:
    lines = write(tmp_path / "l", 4).splitlines(keepends=True)
    (tmp_path / "l").write_bytes(b"".join(lines[n] for n in order))
    with pytest.raises(RecordError, match="chaîne rompue"):
        read_ledger(tmp_path / "l")


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with LedgerWriter(tmp_path / "l"), pytest.raises(RecordError, match="un autre audit"):
        LedgerWriter(tmp_path / "l")


def test_blobs_are_what_their_digest_says(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    reference = store.put(b"trame", "essai")
    assert store.put(b"trame", "essai") == reference
    assert store.get(reference) == b"trame"
    (file,) = [p for p in tmp_path.rglob("*") if p.is_file()]
    file.write_bytes(b"autre")
    with pytest.raises(RecordError, match="modifiée"):
        store.get(reference)
    file.unlink()
    with pytest.raises(RecordError, match="manquante"):
        store.get(reference)


def test_a_ledger_that_was_removed_takes_no_more(tmp_path: Path) -> None:
    """What is sent without a record cannot be shown: the pass ends."""
    path = tmp_path / "ledger.jsonl"
    with LedgerWriter(path) as writer:
        writer.append(PassResumed(pass_id="P01"))
        path.unlink()
        with pytest.raises(RecordError, match="supprimé"):
            writer.append(PassResumed(pass_id="P01"))
