"""The hostile building: names that attack whoever reads them, peers that keep no protocol, a machine that says it is another.

What is audited is real and live; `make accuracy` and the recordings tell which verdicts these faults move, and here it is
shown what they cannot do: to a terminal, a record, a report, the time and the memory of an audit, a credential.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from ruamel.yaml import YAML

from benchmarks.audits import LAPTOP, ROOT, Result, audit
from benchmarks.measure import Run
from benchmarks.measure import run as measured
from probes.registry import collectors
from r2s_audit.engine.schedule import Job
from r2s_audit.lab import Building, Fault
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Observation
from r2s_audit.model.site import Site
from reports.formats import FORMATS
from tests.lab.audits import pcap_frames
from tests.lab.conftest import Inside, Reach, Walk
from tests.reports.page import faults as page_faults

CONCERNED = tuple(word for requirement in ("C1.3", "C2.3", "C3.2", "S1.4") for word in ("--only", requirement))
POINTS = ("prise-adm", "prise-tech", "prise-log", "prise-video")
WHERE = tuple(word for point in POINTS for word in ("--point", f"point-{point}"))
MEMORY_MB = 150
GRACE_SECONDS = 5.0
"""What a collector that is given up may take to end, on a machine that is busy with other things."""
SAID = {
    "snmp.system": {
        "sw-coeur": ["onerror=alert(1)", "e280ae676e70", "1b5d303b723273", "=cmd|'/C calc'!A0", "file:///etc/shadow"],
        "sw-acces": ["<svg onload=alert(1)>", "001b9bc29b", "=HYPERLINK(", "../../../../tmp/r2s", "e281a6"],
    },
    "snmp.lldp": {
        "sw-coeur": ["<script>alert('lldp')</script>", "file:///etc/passwd"],
        "sw-acces": ["<script src=//r2s.invalid/x.js>", "onmouseover=alert(1)"],
    },
    "tls.endpoint": {"gw-101": ["alert(1)", "<img src=x onerror=alert(1)>", "../../../etc/passwd"]},
    "services.rtsp": {"camera-hall": ["<script>alert('rtsp')</script>", "\x1b[2J", "\u202e=cmd"]},
    "services.sip": {"interphone": ["<svg/onload=alert(1)>", "file:///etc/passwd"]},
    "services.modbus": {"compteur": ["<script>alert(1)</script>", "\x1b[31m=cmd|calc"]},
    "services.knx": {"passerelle-knx": ["<b onclick=x>", "\x1b[31m"]},
}
"""What the audit must have met, or its outputs prove nothing: words in the facts of a collector about a device.

Of SNMP, what is not printable is there in hexadecimal.
"""


@dataclass(frozen=True)
class Named:
    """An audit of the building whose names are hostile, and its reports by format."""

    result: Result
    reports: dict[str, Path]
    terminal: tuple[str, ...]


def observations(result: Result) -> list[Observation]:
    """What the record holds, as it was written."""
    return [Observation.model_validate(b["observation"]) for b in result.entries if b["kind"] == "observation"]


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "r2s_audit", *words], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60
    )


@pytest.fixture(scope="module")
def named(building: Building, tmp_path_factory: pytest.TempPathFactory) -> Named:
    directory = tmp_path_factory.mktemp("names") / "in" / "here"
    with building.fault(Fault.load("hostile-names")):
        result = audit(building, directory, *CONCERNED, *WHERE)
    assert result.code in {1, 3}, result.err
    said = [result.out, result.err]
    reports: dict[str, Path] = {}
    for name, form in FORMATS.items():
        reports[name] = directory / f"rapport{form.suffix}"
        made = command("report", str(result.record), "--format", name, "--output", str(reports[name]))
        assert made.returncode in {0, 1, 3}, made.stderr
        said += [made.stdout, made.stderr]
    again = command("judge", str(result.record))
    assert again.returncode in {1, 3}, again.stderr
    return Named(result, reports, (*said, again.stdout, again.stderr))


def texts(value: Any) -> list[str]:
    """Every text of facts, keys included."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in texts(item)]
    return [text for item in value for text in texts(item)] if isinstance(value, list | tuple) else []


def test_the_attacks_have_reached_the_record(named: Named) -> None:
    heard: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for seen in observations(named.result):
        heard[seen.request.collector, seen.request.target] += texts(seen.facts)
    missing = [
        (collector, device, word)
        for collector, devices in SAID.items()
        for device, words in devices.items()
        for word in words
        if not any(word in text for text in heard[collector, device])
    ]
    assert missing == []


def test_a_name_is_nobodys_verdict(named: Named) -> None:
    wrong = [(f.check, f.subject.key) for f in named.result.audit.findings if f.value is Value.NON_CONFORME]
    assert wrong == []
    assert named.result.audit.internal_errors == 0
    cells = named.result.audit.cells
    assert cells.planned == cells.reported == len(cells.cells)


def test_the_terminal_gets_printable_characters_alone(named: Named) -> None:
    assert any("atteint" in text for text in named.terminal)
    for text in named.terminal:
        assert {c for c in text if not (c.isprintable() or c in "\n\u00a0\u202f")} == set()


def test_record_and_document_are_valid_json(named: Named) -> None:
    for path in (named.result.record / "audit.json", named.result.record / "ledger.jsonl"):
        for line in path.read_bytes().decode("utf-8", "strict").splitlines():
            if path.suffix == ".jsonl":
                json.loads(line, parse_constant=pytest.fail)
        if path.suffix == ".json":
            json.loads(path.read_bytes(), parse_constant=pytest.fail)
    raw = (named.result.record / "ledger.jsonl").read_bytes()
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", raw), "a ledger is looked at with a pager too"


def _html(path: Path) -> list[str]:
    return page_faults(path.read_text(encoding="utf-8"))


def _json(path: Path) -> list[str]:
    json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    return []


def _xml(path: Path) -> list[str]:
    data = path.read_bytes()
    ET.fromstring(data)
    return (
        ["declares an entity or a type"] if b"<!" in re.sub(rb"<!\[CDATA\[.*?\]\]>", b"", data, flags=re.DOTALL) else []
    )


def _csv(path: Path) -> list[str]:
    """No cell that a spreadsheet would take for a formula (a number may be negative)."""
    cells = [cell for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))) for cell in row]
    return [cell for cell in cells if cell[:1] in set("=+-@\t\r") and not re.fullmatch(r"[-+]?[\d., ]+", cell)]


def _markdown(path: Path) -> list[str]:
    """No element, no image, and no link that leads out of the document."""
    text = re.sub(r"\\.", "", path.read_text(encoding="utf-8"))
    found = re.findall(r"<[a-zA-Z/!][^>]*>|!\[|\]\((?!#)[^)]*\)", re.sub(r"`[^`\n]*`", "", text))
    return [*found, *sorted({c for c in text if not (c.isprintable() or c in "\n\u00a0\u202f")})]


SAFE: dict[str, Callable[[Path], list[str]]] = {
    ".html": _html, ".json": _json, ".xml": _xml, ".csv": _csv, ".md": _markdown,
}  # fmt: skip
"""What is wrong with a report of a suffix; empty for one that is safe in its own format."""


@pytest.mark.parametrize("name", FORMATS)
def test_every_report_is_safe_in_its_own_format(named: Named, name: str) -> None:
    suffix = FORMATS[name].suffix
    assert suffix in SAFE, f"a format without a test of what a device may do to it: {name}"
    assert named.reports[name].stat().st_size > 1000
    assert SAFE[suffix](named.reports[name]) == []


def test_no_file_has_a_name_from_a_device(named: Named) -> None:
    above = named.result.record.parents[2]
    written = {str(p.relative_to(named.result.record.parent)) for p in above.rglob("*") if p.is_file()}
    own = {"site.yaml", *(p.name for p in named.reports.values())}
    blob = re.compile(r"record/blobs/sha256/[0-9a-f]{2}/[0-9a-f]{62}")
    strange = {p for p in written - own if not (blob.fullmatch(p) or p in {"record/ledger.jsonl", "record/audit.json"})}
    assert {p for p in strange if not re.fullmatch(r"record/[a-z_.-]+", p)} == set()
    assert not Path("/tmp/r2s").exists()


@dataclass(frozen=True)
class Tormented:
    """An audit of the building whose peers keep no protocol, and what it took."""

    result: Result
    run: Run


@pytest.fixture(scope="module")
def tormented(building: Building, tmp_path_factory: pytest.TempPathFactory) -> Tormented:
    directory = tmp_path_factory.mktemp("peers")
    site, record = directory / "site.yaml", directory / "record"
    building.write_site(site)
    words = [*building.enter(LAPTOP), sys.executable, "-m", "r2s_audit", "run", str(site), "--record", str(record)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SUDO_")}
    with building.fault(Fault.load("hostile-peers")):
        run = measured([*words, *CONCERNED, *WHERE], {**environment, "PYTHONPATH": str(ROOT)}, codes=(1, 3))
    return Tormented(Result(1, run.stdout.decode(), "", record), run)


def test_peers_do_not_cost_the_memory_of_the_audit(tormented: Tormented) -> None:
    print(f"\nhostile-peers: {tormented.run.peak_mb:.0f} MB, {tormented.run.wall:.1f} s")
    assert tormented.run.peak_mb < MEMORY_MB


def test_every_request_of_a_hostile_peer_ends_within_its_time(tormented: Tormented) -> None:
    specs = collectors()
    rates = Site.model_validate(declared_site(tormented.result)).scope.rates
    seen = observations(tormented.result)
    assert len(seen) > 50
    together: defaultdict[tuple[str, str, int], list[Observation]] = defaultdict(list)
    for one in seen:
        together[one.request.collector, one.request.point, one.request.order].append(one)
    for (collector, _, _), group in together.items():
        spec = specs[collector]
        for job in [group] if spec.batch else [[one] for one in group]:
            bound = Job(spec, tuple(one.request for one in job)).deadline(rates) + GRACE_SECONDS
            took = max((one.ended - one.started).total_seconds() for one in job)
            assert took <= bound, (collector, job[0].request.target)
    entries = [json.loads(line) for line in (tormented.result.record / "ledger.jsonl").read_text().splitlines()]
    moments = {entry["body"]["kind"]: datetime.fromisoformat(entry["at"]) for entry in entries}
    assert (moments["pass_closed"] - moments["campaign"]).total_seconds() < 120


def declared_site(result: Result) -> Any:
    return YAML(typ="safe", pure=True).load((result.record.parent / "site.yaml").read_text())


def test_nothing_vanishes_among_hostile_peers(tormented: Tormented) -> None:
    document = tormented.result.audit
    assert document.cells.planned == document.cells.reported == len(document.cells.cells)
    assert document.internal_errors == 0


HOSTILE_ENDS = {
    ("supervision", "443"), ("interphone", "5061"), ("gw-101", "443"), ("gw-102", "443"), ("gw-201", "443"),
    ("gw-202", "443"), ("compteur", "502"), ("automate-cvc", "47808"), ("passerelle-knx", "3671"),
}  # fmt: skip
"""Where nothing but garbage comes from. On the camera and the broker TLS itself is sound."""


def test_no_conforme_comes_of_garbage(tormented: Tormented) -> None:
    judged = defaultdict(set)
    for finding in tormented.result.audit.findings:
        family = finding.check.split(".")[0]
        end = (finding.subject.target, dict(finding.subject.detail).get("port", ""))
        if family in {"tls", "services"} and end in HOSTILE_ENDS:
            judged[end].add(finding.value)
        if family == "snmp" and finding.subject.target == "routeur":
            judged["routeur", "161"].add(finding.value)
        if finding.check == "snmp.core-objects":
            judged[finding.subject.target, "161"].add(finding.value)
    assert judged.keys() >= HOSTILE_ENDS | {("routeur", "161"), ("sw-coeur", "161"), ("sw-acces", "161")}
    assert {end: values for end, values in judged.items() if Value.CONFORME in values} == {}


UNDECLARED = "10.66.10.99"


def heard(building: Building) -> list[tuple[str, bytes]]:
    """Destination address and octets of every packet that the impostor was sent under a name that is not its own."""
    path = building.state_dir / "n" / "radius" / "imposteur" / "heard.pcap"
    shown = subprocess.run([*building.enter("radius"), "cat", str(path)], capture_output=True, check=True, timeout=10)
    copy = building.state_dir / "heard.copy"
    copy.write_bytes(shown.stdout)
    frames = [(frame, int.from_bytes(frame[12:14])) for _, frame, _ in pcap_frames(copy)]
    copy.unlink()
    return [
        (".".join(map(str, frame[30:34])) if kind == 0x0800 else frame[38:54].hex(), frame) for frame, kind in frames
    ]


def test_a_spoofed_management_address_harvests_nothing(
    building: Building, inside: Inside, reach: Reach, walk: Walk, tmp_path: Path, wait_for: Callable[..., None]
) -> None:
    """Promise 5, seen from the machine that lies.

    Not a packet comes where the site declares no address. At a declared one, where it stands in by its place in the
    laptop's ARP table, USM proves the credentials without showing them, no secret is among what comes, and nothing of
    the switch is conforming, for the impostor does not know its keys.
    """
    names, remote = "1.0.8802.1.1.2.1.4.1.1.9", "1.0.8802.1.1.2.1.4.2.1.3"
    core, declared = building.address("sw-coeur")[0], building.address("sw-acces")[0]
    with building.fault(Fault.load("spoofed-management-address")):
        wait_for(lambda: any(f".4.{UNDECLARED}" in oid for oid in walk(core, remote)))

        def said() -> int:
            heard = [bytes.fromhex(name.replace(" ", "")) for name in walk(core, names).values()]
            return heard.count(b"sw-acces.residence.r2s.test")

        wait_for(lambda: said() == 3)  # by each of the two cables that lead to it, and by the lie

        with taken_over(inside, declared):
            result = audit(building, tmp_path, "--only", "C3.2", "--point", "point-prise-adm")
        told = [o for o in observations(result) if (o.request.collector, o.request.target) == ("snmp.lldp", "sw-coeur")]
        assert UNDECLARED in texts(told[0].facts), "the audit has read the lie"
        caught = heard(building)
        assert {to for to, _ in caught} == {declared}, "nobody goes where a device says that it is"
        assert any(b"imposteur" in frame for _, frame in caught), "the audit has gone past the discovery, and was heard"
        secrets = [path.read_bytes().strip() for path in (building.state_dir / "secrets").iterdir()]
        assert len(secrets) >= 2
        assert not [frame for _, frame in caught for secret in secrets if secret in frame]
        checked = [f for f in result.audit.findings if f.subject.target == "sw-acces" and f.check.startswith("snmp.")]
        assert checked
        assert Value.CONFORME not in {f.value for f in checked}
        assert result.audit.cells.planned == result.audit.cells.reported

        # The trap is a good one: who goes there is answered, and leaves what can be cracked.
        asked = ("prise-adm", UNDECLARED, "443")
        assert reach(LAPTOP, [asked])[asked] == "open"
        secret = {n: (building.state_dir / "secrets" / f"snmp-{n}").read_text().strip() for n in ("auth", "priv")}
        user = f"-v3 -l authPriv -u auditeur -a SHA-256 -A {secret['auth']} -x AES -X {secret['priv']} -t 1 -r 0"
        for words in (user, f"-v2c -c {secret['auth']} -t 1 -r 0"):
            inside(LAPTOP, "snmpget", *words.split(), UNDECLARED, "1.3.6.1.2.1.1.1.0")
        lost = [frame for to, frame in heard(building) if to == UNDECLARED]
        assert any(b"imposteur" in frame and b"auditeur" in frame for frame in lost), "USM was drawn out"
        assert any(secret["auth"].encode() in frame for frame in lost), "a secret in clear would be seen"


@contextmanager
def taken_over(inside: Inside, address: str) -> Iterator[None]:
    """The impostor's card in the laptop's ARP table, as whoever wins the race of ARP answers has it."""
    card = inside("radius", "cat", "/sys/class/net/eth0/address").stdout.strip()
    entry = (address, "lladdr", card, "dev", "prise-adm", "nud", "permanent")
    assert inside(LAPTOP, "ip", "neigh", "replace", *entry).returncode == 0
    try:
        yield
    finally:
        assert inside(LAPTOP, "ip", "neigh", "del", address, "dev", "prise-adm").returncode == 0
