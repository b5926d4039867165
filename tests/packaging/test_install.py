"""packaging/install-debian.sh: nothing starts, nothing stays enabled, everything is put back, however it ends.

The script runs for real, as root, in a mount namespace of its own where /usr/sbin, /etc/rc2.d, /var/lib and /run/lock
are the test's; apt-get, dpkg-query, systemctl and update-rc.d are stand-ins that behave as Debian's do.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "packaging/install-debian.sh"
FOREIGN = "#!/bin/sh\n# somebody else's\nexit 104\n"

APT = r"""#!/bin/bash
echo "apt-get $*" >>"$T/log"
case " $* " in *" install "*) ;; *) exit 0 ;; esac
/usr/sbin/policy-rc.d snmpd start; echo "policy $?" >>"$T/log"
echo snmpd.service >>"$T/enabled"; : >/etc/rc2.d/S01snmpd; : >/etc/rc2.d/S01cron
touch "$T/reached"
[ ! -e "$T/wait" ] || read -r _ <"$T/wait"
echo "ii  snmpd" >>"$T/dpkg"
exit "$(cat "$T/apt-status" 2>/dev/null || echo 0)"
"""
DPKG_QUERY = '#!/bin/bash\ncat "$T/dpkg"\n'
SYSTEMCTL = r"""#!/bin/bash
echo "systemctl $*" >>"$T/log"
case "$*" in
*list-unit-files*) sed 's/$/ enabled enabled/' "$T/enabled" ;;
*disable*) sed -i "/^${!#}$/d" "$T/enabled" ;;
esac
"""
UPDATE_RC_D = '#!/bin/bash\necho "update-rc.d $*" >>"$T/log"\nrm "/etc/rc2.d/S01$1"\n'

pytestmark = [
    pytest.mark.building,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: bind mounts of its own"),
]


@dataclass
class Machine:
    """A Debian machine as far as the script sees it."""

    top: Path

    @property
    def policy(self) -> Path:
        return self.top / "sbin/policy-rc.d"

    @property
    def log(self) -> list[str]:
        return (self.top / "log").read_text().splitlines()

    @property
    def links(self) -> set[str]:
        return {p.name for p in (self.top / "rc2.d").iterdir()}

    @property
    def enabled(self) -> list[str]:
        return (self.top / "enabled").read_text().split()

    def start(self) -> subprocess.Popen[str]:
        binds = {"sbin": "/usr/sbin", "rc2.d": "/etc/rc2.d", "lib": "/var/lib", "lock": "/run/lock"}
        mounts = "".join(f'mount --bind "$T/{name}" {path} && ' for name, path in binds.items())
        # Under nohup hang-ups are ignored, by children too, and a shell cannot undo that by itself.
        words = ["env", "--default-signal=HUP", "unshare", "--mount", "bash", "-c", f'{mounts}exec "$0" "$1"']
        return subprocess.Popen(
            [*words, SCRIPT, self.top / "list.txt"],
            env={"PATH": f"{self.top}/bin:/usr/bin:/bin", "T": str(self.top)},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self) -> tuple[int, str]:
        process = self.start()
        _, said = process.communicate(timeout=30)
        return process.returncode, said

    def start_and_stop_inside_apt(self, number: signal.Signals) -> int:
        """Send the signal to the script, as a terminal or an operator would, while apt works; let apt then end."""
        os.mkfifo(self.top / "wait")
        process = self.start()
        deadline = time.monotonic() + 20
        while not (self.top / "reached").exists():
            assert time.monotonic() < deadline
            assert process.poll() is None
        assert self.policy.read_text().endswith("exit 101\n")
        script = _installing(process.pid)
        os.kill(script, number)
        with (self.top / "wait").open("w") as gate:  # apt is past its point of no return only now
            gate.write("go\n")
        process.communicate(timeout=30)
        (self.top / "wait").unlink()
        return process.returncode


def _installing(outer: int) -> int:
    """The process of the script's --install part: a descendant of ``outer``."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            children[int(entry.name)] = (int(stat[1]), command)
    for pid, (parent, command) in children.items():
        if parent == outer and b"--install\0" in command:
            return pid
    raise AssertionError(f"no --install below {outer}")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    for name in ("bin", "sbin", "rc2.d", "lib", "lock"):
        (tmp_path / name).mkdir()
    tools = {"apt-get": APT, "dpkg-query": DPKG_QUERY, "systemctl": SYSTEMCTL, "update-rc.d": UPDATE_RC_D}
    for name, text in tools.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "dpkg").write_text("ii  jq\nhi  make\n")
    (tmp_path / "enabled").write_text("cron.service\n")
    (tmp_path / "rc2.d/S01cron").touch()
    (tmp_path / "list.txt").write_text("# a list\njq     # here\nmake   # here, on hold\nsnmpd  # not here\n")
    (tmp_path / "log").touch()
    return Machine(tmp_path)


def unchanged(machine: Machine, policy: str | None) -> None:
    assert machine.enabled == ["cron.service"]
    assert machine.links == {"S01cron"}
    assert (machine.policy.read_text() if machine.policy.exists() else None) == policy
    assert [p.name for p in (machine.top / "sbin").iterdir()] == ([] if policy is None else ["policy-rc.d"])
    assert list((machine.top / "lib").iterdir()) == []


@pytest.mark.parametrize("policy", [None, FOREIGN])
@pytest.mark.parametrize("status", [0, 100])
def test_only_what_is_missing_and_nothing_starts(machine: Machine, policy: str | None, status: int) -> None:
    if policy is not None:
        machine.policy.write_text(policy)
    (machine.top / "apt-status").write_text(str(status))
    code, said = machine.run()
    assert code == status, said
    installs = [line for line in machine.log if " install " in line]
    assert len(installs) == 1
    assert installs[0].endswith("install --yes --no-install-recommends snmpd")
    assert "policy 101" in machine.log
    assert machine.log.index(next(line for line in machine.log if line.endswith(" update"))) == 0
    unchanged(machine, policy)


def test_a_symbolic_link_is_put_back_as_one(machine: Machine) -> None:
    machine.policy.symlink_to("../etc/alternatives/policy-rc.d")
    assert machine.run()[0] == 0
    assert machine.policy.readlink() == Path("../etc/alternatives/policy-rc.d")


def test_nothing_to_do_touches_nothing(machine: Machine) -> None:
    (machine.top / "dpkg").write_text("ii  jq\nii  make\nii  snmpd\n")
    assert machine.run() == (0, "")
    assert machine.log == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted(machine: Machine, number: signal.Signals) -> None:
    machine.policy.write_text(FOREIGN)
    assert machine.start_and_stop_inside_apt(number) != 0
    unchanged(machine, FOREIGN)


def test_killed_and_then_run_again(machine: Machine) -> None:
    machine.policy.write_text(FOREIGN)
    assert machine.start_and_stop_inside_apt(signal.SIGKILL) != 0
    assert machine.policy.read_text().endswith("exit 101\n"), "a kill leaves the machine closed, not open"
    code, said = machine.run()
    assert code == 0, said
    unchanged(machine, FOREIGN)


def test_apt_that_does_not_install_is_told(machine: Machine) -> None:
    (machine.top / "bin/apt-get").write_text("#!/bin/bash\nexit 0\n")
    code, said = machine.run()
    assert code == 1
    assert "still missing after apt-get install: snmpd" in said
    unchanged(machine, None)
