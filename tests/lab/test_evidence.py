"""What an audit leaves behind: every frame that it sent, opened by tools of others, and not one secret in any form."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from ruamel.yaml import YAML

from benchmarks.audits import LAPTOP, ROOT, Result
from r2s_audit.lab import Building, Fault
from r2s_audit.lab.daemons.freeradius import account
from r2s_audit.lab.site import write_site
from r2s_audit.model.observation import Request
from tests.evidence.people import person
from tests.lab.audits import ledger_frames, pcap_frames, summary, tapped
from tests.lab.leaks import Hunt, Watch, eap_hashes, forms, unpacked, usm_digests, usm_parameters, zipped
from tests.lab.test_audit import CLOSED, INTERFACES
from tests.probes.wire.test_pcapng import read

pytestmark = pytest.mark.building

DOOR = f"point-{CLOSED}"
POINTS = ("point-prise-adm", "point-prise-tech", "point-prise-log", "point-prise-video", DOOR)
OUTGOING = 2
WATCHED = ("prise-adm", "prise-tech", "prise-video", CLOSED)
"""Where credentials are used and secrets said: heard whole, both ways, for the controls."""


@dataclass
class Kept:
    """One audit with secrets planted everywhere, what others heard of it, and everything that it wrote or said."""

    result: Result
    sent: list[Path]
    heard: list[Path]
    planted: dict[str, bytes]
    outputs: list[Path]
    commands: set[bytes]

    def captured(self) -> list[tuple[bytes, int, int, list[str], str, int]]:
        """Frames of the record, as scapy reads them."""
        bodies = [b for b in self.result.entries if b["kind"] == "frames_kept" and b["capture"]]
        return [frame for body in bodies for frame in read(blob(self.result, body["capture"]))]


def blob(result: Result, reference: dict[str, Any]) -> bytes:
    digits = reference["digest"].removeprefix("sha256:")
    return (result.record / "blobs" / "sha256" / digits[:2] / digits[2:]).read_bytes()


def private_parts(path: Path) -> dict[str, bytes]:
    """What would give a private key away: its number, and a line of its file."""
    text = path.read_bytes()
    key: Any = serialization.load_pem_private_key(text, None)
    return {
        f"{path.name}: line": max(text.splitlines(), key=len)[:48],
        f"{path.name}: number": key.private_numbers().private_value.to_bytes(32),
    }


def localised(passphrase: bytes, engine: bytes) -> bytes:
    """The user's key at an engine (RFC 3414, A.2): as good as the passphrase there."""
    long = sha256((passphrase * (2**20 // len(passphrase) + 1))[: 2**20]).digest()
    return sha256(long + engine + long).digest()


@pytest.fixture(scope="module")
def kept(building: Building, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    directory = tmp_path_factory.mktemp("kept")
    drawn = {name: secrets.token_hex(10) for name in ("community", "cookie", "token", "nonce", "session")}
    planted = {name: value.encode() for name, value in drawn.items()}
    for path in (building.state_dir / "secrets").iterdir():
        planted[path.name] = path.read_text().strip().encode()
    for path in building.authority.parent.glob("*.key"):
        planted |= private_parts(path)
    community = directory / "community"
    community.write_text(drawn["community"])
    community.chmod(0o600)
    key = person("auditrice").write(directory / "signing")
    planted["signing key: line"] = max(key.read_bytes().splitlines(), key=len)[:48]
    head = f"'Set-Cookie: id={drawn['cookie']}' 0d0a 'X-Auth-Token: {drawn['token']}' 0d0a"
    head += f" 'WWW-Authenticate: Digest realm=r, nonce={drawn['nonce']}' 0d0a 'Session: {drawn['session']}' 0d0a 0d0a"
    planting = {
        "version": 1,
        "name": "planted-secrets",
        "title": {"fr": "Secrets semés", "en": "Planted secrets"},
        "kind": "real",
        "change": [
            {"at": "nodes/sw-acces/services/snmp/communities", "set": [drawn["community"]]},
            {
                "at": "nodes/camera-hall/services/clear",
                "set": {
                    "kind": "hostile",
                    "port": 554,
                    "listens": True,
                    "first": f"'RTSP/1.0 200 OK' 0d0a 'CSeq: 1' 0d0a {head}",
                },
            },
            {
                "at": "nodes/supervision/services/clear",
                "set": {"kind": "hostile", "port": 80, "listens": True, "first": f"'HTTP/1.1 200 OK' 0d0a {head}"},
            },
        ],
    }
    (directory / "planted-secrets.yaml").write_text(json.dumps(planting))
    site, record = directory / "site.yaml", directory / "record"
    write_site(with_credentials(building, f"file:{community}"), site)
    command = [*building.enter(LAPTOP), sys.executable, "-m", "r2s_audit", "run", str(site), "--record", str(record)]
    command += [word for point in POINTS for word in ("--point", point)]
    command += ["--sign-key", str(key), "--operator", "A. Auditrice"]
    with (
        pytest.MonkeyPatch.context() as patch,
        planted_in(building, directory, patch),
        tapped(building, WATCHED, directory / "heard", direction="inout", snap=65535) as heard,
        tapped(building, INTERFACES, directory / "sent") as sent,
        Watch() as watch,
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False, cwd=ROOT)
    result = Result(done.returncode, done.stdout, done.stderr, record)
    assert result.code in {1, 3}, result.err
    said = directory / "said"
    said.write_text(result.out + result.err)
    report = directory / "rapport.html"
    words = [sys.executable, "-m", "r2s_audit", "report", str(record), "--output", str(report)]
    made = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert report.exists(), made.stderr
    (directory / "said-of-report").write_text(made.stdout + made.stderr)
    outputs = [record, said, report, directory / "said-of-report"]
    return Kept(result, sent, heard, planted, outputs, watch.seen)


@contextmanager
def planted_in(building: Building, faults: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """A fault whose words are drawn anew each time is in no file of the building's own."""
    patch.setattr("r2s_audit.lab.fault.FAULTS", faults)
    with building.fault(Fault.load("planted-secrets")):
        yield


def with_credentials(building: Building, community: str) -> dict[str, Any]:
    """The site with a community for one switch, a service in clear, and a password instead of a key for the door."""
    document = building.site_document()
    devices = {device["id"]: device for device in document["devices"]}
    devices["sw-acces"]["admin"]["snmp_community"] = community
    devices["supervision"]["services"].append({"protocol": "http", "port": 80})
    (door,) = [point for point in document["points"] if point["id"] == DOOR]
    own = {name: door["dot1x"][name] for name in ("server_name", "trust")}
    password = building.state_dir / "secrets" / "dot1x-password"
    door["dot1x"] = {**own, "method": "peap", "identity": account(building.sane), "password": f"file:{password}"}
    return document


def test_every_frame_sent_is_kept_and_an_independent_tap_agrees(kept: Kept) -> None:
    frames = kept.captured()
    ours = Counter(summary(data, length) for data, _, length, _, _, way in frames if way == OUTGOING)
    assert sum(ours.values()) > 500
    assert ours == ledger_frames(kept.result), "as many as the listing says, one by one"
    bodies = [b for b in kept.result.entries if b["kind"] == "frames_kept"]
    assert sum(b["sent"] for b in bodies) == sum(ours.values())
    assert {b[name] for b in bodies for name in ("sent_over", "received_over", "received_missed")} == {0}
    lines = [json.loads(line) for line in (kept.result.record / "ledger.jsonl").read_text().splitlines()]
    moments = {e["body"]["kind"]: datetime.fromisoformat(e["at"]).timestamp() for e in lines}
    # Until the last observation somebody listens; what the kernel sends while the pass is put away is nobody's.
    begin, end = moments["pass_opened"], moments["observation"]
    times = [(at, summary(data, size)) for file in kept.sent for at, data, size in pcap_frames(file)]
    assert not ours - Counter(frame for _, frame in times), "nothing is kept that nobody heard"
    # At sockets that are no part of this pass the kernel still answers the router, which asks after an earlier one.
    stems = {point.removeprefix("point-") for point in POINTS}
    assert stems <= {file.stem for file in kept.sent}
    within = [(at, summary(d, n)) for file in kept.sent if file.stem in stems for at, d, n in pcap_frames(file)]
    during = Counter(frame for at, frame in within if begin + 2 <= at <= end)
    assert sum(during.values()) > 500
    assert not during - ours, (during - ours).most_common(5)


def test_frames_name_the_request_that_they_belong_to(kept: Kept) -> None:
    bodies = kept.result.entries
    observed = [b["observation"]["request"] for b in bodies if b["kind"] == "observation"]
    interfaces = {f"point-{s['id']}": name for name, s in sockets(kept).items()}
    keys = {seen: interfaces.get(seen.partition("@")[2].partition(">")[0]) for seen in map(key_of, observed)}
    told: Counter[str] = Counter()
    for data, _, length, comments, interface, way in kept.captured():
        lines = [line.partition(": ") for line in comments if not line.startswith("removed: ")]
        assert lines, "each frame says something"
        for how, _, key in lines:
            assert how in {"request", "during"}
            if key == "none" or key.startswith("one of ") or key.endswith(" requests"):
                continue
            assert key in keys, key
            assert keys[key] in {interface, None}
            port = summary(data, length)[7 if way == OUTGOING else 6]
            if how == "request" and port == 161:
                assert key.startswith(("snmp.", "vlan.", "ipv6.")), key
        if way == OUTGOING:
            told["none" if lines[0][2] == "none" else lines[0][0]] += 1
    assert told["request"] > 5 * (told["during"] + told["none"]), told
    assert told["none"] * 20 < sum(told.values()), told


def sockets(kept: Kept) -> dict[str, Any]:
    """Interface of the laptop to the declared socket."""
    document = json.loads(json.dumps(_site(kept)))
    return {point["interface"]: {"id": point["socket"]} for point in document["points"]}


def _site(kept: Kept) -> Any:
    return YAML(typ="safe", pure=True).load((kept.result.record.parent / "site.yaml").read_text())


def key_of(asked: dict[str, Any]) -> str:
    return Request.model_validate(asked).key


def test_no_planted_secret_is_left_in_any_form(kept: Kept) -> None:
    engines = {engine for engine, _ in usm_parameters(b"".join(path.read_bytes() for path in kept.heard)) if engine}
    assert len(engines) >= 3, "the control: those of both switches and the router were heard"
    for name in ("snmp-auth", "snmp-priv"):
        for engine in engines:
            kept.planted[f"{name} at {engine.hex()}"] = localised(kept.planted[name], engine)
    hunt = Hunt(kept.planted)
    assert hunt.found_below(kept.outputs) == {}
    # The building's own devices are told by their command lines what to say: they are no part of the audit.
    ours = [line for line in kept.commands if b"r2s_audit.lab" not in line]
    assert not {name for line in ours for name in hunt.found_in(line)}
    assert any(b"r2s_audit" in line for line in ours), "the control: the audit was seen to run"
    assert any(b"wpa_supplicant" in line for line in ours)


def test_the_secrets_were_really_met(kept: Kept) -> None:
    """The control: what is in clear on the cable was heard there, and the record holds the answers around it."""
    wire = b"".join(path.read_bytes() for path in kept.heard)
    hunt = Hunt({name: kept.planted[name] for name in ("community", "cookie", "token", "nonce", "session")})
    assert hunt.found_in(wire) == set(hunt.secrets)
    redacted = {
        (o["request"]["target"], blob["kind"])
        for o in observations(kept)
        if ["layer", "clear"] in o["request"]["params"]
        for blob in o["blobs"]
        if blob["redacted"]
    }
    assert ("supervision", "services-http") in redacted


def observations(kept: Kept) -> list[dict[str, Any]]:
    return [b["observation"] for b in kept.result.entries if b["kind"] == "observation"]


def test_a_cracker_finds_nothing_to_work_on(kept: Kept) -> None:
    """Digests of SNMPv3 and challenges of EAP: on the cable they are, in what was written none is, in any form."""
    wire = b"".join(path.read_bytes() for path in kept.heard)
    digests = usm_digests(wire)
    assert len(digests) > 20, "the control: the same reading finds them on the cable"
    files = [file for path in kept.outputs for file in (path, *path.rglob("*")) if file.is_file()]
    everything = b"\0".join(text for file in files for text in unpacked(file.read_bytes()))
    assert usm_digests(everything) == set()
    assert eap_hashes(everything) == set()
    assert not any(digest in everything for digest in digests)
    hunt = Hunt({digest.hex(): digest for digest in sorted(digests)[:20]})
    assert hunt.found_in(everything) == set()
    for data, _, _, _, _, _ in kept.captured():
        if data[12:14] == b"\x88\x8e":
            assert len(data) <= 14 + 9, "of EAP nothing but the method's number"


def test_the_plan_is_signed_and_the_machine_said_before_the_first_packet(kept: Kept) -> None:
    kinds = [body["kind"] for body in kept.result.entries]
    assert kinds[:3] == ["campaign", "pass_opened", "pass_signed"]
    opened, closed = kept.result.entries[1], kept.result.entries[-1]
    assert closed["kind"] == "pass_closed"
    assert opened["clock"]["source"] == closed["clock"]["source"] != ""
    machine = opened["machine"]
    assert machine["operator"] == "A. Auditrice"
    assert machine["hostname"]
    assert set(machine["interfaces"]) == {p["interface"] for p in _site(kept)["points"] if p["id"] in opened["points"]}
    assert all(len(mac) == 17 for mac in machine["interfaces"].values())


SECRET = b"Mot-de-passe-9876+/"


@pytest.mark.parametrize("form", sorted(forms(SECRET)))
def test_the_hunt_finds_a_secret_in_each_form(form: bytes, tmp_path: Path) -> None:
    hunt = Hunt({"s": SECRET})
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_bytes(b"before " + form + b" after")
    assert hunt.found_below([tmp_path]) == {str(tmp_path / "d" / "f"): {"s"}}
    assert hunt.found_in(b"x" + zipped(b"before " + form)) == {"s"}
    assert hunt.found_in(b"Mot-de-passe-1234") == set()


def test_the_extraction_finds_digests_where_they_are() -> None:
    digest = bytes(range(1, 25))
    usm = b"\x04\x05\x80\x00\x00\x00\x01\x02\x01\x01\x02\x01\x02\x04\x04user\x04\x18" + digest + b"\x04\x08" + bytes(8)
    security = b"\x30" + bytes([len(usm)]) + usm
    header = b"\x30\x0d\x02\x01\x07\x02\x02\x05\xdc\x04\x01\x07\x02\x01\x03"
    message = b"\x02\x01\x03" + header + b"\x04" + bytes([len(security)]) + security + b"\x04\x04abcd"
    message = b"\x30" + bytes([len(message)]) + message
    assert usm_digests(b"noise" + message + b"noise") == {digest}
    assert usm_digests(message.replace(digest, bytes(24))) == set()
    assert usm_digests(message[:40]) == set()
    body = b"\x02\x01\x00\x16\x04\x10" + bytes(range(16))
    assert eap_hashes(b"x" * 12 + b"\x88\x8e\x02\x00\x00\x16" + body) == {bytes(range(16))}
    assert eap_hashes(b"x" * 12 + b"\x88\x8e\x02\x00\x00\x16" + body[:5]) == set()
