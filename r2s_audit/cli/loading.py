"""Files that a command line names, loaded with everything that they are checked against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.registry import checks, collectors
from r2s_audit.engine.plan import Catalogue, make_plan
from r2s_audit.files.profile import LoadedProfile, load_profile
from r2s_audit.files.site import LoadedSite, check_against_profile, load_site

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from r2s_audit.files.faults import Say
    from r2s_audit.model.plan import Plan

DEFAULT_PROFILE = "r2s-residentiel-2019"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A site with its profile and the plan that follows from them."""

    site: LoadedSite
    profile: LoadedProfile
    catalogue: Catalogue
    plan: Plan


def catalogue() -> Catalogue:
    """The checks and collectors of this version."""
    return Catalogue(checks(), collectors())


def parameter_models(known: Catalogue) -> dict[str, type]:
    """What the profile's ``with:`` of each check is validated against."""
    return {name: check.Parameters for name, check in known.checks.items()}


def load(site_file: Path, profile: str, only: Iterable[str] = (), *, say: Say = str) -> Loaded:
    """Everything that a plan or a run needs; ``say`` puts what is wrong in a file into the reader's language.

    Raises:
        FileProblems: everything wrong in a file, at once.
        UsageError: an unknown requirement, or a profile that does not fit the checks.
    """
    known = catalogue()
    site = load_site(site_file, say=say)
    loaded = load_profile(profile, parameter_models(known), say=say)
    check_against_profile(site, loaded.profile, known.checks, say=say)
    plan = make_plan(site.site, loaded.profile, known, (site.digest, loaded.digest), only)
    return Loaded(site, loaded, known, plan)
