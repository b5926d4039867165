"""Audits of the reference building by the very command that a user types, on the laptop that is plugged into it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from r2s_audit.lab.site import write_site
from r2s_audit.model.audit import Audit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from r2s_audit.lab import Building

LAPTOP = "auditeur"
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str
    record: Path

    @property
    def audit(self) -> Audit:
        """The audit document; OSError where the command left none."""
        return Audit.model_validate_json((self.record / "audit.json").read_bytes())

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The bodies of the ledger's entries, in order."""
        return [json.loads(line)["body"] for line in (self.record / "ledger.jsonl").read_text().splitlines()]

    def verdicts(self) -> dict[str, tuple[str, str, str]]:
        """Verdict, worst and best of every requirement."""
        return {v.requirement: (v.verdict.value, v.worst.value, v.best.value) for v in self.audit.verdicts}


def ordinary_points(building: Building) -> list[str]:
    """Options that name the points without a long silence of their own: all but the unauthenticated ones."""
    points = [p["id"] for p in building.site_document()["points"] if p["kind"] in {"access", "trunk"}]
    return [word for point in points for word in ("--point", point)]


def audit(
    building: Building, directory: Path, *options: str, timeout: float = 120, changes: Mapping[str, Any] | None = None
) -> Result:
    """Run an audit on the laptop, with the building's own site file; ``timeout`` in seconds.

    ``changes``: sections of the site file that are otherwise than the building says, such as a mandate.

    Raises:
        subprocess.TimeoutExpired: it did not end in time; it is killed.
    """
    directory.mkdir(parents=True, exist_ok=True)
    site, record = directory / "site.yaml", directory / "record"
    write_site({**building.site_document(), **(changes or {})}, site)
    command = [*building.enter(LAPTOP), sys.executable, "-m", "r2s_audit", "run", str(site), "--record", str(record)]
    process = subprocess.run(
        [*command, *options],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=ROOT,
        # The laptop has no user to become: what sudo said is not for it. The audit still drops every capability.
        env={name: value for name, value in os.environ.items() if not name.startswith("SUDO_")},
    )
    return Result(process.returncode, process.stdout, process.stderr, record)
