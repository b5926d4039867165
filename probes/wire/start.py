"""Start the helper: whose interpreter may hold its capabilities, its arguments, and the remedy where nothing may.

Light to import, and without an event loop: a process whose time counts starts the helper first, and reads the rest of
what it needs while the helper starts.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from probes.wire import privilege

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from r2s_audit.model.text import Message

LAUNCHER_NAME = "r2s-wire-python"
NOBODY = 65534  # the helper's uid and gid when it starts as root: it needs no file of anybody's
_HELPER = Path(__file__).with_name("helper.py").resolve()


class Started(NamedTuple):
    """A helper that is starting, and our end of its socket: `client.Wire.join` takes both over."""

    interfaces: tuple[str, ...]
    interpreter: Path
    process: subprocess.Popen[bytes]
    socket: socket.socket


def start(interfaces: Sequence[str], *, max_rate: int, max_frames: int, launcher: Path | None = None) -> Started:
    """Start the helper; as `client.Wire.launch`, which also waits for its hello.

    Raises:
        WireUnavailable: no privilege here, or the interpreter cannot be run; with the remedy.
        ValueError: impossible limits or interface names.
    """
    if max_rate < 1 or max_frames < 0:
        raise ValueError(f"max_rate {max_rate} and max_frames {max_frames} are no limits")
    for name in interfaces:
        if not 0 < len(name.encode()) <= 15 or "/" in name or any(each.isspace() for each in name):  # noqa: PLR2004
            raise ValueError(f"not an interface name: {name!r}")
    interpreter = interpreter_for(launcher)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with theirs:
            limits = (theirs.fileno(), max_rate, max_frames, NOBODY, NOBODY)
            process = _spawn(interpreter, [*map(str, limits), *interfaces], theirs.fileno())
    except BaseException:
        ours.close()
        raise
    return Started(tuple(interfaces), interpreter, process, ours)


def interpreter_for(launcher: Path | None) -> Path:
    """Return the interpreter that will hold CAP_NET_RAW; WireUnavailable if none would."""
    own = Path(sys.executable)
    state = privilege.current()
    if state.has(privilege.CAP_NET_RAW) and (os.geteuid() == 0 or state.ambient >> privilege.CAP_NET_RAW & 1):
        return own
    from probes.wire.channel import WireUnavailable  # noqa: PLC0415 - what a working wire needs not load
    from r2s_audit.model.text import msg  # noqa: PLC0415 - likewise

    candidate = own.with_name(LAUNCHER_NAME) if launcher is None else launcher
    if candidate.is_file() and os.access(candidate, os.X_OK) and not state.no_new_privs:
        return candidate
    if state.no_new_privs:
        reason = msg(
            "trames brutes impossibles : ce processus n'a pas CAP_NET_RAW, et no_new_privs lui interdit de l'obtenir"
        )
    else:
        reason = msg(
            "trames brutes impossibles : ce processus n'a pas CAP_NET_RAW, et {launcher} ne peut pas la lui donner",
            launcher=str(candidate),
        )
    raise WireUnavailable(reason, remedy(candidate))


def remedy(candidate: Path) -> Message:
    """What a user can do to have raw frames, with ``candidate`` for the interpreter that may hold them."""
    from r2s_audit.model.text import msg  # noqa: PLC0415 - what a working wire needs not load

    return msg(
        "lancer avec sudo ; ou, une fois, en root : cp {interpreter} {launcher} && chown root:$(id -g) {launcher} && "
        "chmod 750 {launcher} && setcap cap_net_raw,cap_net_admin+ep {launcher} ; "
        "dans un conteneur, ajouter la capacité NET_RAW",
        interpreter=str(Path(sys.executable).resolve()),
        launcher=str(candidate),
    )


def _spawn(interpreter: Path, arguments: list[str], descriptor: int) -> subprocess.Popen[bytes]:
    """Start the helper in its own session: the terminal's signals are not for it."""
    command = [str(interpreter), "-I", "-S", "-B", str(_HELPER), *arguments]
    environment: Mapping[str, str] = {}
    try:
        return subprocess.Popen(  # noqa: S603 - our own file, no shell
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(descriptor,),
            start_new_session=True,
        )
    except OSError as error:
        from probes.wire.channel import WireUnavailable  # noqa: PLC0415 - what a working wire needs not load
        from r2s_audit.model.text import msg  # noqa: PLC0415 - likewise

        reason = msg(
            "trames brutes impossibles : {interpreter} ne démarre pas ({error})",
            interpreter=str(interpreter),
            error=str(error.strerror),
        )
        raise WireUnavailable(reason, remedy(interpreter)) from error
