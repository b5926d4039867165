"""A veth pair in a namespace of the test's own: wa and wb, IPv6 off, so that nobody else speaks."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.probes.wire.support import MAC_A, MAC_B, ip, own_namespace


@pytest.fixture
def pair() -> Iterator[None]:
    """Wa and wb, both here, up, without addresses."""
    if os.geteuid() != 0:
        pytest.skip("needs root: network namespaces and raw sockets")
    with own_namespace():
        for scope in ("all", "default"):
            Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6").write_text("1")
        ip(
            f"link add wa address {MAC_A} type veth peer name wb address {MAC_B}",
            "link set lo up",
            "link set wa up",
            "link set wb up",
        )
        yield


@dataclass
class Peer:
    namespace: int
    pid: int


@pytest.fixture
def peer() -> Iterator[Peer]:
    """Wa here (10.99.0.1, fd99::1), wb in another namespace (10.99.0.2, fd99::2) whose kernel answers."""
    if os.geteuid() != 0:
        pytest.skip("needs root: network namespaces and raw sockets")
    with own_namespace():
        holder = subprocess.Popen(["unshare", "--net", "sleep", "60"])
        try:
            mine = Path("/proc/self/ns/net").readlink()
            while Path(f"/proc/{holder.pid}/ns/net").readlink() == mine:
                pass  # until unshare has run
            Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0")
            ip(
                f"link add wa address {MAC_A} type veth peer name wb address {MAC_B}",
                f"link set wb netns {holder.pid}",
                "addr add 10.99.0.1/24 dev wa",
                "addr add fd99::1/64 dev wa nodad",
                "link set wa up",
            )
            enter = ["nsenter", "-t", str(holder.pid), "-n"]
            lines = "addr add 10.99.0.2/24 dev wb\naddr add fd99::2/64 dev wb nodad\nlink set lo up\nlink set wb up\n"
            subprocess.run([*enter, "ip", "-batch", "-"], input=lines, text=True, check=True)
            namespace = os.open(f"/proc/{holder.pid}/ns/net", os.O_RDONLY)
            yield Peer(namespace, holder.pid)
            os.close(namespace)
        finally:
            holder.kill()
            holder.wait()
