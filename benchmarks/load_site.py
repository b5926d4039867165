"""Time to load and validate the site file of 300 devices, each time in a fresh process: ``python benchmarks/load_site.py``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from site300 import DEVICES, write

GOAL = 0.25
"""Seconds."""
RUNS = 5

CHILD = """
import sys, time
from pathlib import Path
from r2s_audit.files.site import load_site
start = time.perf_counter()
load_site(Path(sys.argv[1]))
print(time.perf_counter() - start)
"""


def main() -> None:
    """Print one line in the form that ``make bench`` prints."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "site.yaml"
        write(path)
        command = [sys.executable, "-c", CHILD, str(path)]
        times = [float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(RUNS)]
    print(f"bench load-site-{DEVICES} ours={min(times):.3f} worst={max(times):.3f} goal={GOAL}")


if __name__ == "__main__":
    main()
