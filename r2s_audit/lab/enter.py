"""Run a command inside a node of a building: ``python -I -S enter.py PID:START NODE COMMAND…``.

Why not ``nsenter``: it dies of the Ctrl-C that its command meant to handle, leaves the command alive when it is killed
itself, and shows the host's ``/sys`` (so a host's interfaces) inside the node. This launcher forwards signals, dies
with its command's status, takes its command with it when killed, and gives the node its own ``/sys``.

Standard library only and no import of the package: it is also run by path, without site-packages, in 30 ms.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC = 0x2, 0x4, 0x8
MS_BIND, MS_REC, MS_PRIVATE, MS_SLAVE = 0x1000, 0x4000, 0x40000, 0x80000
_PR_SET_PDEATHSIG = 1
_FORWARDED = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2}
_LIBC = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_LIBC, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """Mount a file system, or bind a directory elsewhere."""
    _call(
        "mount",
        source.encode(),
        target.encode(),
        None if kind is None else kind.encode(),
        ctypes.c_ulong(flags),
        None if data is None else data.encode(),
    )


def setns(descriptor: int, kind: int) -> None:
    """Join a namespace; Python has this call only from 3.12 on."""
    _call("setns", descriptor, kind)


def own_sys() -> None:
    """Give this process a mount namespace whose ``/sys`` shows its own network namespace, as ``ip netns exec`` does."""
    _call("unshare", CLONE_NEWNS)
    mount("none", "/", None, MS_REC | MS_SLAVE)
    mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC)


def start_time(pid: int) -> str:
    """When a process started, in clock ticks: with its number, it names one process for good. Empty when dead."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _join(init: int, node: str) -> None:
    """Join the building's process and mount namespaces and the node's network namespace."""
    root = f"/proc/{init}/root/run/netns/{node}"
    descriptors = [
        (os.open(f"/proc/{init}/ns/pid", os.O_RDONLY), CLONE_NEWPID),
        (os.open(root, os.O_RDONLY), CLONE_NEWNET),
        (os.open(f"/proc/{init}/ns/mnt", os.O_RDONLY), CLONE_NEWNS),
    ]
    for descriptor, kind in descriptors:
        setns(descriptor, kind)
        os.close(descriptor)


def _execute(command: list[str], directory: str) -> NoReturn:
    _call("prctl", _PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    own_sys()
    try:
        os.chdir(directory)
    except OSError:
        os.chdir("/")
    try:
        os.execvp(command[0], command)  # noqa: S606 - running the caller's command is the purpose
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def _follow(child: int, signals: set[signal.Signals]) -> NoReturn:
    """Pass signals on until the child ends, then end the same way.

    A signal that the terminal sent has reached the child already (same process group): only sent ones are passed on.
    """
    while True:
        info = signal.sigwaitinfo(signals)
        if info.si_signo != signal.SIGCHLD:
            if info.si_code <= 0:
                os.kill(child, info.si_signo)
            continue
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid == 0:
            continue
        code = os.waitstatus_to_exitcode(status)
        if code >= 0:
            os._exit(code)
        signal.signal(-code, signal.SIG_DFL) if -code not in {signal.SIGKILL, signal.SIGSTOP} else None
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        os.kill(os.getpid(), -code)
        os._exit(128 - code)


def main(arguments: list[str]) -> NoReturn:
    """Enter, run, follow."""
    identity, node, *command = arguments
    init, started = identity.split(":")
    if start_time(int(init)) != started:
        sys.stderr.write("r2s-audit lab: ce bâtiment n'existe plus\n")
        sys.exit(125)
    directory = os.getcwd()  # noqa: PTH109 - pathlib costs more and gives the same
    _join(int(init), node)
    watched = {signal.SIGCHLD, *_FORWARDED}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        _execute(command, directory)
    _follow(child, {signal.Signals(number) for number in watched})


if __name__ == "__main__":
    main(sys.argv[1:])
