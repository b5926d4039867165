"""A building goes up, goes down, dies with its owner, and leaves the host as it was."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from r2s_audit.lab import Building, LabError
from r2s_audit.lab.description import REFERENCE, build, read_yaml
from r2s_audit.lab.enter import start_time
from r2s_audit.lab.paths import locate

pytestmark = [pytest.mark.building, pytest.mark.usefixtures("root")]

ROOT = Path(__file__).parents[2]
CYCLES = int(os.environ.get("R2S_LAB_CYCLES", "3"))


def name(suffix: str) -> str:
    return f"e{os.getpid()}-{suffix}"


def processes_of(word: str) -> list[str]:
    """Command lines on this machine that name a building's directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if re.search(rf"/{word}[/ ]", line):
            found.append(line)
    return found


def networks(before: int) -> set[str]:
    """Network namespaces of the processes that were there ``before`` some tick of the clock.

    The kernel gives a dead namespace's number to the next one: what started later is not ours to answer for.
    """
    found = set()
    for path in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            started = start_time(int(path.parts[2]))
            if started and int(started) < before:
                found.add(str(path.readlink()))
        except OSError:
            continue
    return found


def host() -> dict[str, object]:
    def output(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    links = [(link["ifname"], link["operstate"]) for link in json.loads(output("ip", "-j", "link"))]
    return {
        "links": links,
        "listeners": sorted(line.split()[4] for line in output("ss", "-Hlntu").splitlines()),
        "netns": output("ip", "netns", "list"),
        "rules": output("nft", "list", "ruleset"),
        "run": sorted(path.name for path in Path("/run").iterdir() if path.name != "r2s-lab"),
        "mounts": sorted(Path("/proc/self/mounts").read_text().splitlines()),
    }


def test_the_host_is_untouched_while_a_building_stands_and_after() -> None:
    """Others may start something on the host at the same time: what we did ourselves would be there every time."""
    differences: list[object] = []
    for attempt in range(3):
        before = host()
        with Building.up(name("hote")):
            during = host()
        after = host()
        if before == during == after:
            return
        differences.append((attempt, before, during, after))
        time.sleep(1)
    pytest.fail(f"the host changed: {differences}")


def test_cycles_leave_nothing() -> None:
    times = []
    for _ in range(CYCLES):
        start = time.monotonic()
        built = Building.up(name("cycle"))
        middle = time.monotonic()
        spaces = Path(f"/proc/{built.status().pid}/root/run/netns").iterdir()
        ours = {f"net:[{path.stat().st_ino}]" for path in spaces}
        middle_down = time.monotonic()
        tick = int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))
        built.down()
        times.append((middle - start, time.monotonic() - middle_down))
        assert not built.state_dir.exists()
        assert not built.state_dir.with_suffix(".lock").exists()
        assert len(ours) == len(built.sane.nodes)
        assert not ours & networks(tick)
    print(f"\ncycles: up {max(t[0] for t in times):.2f} s, down {max(t[1] for t in times):.2f} s at most")
    assert not processes_of(name("cycle"))


def test_two_buildings_side_by_side() -> None:
    with Building.up(name("a")) as one, Building.up(name("b")) as two:
        assert one.status().healthy
        assert two.status().healthy
        ping = ["ping", "-n", "-c", "1", "-W", "0.4", "-I", "prise-adm", one.address("supervision")[0]]
        assert one.address("supervision") == two.address("supervision")
        two_link = [*two.enter("supervision"), "ip", "link", "set", "eth0", "down"]
        subprocess.run(two_link, check=True)
        assert subprocess.run([*one.enter("auditeur"), *ping], capture_output=True, check=False).returncode == 0
        assert subprocess.run([*two.enter("auditeur"), *ping], capture_output=True, check=False).returncode != 0


def test_a_name_that_stands_is_refused(building: Building) -> None:
    with pytest.raises(LabError, match="déjà debout"):
        Building.up(building.name)
    assert building.status().healthy


def test_an_owner_killed_leaves_nothing_that_the_next_up_does_not_clean() -> None:
    script = f"from r2s_audit.lab import Building; b = Building.up({name('tue')!r}); print('up', flush=True); input()"
    owner = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout
    assert owner.stdout.readline() == "up\n"
    assert processes_of(name("tue"))
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    deadline = time.monotonic() + 2
    while processes_of(name("tue")) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not processes_of(name("tue"))
    with pytest.raises(LabError, match="n'est pas debout"):
        Building.attach(name("tue"))
    ruin = locate(name("tue"), None)
    assert ruin.root.exists()
    with Building.up(name("autre")) as again:
        assert again.status().healthy
        assert not ruin.root.exists(), "whatever name the next one has"
        assert not ruin.lock.exists()
        directory = again.state_dir
    assert not directory.exists()


def test_a_demonstration_asked_to_end_takes_its_building_down(tmp_path: Path, wait_for: Callable[..., None]) -> None:
    command = [sys.executable, "-m", "r2s_audit", "demo", "--output", str(tmp_path / "resultat")]
    demo = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    layout = locate(f"demo-{demo.pid}", None)
    wait_for((tmp_path / "resultat" / "dossier" / "ledger.jsonl").exists)
    demo.send_signal(signal.SIGTERM)
    _, said = demo.communicate(timeout=30)
    assert demo.returncode not in {0, -signal.SIGTERM}
    assert "Traceback" not in said
    assert not layout.root.exists()
    assert not layout.lock.exists()


def test_an_outer_process_killed_takes_everything_with_it() -> None:
    built = Building.up(name("externe"))
    pid = built.status().pid
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(parent, signal.SIGKILL)
    deadline = time.monotonic() + 2
    while processes_of(name("externe")) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not processes_of(name("externe"))
    built.down()
    assert not built.state_dir.exists()


def test_a_kept_building_outlives_its_maker_and_goes_down_from_elsewhere() -> None:
    script = f"from r2s_audit.lab import Building; Building.up({name('garde')!r}, keep=True)"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=20)
    built = Building.attach(name("garde"))
    assert built.status().healthy
    script = f"from r2s_audit.lab import Building; assert Building.demolish({name('garde')!r})"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=20)
    assert not built.state_dir.exists()
    assert not processes_of(name("garde"))
    assert not Building.demolish(name("garde"))


def test_a_description_that_cannot_be_built_leaves_nothing(tmp_path: Path) -> None:
    raw = read_yaml(REFERENCE)
    raw["nodes"]["gw-101"]["services"] = {"web": {"kind": "https", "title": "x", "ciphers": ["NO-SUCH-CIPHER"]}}
    build(raw, "test")
    source = tmp_path / "broken.yaml"
    source.write_text(json.dumps(raw))
    with pytest.raises(LabError, match=r"web@gw-101.*cipher"):
        Building.up(name("casse"), source=source)
    assert not processes_of(name("casse"))
    assert not Path("/run/r2s-lab", name("casse")).exists()


def test_a_command_inside_ends_as_it_would_outside(building: Building) -> None:
    def code(*command: str) -> int:
        return subprocess.run([*building.enter("auditeur"), *command], capture_output=True, check=False).returncode

    assert code("true") == 0
    assert code("sh", "-c", "exit 7") == 7
    assert code("no-such-command") == 127
    assert code("sh", "-c", "kill -TERM $$") == -signal.SIGTERM


def test_a_command_inside_sees_its_node_and_the_host_files(building: Building) -> None:
    names = sorted(("lo", *building.sane.nodes["auditeur"].interfaces))
    script = "import os, sys; print(sorted(os.listdir('/sys/class/net')), os.getcwd(), os.path.exists(sys.argv[1]))"
    command = [*building.enter("auditeur"), sys.executable, "-c", script, str(ROOT)]
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert output == f"{names} {ROOT} True\n"


@pytest.mark.parametrize(
    ("number", "said"), [(signal.SIGTERM, "polite"), (signal.SIGINT, "polite"), (signal.SIGKILL, "")]
)
def test_a_signal_to_the_launcher_reaches_the_command(building: Building, number: int, said: str) -> None:
    script = "trap 'echo polite; exit 3' TERM INT; echo ready; while :; do sleep 0.05; done"
    command = [*building.enter("auditeur"), "sh", "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.read().strip() == said
    assert process.returncode == (3 if said else -number)


def test_the_status_says_which_daemon_has_stopped_and_no_log_grows_without_end() -> None:
    with Building.up(name("etat")) as built:
        assert built.status().healthy
        log = built.state_dir / "log" / "lldp@routeur"
        with log.open("a") as handle:
            handle.write("x" * (2 << 20))
        subprocess.run(
            [*built.enter("gw-101"), "sh", "-c", f"kill -9 $(cat {built.state_dir}/n/gw-101/web/nginx.pid)"], check=True
        )
        deadline = time.monotonic() + 2
        while built.status().healthy and time.monotonic() < deadline:
            time.sleep(0.01)
        stopped = [d for node in built.status().nodes for d in node.daemons if not d.running]
        assert [(d.name, d.exit_code) for d in stopped] == [("web@gw-101", -9)]
        deadline = time.monotonic() + 6
        while log.stat().st_size > (1 << 20) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert log.stat().st_size < (1 << 20)


def test_a_log_that_is_gone_when_it_is_looked_at_ends_nothing() -> None:
    """Logs are removed while the keeper goes through them; it was the end of it, and so of the building."""
    with Building.up(name("journal")) as built:
        (built.state_dir / "log" / "parti").symlink_to("nulle-part")
        time.sleep(2.5)  # it looks every second
        assert built.status().healthy


def test_secrets_are_for_root_alone(building: Building) -> None:
    assert (building.state_dir.stat().st_mode & 0o777) == 0o700
    secrets = [*(building.state_dir / "secrets").iterdir(), *(building.state_dir / "pki").glob("*.key")]
    assert secrets
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}


def test_the_laptop_runs_no_daemon_and_hears_nothing_on_ports(inside) -> None:
    assert inside("auditeur", "ss", "-Hlntu").stdout == ""
    assert inside("auditeur", "sysctl", "-n", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding").stdout == "0\n0\n"
