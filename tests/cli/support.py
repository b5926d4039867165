"""A command line run in this process, and a site that it can read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from r2s_audit.cli.app import run

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs/exemples/site.yaml"

COMMANDS: tuple[tuple[str, ...], ...] = (
    (),
    ("plan",),
    ("run",),
    ("judge",),
    ("score",),
    ("declare",),
    ("report",),
    ("seal",),
    ("verify",),
    ("merge",),
    ("checks",),
    ("checks", "list"),
    ("checks", "show"),
    ("lab",),
    ("lab", "up"),
    ("lab", "down"),
    ("lab", "status"),
    ("lab", "shell"),
    ("demo",),
)


@dataclass(frozen=True)
class Ended:
    """How a command line ended."""

    code: int
    out: str
    err: str

    def __post_init__(self) -> None:
        """No command line at all shows a trace, but for a fault of ours."""
        assert "Traceback" not in self.out
        if self.code != 70:
            assert "Traceback" not in self.err


@dataclass(frozen=True)
class CommandLine:
    """``r2s-audit`` in this process."""

    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> Ended:
        self.capsys.readouterr()
        code = run(list(words))
        out, err = self.capsys.readouterr()
        return Ended(code, out, err)


def site_text(interface: str = "absente0") -> str:
    """The example site, its points on an interface that no machine has."""
    return EXAMPLE.read_text(encoding="utf-8").replace("interface: eth0", f"interface: {interface}")


@contextmanager
def standing_in(directory: Path) -> Iterator[None]:
    """Relative paths are relative to this directory."""
    before = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)
