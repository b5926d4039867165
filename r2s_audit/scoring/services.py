"""Services: what is declared of each with proof, counted by family against the thresholds of the vignettes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from r2s_audit.model.score import (
    CorroborationResult,
    CorroborationState,
    FamilyResult,
    PointsInterval,
    ServiceResult,
    ServicesResult,
    ServiceStatus,
    VignetteResult,
)
from r2s_audit.model.services import CatalogueService, Family, ServiceCatalogue

from .claims import DeclaredService
from .corroboration import together


def services(
    catalogue: ServiceCatalogue,
    digest: str,
    declared: Mapping[str, DeclaredService],
    found: Iterable[CorroborationResult],
) -> ServicesResult:
    """Every family with its services. A corroboration is shown beside a service and never counts.

    A service of which nothing is declared is open: it may still be there. Raises ValueError for a declared service that
    the catalogue does not have.
    """
    unknown = declared.keys() - {s.id for family in catalogue.families for s in family.services}
    if unknown:
        raise ValueError(f"declared services that are not in the catalogue: {', '.join(sorted(unknown))}")
    states: dict[str, list[CorroborationState]] = {}
    for result in found:
        if result.kind == "service":
            states.setdefault(result.target, []).append(result.state)
    families = tuple(_family(family, declared, states) for family in catalogue.families)
    return ServicesResult(
        catalogue=catalogue.id,
        version=catalogue.version,
        digest=digest,
        document=catalogue.document,
        notes=tuple(catalogue.notes),
        families=families,
        declared=sum(family.declared for family in families),
        possible=sum(family.possible for family in families),
        total=sum(len(family.services) for family in families),
    )


def _family(
    family: Family, declared: Mapping[str, DeclaredService], states: Mapping[str, list[CorroborationState]]
) -> FamilyResult:
    results = tuple(_service(service, declared.get(service.id), states.get(service.id)) for service in family.services)
    certain = sum(result.status is ServiceStatus.DECLARED for result in results)
    possible = sum(result.status is not ServiceStatus.ABSENT for result in results)
    points = family.points_total.value
    return FamilyResult(
        id=family.id,
        title=family.title,
        services=results,
        declared=certain,
        possible=possible,
        points=PointsInterval(
            worst=str(points if results and certain == len(results) else 0),
            best=str(points if possible else 0),
            maximum=str(points),
        ),
        vignettes=tuple(
            VignetteResult(
                reading=vignette.reading,
                threshold=vignette.threshold.value,
                source=vignette.threshold.source.value,
                obtained=certain >= vignette.threshold.value,
                possible=possible >= vignette.threshold.value,
            )
            for vignette in family.vignette
        ),
    )


def _service(
    service: CatalogueService, declared: DeclaredService | None, states: list[CorroborationState] | None
) -> ServiceResult:
    status = ServiceStatus.OPEN
    if declared is not None:
        status = ServiceStatus.DECLARED if declared.valid else ServiceStatus.ABSENT
    return ServiceResult(
        id=service.id,
        title=service.title,
        objective=service.objective,
        description=service.description,
        status=status,
        declarations=declared.declarations if declared else (),
        corroboration=together(states) if states is not None else None,
    )
