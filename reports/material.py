"""What a renderer is given: the audit document, and what the record holds beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from r2s_audit.model.audit import Audit
    from r2s_audit.model.observation import Observation
    from r2s_audit.model.profile import Profile
    from r2s_audit.model.site import Site


@dataclass(frozen=True, slots=True)
class Material:
    """An audit, and where the caller has them: its profile, its site file, its observations.

    A renderer must do without the last three: an audit document may travel alone. What it cannot say then, it says
    that it cannot say.
    """

    audit: Audit
    profile: Profile | None = None
    """The profile of ``audit.profile_digest``: titles, sources and thresholds of every criterion."""
    site: Site | None = None
    """The site file of ``audit.site_digest``: zones of points and devices."""
    observations: Mapping[str, Observation] = field(default_factory=dict)
    """By the identifier that findings show."""
