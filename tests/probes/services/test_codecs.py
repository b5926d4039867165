"""The codecs: what they write, what they read, and that nothing a stranger sends gets past Malformed."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.services import wire_bacnet, wire_knx, wire_modbus, wire_mqtt, wire_requests, wire_text
from probes.services.facts import MAX_TEXT, ModbusAnswer, TextAnswer
from probes.services.wire_reader import Incomplete, Malformed, Reader


def i_am(instance: int = 1234, apdu: int = 480, segmentation: int = 3, vendor: int = 260) -> bytes:
    body = bytes([1, 0, 0x10, 0, 0xC4]) + (8 << 22 | instance).to_bytes(4) + bytes([0x22]) + apdu.to_bytes(2)
    body += bytes([0x91, segmentation, 0x22]) + vendor.to_bytes(2)
    return bytes([0x81, 0x0A]) + (len(body) + 4).to_bytes(2) + body


def search_response(
    name: bytes = b"Passerelle KNX", families: tuple[int, ...] = (2, 3, 4), control: str = "192.0.2.9"
) -> bytes:
    device = bytes([54, 1, 2, 0, 0x11, 0x0A, 0, 0]) + bytes(range(6)) + bytes(10) + name.ljust(30, b"\0")
    services = bytes([2 + 2 * len(families), 2]) + b"".join(bytes([f, 1]) for f in families)
    body = bytes([8, 1]) + IPv4Address(control).packed + (3671).to_bytes(2) + device + services
    return bytes([6, 16, 2, 2]) + (len(body) + 6).to_bytes(2) + body


def device_id(*objects: bytes) -> bytes:
    pdu = bytes([0x2B, 0x0E, 1, 1, 0, 0, len(objects)]) + b"".join(
        bytes([n, len(o)]) + o for n, o in enumerate(objects)
    )
    return bytes([0, 1, 0, 0]) + (len(pdu) + 1).to_bytes(2) + b"\xff" + pdu


class TestBacnet:
    def test_who_is_is_what_the_standard_writes(self):
        assert wire_bacnet.who_is(0, 4194303).hex() == "810a000e0100100809001b3fffff"

    @pytest.mark.parametrize(("low", "high"), [(-1, 5), (5, 4), (0, 4194304)])
    def test_a_range_that_is_none_is_refused(self, low, high):
        with pytest.raises(ValueError, match="instances"):
            wire_bacnet.who_is(low, high)

    def test_i_am(self):
        answer = wire_bacnet.parse_i_am(i_am())
        assert (answer.instance, answer.max_apdu, answer.segmentation, answer.vendor) == (1234, 480, 3, 260)

    def test_forwarded_and_routed(self):
        plain = i_am()
        routed = bytes([1, 0x28, 0xFF, 0xFF, 0, 0, 5, 1, 7, 255]) + plain[6:]
        forwarded = bytes([0x81, 4]) + (len(routed) + 10).to_bytes(2) + bytes(6) + routed
        assert wire_bacnet.parse_i_am(forwarded).instance == 1234

    @pytest.mark.parametrize(
        "change",
        [
            lambda d: b"\x82" + d[1:],
            lambda d: d[:3] + bytes([d[3] + 1]) + d[4:],  # lying length
            lambda d: d[:1] + b"\x05" + d[2:],  # another function
            lambda d: d[:5] + b"\x80" + d[6:],  # network message
            lambda d: d[:6] + b"\x00" + d[7:],  # confirmed
            lambda d: d[:7] + b"\x08" + d[8:],  # Who-Is
            lambda d: d[:8] + b"\xc5" + d[9:],  # tag with five octets
            lambda d: d[:9] + b"\x00" + d[10:],  # object that is no device
            lambda d: bytes([*d[:3], d[3] + 1, *d[4:], 0]),  # something follows
            lambda d: d + bytes(1500),
        ],
    )
    def test_anything_else_is_malformed(self, change: Callable[[bytes], bytes]):
        with pytest.raises(Malformed):
            wire_bacnet.parse_i_am(change(i_am()))


class TestMqtt:
    def test_connect_has_no_credentials_no_will_and_leaves_nothing(self):
        packet = wire_mqtt.connect()
        assert packet[:10] == bytes([0x10, len(packet) - 2, 0, 4]) + b"MQTT" + bytes([4, 0x02])
        assert packet[12:] == b"\0\x09r2s-audit"

    @pytest.mark.parametrize("code", range(6))
    def test_connack(self, code):
        answer = wire_mqtt.parse_connack(bytes([0x20, 2, 0, code]))
        assert (answer.code, answer.accepted) == (code, code == 0)

    @pytest.mark.parametrize("data", [b"", b"\x20", b"\x20\x02", b"\x20\x02\x00", b"\x20\x80"])
    def test_incomplete(self, data):
        with pytest.raises(Incomplete):
            wire_mqtt.parse_connack(data)

    @pytest.mark.parametrize(
        "data",
        [
            b"\x30\x02\0\0",
            b"\x20\x01\0",
            b"\x20\xff\xff\xff\x7f",
            b"\x20\xff\xff\xff\xff",
            b"\x20\x02\x02\0",
            b"\x20\x02\1\5",
        ],
    )
    def test_malformed(self, data):
        with pytest.raises(Malformed) as raised:
            wire_mqtt.parse_connack(data)
        assert not isinstance(raised.value, Incomplete)


class TestModbus:
    def test_question(self):
        assert wire_modbus.read_device_id().hex() == "000100000005ff2b0e0100"

    def test_identity(self):
        answer = wire_modbus.parse_response(device_id(b"R2S", b"COMPTEUR", b"1.0"))
        assert answer == ModbusAnswer(vendor="R2S", product="COMPTEUR", revision="1.0")

    def test_an_exception_is_an_answer(self):
        assert wire_modbus.parse_response(bytes.fromhex("000100000003ffab01")).exception == 1

    def test_what_lies_inside_a_whole_message_is_not_waited_for(self):
        with pytest.raises(Malformed) as raised:
            wire_modbus.parse_response(bytes([0, 1, 0, 0, 0, 11, 255, 0x2B, 0x0E, 1, 1, 0, 0, 9, 0, 200, 65]))
        assert not isinstance(raised.value, Incomplete)

    @pytest.mark.parametrize(
        "data", ["000200000003ffab01", "000100010003ffab01", "0001000000ffff", "000100000003ff0300"]
    )
    def test_malformed(self, data):
        with pytest.raises(Malformed):
            wire_modbus.parse_response(bytes.fromhex(data))


class TestKnx:
    def test_question(self):
        assert wire_knx.search_request(IPv4Address("192.0.2.1"), 4660).hex() == "06100201000e0801c00002011234"

    def test_answer(self):
        answer = wire_knx.parse_search_response(search_response())
        assert (answer.name, answer.individual_address, answer.medium) == ("Passerelle KNX", "1.1.10", 2)
        assert str(answer.control) == "192.0.2.9"
        assert [f.family for f in answer.families] == [2, 3, 4]
        assert not answer.secured

    def test_security_is_seen(self):
        assert wire_knx.parse_search_response(search_response(families=(2, 9))).secured

    @pytest.mark.parametrize(
        "data",
        [
            search_response()[:-1],
            search_response() + b"\0",
            b"\x06\x10\x02\x05" + search_response()[4:],
            search_response()[:14] + b"\x00" + search_response()[15:],
            search_response()[:14] + b"\x35" + search_response()[15:],
        ],
    )
    def test_malformed(self, data):
        with pytest.raises(Malformed):
            wire_knx.parse_search_response(data)


class TestText:
    def test_rtsp(self):
        head = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: camera\r\nPublic: OPTIONS, DESCRIBE,SETUP\r\n\r\n"
        assert wire_text.parse_head(head, "rtsp") == TextAnswer(
            kind="rtsp", status=200, server="camera", methods=("OPTIONS", "DESCRIBE", "SETUP")
        )

    def test_http_redirection_is_kept(self):
        answer = wire_text.parse_head(b"HTTP/1.1 301 Moved\nLocation: https://192.0.2.7/\n\nbody", "http")
        assert (answer.status, answer.location) == (301, "https://192.0.2.7/")

    @pytest.mark.parametrize("data", [b"", b"RT", b"RTSP/1.0 200 OK\r\n", b"RTSP/1.0 200 OK\r\nA: b\r\n"])
    def test_incomplete(self, data):
        with pytest.raises(Incomplete):
            wire_text.parse_head(data, "rtsp")

    @pytest.mark.parametrize(
        "data",
        [
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"RTSP/1.0 000 OK\r\n\r\n",
            b"RTSP/1.0\r\n\r\n",
            b"RTSP/1.0 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
            b"RTSP/1.0 200 OK\r\nA: " + b"x" * 9000,
        ],
    )
    def test_malformed(self, data):
        with pytest.raises(Malformed) as raised:
            wire_text.parse_head(data, "rtsp")
        assert not isinstance(raised.value, Incomplete)

    def test_texts_of_devices_are_bounded(self):
        head = b"RTSP/1.0 200 OK\r\nServer: " + b"\xff" * 4000 + b"\r\nPublic: " + b"A," * 1500 + b"\r\n\r\n"
        answer = wire_text.parse_head(head, "rtsp")
        assert len(answer.server) == MAX_TEXT
        assert len(answer.methods) == wire_text.MAX_METHODS

    def test_what_may_be_a_credential_is_not_kept(self):
        head = b"HTTP/1.1 401 No\r\nSet-Cookie: id=abc\r\nWWW-Authenticate: Digest nonce=xyz\r\nServer: s\r\n\r\n"
        clean, changed = wire_text.redacted(head)
        assert changed
        assert b"abc" not in clean
        assert b"xyz" not in clean
        assert b"Server: s" in clean

    @pytest.mark.parametrize(
        "head",
        [
            b"X-Auth-Token: SECRET\r\n",
            b"Set-Cookie: a=b;\r\n SECRET\r\n",
            b"Server: s\r\n\tSECRET\r\n",
            b"Location: https://u:SECRET@h/SECRET?t=SECRET#SECRET\r\n",
            b"Location: /SECRET\r\n",
            b"Session: SECRET;timeout=60\r\n",
            b"SECRET\r\n",
            b"Content-Length: 6\r\n\r\nSECRET",
        ],
    )
    def test_a_credential_has_many_names(self, head):
        answer = b"HTTP/1.1 302 Found\r\nAllow: GET\r\n" + head + b"\r\n"
        clean, changed = wire_text.redacted(answer)
        assert changed
        assert b"SECRET" not in clean
        assert b"Allow: GET" in clean
        assert "SECRET" not in wire_text.parse_head(answer, "http").model_dump_json()

    def test_where_a_redirection_leads_stays_known(self):
        for uri, kept in ((b"https://h:8443/login?a=b", "https://h:8443/"), (b"login", "/"), (b"", "")):
            answer = wire_text.parse_head(b"HTTP/1.1 302 Found\r\nLocation: " + uri + b"\r\n\r\n", "http")
            assert answer.location == kept

    def test_questions(self):
        rtsp = wire_requests.rtsp_options("fd66::7", 554, tls=False)
        assert rtsp.startswith(b"OPTIONS rtsp://[fd66::7]:554/ RTSP/1.0\r\nCSeq: 1\r\n")
        assert wire_requests.http_head("192.0.2.1", 80, "").startswith(b"HEAD / HTTP/1.1\r\nHost: 192.0.2.1:80\r\n")
        sip = wire_requests.sip_options("192.0.2.1", 5060, ("192.0.2.2", 4000), "UDP")
        assert sip.startswith(b"OPTIONS sip:192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:4000;branch=z9hG4bK")
        assert all(q.endswith(b"\r\n\r\n") for q in (rtsp, sip))


PARSERS: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "bacnet": (wire_bacnet.parse_i_am, i_am()),
    "mqtt": (wire_mqtt.parse_connack, bytes([0x20, 2, 0, 5])),
    "modbus": (wire_modbus.parse_response, device_id(b"R2S", b"COMPTEUR", b"1.0")),
    "knx": (wire_knx.parse_search_response, search_response()),
    "rtsp": (lambda d: wire_text.parse_head(d, "rtsp"), b"RTSP/1.0 200 OK\r\nServer: a\r\n\r\n"),
    "sip": (lambda d: wire_text.parse_head(d, "sip"), b"SIP/2.0 200 OK\r\nAllow: INVITE\r\n\r\n"),
    "http": (lambda d: wire_text.parse_head(d, "http"), b"HTTP/1.1 200 OK\r\nServer: a\r\n\r\n"),
}


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_an_answer_or_malformed(name: str, data: bytes):
    parse, _ = PARSERS[name]
    try:
        parse(data)
    except Malformed:
        return


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
def test_a_damaged_answer_is_an_answer_or_malformed(name: str, data: st.DataObject):
    parse, good = PARSERS[name]
    assert parse(good)
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        parse(bytes(damaged[: data.draw(st.integers(0, len(good)))]))
    except Malformed:
        return


@pytest.mark.parametrize("name", ["mqtt", "modbus", "rtsp", "sip", "http"])
def test_a_stream_is_incomplete_at_every_cut(name: str):
    parse, good = PARSERS[name]
    for cut in range(len(good)):
        with pytest.raises(Incomplete):
            parse(good[:cut])


@given(st.binary(max_size=40), st.integers(0, 50))
def test_the_reader_never_reads_past_the_end(data: bytes, count: int):
    reader = Reader(data)
    if count <= len(data):
        assert reader.take(count) == data[:count]
        assert reader.left == len(data) - count
    else:
        with pytest.raises(Incomplete):
            reader.take(count)
