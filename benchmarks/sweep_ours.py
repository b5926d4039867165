"""Our side of the sweep: ``sweep_ours.py INTERFACE SOURCE GATEWAY TARGETS FIRST_PORT PORTS WAIT ATTEMPTS``.

A whole process: it starts the privileged helper first of all, reads the rest of what it needs while that starts, asks
for the gateway's address, sweeps, and prints what it found as ``address port state`` lines. The politeness of a site
file (200 packets/s in all by default) is lifted here, and only here: the gate admits nothing but the benchmark's own
targets, and lets all of it go at once. Garbage is collected as rarely as in the program itself
(``r2s_audit.cli.entry``).
"""

# ruff: noqa: E402 - the helper starts before the rest is read

import gc

gc.set_threshold(100_000, 50, 100)

import sys
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this tree's program, whatever is installed

from probes.wire.start import Started, start

SYN = 0x02
RATE = 50_000
"""Frames per second at most, the helper's own limit: what the peer is asked for."""

INTERFACE, (SOURCE, GATEWAY), TARGETS = sys.argv[1], map(IPv4Address, sys.argv[2:4]), IPv4Network(sys.argv[4])
PORTS = range(int(sys.argv[5]), int(sys.argv[5]) + int(sys.argv[6]))
WAIT, ATTEMPTS = float(sys.argv[7]), int(sys.argv[8])
STARTED = start([INTERFACE], max_rate=RATE, max_frames=TARGETS.num_addresses * len(PORTS) * ATTEMPTS + 4)

sys.modules["ssl"] = None  # type: ignore[assignment] - for asyncio: nothing is encrypted here, and it is long to load
import asyncio

from probes.wire.client import Wire
from probes.wire.frames import FrameHeader
from probes.wire.gate import FrameRefused
from probes.wire.pairs import SweepTarget
from probes.wire.resolve import resolve
from probes.wire.station import Station
from probes.wire.sweep import sweep


class Lifted:
    """No budget; but nothing beside SYNs to the targets and the question for the gateway."""

    first, last = int(TARGETS[0]), int(TARGETS[-1])

    def admit(self, interface: str, header: FrameHeader) -> None:
        del interface
        if header.arp is not None and header.arp.target_ip == GATEWAY:
            return
        address = header.destination_ip
        mine = isinstance(address, IPv4Address) and self.first <= int(address) <= self.last
        if not mine or header.tcp_flags != SYN or header.destination_port not in PORTS:
            raise FrameRefused(f"not of this benchmark: {header}")

    def pay_now(self, interface: str, header: FrameHeader) -> bool:
        del interface, header
        return True

    async def pay(self, interface: str, header: FrameHeader) -> None:
        """Never asked: everything may go now."""


def mac_of(interface: str) -> str:
    return Path(f"/sys/class/net/{interface}/address").read_text().strip()


async def main(started: Started) -> None:
    gate, station = Lifted(), Station(INTERFACE, mac_of(INTERFACE))
    async with await Wire.join(started) as wire:
        found = await resolve(wire, gate, station, SOURCE, GATEWAY)
        if found.mac is None:
            raise SystemExit(f"{GATEWAY} does not answer")
        asked = [SweepTarget(address, found.mac, tuple(PORTS)) for address in TARGETS]
        report = await sweep(wire, gate, station, SOURCE, asked, timeout=WAIT, attempts=ATTEMPTS)
        if not report.statistics.complete:
            raise SystemExit(f"the capture lost frames: {report.statistics}")
        ending = asyncio.create_task(wire.close())
        await asyncio.sleep(0)  # the helper ends while the result is written
        for each in report.swept:
            address = str(each.target.address)
            sys.stdout.write("".join(f"{address} {port} {state.value}\n" for port, state in each.states.items()))
        await ending


asyncio.run(main(STARTED))
gc.freeze()
