"""What a building is made of once described: files, commands and processes, in an order.

A plan is a list of resources computed from the description alone. Going up is the way from an empty plan to a full
one; a fault is the way from one plan to another. So a daemon needs to say only what it looks like in a given
description, and never how to be changed live.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class File:
    """A configuration file, readable by root only unless said otherwise."""

    path: Path
    text: str
    mode: int = 0o600


@dataclass(frozen=True, slots=True)
class Listening:
    """Ready when the process's node has this port open."""

    protocol: Literal["tcp", "tcp6", "udp", "udp6"]
    port: int


@dataclass(frozen=True, slots=True)
class Exists:
    """Ready when this socket or file is there; one left by an earlier start is removed first."""

    path: Path


@dataclass(frozen=True, slots=True)
class Says:
    """Ready when the process has written this since it was started."""

    text: str


Probe: TypeAlias = Listening | Exists | Says


class ReloadProof(StrEnum):
    """How a process shows that it has taken its new configuration: a signal alone proves nothing."""

    NEW_CHILDREN = "new-children"
    """Its working children are others than before."""
    LOG_GREW = "log-grew"
    """It wrote a line on the matter."""


@dataclass(frozen=True, slots=True)
class Reload:
    """A process takes a new configuration on a signal, and proves it."""

    proof: ReloadProof
    number: signal.Signals = signal.SIGHUP


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate to be issued by the building's authority, with the names and addresses that it vouches for."""

    name: str
    addresses: tuple[str, ...]
    days: int = 397
    usage: Literal["server", "client"] = "server"
    subject: str = ""
    """Common name, of any length and of any characters; default: the name."""
    others: tuple[str, ...] = ()
    """Alternative names that are none, in ASCII."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that configures something and ends; run again when it changes."""

    name: str
    node: str
    argv: tuple[str, ...]
    stdin: str = ""
    after: tuple[str, ...] = ()
    """Resources that have to be ready before; a name that the plan does not hold is no obstacle."""


@dataclass(frozen=True, slots=True)
class Process:
    """A daemon in the foreground, kept by the keeper."""

    name: str
    node: str
    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    files: tuple[File, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    ready: tuple[Probe, ...] = ()
    after: tuple[str, ...] = ()
    reload: Reload | None = None
    """None: a change of files restarts it."""
    farewell: bool = False
    """Asked to end before it is killed: it tells its neighbours, who would otherwise remember it for a time."""


Resource: TypeAlias = Command | Process
