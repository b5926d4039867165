"""A small audit document that has one of everything a page shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from r2s_audit.model.audit import Audit
from r2s_audit.model.observation import Observation
from r2s_audit.model.profile import Profile
from r2s_audit.model.site import Site
from tests.builders import profile_data, site_data

DIGEST = "sha256:" + "0123456789abcdef" * 4


def message(template: str, **args: Any) -> dict[str, Any]:
    return {"template": template, "args": args}


def finding(check: str, target: str, point: str, value: str, **more: Any) -> dict[str, Any]:
    return {
        "check": check,
        "subject": {"target": target, "point": point, "detail": [["port", "443"]]},
        "value": value,
        "expected": message("{address} hors d'atteinte", address="10.0.0.1"),
        "measured": message("port ouvert en {rtt} ms", rtt=0.5),
        "observations": ["3-abc", "4-def"],
        **more,
    }


FINDINGS = [
    finding("vlan.tcp-isolated", "sw", "P-LOG", "N"),
    finding("vlan.tcp-isolated", "gw", "P-ADM", "C"),
    finding("vlan.icmp-isolated", "sw", "P-LOG", "C"),
    finding("vlan.icmp-isolated", "sw", "P-ADM", "P"),
    finding("tls.suites", "sw", "P-ADM", "non_verifie", measured=message("injoignable"), observations=[]),
    finding("snmp.v3", "sw", "P-ADM", "non_verifie", trace="Traceback\n  File x\nValueError: boum", observations=[]),
    finding("snmp.v3", "gw", "P-ADM", "sans_objet", proof=True),
]


def _reason(criterion: str, check: str, number: int | None, value: str, **more: Any) -> dict[str, Any]:
    found = FINDINGS[number] if number is not None else {}
    subject = found.get("subject", {})
    key = f"{subject['target']} port=443@{subject['point']}" if subject else ""
    return {
        "criterion": criterion,
        "check": check,
        "subject": key,
        "value": value,
        "expected": found.get("expected", message("ce qui est attendu")),
        "measured": found.get("measured", message("attend la sonde dot1x")),
        "source": "standard",
        "reference": "RFC 4941, § 3",
        "observations": found.get("observations", []),
        **more,
    }


def _criterion(name: str, check: str, worst: str, best: str, cells: int) -> dict[str, Any]:
    return {"criterion": name, "check": check, "worst": worst, "best": best, "cells": cells}


def _points(worst: str, best: str, maximum: str) -> dict[str, str]:
    return {"worst": worst, "best": best, "maximum": maximum}


def document() -> dict[str, Any]:
    """The document as data, as ``audit.json`` has it."""
    cells = [
        {
            "requirement": "A1",
            "criterion": name,
            "check": f["check"],
            "subject": f["subject"],
            "state": f["value"],
            "finding": at,
        }
        for at, (name, f) in enumerate(zip(["iso", "iso", "iso", "iso", "tls", "snmp", "snmp"], FINDINGS, strict=True))
    ]
    cells.append(
        {
            "requirement": "A1",
            "criterion": "attente",
            "check": "",
            "subject": {"target": "-"},
            "state": "non_verifie",
            "finding": None,
        }
    )
    return {
        "title": "simulation – barème hypothétique",
        "simulation": True,
        "program": "0.1.0",
        "as_of": "2026-03-04T05:06:07Z",
        "building": {
            "id": "essai",
            "name": "Résidence d'essai",
            "address": "1 rue X",
            "dossier": "D-1",
            "target_level": "base",
        },
        "parties": [
            {"role": "auditeur", "name": "Ada", "contact": "ada@example.test"},
            {"role": "maitre_ouvrage", "name": "Grace"},
        ],
        "mandate": {
            "reference": "M-7",
            "signed_by": "Grace",
            "valid_from": "2026-01-01",
            "valid_until": "2026-12-31",
            "intrusive_checks": ["vlan.tcp-isolated"],
        },
        "profile": "essai",
        "profile_version": "1",
        "profile_digest": DIGEST,
        "site_digest": DIGEST,
        "plan_digest": DIGEST,
        "ledger_head": DIGEST,
        "ledger_entries": 12345,
        "passes": [
            {
                "id": "P01",
                "state": "complete",
                "points": ["P-ADM", "P-LOG"],
                "opened": "2026-03-04T04:00:00Z",
                "closed": "2026-03-04T04:10:00Z",
                "observations": 12,
                "failed": 2,
                "packets": 1443,
                "machine": {
                    "hostname": "portable",
                    "kernel": "6.1",
                    "python": "3.11",
                    "program": "0.1.0",
                    "operator": "Ada",
                    "interfaces": {"eth0": "02:00:00:00:00:01"},
                },
            },
            {
                "id": "P02",
                "state": "discarded",
                "points": ["P-LOG"],
                "opened": "2026-03-04T04:20:00Z",
                "closed": None,
                "observations": 0,
                "failed": 0,
                "packets": 0,
                "machine": {
                    "hostname": "portable",
                    "kernel": "6.1",
                    "python": "3.11",
                    "program": "0.1.0",
                    "operator": "",
                },
                "reason": message("{reason}", reason="câble débranché"),
            },
        ],
        "cells": {
            "planned": 8,
            "reported": 8,
            "states": {"C": 2, "N": 1, "P": 1, "non_verifie": 3, "sans_objet": 1},
            "cells": cells,
        },
        "internal_errors": 1,
        "findings": FINDINGS,
        "verdicts": [
            {
                "requirement": "A1",
                "title": "Exigence A1",
                "theme": "T",
                "prerequisite": True,
                "verdict": "non_atteint",
                "worst": "non_atteint",
                "best": "non_atteint",
                "criteria": [
                    _criterion("iso", "vlan.tcp-isolated", "N", "N", 4),
                    _criterion("tls", "tls.suites", "N", "C", 1),
                    _criterion("snmp", "snmp.v3", "N", "C", 2),
                    _criterion("attente", "", "N", "C", 1),
                ],
                "details": [
                    _reason("iso", "vlan.tcp-isolated", 0, "N"),
                    _reason("iso", "vlan.icmp-isolated", 3, "P"),
                    _reason("tls", "tls.suites", 4, "non_verifie"),
                    _reason("snmp", "snmp.v3", 5, "non_verifie"),
                    _reason("attente", "", None, "non_verifie"),
                ],
                "reasons": ["une phrase"],
            },
            {
                "requirement": "B1",
                "title": "Exigence B1",
                "theme": "T",
                "prerequisite": False,
                "verdict": "non_evalue",
                "worst": "non_atteint",
                "best": "atteint",
                "details": [
                    _reason("", "", None, "non_verifie", measured=message("hors sonde"), source="", reference="")
                ],
            },
        ],
        "score": {
            "total": _points("4", "16", "20"),
            "themes": [
                {
                    "theme": "T",
                    "title": "Thème",
                    "logement": _points("2", "9", "10"),
                    "batiment": _points("2", "7", "10"),
                }
            ],
            "prerequisites": {"total": 1, "met": 0, "possible": 0, "outside_probe": 0},
            "level_guaranteed": "",
            "level_possible": "",
            "statement": message("aucun niveau possible (prérequis non atteints : {n})", n=1),
        },
    }


def audit(change: Callable[[dict[str, Any]], None] | None = None) -> Audit:
    """The same, validated, after a change in place."""
    data = document()
    if change is not None:
        change(data)
    return Audit.model_validate(data)


def profile() -> Profile:
    """A profile that knows the document's criteria."""
    criteria: list[dict[str, Any]] = [
        {
            "id": name,
            "title": {"fr": f"Titre de {name}", "en": f"Title of {name}"},
            "source": "standard",
            "reference": "RFC 4941, § 3",
            **({"check": check} if check else {"awaits": "attend la sonde dot1x"}),
        }
        for name, check in [("iso", "vlan.tcp-isolated"), ("tls", "tls.suites"), ("snmp", "snmp.v3"), ("attente", "")]
    ]
    criteria[0]["with"] = {"ports": {"value": [22, 443], "source": "hypothesis"}}
    return Profile.model_validate(profile_data(criteria))


def site() -> Site:
    """A site with the document's points and devices."""
    return Site.model_validate(site_data())


def observation(**facts: Any) -> Observation:
    """What a finding rests on."""
    return Observation.model_validate(
        {
            "request": {"collector": "vlan.window", "point": "P-LOG", "target": "sw", "params": [["port", 443]]},
            "pass_id": "P01",
            "state": "completed",
            "facts": facts or {"answer": "syn-ack"},
            "started": "2026-03-04T04:01:00Z",
            "ended": "2026-03-04T04:01:01Z",
            "collector_version": "1",
            "blobs": [{"digest": DIGEST, "kind": "pcap", "size": 60, "redacted": True}],
            "packets_sent": 3,
        }
    )
