"""The family against a real authenticator: what opens, what stays closed, and the silences that prove nothing."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from probes.dot1x import collect
from probes.wire.client import Wire
from probes.wire.frames import FrameKind, parse_header
from r2s_audit.engine.budget import Budget
from r2s_audit.engine.scope import PointGate, Scope
from r2s_audit.model.topology import Topology
from tests.probes.dot1x.network import DEAD_RADIUS, OUTER, PASSWORD, TLS_USER, USER, building
from tests.probes.dot1x.support import PARAMETERS, Audit, C, N, P, U, credentials, site
from tests.probes.wire.support import Tap

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces and raw sockets")
EVERY = tuple(PARAMETERS)
BRIEF = {
    name: given.model_copy(update={"authentication_seconds": 5}) if hasattr(given, "authentication_seconds") else given
    for name, given in PARAMETERS.items()
}
"""For authentications that never end."""


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """The authenticator answers within milliseconds, except to the first Start after a Logoff, which it loses."""
    monkeypatch.setattr(collect, "START_SECONDS", 2.2)
    monkeypatch.setattr(collect, "SETTLE_SECONDS", 0.2)


def audit(net, dot1x=None, **changes):
    return Audit(Topology(site(dot1x or credentials(net.method), **changes)), net.directory)


def events(log, word):
    log.flush()
    return Path(log.name).read_text(errors="replace").count(word)


@pytest.mark.parametrize(
    ("method", "names"),
    [("peap", EVERY), ("eap-tls", EVERY[2:]), ("ttls", ("authentication-opens-port",))],
)
def test_a_port_as_it_should_be(tmp_path, method, names):
    with building(tmp_path, method) as net:
        net.authenticator()
        tap = Tap("wa")
        one = audit(net)
        values = one.values(*names)
        outgoing = tap.take(outgoing=True)
        tap.close()
    assert values == dict.fromkeys(names, C), one.said
    declared = one.facts("dot1x.authenticate", identity="declared")
    assert declared["method"] == {"peap": 25, "eap-tls": 13, "ttls": 21}[method]
    assert declared["validated"] is True
    assert declared["tls_version"].startswith("TLSv1.")
    assert [c["depth"] for c in declared["certificates"]] == [0, 1]
    assert declared["certificates"][0]["subject"] == "CN=radius.batiment.example"
    assert declared["certificates"][0]["issuer"] == declared["certificates"][1]["subject"] == "CN=Autorité du bâtiment"
    assert {o["address"].rpartition(".")[0] for o in declared["opened"]["offers"]} == {"10.0.30"}
    if "bad-credentials-refused" in names:
        assert one.facts("dot1x.authenticate", identity="fictitious")["result"] == "failure"
        assert one.failures == 1
    spoken = _only_what_the_gate_allows(one.topology, outgoing)
    assert {(FrameKind.EAPOL, 0), (FrameKind.EAPOL, 2), (FrameKind.ARP, None)} <= spoken
    assert ((FrameKind.EAPOL, 1) in spoken) == (len(names) > 1)  # a DISCOVER makes this authenticator ask by itself


def _only_what_the_gate_allows(topology, frames):
    """The supplicant's frames as well: each would have passed the gate."""
    gate = PointGate(Scope(topology), Budget(topology.site.scope, clock=lambda: 0.0), topology.points["P1"])
    kinds = set()
    for frame in frames:
        header = parse_header(frame)
        gate.admit("wa", header)
        kinds.add((header.kind, header.eapol_type))
    return kinds


@pytest.mark.parametrize(
    ("method", "change", "error"),
    [
        ("peap", {"trust": ["other.pem"]}, "self"),
        ("peap", {"server_name": "autre.example"}, "Domain"),
        ("ttls", {"trust": ["other.pem"]}, "self"),
        ("eap-tls", {"trust": ["other.pem"]}, "self"),
    ],
)
def test_a_server_that_is_not_the_declared_one_learns_nothing(tmp_path, method, change, error):
    with building(tmp_path, method) as net:
        net.authenticator()
        tap = Tap("wa")
        one = audit(net, credentials(method, **change))
        values = one.values("authentication-opens-port")
        frames = tap.take(outgoing=True)
        tap.close()
    assert values == {"authentication-opens-port": N}
    facts = one.facts("dot1x.authenticate")
    assert (facts["result"], facts["validated"]) == ("failure", False)
    assert error in facts["validation_error"], facts["validation_error"]
    sent = b"".join(frames)
    assert OUTER.encode() in sent
    for hidden in (USER, PASSWORD, TLS_USER):
        assert hidden.encode() not in sent
    assert PASSWORD.encode("utf-16-le") not in sent


def test_a_wrong_password_is_shown_once(tmp_path):
    with building(tmp_path) as net:
        _, log = net.authenticator()
        (tmp_path / "password").write_text("un autre\n")
        one = audit(net)
        values = one.values("authentication-opens-port")
        tries = events(log, "CTRL-EVENT-EAP-FAILURE")
    assert values == {"authentication-opens-port": N}, one.said
    assert "identité déclarée refusée" in one.said["authentication-opens-port"]
    assert (tries, one.failures) == (1, 1)
    assert one.facts("dot1x.authenticate")["closed"]["claims"] == []


def test_failures_share_one_budget(tmp_path):
    tight = {
        name: given.model_copy(update={"lockout_budget": 1}) if hasattr(given, "lockout_budget") else given
        for name, given in PARAMETERS.items()
    }
    with building(tmp_path) as net:
        _, log = net.authenticator()
        (tmp_path / "password").write_text("un autre\n")
        one = audit(net)
        values = one.values("authentication-opens-port", "bad-credentials-refused", parameters=tight)
        tries = events(log, "CTRL-EVENT-EAP-FAILURE")
    assert values == {"authentication-opens-port": N, "bad-credentials-refused": U}
    assert "plus d'essai permis" in one.said["bad-credentials-refused"]
    assert tries == 1


def test_a_mute_server_is_no_refusal(tmp_path):
    with building(tmp_path) as net:
        net.authenticator(DEAD_RADIUS)
        one = audit(net)
        values = one.values("authenticator-answers", "authentication-opens-port", parameters=BRIEF)
    assert values == {"authenticator-answers": C, "authentication-opens-port": U}, one.said
    assert "muet" in one.said["authentication-opens-port"]


def test_no_authenticator_and_a_closed_port(tmp_path):
    """Nobody is heard: the port may be dead, and nothing is concluded."""
    with building(tmp_path) as net:
        one = audit(net)
        values = one.values(*EVERY[:3], parameters=BRIEF)
    assert values == dict.fromkeys(EVERY[:3], U), one.said
    assert one.failures == 0  # nobody asked, nobody refused
    assert "peut-être mort" in one.said["port-closed"]


def test_no_link(tmp_path):
    with building(tmp_path) as net:
        net.unplug()
        one = audit(net)
        values = one.values(*EVERY)
    assert values == dict.fromkeys(EVERY, U)
    assert all("aucun lien" in said for said in one.said.values()), one.said


@pytest.mark.parametrize(("vlan", "expected"), [(30, N), (40, N), (50, P)])
def test_a_port_open_to_everybody(tmp_path, vlan, expected):
    with building(tmp_path) as net:
        net.open_port(vlan)
        one = audit(net)
        values = one.values("port-closed", "authenticator-answers")
    assert values == {"port-closed": expected, "authenticator-answers": N}, one.said
    assert f"{vlan} (" in one.said["port-closed"]


def test_an_undeclared_network_is_nobodys(tmp_path):
    with building(tmp_path) as net:
        net.open_port(50)
        vlans = [vlan.model_dump(mode="json") for vlan in site().vlans if vlan.id != 50]
        one = audit(net, vlans=vlans)
        values = one.values("port-closed")
    assert values == {"port-closed": U}
    assert "réseau non déclaré" in one.said["port-closed"]


def test_the_wrong_vlan(tmp_path):
    with building(tmp_path) as net:
        net.opens = 40
        net.authenticator()
        one = audit(net)
        values = one.values("authentication-opens-port")
    assert values == {"authentication-opens-port": N}, one.said
    assert "40 (technique)" in one.said["authentication-opens-port"]


def test_a_port_that_was_open_anyway_proves_nothing(tmp_path):
    with building(tmp_path) as net:
        net.authenticator()
        net.open_port(30)
        one = audit(net)
        values = one.values("authentication-opens-port")
    assert values == {"authentication-opens-port": U}
    assert "avant l'authentification" in one.said["authentication-opens-port"]


def test_a_flooded_capture_is_never_conforme(tmp_path, monkeypatch):
    """LLDP for all, as much as one thread can: every control is there, but some frames were lost."""
    narrow(monkeypatch)
    with building(tmp_path) as net:
        net.authenticator()
        over = threading.Event()
        with net.switch.inside():
            flood = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        flood.bind(("sw0", 0))
        lldp = bytes.fromhex("0180c200000e020000000099") + b"\x88\xcc" + bytes(1400)

        def pour():
            while not over.is_set():
                for _ in range(64):
                    flood.send(lldp)

        thread = threading.Thread(target=pour)
        thread.start()
        one = audit(net)
        try:
            values = one.values("port-closed")
        finally:
            over.set()
            thread.join()
            flood.close()
    assert values == {"port-closed": U}, one.said
    assert "capture incomplète" in one.said["port-closed"]
    assert one.facts("dot1x.closed")["loss"]["kernel"] + one.facts("dot1x.closed")["loss"]["forwarding"] > 0


def test_a_link_lost_meanwhile_is_never_conforme(tmp_path):
    with building(tmp_path) as net:
        net.authenticator()
        one = audit(net)
        timer = threading.Timer(0.5, net.switch.run, ["ip link set sw0 down; ip link set sw0 up"])
        values = one.values("port-closed", before=lambda request: timer.start())
        timer.join()
    assert values == {"port-closed": U}, one.said
    assert "lien perdu" in one.said["port-closed"]


def narrow(monkeypatch):
    """Captures with the smallest kernel buffer: what a flood does to a large one, sooner."""
    capture = Wire.capture

    def small(self, interface, **options):
        return capture(self, interface, **(options | {"buffer_bytes": 1}))

    monkeypatch.setattr(Wire, "capture", small)


def test_by_the_command_that_a_user_types(tmp_path):
    """Privileges dropped, secrets read by reference, every frame in the ledger, the supplicant's too."""
    with building(tmp_path) as net:
        net.authenticator()
        (tmp_path / "site.yaml").write_text(json.dumps(site(credentials()).model_dump(mode="json")))
        label = Path("profiles/r2s-residentiel-2019.yaml").read_text()
        quick = label.replace("silence_seconds: {value: 60", "silence_seconds: {value: 1")
        (tmp_path / "quick.yaml").write_text(quick.replace("answer_seconds: {value: 5", "answer_seconds: {value: 1"))
        command = [sys.executable, "-m", "r2s_audit", "run", str(tmp_path / "site.yaml"), "--only", "S1.1", "--json"]
        command += ["--profile", str(tmp_path / "quick.yaml"), "--record", str(tmp_path / "record")]
        tap = Tap("wa")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        eapol = [frame for frame in tap.take(outgoing=True) if frame[12:14] == b"\x88\x8e"]
        tap.close()
    assert done.returncode in {0, 3}, done.stderr
    cells = {
        c["check"]: c["state"] for c in json.loads(done.stdout)["cells"]["cells"] if c["check"].startswith("dot1x")
    }
    assert cells == {f"dot1x.{name}": "C" for name in EVERY}, done.stdout
    kept = b"\n".join(path.read_bytes() for path in (tmp_path / "record").rglob("*") if path.is_file())
    for hidden in (PASSWORD, (tmp_path / "client.key").read_text()):
        assert hidden.encode() not in kept
        assert hidden not in done.stdout + done.stderr
    listed = [line for line in kept.splitlines() if line.startswith(b'{"interface"') and b'"ethertype":34958' in line]
    assert len(listed) == len(eapol) > 10


def test_no_secret_in_processes_files_or_facts(tmp_path):
    with building(tmp_path) as net:
        net.authenticator()
        seen, over = [], threading.Event()

        def watch():
            while not over.is_set():
                listing = subprocess.run(
                    ["ps", "-eo", "pid,user,args", "ewww"], capture_output=True, text=True, check=True
                ).stdout
                seen.extend(line for line in listing.splitlines() if "wpa_supplicant -D" in line and " -i wa " in line)

        thread = threading.Thread(target=watch)
        before = set(Path("/tmp").iterdir())
        thread.start()
        one = audit(net)
        try:
            assert one.values("authentication-opens-port") == {"authentication-opens-port": C}, one.said
        finally:
            over.set()
            thread.join()
        left = {path for path in set(Path("/tmp").iterdir()) - before if "r2s-dot1x" in path.name}
        blobs = b"".join(path.read_bytes() for path in (tmp_path / "blobs").rglob("*") if path.is_file())
    assert seen, "the supplicant was never seen"
    assert {line.split(maxsplit=2)[2].strip() for line in seen} == {
        "wpa_supplicant -D wired -i wa -c /proc/self/fd/3 -W"
    }
    assert not left
    facts = str(one.found)
    for hidden in (PASSWORD, USER):
        assert hidden not in facts
        assert hidden.encode() not in blobs
