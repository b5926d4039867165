"""Terminal bytes to lines: what a person would see at the end."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from probes.ssh.screen import MAX_LINE, MAX_LINES, TooLongError, is_pager, is_pause, is_prompt, lines_of


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        (b"a\r\nb\r\nsw#", ["a", "b", "sw#"]),
        (b"a\r\r\nb", ["a", "b"]),
        (b"\x1b[1;32mvert\x1b[0m  \r\nb", ["vert", "b"]),
        (b"\x1b]0;titre\x07a\r\nb", ["a", "b"]),
        (b"\x1b]0;sans fin", [""]),
        # HP ProCurve: next line by ESC E, the cursor set, and shown again
        (b"\x1b[24;1H\x1b[?25hshow vlans\x1bEVLAN 1\x1bEsw# \x1b[24;5H", ["show vlans", "VLAN 1", "sw#"]),
        # Cisco IOS: the pager wiped out by backspaces; HP Comware: by moving left; others: by a return and spaces
        (b"x\r\n --More-- \b\b\b\b\b\b\b\b\b\b          \b\b\b\b\b\b\b\b\b\by\r\nsw#", ["x", "y", "sw#"]),
        (b"x\r\n---- More ----\x1b[42D" + b" " * 42 + b"\x1b[42Dy\r\nsw>", ["x", "y", "sw>"]),
        (b"x\r\n--More--\r        \ry\r\nsw#", ["x", "y", "sw#"]),
        (b"x\r\n--More--\r\ny\r\nsw#", ["x", "y", "sw#"]),
        (b"x\r\n--More--", ["x", "--More--"]),
        (b"abc\rX", ["Xbc"]),
        (b"\x07a\x00b\xff", ["ab\ufffd"]),
        (b"", [""]),
    ],
)  # fmt: skip
def test_lines(sent: bytes, seen: list[str]) -> None:
    assert lines_of(sent) == seen


@pytest.mark.parametrize(
    "sent", [b"x" * (MAX_LINE + 1), b"x\n" * (MAX_LINES + 1), b"\b" * (4 * MAX_LINE + 1), b"ab\r" * 50_000]
)
def test_bounds(sent: bytes) -> None:
    with pytest.raises(TooLongError):
        lines_of(sent)


@pytest.mark.parametrize(
    "piece", [b"\x1b[", b"\x1b]", b"\x1b", b"\x1b[1;", b"\x1b]0;\x1b", b"\x1b[ ", b"\r\b", b"\x1b[9999D"]
)
def test_time_is_that_of_the_length(piece: bytes) -> None:
    """One megabyte of the beginnings of sequences."""
    started = time.monotonic()
    with suppress(TooLongError):
        lines_of((piece * (1_000_000 // len(piece)))[:1_000_000])
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("line", "prompt"),
    [
        ("sw-acces#", True),
        ("sw-acces>", True),
        ("<sw-coeur>", True),
        ("-> ", True),
        ("sw(config)#", True),  # one, which is refused by its own name
        ("########", False),
        ("  10 VLAN0010 >", False),
        ("Password:", False),
        ("", False),
        ("x" * 100 + "#", False),
    ],
)
def test_prompts(line: str, prompt: bool) -> None:
    assert is_prompt(line) is prompt


@pytest.mark.parametrize(
    ("line", "pager", "pause"),
    [
        ("--More--", True, False),
        ("---- More ----", True, False),
        ("-- MORE --, next page: Space, next line: Enter, quit: Control-C", True, False),
        ("More: <space>,  Quit: q or CTRL+Z, One line: <return>", True, False),
        ("Press any key to continue", False, True),
        ("10   moreau   active", False, False),
        ("sw#", False, False),
    ],
)
def test_who_waits(line: str, pager: bool, pause: bool) -> None:
    assert (is_pager(line), is_pause(line)) == (pager, pause)
