"""The classifier: one frame of each kind by hand, and no octets that make it raise."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probes.vlan.l2 import BridgeId, Kind, classify

SOURCE = bytes.fromhex("020000000001")
BPDU_GROUP, CISCO_GROUP, PVST_GROUP = (bytes.fromhex(text) for text in ("0180c2000000", "01000ccccccc", "01000ccccccd"))
GVRP_GROUP = bytes.fromhex("0180c2000021")
BODY = bytes.fromhex("3c" + "8001aabbccddeeff" + "00000004" + "8002112233445566" + "8003" + "0000140002000f00")


def llc(group: bytes, payload: bytes) -> bytes:
    return group + SOURCE + len(payload).to_bytes(2) + payload


def snap(identifier: int, payload: bytes = b"\x01" * 8, group: bytes = CISCO_GROUP) -> bytes:
    return llc(group, b"\xaa\xaa\x03\x00\x00\x0c" + identifier.to_bytes(2) + payload)


def bpdu(version: int, kind: int = 0) -> bytes:
    return b"\x00\x00" + bytes((version, kind)) + BODY


def typed(ethertype: int, payload: bytes = bytes(46)) -> bytes:
    return b"\xff" * 6 + SOURCE + ethertype.to_bytes(2) + payload


FRAMES = {
    "dtp": (snap(0x2004), Kind.DTP),
    "vtp": (snap(0x2003), Kind.VTP),
    "cdp": (snap(0x2000), Kind.CDP),
    "udld": (snap(0x0111), Kind.UDLD),
    "pagp": (snap(0x0104), Kind.PAGP),
    "pvst": (snap(0x010B, bpdu(0), PVST_GROUP), Kind.PVST),
    "stp": (llc(BPDU_GROUP, b"\x42\x42\x03" + bpdu(0)), Kind.STP),
    "rstp": (llc(BPDU_GROUP, b"\x42\x42\x03" + bpdu(2, 2)), Kind.RSTP),
    "mstp": (llc(BPDU_GROUP, b"\x42\x42\x03" + bpdu(3, 2)), Kind.MSTP),
    "notice": (llc(BPDU_GROUP, b"\x42\x42\x03" + b"\x00\x00\x00\x80"), Kind.STP),
    "gvrp": (llc(GVRP_GROUP, b"\x42\x42\x03\x00\x01\x01\x02\x00"), Kind.GVRP),
    "gmrp": (llc(GVRP_GROUP[:5] + b"\x20", b"\x42\x42\x03\x00\x01\x01\x02\x00"), Kind.GMRP),
    "mvrp": (typed(0x88F5), Kind.MVRP),
    "mmrp": (typed(0x88F6), Kind.MMRP),
    "lldp": (typed(0x88CC), Kind.LLDP),
    "eapol": (typed(0x888E), Kind.EAPOL),
    "lacp": (typed(0x8809, b"\x01" + bytes(45)), Kind.LACP),
    "marker": (typed(0x8809, b"\x02" + bytes(45)), Kind.SLOW),
    "arp": (typed(0x0806), Kind.ARP),
    "ipv4": (typed(0x0800), Kind.IPV4),
    "ipv6": (typed(0x86DD), Kind.IPV6),
    "arp in SNAP": (llc(CISCO_GROUP, b"\xaa\xaa\x03\x00\x00\x00\x08\x06" + bytes(28)), Kind.ARP),
    "another type": (typed(0x88E5), Kind.TYPE),
    "another SNAP": (llc(CISCO_GROUP, b"\xaa\xaa\x03\x00\x80\xc2\x00\x07"), Kind.SNAP),
    "another LLC": (llc(CISCO_GROUP, b"\xf0\xf0\x03"), Kind.LLC),
    "IPX without LLC": (llc(CISCO_GROUP, b"\xff\xff\x00\x20"), Kind.RAW),
    "neither": (typed(0x05DD), Kind.UNREADABLE),
    "short": (SOURCE, Kind.UNREADABLE),
    "nothing": (b"", Kind.UNREADABLE),
}


@pytest.mark.parametrize("name", FRAMES)
def test_kinds(name: str):
    frame, kind = FRAMES[name]
    assert classify(frame).kind is kind


@pytest.mark.parametrize("name", [name for name, (frame, _) in FRAMES.items() if len(frame) > 14])
def test_a_tag_changes_nothing_but_the_tags(name: str):
    frame, kind = FRAMES[name]
    found = classify(frame[:12] + bytes.fromhex("88a8600a" + "8100a014") + frame[12:])
    assert found.kind is kind
    assert [(tag.vid, tag.priority, tag.protocol) for tag in found.tags] == [(10, 3, 0x88A8), (20, 5, 0x8100)]


def test_what_a_bpdu_says():
    found = classify(FRAMES["rstp"][0]).bpdu
    assert found is not None
    assert (found.version, found.type, found.flags, found.cost, found.port) == (2, 2, 0x3C, 4, 0x8003)
    assert found.root == BridgeId(0x8001, "aa:bb:cc:dd:ee:ff")
    assert found.bridge == BridgeId(0x8002, "11:22:33:44:55:66")


def test_dtp_inside_the_old_trunk_encapsulation():
    envelope = bytes.fromhex(
        "01000c0000" + "00" + "020000000001" + "0040" + "aaaa03" + "00000c" + "0007" + "0000" + "0000"
    )
    found = classify(envelope + FRAMES["dtp"][0])
    assert (found.kind, found.isl) == (Kind.DTP, 3)
    assert classify(envelope).kind is Kind.ISL


@given(st.binary(max_size=200))
@example(b"\x01\x00\x0c\x00\x00")
@example(bytes(12) + b"\x81\x00\x00\x00" * 40)
def test_no_octets_make_it_raise(data: bytes):
    found = classify(data)
    assert len(found.tags) <= 16


@given(st.sampled_from(sorted(FRAMES)), st.integers(0, 80), st.binary(max_size=6), st.integers(0, 60))
def test_no_cut_or_change_makes_it_raise(name: str, cut: int, noise: bytes, at: int):
    frame = FRAMES[name][0][:cut]
    classify(frame[:at] + noise + frame[at + len(noise) :])
