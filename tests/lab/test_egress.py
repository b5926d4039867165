"""By which way the building leaves for its operator: by its own line, by a shared one, or by a resident's box."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.audits import Result, audit, ordinary_points
from probes.wire.frames import parse_header
from r2s_audit.lab import Building, Fault
from r2s_audit.model.finding import Finding, Value
from tests.lab.audits import pcap_frames, tapped

pytestmark = pytest.mark.building

BOX = Fault.load("egress-through-a-residents-box")
OUT = {"point-prise-tech", "point-PC-RDC", "point-PC-R1", "point-prise-log", "point-prise-202", "point-prise-vis"}
"""Points whose zone may go out, by hand."""


def audited(building: Building, directory: Path, **changes: Any) -> Result:
    result = audit(building, directory, *ordinary_points(building), "--only", "C1.2", changes=changes or None)
    assert result.code in {0, 1, 3}, result.err
    assert result.audit.internal_errors == 0
    return result


def ways(result: Result) -> dict[tuple[str, int], Finding]:
    """The findings by point and IP version."""
    found = [f for f in result.audit.findings if f.check == "vlan.egress"]
    return {(f.subject.point, 6 if ":" in f.subject.get("address") else 4): f for f in found}


def test_by_its_own_line_and_not_by_the_box_of_a_resident(building: Building, tmp_path: Path) -> None:
    with tapped(building, ("prise-tech", "prise-202"), tmp_path / "taps") as files:
        sane = audited(building, tmp_path / "sane")
    assert ways(sane).keys() == {(point, version) for point in OUT for version in (4, 6)}
    assert {key: str(f.measured) for key, f in ways(sane).items() if f.value is not Value.CONFORME} == {}
    with building.fault(BOX):
        boxed = audited(building, tmp_path / "boxed")
    assert {(version, f.value) for (_, version), f in ways(boxed).items()} == {
        (4, Value.NON_CONFORME),
        (6, Value.CONFORME),
    }
    hop = "le saut 2 est 10.66.30.102, l'équipement gw-102"
    assert all(hop in str(f.measured) for (_, version), f in ways(boxed).items() if version == 4)
    assert boxed.verdicts()["C1.2"][0] == "non_atteint"
    # Nothing else of this requirement sees it: what is declared still works, and no foreign server or prefix is heard.
    wrong = {f.check for f in boxed.audit.findings if f.value is Value.NON_CONFORME}
    assert wrong == {"vlan.egress"}
    # Few packets, and whoever answers on the way is asked nothing.
    for file in files:
        sent = Counter(h.hop_limit for h in _to_the_end(building, file))
        assert sent == {1: 2, 2: 2, 64: 2}


def _to_the_end(building: Building, file: Path) -> list[Any]:
    headers = (parse_header(data, length) for _, data, length in pcap_frames(file))
    return [header for header in headers if str(header.destination_ip) in building.address("operateur")]


def test_a_shared_line_is_partial_where_those_who_share_it_are_kept_apart(building: Building, tmp_path: Path) -> None:
    (way,) = building.site_document()["egress"]
    shared = [{**way, "kind": "shared", "shared_with": ["logements"]}]
    found = ways(audited(building, tmp_path / "apart", egress=shared))
    assert {key: (f.value, str(f.measured)) for key, f in found.items() if f.value is not Value.PARTIEL} == {}
    with building.fault(Fault.load("supervision-reachable-from-logements")):
        found = ways(audited(building, tmp_path / "reached", egress=shared))
    assert {point for (point, _), f in found.items() if f.value is Value.NON_CONFORME} == {
        "point-prise-log",
        "point-prise-202",
    }
    assert {f.value for f in found.values()} == {Value.PARTIEL, Value.NON_CONFORME}
