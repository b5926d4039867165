"""A record: a directory with the ledger of one campaign and the bytes that it refers to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from r2s_audit.errors import RecordError
from r2s_audit.evidence.blobs import BlobStore, digest_of
from r2s_audit.evidence.ledger import LedgerReading, LedgerWriter, entry_id, read_ledger
from r2s_audit.model.plan import Plan
from r2s_audit.model.record import CampaignOpened, Observed
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from r2s_audit.model.observation import Observation

LEDGER = "ledger.jsonl"
BLOBS = "blobs"


@dataclass(frozen=True, slots=True)
class CampaignFiles:
    """The three files of a campaign as bytes: what the record keeps so that it can be judged alone."""

    site: bytes
    profile: bytes
    plan: Plan

    @property
    def plan_bytes(self) -> bytes:
        """The plan as it is stored."""
        return self.plan.model_dump_json().encode()


@dataclass(frozen=True)
class Record:
    """A record opened for reading."""

    directory: Path
    reading: LedgerReading

    @classmethod
    def open(cls, directory: Path) -> Record:
        """Open and verify.

        Raises:
            RecordError: not a record, or one whose chain is broken.
        """
        reading = read_ledger(directory / LEDGER)
        if not reading.entries or not isinstance(reading.entries[0].body, CampaignOpened):
            raise RecordError(
                msg("{directory} : pas d'ouverture de campagne dans le registre", directory=str(directory)),
                remedy=msg("indiquer le dossier d'un audit"),
            )
        return cls(directory, reading)

    @property
    def campaign(self) -> CampaignOpened:
        """The first entry."""
        body = self.reading.entries[0].body
        assert isinstance(body, CampaignOpened)  # noqa: S101 - verified by open()
        return body

    @property
    def blobs(self) -> BlobStore:
        """The bytes."""
        return BlobStore(self.directory / BLOBS)

    @cached_property
    def site_bytes(self) -> bytes:
        """The site file as it was when the campaign was opened."""
        return self.blobs.get(self.campaign.site)

    @cached_property
    def profile_bytes(self) -> bytes:
        """The profile as it was when the campaign was opened."""
        return self.blobs.get(self.campaign.profile)

    @cached_property
    def plan(self) -> Plan:
        """The plan of the campaign.

        Raises:
            RecordError: a plan that this version does not read.
        """
        try:
            return Plan.model_validate_json(self.blobs.get(self.campaign.plan))
        except ValidationError as error:
            raise RecordError(
                msg("{directory} : plan écrit par une autre version de r2s-audit", directory=str(self.directory)),
                remedy=msg("prendre la version de r2s-audit qui a ouvert ce dossier"),
            ) from error

    def observations(self) -> list[tuple[str, Observation]]:
        """Every observation with the identifier of its entry, in the order of the ledger."""
        return [
            (entry_id(entry, digest), entry.body.observation)
            for entry, digest in zip(self.reading.entries, self.reading.digests, strict=True)
            if isinstance(entry.body, Observed)
        ]


@dataclass(frozen=True, slots=True)
class RecordWriter:
    """A record opened for a pass: the ledger's only writer, and the blob store."""

    directory: Path
    ledger: LedgerWriter
    blobs: BlobStore


def is_begun(directory: Path) -> bool:
    """Whether there is a campaign here; what a power cut left before the first whole line is none, and is written over.

    Raises:
        RecordError: a ledger that cannot be read, or whose chain is broken.
    """
    path = directory / LEDGER
    return path.exists() and bool(read_ledger(path).entries)


def create_record(directory: Path, files: CampaignFiles) -> RecordWriter:
    """Open a campaign in a new directory, before anything is sent.

    Raises:
        RecordError: the directory holds a record already, or cannot be written.
    """
    if is_begun(directory):
        raise RecordError(
            msg("{directory} contient déjà un audit", directory=str(directory)),
            remedy=msg("choisir un autre dossier, ou reprendre celui-ci (--resume) ou y ajouter une passe"),
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordError(
            msg(
                "dossier impossible à créer : {directory} ({error})",
                directory=str(directory),
                error=str(error.strerror),
            ),
            remedy=msg("choisir un dossier où l'on peut écrire"),
        ) from error
    blobs = BlobStore(directory / BLOBS)
    campaign = CampaignOpened(
        site=blobs.put(files.site, "site", sync=True),
        profile=blobs.put(files.profile, "profile", sync=True),
        plan=blobs.put(files.plan_bytes, "plan", sync=True),
        plan_digest=digest_of(files.plan_bytes),
    )
    ledger = LedgerWriter(directory / LEDGER)
    ledger.append(campaign, sync=True)
    return RecordWriter(directory, ledger, blobs)


def reopen_record(directory: Path) -> tuple[Record, RecordWriter]:
    """Open an existing campaign for one more pass, or to resume one.

    Raises:
        RecordError: not a record, a broken chain, or somebody else is writing.
    """
    Record.open(directory)
    ledger = LedgerWriter(directory / LEDGER)
    return Record.open(directory), RecordWriter(directory, ledger, BlobStore(directory / BLOBS))
