"""What collectors are lent, on the loopback interface."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Coroutine
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from probes.api import CollectFailure
from r2s_audit.engine.access import PassTools, PointAccess, Secrets
from r2s_audit.engine.budget import Budget
from r2s_audit.engine.interfaces import read_interface
from r2s_audit.engine.scope import PointGate, Scope
from r2s_audit.errors import OutOfScope, UsageError
from r2s_audit.evidence.blobs import BlobStore
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology
from tests.builders import site

SITE = site()
SWITCH = SITE.devices[0]
LOOPBACK = ip_address("127.0.0.1")


def access(tmp_path: Path, point: str = "P-ADM") -> PointAccess:
    topology = Topology(SITE)
    declared = topology.points[point]
    gate = PointGate(Scope(topology), Budget(SITE.scope, clock=time.monotonic), declared)
    tools = PassTools(Secrets(tmp_path, {"MOT": "ouvert"}), BlobStore(tmp_path / "blobs"), None, msg("sudo"))
    return PointAccess(gate, read_interface(declared.interface), tools)


def failure_of(work: Coroutine[Any, Any, Any]) -> CollectFailure:
    with pytest.raises(CollectFailure) as caught:
        asyncio.run(work)
    return caught.value


def test_tcp_open_refused_and_outside(tmp_path: Path) -> None:
    lent = access(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with asyncio.run(lent.tcp(SWITCH, LOOPBACK, port)) as connected:
            assert connected.getpeername() == ("127.0.0.1", port)
            assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == b"lo"
    assert failure_of(lent.tcp(SWITCH, LOOPBACK, port)).failure is Failure.REFUSED
    with pytest.raises(OutOfScope):
        asyncio.run(lent.tcp(SWITCH, ip_address("192.0.2.1"), port))


def test_tcp_silence_is_a_timeout(tmp_path: Path) -> None:
    lent = access(tmp_path)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        error = failure_of(lent.tcp(SWITCH, LOOPBACK, port, seconds=0.2))
        for filler in fillers:
            filler.close()
    assert error.failure is Failure.TIMEOUT
    assert "0.2 s" in str(error.reason)


def test_udp_hears_its_peer_only(tmp_path: Path) -> None:
    lent = access(tmp_path)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        peer.bind(("127.0.0.1", 0))
        with asyncio.run(lent.udp(SWITCH, LOOPBACK, peer.getsockname()[1])) as mine:
            other.sendto(b"intrus", mine.getsockname())
            mine.send(b"bonjour")
            assert peer.recv(100) == b"bonjour"
            peer.sendto(b"reponse", mine.getsockname())
            assert mine.recv(100) == b"reponse"
            with pytest.raises(BlockingIOError):
                mine.recv(100)


def test_a_missing_interface_is_a_failure_that_names_it(tmp_path: Path) -> None:
    lent = access(tmp_path, "P-LOG")
    gateway = SITE.devices[1]
    for work in (lent.tcp(gateway, gateway.addresses[0], 443), lent.udp(gateway, gateway.addresses[0], 161)):
        error = failure_of(work)
        assert error.failure is Failure.MISSING_INTERFACE
        assert "absente0" in str(error.reason)


def test_raw_frames_without_privilege_name_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(CollectFailure, match="sudo") as caught:
        _ = access(tmp_path).wire
    assert caught.value.failure is Failure.MISSING_PRIVILEGE


def test_secrets_go_to_declared_addresses_only(tmp_path: Path) -> None:
    lent = access(tmp_path)
    assert lent.secret(SWITCH, LOOPBACK, "env:MOT") == "ouvert"
    with pytest.raises(OutOfScope, match="aucun secret"):
        lent.secret(SWITCH, ip_address("127.0.0.9"), "env:MOT")
    with pytest.raises(CollectFailure, match="variable absente") as caught:
        lent.secret(SWITCH, LOOPBACK, "env:AUTRE")
    assert caught.value.failure is Failure.ACCESS_DENIED


def test_a_secret_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path, {})
    path = tmp_path / "mot"
    path.write_text("ouvert\n")
    path.chmod(0o644)
    with pytest.raises(UsageError, match="lisible par d'autres"):
        secrets.read("file:mot")
    path.chmod(0o600)
    assert secrets.read("file:mot") == "ouvert"
    with pytest.raises(UsageError, match="illisible"):
        secrets.read("file:absent")
