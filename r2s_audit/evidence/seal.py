"""Signing what a record holds: the plan before the first packet, the whole at the end."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from r2s_audit.errors import RecordError
from r2s_audit.evidence.blobs import digest_of, sync_names
from r2s_audit.evidence.chain import read_chain
from r2s_audit.evidence.record import LEDGER, Record
from r2s_audit.evidence.references import Reference, references
from r2s_audit.evidence.regular import read_regular
from r2s_audit.evidence.statements import (
    PLAN_TYPE,
    SEAL_TYPE,
    LedgerExtent,
    ManifestDigest,
    PlanStatement,
    Role,
    SealStatement,
)
from r2s_audit.model.record import PassSigned
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from r2s_audit.evidence.chain import Chain
    from r2s_audit.evidence.notary import Notary
    from r2s_audit.evidence.record import RecordWriter

SEALS = "seals"
ENVELOPE_SUFFIX = ".dsse.json"
MANIFEST_SUFFIX = ".sha256"
SEAL_NAME = r"[a-z_]{1,20}-[0-9a-f]{16}\.(dsse\.json|sha256)"
"""Names of a seal's two files, as a regular expression."""


@dataclass(frozen=True, slots=True)
class Sealer:
    """Who seals, and in what quality."""

    notary: Notary
    role: Role
    name: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


def sign_pass(writer: RecordWriter, notary: Notary, pass_id: str) -> None:
    """Sign the plan, and the ledger that has just opened this pass; the signature is its next entry.

    Raises:
        UsageError: the key's agent or the time-stamping authority refuses. Nothing has been sent; the pass can be resumed.
        RecordError: the record cannot be written.
    """
    campaign = Record.open(writer.directory).campaign
    statement = PlanStatement(
        pass_id=pass_id,
        site=campaign.site.digest,
        profile=campaign.profile.digest,
        plan=campaign.plan.digest,
        entries=writer.ledger.count,
        head=writer.ledger.head,
    )
    envelope = writer.blobs.put(notary.attest(statement, PLAN_TYPE), "signature", sync=True)
    writer.ledger.append(PassSigned(pass_id=pass_id, envelope=envelope), sync=True)


def seal_record(directory: Path, sealer: Sealer) -> Path:
    """Seal a record as it is now; returns the seal's file. The ledger itself is not touched.

    Raises:
        RecordError: a record that is not intact, or that cannot be written: only what can be verified is sealed.
        UsageError: the key's agent or the time-stamping authority refuses.
    """
    record = Record.open(directory)
    chain = read_chain(directory / LEDGER)
    if chain.faults:
        raise RecordError(chain.faults[0])
    for reference in sorted(set(referenced(chain))):
        _present(directory, reference)
    manifest = manifest_of(chain)
    statement = SealStatement(
        role=sealer.role,
        name=sealer.name,
        sealed_at=sealer.clock(),
        site=record.campaign.site.digest,
        profile=record.campaign.profile.digest,
        plan=record.campaign.plan.digest,
        ledger=LedgerExtent(
            entries=len(chain.lines),
            bytes=chain.whole_bytes,
            head=chain.head,
            sha256=chain.digest_of_first(len(chain.lines)),
        ),
        manifest=ManifestDigest(sha256=digest_of(manifest), files=len(paths_of(chain))),
        previous=tuple(sorted(digest_of(p.read_bytes()) for p in seal_files(directory))),
    )
    envelope = sealer.notary.attest(statement, SEAL_TYPE)
    stem = f"{sealer.role}-{sha256(envelope).hexdigest()[:16]}"
    try:
        (directory / SEALS).mkdir(exist_ok=True)
        # The manifest first: a seal that is there has its manifest.
        write_whole(directory / SEALS / f"{stem}{MANIFEST_SUFFIX}", manifest)
        path = directory / SEALS / f"{stem}{ENVELOPE_SUFFIX}"
        write_whole(path, envelope)
        sync_names(directory / SEALS, directory)
    except OSError as error:
        raise RecordError(
            msg(
                "sceau impossible à écrire dans {directory} ({error})",
                directory=str(directory),
                error=str(error.strerror),
            ),
            remedy=msg("choisir un dossier où l'on peut écrire"),
        ) from error
    return path


def referenced(chain: Chain) -> Iterable[Reference]:
    """Every reference of a ledger's entries."""
    for line in chain.lines:
        yield from references(line.body)


def paths_of(chain: Chain) -> list[str]:
    """The files that a ledger refers to, once each, in order."""
    return sorted({r.path for r in referenced(chain)})


def manifest_of(chain: Chain) -> bytes:
    """The manifest: a comment line per entry, then what ``sha256sum --check`` reads, run in the record's directory.

    The entries' own digests, and those of their contents, let a verifier say where another ledger parts from the sealed
    one, and how.
    """
    lines = [f"# entry {n} {line.digest[7:]} {line.content[7:]}" for n, line in enumerate(chain.lines)]
    lines += [f"{path.split('/', 2)[2].replace('/', '')}  {path}" for path in paths_of(chain)]
    return "".join(f"{line}\n" for line in lines).encode()


def seal_files(directory: Path) -> list[Path]:
    """The envelopes beside a ledger, in the order of their names."""
    return sorted((directory / SEALS).glob(f"*{ENVELOPE_SUFFIX}"))


def _present(directory: Path, reference: Reference) -> None:
    try:
        intact = digest_of(read_regular(directory / reference.path, reference.size)) == reference.digest
    except OSError:
        intact = False
    if not intact:
        raise RecordError(
            msg("pièce manquante ou modifiée : {kind} {digest}", kind=reference.kind, digest=reference.digest),
            remedy=msg("« r2s-audit verify » dit tout ce qui manque ; un dossier incomplet n'est pas scellé"),
        )


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, onto the disk; OSError where the file system refuses."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
