"""What each hostile fault says while it is in, as somebody else's tools hear it."""

from __future__ import annotations

from collections.abc import Callable

from r2s_audit.lab import Building

Effect = Callable[[], bool]


def effects(building: Building, inside, reach) -> dict[str, Effect]:
    def said(target: str, port: int, octets: int) -> str:
        """The first octets that a service says of its own accord."""
        script = f"exec 3<>/dev/tcp/{building.address(target)[0]}/{port} && head -c {octets} <&3"
        return inside("auditeur", "timeout", "2", "bash", "-c", script).stdout

    def claimed() -> bool:
        asked = ("prise-adm", "10.66.10.99", "443")
        # A question that nobody answered is asked again after a second only: this one is a new one.
        inside("auditeur", "ip", "neigh", "flush", "dev", "prise-adm")
        return reach("auditeur", [asked])[asked] == "open"

    return {
        "hostile-names": lambda: "<script>" in said("supervision", 22, 60),
        "hostile-peers": lambda: said("gw-201", 443, 500_000) == "A" * 500_000,
        "spoofed-management-address": claimed,
    }
