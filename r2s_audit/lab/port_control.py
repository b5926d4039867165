"""Opens and closes the ports of a switch: what a switch's own firmware does between 802.1X and its VLAN table.

``python -m r2s_audit.lab.port_control CONFIG``. A closed port is alone in a VLAN of its own; an open one is in its VLAN
for one station's address alone (a hub behind it opens nothing for a second one). It is opened by what hostapd says
of a station, by the RADIUS server for a MAC address (a thing that knows no 802.1X), or into the guest VLAN after a time;
it is closed by hostapd, and by the loss of the link, which hostapd does not notice. Standard library only.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from r2s_audit.lab.ovsdb import call

_EAPOL, _LLDP = 0x888E, 0x88CC
_LINK_GROUP, _ROUTE_FAMILY = 1, 0  # RTMGRP_LINK, NETLINK_ROUTE (rtnetlink(7))
_STATIONS, _FRAME = 64, 2048
_DROP, _PASS = 90, 100  # priorities of the two rules of a port
_SWITCH_SECONDS = 10.0


@dataclass
class Port:
    """One port: what was decided of it, and what it does now."""

    name: str
    number: int
    own: str
    vlan: int
    closed: int
    control: str
    mab: bool
    guest: int | None
    guest_after: float
    state: str = ""
    """``closed``, ``eap``, ``mab``, ``guest`` or ``forced``; empty until first set."""
    station: str = ""
    carrier: bool = False
    refused: set[str] = field(default_factory=set)
    asking: bool = False
    authenticator: socket.socket | None = None  # noqa: TID251 - a local socket
    ear: socket.socket | None = None  # noqa: TID251 - the switch's own port
    timer: asyncio.TimerHandle | None = None


class Controller:
    """The ports of one switch."""

    def __init__(self, config: dict[str, Any]) -> None:
        """Read the configuration that :mod:`daemons.dot1x` writes."""
        self.config = config
        self.ports = [Port(**port) for port in config["ports"]]
        self.loop = asyncio.get_running_loop()
        self.tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Bring every port to what it should be now, then follow events."""
        self._await_switch()
        for port in self.ports:
            port.carrier = _carrier(port)
            if port.control != "auto":
                self._force(port)
                continue
            # An earlier controller may have left the port open, and its rules: closed first, then forgotten.
            self._close(port)
            self._rule("del-flows", f"in_port={port.number}")
            self._rule("add-flow", f"priority={_DROP},in_port={port.number},actions=drop")
            self._attach(port)
            if port.mab or port.guest:
                self._listen(port)
        links = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _ROUTE_FAMILY)  # noqa: TID251 - the kernel's news
        links.bind((0, _LINK_GROUP))
        links.setblocking(False)
        self.loop.add_reader(links, self._links, links)
        print("ready", flush=True)  # noqa: T201 - the readiness that is waited for

    def _await_switch(self) -> None:
        """Wait for the bridge: one that is powered again has its configuration before it listens on its socket."""
        deadline = time.monotonic() + _SWITCH_SECONDS
        while True:
            asked = ["ovs-ofctl", "show", self.config["bridge"]]
            answer = subprocess.run(asked, check=False, timeout=5, capture_output=True, text=True)
            if answer.returncode == 0:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"no bridge at {self.config['bridge']}: {answer.stderr.strip()}")
            time.sleep(0.05)

    # -- what a port is -----------------------------------------------------------------------------------------------

    def _force(self, port: Port) -> None:
        self._rule("del-flows", f"in_port={port.number}")
        port.state = "forced"
        self._tag(port, port.vlan if port.control == "force-authorized" else port.closed)

    def _open(self, port: Port, state: str, vlan: int, station: str = "") -> None:
        """First the rule, then the VLAN: nothing of another station passes in between."""
        if (port.state, port.station) == (state, station):
            return
        self._forget(port)
        source = f",dl_src={station}" if station else ""
        self._rule("add-flow", f"priority={_PASS},in_port={port.number}{source},actions=NORMAL")
        port.state, port.station = state, station
        self._tag(port, vlan)

    def _close(self, port: Port) -> None:
        self._tag(port, port.closed)
        self._forget(port)
        port.state, port.station = "closed", ""
        if port.guest and port.carrier:
            self._cancel(port)
            port.timer = self.loop.call_later(port.guest_after, self._guest, port)

    def _guest(self, port: Port) -> None:
        port.timer = None
        if port.state == "closed" and port.carrier and port.guest:
            self._open(port, "guest", port.guest)

    def _forget(self, port: Port) -> None:
        """Remove what lets frames in, and nothing of the rule below it that keeps the others out."""
        if port.state in {"eap", "mab", "guest"}:
            source = f",dl_src={port.station}" if port.station else ""
            self._rule("--strict", "del-flows", f"priority={_PASS},in_port={port.number}{source}")

    def _cancel(self, port: Port) -> None:
        if port.timer is not None:
            port.timer.cancel()
            port.timer = None

    def _tag(self, port: Port, vlan: int) -> None:
        update = {"op": "update", "table": "Port", "where": [["name", "==", port.name]], "row": {"tag": vlan}}
        call(Path(self.config["database"]), "transact", ["Open_vSwitch", update])
        sys.stderr.write(f"{port.name}: {port.state or 'closed'} {port.station} VLAN {vlan}\n")

    def _rule(self, *words: str) -> None:
        *verb, rule = words
        subprocess.run(["ovs-ofctl", *verb, self.config["bridge"], rule], check=True, timeout=5)

    # -- what hostapd says --------------------------------------------------------------------------------------------

    def _attach(self, port: Port) -> None:
        place = Path(self.config["hostapd"]) / port.name
        own = place.with_name(f"{port.name}.portes")
        own.unlink(missing_ok=True)
        port.authenticator = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)  # noqa: TID251 - a local socket
        port.authenticator.bind(str(own))
        port.authenticator.connect(str(place))
        port.authenticator.setblocking(False)
        port.authenticator.send(b"ATTACH")
        # Whoever was let in before this process started is let in again.
        port.authenticator.send(b"STA-FIRST")
        self.loop.add_reader(port.authenticator, self._said, port)

    def _said(self, port: Port) -> None:
        assert port.authenticator  # noqa: S101 - what calls this
        text = port.authenticator.recv(8192).decode(errors="replace")
        word, _, rest = text.partition(">")[2].partition(" ") if text.startswith("<") else ("", "", "")
        station = rest.split()[0].lower() if rest.split() else ""
        if word == "AP-STA-CONNECTED" and port.carrier:
            self._cancel(port)
            self._open(port, "eap", port.vlan, station)
        elif word == "AP-STA-DISCONNECTED" and (port.state, port.station) == ("eap", station):
            self._close(port)
        elif "[AUTHORIZED]" in text and port.carrier and port.state == "closed":
            self._cancel(port)
            self._open(port, "eap", port.vlan, text.split()[0].lower())

    # -- what the link does -------------------------------------------------------------------------------------------

    def _links(self, links: socket.socket) -> None:  # noqa: TID251 - the kernel's news
        """Read the carrier of every port again, whatever the news is."""
        try:
            while links.recv(65536):
                pass
        except BlockingIOError:
            pass
        except OSError:  # more news than the queue holds: the carriers below are the truth
            pass
        for port in self.ports:
            carrier = _carrier(port)
            if carrier != port.carrier and port.control == "auto":
                port.carrier = carrier
                self._plugged(port) if carrier else self._unplugged(port)

    def _plugged(self, port: Port) -> None:
        self._close(port)

    def _unplugged(self, port: Port) -> None:
        self._cancel(port)
        # Whoever was there, let in or refused, is forgotten at once. Of one station alone, by its address, hostapd would
        # only forget within five seconds, and close the port on whoever authenticated meanwhile.
        if port.authenticator:
            port.authenticator.send(b"DEAUTHENTICATE ff:ff:ff:ff:ff:ff")
        port.refused.clear()
        self._close(port)

    # -- things that know no 802.1X -----------------------------------------------------------------------------------

    def _listen(self, port: Port) -> None:
        port.ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # noqa: TID251 - the switch's port
        port.ear.bind((port.name, 3))
        port.ear.setblocking(False)
        self.loop.add_reader(port.ear, self._heard, port)

    def _heard(self, port: Port) -> None:
        assert port.ear  # noqa: S101 - what calls this
        try:
            data, address = port.ear.recvfrom(_FRAME)
        except OSError:  # the link went down
            return
        kind = struct.unpack("!H", data[12:14])[0] if len(data) >= 14 else _LLDP
        station = data[6:12].hex(":")
        if address[2] == socket.PACKET_OUTGOING or kind in {_EAPOL, _LLDP} or station == port.own:
            return
        if not port.mab or port.asking or port.state not in {"closed", "guest"} or station in port.refused:
            return
        port.asking = True
        task = self.loop.create_task(self._ask(port, station))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _ask(self, port: Port, station: str) -> None:
        """Ask the server for an address (RFC 2865, Service-Type Call-Check)."""
        name = station.replace(":", "")
        attributes = {
            "User-Name": f'"{name}"',
            "User-Password": f'"{name}"',
            "Service-Type": "Call-Check",
            "Calling-Station-Id": f'"{station.upper().replace(":", "-")}"',
            "NAS-Identifier": f'"{self.config["identifier"]}"',
            "NAS-Port": str(port.number),
            "NAS-Port-Type": "Ethernet",
            "Message-Authenticator": "0x00",
        }
        words = ["-q", "-r", "1", "-t", "2", "-S", self.config["secret"], self.config["radius"], "auth"]
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec("radclient", *words, stdin=pipe)
            await process.communicate(", ".join(f"{key} = {value}" for key, value in attributes.items()).encode())
            accepted = process.returncode == 0
        finally:
            port.asking = False
        if not accepted:
            if len(port.refused) < _STATIONS:
                port.refused.add(station)
        elif port.carrier and port.state in {"closed", "guest"}:
            self._cancel(port)
            self._open(port, "mab", port.vlan, station)


def _carrier(port: Port) -> bool:
    try:
        return Path(f"/sys/class/net/{port.name}/carrier").read_text(encoding="ascii").strip() == "1"
    except OSError:  # an interface that is down has no carrier to read
        return False


async def serve(config: dict[str, Any]) -> None:
    """Control the ports until killed."""
    Controller(config).start()
    await asyncio.Event().wait()


def main() -> None:
    """Run as a daemon of the building."""
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text())))


if __name__ == "__main__":
    main()
