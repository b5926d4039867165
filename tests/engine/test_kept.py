"""Frames kept of a pass: bounded, counted where they are over, redacted, in the record and covered by it."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import Any

import pytest

from probes.wire.capture import CapturedFrame, Direction
from probes.wire.pcapng import Port
from probes.wire.witness import record_of
from r2s_audit.engine.kept import Bounds, FrameKeeper
from r2s_audit.engine.trail import Trail
from r2s_audit.evidence.record import Record, RecordWriter
from r2s_audit.evidence.verify import Expectations, verify_record
from r2s_audit.model.record import FramesKept
from r2s_audit.model.topology import Topology
from tests.engine.audits import Bench, each
from tests.probes.wire.test_pcapng import read
from tests.probes.wire.test_redact import CARRIERS, SECRET, ipv4, udp

PORTS = (Port("eth0", "point P-ADM", b"", 256), Port("eth1", "point P-VIS", b"", 256))
OUTGOING = 2
FRAME = CARRIERS["snmp community"]


def frames(count: int, *, incoming: bool = False, interface: str = "eth0") -> list[CapturedFrame]:
    way = Direction.INCOMING if incoming else Direction.OUTGOING
    return [CapturedFrame(interface, time.time_ns(), 0, way, None, len(FRAME), FRAME) for _ in range(count)]


def take(keep: FrameKeeper, found: list[CapturedFrame]) -> None:
    """As the witness does; what comes in is only heard."""
    if found[0].direction is Direction.INCOMING:
        keep.hear(found)
    else:
        keep.take(found, [record_of(frame) for frame in found])


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "r", [each("good")])


@pytest.fixture
def writer(bench: Bench) -> RecordWriter:
    return bench.writer()


def keeper(bench: Bench, writer: RecordWriter, **bounds: Any) -> FrameKeeper:
    return FrameKeeper(writer, "P01", PORTS, Trail(Topology(bench.site)), Bounds(**bounds))


def entries(bench: Bench) -> list[FramesKept]:
    return [e.body for e in Record.open(bench.directory).reading.entries if isinstance(e.body, FramesKept)]


def sections(bench: Bench) -> list[bytes]:
    blobs = Record.open(bench.directory).blobs
    return [blobs.get(entry.capture) for entry in entries(bench) if entry.capture is not None]


def comment(section: bytes) -> str:
    (length,) = struct.unpack_from("<H", section, 26)
    return section[28 : 28 + length].decode()


def test_a_stretch_is_a_section_of_redacted_frames(bench: Bench, writer: RecordWriter) -> None:
    keep = keeper(bench, writer)
    take(keep, frames(3))
    take(keep, frames(2, incoming=True, interface="eth1"))
    keep.write()
    (entry,) = entries(bench)
    assert (entry.sent, entry.received, entry.sent_over, entry.received_over) == (3, 2, 0, 0)
    assert entry.capture is not None
    assert entry.capture.redacted
    (section,) = sections(bench)
    assert SECRET not in section
    found = read(section)
    assert [(name, way) for _, _, _, _, name, way in found] == 3 * [("eth0", 2)] + 2 * [("eth1", 1)]
    assert {tuple(comments) for _, _, _, comments, _, _ in found} == {
        ("request: none", "removed: payload of snmp, checksum")
    }


def test_nothing_is_written_of_nothing(bench: Bench, writer: RecordWriter) -> None:
    keep = keeper(bench, writer)
    keep.write()
    assert entries(bench) == []


@pytest.mark.parametrize("bounds", [{"sent": 4, "received": 4}, {"sent_octets": 650, "received_octets": 700}])
def test_what_is_over_is_counted_and_said(bench: Bench, writer: RecordWriter, bounds: dict[str, int]) -> None:
    keep = keeper(bench, writer, **bounds)
    for _ in range(2):
        take(keep, frames(3))
        take(keep, frames(5, incoming=True))
        keep.write()
    first, second = entries(bench)
    assert first.sent + second.sent == 4
    assert first.sent_over + second.sent_over == 2
    assert first.received + second.received == 2, "the other interface has its own share"
    assert first.received_over + second.received_over == 8
    told = comment(sections(bench)[1])
    assert f"frames sent: {second.sent} kept, {second.sent_over} over the bound" in told
    assert f"frames received: {second.received} kept, {second.received_over} over the bound" in told
    take(keep, frames(1, incoming=True, interface="eth1"))
    keep.write()
    assert entries(bench)[2].received == 1


def test_what_was_missed_is_told_once(bench: Bench, writer: RecordWriter) -> None:
    keep = keeper(bench, writer)
    for total in (7, 7, 9):
        keep.missed(total)
        take(keep, frames(1))
        keep.write()
    assert [entry.received_missed for entry in entries(bench)] == [7, 0, 2]


def test_the_record_covers_what_was_kept(bench: Bench, writer: RecordWriter) -> None:
    """Verifying looks at the section's bytes as at any other evidence."""
    keep = keeper(bench, writer)
    take(keep, frames(1))
    keep.write()
    assert verify_record(bench.directory, Expectations()).faults == ()
    (entry,) = entries(bench)
    assert entry.capture is not None
    digits = entry.capture.digest.removeprefix("sha256:")
    path = bench.directory / "blobs" / "sha256" / digits[:2] / digits[2:]
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")
    (fault,) = verify_record(bench.directory, Expectations()).faults
    assert "pcapng" in str(fault.args)


def test_redacting_keeps_step_with_a_pass(bench: Bench, writer: RecordWriter) -> None:
    """Ten thousand frames, far more than a pass sends in a minute, cost less than one second in twenty of that minute."""
    many = [ipv4(17, udp(161, bytes(60)))] * 10_000
    keep = keeper(bench, writer)
    start = time.process_time()
    take(keep, [CapturedFrame("eth0", n, 0, Direction.OUTGOING, None, len(d), d) for n, d in enumerate(many)])
    keep.write()
    assert time.process_time() - start < 3.0
