"""Run inside a node, by its path: reads questions ``[interface, address, what]``, writes one outcome each.

``what`` is ``icmp`` or a TCP port. Outcomes: ``open``, ``refused``, ``silent``, or the error's name.
"""

from __future__ import annotations

import errno
import json
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

WAIT = 0.4


def ask(question: list[str]) -> str:
    interface, address, what = question
    if what == "icmp":
        command = ["ping", "-n", "-q", "-c", "1", "-W", str(WAIT), "-I", interface, address]
        return "silent" if subprocess.run(command, capture_output=True, check=False).returncode else "open"
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        client.settimeout(WAIT)
        try:
            client.connect((address, int(what)))
        except TimeoutError:
            return "silent"
        except ConnectionRefusedError:
            return "refused"
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, str(error))
    return "open"


questions = json.load(sys.stdin)
# A neighbour that was asked for in vain is asked again a second later, and whoever wants it meanwhile waits in vain too.
for name in {interface for interface, _, _ in questions}:
    for state in ("incomplete", "failed"):
        subprocess.run(["ip", "neigh", "flush", "dev", name, "nud", state], capture_output=True, check=False)
with ThreadPoolExecutor(80) as pool:
    json.dump(list(pool.map(ask, questions)), sys.stdout)
