"""The building's command line, without a building: it answers all that a switch of its kind is asked, as the reading knows it."""

from __future__ import annotations

from probes.ssh.platforms import commands, facts_of
from r2s_audit.lab.command_line import session
from r2s_audit.lab.ios import Setting, State
from r2s_audit.lab.ovsdb import Port, Switch

SWITCH = Switch(
    address=bytes(6),
    spanning_tree="rstp",
    ageing=300,
    names={10: "ADMIN", 20: "GTB", 30: "LOG"},
    ports=(
        Port(1, "ge1", 101, 10, (), "access"),
        Port(2, "ge2", 102, 30, (), "access", protected=True),
        Port(3, "tr1", 103, None, (10, 20, 30), "trunk"),
        Port(4, "ge4", 104, None, (), "mirror"),
    ),
    learned=(),
)
SETTING = Setting(
    hostname="sw-essai",
    switch=(
        "username secours privilege 15 secret 9 $9$essai",
        "ip dhcp snooping",
        "ip dhcp snooping vlan 10,30",
        "ip arp inspection vlan 10",
    ),
    access=("storm-control broadcast level 1.00", "spanning-tree bpduguard enable", "ip verify source"),
    links=("ip dhcp snooping trust",),
    uplinks=frozenset({"tr1"}),
)


class Screen:
    def __init__(self) -> None:
        self.shown = ""

    def write(self, text: str) -> None:
        self.shown += text

    def key(self) -> str:
        return " "


def asked(command: str) -> str:
    screen = Screen()
    states = {"ge2": State(enabled=False, up=False)}
    session(["terminal length 0", command], screen, SETTING, lambda: (SWITCH, states))
    return screen.shown.removeprefix("sw-essai#sw-essai#").removesuffix("sw-essai#")


def test_every_command_is_answered_and_read_as_the_switch_is() -> None:
    facts = facts_of("cisco_ios", {command: asked(command) for command in commands("cisco_ios")})
    assert not facts.gaps
    assert facts.vlans is not None
    assert facts.ports is not None
    assert [(v.id, v.name) for v in facts.vlans if v.id != 1] == [(10, "ADMIN"), (20, "GTB"), (30, "LOG")]
    ports = {p.name: (p.mode, p.untagged, p.tagged, p.enabled) for p in facts.ports}
    assert ports == {
        "ge1": ("access", ((10, 10),), (), True),
        "ge2": ("access", ((30, 30),), (), False),
        "tr1": ("trunk", (), ((10, 10), (20, 20), (30, 30)), True),
        "ge4": ("routed", (), (), True),
    }


def test_protections_of_the_description_are_read() -> None:
    facts = facts_of("cisco_ios", {command: asked(command) for command in commands("cisco_ios")})
    guards = facts.protections
    assert guards is not None
    assert guards.interfaces == ("ge1", "ge2", "tr1", "ge4")
    assert guards.bpdu_guard == guards.storm_control == guards.source_guard == ("ge1", "ge2")
    assert guards.dhcp_trusted == ("tr1",)
    assert guards.dhcp_snooping == ((10, 10), (30, 30))
    assert guards.arp_inspection == ((10, 10),)


def test_what_is_filtered_holds_no_secret_and_what_is_not_known_is_refused() -> None:
    filtered = next(command for command in commands("cisco_ios") if " | include " in command)
    assert "secret" not in asked(filtered)
    assert "interface ge1" in asked(filtered)
    assert "% Invalid input" in asked("show running-config | section interface")
