"""The profile and the checks of this version fit together."""

from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from probes.registry import checks, collectors
from probes.tls.suites import SUITES, has_forward_secrecy, is_cbc
from r2s_audit.files.profile import load_policy, load_profile
from r2s_audit.model.profile import ShareOver, Sourced
from r2s_audit.model.site import Intrusiveness
from r2s_audit.scoring.consistency import unknown_checks
from tests.profiles.label import NAME, PROFILES, profile

USED = {
    "dot1x.port-closed": {"S1.1"},
    "dot1x.authenticator-answers": {"S1.1"},
    "dot1x.authentication-opens-port": {"S1.1"},
    "dot1x.bad-credentials-refused": {"S1.1"},
    "ipv6.ra-present": {"C3.3"},
    "ipv6.ra-declared": {"S1.2"},
    "ipv6.dhcp-declared": {"S1.2"},
    "ipv6.address-formed": {"C3.3"},
    "ipv6.rdnss-or-dhcp": {"C3.3"},
    "ipv6.neighbours-answer": {"C3.3"},
    "ipv6.gateway-echo": {"C3.3"},
    "ipv6.in-use": {"C3.3"},
    "joined.vlans-hold": {"S1.3"},
    "joined.vlans-dedicated": {"C1.2"},
    "services.answers": {"C1.3", "C2.3"},
    "services.class": {"S1.4"},
    "services.mqtt-anonymous": {"S1.4"},
    "services.rtsp-clear": {"S1.4"},
    "snmp.core-objects": {"C3.2"},
    "snmp.identity-filled": {"C3.2"},
    "snmp.legacy-refused": {"C3.2", "S1.2"},
    "snmp.level-enforced": {"C3.2"},
    "snmp.access-ports": {"S1.3"},
    "snmp.no-foreign-equipment": {"C1.2"},
    "snmp.native-vlan": {"S1.3"},
    "snmp.ingress-filtered": {"S1.3"},
    "snmp.unused-ports": {"S1.2"},
    "snmp.admin-vlan": {"S1.3"},
    "snmp.trunks-declared": {"S1.3"},
    "snmp.learnt-in-place": {"S1.3"},
    "vlan.no-proxy": {"S1.3"},
    "vlan.control-protocols": {"S1.3"},
    "vlan.foreign-frames": {"S1.3"},
    "vlan.sent-tag": {"S1.3"},
    "vlan.double-tag": {"S1.3"},
    "snmp.usm-strength": {"C3.2", "S1.4"},
    "snmp.lldp-complete": {"C1.2", "C3.2"},
    "snmp.vlans-declared": {"S1.3"},
    "snmp.dot1q-version": {"S1.3"},
    "ssh.layer2-protections": {"S1.2"},
    "tls.versions": {"S1.4"},
    "tls.suites": {"S1.4"},
    "tls.certificate": {"S1.4"},
    "tls.chain": {"S1.4"},
    "vlan.icmp-isolated": {"S1.2", "S1.3"},
    "vlan.tcp-isolated": {"S1.2", "S1.3"},
    "vlan.udp-isolated": {"S1.2", "S1.3"},
    "vlan.sentinels-isolated": {"S1.2", "S1.3"},
    "vlan.udp-sentinels-isolated": {"S1.2", "S1.3"},
    "vlan.no-return-hole": {"S1.2", "S1.3"},
    "vlan.dhcp-declared": {"S1.2"},
    "vlan.no-box": {"C1.2"},
    "vlan.egress": {"C1.2"},
    "vlan.flows-open": {"S1.3"},
    "vlan.admin-unreachable": {"C3.2", "S1.2"},
    "vlan.zones-count": {"S1.3"},
    "vlan.dwellings-isolated": {"C2.2", "S1.3"},
    "vlan.point-alive": {"C1.3"},
}
"""Which requirements each check evidences."""


def criteria(check):
    return [c for r in profile().requirements for c in r.criteria if c.check == check]


def criterion(name):
    return next(c for r in profile().requirements for c in r.criteria if c.id == name)


def test_every_check_is_known():
    assert unknown_checks(profile(), checks()) == []


@pytest.mark.parametrize("check", USED)
def test_each_check_evidences_the_stated_requirements(check):
    assert {r.id for r in profile().requirements if any(c.check == check for c in r.criteria)} == USED[check]


def test_no_other_check_is_used():
    assert {c.check for r in profile().requirements for c in r.criteria if c.check} == USED.keys()


@pytest.mark.parametrize("check", USED)
def test_parameters_are_those_of_the_check(check):
    for each in criteria(check):
        values = {name: sourced.value for name, sourced in each.parameters.items()}
        checks()[check].Parameters.model_validate(values)


def test_the_loader_takes_the_profile_with_its_checks():
    loaded = load_profile(NAME, {name: check.Parameters for name, check in checks().items()})
    assert loaded.profile == profile()


@pytest.mark.parametrize(
    ("name", "atteint", "partiel"),
    [
        ("C3.2-objets", "1", "4/5"),
        ("C1.2-inventaire", "1", "4/5"),
        ("C1.3-points", "0.95", "4/5"),
        ("S1.3-icmp", "1", "0.95"),
        ("S1.3-tcp", "1", "0.95"),
        ("S1.4-tls-versions", "1", "0.9"),
        ("S1.1-ports", "0.95", "1/2"),
        ("C3.1-terrain", "0.9", "0.6"),
        ("S1.2-couche2", "4/5", "1/2"),
    ],
)
def test_thresholds_of_the_requirements(name, atteint, partiel):
    over = criterion(name).over
    assert isinstance(over, ShareOver)
    assert (over.atteint.value, over.partiel.value) == (atteint, partiel)


def test_thresholds_within_one_switch():
    stated = criterion("S1.2-ports-inutilises").parameters
    assert {name: value.value for name, value in stated.items()} == {"atteint": "0.95", "partiel": "0.7"}


class TestTlsPolicy:
    policy = YAML(typ="safe").load(PROFILES / "policies" / "tls-anssi.yaml")

    def test_the_loader_takes_it(self):
        assert load_policy("tls-anssi").document.data["id"] == "tls-anssi"

    def test_every_value_has_its_source(self):
        values = [v for section in self.policy["checks"].values() for v in section.values()]
        values += self.policy["awaiting"].values()
        for value in values:
            assert Sourced[object].model_validate(value).reference
        assert len(values) > 15

    @pytest.mark.parametrize("check", policy["checks"])
    def test_the_profile_repeats_it(self, check):
        """The selection of rules is the criterion's own, and together the criteria select all of them."""
        stated = {name: (v["value"], v["source"], v["reference"]) for name, v in self.policy["checks"][check].items()}
        rules = stated.pop("rules", None)
        selected = []
        for each in criteria(check):
            repeated = {n: (s.value, s.source.value, s.reference) for n, s in each.parameters.items()}
            chosen = repeated.pop("rules", None)
            selected += chosen[0] if chosen else []
            assert repeated == stated, each.id
        assert selected == (rules[0] if rules else [])

    def test_suites_are_what_the_note_asks_for(self):
        lists = self.policy["checks"]["tls.suites"]["suites"]["value"]
        recommended, tolerated = (
            [SUITES[int(code, 16)] for code in lists[kind]] for kind in ("recommended", "tolerated")
        )
        assert len(recommended) == 12
        assert not set(recommended) & set(tolerated)
        for name in recommended + tolerated:
            assert has_forward_secrecy(name), name
            assert not name.endswith(("_SHA", "_MD5", "_CCM_8")), name
            assert any(word in name for word in ("AES_128", "AES_256", "CHACHA20")), name
        assert not any(is_cbc(name) for name in recommended)
        assert all(is_cbc(name) or "_DHE_" in name for name in tolerated)

    def test_a_comment_beside_a_code_point_names_that_suite(self):
        lines = (PROFILES / "policies" / "tls-anssi.yaml").read_text(encoding="utf-8").splitlines()
        named = [[*line.split('"')[1::2], line.rpartition("# ")[2]] for line in lines if '- "0x' in line]
        assert len(named) == 23
        for code, name in named:
            assert SUITES[int(code, 16)] == name


def test_a_mandate_names_a_check_and_its_collector_by_one_word():
    """The gate asks for the collector's name what the site file lists as a check's."""
    intrusive = {name for name, spec in collectors().items() if spec.intrusiveness is Intrusiveness.INTRUSIVE}
    assert intrusive == {name for name, check in checks().items() if check.intrusiveness is Intrusiveness.INTRUSIVE}
    assert intrusive
