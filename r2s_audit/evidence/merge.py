"""Joining records of one campaign: passes of two laptops, or of two points, into one ledger.

Entries keep what they say and when they said it; only names of passes that two sources use are made apart. Every source
stays in the new record byte for byte, with its seals, so that it can still be verified as it was. Which observation
counts is decided where it always is, by the opening of the passes; where sources disagree, the new ledger says so.
"""

from __future__ import annotations

import heapq
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from r2s_audit.errors import RecordError, UsageError
from r2s_audit.evidence.blobs import BlobStore, digest_of
from r2s_audit.evidence.chain import Chain, Line, read_chain
from r2s_audit.evidence.ledger import GENESIS, MAX_LEDGER
from r2s_audit.evidence.record import BLOBS, LEDGER, Record
from r2s_audit.evidence.references import references
from r2s_audit.evidence.regular import read_regular
from r2s_audit.evidence.seal import SEAL_NAME, SEALS, write_whole
from r2s_audit.model.observation import BlobRef
from r2s_audit.model.record import MergeConflict, Merged
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from r2s_audit.model.base import Model

FOLLOWS = {"pass_resumed", "observation", "frames_sent", "frames_kept", "pass_closed", "pass_signed"}
"""Kinds that continue a pass: in one record only."""


@dataclass(slots=True)
class Source:
    """One record to join."""

    directory: Path
    chain: Chain
    own: int = 0
    """Entries before this one are shared with a source before it."""
    passes: dict[str, str] = field(default_factory=dict)

    @property
    def tail(self) -> tuple[Line, ...]:
        """What no source before it has; its campaign's opening left out."""
        return self.chain.lines[max(self.own, 1) :]


@dataclass(frozen=True, slots=True)
class Joined:
    """What came of it."""

    sources: int
    passes: int
    conflicts: tuple[MergeConflict, ...]


def merge(directories: Sequence[Path], target: Path) -> Joined:
    """Join records into a new one; the order in which they are given, and one given twice, make no difference.

    Raises:
        UsageError: records of different campaigns, a pass that was continued in two of them, or fewer than two records.
        RecordError: a source that is not intact, or a target that cannot be written.
    """
    if (target / LEDGER).exists():
        raise RecordError(
            msg("{directory} contient déjà un audit", directory=str(target)), remedy=msg("choisir un autre dossier")
        )
    sources = _sources(directories)
    _same_campaign(sources)
    _continued_once(sources)
    _name_passes(sources)
    lines = list(_interleaved(sources))
    conflicts = tuple(_conflicts(sources))
    store = BlobStore(target / BLOBS)
    try:
        target.mkdir(parents=True, exist_ok=True)
        bodies: list[Model] = [_merged(source, store) for source in sources]
        _copy_blobs(sources, store)
        bodies += conflicts
        latest = max((line for source in sources for line in source.chain.lines), key=_when).at
        opening = sources[0].chain.lines[0]
        entries = [(opening.at, opening.body)]
        entries += [(latest, json.loads(body.model_dump_json())) for body in bodies]
        entries += [(line.at, renamed(line.body, source.passes)) for source, line in lines]
        write_whole(target / LEDGER, _ledger(entries))
    except OSError as error:
        raise RecordError(
            msg(
                "dossier impossible à écrire : {directory} ({error})", directory=str(target), error=str(error.strerror)
            ),
            remedy=msg("choisir un dossier où l'on peut écrire"),
        ) from error
    Record.open(target)
    return Joined(len(sources), len({n for s in sources for n in s.passes.values()}), conflicts)


def _sources(directories: Sequence[Path]) -> list[Source]:
    """Intact sources, each once, the one that begins first in front; what they share is the first one's."""
    found: dict[str, Source] = {}
    for directory in directories:
        Record.open(directory)
        chain = read_chain(directory / LEDGER)
        if chain.torn_bytes:
            raise RecordError(
                msg("{directory} : une passe y a été interrompue au milieu d'une écriture", directory=str(directory)),
                remedy=msg("la reprendre d'abord (run --resume)"),
            )
        found.setdefault(chain.head, Source(directory, chain))
    sources = sorted(found.values(), key=lambda s: (_begins(s), s.chain.head))
    seen: set[str] = set()
    for source in sources:
        source.own = next(
            (n for n, line in enumerate(source.chain.lines) if line.digest not in seen), len(source.chain.lines)
        )
        seen.update(line.digest for line in source.chain.lines)
    sources = [s for s in sources if s.own < len(s.chain.lines)]
    if len(sources) < 2:  # noqa: PLR2004 - nothing to join
        raise UsageError(
            msg("rien à réunir : un seul dossier, ou des copies du même"),
            expected=msg("deux dossiers d'une même campagne"),
        )
    return sources


def _when(line: Line) -> datetime:
    return datetime.fromisoformat(line.at)


def _begins(source: Source) -> tuple[datetime, int]:
    """Opening time and, so that a copy comes before what continues it only by name, how much there is."""
    return _when(source.chain.lines[0]), -len(source.chain.lines)


def _same_campaign(sources: Sequence[Source]) -> None:
    first = sources[0]
    for other in sources[1:]:
        pair: dict[str, str | int] = {"first": str(first.directory), "other": str(other.directory)}
        for name, told in (
            ("site", msg("{first} et {other} n'ont pas le même fichier de site", **pair)),
            ("profile", msg("{first} et {other} n'ont pas le même profil", **pair)),
            ("plan", msg("{first} et {other} n'ont pas le même plan", **pair)),
        ):
            if _campaign(first)[name]["digest"] != _campaign(other)[name]["digest"]:
                raise UsageError(
                    told,
                    expected=msg("des dossiers d'une même campagne : même site, même profil, même plan"),
                    remedy=msg("juger chacun pour soi ; le rapport du second n'enlève rien au premier"),
                )


def _campaign(source: Source) -> dict[str, Any]:
    return source.chain.lines[0].body


def _opened(lines: Sequence[Line]) -> dict[str, Line]:
    return {str(line.body["pass_id"]): line for line in lines if line.body.get("kind") == "pass_opened"}


def pass_of(body: Mapping[str, Any]) -> str | None:
    """The pass that an entry is of; None for one that is of none."""
    holder = body.get("observation", body)
    name = holder.get("pass_id") if isinstance(holder, dict) else None
    return name if isinstance(name, str) else None


def renamed(body: Mapping[str, Any], passes: Mapping[str, str]) -> dict[str, Any]:
    """The same body under the new name of its pass."""
    name = pass_of(body)
    if name is None or passes.get(name, name) == name:
        return dict(body)
    if "observation" in body:
        return {**body, "observation": {**body["observation"], "pass_id": passes[name]}}
    return {**body, "pass_id": passes[name]}


def _continued_once(sources: Sequence[Source]) -> None:
    """A pass that two copies of a record went on with has two histories: which is right is not for us to say."""
    going: dict[str, Source] = {}
    for source in sources:
        shared = _opened(source.chain.lines[: source.own])
        more = {pass_of(line.body) for line in source.tail if line.body.get("kind") in FOLLOWS} & shared.keys()
        for name in sorted(filter(None, more)):
            digest = shared[name].digest
            other = going.setdefault(digest, source)
            owner = next(s for s in sources if digest in {line.digest for line in s.chain.lines})
            continued = owner is not source and _goes_on(owner, name, source)
            if other is not source or continued:
                raise UsageError(
                    msg(
                        "la passe {name} a été continuée dans {first} et dans {other}",
                        name=name,
                        first=str((other if other is not source else owner).directory),
                        other=str(source.directory),
                    ),
                    remedy=msg("écarter l'une des deux suites, ou refaire cette passe"),
                )


def _goes_on(owner: Source, name: str, than: Source) -> bool:
    """Whether a source has more of a pass than what it shares with another."""
    shared = {line.digest for line in than.chain.lines[: than.own]}
    return any(
        line.digest not in shared and pass_of(line.body) == name and line.body.get("kind") in FOLLOWS
        for line in owner.chain.lines
    )


def _name_passes(sources: Sequence[Source]) -> None:
    """In the order of their opening: names that are free stay, others get a number."""
    opened = [
        (_when(line), source.chain.head, name, line.digest)
        for source in sources
        for name, line in _opened(source.chain.lines).items()
    ]
    taken: dict[str, str] = {}
    names: dict[str, str] = {}
    for _, _, name, digest in sorted(opened):
        new, tries = name, 2
        while digest not in names and taken.setdefault(new, digest) != digest:
            new, tries = f"{name}.{tries}", tries + 1
        names.setdefault(digest, new)
    for source in sources:
        source.passes = {name: names[line.digest] for name, line in _opened(source.chain.lines).items()}


def _interleaved(sources: Sequence[Source]) -> Iterator[tuple[Source, Line]]:
    """Entries in the order of their times; inside one source in its own order, whatever its clock did."""
    rows = [_timed(source, number) for number, source in enumerate(sources)]
    for _, _, source, line in heapq.merge(*rows, key=lambda row: row[:2]):
        yield source, line


def _timed(source: Source, number: int) -> list[tuple[datetime, int, Source, Line]]:
    latest = _when(source.chain.lines[0])
    rows: list[tuple[datetime, int, Source, Line]] = []
    for position, line in enumerate(source.chain.lines):
        latest = max(latest, _when(line))
        if position and position >= source.own:
            rows.append((latest, number, source, line))
    return rows


@dataclass(frozen=True, slots=True)
class _Pass:
    """One pass of one source: when, and how each of its requests ended."""

    source: int
    name: str
    opened: datetime
    closed: datetime
    outcomes: dict[str, str]


def _passes(number: int, source: Source) -> Iterator[_Pass]:
    typed = {e.n: e for e in Record.open(source.directory).reading.entries}
    for name, opening in _opened(source.tail).items():
        outcomes: dict[str, str] = {}
        closed = _when(opening)
        for line in source.tail:
            if pass_of(line.body) != name:
                continue
            closed = _when(line)
            if line.body.get("kind") == "observation":
                key = typed[line.n].body.observation.request.key  # type: ignore[union-attr]
                seen = line.body["observation"]
                outcomes[key] = json.dumps([seen["state"], seen["failure"], seen["facts"]], sort_keys=True)
        yield _Pass(number, source.passes[name], _when(opening), closed, outcomes)


def _conflicts(sources: Sequence[Source]) -> Iterator[MergeConflict]:
    """Passes of different sources that asked the same and learnt something else; passes discarded in one copy only."""
    passes = sorted(
        (item for number, source in enumerate(sources) for item in _passes(number, source)),
        key=lambda p: (p.opened, p.source),
    )
    for position, later in enumerate(passes):
        for earlier in passes[:position]:
            if earlier.source == later.source:
                continue
            shared = earlier.outcomes.keys() & later.outcomes.keys()
            differing = tuple(sorted(k for k in shared if earlier.outcomes[k] != later.outcomes[k]))
            if differing:
                overlap = later.opened <= earlier.closed
                yield MergeConflict(
                    passes=(earlier.name, later.name),
                    requests=differing,
                    reason=_why(earlier, later, len(differing), overlap=overlap),
                )
    for source in sources:
        shared_passes = _opened(source.chain.lines[: source.own])
        for line in source.tail:
            if line.body.get("kind") == "pass_discarded" and pass_of(line.body) in shared_passes:
                yield MergeConflict(
                    passes=(source.passes[str(pass_of(line.body))],),
                    reason=msg("passe écartée dans l'un des dossiers, et non dans l'autre : elle l'est ici"),
                )


def _why(earlier: _Pass, later: _Pass, count: int, *, overlap: bool) -> Message:
    if overlap:
        return msg(
            "{count} demandes ont abouti autrement dans {earlier} et {later}, menées en même temps : "
            "la dernière ouverte compte ({later}), et l'ordre dépend des deux horloges",
            count=count,
            earlier=earlier.name,
            later=later.name,
        )
    return msg(
        "{count} demandes ont abouti autrement dans {earlier} et {later} : la dernière ouverte compte ({later})",
        count=count,
        earlier=earlier.name,
        later=later.name,
    )


def _merged(source: Source, store: BlobStore) -> Merged:
    directory = source.directory
    ledger = store.put(read_regular(directory / LEDGER, MAX_LEDGER), "merged-ledger", sync=True)
    seals: dict[str, BlobRef] = {}
    for path in sorted(p for p in (directory / SEALS).glob("*") if re.fullmatch(SEAL_NAME, p.name)):
        seals[path.name] = store.put(read_regular(path, MAX_LEDGER), "merged-seal", sync=True)
    lines = source.chain.lines
    return Merged(ledger=ledger, entries=len(lines), head=source.chain.head, passes=source.passes, seals=seals)


def _copy_blobs(sources: Sequence[Source], store: BlobStore) -> None:
    """What the entries refer to, verified on the way."""
    for source in sources:
        theirs = BlobStore(source.directory / BLOBS)
        for reference in sorted({r for line in source.chain.lines for r in references(line.body)}):
            data = theirs.get(BlobRef(digest=reference.digest, kind=reference.kind, size=reference.size))
            store.put(data, reference.kind, sync=True)


def _ledger(entries: Sequence[tuple[str, Mapping[str, Any]]]) -> bytes:
    previous, lines = GENESIS, []
    for n, (at, body) in enumerate(entries):
        entry = {"n": n, "prev": previous, "at": at, "body": body}
        line = json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode()
        lines.append(line + b"\n")
        previous = digest_of(line)
    return b"".join(lines)
