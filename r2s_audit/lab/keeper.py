"""The building's first process: holds its namespaces, starts its daemons, and takes everything with it when it ends.

It runs as process 1 of a process namespace, so its death is the death of every daemon, whatever user that daemon has
become, and of every network namespace. It ends on SIGTERM, or when the process that owns the building ends (seen on a
pidfd: a crash and ``kill -9`` of the owner count too). It parses nothing but one JSON line per request from a socket
that only root can reach, and uses the standard library alone: it has to start in a few milliseconds and stay small.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from r2s_audit.lab.enter import CLONE_NEWNET, MS_BIND, MS_NODEV, MS_NOSUID, MS_PRIVATE, MS_REC, mount, own_sys, setns

LOG_LIMIT = 1 << 20
"""A daemon's log is emptied past this size: nothing in a building grows without end."""
_HOUSEKEEPING = 1.0
_REQUEST_LIMIT = 1 << 20


def private_run() -> None:
    """Give the building a /run of its own in which everything of the host's is still seen.

    ``ip netns`` and sshd need directories there that a host may lack; making them on the host would leave traces.
    """
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    staging = Path("/run")
    handle = os.open(staging, os.O_RDONLY | os.O_DIRECTORY)
    entries = [(entry.name, entry.is_dir(follow_symlinks=False), entry.is_symlink()) for entry in os.scandir(handle)]
    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    for name, directory, link in entries:
        target = staging / name
        if name in {"netns", "sshd"}:
            continue
        if link:
            target.symlink_to(os.readlink(name, dir_fd=handle))
            continue
        target.mkdir() if directory else target.touch()
        mount(f"/proc/self/fd/{handle}/{name}", str(target), None, MS_BIND | MS_REC)
    os.close(handle)
    for name in ("netns", "sshd", "lldpd"):
        (staging / name).mkdir(exist_ok=True)
        (staging / name).chmod(0o755)


class Keeper:
    """Daemons by name, and the answers to the requests about them."""

    def __init__(self, state: Path, lock: int, owner: int) -> None:
        """Listen on ``state/control``; ``lock`` is only held, ``owner`` is a pidfd or -1."""
        self.state = state
        self.lock = lock
        self.owner = owner
        self.daemons: dict[str, int] = {}
        self.ended: dict[str, int] = {}
        for descriptor in (lock, owner):
            if descriptor >= 0:
                os.set_inheritable(descriptor, False)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)  # noqa: TID251 - a local socket, no network
        # Under its name only once it listens: whoever sees the file may connect.
        self.listener.bind(str(state / "control.new"))
        self.listener.listen(16)
        (state / "control.new").rename(state / "control")
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ, self._serve)
        if owner >= 0:
            self.selector.register(owner, selectors.EVENT_READ, self._end)
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self.selector.register(reader, selectors.EVENT_READ, lambda: os.read(reader, 4096))

    def run(self) -> NoReturn:
        """Serve until the end."""
        tidy = time.monotonic()
        while True:
            for key, _ in self.selector.select(_HOUSEKEEPING):
                key.data()
            self._reap()
            if time.monotonic() - tidy > _HOUSEKEEPING:
                tidy = time.monotonic()
                self._bound_logs()

    @staticmethod
    def _end() -> NoReturn:
        os._exit(0)

    def _reap(self) -> None:
        """Collect every ended process: orphans of daemons end up here too."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for name, known in list(self.daemons.items()):
                if known == pid:
                    self.ended[name] = os.waitstatus_to_exitcode(status)
                    del self.daemons[name]

    def _bound_logs(self) -> None:
        for path in (self.state / "log").iterdir():
            try:
                if path.stat().st_size > LOG_LIMIT:
                    os.truncate(path, 0)
            except FileNotFoundError:  # whoever starts a daemon anew removes its log first
                continue

    def _serve(self) -> None:
        connection, _ = self.listener.accept()
        with connection:
            connection.settimeout(2.0)
            try:
                with connection.makefile("rb") as lines:
                    request = json.loads(lines.readline(_REQUEST_LIMIT))
                answer = self._answer(request)
                connection.sendall(json.dumps(answer).encode() + b"\n")
            except (OSError, ValueError, KeyError, TypeError) as error:
                sys.stderr.write(f"keeper: request refused: {error!r}\n")

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        self._reap()
        match request["do"]:
            case "start":
                return {"pid": self._start(request)}
            case "signal":
                pid = self.daemons.get(request["name"])
                if pid is not None:
                    (os.killpg if request["group"] else os.kill)(pid, request["number"])
                return {"sent": pid is not None}
            case "list":
                return {"running": self.daemons, "ended": self.ended}
            case "keep":
                if self.owner >= 0:
                    self.selector.unregister(self.owner)
                    os.close(self.owner)
                    self.owner = -1
                return {}
            case other:
                return {"error": f"unknown request {other!r}"}

    def _start(self, request: dict[str, Any]) -> int:
        """Start one daemon in the foreground, in a session of its own, in its node, with an empty log."""
        name, node = request["name"], request["node"]
        self.ended.pop(name, None)
        pid = os.fork()
        if pid == 0:
            self._become(name, node, request)
        self.daemons[name] = pid
        return pid

    def _become(self, name: str, node: str, request: dict[str, Any]) -> NoReturn:
        log = os.open(self.state / "log" / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            network = os.open(f"/run/netns/{node}", os.O_RDONLY | os.O_CLOEXEC)
            setns(network, CLONE_NEWNET)
            own_sys()
            os.execvpe(request["argv"][0], request["argv"], request["env"])  # noqa: S606 - a daemon of the plan
        except OSError as error:
            os.write(log, f"{request['argv'][0]}: {error}\n".encode())
        finally:
            os._exit(127)


def main() -> NoReturn:
    """``python -m r2s_audit.lab.keeper STATE LOCK_FD OWNER_FD`` as process 1 of its namespaces."""
    state, lock, owner = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    private_run()
    os.umask(0o077)
    Keeper(state, lock, owner).run()


if __name__ == "__main__":
    main()
