"""Signed statements of a record against its ledger: who signed what, since when, and whether it is still that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from r2s_audit.evidence import timestamp
from r2s_audit.evidence.blobs import MAX_BLOB, digest_of
from r2s_audit.evidence.chain import compare
from r2s_audit.evidence.dsse import MAX_ENVELOPE, DamagedEnvelopeError, Envelope, parse_envelope
from r2s_audit.evidence.keys import is_signature, key_id, read_public_key, spki
from r2s_audit.evidence.ledger import GENESIS
from r2s_audit.evidence.references import references
from r2s_audit.evidence.regular import read_regular
from r2s_audit.evidence.seal import ENVELOPE_SUFFIX, MANIFEST_SUFFIX, SEALS, seal_files
from r2s_audit.evidence.statements import PLAN_TYPE, SEAL_TYPE, CampaignDigests, PlanStatement, SealStatement
from r2s_audit.evidence.trust import name_of, why_not_trusted
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from r2s_audit.evidence.chain import Chain
    from r2s_audit.evidence.origins import Origin
    from r2s_audit.evidence.trust import Anchors

_Statement = TypeVar("_Statement", PlanStatement, SealStatement)
LEDGER_ENTRY = "ledger.jsonl#"
MAX_SEALS = 100


@dataclass(frozen=True, slots=True)
class Signed:
    """One signed statement: who, for what, since when, and what is wrong with it."""

    file: str
    faults: tuple[Message, ...] = ()
    signer: str = ""
    """The certificate's subject, or the key's digest: what somebody calls himself."""
    key: str = ""
    why_not_trusted: Message | None = None
    """None where a stated anchor vouches for the signer."""
    role: str = ""
    name: str = ""
    entries: int = 0
    """How many entries it covers."""
    pass_id: str = ""
    claimed: datetime | None = None
    since: datetime | None = None
    """From a time-stamp of a trusted authority alone."""
    time_by: str = ""
    time_doubt: Message | None = None
    """Why a time-stamp that is there proves no time."""
    digest: str = ""

    @property
    def trusted(self) -> bool:
        """Right, and by somebody whom an anchor vouches for."""
        return not self.faults and self.why_not_trusted is None


@dataclass(frozen=True, slots=True)
class Court:
    """What signatures are judged with: stated anchors, and the moment of verification."""

    signers: Anchors
    authorities: Anchors
    """Of time."""
    moment: datetime


def check_plans(directory: Path, chain: Chain, court: Court, joined: Sequence[Origin] = ()) -> list[Signed]:
    """The signatures of the plan inside the ledger, each against the entry before it, here or in its origin."""
    found: list[Signed] = []
    for number, line in enumerate(chain.lines):
        if line.body.get("kind") != "pass_signed":
            continue
        cited = list(references(line.body))
        where = f"{LEDGER_ENTRY}{number}"
        if not cited:
            found.append(Signed(where, (msg("signature du plan sans enveloppe, à l'entrée {n}", n=number),)))
            continue
        try:
            data = read_regular(directory / cited[0].path, MAX_ENVELOPE)
        except OSError:
            continue  # a missing piece, and said to be one
        if digest_of(data) == cited[0].digest:
            found.append(_plan(data, where, number, (chain, court, joined)))
    return found


def _plan(data: bytes, where: str, number: int, context: tuple[Chain, Court, Sequence[Origin]]) -> Signed:
    chain, court, joined = context
    signed, statement = _signed(data, where, PLAN_TYPE, (PlanStatement, court))
    if statement is None:
        return signed
    faults = list(signed.faults) + _campaign(chain, statement, where)
    name = chain.lines[number].body.get("pass_id")
    here = statement.entries == number and statement.head == chain.lines[number - 1].digest
    if not here and not any(_was_there(o.chain, statement, signed.digest) for o in joined):
        faults.append(
            msg(
                "{file} : la signature du plan vise un autre registre (entrée {entries}, {head}…)",
                file=where,
                entries=statement.entries,
                head=statement.head[:19],
            )
        )
    if name not in {statement.pass_id, *(o.passes.get(statement.pass_id) for o in joined)}:
        faults.append(
            msg("{file} : la signature du plan vise une autre passe ({name})", file=where, name=statement.pass_id)
        )
    return replace(signed, faults=tuple(faults), entries=statement.entries, pass_id=statement.pass_id)


def _was_there(origin: Chain, statement: PlanStatement, envelope: str) -> bool:
    """Whether an origin of a joined campaign holds this signature where it belongs."""
    number = statement.entries
    if not 0 < number < len(origin.lines) or origin.lines[number - 1].digest != statement.head:
        return False
    return envelope in {r.digest for r in references(origin.lines[number].body)}


def check_seals(directory: Path, chain: Chain, court: Court) -> list[Signed]:
    """Every seal beside the ledger, against the ledger and its own manifest, and the seals against one another."""
    found: list[Signed] = []
    wanted: dict[str, str] = {}
    for path in seal_files(directory)[:MAX_SEALS]:
        name = f"{SEALS}/{path.name}"
        try:
            data = read_regular(path, MAX_ENVELOPE)
        except OSError as error:
            found.append(
                Signed(name, (msg("{file} : sceau illisible ({error})", file=name, error=str(error.strerror)),))
            )
            continue
        signed, statement = _signed(data, name, SEAL_TYPE, (SealStatement, court))
        if path.name.removesuffix(ENVELOPE_SUFFIX)[-16:] != digest_of(data).removeprefix("sha256:")[:16]:
            # Whatever a signature does not cover (a certificate, the shape of the text), the name does.
            told = msg("{file} : sceau modifié ou renommé : son nom porte une autre empreinte", file=name)
            signed = replace(signed, faults=(*signed.faults, told))
        if statement is not None:
            faults = [*signed.faults, *_seal_faults(path, name, statement, chain)]
            wanted.update(dict.fromkeys(statement.previous, name))
            signed = replace(
                signed,
                faults=tuple(faults),
                role=statement.role,
                name=statement.name,
                entries=statement.ledger.entries,
                claimed=statement.sealed_at,
            )
        found.append(signed)
    present = {s.digest for s in found}
    gone = [(digest, by) for digest, by in wanted.items() if digest not in present]
    found += [
        Signed(by, (msg("sceau retiré : {file} en cite un autre ({digest}), qui manque", file=by, digest=digest),))
        for digest, by in gone
    ]
    found += _strays(directory)
    return found


def _strays(directory: Path) -> list[Signed]:
    """Files among the seals that belong to none."""
    stems = {p.name.removesuffix(ENVELOPE_SUFFIX) for p in seal_files(directory)}
    names = sorted(p.name for p in (directory / SEALS).glob("*"))
    strays = [n for n in names if n.removesuffix(ENVELOPE_SUFFIX).removesuffix(MANIFEST_SUFFIX) not in stems]
    return [
        Signed(
            f"{SEALS}/{n}",
            (msg("{file} : aucun sceau ne va avec ce fichier : un sceau a été retiré, ou renommé", file=n),),
        )
        for n in strays[:MAX_SEALS]
    ]


def _signed(
    data: bytes, file: str, payload_type: str, context: tuple[type[_Statement], Court]
) -> tuple[Signed, _Statement | None]:
    """An envelope verified as such: shape, signature, signer, time-stamp; its statement only if the signature is right."""
    model, court = context
    signed = Signed(file, digest=digest_of(data))
    try:
        envelope = parse_envelope(data)
        key = read_public_key(envelope.public_key_pem.encode())
        certificates = timestamp.certificates_of(envelope.certificates_pem)
    except (DamagedEnvelopeError, ValueError) as error:
        told = msg("{file} : signature illisible ou modifiée ({error})", file=file, error=str(error))
        return replace(signed, faults=(told,)), None
    if (
        envelope.payload_type != payload_type
        or envelope.keyid != key_id(key)
        or (certificates and spki(certificates[0].public_key()) != spki(key))
        or not is_signature(key, envelope.signature, envelope.signed_bytes)
    ):
        told = msg(
            "{file} : la signature n'est pas celle de cette déclaration : l'une des deux est modifiée", file=file
        )
        return replace(signed, faults=(told,)), None
    try:
        statement = model.model_validate_json(envelope.payload)
    except ValidationError:
        told = msg("{file} : déclaration d'une autre version de r2s-audit", file=file)
        return replace(signed, faults=(told,)), None
    signed = _timed(replace(signed, key=envelope.keyid), envelope, court)
    role = statement.role if isinstance(statement, SealStatement) else ""
    anchors = court.signers.for_role(role) if role else court.signers
    return replace(
        signed,
        signer=name_of(certificates[0]) if certificates else envelope.keyid,
        why_not_trusted=why_not_trusted(key, certificates, anchors, signed.since or court.moment),
    ), statement


def _timed(signed: Signed, envelope: Envelope, court: Court) -> Signed:
    if not envelope.timestamp:
        return signed
    try:
        stamp = timestamp.verify(envelope.timestamp, envelope.signature, court.authorities)
    except ValueError as error:  # of the token, or of a certificate in it
        told = msg(
            "{file} : l'horodatage n'est pas celui de cette signature ({error})", file=signed.file, error=str(error)
        )
        return replace(signed, faults=(*signed.faults, told))
    if stamp.why_not_trusted is not None:
        return replace(signed, time_by=stamp.authority, time_doubt=stamp.why_not_trusted)
    return replace(signed, since=stamp.moment, time_by=stamp.authority)


def _seal_faults(path: Path, name: str, statement: SealStatement, chain: Chain) -> list[Message]:
    """Where the record is no longer what was sealed."""
    faults = _campaign(chain, statement, name)
    entries: list[tuple[str, str]] | None = None
    manifest = path.with_name(path.name.removesuffix(ENVELOPE_SUFFIX) + MANIFEST_SUFFIX)
    try:
        data = read_regular(manifest, MAX_BLOB)
    except OSError as error:
        faults.append(
            msg(
                "pièce manquante : {file}, le manifeste du sceau ({error})",
                file=manifest.name,
                error=str(error.strerror),
            )
        )
    else:
        if digest_of(data) == statement.manifest.sha256:
            entries = _entries_of(data)
        else:
            faults.append(msg("pièce modifiée : {file}, le manifeste du sceau", file=manifest.name))
    return faults + _extent_faults(name, statement, chain, entries)


def _entries_of(manifest: bytes) -> list[tuple[str, str]]:
    """Digests of the sealed entries' lines and contents."""
    rows = [line.split() for line in manifest.decode("ascii", "replace").splitlines() if line.startswith("# entry ")]
    return [(f"sha256:{row[3]}", f"sha256:{row[4]}") for row in rows if len(row) == 5]  # noqa: PLR2004 - "# entry N D C"


def _extent_faults(
    name: str, statement: SealStatement, chain: Chain, entries: Sequence[tuple[str, str]] | None
) -> list[Message]:
    """Where the ledger is no longer what was sealed, as precisely as the manifest allows."""
    sealed, have = statement.ledger, len(chain.lines)
    digests = [line.digest for line in chain.lines]
    if have >= sealed.entries:
        head = digests[sealed.entries - 1] if sealed.entries else GENESIS
        if head == sealed.head and chain.digest_of_first(sealed.entries) == sealed.sha256:
            return []
    where: dict[str, str | int] = {"file": name, "sealed": sealed.entries, "found": have}
    if entries is None:
        if have < sealed.entries:
            return [msg("registre tronqué : {found} entrées, le sceau {file} en couvre {sealed}", **where)]
        return [msg("entrée modifiée : le registre n'est pas celui que couvre le sceau {file}", file=name)]
    pairs = zip(digests, entries, strict=False)
    at = next((n for n, (ours, theirs) in enumerate(pairs) if ours != theirs[0]), None)
    if at is None:
        cut = [
            msg(
                "registre tronqué, ou ramené à un état ancien : {found} entrées, le sceau {file} en couvre {sealed}",
                **where,
            )
        ]
        if chain.torn_bytes:
            cut.append(msg("la coupe tombe dans l'entrée {n} ({count} octets)", n=have, count=chain.torn_bytes))
        return cut
    if chain.faults:
        return [
            msg("à partir de l'entrée {n}, le registre n'est plus celui que couvre le sceau {file}", n=at, file=name)
        ]
    # Whoever did it made the chain again: only the seal can tell, and its manifest how.
    rewritten = msg(
        "registre réécrit à partir de l'entrée {n}, chaîne recalculée : {found} entrées, le sceau {file} en couvre {sealed}",
        n=at,
        **where,
    )
    return [rewritten, *compare([theirs for _, theirs in entries], [line.content for line in chain.lines])]


def _campaign(chain: Chain, statement: CampaignDigests, file: str) -> list[Message]:
    """A statement about other files than those of the campaign: somebody swapped them, and made the chain again."""
    body = chain.lines[0].body if chain.lines else {}
    found = {name: _digest_in(body, name) for name in ("site", "profile", "plan")}
    faults: list[Message] = []
    if found["site"] != statement.site:
        faults.append(
            msg("fichier de site échangé : {file} en couvre un autre ({digest})", file=file, digest=statement.site)
        )
    if found["profile"] != statement.profile:
        faults.append(msg("profil échangé : {file} en couvre un autre ({digest})", file=file, digest=statement.profile))
    if found["plan"] != statement.plan:
        faults.append(msg("plan échangé : {file} en couvre un autre ({digest})", file=file, digest=statement.plan))
    return faults


def _digest_in(body: dict[str, object], name: str) -> object:
    part = body.get(name)
    return part.get("digest") if isinstance(part, dict) else None


def check_known(chain: Chain, seals: Iterable[Signed], heads: Iterable[str], kept: Iterable[bytes]) -> list[Message]:
    """What somebody knows from elsewhere, and the record does not hold: it is older than that, or another one."""
    have = {line.digest for line in chain.lines}
    faults = [
        msg("retour à un état ancien, ou autre registre : l'état indiqué {head} n'y est pas", head=head)
        for head in heads
        if head not in have
    ]
    present = {s.digest for s in seals}
    for data in kept:
        digest = digest_of(data)
        try:
            envelope = parse_envelope(data)
            statement = SealStatement.model_validate_json(envelope.payload)
            right = is_signature(
                read_public_key(envelope.public_key_pem.encode()), envelope.signature, envelope.signed_bytes
            )
        except ValueError as error:
            faults.append(msg("sceau indiqué illisible ({error})", error=str(error)))
            continue
        if not right:
            faults.append(msg("la signature du sceau indiqué ne vaut rien : {digest}", digest=digest))
        elif statement.ledger.head not in have:
            faults.append(
                msg(
                    "retour à un état ancien, ou autre registre : le sceau indiqué couvre {entries} entrées jusqu'à {head}, "
                    "qui n'y est pas",
                    entries=statement.ledger.entries,
                    head=statement.ledger.head,
                )
            )
        elif digest not in present:
            faults.append(msg("sceau retiré : le sceau indiqué ({digest}) n'est plus au dossier", digest=digest))
    return faults
