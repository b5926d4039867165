"""The building's devices: each answers its protocol, to other people's tools where there are some, and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from benchmarks.audits import audit
from r2s_audit.lab import Building, Fault
from r2s_audit.model.finding import Value

pytestmark = pytest.mark.building

Inside = Callable[..., Any]
ASK = """
import json, socket, sys
address, port, question = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3])
with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"prise-tech")
    sock.settimeout(2)
    sock.connect((address, port))
    if port == 3671:
        question = question[:8] + socket.inet_aton(sock.getsockname()[0]) + sock.getsockname()[1].to_bytes(2, "big")
    sock.send(question)
    print(sock.recv(2048).hex())
"""


@pytest.fixture
def datagram(building: Building, inside: Inside) -> Callable[[str, int, str], bytes]:
    """One datagram from the technical socket, one answer."""

    def ask(address: str, port: int, question: str) -> bytes:
        found = inside("auditeur", "/usr/bin/python3", "-c", ASK, address, str(port), question)
        assert found.returncode == 0, found.stderr
        return bytes.fromhex(found.stdout)

    return ask


@pytest.fixture
def tls(building: Building, inside: Inside) -> Callable[..., Any]:
    """A client by OpenSSL, trusting the building's root alone."""

    def run(node: str, port: int, text: str = "", *words: str) -> Any:
        host, root = building.address(node)[0], building.state_dir / "pki" / "ca.pem"
        name = f"{node}.residence.r2s.test"
        command = f"openssl s_client -quiet -connect {host}:{port} -CAfile {root} -verify_return_error -verify_hostname {name}"
        return inside("auditeur", "timeout", "3", *command.split(), *words, input=text)

    return run


def test_the_broker_shows_the_buildings_certificate_and_lets_nobody_in(tls: Any, building: Building, inside: Inside):
    connect = "\\x10\\x0d\\x00\\x04MQTT\\x04\\x02\\x00\\x0a\\x00\\x01x"
    host, root = building.address("supervision")[0], building.state_dir / "pki" / "ca.pem"
    words = f"s_client -quiet -connect {host}:8883 -CAfile {root} -verify_return_error"
    script = f"(printf '{connect}'; sleep 0.5) | openssl {words} 2>/dev/null | od -An -tx1"
    assert inside("auditeur", "bash", "-c", script).stdout.split() == ["20", "02", "00", "05"]


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
@pytest.mark.parametrize(("node", "port"), [("supervision", 8883), ("camera-hall", 322), ("interphone", 5061)])
def test_nothing_older_than_tls_1_2(tls: Any, node: str, port: int, version: str):
    assert tls(node, port, "", "-tls1_2").returncode in {0, 124}  # the control: 124 is the end of its patience
    found = tls(node, port, "", version, "-cipher", "ALL:@SECLEVEL=0")
    assert "alert protocol version" in found.stderr or "no protocols available" in found.stderr, found.stderr


@pytest.mark.parametrize(
    ("node", "port", "question", "status"),
    [
        ("camera-hall", 322, "OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n", "RTSP/1.0 200 OK"),
        ("camera-hall", 322, "DESCRIBE * RTSP/1.0\r\nCSeq: 7\r\n\r\n", "RTSP/1.0 405 Method Not Allowed"),
        ("interphone", 5061, "OPTIONS sip:x SIP/2.0\r\nCSeq: 7 OPTIONS\r\n\r\n", "SIP/2.0 200 OK"),
    ],
)
def test_camera_and_intercom_over_tls(tls: Any, node: str, port: int, question: str, status: str):
    lines = tls(node, port, question).stdout.splitlines()
    assert lines[0].strip() == status
    assert any(line.startswith("CSeq: 7") for line in lines)


def test_bacnet_answers_its_own_instance_and_no_other(building: Building, datagram: Any, inside: Inside):
    for address in building.address("automate-cvc"):
        assert datagram(address, 47808, "810a000d0100100809001a03e9")[6:13].hex() == "1000c4020003e9"
    with pytest.raises(AssertionError, match="timed out"):
        datagram(building.address("automate-cvc")[0], 47808, "810a000c0100100809001907")


def test_knx_answers_a_search(building: Building, datagram: Any):
    answer = datagram(building.address("passerelle-knx")[0], 3671, "06100201000e0801000000000000")
    assert answer[:4].hex() == "06100202"
    assert b"Parties communes" in answer


def test_the_clock_of_the_supervisor(building: Building, datagram: Any):
    for address in building.address("supervision"):
        answer = datagram(address, 123, "23" + "00" * 47)
        assert (answer[0] & 7, answer[1]) == (4, 3)


@pytest.mark.parametrize("node", ["sw-coeur", "sw-acces", "supervision"])
def test_ssh_takes_keys_only_and_current_algorithms_only(building: Building, inside: Inside, node: str, tmp_path: Path):
    host = building.address(node)[0]
    options = "-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=3"
    found = inside("auditeur", "ssh", "-v", *options.split(), f"root@{host}", "true")
    assert re.search(r"Authentications that can continue: publickey\s", found.stderr), found.stderr
    assert "Server host key: ssh-ed25519" in found.stderr
    old = inside(
        "auditeur", "ssh", *options.split(), "-o", "KexAlgorithms=diffie-hellman-group14-sha1", f"root@{host}", "true"
    )
    assert "no matching key exchange method" in old.stderr


def test_gateways_announce_themselves(building: Building, inside: Inside):
    script = """
import socket, struct, sys
own = socket.inet_aton(sys.argv[1])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"prise-log")
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
    sock.settimeout(2)
    name = b"".join(bytes([len(l)]) + l for l in (b"_https", b"_tcp", b"local")) + b"\\0"
    sock.sendto(struct.pack(">6H", 1, 0, 1, 0, 0, 0) + name + struct.pack(">HH", 12, 1), ("224.0.0.251", 5353))
    for _ in range(4):
        data, source = sock.recvfrom(2048)
        print(source[0], data[-4:].hex())
"""
    own = "10.66.30.50"
    found = inside("auditeur", "/usr/bin/python3", "-c", script, own)
    assert found.returncode == 0, found.stderr
    heard = dict(line.split() for line in found.stdout.splitlines())
    assert set(heard) == {building.address(f"gw-{n}")[0] for n in (101, 102, 201, 202)}


@pytest.mark.parametrize(
    ("node", "open_ports", "closed"),
    [
        ("supervision", {"443", "8883", "22"}, {"1883", "80", "23"}),
        ("compteur", {"502"}, {"80", "22"}),
        ("automate-cvc", set(), {"80", "47808"}),
    ],
)
def test_sane_devices_listen_to_nothing_else(
    building: Building, reach: Any, node: str, open_ports: set[str], closed: set[str]
):
    questions = [("prise-tech", a, port) for a in building.address(node) for port in open_ports | closed]
    found = reach("auditeur", questions)
    assert {port for (_, _, port), outcome in found.items() if outcome == "open"} == open_ports
    assert {outcome for (_, _, port), outcome in found.items() if port in closed} == {"refused"}


def test_visitors_reach_none_of_them(building: Building, reach: Any):
    targets = {"supervision": "8883", "compteur": "502", "camera-hall": "322", "interphone": "5061"}
    questions = [("prise-vis", a, port) for node, port in targets.items() for a in building.address(node)]
    assert set(reach("auditeur", questions).values()) == {"silent"}


def test_the_site_file_declares_them(building: Building, tmp_path: Path):
    building.write_site(tmp_path / "site.yaml")
    site = YAML(typ="safe").load(tmp_path / "site.yaml")
    declared = {
        d["id"]: (d["role"], d["zone"], [(s["protocol"], s["port"]) for s in d["services"]])
        for d in site["devices"]
        if d.get("services")
    }
    assert declared["supervision"] == (
        "supervisor", "technique", [("https", 443), ("mqtt", 8883), ("ssh", 22), ("ntp", 123), ("syslog", 514)],
    )  # fmt: skip
    assert declared["compteur"] == ("meter", "technique", [("modbus", 502)])
    assert declared["automate-cvc"] == ("controller", "technique", [("bacnet", 47808)])
    assert declared["passerelle-knx"] == ("controller", "technique", [("knx", 3671)])
    assert declared["camera-hall"] == ("camera", "video", [("rtsp", 322)])
    assert declared["interphone"] == ("intercom", "video", [("sip", 5061)])
    udp = {s["protocol"] for d in site["devices"] for s in d.get("services", []) if s.get("transport") == "udp"}
    assert udp >= {"bacnet", "knx", "ntp", "syslog"}
    assert json.dumps(site)


def test_memory_of_the_whole_building(building: Building):
    assert building.status().memory < 1e9


@pytest.mark.parametrize(
    ("name", "accused"),
    [
        ("mqtt-anonymous-clear", {("services.class", "supervision"), ("services.mqtt-anonymous", "supervision")}),
        ("camera-rtsp-clear", {("services.rtsp-clear", "camera-hall")}),
        ("bacnet-device-off", set()),
    ],
)
def test_a_service_in_clear_is_seen_live(
    building: Building, tmp_path: Path, name: str, accused: set[tuple[str, str]]
) -> None:
    """Only S1.4, which asks every service: the whole of each fault's moves is `make accuracy`'s."""
    fault = Fault.load(name)
    with building.fault(fault):
        result = audit(building, tmp_path, "--only", "S1.4")
    wrong = {(f.check, f.subject.target) for f in result.audit.findings if f.value is Value.NON_CONFORME}
    assert wrong == accused
    assert result.verdicts()["S1.4"][0] == ("non_atteint" if accused else "non_evalue")
    silent = {f.subject.target for f in result.audit.findings if f.value is Value.NON_VERIFIE}
    assert silent == ({"automate-cvc"} if name == "bacnet-device-off" else set())


def test_harm_what_reaches_the_controllers_is_one_question_each(building: Building, inside: Inside, tmp_path: Path):
    """An independent tap at the controllers' own cables: one Who-Is, one search, one session, and no printer port."""
    captures = {"automate-cvc": "udp port 47808", "passerelle-knx": "udp port 3671", "compteur": "tcp port 502"}
    taps = {}
    for node, expression in captures.items():
        command = [*building.enter(node), "tcpdump", "-i", "eth0", "-Q", "in", "-n", "-l", "-U", expression]
        taps[node] = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for tap in taps.values():
        assert tap.stderr is not None
        while "listening" not in tap.stderr.readline():
            assert tap.poll() is None
    try:
        result = audit(building, tmp_path, "--only", "S1.4", "--only", "C1.3", "--only", "C2.3")
    finally:
        heard = {}
        for node, tap in taps.items():
            tap.terminate()
            heard[node] = [line for line in tap.communicate(timeout=5)[0].splitlines() if line]
    assert result.audit.internal_errors == 0
    assert len(heard["automate-cvc"]) == 1
    assert len(heard["passerelle-knx"]) == 1
    assert sum("Flags [S]" in line for line in heard["compteur"]) == 1
