"""What each fault that crosses the segmentation does to the wire, or to the switch, while it is in."""

from __future__ import annotations

from collections.abc import Callable

from r2s_audit.lab import Building
from r2s_audit.lab.description import mac

Effect = Callable[[], bool]


def effects(building: Building, inside, reach) -> dict[str, Effect]:
    def outcomes(node: str, interface: str, target: str, what: str = "443") -> set[str]:
        return set(reach(node, [(interface, address, what) for address in building.address(target)]).values())

    def proxied(interface: str, target: str) -> bool:
        """Whether somebody on a socket's link answers ARP for an address that is not there."""
        asked = building.address(target)[0]
        inside("auditeur", "ip", "neigh", "flush", "dev", interface)
        inside(
            "auditeur",
            "ip",
            "route",
            "replace",
            asked,
            "dev",
            interface,
            "src",
            building.address("auditeur", interface)[0],
        )
        try:
            inside("auditeur", "ping", "-c", "1", "-W", "1", "-I", interface, asked)
            learnt = inside("auditeur", "ip", "neigh", "show", "dev", interface, "to", asked).stdout
        finally:
            inside("auditeur", "ip", "route", "del", asked, "dev", interface)
        return "lladdr" in learnt

    def mode(port: str) -> list[str]:
        """How the access switch treats a port, read from the switch itself: mode, trunks, tag."""
        switch = building.state_dir / "n" / "sw-acces" / "ovs" / "db.sock"
        words = ["get", "port", port, "vlan_mode", "trunks", "tag"]
        return inside("sw-acces", "ovs-vsctl", f"--db=unix:{switch}", *words).stdout.split("\n")

    technique, administration = (str(building.sane.vlans[name].id) for name in ("technique", "administration"))

    def strange_neighbour() -> bool:
        """Whether an LLDP frame comes from the gateway's side within the interval."""
        heard = f"ether proto 0x88cc and ether src {mac('gw-102', 'eth0')}"
        words = ["timeout", "4", "tcpdump", "--immediate-mode", "-i", "ge2", "-c", "1", "-w", "/dev/null", heard]
        return inside("sw-acces", *words, timeout=10).returncode == 0

    return {
        "undeclared-switch": strange_neighbour,
        "visitors-reach-administration": lambda: outcomes("auditeur", "prise-vis", "sw-acces") == {"open"},
        "ipv6-only-hole": lambda: (
            [
                reach("auditeur", [("prise-vis", a, "443")])["prise-vis", a, "443"] == "open"
                for a in building.address("supervision")
            ]
            == [False, True]
        ),
        "proxy-arp-across-zones": lambda: proxied("prise-vis", "supervision"),
        "router-joins-dwellings": lambda: "open" in outcomes("auditeur", "prise-202", "gw-101"),
        "native-vlan-in-use": lambda: mode("tr1")[0] == "native-untagged" and mode("tr1")[2] == technique,
        "trunk-handed-to-a-dwelling": lambda: administration in mode("ge13")[1],
    }
