"""The reference building: a real network on one machine, described by one file, and its faults.

Imports nothing until it is asked for: the building's own first process and its SNMP scripts are modules of this
package that run on the standard library alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .building import Building, Tap
    from .errors import LabError
    from .fault import Fault
    from .status import BuildingStatus

_HOME = {
    "Building": "building",
    "Tap": "building",
    "LabError": "errors",
    "Fault": "fault",
    "BuildingStatus": "status",
}
__all__ = ["Building", "BuildingStatus", "Fault", "LabError", "Tap"]


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(name)
    from importlib import import_module  # noqa: PLC0415 - see above

    return getattr(import_module(f".{_HOME[name]}", __name__), name)
