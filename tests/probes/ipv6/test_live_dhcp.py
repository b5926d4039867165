"""One SOLICIT over real frames: dnsmasq as the declared server and as the intruder, liars, and silences."""

import os
import socket
import struct
import subprocess
import threading
import time
from ipaddress import IPv6Address, IPv6Network

import pytest

from probes.ipv6 import soliciting
from r2s_audit.model.finding import Value
from tests.probes.ipv6 import frames as f
from tests.probes.ipv6.network import link
from tests.probes.ipv6.support import site, topology
from tests.probes.ipv6.test_live import NarrowWire, audit
from tests.probes.wire.support import Tap

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces and raw sockets")
C, N, U = Value.CONFORME, Value.NON_CONFORME, Value.NON_VERIFIE
NAME = "ipv6.dhcp-declared"
ENTERPRISE = 32473
HOME, ROUGE = (f"00:02:00:00:7e:d9:{mac}" for mac in (f.ROUTER_MAC, f.ROUGE_MAC))
STRANGER = "fd00:30::66"


@pytest.fixture(autouse=True)
def short_wait(monkeypatch):
    """Namespaces answer within a millisecond."""
    monkeypatch.setattr(soliciting, "DHCP_SECONDS", 0.6)


def declared(servers):
    vlans = [v.model_dump(mode="json") for v in site().vlans]
    for vlan in vlans:
        vlan["dhcpv6_servers"] = servers
    return topology(vlans=vlans)


def dnsmasq(net, namespace, name, mac, directory):
    """The real daemon, once it listens: addresses of the link's prefix, itself for the resolver."""
    path = directory / f"{name}.conf"
    path.write_text(
        "user=root\nbind-dynamic\nno-hosts\nno-resolv\nport=0\nlog-facility=-\n"
        f"interface={name}\ndhcp-range=fd00:30::1000,fd00:30::1fff,64,10m\ndhcp-option=option6:dns-server,[::]\n"
        f"dhcp-duid={ENTERPRISE},{mac}\ndhcp-leasefile={directory / name}.leases\npid-file={directory / name}.pid\n"
    )
    enter = ["nsenter", "-t", str(namespace.pid), "-n", "dnsmasq", "--keep-in-foreground", f"--conf-file={path}"]
    daemon = subprocess.Popen(enter, stderr=subprocess.DEVNULL)

    def end():
        daemon.kill()
        daemon.wait()

    net.stack.callback(end)
    deadline = time.monotonic() + 5
    while ":547" not in namespace.output("ss -Hlun"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def awake(net):
    """The stranger with IPv6 addresses of its own."""
    net.stranger.run("echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6", f"ip addr add {STRANGER}/64 dev eth0 nodad")


def asked(top, **how):
    values, found, gate = audit([NAME], top, **how)
    return values[NAME], found["ipv6.dhcp"], gate


def test_a_real_server_is_conforme_where_it_is_declared(tmp_path):
    with link() as net:
        dnsmasq(net, net.router, "r30", f.ROUTER_MAC, tmp_path)
        tap = Tap("p30")
        value, found, gate = asked(declared([HOME]))
        assert value is C
        (answer,) = found.facts["answers"]
        assert (answer["duid"], answer["mac"], answer["source"]) == (HOME, f.ROUTER_MAC, f.ROUTER)
        assert IPv6Address(answer["addresses"][0]) in IPv6Network("fd00:30::/64")
        assert answer["resolvers"] == ["fd00:30::1"]
        assert answer["after_ms"] < 600
        assert (found.facts["refuse"], found.facts["unlisted"]) == ([], 0)
        assert found.packets_sent == len(gate.paid) <= 33
        solicits = [h for h in gate.paid if h.dhcp_message == 1]
        assert [(h.source_port, h.destination_port, str(h.destination_ip)) for h in solicits] == [
            (546, 547, "ff02::1:2")
        ]
        sent = tap.take(outgoing=True)
        assert sum(data[12:14] == b"\x86\xdd" and data[20] == 17 for data in sent) == 1, "one datagram left, by a tap"
        assert not [d for d in sent if d[12:14] == b"\x86\xdd" and d[20] == 58 and d[54] == 1], (
            "the kernel refused nothing"
        )
        tap.close()
        assert "fd00:30::1" not in (tmp_path / "r30.leases").read_text().replace("duid", ""), "nothing was leased"
        assert asked(declared([ROUGE]))[0] is N
        assert asked(declared([]))[0] is N
        assert asked(declared(None))[0] is U


def test_a_real_intruder_beside_the_real_server(tmp_path):
    with link() as net:
        dnsmasq(net, net.router, "r30", f.ROUTER_MAC, tmp_path)
        awake(net)
        dnsmasq(net, net.stranger, "eth0", f.ROUGE_MAC, tmp_path)
        value, found, _ = asked(declared([HOME]))
    assert value is N
    assert {(a["duid"], a["mac"]) for a in found.facts["answers"]} == {(HOME, f.ROUTER_MAC), (ROUGE, f.ROUGE_MAC)}


def test_silences():
    """Nobody serves and nobody is declared to: believed while the router lives. A declared server's proves nothing."""
    with link() as net:
        assert asked(declared([]))[0] is C
        assert asked(declared([HOME]))[0] is U
        assert asked(declared(None))[0] is U
        net.router.run("ip link set r30 down")
        assert asked(declared([]))[0] is U


def test_cable_out_proves_nothing():
    with link() as net:
        pulled = []

        def pull(header):
            if header.dhcp_message == 1 and not pulled:
                pulled.append(True)
                net.unplug_point()
                net.plug_point()

        value, found, _ = asked(declared([]), hook=pull)
    assert pulled
    assert value is U
    assert found.facts is None or found.facts["hearing"]["carrier_losses"]


class Answerer:
    """Sends what ``make`` says to every SOLICIT that it hears; ends with the context."""

    def __init__(self, raw, make):
        self.raw, self.make = raw, make
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def _run(self):
        while not self.over.is_set():
            try:
                data, address = self.raw.recvfrom(2048)
            except TimeoutError:
                continue
            ours = data[12:14] == b"\x86\xdd" and data[20] == 17 and data[56:58] == b"\x02\x23" and data[62] == 1
            if address[2] != socket.PACKET_OUTGOING and ours:
                for frame in self.make(data):
                    self.raw.send(frame)


def option(code, body):
    return struct.pack("!HH", code, len(body)) + body


def client(solicit):
    """The client's identifier, first in our SOLICIT."""
    return solicit[66 : 66 + 4 + int.from_bytes(solicit[68:70])]


def identified(solicit, duid=ROUGE):
    return option(2, bytes.fromhex(duid.replace(":", ""))) + client(solicit)


def said(solicit, body, *, kind=2, right=True, transaction=None, checksum=None):
    """A datagram from the stranger to whoever asked."""
    payload = bytes([kind]) + (transaction or solicit[63:66]) + body
    ends = IPv6Address(f.ROUGE).packed + solicit[22:38]
    datagram = struct.pack("!HHHH", 547, 546, 8 + len(payload), 0) + payload
    total = f.sums(ends + struct.pack("!II", len(datagram), 17) + datagram)
    total = checksum if checksum is not None else total if right else total ^ 0xFFFF
    datagram = datagram[:6] + struct.pack("!H", total) + datagram[8:]
    head = struct.pack("!IHBB", 6 << 28, len(datagram), 17, 255) + ends
    return solicit[6:12] + f.mac(f.ROUGE_MAC) + b"\x86\xdd" + head + datagram


def fragmented(frame):
    """Its first fragment: some hosts would put it together again."""
    head, datagram = frame[:54], frame[54:]
    cut = datagram[:16]
    size = struct.pack("!H", 8 + len(cut))
    return head[:18] + size + b"\x2c" + head[21:] + struct.pack("!BBHI", 17, 0, 1, 7) + cut


LIES = {
    "another prefix": (lambda s: [said(s, identified(s))], N, ""),
    "nothing to give": (lambda s: [said(s, identified(s) + option(13, b"\0\2no"))], N, ""),
    "in the declared server's name": (lambda s: [said(s, identified(s, HOME))], C, ""),  # alone, it is believed
    "a reply to a question": (lambda s: [said(s, identified(s), kind=7)], U, "type"),
    "no server": (lambda s: [said(s, client(s))], U, "server"),
    "to another client": (
        lambda s: [said(s, option(2, b"\0\3\0\1abcdef") + option(1, b"\0\3\0\1abcdef"))],
        U,
        "client",
    ),
    "an option that passes the end": (lambda s: [said(s, identified(s) + b"\0\7\xff\xff")], U, "option"),
    "a wrong checksum": (lambda s: [said(s, identified(s), right=False)], U, "checksum"),
    "no checksum": (lambda s: [said(s, identified(s), checksum=0)], U, "checksum"),
    "hardly a message": (lambda s: [said(s, b"", transaction=b"\1\2")], U, "cut"),
    "in fragments": (lambda s: [fragmented(said(s, identified(s)))], U, "option"),
    "many": (
        lambda s: [said(s, identified(s) + option(7, bytes([n]))) for n in range(64)],
        N,
        "",
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_liars(name):
    make, expected, problem = LIES[name]
    with link() as net, Answerer(net.speaker(net.stranger, "eth0"), make):
        value, found, _ = asked(declared([HOME]))
    facts = found.facts
    assert [r["problem"] for r in facts["refuse"]] == ([problem] if problem else [])
    assert value is expected
    assert len(facts["answers"]) <= soliciting.MAX_ANSWERS
    assert facts["unlisted"] == (64 - soliciting.MAX_ANSWERS if name == "many" else 0)
    assert facts["hearing"]["loss"] == {"kernel": 0, "forwarding": 0, "interruptions": 0}


def test_anothers_transaction_is_none_of_ours():
    with (
        link() as net,
        Answerer(net.speaker(net.stranger, "eth0"), lambda s: [said(s, identified(s), transaction=b"\0\0\1")]),
    ):
        value, found, _ = asked(declared([]))
    assert value is C
    assert found.facts["answers"] == found.facts["refuse"] == []


def test_without_the_clients_port_nothing_is_asked():
    """Else the kernel would answer whoever answers, and no gate would have seen it."""

    class Deaf(NarrowWire):
        def takes_dhcpv6(self, interface):
            return False

    with link():
        value, found, gate = asked(declared([]), wrap=Deaf)
    assert value is U
    assert found.failure.value == "missing_privilege"
    assert not [h for h in gate.paid if h.dhcp_message]
