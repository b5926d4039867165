"""Findings of any program as JSON, to be scored: read fast where they are right, told in words where they are not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import ValidationError

from r2s_audit.errors import FileProblems, InternalError
from r2s_audit.files.faults import Document, Fault, Plain, Say, near, problems, report, stop
from r2s_audit.files.problems import validate
from r2s_audit.files.versions import check_version
from r2s_audit.model.score import FINDINGS_FORMAT, Findings
from r2s_audit.model.text import msg
from r2s_audit.scoring.door import UnfitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from r2s_audit.model.score import ScoreDocument

MAX_BYTES = 256 * 1024 * 1024
"""A hundred thousand findings are some 10 MiB."""


def parse_findings(data: bytes, name: str, *, say: Say = str) -> Findings:
    """Findings from bytes; raises FileProblems with everything wrong in them, by path (lines mean little in JSON)."""
    if len(data) > MAX_BYTES:
        found = msg("un document de plus de {size} Mio", size=MAX_BYTES >> 20)
        expected = msg("un document de {size} Mio au plus", size=MAX_BYTES >> 20)
        raise stop(name, Fault(path=(), found=found, expected=expected), say)
    try:
        return Findings.model_validate_json(data, strict=True)
    except ValidationError:
        pass  # said below, in words
    document = Document(name, _plain(data, name, say))
    if not isinstance(document.data, dict):
        fault = Fault(path=(), found=msg("un document JSON qui n'est pas une table"), expected=_EXPECTED)
        raise stop(name, fault, say)
    check_version(document, Findings, FINDINGS_FORMAT, say=say)
    faults = validate(Findings, document.data, document)
    report(document, faults if isinstance(faults, list) else [], say)
    raise InternalError(f"{name}: refused findings without a fault")


_EXPECTED = msg("des constats à noter (docs/schemas/findings.schema.json)")


def _plain(data: bytes, name: str, say: Say) -> Plain:
    """JSON of the standard, and nothing that only Python reads."""

    def refused(constant: str) -> object:
        raise ValueError(constant)

    try:
        plain: Plain = json.loads(data, parse_constant=refused)
    except json.JSONDecodeError as error:
        fault = Fault(
            path=(),
            line=error.lineno,
            found=msg("ce n'est pas du JSON (colonne {column})", column=error.colno),
            expected=_EXPECTED,
        )
    except (ValueError, RecursionError):  # not UTF-8, NaN, or nested without end
        fault = Fault(path=(), found=msg("ce n'est pas du JSON en UTF-8"), expected=_EXPECTED)
    else:
        return plain
    raise stop(name, fault, say)


def unfit(name: str, error: UnfitError, *, say: Say = str) -> FileProblems:
    """What the profile cannot take of well-formed findings, as problems."""
    faults = [
        Fault(
            path=wrong.path,
            found=wrong.found,
            expected=wrong.expected,
            near_miss=near(wrong.written, wrong.known) if wrong.written else None,
        )
        for wrong in error.wrong
    ]
    return FileProblems(problems(Document(name), faults, say))


def fitting(name: str, scored: Callable[[], ScoreDocument], *, say: Say = str) -> ScoreDocument:
    """A score, or FileProblems with what does not go with the profile."""
    try:
        return scored()
    except UnfitError as error:
        raise unfit(name, error, say=say) from None
