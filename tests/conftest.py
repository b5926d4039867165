"""The order of the suite: what takes longest is started first, so that no worker is left alone with it at the end."""

from __future__ import annotations

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
