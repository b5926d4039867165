"""The witness of a pass on a real cable: frames sent are all kept whatever floods in, and a dead helper is told."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from probes.wire.client import Wire
from probes.wire.pcapng import Port
from r2s_audit.engine.egress import received, witnessed
from r2s_audit.engine.trail import Trail
from r2s_audit.evidence.record import Record
from r2s_audit.model.record import FramesKept, FramesSent
from r2s_audit.model.topology import Topology
from tests.engine.audits import Bench, each
from tests.engine.test_kept import OUTGOING, sections
from tests.probes.wire.support import MAC_A, MAC_B, OpenGate, Tap, frame, ip, own_namespace
from tests.probes.wire.test_pcapng import read

PORTS = (Port("wa", "point P-ADM, socket S1", bytes.fromhex(MAC_A.replace(":", "")), 256),)
ARP = bytes.fromhex(("ff" * 6 + MAC_B).replace(":", "") + "0806" + "0001080006040001") + bytes(20)


@pytest.fixture
def pair() -> Iterator[None]:
    if os.geteuid() != 0:
        pytest.skip("needs root: network namespaces and raw sockets")
    with own_namespace():
        for scope in ("all", "default"):
            Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6").write_text("1")
        ip(f"link add wa address {MAC_A} type veth peer name wb address {MAC_B}", "link set wa up", "link set wb up")
        yield


async def audited(bench: Bench, *, flood: int = 0, kill: bool = False) -> None:
    """Thirty frames sent beside what floods in."""
    writer = bench.writer()
    trail = Trail(Topology(bench.site))
    async with await Wire.launch(["wa"], max_rate=1000, max_frames=1000) as wire:
        tap = Tap("wb")
        try:
            async with witnessed(wire, writer, "P01", PORTS, trail, None):
                for _ in range(flood):
                    tap.inject(ARP)
                for n in range(30):
                    await wire.send(OpenGate(), "wa", [frame(n)])
                tap.inject(ARP)
                tap.inject(frame(0, source=MAC_B, destination=MAC_A))
                tap.inject(frame(1, source=MAC_B, destination="02:00:00:00:00:0c"))
                if kill:
                    os.kill(wire.state.pid, signal.SIGKILL)
                    await asyncio.sleep(0.2)
        finally:
            tap.close()
            writer.ledger.close()


def bodies(bench: Bench) -> tuple[list[FramesSent], list[FramesKept]]:
    found = [entry.body for entry in Record.open(bench.directory).reading.entries]
    return [b for b in found if isinstance(b, FramesSent)], [b for b in found if isinstance(b, FramesKept)]


@pytest.mark.usefixtures("pair")
def test_what_is_sent_and_what_is_for_us_is_kept(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "r", [each("good")])
    asyncio.run(audited(bench))
    sent, (kept,) = bodies(bench)
    assert [s.frames for s in sent] == [kept.sent] == [30]
    assert kept.received == 2, "a broadcast and a frame for us; another host's is not ours to keep"
    (section,) = sections(bench)
    assert [name for _, _, _, _, name, _ in read(section)] == 32 * ["wa"]
    assert sorted(way for _, _, _, _, _, way in read(section)).count(OUTGOING) == 30


@pytest.mark.usefixtures("pair")
def test_a_flood_costs_no_frame_sent_and_is_counted(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "r", [each("good")])
    asyncio.run(audited(bench, flood=30_000))
    sent, kept = bodies(bench)
    assert sum(s.frames for s in sent) == sum(k.sent for k in kept) == 30
    assert {s.drops for s in sent} == {0}
    assert sum(k.received + k.received_over + k.received_missed for k in kept) == 30_002
    assert sum(k.received_missed for k in kept) > 0


@pytest.mark.usefixtures("pair")
def test_a_dead_witness_is_told_and_ends_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "r", [each("good")])
    asyncio.run(audited(bench, kill=True))
    sent, _ = bodies(bench)
    assert sent[-1].reason is not None


def test_without_an_address_groups_are_heard() -> None:
    assert received("") != received(MAC_A)
