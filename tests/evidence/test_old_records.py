"""Records of earlier formats (fixtures/record-format-N) are judged and verified today from their own bytes alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from r2s_audit.engine.audit import Question, judge_record, parse_as_of
from r2s_audit.errors import RecordError
from r2s_audit.evidence.record import Record
from r2s_audit.evidence.verify import Expectations, State, verify_record
from r2s_audit.i18n import Translator
from r2s_audit.model.profile import Profile
from r2s_audit.model.record import RECORD_FORMAT
from r2s_audit.model.site import Site
from tests.engine.audits import CATALOGUE

FIXTURES = Path(__file__).parent / "fixtures"
FIXTURE = FIXTURES / "record-format-1"


@pytest.mark.parametrize(
    ("version", "day"), [(1, "2016-11-26"), (1, "2026-11-25"), (2, "2026-11-29"), (2, "2036-11-29")]
)
def test_it_is_judged_as_it_was(version: int, day: str) -> None:
    record = Record.open(FIXTURES / f"record-format-{version}")
    assert record.campaign.record_format == version < RECORD_FORMAT
    site = Site.model_validate_json(record.site_bytes)
    profile = Profile.model_validate_json(record.profile_bytes)
    question = Question(site, profile, record.campaign.profile.digest, parse_as_of(day))
    audit = judge_record(record, question, CATALOGUE, Translator("fr"))
    assert audit.cells.states == {"C": 1, "N": 1, "non_verifie": 1}
    assert next((v.requirement, v.worst.value, v.best.value) for v in audit.verdicts) == (
        "A1",
        "non_atteint",
        "non_atteint",
    )
    assert audit.passes[0].machine.operator == "C. Martin"
    assert audit.plan_digest == record.campaign.plan_digest


@pytest.mark.parametrize(("version", "state"), [(1, State.UNSEALED), (2, State.UNKNOWN_AUTHOR)])
def test_it_is_verified_as_it_was(version: int, state: State) -> None:
    found = verify_record(FIXTURES / f"record-format-{version}", Expectations())
    assert (found.faults, found.state) == ((), state)


def test_a_record_of_a_newer_version_says_so(tmp_path: Path) -> None:
    newer = Path(shutil.copytree(FIXTURE, tmp_path / "r"))
    entry = json.loads((newer / "ledger.jsonl").read_text().splitlines()[0])
    entry["body"] |= {"record_format": RECORD_FORMAT + 1, "unheard": "of"}
    (newer / "ledger.jsonl").write_text(json.dumps(entry) + "\n")
    with pytest.raises(RecordError, match="plus récent"):
        Record.open(newer)
