"""One building for the whole session; tests that change it put it back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from r2s_audit.lab import Building

REACH = Path(__file__).with_name("reach.py")


@pytest.fixture(scope="session")
def root() -> None:
    if os.geteuid() != 0:
        pytest.fail("Ces essais construisent un réseau : il faut être root (sudo make test).", pytrace=False)


@pytest.fixture(scope="session")
def building(root: None) -> Iterator[Building]:
    start = time.monotonic()
    with Building.up(f"essai-{os.getpid()}") as built:
        up = time.monotonic() - start
        yield built
        status = built.status()
        start = time.monotonic()
    print(f"\nbuilding: up {up:.2f} s, down {time.monotonic() - start:.2f} s, {status.memory / 1e6:.0f} MB")
    assert status.healthy, status
    assert not status.faults


Inside = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def inside(building: Building) -> Inside:
    """Run a command inside a node."""

    def run(node: str, *command: str, timeout: float = 20, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*building.enter(node), *command], capture_output=True, text=True, timeout=timeout, check=False, **options
        )

    return run


Reach = Callable[..., dict[tuple[str, str, str], str]]


@pytest.fixture(scope="session")
def reach(building: Building, inside: Inside) -> Reach:
    """What a node gets from targets, all asked at once: ``{(interface, address, what): outcome}``."""

    def run(node: str, questions: list[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
        result = inside(node, "/usr/bin/python3", "-I", str(REACH), input=json.dumps(questions))
        assert result.returncode == 0, result.stderr
        return dict(zip(questions, json.loads(result.stdout), strict=True))

    return run


Walk = Callable[..., dict[str, str]]


@pytest.fixture(scope="session")
def walk(building: Building, inside: Inside) -> Walk:
    """Walk a device's tree over SNMPv3 from the administration socket: ``{identifier: value}``, strings in hexadecimal."""
    secret = {name: (building.state_dir / "secrets" / f"snmp-{name}").read_text().strip() for name in ("auth", "priv")}

    def run(host: str, oid: str) -> dict[str, str]:
        user = f"-v3 -l authPriv -u auditeur -a SHA-256 -A {secret['auth']} -x AES -X {secret['priv']}"
        result = inside("auditeur", "snmpbulkwalk", *user.split(), "-t", "2", "-r", "1", "-Onqx", host, oid)
        assert result.returncode == 0, result.stdout + result.stderr
        lines = [line for line in re.sub(r"\n(?!\.)", "", result.stdout).splitlines() if " No Such " not in line]
        return {name.removeprefix("."): value.strip('" ') for name, _, value in (line.partition(" ") for line in lines)}

    return run


@pytest.fixture(scope="session")
def forget(inside: Inside) -> Callable[[str], None]:
    """Have the laptop forget what a socket heard of routers: it would believe in a foreign one for half a minute more."""

    def run(socket: str) -> None:
        inside("auditeur", "ip", "-6", "address", "flush", "dev", socket, "scope", "global", "dynamic")
        inside("auditeur", "ip", "-6", "route", "flush", "dev", socket, "proto", "ra")

    return run


@pytest.fixture(scope="session")
def wait_for() -> Callable[..., None]:
    """Wait until something is so, for at most some seconds."""

    def wait(condition: Callable[[], bool], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not become so in time"
            time.sleep(0.02)

    return wait
