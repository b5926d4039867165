"""The parts of the hostile building that need no root: what is said, octet for octet."""

from __future__ import annotations

import io
import itertools

import pytest

from probes.snmp.community import decode_report, encode_discovery, encode_get
from probes.wire.frames import parse_header
from r2s_audit.lab.bridge_mib import serve
from r2s_audit.lab.hostile_mib import Agent
from r2s_audit.lab.responders import impostor, lldp_frame
from r2s_audit.lab.responders.hostile import MAX_OCTETS, octets, portions

OWN, LAPTOP = bytes.fromhex("026600000001"), bytes.fromhex("026600000002")
CLAIMED, TRUE, ASKER = bytes((10, 66, 10, 99)), bytes((10, 66, 10, 4)), bytes((10, 66, 10, 50))


def test_scripts_of_octets() -> None:
    assert octets("16 0303 00*3 'GET'*2 0D0A") == b"\x16\x03\x03\0\0\0GETGET\r\n"
    assert octets("") == b""
    for wrong in ("1", "0x16", "'open", "zz", f"00*{MAX_OCTETS + 1}", "00*-1"):
        with pytest.raises(ValueError, match=r"neither|more than"):
            octets(wrong)


def test_portions() -> None:
    assert list(portions(b"abcde", b"", 2)) == [b"ab", b"cd", b"e"]
    assert list(portions(b"abc", b"", 0)) == [b"abc"]
    assert list(itertools.islice(portions(b"ab", b"c", 1), 5)) == [b"a", b"b", b"c", b"c", b"c"]
    assert list(itertools.islice(portions(b"", b"c", 0), 2)) == [b"c", b"c"]


def test_an_agent_that_goes_round_one_that_never_ends_and_one_that_says_too_much() -> None:
    def walked(agent: Agent, steps: int) -> list[tuple[int, ...]]:
        oid, found = (1, 3), []
        for _ in range(steps):
            row = agent.following(oid)
            assert row is not None
            oid = row[0]
            found.append(oid)
        return found

    base = (1, 3, 6, 1)
    round_ = walked(Agent("loop", base), 20)
    assert len(set(round_)) < len(round_)
    endless = walked(Agent("endless", base), 200)
    assert endless == sorted(set(endless))
    answers = io.StringIO()
    serve(Agent("'=cmd' 00 9b", base), io.StringIO("get\n.1.3.6.1.0\ngetnext\n.1.3.6.1.0\n"), answers)
    assert answers.getvalue() == ".1.3.6.1.0\noctet\n3d 63 6d 64 00 9b\nNONE\n"


def test_lldp_by_hand_never_overflows_a_field() -> None:
    frame = lldp_frame.frame(
        {
            "mac": OWN.hex(":"),
            "port": "p" * 999,
            "ttl": 3,
            "port_description": "\0\x9b",
            "name": "n" * 999,
            "description": "d",
            "management": ["10.66.10.99", "fd66::99"],
        }
    )
    assert frame[:14] == lldp_frame.GROUP + OWN + b"\x88\xcc"
    assert frame.endswith(b"\0\0")
    kinds, place = [], 14
    while place < len(frame):
        head = int.from_bytes(frame[place : place + 2])
        kinds.append((head >> 9, head & 511))
        place += 2 + (head & 511)
    assert place == len(frame)
    assert [kind for kind, _ in kinds] == [1, 2, 3, 4, 5, 6, 7, 8, 8, 0]
    assert kinds[4] == (5, 255)


def packet(protocol: int, body: bytes, destination: bytes = CLAIMED) -> bytes:
    head = bytes((0x45, 0)) + (20 + len(body)).to_bytes(2) + bytes((0, 0, 64, 0, 64, protocol, 0, 0))
    return OWN + LAPTOP + b"\x08\0" + head + ASKER + destination + body


def answered(data: bytes) -> list[bytes]:
    return list(impostor.answers(data, OWN, {CLAIMED}, {TRUE}))


def test_an_impostor_answers_for_what_it_claims_and_for_nothing_that_is_its_own() -> None:
    def who_has(target: bytes) -> bytes:
        return b"\xff" * 6 + LAPTOP + bytes.fromhex("08060001080006040001") + LAPTOP + ASKER + b"\0" * 6 + target

    (reply,) = answered(who_has(CLAIMED))
    assert parse_header(reply, len(reply)).arp is not None
    assert reply[22:32] == OWN + CLAIMED
    assert answered(who_has(TRUE)) == []

    syn = (4000).to_bytes(2) + (443).to_bytes(2) + (7).to_bytes(4) + bytes(4) + bytes((0x50, 2)) + bytes(6)
    (reply,) = answered(packet(6, syn))
    assert (reply[30:34], reply[34:38]) == (ASKER, (443).to_bytes(2) + (4000).to_bytes(2))
    assert (int.from_bytes(reply[42:46]), reply[47]) == (8, 0x12)
    assert answered(packet(6, syn, TRUE)) == []
    assert impostor.is_for_us(packet(6, syn), OWN, {TRUE})
    assert not impostor.is_for_us(packet(6, syn, TRUE), OWN, {TRUE})
    for length in range(60):
        answered(packet(6, syn)[:length])  # whatever is cut short is nobody's business, and no error


def test_an_impostor_invites_to_snmpv3_and_answers_no_community() -> None:
    report = impostor.discovery_report(encode_discovery(77))
    assert report is not None
    found = decode_report(report)
    assert (found.message_id, found.engine_id, found.report) == (77, impostor.ENGINE, "usmStatsUnknownEngineIDs")
    assert impostor.discovery_report(encode_get("v2c", "public", 1)) is None
    assert impostor.discovery_report(b"0") is None
