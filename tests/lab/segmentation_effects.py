"""What each fault that crosses the segmentation does to the wire, or to the switch, while it is in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from r2s_audit.lab import Building
from r2s_audit.lab.description import mac

ASK = """
import socket, sys
interface, address, kind, port, source = sys.argv[1:]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as client:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.bind(("", int(source)))
    client.settimeout(0.5)
    client.connect((address, int(port)))
    if kind == "udp":
        client.send(bytes([0x23]) + bytes(47))
        client.recv(512)
"""
"""A connection, or the question to a clock, from a source port; 0: any."""
HOP = """
import socket, sys
sender, receiver, vlan = sys.argv[1:]
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88B6)) as there:
    there.bind((receiver, 0x88B6))
    there.settimeout(1)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as here:
        here.bind((sender, 0))
        addresses = there.getsockname()[4] + here.getsockname()[4]
        tags = bytes.fromhex("81000000" + "8100") + int(vlan).to_bytes(2, "big")
        here.send(addresses + tags + bytes.fromhex("88b6") + b"saut".ljust(46, bytes(1)))
    there.recv(100)
"""
"""A frame with a VLAN's tag inside a priority tag, from one socket of the laptop to another one; by somebody else's hands."""
Effect = Callable[[], bool]


def carrier(inside, switch: str, port: str) -> str:
    """Whether a switch's port has a link: 1 or 0."""
    return inside(switch, "cat", f"/sys/class/net/{port}/carrier").stdout.strip()


@dataclass(frozen=True)
class Asking:
    """Questions to the building, by other hands than the probes'."""

    building: Building
    inside: Callable[..., Any]
    reach: Callable[..., Any]

    def outcomes(self, node: str, interface: str, target: str, what: str = "443") -> set[str]:
        return set(self.reach(node, [(interface, address, what) for address in self.building.address(target)]).values())

    def proxied(self, interface: str, target: str) -> bool:
        """Whether somebody on a socket's link answers ARP for an address that is not there."""
        asked = self.building.address(target)[0]
        self.inside("auditeur", "ip", "neigh", "flush", "dev", interface)
        self.inside(
            "auditeur",
            "ip",
            "route",
            "replace",
            asked,
            "dev",
            interface,
            "src",
            self.building.address("auditeur", interface)[0],
        )
        try:
            self.inside("auditeur", "ping", "-c", "1", "-W", "1", "-I", interface, asked)
            learnt = self.inside("auditeur", "ip", "neigh", "show", "dev", interface, "to", asked).stdout
        finally:
            self.inside("auditeur", "ip", "route", "del", asked, "dev", interface)
        return "lladdr" in learnt

    def mode(self, port: str, switch: str = "sw-acces") -> list[str]:
        """How a switch treats a port, read from the switch itself: mode, trunks, tag."""
        database = self.building.state_dir / "n" / switch / "ovs" / "db.sock"
        words = ["get", "port", port, "vlan_mode", "trunks", "tag"]
        return self.inside(switch, "ovs-vsctl", f"--db=unix:{database}", *words).stdout.split("\n")

    def heard_at(self, interface: str, expression: str) -> bool:
        """Whether a frame of this kind comes to a socket of the laptop within ten seconds."""
        words = [
            "timeout",
            "10",
            "tcpdump",
            "--immediate-mode",
            "-Q",
            "in",
            "-i",
            interface,
            "-c",
            "1",
            "-w",
            "/dev/null",
        ]
        return self.inside("auditeur", *words, expression, timeout=15).returncode == 0

    def passes(self, socket: str, target: str, kind: str, port: int, source: int = 0) -> list[bool]:
        """Whether a question is answered; IPv4, then IPv6."""
        words = ["/usr/bin/python3", "-I", "-c", ASK, socket]
        return [
            self.inside("auditeur", *words, address, kind, str(port), str(source)).returncode == 0
            for address in self.building.address(target)
        ]

    def closed(self, socket: str, target: str, port: int) -> list[bool]:
        """Whether the target itself says that a UDP port is closed; IPv4, then IPv6."""
        words = ["/usr/bin/python3", "-I", "-c", ASK, socket]
        found = [
            self.inside("auditeur", *words, address, "udp", str(port), "0") for address in self.building.address(target)
        ]
        return ["ConnectionRefusedError" in each.stderr for each in found]

    def hops(self, sender: str, receiver: str, vlan: str) -> bool:
        """Whether a frame with two tags comes to a socket of another VLAN, on the other switch."""
        return self.inside("auditeur", "/usr/bin/python3", "-I", "-c", HOP, sender, receiver, vlan).returncode == 0

    def leaves_by(self, neighbour: str) -> bool:
        """Whether a node is where the second hop of the visitors' way out runs out, and the end is reached all the same."""
        end, _ = self.building.address("operateur")
        second = self.inside("auditeur", "ping", "-c", "1", "-W", "1", "-t", "2", "-I", "prise-vis", end).stdout
        whole = self.outcomes("auditeur", "prise-vis", "operateur") == {"open"}
        return f"From {self.building.address(neighbour)[0]} " in second and whole


def effects(building: Building, inside, reach) -> dict[str, Effect]:
    ask = Asking(building, inside, reach)

    def administered_in_vlan_1() -> bool:
        """Whether both switches have their administration in VLAN 1, and it works: the laptop reaches them."""
        found = [ask.mode("cpu", switch)[2] for switch in ("sw-coeur", "sw-acces")]
        return found == ["1", "1"] and ask.outcomes("auditeur", "prise-adm", "sw-coeur") == {"open"}

    technique, administration = (str(building.sane.vlans[name].id) for name in ("technique", "administration"))

    mode_before = ask.mode("ge8")

    def strange_neighbour() -> bool:
        """Whether an LLDP frame comes from the gateway's side within the interval."""
        heard = f"ether proto 0x88cc and ether src {mac('gw-102', 'eth0')}"
        words = ["timeout", "4", "tcpdump", "--immediate-mode", "-i", "ge2", "-c", "1", "-w", "/dev/null", heard]
        return inside("sw-acces", *words, timeout=10).returncode == 0

    def return_hole() -> bool:
        asked = [(*what, source) for what in (("tcp", 443), ("udp", 123)) for source in (53, 0)]
        found = [ask.passes("prise-vis", "supervision", *each) for each in asked]
        return found == [[True, True], [False, False]] * 2

    def box() -> bool:
        """Whether the box is there for its own network, and serves leases."""
        inside("auditeur", "ip", "route", "replace", "192.168.1.1", "dev", "prise-log")
        try:
            # Longer than the kernel's repetition of an ARP request: one that nobody answered before may be under way.
            words = ["ping", "-c", "3", "-i", "0.6", "-W", "2", "-I", "prise-log", "192.168.1.1"]
            alive = inside("auditeur", *words).returncode == 0
        finally:
            inside("auditeur", "ip", "route", "del", "192.168.1.1", "dev", "prise-log")
        return alive and ":67" in inside("gw-102", "ss", "-Hlun").stdout

    return {
        # The other end of what was unplugged sees it too; the switches still reach each other.
        "declared-link-missing": lambda: (
            [carrier(inside, "sw-coeur", port) for port in ("tr1", "tr2")] == ["1", "0"]
            and ask.outcomes("auditeur", "prise-adm", "sw-acces") == {"open"}
        ),
        "one-port-too-many": lambda: ask.outcomes("auditeur", "prise-vis", "interphone", "5061") == {"open"},
        "udp-only-hole": lambda: (
            ask.passes("prise-vis", "supervision", "udp", 123) == [True, True]
            and ask.passes("prise-vis", "supervision", "tcp", 443) == [False, False]
        ),
        "undeclared-port-passes": lambda: (
            ask.outcomes("auditeur", "prise-vis", "supervision", "23") == {"refused"}
            and ask.outcomes("auditeur", "prise-vis", "supervision") == {"silent"}
        ),
        "undeclared-udp-port-passes": lambda: (
            ask.closed("prise-vis", "supervision", 9) == [True, True]
            and ask.closed("prise-vis", "supervision", 33434) == [False, False]
            and ask.outcomes("auditeur", "prise-vis", "supervision") == {"silent"}
        ),
        # The gateway answers on the visitors' link, and the switch's tables say what they always said.
        "switch-leaks-between-ports": lambda: (
            ask.proxied("prise-vis", "gw-101")
            and ask.outcomes("auditeur", "prise-vis", "gw-101") == {"silent"}
            and ask.mode("ge8") == mode_before
        ),
        "stateless-return-hole": return_hole,
        "resident-box": box,
        "egress-through-a-residents-box": lambda: ask.leaves_by("gw-102"),
        "undeclared-switch": strange_neighbour,
        "dtp-spoken": lambda: ask.heard_at("prise-vis", "ether dst 01:00:0c:cc:cc:cc and ether[20:2] = 0x2004"),
        "tag-leak-on-access-port": lambda: (
            ask.mode("ge8")[0] == "native-untagged"
            and technique in ask.mode("ge8")[1]
            and ask.heard_at("prise-vis", f"vlan {technique}")
        ),
        "visitors-reach-administration": lambda: ask.outcomes("auditeur", "prise-vis", "sw-acces") == {"open"},
        "ipv6-only-hole": lambda: (
            [
                reach("auditeur", [("prise-vis", a, "443")])["prise-vis", a, "443"] == "open"
                for a in building.address("supervision")
            ]
            == [False, True]
        ),
        "proxy-arp-across-zones": lambda: ask.proxied("prise-vis", "supervision"),
        "router-joins-dwellings": lambda: "open" in ask.outcomes("auditeur", "prise-202", "gw-101"),
        "native-vlan-in-use": lambda: ask.mode("tr1")[0] == "native-untagged" and ask.mode("tr1")[2] == technique,
        "administration-in-vlan-1": administered_in_vlan_1,
        "double-tagging-works": lambda: ask.hops("prise-202", "pc-rdc", technique),
        "trunk-handed-to-a-dwelling": lambda: administration in ask.mode("ge13")[1],
    }
