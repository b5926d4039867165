"""The command line of a switch, behind the building's own OpenSSH: reads the live switch, changes nothing.

``python -m r2s_audit.lab.command_line DATABASE CONTROL BRIDGE SETTING``, on a terminal. Answers come by the page until
``terminal length 0``; whatever is not known is refused in the maker's words. Standard library only: it starts with each
session.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import struct
import sys
import termios
import tty
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from r2s_audit.lab.ios import COMMANDS, INVALID, Setting, State
from r2s_audit.lab.ovsdb import Switch, SwitchError, read

_SIOCGIFFLAGS = 0x8913
_UP, _RUNNING = 0x1, 0x40
_PAGE = 24
_INCLUDE = " | include "
_MORE = " --More-- "
_WIPED = "\b" * len(_MORE) + " " * len(_MORE) + "\b" * len(_MORE)


class Screen(Protocol):
    """Where answers go, and who turns the page."""

    def write(self, text: str) -> None:
        """Show text."""

    def key(self) -> str:
        """Wait for one key."""


def states(names: Iterable[str]) -> dict[str, State]:
    """Administrative state and link of interfaces, from the kernel that this runs on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:  # noqa: TID251 - asks the kernel, sends nothing
        return {name: _state(asking, name) for name in names}


def _state(asking: socket.socket, name: str) -> State:  # noqa: TID251 - asks the kernel, sends nothing
    try:
        answer = fcntl.ioctl(asking, _SIOCGIFFLAGS, struct.pack("16sh14x", name.encode(), 0))
    except OSError:
        return State(enabled=False, up=False)
    (flags,) = struct.unpack_from("h", answer, 16)
    return State(enabled=bool(flags & _UP), up=bool(flags & _UP and flags & _RUNNING))


def session(
    commands: Iterable[str],
    screen: Screen,
    setting: Setting,
    look: Callable[[], tuple[Switch, Mapping[str, State]]],
) -> None:
    """Answer commands until there are no more."""
    prompt = f"{setting.hostname}#"
    length = _PAGE
    screen.write(prompt)
    for typed in commands:
        command = " ".join(typed.split())
        if command in {"exit", "quit", "logout"}:
            return
        if command.startswith("terminal length ") and command.split()[-1].isdigit():
            length = int(command.split()[-1])
        elif (shown := command.partition(_INCLUDE)[0]) in COMMANDS:
            try:
                switch, found = look()
            except (SwitchError, KeyError, ValueError) as error:
                screen.write(f"% {error}\n")
            else:
                _by_page(_included(COMMANDS[shown](switch, setting, found), command), screen, length)
        elif command:
            screen.write(INVALID)
        screen.write(prompt)


def _included(lines: Iterator[str], command: str) -> Iterator[str]:
    """Of the lines, those that the command asks for: all of them, or those that its expression is found in."""
    wanted = command.partition(_INCLUDE)[2]
    return (line for line in lines if re.search(wanted, line))


def _by_page(lines: Iterator[str], screen: Screen, length: int) -> None:
    left = length - 1
    for line in lines:
        if length and left <= 0:
            screen.write(_MORE)
            key = screen.key()
            screen.write(_WIPED)
            if key == " ":
                left = length - 1
            elif key in {"\r", "\n"}:
                left = 1
            else:
                screen.write("\n")
                return
        screen.write(f"{line}\n")
        left -= 1


class _Terminal:
    """The terminal that OpenSSH gave."""

    def write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    def key(self) -> str:
        own = sys.stdin.fileno()
        before = termios.tcgetattr(own)
        try:
            tty.setcbreak(own)
            return os.read(own, 1).decode(errors="replace")
        finally:
            termios.tcsetattr(own, termios.TCSADRAIN, before)


def main() -> None:
    """Run as the account's own shell; a terminal or nothing."""
    database, control, bridge, setting = (Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
    if not sys.stdin.isatty():
        sys.exit("% a terminal is needed")

    def look() -> tuple[Switch, Mapping[str, State]]:
        switch = read(database, control, bridge)
        return switch, states(port.name for port in switch.ports)

    typed = iter(sys.stdin.readline, "")
    session(typed, _Terminal(), Setting.of(json.loads(setting.read_text(encoding="utf-8"))), look)


if __name__ == "__main__":
    main()
