"""Reading router and neighbour advertisements: every field, every way to be wrong, any octets."""

from contextlib import suppress
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.ipv6 import nd
from probes.ipv6.facts import Content, Problem
from probes.wire.frames import FrameError, parse_header
from probes.wire.gate import never_allowed
from probes.wire.station import Station
from tests.probes.ipv6 import frames as f


def read(frame, original=None, verify=True):
    header = parse_header(frame, original)
    return nd.read_advertisement(frame, header, original_length=original or len(frame), verify=verify)


def content(frame):
    reading = read(frame)
    assert reading.problems == ()
    return reading.content


def test_every_field():
    frame = f.icmp6(
        bytes([134, 0, 0, 0, 63, 0x80 | 0x40 | 0x08])
        + (1800).to_bytes(2)
        + (30000).to_bytes(4)
        + (1000).to_bytes(4)
        + f.sllao()
        + f.mtu(1480)
        + f.pio("fd00:30::abcd", 64, 0x80, 10, 5)
        + f.pio("2001:db8::", 48, 0x40, 0xFFFFFFFF, 0xFFFFFFFF)
        + f.rdnss("fd00::53", "fd00::54", lifetime=600)
        + f.dnssl(b"residence.test", b"a.b", lifetime=60)
        + b"\x18\x01"
        + bytes(6)  # a route information option
    )
    found = content(frame)
    assert (found.hop_limit, found.managed, found.other, found.preference) == (63, True, True, "high")
    assert (found.lifetime_s, found.reachable_ms, found.retransmit_ms, found.mtu) == (1800, 30000, 1000, 1480)
    assert found.source_mac == f.ROUTER_MAC
    first, second = found.prefixes
    assert (first.prefix, first.on_link, first.autonomous) == (ip_network("fd00:30::/64"), True, False)
    assert (first.valid_s, first.preferred_s) == (10, 5)
    assert (second.prefix, second.on_link, second.autonomous) == (ip_network("2001:db8::/48"), False, True)
    assert second.valid_s == 0xFFFFFFFF
    assert [(r.lifetime_s, r.servers) for r in found.resolvers] == [
        (600, (ip_address("fd00::53"), ip_address("fd00::54")))
    ]
    assert [(n.lifetime_s, n.names) for n in found.search_lists] == [(60, ("residence.test", "a.b"))]
    assert found.ignored_options == 1
    assert Content.model_validate(found.model_dump(mode="json")) == found


@pytest.mark.parametrize(("bits", "word"), [(0, "medium"), (1, "high"), (2, "reserved"), (3, "low")])
def test_preference(bits, word):
    assert content(f.ra(flags=bits << 3)).preference == word


@pytest.mark.parametrize(
    ("frame", "problems", "reads"),
    [
        (f.ra(), (), True),
        (f.ra(source="fd00::1"), (Problem.SOURCE,), True),
        (f.ra(hops=64), (Problem.HOP_LIMIT,), True),
        (f.ra(hops=254, source="::"), (Problem.HOP_LIMIT, Problem.SOURCE), True),
        (f.ra(code=1), (Problem.CODE,), True),
        (f.ra(right=False), (Problem.CHECKSUM,), True),
        (f.icmp6(f.body()[:15]), (Problem.LENGTH,), False),
        (f.icmp6(f.body()), (), True),  # without options
        (f.ra(b"\x03\x00" + bytes(6)), (Problem.OPTION,), False),
        (f.ra(b"\x03\x05" + bytes(30)), (Problem.OPTION,), False),
        (f.ra(b"\x01"), (Problem.OPTION,), False),
        (f.ra(*[b"\xfd\x01" + bytes(6)] * 64), (), True),
        (f.ra(*[b"\xfd\x01" + bytes(6)] * 65), (Problem.OPTION,), False),
        (f.ra(b"\xfd\xff" + bytes(2038)), (), True),  # oversized, and what it says it is
        (f.fragmented(f.ra()), (Problem.FRAGMENT,), False),
        (f.behind_options(f.ra()), (), True),
    ],
)
def test_validity(frame, problems, reads):
    """RFC 4861 §6.1.2 and RFC 6980 §5."""
    reading = read(frame)
    assert (reading.problems, reading.content is not None) == (problems, reads)


def test_what_the_capture_cut_is_not_believed():
    frame = f.ra(b"\xfd\xff" + bytes(2038))
    assert read(frame[:600], len(frame)).problems == (Problem.LENGTH,)


def test_a_checksum_left_to_the_adapter_is_not_verified():
    assert read(f.ra(right=False), verify=False).problems == ()


@pytest.mark.parametrize(
    "option",
    [
        f.pio(length=129),
        b"\x03\x01" + bytes(6),
        b"\x05\x02" + bytes(14),
        b"\x01\x02" + bytes(14),
        b"\x19\x01" + bytes(6),  # RDNSS without a server
        b"\x19\x02" + bytes(14),  # half a server
        b"\x1f\x01" + bytes(6),  # DNSSL without a name
        b"\x1f\x02" + bytes(6) + b"\x3fabcdefg",  # a label past the end
        b"\x1f\x02" + bytes(6) + b"\x07abcdefg",  # a name without its end
        b"\x1f\x02" + bytes(6) + b"\xc0\x08" + bytes(6),  # compression, which RFC 8106 forbids
        f.dnssl(b".".join([b"a" * 63] * 5)),
        b"\xfd\x01" + bytes(6),
    ],
)
def test_options_that_hosts_ignore(option):
    found = content(f.ra(option))
    assert found.ignored_options == 1
    assert not any([found.prefixes, found.mtu, found.source_mac, found.resolvers, found.search_lists])


def test_hostile_names_are_written_in_printable_characters():
    (found,) = content(f.ra(f.dnssl(b"<script>.\x1b[2J\x00.\xe2\x80\xae"))).search_lists
    assert found.names == (r"\060script\062.\027\0912J\000.\226\128\174",)


def test_neighbour_advertisements():
    header, claim = nd.read_claim(f.na("fd00:30::1", flags=0x60))
    assert header.icmp_type == 136
    assert (str(claim.address), claim.mac, claim.target_mac) == ("fd00:30::1", f.ROUTER_MAC, f.ROUTER_MAC)
    assert (claim.router, claim.solicited, claim.override) == (False, True, True)
    _, bare = nd.read_claim(f.na("fd00:30::1", option=False))
    assert (bare.target_mac, bare.router) == (None, True)


@pytest.mark.parametrize("frame", [f.ra(), f.fragmented(f.na("fd00::1")), f.icmp6(bytes([128]) + bytes(7))])
def test_other_frames_claim_nothing(frame):
    assert nd.read_claim(frame)[1] is None


@pytest.mark.parametrize(
    "frame", [f.na("fd00::1", hops=64), f.na("fd00::1", right=False), f.na("ff02::1", source="fd00::1")]
)
def test_claims_that_hosts_discard(frame):
    with pytest.raises(FrameError):
        nd.read_claim(frame)


def test_the_unicast_solicitation_reads_as_one():
    station = Station("p30", f.POINT_MAC)
    frame = nd.unicast_solicitation(station, ip_address(f.POINT), ip_address("fd00:30::1"), f.ROUTER_MAC)
    header = parse_header(frame)
    assert (header.icmp_type, header.hop_limit, str(header.neighbour_target)) == (135, 255, "fd00:30::1")
    assert (str(header.destination_ip), header.destination_mac) == ("fd00:30::1", f.ROUTER_MAC)
    assert f.sums(header.source_ip.packed + header.destination_ip.packed + b"\0\0\0\x20\0\0\0\x3a" + frame[54:86]) == 0
    assert frame[78:86] == b"\x01\x01" + f.mac(f.POINT_MAC)
    assert never_allowed(header) is None


def attempt(frame, original=None):
    """Only FrameError comes out, and whatever is read stands in a record."""
    with suppress(FrameError):
        header = parse_header(frame, original)
        if header.icmp_type == 134 and header.source_ip is not None and header.source_ip.version == 6:
            reading = nd.read_advertisement(frame, header, original_length=original or len(frame))
            if reading.content is not None:
                again = Content.model_validate(reading.content.model_dump(mode="json"))
                assert again == reading.content
                for each in again.search_lists:
                    assert all(name.isascii() and name.isprintable() for name in each.names)
    with suppress(FrameError):
        nd.read_claim(frame)


OPTION = st.builds(
    lambda kind, size, body: bytes([kind, size]) + body,
    st.sampled_from([0, 1, 2, 3, 5, 24, 25, 31, 255]),
    st.integers(0, 255),
    st.binary(max_size=64),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(OPTION, st.just(f.pio()), st.just(f.dnssl(b"a.b"))), max_size=8), st.booleans())
def test_any_options(options, claims):
    attempt(f.na("fd00::1") + b"".join(options) if claims else f.ra(*options, b""))


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(
        [f.ra(f.pio(), f.rdnss("fd00::1"), f.dnssl(b"a.b"), f.mtu(1500)), f.na("fd00::1"), f.fragmented(f.ra())]
    ),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6),
    st.integers(0, 200),
)
def test_any_damage(frame, changes, cut):
    octets = bytearray(frame)
    for place, octet in changes:
        octets[place % len(octets)] = octet
    attempt(bytes(octets))
    attempt(bytes(octets[:cut]))
    attempt(bytes(octets[:cut]), len(octets))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_octets(data):
    attempt(data)
    attempt(f.icmp6(b"\x86\0\0\0" + data))
    attempt(f.icmp6(b"\x88\0\0\0" + data))
