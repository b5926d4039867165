"""The collectors against real daemons and small honest peers: what they are is what the facts say."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from pathlib import Path

import pytest

from probes.api import CollectFailure
from probes.services.checks import COLLECTORS, DATAGRAM_PACKETS, STREAM_PACKETS
from probes.services.collect import CONNECTION_PACKETS, EXCHANGE_PACKETS, TLS_PACKETS
from probes.services.facts import BacnetAnswer, KnxAnswer, ModbusAnswer, MqttAnswer, TextAnswer
from r2s_audit.model.observation import Failure
from tests.probes.services.servers import answering, free_port, mosquitto, scripted
from tests.probes.services.support import ask
from tests.probes.services.test_codecs import device_id, i_am, search_response
from tests.probes.tls.support import NAME, make_pki

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Chain and key of a server, in files."""
    folder, pki = tmp_path_factory.mktemp("pki"), make_pki()
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(pki.leaf.pem + pki.intermediate.pem)
    key.write_bytes(pki.leaf.key_pem)
    return chain, key


class TestMosquitto:
    def test_anonymous_in_clear(self, tmp_path: Path):
        with mosquitto(tmp_path, "allow_anonymous true") as port:
            facts, access, outcome = asyncio.run(ask("mqtt", port))
            goodbye = re.compile(r"Received DISCONNECT from r2s-audit")
            deadline = time.monotonic() + 5
            while not goodbye.search((tmp_path / "log").read_text()):
                assert time.monotonic() < deadline, "the broker was left without a word"
        assert facts.layer == "clear"
        assert facts.answer == MqttAnswer(code=0)
        assert (access.connections, outcome.packets_sent) == (1, CONNECTION_PACKETS + access.paid)
        assert len(access.payments) == 1, "paid in one, or two conversations could leave closer than the rate allows"
        assert list(access.blobs.values()) == [bytes([0x20, 2, 0, 0])]

    def test_no_anonymous(self, tmp_path: Path):
        with mosquitto(tmp_path, "allow_anonymous false") as port:
            facts, _, _ = asyncio.run(ask("mqtt", port))
        assert facts.answer == MqttAnswer(code=5)

    @pytest.mark.parametrize("anonymous", ["true", "false"])
    def test_over_tls(self, tmp_path: Path, certificate: tuple[Path, Path], anonymous: str):
        lines = (f"certfile {certificate[0]}", f"keyfile {certificate[1]}", f"allow_anonymous {anonymous}")
        with mosquitto(tmp_path, *lines) as port:
            facts, access, _ = asyncio.run(ask("mqtt", port, tls=True, name=NAME))
        assert (facts.layer, facts.tls_version) == ("tls", "TLSv1.3")
        assert facts.answer == MqttAnswer(code=0 if anonymous == "true" else 5)
        assert access.connections == 1

    def test_declared_in_tls_and_in_clear(self, tmp_path: Path):
        """OpenSSL's hello makes the broker hang up: that is no answer in clear, and none in TLS."""
        with mosquitto(tmp_path, "allow_anonymous true") as port, pytest.raises(CollectFailure) as raised:
            asyncio.run(ask("mqtt", port, tls=True))
        assert raised.value.failure is Failure.ACCESS_DENIED


def test_declared_in_tls_and_answering_in_clear_is_a_fact():
    async def scenario():
        async def script(reader, writer):
            await reader.read(100)
            writer.write(b"RTSP/1.0 400 Bad Request\r\n\r\n")
            await reader.read()

        async with scripted(script) as port:
            return await ask("rtsp", port, tls=True)

    facts, _, _ = asyncio.run(scenario())
    assert facts.layer == "not_tls"
    assert facts.answer is None


def test_bacnet():
    async def scenario():
        async with answering(lambda *_: [i_am(instance=77)]) as (port, received):
            facts, access, outcome = await ask("bacnet", port, low=0, high=100)
        return facts, access, outcome, received

    facts, access, outcome, received = asyncio.run(scenario())
    assert facts.answer == BacnetAnswer(instance=77, vendor=260, segmentation=3, max_apdu=480)
    assert len(received) == access.datagrams == access.paid == outcome.packets_sent == 1
    assert received[0].hex() == "810a000c0100100809001964"


def test_knx_answers_where_it_was_asked_from():
    async def scenario():
        async with answering(lambda *_: [search_response(control="198.51.100.7")]) as (port, received):
            facts, access, _ = await ask("knx", port)
        return facts, access, received

    facts, access, (question,) = asyncio.run(scenario())
    assert isinstance(facts.answer, KnxAnswer)
    assert str(facts.answer.control) == "198.51.100.7"
    assert question[8:12] == bytes([127, 0, 0, 1])
    assert (access.datagrams, access.connections) == (1, 0), "the endpoint that the device names is not followed"


def test_modbus():
    async def scenario():
        async def script(reader, writer):
            assert (await reader.readexactly(11)).hex() == "000100000005ff2b0e0100"
            writer.write(device_id(b"R2S", b"COMPTEUR", b"1.0"))
            await reader.read()

        async with scripted(script) as port:
            return await ask("modbus", port)

    facts, _, _ = asyncio.run(scenario())
    assert facts.answer == ModbusAnswer(vendor="R2S", product="COMPTEUR", revision="1.0")


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("protocol", ["rtsp", "http", "sip"])
def test_text_protocols(protocol: str, tls: bool, certificate: tuple[Path, Path]):
    questions: list[bytes] = []

    async def script(reader, writer):
        questions.append(await reader.readuntil(b"\r\n\r\n"))
        head = f"{protocol.upper()}/1.0 200 OK\r\nServer: essai\r\nLocation: http://198.51.100.9/\r\n\r\n"
        writer.write(head.encode() + b"x" * 100)
        await reader.read()

    async def scenario():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        async with scripted(script, context if tls else None) as port:
            return await ask(protocol, port, tls=tls, **more)

    more = {"transport": "tcp"} if protocol == "sip" else {}
    facts, access, _ = asyncio.run(scenario())
    assert isinstance(facts.answer, TextAnswer)
    assert (facts.answer.status, facts.answer.server) == (200, "essai")
    assert facts.layer == ("tls" if tls else "clear")
    assert facts.answer.location == "http://198.51.100.9/"
    assert access.connections == 1, "a redirection is recorded and not followed"
    method = {"rtsp": b"OPTIONS ", "http": b"HEAD / ", "sip": b"OPTIONS "}[protocol]
    assert questions[0].startswith(method)
    assert not any(word in questions[0] for word in (b"DESCRIBE", b"SETUP", b"PLAY", b"INVITE", b"GET ", b"POST "))


def test_sip_over_udp():
    async def scenario():
        async with answering(lambda *_: [b"SIP/2.0 200 OK\r\nAllow: INVITE, BYE\r\nContent-Length: 0\r\n\r\n"]) as (
            port,
            _,
        ):
            return await ask("sip", port)

    facts, _, _ = asyncio.run(scenario())
    assert facts.answer == TextAnswer(kind="sip", status=200, methods=("INVITE", "BYE"))


@pytest.mark.parametrize("protocol", ["bacnet", "mqtt"])
def test_a_closed_port_is_a_refusal(protocol: str):
    with pytest.raises(CollectFailure) as raised:
        asyncio.run(ask(protocol, free_port()))
    assert raised.value.failure is Failure.REFUSED


def test_what_the_plan_is_told_is_what_is_paid():
    packets = {spec.id.partition(".")[2]: spec.packets for spec in COLLECTORS}
    assert STREAM_PACKETS == CONNECTION_PACKETS + EXCHANGE_PACKETS + TLS_PACKETS
    assert packets == dict.fromkeys(("modbus", "mqtt", "rtsp", "sip", "http"), STREAM_PACKETS) | dict.fromkeys(
        ("bacnet", "knx"), DATAGRAM_PACKETS
    )
