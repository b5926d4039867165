"""From a site and a profile to the matrix of cells and the requests that they need."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from r2s_audit.errors import InternalError, UsageError
from r2s_audit.model.finding import Subject
from r2s_audit.model.plan import Plan
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from probes.api import AnyCheck, CollectorSpec
    from r2s_audit.model.observation import Request
    from r2s_audit.model.profile import Criterion, Profile
    from r2s_audit.model.site import Site

NOTHING = Subject(target="-")
"""Subject of a cell whose criterion has no check yet, or whose site declares nothing for it: planned all the same."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What can be asked: checks and collectors by id."""

    checks: Mapping[str, AnyCheck]
    collectors: Mapping[str, CollectorSpec]


@dataclass(slots=True)
class _Population:
    """Subjects of one check under one set of parameters, found once however many criteria use it."""

    subjects: tuple[Subject, ...]
    requests: dict[str, Request] = field(default_factory=dict)


def parameters_of(check: AnyCheck, criterion: Criterion) -> BaseModel:
    """The parameters that the profile gives to a check, validated.

    Raises:
        UsageError: the profile and the check do not fit together.
    """
    values = {name: sourced.value for name, sourced in criterion.parameters.items()}
    try:
        return check.Parameters.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            msg(
                "profil, critère {criterion} : le contrôle {check} refuse le paramètre {parameter} ({reason})",
                criterion=criterion.id,
                check=check.id,
                parameter=where or "*",
                reason=str(first["msg"]),
            ),
            remedy=msg("« r2s-audit checks show {check} » donne ses paramètres", check=check.id),
        ) from error


def check_of(catalogue: Catalogue, criterion: Criterion) -> AnyCheck | None:
    """The check of a criterion; None where it awaits one.

    Raises:
        UsageError: the profile names a check that does not exist.
    """
    if criterion.check is None:
        return None
    check = catalogue.checks.get(criterion.check)
    if check is None:
        raise UsageError(
            msg(
                "profil, critère {criterion} : contrôle inconnu {check}",
                criterion=criterion.id,
                check=criterion.check,
            ),
            remedy=msg("« r2s-audit checks list » donne les contrôles de cette version"),
        )
    return check


def select_requirements(profile: Profile, only: Iterable[str]) -> tuple[str, ...]:
    """Requirement identifiers to audit: all, or those named.

    Raises:
        UsageError: one of them is not in the profile.
    """
    known = [r.id for r in profile.requirements]
    wanted = list(only)
    unknown = [r for r in wanted if r not in known]
    if unknown:
        raise UsageError(
            msg("exigence inconnue : {names}", names=", ".join(unknown)),
            remedy=msg("le profil {profile} connaît : {names}", profile=profile.id, names=", ".join(known)),
        )
    return tuple(r for r in known if not wanted or r in wanted)


def make_plan(
    site: Site, profile: Profile, catalogue: Catalogue, digests: tuple[str, str], only: Iterable[str] = ()
) -> Plan:
    """Every cell and every request, in a deterministic order.

    Args:
        site: the declared building.
        profile: the label.
        catalogue: the checks and collectors of this version.
        digests: of the site file and of the profile file.
        only: requirement identifiers; empty for all.

    Raises:
        UsageError: a check of the profile is unknown, or its parameters do not fit.
        InternalError: a check asks for a collector that does not exist.
    """
    topology = Topology(site)
    requirements = select_requirements(profile, only)
    cells: list[dict[str, Any]] = []
    requests: dict[str, Request] = {}
    populations: dict[tuple[str, str], _Population] = {}
    for requirement in profile.requirements:
        if requirement.id not in requirements:
            continue
        for criterion in requirement.criteria:
            check = check_of(catalogue, criterion)
            place = {"requirement": requirement.id, "criterion": criterion.id}
            if check is None:
                cells.append({**place, "check": "", "subject": NOTHING})
                continue
            parameters = parameters_of(check, criterion)
            identity = (check.id, parameters.model_dump_json())
            if identity not in populations:
                populations[identity] = _populate(check, topology, parameters)
            population = populations[identity]
            requests.update(population.requests)
            place["check"] = check.id
            cells.extend([{**place, "subject": subject} for subject in population.subjects or (NOTHING,)])
    ordered = sorted(requests.items(), key=lambda item: (item[1].order, item[0]))
    # Thousands of cells and requests of which only these fields are new: validated at once, not one by one.
    return Plan.model_validate(
        {
            "site_digest": digests[0],
            "profile_digest": digests[1],
            "requirements": requirements,
            "cells": cells,
            "requests": [_planned(request, catalogue) for _, request in ordered],
        }
    )


def _populate(check: AnyCheck, topology: Topology, parameters: Any) -> _Population:
    """The subjects of a check and their requests.

    A check that crashes here crashes again where its cells are judged, and is a cell in error there, with its trace:
    the other checks are planned.
    """
    try:
        subjects = tuple(check.subjects(topology, parameters))
    except Exception:  # noqa: BLE001 - told by the judge, see above
        return _Population(())
    keys = [subject.key for subject in subjects]
    if len(set(keys)) != len(keys):
        raise InternalError(f"check {check.id}: the same subject twice")
    population = _Population(subjects)
    for subject in subjects:
        try:
            requests = tuple(check.requests(topology, subject, parameters))
        except Exception:  # noqa: BLE001, S112 - told by the judge, see above
            continue
        for request in requests:
            known = population.requests.setdefault(request.key, request)
            if known.order != request.order:
                raise InternalError(f"check {check.id}: request {request.key} in two orders")
    return population


def _planned(request: Request, catalogue: Catalogue) -> dict[str, Any]:
    """The fields of a :class:`~r2s_audit.model.plan.PlannedRequest`."""
    spec = catalogue.collectors.get(request.collector)
    if spec is None:
        raise InternalError(f"unknown collector {request.collector} in {request.key}")
    return {
        "request": request,
        "intrusiveness": spec.intrusiveness,
        "packets": spec.packets,
        "usual_packets": spec.packets if spec.usual_packets is None else spec.usual_packets,
        "usual_seconds": spec.seconds if spec.usual_seconds is None else spec.usual_seconds,
        "needs_wire": spec.needs_wire,
    }
