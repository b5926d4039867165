"""What the laboratory says when it cannot do what it was asked."""

from __future__ import annotations

from r2s_audit.errors import R2SError


class LabError(R2SError):
    """The reference building cannot be built, changed or reached: what was found, what was expected, what to do."""
