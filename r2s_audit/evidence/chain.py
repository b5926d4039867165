"""The ledger as bytes and as a chain, whatever version wrote it: what a verifier reads, and what was done to it.

:mod:`r2s_audit.evidence.ledger` reads for judging and stops at the first fault. Here every fault is named, and entries of
kinds that this version does not know are chained all the same.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from r2s_audit.evidence.blobs import digest_of
from r2s_audit.evidence.ledger import GENESIS, ledger_lines
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MAX_FAULTS = 20
"""More are counted and not listed."""


@dataclass(frozen=True, slots=True)
class Line:
    """One whole line; ``n`` is -1 and ``body`` empty where it is no entry."""

    digest: str
    size: int
    """With its end."""
    n: int
    prev: str
    at: str
    body: dict[str, Any]

    @property
    def content(self) -> str:
        """See :func:`content_digest`."""
        return content_digest(self.at, self.body)


def content_digest(at: str, body: Mapping[str, Any]) -> str:
    """Digest of what an entry says, wherever it stands in a chain: its time and body as canonical JSON.

    For telling a removal from a change once somebody has made a chain again, or joined two.
    """
    return digest_of(json.dumps([at, body], sort_keys=True, separators=(",", ":")).encode())


@dataclass(frozen=True, slots=True)
class Chain:
    """A ledger's whole lines, what is torn after them, and what is wrong with their chain."""

    lines: tuple[Line, ...]
    torn_bytes: int
    faults: tuple[Message, ...]
    _prefixes: dict[int, str] = field(default_factory=dict, repr=False)

    @property
    def head(self) -> str:
        """Digest of the last whole line."""
        return self.lines[-1].digest if self.lines else GENESIS

    @property
    def whole_bytes(self) -> int:
        """Octets up to the end of the last whole line."""
        return sum(line.size for line in self.lines)

    def digest_of_first(self, count: int) -> str:
        """``sha256:…`` of the first ``count`` lines with their ends."""
        return self._prefixes[count]


def read_chain(path: Path) -> Chain:
    """Read a ledger for verification.

    Raises:
        RecordError: no such file, not a file, or too large to be a ledger.
    """
    lines: list[Line] = []
    whole = sha256()
    prefixes = {0: f"sha256:{whole.hexdigest()}"}
    torn = 0
    for data, ended in ledger_lines(path):
        if not ended:
            torn = len(data)
            break
        whole.update(data + b"\n")
        lines.append(_line(data))
        prefixes[len(lines)] = f"sha256:{whole.hexdigest()}"
    return Chain(tuple(lines), torn, tuple(diagnose(lines)), prefixes)


def _line(data: bytes) -> Line:
    try:
        entry = json.loads(data)
        n, prev, at, body = entry["n"], entry["prev"], entry["at"], entry["body"]
    except (ValueError, KeyError, TypeError, RecursionError):
        n = prev = at = body = None
    if type(n) is int and isinstance(prev, str) and isinstance(at, str) and isinstance(body, dict):
        return Line(digest_of(data), len(data) + 1, n, prev, at, body)
    return Line(digest_of(data), len(data) + 1, -1, "", "", {})  # whatever it is, it is no entry


def diagnose(lines: Sequence[Line]) -> list[Message]:
    """What is wrong with a chain, in words: entries changed, removed, inserted, repeated or moved.

    The links tell one from the other: a line that was changed keeps its number and breaks the link of the next; one that
    was removed leaves a gap of numbers; one that was moved is where its number is not, and is still linked to.
    """
    if all(line.n == number and line.prev == before for number, line, before in _linked(lines)):
        return []
    faults: list[Message] = []
    numbers = [line.n for line in lines]
    for number, line in enumerate(lines):
        if line.n < 0:
            faults.append(msg("entrée modifiée : la ligne {line} n'est plus une entrée du registre", line=number + 1))
    faults += _repeated(lines)
    present = set(numbers)
    expected = max((n for n in numbers if n < 2 * len(lines) + 64), default=-1) + 1
    damaged = sum(n < 0 for n in numbers)
    missing = [n for n in range(expected) if n not in present]
    if len(missing) > damaged:
        faults.append(msg("entrées retirées : {numbers}", numbers=_listed(missing)))
    order = [n for n in numbers if n >= 0]
    if order != sorted(order):
        moved = [n for position, n in enumerate(order) if position and n < max(order[:position])]
        faults.append(msg("entrées déplacées : {numbers}", numbers=_listed(sorted(set(moved)))))
    by_number = {line.n: line for line in lines if line.n >= 0}
    for number in sorted(by_number):
        line, before = by_number[number], by_number.get(number - 1)
        if number == 0 and line.prev != GENESIS:
            faults.append(msg("entrée modifiée : l'entrée 0 ne commence pas une chaîne"))
        elif before is not None and line.prev != before.digest and numbers.count(number - 1) == 1:
            faults.append(
                msg(
                    "entrée modifiée : l'entrée {changed} n'est pas celle que suit l'entrée {number}",
                    changed=number - 1,
                    number=number,
                )
            )
    if not faults:
        faults.append(msg("chaîne rompue : les entrées ne se suivent pas"))
    return faults[:MAX_FAULTS]


def compare(sealed: Sequence[str], found: Sequence[str]) -> list[Message]:
    """What tells two ledgers apart whose chains are both right, by the contents of their entries."""
    there, here = Counter(sealed), Counter(found)
    removed = [n for n, content in enumerate(sealed) if content not in here]
    added = [n for n, content in enumerate(found) if content not in there]
    changed = sorted(set(removed) & set(added)) if len(sealed) == len(found) else []
    faults: list[Message] = []
    if changed:
        faults.append(msg("entrées modifiées : {numbers}", numbers=_listed(changed)))
    if gone := [n for n in removed if n not in changed]:
        faults.append(msg("entrées retirées : {numbers}", numbers=_listed(gone)))
    if new := [n for n in added if n not in changed]:
        faults.append(msg("entrées ajoutées, ou modifiées : {numbers}", numbers=_listed(new)))
    common = [content for content in sealed if content in here], [content for content in found if content in there]
    if common[0] != common[1]:
        moved = [n for n, pair in enumerate(zip(*common, strict=False)) if pair[0] != pair[1]]
        faults.append(msg("entrées déplacées ou répétées, à partir de : {n}", n=moved[0] if moved else len(sealed)))
    return faults


def _repeated(lines: Sequence[Line]) -> list[Message]:
    """Numbers that several lines claim: one of them, or all but one, were inserted."""
    claims: dict[int, list[int]] = {}
    for position, line in enumerate(lines):
        if line.n >= 0:
            claims.setdefault(line.n, []).append(position)
    return [
        msg(
            "entrée ajoutée : le numéro {n} est porté par les lignes {lines}",
            n=n,
            lines=_listed([p + 1 for p in where]),
        )
        for n, where in sorted(claims.items())
        if len(where) > 1
    ]


def _linked(lines: Sequence[Line]) -> zip[tuple[int, Line, str]]:
    before = [GENESIS, *(line.digest for line in lines)]
    return zip(range(len(lines)), lines, before, strict=False)


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:MAX_FAULTS]))
    return f"{shown}, …" if len(numbers) > MAX_FAULTS else shown
