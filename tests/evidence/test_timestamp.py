"""RFC 3161: a local authority made with openssl; what it says is verified, and what others say in its name is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r2s_audit.errors import UsageError
from r2s_audit.evidence import timestamp
from r2s_audit.evidence.der import DamagedDerError, encode, parse
from r2s_audit.evidence.timestamp import BadTimestampError
from r2s_audit.evidence.trust import Anchors, load_anchors
from tests.evidence.people import Authority, authority, certified

DATA = b"une signature"


@pytest.fixture(scope="module", params=["rsa:2048", "P-256"])
def tsa(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with authority(tmp_path_factory.mktemp("tsa") / "tsa", request.param) as made:
        yield made


@pytest.fixture(scope="module")
def token(tsa: Authority) -> bytes:
    return timestamp.fetch(tsa.url, DATA)


def test_a_time_of_a_stated_authority(tsa: Authority, token: bytes) -> None:
    found = timestamp.verify(token, DATA, load_anchors([str(tsa.certificate)]))
    assert found.why_not_trusted is None
    assert abs((datetime.now(UTC) - found.moment).total_seconds()) < 600
    assert "Horodateur" in found.authority


def test_of_an_authority_that_nobody_stated(token: bytes) -> None:
    assert timestamp.verify(token, DATA, Anchors()).why_not_trusted is not None


def test_a_trusted_certificate_that_is_for_something_else_stamps_nothing(tsa: Authority, tmp_path: Path) -> None:
    """A signer whom an anchor vouches for is no authority of time."""
    made = certified("signataire", kind="rsa-pss")
    made.write(tmp_path)
    assert made.certificate is not None
    trouble = timestamp.why_not_trusted(
        made.key.public_key(),
        [made.certificate],
        load_anchors([str(tmp_path / "signataire.pem")]),
        datetime.now(UTC),
        for_time=True,
    )
    assert trouble is not None


def test_of_other_bytes(token: bytes) -> None:
    with pytest.raises(BadTimestampError, match="other bytes"):
        timestamp.verify(token, b"autre chose", Anchors())


def test_no_changed_byte_moves_the_time(tsa: Authority, token: bytes) -> None:
    """Whatever is flipped: an error, no trust, or the very same time; the seal's name holds the rest."""
    anchors = load_anchors([str(tsa.certificate)])
    moment = timestamp.verify(token, DATA, anchors).moment
    for position in range(len(token)):
        changed = bytearray(token)
        changed[position] ^= 1 << position % 8
        try:
            found = timestamp.verify(bytes(changed), DATA, anchors)
        except ValueError:
            continue
        assert found.why_not_trusted is not None or found.moment == moment


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=400))
def test_any_bytes_are_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises(ValueError):
        timestamp.verify(data, DATA, Anchors())


@given(tag=st.sampled_from([0x02, 0x04, 0x30, 0xA0]), content=st.binary(max_size=70_000))
def test_der_goes_and_comes(tag: int, content: bytes) -> None:
    value = parse(encode(tag, content))
    assert (value.tag, value.content, value.raw) == (tag, content, encode(tag, content))


@pytest.mark.parametrize(
    "data",
    [b"", b"\x30", b"\x30\x01", b"\x30\x80", b"\x30\x81\x7f" + bytes(127), b"\x30\x82\x00\x80" + bytes(128),
     b"\x1f\x01\x00", b"\x30\x00\x00", b"\x30\x85\x01\x00\x00\x00\x00"],
    ids=bytes.hex,
)  # fmt: skip
def test_what_der_does_not_have(data: bytes) -> None:
    with pytest.raises(DamagedDerError):
        parse(data)


def another_question(tsa: Authority, query: bytes) -> tuple[int, bytes]:
    del query
    return 200, tsa.stamp(timestamp.request_for(DATA, 1 << 62))


def other_bytes(tsa: Authority, query: bytes) -> tuple[int, bytes]:
    return 200, tsa.stamp(query.replace(query[24:56], bytes(32)))


ANSWERS: dict[str, Any] = {
    "an error page": lambda tsa, query: (500, b"non"),
    "a page": lambda tsa, query: (200, b"<html>"),
    "refused": lambda tsa, query: (200, bytes.fromhex("30053003020102")),
    "elsewhere": lambda tsa, query: (302, b""),
    "endless": lambda tsa, query: (200, bytes(timestamp.MAX_ANSWER + 1)),
    "another question": another_question,
    "other bytes": other_bytes,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_authority_that_answers_otherwise_is_refused(tsa: Authority, name: str) -> None:
    tsa.answers = lambda query: ANSWERS[name](tsa, query)
    asked = tsa.asked
    try:
        with pytest.raises(UsageError, match="autorité d'horodatage"):
            timestamp.fetch(tsa.url, DATA)
    finally:
        tsa.answers = None
    assert tsa.asked == asked + 1, "asked once, and followed nowhere"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "file:///etc/passwd", "http://127.0.0.1:1/", "http://[", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        timestamp.fetch(url, DATA)
