"""The plan: every cell that will be reported, and every request that will be made for them.

The plan follows from the site file, the profile and the selection alone, never from the machine that runs it: what
cannot be done here is still planned, and reported as not done.
"""

from __future__ import annotations

from .base import Model
from .finding import Subject
from .observation import Request
from .site import Intrusiveness


class Cell(Model):
    """One requirement × criterion × check × target × point."""

    requirement: str
    criterion: str
    check: str
    """Empty for a criterion that no probe evidences yet."""
    subject: Subject

    @property
    def key(self) -> str:
        """Readable and unique in a plan."""
        return f"{self.requirement}/{self.criterion}/{self.check or '-'}/{self.subject.key}"


class PlannedRequest(Model):
    """A request, its cost and who needs it."""

    request: Request
    intrusiveness: Intrusiveness
    packets: int
    """At most."""
    usual_packets: int
    usual_seconds: float
    needs_wire: bool = False


class Plan(Model):
    """What will be reported and what will be asked."""

    site_digest: str
    profile_digest: str
    requirements: tuple[str, ...]
    cells: tuple[Cell, ...]
    requests: tuple[PlannedRequest, ...]
