"""After the drop nothing is left, the helper still works, and a machine without privilege says its remedy."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from probes.wire import privilege
from tests.probes.wire.support import python, status

NONE = "0000000000000000"
SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it gives privileges up")


def test_reads_the_kernels_own_words():
    state, lines = privilege.current(), status(os.getpid())
    assert state.permitted == int(lines["CapPrm"], 16)
    assert state.effective == int(lines["CapEff"], 16)
    assert state.inheritable == int(lines["CapInh"], 16)
    assert state.bounding == int(lines["CapBnd"], 16)
    assert state.ambient == int(lines["CapAmb"], 16)
    assert state.no_new_privs == (lines["NoNewPrivs"] == "1")


DROP = """
import asyncio, ctypes, json, os, resource, socket, sys
from pathlib import Path
from probes.wire import privilege
from probes.wire.client import Wire
async def main():
    async with await Wire.launch(["lo"], max_rate=10, max_frames=10) as wire:
        identity = privilege.sudo_identity({"SUDO_UID": "65533", "SUDO_GID": "65532"} if sys.argv[1:] else {})
        report = privilege.drop_all(identity=identity, memory_limit=1 << 30)
        async with wire.capture("lo") as capture:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.sendto(b"x", ("127.0.0.1", 9))
            seen = (await capture.statistics()).received
        refused = []
        for attempt in (lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW), lambda: os.setuid(1)):
            try:
                attempt()
            except PermissionError as error:
                refused.append(type(error).__name__)
        core = resource.getrlimit(resource.RLIMIT_CORE) == (0, 0) and ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0
        print(json.dumps([core, Path("/proc/self/status").read_text(), seen, refused, len(report.dropped), report.uid_after]))
asyncio.run(main())
"""


@root
@pytest.mark.parametrize("identity", ["sudo", ""])
def test_drop_leaves_nothing_and_the_helper_works(pair, identity):
    output, errors = python(DROP, *identity.split()).communicate(timeout=20)
    assert errors == ""
    no_core, text, seen, refused, dropped, uid = json.loads(output)
    assert no_core
    lines = {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}
    assert [lines[each] for each in SETS] == [NONE] * 5
    assert lines["NoNewPrivs"] == "1"
    if identity:
        assert lines["Uid"].split() == ["65533"] * 4
        assert lines["Gid"].split() == ["65532"] * 4
        assert lines["Groups"] == "65532"
    assert seen >= 2
    assert refused == ["PermissionError"] * 2
    assert dropped > 30
    assert uid == (65533 if identity else 0)


@root
def test_drop_refuses_beside_threads():
    code = """
import threading
from probes.wire import privilege
release = threading.Event()
threading.Thread(target=release.wait).start()
try:
    privilege.drop_all()
except privilege.PrivilegeError as error:
    print(error)
release.set()
"""
    output, _ = python(code).communicate(timeout=20)
    assert "2 threads run already" in output


@pytest.mark.parametrize("uid", ["-1", "x", "", "١"])
def test_a_strange_sudo_is_refused(uid):
    with pytest.raises(privilege.PrivilegeError):
        privilege.sudo_identity({"SUDO_UID": uid, "SUDO_GID": "0"})
    assert privilege.sudo_identity({}) is None


LAUNCH = """
import asyncio, os, sys
from pathlib import Path
from probes.wire.channel import WireUnavailable
from probes.wire.client import Wire
from r2s_audit.model.text import msg
msg("")  # what it imports at first use may lie where only root reads
os.setgroups([]); os.setgid(65534); os.setuid(65534)
async def main():
    try:
        launcher = Path(sys.argv[1]) if len(sys.argv) > 1 else None
        async with await Wire.launch(["lo"], max_rate=10, max_frames=10, launcher=launcher) as wire:
            print(hex(wire.state.effective), wire.state.uid)
    except WireUnavailable as error:
        print(error.reason); print(error.remedy)
asyncio.run(main())
"""


@root
def test_without_privilege_the_remedy_is_named(tmp_path):
    output, _ = python(LAUNCH).communicate(timeout=20)
    reason, remedy = output.splitlines()
    assert "n'a pas CAP_NET_RAW" in reason
    assert all(word in remedy for word in ("sudo", "setcap cap_net_raw,cap_net_admin+ep", "r2s-wire-python"))


@root
@pytest.mark.skipif(not Path("/usr/bin/python3.11").exists(), reason="needs an interpreter readable by all")
def test_a_launcher_with_file_capabilities(tmp_path):
    """The launcher gives the two capabilities to an ordinary user; without them it says so."""
    for directory in (tmp_path, *tmp_path.parents[:3]):
        if directory.owner() == "root" and directory != Path("/tmp"):
            directory.chmod(0o755)
    launcher = tmp_path / "r2s-wire-python"
    launcher.write_bytes(Path("/usr/bin/python3.11").read_bytes())
    launcher.chmod(0o755)
    output, _ = python(LAUNCH, str(launcher)).communicate(timeout=20)
    assert "without CAP_NET_RAW" in output
    setcap = subprocess.run(["setcap", "cap_net_raw,cap_net_admin+ep", launcher], check=False, capture_output=True)
    if setcap.returncode:
        pytest.skip("the file system of temporary files keeps no capabilities")
    output, errors = python(LAUNCH, str(launcher)).communicate(timeout=20)
    assert output.split() == ["0x3000", "65534"], errors
