"""What is written opens in scapy, whose reader is nobody of ours: frames, times, directions, comments, interfaces."""

from __future__ import annotations

import io
import struct
import subprocess

import pytest

from probes.wire.capture import Direction
from probes.wire.pcapng import MAX_TEXT, Packet, Port, section

NS = 1_764_291_600_123_456_789
PORTS = (Port("eth0", "point P-ADM, prise é", bytes.fromhex("02000000000a"), 256), Port("eth1", "", b"", 256))
PACKETS = (
    Packet(0, NS, Direction.OUTGOING, b"\x01" * 14, 1514, ("request: a.b@P>sw?port=1", "removed: payload of snmp")),
    Packet(1, NS + 1, Direction.INCOMING, b"\x02" * 61, 61, ("request: none",)),
    Packet(0, NS + 2, Direction.INCOMING, b"\x03" * 60, 60),
)


def read(data: bytes) -> list[tuple[bytes, int, int, list[str], str, int]]:
    scapy_utils = pytest.importorskip("scapy.utils")
    found = []
    with scapy_utils.RawPcapNgReader(io.BytesIO(data)) as reader:
        for octets, meta in reader:
            comments = [c.decode() for c in meta.comments or []]
            when = ((meta.tshigh << 32) + meta.tslow) * 1_000_000_000 // meta.tsresol
            found.append((octets, when, meta.wirelen, comments, meta.ifname.decode(), meta.direction))
    return found


def test_scapy_reads_what_was_written() -> None:
    data = section("r2s-audit", "one", PORTS, [p.pack() for p in PACKETS])
    flags = {Direction.INCOMING: 1, Direction.OUTGOING: 2}
    assert read(data) == [
        (p.data, p.t_ns, p.original_length, list(p.comments), PORTS[p.port].name, flags[p.direction]) for p in PACKETS
    ]


def test_sections_joined_are_one_capture() -> None:
    """The sections of a pass name the same interfaces in the same order: readers that number them on agree too."""
    joined = b"".join(section("r2s-audit", n, PORTS, [p.pack() for p in PACKETS]) for n in ("one", "two"))
    assert [(octets, name) for octets, _, _, _, name, _ in read(joined)] == 2 * [
        (p.data, PORTS[p.port].name) for p in PACKETS
    ]
    listing = subprocess.run(["tcpdump", "-n", "-r", "-"], input=joined, capture_output=True, check=True)
    assert len([line for line in listing.stdout.splitlines() if not line.startswith(b"\t")]) == 2 * len(PACKETS)


def test_blocks_are_whole_and_aligned() -> None:
    data = section("r2s-audit", "é" * MAX_TEXT, PORTS, [p.pack() for p in PACKETS])
    position, kinds = 0, []
    while position < len(data):
        kind, size = struct.unpack_from("<II", data, position)
        assert size % 4 == 0
        assert struct.unpack_from("<I", data, position + size - 4) == (size,)
        kinds.append(kind)
        position += size
    assert position == len(data)
    assert kinds == [0x0A0D0D0A, 1, 1, 6, 6, 6]
    (length,) = struct.unpack_from("<H", data, 26)
    assert length == MAX_TEXT
    data[28 : 28 + length].decode()
