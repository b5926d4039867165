"""The site file, loaded: everything wrong in it at once, or a site with its bytes and digest."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from r2s_audit.errors import InternalError
from r2s_audit.files.decoding import decode
from r2s_audit.files.faults import Document, Fault, Say, enumerated, near, printable, report
from r2s_audit.files.leaks import leaks
from r2s_audit.files.opening import digest, read_bytes
from r2s_audit.files.parts import salvage, whole
from r2s_audit.files.problems import validate
from r2s_audit.files.references import cross_references
from r2s_audit.files.versions import check_version
from r2s_audit.files.yaml import read
from r2s_audit.model.site import SITE_FORMAT, Site
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from r2s_audit.files.parts import Parts
    from r2s_audit.model.profile import Profile


@dataclass(frozen=True, slots=True)
class LoadedSite:
    """A site and the file that it came from."""

    site: Site
    data: bytes
    """The file, byte for byte: what the record keeps."""
    digest: str
    base: Path
    """Directory against which ``file:`` references and ``trust`` are resolved."""
    document: Document = field(repr=False, compare=False)
    """Lines, for problems that only show against a profile."""


def load_site(path: Path, *, say: Say = str) -> LoadedSite:
    """The site file at a path; raises FileProblems with everything wrong in it."""
    data = read_bytes(path, say=say)
    return _load(data, str(path), path.parent, say)


def parse_site(data: bytes, name: str, *, say: Say = str) -> Site:
    """A site from bytes that a record kept: the files that it refers to are not looked for."""
    return _load(data, name, None, say).site


def _load(data: bytes, name: str, base: Path | None, say: Say) -> LoadedSite:
    document = read(data, name, say=say)
    check_version(document, Site, SITE_FORMAT, say=say)
    faults = leaks(document, str(decode(data)))
    site = validate(Site, document.data, document)
    if isinstance(site, list):
        faults += site
        table = document.data if isinstance(document.data, dict) else {}
        parts = salvage(table, [fault.path for fault in (*document.faults, *faults)])
    else:
        parts = whole(site)
    faults += cross_references(parts, document)
    if base is not None:
        faults += _missing_files(parts, base)
    report(document, faults, say)
    if isinstance(site, list):  # some of its faults were reported just now: report() raised
        raise InternalError(f"{name}: a refused site without a fault")
    return LoadedSite(site, data, digest(data), base or Path(), document)


def _unusable(base: Path, name: str) -> Message | None:
    """What keeps a named file from being used; None where nothing is seen to."""
    try:
        there = (base / name).is_file()
    except OSError:  # a directory on the way that this user may not enter, a name that is too long
        return msg("« {name} », un fichier que l'on n'a pas le droit de lire", name=printable(name))
    return None if there else msg("« {name} », un fichier absent de {base}", name=printable(name), base=str(base))


def _missing_files(parts: Parts, base: Path) -> Iterator[Fault]:
    for index, device in parts.devices:
        for i, service in enumerate(device.services):
            for n, name in enumerate(service.trust):
                if found := _unusable(base, name):
                    yield Fault(
                        path=("devices", index, "services", i, "trust", n),
                        found=found,
                        expected=msg("un certificat PEM qui existe, nommé depuis le répertoire du fichier de site"),
                    )
    for index, point in parts.points:
        if point.dot1x is None:
            continue
        named: list[tuple[tuple[str | int, ...], str]] = [
            (("trust", n), name) for n, name in enumerate(point.dot1x.trust)
        ]
        if point.dot1x.certificate:
            named.append((("certificate",), point.dot1x.certificate))
        for where, name in named:
            if found := _unusable(base, name):
                yield Fault(
                    path=("points", index, "dot1x", *where),
                    found=found,
                    expected=msg("un certificat PEM qui existe, nommé depuis le répertoire du fichier de site"),
                )


def against_profile(site: Site, profile: Profile, checks: Collection[str] | None = None) -> Iterator[Fault]:
    """What a site file says of criteria, levels and checks that the profile does not have; pure."""
    criteria = [criterion.id for requirement in profile.requirements for criterion in requirement.criteria]
    for index, entry in enumerate(site.not_applicable):
        if entry.criterion not in criteria:
            yield Fault(
                path=("not_applicable", index, "criterion"),
                found=msg(
                    "« {criterion} », qui n'est pas un critère de {profile}",
                    criterion=entry.criterion,
                    profile=profile.id,
                ),
                expected=msg("l'identifiant d'un critère du profil"),
                near_miss=near(entry.criterion, criteria),
            )
    levels = [level.id for level in profile.levels]
    if site.building.target_level and site.building.target_level not in levels:
        yield Fault(
            path=("building", "target_level"),
            found=msg(
                "« {level} », qui n'est pas un niveau de {profile}",
                level=printable(site.building.target_level),
                profile=profile.id,
            ),
            expected=msg("un des niveaux : {levels}", levels=enumerated(levels)),
            near_miss=near(site.building.target_level, levels),
        )
    if checks is not None and site.mandate is not None:
        for index, check in enumerate(site.mandate.intrusive_checks):
            if check not in checks:
                yield Fault(
                    path=("mandate", "intrusive_checks", index),
                    found=msg("« {check} », un contrôle inconnu", check=printable(check)),
                    expected=msg("l'identifiant d'un contrôle (r2s-audit checks list)"),
                    near_miss=near(check, checks),
                )


def check_against_profile(
    site: LoadedSite, profile: Profile, checks: Collection[str] | None = None, *, say: Say = str
) -> None:
    """Raise FileProblems where the site file speaks of what the profile does not have."""
    report(site.document, list(against_profile(site.site, profile, checks)), say)
