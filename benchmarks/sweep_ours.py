"""Our side of the sweep: ``sweep_ours.py INTERFACE SOURCE GATEWAY TARGETS FIRST_PORT PORTS WAIT ATTEMPTS``.

A whole process: it starts the privileged helper, asks for the gateway's address, sweeps, and prints what it found as
``address port state`` lines. The politeness of a site file (200 packets/s in all by default) is lifted here, and only
here: the gate admits nothing but the benchmark's own targets, and lets all of it go at once. Garbage is collected as
rarely as in the program itself (``r2s_audit.cli.entry``).
"""

import asyncio
import gc
import sys
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this tree's program, whatever is installed

from probes.wire.client import Wire
from probes.wire.frames import FrameHeader
from probes.wire.gate import FrameRefused

SYN = 0x02
RATE = 50_000
"""Frames per second at most, the helper's own limit: what the peer is asked for."""


class Lifted:
    """No budget; but nothing beside SYNs to the targets and the question for the gateway."""

    def __init__(self, gateway: IPv4Address, targets: IPv4Network, ports: range) -> None:
        self.gateway, self.ports = gateway, ports
        self.first, self.last = int(targets[0]), int(targets[-1])

    def admit(self, interface: str, header: FrameHeader) -> None:
        del interface
        if header.arp is not None and header.arp.target_ip == self.gateway:
            return
        address = header.destination_ip
        mine = isinstance(address, IPv4Address) and self.first <= int(address) <= self.last
        if not mine or header.tcp_flags != SYN or header.destination_port not in self.ports:
            raise FrameRefused(f"not of this benchmark: {header}")

    def pay_now(self, interface: str, header: FrameHeader) -> bool:
        del interface, header
        return True

    async def pay(self, interface: str, header: FrameHeader) -> None:
        """Never asked: everything may go now."""


def mac_of(interface: str) -> str:
    return Path(f"/sys/class/net/{interface}/address").read_text().strip()


async def main(arguments: list[str]) -> None:
    interface, source, gateway, targets = arguments[0], *map(IPv4Address, arguments[1:3]), IPv4Network(arguments[3])
    first, count, wait, attempts = int(arguments[4]), int(arguments[5]), float(arguments[6]), int(arguments[7])
    pairs = targets.num_addresses * count
    launching = asyncio.create_task(Wire.launch([interface], max_rate=RATE, max_frames=pairs * attempts + 4))
    await asyncio.sleep(0)  # the helper starts while this process reads the rest of what it needs
    from probes.wire.exchange import resolve  # noqa: PLC0415
    from probes.wire.match import Station  # noqa: PLC0415
    from probes.wire.sweep import SweepTarget, sweep  # noqa: PLC0415

    ports = range(first, first + count)
    gate = Lifted(gateway, targets, ports)
    station = Station(interface, mac_of(interface))
    async with await launching as wire:
        found = await resolve(wire, gate, station, source, gateway)
        if found.mac is None:
            raise SystemExit(f"{gateway} does not answer")
        asked = [SweepTarget(address, found.mac, tuple(ports)) for address in targets]
        report = await sweep(wire, gate, station, source, asked, timeout=wait, attempts=attempts)
    if not report.statistics.complete:
        raise SystemExit(f"the capture lost frames: {report.statistics}")
    for each in report.swept:
        address = str(each.target.address)
        sys.stdout.write("".join(f"{address} {port} {state.value}\n" for port, state in each.states.items()))


gc.set_threshold(100_000, 50, 100)
asyncio.run(main(sys.argv[1:]))
gc.freeze()
