"""The profile, loaded with the same care as a site file; and the policies that checks read.

The checks that this program has are given by the caller, with the model of their parameters: files know no probe.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from r2s_audit.errors import FileProblems, InternalError
from r2s_audit.files.faults import Document, Fault, Say, near, printable, problems, report
from r2s_audit.files.opening import digest
from r2s_audit.files.packaged import named
from r2s_audit.files.problems import validate
from r2s_audit.files.versions import check_version
from r2s_audit.files.yaml import read
from r2s_audit.model.profile import PROFILE_FORMAT, Profile
from r2s_audit.model.text import msg
from r2s_audit.scoring.consistency import inconsistencies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path as FilePath

    from r2s_audit.files.faults import Path, Plain

    Checks = Mapping[str, type[BaseModel]]
    """Known checks by id, with the model of their parameters."""

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class LoadedProfile:
    """A profile and the file that it came from."""

    profile: Profile
    data: bytes
    digest: str
    document: Document = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """Plain data of a policy with its lines; the model belongs to the family that reads it."""

    name: str
    data: bytes
    digest: str
    document: Document = field(repr=False, compare=False)

    def validated(self, model: type[M], *, say: Say = str) -> M:
        """The policy as its family's model; raises FileProblems with every line that does not fit."""
        found = validate(model, self.document.data, self.document)
        if isinstance(found, list):
            raise FileProblems(problems(self.document, found, say))
        return found


def load_profile(what: str | FilePath, checks: Checks | None = None, *, say: Say = str) -> LoadedProfile:
    """A profile by name or path; raises FileProblems with everything wrong in it.

    Without ``checks``, the checks that it names and their parameters are not looked into.
    """
    data, name = named(what, say=say)
    return parse_profile(data, name, checks, say=say)


def parse_profile(data: bytes, name: str, checks: Checks | None = None, *, say: Say = str) -> LoadedProfile:
    """A profile from bytes, as a record keeps them."""
    document = read(data, name, say=say)
    check_version(document, Profile, PROFILE_FORMAT, say=say)
    profile = validate(Profile, document.data, document)
    faults = profile if isinstance(profile, list) else list(_inconsistencies(profile))
    if checks is not None:
        faults += [
            fault for path, criterion in _criteria(document) for fault in _check(document, path, criterion, checks)
        ]
    report(document, faults, say)
    if isinstance(profile, list):  # its faults were reported just now: report() raised
        raise InternalError(f"{name}: a refused profile without a fault")
    return LoadedProfile(profile, data, digest(data), document)


def load_policy(what: str | FilePath, *, say: Say = str) -> LoadedPolicy:
    """A policy (``profiles/policies/NAME.yaml``) by name or path, as plain data with lines."""
    data, name = named(what, "policies", say=say)
    document = read(data, name, say=say)
    report(document, [], say)
    return LoadedPolicy(name, data, digest(data), document)


def _inconsistencies(profile: Profile) -> Iterator[Fault]:
    """What the figures and names of a well-formed profile contradict, with the near miss of an unknown name."""
    themes = [theme.id for theme in profile.themes]
    for path, found, expected in inconsistencies(profile):
        known: list[str] = []
        if path[-1] == "theme":
            known = themes
        elif "rule" in path and isinstance(path[1], int):
            known = [criterion.id for criterion in profile.requirements[path[1]].criteria]
        yield Fault(
            path=path,
            found=msg("« {found} »", found=printable(found)),
            expected=msg("{expected}", expected=expected),
            near_miss=near(found, known) if found not in known else None,
        )


def _criteria(document: Document) -> Iterator[tuple[Path, dict[str, Plain]]]:
    """The criteria of a profile as they are written, well formed or not."""
    requirements = document.data.get("requirements") if isinstance(document.data, dict) else None
    for r, requirement in enumerate(requirements if isinstance(requirements, list) else ()):
        criteria = requirement.get("criteria") if isinstance(requirement, dict) else None
        for c, criterion in enumerate(criteria if isinstance(criteria, list) else ()):
            if isinstance(criterion, dict):
                yield ("requirements", r, "criteria", c), criterion


def _check(document: Document, path: Path, criterion: dict[str, Plain], checks: Checks) -> Iterator[Fault]:
    check = criterion.get("check")
    if not isinstance(check, str):  # none, or refused by the model
        return
    if check not in checks:
        yield Fault(
            path=(*path, "check"),
            found=msg("« {check} », un contrôle inconnu", check=printable(check)),
            expected=msg("l'identifiant d'un contrôle (r2s-audit checks list)"),
            near_miss=near(check, checks),
        )
        return
    values = _values(criterion.get("with", {}))
    if values is None:
        return

    def locate(inner: Path) -> Path:
        if not inner:
            return (*path, "with")
        known = ("value",) if inner[0] in values else ()
        return (*path, "with", inner[0], *known, *inner[1:])

    refused = validate(checks[check], values, document, locate)
    if isinstance(refused, list):
        yield from refused


def _values(parameters: Plain) -> dict[str, Plain] | None:
    """The parameters without their sources; None where the model has refused their form."""
    if not isinstance(parameters, dict):
        return None
    values: dict[str, Plain] = {}
    for name, sourced in parameters.items():
        if not isinstance(sourced, dict) or "value" not in sourced:
            return None
        values[name] = sourced["value"]
    return values
