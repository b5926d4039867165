"""Catalogues of services, by name (``profiles/services/NAME.yaml``) or by path; everything wrong at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from r2s_audit.errors import InternalError
from r2s_audit.files.faults import Document, Fault, Say, near, printable, report
from r2s_audit.files.opening import digest
from r2s_audit.files.packaged import named
from r2s_audit.files.problems import validate
from r2s_audit.files.references import repeated
from r2s_audit.files.versions import check_version
from r2s_audit.files.yaml import read
from r2s_audit.model.services import SERVICES_FORMAT, ServiceCatalogue
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path as FilePath

    from r2s_audit.model.profile import Profile


@dataclass(frozen=True, slots=True)
class LoadedServices:
    """A catalogue and the file that it came from."""

    catalogue: ServiceCatalogue
    digest: str
    document: Document = field(repr=False, compare=False)


def load_services(what: str | FilePath, profile: Profile | None = None, *, say: Say = str) -> LoadedServices:
    """A catalogue; raises FileProblems. With a profile, the criteria that its links name must be the profile's."""
    data, name = named(what, "services", say=say)
    return parse_services(data, name, profile, say=say)


def services_of(profile: Profile, *, say: Say = str) -> LoadedServices | None:
    """The catalogue that a profile names; None where its label has no services. Raises FileProblems."""
    return load_services(profile.services, profile, say=say) if profile.services is not None else None


def parse_services(data: bytes, name: str, profile: Profile | None = None, *, say: Say = str) -> LoadedServices:
    """A catalogue from bytes."""
    document = read(data, name, say=say)
    check_version(document, ServiceCatalogue, SERVICES_FORMAT, say=say)
    catalogue = validate(ServiceCatalogue, document.data, document)
    faults = catalogue if isinstance(catalogue, list) else list(_inconsistencies(catalogue, profile, document))
    report(document, faults, say)
    if isinstance(catalogue, list):  # its faults were reported just now: report() raised
        raise InternalError(f"{name}: a refused catalogue without a fault")
    return LoadedServices(catalogue, digest(data), document)


def _inconsistencies(catalogue: ServiceCatalogue, profile: Profile | None, document: Document) -> Iterator[Fault]:
    criteria = [c.id for requirement in profile.requirements for c in requirement.criteria] if profile else []
    families = enumerate(catalogue.families)
    yield from repeated(document, ((("families", i, "id"), family.id) for i, family in families), "id")
    yield from repeated(
        document,
        (
            (("families", i, "services", n, "id"), service.id)
            for i, family in enumerate(catalogue.families)
            for n, service in enumerate(family.services)
        ),
        "id",
    )
    for index, family in enumerate(catalogue.families):
        place = ("families", index)
        if family.catalogue.value != len(family.services):
            yield Fault(
                path=(*place, "catalogue", "value"),
                found=msg("{announced} services annoncés", announced=family.catalogue.value),
                expected=msg("{count}, le nombre de services listés", count=len(family.services)),
            )
        whole = family.points_logement.value + family.points_batiment.value
        if family.points_total.value != whole:
            yield Fault(
                path=(*place, "points_total", "value"),
                found=msg("« {found} »", found=str(family.points_total.value)),
                expected=msg("{total}, somme des points logement et bâtiment", total=whole),
            )
        for number, vignette in enumerate(family.vignette):
            if vignette.threshold.value > len(family.services):
                yield Fault(
                    path=(*place, "vignette", number, "threshold", "value"),
                    found=msg("« {found} »", found=str(vignette.threshold.value)),
                    expected=msg("au plus {count}, le nombre de services de la famille", count=len(family.services)),
                )
        if profile is None:
            continue
        for n, service in enumerate(family.services):
            for link_number, link in enumerate(service.corroborated_by):
                for c, name in enumerate(link.criteria):
                    if name not in criteria:
                        yield Fault(
                            path=(*place, "services", n, "corroborated_by", link_number, "criteria", c),
                            found=msg("« {found} »", found=printable(name)),
                            expected=msg("un critère du profil {profile}", profile=profile.id),
                            near_miss=near(name, criteria),
                        )
