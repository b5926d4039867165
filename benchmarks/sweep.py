"""Finding open ports: 256 addresses with 20 ports each, a third each open, closed and dropped, beside two peers.

``nmap -sS`` and a connect sweep of asyncio's get the same targets, the same wait for an answer and one retry. All of
it happens in network namespaces of its own, which end with this process: a cable, and at its far end a machine that
owns all addresses, listens on all ports and refuses or drops by nftables. Every run has to find every pair as it is.

``sweep.py SCRATCH`` is the part inside the namespaces; ``results`` starts it and reads what it prints.
"""

from __future__ import annotations

import contextlib
import json
import re
import selectors
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

from measure import CommandFailed, environment, interleaved

TARGETS, FIRST_PORT, PORTS = IPv4Network("10.92.0.0/24"), 2000, 20
NEAR, FAR, NEAR_IP, FAR_IP = "near0", "far0", "10.91.0.1", "10.91.0.2"
WAIT = 0.1
"""Seconds for an answer. nmap adapts its own down to 100 ms (its --min-rtt-timeout) after the first answers here."""
ATTEMPTS = 2
TIMES = 5
GOAL = 3
"""Times faster than either peer."""
SECONDS = 120
"""The whole benchmark takes some 25."""
STATES = ("open", "closed", "silent")
BACKLOG = 4096
Pairs = dict[tuple[str, int], str]

_HERE = Path(__file__).resolve().parent
_TABLE = """table inet bench {{
  set closed {{ type ipv4_addr . inet_service; elements = {{ {closed} }} }}
  set silent {{ type ipv4_addr . inet_service; elements = {{ {silent} }} }}
  chain input {{
    type filter hook input priority 0; policy accept;
    ip daddr . tcp dport @silent drop
    ip daddr . tcp dport @closed reject with tcp reset
  }}
}}
"""
_NMAP_PORT = re.compile(r"(\d+)/(open|closed|filtered)/tcp")


def truth() -> Pairs:
    """Every pair as the far machine is told to answer, states taking turns."""
    pairs = [(str(address), port) for address in TARGETS for port in range(FIRST_PORT, FIRST_PORT + PORTS)]
    return {pair: STATES[number % 3] for number, pair in enumerate(pairs)}


def commands() -> dict[str, list[str]]:
    """The whole processes that are compared."""
    ports = [str(FIRST_PORT), str(PORTS), str(WAIT), str(ATTEMPTS)]
    listed = f"{FIRST_PORT}-{FIRST_PORT + PORTS - 1}"
    nmap = ["nmap", "-sS", "-n", "-Pn", "-T4", "--min-rate", "50000", "--max-retries", "1", "-oG", "-", "-p"]
    return {
        "ours": [sys.executable, "-S", str(_HERE / "sweep_ours.py"), NEAR, NEAR_IP, FAR_IP, str(TARGETS), *ports],
        "nmap": [*nmap, listed, str(TARGETS)],
        "connect": [sys.executable, str(_HERE / "sweep_connect.py"), str(TARGETS), *ports],
    }


def found(name: str, said: str) -> Pairs:
    """What a run printed; nmap's `filtered` is our silent (nobody refuses by ICMP here)."""
    if name == "nmap":
        hosts = re.findall(r"^Host: (\S+) .*?Ports: (.*)$", said, re.MULTILINE)
        states = {"open": "open", "closed": "closed", "filtered": "silent"}
        return {(host, int(p)): states[s] for host, ports in hosts for p, s in _NMAP_PORT.findall(ports)}
    words = (line.split() for line in said.splitlines())
    return {(address, int(port)): state for address, port, state in words}


def results(scratch: Path) -> Iterator[tuple[str, float, float, float]]:
    """Name, ours, peer, goal: medians of seconds.

    Raises:
        CommandFailed: a run missed a pair, or the namespaces cannot be had here.
    """
    alone = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    inside = [*alone, sys.executable, str(Path(__file__).resolve()), str(scratch)]
    try:
        done = subprocess.run(inside, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandFailed(f"sweep: {error}") from error
    if done.returncode != 0:
        raise CommandFailed(f"sweep: {done.stderr[-2000:]}")
    medians = {name: statistics.median(walls) for name, walls in json.loads(done.stdout).items()}
    for peer in ("nmap", "connect"):
        yield f"sweep-{peer}", medians["ours"], medians[peer], medians[peer] / GOAL


def build() -> None:
    """Make the far machine and the cable; CalledProcessError where it cannot be."""

    def sh(command: str, *, given: str | None = None) -> None:
        subprocess.run(command.split(), input=given, text=True, check=True, stdout=subprocess.DEVNULL)

    sh("mount --make-rprivate /")
    Path("/run/netns").mkdir(exist_ok=True)
    sh("mount -t tmpfs none /run/netns")
    sh("mount -t sysfs none /sys")  # of this network namespace
    sh("ip netns add far")
    plumbing = [
        f"link add {NEAR} type veth peer name {FAR} netns far",
        "link set lo up",
        f"addr add {NEAR_IP}/30 dev {NEAR}",
        f"link set {NEAR} up",
        f"route add {TARGETS} via {FAR_IP}",
    ]
    far = [
        "link set lo up",
        f"addr add {FAR_IP}/30 dev {FAR}",
        f"link set {FAR} up",
        f"route add local {TARGETS} dev lo",
    ]
    sh("ip -batch -", given="\n".join(plumbing[:-1]))
    sh("ip -n far -batch -", given="\n".join(far))
    sh("ip -batch -", given=plumbing[-1])
    pairs: dict[str, list[str]] = {state: [] for state in STATES}
    for (address, port), state in truth().items():
        pairs[state].append(f"{address} . {port}")
    table = _TABLE.format(closed=", ".join(pairs["closed"]), silent=", ".join(pairs["silent"]))
    sh("ip netns exec far nft -f -", given=table)
    sh(f"ip netns exec far sysctl -qw net.core.somaxconn={BACKLOG} net.ipv4.tcp_max_syn_backlog={2 * BACKLOG}")


def listen() -> None:
    """Be the far machine's service on all ports: accept and hang up, until killed."""
    selector = selectors.DefaultSelector()
    for port in range(FIRST_PORT, FIRST_PORT + PORTS):
        server = socket.create_server(("", port), backlog=BACKLOG)
        server.setblocking(False)
        selector.register(server, selectors.EVENT_READ, server)
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    while True:
        for key, _ in selector.select():
            with contextlib.suppress(BlockingIOError):
                while True:
                    key.data.accept()[0].close()


def measure(scratch: Path) -> dict[str, list[float]]:
    """Seconds of each run by command; CommandFailed where one found other than what is there."""
    expected = truth()
    runs = interleaved(commands(), environment(scratch / "cache"), times=TIMES)
    for name, several in runs.items():
        for each in several:
            seen = found(name, each.stdout.decode())
            wrong = [pair for pair in expected if seen.get(pair) != expected[pair]]
            if wrong or len(seen) != len(expected):
                examples = ", ".join(f"{pair}: {seen.get(pair)}" for pair in wrong[:3])
                raise CommandFailed(f"{name}: {len(wrong)} of {len(expected)} pairs found otherwise ({examples})")
    return {name: [each.wall for each in several] for name, several in runs.items()}


def main(arguments: list[str]) -> int:
    if arguments == ["listen"]:
        listen()
    build()
    command = ["ip", "netns", "exec", "far", sys.executable, str(Path(__file__).resolve()), "listen"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as service:
        if service.stdout is None or service.stdout.readline() != b"listening\n":
            raise CommandFailed("the far machine does not listen")
        try:
            print(json.dumps(measure(Path(arguments[0]))))
        finally:
            service.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
