"""Who speaks for a switch, as tables: its agent, its command line, or nobody; and that losing one never decides."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.api import Evidence, NotVerified
from probes.snmp.facts import BridgeFacts, SystemFacts
from probes.switching.facts import CliUsed, CommandGap, Protections, SwitchFacts, SwitchPort, SwitchVlan
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg
from tests.probes.snmp.conftest import USM, build_site
from tests.probes.snmp.test_checks import BY_ID, SANE_PORTS, SOCKETS, USED, gap, observed, parameters, switched

SSH = {"platform": "cisco_ios", "user": "auditeur", "host_key": f"SHA256:{'A' * 43}", "password": "env:SSH"}
COMMANDS = ("show vlan", "show interfaces switchport", "show interfaces status")
LINK = {"switch": "sw-coeur", "port": "tr1", "link": True}
CHECKS = (
    "snmp.vlans-declared",
    "snmp.access-ports",
    "snmp.native-vlan",
    "snmp.admin-vlan",
    "snmp.trunks-declared",
    "snmp.unused-ports",
    "snmp.ingress-filtered",
)
SAID_BY_BOTH = CHECKS[:5]
"""Checks that SNMP decides where it can, and the command line where it cannot."""


def building(*, snmp=True, ssh=True):
    """Two sockets and a link on one switch, which is administered as asked; port names as the command line abbreviates."""
    switch = {
        "id": "sw-coeur",
        "role": "switch",
        "zone": "adm",
        "addresses": ["127.0.0.1"],
        "admin": {"snmp": USM if snmp else None, "ssh": SSH if ssh else None},
        "other_ports": [],
    }
    other = {"id": "routeur", "role": "router", "zone": "adm", "addresses": ["127.0.0.3"], "attached_to": [LINK]}
    return build_site(devices=[switch, other], sockets=SOCKETS)


def access(name, vlan, **changes):
    return SwitchPort(
        name=name,
        mode="access",
        pvid=vlan,
        untagged=((vlan, vlan),),
        tagged=(),
        **{"enabled": True, "up": True} | changes,
    )


def trunk(name, tagged=((1, 4094),), native=1, **changes):
    return SwitchPort(
        name=name,
        mode="trunk",
        pvid=native,
        untagged=((native, native),),
        tagged=tagged,
        **{"enabled": True, "up": True} | changes,
    )


SANE = (access("ge1", 10), access("Et2", 30), trunk("tr1"))
"""``Et2`` is what this switch makes of the declared ``Ethernet 2``."""


def cli(ports=SANE, vlans=(1, 10, 20, 30), gaps=()):
    return SwitchFacts(
        platform="cisco_ios",
        used=CliUsed(
            address="127.0.0.1", port=22, platform="cisco_ios", host_key=f"SHA256:{'A' * 43}", commands=COMMANDS
        ),
        vlans=None if vlans is None else tuple(SwitchVlan(id=v) for v in vlans),
        ports=None if ports is None else tuple(ports),
        gaps=gaps,
    )


MUTE = BridgeFacts(used=USED)
"""An agent that answers, to the end, and has no table of VLANs."""
BY_AGENT = switched(SANE_PORTS)


def judge(check, topology, facts):
    """Judge the switch by facts or failures of each collector; one that is not there was not asked."""
    chosen = parameters(check)
    (subject,) = (s for s in BY_ID[check].subjects(topology, chosen) if s.target == "sw-coeur")
    asked = BY_ID[check].requests(topology, subject, chosen)
    found = {r.key: observed(r, facts[r.collector]) for r in asked if r.collector in facts}
    return BY_ID[check].judge(subject, Evidence(topology, found), chosen)


def value(check, topology, facts):
    try:
        return judge(check, topology, facts).value
    except NotVerified:
        return None


@pytest.mark.parametrize("check", SAID_BY_BOTH)
def test_the_agent_speaks_where_it_can_whatever_the_command_line_says(check):
    wrong = cli(ports=(access("ge1", 30), trunk("Et2")), vlans=(1, 77))
    for other in ({}, {"ssh.switch": wrong}, {"ssh.switch": Failure.TIMEOUT}):
        found = judge(check, building(), {**BY_AGENT, **other})
        assert found.value == "C"
        assert str(found.measured).endswith("selon SNMP")


@pytest.mark.parametrize("check", SAID_BY_BOTH)
def test_the_command_line_speaks_where_the_agent_has_no_tables(check):
    facts = {"snmp.bridge": MUTE, "snmp.system": SystemFacts(used=USED), "ssh.switch": cli()}
    found = judge(check, building(), facts)
    assert found.value == "C"
    assert str(found.measured).endswith(
        "selon show vlan, show interfaces switchport, show interfaces status (cisco_ios)"
    )
    with pytest.raises(NotVerified, match="l'agent n'offre"):
        judge(check, building(ssh=False), facts)


@pytest.mark.parametrize("check", SAID_BY_BOTH)
def test_nobody_speaks_where_the_agent_could_not_be_asked(check):
    for lost in (
        {"ssh.switch": cli()},
        {"ssh.switch": cli(), "snmp.bridge": Failure.TIMEOUT, "snmp.system": Failure.TIMEOUT},
        {"ssh.switch": cli(), "snmp.bridge": MUTE.model_copy(update={"gaps": (gap("vtpVlanTable"),)})},
        {"ssh.switch": cli(), "snmp.bridge": MUTE.model_copy(update={"gaps": (gap("dot1qVlanStaticTable"),)})},
        {"snmp.bridge": MUTE, "snmp.system": SystemFacts(used=USED)},
        {"snmp.bridge": MUTE, "snmp.system": SystemFacts(used=USED), "ssh.switch": Failure.ACCESS_DENIED},
    ):
        assert value(check, building(), lost) is None


@pytest.mark.parametrize("check", CHECKS)
def test_where_there_is_no_agent_the_command_line_is_asked_alone(check):
    topology, chosen = building(snmp=False), parameters(check)
    (subject,) = (s for s in BY_ID[check].subjects(topology, chosen) if s.target == "sw-coeur")
    asked = BY_ID[check].requests(topology, subject, chosen)
    assert subject.point == "P-ADM"
    assert {r.collector for r in asked} == ({"ssh.switch"} if check != "snmp.ingress-filtered" else set())
    assert all(r.param("address") == "127.0.0.1" and r.param("port") == 22 for r in asked)
    assert value(check, topology, {}) is None


@pytest.mark.parametrize("check", CHECKS)
def test_without_a_command_line_nobody_asks_for_one(check):
    topology, chosen = building(ssh=False), parameters(check)
    for subject in BY_ID[check].subjects(topology, chosen):
        assert "ssh.switch" not in {r.collector for r in BY_ID[check].requests(topology, subject, chosen)}


ONE_OFF = SwitchPort(name="Et2", mode="other", enabled=True)
UNREAD = CommandGap(command="show interfaces switchport", failure=Failure.NOT_SUPPORTED, reason=msg("réponse vide"))
BARE = tuple(SwitchPort(name=p.name, enabled=p.enabled) for p in SANE)

# What the command line says, and per check what it is worth: C, N, P, or None for not verified.
TABLE = {
    "sane": (cli(), {"snmp.ingress-filtered": None}),
    "the voice VLAN leaves an access port with a tag": (
        cli((SANE[0], SANE[1].model_copy(update={"tagged": ((20, 20),)}), SANE[2])),
        {"snmp.access-ports": "N", "snmp.trunks-declared": "N", "snmp.native-vlan": "N"},
    ),
    "a voice VLAN that does not exist passes nothing": (
        cli((SANE[0], SANE[1].model_copy(update={"tagged": ((200, 200),)}), SANE[2])),
        {},
    ),
    "another VLAN": (cli((SANE[0], access("Et2", 20), SANE[2])), {"snmp.access-ports": "N"}),
    "in no VLAN": (
        cli((SANE[0], SwitchPort(name="Et2", mode="routed", untagged=(), tagged=(), enabled=True), SANE[2])),
        {"snmp.access-ports": "N"},
    ),
    "administration in VLAN 1": (cli((access("ge1", 1), *SANE[1:])), {"snmp.access-ports": "N", "snmp.admin-vlan": "N"}),
    "a used native VLAN": (cli((*SANE[:2], trunk("tr1", native=20))), {"snmp.native-vlan": "N"}),
    "a port that makes a trunk of whoever asks": (
        cli((SANE[0], SANE[1].model_copy(update={"negotiable": "auto"}), SANE[2])),
        {"snmp.trunks-declared": "N"},
    ),
    "an undeclared trunk": (
        cli((*SANE, trunk("Gi1/0/24"))),
        {"snmp.trunks-declared": "N", "snmp.unused-ports": "N"},
    ),
    "every VLAN of a trunk is one that exists": (
        cli((*SANE[:2], trunk("tr1", tagged=((2, 9), (11, 19), (31, 4094))))),
        {},  # nothing of it exists: no trunk at all
    ),
    "a VLAN is missing": (cli(vlans=(1, 10, 30)), {"snmp.vlans-declared": "N"}),
    "a VLAN more": (cli(vlans=(1, 10, 20, 30, 99)), {"snmp.vlans-declared": "P"}),
    "a VLAN is shut down": (
        cli().model_copy(update={"vlans": (*cli().vlans[:3], SwitchVlan(id=30, active=False))}),
        {"snmp.vlans-declared": "N"},
    ),
    "a port of which nothing is said": (
        cli((SANE[0], ONE_OFF, SANE[2])),
        {"snmp.access-ports": None, "snmp.native-vlan": None, "snmp.trunks-declared": None},
    ),
    "a member of an aggregate, which has the VLANs": (
        cli((*SANE, SwitchPort(name="Gi1/0/9", mode="member", enabled=True))),
        {"snmp.unused-ports": "N"},
    ),
    "a declared port is not there": (
        cli((SANE[0], SANE[2])),
        {"snmp.access-ports": None, "snmp.unused-ports": None},
    ),
    "a declared link is not there": (
        cli((*SANE[:2], trunk("Gi1/0/1"))),
        {"snmp.trunks-declared": None, "snmp.unused-ports": None},
    ),
    "what a port is was not read": (
        cli(BARE, gaps=(UNREAD,)),
        {"snmp.access-ports": None, "snmp.admin-vlan": None, "snmp.native-vlan": None, "snmp.trunks-declared": None},
    ),
    "VLANs were not read": (
        cli(vlans=None, gaps=(UNREAD,)),
        dict.fromkeys(SAID_BY_BOTH) | {"snmp.unused-ports": "C"},
    ),
    "nothing was read": (cli(None, None, gaps=(UNREAD,)), dict.fromkeys(CHECKS)),
    "an unused port is down": (cli((*SANE, access("ge9", 1, enabled=False))), {"snmp.unused-ports": "C"}),
    "an unused port does not say its state": (
        cli((*SANE, access("ge9", 1, enabled=None))),
        {"snmp.unused-ports": None},
    ),
    "aggregates and the switch's own interfaces are no unused ports": (
        cli((*SANE, access("Po9", 1), access("vlan10", 1), access("Trk2", 1))),
        {},
    ),
}  # fmt: skip
SANS_OBJET = {"snmp.unused-ports"}
"""C in the table stands for no unused port at all here."""


@pytest.mark.parametrize("name", TABLE)
def test_by_the_command_line_alone(name):
    facts, expected = TABLE[name]
    topology = building(snmp=False)
    sane = dict.fromkeys(CHECKS, "C") | {"snmp.ingress-filtered": None}
    found = {check: value(check, topology, {"ssh.switch": facts}) for check in CHECKS}
    if found["snmp.unused-ports"] == "sans_objet":
        found["snmp.unused-ports"] = "C"
    assert found == sane | expected


def test_unused_ports_are_those_of_the_command_line_where_the_agent_names_no_port_of_the_bridge():
    said = cli((*SANE, access("ge9", 1, enabled=False)))
    facts = {"snmp.bridge": MUTE, "snmp.system": SystemFacts(used=USED), "ssh.switch": said}
    found = judge("snmp.unused-ports", building(), facts)
    assert found.value == "C"
    assert str(found.measured).startswith("ports sans usage déclaré, tous désactivés : 1 ; selon show vlan")
    cut = MUTE.model_copy(update={"gaps": (gap("dot1dBasePortTable"),)})
    assert value("snmp.unused-ports", building(), {**facts, "snmp.bridge": cut}) is None
    assert value("snmp.unused-ports", building(), {**facts, "ssh.switch": Failure.TIMEOUT}) is None


def test_a_port_of_the_switchs_own_management_is_known_by_the_configuration():
    said = cli((SANE[0], SANE[2]))  # the list leaves out the declared Ethernet 2
    assert value("snmp.unused-ports", building(snmp=False), {"ssh.switch": said}) is None
    named = said.model_copy(update={"protections": Protections(interfaces=("ge1", "Ethernet2", "tr1"))})
    assert value("snmp.unused-ports", building(snmp=False), {"ssh.switch": named}) == "sans_objet"


def test_two_ports_of_one_spelling_are_no_port():
    ports = (SANE[0], access("Et2", 30), access("Eth2", 30), SANE[2])
    assert value("snmp.access-ports", building(snmp=False), {"ssh.switch": cli(ports)}) is None


OBSERVED = {
    "snmp.bridge": [MUTE, BY_AGENT["snmp.bridge"], switched({})["snmp.bridge"], Failure.TIMEOUT,
                    switched(SANE_PORTS, gaps=(gap("dot1qVlanStaticTable"),))["snmp.bridge"],
                    switched({**SANE_PORTS, 20: ((2, 3), (2,))})["snmp.bridge"]],
    "snmp.system": [BY_AGENT["snmp.system"], SystemFacts(used=USED), Failure.REFUSED],
    "ssh.switch": [*(facts for facts, _ in TABLE.values()), Failure.TIMEOUT],
}  # fmt: skip


LOSSES = st.sets(st.sampled_from(list(OBSERVED)), min_size=1)
FACTS = st.fixed_dictionaries({name: st.sampled_from(facts) for name, facts in OBSERVED.items()})


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(FACTS, LOSSES, st.booleans())
def test_losing_an_observation_never_narrows(facts, lost, failed):
    """Invariant of the algebra: taken away or failed, what remains says the same, or nothing."""
    less = {name: Failure.STOPPED if name in lost else told for name, told in facts.items()}
    if not failed:
        less = {name: told for name, told in less.items() if name not in lost}
    for topology in (BOTH, building(ssh=False), building(snmp=False)):
        for check in CHECKS:
            assert value(check, topology, less) in {value(check, topology, facts), None}, check


BOTH = building()


@pytest.mark.parametrize("check", CHECKS)
def test_the_command_line_never_contradicts_an_agent_that_is_lost(check):
    """The same, whole: every pair of what an agent and a command line may say, without the agent."""
    for bridge in OBSERVED["snmp.bridge"]:
        for said in OBSERVED["ssh.switch"]:
            facts = {"snmp.bridge": bridge, "snmp.system": BY_AGENT["snmp.system"], "ssh.switch": said}
            for lost in facts:
                less = {name: told for name, told in facts.items() if name != lost}
                assert value(check, BOTH, less) in {value(check, BOTH, facts), None}
