"""The scoring core by itself: findings of any program in, a score document out, with schemas, fast and small."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from r2s_audit.errors import FileProblems
from r2s_audit.files.findings import fitting, parse_findings
from r2s_audit.files.profile import load_profile
from r2s_audit.model.finding import Value
from r2s_audit.model.score import Findings
from r2s_audit.scoring.door import UnfitError, assess, assess_json
from r2s_audit.scoring.points import score
from r2s_audit.scoring.verdicts import verdicts
from tests.scoring.building import criterion, judged, level, profile, requirement, share, sourced

PROFILE = load_profile("r2s-residentiel-2019")
SCHEMAS = Path(__file__).resolve().parents[2] / "docs/schemas"
LABEL = profile(
    requirement("A", [criterion("A-0"), criterion("A-1", over=share("1", "1/2"))], {"all": ["A-0", "A-1"]}, prerequisite=sourced(True)),
    requirement("B", [criterion("B-0", over="any", worst="P")], "B-0"),
    requirement("C"),
    levels=[level("un", 8, 1), level("deux", 16, 1)],
)  # fmt: skip
NAMES = ("A-0", "A-1", "B-0")
VERIFIED = ("C", "P", "N")
STATES = (*VERIFIED, "non_verifie", "sans_objet", "proven")


def finding(name, subject, state):
    value = "sans_objet" if state == "proven" else state
    return {"criterion": name, "subject": subject, "value": value, "proof": state == "proven"}


def given_(cells, **more):
    items = [finding(name, f"s{subject}", state) for (name, subject), state in cells.items()]
    return Findings.model_validate({"r2s_findings": 1, "findings": items, **more})


CELLS = st.dictionaries(st.tuples(st.sampled_from(NAMES), st.integers(0, 2)), st.sampled_from(STATES), max_size=5)


def interval(document):
    return Fraction(document.score.total.worst), Fraction(document.score.total.best)


@settings(max_examples=150, deadline=None)
@given(CELLS)
def test_the_door_says_what_the_audit_says(cells):
    """The same findings through the cells of an audit and through the door give the same verdicts and score."""
    own = [
        judged(name[0], name, f"s{subject}", "sans_objet proven" if state == "proven" else state)
        for (name, subject), state in cells.items()
    ]
    results = verdicts(LABEL, own)
    document = assess(LABEL, given_(cells))
    assert [(v.requirement, v.worst, v.best) for v in document.verdicts] == [
        (v.requirement, v.worst, v.best) for v in results
    ]
    assert document.score == score(LABEL, results)


@settings(max_examples=150, deadline=None)
@given(CELLS)
def test_intervals_contain_every_completion(cells):
    """Whatever the open cells turn out to be, points and levels lie within what was said before."""
    document = assess(LABEL, given_(cells))
    low, high = interval(document)
    open_cells = [key for key, state in cells.items() if state in {"non_verifie", "sans_objet"}]
    ranks = {"": -1, "un": 0, "deux": 1}
    for values in product((*VERIFIED, "proven"), repeat=len(open_cells)):
        completed = assess(LABEL, given_(cells | dict(zip(open_cells, values, strict=True))))
        inner_low, inner_high = interval(completed)
        assert low <= inner_low <= inner_high <= high
        assert ranks[document.score.level_guaranteed] <= ranks[completed.score.level_guaranteed]
        assert ranks[completed.score.level_possible] <= ranks[document.score.level_possible]


@settings(max_examples=100, deadline=None)
@given(CELLS, st.randoms())
def test_order_and_repetition_change_nothing(cells, random):
    items = [finding(name, f"s{subject}", state) for (name, subject), state in cells.items()]
    whole = assess(LABEL, Findings.model_validate({"r2s_findings": 1, "findings": items}))
    again = [*items, *items[:3]]
    random.shuffle(again)
    assert assess(LABEL, Findings.model_validate({"r2s_findings": 1, "findings": again})) == whole


@settings(max_examples=100, deadline=None)
@given(CELLS, st.sampled_from(NAMES), st.integers(0, 2))
def test_a_better_finding_never_costs(cells, name, subject):
    if cells.get((name, subject)) not in VERIFIED:
        return
    state = cells[name, subject]
    for better in VERIFIED[: VERIFIED.index(state)]:
        low, high = interval(assess(LABEL, given_(cells)))
        better_low, better_high = interval(assess(LABEL, given_(cells | {(name, subject): better})))
        assert low <= better_low
        assert high <= better_high


def test_json_in_and_out_keep_to_the_schemas():
    text = json.dumps(
        {
            "r2s_findings": 1,
            "program": "another",
            "as_of": "2026-06-01",
            "findings": [finding("C1.3-points", "P1", "C"), finding("C1.3-points", "P2", "N")],
            "verdicts": [{"requirement": "M1.2", "worst": "atteint", "best": "atteint"}],
            "facts": ["sealed"],
        }
    )
    Draft202012Validator(json.loads((SCHEMAS / "findings.schema.json").read_text())).validate(json.loads(text))
    plain = PROFILE.profile.model_dump_json(by_alias=True).encode()
    out = assess_json(plain, text.encode())
    assert assess_json(plain, text.encode()) == out
    data = json.loads(out)
    Draft202012Validator(json.loads((SCHEMAS / "score.schema.json").read_text())).validate(data)
    assert data["title"] == "simulation – barème hypothétique"
    assert data["score"]["total"]["worst"] == "8"  # M1.2
    sealed = [c for c in data["label"]["corroborations"] if c["target"] == "M1.2" and c["state"] == "supports"]
    assert [c["facts"] for c in sealed] == [["sealed"]]


def test_corroborations_never_bring_a_point():
    found = [finding("C1.2-inventaire", f"sw{n}", "C") for n in range(5)]
    document = assess(PROFILE.profile, Findings.model_validate({"r2s_findings": 1, "findings": found}))
    states = {c.target: c.state.value for c in document.label.corroborations if "C1.2-inventaire" in c.links}
    assert states == {"I1.1": "supports"}
    assert document.score.total.worst == "0"
    against = [finding("C1.2-inventaire", "sw1", "N")]
    document = assess(PROFILE.profile, Findings.model_validate({"r2s_findings": 1, "findings": against}))
    assert [c.state.value for c in document.label.corroborations if "C1.2-inventaire" in c.links] == ["opposes"]
    assert next(v for v in document.verdicts if v.requirement == "I1.1").best == "atteint"


WRONG = {
    "criterion": ({"findings": [finding("C1.3-point", "a", "C")]}, "findings[0].criterion", "C1.3-point : C1.3-points ?"),
    "two values": ({"findings": [finding("C1.3-points", "a", "C"), finding("C1.3-points", "a", "N")]}, "findings[1].value", "deux valeurs"),
    "requirement": ({"verdicts": [{"requirement": "M1.9", "worst": "atteint", "best": "atteint"}]}, "verdicts[0].requirement", "inconnu"),
    "bounds": ({"verdicts": [{"requirement": "M1.2", "worst": "atteint", "best": "non_atteint"}]}, "verdicts[0].worst", "borne basse"),
    "judged twice": ({"findings": [finding("C1.3-points", "a", "C")], "verdicts": [{"requirement": "C1.3", "worst": "atteint", "best": "atteint"}]}, "verdicts[0].requirement", "déjà jugée"),
    "without object": ({"not_applicable": [{"criterion": "X", "reason": "pas de vidéo ici", "declared_by": "moi"}]}, "not_applicable[0].criterion", "inconnu"),
    "value": ({"findings": [{"criterion": "C1.3-points", "subject": "a", "value": "oui"}]}, "findings[0].value", "C, P, N"),
    "key": ({"finding": []}, "finding", "finding : findings ?"),
    "version": ({"r2s_findings": 2}, "r2s_findings", "le format 2"),
    "kind": ({"r2s_findings": None, "r2s_site": 1}, "r2s_site", "un fichier de site"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_findings_are_told_where_and_why(name):
    change, path, words = WRONG[name]
    data = {k: v for k, v in ({"r2s_findings": 1} | change).items() if v is not None}
    with pytest.raises(FileProblems) as refused:
        fitting("-", lambda: assess(PROFILE.profile, parse_findings(json.dumps(data).encode(), "-")))
    assert any(p.path == path and words in str(p) for p in refused.value.problems), str(refused.value)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"\xff", b'{"r2s_findings": NaN}', b"[" * 100_000, b"null", b'{"a": 1}']
)
def test_what_is_no_document_is_refused_without_a_trace(text):
    with pytest.raises(FileProblems):
        parse_findings(text, "-")


def test_unfit_says_everything_at_once():
    items = [finding("X-1", "a", "C"), finding("X-2", "a", "C")]
    with pytest.raises(UnfitError) as refused:
        assess(LABEL, Findings.model_validate({"r2s_findings": 1, "findings": items}))
    assert len(refused.value.wrong) == 2


MEASURE = """
import sys, time
from pathlib import Path
from r2s_audit.files.profile import load_profile
from r2s_audit.files.findings import parse_findings
from r2s_audit.scoring.door import assess
profile = load_profile("r2s-residentiel-2019").profile
data = Path(sys.argv[1]).read_bytes()
start = time.perf_counter()
document = assess(profile, parse_findings(data, "-"))
seconds = time.perf_counter() - start
# Of this program alone: getrusage would count what its parent held when it began.
peak = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(seconds, int(peak) // 1024, sum(c.cells for v in document.verdicts for c in v.criteria))
"""


def test_a_hundred_thousand_findings(tmp_path):
    """Less than 200 MiB for the whole process; the time (goal: 1 s) is told, and bounded widely for a busy machine."""
    names = [c.id for r in PROFILE.profile.requirements for c in r.criteria]
    states = [v.value for v in Value]
    items = [finding(names[n % len(names)], f"equipement-{n} port=443@P-LOG", states[n % 5]) for n in range(100_000)]
    path = tmp_path / "findings.json"
    path.write_text(json.dumps({"r2s_findings": 1, "findings": items}), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, timeout=120, check=True
    )
    seconds, mebibytes, cells = done.stdout.split()
    print(f"100000 findings: {float(seconds):.2f} s, {mebibytes} MiB")
    assert int(cells) == 100_000
    assert int(mebibytes) < 200
    assert float(seconds) < 10
