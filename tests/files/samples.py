"""A site and a profile without a problem, small enough to know their lines by heart."""

from __future__ import annotations

from pathlib import Path

from r2s_audit.errors import FileProblems, Problem
from r2s_audit.files.site import load_site

SITE = """\
r2s_site: 1
building:
  id: tilleuls
  name: Les Tilleuls
scope:
  networks: [10.20.0.0/16, "fd20::/48"]
zones:
  - {id: adm, kind: administration}
  - {id: log, kind: logements}
vlans:
  - id: 10
    name: administration
    zone: adm
    subnets:
      - prefix: 10.20.10.0/24
        gateway: 10.20.10.1
  - id: 30
    name: logements
    zone: log
    subnets:
      - prefix: 10.20.30.0/24
        gateway: 10.20.30.1
devices:
  - id: sw-coeur
    role: switch
    zone: adm
    addresses: [10.20.10.2]
    mac: 02:20:10:00:00:02
    admin:
      snmp:
        user: auditeur
        auth_protocol: SHA-256
        auth_secret: env:AUTH
  - id: gw-101
    role: gateway
    zone: log
    dwelling: "101"
    addresses: [10.20.30.101]
    services:
      - protocol: https
        port: 443
        tls: true
sockets:
  - id: prise-101
    zone: log
    vlan: 30
    switch: sw-coeur
    port: ge1
flows:
  - source: adm
    destination: gw-101
    protocol: tcp
    ports: [443]
points:
  - id: P-101
    socket: prise-101
    interface: eth0
"""

PROFILE = """\
r2s_profile: 1
id: essai
version: "1"
title: Profil d'essai
document: Aucun
prerequisite_minimum: {value: atteint, source: hypothesis}
themes:
  - id: C
    title: Connectivité
    points_logement: {value: 2, source: seed}
    points_batiment: {value: 3, source: seed}
    requirements: {value: 1, source: seed}
    prerequisites: {value: 1, source: seed}
levels:
  - {id: base, title: Base, points: {value: 1, source: seed}, prerequisites: {value: 1, source: seed}}
requirements:
  - id: C1
    title: Une exigence
    theme: C
    function: Réseau
    purpose: Relier
    prerequisite: {value: true, source: hypothesis}
    points:
      logement: {value: "2", source: hypothesis}
      batiment: {value: "3", source: hypothesis}
    partial_weight: {value: "1/2", source: hypothesis}
    criteria:
      - id: C1.a
        title: {fr: Le premier}
        check: snmp.version
        with:
          minimum: {value: 3, source: standard, reference: RFC 3411}
        source: hypothesis
      - id: C1.b
        title: {fr: Le second}
        awaits: une sonde
        source: hypothesis
    rule:
      all: [C1.a, {any: [C1.b, C1.a]}]
"""


def edited(text: str, *changes: tuple[str, str]) -> str:
    """The text with each first occurrence replaced; a change that changes nothing is a mistake of the test."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def site_problems(text: str | bytes, directory: Path) -> list[Problem]:
    """What a site file with this content is told; nothing where it loads."""
    path = directory / "site.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    try:
        load_site(path)
    except FileProblems as refused:
        return list(refused.problems)
    return []
