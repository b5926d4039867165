"""Start: what must be quick is done here, before anything else is imported."""

from __future__ import annotations

import gc
import os
import signal
import sys
from io import TextIOWrapper


def main() -> None:
    """Entry point of ``r2s-audit``: ends with the exit codes of the design."""
    _open_standard_streams()
    if sys.argv[1:] == ["--version"]:
        from r2s_audit import __version__

        print(f"r2s-audit {__version__}")
        return
    # Documents are UTF-8 wherever they go; a terminal that cannot show a sign gets its code instead of an error.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.isatty():
            stream.reconfigure(errors="backslashreplace")
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    # Asked to end, a command ends as from the keyboard: what it has built is taken down, what it has written is whole.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A command makes many small objects that live to its end: looking for garbage among them is a tenth of its time.
    gc.set_threshold(100_000, 50, 100)
    # No plug-in of another package has a say in what is valid here; to look for one reads the metadata of all of them.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from r2s_audit.cli.app import run

    code = run(sys.argv[1:])
    # Nor among what is left at the end: the interpreter would look through all of it once more before it goes.
    gc.freeze()
    sys.exit(code)


def _open_standard_streams() -> None:
    """Give a closed standard stream somewhere to go: its descriptor would else be the next file's, a ledger's perhaps."""
    closed = False
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, hence this one
            closed = True
    if closed:
        sys.stdin = sys.stdin or open(0, encoding="utf-8")  # noqa: SIM115 - for the life of the process
        sys.stdout = sys.stdout or open(1, "w", encoding="utf-8")  # noqa: SIM115 - likewise
        sys.stderr = sys.stderr or open(2, "w", encoding="utf-8")  # noqa: SIM115 - likewise
