"""``python -m r2s_audit.lab.responders KIND JSON``: be a device until killed."""

from __future__ import annotations

import json
import sys
from typing import NoReturn

from r2s_audit.lab.responders import datagram, dtp, hostile, impostor, lldp_frame, mdns, stream


def main() -> NoReturn:
    """Serve the kind of device that the command line names, with its options."""
    kind, options = sys.argv[1], json.loads(sys.argv[2])
    alone = {
        "dtp": dtp.serve,
        "hostile": hostile.serve,
        "impostor": impostor.serve,
        "lldp": lldp_frame.serve,
        "mdns": mdns.serve,
    }
    if kind in alone:
        alone[kind](options)
    if kind in datagram.KINDS:
        datagram.serve(kind, options)
    stream.serve(kind, options)


if __name__ == "__main__":
    main()
