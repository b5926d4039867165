"""What is paid covers what is sent: frames counted by the interface, not by us."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from probes.tls.survey import CONNECTION_PACKETS
from tests.probes.tls.support import FakeAccess, make_pki, observe, topology
from tests.probes.wire.support import ip, own_namespace

SCRIPT = """
echo ready; read go
ip link set lo up; ip addr add 198.18.77.2/30 dev tlsb; ip link set tlsb up
exec openssl s_server -accept 198.18.77.2:4433 -www -cert leaf.pem -key key.pem -cert_chain chain.pem -no_tls1 -no_tls1_1
"""
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces")


@contextmanager
def neighbour(folder: Path) -> Iterator[None]:
    """An ``openssl s_server`` in a network namespace of its own, one Ethernet cable away, without segmentation offload."""
    pki = make_pki()
    (folder / "leaf.pem").write_bytes(pki.leaf.pem)
    (folder / "key.pem").write_bytes(pki.leaf.key_pem)
    (folder / "chain.pem").write_bytes(pki.intermediate.pem + pki.root.pem)
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            ["unshare", "-n", "sh", "-c", SCRIPT],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        ip(f"link add tlsa type veth peer name tlsb netns {process.pid}")
        ip("link set tlsa up", "addr add 198.18.77.1/30 dev tlsa")
        subprocess.run(["ethtool", "-K", "tlsa", "tso", "off", "gso", "off"], check=True, capture_output=True)
        process.stdin.write("go\n")
        process.stdin.flush()
        assert any(line.startswith("ACCEPT") for line in process.stdout), (folder / "errors").read_text()
        yield
    finally:
        process.kill()
        process.communicate()


def sent() -> int:
    """Frames that left the interface: sysfs follows the mount, /proc/self/net follows the namespace."""
    (line,) = [x for x in Path("/proc/self/net/dev").read_text().splitlines() if x.strip().startswith("tlsa:")]
    return int(line.split(":")[1].split()[9])


@pytest.mark.parametrize("mode", ["full", "single"])
def test_what_is_paid_covers_what_is_sent(mode: str, tmp_path: Path) -> None:
    with own_namespace():
        Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
        with neighbour(tmp_path):
            access = FakeAccess(topology(4433, addresses=("198.18.77.2",), tls=mode))
            before = sent()
            facts, outcome = asyncio.run(observe(access, "198.18.77.2"))
            last, end = -1, time.monotonic() + 2
            while last != sent() and time.monotonic() < end:
                last = sent()
                time.sleep(0.1)  # the last acknowledgements
            frames = sent() - before
    assert facts.negotiated.completed
    assert 0 < frames <= access.paid + CONNECTION_PACKETS * access.connections + 2, "two more: ARP"
    assert outcome.packets_sent == access.paid + CONNECTION_PACKETS * access.connections
    assert frames > outcome.packets_sent / 2, "paid far too much"
