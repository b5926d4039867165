"""Declarations and waivers, loaded: names against the label, attached files against their digests, all faults at once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from r2s_audit.errors import InternalError
from r2s_audit.files.faults import Document, Fault, Say, near, printable, report
from r2s_audit.files.opening import digest, read_bytes
from r2s_audit.files.problems import validate
from r2s_audit.files.references import repeated
from r2s_audit.files.versions import check_version
from r2s_audit.files.yaml import read
from r2s_audit.model.declaration import DECLARATIONS_FORMAT, Attachment, Declarations
from r2s_audit.model.site import Stage
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from r2s_audit.files.faults import Path as Place
    from r2s_audit.model.profile import Profile
    from r2s_audit.model.services import ServiceCatalogue

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class LoadedDeclarations:
    """A declarations file and where it came from."""

    declarations: Declarations
    digest: str
    base: Path
    document: Document = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Against:
    """What declarations are checked against: the label, and the building where it is known."""

    profile: Profile
    catalogue: ServiceCatalogue | None = None
    building: str = ""


def load_declarations(path: Path, against: Against, *, say: Say = str) -> LoadedDeclarations:
    """A declarations file; raises FileProblems with everything wrong in it, a changed attachment included."""
    return parse_declarations(read_bytes(path, say=say), str(path), path.parent, against, say=say)


def parse_declarations(data: bytes, name: str, base: Path, against: Against, *, say: Say = str) -> LoadedDeclarations:
    """A declarations file from bytes; attached files are looked for under ``base``."""
    document = read(data, name, say=say)
    check_version(document, Declarations, DECLARATIONS_FORMAT, say=say)
    found = validate(Declarations, document.data, document)
    report(document, found if isinstance(found, list) else list(_faults(found, document, base, against)), say)
    if isinstance(found, list):  # its faults were reported just now: report() raised
        raise InternalError(f"{name}: refused declarations without a fault")
    return LoadedDeclarations(found, digest(data), base, document)


def digest_of_file(path: Path) -> str:
    """``sha256:…`` of a file of any size; raises OSError."""
    made = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            made.update(chunk)
    return f"sha256:{made.hexdigest()}"


def _faults(found: Declarations, document: Document, base: Path, against: Against) -> Iterator[Fault]:
    if against.building and found.building != against.building:
        yield _unlike(("building",), found.building, against.building)
    if found.profile != against.profile.id:
        yield _unlike(("profile",), found.profile, against.profile.id)
    yield from _stages(found)
    requirements = [requirement.id for requirement in against.profile.requirements]
    services = [s.id for family in against.catalogue.families for s in family.services] if against.catalogue else []
    names: list[tuple[Place, str]] = []
    for index, declaration in enumerate(found.declarations):
        place: Place = ("declarations", index)
        names.append(((*place, "id"), declaration.id))
        if declaration.requirement is not None:
            yield from _known(
                (*place, "requirement"), declaration.requirement, requirements, msg("une exigence du profil")
            )
        if declaration.service is not None:
            yield from _known((*place, "service"), declaration.service, services, msg("un service du catalogue"))
        yield from _attachments(place, declaration.attachments, base)
    for index, waiver in enumerate(found.waivers):
        place = ("waivers", index)
        names.append(((*place, "id"), waiver.id))
        yield from _known((*place, "requirement"), waiver.requirement, requirements, msg("une exigence du profil"))
        yield from _attachments(place, waiver.attachments, base)
    yield from repeated(document, names, "id")


def _unlike(path: Place, found: str, expected: str) -> Fault:
    return Fault(path=path, found=msg("« {found} »", found=found), expected=msg("« {expected} »", expected=expected))


def _known(path: Place, name: str, known: list[str], expected: Message) -> Iterator[Fault]:
    if name not in known:
        yield Fault(
            path=path,
            found=msg("« {name} », inconnu", name=printable(name)),
            expected=expected,
            near_miss=near(name, known),
        )


def _stages(found: Declarations) -> Iterator[Fault]:
    """Conception, then exécution, then as-built: a stage that is judged before the one before it is a mistake."""
    before: Stage | None = None
    for stage in Stage:
        if stage not in found.stages:
            continue
        if before is not None and found.stages[stage] < found.stages[before]:
            yield Fault(
                path=("stages", stage.value),
                found=msg("le {date}, avant le stade qui précède", date=found.stages[stage].isoformat()),
                expected=msg("le {date} ou plus tard", date=found.stages[before].isoformat()),
            )
        before = stage


def _attachments(place: Place, attachments: list[Attachment], base: Path) -> Iterator[Fault]:
    for number, attachment in enumerate(attachments):
        path: Place = (*place, "attachments", number, "file")
        name = PurePosixPath(attachment.file)
        if name.is_absolute() or ".." in name.parts:
            yield Fault(
                path=path,
                found=msg("« {name} », hors du répertoire du fichier", name=printable(attachment.file)),
                expected=msg("un chemin sous le répertoire du fichier de déclarations"),
            )
            continue
        try:
            there = digest_of_file(base / name) if (base / name).is_file() else None
        except OSError as error:
            yield Fault(
                path=path,
                found=msg(
                    "« {name} », illisible ({reason})", name=printable(attachment.file), reason=str(error.strerror)
                ),
                expected=msg("la pièce jointe, lisible"),
            )
            continue
        if there is None:
            yield Fault(
                path=path,
                found=msg("« {name} », un fichier absent", name=printable(attachment.file)),
                expected=msg("la pièce jointe, à côté du fichier de déclarations"),
            )
        elif there != attachment.digest:
            yield Fault(
                path=(*place, "attachments", number, "digest"),
                found=msg("{digest}, alors que le fichier a {there}", digest=attachment.digest, there=there),
                expected=msg("la pièce telle qu'elle a été jointe, ou une déclaration nouvelle"),
            )
