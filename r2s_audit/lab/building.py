"""A reference building: up, down, found again, entered, listened to, put at fault.

>>> with Building.up("essai") as building:                                    # doctest: +SKIP
...     building.write_site(Path("site.yaml"))
...     subprocess.run([*building.enter("auditeur"), "ip", "address"], check=True)
...     with building.fault(Fault.load("tls-1.0-enabled")):
...         ...
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from r2s_audit.model.text import msg

from . import description as described
from . import plumbing
from .changing import Change
from .description import Description
from .errors import LabError
from .fault import Fault, changed
from .keeping import SEARCH_PATH, Identity, Keeper, kill, locked, remove
from .paths import SECRETS, SSH_KEY, SSH_PUBLIC, Layout, locate
from .pki import Authority
from .plan import packages, plan
from .site import site_document, write_site
from .ssh_keys import draw
from .status import BuildingStatus, read_status


class Tap(NamedTuple):
    """Where an independent capture of an interface's traffic is made: the other end of its cable."""

    prefix: list[str]
    interface: str


class Building:
    """A building that stands."""

    def __init__(self, layout: Layout, keeper: Keeper, raw: Mapping[str, Any], *, owned: bool) -> None:
        """Use :meth:`up` or :meth:`attach`."""
        self._layout = layout
        self._keeper = keeper
        self._raw = raw
        self._owned = owned
        self.sane = described.build(raw, str(layout.description))

    # -- life ---------------------------------------------------------------------------------------------------------

    @classmethod
    def up(
        cls,
        name: str = "conforme",
        *,
        state_dir: Path | None = None,
        keep: bool = False,
        source: Path = described.REFERENCE,
    ) -> Self:
        """Build and return when every daemon answers.

        The building ends with this process, however that ends, unless ``keep``: then it stands until :meth:`down`, by
        any process. ``state_dir`` holds one directory per building (default ``/run/r2s-lab`` or ``R2S_LAB_DIR``).
        """
        layout = locate(name, state_dir)
        raw = described.read_yaml(source)
        sane = described.build(raw, str(source))
        _check_root()
        _check_packages(sane)
        _sweep(layout)
        # Half a second: a building whose owner was killed a moment ago is still ending.
        with locked(layout.lock, patience=0.5) as lock:
            _clean(layout)
            try:
                layout.make()
                shutil.copyfile(source, layout.description)
                keeper = Keeper.start(layout.root, lock)
            except BaseException:
                remove(layout)
                raise
        building = cls(layout, keeper, raw, owned=not keep)
        try:
            building._construct()
            if keep:
                keeper.keep()
        except BaseException:
            building.down()
            raise
        return building

    def _construct(self) -> None:
        _write_json(self._layout.state, {"pid": self._keeper.identity.pid, "started": self._keeper.identity.started})
        for secret in SECRETS:
            _write_secret(self._layout.secret(secret))
        draw(self._layout.secret(SSH_KEY), self._layout.secret(SSH_PUBLIC))
        self._run(["sh", "-s"], plumbing.make_nodes(self.sane))
        self._run(["ip", "-batch", "-"], plumbing.make_cables(self.sane))
        authority = Authority.create(self._layout.pki)
        Change(self._keeper, self._layout, authority).make([], plan(self.sane, self._layout))
        self._record([])

    def _run(self, command: Sequence[str], text: str) -> None:
        result = subprocess.run(
            [*self._keeper.inside(), *command],
            input=text.encode(),
            capture_output=True,
            check=False,
            env={"PATH": SEARCH_PATH},
        )
        if result.returncode != 0:
            raise LabError(
                msg(
                    "{command} a échoué : {output}",
                    command=command[0],
                    output=result.stderr.decode(errors="replace").strip(),
                )
            )

    @classmethod
    def attach(cls, name: str = "conforme", *, state_dir: Path | None = None) -> Self:
        """Find a building that stands, whichever process made it."""
        _check_root()
        layout = locate(name, state_dir)
        identity = _identity(layout)
        if identity is None or not identity.alive:
            raise LabError(
                msg("Le bâtiment « {name} » n'est pas debout.", name=name),
                expected=msg("un bâtiment sous {directory}", directory=str(layout.root)),
                remedy=msg("r2s-audit lab up --name {name}", name=name),
            )
        return cls(layout, Keeper(layout.root, identity), described.read_yaml(layout.description), owned=False)

    def down(self) -> None:
        """End everything in the building and remove its files; harmless when it has ended already."""
        self._keeper.end()
        _remove_ruin(self._layout, self._keeper.identity)

    @classmethod
    def demolish(cls, name: str = "conforme", *, state_dir: Path | None = None) -> bool:
        """Take down what is there under that name, standing or ruined; False when there was nothing."""
        _check_root()
        layout = locate(name, state_dir)
        if not layout.root.exists():
            return False
        identity = _identity(layout)
        if identity is not None:
            kill(identity)
        _remove_ruin(layout, identity)
        return True

    def __enter__(self) -> Self:
        """Be a context: the end of it takes an owned building down."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take an owned building down; leave one that was to be kept, or that another process made."""
        if self._owned:
            self.down()

    # -- use ----------------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The building's name."""
        return self._layout.root.name

    @property
    def state_dir(self) -> Path:
        """The building's own directory."""
        return self._layout.root

    @property
    def authority(self) -> Path:
        """Root certificate of the building's own authority (PEM)."""
        return self._layout.pki / "ca.pem"

    def enter(self, node: str) -> list[str]:
        """Words to put before a command so that it runs inside a node; killing them kills the command."""
        self._node(node)
        return self._keeper.prefix(node)

    def tap(self, interface: str, *, node: str = "auditeur") -> Tap:
        """Where to capture what an interface of the laptop sends and receives, independently of the laptop."""
        self._node(node)
        switch, port = self.sane.far_end(node, interface)
        return Tap(self._keeper.prefix(switch), port)

    def address(self, node: str, interface: str | None = None) -> tuple[str, str]:
        """IPv4 and IPv6 address of a node, by default of the interface it is administered by."""
        self._node(node)
        ipv4, ipv6 = self.sane.addresses(node, interface or self.sane.management(node))
        return str(ipv4.ip), str(ipv6.ip)

    def status(self) -> BuildingStatus:
        """What stands and what has stopped."""
        return read_status(self._layout, self._keeper, self._description(self.faults()), self.faults())

    def site_document(self) -> dict[str, Any]:
        """Site file of the sane building, as the auditor should be given it."""
        return site_document(self.sane, self._layout)

    def write_site(self, path: Path) -> None:
        """Write the site file; it refers to secrets where they are, and never holds them."""
        write_site(self.site_document(), path)

    def _node(self, node: str) -> None:
        if node not in self.sane.nodes:
            raise LabError(
                msg("Nœud inconnu : « {node} ».", node=node),
                expected=msg("un des noms : {names}", names=", ".join(self.sane.nodes)),
            )

    # -- faults -------------------------------------------------------------------------------------------------------

    def faults(self) -> list[str]:
        """Names of the faults that are in the building now."""
        return [str(name) for name in _read_json(self._layout.state).get("faults", [])]

    def apply(self, fault: Fault) -> None:
        """Put a fault into the running building; returns when it is in effect."""
        with self._changing() as now:
            if fault.name not in now:
                self._become(now, [*now, fault.name])

    def revert(self, fault: Fault) -> None:
        """Take a fault out again; returns when the building is as before."""
        with self._changing() as now:
            if fault.name in now:
                self._become(now, [name for name in now if name != fault.name])

    @contextlib.contextmanager
    def fault(self, fault: Fault) -> Iterator[None]:
        """Have a fault for the time of a block."""
        self.apply(fault)
        try:
            yield
        finally:
            self.revert(fault)

    def _become(self, now: list[str], then: list[str]) -> None:
        old, new = self._description(now), self._description(then)
        if old.cables() != new.cables() or list(old.nodes) != list(new.nodes):
            raise LabError(
                msg("Ce défaut change le câblage."), expected=msg("un défaut qui s'applique sans reconstruire")
            )
        authority = Authority.load(self._layout.pki)
        here, there = plan(old, self._layout), plan(new, self._layout)
        try:
            Change(self._keeper, self._layout, authority).make(here, there)
        except LabError:
            # Half a fault is no state that a verdict could be proven against.
            Change(self._keeper, self._layout, authority).make(there, here)
            raise
        self._record(then)

    def _description(self, faults: list[str]) -> Description:
        if not faults:
            return self.sane
        return described.build(changed(self._raw, [Fault.load(name) for name in faults]), "+".join(faults))

    @contextlib.contextmanager
    def _changing(self) -> Iterator[list[str]]:
        """One change at a time, whichever process asks."""
        with self._layout.description.open() as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield self.faults()

    def _record(self, faults: list[str]) -> None:
        identity = self._keeper.identity
        since = _read_json(self._layout.state).get("since", time.time())
        _write_json(
            self._layout.state,
            {"pid": identity.pid, "started": identity.started, "since": since, "faults": faults},
        )


def _check_root() -> None:
    if os.geteuid() != 0:
        raise LabError(
            msg("Le bâtiment de référence demande les droits de root."),
            expected=msg("uid 0 (espaces de noms réseau, Open vSwitch)"),
            remedy=msg("relancer la même commande avec sudo"),
        )


def _check_packages(description: Description) -> None:
    """Say at once every package that the machine lacks."""
    needed = packages(description)
    missing = {command: package for command, package in needed.items() if not shutil.which(command, path=SEARCH_PATH)}
    if missing:
        raise LabError(
            msg("Commandes absentes : {names}", names=", ".join(sorted(missing))),
            expected=msg("les paquets Debian du bâtiment de référence"),
            remedy=msg("apt-get install {packages}", packages=" ".join(sorted(set(missing.values())))),
        )


def _clean(layout: Layout) -> None:
    """Remove what a building left that ended without its `down`; we hold its lock, so none stands."""
    identity = _identity(layout)
    if identity is not None:
        kill(identity)
    if layout.root.exists():
        shutil.rmtree(layout.root)


def _sweep(mine: Layout) -> None:
    """Remove what buildings of other names left whose owner was killed: nobody may ever ask for these names again."""
    for lock in mine.lock.parent.glob("*.lock"):
        other = Layout(lock.with_suffix(""))
        # A first process that is going up or stands holds its lock.
        with contextlib.suppress(LabError), locked(lock):
            _clean(other)
            remove(other)


def _remove_ruin(layout: Layout, identity: Identity | None) -> None:
    """Remove a dead building's files, unless another building has taken its name since."""
    if _identity(layout) not in {None, identity}:
        return
    with locked(layout.lock, patience=2.0):
        remove(layout)


def _identity(layout: Layout) -> Identity | None:
    state = _read_json(layout.state)
    return Identity(state["pid"], state["started"]) if state else None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    if not isinstance(value, dict):
        raise LabError(
            msg("{path} : illisible.", path=str(path)), remedy=msg("rm -r {directory}", directory=str(path.parent))
        )
    return value


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(value))
    fresh.replace(path)


def _write_secret(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(secrets.token_hex(16) + "\n")
