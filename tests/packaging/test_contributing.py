"""The worked example of CONTRIBUTING.md, as a reader would type it in: lints, collects, judges, registers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = re.compile(r"^```python\n# (\S+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

COLLECT = '''
"""The example's collector against a socket on loopback, through a stand-in for the engine's Access."""
import asyncio, hashlib, socket, threading
from types import SimpleNamespace
import pytest
from probes.api import CollectFailure
from probes.clock.checks import Limits, Synchronised
from probes.clock.collect import CLIENT_REQUEST, server
from r2s_audit.model.observation import BlobRef, Failure
from test_checks import LIMITS, TOPOLOGY

async def _true(*_): return None

def access(port):
    async def udp(device, address, declared):
        assert (device.id, str(address), declared) == ("horloge", "192.0.2.9", 123)
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.connect(("127.0.0.1", port))
        return sock
    def keep(data, kind):
        return BlobRef(digest="sha256:" + hashlib.sha256(data).hexdigest(), kind=kind, size=len(data))
    return SimpleNamespace(topology=TOPOLOGY, udp=udp, pay=_true, keep=keep)

def ask(answer):
    check = Synchronised()
    (subject,) = check.subjects(TOPOLOGY, LIMITS)
    (asked,) = check.requests(TOPOLOGY, subject, LIMITS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(5)
        def reply():
            data, address = peer.recvfrom(512)
            assert data == CLIENT_REQUEST
            peer.sendto(answer, address)
        thread = threading.Thread(target=reply)
        thread.start()
        try:
            return asyncio.run(server(access(peer.getsockname()[1]), asked))
        finally:
            thread.join()

def test_answer():
    outcome = ask(bytes([0x24, 2]) + bytes(46))
    assert (outcome.facts.stratum, outcome.facts.leap, outcome.packets_sent) == (2, 0, 1)
    assert outcome.blobs[0].size == 48

@pytest.mark.parametrize("answer", [b"", b"hello", bytes([0x23]) + bytes(47)])
def test_not_a_server(answer):
    with pytest.raises(CollectFailure) as caught:
        ask(answer)
    assert caught.value.failure is Failure.NOT_SUPPORTED

def test_registers():
    from probes import registry
    registry.FAMILIES = ("clock",)
    assert set(registry.checks()) == {"clock.synchronised"}
    assert set(registry.collectors()) == {"clock.server"}
    module, name = registry.collectors()["clock.server"].function.split(":")
    assert getattr(__import__(module, fromlist=[name]), name) is server
'''


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as links, with the example's files in their places."""
    top = tmp_path_factory.mktemp("example")
    for name in ("r2s_audit", "pyproject.toml"):
        (top / name).symlink_to(ROOT / name)
    (top / "probes").mkdir()
    for entry in (ROOT / "probes").iterdir():
        (top / "probes" / entry.name).symlink_to(entry)
    files = dict(EXAMPLE.findall((ROOT / "CONTRIBUTING.md").read_text()))
    assert sorted(files) == [
        "probes/clock/checks.py",
        "probes/clock/collect.py",
        "probes/clock/facts.py",
        "tests/probes/clock/test_checks.py",
    ]
    for name, text in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (top / "probes/clock/__init__.py").write_text('"""Time servers."""\n')
    (top / "tests/probes/clock/test_collect.py").write_text(COLLECT)
    return top


def run(tree: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-m", *arguments], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_example_judges_and_collects(tree: Path) -> None:
    output = run(
        tree, "pytest", "-q", "-c", os.devnull, "--rootdir", str(tree), "-p", "no:cacheprovider", "tests/probes/clock"
    )
    assert re.search(r"\b12 passed", output), output


def test_example_lints(tree: Path) -> None:
    assert shutil.which("ruff", path=str(Path(sys.executable).parent)), "run make"
    example = ["probes/clock", "tests/probes/clock/test_checks.py"]
    run(tree, "ruff", "check", "--no-cache", *example)
    run(tree, "ruff", "format", "--no-cache", "--check", *example)


def test_every_target_of_the_table_exists() -> None:
    named = set(re.findall(r"^\| `make ([a-z]+)`", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE))
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named == targets - {"help", "clean"}
