"""What looks like a secret is cut; what a judgement rests on stays."""

from __future__ import annotations

import time

import pytest

from probes.ssh.redact import CUT, redacted

SECRETS = [
    ("username admin privilege 15 secret 9 $9$abc$def", "admin"),
    ("enable secret 5 $1$mERr$hx5rVt7rPNoS4wqbXKX7m0", "mERr"),
    ("enable password cisco", "cisco"),
    ("snmp-server community public RO", "public"),
    ("snmp-server host 10.0.0.1 version 2c prive", "prive"),
    ("snmp-server user u g v3 auth sha Motdepasse priv aes 128 Autre", "Motdepasse"),
    ("snmp-agent community write cipher %^%#xyz", "xyz"),
    (" local-user admin password irreversible-cipher $1c$abc$def$", "def"),
    ("radius-server host 10.0.0.4 key 7 094F471A1A0A", "094F471A1A0A"),
    ("radius server r\n address ipv4 10.0.0.4\n key 7 094F471A1A0A", "094F471A1A0A"),
    ("  password 7 05080F1C2243", "05080F1C2243"),
    ("ntp authentication-key 1 md5 1543595F50 7", "1543595F50"),
    ("tacacs-server key: secret", "secret"),
    ("wpa-psk ascii 0 motdepasse", "motdepasse"),
    ('set system root-authentication encrypted-password "$6$sel$hachage"', "hachage"),
    ("key-string 7 0822455D0A16", "0822455D0A16"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----", "MIIEow"),
    ("  30820122 300D0609 2A864886 F70D0101 01050003 82010F00 3082010A 02820101", "F70D0101"),
    ("echo mot-de-passe-de-nous", "mot-de-passe-de-nous"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "secret"), SECRETS)
def test_cut_of_a_configuration(line: str, secret: str) -> None:
    text, lines = redacted("show running-config", f"vlan 10\n{line}\nend", ["mot-de-passe-de-nous"])
    assert secret not in text
    assert CUT in text
    assert lines >= 1
    assert text.split("\n")[0] == "vlan 10"
    assert text.split("\n")[-1] == "end"
    assert text.count("\n") == line.count("\n") + 2


KEPT = """\
hostname sw-acces
vlan 20
 name technique
ip dhcp snooping vlan 20,30
ip dhcp snooping
ip arp inspection vlan 20
spanning-tree portfast bpduguard default
interface GigabitEthernet1/0/1
 description Vers le logement 101
 switchport access vlan 30
 switchport mode access
 switchport port-security maximum 2
 storm-control broadcast level 1.00
 spanning-tree guard root
 ip verify source port-security
 no shutdown"""


def test_what_is_judged_stays() -> None:
    assert redacted("show running-config", KEPT, ["Tr0ub4dor"]) == (KEPT, 0)


TABLE = """\
VLAN Name                             Status    Ports
---- -------------------------------- --------- -------------------------------
1    default                          active
20   key management                   active    Gi1/0/1, Gi1/0/2
30   secret garden                    active    Gi1/0/3"""


def test_a_name_in_a_table_is_no_secret() -> None:
    assert redacted("show vlan", TABLE, []) == (TABLE, 0)


def test_a_secret_by_its_form_is_cut_of_a_table_too() -> None:
    text, lines = redacted("show vlan", TABLE + "\n40   $6$sel$hachage  active\nusername a secret b", [])
    assert "hachage" not in text
    assert "secret b" not in text
    assert lines == 2


def test_a_block_without_its_end_takes_not_everything() -> None:
    text, _ = redacted("show running-config", "-----BEGIN X-----\n" + "a\n" * 300 + "vlan 10", [])
    assert text.endswith("vlan 10")


@pytest.mark.parametrize("piece", ["key ", "$1$", "a" * 50 + " ", "-----BEGIN ", "user ", ": = ", "\t "])
def test_time_is_that_of_the_length(piece: str) -> None:
    started = time.monotonic()
    redacted("show running-config", "\n".join([(piece * 4096)[:4096]] * 250), ["Tr0ub4dor"])
    assert time.monotonic() - started < 5
