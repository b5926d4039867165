"""A minimal Access on loopback, a declared site, and a real snmpd started in a private directory."""

from __future__ import annotations

import asyncio
import hashlib
import os
import select
import shutil
import socket
import subprocess
import time
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from probes.snmp.community import encode_discovery
from r2s_audit.model.observation import BlobRef, request
from r2s_audit.model.site import Site
from r2s_audit.model.topology import Topology

SNMPD = shutil.which("snmpd") or "/usr/sbin/snmpd"
SECRETS = {"env:AUTH": "authpass12", "env:PRIV": "privpass12", "env:WRONG": "wrongpass12", "env:COMMUNITY": "gestion-7"}
USM = {
    "user": "u256",
    "auth_protocol": "SHA-256",
    "auth_secret": "env:AUTH",
    "priv_protocol": "AES-128",
    "priv_secret": "env:PRIV",
}
USERS = """
createUser u256 SHA-256 authpass12 AES privpass12
createUser u512 SHA-512 authpass12 AES-256 privpass12
createUser umd5 MD5 authpass12 DES privpass12
rouser u256 priv
rouser u512 priv
rouser umd5 priv
sysName sw-coeur
sysLocation Local technique RDC
sysContact exploitant
"""


class Access:
    """What a collector gets from the engine, reduced to loopback: counts what was paid, keeps what was kept."""

    def __init__(self, topology):
        self.topology = topology
        self.point = topology.site.points[0]
        self.paid = 0
        self.kept = []
        self.sockets = []
        self.lent = []

    async def udp(self, device, address, port):
        assert address in device.addresses
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.connect((str(address), port))
        self.sockets.append(sock)
        return sock

    async def pay(self, device, packets=1):
        self.paid += packets

    def secret(self, device, address, reference):
        assert address in device.addresses
        self.lent.append(reference)
        return SECRETS[reference]

    def keep(self, data, kind, *, redacted=False):
        self.kept.append(data)
        return BlobRef(
            digest=f"sha256:{hashlib.sha256(data).hexdigest()}", kind=kind, size=len(data), redacted=redacted
        )

    def now(self):
        return datetime.now(UTC)


def build_site(*, port=161, snmp=None, devices=None, community=None, zone_kind="administration", sockets=None):
    """One administration VLAN with a point; ``devices`` replaces the one switch."""
    switch = {
        "id": "sw-coeur",
        "role": "switch",
        "zone": "adm",
        "addresses": ["127.0.0.1"],
        "admin": {
            "snmp": None if snmp == {} else {**(snmp or USM), "port": port},
            "snmp_community": community,
        },
    }
    return Topology(
        Site.model_validate(
            {
                "r2s_site": 1,
                "building": {"id": "b", "name": "B"},
                "scope": {"networks": ["127.0.0.0/8"]},
                "zones": [{"id": "adm", "kind": zone_kind}, {"id": "log", "kind": "logements"}],
                "vlans": [
                    {"id": 10, "name": "ADMIN", "zone": "adm", "subnets": [{"prefix": "127.0.0.0/8"}]},
                    {"id": 20, "name": "GTB", "zone": "adm"},
                    {"id": 30, "name": "LOG", "zone": "log"},
                ],
                "sockets": sockets or [{"id": "s1", "zone": "adm", "vlan": 10, "switch": "sw-coeur", "port": "1"}],
                "devices": [switch] if devices is None else devices,
                "points": [{"id": "P-ADM", "socket": "s1", "interface": "lo"}],
            }
        )
    )


@pytest.fixture
def site():
    return build_site


@pytest.fixture
def quick(monkeypatch):
    """Shorter waits where the agent is on loopback and the length of a wait is not what is tested."""
    monkeypatch.setattr("probes.snmp.refusal.WINDOW_SECONDS", 0.3)
    monkeypatch.setattr("probes.snmp.usm.ANSWER_SECONDS", 0.4)
    monkeypatch.setattr("probes.snmp.refusal.ANSWER_SECONDS", 0.4)


@pytest.fixture
def usm():
    return USM


@pytest.fixture
def make_access():
    """Builds accesses; afterwards every socket that was handed out must have been closed."""
    made = []

    def make(topology):
        made.append(Access(topology))
        return made[-1]

    yield make
    left = [s for access in made for s in access.sockets if s.fileno() != -1]
    for sock in left:
        sock.close()
    assert not left, "a collector left its socket open"


@pytest.fixture
def free_port():
    def find():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]

    return find


@pytest.fixture
def snmpd(tmp_path, free_port):
    """``start(configuration) -> (port, process)``; ready when it answers a discovery."""
    if not Path(SNMPD).exists():
        pytest.skip("snmpd (Debian package snmpd) is not installed")
    running = []

    def start(extra="", users=USERS):
        port = free_port()
        home = tmp_path / f"snmpd-{port}"
        home.mkdir()
        (home / "snmpd.conf").write_text(f"agentAddress udp:127.0.0.1:{port}\n{users}\n{extra}\n")
        process = subprocess.Popen(
            [SNMPD, "-f", "-C", "-c", str(home / "snmpd.conf"), "-Lf", str(home / "log"), "-p", str(home / "pid")],
            env={"PATH": os.environ["PATH"], "SNMP_PERSISTENT_DIR": str(home), "MIBS": "", "MIBDIRS": str(home)},
        )
        running.append(process)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.connect(("127.0.0.1", port))
                probe.send(encode_discovery(1))
                if not select.select([probe], [], [], 0.1)[0]:
                    continue
                try:
                    probe.recv(65535)
                except ConnectionRefusedError:
                    select.select([], [], [], 0.02)
                    continue
                return port, process
        raise AssertionError(f"snmpd not ready: {(home / 'log').read_text()}")

    yield start
    for process in running:
        process.kill()
        process.wait()


class Script(asyncio.DatagramProtocol):
    """An agent that is scripted: ``answer(datagram)`` gives the datagrams to send back."""

    def __init__(self, answer):
        self.answer = answer
        self.seen = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.seen.append(data)
        for reply in self.answer(data):
            self.transport.sendto(reply, addr)


@pytest.fixture
def scripted():
    """Start a scripted agent inside a running loop: gives its port, the script and the transport to close."""

    async def start(answer):
        transport, script = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Script(answer), local_addr=("127.0.0.1", 0)
        )
        return transport.get_extra_info("sockname")[1], script, transport

    return start


@pytest.fixture
def ask():
    """The request of a collector to the site's switch."""

    def make(collector, port):
        return request(f"snmp.{collector}", "P-ADM", "sw-coeur", address=str(ip_address("127.0.0.1")), port=port)

    return make
