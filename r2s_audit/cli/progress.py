"""How a run goes, on standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from r2s_audit.cli.session import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from r2s_audit.cli.session import Session
    from r2s_audit.model.observation import Observation
    from r2s_audit.model.plan import PlannedRequest

BAR = 24
LINE_EVERY_S = 5.0


class TerminalProgress:
    """A bar with the time left, estimated from the share of the expected work that is done."""

    def __init__(self, session: Session, expected_seconds: float) -> None:
        """``expected_seconds``: the plan's estimate, which the clock corrects as the pass goes."""
        self._session = session
        self._expected = expected_seconds
        self._live = sys.stderr.isatty()
        self._total = self._done = self._failed = 0
        self._start = self._shown = time.monotonic()

    def begin(self, requests: Sequence[PlannedRequest]) -> None:
        """Start the clock."""
        self._total = len(requests)
        self._start = self._shown = time.monotonic()
        self._session.tell(
            "demandes : {count}, environ {seconds} s ; Ctrl-C arrête proprement",
            count=self._total,
            seconds=self._expected,
        )

    def advance(self, observation: Observation) -> None:
        """Count one."""
        self._done += 1
        self._failed += observation.state == "failed"
        now = time.monotonic()
        last = self._done == self._total
        if self._live or last or now - self._shown >= LINE_EVERY_S:
            self._shown = now
            self._show(now - self._start, last=last)

    def stopping(self) -> None:
        """Somebody asked for an end."""
        self._session.tell("arrêt demandé : le dossier de preuves est refermé…")

    def _show(self, elapsed: float, *, last: bool) -> None:
        share = self._done / self._total if self._total else 1.0
        left = max(self._expected - elapsed, elapsed * (1 - share) / share if share else self._expected)
        text = self._session.say(
            "demandes : {done} sur {total}, sans résultat : {failed}, reste environ {left} s",
            done=self._done,
            total=self._total,
            failed=self._failed,
            left=0 if last else round(left),
        )
        if not self._live:
            print(printable(text), file=sys.stderr)
            return
        filled = round(BAR * share)
        bar = "█" * filled + "░" * (BAR - filled)
        print(f"\r{bar} {printable(text)}\033[K", end="\n" if last else "", file=sys.stderr, flush=True)
