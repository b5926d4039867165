"""The outside of the keeper: start it, talk to it, find it again from another process, end it and everything in it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from r2s_audit.model.text import msg

from . import enter
from .errors import LabError
from .paths import Layout

PACKAGE_ROOT = Path(__file__).resolve().parents[2]
"""Where the package is imported from: daemons written in Python find it there."""
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_END_TIMEOUT = 5.0
_START_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Which process is the building's first one, beyond the reuse of process numbers."""

    pid: int
    started: str

    def __str__(self) -> str:
        """Give the form that :mod:`enter` takes."""
        return f"{self.pid}:{self.started}"

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return enter.start_time(self.pid) == self.started


@contextlib.contextmanager
def locked(path: Path, *, patience: float = 0.0) -> Iterator[int]:
    """Hold the exclusive lock ``path``, after waiting ``patience`` seconds at most for a building that is ending."""
    descriptor = _lock(path, time.monotonic() + patience)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(path: Path, deadline: float) -> int:
    """Take the lock and make sure that its file is still the one under that name."""
    while True:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:  # another building's end removed the empty directory between the two lines
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            if time.monotonic() < deadline:
                time.sleep(0.01)
                continue
            raise LabError(
                msg("Le bâtiment « {name} » est déjà debout.", name=path.stem),
                expected=msg("un nom de bâtiment libre"),
                remedy=msg("r2s-audit lab down --name {name}", name=path.stem),
            ) from None
        try:
            current = path.stat().st_ino
        except FileNotFoundError:
            current = -1
        if os.fstat(descriptor).st_ino == current:
            return descriptor
        os.close(descriptor)


class Keeper:
    """A running keeper, whichever process started it."""

    def __init__(self, state: Path, identity: Identity, outer: subprocess.Popen[bytes] | None = None) -> None:
        """Stand for the keeper ``identity`` whose files are in ``state``; ``outer`` is its parent where it is ours."""
        self.state = state
        self.identity = identity
        self._outer = outer

    @classmethod
    def start(cls, state: Path, lock: int) -> Keeper:
        """Start a keeper that dies with this process until :meth:`keep` is called."""
        owner = os.pidfd_open(os.getpid())
        command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command += [sys.executable, "-I", "-S", "-c", _BOOT, str(PACKAGE_ROOT), str(state), str(lock), str(owner)]
        try:
            with (state / "keeper.log").open("ab") as log:
                outer = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(lock, owner),
                    start_new_session=True,
                    env={"PATH": SEARCH_PATH},
                )
        finally:
            os.close(owner)
        deadline = time.monotonic() + _START_TIMEOUT
        while not (state / "control").exists():
            if outer.poll() is not None or time.monotonic() > deadline:
                outer.kill()
                outer.wait()
                text = (state / "keeper.log").read_text(errors="replace").strip()
                raise LabError(
                    msg("Le premier processus du bâtiment n'a pas démarré : {output}", output=text or "-"),
                    expected=msg("espaces de noms réseau, montage et processus (unshare)"),
                    remedy=msg("dans un conteneur, donner CAP_SYS_ADMIN et CAP_NET_ADMIN"),
                )
            time.sleep(0.002)
        inner = _listener(state / "control")
        return cls(state, Identity(inner, enter.start_time(inner)), outer)

    def ask(self, **request: object) -> dict[str, Any]:
        """One request, one answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:  # noqa: TID251 - a local socket
            connection.settimeout(_START_TIMEOUT)
            try:
                connection.connect(str(self.state / "control"))
                connection.sendall(json.dumps(request).encode() + b"\n")
                with connection.makefile("rb") as lines:
                    line = lines.readline()
            except OSError as error:
                raise self._gone(str(error)) from error
        if not line:
            raise self._gone("EOF")
        answer = cast("dict[str, Any]", json.loads(line))
        if "error" in answer:
            raise LabError(msg("Le gardien du bâtiment refuse : {error}", error=str(answer["error"])))
        return answer

    def _gone(self, why: str) -> LabError:
        name = self.state.name
        return LabError(
            msg("Le bâtiment « {name} » ne répond plus ({why}).", name=name, why=why),
            expected=msg("un bâtiment debout"),
            remedy=msg("r2s-audit lab down --name {name} ; r2s-audit lab up --name {name}", name=name),
        )

    def keep(self) -> None:
        """Let the building outlive the process that started it."""
        self.ask(do="keep")

    def prefix(self, node: str) -> list[str]:
        """Give the words that run a command inside a node."""
        return [sys.executable, "-I", "-S", str(Path(enter.__file__)), str(self.identity), node]

    def inside(self) -> list[str]:
        """Give the words that run a command among the building's namespaces, in none of its nodes."""
        return ["nsenter", "--target", str(self.identity.pid), "--mount", "--net", "--pid", "--"]

    def in_node(self, node: str) -> list[str]:
        """Give the words for our own short commands: lighter than :meth:`prefix`, without its care for signals."""
        pid = self.identity.pid
        return ["nsenter", "--target", str(pid), "--mount", "--pid", f"--net=/proc/{pid}/root/run/netns/{node}", "--"]

    def process(self, inner_pid: int) -> Path:
        """Give the ``/proc`` directory of a process of the building, seen from outside."""
        return Path(f"/proc/{self.identity.pid}/root/proc/{inner_pid}")

    def seen_inside(self, path: Path) -> Path:
        """Give a path as the building's processes see it: their /run is not quite ours."""
        return Path(f"/proc/{self.identity.pid}/root{path}")

    def end(self) -> None:
        """Kill the building and wait until its last process is gone."""
        kill(self.identity)
        if self._outer is not None:
            self._outer.wait(_END_TIMEOUT)


_BOOT = "import sys; sys.path.insert(0, sys.argv.pop(1)); from r2s_audit.lab.keeper import main; main()"


def _listener(path: Path) -> int:
    """Which process listens on a Unix socket, by the number that it has among ours."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:  # noqa: TID251 - a local socket
        connection.connect(str(path))
        pid, _, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(pid)


def kill(identity: Identity) -> None:
    """Kill the first process of a building, and so all of them, and wait for the last to be gone."""
    try:
        handle = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return
    try:
        if not identity.alive:
            return
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        if not select.select([handle], [], [], _END_TIMEOUT)[0]:
            raise LabError(
                msg("Le processus {pid} ne s'arrête pas.", pid=identity.pid),
                expected=msg("une fin en moins de {seconds} s", seconds=float(_END_TIMEOUT)),
                remedy=msg("kill -9 {pid}", pid=identity.pid),
            )
    finally:
        os.close(handle)


def remove(layout: Layout) -> None:
    """Remove a dead building's files, and the directory of buildings when no other one is there; its lock is ours."""
    if layout.root.exists():
        shutil.rmtree(layout.root)
    layout.lock.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not empty: other buildings live there
        layout.root.parent.rmdir()
