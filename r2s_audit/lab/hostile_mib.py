"""An SNMP agent's worst answers, by a script that snmpd keeps running: ``hostile_mib PLAY BASE``.

``loop`` goes round and round without ever progressing, ``endless`` has always one row more, and a script of
:func:`r2s_audit.lab.responders.hostile.octets` is a text that no ``snmpd.conf`` could hold.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from .bridge_mib import Row, serve
from .responders.hostile import octets

Oid = tuple[int, ...]
ROUND = 7
"""Rows of the agent that goes round."""


class Agent:
    """Answers like a table, and is none."""

    def __init__(self, play: str, base: Oid) -> None:
        """``play`` as above; ``base``: the object or the table that snmpd hands over."""
        self._base = base
        plays: dict[str, Callable[[Oid], Row | None]] = {"loop": self._loop, "endless": self._endless}
        self._next = plays.get(play, self._scalar)
        self._text = "" if play in plays else octets(play).hex(" ")

    def get(self, oid: Oid) -> Row | None:
        """Exactly this object: only the scalar is one."""
        return (oid, "octet", self._text) if self._text and oid == (*self._base, 0) else None

    def following(self, oid: Oid) -> Row | None:
        """What comes after an identifier, so it says."""
        return self._next(oid)

    def _scalar(self, oid: Oid) -> Row | None:
        return self.get((*self._base, 0)) if oid < (*self._base, 0) else None

    def _loop(self, oid: Oid) -> Row | None:
        """Back to the first row after some."""
        column, row = self._place(oid)
        return (*self._base, 1, column, row % ROUND + 1), "string", "encore"

    def _endless(self, oid: Oid) -> Row | None:
        column, row = self._place(oid)
        return (*self._base, 1, column, row + 1), "string", "encore"

    def _place(self, oid: Oid) -> tuple[int, int]:
        """Column and row of an identifier; before all of them, the zeroth row of the first."""
        column, row = (*oid[len(self._base) + 1 :], 0, 0)[:2]
        return max(1, column), row


def main() -> None:
    """Run as snmpd's child."""
    play, base = sys.argv[1], sys.argv[2]
    serve(Agent(play, tuple(int(part) for part in base.strip(".").split("."))), sys.stdin, sys.stdout)


if __name__ == "__main__":
    main()
