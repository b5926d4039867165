"""Peers that lie, drip, flood or say nothing: each ends in time, with a reason."""

from __future__ import annotations

import asyncio
import time

import pytest

from probes.api import CollectFailure
from probes.tls.facts import TlsEndpoint
from probes.tls.survey import CLOSE_NOTIFY
from probes.tls.wire_reader import vector
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure
from tests.probes.tls.servers import Script, scripted
from tests.probes.tls.support import FakeAccess, issue, observe, topology
from tests.probes.tls.test_checks import VERSIONS, judge_facts

SECONDS = 0.25


@pytest.fixture(autouse=True)
def short_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.tls.collect.HANDSHAKE_SECONDS", SECONDS)


async def big_record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A handshake message that announces 16 MiB, and means it."""
    writer.write(b"\x16\x03\x03\x40\x00" + b"\x02\xff\xff\xff" + bytes(16380))
    for _ in range(1024):
        writer.write(b"\x16\x03\x03\x40\x00" + bytes(16384))
        await writer.drain()


async def lying_record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16\x03\x03\xff\xff" + bytes(70000))
    await reader.read()


async def lying_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    hello = b"\x03\x03" + bytes(32) + b"\xff" + bytes(40)
    writer.write(b"\x16\x03\x03" + vector(b"\x02" + vector(hello, 3), 2))
    await reader.read()


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(5)
    for byte in b"\x16\x03\x03\x00\x7a" + bytes(122):
        writer.write(bytes([byte]))
        await asyncio.wait_for(asyncio.shield(writer.drain()), 1)
        try:
            async with asyncio.timeout(SECONDS / 4):
                while await reader.read(4096):
                    pass
        except TimeoutError:
            continue
        return


async def warnings(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        writer.write(b"\x15\x03\x03\x00\x02\x01\x70" * 100)
        await writer.drain()


async def empty_records(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        writer.write(b"\x16\x03\x03\x00\x00" * 1000)
        await writer.drain()


async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(5)
    writer.write_eof()
    await reader.read()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(5)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    await writer.drain()


async def short_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(5)
    writer.write(b"NO\n")
    writer.write_eof()
    await reader.read()


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    await reader.read()


async def application_data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x17\x03\x03\x00\x05hello")
    await reader.read()


HOSTILE: dict[str, tuple[Script, Failure]] = {
    "16 MiB message": (big_record, Failure.LIMIT_EXCEEDED),
    "lying record length": (lying_record, Failure.LIMIT_EXCEEDED),
    "lying session length": (lying_hello, Failure.NOT_SUPPORTED),
    "dripping": (drip, Failure.TIMEOUT),
    "endless warnings": (warnings, Failure.LIMIT_EXCEEDED),
    "endless empty records": (empty_records, Failure.LIMIT_EXCEEDED),
    "immediate close": (close, Failure.REFUSED),
    "immediate reset": (reset, Failure.REFUSED),
    "plain HTTP": (http, Failure.NOT_SUPPORTED),
    "three bytes of text": (short_http, Failure.NOT_SUPPORTED),
    "silence": (silence, Failure.TIMEOUT),
    "application data at once": (application_data, Failure.NOT_SUPPORTED),
}


@pytest.mark.parametrize("mode", ["full", "single"])
@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_peers_end_in_time_with_a_reason(case: str, mode: str) -> None:
    script, failure = HOSTILE[case]

    async def scenario() -> FakeAccess:
        async with scripted(script) as port:
            access = FakeAccess(topology(port, tls=mode))
            with pytest.raises(CollectFailure) as raised:
                await observe(access)
            assert raised.value.failure == failure
            assert "127.0.0.1" in str(raised.value.reason)
            return access

    started = time.monotonic()
    access = asyncio.run(scenario())
    assert time.monotonic() - started < 8 * SECONDS
    assert access.connections <= (6 if mode == "full" else 1)
    if failure in {Failure.TIMEOUT, Failure.LIMIT_EXCEEDED} and mode == "full":
        assert access.connections <= 2, "asked again a peer of whom there is nothing to learn"


def test_a_closed_port_is_a_refusal() -> None:
    async def scenario() -> None:
        async with scripted(close) as port:
            pass
        await observe(FakeAccess(topology(port)))

    with pytest.raises(CollectFailure) as raised:
        asyncio.run(scenario())
    assert raised.value.failure == Failure.REFUSED


def old_server(version: int, suites: tuple[int, ...], *, otherwise: bytes) -> Script:
    """Answers one version only, with a certificate, as SSLv3 did; ``otherwise`` is what any other hello gets."""
    der = issue("vieux", dns=("vieux.test",)).der

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(5)
        body = await reader.readexactly(int.from_bytes(head[3:]))
        offered = int.from_bytes(body[4:6])
        start = 39 + body[38]
        wanted = body[start + 2 : start + 2 + int.from_bytes(body[start : start + 2])]
        codes = [int.from_bytes(wanted[i : i + 2]) for i in range(0, len(wanted), 2)]
        chosen = next((s for s in suites if s in codes), None)
        if offered != version:
            writer.write(otherwise)
        elif chosen is None:
            writer.write(b"\x15\x03\x00\x00\x02\x02\x28")
        else:
            hello = version.to_bytes(2) + bytes(32) + b"\x00" + chosen.to_bytes(2) + b"\x00"
            messages = b"\x02" + vector(hello, 3) + b"\x0b" + vector(vector(vector(der, 3), 3), 3) + b"\x0e\x00\x00\x00"
            writer.write(b"\x16" + version.to_bytes(2) + vector(messages, 2))
        writer.write_eof()
        await reader.read()

    return script


@pytest.mark.parametrize("otherwise", [b"", b"\x15\x03\x00\x00\x02\x02\x28", b"\x15\x03\x00\x00\x02\x02\x00"])
def test_an_sslv3_only_peer_is_seen_and_condemned(otherwise: bytes) -> None:
    async def scenario() -> TlsEndpoint:
        async with scripted(old_server(0x0300, (0x000A, 0x0005), otherwise=otherwise)) as port:
            return (await observe(FakeAccess(topology(port))))[0]

    facts = asyncio.run(scenario())
    assert facts.version("SSLv3").status == "accepted"
    others = {v.status for v in facts.versions if v.version != "SSLv3"}
    assert others == ({"refused"} if otherwise.endswith(b"\x28") else {"error"})
    (suites,) = facts.suites
    assert [s.code for s in suites.suites] == ["0x000A", "0x0005"]
    assert suites.complete
    assert facts.controls.after
    assert facts.chains[0].leaf is not None
    assert facts.chains[0].leaf.subject == "CN=vieux"
    assert judge_facts("tls.versions", VERSIONS, facts).value is Value.NON_CONFORME


def test_refusals_everywhere_are_facts_but_no_proof() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(5)
        writer.write(b"\x15\x03\x03\x00\x02\x02\x46")
        await reader.read()

    async def scenario() -> TlsEndpoint:
        async with scripted(script) as port:
            return (await observe(FakeAccess(topology(port))))[0]

    facts = asyncio.run(scenario())
    assert {(v.status, v.alert) for v in facts.versions} == {("refused", 70)}
    assert not facts.controls.before
    assert judge_facts("tls.versions", VERSIONS, facts).value is Value.NON_VERIFIE
    assert CLOSE_NOTIFY == 0


def test_a_server_that_dies_after_the_versions_proves_no_refusal() -> None:
    """Control after: the same refusals, but nothing answers any more at the end."""
    calls = 0
    old = old_server(0x0303, (0xC02F, 0x009C), otherwise=b"\x15\x03\x03\x00\x02\x02\x46")

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        if calls <= 6:
            await old(reader, writer)

    async def scenario() -> TlsEndpoint:
        async with scripted(script) as port:
            return (await observe(FakeAccess(topology(port))))[0]

    facts = asyncio.run(scenario())
    assert facts.version("TLSv1.2").status == "accepted"
    assert facts.version("TLSv1.0").status == "refused"
    assert not facts.controls.after
    assert judge_facts("tls.versions", VERSIONS, facts).value is Value.NON_VERIFIE
