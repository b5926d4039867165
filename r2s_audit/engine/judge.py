"""Judging: from the observations of a record to findings, purely; a check that crashes is a cell in error."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from probes.api import Evidence, NotVerified
from r2s_audit.engine.plan import NOTHING, Catalogue, check_of, parameters_of
from r2s_audit.engine.watchdog import bounded
from r2s_audit.model.finding import Finding, Judgement, Value
from r2s_audit.model.text import Message, msg
from r2s_audit.scoring.population import JudgedCell
from r2s_audit.scoring.supersede import Usable, usable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from pydantic import BaseModel

    from probes.api import AnyCheck
    from r2s_audit.model.observation import Observation, Request
    from r2s_audit.model.plan import Cell
    from r2s_audit.model.profile import Criterion, Profile
    from r2s_audit.model.topology import Topology
    from r2s_audit.scoring.supersede import Counted

CHECK_SECONDS = 10.0
"""A check is arithmetic over a few facts; one that takes longer hangs."""


@dataclass(frozen=True, slots=True)
class _Bench:
    """What the cells of one criterion are judged with."""

    check: AnyCheck
    parameters: BaseModel
    usable: Usable
    identity: tuple[str, str, int | None]


@dataclass(slots=True)
class Judge:
    """Judges the cells of a plan from what counts in a record at one date."""

    topology: Topology
    catalogue: Catalogue
    counted: Mapping[str, Counted]
    entry_ids: Mapping[int, str]
    """Ledger entry number to the identifier that findings show."""
    as_of: datetime
    _findings: dict[tuple[tuple[str, str, int | None], str], Finding] = field(default_factory=dict, init=False)
    _usable: dict[int | None, Usable] = field(default_factory=dict, init=False)

    def judge(self, cells: Iterable[Cell], profile: Profile) -> list[JudgedCell]:
        """Every cell with its finding; the same check on the same subject is judged once.

        Raises:
            UsageError: the profile does not fit the checks of this version.
        """
        criteria = {(r.id, c.id): c for r in profile.requirements for c in r.criteria}
        benches: dict[tuple[str, str], _Bench | None] = {}
        judged: list[JudgedCell] = []
        for cell in cells:
            place = (cell.requirement, cell.criterion)
            if place not in benches:
                benches[place] = self._bench(criteria[place])
            judged.append(JudgedCell(cell, self._finding(cell, benches[place])))
        return judged

    def _bench(self, criterion: Criterion) -> _Bench | None:
        check = check_of(self.catalogue, criterion)
        if check is None:
            return None
        parameters = parameters_of(check, criterion)
        age = criterion.max_age_days.value if criterion.max_age_days else None
        if age not in self._usable:
            self._usable[age] = usable(self.counted, age, self.as_of)
        return _Bench(check, parameters, self._usable[age], (check.id, parameters.model_dump_json(), age))

    def _finding(self, cell: Cell, bench: _Bench | None) -> Finding | None:
        if bench is None:
            return None
        key = (bench.identity, cell.subject.key)
        if key not in self._findings:
            self._findings[key] = self._judge(cell, bench)
        return self._findings[key]

    def _judge(self, cell: Cell, bench: _Bench) -> Finding:
        check = bench.check
        requests: list[Request] = []
        trace: str | None = None
        try:
            with bounded(CHECK_SECONDS):
                if cell.subject == NOTHING:
                    self._without_subject(bench)
                requests = list(check.requests(self.topology, cell.subject, bench.parameters))
                evidence = Evidence(self.topology, self._offered(requests, bench.usable), bench.usable.expired)
                judgement = check.judge(cell.subject, evidence, bench.parameters)
        except NotVerified as error:
            judgement = _not_verified(error.expected or check.title, error.reason)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a check may raise anything; it is recorded, never swallowed
            trace = "".join(traceback.format_exception(error))[-8000:]
            reason = msg("erreur interne du contrôle ({error})", error=f"{type(error).__name__}: {error}"[:200])
            judgement = _not_verified(check.title, reason)
        offered = bench.usable.observations
        return Finding(
            check=check.id,
            subject=cell.subject,
            value=judgement.value,
            expected=judgement.expected,
            measured=judgement.measured,
            proof=judgement.proof,
            observations=tuple(self._entry_id(r.key) for r in requests if r.key in offered),
            missing=tuple(r for r in requests if r.key not in offered),
            trace=trace,
        )

    def _without_subject(self, bench: _Bench) -> NoReturn:
        """Why a check has no subject: the site declares none, or the check crashed when it was asked, as it does again.

        Raises:
            NotVerified: the site declares none.
        """
        tuple(bench.check.subjects(self.topology, bench.parameters))
        raise NotVerified(msg("le fichier de site ne déclare rien à quoi appliquer ce contrôle"))

    @staticmethod
    def _offered(requests: Iterable[Request], available: Usable) -> dict[str, Observation]:
        """Only what the check asked for: a check cannot come to rest on what its subject does not name."""
        return {r.key: available.observations[r.key] for r in requests if r.key in available.observations}

    def _entry_id(self, key: str) -> str:
        number = self.counted[key].entry
        return "" if number is None else self.entry_ids[number]


def _not_verified(expected: Message, measured: Message) -> Judgement:
    return Judgement(value=Value.NON_VERIFIE, expected=expected, measured=measured)
