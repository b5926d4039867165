"""Tables by GETBULK, with bounds: rows, order, and what an agent may send back.

An agent whose identifiers do not increase would be walked for ever (RFC 3416, section 4.2.3 demands increasing ones):
that is a failure of the whole collection. A table that is too long, refused or silent is a gap, and the others stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probes.api import CollectFailure
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

from .facts import Gap
from .oids import Oid, dotted
from .usm import GEN_ERR, TOO_BIG, AgentError, Binding, UsmSession
from .values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

BINDINGS = 40
"""Variables asked for in one GETBULK: about one Ethernet frame of answer."""
SLOW = 8
"""What the questions to an agent that was silent are divided by."""
TOO_MUCH = frozenset({TOO_BIG, GEN_ERR})
"""Errors that a smaller question may not meet: net-snmp says genErr where its encrypted answer would not fit."""
COLUMNS = 8
"""Columns asked for side by side."""


class BrokenAgent(CollectFailure):
    """The agent does not keep the order of identifiers: nothing that it says later is worth waiting for."""


@dataclass(slots=True)
class Reading:
    """What has been read so far, and which tables could not be."""

    rows: dict[Oid, Value] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)


async def get(session: UsmSession, names: Sequence[Oid]) -> dict[Oid, Value]:
    """GET of scalars, a few at a time where the answer would not fit; absent objects are left out."""
    try:
        bindings = await session.get(names)
    except AgentError as error:
        if error.status not in TOO_MUCH or len(names) == 1:
            raise CollectFailure(
                Failure.NOT_SUPPORTED, msg("l'agent répond par l'erreur {status} (RFC 3416)", status=error.status)
            ) from error
        middle = len(names) // 2
        return {**await get(session, names[:middle]), **await get(session, names[middle:])}
    wanted = set(names)
    return {b.name: b.value for b in bindings if b.value is not None and b.name in wanted}


class _Walk:
    """One table on its way: where each column stands, and how big a question the agent bears."""

    def __init__(self, session: UsmSession, columns: Sequence[Oid], max_rows: int) -> None:
        self._session = session
        self._max_rows = max_rows
        self._counts = dict.fromkeys(columns, 0)
        self._shrink = 1
        self.cursors = {column: column for column in columns}
        self.rows: dict[Oid, Value] = {}

    async def step(self) -> None:
        """One GETBULK for the columns that lag behind; a question that was too big is only noted as such."""
        by_index = sorted(self.cursors, key=lambda column: self.cursors[column][len(column) :])
        asked = by_index[: max(1, COLUMNS // self._shrink)]
        repetitions = max(1, BINDINGS // len(asked) // self._shrink)
        most = len(asked) * repetitions
        bindings = await self._ask(asked, repetitions)
        if bindings is None:
            return
        if not bindings or len(bindings) > most:
            raise BrokenAgent(
                Failure.LIMIT_EXCEEDED,
                msg("l'agent renvoie {found} variables pour {most} demandées au plus", found=len(bindings), most=most),
            )
        for position, binding in enumerate(bindings):
            column = asked[position % len(asked)]
            if column in self.cursors:
                self._take(column, binding)

    async def _ask(self, asked: Sequence[Oid], repetitions: int) -> Sequence[Binding] | None:
        """The answer, or None where the next question has to be smaller."""
        divisible = len(asked) * repetitions > 1
        try:
            bindings = await self._session.get_bulk([self.cursors[column] for column in asked], repetitions)
        except CollectFailure as error:
            # Small switches take seconds for a big question: one more try with small ones before it counts as silence.
            if error.failure is Failure.TIMEOUT and self._shrink < SLOW:
                self._shrink = SLOW
                return None
            raise
        except AgentError as error:
            if error.status in TOO_MUCH and divisible:
                self._shrink *= 2
                return None
            raise CollectFailure(
                Failure.NOT_SUPPORTED, msg("l'agent répond par l'erreur {status} (RFC 3416)", status=error.status)
            ) from error
        if not bindings and divisible:
            # RFC 3416, section 4.2.3: an answer that does not fit may come back with as few variables as none.
            self._shrink *= 2
            return None
        return bindings

    def _take(self, column: Oid, binding: Binding) -> None:
        before = self.cursors[column]
        if binding.end or binding.name[: len(column)] != column:
            del self.cursors[column]
            return
        if binding.name <= before:
            raise BrokenAgent(
                Failure.LIMIT_EXCEEDED,
                msg(
                    "l'agent ne progresse pas : {found} renvoyé après {before}",
                    found=dotted(binding.name)[:200],
                    before=dotted(before)[:200],
                ),
            )
        self.cursors[column] = binding.name
        self._counts[column] += 1
        if self._counts[column] > self._max_rows:
            raise CollectFailure(
                Failure.LIMIT_EXCEEDED, msg("table de plus de {limit} lignes : lecture arrêtée", limit=self._max_rows)
            )
        if binding.value is not None:
            self.rows[binding.name] = binding.value


async def walk(session: UsmSession, columns: Sequence[Oid], *, max_rows: int) -> dict[Oid, Value]:
    """Every instance of some columns of one table.

    Raises CollectFailure(LIMIT_EXCEEDED) past ``max_rows`` instances of a column, BrokenAgent where identifiers do not
    increase or more variables come back than were asked for, and whatever the session raises.
    """
    table = _Walk(session, columns, max_rows)
    while table.cursors:
        await table.step()
    return table.rows


async def read_table(
    session: UsmSession, reading: Reading, name: str, columns: Mapping[str, Oid], *, max_rows: int
) -> None:
    """Walk one table into ``reading``; a table that cannot be read becomes a gap.

    Raises CollectFailure where going on is pointless: the agent is broken, gone, or was silent at an earlier table too.
    """
    try:
        reading.rows.update(await walk(session, list(columns.values()), max_rows=max_rows))
    except BrokenAgent:
        raise
    except CollectFailure as error:
        gone = error.failure in {Failure.REFUSED, Failure.UNREACHABLE}
        silent_before = any(g.failure is Failure.TIMEOUT for g in reading.gaps)
        if gone or (error.failure is Failure.TIMEOUT and silent_before):
            raise
        reading.gaps.append(Gap(table=name, failure=error.failure, reason=error.reason))
