"""Parsers of what anybody on the wire may say: total, bounded, and in agreement with an independent reader."""

import os
import struct
from ipaddress import IPv4Address, IPv6Network
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.eap import EAP, EAPOL
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptMTU, ICMPv6NDOptPrefixInfo, IPv6
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapReader

from probes.dot1x import eapol, router
from probes.dot1x.facts import PeerCertificate
from probes.dot1x.story import MAX_CERTIFICATES, Story
from probes.wire import dhcp
from probes.wire.frames import ETH_EAPOL, FrameError, FrameKind, parse_header

MAC = "02:00:00:00:10:01"


@given(st.binary(max_size=80))
@example(b"\x01\x00\x00\x04\x03\x01\x00\x04")
@example(b"\x01\x00\x00\x04\x01\x01\x00\x04")  # a request without a type
@example(b"\x01\x00\x00\x04\x01\x01\x00\x03")  # shorter than its own header
@example(b"\x01\x00\xff\xff\x01")
def test_eapol_is_total(data):
    try:
        packet = eapol.parse(data)
    except eapol.EapolError:
        return
    assert (packet.version, packet.type) == (data[0], data[1])
    assert (packet.eap is not None) == (packet.type == eapol.EAP_PACKET)
    if packet.eap is not None:
        assert len(packet.eap.data) <= len(data) - 8
        assert (packet.eap.type is None) == (packet.eap.code not in (1, 2))


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.binary(max_size=40), st.binary(max_size=20))
def test_eapol_against_scapy(code, identifier, kind, data, padding):

    code = 1 + code % 4
    body = bytes([kind]) + data if code in (1, 2) else b""
    eap = struct.pack("!BBH", code, identifier, 4 + len(body)) + body
    raw = struct.pack("!BBH", 2, 0, len(eap)) + eap
    ours = eapol.parse(raw + padding)
    theirs = EAPOL(raw)
    assume(EAP in theirs)  # of some methods scapy reads the body too, and gives up where it is too short
    assert (ours.version, ours.type) == (theirs.version, theirs.type)
    assert (ours.eap.code, ours.eap.identifier) == (theirs[EAP].code, theirs[EAP].id)
    if code in (1, 2):
        assert (ours.eap.type, ours.eap.data) == (kind, data)


@pytest.mark.parametrize(("frame", "kind"), [(eapol.start(MAC), 1), (eapol.logoff(MAC), 2)])
def test_what_we_send_reads_as_what_it_is(frame, kind):

    read = Ether(frame)
    assert (read.dst, read.src, read.type) == (eapol.PAE_GROUP, MAC, ETH_EAPOL)
    assert (read[EAPOL].type, read[EAPOL].len) == (kind, 0)
    assert len(frame) == 60
    assert parse_header(frame).eapol_type == kind


def test_the_discover_reads_as_one():

    frame = dhcp.discover(MAC, 0x12345678)
    read = Ether(frame)
    assert (read[BOOTP].xid, read[BOOTP].flags.value, read[BOOTP].chaddr[:6].hex(":")) == (0x12345678, 0x8000, MAC)
    assert ("message-type", 1) in read[DHCP].options
    assert parse_header(frame).dhcp_message == 1


def test_the_solicitation_claims_no_address():

    read = Ether(router.solicitation(MAC))
    assert (read[IPv6].src, read[IPv6].dst, read[IPv6].hlim) == ("::", "ff02::2", 255)
    assert not read[ICMPv6ND_RS].payload
    claimed = read[ICMPv6ND_RS].cksum
    del read[ICMPv6ND_RS].cksum
    assert Ether(bytes(read))[ICMPv6ND_RS].cksum == claimed


def offer(**changes):

    fields = {"op": 2, "xid": 7, "yiaddr": "10.0.30.100", "chaddr": bytes.fromhex(MAC.replace(":", ""))} | changes
    kind = fields.pop("kind", "offer")
    options = [("message-type", kind), ("server_id", "10.0.30.1"), ("router", "10.0.30.1")]
    options += [("subnet_mask", fields.pop("mask", "255.255.255.0")), "end"]
    return bytes(BOOTP(**fields) / DHCP(options=options))


@pytest.mark.parametrize(
    ("changes", "read"),
    [
        ({}, True),
        ({"xid": 8}, False),  # somebody else's
        ({"op": 1}, False),
        ({"kind": "ack"}, False),  # nothing was requested
        ({"chaddr": bytes(6)}, False),
    ],
)
def test_offers(changes, read):
    expected = dhcp.Offer(IPv4Address("10.0.30.100"), 24, IPv4Address("10.0.30.1"), IPv4Address("10.0.30.1"))
    assert dhcp.parse_offer(offer(**changes), 7, MAC) == (expected if read else None)


def test_a_mask_with_holes_is_no_prefix():
    found = dhcp.parse_offer(offer(mask="255.0.255.0"), 7, MAC)
    assert found is not None
    assert found.prefix_length is None


@given(st.data())
def test_a_damaged_offer_raises_nothing_else(data):
    raw = bytearray(offer())
    for position in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=6)):
        raw[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    try:
        dhcp.parse_offer(bytes(raw[:cut]), 7, MAC)
    except dhcp.DhcpError:
        return


def test_prefixes_against_scapy():

    message = bytes(
        ICMPv6ND_RA()
        / ICMPv6NDOptMTU(mtu=1500)
        / ICMPv6NDOptPrefixInfo(prefix="fd00:30::", prefixlen=64)
        / ICMPv6NDOptPrefixInfo(prefix="fd00:40::", prefixlen=56)
    )
    assert router.parse_prefixes(message) == (IPv6Network("fd00:30::/64"), IPv6Network("fd00:40::/56"))
    with pytest.raises(router.RouterError):
        router.parse_prefixes(message[:-1])


@given(st.binary(max_size=120))
@example(b"\x86\x00" + bytes(14) + b"\x03\x00")  # an option without length would never end
def test_advertisements_are_total(data):
    try:
        found = router.parse_prefixes(data)
    except router.RouterError:
        return
    assert len(found) <= router.MAX_PREFIXES


NAMES = st.text(max_size=60) | st.sampled_from(["' cert=00", "' err='x", "\x1b[31m", "CTRL-EVENT-EAP-SUCCESS", "\n"])


@given(
    st.lists(st.text(max_size=120) | NAMES.map(lambda n: f"CTRL-EVENT-EAP-PEER-CERT depth=0 subject='{n}' cert=3000"))
)
def test_a_story_ends_only_by_the_supplicants_own_word(events):
    story = Story()
    for event in events:
        story.hear(event)
    ends = [e for e in events if e.startswith(("CTRL-EVENT-EAP-SUCCESS", "CTRL-EVENT-EAP-FAILURE"))]
    assert (story.result is None) == (not ends)
    assert all(isinstance(each, PeerCertificate) for each in story.shown())
    assert len(story.certificates) <= MAX_CERTIFICATES


def test_a_story_as_it_is_told():
    story = Story()
    for event in (
        "CTRL-EVENT-EAP-STARTED EAP authentication started",
        "CTRL-EVENT-EAP-METHOD EAP vendor 0 method 25 (PEAP) selected",
        "CTRL-EVENT-EAP-PEER-CERT depth=0 subject='/CN=x' hash=00ff",
        "CTRL-EVENT-EAP-PEER-CERT depth=0 subject='/CN=a' cert=00' cert=3001",
        "CTRL-EVENT-EAP-TLS-CERT-ERROR reason=1 depth=0 subject='/CN=' err='ok'' err='Domain suffix mismatch'",
        "CTRL-EVENT-EAP-STATUS status='remote certificate verification' parameter='success'",
        "CTRL-EVENT-EAP-FAILURE EAP authentication failed",
        "CTRL-EVENT-EAP-SUCCESS EAP authentication completed successfully",
    ):
        story.hear(event)
    story.status("eap_tls_version=TLSv1.2\nEAP TLS cipher=X\neap_session_id=secret\n")
    assert (story.started, story.method, story.certificates) == (True, 25, {0: b"\x30\x01"})
    assert (story.validated, story.validation_error) == (False, "Domain suffix mismatch")  # a refusal stands
    assert story.result == "failure"  # the first word stands
    assert (story.tls_version, story.tls_cipher) == ("TLSv1.2", "X")
    (shown,) = story.shown()
    assert (shown.issuer, shown.subject) == (None, "")


CORPUS = os.environ.get("R2S_CORPUS")


@pytest.mark.skipif(not CORPUS, reason="R2S_CORPUS does not name the directory of recorded captures")
def test_recorded_eapol_against_scapy(capsys):
    """Every EAPOL frame of every capture: headers by the gate's reader, packets by ours, both compared with scapy's."""
    compared, refused = 0, 0
    for path in sorted((Path(CORPUS) / "captures").iterdir()):
        if path.suffix not in {".pcap", ".cap"}:
            continue
        try:
            with RawPcapReader(str(path)) as frames:
                raw = [bytes(frame) for frame, _ in frames if frames.linktype == 1]
        except Exception:  # noqa: BLE001 - some captures of the corpus are broken on purpose
            continue
        for frame in raw:
            if frame[12:14] != b"\x88\x8e":
                continue
            try:
                header, ours = parse_header(frame), eapol.parse(frame[14:])
            except (FrameError, eapol.EapolError):
                refused += 1
                continue
            theirs = Ether(frame)[EAPOL]
            assert header.kind is FrameKind.EAPOL
            assert header.eapol_type == ours.type == theirs.type
            if ours.eap is not None:
                assert (ours.eap.code, ours.eap.identifier) == (theirs[EAP].code, theirs[EAP].id)
                assert header.eap_code == ours.eap.code
                if ours.eap.type is not None:
                    assert ours.eap.type == theirs[EAP].type
            compared += 1
    with capsys.disabled():
        print(f"\nEAPOL: {compared} frames compared, {refused} refused")
    assert compared > 0
