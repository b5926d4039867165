"""A closed port passes nothing; an authentication opens it, for one address, in its VLAN; an unplug closes it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from r2s_audit.lab import Building, plumbing
from r2s_audit.lab.daemons.freeradius import account, client_certificate
from r2s_audit.lab.pki import certificate_file, key_file
from tests.lab.audits import pcap_frames

pytestmark = pytest.mark.building

GUARDED, THINGS = "prise-8021x", "prise-mab"
PAE = "1.0.8802.1.1.1.1"
STRANGER = "02:52:32:53:00:99"
CLIENT = Path(__file__).with_name("client.py")
SEND = """
import socket, sys
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
    s.bind((sys.argv[1], 0))
    for _ in range(3):
        s.send(bytes.fromhex("ffffffffffff" + sys.argv[2].replace(":", "") + "88b5") + bytes(50))
"""
"""An EtherType for local experiments (IEEE 802), broadcast."""


@pytest.fixture
def configuration(building: Building, tmp_path: Path) -> Callable[..., Path]:
    """Write what wpa_supplicant needs for a method."""

    def write(method: str, password: str | None = None) -> Path:
        pki = building.authority.parent
        certificate = client_certificate(building.sane)
        secret = password or (building.state_dir / "secrets" / "dot1x-password").read_text().strip()
        own = {
            "tls": [
                "eap=TLS",
                f'identity="{certificate.name}"',
                f'client_cert="{certificate_file(pki, certificate)}"',
                f'private_key="{key_file(pki, certificate)}"',
            ],
            "peap": [
                "eap=PEAP",
                f'identity="{account(building.sane)}"',
                f'password="{secret}"',
                'phase2="auth=MSCHAPV2"',
            ],
            "ttls": ["eap=TTLS", f'identity="{account(building.sane)}"', f'password="{secret}"', 'phase2="auth=PAP"'],
        }[method]
        server = [f'ca_cert="{building.authority}"', 'domain_match="radius.residence.r2s.test"']
        if method != "tls":
            server.append('anonymous_identity="anonymous"')
        lines = ["ap_scan=0", "network={", "key_mgmt=IEEE8021X", "eapol_flags=0", *own, *server, "}"]
        path = tmp_path / f"{method}.conf"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


@pytest.fixture
def authenticate(building: Building, configuration) -> Callable[..., tuple[str, float]]:
    """Run a supplicant until it is told; the outcome, and when it came by the machine's clock."""

    def run(method: str, password: str | None = None) -> tuple[str, float]:
        command = ["wpa_supplicant", "-D", "wired", "-i", GUARDED, "-t", "-c", str(configuration(method, password))]
        with subprocess.Popen(
            [*building.enter("auditeur"), "timeout", "15", *command], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            try:
                for line in process.stdout:
                    for outcome in ("EAP-SUCCESS", "EAP-FAILURE"):
                        if f"CTRL-EVENT-{outcome}" in line:
                            return outcome, float(line.split(":")[0])
            finally:
                process.terminate()
        return "", 0.0

    return run


@pytest.fixture
def tag(building: Building, inside) -> Callable[[str], int]:
    """VLAN that the switch has a laptop's socket in."""

    def read(socket: str) -> int:
        switch, port = building.sane.far_end("auditeur", socket)
        database = building.state_dir / "n" / switch / "ovs" / "db.sock"
        return int(inside(switch, "ovs-vsctl", f"--db=unix:{database}", "get", "port", port, "tag").stdout)

    return read


@pytest.fixture
def replug(building: Building, inside, tag, wait_for) -> Iterator[Callable[..., None]]:
    """Unplug a socket and plug it in again, with another address where one is given; plugged anew after the test."""
    before = {
        name: inside("auditeur", "cat", f"/sys/class/net/{name}/address").stdout.strip() for name in (GUARDED, THINGS)
    }

    def again(socket: str, address: str = "") -> None:
        inside("auditeur", "ip", "link", "set", "dev", socket, "down")
        wait_for(lambda: tag(socket) > 4000, 2)
        inside("auditeur", "ip", "link", "set", "dev", socket, "address", address or before[socket])
        result = inside("auditeur", "sh", "-s", input=plumbing.wiring(building.sane, "auditeur").stdin)
        assert result.returncode == 0, result.stderr

    yield again
    for socket in (GUARDED, THINGS):
        again(socket)


@contextmanager
def heard(building: Building, node: str, interface: str, expression: str, seconds: float) -> Iterator[list[str]]:
    """Lines of what comes in at an interface during a block and until ``seconds`` after its start."""
    command = ["tcpdump", "-nnle", "--immediate-mode", "-i", interface, "-Q", "in", expression]
    lines: list[str] = []
    with subprocess.Popen(
        [*building.enter(node), "timeout", str(seconds), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as capture:
        assert capture.stderr
        while "listening" not in capture.stderr.readline():
            pass
        yield lines
        out, _ = capture.communicate(timeout=seconds + 5)
        lines += [line for line in out.splitlines() if " > " in line]


def passes(building: Building, inside, socket: str, address: str) -> bool:
    """Whether a broadcast of this sender at the socket reaches the supervisor."""
    with heard(building, "supervision", "eth0", f"ether proto 0x88b5 and ether src {address}", 1.0) as lines:
        result = inside("auditeur", "/usr/bin/python3", "-I", "-c", SEND, socket, address)
        assert result.returncode == 0, result.stderr
    return bool(lines)


def own(inside, socket: str) -> str:
    return inside("auditeur", "cat", f"/sys/class/net/{socket}/address").stdout.strip()


def reaches(building: Building, reach, socket: str, target: str) -> set[str]:
    return set(reach("auditeur", [(socket, address, "443") for address in building.address(target)]).values())


def test_a_closed_port_passes_nothing_and_is_not_mute(building: Building, inside, reach, tag) -> None:
    assert tag(GUARDED) > 4000
    # Longer than between two advertisements of the router in the VLAN behind the port.
    with heard(building, "auditeur", GUARDED, "ether proto 0x88cc or not ether proto 0x888e", 4.5) as lines:
        assert reaches(building, reach, GUARDED, "supervision") <= {"silent", "EHOSTUNREACH"}
        assert not passes(building, inside, GUARDED, own(inside, GUARDED))
    assert lines
    assert all("ethertype LLDP" in line for line in lines), lines


@pytest.mark.parametrize("method", ["tls", "peap", "ttls"])
def test_authentication_opens_the_port_in_its_vlan(
    building: Building, authenticate, replug, reach, tag, wait_for, method: str
) -> None:
    assert tag(GUARDED) > 4000
    outcome, at = authenticate(method)
    assert outcome == "EAP-SUCCESS"
    wait_for(lambda: tag(GUARDED) == 20, 1)
    assert time.time() - at < 1
    assert reaches(building, reach, GUARDED, "supervision") == {"open"}
    assert reaches(building, reach, GUARDED, "sw-acces") <= {"silent"}


def test_an_open_port_is_open_for_one_address_and_closes_with_the_cable(
    building: Building, inside, authenticate, replug, tag, wait_for, walk
) -> None:
    index = next(
        oid.rpartition(".")[2]
        for oid, value in walk(building.address("sw-acces")[0], "1.3.6.1.2.1.31.1.1.1.1").items()
        if bytes.fromhex(value) == b"ge11"
    )

    def pae() -> tuple[str, str, str]:
        table = walk(building.address("sw-acces")[0], PAE)
        return tuple(table[f"{PAE}.2.1.1.{column}.{index}"] for column in (1, 5, 6))  # type: ignore[return-value]

    def becomes(*expected: str) -> None:
        """State, whether authorized, control; the agent looks every half second."""
        deadline = time.monotonic() + 3
        while (now := pae()) != expected:
            assert time.monotonic() < deadline, now
            time.sleep(0.1)

    becomes("3", "2", "2")  # connecting, unauthorized, auto
    assert authenticate("tls")[0] == "EAP-SUCCESS"
    wait_for(lambda: tag(GUARDED) == 20, 1)
    assert passes(building, inside, GUARDED, own(inside, GUARDED))
    assert not passes(building, inside, GUARDED, STRANGER)
    becomes("5", "1", "2")
    inside("auditeur", "ip", "link", "set", "dev", GUARDED, "down")
    wait_for(lambda: tag(GUARDED) > 4000, 1)
    becomes("2", "2", "2")


@pytest.mark.parametrize("method", ["peap", "ttls"])
def test_a_wrong_password_keeps_it_closed(building: Building, authenticate, replug, reach, tag, method: str) -> None:
    assert authenticate(method, "not the password")[0] == "EAP-FAILURE"
    assert tag(GUARDED) > 4000
    assert reaches(building, reach, GUARDED, "supervision") <= {"silent", "EHOSTUNREACH"}


def test_a_known_address_is_let_in_and_a_stranger_is_a_guest(
    building: Building, inside, replug, reach, tag, wait_for
) -> None:
    replug(THINGS)
    wait_for(lambda: reaches(building, reach, THINGS, "supervision") == {"open"}, 5)
    assert tag(THINGS) == 20
    assert not passes(building, inside, THINGS, STRANGER)
    replug(THINGS, STRANGER)
    wait_for(lambda: tag(THINGS) == 40, 4)
    assert reaches(building, reach, THINGS, "supervision") <= {"silent", "EHOSTUNREACH"}
    lease = inside("auditeur", "/usr/bin/python3", "-I", str(CLIENT), THINGS, "dhcp4", STRANGER)
    assert json.loads(lease.stdout)["address"].startswith("10.66.40."), lease.stderr


def attributes(frame: bytes) -> list[int]:
    """Types of the attributes of a RADIUS message (RFC 2865) in a tagged IPv4 frame."""
    message = frame[14 + 4 + 20 + 8 :]
    rest, found = message[20 : int.from_bytes(message[2:4], "big")], []
    while rest:
        found.append(rest[0])
        rest = rest[rest[1] :]
    return found


def test_the_mirror_hears_radius_in_its_vlan_and_every_message_is_authenticated(
    building: Building, authenticate, replug, tmp_path: Path
) -> None:
    file = tmp_path / "radius.pcap"
    command = [
        "tcpdump",
        "--immediate-mode",
        "-U",
        "-Z",
        "root",
        "-i",
        "miroir",
        "-w",
        str(file),
        "vlan 10 and udp port 1812",
    ]
    with subprocess.Popen([*building.enter("auditeur"), *command], stderr=subprocess.PIPE, text=True) as capture:
        assert capture.stderr
        while "listening" not in capture.stderr.readline():
            pass
        # Without a client's certificate: no message is so long that it comes in two pieces.
        assert authenticate("peap")[0] == "EAP-SUCCESS"
        time.sleep(0.3)
        capture.terminate()
    messages = [attributes(data) for _, data, _ in pcap_frames(file)]
    assert len(messages) >= 4
    assert all(80 in message for message in messages), messages


def test_the_mirror_says_nothing(building: Building, inside) -> None:
    assert not passes(building, inside, "miroir", STRANGER)
    assert inside("auditeur", "ip", "-o", "address", "show", "dev", "miroir").stdout == ""
