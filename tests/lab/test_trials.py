"""Intrusive trials with foreign tags, on the building: under a mandate, and for that only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.audits import Result, audit, ordinary_points
from r2s_audit.lab import Building, Fault
from r2s_audit.model.finding import Finding, Value
from r2s_audit.model.record import PassState
from tests.lab.audits import ledger_frames, pcap_frames, tapped

pytestmark = pytest.mark.building

TRIALS = ("vlan.sent-tag", "vlan.double-tag")
SOCKETS = ("prise-vis", "prise-log", "pc-rdc")
MARK = b"R2S tag trial\0"
"""Written out here: what the auditor's own code says of it proves nothing."""


def mandated(building: Building) -> dict[str, Any]:
    """What a site file says more where somebody may try."""
    return {
        "scope": {**building.site_document()["scope"], "intrusiveness": "intrusive"},
        "mandate": {
            "reference": "M-LABO",
            "signed_by": "Maître d'ouvrage de référence",
            "valid_from": "2020-01-01",
            "valid_until": "2099-12-31",
            "intrusive_checks": [*TRIALS],
        },
    }


def tried(building: Building, directory: Path, *options: str, changes: dict[str, Any] | None = None) -> Result:
    """One audit of the requirement alone, heard by an independent tap at three sockets."""
    with tapped(building, SOCKETS, directory / "taps"):
        result = audit(building, directory, *ordinary_points(building), "--only", "S1.3", *options, changes=changes)
    assert result.code in {0, 1, 3}, result.err
    return result


def trials_heard(directory: Path) -> int:
    return sum(MARK in data for name in SOCKETS for _, data, _ in pcap_frames(directory / "taps" / f"{name}.pcap"))


def findings(result: Result) -> list[Finding]:
    return [finding for finding in result.audit.findings if finding.check in TRIALS]


def wrong(result: Result) -> set[tuple[str, str]]:
    return {(f.check, f.subject.key) for f in result.audit.findings if f.value is Value.NON_CONFORME}


def test_the_sane_building_lets_no_foreign_tag_in(building: Building, tmp_path: Path) -> None:
    result = tried(building, tmp_path, "--intrusive", changes=mandated(building))
    found = findings(result)
    assert {f.check: sum(g.check == f.check for g in found) for f in found} == {
        "vlan.sent-tag": 32,
        "vlan.double-tag": 5,
    }
    assert [(f.subject.key, str(f.measured)) for f in found if f.value is not Value.CONFORME] == []
    # Trials that come to somebody else in the sender's own VLAN are no leak to whoever listens there.
    assert wrong(result) == set()
    assert trials_heard(tmp_path) == 3 * (4 + 4 + 4) + 6 * 3
    (told,) = result.audit.passes
    assert told.state is PassState.COMPLETE
    sent = sum(number for frame, number in ledger_frames(result).items() if frame[2] == 0x88B5)
    assert sent >= 3 * 32 + 6 * 5, "each trial is in the ledger, beside the controls of tags"


def test_a_leaking_socket_and_a_native_vlan_in_use_are_walked_through(building: Building, tmp_path: Path) -> None:
    leak, native = Fault.load("tag-leak-on-access-port"), Fault.load("double-tagging-works")
    with building.fault(leak), building.fault(native):
        result = tried(building, tmp_path, "--intrusive", changes=mandated(building))
    assert {(check, key) for check, key in wrong(result) if check in TRIALS} == {
        ("vlan.sent-tag", "prise-vis vlan=20 receiver=point-prise-tech@point-prise-vis"),
        ("vlan.double-tag", "prise-log vlan=20 receiver=point-PC-RDC@point-prise-log"),
    }
    assert all(f.value in {Value.CONFORME, Value.NON_CONFORME} for f in findings(result))
    # What the switches say of their own ports agrees with what was walked through.
    assert {check for check, _ in wrong(result)} >= {"snmp.ingress-filtered", "snmp.native-vlan"}


@pytest.mark.parametrize("flag", [True, False])
def test_without_a_mandate_or_without_the_flag_no_trial_leaves(building: Building, tmp_path: Path, flag: bool) -> None:
    """One of the two locks is open each time; what nobody tried stays open, and is one cell where no mandate names it."""
    options, changes = (("--intrusive",), None) if flag else ((), mandated(building))
    result = tried(building, tmp_path, *options, changes=changes)
    assert trials_heard(tmp_path) == 0
    found = findings(result)
    if flag:
        assert [(f.check, f.value) for f in found] == [(name, Value.NON_VERIFIE) for name in TRIALS]
    else:
        assert len(found) == 37
        assert {f.value for f in found} == {Value.NON_VERIFIE}
        assert all("--intrusive" in str(f.measured) for f in found)
    assert wrong(result) == set()
