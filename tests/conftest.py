"""What holds for the whole suite: its order, the signals its processes begin with, and failures told when they happen.

What takes longest is started first, so that no worker is left alone with it at the end.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

LONGEST = ("lab/test_audit.py", "lab/test_faults.py", "lab/test_hostile.py", "lab/test_devices.py", "lab/test_dot1x.py")
"""Whole audits and every fault; they wait more than they work, and go well beside the rest."""
ROOT = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order by file alone: inside a file tests stay as they are written.

    With ``--no-loadscope-reorder`` xdist hands files out in this order; by itself it would begin with the files of most
    tests, which are the quick ones.
    """
    waiting = {item.path for item in items if item.get_closest_marker("building")}

    def place(item: pytest.Item) -> int:
        name = item.path.relative_to(ROOT).as_posix() if item.path.is_relative_to(ROOT) else ""
        return LONGEST.index(name) if name in LONGEST else len(LONGEST) + (item.path not in waiting)

    items.sort(key=place)


def pytest_configure() -> None:
    """Begin with the signals of a terminal, however the suite was started.

    A job in the background or under nohup has SIGINT or SIGHUP ignored, and its children would inherit it: a shell may
    then not even trap them (POSIX sh, 2.11), and what is tested of an interruption would wait for ever.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


class _Told:
    """Says at once what has failed: of a run that is cut off, the list at its end would never be seen."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self.terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.terminal.ensure_newline()
            self.terminal.write_line(f"{report.nodeid}: failed ({report.when})", red=True)
            self.terminal.write_line(report.longreprtext[-4000:])


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not hasattr(session.config, "workerinput"):
        session.config.pluginmanager.register(_Told(terminal))
