"""The way from one plan to another: what is no longer wanted is stopped, what is new or different is brought about.

Resources become ready in the order that they ask for, and side by side where they ask for none: a building goes up in
the time of its longest chain, not in the sum of its daemons.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from r2s_audit.model.text import msg

from .errors import LabError
from .keeping import SEARCH_PATH, Keeper
from .paths import Layout
from .pki import Authority
from .resources import Command, Exists, File, Listening, Probe, Process, ReloadProof, Resource, Says

DEADLINE = 15.0
_FAREWELL = 1.0
_POLL = 0.004
_LISTEN_STATE = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}


@dataclass(slots=True)
class _Step:
    """A resource on its way."""

    resource: Resource
    running: subprocess.Popen[bytes] | None = None
    pid: int = 0
    before: str = ""
    """What a reload has to differ from to be proved."""
    reload: bool = False


@dataclass(slots=True)
class Change:
    """One passage from a plan to another in a running building."""

    keeper: Keeper
    layout: Layout
    authority: Authority
    _waiting: list[_Step] = field(default_factory=list)
    _under_way: list[_Step] = field(default_factory=list)

    def make(self, old: Sequence[Resource], new: Sequence[Resource]) -> None:
        """Go from ``old`` to ``new``; returns when everything changed is ready."""
        before = {resource.name: resource for resource in old}
        wanted = {resource.name: resource for resource in new}
        self._stop([r for name, r in before.items() if name not in wanted])
        self._restart(before, wanted)
        changed = {name for name, resource in wanted.items() if before.get(name) != resource}
        for name in changed:
            self._prepare(wanted[name])
        self._waiting = [_Step(wanted[name], reload=self._reloads(before.get(name), wanted[name])) for name in changed]
        try:
            self._await(set(changed), time.monotonic() + DEADLINE)
        finally:
            for step in self._under_way:
                _abandon(step)

    def _await(self, pending: set[str], deadline: float) -> None:
        """Begin each resource when those that it comes after are ready, until all are."""
        while self._waiting or self._under_way:
            self._begin_what_can(pending)
            for step in [step for step in self._under_way if self._finished(step)]:
                self._under_way.remove(step)
                pending.discard(step.resource.name)
            if time.monotonic() > deadline:
                raise self._too_late()
            time.sleep(_POLL)

    def _reloads(self, old: Resource | None, new: Resource) -> bool:
        """Whether a live reload is enough: same command line, other files."""
        return (
            isinstance(old, Process)
            and isinstance(new, Process)
            and new.reload is not None
            and (old.argv, old.env, old.node) == (new.argv, new.env, new.node)
        )

    def _restart(self, before: Mapping[str, Resource], wanted: Mapping[str, Resource]) -> None:
        """Stop the processes that have to be started anew."""
        changed = [r for name, r in before.items() if name in wanted and wanted[name] != r]
        self._stop([r for r in changed if not self._reloads(r, wanted[r.name])])

    def _stop(self, resources: Sequence[Resource]) -> None:
        """End processes, forks included, with their power cut; those that say goodbye are given a moment to."""
        processes = [resource for resource in resources if isinstance(resource, Process)]
        names = {process.name for process in processes}
        leaving = {process.name for process in processes if process.farewell}
        for name in leaving:
            self.keeper.ask(do="signal", name=name, number=int(signal.SIGTERM), group=False)
        deadline = time.monotonic() + _FAREWELL
        while leaving & set(self.keeper.ask(do="list")["running"]) and time.monotonic() < deadline:
            time.sleep(_POLL)
        for name in names:
            self.keeper.ask(do="signal", name=name, number=int(signal.SIGKILL), group=True)
        deadline = time.monotonic() + DEADLINE
        while names & set(self.keeper.ask(do="list")["running"]):
            if time.monotonic() > deadline:
                raise LabError(msg("Démons qui ne s'arrêtent pas : {names}", names=", ".join(sorted(names))))
            time.sleep(_POLL)

    def _prepare(self, resource: Resource) -> None:
        if isinstance(resource, Command):
            return
        for certificate in resource.certificates:
            self.authority.ensure(certificate)
        for file in resource.files:
            _write(self.keeper.seen_inside(file.path), file)
        for probe in resource.ready:
            if isinstance(probe, Exists):
                self.keeper.seen_inside(probe.path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _begin_what_can(self, pending: set[str]) -> None:
        for step in list(self._waiting):
            if pending.isdisjoint(step.resource.after):
                self._waiting.remove(step)
                self._begin(step)
                self._under_way.append(step)

    def _begin(self, step: _Step) -> None:
        resource = step.resource
        if isinstance(resource, Command):
            # A file and no pipe: a command that reads nothing may end before it is written to.
            with tempfile.TemporaryFile() as text:
                text.write(resource.stdin.encode())
                text.seek(0)
                step.running = subprocess.Popen(
                    [*self.keeper.in_node(resource.node), *resource.argv],
                    stdin=text,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env={"PATH": SEARCH_PATH},
                )
        elif step.reload and resource.reload and (pid := self.keeper.ask(do="list")["running"].get(resource.name)):
            step.pid = pid
            step.before = self._evidence(step)
            self.keeper.ask(do="signal", name=resource.name, number=int(resource.reload.number), group=False)
        else:
            for probe in resource.ready:
                if isinstance(probe, Exists):
                    self.keeper.seen_inside(probe.path).unlink(missing_ok=True)
            # What it said the last time is not what it says now.
            (self.layout.logs / resource.name).unlink(missing_ok=True)
            step.reload = False
            environment = {"PATH": SEARCH_PATH, **dict(resource.env)}
            request = {"name": resource.name, "node": resource.node, "argv": resource.argv, "env": environment}
            step.pid = self.keeper.ask(do="start", **request)["pid"]

    def _evidence(self, step: _Step) -> str:
        resource = step.resource
        assert isinstance(resource, Process)  # noqa: S101 - only processes reload
        assert resource.reload  # noqa: S101 - and only those that can
        if resource.reload.proof is ReloadProof.LOG_GREW:
            return str((self.layout.logs / resource.name).stat().st_size)
        process = self.keeper.process(step.pid)
        return (process / "task" / str(step.pid) / "children").read_text()

    def _finished(self, step: _Step) -> bool:
        resource = step.resource
        if isinstance(resource, Command):
            return _command_finished(step, resource)
        if not self.keeper.process(step.pid).exists():
            raise self._died(resource)
        try:
            if step.reload:
                evidence = self._evidence(step)
                return bool(evidence) and not _overlap(evidence, step.before)
            return all(self._ready(probe, resource.name, step.pid) for probe in resource.ready)
        except (FileNotFoundError, ProcessLookupError):  # just begun or just ended: the next look tells
            return False

    def _ready(self, probe: Probe, name: str, pid: int) -> bool:
        match probe:
            case Exists(path):
                return self.keeper.seen_inside(path).exists()
            case Says(text):
                return text in (self.layout.logs / name).read_text(errors="replace")
            case Listening(protocol, port):
                table = (self.keeper.process(pid) / "net" / protocol).read_text().splitlines()[1:]
                sockets = (line.split() for line in table)
                return any(
                    int(words[1].rpartition(":")[2], 16) == port and words[3] == _LISTEN_STATE[protocol]
                    for words in sockets
                )

    def _died(self, resource: Process) -> LabError:
        code = self.keeper.ask(do="list")["ended"].get(resource.name)
        return LabError(
            msg(
                "{name} s'est arrêté (code {code}) : {log}",
                name=resource.name,
                code=str(code),
                log=tail(self.layout.logs / resource.name),
            ),
            expected=msg("un démon qui démarre"),
        )

    def _too_late(self) -> LabError:
        names = ", ".join(sorted(step.resource.name for step in (*self._under_way, *self._waiting)))
        logs = " | ".join(tail(self.layout.logs / step.resource.name) for step in self._under_way)
        return LabError(
            msg("Pas prêts après {seconds} s : {names} ({logs})", seconds=float(DEADLINE), names=names, logs=logs),
            expected=msg("tous les démons prêts"),
        )


def _overlap(now: str, before: str) -> bool:
    """Whether the evidence of a reload is still the old one, wholly or in part (an old worker that has not left)."""
    return bool(set(now.split()) & set(before.split()))


def _abandon(step: _Step) -> None:
    """End a command that nobody waits for any more; a process stays, for the change that will undo this one."""
    if step.running is not None and step.running.poll() is None:
        step.running.kill()
        step.running.communicate()


def _command_finished(step: _Step, resource: Command) -> bool:
    process = step.running
    assert process is not None  # noqa: S101 - a command is begun before it is awaited
    code = process.poll()
    if code is None:
        return False
    assert process.stdout  # noqa: S101 - it was asked for
    output = process.stdout.read().decode(errors="replace").strip()
    process.stdout.close()
    if code != 0:
        raise LabError(
            msg(
                "{name} : {command} a échoué (code {code}) : {output}",
                name=resource.name,
                command=resource.argv[0],
                code=code,
                output=output,
            )
        )
    return True


def _write(path: Path, file: File) -> None:
    """Replace a file at once: a daemon never reads half of it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, file.mode)
    os.fchmod(descriptor, file.mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(file.text)
    fresh.replace(path)


def tail(path: Path, size: int = 600) -> str:
    """Last words of a log, on one line."""
    try:
        text = path.read_bytes()[-size:].decode(errors="replace")
    except FileNotFoundError:
        return ""
    return " ".join(text.split())
