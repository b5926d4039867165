"""The whole way: a real building, the user's command, the record, the verdicts; and the promises shown on the wire."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from benchmarks.audits import LAPTOP, ROOT, Result, audit, ordinary_points
from probes.registry import FAMILIES
from probes.wire.frames import parse_header
from r2s_audit.lab import Building, Fault
from r2s_audit.lab.description import mac
from r2s_audit.model.audit import Audit
from r2s_audit.model.finding import Finding, Value
from r2s_audit.model.record import PassState
from tests.lab.audits import ledger_frames, pcap_frames, summary, tapped

CLOSED = "prise-8021x"
INTERFACES = (
    "prise-adm",
    "prise-tech",
    "prise-log",
    "prise-vis",
    "prise-video",
    "prise-202",
    "pc-rdc",
    "pc-r1",
    CLOSED,
    "miroir",
)
FAULTS_LIVE = ("snmp-v2c-public", "tls-1.0-enabled", "supervision-reachable-from-logements")
"""One per family; `make accuracy` is where all of them run."""

Sane = tuple[Result, list[Path]]


@pytest.fixture(scope="module")
def sane(building: Building, tmp_path_factory: pytest.TempPathFactory) -> Sane:
    """One audit of the sane building, heard by an independent tap."""
    directory = tmp_path_factory.mktemp("sane")
    with tapped(building, INTERFACES, directory) as files:
        result = audit(building, directory, *ordinary_points(building))
    assert result.code in {0, 1, 3}, result.err
    return result, files


def test_the_sane_building_has_no_non_conformity(sane: Sane) -> None:
    result, _ = sane
    wrong = [(f.check, f.subject.key, str(f.measured)) for f in result.audit.findings if f.value is Value.NON_CONFORME]
    assert wrong == []
    assert not any(v.verdict == "non_atteint" for v in result.audit.verdicts)
    assert result.audit.internal_errors == 0


def test_every_check_verifies_every_cell_of_the_sane_building(sane: Sane) -> None:
    """The building has nothing that a check of this version should not be able to settle."""
    result, _ = sane
    open_cells = [
        (f.check, f.subject.key, str(f.measured))
        for f in result.audit.findings
        if f.value is Value.NON_VERIFIE and f.check.split(".")[0] != "dot1x" and not _is_open_by_nature(result, f)
    ]
    assert open_cells == []
    unvisited = {f.value for f in result.audit.findings if f.check.split(".")[0] == "dot1x"}
    assert unvisited == {Value.NON_VERIFIE}, "a point that nobody visited is open, not conforming"
    assert Counter(f.check.split(".")[0] for f in result.audit.findings).keys() == set(FAMILIES)


def _is_open_by_nature(result: Result, finding: Finding) -> bool:
    """What only a mandate has tried, a silence that the pass was too short for, and a VLAN of one point: no tag comes."""
    if finding.check in {"vlan.sent-tag", "vlan.double-tag"}:
        return "intrusif non planifié" in str(finding.measured)
    if finding.check == "vlan.udp-isolated":  # nobody is ever answered there
        return dict(finding.subject.detail)["service"] in {"syslog", "radius"}
    if finding.check == "vlan.control-protocols":
        return "trop courte" in str(finding.measured) and dict(finding.subject.detail)["protocol"] in {"dtp", "vtp"}
    if finding.check != "vlan.foreign-frames":
        return False
    sockets = {s["id"]: s["vlan"] for s in _site(result)["sockets"]}
    points = [sockets[p["socket"]] for p in _site(result)["points"] if p["kind"] == "access"]
    return points.count(sockets[finding.subject.target]) == 1


def test_nothing_vanishes_on_the_building(sane: Sane) -> None:
    result, _ = sane
    cells = result.audit.cells
    assert cells.planned == cells.reported == len(cells.cells)
    (summary_of_pass,) = result.audit.passes
    assert summary_of_pass.state is PassState.COMPLETE
    assert summary_of_pass.packets > 0


def test_scope_tap_every_frame_sent_is_in_the_ledger(sane: Sane) -> None:
    """An independent tap and the record agree, frame by frame, on what left the laptop during the pass."""
    result, files = sane
    lines = [json.loads(line) for line in (result.record / "ledger.jsonl").read_text().splitlines()]
    moments = {e["body"]["kind"]: datetime.fromisoformat(e["at"]).timestamp() for e in lines}
    begin, end = moments["campaign"], moments["pass_closed"]
    times = [
        (at, summary(data, length)) for file in files for at, data, length in pcap_frames(file) if begin <= at <= end
    ]
    heard, told = Counter(frame for _, frame in times), ledger_frames(result)
    assert sum(told.values()) > 500
    unheard, untold = told - heard, heard - told
    # What the kernel sends of itself around the two ends of the pass (the witness opens after the pass is opened):
    # reports of groups, and questions to the router that it has heard advertise.
    around = {frame for at, frame in times if at < moments["pass_opened"] + 2 or at > end - 2}
    assert not unheard, unheard.most_common(5)
    assert not {k: v for k, v in untold.items() if not (_of_the_kernel(k) and k in around)}, untold.most_common(5)


def _of_the_kernel(frame: tuple[Any, ...]) -> bool:
    _, _, ethertype, _, destination, _, _, _, icmp_type, _ = frame
    questions = destination.startswith("fe80:") and icmp_type in {135, 136}
    return ethertype == 0x86DD and (destination.startswith("ff02::") or questions)


def test_scope_tap_nothing_left_the_declared_scope(sane: Sane) -> None:
    result, files = sane
    site = json.loads(json.dumps(_site(result)))
    networks = [ip_network(n) for n in site["scope"]["networks"]]
    declared = {str(ip_address(a)) for d in site["devices"] for a in d["addresses"]}
    declared |= {str(ip_address(s["gateway"])) for v in site["vlans"] for s in v["subnets"] if s.get("gateway")}
    sockets = {s["id"]: s["vlan"] for s in site["sockets"]}
    vlans = {p["interface"]: sockets[p["socket"]] for p in site["points"] if p["kind"] == "access"}
    frames, asked, solicited = 0, Counter[str](), Counter[str]()
    for file in files:
        for _, data, length in pcap_frames(file):
            _, destination_mac, ethertype, _, destination, protocol, _, port, icmp_type, arp_target = summary(
                data, length
            )
            frames += 1
            if file.stem == CLOSED and (destination_mac, ethertype) == ("01:80:c2:00:00:03", 0x888E):
                continue  # who is there, who may enter
            if (destination, port) == ("255.255.255.255", 67):
                asked[file.stem] += 1  # who offers a lease here (the gate lets nothing pass there but a DISCOVER)
                continue
            if (destination, protocol, port) == ("ff02::1:2", 17, 547):
                assert parse_header(data, length).dhcp_message == 1, "a SOLICIT that leases nothing, and nothing else"
                solicited[file.stem] += 1
                continue
            if ethertype == 0x88B5:  # one point proves to another that it hears the tag of their own VLAN
                assert file.stem != CLOSED
                assert [tag.vid for tag in parse_header(data, length).vlans] == [0, vlans[file.stem]]
                assert destination_mac in {mac(LAPTOP, name) for name in vlans} - {mac(LAPTOP, file.stem)}
                continue
            assert ethertype in {0x0800, 0x0806, 0x86DD}, hex(ethertype or 0)
            if arp_target:
                assert arp_target in declared
                continue
            if destination.startswith("ff02::"):
                assert protocol in {58, 0}, "neighbour discovery and MLD reports of the kernel, nothing else"
                assert icmp_type != 130, "never a query"
                continue
            if destination.startswith("fe80:"):
                assert protocol == 58
                assert icmp_type in {135, 136}, "no kernel refuses the answer of whoever offers a lease"
                continue
            assert destination in declared, (destination, protocol, port)
            assert any(ip_address(destination) in n for n in networks)
            assert not int(destination_mac[:2], 16) & 1
            assert port is None or not 9100 <= port <= 9107
    assert frames > 500
    assert set(asked.values()) <= {1}
    assert solicited == dict.fromkeys(vlans, 1)


def _site(result: Result) -> dict[str, Any]:
    data: dict[str, Any] = YAML(typ="safe", pure=True).load((result.record.parent / "site.yaml").read_text())
    return data


def test_no_secret_in_the_record(building: Building, sane: Sane) -> None:
    """The passphrases and what is derived from them at once are nowhere in what an audit leaves or says."""
    result, _ = sane
    secrets = [
        p.read_text().strip().encode()
        for p in building.state_dir.rglob("*")
        if p.is_file() and p.stat().st_mode & 0o777 == 0o600 and p.stat().st_size < 200
    ]
    secrets = [s for s in secrets if len(s) >= 16]
    assert secrets
    written = [p for p in result.record.rglob("*") if p.is_file()]
    assert len(written) > 5
    for path in written:
        data = path.read_bytes()
        assert not any(secret in data for secret in secrets), path
    assert not any(secret.decode() in result.out + result.err for secret in secrets)


def test_the_record_is_judged_again_elsewhere(sane: Sane, tmp_path: Path) -> None:
    """Same record, same date: the same bytes, without the building."""
    result, _ = sane
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    for target in (first, second):
        command = [
            sys.executable,
            "-m",
            "r2s_audit",
            "judge",
            str(result.record),
            "--as-of",
            "2099-01-01",
            "--output",
            str(target),
        ]
        process = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert process.returncode in {1, 3}, process.stderr
    assert first.read_bytes() == second.read_bytes()
    aged = Audit.model_validate_json(first.read_bytes())
    assert aged.cells.states.get("C", 0) < result.audit.cells.states["C"], "evidence has an age limit"


@pytest.mark.parametrize("name", FAULTS_LIVE)
def test_a_real_fault_moves_exactly_the_stated_verdicts(
    building: Building, sane: Sane, tmp_path: Path, name: str
) -> None:
    fault = Fault.load(name)
    assert fault.moves, "a fault says what it moves"
    with building.fault(fault):
        faulty = audit(building, tmp_path, *ordinary_points(building))
    before, after = sane[0].verdicts(), faulty.verdicts()
    moved = {r: after[r] for r in after if after[r] != before[r]}
    stated = {m.requirement: (m.verdict, m.worst or m.verdict, m.best or m.verdict) for m in fault.moves}
    assert moved == stated
    assert faulty.code == 1


def test_target_off_gives_no_conforme(building: Building, tmp_path: Path) -> None:
    """Promise 3: a silence of what is switched off proves nothing."""
    with building.fault(Fault.load("target-off")):
        result = audit(building, tmp_path, *ordinary_points(building))
    about = [f for f in result.audit.findings if f.subject.target == "supervision"]
    assert about
    assert {f.value for f in about} == {Value.NON_VERIFIE}, [
        (f.check, f.subject.key, f.value, str(f.measured)) for f in about
    ]
    assert not any(v.verdict == "non_atteint" for v in result.audit.verdicts), "and it is no accusation either"


def test_without_privilege_the_rest_is_audited(building: Building, tmp_path: Path) -> None:
    """Promise 9: no capability: frames are named with their remedy, sockets go on."""
    site = tmp_path / "site.yaml"
    building.write_site(site)
    record = tmp_path / "record"
    script = "from probes.wire.privilege import drop_all; drop_all(); from r2s_audit.cli.entry import main; main()"
    command = [
        *building.enter(LAPTOP),
        sys.executable,
        "-c",
        script,
        "run",
        str(site),
        "--record",
        str(record),
        "--only",
        "C3.2",
    ]
    process = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=120)
    result = Result(process.returncode, process.stdout, process.stderr, record)
    assert "sudo" in process.stderr
    values = {(f.check.split(".")[0], f.value) for f in result.audit.findings}
    assert ("snmp", Value.CONFORME) in values
    assert {value for family, value in values if family == "vlan"} == {Value.NON_VERIFIE}


def test_ctrl_c_then_resume(building: Building, tmp_path: Path, wait_for: Callable[..., None]) -> None:
    site, record = tmp_path / "site.yaml", tmp_path / "record"
    building.write_site(site)
    command = [*building.enter(LAPTOP), sys.executable, "-m", "r2s_audit", "run", str(site), "--record", str(record)]
    command += ["--only", "S1.3"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    ledger = record / "ledger.jsonl"
    wait_for(lambda: ledger.exists() and ledger.read_text().count('"kind":"observation"') > 3)
    agent = _child_running("r2s_audit", process.pid)
    os.kill(agent, signal.SIGINT)
    process.communicate(timeout=20)
    stopped = Result(process.returncode, "", "", record)
    (first,) = stopped.audit.passes
    assert first.state is PassState.STOPPED
    resumed = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False, cwd=ROOT, timeout=120)
    result = Result(resumed.returncode, resumed.stdout, resumed.stderr, record)
    (again,) = result.audit.passes
    assert again.state is PassState.COMPLETE, resumed.stderr
    assert "aucune passe" not in resumed.stderr
    assert result.audit.cells.planned == result.audit.cells.reported


def _child_running(word: str, ancestor: int) -> int:
    """The youngest descendant whose command line names the program (the prefix that enters the node is its parent)."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        listing = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
        rows = [line.split(None, 2) for line in listing.splitlines()[1:]]
        family = {ancestor}
        for _ in range(4):
            family |= {int(pid) for pid, ppid, _ in rows if int(ppid) in family}
        found = [
            int(pid) for pid, _, args in rows if int(pid) in family and f"-m {word}" in args and "enter.py" not in args
        ]
        if found:
            return found[-1]
    raise AssertionError("the audit is not running")
