"""Every capture of R2S_CORPUS through the parsers, and each router and neighbour advertisement beside scapy's reading."""

import os
from collections import Counter
from pathlib import Path

import pytest
from scapy.layers.inet6 import (
    ICMPv6ND_NA,
    ICMPv6ND_RA,
    ICMPv6NDOptDNSSL,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptMTU,
    ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptRDNSS,
    ICMPv6NDOptSrcLLAddr,
)
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapNgReader, RawPcapReader

from probes.ipv6 import nd
from probes.wire.frames import FrameError, FrameKind, parse_header

ETHERNET = 1


@pytest.fixture(scope="module")
def frames():
    """Ethernet frames with ICMPv6 somewhere in them: name, octets, length on the wire."""
    directory = os.environ.get("R2S_CORPUS")
    if not directory:
        pytest.skip("R2S_CORPUS does not name the directory of real captures")
    found, files = [], 0
    for path in sorted(Path(directory, "captures").iterdir()):
        if path.suffix not in {".pcap", ".pcapng", ".cap"}:
            continue
        files += 1
        try:
            reader = RawPcapReader(str(path))  # for either format
        except Exception:  # noqa: BLE001 - some captures are broken on purpose; scapy says so in many ways
            continue
        with reader:
            ng = isinstance(reader, RawPcapNgReader)
            try:
                for data, meta in reader:
                    kind = meta.linktype if ng else reader.linktype
                    if kind == ETHERNET:
                        found.append((path.name, data, max(meta.wirelen or 0, len(data))))
            except Exception:  # noqa: BLE001 - as above; what came before counts
                continue
    print(f"{files} captures, {len(found)} Ethernet frames")
    assert found
    return found


def readings(frames):
    for name, data, length in frames:
        try:
            header = parse_header(data, length)
        except FrameError:
            continue
        if header.kind is FrameKind.IPV6 and header.icmp_type in {134, 136}:
            yield name, data, length, header


def test_whatever_is_in_a_capture_is_read_or_refused(frames):
    kinds = Counter()
    for _, data, length, header in readings(frames):
        if header.icmp_type == 134:
            kinds["RA"] += 1
            reading = nd.read_advertisement(data, header, original_length=length)
            kinds.update(str(problem) for problem in reading.problems)
        else:
            kinds["NA"] += 1
            try:
                nd.read_claim(data)
            except FrameError:
                kinds["NA discarded"] += 1
    print(dict(kinds))
    assert kinds["RA"]
    assert kinds["NA"]


def test_router_advertisements_as_scapy_reads_them(frames):
    compared = Counter()
    for name, data, length, header in readings(frames):
        if header.icmp_type != 134:
            continue
        content = nd.read_advertisement(data, header, original_length=length).content
        packet = Ether(data)
        if content is None or ICMPv6ND_RA not in packet:
            continue
        ra = packet[ICMPv6ND_RA]
        compared["advertisements"] += 1
        assert (content.hop_limit, content.managed, content.other) == (ra.chlim, bool(ra.M), bool(ra.O)), name
        assert (content.lifetime_s, content.reachable_ms) == (ra.routerlifetime, ra.reachabletime), name
        assert content.retransmit_ms == ra.retranstimer, name
        layers, layer = [], ra.payload
        while layer:
            layers.append(layer)
            layer = layer.payload
        theirs = [o for o in layers if isinstance(o, ICMPv6NDOptPrefixInfo)]
        assert [
            (str(p.prefix.network_address), p.prefix.prefixlen, p.on_link, p.autonomous, p.valid_s, p.preferred_s)
            for p in content.prefixes
        ] == [(o.prefix, o.prefixlen, bool(o.L), bool(o.A), o.validlifetime, o.preferredlifetime) for o in theirs], name
        compared["prefixes"] += len(theirs)
        for ours, kind, field in (
            (content.mtu, ICMPv6NDOptMTU, "mtu"),
            (content.source_mac, ICMPv6NDOptSrcLLAddr, "lladdr"),
        ):
            values = [getattr(o, field) for o in layers if isinstance(o, kind)]
            assert ([] if ours is None else [ours]) == values[-1:], name
            compared[field] += len(values)
        servers = [(o.lifetime, tuple(o.dns)) for o in layers if isinstance(o, ICMPv6NDOptRDNSS)]
        assert [(r.lifetime_s, tuple(map(str, r.servers))) for r in content.resolvers] == servers, name
        lists = [o for o in layers if isinstance(o, ICMPv6NDOptDNSSL)]
        assert [n.lifetime_s for n in content.search_lists] == [o.lifetime for o in lists], name
        compared["servers"] += len(servers)
    print(dict(compared))
    assert compared["advertisements"]
    assert compared["prefixes"]


def test_neighbour_advertisements_as_scapy_reads_them(frames):
    compared = 0
    for name, data, _, header in readings(frames):
        if header.icmp_type != 136:
            continue
        try:
            _, claim = nd.read_claim(data)
        except FrameError:
            continue
        packet = Ether(data)
        if claim is None or ICMPv6ND_NA not in packet:
            continue
        na = packet[ICMPv6ND_NA]
        assert (str(claim.address), claim.router, claim.solicited, claim.override) == (
            na.tgt,
            bool(na.R),
            bool(na.S),
            bool(na.O),
        ), name
        option = na[ICMPv6NDOptDstLLAddr].lladdr if ICMPv6NDOptDstLLAddr in na else None
        assert claim.target_mac == option, name
        compared += 1
    print(f"{compared} neighbour advertisements compared")
    assert compared
