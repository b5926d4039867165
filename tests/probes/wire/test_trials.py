"""Trials with foreign tags: what is written is read back, what is none is not taken for one, and only two forms are one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire import build
from probes.wire.frames import ETH_LOCAL_EXPERIMENT, ETH_SERVICE_VLAN, FrameError, VlanTag, parse_header
from probes.wire.trials import DOUBLE_TAG, MARK, SENT_TAG, new_nonce, read_trial, trial_frame, trial_of
from tests.probes.wire.support import MAC_A, MAC_B

NONCE = "00112233445566778899aabb"
VLANS = {10, 20, 30}


@pytest.mark.parametrize("vids", [(), (20,), (0, 20), (30, 20)])
def test_a_trial_is_read_as_it_was_written(vids):
    frame = trial_frame(MAC_A, MAC_B, vids, NONCE)
    assert len(frame) == 60
    found = read_trial(frame)
    assert (found.source, found.vids, found.nonce) == (MAC_A, vids, NONCE)


def test_no_two_trials_are_the_same():
    assert len({new_nonce() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        trial_frame(MAC_A, MAC_B, (20,), NONCE)[:17],
        trial_frame(MAC_A, MAC_B, (20,), NONCE)[: 18 + len(MARK) + 11],  # cut inside the nonce
        build.ethernet(build.Link(MAC_A, MAC_B), ETH_LOCAL_EXPERIMENT, b""),  # a control of tags
        build.ethernet(build.Link(MAC_A, MAC_B), 0x88B6, MARK + bytes(12)),
    ],
)
def test_what_is_no_trial(frame):
    assert read_trial(frame) is None


@given(st.binary(max_size=80))
def test_any_octets_are_read(data):
    found = read_trial(data)
    assert found is None or MARK in data


@given(st.lists(st.integers(0, 4095), max_size=4), st.sampled_from([10, 20, 30]))
def test_only_a_declared_foreign_tag_alone_or_inside_our_own_is_tried(vids, own):
    header = parse_header(trial_frame(MAC_A, MAC_B, vids, NONCE))
    foreign = VLANS - {own}
    expected = None
    if len(vids) == 1 and vids[0] in foreign:
        expected = SENT_TAG
    if len(vids) == 2 and vids[0] in {0, own} and vids[1] in foreign:
        expected = DOUBLE_TAG
    assert trial_of(header, own, VLANS) == expected


@pytest.mark.parametrize(
    ("tags", "ethertype", "trial"),
    [
        ((VlanTag(20),), ETH_LOCAL_EXPERIMENT, SENT_TAG),
        ((VlanTag(0), VlanTag(20)), ETH_LOCAL_EXPERIMENT, DOUBLE_TAG),
        ((VlanTag(30), VlanTag(20)), ETH_LOCAL_EXPERIMENT, DOUBLE_TAG),
        ((VlanTag(20),), 0x0800, None),
        ((VlanTag(20),), 0x88CC, None),
        ((VlanTag(20, protocol=ETH_SERVICE_VLAN),), ETH_LOCAL_EXPERIMENT, None),
        ((VlanTag(0), VlanTag(30), VlanTag(20)), ETH_LOCAL_EXPERIMENT, None),
    ],
)
def test_another_type_or_tag_is_no_trial(tags, ethertype, trial):
    payload = bytes([0x45]) + bytes(18) + b"\x14" if ethertype == 0x0800 else MARK
    frame = build.ethernet(build.Link(MAC_A, MAC_B, tags), ethertype, payload)
    try:
        header = parse_header(frame)
    except FrameError:
        assert trial is None
        return
    assert trial_of(header, 30, VLANS) == trial
