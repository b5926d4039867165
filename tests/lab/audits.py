"""An independent tap beside an audit of the reference building, and what the record says was sent."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.audits import Result
from probes.wire.frames import FrameError, parse_header, parse_link
from r2s_audit.lab import Building


def summary(data: bytes, length: int) -> tuple[Any, ...]:
    """What two witnesses of one frame must agree on."""
    try:
        header = parse_header(data, length)
    except FrameError:
        header = parse_link(data, length)
    return (
        header.source_mac,
        header.destination_mac,
        header.ethertype,
        str(header.source_ip or ""),
        str(header.destination_ip or ""),
        header.protocol,
        header.source_port,
        header.destination_port,
        header.icmp_type,
        str(header.arp.target_ip) if header.arp else "",
    )


def from_ledger(line: dict[str, Any]) -> tuple[Any, ...]:
    """The same from a line of the ledger's listing."""
    return (
        line.get("source_mac"),
        line.get("destination_mac"),
        line.get("ethertype"),
        line.get("source_ip", ""),
        line.get("destination_ip", ""),
        line.get("protocol"),
        line.get("source_port"),
        line.get("destination_port"),
        line.get("icmp_type"),
        line.get("arp_target", ""),
    )


def ledger_frames(result: Result) -> Counter[tuple[Any, ...]]:
    """Every frame that the record says has left."""
    frames: Counter[tuple[Any, ...]] = Counter()
    for body in result.entries:
        if body["kind"] != "frames_sent":
            continue
        assert body["drops"] == 0, body
        assert body.get("reason") is None, body
        if body["listing"] is not None:
            digest = body["listing"]["digest"].removeprefix("sha256:")
            lines = (result.record / "blobs" / "sha256" / digest[:2] / digest[2:]).read_text().splitlines()
            assert len(lines) == body["frames"]
            frames.update(from_ledger(json.loads(line)) for line in lines)
    return frames


@contextmanager
def tapped(
    building: Building, interfaces: tuple[str, ...], directory: Path, *, direction: str = "in", snap: int = 256
) -> Iterator[list[Path]]:
    """Tcpdump at the switch's end of the laptop's cables, by default hearing only what comes from the laptop."""
    directory.mkdir(parents=True, exist_ok=True)
    files, processes = [], []
    for name in interfaces:
        tap = building.tap(name)
        file = directory / f"{name}.pcap"
        command = [
            *tap.prefix,
            "tcpdump",
            "-i",
            tap.interface,
            "-Q",
            direction,
            "-n",
            "-U",
            "-s",
            str(snap),
            "-B",
            "8192",
            "-w",
            str(file),
        ]
        processes.append(subprocess.Popen([*command, "-Z", "root"], stderr=subprocess.PIPE, text=True))
        files.append(file)
    for process in processes:
        assert process.stderr is not None
        assert "listening" in process.stderr.readline()
    try:
        yield files
        time.sleep(0.3)
    finally:
        for process in processes:
            process.terminate()
            _, err = process.communicate(timeout=5)
            assert "0 packets dropped by kernel" in err, err


def pcap_frames(path: Path) -> Iterator[tuple[float, bytes, int]]:
    """Time, octets and length of each frame of a pcap file (microsecond, native order)."""
    data = path.read_bytes()
    position = 24
    while position + 16 <= len(data):
        seconds, micros, captured, length = (
            int.from_bytes(data[position + 4 * n : position + 4 * n + 4], "little") for n in range(4)
        )
        position += 16
        yield seconds + micros / 1e6, data[position : position + captured], length
        position += captured
