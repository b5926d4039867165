"""Where a joined campaign comes from: each source verified as it was, and the joined ledger against all of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from r2s_audit.evidence.blobs import MAX_BLOB, digest_of
from r2s_audit.evidence.chain import Chain, Line, content_digest, read_chain
from r2s_audit.evidence.merge import pass_of, renamed
from r2s_audit.evidence.record import BLOBS, LEDGER
from r2s_audit.evidence.references import Reference, references
from r2s_audit.evidence.regular import read_regular
from r2s_audit.evidence.seal import SEAL_NAME, SEALS
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_SOURCES = 100


@dataclass(frozen=True, slots=True)
class Origin:
    """One source, laid out as the record that it was."""

    entry: int
    """The entry that names it."""
    directory: Path
    chain: Chain
    passes: dict[str, str]


def origins(directory: Path, chain: Chain, use: Callable[[list[Origin]], list[Message]]) -> list[Message]:
    """Lay every source out, hand them to ``use``, and say what does not fit; nothing where the ledger is not joined."""
    entries = [(n, line.body) for n, line in enumerate(chain.lines) if line.body.get("kind") == "merged"]
    if not entries:
        return use([])
    found: list[Origin] = []
    faults: list[Message] = []
    with TemporaryDirectory(prefix="r2s-sources-") as scratch:
        for n, body in entries[:MAX_SOURCES]:
            origin = _laid_out(directory, body, n, Path(scratch) / str(n))
            if origin is None:
                faults.append(
                    msg("entrée {n} : le registre d'origine manque, ou n'est plus celui qui a été réuni", n=n)
                )
            else:
                found.append(origin)
                faults += origin.chain.faults
        faults += _missing(chain, found)
        faults += use(found)
    return faults


def _laid_out(directory: Path, body: dict[str, Any], n: int, into: Path) -> Origin | None:
    seals, passes = body.get("seals"), body.get("passes")
    if (
        not isinstance(seals, dict)
        or not isinstance(passes, dict)
        or not all(re.fullmatch(SEAL_NAME, n) for n in seals)
    ):
        return None
    files = {LEDGER: body.get("ledger")} | {f"{SEALS}/{name}": seal for name, seal in seals.items()}
    (into / SEALS).mkdir(parents=True)
    for name, value in files.items():
        reference: Reference | None = next(iter(references(value)), None)
        try:
            data = read_regular(directory / reference.path, MAX_BLOB) if reference else b""
        except OSError:
            return None
        if reference is None or digest_of(data) != reference.digest:
            return None
        (into / name).write_bytes(data)
    (into / BLOBS).symlink_to((directory / BLOBS).resolve())
    chain = read_chain(into / LEDGER)
    names = {str(old): str(new) for old, new in passes.items()}
    return Origin(n, into, chain, names) if chain.head == body.get("head") else None


def _missing(chain: Chain, found: list[Origin]) -> Iterator[Message]:
    """Entries of a source that the joined ledger lacks, and observations of theirs that no source has."""
    here = {line.content for line in chain.lines}
    there: set[str] = set()
    for origin in found:
        contents = {_renamed(line, origin.passes): number for number, line in enumerate(origin.chain.lines) if number}
        there |= contents.keys()
        lacking = sorted(number for content, number in contents.items() if content not in here)
        if lacking:
            yield msg(
                "entrée retirée ou modifiée : l'entrée {number} de l'origine {n} n'est pas dans le registre réuni",
                number=lacking[0],
                n=origin.entry,
            )
    theirs = {name for origin in found for name in origin.passes.values()}
    for number, line in enumerate(chain.lines):
        if line.body.get("kind") == "observation" and pass_of(line.body) in theirs and line.content not in there:
            yield msg("entrée ajoutée ou modifiée : l'entrée {number} ne vient d'aucune origine", number=number)
            return


def _renamed(line: Line, passes: dict[str, str]) -> str:
    return content_digest(line.at, renamed(line.body, passes))
