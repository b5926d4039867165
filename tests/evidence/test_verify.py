"""verify: what is intact, by whom, since when; and each thing that can be done to a record, named."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from r2s_audit.errors import RecordError, UsageError
from r2s_audit.evidence.blobs import digest_of
from r2s_audit.evidence.dsse import parse_envelope
from r2s_audit.evidence.ledger import LedgerWriter
from r2s_audit.evidence.record import Record
from r2s_audit.evidence.seal import Sealer, seal_files, seal_record
from r2s_audit.evidence.trust import Anchors, load_anchors
from r2s_audit.evidence.verify import Expectations, State, Verification, verify_record
from r2s_audit.model.record import PassDiscarded
from tests.evidence.people import NOW, Person, authority, certified, person
from tests.evidence.test_hostile_records import GENESIS, Entries, blob_path, entries_of, store

FIXTURE = Path(__file__).parent / "fixtures/record-format-1"


def trusting(*people: Person, role: str = "", directory: Path) -> Anchors:
    words = []
    for someone in people:
        someone.write(directory)
        path = directory / f"{someone.name}.{'pem' if someone.certificate else 'pub'}"
        words.append(f"{role}={path}" if role else str(path))
    return load_anchors(words)


def look(directory: Path, *people: Person, tmp: Path | None = None, **known: object) -> Verification:
    anchors = trusting(*people, directory=(tmp or directory.parent) / "ancres")
    return verify_record(directory, Expectations(signers=anchors, **known))  # type: ignore[arg-type]


def words(found: Verification) -> str:
    return "\n".join(map(str, found.faults))


def test_sealed_by_somebody_trusted(sealed: Path, auditor: Person) -> None:
    found = look(sealed, auditor)
    assert (found.state, found.faults, found.remarks) == (State.SEALED, (), ())
    (seal,) = found.seals
    assert (seal.role, seal.name, seal.entries, seal.since) == ("auditeur", "A. Auditrice", found.entries, None)
    (plan,) = found.plans
    assert plan.trusted
    assert plan.pass_id == "P01"


def test_the_plan_is_signed_before_the_first_packet(sealed: Path) -> None:
    kinds = [e["body"]["kind"] for e in entries_of(sealed)]
    assert kinds[:3] == ["campaign", "pass_opened", "pass_signed"]
    opened = entries_of(sealed)[1]["body"]
    assert set(opened["machine"]) >= {"operator", "hostname", "interfaces"}
    assert opened["clock"]["source"].startswith("adjtimex")
    assert entries_of(sealed)[-1]["body"]["clock"]["source"].startswith("adjtimex")


def test_unknown_author(sealed: Path) -> None:
    for people in ((), (person("quelqu'un"),)):
        found = look(sealed, *people)
        assert (found.state, found.faults) == (State.UNKNOWN_AUTHOR, ())


def test_without_a_seal(measured: Path, auditor: Person) -> None:
    assert look(measured, auditor).state is State.UNSEALED


def test_what_was_written_after_the_seal_is_told(sealed: Path, auditor: Person) -> None:
    with LedgerWriter(sealed / "ledger.jsonl") as ledger:
        ledger.append(PassDiscarded(pass_id="P01", reason="mesure refaite demain", by="essai"))
    found = look(sealed, auditor)
    assert (found.state, found.faults) == (State.UNSEALED, ())
    assert any("aucun ne les couvre" in str(r) for r in found.remarks)


def test_integrator_and_auditor_both_seal(sealed: Path, auditor: Person) -> None:
    integrator = person("integrateur", "rsa-pss")
    seal_record(sealed, Sealer(integrator.notary(), "integrateur", "I. Intégrateur"))
    found = look(sealed, auditor, integrator, roles=("integrateur", "auditeur"))
    assert found.state is State.SEALED
    assert {s.role for s in found.seals if s.trusted} == {"integrateur", "auditeur"}
    alone = look(sealed, auditor, roles=("integrateur", "auditeur"))
    assert alone.state is State.UNSEALED
    assert any("integrateur" in str(r) for r in alone.remarks)


def test_an_anchor_may_speak_for_one_role_only(sealed: Path, auditor: Person, tmp_path: Path) -> None:
    for role, state in (("auditeur", State.SEALED), ("integrateur", State.UNKNOWN_AUTHOR)):
        anchors = trusting(auditor, role=role, directory=tmp_path / role)
        assert verify_record(sealed, Expectations(signers=anchors)).state is state


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa-p256", "rsa-pss"])
def test_certificates_lead_to_a_stated_authority(measured: Path, kind: str, tmp_path: Path) -> None:
    root = certified("racine", kind=kind, authority=True)
    middle = certified("intermediaire", root, kind=kind, authority=True)
    signer = certified("signataire", middle, kind=kind)
    seal_record(measured, Sealer(signer.notary(), "auditeur", ""))
    for anchor in (root, middle, signer):
        anchor.write(tmp_path / anchor.name)
        pem = tmp_path / anchor.name / f"{anchor.name}.pem"
        first = re.findall(r"-----BEGIN.*?END CERTIFICATE-----\n", pem.read_text(), re.DOTALL)[0]
        pem.write_text(first)
        assert verify_record(measured, Expectations(signers=load_anchors([str(pem)]))).state is State.SEALED
    other = certified("racine", kind=kind, authority=True)
    assert look(measured, other).state is State.UNKNOWN_AUTHOR


WRONG_PATHS: dict[str, Callable[[Person], Person]] = {
    "an issuer that is no authority": lambda root: certified("s", certified("m", root)),
    "out of date": lambda root: certified("s", root, end=NOW - timedelta(hours=1)),
    "not yet": lambda root: certified("s", root, begin=NOW + timedelta(days=1)),
    "a signer that only bears the name of the authority": lambda root: certified(
        "s", certified(root.name, authority=True)
    ),
}


@pytest.mark.parametrize("name", WRONG_PATHS)
def test_no_path_no_author(measured: Path, name: str, tmp_path: Path) -> None:
    root = certified("racine", authority=True)
    seal_record(measured, Sealer(WRONG_PATHS[name](root).notary(), "auditeur", ""))
    found = look(measured, root, tmp=tmp_path)
    assert (found.state, found.faults) == (State.UNKNOWN_AUTHOR, ())
    assert found.seals[0].why_not_trusted is not None


def test_since_when_only_from_a_trusted_authority(measured: Path, auditor: Person, tmp_path: Path) -> None:
    with authority(tmp_path / "tsa") as tsa:
        before = datetime.now(UTC).replace(microsecond=0)
        seal_record(measured, Sealer(auditor.notary(tsa.url), "auditeur", ""))
        times = load_anchors([str(tsa.certificate)])
    known = look(measured, auditor, authorities=times).seals[0]
    assert known.since is not None
    assert before <= known.since <= datetime.now(UTC)
    doubted = look(measured, auditor).seals[0]
    assert doubted.since is None
    assert doubted.time_doubt is not None


def test_a_certificate_that_expired_since_stands_by_its_time_stamp(measured: Path, tmp_path: Path) -> None:
    signer = certified("signataire")
    later = NOW + timedelta(days=31)
    with authority(tmp_path / "tsa", "P-256") as tsa:
        seal_record(measured, Sealer(signer.notary(tsa.url), "auditeur", ""))
        times = load_anchors([str(tsa.certificate)])
    assert look(measured, signer, moment=later).state is State.UNKNOWN_AUTHOR
    assert look(measured, signer, moment=later, authorities=times).state is State.SEALED


# ---- what can be done to it


def write(directory: Path, entries: Entries) -> None:
    """The chain made again, each line as the program writes it."""
    previous, lines = GENESIS, []
    for number, entry in enumerate(entries):
        whole = {**entry, "n": number, "prev": previous}
        line = json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode()
        lines.append(line)
        previous = digest_of(line)
    (directory / "ledger.jsonl").write_bytes(b"\n".join(lines) + b"\n")


def line_cut(directory: Path, keep: Callable[[list[bytes]], list[bytes]]) -> None:
    path = directory / "ledger.jsonl"
    path.write_bytes(b"".join(keep(path.read_bytes().splitlines(keepends=True))))


def swap_profile(directory: Path) -> None:
    blob_path(directory, entries_of(directory)[0]["body"]["profile"]).write_bytes(b'{"another": "profile"}')


def swap_profile_and_chain(directory: Path) -> None:
    entries = entries_of(directory)
    entries[0]["body"]["profile"] = store(directory, b'{"another": "profile"}', "profile")
    write(directory, entries)


def better_facts(directory: Path) -> None:
    path = directory / "ledger.jsonl"
    data = path.read_bytes()
    assert data.count(b'"good":false') == 1
    path.write_bytes(data.replace(b'"good":false', b'"good":true '))


def better_facts_and_chain(directory: Path) -> None:
    entries = entries_of(directory)
    (observed,) = [e for e in entries if (e["body"].get("observation", {}).get("facts") or {}).get("good") is False]
    observed["body"]["observation"]["facts"]["good"] = True
    write(directory, entries)


def without_an_entry_and_chain(directory: Path) -> None:
    entries = entries_of(directory)
    del entries[5]
    write(directory, entries)


def evidence_of(directory: Path) -> Path:
    (observed, *_) = [e for e in entries_of(directory) if e["body"].get("observation", {}).get("blobs")]
    return blob_path(directory, observed["body"]["observation"]["blobs"][0])


def change_evidence(directory: Path) -> None:
    path = evidence_of(directory)
    path.write_bytes(path.read_bytes()[::-1])


def seal_of(directory: Path) -> Path:
    (path,) = seal_files(directory)
    return path


def second_seal_then_first_away(directory: Path) -> None:
    first = seal_of(directory)
    seal_record(directory, Sealer(person("autre").notary(), "integrateur", ""))
    first.unlink()
    first.with_name(first.name.replace(".dsse.json", ".sha256")).unlink()


def other_role(directory: Path) -> None:
    """The payload says another role, in a file whose name is right."""
    path = seal_of(directory)
    envelope = parse_envelope(path.read_bytes())
    data = replace(envelope, payload=envelope.payload.replace(b'"auditeur"', b'"exploitant"')).to_json()
    stem = f"auditeur-{digest_of(data)[7:23]}"
    path.with_name(path.name.replace(".dsse.json", ".sha256")).rename(path.with_name(f"{stem}.sha256"))
    path.unlink()
    path.with_name(f"{stem}.dsse.json").write_bytes(data)


TAMPERINGS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a bit of an entry": (better_facts, "entrée modifiée"),
    "an entry, and the chain made again": (better_facts_and_chain, "entrées modifiées : 4"),
    "an entry removed": (lambda d: line_cut(d, lambda ls: ls[:4] + ls[5:]), "entrées retirées : 4"),
    "an entry removed, and the chain made again": (without_an_entry_and_chain, "entrées retirées : 5"),
    "an entry inserted, and the chain made again": (
        lambda d: write(
            d, [*entries_of(d)[:5], {**entries_of(d)[5], "at": "2020-01-01T00:00:00Z"}, *entries_of(d)[5:]]
        ),
        "entrées ajoutées, ou modifiées : 5",
    ),
    "entries swapped, and the chain made again": (
        lambda d: write(d, [entries_of(d)[n] for n in (0, 1, 2, 3, 5, 4, 6, 7)]),
        "entrées déplacées ou répétées, à partir de : 4",
    ),
    "an entry inserted": (lambda d: line_cut(d, lambda ls: [*ls[:4], ls[2], *ls[4:]]), "entrée ajoutée : le numéro 2"),
    "entries swapped": (lambda d: line_cut(d, lambda ls: [*ls[:3], ls[4], ls[3], *ls[5:]]), "entrées déplacées : 3"),
    "truncated at a line": (lambda d: line_cut(d, lambda ls: ls[:-1]), "tronqué, ou ramené à un état ancien"),
    "truncated inside a line": (
        lambda d: line_cut(d, lambda ls: [*ls[:-1], ls[-1][:40]]),
        "la coupe tombe dans l'entrée",
    ),
    "rolled back to the opening": (lambda d: line_cut(d, lambda ls: ls[:3]), "ramené à un état ancien"),
    "an empty ledger": (lambda d: line_cut(d, lambda ls: []), "registre vide"),
    "the profile swapped": (swap_profile, "profil échangé"),
    "the profile swapped, and the chain made again": (swap_profile_and_chain, "profil échangé : seals/"),
    "evidence changed": (change_evidence, "pièce modifiée : essai"),
    "evidence missing": (lambda d: evidence_of(d).unlink(), "pièce manquante : essai"),
    "the manifest changed": (
        lambda d: seal_of(d).with_name(seal_of(d).name.replace(".dsse.json", ".sha256")).write_bytes(b"x\n"),
        "le manifeste du sceau",
    ),
    "the manifest missing": (
        lambda d: seal_of(d).with_name(seal_of(d).name.replace(".dsse.json", ".sha256")).unlink(),
        "le manifeste du sceau",
    ),
    "the seal renamed": (
        lambda d: seal_of(d).rename(seal_of(d).with_name(f"auditeur-{'0' * 16}.dsse.json")),
        "renommé",
    ),
    "a seal removed that another one cites": (second_seal_then_first_away, "sceau retiré"),
    "a seal removed, its manifest left": (lambda d: seal_of(d).unlink(), "un sceau a été retiré"),
    "another role in a seal": (other_role, "la signature n'est pas celle de cette déclaration"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_what_was_done_is_named(sealed: Path, auditor: Person, name: str) -> None:
    change, told = TAMPERINGS[name]
    change(sealed)
    found = look(sealed, auditor)
    assert found.state is State.ALTERED
    assert told in words(found), words(found)


def test_a_rollback_to_an_older_seal_is_seen_by_who_knows_a_later_state(
    sealed: Path, auditor: Person, tmp_path: Path
) -> None:
    """From the record alone it cannot be: everything later is gone. A head or a seal kept elsewhere tells."""
    older = Path(shutil.copytree(sealed, tmp_path / "older"))
    with LedgerWriter(sealed / "ledger.jsonl") as ledger:
        ledger.append(PassDiscarded(pass_id="P01", reason="mesure refaite demain", by="essai"))
    kept = seal_record(sealed, Sealer(auditor.notary(), "auditeur", "")).read_bytes()
    head = Record.open(sealed).reading.head
    assert look(sealed, auditor, heads=(head,), seals=(kept,)).state is State.SEALED
    assert look(older, auditor).state is State.SEALED, "documented: nothing in the record can show it"
    for known in ({"heads": (head,)}, {"seals": (kept,)}):
        found = look(older, auditor, **known)
        assert found.state is State.ALTERED
        assert "retour à un état ancien" in words(found)


def test_a_kept_seal_that_left_the_record_is_missed(sealed: Path, auditor: Person) -> None:
    path = seal_of(sealed)
    kept = path.read_bytes()
    path.unlink()
    path.with_name(path.name.replace(".dsse.json", ".sha256")).unlink()
    found = look(sealed, auditor, seals=(kept,))
    assert "sceau retiré" in words(found)


def test_a_damaged_record_is_not_sealed(measured: Path, auditor: Person) -> None:
    evidence_of(measured).unlink()
    with pytest.raises(RecordError, match="pièce manquante"):
        seal_record(measured, Sealer(auditor.notary(), "auditeur", ""))
    better_facts(measured)
    with pytest.raises(RecordError):
        seal_record(measured, Sealer(auditor.notary(), "auditeur", ""))


def test_a_record_of_ten_years_ago_verifies(tmp_path: Path, auditor: Person) -> None:
    """Format 1, in the bytes that the first version wrote; sealed today, so that its age does not matter."""
    old = Path(shutil.copytree(FIXTURE, tmp_path / "old"))
    assert json.loads((old / "ledger.jsonl").read_text().splitlines()[0])["body"]["record_format"] == 1
    found = look(old, auditor)
    assert (found.state, found.faults) == (State.UNSEALED, ())
    seal_record(old, Sealer(auditor.notary(), "auditeur", ""))
    assert look(old, auditor).state is State.SEALED


def test_anchors_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rien").write_text("rien")
    curve = ec.generate_private_key(ec.SECP384R1())
    Person("p384", curve).write(tmp_path)
    for path in ("rien", "absent", "p384.pub"):
        with pytest.raises(UsageError):
            load_anchors([str(tmp_path / path)])
