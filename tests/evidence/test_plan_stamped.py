"""With a declared authority, a plan is signed and time-stamped before the first packet; without its answer nothing is sent."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from r2s_audit.errors import UsageError
from r2s_audit.evidence.keys import key_id
from r2s_audit.evidence.record import Record
from r2s_audit.evidence.trust import Anchors, load_anchors
from r2s_audit.evidence.verify import Expectations, verify_record
from tests.engine.audits import Bench, each
from tests.evidence.people import Person, authority


def test_the_plan_is_older_than_what_was_measured(tmp_path: Path, auditor: Person) -> None:
    bench = Bench(tmp_path / "r", [each("good", "bad")])
    before = datetime.now(UTC).replace(microsecond=0)
    with authority(tmp_path / "tsa") as tsa:
        asyncio.run(bench.run(notary=auditor.notary(tsa.url), operator="A. Auditrice"))
        times = load_anchors([str(tsa.certificate)])
    signers = Anchors(keys=(("", key_id(auditor.key.public_key())),))
    (plan,) = verify_record(bench.directory, Expectations(signers=signers, authorities=times)).plans
    assert plan.trusted
    assert plan.since is not None
    started = [seen.started for _, seen in Record.open(bench.directory).observations()]
    assert before <= plan.since <= min(started)
    bodies = [json.loads(line)["body"] for line in (bench.directory / "ledger.jsonl").read_text().splitlines()]
    assert [body["kind"] for body in bodies[:3]] == ["campaign", "pass_opened", "pass_signed"]
    assert bodies[1]["machine"]["operator"] == "A. Auditrice"
    for body in (bodies[1], bodies[-1]):
        assert set(body["clock"]) == {"source", "synchronised", "offset_ms", "max_error_ms"}


def test_no_packet_without_the_stamp_that_was_asked_for(tmp_path: Path, auditor: Person) -> None:
    bench = Bench(tmp_path / "r", [each("good")])
    with pytest.raises(UsageError):
        asyncio.run(bench.run(notary=auditor.notary("http://127.0.0.1:9/tsa")))
    assert Record.open(bench.directory).observations() == []
    assert bench.heard.observations == []
