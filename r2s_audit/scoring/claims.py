"""Declarations and waivers against what was measured, at one date: pure, and whatever the order of the files.

A declaration settles an open verdict inside its bounds, for the score « déclarations comprises » alone; outside of them
it is contradicted and named. The measured verdict, its points and its level never move: they keep the promise that
losing evidence only widens. Of one target the latest dated declaration stands, even where it has expired: an older one
does not come back. A waiver changes nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from r2s_audit.model.declaration import Declaration, Declarations, Waiver
from r2s_audit.model.score import ClaimStatus, DeclarationResult, DeclaredVerdict, WaiverResult
from r2s_audit.model.text import Message, msg
from r2s_audit.model.verdict import Verdict, VerdictValue

RANK: Mapping[VerdictValue, int] = {
    VerdictValue.NON_ATTEINT: 0,
    VerdictValue.PARTIELLEMENT_ATTEINT: 1,
    VerdictValue.ATTEINT: 2,
}
"""The chain of settled verdicts."""


class Filed(NamedTuple):
    """A declarations file and the digest of its bytes."""

    declarations: Declarations
    digest: str


class Bounds(NamedTuple):
    """What the evidence leaves possible for a requirement."""

    worst: VerdictValue
    best: VerdictValue


class DeclaredService(NamedTuple):
    """A service as declared, and by which declarations."""

    valid: bool
    declarations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claims:
    """Every declaration and waiver with what became of it, and what the retained ones settle."""

    declarations: tuple[DeclarationResult, ...] = ()
    waivers: tuple[WaiverResult, ...] = ()
    verdicts: Mapping[str, DeclaredVerdict] = field(default_factory=dict)
    services: Mapping[str, DeclaredService] = field(default_factory=dict)


def weigh(filed: Sequence[Filed], bounds: Mapping[str, Bounds], day: date) -> Claims:
    """What declarations and waivers are worth on a day, given the measured bounds of every requirement.

    The order of files and of declarations makes no difference, nor does one that is given twice. Raises ValueError for
    a requirement that has no bounds (the loader refuses such a file with its line).
    """
    written = {(d, file.digest) for file in filed for d in _keyed(file.declarations.declarations)}
    first: dict[str, tuple[Declaration, str]] = {}
    for key, digest in sorted(written, key=lambda item: (item[0].order, item[1])):
        first.setdefault(key.text, (key.declaration, digest))
    by_target: dict[tuple[bool, str], list[tuple[Declaration, str]]] = {}
    for declaration, digest in first.values():
        if declaration.requirement is not None and declaration.requirement not in bounds:
            raise ValueError(f"declaration {declaration.id}: no requirement {declaration.requirement}")
        by_target.setdefault((declaration.service is not None, declaration.target), []).append((declaration, digest))
    results: list[DeclarationResult] = []
    verdicts: dict[str, DeclaredVerdict] = {}
    services: dict[str, DeclaredService] = {}
    for (is_service, target), group in sorted(by_target.items()):
        weighed = _group(group, None if is_service else bounds[target], day)
        results += weighed
        kept = [r.declaration for r in weighed if r.status is ClaimStatus.RETAINED]
        names = tuple(sorted(d.id for d in kept))
        if kept and is_service:
            services[target] = DeclaredService(kept[0].state == "valide", names)
        elif kept:
            value = VerdictValue(kept[0].state)
            verdicts[target] = DeclaredVerdict(requirement=target, value=value, declarations=names)
    results.sort(key=lambda r: _order(r.declaration, r.declaration.target))
    return Claims(tuple(results), _waivers(filed, bounds, day), verdicts, services)


@dataclass(frozen=True, slots=True)
class _Key:
    """A declaration by its text: two that say the same are one."""

    text: str
    order: tuple[str, str, str, str] = field(compare=False)
    declaration: Declaration = field(compare=False)


def _keyed(declarations: Iterable[Declaration]) -> list[_Key]:
    return [_Key((order := _order(d, d.target))[-1], order, d) for d in declarations]


def _order(claim: Declaration | Waiver, target: str) -> tuple[str, str, str, str]:
    """Where a claim stands among others: by its text last, for nothing keeps two of them from one identifier."""
    return target, claim.dated.isoformat(), claim.id, claim.model_dump_json()


def _group(group: Sequence[tuple[Declaration, str]], bounds: Bounds | None, day: date) -> list[DeclarationResult]:
    """The declarations of one target: at most one state comes of them."""
    known = [declaration for declaration, _ in group if declaration.dated <= day]
    latest = max((d.dated for d in known), default=None)
    standing = {d.state for d in known if d.dated == latest and d.expires >= day}
    found: list[DeclarationResult] = []
    for declaration, digest in group:
        if declaration.dated > day:
            status = ClaimStatus.NOT_YET
        elif declaration.dated != latest:
            status = ClaimStatus.SUPERSEDED
        elif declaration.expires < day:
            status = ClaimStatus.EXPIRED
        elif len(standing) > 1:
            status = ClaimStatus.CONFLICTING
        elif bounds is None:
            unproved = declaration.state == "valide" and not declaration.attachments
            status = ClaimStatus.WITHOUT_PROOF if unproved else ClaimStatus.RETAINED
        else:
            status = _inside(VerdictValue(declaration.state), bounds)
        said = _said(declaration, status)
        found.append(DeclarationResult(declaration=declaration, status=status, said=said, digest=digest))
    return found


def _inside(state: VerdictValue, bounds: Bounds) -> ClaimStatus:
    if not RANK[bounds.worst] <= RANK[state] <= RANK[bounds.best]:
        return ClaimStatus.CONTRADICTED
    return ClaimStatus.AGREES if bounds.worst is bounds.best else ClaimStatus.RETAINED


_SAID: Mapping[ClaimStatus, Message] = {
    ClaimStatus.RETAINED: msg("retenue, marquée « déclaré »"),
    ClaimStatus.AGREES: msg("sans effet : la mesure établit déjà cet état"),
    ClaimStatus.CONTRADICTED: msg("contredite par la mesure : sans effet"),
    ClaimStatus.CONFLICTING: msg("sans effet : une autre déclaration du même jour dit autre chose ; en retirer une"),
    ClaimStatus.SUPERSEDED: msg("remplacée par une déclaration plus récente"),
    ClaimStatus.WITHOUT_PROOF: msg("sans preuve jointe : le service n'est pas compté"),
}


def _said(declaration: Declaration, status: ClaimStatus) -> Message:
    if status is ClaimStatus.EXPIRED:
        return msg("échue le {date} : sans effet", date=declaration.expires.isoformat())
    if status is ClaimStatus.NOT_YET:
        return msg("datée du {date}, après le jugement : sans effet", date=declaration.dated.isoformat())
    return _SAID[status]


def _waivers(filed: Sequence[Filed], bounds: Mapping[str, Bounds], day: date) -> tuple[WaiverResult, ...]:
    found: dict[str, WaiverResult] = {}
    for file in filed:
        for waiver in file.declarations.waivers:
            if waiver.requirement not in bounds:
                raise ValueError(f"waiver {waiver.id}: no requirement {waiver.requirement}")
            result = _waiver(waiver, file.digest, bounds[waiver.requirement], day)
            kept = found.setdefault(waiver.model_dump_json(), result)
            if result.digest < kept.digest:
                found[waiver.model_dump_json()] = result
    return tuple(sorted(found.values(), key=lambda r: _order(r.waiver, r.waiver.requirement)))


def _waiver(waiver: Waiver, digest: str, bounds: Bounds, day: date) -> WaiverResult:
    if waiver.dated > day:
        status = ClaimStatus.NOT_YET
        said = msg("datée du {date}, après le jugement : sans effet", date=waiver.dated.isoformat())
    elif waiver.expires < day:
        status = ClaimStatus.EXPIRED
        said = msg("échue le {date} : l'écart n'est plus accepté", date=waiver.expires.isoformat())
    elif bounds.worst is VerdictValue.ATTEINT:
        status, said = ClaimStatus.AGREES, msg("sans objet : l'exigence est atteinte")
    else:
        status, said = ClaimStatus.RETAINED, msg("en vigueur ; le verdict, les points et le niveau n'en changent pas")
    return WaiverResult(waiver=waiver, status=status, said=said, digest=digest)


def settled(verdicts: Sequence[Verdict], claims: Claims) -> tuple[Verdict, ...]:
    """The verdicts « déclarations comprises »: an open one that a declaration settles takes its state."""
    return tuple(
        verdict.model_copy(
            update=dict.fromkeys(("verdict", "worst", "best"), claims.verdicts[verdict.requirement].value)
        )
        if verdict.requirement in claims.verdicts
        else verdict
        for verdict in verdicts
    )
