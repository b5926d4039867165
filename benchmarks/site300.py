"""A generated site file of 300 devices: the size of a large residential building, for the time of ``plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from pathlib import Path

DEVICES = 300
ZONES = {  # zone: VLAN
    "administration": 10,
    "technique": 20,
    "logements": 30,
    "visiteurs": 40,
    "video": 50,
}
SWITCHES, METERS, CAMERAS = 24, 60, 33  # with the router and the supervisor; the rest are gateways, one per dwelling


def document() -> dict[str, Any]:
    """The site file as data."""
    devices = [
        _device("routeur", "router", "administration", 1, admin=True),
        _device("supervision", "supervisor", "technique", 2, services=[("https", 443)]),
        *(_device(f"sw-{n}", "switch", "administration", 10 + n, admin=True) for n in range(SWITCHES)),
        *(_device(f"compteur-{n}", "meter", "technique", 10 + n) for n in range(METERS)),
        *(_device(f"camera-{n}", "camera", "video", 10 + n, services=[("https", 443)]) for n in range(CAMERAS)),
    ]
    dwellings = DEVICES - len(devices)
    devices += [
        _device(f"passerelle-{n}", "gateway", "logements", 10 + n, services=[("https", 443)], dwelling=f"L{n}")
        for n in range(dwellings)
    ]
    return {
        "r2s_site": 1,
        "building": {"id": "trois-cents", "name": "Bâtiment de 300 équipements"},
        "scope": {"networks": [_prefix(vlan) for vlan in ZONES.values()]},
        "zones": [{"id": zone, "kind": zone} for zone in ZONES],
        "vlans": [
            {
                "id": vlan,
                "name": zone,
                "zone": zone,
                "subnets": [{"prefix": _prefix(vlan), "gateway": f"10.0.{vlan}.254"}],
            }
            for zone, vlan in ZONES.items()
        ],
        "sockets": [
            {"id": f"prise-{zone}", "zone": zone, "vlan": vlan, "switch": "sw-0", "port": f"p{vlan}"}
            for zone, vlan in ZONES.items()
        ],
        "devices": devices,
        "flows": [
            {
                "source": "technique",
                "destination": "logements",
                "protocol": "tcp",
                "ports": [443],
                "reason": "supervision",
            },
            {"source": "administration", "destination": "technique", "protocol": "icmp", "reason": "exploitation"},
        ],
        "points": [
            {"id": f"P-{zone}", "socket": f"prise-{zone}", "interface": f"eth{n}"} for n, zone in enumerate(ZONES)
        ],
    }


def write(path: Path) -> None:
    """Write the site file as a person would lay it out."""
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    with path.open("w", encoding="utf-8") as handle:
        yaml.dump(document(), handle)


def _prefix(vlan: int) -> str:
    return f"10.0.{vlan}.0/24"


def _device(
    name: str,
    role: str,
    zone: str,
    host: int,
    *,
    admin: bool = False,
    services: list[tuple[str, int]] | None = None,
    dwelling: str = "",
) -> dict[str, Any]:
    device: dict[str, Any] = {"id": name, "role": role, "zone": zone, "addresses": [f"10.0.{ZONES[zone]}.{host}"]}
    if dwelling:
        device["dwelling"] = dwelling
    if services:
        device["services"] = [{"protocol": protocol, "port": port, "tls": True} for protocol, port in services]
    if admin:
        device["admin"] = {
            "snmp": {
                "user": "audit",
                "auth_protocol": "SHA-256",
                "auth_secret": "env:R2S_BENCH_AUTH",
                "priv_protocol": "AES-128",
                "priv_secret": "env:R2S_BENCH_PRIV",
            }
        }
    return device
