"""``report``: from a record or a document to a file beside it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from r2s_audit.cli.app import run
from r2s_audit.cli.exits import Exit
from r2s_audit.cli.loading import catalogue
from r2s_audit.cli.report import beside
from r2s_audit.engine.audit import Question, judge_record
from r2s_audit.engine.plan import make_plan
from r2s_audit.evidence.blobs import digest_of
from r2s_audit.evidence.record import CampaignFiles, Record, create_record
from r2s_audit.files.profile import load_profile
from r2s_audit.files.site import parse_site
from r2s_audit.i18n import Translator
from r2s_audit.model.observation import Observation
from r2s_audit.model.record import Machine, Observed, PassClosed, PassOpened
from reports.document import to_json
from tests.builders import site_data
from tests.reports.page import Page, faults
from tests.reports.samples import document

MACHINE = Machine(hostname="portable", kernel="6.1", python="3.11", program="0.1.0", operator="Ada")


def site_file() -> dict[str, Any]:
    """The tests' building, with addresses of declared prefixes alone, as a site file must have."""
    data = site_data()
    data["devices"][0]["addresses"] = ["127.0.0.1"]
    return data


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A record with one pass in which everything that was planned got no answer."""
    directory = tmp_path / "dossier"
    site_bytes = json.dumps(site_file()).encode()
    site = parse_site(site_bytes, "site.yaml")
    profile = load_profile("r2s-residentiel-2019")
    plan = make_plan(site, profile.profile, catalogue(), (digest_of(site_bytes), profile.digest))
    writer = create_record(directory, CampaignFiles(site_bytes, profile.data, plan))
    moment = datetime.now(UTC)
    requests = [planned.request for planned in plan.requests]
    writer.ledger.append(
        PassOpened(pass_id="P01", points=("P-ADM",), machine=MACHINE, requests=tuple(r.key for r in requests))
    )
    for request in requests:
        seen = Observation(
            request=request,
            pass_id="P01",
            state="failed",
            failure="timeout",
            started=moment,
            ended=moment,
            collector_version="1",
        )
        writer.ledger.append(Observed(observation=seen))
    writer.ledger.append(PassClosed(pass_id="P01", complete=True, planned=len(requests), reported=len(requests)))
    writer.ledger.close()
    assert requests
    return directory


def written(path: Path) -> str:
    html = path.read_text("utf-8")
    assert faults(html) == []
    return Page(html).text


def test_a_record_is_judged_and_reported_beside_itself(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(record)]) == Exit.ATTEINT
    said = written(record.with_name("dossier.html"))
    assert "délai dépassé" in said, "observations come from the record"
    assert "ANSSI" in said, "sources come from its profile"
    assert "dossier.html" in capsys.readouterr().err
    assert sorted(p.name for p in record.parent.iterdir()) == ["dossier", "dossier.html"], "no partial file is left"


def test_a_document_is_reported_as_it_was_judged(record: Path) -> None:
    opened = Record.open(record)
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    profile = load_profile("r2s-residentiel-2019")
    question = Question(parse_site(opened.site_bytes, "x"), profile.profile, profile.digest, moment)
    audit = judge_record(opened, question, catalogue(), Translator("fr"))
    for place in (record / "audit.json", record.parent / "seul.json"):
        place.write_text(to_json(audit, Translator("fr")), "utf-8")
        assert run(["report", str(place)]) == Exit.ATTEINT
    inside, alone = written(record / "audit.html"), written(record.parent / "seul.html")
    for said in (inside, alone):
        assert f"{moment:%Y-%m-%d %H:%M:%S} UTC" in said, "the date of the document, not today"
        assert "ANSSI" in said, "a document alone finds our own profile by its digest"
    assert "délai dépassé" in inside
    assert "Le dossier de preuves n'accompagnait pas ce document" in alone


def test_a_record_can_be_judged_at_another_date(record: Path) -> None:
    target = record.parent / "alors.html"
    assert run(["report", str(record), "--as-of", "2099-05-06", "--output", str(target)]) == Exit.ATTEINT
    assert "6 mai 2099" in written(target)


def test_english(record: Path) -> None:
    assert run(["--lang", "en", "report", str(record)]) == Exit.ATTEINT
    first = written(record.with_name("dossier.html"))
    assert "Verdict" in first
    assert "Rapport d'audit" not in first
    assert run(["report", "--lang", "en", str(record), "--as-of", "2099-05-06"]) == Exit.ATTEINT
    assert "6 May 2099" in written(record.with_name("dossier.html"))


def spoilt(change: Any) -> str:
    data = document()
    change(data)
    return json.dumps(data)


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (None, [], "illisible"),
        ("", [], "pas un document d'audit"),
        ("{}", [], "pas un document d'audit"),
        ("[" * 100_000, [], "pas un document d'audit"),
        (spoilt(lambda d: d.update(r2s_audit=99)), [], "format 99, plus récent"),
        (spoilt(lambda d: d.update(inconnu="\x1b[2J")), [], "pas un document d'audit"),
        (spoilt(lambda d: None), ["--format", "doc"], "format inconnu : doc"),
        (spoilt(lambda d: None), ["--as-of", "2026-01-01"], "déjà jugé"),
    ],
)
def test_refusals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, options: list[str], said: str
) -> None:
    source = tmp_path / "audit.json"
    if content is not None:
        source.write_text(content, "utf-8")
    assert run(["report", str(source), *options]) == Exit.USAGE
    error = capsys.readouterr().err
    assert said in error
    assert "\x1b" not in error
    assert not source.with_suffix(".html").exists()


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "x.yaml", "policies/tls-anssi", "..", "inconnu", ""]
)
def test_the_name_of_a_profile_in_a_document_opens_no_file(tmp_path: Path, name: str) -> None:
    source = tmp_path / "audit.json"
    source.write_text(spoilt(lambda d: d.update(profile=name)), "utf-8")
    assert run(["report", str(source)]) == Exit.ATTEINT
    assert "les titres et les sources de certains critères manquent" in written(tmp_path / "audit.html")


def test_a_record_of_somebody_else_lends_no_evidence(record: Path) -> None:
    (record / "audit.json").write_text(spoilt(lambda d: None), "utf-8")
    assert run(["report", str(record / "audit.json")]) == Exit.ATTEINT
    assert "Le dossier de preuves n'accompagnait pas ce document" in written(record / "audit.html")


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "audit.json"
    source.write_text(spoilt(lambda d: None), "utf-8")
    assert run(["report", str(source), "--output", str(source / "x" / "y.html")]) == Exit.USAGE
    assert "impossible à écrire" in capsys.readouterr().err


def test_names_beside_the_source(tmp_path: Path) -> None:
    (tmp_path / "dossier.v2").mkdir()
    (tmp_path / "audit.v2.json").touch()
    assert beside(tmp_path / "dossier.v2", ".html") == tmp_path / "dossier.v2.html"
    assert beside(tmp_path / "dossier.v2" / ".", ".html") == tmp_path / "dossier.v2.html"
    assert beside(tmp_path / "audit.v2.json", ".html") == tmp_path / "audit.v2.html"
