"""A table of wrong site files: what is said, on which line, under which path, with which near miss."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.files.samples import SITE, edited, site_problems

# name: (changes, line, path, words of found, words of expected, near miss)
Row = tuple[list[tuple[str, str]], int, str, str, str, str]

OUTSIDE = [
    ("zones:", "zones:\n  - {id: ext, kind: wan}"),
    ("sockets:", "  - {id: essai, role: other, zone: ext, addresses: [192.0.2.1]}\nsockets:"),
    ("[10.20.0.0/16,", "[192.0.2.1/32, 10.20.0.0/16,"),
]
"""A zone and a device beyond the operator; two lines more above the flows."""


def _out(*ways: str) -> list[tuple[str, str]]:
    """The ways out, one a line from line 57 on."""
    return [*OUTSIDE, ("points:", "egress:\n" + "".join(f"  - {{{way}}}\n" for way in ways) + "points:")]


WAY = "kind: dedicated, endpoint: essai, operator: [192.0.2.0/24]"

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP3PXRobIywI1zpjhylbmv+CVEiAoPOe62jqQ0XTXKRp"
SSH = f"""\
      ssh:
        platform: cisco_ios
        user: auditeur
        host_key: {KEY}
"""

WRONG: dict[str, Row] = {
    # keys
    "unknown key": ([("    vlan: 30\n", "    vlan: 30\n    vlna: 30\n")], 47, "sockets[0] (prise-101).vlna", "inconnue « vlna »", "vlan, switch", "vlna : vlan ?"),
    "unknown key at the root": ([("flows:", "flow: []\nflows:")], 49, "flow", "inconnue « flow »", "r2s_site, building", "flow : flows ?"),
    "unknown key without a neighbour": ([("  id: tilleuls\n", "  id: tilleuls\n  zzz: 1\n")], 4, "building.zzz", "inconnue « zzz »", "target_level", ""),
    "missing key": ([("    role: switch\n", "")], 24, "devices[0] (sw-coeur).role", "« role » manque", "une des valeurs : switch", ""),
    "missing section": ([('scope:\n  networks: [10.20.0.0/16, "fd20::/48"]\n', "")], 1, "scope", "« scope » manque", "obligatoire", ""),
    "key written twice": ([("    zone: adm\n    addresses", "    zone: adm\n    zone: log\n    addresses")], 27, "devices[0] (sw-coeur).zone", "déjà écrite ligne 26", "une seule fois", ""),
    # kinds of value
    "number for text": ([('"101"', "101")], 37, "devices[1] (gw-101).dwelling", "101", "un texte", '101 : "101" ?'),
    "decimal for text": ([("port: ge1", "port: 1.10")], 48, "sockets[0] (prise-101).port", "1.10", "un texte", '1.10 : "1.10" ?'),
    "text for number": ([("port: 443", 'port: "443"')], 41, "devices[1] (gw-101).services[0].port", "« 443 »", "de 1 à 65535, sans guillemets", ""),
    "word for number": ([("port: 443", "port: https")], 41, "devices[1] (gw-101).services[0].port", "« https »", "nombre entier", ""),
    "decimal for number": ([("port: 443", "port: 443.5")], 41, "devices[1] (gw-101).services[0].port", "443.5", "nombre entier", ""),
    "number too great": ([("port: 443", "port: 70000")], 41, "devices[1] (gw-101).services[0].port", "70000", "de 1 à 65535", ""),
    "VLAN 4095": ([("  - id: 10\n", "  - id: 4095\n")], 11, "vlans[0] (4095).id", "4095", "de 1 à 4094", ""),
    "VLAN 0": ([("  - id: 10\n", "  - id: 0\n")], 11, "vlans[0] (0).id", "0", "de 1 à 4094", ""),
    "yes for true": ([("tls: true", "tls: yes")], 42, "devices[1] (gw-101).services[0].tls", "« yes »", "true ou false", "yes : true ?"),
    "non for false": ([("tls: true", "tls: Non")], 42, "devices[1] (gw-101).services[0].tls", "« Non »", "true ou false", "Non : false ?"),
    "one for true": ([("tls: true", "tls: 1")], 42, "devices[1] (gw-101).services[0].tls", "1", "true ou false", ""),
    "list for table": ([("building:\n  id: tilleuls\n  name: Les Tilleuls\n", "building: [tilleuls]\n")], 2, "building", "une liste, nombre d'éléments : 1", "une table avec les clés : id, name", ""),
    "nothing for table": ([("building:\n  id: tilleuls\n  name: Les Tilleuls\n", "building:\n")], 2, "building", "aucune valeur", "une table avec les clés : id, name", ""),
    "text for list": ([("ports: [443]", "ports: 443")], 53, "flows[0].ports", "443", "une liste", ""),
    "table for list": ([("    addresses: [10.20.10.2]\n", "    addresses: {a: 1}\n")], 27, "devices[0] (sw-coeur).addresses", "une table (a)", "une liste", ""),
    # enumerations and forms
    "enumeration": ([("kind: logements", "kind: logement")], 9, "zones[1] (log).kind", "« logement »", "parties_communes", "logement : logements ?"),
    "enumeration, other case": ([("role: gateway", "role: Gateway")], 35, "devices[1] (gw-101).role", "« Gateway »", "supervisor", "Gateway : gateway ?"),
    "literal": ([("interface: eth0", "interface: eth0\n    kind: acces")], 58, "points[0] (P-101).kind", "« acces »", "access, trunk", "acces : access ?"),
    "identifier": ([("  id: tilleuls\n", "  id: les tilleuls\n")], 3, "building.id", "« les tilleuls »", "un identifiant", ""),
    "MAC in capitals": ([("02:20:10:00:00:02", "AA:20:10:00:00:02")], 28, "devices[0] (sw-coeur).mac", "AA:20", "adresse MAC en minuscules", ""),
    "DUID with dashes": ([("gateway: 10.20.30.1\n", "gateway: 10.20.30.1\n    dhcpv6_servers: [00-03-00-01-02]\n")], 23, "vlans[1] (30).dhcpv6_servers[0]", "00-03-00-01-02", "un DUID", ""),
    "DUID without a list": ([("gateway: 10.20.30.1\n", "gateway: 10.20.30.1\n    dhcpv6_servers: fd20::1\n")], 23, "vlans[1] (30).dhcpv6_servers", "fd20::1", "une liste", ""),
    "ports of a gateway": ([('    dwelling: "101"\n', "    other_ports: [ge1]\n")], 37, "devices[1] (gw-101).other_ports", "gateway", "dont le rôle est switch", ""),
    "interface": ([("interface: eth0", "interface: eth0/1")], 57, "points[0] (P-101).interface", "eth0/1", "nom d'interface", ""),
    "address": ([("10.20.30.101", "10.20.30.300")], 38, "devices[1] (gw-101).addresses[0]", "« 10.20.30.300 »", "adresse IPv4 ou IPv6", ""),
    "address that is a number": ([("[10.20.30.101]", "[10]")], 38, "devices[1] (gw-101).addresses[0]", "10", "adresse IPv4 ou IPv6", ""),
    "prefix": ([("prefix: 10.20.30.0/24", "prefix: 10.20.30.0/33")], 21, "vlans[1] (30).subnets[0].prefix", "10.20.30.0/33", "préfixe IPv4 ou IPv6", ""),
    "prefix with host bits": ([("prefix: 10.20.30.0/24", "prefix: 10.20.30.1/24")], 21, "vlans[1] (30).subnets[0].prefix", "10.20.30.1/24", "bits d'hôte", "10.20.30.1/24 : 10.20.30.0/24 ?"),
    "date": ([("scope:", "mandate:\n  {reference: M, signed_by: S, valid_from: 31/01/2026, valid_until: 2026-12-31}\nscope:")], 6, "mandate.valid_from", "« 31/01/2026 »", "AAAA-MM-JJ", ""),
    "impossible date": ([("scope:", "mandate:\n  {reference: M, signed_by: S, valid_from: 2026-02-30, valid_until: 2026-12-31}\nscope:")], 6, "mandate.valid_from", "« 2026-02-30 »", "AAAA-MM-JJ", ""),
    "dates out of order": ([("scope:", "mandate:\n  {reference: M, signed_by: S, valid_from: 2026-12-31, valid_until: 2026-01-31}\nscope:")], 6, "mandate.valid_until", "avant valid_from", "pas avant son début", ""),
    "flow without ports": ([("    ports: [443]\n", "")], 52, "flows[0].protocol", "ne vont pas ensemble", "ports : [numéros] avec tcp", ""),
    "short reason": ([("points:", "not_applicable:\n  - {criterion: C1, reason: sans, declared_by: A}\npoints:")], 55, "not_applicable[0].reason", "« sans »", "au moins 10 caractères", ""),
    "SNMP half said": ([("        auth_secret: env:AUTH\n", "")], 30, "devices[0] (sw-coeur).admin.snmp", "l'un de auth_protocol et auth_secret", "ensemble", ""),
    "privacy without authentication": ([("auth_protocol: SHA-256", "priv_protocol: AES-128"), ("auth_secret: env:AUTH", "priv_secret: env:P")], 32, "devices[0] (sw-coeur).admin.snmp.priv_protocol", "sans auth_protocol", "RFC 3414", ""),
    "protocol of SNMP": ([("SHA-256", "sha256")], 32, "devices[0] (sw-coeur).admin.snmp.auth_protocol", "que l'on n'affiche pas", "SHA-256, SHA-384", "sha256 : SHA-256 ?"),
    "SSH without a credential": ([("      snmp:\n        user: auditeur\n        auth_protocol: SHA-256\n        auth_secret: env:AUTH\n", SSH)], 30, "devices[0] (sw-coeur).admin.ssh", "ni password ni private_key", "soit password, soit private_key", ""),
    "SSH with two": ([("      snmp:\n", SSH + "        password: env:A\n        private_key: file:cle\n      snmp:\n")], 30, "devices[0] (sw-coeur).admin.ssh", "ou les deux", "soit password", ""),
    "SSH without a pinned key": ([("      snmp:\n", SSH.replace(f"        host_key: {KEY}\n", "") + "        password: env:A\n      snmp:\n")], 30, "devices[0] (sw-coeur).admin.ssh.host_key", "« host_key » manque", "obligatoire", ""),
    "platform of SSH": ([("      snmp:\n", SSH.replace("cisco_ios", "cisco-ios") + "        password: env:A\n      snmp:\n")], 31, "devices[0] (sw-coeur).admin.ssh.platform", "que l'on n'affiche pas", "cisco_ios, ", "cisco-ios : cisco_ios ?"),
    "MD5 fingerprint": ([("      snmp:\n", SSH.replace(KEY, "MD5:ab:cd") + "        password: env:A\n      snmp:\n")], 33, "devices[0] (sw-coeur).admin.ssh.host_key", "que l'on n'affiche pas", "son empreinte (SHA256:", ""),
    "key of another type": ([("      snmp:\n", SSH.replace("ssh-ed25519 ", "ssh-rsa ") + "        password: env:A\n      snmp:\n")], 33, "devices[0] (sw-coeur).admin.ssh.host_key", "pas du type annoncé", "la clé publique entière", ""),
    "password of SSH": ([("      snmp:\n", SSH + "        password: Tr0ub4dor\n      snmp:\n")], 34, "devices[0] (sw-coeur).admin.ssh.password", "secret écrit en clair", "env:NOM", ""),
    "account with its host": ([("      snmp:\n", SSH.replace("user: auditeur", "user: a@b") + "        password: env:A\n      snmp:\n")], 32, "devices[0] (sw-coeur).admin.ssh.user", "que l'on n'affiche pas", "un nom de compte", ""),
    # versions
    "no version": ([("r2s_site: 1\n", "")], 1, "r2s_site", "« r2s_site » manque", "une des valeurs : 1", ""),
    "newer version": ([("r2s_site: 1", "r2s_site: 2"), ("flows:", "flows_of_2030:")], 1, "r2s_site", "demande r2s-audit plus récent", "le format 1,", ""),
    "version as text": ([("r2s_site: 1", 'r2s_site: "1"')], 1, "r2s_site", "« 1 »", "une des valeurs : 1", ""),
    "older than any": ([("r2s_site: 1", "r2s_site: 0")], 1, "r2s_site", "0", "une des valeurs : 1", ""),
    "a profile instead": ([("r2s_site: 1", "r2s_profile: 1")], 1, "r2s_profile", "un profil", "un fichier de site", ""),
    # secrets
    "community": ([("    admin:\n", "    admin:\n      snmp_community: public\n")], 30, "devices[0] (sw-coeur).admin.snmp_community", "secret écrit en clair", "env:NOM", ""),
    "passphrase": ([("env:AUTH", "Tr0ub4dor")], 33, "devices[0] (sw-coeur).admin.snmp.auth_secret", "secret écrit en clair", "file:CHEMIN", ""),
    "passphrase of digits": ([("env:AUTH", "12345678")], 33, "devices[0] (sw-coeur).admin.snmp.auth_secret", "secret écrit en clair", "file:CHEMIN", ""),
    "password under an unknown key": ([("    mac:", "    password: Tr0ub4dor\n    mac:")], 28, "devices[0] (sw-coeur).password", "secret écrit en clair", "env:NOM", ""),
    "mot de passe": ([("    mac:", "    mot-de-passe: Tr0ub4dor\n    mac:")], 28, "devices[0] (sw-coeur).mot-de-passe", "secret écrit en clair", "env:NOM", ""),
    "private key in a comment": ([("zones:", "# -----BEGIN EC PRIVATE KEY-----\nzones:")], 7, "(document)", "clé privée", "file:CHEMIN", ""),
    "password in a URL": ([("name: Les Tilleuls", "name: https://admin:Tr0ub4dor@10.20.10.2/")], 4, "building.name", "mot de passe dans une adresse", "env:NOM", ""),
    # cross references
    "zone of a VLAN": ([("    name: logements\n    zone: log\n", "    name: logements\n    zone: logements\n"), ("    zone: log\n    vlan: 30", "    zone: adm\n    vlan: 10")], 19, "vlans[1] (30).zone", "« logements », qui n'est pas déclaré", "sous « zones »", ""),
    "zone of a device": ([("    role: gateway\n    zone: log\n", "    role: gateway\n    zone: lgo\n")], 36, "devices[1] (gw-101).zone", "« lgo »", "sous « zones »", "lgo : log ?"),
    "zone that is a device": ([("    role: gateway\n    zone: log\n", "    role: gateway\n    zone: sw-coeur\n")], 36, "devices[1] (gw-101).zone", "« sw-coeur »", "sous « zones »", "un équipement porte ce nom"),
    "VLAN of a socket": ([("vlan: 30", "vlan: 31")], 46, "sockets[0] (prise-101).vlan", "« 31 »", "sous « vlans »", ""),
    "switch of a socket": ([("switch: sw-coeur", "switch: sw-couer")], 47, "sockets[0] (prise-101).switch", "« sw-couer »", "sous « devices »", "sw-couer : sw-coeur ?"),
    "switch that is none": ([("switch: sw-coeur", "switch: gw-101")], 47, "sockets[0] (prise-101).switch", "dont le rôle est gateway", "rôle est switch", ""),
    "socket in another zone than its VLAN": ([("    zone: log\n    vlan: 30", "    zone: adm\n    vlan: 30")], 45, "sockets[0] (prise-101).zone", "le VLAN 30 est dans une autre", "la zone du VLAN de la prise : log", ""),
    "socket of a point": ([("socket: prise-101", "socket: prise-011")], 56, "points[0] (P-101).socket", "« prise-011 »", "sous « sockets »", "prise-011 : prise-101 ?"),
    "VLAN of a point": ([("interface: eth0", "interface: eth0\n    vlan: 40")], 58, "points[0] (P-101).vlan", "« 40 »", "sous « vlans »", ""),
    "source of a flow": ([("source: adm", "source: adn")], 50, "flows[0].source", "« adn »", "une zone ou un équipement", "adn : adm ?"),
    "destination of a flow": ([("destination: gw-101", "destination: gw-110")], 51, "flows[0].destination", "« gw-110 »", "une zone ou un équipement", "gw-110 : gw-101 ?"),
    "zone twice": ([("{id: log, kind: logements}", "{id: log, kind: logements}\n  - {id: log, kind: wan}")], 10, "zones[2] (log).id", "déjà écrit ligne 9", "zones[1] (log).id", ""),
    "device named like a zone": ([("- id: gw-101", "- id: adm"), ("destination: gw-101", "destination: log")], 34, "devices[1] (adm).id", "déjà pris sous « zones »", "identifiant différent", ""),
    "switch port twice": ([("flows:", "  - {id: prise-102, zone: log, vlan: 30, switch: sw-coeur, port: ge1}\nflows:")], 49, "sockets[1] (prise-102).port", "sw-coeur, ge1", "sockets[0] (prise-101).port", ""),
    "MAC twice": ([('    dwelling: "101"\n', "    mac: 02:20:10:00:00:02\n")], 37, "devices[1] (gw-101).mac", "déjà écrit ligne 28", "devices[0] (sw-coeur).mac", ""),
    "service twice": ([("        tls: true\n", "        tls: true\n      - {protocol: http, port: 443}\n")], 43, "devices[1] (gw-101).services[1].port", "tcp, 443", "services[0].port", ""),
    # addresses
    "gateway elsewhere": ([("gateway: 10.20.30.1", "gateway: 10.20.31.1")], 22, "vlans[1] (30).subnets[0].gateway", "hors de 10.20.30.0/24", "routeur", ""),
    "gateway that is the network": ([("gateway: 10.20.30.1", "gateway: 10.20.30.0")], 22, "vlans[1] (30).subnets[0].gateway", "tout le préfixe", "ni la première ni la dernière", ""),
    "broadcast address": ([("[10.20.30.101]", "[10.20.30.255]")], 38, "devices[1] (gw-101).addresses[0]", "tout le préfixe", "ni la première ni la dernière", ""),
    "overlap": ([("prefix: 10.20.30.0/24", "prefix: 10.20.10.0/23"), ("gateway: 10.20.30.1", "gateway: 10.20.11.1"), ("10.20.30.101", "10.20.11.101")], 21, "vlans[1] (30).subnets[0].prefix", "recouvre 10.20.10.0/24 (VLAN 10, ligne 15)", "disjoints", ""),
    "subnet out of scope": ([('[10.20.0.0/16, "fd20::/48"]', "[10.20.10.0/24]")], 21, "vlans[1] (30).subnets[0].prefix", "hors du périmètre", "scope.exclude", ""),
    "scope without bounds": ([('"fd20::/48"', '"::/0"')], 6, "scope.networks[1]", "tout Internet", "périmètre", ""),
    "address in no subnet": ([("[10.20.30.101]", "[10.20.33.101]")], 38, "devices[1] (gw-101).addresses[0]", "aucun préfixe déclaré", "zone log", ""),
    "address out of scope": ([("    role: gateway\n    zone: log\n", "    role: gateway\n    zone: ext\n"), ("zones:", "zones:\n  - {id: ext, kind: wan}"), ("[10.20.30.101]", "[192.0.2.1]")], 39, "devices[1] (gw-101).addresses[0]", "hors du périmètre", "scope.networks", ""),
    "device in another zone": ([("[10.20.30.101]", "[10.20.10.101]")], 36, "devices[1] (gw-101).zone", "aucune adresse", "la zone d'une de ses adresses : adm", ""),
    "address twice": ([("[10.20.30.101]", "[10.20.30.101, 10.20.10.2]")], 38, "devices[1] (gw-101).addresses[1]", "déjà écrite ligne 27", "devices[0] (sw-coeur).addresses[0]", ""),
    # ways out
    "end of a way out": (_out(WAY.replace("essai", "esai")), 57, "egress[0].endpoint", "« esai »", "sous « devices »", "esai : essai ?"),
    "end inside the building": (_out(WAY.replace("essai", "sw-coeur")), 57, "egress[0].endpoint", "de type administration", "zone de type wan", ""),
    "shared with nobody": (_out(WAY.replace("dedicated", "shared")), 57, "egress[0].kind", "ne vont pas ensemble", "shared_with : [zones] avec kind: shared", ""),
    "dedicated and shared": (_out(f"{WAY}, shared_with: [log]"), 57, "egress[0].kind", "ne vont pas ensemble", "avec kind: shared", ""),
    "kind of a way out": (_out(WAY.replace("dedicated", "dedicate")), 57, "egress[0].kind", "« dedicate »", "dedicated, shared", "dedicate : dedicated ?"),
    "zone of a way out": (_out(f"{WAY}, zones: [lgo]"), 57, "egress[0].zones[0]", "« lgo »", "sous « zones »", "lgo : log ?"),
    "sharer of a way out": (_out(f"{WAY.replace('dedicated', 'shared')}, shared_with: [lgo]"), 57, "egress[0].shared_with[0]", "« lgo »", "sous « zones »", "lgo : log ?"),
    "two ways out of one zone": (_out(f"{WAY}, zones: [log]", f"{WAY}, zones: [adm, log]"), 58, "egress[1].zones[1]", "déjà écrit ligne 57", "egress[0].zones[0]", ""),
    "two ways out of the rest": (_out(WAY, WAY), 58, "egress[1]", "après celle de la ligne 57", "sauf une", ""),
    "no operator": (_out("kind: dedicated, endpoint: essai, operator: []"), 57, "egress[0].operator", "", "au moins 1", ""),
    "operator of everything": (_out(WAY.replace("192.0.2.0/24", "0.0.0.0/0")), 57, "egress[0].operator[0]", "plus large", "seuls routeurs de l'opérateur", ""),
    "operator of half of everything over IPv6": (_out(WAY.replace("192.0.2.0/24", '"2000::/3"')), 57, "egress[0].operator[0]", "plus large", "seuls routeurs de l'opérateur", ""),
    "operator of the building": (_out(WAY.replace("192.0.2.0/24", "10.20.0.0/16")), 57, "egress[0].operator[0]", "recouvre 10.20.10.0/24 (VLAN 10)", "seuls routeurs de l'opérateur", ""),
    "hop without an address": (_out(f"{WAY}, hops: [{{addresses: []}}]"), 57, "egress[0].hops[0].addresses", "", "au moins 1", ""),
    # mandate, files
    "intrusive without a mandate": ([("zones:", "  intrusiveness: intrusive\nzones:")], 7, "scope.intrusiveness", "sans mandat", "« mandate »", ""),
    "trust that is not there": ([("tls: true", "tls: true\n        trust: [ca.pem]")], 43, "devices[1] (gw-101).services[0].trust[0]", "« ca.pem », un fichier absent", "certificat PEM", ""),
}  # fmt: skip


def test_the_sample_has_no_problem(tmp_path: Path) -> None:
    assert site_problems(SITE, tmp_path) == []


@pytest.mark.parametrize(
    "key",
    [KEY, f"{KEY} root@sw-coeur", "SHA256:KdDXhlrUBwPHdgEwWL0HHLVrh1HnVhmtXcYQSSGVb4I", "SHA256:" + "a" * 43 + "="],
)
@pytest.mark.parametrize("credential", ["password: env:A", "private_key: file:cles/auditeur"])
def test_a_command_line_with_a_pinned_key(key: str, credential: str, tmp_path: Path) -> None:
    access = SSH.replace(KEY, key) + f"        {credential}\n      snmp:\n"
    assert site_problems(edited(SITE, ("      snmp:\n", access)), tmp_path) == []


@pytest.mark.parametrize("name", WRONG)
def test_wrong_site(name: str, tmp_path: Path) -> None:
    changes, line, path, found, expected, near_miss = WRONG[name]
    problems = site_problems(edited(SITE, *changes), tmp_path)
    assert len(problems) == 1, "\n".join(map(str, problems))
    (problem,) = problems
    assert (problem.path or "(document)", problem.line) == (path, line)
    assert found in problem.found
    assert expected in problem.expected
    assert problem.near_miss == near_miss
    assert problem.file.endswith("site.yaml")
