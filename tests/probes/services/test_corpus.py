"""Recorded traffic (captures in the directory that R2S_CORPUS names) through the codecs, beside tshark's reading.

The recordings hold few answers to our questions, and many messages that are none: both must be told apart as tshark
tells them apart. Without tshark the counts are printed, and the invariants hold all the same.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from probes.services import wire_bacnet, wire_knx, wire_modbus, wire_mqtt, wire_text
from probes.services.facts import ModbusAnswer, TextAnswer
from probes.services.wire_reader import Malformed, Reader

CORPUS = os.environ.get("R2S_CORPUS", "")
pytestmark = pytest.mark.skipif(not CORPUS, reason="R2S_CORPUS names no directory of recordings")

Row = tuple[str, int, bytes]
"""Transport, the lower of the two ports, payload."""


@cache
def rows() -> tuple[tuple[str, Row], ...]:
    """Every payload of every capture, with the capture's name."""
    from scapy.layers.inet import TCP, UDP  # noqa: PLC0415 - a quarter of a second that the skipped test does not pay
    from scapy.utils import PcapReader  # noqa: PLC0415

    def read(path: Path) -> Iterator[Row]:
        with PcapReader(str(path)) as packets:
            for packet in packets:
                for name, layer in (("udp", UDP), ("tcp", TCP)):
                    if layer in packet and bytes(packet[layer].payload):
                        part = packet[layer]
                        yield name, min(part.sport, part.dport), bytes(part.payload)

    paths = [p for p in sorted(Path(CORPUS, "captures").iterdir()) if "pcap" in p.suffix]
    return tuple((path.name, row) for path in paths for row in read(path))


def tshark(capture: str, display: str, *fields: str) -> list[list[str]]:
    """What tshark reads: one list of fields a packet."""
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("tshark is not installed")
    words = [word for field in fields for word in ("-e", field)]
    command = [program, "-r", str(Path(CORPUS, "captures", capture)), "-Y", display, "-T", "fields", *words]
    command += ["-o", "http.desegment_headers:FALSE", "-o", "http.desegment_body:FALSE"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line.split("\t") for line in text.splitlines()]


def modbus_message(data: bytes) -> ModbusAnswer:
    """As parse_response, whatever the transaction: the recordings are other people's."""
    return wire_modbus.parse_response(b"\x00\x01" + data[2:])


PARSERS: dict[str, Any] = {
    "bacnet": wire_bacnet.parse_i_am,
    "knx": wire_knx.parse_search_response,
    "mqtt": wire_mqtt.parse_connack,
    "modbus": modbus_message,
    "rtsp": lambda data: wire_text.parse_head(data, "rtsp"),
    "sip": lambda data: wire_text.parse_head(data, "sip"),
    "http": lambda data: wire_text.parse_head(data, "http"),
}


def accepted(protocol: str, transport: str, port: int = 0) -> list[tuple[str, Any]]:
    """Capture and answer of every payload that the codec takes for one; of one port, where it is given."""
    found = []
    for name, (over, at, data) in rows():
        if over == transport and port in {0, at}:
            try:
                found.append((name, PARSERS[protocol](data)))
            except Malformed:
                continue
    return found


@pytest.mark.parametrize("protocol", PARSERS)
def test_every_recorded_payload_is_an_answer_or_malformed(protocol: str):
    counts: Counter[str] = Counter()
    for _, (_, _, data) in rows():
        try:
            PARSERS[protocol](data)
            counts["answers"] += 1
        except Malformed:
            counts["malformed"] += 1
    print(f"{protocol}: {counts.total()} payloads, {dict(counts)}")
    assert counts.total() > 1000


def test_bacnet_confirmed_services_are_no_i_am():
    """The recording holds confirmed requests and answers alone: headers are read, and none of them is an I-Am."""
    compared = 0
    for name, (transport, port, data) in rows():
        if transport != "udp" or port != 47808 or data[:2] not in {b"\x81\x0a", b"\x81\x0b", b"\x81\x04"}:
            continue
        reader = Reader(data)
        wire_bacnet._skip_headers(reader, len(data))
        assert reader.integer() >> 4 != 1, name
        with pytest.raises(Malformed):
            wire_bacnet.parse_i_am(data)
        compared += 1
    print(f"BACnet: {compared} datagrams compared")
    assert compared == len(tshark("icsmaster--bacnet_test.pcap", "bacapp", "frame.number")) > 0


def test_knx_search_request_is_written_as_others_write_it():
    compared = 0
    for _, (transport, port, data) in rows():
        if transport == "udp" and port == 3671 and data[2:4] == b"\x02\x01":
            assert wire_knx.search_request(IPv4Address(data[8:12]), int.from_bytes(data[12:14])) == data
            compared += 1
    print(f"KNX: {compared} search requests compared")
    assert compared > 0


def test_mqtt_connack_as_tshark_reads_it():
    ours = [str(answer.code) for name, answer in accepted("mqtt", "tcp", 1883) if name == "nDPI--mqtt.pcap"]
    theirs = [row[0] for row in tshark("nDPI--mqtt.pcap", "mqtt.msgtype == 2", "mqtt.conack.val")]
    print(f"MQTT: {len(theirs)} CONNACK compared")
    assert ours == theirs != []


def test_modbus_device_identification_and_exceptions_as_tshark_reads_them():
    compared = 0
    for capture in sorted({name for name, (t, port, _) in rows() if t == "tcp" and port == 502}):
        ours = Counter(
            str(answer.exception) if answer.exception is not None else "identity"
            for name, answer in accepted("modbus", "tcp", 502)
            if name == capture
        )
        display = "modbus.func_code == 43 && tcp.srcport == 502"
        theirs = Counter(row[0] or "identity" for row in tshark(capture, display, "modbus.exception_code"))
        assert ours == theirs, capture
        compared += sum(1 for name, (t, port, _) in rows() if name == capture and t == "tcp" and port == 502)
    print(f"Modbus: {compared} messages compared")
    assert compared > 100


def test_http_status_lines_as_tshark_reads_them():
    compared = 0
    found = accepted("http", "tcp")
    for capture in sorted({name for name, _ in found}):
        ours = Counter(str(a.status) for name, a in found if name == capture and isinstance(a, TextAnswer))
        theirs = Counter(row[0] for row in tshark(capture, "http.response.code", "http.response.code"))
        assert ours == theirs, capture
        compared += ours.total()
    print(f"HTTP: {compared} status lines compared")
    assert compared > 0
