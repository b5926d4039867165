"""IEEE8021-PAE-MIB (IEEE 802.1X-2004, clause 9) of a live switch, for snmpd's ``pass_persist``.

``python -m r2s_audit.lab.pae_mib DATABASE CONTROL BRIDGE AUTHENTICATORS``. Whether a port is authorised is what Open
vSwitch does with it; the states and timers of its authenticator are what hostapd says. A port without 802.1X has no row.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from r2s_audit.lab.bridge_mib import Oid, Row, Table, serve
from r2s_audit.lab.ovsdb import Port, Switch, read

PAE: Oid = (1, 0, 8802, 1, 1, 1, 1)
_CONTROLS = {"force-unauthorized": "1", "auto": "2", "force-authorized": "3"}
_DISCONNECTED, _CONNECTING, _FORCE_AUTHORISED, _FORCE_UNAUTHORISED = "2", "3", "8", "9"
_IDLE, _BOTH_WAYS, _TRUE, _FALSE = "6", "0", "1", "2"
_AUTHENTICATOR = "80"  # BITS, the first of them: dot1xPaePortAuthCapable
# hostapd has no object for these. Its EAP server repeats a request after 3 s (RFC 3748, section 4.3), five times at most.
_TX_PERIOD, _MAX_REQUESTS = "3", "5"
_TIMEOUT = 0.5


def ask(place: Path, command: str) -> str:
    """One command to hostapd; empty where nobody answers."""
    own = place.with_name(f"{place.name}.mib.{os.getpid()}")
    own.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:  # noqa: TID251 - a local socket
        client.settimeout(_TIMEOUT)
        try:
            client.bind(str(own))
            client.connect(str(place))
            client.send(command.encode())
            return client.recv(8192).decode(errors="replace")
        except OSError as error:
            sys.stderr.write(f"pae_mib: {place}: {error}\n")
            return ""
        finally:
            with contextlib.suppress(OSError):  # never bound
                own.unlink()


def values(text: str) -> dict[str, str]:
    """Read hostapd's ``name=value`` lines."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def rows(switch: Switch, said: dict[str, dict[str, str]]) -> list[Row]:
    """Every row; ``said`` is what hostapd says of the first station of each port, by the port's name."""
    guarded = [port for port in switch.ports if port.control]
    enabled = _TRUE if any(port.control == "auto" for port in guarded) else _FALSE
    result: list[Row] = [((*PAE, 1, 1, 0), "integer", enabled)]
    for port in guarded:
        result += _port(port, said.get(port.name, {}))
    return result


def _port(port: Port, said: dict[str, str]) -> Iterator[Row]:
    index = port.ifindex
    general, entry = (*PAE, 1, 2, 1), (*PAE, 2, 1, 1)
    yield (*general, 2, index), "unsigned", said.get("dot1xPaePortProtocolVersion", "2")
    yield (*general, 3, index), "octet", _AUTHENTICATOR
    yield (*general, 4, index), "integer", _FALSE
    yield (*general, 5, index), "integer", _FALSE
    yield (*entry, 1, index), "integer", _state(port, said)
    yield (*entry, 2, index), "integer", str(int(said.get("dot1xAuthBackendAuthState", _IDLE)))
    yield (*entry, 3, index), "integer", _BOTH_WAYS
    yield (*entry, 4, index), "integer", _BOTH_WAYS
    yield (*entry, 5, index), "integer", "2" if port.closed else "1"
    yield (*entry, 6, index), "integer", _CONTROLS[port.control]
    yield (*entry, 7, index), "unsigned", said.get("dot1xAuthQuietPeriod", "60")
    yield (*entry, 8, index), "unsigned", _TX_PERIOD
    yield (*entry, 9, index), "unsigned", said.get("dot1xAuthSuppTimeout", "30")
    yield (*entry, 10, index), "unsigned", said.get("dot1xAuthServerTimeout", "30")
    yield (*entry, 11, index), "unsigned", _MAX_REQUESTS
    yield (*entry, 12, index), "unsigned", said.get("dot1xAuthReAuthPeriod", "3600")
    yield (*entry, 13, index), "integer", _TRUE if said.get("dot1xAuthReAuthEnabled", "TRUE") == "TRUE" else _FALSE
    yield (*entry, 14, index), "integer", _FALSE


def _state(port: Port, said: dict[str, str]) -> str:
    """dot1xAuthPaeState; hostapd has no machine for a port where nobody has spoken yet: it waits there."""
    if port.control != "auto":
        return _FORCE_AUTHORISED if port.control == "force-authorized" else _FORCE_UNAUTHORISED
    if not _carrier(port):
        return _DISCONNECTED
    return said.get("dot1xAuthPaeState", _CONNECTING)


def _carrier(port: Port) -> bool:
    try:
        return Path(f"/sys/class/net/{port.name}/carrier").read_text(encoding="ascii").strip() == "1"
    except OSError:  # an interface that is down has no carrier to read
        return False


def main() -> None:
    """Run as snmpd's child."""
    database, control, bridge, place = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])

    def make(switch: Switch) -> list[Row]:
        ports = [port.name for port in switch.ports if port.control == "auto"]
        return rows(switch, {name: values(ask(place / name, "STA-FIRST")) for name in ports})

    serve(Table(lambda: read(database, control, bridge), make=make), sys.stdin, sys.stdout)


if __name__ == "__main__":
    main()
