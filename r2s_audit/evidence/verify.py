"""Verifying a record somewhere else, offline, against what somebody states to trust.

Nothing of the record is believed: the chain is followed, every referenced byte is digested, every signature is verified
over the bytes that it names, and whatever is wrong is said in words, all of it, instead of the first only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from r2s_audit.evidence.blobs import MAX_BLOB, digest_of
from r2s_audit.evidence.chain import read_chain
from r2s_audit.evidence.origins import origins
from r2s_audit.evidence.record import LEDGER
from r2s_audit.evidence.references import references
from r2s_audit.evidence.regular import read_regular
from r2s_audit.evidence.seal import SEALS, referenced
from r2s_audit.evidence.signatures import Court, check_known, check_plans, check_seals
from r2s_audit.evidence.trust import Anchors
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from r2s_audit.evidence.chain import Chain
    from r2s_audit.evidence.origins import Origin
    from r2s_audit.evidence.references import Reference
    from r2s_audit.evidence.signatures import Signed

MAX_LISTED = 50


class State(StrEnum):
    """What a verification comes to."""

    SEALED = "sealed"
    """Intact, and sealed to its last entry by somebody who is trusted."""
    UNKNOWN_AUTHOR = "unknown_author"
    """Intact, and signed, by nobody that is trusted."""
    UNSEALED = "unsealed"
    """Intact as far as it goes, without a seal to its last entry."""
    ALTERED = "altered"


@dataclass(frozen=True, slots=True)
class Expectations:
    """What the person who verifies knows from elsewhere."""

    signers: Anchors = field(default_factory=Anchors)
    authorities: Anchors = field(default_factory=Anchors)
    """Of time."""
    heads: tuple[str, ...] = ()
    """Digests of entries that must be there: from a report, a PV, a message."""
    seals: tuple[bytes, ...] = ()
    """Seals' files that somebody kept: the record must hold what they sealed."""
    roles: tuple[str, ...] = ()
    """Roles that must have sealed."""
    moment: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found: what is wrong, what is worth knowing, and who signed what."""

    state: State
    faults: tuple[Message, ...]
    remarks: tuple[Message, ...]
    seals: tuple[Signed, ...]
    plans: tuple[Signed, ...]
    sources: tuple[Signed, ...]
    """Seals of the records that a joined campaign was made from."""
    entries: int
    files: int
    head: str
    passes: tuple[str, ...]


def verify_record(directory: Path, known: Expectations) -> Verification:
    """Verify a record's directory.

    Raises:
        RecordError: there is no ledger to verify.
    """
    chain = read_chain(directory / LEDGER)
    faults = list(chain.faults)
    faults += _campaign_faults(chain)
    faults += _blob_faults(directory, chain)
    court = Court(known.signers, known.authorities, known.moment)
    plans: list[Signed] = []
    sources: list[Signed] = []

    def signed_there(found: list[Origin]) -> list[Message]:
        plans.extend(check_plans(directory, chain, court, found))
        for origin in found:
            there = check_seals(origin.directory, origin.chain, court)
            sources.extend(replace(signed, file=f"{LEDGER}#{origin.entry}/{signed.file}") for signed in there)
        return [fault for signed in (*plans, *sources) for fault in signed.faults]

    faults += origins(directory, chain, signed_there)
    seals = check_seals(directory, chain, court)
    faults += [fault for signed in seals for fault in signed.faults]
    faults += check_known(chain, seals, known.heads, known.seals)
    remarks = _remarks(directory, chain, seals)
    state = _state(chain, faults, seals, known)
    if state is State.UNSEALED and known.roles:
        remarks += [
            msg("aucun sceau de confiance pour le rôle {role}", role=role)
            for role in known.roles
            if not any(s.role == role and s.trusted for s in seals)
        ]
    return Verification(
        state,
        tuple(faults),
        tuple(remarks),
        tuple(seals),
        tuple(plans),
        tuple(sources),
        len(chain.lines),
        len({r.path for r in referenced(chain)}),
        chain.head,
        tuple(str(line.body.get("pass_id")) for line in chain.lines if line.body.get("kind") == "pass_opened"),
    )


def _state(chain: Chain, faults: Sequence[Message], seals: Sequence[Signed], known: Expectations) -> State:
    if faults:
        return State.ALTERED
    whole = [s for s in seals if s.entries == len(chain.lines) and not chain.torn_bytes]
    trusted = [s for s in whole if s.trusted]
    if trusted and {s.role for s in trusted} >= set(known.roles):
        return State.SEALED
    if whole and not trusted:
        return State.UNKNOWN_AUTHOR
    return State.UNSEALED


def _campaign_faults(chain: Chain) -> list[Message]:
    """A ledger starts with the one campaign that it is of."""
    kinds = [line.body.get("kind") for line in chain.lines]
    if not kinds:
        return [msg("registre vide")]
    if kinds[0] != "campaign":
        return [msg("le registre ne commence pas par l'ouverture d'une campagne")]
    return [
        msg("entrée ajoutée : une seconde campagne à l'entrée {n}", n=n)
        for n, k in enumerate(kinds)
        if n and k == kinds[0]
    ]


def _blob_faults(directory: Path, chain: Chain) -> list[Message]:
    """What is missing or changed among the bytes that entries refer to; the campaign's own files by their names."""
    faults: list[Message] = []
    seen: set[Reference] = set()
    for number, line in enumerate(chain.lines):
        for reference in references(line.body):
            if reference not in seen:
                seen.add(reference)
                faults += _blob_fault(directory, reference, number)
    return faults


def _blob_fault(directory: Path, reference: Reference, number: int) -> list[Message]:
    where: dict[str, str | int] = {"kind": reference.kind, "digest": reference.digest, "n": number}
    try:
        data = read_regular(directory / reference.path, MAX_BLOB)
    except OSError as error:
        return [
            msg(
                "pièce manquante : {kind} {digest}, citée par l'entrée {n} ({error})",
                error=str(error.strerror),
                **where,
            )
        ]
    if digest_of(data) != reference.digest:
        swapped = {
            "profile": msg("profil échangé : ce n'est pas celui de la campagne ({digest})", digest=reference.digest),
            "site": msg(
                "fichier de site échangé : ce n'est pas celui de la campagne ({digest})", digest=reference.digest
            ),
            "plan": msg("plan échangé : ce n'est pas celui de la campagne ({digest})", digest=reference.digest),
        }
        changed = msg("pièce modifiée : {kind} {digest}, citée par l'entrée {n}", **where)
        return [swapped.get(reference.kind, changed) if number == 0 else changed]
    if len(data) != reference.size:
        return [msg("entrée modifiée : la taille de {kind} {digest} n'est pas celle que dit l'entrée {n}", **where)]
    return []


def _remarks(directory: Path, chain: Chain, seals: Sequence[Signed]) -> list[Message]:
    """What is no fault, and still to be known before one relies on the record."""
    remarks: list[Message] = []
    if chain.torn_bytes:
        remarks.append(
            msg("{count} octets déchirés après la dernière entrée : une écriture interrompue", count=chain.torn_bytes)
        )
    opened: dict[str, str] = {}
    for line in chain.lines:
        name, kind = str(line.body.get("pass_id")), line.body.get("kind")
        if kind in {"pass_opened", "pass_resumed"}:
            opened[name] = "interrupted"
        elif kind == "pass_closed":
            opened.pop(name, None)
    remarks += [msg("passe {name} : interrompue, jamais close", name=name) for name in opened]
    covered = max((s.entries for s in seals if not s.faults), default=0)
    if seals and covered < len(chain.lines):
        remarks.append(
            msg(
                "entrées {first} à {last} : écrites après le dernier sceau, aucun ne les couvre",
                first=covered,
                last=len(chain.lines) - 1,
            )
        )
    for number, line in enumerate(chain.lines):
        if line.body.get("kind") == "merge_conflict":
            remarks.append(msg("entrée {n} : les dossiers réunis se contredisent, voir « merge_conflict »", n=number))
    extra = _extra_files(directory, chain)
    remarks += [msg("fichier que rien ne couvre : {path}", path=path) for path in extra[:MAX_LISTED]]
    if len(extra) > MAX_LISTED:
        remarks.append(msg("fichiers que rien ne couvre, en plus : {count}", count=len(extra) - MAX_LISTED))
    return remarks


def _extra_files(directory: Path, chain: Chain) -> list[str]:
    cited = {r.path for r in referenced(chain)} | {LEDGER}
    present = [p.relative_to(directory).as_posix() for p in directory.rglob("*") if not p.is_dir()]
    return sorted(p for p in present if p not in cited and not p.startswith(f"{SEALS}/"))
