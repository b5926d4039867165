"""Peers that lie, drip, flood or say nothing: each ends in time, asked once, with a reason."""

from __future__ import annotations

import asyncio
import time

import pytest

from probes.api import CollectFailure
from probes.services import exchange
from probes.services.wire_text import MAX_HEAD
from r2s_audit.model.observation import Failure
from tests.probes.services.servers import Script, answering, scripted
from tests.probes.services.support import FakeAccess, ask, asked, device, service, topology

SECONDS = 0.25


@pytest.fixture(autouse=True)
def short_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.services.collect.ANSWER_SECONDS", SECONDS)
    monkeypatch.setattr("probes.services.collect.HANDSHAKE_SECONDS", SECONDS)


def test_the_deadline_is_that_of_the_requirements():
    assert exchange.ANSWER_SECONDS == 2.0


async def silence(reader, writer):
    await reader.read()
    await reader.read()


async def close(reader, writer):
    await reader.read(4)
    writer.write_eof()
    await reader.read()


async def reset(reader, writer):
    writer.transport.abort()


async def drip(reader, writer):
    for octet in b"RTSP/1.0 200 OK\r\nServer: " + b"x" * 100:
        writer.write(bytes([octet]))
        await asyncio.sleep(SECONDS / 10)


async def endless_headers(reader, writer):
    writer.write(b"RTSP/1.0 200 OK\r\n")
    while not writer.is_closing():
        writer.write(b"A: b\r\n" * 100)
        await writer.drain()


async def endless_line(reader, writer):
    writer.write(b"RTSP/1.0 200 ")
    while not writer.is_closing():
        writer.write(b"x" * 4096)
        await writer.drain()


async def lying_connack(reader, writer):
    writer.write(b"\x20\xff\xff\xff\x7f")
    await reader.read()


async def lying_modbus(reader, writer):
    writer.write(b"\0\1\0\0\xff\xff\xff" + bytes(70000))
    await reader.read()


async def tls_alert(reader, writer):
    writer.write(b"\x15\x03\x03\x00\x02\x02\x28")
    await reader.read()


STREAMS: dict[str, tuple[str, Script, Failure]] = {
    "silence": ("mqtt", silence, Failure.TIMEOUT),
    "close": ("mqtt", close, Failure.ACCESS_DENIED),
    "reset": ("modbus", reset, Failure.ACCESS_DENIED),
    "drip": ("rtsp", drip, Failure.TIMEOUT),
    "endless headers": ("rtsp", endless_headers, Failure.NOT_SUPPORTED),
    "endless line": ("rtsp", endless_line, Failure.NOT_SUPPORTED),
    "lying connack": ("mqtt", lying_connack, Failure.NOT_SUPPORTED),
    "lying modbus": ("modbus", lying_modbus, Failure.NOT_SUPPORTED),
    "another protocol": ("mqtt", drip, Failure.NOT_SUPPORTED),
}


@pytest.mark.parametrize("case", STREAMS)
def test_hostile_streams_end_in_time_with_a_reason(case: str):
    protocol, script, failure = STREAMS[case]
    sessions: list[int] = []

    async def counted(reader, writer):
        sessions.append(1)
        await script(reader, writer)

    async def scenario() -> None:
        async with scripted(counted) as port:
            with pytest.raises(CollectFailure) as raised:
                await ask(protocol, port)
            assert raised.value.failure is failure
            assert "127.0.0.1" in str(raised.value.reason)

    started = time.monotonic()
    asyncio.run(scenario())
    assert time.monotonic() - started < 4 * SECONDS
    assert len(sessions) == 1, "no retry"


@pytest.mark.parametrize("script", [silence, close, reset])
def test_hostile_tls_ends_in_time(script: Script):
    async def scenario() -> Failure:
        async with scripted(script) as port:
            with pytest.raises(CollectFailure) as raised:
                await ask("mqtt", port, tls=True)
            return raised.value.failure

    started = time.monotonic()
    assert asyncio.run(scenario()) in {Failure.TIMEOUT, Failure.ACCESS_DENIED}
    assert time.monotonic() - started < 4 * SECONDS


def test_a_server_that_refuses_our_handshake_is_not_one_in_clear():
    async def scenario() -> CollectFailure:
        async with scripted(tls_alert) as port:
            with pytest.raises(CollectFailure) as raised:
                await ask("mqtt", port, tls=True)
            return raised.value

    assert asyncio.run(scenario()).failure is Failure.ACCESS_DENIED


DATAGRAMS = {
    "one octet": b"\x81",
    "lying length": b"\x81\x0a\xff\xff" + bytes(20),
    "64 KiB": bytes(60000),
    "another protocol": b"\x06\x10\x02\x02" + bytes(60),
}


@pytest.mark.parametrize("case", DATAGRAMS)
@pytest.mark.parametrize("protocol", ["bacnet", "knx", "sip"])
def test_hostile_datagrams(protocol: str, case: str):
    async def scenario() -> tuple[Failure, int]:
        async with answering(lambda *_: [DATAGRAMS[case]] * 50) as (port, received):
            with pytest.raises(CollectFailure) as raised:
                await ask(protocol, port)
            return raised.value.failure, len(received)

    failure, questions = asyncio.run(scenario())
    assert failure is Failure.NOT_SUPPORTED
    assert questions == 1


def test_a_mute_device_is_asked_once():
    async def scenario() -> list[bytes]:
        async with answering(lambda *_: []) as (port, received):
            with pytest.raises(CollectFailure) as raised:
                await ask("bacnet", port)
            assert raised.value.failure is Failure.TIMEOUT
            return received

    assert len(asyncio.run(scenario())) == 1


def test_evidence_of_an_endless_peer_is_bounded():
    """What is kept is at most what a head may have."""
    big = b"RTSP/1.0 200 OK\r\nServer: a\r\n\r\n" + b"x" * 15000

    async def script(reader, writer):
        writer.write(big)
        await reader.read()

    async def scenario() -> FakeAccess:
        async with scripted(script) as port:
            _, access, _ = await ask("rtsp", port)
            return access

    access = asyncio.run(scenario())
    assert all(len(blob) <= MAX_HEAD for blob in access.blobs.values())


def test_a_request_for_another_family_of_addresses_is_refused():
    topo = topology(device("ctl", service("knx", 3671, transport="udp"), addresses=["::1"]))
    from probes.services.collect import knx  # noqa: PLC0415

    with pytest.raises(CollectFailure, match="IPv4"):
        asyncio.run(knx(FakeAccess(topo), asked("knx", 3671, address="::1")))
