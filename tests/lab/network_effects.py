"""What each fault of VLANs, IPv6, 802.1X and SNMP does to the wire while it is in."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from r2s_audit.lab import Building
from r2s_audit.lab.description import mac

CLIENT = Path(__file__).with_name("client.py")
Effect = Callable[[], bool]


def effects(building: Building, inside, reach) -> dict[str, Effect]:
    def outcomes(node: str, interface: str, target: str, what: str = "443") -> set[str]:
        return set(reach(node, [(interface, address, what) for address in building.address(target)]).values())

    def video_is_cut() -> bool:
        gateway = building.address("routeur", "video")
        return "open" not in reach("auditeur", [("prise-video", a, "icmp") for a in gateway]).values()

    def advertised(socket: str) -> list[dict[str, object]]:
        result = inside("auditeur", "/usr/bin/python3", "-I", str(CLIENT), socket, "ra")
        assert result.returncode == 0, result.stderr
        heard: list[dict[str, object]] = json.loads(result.stdout)
        return heard

    def foreign_router() -> bool:
        return any(str(heard["prefix"]).startswith("fd00:bad:") for heard in advertised("prise-log"))

    def foreign_leases() -> bool:
        """Whether the gateway's side answers a client that asks for a DHCPv6 lease; who is first is left to chance."""
        heard = f"udp dst port 546 and ether src {mac('gw-102', 'eth0')}"
        words = ["timeout", "3", "tcpdump", "--immediate-mode", "-i", "prise-log", "-c", "1", "-w", "/dev/null", heard]
        with ThreadPoolExecutor(1) as pool:
            ear = pool.submit(inside, "auditeur", *words, timeout=10)
            while not ear.done():
                guest = ["/usr/bin/python3", "-I", str(CLIENT), "prise-log", "dhcp6", mac("auditeur", "prise-log")]
                assert inside("auditeur", *guest).returncode == 0
                time.sleep(0.2)
        return ear.result().returncode == 0

    def nobody_authenticates() -> bool:
        name = mac("auditeur", "prise-mab").replace(":", "")
        question = f'User-Name = "{name}", User-Password = "{name}", Service-Type = Call-Check'
        secret = building.state_dir / "n" / "sw-acces" / "dot1x" / "radius-secret"
        words = ["-q", "-r", "1", "-t", "1", "-S", str(secret), f"{building.address('radius')[0]}:1812", "auth"]
        result = inside("sw-acces", "radclient", *words, input=f"{question}, Message-Authenticator = 0x00\n")
        return result.returncode != 0

    def opens(node: str, interface: str, target: str) -> bool:
        """A guest VLAN comes after a time, and a switch drops what it dropped for up to half a second more."""
        deadline = time.monotonic() + 2.5
        while outcomes(node, interface, target) != {"open"}:
            if time.monotonic() > deadline:
                return False
        return True

    def clear_management() -> bool:
        secret = (building.state_dir / "secrets" / "snmp-auth").read_text().strip()
        user = f"-v3 -l authNoPriv -u auditeur -a SHA-256 -A {secret} -t 1 -r 0"
        return (
            inside(
                "auditeur", "snmpget", *user.split(), building.address("sw-acces")[0], "1.3.6.1.2.1.1.5.0"
            ).returncode
            == 0
        )

    return {
        "vlan-missing-on-access-switch": video_is_cut,
        "wrong-pvid-on-gateway-port": lambda: "open" not in outcomes("auditeur", "prise-log", "gw-102"),
        "dwellings-see-each-other": lambda: opens("gw-101", "eth0", "gw-102"),
        "visitors-reach-technique": lambda: outcomes("auditeur", "prise-vis", "supervision") == {"open"},
        "ra-silent-in-technique": lambda: advertised("pc-r1") == [],
        "ra-lifetime-zero": lambda: [heard["lifetime"] for heard in advertised("pc-r1")] == [0],
        "rogue-ra-in-logements": foreign_router,
        "rogue-dhcpv6-in-logements": foreign_leases,
        "unused-ports-open": lambda: all(advertised(cable) for cable in ("libre-r1a", "libre-r1b")),
        "port-open-without-auth": lambda: opens("auditeur", "prise-8021x", "supervision"),
        "guest-vlan-leaks": lambda: opens("auditeur", "prise-8021x", "supervision"),
        "radius-down": nobody_authenticates,
        "snmp-authnopriv-accepted": clear_management,
    }
