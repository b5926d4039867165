"""What stands in a building, typed for whoever prints it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .description import Description
from .keeping import Keeper
from .paths import Layout
from .plan import plan
from .resources import Process


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """A daemon that the building should have."""

    name: str
    running: bool
    exit_code: int | None
    """How it ended, where it ended of itself; negative: by that signal."""


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A node, its addresses and its daemons."""

    name: str
    role: str
    title: str
    powered: bool
    addresses: tuple[str, ...]
    daemons: tuple[DaemonStatus, ...]


@dataclass(frozen=True, slots=True)
class BuildingStatus:
    """A whole building."""

    name: str
    state_dir: Path
    pid: int
    faults: tuple[str, ...]
    nodes: tuple[NodeStatus, ...]
    memory: int
    """Bytes, shared pages counted in proportion."""

    @property
    def healthy(self) -> bool:
        """Whether every daemon that should run does."""
        return all(daemon.running for node in self.nodes for daemon in node.daemons)


def read_status(layout: Layout, keeper: Keeper, description: Description, faults: list[str]) -> BuildingStatus:
    """Ask the keeper and compare with the plan."""
    answer = keeper.ask(do="list")
    running, ended = answer["running"], answer["ended"]
    processes = [resource for resource in plan(description, layout) if isinstance(resource, Process)]
    nodes = []
    for name, node in description.nodes.items():
        addresses = [
            address for interface in description.addressed(name) for address in description.addresses(name, interface)
        ]
        daemons = tuple(
            DaemonStatus(process.name, process.name in running, ended.get(process.name))
            for process in processes
            if process.node == name
        )
        powered = node.power == "on"
        nodes.append(NodeStatus(name, node.role, node.title, powered, tuple(map(str, addresses)), daemons))
    return BuildingStatus(
        name=layout.root.name,
        state_dir=layout.root,
        pid=keeper.identity.pid,
        faults=tuple(faults),
        nodes=tuple(nodes),
        memory=_memory(keeper),
    )


def _memory(keeper: Keeper) -> int:
    total = 0
    for path in keeper.process(1).parent.glob("[0-9]*/smaps_rollup"):
        try:
            lines = path.read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):  # ended since it was listed
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total
