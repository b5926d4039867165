"""Layer-2 protections: configurations written for this, what they protect, what is kept of them, and what it is worth."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.api import Evidence, NoParameters, NotVerified
from probes.ssh.check_protections import Layer2Protections
from probes.ssh.platforms import commands, facts_of, keepable
from probes.ssh.protections import COMMAND, kept
from probes.switching.facts import CommandGap, SwitchFacts
from r2s_audit.model.observation import Failure, Observation
from r2s_audit.model.site import Site
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology

CHECK = Layer2Protections()
NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = (
    "storm-control",
    "multicast-snooping",
    "root-guard",
    "bpdu-guard",
    "dhcp-snooping",
    "source-guard",
    "arp-inspection",
)

WHOLE = """hostname sw-palier-3
enable secret 9 $9$secretdelenable
username secours privilege 15 secret 9 $9$unautresecret
aaa new-model
ip dhcp snooping vlan 10,20,30
no ip dhcp snooping information option
ip dhcp snooping
ip arp inspection vlan 10,20,30
ip arp inspection validate src-mac dst-mac ip
ip arp inspection vlan 10,20,30 logging acl-match none
spanning-tree mode rapid-pvst
spanning-tree extend system-id
spanning-tree portfast edge bpduguard default
template PRISES
 spanning-tree bpduguard enable
 storm-control broadcast level 3.00
interface GigabitEthernet1/0/1
 description storm-control password de la prise 12
 switchport access vlan 10
 switchport mode access
 storm-control broadcast level 1.00
 storm-control action shutdown
 spanning-tree portfast edge
 spanning-tree guard root
 ip verify source
interface GigabitEthernet1/0/2
 switchport access vlan 30
 switchport mode access
 ip dhcp snooping limit rate 10
 storm-control broadcast level bps 1m 500k
 spanning-tree portfast
 spanning-tree bpduguard enable
 ip verify source port-security
interface TenGigabitEthernet1/1/1
 switchport mode trunk
 ip dhcp snooping trust
 ip arp inspection trust
interface Vlan10
 ip address 10.0.10.2 255.255.255.0
snmp-server community lecture RO
line vty 0 4
 password 7 0822455D0A16
end
"""
TRUST = ("ip dhcp snooping trust", "ip arp inspection trust")


def filtered(configuration):
    """What a switch answers to the command: lines that its expression is found in."""
    expression = COMMAND.partition("| include ")[2]
    return "\n".join(line for line in configuration.splitlines() if re.search(expression, line)) + "\n"


def site(*, ssh=True, sockets=(("s1", 10, "Gi1/0/1"), ("s2", 30, "Gi1/0/2")), platform="cisco_ios"):
    access = {"platform": platform, "user": "auditeur", "host_key": f"SHA256:{'A' * 43}", "password": "env:SSH"}
    return Topology(
        Site.model_validate(
            {
                "r2s_site": 1,
                "building": {"id": "b", "name": "B"},
                "scope": {"networks": ["10.0.0.0/8"]},
                "zones": [{"id": "adm", "kind": "administration"}, {"id": "log", "kind": "logements"}],
                "vlans": [
                    {"id": 10, "name": "ADMIN", "zone": "adm", "subnets": [{"prefix": "10.0.10.0/24"}]},
                    {"id": 20, "name": "GTB", "zone": "adm", "subnets": [{"prefix": "10.0.20.0/24"}]},
                    {"id": 30, "name": "LOG", "zone": "log"},
                ],
                "sockets": [
                    {"id": name, "zone": "adm", "vlan": vlan, "switch": "sw", "port": port}
                    for name, vlan, port in sockets
                ],
                "devices": [
                    {
                        "id": "sw",
                        "role": "switch",
                        "zone": "adm",
                        "addresses": ["10.0.10.2"],
                        "admin": {"ssh": access if ssh else None},
                    },
                    {
                        "id": "routeur",
                        "role": "router",
                        "zone": "adm",
                        "addresses": ["10.0.10.1"],
                        "attached_to": [{"switch": "sw", "port": "Te1/1/1", "link": True}],
                    },
                    {"id": "coeur", "role": "switch", "zone": "adm", "addresses": ["10.0.10.3"]},
                ],
                "points": [{"id": "P1", "socket": "s1", "interface": "eth0"}],
            }
        )
    )


def facts(configuration, platform="cisco_ios"):
    return facts_of(platform, {COMMAND: filtered(configuration)})


def verdicts(told, topology=None):
    """By protection: its value, or None for not verified; and the sentence."""
    topology = topology or site()
    found, words = {}, {}
    for subject in CHECK.subjects(topology, NoParameters()):
        (request,) = CHECK.requests(topology, subject, NoParameters())
        failed = isinstance(told, Failure)
        seen = Observation(
            request=request,
            pass_id="p1",
            state="failed" if failed else "completed",
            facts=None if failed else told.model_dump(mode="json"),
            failure=told if failed else None,
            reason=msg("échec") if failed else None,
            started=NOW,
            ended=NOW,
            collector_version="1",
        )
        name = subject.get("protection")
        try:
            judgement = CHECK.judge(subject, Evidence(topology, {request.key: seen}), NoParameters())
            found[name], words[name] = judgement.value.value, str(judgement.measured)
        except NotVerified as error:
            found[name], words[name] = None, str(error.reason)
    return found, words


def without(*lines, of=WHOLE):
    return "\n".join(line for line in of.splitlines() if line.strip() not in lines) + "\n"


def on_port_1(*lines):
    head = "interface GigabitEthernet1/0/1\n"
    return WHOLE.replace(head, head + "".join(f" {line}\n" for line in lines))


# A configuration, and what it lacks: all else is C.
TABLE = {
    "everything": (WHOLE, {}),
    "no storm control on one port": (without("storm-control broadcast level 1.00"), {"storm-control": "N"}),
    "storm control of another kind": (
        WHOLE.replace("storm-control broadcast level 1.00", "storm-control multicast level 1.00"),
        {"storm-control": "N"},
    ),
    "no IGMP snooping": (f"no ip igmp snooping\n{WHOLE}", {"multicast-snooping": "N"}),
    "no IGMP snooping in one VLAN": (f"no ip igmp snooping vlan 30\n{WHOLE}", {"multicast-snooping": "N"}),
    "MLD snooping instead": (f"no ip igmp snooping\nipv6 mld snooping\n{WHOLE}", {}),
    "no IGMP snooping where nobody is": (f"no ip igmp snooping vlan 77\n{WHOLE}", {}),
    "edge by default": (without("spanning-tree portfast edge").replace("template", "spanning-tree portfast default\ntemplate"), {}),
    "no edge, so no BPDU guard by default; the root is guarded": (without("spanning-tree portfast edge"), {"bpdu-guard": "N"}),
    "edge by default, not on a trunk": (
        without("spanning-tree portfast edge", of=WHOLE.replace(" vlan 10\n switchport mode access", " vlan 10\n switchport mode trunk")).replace(
            "template", "spanning-tree portfast default\ntemplate"
        ),
        {"bpdu-guard": "N"},
    ),
    "no guard at all on one port": (
        without("spanning-tree portfast edge", "spanning-tree guard root"),
        {"bpdu-guard": "N", "root-guard": "N"},
    ),
    "the guard is taken off one port": (
        on_port_1("spanning-tree bpduguard disable"),
        {"bpdu-guard": "N"},
    ),
    "BPDUs are dropped before any guard": (
        on_port_1("spanning-tree bpdufilter enable"),
        {"bpdu-guard": "N", "root-guard": "N"},
    ),
    "a network port is no edge": (
        WHOLE.replace("spanning-tree portfast edge\n", "spanning-tree portfast network\n"),
        {"bpdu-guard": "N"},
    ),
    "DHCP snooping is listed and not switched on": (without("ip dhcp snooping"), {"dhcp-snooping": "N"}),
    "DHCP snooping leaves out a VLAN": (
        WHOLE.replace("ip dhcp snooping vlan 10,20,30", "ip dhcp snooping vlan 10-29"),
        {"dhcp-snooping": "N"},
    ),
    "DHCP snooping in two lines": (
        WHOLE.replace("ip dhcp snooping vlan 10,20,30", "ip dhcp snooping vlan 10,20\nip dhcp snooping vlan 25-35"),
        {},
    ),
    "a socket is believed": (on_port_1(*TRUST), {"dhcp-snooping": "N", "arp-inspection": "N"}),
    "ARP inspection only logs": (without("ip arp inspection vlan 10,20,30"), {"arp-inspection": "N"}),
    "no source guard": (without("ip verify source"), {"source-guard": "N"}),
    "nothing": (
        "interface GigabitEthernet1/0/1\ninterface GigabitEthernet1/0/2\n",
        dict.fromkeys(NAMES, "N") | {"multicast-snooping": "C"},  # which is on by itself
    ),
    "a port takes its settings from elsewhere": (
        without("storm-control broadcast level 1.00", "ip verify source", of=on_port_1("source template PRISES")),
        dict.fromkeys(NAMES) | {"multicast-snooping": "C"},
    ),
    "one port is not known, another lacks it": (
        WHOLE.replace("GigabitEthernet1/0/1\n", "GigabitEthernet2/0/1\n").replace("storm-control broadcast level bps 1m 500k", ""),
        dict.fromkeys(NAMES) | {"multicast-snooping": "C", "storm-control": "N"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("platform", ["cisco_ios", "cisco_xe", "arista_eos"])
def test_configurations(name, platform):
    configuration, lacking = TABLE[name]
    found, _ = verdicts(facts(configuration, platform), site(platform=platform))
    assert found == dict.fromkeys(NAMES, "C") | lacking


def test_the_sentence_names_the_ports_and_the_vlans():
    _, words = verdicts(facts(without("storm-control broadcast level 1.00")))
    assert (
        words["storm-control"] == "absente des ports Gi1/0/1 (s1) et des VLAN – ; selon show running-config (cisco_ios)"
    )
    _, words = verdicts(facts(WHOLE.replace("snooping vlan 10,20,30", "snooping vlan 10")))
    assert words["dhcp-snooping"] == "absente des ports – et des VLAN 30 ; selon show running-config (cisco_ios)"


def test_arista_says_edge_port():
    eos = without("spanning-tree portfast edge bpduguard default").replace(
        "template", "spanning-tree edge-port bpduguard default\ntemplate"
    )
    assert verdicts(facts(eos, "arista_eos"))[0]["bpdu-guard"] == "C"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Failure.ACCESS_DENIED, "échec"),
        (facts_of("cisco_ios", {}), "aucune réponse"),
        (facts_of("cisco_ios", {COMMAND: "       ^\n% Invalid input detected at '^' marker.\n"}), "commande refusée"),
        (facts_of("cisco_ios", {COMMAND: "hostname x\n"}), "forme inconnue"),
        (SwitchFacts(platform="huawei_vrp"), "la ligne de commande de sw (huawei_vrp) ne le dit pas"),
        (
            SwitchFacts(
                platform="hp_comware",
                gaps=(CommandGap(command="display vlan", failure=Failure.TIMEOUT, reason=msg("x")),),
            ),
            "la ligne de commande de sw (hp_comware) ne le dit pas",
        ),
    ],
)
def test_what_was_not_read_is_not_verified(told, words):
    found, sentences = verdicts(told)
    assert found == dict.fromkeys(NAMES)
    assert all(words in sentence for sentence in sentences.values())


def test_without_an_access_nothing_is_asked_and_the_remedy_is_told():
    topology = site(ssh=False)
    subjects = list(CHECK.subjects(topology, NoParameters()))
    assert len(subjects) == len(NAMES)
    for subject in subjects:
        assert CHECK.requests(topology, subject, NoParameters()) == ()
        with pytest.raises(NotVerified, match=r"renseigner admin\.ssh"):
            CHECK.judge(subject, Evidence(topology, {}), NoParameters())


def test_a_switch_without_ports_of_end_devices_is_no_subject():
    assert {s.target for s in CHECK.subjects(site(), NoParameters())} == {"sw"}


SECRETS = ("secretdelenable", "unautresecret", "lecture", "0822455D0A16", "password", "aaa", "hostname", "description")


def test_the_command_asks_for_no_secret_and_what_holds_one_goes_no_further():
    answer = filtered(WHOLE)
    assert "storm-control password" in answer  # somebody's description has one of the words
    everything = facts_of("cisco_ios", {COMMAND: WHOLE})  # a switch that does not filter
    for text in (
        kept(WHOLE),
        keepable("cisco_ios", COMMAND, WHOLE),
        json.dumps(everything.model_dump(mode="json")),
        json.dumps(facts(WHOLE).model_dump(mode="json")),
    ):
        assert not [secret for secret in SECRETS if secret in text]
    assert everything.protections == facts(WHOLE).protections
    assert " storm-control broadcast level 1.00" in kept(answer).splitlines()


def test_a_configuration_that_nobody_asked_for_is_not_kept():
    assert keepable("cisco_ios", "show running-config", WHOLE) == ""
    assert keepable("cisco_ios", "show vlan", "VLAN Name\n") == "VLAN Name\n"
    assert COMMAND in commands("cisco_ios")
    assert len(COMMAND) < 200


@pytest.mark.parametrize("name", TABLE)
def test_the_record_alone_gives_the_same_facts(name):
    configuration, _ = TABLE[name]
    for answer in (configuration, filtered(configuration)):
        assert facts_of("cisco_ios", {COMMAND: kept(answer)}) == facts_of("cisco_ios", {COMMAND: answer})


@pytest.mark.parametrize(
    "answer",
    [
        "show running-config | include x\n     ^\n% Invalid input detected at '^' marker.",
        "interface Gi1/0/2\n^\n",
        "Command authorization failed s3cret",
    ],
)
def test_of_a_refusal_is_kept_that_it_is_one(answer):
    assert "s3cret" not in kept(answer)
    assert facts_of("cisco_ios", {COMMAND: kept(answer)}).gaps == facts_of("cisco_ios", {COMMAND: answer}).gaps


@given(st.lists(st.sampled_from(WHOLE.splitlines()) | st.text(max_size=80), max_size=40))
def test_what_is_kept_is_what_is_read(lines):
    """A line that is not kept says nothing."""
    text = "\n".join(lines)
    whole, rest = (facts_of("cisco_ios", {COMMAND: t}).protections for t in (text, kept(text)))
    assert rest == whole
