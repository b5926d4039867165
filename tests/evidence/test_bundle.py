"""The bundle: the same bytes from the same record, opened by tar, and a hostile one refused with its reason."""

from __future__ import annotations

import io
import random
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from r2s_audit.errors import R2SError, RecordError
from r2s_audit.evidence.bundle import header, opened, unpack, write_bundle
from r2s_audit.evidence.trust import load_anchors
from r2s_audit.evidence.verify import Expectations, State, verify_record
from tests.evidence.people import Person


@pytest.fixture
def bundle(sealed: Path, tmp_path: Path) -> Path:
    path = tmp_path / "dossier.tar"
    write_bundle(sealed, path)
    return path


def test_the_same_record_gives_the_same_bytes(sealed: Path, bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / "ailleurs" / "autre-nom"
    shutil.copytree(sealed, copy)
    (copy / "audit.json").write_text("{}")
    (copy / "ledger.jsonl").chmod(0o600)
    write_bundle(copy, tmp_path / "autre.tar")
    assert (tmp_path / "autre.tar").read_bytes() == bundle.read_bytes()
    with opened(bundle) as directory:
        write_bundle(directory, tmp_path / "encore.tar")
    assert (tmp_path / "encore.tar").read_bytes() == bundle.read_bytes()


def test_ordinary_tools_open_it(sealed: Path, bundle: Path, tmp_path: Path) -> None:
    subprocess.run(["tar", "xf", bundle], cwd=tmp_path / "dossier" / "..", check=True)
    (tmp_path / "x").mkdir()
    subprocess.run(["tar", "xf", bundle, "-C", tmp_path / "x"], check=True)
    for path in (p for p in sealed.rglob("*") if p.is_file()):
        assert (tmp_path / "x/dossier" / path.relative_to(sealed)).read_bytes() == path.read_bytes()
    with tarfile.open(bundle) as archive:
        assert {m.mtime for m in archive} == {0}


def judged(bundle: Path, anchors: Expectations) -> State | str:
    try:
        with opened(bundle) as directory:
            return verify_record(directory, anchors).state
    except RecordError as error:
        return str(error)


def test_every_class_of_bytes_flipped_is_found(bundle: Path, auditor: Person, tmp_path: Path) -> None:
    """Each header, the first, a middle and the last byte of each file, each padding, the end; then bytes at random."""
    auditor.write(tmp_path)
    anchors = Expectations(signers=load_anchors([str(tmp_path / "auditrice.pub")]))
    data = bundle.read_bytes()
    assert judged(bundle, anchors) is State.SEALED
    places: dict[int, str] = {}
    with tarfile.open(bundle) as archive:
        for member in archive:
            start, end = member.offset_data, member.offset_data + member.size
            for field, offset in (
                ("name", 0),
                ("mode", 101),
                ("size", 130),
                ("checksum", 150),
                ("type", 156),
                ("rest", 400),
            ):
                places[member.offset + offset] = f"{member.name} {field}"
            for position in (start, (start + end) // 2, end - 1):
                places[position] = f"{member.name} data"
            if end % 512:
                places[end] = f"{member.name} padding"
    places[len(data) - 1] = places[len(data) - 1024] = "end"
    chooser = random.Random(4)
    places |= {chooser.randrange(len(data)): "random" for _ in range(300)}
    assert len(places) > 300
    unseen = []
    for position, what in places.items():
        changed = bytearray(data)
        changed[position] ^= 1 << chooser.randrange(8)
        bundle.write_bytes(changed)
        found = judged(bundle, anchors)
        if found is not State.ALTERED and not (isinstance(found, str) and "refusée" in found):
            unseen.append((position, what, found))
    assert unseen == []


@pytest.mark.parametrize("kept", [0, 100, 512, 2000, -1, -512, -1024])
def test_a_truncated_bundle_is_refused(bundle: Path, kept: int) -> None:
    bundle.write_bytes(bundle.read_bytes()[:kept])
    with pytest.raises(RecordError, match="refusée"), opened(bundle):
        pass


def made(*members: tuple[str, bytes, dict[str, object]], form: int = tarfile.USTAR_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data, changes in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in changes.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


LEDGER = ("dossier/ledger.jsonl", b"{}\n", {})
BLOB = f"dossier/blobs/sha256/{'a' * 2}/{'a' * 62}"
END = bytes(1024)

HOSTILE: dict[str, tuple[bytes, str]] = {
    "a path upwards": (made(("dossier/../../etc/cron.d/x", b"x", {})), "sort du dossier"),
    "an absolute path": (made(("/etc/passwd", b"x", {})), "sort du dossier"),
    "a file of its own": (made(("dossier/.bashrc", b"x", {})), "pas d'un dossier de preuves"),
    "a symbolic link": (made((BLOB, b"", {"type": tarfile.SYMTYPE, "linkname": "/etc"})), "est un lien"),
    "a hard link": (made((BLOB, b"", {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"})), "est un lien"),
    "a device": (made((BLOB, b"", {"type": tarfile.CHRTYPE})), "n'est pas un fichier"),
    "a directory": (made(("dossier", b"", {"type": tarfile.DIRTYPE})), "n'est pas un fichier"),
    "a pax header": (
        made((BLOB, b"x", {"pax_headers": {"path": "/etc/passwd"}}), form=tarfile.PAX_FORMAT),
        "n'est pas un fichier",
    ),
    "a sparse file": (header(BLOB, 0)[:156] + b"S" + header(BLOB, 0)[157:] + END, "n'est pas un fichier"),
    "a name twice": (header(BLOB, 0) + header(BLOB, 0) + END, "deux fois le même nom"),
    "out of order": (header(LEDGER[0], 0) + header(BLOB, 0) + END, "hors de son ordre"),
    "a size beyond the file": (header(LEDGER[0], 100 << 20) + END, "tronquée"),
    "a size beyond measure": (header(LEDGER[0], 5 << 30) + END, "hors de toute mesure"),
    "a negative size": (header(LEDGER[0], 0)[:124] + b"-0000000001\0" + header(LEDGER[0], 0)[136:] + END, "mesure"),
    "a base-256 size": (header(LEDGER[0], 0)[:124] + b"\x80" + bytes(11) + header(LEDGER[0], 0)[136:] + END, "mesure"),
    "another owner": (made((*LEDGER[:2], {"uid": 1000, "mode": 0o644, "mtime": 0})), "en-tête modifié"),
    "a set-uid mode": (made((*LEDGER[:2], {"mode": 0o4755})), "en-tête modifié"),
    "gzip": (b"\x1f\x8b\x08" + bytes(2000), "pas une archive de r2s-audit"),
    "zip": (b"PK\x03\x04" + bytes(2000), "pas une archive de r2s-audit"),
    "something after the end": (header(LEDGER[0], 0) + END + b"x", "après la fin"),
    "something in the padding": (header(LEDGER[0], 1) + b"{" + b"x" * 511 + END, "entre deux fichiers"),
    "no ledger": (header(BLOB, 0) + END, "pas de registre"),
    "nothing": (END, "pas de registre"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_bundle_is_refused_with_its_reason(name: str, tmp_path: Path) -> None:
    data, reason = HOSTILE[name]
    (tmp_path / "b.tar").write_bytes(data)
    into = tmp_path / "into"
    into.mkdir()
    with pytest.raises(RecordError, match=reason):
        unpack(tmp_path / "b.tar", into)
    assert {p for p in tmp_path.rglob("*") if p.is_file() and into not in p.parents} == {tmp_path / "b.tar"}
    assert not any(p.is_symlink() for p in into.rglob("*"))


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("r2s_audit.evidence.bundle.MAX_FILES", 3)
    blobs = [header(f"dossier/blobs/sha256/00/{n:062x}", 0) for n in range(5)]
    (tmp_path / "b.tar").write_bytes(b"".join(blobs) + END)
    with pytest.raises(RecordError, match="plus de 3 fichiers"):
        unpack(tmp_path / "b.tar", tmp_path)


def test_too_large_a_bundle_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("r2s_audit.evidence.bundle.MAX_BUNDLE", 1000)
    (tmp_path / "b.tar").write_bytes(END)
    with pytest.raises(RecordError):
        unpack(tmp_path / "b.tar", tmp_path)


def nothing(_: Path) -> None:
    """The record as it is."""


def gone(directory: Path) -> None:
    next(p for p in (directory / "blobs").rglob("*") if p.is_file()).unlink()


@pytest.mark.parametrize(("change", "target"), [(gone, "b.tar"), (nothing, "absent/b.tar")])
def test_a_bundle_that_cannot_be_made_leaves_nothing(
    sealed: Path, tmp_path: Path, change: Callable[[Path], None], target: str
) -> None:
    change(sealed)
    with pytest.raises(R2SError):
        write_bundle(sealed, tmp_path / target)
    assert list(tmp_path.glob("*.tar")) == list(tmp_path.glob(".*.tar*")) == []
