"""``score`` and ``declare`` on the command line: a filter, a record, an auditor who answers and stops."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from r2s_audit.files import yaml
from tests.cli.support import CommandLine
from tests.scoring.golden import BUILDINGS, verdicts

EXAMPLE = {
    "r2s_findings": 1,
    "as_of": "2026-06-01",
    "findings": [{"criterion": "C1.3-points", "subject": "P1", "value": "C"}],
}


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch):
    def give(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))

    return give


def test_a_filter(cli: CommandLine, stdin) -> None:
    stdin(json.dumps(EXAMPLE))
    ended = cli("score", "--json", "-")
    assert ended.code == 3
    data = json.loads(ended.out)
    assert data["r2s_score"] == 1
    assert data["title"] == "simulation – barème hypothétique"
    assert data["score"]["total"] == {"worst": "0", "best": "160", "maximum": "160"}
    assert data["score"]["statement"]["text"] == "niveau non déterminable : 5 prérequis hors sonde"
    assert len(data["verdicts"]) == 31


def test_the_filter_in_english(cli: CommandLine, stdin) -> None:
    stdin(json.dumps(EXAMPLE))
    ended = cli("--lang", "en", "score", "--json", "-")
    data = json.loads(ended.out)
    assert data["language"] == "en"
    assert data["title"] != "simulation – barème hypothétique"
    assert data["score"]["statement"]["text"].startswith("level")


@pytest.mark.parametrize(
    ("building", "target", "code"),
    [
        ("three stars, to the point", "3-etoiles", 0),
        ("two stars, to the point", "3-etoiles", 1),
        ("between two and three stars", "3-etoiles", 3),
        ("between two and three stars", "2-etoiles", 0),
        ("a prerequisite missing", "base", 1),
    ],
)
def test_a_target_decides_the_exit_code(
    cli: CommandLine, tmp_path: Path, building: str, target: str, code: int
) -> None:
    path = tmp_path / "constats.json"
    path.write_text(json.dumps({"r2s_findings": 1, "verdicts": verdicts(BUILDINGS[building])}))
    assert cli("score", str(path), "--target", target).code == code


def test_without_a_target_the_verdicts_decide(cli: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "constats.json"
    for building, code in (("everything met", 0), ("nothing met", 1), ("nothing evaluated", 3)):
        path.write_text(json.dumps({"r2s_findings": 1, "verdicts": verdicts(BUILDINGS[building])}))
        assert cli("score", str(path)).code == code


def test_what_if_on_a_terminal(cli: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "constats.json"
    path.write_text(json.dumps({"r2s_findings": 1, "verdicts": verdicts(BUILDINGS["prerequisites alone"])}))
    ended = cli("score", str(path), "--what-if", "--target", "1-etoile")
    # 12 points more: M1.1 (6 for 2), and half of M1.3 and M2.1 (3 for 1 each) cost 4
    assert "Pour R2S 1* : 4 jours-personne, 64 points acquis" in ended.out
    assert "effort le plus faible, prouvé" in ended.out
    assert "les efforts sont des hypothèses du profil" in ended.out


def test_usage_mistakes(cli: CommandLine, tmp_path: Path, record: Path) -> None:
    path = tmp_path / "constats.json"
    path.write_text(json.dumps(EXAMPLE))
    for words, told in (
        (("score", str(path), "--target", "4-etoiles"), "niveau inconnu : 4-etoiles"),
        (("score", str(path), "--as-of", "2026-01-01"), "--as-of"),
        (("score", str(path), "--stage", "conception=2026-01-01"), "--stage"),
        (("score", str(record), "--stage", "chantier=2026-01-01"), "pas un stade à une date"),
        (("score", str(tmp_path / "absent.json")), "illisible"),
        (("score", str(path), "--overlay", str(path)), "des constats à noter"),
        (("declare", str(record), "--author", "Claire", "--role", "roi"), "rôle inconnu"),
        (("declare", str(record), "--author", "Claire", "--only", "Z9"), "ni exigence ni service"),
    ):
        ended = cli(*words)
        assert ended.code == 2, words
        assert told in ended.err, (words, ended.err)


def answer(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


WHY = "PV de recette signé sur place"


def test_declare_is_interruptible_and_goes_on(cli: CommandLine, record: Path, tmp_path: Path, stdin) -> None:
    path = tmp_path / "dossier.declarations.yaml"
    (tmp_path / "pv.txt").write_text("procès-verbal")
    asked = (
        "declare",
        str(record),
        "--author",
        "Claire Martin",
        "--dated",
        "2026-06-01",
        "--only",
        "M1.1",
        "--only",
        "M1.2",
    )
    # M1.1 is skipped; M1.2 is answered in full, after an answer that is none and a file that is not there; then the end
    stdin(answer("", "x", "a", "court", WHY, "absent.txt", "../dehors", "pv.txt", "", "hier", "2027-06-01"))
    ended = cli(*asked)
    assert ended.code == 0, ended.err
    assert "au fichier : D-M1.2" in ended.out
    found = yaml.read(path.read_bytes(), "d").data
    assert isinstance(found, dict)
    (entry,) = found["declarations"]
    assert (entry["requirement"], entry["state"], entry["justification"]) == ("M1.2", "atteint", WHY)
    assert entry["attachments"][0]["file"] == "pv.txt"
    # the same command goes on: M1.2 is not asked again; « q » stops without a trace
    stdin(answer("q"))
    ended = cli(*asked)
    assert ended.code == 0
    assert "Exigences ouvertes : 1" in ended.out
    assert "M1.2" not in ended.out
    # and what is filed counts, marked, when the dossier is scored; the measured score does not move
    scored = json.loads(cli("score", str(record), "--json", "--as-of", "2026-07-01").out)
    assert scored["score"]["total"]["worst"] == "0"
    assert scored["label"]["declared_score"]["total"]["worst"] == "8"
    assert {v["requirement"]: v["declared"] for v in scored["verdicts"]}["M1.2"] == "atteint"


def test_comments_of_a_declarations_file_are_kept(cli: CommandLine, record: Path, tmp_path: Path, stdin) -> None:
    path = tmp_path / "dossier.declarations.yaml"
    path.write_text(
        "# à relire avec le maître d'ouvrage\nr2s_declarations: 1\nbuilding: BUILDING\nprofile: r2s-residentiel-2019\n"
    )
    site = yaml.read((record.parent / "site.yaml").read_bytes(), "s").data
    assert isinstance(site, dict)
    path.write_text(path.read_text().replace("BUILDING", str(site["building"]["id"])))
    stdin(answer(WHY, "", ""))
    assert cli("declare", str(record), "--author", "Claire Martin", "--waive", "S1.4").code == 0
    text = path.read_text()
    assert text.startswith("# à relire avec le maître d'ouvrage\n")
    assert "W-S1.4" in text


def test_a_changed_attachment_is_refused(cli: CommandLine, record: Path, tmp_path: Path, stdin) -> None:
    (tmp_path / "pv.txt").write_text("procès-verbal")
    stdin(answer("v", WHY, "pv.txt", "", ""))
    assert cli("declare", str(record), "--author", "Claire Martin", "--only", "3.5").code == 0
    assert "3.5" in cli("score", str(record)).out
    (tmp_path / "pv.txt").write_text("autre chose")
    ended = cli("score", str(record))
    assert ended.code == 2
    assert "declarations[0] (D-3.5).attachments[0].digest" in ended.err
    assert "la pièce telle qu'elle a été jointe" in ended.err


def test_stages_are_the_dossier_at_its_dates(cli: CommandLine, record: Path) -> None:
    ended = cli(
        "score", str(record), "--json", "--as-of", "2030-01-01",
        "--stage", "conception=2024-01-01", "--stage", "as_built=2029-01-01", "--stage", "execution=2031-01-01",
    )  # fmt: skip
    stages = json.loads(ended.out)["label"]["stages"]
    assert [s["stage"] for s in stages] == ["conception", "as_built"]  # nobody knows 2031 yet
    assert [t["theme"] for t in stages[0]["themes"]] == [
        "connectivite",
        "equipements",
        "confiance",
        "management",
        "services",
    ]
    assert [t["hypothesis"] for t in stages[0]["themes"]] == [False] * 4 + [True]
    assert {t["certain"] for t in stages[0]["themes"]} == {"0"}


def test_an_audit_document_is_scored_too(cli: CommandLine, record: Path, tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    assert cli("judge", str(record), "--output", str(path)).code == 3
    whole = json.loads(cli("score", str(record), "--json").out)
    again = json.loads(cli("score", str(path), "--json").out)
    assert again["score"] == whole["score"]
    assert again["label"]["corroborations"] == whole["label"]["corroborations"]
