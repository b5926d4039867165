"""The hello codec: against scapy field by field, against random and mutated bytes, in any chunking."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.tls.certificates import UnreadableCertificate, describe, load
from probes.tls.facts import Certificate
from probes.tls.suites import (
    LEGACY_SUITES,
    PLAIN_SUITES,
    SUITES,
    TLS13_SUITES,
    has_forward_secrecy,
    is_cbc,
    key_exchange,
    suite_name,
)
from probes.tls.wire import MAX_CERTIFICATES, MAX_FLIGHT, Flight, parse_certificates, parse_key_exchange
from probes.tls.wire_hello import GROUPS, VERSIONS, client_hello, parse_server_hello
from probes.tls.wire_reader import WireError, vector
from tests.probes.tls.support import make_pki, rsa_key

pytestmark = pytest.mark.filterwarnings("error")
PKI = make_pki(key=rsa_key())


def extension(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(2) + vector(data, 2)


def hello(
    version: int = 0x0303, suite: int = 0xC02F, *, random: bytes = bytes(32), extensions: bytes | None = b""
) -> bytes:
    body = version.to_bytes(2) + random + vector(bytes(32), 1) + suite.to_bytes(2) + b"\x00"
    return body if extensions is None else body + vector(extensions, 2)


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + vector(body, 3)


def record(body: bytes, kind: int = 22) -> bytes:
    return bytes([kind]) + b"\x03\x03" + vector(body, 2)


CHAIN = vector(b"".join(vector(c.der, 3) for c in (PKI.leaf, PKI.intermediate)), 3)
ECDHE = b"\x03\x00\x17" + vector(bytes(65), 1) + b"\x04\x01" + vector(bytes(256), 2)
FLIGHT = record(message(2, hello())) + record(message(11, CHAIN)) + record(message(12, ECDHE) + message(14, b""))


def outcome(chunks: list[bytes]) -> tuple[Any, ...]:
    flight = Flight()
    try:
        for chunk in chunks:
            flight.feed(chunk)
    except WireError as error:
        return (error.kind,)
    return flight.server_hello, flight.certificates, flight.group, flight.dh_bits, flight.done, flight.alert


def test_a_whole_flight() -> None:
    server_hello, certificates, group, _, done, alert = outcome([FLIGHT])
    assert (server_hello.version, server_hello.suite) == (0x0303, 0xC02F)
    assert certificates == (PKI.leaf.der, PKI.intermediate.der)
    assert (group, done, alert) == ("secp256r1", True, None)


@given(st.lists(st.integers(1, len(FLIGHT) - 1), max_size=40))
def test_chunking_changes_nothing(cuts: list[int]) -> None:
    edges = [0, *sorted(set(cuts)), len(FLIGHT)]
    assert outcome([FLIGHT[a:b] for a, b in pairwise(edges)]) == outcome([FLIGHT])


@given(st.lists(st.binary(max_size=400), max_size=8))
def test_random_bytes_end_in_a_typed_error_or_wait_for_more(chunks: list[bytes]) -> None:
    outcome(chunks)


@settings(max_examples=400)
@given(st.data())
def test_mutated_flights_end_in_a_typed_error_or_a_flight(data: st.DataObject) -> None:
    mutated = bytearray(FLIGHT)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, min(len(mutated), 140) - 1) | st.integers(0, len(mutated) - 1))
        mutated[place] = data.draw(st.integers(0, 255))
    result = outcome([bytes(mutated)])
    for der in result[1] if len(result) > 1 else ():
        try:
            assert isinstance(describe(load(der), der), Certificate)
        except UnreadableCertificate:
            continue


@settings(max_examples=400)
@given(st.data())
def test_mutated_certificates_are_read_or_refused(data: st.DataObject) -> None:
    der = bytearray(PKI.leaf.der)
    for _ in range(data.draw(st.integers(1, 4))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    try:
        facts = describe(load(bytes(der)), bytes(der))
    except UnreadableCertificate:
        return
    assert Certificate.model_validate_json(facts.model_dump_json()) == facts


@pytest.mark.parametrize(
    ("chunk", "kind"),
    [
        (b"HTTP/1.1 400", "not_tls"),
        (b"\x16\x02\x00\x00\x05", "not_tls"),
        (b"\x16\x03\x03\x48\x01", "limit"),
        (record(b"\x02\x02\x00\x01"), "limit"),
        (record(message(11, CHAIN)), "malformed"),
        (record(message(2, hello()) + message(2, hello())), "malformed"),
        (record(b"\x02", 21), "malformed"),
        (record(b"\x03\x28", 21), "malformed"),
        (record(b"\x01", 20), "malformed"),
        (record(b"\x01\x70", 21) * 5, "limit"),
        (record(b"") * 257, "limit"),
        (record(message(2, hello()) + message(22, b"") * 17), "limit"),
        (record(message(2, hello(0x0305))), "malformed"),
        (record(message(2, hello() + b"\x00")), "malformed"),
        (record(message(2, hello(extensions=extension(23, b"") * 2))), "malformed"),
        (record(message(2, hello(extensions=b"".join(extension(k, b"") for k in range(100, 165))))), "limit"),
        (record(bytes(100)) * (MAX_FLIGHT // 105 + 1), "limit"),
    ],
)
def test_what_is_refused_and_as_what(chunk: bytes, kind: str) -> None:
    assert outcome([chunk]) == (kind,)


def test_alerts() -> None:
    flight = Flight()
    flight.feed(record(b"\x01\x70", 21) + record(b"\x02\x46", 21))
    assert flight.alert is not None
    assert (flight.alert.level, flight.alert.description, flight.finished) == (2, 70, True)


def test_server_hello_fields() -> None:
    new = parse_server_hello(
        hello(extensions=extension(43, b"\x03\x04") + extension(51, b"\x00\x1d" + vector(bytes(32), 2)))
    )
    assert (new.version, new.group, new.retry) == (0x0304, "x25519", False)
    retry = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
    again = parse_server_hello(hello(random=retry, extensions=extension(43, b"\x03\x04") + extension(51, b"\x11\xec")))
    assert (again.retry, again.group) == (True, "X25519MLKEM768")
    old = parse_server_hello(
        hello(random=bytes(24) + b"DOWNGRD\x01", extensions=extension(0xFF01, b"\x00") + extension(22, b""))
    )
    assert (old.sentinel, old.renegotiation_info, old.encrypt_then_mac) == (True, True, True)
    bare = parse_server_hello(hello(0x0300, extensions=None))
    assert (bare.version, bare.renegotiation_info, bare.sentinel) == (0x0300, False, False)


@pytest.mark.parametrize(
    ("suite", "body", "expected"),
    [
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", b"\x03\x00\x1d", ("x25519", None)),
        ("TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA", b"\x00\x02id\x03\x00\x17", ("secp256r1", None)),
        ("TLS_ECDH_anon_WITH_AES_128_CBC_SHA", b"\x03\xfe\xff", ("0xFEFF", None)),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", b"\x01", ("explicit_prime", None)),
        ("TLS_DHE_RSA_WITH_AES_128_CBC_SHA", b"\x00\x04\x00\xff\xff\xff", ("", 24)),
        ("TLS_DH_anon_WITH_AES_128_CBC_SHA", b"\x00\x01\x80", ("", 8)),
        ("TLS_RSA_WITH_AES_128_CBC_SHA", b"whatever", ("", None)),
        ("TLS_PSK_WITH_AES_128_CBC_SHA", b"\x00\x00", ("", None)),
    ],
)
def test_key_exchange(suite: str, body: bytes, expected: tuple[str, int | None]) -> None:
    code = {name: c for c, name in SUITES.items()}[suite]
    assert parse_key_exchange(body, code) == expected


def test_bounds_of_lists() -> None:
    with pytest.raises(WireError, match="limit"):
        parse_key_exchange(vector(bytes(2049), 2), 0x0033)
    with pytest.raises(WireError, match="limit"):
        parse_certificates(vector(vector(b"x", 3) * (MAX_CERTIFICATES + 1), 3))
    assert len(parse_certificates(vector(vector(b"x", 3) * MAX_CERTIFICATES, 3))) == MAX_CERTIFICATES


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("name", list(VERSIONS))
def test_our_hello_as_scapy_reads_it(name: Any, plain: bool) -> None:
    tls = pytest.importorskip("scapy.layers.tls.all")
    version = VERSIONS[name]
    suites = TLS13_SUITES if version == 0x0304 else LEGACY_SUITES
    raw = client_hello(version, suites, "hôte.test".encode("idna").decode(), plain=plain)
    packet = tls.TLS(raw)
    assert (packet.type, packet.len) == (22, len(raw) - 5)
    (seen,) = packet.msg
    assert isinstance(seen, tls.TLSClientHello)
    assert seen.version == min(version, 0x0303)
    assert list(seen.ciphers) == [*suites] + ([0x00FF] if version < 0x0304 else [])
    assert list(seen.comp) == ([0] if plain or version == 0x0304 else [1, 0])
    found = {e.type: e for e in seen.ext or []}
    if version == 0x0300:
        assert not found
        return
    assert [n.servername for n in found[0].servernames] == [b"xn--hte-kna.test"]
    assert list(found[10].groups) == ([29, 23, 24, 25] if plain else list(GROUPS))
    assert (13 in found) == (version >= 0x0303)
    assert (43 in found, 51 in found) == (version == 0x0304,) * 2
    if version == 0x0304:
        assert list(found[43].versions) == [0x0304]


def test_suite_names_are_scapys() -> None:
    table = pytest.importorskip("scapy.layers.tls.crypto.suites")._tls_cipher_suites
    compared = {code: (name, table[code]) for code, name in SUITES.items() if code in table and "DRAFT" not in name}
    assert len(compared) > 250
    assert {code: pair for code, pair in compared.items() if pair[0] != pair[1]} == {}
    signalling = {0x0000, 0x00FF, 0x5600}
    assert {c for c in table if c < 0x10000 and c not in SUITES and "SRP" not in table[c]} == signalling


@pytest.mark.parametrize(
    ("name", "exchange", "forward", "cbc"),
    [
        ("TLS_AES_128_GCM_SHA256", "", True, False),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "ECDHE_ECDSA", True, False),
        ("TLS_DHE_RSA_WITH_AES_256_CBC_SHA", "DHE_RSA", True, True),
        ("TLS_DH_anon_WITH_AES_128_CBC_SHA", "DH_anon", False, True),
        ("TLS_ECDH_anon_WITH_NULL_SHA", "ECDH_anon", False, False),
        ("TLS_ECDH_RSA_WITH_AES_128_CBC_SHA", "ECDH_RSA", False, True),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", "RSA", False, False),
        ("TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA", "DHE_RSA_EXPORT", False, True),
        ("0xFEFE", "", False, False),
    ],
)
def test_what_a_name_says(name: str, exchange: str, forward: bool, cbc: bool) -> None:
    assert (key_exchange(name), has_forward_secrecy(name), is_cbc(name)) == (exchange, forward, cbc)
    assert name == "0xFEFE" or name in SUITES.values()


def test_offers_are_whole_and_without_repetition() -> None:
    assert set(LEGACY_SUITES) | set(TLS13_SUITES) == set(SUITES)
    assert len(LEGACY_SUITES) + len(TLS13_SUITES) == len(SUITES)
    assert set(PLAIN_SUITES) < set(LEGACY_SUITES)
    assert suite_name(0xFEFE) == "0xFEFE"
