"""Certifier's overlays, loaded and put over a profile; everything wrong with them is told with its line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from r2s_audit.errors import FileProblems, InternalError, Problem
from r2s_audit.files.faults import Document, Fault, Say, near, problems, report
from r2s_audit.files.opening import digest, read_bytes
from r2s_audit.files.problems import validate
from r2s_audit.files.versions import check_version
from r2s_audit.files.yaml import read
from r2s_audit.model.overlay import OVERLAY_FORMAT, Overlay
from r2s_audit.model.score import OverlayUse
from r2s_audit.model.text import msg
from r2s_audit.scoring.overlay import (
    clashes,
    contradictions,
    origin,
    overlaid,
    overlaid_catalogue,
    placed,
    unknown_names,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from r2s_audit.model.profile import Profile
    from r2s_audit.model.services import ServiceCatalogue
    from r2s_audit.scoring.overlay import Misplaced, Placed


@dataclass(frozen=True, slots=True)
class LoadedOverlay:
    """An overlay and the file that it came from."""

    overlay: Overlay
    digest: str
    document: Document = field(repr=False, compare=False)


class Scale(NamedTuple):
    """A profile with its catalogue of services, both with the certifier's figures, and which overlays gave them."""

    profile: Profile
    catalogue: ServiceCatalogue | None
    overlays: tuple[OverlayUse, ...] = ()


def load_overlay(path: Path, *, say: Say = str) -> LoadedOverlay:
    """An overlay file; raises FileProblems with everything wrong in it by itself."""
    return parse_overlay(read_bytes(path, say=say), str(path), say=say)


def parse_overlay(data: bytes, name: str, *, say: Say = str) -> LoadedOverlay:
    """An overlay from bytes."""
    document = read(data, name, say=say)
    check_version(document, Overlay, OVERLAY_FORMAT, say=say)
    overlay = validate(Overlay, document.data, document)
    report(document, overlay if isinstance(overlay, list) else [], say)
    if isinstance(overlay, list):  # its faults were reported just now: report() raised
        raise InternalError(f"{name}: a refused overlay without a fault")
    return LoadedOverlay(overlay, digest(data), document)


def under(
    profile: Profile, catalogue: ServiceCatalogue | None, overlays: Sequence[LoadedOverlay], *, say: Say = str
) -> Scale:
    """The profile and the catalogue under these overlays.

    Raises:
        FileProblems: a name that the profile lacks, figures that do not add up or are out of order, two overlays that
            say different things; each in the file and at the line that says so.
    """
    wrong = [
        (number, item)
        for number, loaded in enumerate(overlays)
        for item in unknown_names(profile, loaded.overlay, catalogue)
    ]
    _refuse(overlays, wrong, say)
    items = [(loaded.overlay, placed(profile, loaded.overlay)) for loaded in overlays]
    wrong = list(clashes(items))
    _refuse(overlays, wrong, say)
    try:
        result = overlaid(profile, [loaded.overlay for loaded in overlays])
    except ValidationError as error:
        raise FileProblems(_unfit(error, overlays, items, say)) from None
    _refuse(overlays, contradictions(result, items), say)
    used = tuple(
        OverlayUse(
            id=loaded.overlay.id,
            version=loaded.overlay.version,
            title=loaded.overlay.title,
            issuer=loaded.overlay.issuer.name,
            document=loaded.overlay.document,
            dated=loaded.overlay.dated,
            digest=loaded.digest,
            figures=len(given) + sum(f.vignette is not None for f in loaded.overlay.families.values()),
        )
        for loaded, (_, given) in zip(overlays, items, strict=True)
    )
    settled = overlaid_catalogue(catalogue, [loaded.overlay for loaded in overlays]) if catalogue else None
    return Scale(result, settled, used)


def _refuse(overlays: Sequence[LoadedOverlay], wrong: Sequence[tuple[int, Misplaced]], say: Say) -> None:
    found: list[Problem] = []
    for number, item in wrong:
        document = overlays[number].document
        fault = Fault(
            path=item.path,
            line=_line(document, item.path),
            found=item.found,
            expected=item.expected,
            near_miss=near(item.written, item.known) if item.written else None,
        )
        found += problems(document, [fault], say)
    if found:
        raise FileProblems(found)


def _line(document: Document, path: tuple[str | int, ...]) -> int:
    """The line of the key that is meant: a table is named by its key, not by its first value."""
    place = document.places.get(path)
    return place.key if place else 0


def _unfit(
    error: ValidationError,
    overlays: Sequence[LoadedOverlay],
    items: Sequence[tuple[Overlay, Sequence[Placed]]],
    say: Say,
) -> list[Problem]:
    """Figures that fit each by itself and not together: thresholds or efforts out of order."""
    found: list[Problem] = []
    for detail in error.errors(include_url=False, include_input=False):
        number, path = origin(detail["loc"], items)
        fault = Fault(
            path=path,
            line=_line(overlays[number].document, path),
            found=msg("des valeurs qui, ensemble, ne sont pas en ordre"),
            expected=msg("un seuil ou un effort partiel au plus égal à celui d'atteint"),
        )
        found += problems(overlays[number].document, [fault], say)
    return list(dict.fromkeys(found))
