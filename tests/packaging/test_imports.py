"""Import time is a feature: what starting and planning import, seen from a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"scapy", "pysnmp", "pyasn1", "paramiko", "OpenSSL", "nacl"}


def imported(code: str) -> set[str]:
    """Top-level modules after running the code."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys\n{code}\nprint(*{{m.partition('.')[0] for m in sys.modules}}, file=sys.stderr)",
        ],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


def test_the_control_sees_a_heavy_import() -> None:
    assert "pyasn1" in imported("import pyasn1.type.univ")


def test_version_imports_nothing_but_the_standard_library() -> None:
    found = imported("from r2s_audit.cli.entry import main\nsys.argv = ['r2s-audit', '--version']\nmain()")
    assert "r2s_audit" in found
    assert not found & {*HEAVY, "pydantic", "typer", "rich", "ruamel", "asyncio", "cryptography"}


@pytest.mark.parametrize("what", ["collectors", "checks"])
def test_the_registry_imports_no_protocol_library(what: str) -> None:
    found = imported(f"from probes.registry import {what}\nassert {what}()")
    assert {"probes", "pydantic"} <= found
    assert not found & {*HEAVY, "cryptography", "asyncio"}


ALONE = """
import importlib.util, os, pkgutil, sys
import jinja2, pydantic, rich, ruamel.yaml, typer  # not ours, and slow: once for all that follow
for package in ("reports", "r2s_audit.cli", "r2s_audit.scoring", "r2s_audit.evidence"):
    top = importlib.util.find_spec(package).submodule_search_locations
    for module in pkgutil.walk_packages(top, package + "."):
        if os.fork() == 0:
            try:
                importlib.import_module(module.name)
            except BaseException as error:
                print(f"{module.name}: {error}", flush=True)
            os._exit(0)
        os.wait()
        print(".", end="", flush=True)
"""


def test_every_module_can_be_the_first() -> None:
    """Modules that import each other in a circle work until somebody begins at the other end."""
    done = subprocess.run([sys.executable, "-c", ALONE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.count(".") > 50
    assert done.stdout.strip(".\n") == "", done.stdout
