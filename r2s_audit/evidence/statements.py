"""What is signed: a plan before the first packet, a record at its end. Plain data; docs/record-format.md is the reference."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AwareDatetime, Field

from r2s_audit.model.base import Count, Identifier, Model
from r2s_audit.model.observation import Digest

PLAN_TYPE = "application/vnd.r2s-audit.plan.v1+json"
SEAL_TYPE = "application/vnd.r2s-audit.seal.v1+json"
Role: TypeAlias = Literal["maitre_ouvrage", "amo", "integrateur", "auditeur", "exploitant", "certificateur"]
"""In what quality somebody seals: the roles of the site file's parties."""
ROLES: tuple[Role, ...] = ("maitre_ouvrage", "amo", "integrateur", "auditeur", "exploitant", "certificateur")


class CampaignDigests(Model):
    """The files of a campaign: its site, profile and plan."""

    site: Digest
    profile: Digest
    plan: Digest


class PlanStatement(CampaignDigests):
    """Says: this plan, this ledger so far, before any packet of this pass."""

    r2s_plan: Literal[1] = 1
    pass_id: Identifier
    entries: Count
    """How many entries the ledger had: the signature is the next one."""
    head: Digest
    """Digest of the last of them."""


class LedgerExtent(Model):
    """The ledger as it was sealed: checked with ``head -c BYTES ledger.jsonl | sha256sum``."""

    entries: Count
    bytes: Count
    head: Digest
    """Digest of its last line, without the line's end."""
    sha256: Digest
    """Digest of its first ``bytes`` octets."""


class ManifestDigest(Model):
    """The manifest beside the seal: ``entries`` comment lines, then ``files`` lines that ``sha256sum -c`` reads."""

    sha256: Digest
    files: Count


class SealStatement(CampaignDigests):
    """Says: this record, to this entry, with these bytes."""

    r2s_seal: Literal[1] = 1
    role: Role
    name: Annotated[str, Field(max_length=200)]
    sealed_at: AwareDatetime
    """By the signer's own clock: a claim. Only a time-stamp proves a time."""
    ledger: LedgerExtent
    manifest: ManifestDigest
    previous: tuple[Digest, ...] = ()
    """Digests of the seals' files that were there: a seal that vanishes later is missed."""
