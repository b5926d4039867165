"""The gate: a table of what may go where, and a search for anything that slips through."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.frames import FrameError, parse_header
from probes.wire.gate import FrameRefused
from r2s_audit.engine.budget import Budget
from r2s_audit.engine.scope import PRINTER_PORTS, PointGate, Scope
from r2s_audit.errors import OutOfScope
from r2s_audit.model.topology import Topology
from tests.builders import site

TOPOLOGY = Topology(site())
SCOPE = Scope(TOPOLOGY)
GATE = PointGate(SCOPE, Budget(TOPOLOGY.site.scope, clock=lambda: 0.0), TOPOLOGY.points["P-ADM"])
DECLARED = {str(a) for d in TOPOLOGY.site.devices for a in d.addresses} | {str(g) for g in SCOPE.gateways}


@pytest.mark.parametrize(
    ("device", "address", "port", "refusal"),
    [
        ("sw", "127.0.0.1", 161, None),
        ("sw", "::1", 443, None),
        ("sw", "127.0.1.2", 161, "pas une adresse déclarée de sw"),  # declared, but somebody else's
        ("sw", "127.0.0.9", 161, "pas une adresse déclarée"),
        ("sw", "192.0.2.1", 161, "pas une adresse déclarée"),
        ("sw", "127.0.0.1", 9100, "imprimantes"),
        ("sw", "127.0.0.1", 9107, "imprimantes"),
        ("sw", "127.0.0.1", 9108, None),
    ],
)
def test_connections(device: str, address: str, port: int, refusal: str | None) -> None:
    if refusal is None:
        SCOPE.admit_connection(TOPOLOGY.devices[device], ip_address(address), port)
        return
    with pytest.raises(OutOfScope, match=refusal):
        SCOPE.admit_connection(TOPOLOGY.devices[device], ip_address(address), port)


def test_an_exclusion_wins_over_a_declaration() -> None:
    excluded = site(
        devices=[{"id": "sw", "role": "switch", "zone": "adm", "addresses": ["127.0.0.66", "203.0.113.1"]}],
    )
    scope = Scope(Topology(excluded))
    device = excluded.devices[0]
    with pytest.raises(OutOfScope, match=r"scope\.exclude"):
        scope.admit_connection(device, ip_address("127.0.0.66"), 161)
    with pytest.raises(OutOfScope, match=r"scope\.networks"):
        scope.admit_connection(device, ip_address("203.0.113.1"), 161)


def arp(target: str, destination: bytes = b"\xff" * 6) -> bytes:
    sender = bytes(6) + IPv4Address("127.0.0.2").packed
    return destination + bytes(6) + b"\x08\x06" + b"\0\1\x08\0\6\4\0\1" + sender + bytes(6) + IPv4Address(target).packed


def udp4(target: str, port: int, mac: bytes = b"\2" * 6) -> bytes:
    payload = (1000).to_bytes(2, "big") + port.to_bytes(2, "big") + b"\0\x08\0\0"
    head = b"\x45\0" + (28).to_bytes(2, "big") + bytes(4) + b"\x40\x11\0\0" + IPv4Address("127.0.0.2").packed
    return mac + bytes(6) + b"\x08\0" + head + IPv4Address(target).packed + payload


def tagged(frame: bytes, vid: int) -> bytes:
    return frame[:12] + b"\x81\0" + vid.to_bytes(2, "big") + frame[12:]


def icmp6(kind: int, mac: bytes = b"\2" * 6) -> bytes:
    """To ::1, a declared address; checksums are no matter of a gate."""
    target = IPv6Address("::1").packed
    head = b"\x60\0\0\0" + (32).to_bytes(2, "big") + b"\x3a\xff" + target + target
    return mac + bytes(6) + b"\x86\xdd" + head + bytes([kind, 0]) + bytes(30)


FRAMES = [
    ("echo6-declared", icmp6(128), None),
    ("router-advertisement", icmp6(134), "n'annonce pas de routeur"),
    ("redirect", icmp6(137), "n'annonce pas de routeur"),
    ("arp-declared", arp("127.0.0.1"), None),
    ("arp-gateway", arp("127.0.0.126"), None),
    ("arp-stranger", arp("127.0.0.9"), "ni un équipement"),
    ("arp-to-a-group", arp("127.0.0.1", b"\x01\x00\x5e\0\0\1"), "groupe"),
    ("udp-declared", udp4("127.0.0.1", 161), None),
    ("udp-stranger", udp4("127.0.0.9", 161), "ni un équipement"),
    ("udp-outside", udp4("8.8.8.8", 53), "ni un équipement"),
    ("udp-broadcast-mac", udp4("127.0.0.1", 161, b"\xff" * 6), "groupe"),
    ("udp-printer", udp4("127.0.0.1", 9100), "imprimantes"),
    ("tag-on-an-access-point", tagged(udp4("127.0.0.1", 161), 10), "étiquetée"),
    ("bpdu", b"\x01\x80\xc2\0\0\0" + bytes(6) + b"\0\x07\x42\x42\3\0\0\0\0", "non prévue"),
    ("lldp", b"\x01\x80\xc2\0\0\x0e" + bytes(6) + b"\x88\xcc" + bytes(4), "non prévue"),
    ("dtp", b"\x01\0\x0c\xcc\xcc\xcc" + bytes(6) + b"\0\x0a\xaa\xaa\3\0\0\x0c\x20\4\1\1", "DTP"),
]


@pytest.mark.parametrize(("frame", "refusal"), [row[1:] for row in FRAMES], ids=[row[0] for row in FRAMES])
def test_frames(frame: bytes, refusal: str | None) -> None:
    header = parse_header(frame)
    if refusal is None:
        GATE.admit("lo", header)
        return
    with pytest.raises(FrameRefused, match=refusal):
        GATE.admit("lo", header)


SWITCH_MAC = "02:00:00:00:00:51"
BARE = site(
    devices=[{"id": "sw", "role": "switch", "zone": "adm", "addresses": ["127.0.0.1"], "mac": SWITCH_MAC}],
    points=[
        {"id": "P-NU", "socket": "PR-ADM", "interface": "lo", "kind": "unauthenticated"},
        {"id": "P-ADM", "socket": "PR-ADM", "interface": "lo"},
    ],
)
BARE_TOPOLOGY = Topology(BARE)
BARE_GATES = {
    name: PointGate(Scope(BARE_TOPOLOGY), Budget(BARE.scope, clock=lambda: 0.0), point)
    for name, point in BARE_TOPOLOGY.points.items()
}
PAE_GROUP = "01:80:c2:00:00:03"


def eapol(kind: int, destination: str = PAE_GROUP, code: int = 2) -> bytes:
    """EAPOL of a type; an EAP packet has a code, identifier 1 and type Identity."""
    body = bytes([code, 1, 0, 5, 1]) if kind == 0 else b""
    head = bytes.fromhex(destination.replace(":", "")) + bytes(6) + b"\x88\x8e"
    return (head + bytes([1, kind]) + len(body).to_bytes(2, "big") + body).ljust(60, b"\0")


def dhcp(
    message: int,
    *,
    more: bytes = b"",
    source: str = "0.0.0.0",
    to: str = "255.255.255.255",
    port: int = 67,
    mac: bytes = b"\xff" * 6,
) -> bytes:
    """A DHCP message of a type (option 53) to a server."""
    payload = bytes([1, 1, 6, 0]) + bytes(232) + b"\x63\x82\x53\x63" + bytes([53, 1, message]) + more + b"\xff"
    datagram = (68).to_bytes(2, "big") + port.to_bytes(2, "big") + (8 + len(payload)).to_bytes(2, "big") + b"\0\0"
    head = b"\x45\0" + (28 + len(payload)).to_bytes(2, "big") + bytes(4) + b"\x40\x11\0\0"
    addresses = IPv4Address(source).packed + IPv4Address(to).packed
    return mac + bytes(6) + b"\x08\0" + head + addresses + datagram + payload


RS = (
    b"\x33\x33\0\0\0\x02" + bytes(6) + b"\x86\xdd\x60\0\0\0\0\x08\x3a\xff" + bytes(16)
    + IPv6Address("ff02::2").packed + b"\x85\0\0\0" + bytes(4)
)  # fmt: skip

BEFORE_AUTHENTICATION = [
    ("start", eapol(1), None),
    ("logoff", eapol(2), None),
    ("response", eapol(0), None),
    ("to-the-declared-switch", eapol(1, SWITCH_MAC), None),
    ("to-another-mac", eapol(1, "02:00:00:00:00:99"), "pas le commutateur"),
    ("to-another-group", eapol(1, "01:80:c2:00:00:00"), "groupe"),
    ("to-all", eapol(1, "ff:ff:ff:ff:ff:ff"), "groupe"),
    ("request", eapol(0, code=1), "EAP-Response"),
    ("success", eapol(0, code=3), "EAP-Response"),
    ("failure", eapol(0, code=4), "EAP-Response"),
    ("key", eapol(3), "seuls Start"),
    ("asf-alert", eapol(4), "seuls Start"),
    ("mka", eapol(5), "seuls Start"),
    ("announcement", eapol(6), "seuls Start"),
    ("announcement-request", eapol(8), "seuls Start"),
    ("tagged-start", tagged(eapol(1), 10), "étiquetée"),
    ("discover", dhcp(1), None),
    ("request-a-lease", dhcp(3), "ni un équipement"),
    ("decline", dhcp(4), "ni un équipement"),
    ("release", dhcp(7), "ni un équipement"),
    ("inform", dhcp(8), "ni un équipement"),
    ("two-types-at-once", dhcp(1, more=bytes([53, 1, 3])), "ni un équipement"),
    ("an-option-that-passes-the-end", dhcp(1, more=bytes([12, 9])), None),  # whatever follows, it is a discover
    ("discover-from-an-address", dhcp(1, source="127.0.0.2"), "ni un équipement"),
    ("discover-to-a-stranger", dhcp(1, to="8.8.8.8"), "ni un équipement"),
    ("discover-to-one-mac", dhcp(1, mac=b"\2" * 6), "ni un équipement"),
    ("broadcast-to-another-port", dhcp(1, port=161), "ni un équipement"),
    ("tagged-discover", tagged(dhcp(1), 10), "étiquetée"),
    ("arp-gateway", arp("127.0.0.126"), None),
    ("arp-stranger", arp("127.0.0.9"), "ni un équipement"),
    ("router-solicitation", RS, None),
]


@pytest.mark.parametrize(
    ("frame", "refusal"), [row[1:] for row in BEFORE_AUTHENTICATION], ids=[row[0] for row in BEFORE_AUTHENTICATION]
)
def test_frames_of_an_unauthenticated_point(frame: bytes, refusal: str | None) -> None:
    if refusal is None:
        BARE_GATES["P-NU"].admit("lo", parse_header(frame))
        return
    with pytest.raises(FrameRefused, match=refusal):
        BARE_GATES["P-NU"].admit("lo", parse_header(frame))


@pytest.mark.parametrize("frame", [eapol(1), eapol(2), eapol(0), eapol(1, SWITCH_MAC), dhcp(3)])
def test_what_only_an_unauthenticated_point_may_send(frame: bytes) -> None:
    with pytest.raises(FrameRefused):
        BARE_GATES["P-ADM"].admit("lo", parse_header(frame))


def test_every_point_but_a_mirror_may_ask_who_offers_leases() -> None:
    gate = BARE_GATES["P-ADM"]
    gate.admit("lo", parse_header(dhcp(1)))
    mirror = replace(gate, point=gate.point.model_copy(update={"kind": "mirror"}))
    with pytest.raises(FrameRefused):
        mirror.admit("lo", parse_header(dhcp(1)))


def dhcp6(
    message: int,
    *,
    options: bytes = b"",
    source: str = "fe80::1",
    to: str = "ff02::1:2",
    ports: tuple[int, int] = (546, 547),
    mac: str = "33:33:00:01:00:02",
    fragment: bool = False,
) -> bytes:
    """A DHCPv6 message to a server; checksums are no matter of a gate."""
    payload = bytes([message, 1, 2, 3]) + options
    datagram = b"".join(n.to_bytes(2, "big") for n in (*ports, 8 + len(payload), 0)) + payload
    following = 17
    if fragment:
        datagram, following = bytes([17, 0, 0, 1, 0, 0, 0, 9]) + datagram, 44
    head = b"\x60\0\0\0" + len(datagram).to_bytes(2, "big") + bytes([following, 1])
    ends = IPv6Address(source).packed + IPv6Address(to).packed
    return bytes.fromhex(mac.replace(":", "")) + bytes(6) + b"\x86\xdd" + head + ends + datagram


RAPID_COMMIT = bytes([0, 14, 0, 0])
SOLICITS = [
    ("solicit", dhcp6(1), None),
    ("solicit-with-options", dhcp6(1, options=bytes([0, 8, 0, 2, 0, 0])), None),
    ("solicit-that-leases", dhcp6(1, options=RAPID_COMMIT), "ni un équipement"),
    ("solicit-that-leases-behind-another", dhcp6(1, options=bytes([0, 8, 0, 0]) + RAPID_COMMIT), "ni un équipement"),
    ("solicit-that-does-not-read", dhcp6(1, options=bytes([0, 8, 0, 9])), "ni un équipement"),
    ("first-fragment", dhcp6(1, fragment=True), "ni un équipement"),
    *(
        (f"message-{kind}", dhcp6(kind), "ni un équipement")
        for kind in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)  # request, renew, release, relay-forward and all others
    ),
    ("from-a-global-address", dhcp6(1, source="fd00::1"), "ni un équipement"),
    ("from-nobody", dhcp6(1, source="::"), "ni un équipement"),
    ("to-all-nodes", dhcp6(1, to="ff02::1", mac="33:33:00:00:00:01"), "ni un équipement"),
    ("to-the-site", dhcp6(1, to="ff05::1:3", mac="33:33:00:01:00:03"), "ni un équipement"),
    ("to-a-stranger", dhcp6(1, to="2001:db8::1"), "ni un équipement"),
    ("to-one-mac", dhcp6(1, mac="02:00:00:00:00:09"), "ni un équipement"),
    ("to-another-port", dhcp6(1, ports=(546, 161)), "ni un équipement"),
    ("from-another-port", dhcp6(1, ports=(40000, 547)), "ni un équipement"),
    ("tagged", tagged(dhcp6(1), 10), "étiquetée"),
]


@pytest.mark.parametrize(("frame", "refusal"), [row[1:] for row in SOLICITS], ids=[row[0] for row in SOLICITS])
def test_of_dhcpv6_one_question_to_all_servers_may_leave(frame: bytes, refusal: str | None) -> None:
    if refusal is None:
        GATE.admit("lo", parse_header(frame))
        return
    with pytest.raises(FrameRefused, match=refusal):
        GATE.admit("lo", parse_header(frame))


@pytest.mark.parametrize("kind", ["mirror", "unauthenticated"])
def test_only_a_point_in_its_vlan_asks_who_serves_dhcpv6(kind: str) -> None:
    gate = replace(GATE, point=GATE.point.model_copy(update={"kind": kind}))
    with pytest.raises(FrameRefused):
        gate.admit("lo", parse_header(dhcp6(1)))


@given(st.binary(min_size=4, max_size=64))
def test_no_eapol_but_a_supplicants(data: bytes) -> None:
    frame = bytes.fromhex(PAE_GROUP.replace(":", "")) + bytes(6) + b"\x88\x8e" + data
    try:
        BARE_GATES["P-NU"].admit("lo", parse_header(frame))
    except (FrameError, FrameRefused):
        return
    assert data[1] in (1, 2) or (data[1] == 0 and data[4] == 2)


def test_a_frame_for_another_interface_is_refused() -> None:
    with pytest.raises(FrameRefused, match="autre0"):
        GATE.admit("autre0", parse_header(arp("127.0.0.1")))


@given(st.binary(min_size=14, max_size=90), st.sampled_from([b"\x08\0", b"\x86\xdd", b"\x08\x06", b"\x81\0", b""]))
def test_whatever_is_admitted_goes_to_something_declared(data: bytes, ethertype: bytes) -> None:
    frame = data[:12] + ethertype + data[12:]
    try:
        header = parse_header(frame)
        GATE.admit("lo", header)
    except (FrameError, FrameRefused):
        return
    address = header.arp.target_ip if header.arp else header.neighbour_target or header.destination_ip
    assert str(address) in DECLARED or address == IPv6Address("ff02::2")
    assert header.destination_port not in PRINTER_PORTS
    assert not header.vlans


def test_a_trunk_point_may_tag_declared_vlans_only() -> None:
    trunk = site(points=[{"id": "T", "socket": "PR-ADM", "interface": "lo", "kind": "trunk"}])
    topology = Topology(trunk)
    gate = PointGate(Scope(topology), Budget(trunk.scope, clock=lambda: 0.0), topology.points["T"])
    gate.admit("lo", parse_header(tagged(udp4("127.0.0.1", 161), 10)))
    for frame in (tagged(udp4("127.0.0.1", 161), 99), tagged(tagged(udp4("127.0.0.1", 161), 10), 30)):
        with pytest.raises(FrameRefused, match="VLAN déclaré"):
            gate.admit("lo", parse_header(frame))


OWN = "02:00:00:00:00:07"


def tag_control(vids: tuple[int, ...] = (0, 10), to: str = OWN, ethertype: int = 0x88B5) -> bytes:
    tags = b"".join(b"\x81\0" + vid.to_bytes(2, "big") for vid in vids)
    return bytes.fromhex(to.replace(":", "")) + bytes(6) + tags + ethertype.to_bytes(2, "big") + bytes(46)


@pytest.mark.parametrize(
    ("frame", "kind", "allowed"),
    [
        (tag_control(), "access", True),
        (tag_control(), "unauthenticated", False),
        (tag_control(), "mirror", False),
        (tag_control((0, 30)), "access", False),  # another VLAN's tag would be an attempt on it
        (tag_control((10,)), "access", False),
        (tag_control((10, 10)), "access", False),
        (tag_control((0, 10, 30)), "access", False),
        (tag_control(to="02:00:00:00:00:08"), "access", False),  # somebody else's
        (tag_control(to="ff:ff:ff:ff:ff:ff"), "access", False),
        (tag_control(ethertype=0x88CC), "access", False),
    ],
)
def test_a_control_of_tags_goes_to_our_own_points_with_their_own_tag_alone(
    frame: bytes, kind: str, *, allowed: bool
) -> None:
    declared = site(points=[{"id": "P", "socket": "PR-ADM", "interface": "lo", "kind": kind}])
    topology = Topology(declared)
    gate = PointGate(Scope(topology), Budget(declared.scope, clock=lambda: 0.0), topology.points["P"], frozenset({OWN}))
    if allowed:
        gate.admit("lo", parse_header(frame))
        return
    with pytest.raises(FrameRefused):
        gate.admit("lo", parse_header(frame))


MANDATE = {
    "reference": "M-1",
    "signed_by": "MOA",
    "valid_from": "2026-01-01",
    "valid_until": "2026-12-31",
    "intrusive_checks": ["vlan.sent-tag", "vlan.double-tag"],
}
INTRUSIVE = {"networks": ["127.0.0.0/8", "::1/128"], "intrusiveness": "intrusive"}
SENT, DOUBLE = tag_control((30,)), tag_control((0, 30))


@pytest.mark.parametrize(
    ("frame", "changes", "refusal"),
    [
        (SENT, {}, None),
        (DOUBLE, {}, None),
        (tag_control((10, 30)), {}, None),
        # One row per lock: each alone keeps it off the wire.
        (SENT, {"flag": False}, "--intrusive"),
        (SENT, {"mandate": None}, "sans mandat"),
        (SENT, {"mandate": MANDATE | {"valid_until": "2026-06-03"}}, "sans mandat en vigueur"),
        (SENT, {"mandate": MANDATE | {"valid_from": "2026-06-05"}}, "sans mandat en vigueur"),
        (SENT, {"mandate": MANDATE | {"intrusive_checks": ["vlan.double-tag"]}}, "absent du mandat"),
        (DOUBLE, {"mandate": MANDATE | {"intrusive_checks": ["vlan.sent-tag"]}}, "absent du mandat"),
        (SENT, {"scope": INTRUSIVE | {"intrusiveness": "safe"}}, "n'autorise que safe"),
        # A mandate is for these two forms, between points of ours, and for nothing else.
        (tag_control((99,)), {}, "étiquetée"),
        (tag_control((30, 30)), {}, "étiquetée"),
        (tag_control((0, 10, 30)), {}, "étiquetée"),
        (tag_control((30,), ethertype=0x88CC), {}, "étiquetée"),
        (tag_control((30,), to="02:00:00:00:00:08"), {}, "étiquetée"),
        (tag_control((30,), to="ff:ff:ff:ff:ff:ff"), {}, "étiquetée"),
        (tagged(udp4("127.0.0.1", 161), 30), {}, "étiquetée"),
        (SENT, {"kind": "mirror"}, "étiquetée"),
        (SENT, {"kind": "unauthenticated"}, "étiquetée"),
        (SENT, {"kind": "trunk"}, "non prévue"),
    ],
)
def test_a_trial_of_tags_passes_under_a_mandate_alone(
    frame: bytes, changes: dict[str, object], refusal: str | None
) -> None:
    point = {"id": "P", "socket": "PR-ADM", "interface": "lo", "kind": changes.get("kind", "access")}
    sections = {name: changes[name] for name in ("scope", "mandate") if name in changes}
    declared = site(points=[point], **({"scope": INTRUSIVE, "mandate": MANDATE} | sections))
    topology = Topology(declared)
    gate = PointGate(
        Scope(topology, allow_intrusive=bool(changes.get("flag", True))),
        Budget(declared.scope, clock=lambda: 0.0),
        topology.points["P"],
        frozenset({OWN}),
        lambda: date(2026, 6, 4),
    )
    if refusal is None:
        gate.admit("lo", parse_header(frame))
        return
    with pytest.raises(FrameRefused, match=refusal):
        gate.admit("lo", parse_header(frame))
