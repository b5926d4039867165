"""Whole audits on the test family, for the engine's own tests."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from r2s_audit.engine.access import PassTools, Secrets
from r2s_audit.engine.audit import Question, judge_record, parse_as_of
from r2s_audit.engine.campaign import RunInputs, RunOptions, RunResult
from r2s_audit.engine.passes import Pass, PassSettings
from r2s_audit.engine.plan import Catalogue, make_plan
from r2s_audit.evidence.blobs import digest_of
from r2s_audit.evidence.record import CampaignFiles, Record, RecordWriter, create_record, is_begun, reopen_record
from r2s_audit.i18n import Translator
from r2s_audit.model.audit import Audit
from r2s_audit.model.observation import Observation
from r2s_audit.model.plan import PlannedRequest
from r2s_audit.model.profile import Profile
from r2s_audit.model.site import Site
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology
from tests.builders import criterion, profile_data, site_data
from tests.engine.family import CHECKS, COLLECTORS

CATALOGUE = Catalogue(CHECKS, COLLECTORS)

__all__ = ["CATALOGUE", "Bench", "Heard", "RunInputs", "RunOptions", "RunResult", "each"]


def each(*behaviours: str, name: str = "c1", **more: Any) -> dict[str, Any]:
    """A criterion whose check makes one request per behaviour."""
    parameters = {"behaviours": list(behaviours), **more}
    given = {key: {"value": value, "source": "hypothesis"} for key, value in parameters.items()}
    return criterion(name, "essai.each", **{"with": given})


@dataclass
class Heard:
    """A progress that keeps what it is told."""

    planned: list[PlannedRequest] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)

    def begin(self, requests: Any) -> None:
        self.planned = list(requests)

    def advance(self, observation: Observation) -> None:
        self.observations.append(observation)

    def stopping(self) -> None:
        """Nobody to tell."""


@dataclass
class Bench:
    """A site, a profile, and a directory for the record."""

    directory: Path
    criteria: list[dict[str, Any]]
    site_changes: dict[str, Any] = field(default_factory=dict)
    heard: Heard = field(default_factory=Heard)

    def __post_init__(self) -> None:
        data, label = site_data(**self.site_changes), profile_data(self.criteria)
        self.site = Site.model_validate(data)
        self.profile = Profile.model_validate(label)
        site_bytes, profile_bytes = json.dumps(data).encode(), json.dumps(label).encode()
        self.digests = (digest_of(site_bytes), digest_of(profile_bytes))
        self.plan = make_plan(self.site, self.profile, CATALOGUE, self.digests)
        self.files = CampaignFiles(site_bytes, profile_bytes, self.plan)

    def writer(self) -> RecordWriter:
        if is_begun(self.directory):
            return reopen_record(self.directory)[1]
        return create_record(self.directory, self.files)

    def work(self, writer: RecordWriter) -> Pass:
        return Pass(
            topology=Topology(self.site),
            plan=self.plan,
            specs=COLLECTORS,
            writer=writer,
            tools=PassTools(Secrets(self.directory, {}), writer.blobs, None, msg("pas de droits ici")),
            progress=self.heard,
        )

    async def run(self, pass_id: str = "P01", points: tuple[str, ...] = ("P-ADM",), **more: Any) -> Any:
        writer = self.writer()
        try:
            return await self.work(writer).run(PassSettings(pass_id, points, **more))
        finally:
            writer.ledger.close()

    def judge(self, as_of: str | None = None) -> Audit:
        question = Question(self.site, self.profile, self.digests[1], parse_as_of(as_of))
        return judge_record(Record.open(self.directory), question, CATALOGUE, Translator("fr"))
