"""Small true-looking inputs that many tests share."""

from __future__ import annotations

from typing import Any

from r2s_audit.model.profile import Profile
from r2s_audit.model.site import Site


def site_data(**changes: Any) -> dict[str, Any]:
    """A building on the loopback interface: one point, one switch at 127.0.0.1, one gateway device at 127.0.0.2."""
    data: dict[str, Any] = {
        "r2s_site": 1,
        "building": {"id": "essai", "name": "Résidence d'essai"},
        "scope": {
            "networks": ["127.0.0.0/8", "::1/128"],
            "exclude": ["127.0.0.66/32"],
            "rates": {"total": 10000, "per_target": 10000, "building_devices": 1000},
        },
        "zones": [
            {"id": "adm", "kind": "administration"},
            {"id": "log", "kind": "logements"},
        ],
        "vlans": [
            {
                "id": 10,
                "name": "administration",
                "zone": "adm",
                "subnets": [{"prefix": "127.0.0.0/25", "gateway": "127.0.0.126"}],
            },
            {
                "id": 30,
                "name": "logements",
                "zone": "log",
                "subnets": [{"prefix": "127.0.1.0/25", "gateway": "127.0.1.126"}],
            },
        ],
        "sockets": [
            {"id": "PR-ADM", "zone": "adm", "vlan": 10, "switch": "sw", "port": "p1"},
            {"id": "PR-LOG", "zone": "log", "vlan": 30, "switch": "sw", "port": "p2"},
        ],
        "devices": [
            {"id": "sw", "role": "switch", "zone": "adm", "addresses": ["127.0.0.1", "::1"]},
            {"id": "gw", "role": "gateway", "zone": "log", "addresses": ["127.0.1.2"]},
        ],
        "points": [
            {"id": "P-ADM", "socket": "PR-ADM", "interface": "lo"},
            {"id": "P-LOG", "socket": "PR-LOG", "interface": "absente0"},
        ],
    }
    return data | changes


def site(**changes: Any) -> Site:
    """The same, validated."""
    return Site.model_validate(site_data(**changes))


def profile_data(criteria: list[dict[str, Any]], rule: Any = None) -> dict[str, Any]:
    """A label of one requirement, A1, worth 10 points, and one that no probe sees, B1."""

    def sourced(value: Any, source: str = "seed") -> dict[str, Any]:
        return {"value": value, "source": source}

    def requirement(name: str, **more: Any) -> dict[str, Any]:
        return {
            "id": name,
            "title": f"Exigence {name}",
            "theme": "T",
            "function": "fonction",
            "purpose": "raison d'être",
            "prerequisite": sourced(name == "A1"),
            "points": {"logement": sourced("5"), "batiment": sourced("5")},
            "partial_weight": sourced("1/2"),
            **more,
        }

    return {
        "r2s_profile": 1,
        "id": "essai",
        "version": "1",
        "title": "Profil d'essai",
        "document": "aucun",
        "prerequisite_minimum": sourced("atteint"),
        "themes": [
            {
                "id": "T",
                "title": "Thème",
                "points_logement": sourced(10),
                "points_batiment": sourced(10),
                "requirements": sourced(2),
                "prerequisites": sourced(1),
            }
        ],
        "levels": [{"id": "base", "title": "Base", "points": sourced(10), "prerequisites": sourced(1)}],
        "requirements": [
            requirement("A1", criteria=criteria, rule=rule or {"all": [c["id"] for c in criteria]}),
            requirement("B1"),
        ],
    }


def criterion(name: str, check: str, **more: Any) -> dict[str, Any]:
    """A criterion that is our own hypothesis."""
    return {"id": name, "title": {"fr": name}, "check": check, "source": "hypothesis", **more}


def profile(criteria: list[dict[str, Any]], rule: Any = None) -> Profile:
    """The label of :func:`profile_data`, validated."""
    return Profile.model_validate(profile_data(criteria, rule))
