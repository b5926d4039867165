"""Answers of command lines as tables: what each says in words of no vendor, and what says nothing. All written for this."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.ssh.answers import CHARACTERS, Unread
from probes.ssh.collect import PAGING_OFF
from probes.ssh.lists import port_names, vlan_ranges
from probes.ssh.platforms import PLATFORMS, commands, facts_of
from r2s_audit.model.administration import SshPlatform
from r2s_audit.model.observation import Failure

IOS_SWITCHPORT = "show interfaces switchport"


def brief(facts):
    """Ports as ``name: (mode, pvid, untagged, tagged)``."""
    return {p.name: (p.mode, p.pvid, p.untagged, p.tagged) for p in facts.ports}


def test_platforms_are_those_of_the_site_file_and_each_knows_how_not_to_wait():
    assert set(PLATFORMS) == set(get_args(SshPlatform)) == set(PAGING_OFF)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_commands_only_show(platform):
    assert commands(platform)
    assert all(c.split()[0] in {"show", "display"} for c in commands(platform))
    assert not any(word in c.split() for c in commands(platform) for word in ("configure", "tech-support"))


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_was_not_answered_is_a_gap_and_no_empty_table(platform):
    facts = facts_of(platform, {})
    assert facts.vlans is None
    assert facts.ports is None
    assert {gap.command for gap in facts.gaps} <= set(commands(platform))
    assert {gap.failure for gap in facts.gaps} == {Failure.TIMEOUT}


REFUSALS = {
    "            ^\n% Invalid input detected at '^' marker.\n": Failure.NOT_SUPPORTED,
    "% Incomplete command.\n": Failure.NOT_SUPPORTED,
    '% Ambiguous command:  "show v"\n': Failure.NOT_SUPPORTED,
    "% Invalid input\n": Failure.NOT_SUPPORTED,
    "% Unknown command\n": Failure.NOT_SUPPORTED,
    "Invalid input: vlans\n": Failure.NOT_SUPPORTED,
    "               ^\n % Unrecognized command found at '^' position.\n": Failure.NOT_SUPPORTED,
    "          ^\nError: Unrecognized command found at '^' position.\n": Failure.NOT_SUPPORTED,
    "Error:Too many parameters found at '^' position.\n": Failure.NOT_SUPPORTED,
    "% Wrong parameter found at '^' position.\n": Failure.NOT_SUPPORTED,
    'ERROR: Invalid entry: "members"\n': Failure.NOT_SUPPORTED,
    "% Authorization denied for command 'show vlan'\nCommand authorization failed.\n": Failure.ACCESS_DENIED,
    "Permission denied for the requested operation\n": Failure.ACCESS_DENIED,
    "% Insufficient privileges\n": Failure.ACCESS_DENIED,
    "": Failure.NOT_SUPPORTED,
    "   \n\n": Failure.NOT_SUPPORTED,
    "switch is busy, try again later\n": Failure.NOT_SUPPORTED,
}  # fmt: skip


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("answer", REFUSALS)
def test_a_refusal_is_a_gap(platform, answer):
    facts = facts_of(platform, dict.fromkeys(commands(platform), answer))
    assert (facts.vlans, facts.ports) == (None, None)
    assert facts.gaps
    assert {gap.failure for gap in facts.gaps} == {REFUSALS[answer]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", ((1, 1),)),
        ("1-4094", ((1, 4094),)),
        ("ALL", ((1, 4094),)),
        ("all", ((1, 4094),)),
        ("none", ()),
        ("NONE", ()),
        ("", ()),
        ("-", ()),
        ("10,20-30,31", ((10, 10), (20, 31))),
        ("20-30,10,", ((10, 10), (20, 30))),
        ("1 249-255", ((1, 1), (249, 255))),
        ("1 to 3 7", ((1, 3), (7, 7))),
        ("1, 3 - 5", ((1, 1), (3, 5))),
        ("0-4095", ((1, 4094),)),
    ],
)
def test_vlan_lists(text, expected):
    assert vlan_ranges(text) == expected


@pytest.mark.parametrize("text", ["ten", "5-3", "1-5000", "1--3", "99999", "1,x", "1;2"])
def test_what_is_no_vlan_list_is_not_read(text):
    with pytest.raises(Unread):
        vlan_ranges(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gi1/0/2,gi1/0/4-6,te1/0/1,", ["gi1/0/2", "gi1/0/4", "gi1/0/5", "gi1/0/6", "te1/0/1"]),
        ("Po1-3", ["Po1", "Po2", "Po3"]),
        ("1/1/1-1/1/3", ["1/1/1", "1/1/2", "1/1/3"]),
        ("1-2,7", ["1", "2", "7"]),
        ("A1-A3", ["A1", "A2", "A3"]),
        ("gi1/0/1-gi1/0/2", ["gi1/0/1", "gi1/0/2"]),
        ("-", []),
        ("", []),
    ],
)
def test_port_lists(text, expected):
    assert port_names(text) == expected


@pytest.mark.parametrize("text", ["gi1/0/1-te1/0/2", "gi1/0/9-3", "gi1/0/1-99999", "oops", "gi 1", "1/1/1-1/2/3"])
def test_what_is_no_port_list_is_not_read(text):
    with pytest.raises(Unread):
        port_names(text)


SHOW_VLAN = """
VLAN Name                             Status    Ports
---- -------------------------------- --------- -------------------------------
1    default                          active    Gi1/0/3, Gi1/0/4, Gi1/0/5, Gi1/0/6
                                                Gi1/0/7
10   ADMIN                            active    Gi1/0/1
20   TECHNIQUE                        suspended
30   LOGEMENTS                        act/lshut Gi1/0/2
40   vlan-with-a-name-of-32-letters-- sus/lshut
1002 fddi-default                     act/unsup
1005 trnet-default                    act/unsup

VLAN Type  SAID       MTU   Parent RingNo BridgeNo Stp  BrdgMode Trans1 Trans2
---- ----- ---------- ----- ------ ------ -------- ---- -------- ------ ------
1    enet  100001     1500  -      -      -        -    -        0      0
99   enet  100099     1500  -      -      -        -    -        0      0

Remote SPAN VLANs
------------------------------------------------------------------------------
77
"""


@pytest.mark.parametrize("platform", ["cisco_ios", "cisco_xe", "cisco_nxos"])
def test_vlans_of_cisco(platform):
    facts = facts_of(platform, {"show vlan": SHOW_VLAN})
    assert [(v.id, v.active) for v in facts.vlans] == [(1, True), (10, True), (20, False), (30, False), (40, False)]
    assert facts.vlans[1].name == "ADMIN"


def test_a_vlan_that_the_template_cannot_read_is_no_missing_vlan():
    broken = SHOW_VLAN.replace("TECHNIQUE                        suspended", "TECHNIQUE DU BATIMENT suspended  x y")
    facts = facts_of("cisco_ios", {"show vlan": broken.replace("20   TECH", "20   \n     TECH")})
    assert facts.vlans is None
    assert "lues sur" in str(facts.gaps[0].reason)


def block(name, **lines):
    told = {
        "Switchport": "Enabled",
        "Administrative_Mode": "static access",
        "Operational_Mode": "static access",
        "Negotiation_of_Trunking": "Off",
        "Access_Mode_VLAN": "10 (ADMIN)",
        "Trunking_Native_Mode_VLAN": "1 (default)",
        "Voice_VLAN": "none",
        "Trunking_VLANs_Enabled": "ALL",
    } | lines
    return "\n".join([f"Name: {name}", *(f"{k.replace('_', ' ')}: {v}" for k, v in told.items()), ""])


MANY = [str(n) for n in range(11, 100, 2)]
LONG = f"1,3,5,7,9,{','.join(MANY[:20])},\n     {','.join(MANY[20:])},\n     4000-4094"
"""45 single VLANs in two lines and a range in a third: more of them in one line than a template has rules for."""
EVERY = (*((int(n), int(n)) for n in ("3", "5", "7", "9", *MANY)), (4000, 4094))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ({}, ("access", 10, ((10, 10),), (), "")),
        ({"Operational_Mode": "down"}, ("access", 10, ((10, 10),), (), "")),
        ({"Voice_VLAN": "200 (VOIX)"}, ("access", 10, ((10, 10),), ((200, 200),), "")),
        ({"Voice_VLAN": "dot1p"}, ("access", 10, ((10, 10),), (), "")),
        ({"Voice_VLAN": "untagged"}, ("access", 10, ((10, 10),), (), "")),
        ({"Access_Mode_VLAN": "10 (Inactive)"}, ("access", 10, ((10, 10),), (), "")),
        ({"Access_Mode_VLAN": "unassigned"}, ("access", None, None, (), "")),
        (
            {"Administrative_Mode": "dynamic auto", "Operational_Mode": "down"},
            ("access", 10, ((10, 10),), (), "auto"),
        ),
        (
            {"Administrative_Mode": "dynamic desirable"},
            ("access", 10, ((10, 10),), (), "desirable"),
        ),
        (
            {"Administrative_Mode": "dynamic auto", "Operational_Mode": "trunk"},
            ("trunk", 1, ((1, 1),), ((2, 4094),), "auto"),
        ),
        (
            {"Administrative_Mode": "trunk", "Operational_Mode": "down"},
            ("trunk", 1, ((1, 1),), ((2, 4094),), ""),
        ),
        (
            {"Administrative_Mode": "trunk", "Operational_Mode": "trunk (member of bundle Po1)"},
            ("trunk", 1, ((1, 1),), ((2, 4094),), ""),
        ),
        ({"Administrative_Mode": "trunk", "Trunking_VLANs_Enabled": "NONE"}, ("trunk", 1, ((1, 1),), (), "")),
        ({"Administrative_Mode": "trunk", "Trunking_VLANs_Enabled": LONG}, ("trunk", 1, ((1, 1),), EVERY, "")),
        (
            {"Administrative_Mode": "trunk", "Trunking_Native_Mode_VLAN": "0 (Inactive)"},
            ("trunk", None, None, ((1, 4094),), ""),
        ),
        (
            {"Administrative_Mode": "trunk", "Operational_Native_VLAN_tagging": "enabled"},
            ("trunk", None, (), ((1, 4094),), ""),
        ),
        (
            {"Administrative_Mode": "trunk", "Administrative_Native_VLAN_tagging": "enabled"},
            ("trunk", 1, ((1, 1),), ((2, 4094),), ""),
        ),
        ({"Administrative_Mode": "private-vlan host"}, ("other", None, None, None, "")),
        ({"Administrative_Mode": "tunnel"}, ("other", None, None, None, "")),
        ({"Switchport": "Disabled"}, ("routed", None, (), (), "")),
    ],
)
def test_switchports_of_ios(lines, expected):
    facts = facts_of("cisco_ios", {IOS_SWITCHPORT: block("Gi1/0/1") + block("Gi1/0/2", **lines)})
    port = facts.ports[1]
    assert (port.mode, port.pvid, port.untagged, port.tagged, port.negotiable) == expected


def test_a_native_vlan_with_a_tag_is_said_otherwise_by_arista():
    lines = {"Administrative_Mode": "trunk", "Operational_Mode": "trunk"}
    text = (
        "Default switchport mode: access\n\n"
        + block("Et1", **lines)
        + block("Et2", Administrative_Native_VLAN_tagging="enabled", **lines)
    )
    facts = facts_of("arista_eos", {IOS_SWITCHPORT: text})
    assert brief(facts) == {"Et1": ("trunk", 1, ((1, 1),), ((2, 4094),)), "Et2": ("trunk", None, (), ((1, 4094),))}


NXOS = """Name: Ethernet1/1
  Switchport: Enabled
  Switchport Monitor: Not enabled
  Operational Mode: trunk
  Access Mode VLAN: 1 (default)
  Trunking Native Mode VLAN: 999 (NATIF)
  Trunking VLANs Allowed: 10,20-21
Name: Ethernet1/2
  Switchport: Enabled
  Operational Mode: access
  Access Mode VLAN: 30 (LOG)
  Trunking VLANs Allowed: 1-4094
  Voice VLAN: none
"""


def test_nxos_says_what_is_at_work_and_calls_the_list_otherwise():
    facts = facts_of("cisco_nxos", {"show interface switchport": NXOS})
    assert brief(facts) == {
        "Ethernet1/1": ("trunk", 999, ((999, 999),), ((10, 10), (20, 21))),
        "Ethernet1/2": ("access", 30, ((30, 30),), ()),
    }


@pytest.mark.parametrize(
    "text",
    [
        block("Gi1/0/1") * 2,  # one port twice
        block("Gi1/0/1", Administrative_Mode="trunk", Trunking_VLANs_Enabled="1-5,?"),
        block("G" * 65),
        "no port at all\n",
    ],
)
def test_switchports_that_cannot_be_are_a_gap(text):
    facts = facts_of("cisco_ios", {IOS_SWITCHPORT: text})
    assert facts.ports is None
    assert IOS_SWITCHPORT in {gap.command for gap in facts.gaps}


STATUS = """Port      Name               Status       Vlan       Duplex  Speed Type
Gi1/0/1   prise 12           connected    10         a-full a-1000 10/100/1000BaseTX
Gi1/0/2                      disabled     30           auto   auto 10/100/1000BaseTX
Gi1/0/3                      err-disabled 1            auto   auto 10/100/1000BaseTX
Te1/1/1   vers coeur         connected    trunk        full    10G SFP-10GBase-SR
Te1/1/2                      notconnect   routed       auto   auto Not Present
"""


def test_states_join_ports_under_any_spelling():
    text = block("GigabitEthernet1/0/1") + block("Gi1/0/2") + block("Gi1/0/3")
    facts = facts_of("cisco_ios", {IOS_SWITCHPORT: text, "show interfaces status": STATUS})
    states = {p.name: (p.enabled, p.up, p.mode, p.tagged) for p in facts.ports}
    assert states == {
        "GigabitEthernet1/0/1": (True, True, "access", ()),
        "Gi1/0/2": (False, False, "access", ()),
        "Gi1/0/3": (True, False, "access", ()),
        "Te1/1/1": (True, True, "trunk", None),  # it is a trunk, and of what is not told
        "Te1/1/2": (True, False, "routed", ()),
    }


PROCURVE = """
 Status and Counters - VLAN Information - for ports 1

  Port name: prise 12
  VLAN ID Name                 | Status     Voice Jumbo Mode
  ------- -------------------- + ---------- ----- ----- --------
  10      ADMIN RESEAU         | Port-based No    No    Untagged

 Status and Counters - VLAN Information - for ports 2

  VLAN ID Name                 | Status     Voice Jumbo Mode
  ------- -------------------- + ---------- ----- ----- --------
  10      ADMIN RESEAU         | Port-based No    No    Tagged
  20      GTB                  | Port-based No    No    Untagged
  30      LOG                  | Port-based No    No    Forbid

 Status and Counters - VLAN Information - for ports Trk1

  VLAN ID Name                 | Status     Voice Jumbo Mode
  ------- -------------------- + ---------- ----- ----- --------
"""
PROCURVE_BRIEF = """ Status and Counters - Port Status

                          | Intrusion                           MDI  Flow Bcast
  Port         Type       | Alert     Enabled Status Mode       Mode Ctrl Limit
  ------------ ---------- + --------- ------- ------ ---------- ---- ---- -----
  1            100/1000T  | No        Yes     Up     1000FDx    MDIX off  0
  2            100/1000T  | No        No      Down   1000FDx    Auto off  0
  24-Trk1      100/1000T  | No        Yes     Up     1000FDx    MDI  off  0
"""


def test_procurve():
    facts = facts_of("hp_procurve", {"show vlans ports all detail": PROCURVE, "show interfaces brief": PROCURVE_BRIEF})
    assert {p.name: (p.untagged, p.tagged, p.enabled, p.up) for p in facts.ports} == {
        "1": (((10, 10),), (), True, True),
        "2": (((20, 20),), ((10, 10),), False, False),
        "Trk1": ((), (), None, None),
    }


def test_procurve_with_a_mode_that_nobody_knows_is_not_read():
    facts = facts_of("hp_procurve", {"show vlans ports all detail": PROCURVE.replace("Forbid", "Learn ")})
    assert facts.ports is None


CX = """
Interface 1/1/1 is up
 Admin state is up
 Link state: up for 3 days
 Description: prise 12
 VLAN Mode: access
 Access VLAN: 10

Interface 1/1/2 is down (Administratively down)
 Admin state is down
 VLAN Mode: native-untagged
 Native VLAN: 1
 Allowed VLAN List: all

Interface 1/1/3 is up
 Admin state is up
 VLAN Mode: native-untagged
 Native VLAN: 999
 Allowed VLAN List: 10,20,
                    30-40

Aggregate lag1 is up
 Admin state is up
 VLAN Mode: native-tagged
 Native VLAN: 10
 Allowed VLAN List: 10,20
 Rx
   100 total packets

Interface 1/1/4 is up
 Admin state is up
 IPv4 address 192.0.2.1/24
"""


def test_aos_cx():
    facts = facts_of("aruba_aoscx", {"show interface": CX})
    assert brief(facts) == {
        "1/1/1": ("access", 10, ((10, 10),), ()),
        "1/1/2": ("trunk", 1, ((1, 1),), ((2, 4094),)),
        "1/1/3": ("trunk", None, (), ((10, 10), (20, 20), (30, 40))),  # the native VLAN is not let through
        "lag1": ("trunk", None, (), ((10, 10), (20, 20))),
        "1/1/4": ("routed", None, (), ()),
    }
    assert [p.enabled for p in facts.ports] == [True, False, True, True, True]


R6_MEMBERS = """ vlan  port    type       status
-----+-----+---------+---------------
   1   1/1   default   forwarding
  10   1/2   default   inactive
  10   1/24  qtagged   forwarding
  20   1/24  qtagged   blocking
"""
R8_MEMBERS = """ vlan      port         type         status
--------+------------+------------+--------------
 1         1/1/1       default        inactive
 10        1/1/2       untagged       forwarding
 10        0/1         qtagged        forwarding
 20        1/1/3       mirrored       inactive
"""


@pytest.mark.parametrize(
    ("command", "text", "expected"),
    [
        (
            "show vlan port",
            R6_MEMBERS,
            {"1/1": (((1, 1),), ()), "1/2": (((10, 10),), ()), "1/24": ((), ((10, 10), (20, 20)))},
        ),
        (
            "show vlan members",
            R8_MEMBERS,
            {"1/1/1": (((1, 1),), ()), "1/1/2": (((10, 10),), ()), "0/1": ((), ((10, 10),)), "1/1/3": (None, None)},
        ),
    ],
)
def test_alcatel_knows_one_of_two_commands(command, text, expected):
    other = {"show vlan port": "show vlan members", "show vlan members": "show vlan port"}[command]
    facts = facts_of("alcatel_aos", {command: text, other: 'ERROR: Invalid entry: "x"'})
    assert {p.name: (p.untagged, p.tagged) for p in facts.ports} == expected
    assert {gap.command for gap in facts.gaps} == {"show vlan"}


AWPLUS = """VLAN ID  Name            Type    State   Member ports
                                         (u)-Untagged, (t)-Tagged
======= ================ ======= ======= ====================================
1       default          STATIC  ACTIVE  port1.0.1(u) port1.0.2(u)
                                         port1.0.10(u)
20      GTB              STATIC  INACTIVE port1.0.3(u) sa1(t)
"""
AWPLUS_PORTS = """Interface name        : port1.0.3
Switchport mode       : access
Ingress filter        : enable
Acceptable frame types : all
Default Vlan          : 20
Configured Vlans      : 20

Interface name        : sa1
Switchport mode       : trunk
Ingress filter        : enable
Acceptable frame types : vlan-tagged only
Default Vlan          : None
Configured Vlans      : 20
"""


def test_allied_telesis():
    facts = facts_of(
        "allied_telesis_awplus",
        {"show vlan all": AWPLUS, "show interface switchport": AWPLUS_PORTS.replace("\n\n", "\n")},
    )
    assert not facts.gaps
    assert brief(facts) == {
        "port1.0.1": (None, None, ((1, 1),), ()),
        "port1.0.2": (None, None, ((1, 1),), ()),
        "port1.0.10": (None, None, ((1, 1),), ()),
        "port1.0.3": ("access", 20, ((20, 20),), ()),
        "sa1": ("trunk", None, (), ((20, 20),)),
    }
    assert [v.active for v in facts.vlans] == [True, False]


S300 = """Created by: D-Default, S-Static, G-GVRP, R-Radius Assigned VLAN, V-Voice VLAN

Vlan       Name           Tagged Ports      UnTagged Ports      Created by
---- ----------------- ------------------ ------------------ ----------------
 1           1                             gi1-8,gi10,Po1-2         DV
 10   AdministrationRe      gi9,Po3             gi11-12              S
          seau
 20         GTB               gi9                                    G
"""


def test_columns_of_cisco_small_business():
    facts = facts_of("cisco_s300", {"show vlan": S300})
    assert [(v.id, v.name) for v in facts.vlans] == [(1, "1"), (10, "AdministrationReseau")]  # 20 came by GVRP
    ports = brief(facts)
    assert ports["gi9"] == (None, None, (), ((10, 10), (20, 20)))
    assert ports["gi12"] == (None, None, ((10, 10),), ())
    assert len(ports) == 8 + 1 + 2 + 2 + 1 + 1


def test_old_columns_do_not_say_who_leaves_with_a_tag():
    text = """
Vlan       Name                   Ports                Type     Authorization
---- ----------------- --------------------------- ------------ -------------
 1           1               gi1/0/1-2,te1/0/1       Default      Required
"""
    facts = facts_of("eltex", {"show vlan": text})
    assert brief(facts) == dict.fromkeys(("gi1/0/1", "gi1/0/2", "te1/0/1"), (None, None, None, None))


def test_a_word_between_columns_is_not_read():
    facts = facts_of("cisco_s300", {"show vlan": S300.replace("gi11-12   ", "gi11-12,gi14-16,gi18")})
    assert facts.vlans is None


COMWARE = """ VLAN ID: 1
 VLAN type: Static
 Route interface: Not configured
 Description: VLAN 0001
 Name: VLAN 0001
 Tagged ports:   None
 Untagged ports:
    GigabitEthernet1/0/1(U)       GigabitEthernet1/0/3(D)

 VLAN ID: 20
 VLAN type: Static
 Name: GTB: ports:
 Tagged ports:
    GigabitEthernet1/0/3
 Untagged ports:
    GigabitEthernet1/0/2

 VLAN ID: 30
 VLAN type: Dynamic
 Name: VLAN 0030
 Tagged ports:
    GigabitEthernet1/0/3
 Untagged ports: None
"""
COMWARE_BRIEF = """Brief information on interfaces in route mode:
Link: ADM - administratively down; Stby - standby
Protocol: (s) - spoofing
Interface            Link Protocol Primary IP      Description
Vlan1                UP   UP       10.0.0.1

Brief information on interfaces in bridge mode:
Link: ADM - administratively down; Stby - standby
Speed: (a) - auto
Duplex: (a)/A - auto; H - half; F - full
Type: A - access; T - trunk; H - hybrid
Interface            Link Speed   Duplex Type PVID Description
GE1/0/1              UP   1G(a)   F(a)   A    1    prise
GE1/0/2              ADM  auto    A      H    1
GE1/0/3              DOWN auto    A      T    1
GE1/0/4              DOWN auto    A      T    1
"""


def test_comware():
    facts = facts_of("hp_comware", {"display vlan all": COMWARE, "display interface brief": COMWARE_BRIEF})
    assert not facts.gaps
    assert [v.id for v in facts.vlans] == [1, 20]
    assert brief(facts) == {
        "GigabitEthernet1/0/1": ("access", 1, ((1, 1),), ()),
        "GigabitEthernet1/0/3": ("trunk", 1, ((1, 1),), ((20, 20), (30, 30))),
        "GigabitEthernet1/0/2": ("hybrid", 1, ((20, 20),), ()),  # what comes in goes elsewhere
        "GE1/0/4": ("trunk", 1, (), ()),
    }
    assert {p.name: p.enabled for p in facts.ports}["GigabitEthernet1/0/2"] is False


@pytest.mark.parametrize(
    "text",
    [
        COMWARE.replace("GigabitEthernet1/0/3(D)", "???"),
        COMWARE.replace(" Untagged ports: None\n", ""),
        COMWARE.replace("VLAN ID: 30", "VLAN ID: 20"),
        COMWARE.replace("VLAN ID: 30", "VLAN ID: 4095"),
    ],
)
def test_comware_that_cannot_be_is_a_gap(text):
    facts = facts_of("hp_comware", {"display vlan all": text})
    assert (facts.vlans, facts.ports) == (None, None)


HUAWEI = """The total number of vlans is : 3
--------------------------------------------------------------------------------
U: Up;         D: Down;         TG: Tagged;         UT: Untagged;
MP: Vlan-mapping;               ST: Vlan-stacking;
#: ProtocolTransparent-vlan;    *: Management-vlan;
--------------------------------------------------------------------------------

VID  Type    Ports
--------------------------------------------------------------------------------
1    common  UT:GE0/0/1(U)      GE0/0/2(D)      GE0/0/3(D)      GE0/0/4(D)
                GE0/0/5(D)
             TG:Eth-Trunk1(U)
20   common  UT:GE0/0/6(U)
             TG:GE0/0/5(D)
             MP:GE0/0/7(U)
             ST:GE0/0/8(U)
30   common

VID  Status  Property      MAC-LRN Statistics Description
--------------------------------------------------------------------------------
1    enable  default       enable  disable    VLAN 0001
20   disable default       enable  disable    GTB
30   enable  default       enable  disable    VLAN 0030
"""
HUAWEI_PORTS = """Port                        Link Type    PVID  Trunk VLAN List
-------------------------------------------------------------------------------
Eth-Trunk1                  trunk        1     1 20 30-40 100 200 300 400 500
                                               600-610 700
GigabitEthernet0/0/5        hybrid       1     20
GigabitEthernet0/0/6        access       20    -
GigabitEthernet0/0/9        desirable    1     1-4094
GigabitEthernet0/0/10                    0     -
""".replace("0/10                    0 ", "0/10       -            0 ")


def test_huawei_by_its_members():
    facts = facts_of("huawei_vrp", {"display vlan": HUAWEI, "display port vlan": HUAWEI_PORTS})
    assert {gap.command for gap in facts.gaps} == {"display interface brief"}
    assert [(v.id, v.active) for v in facts.vlans] == [(1, True), (20, False), (30, True)]
    ports = brief(facts)
    assert ports["GE0/0/5"] == ("hybrid", 1, ((1, 1),), ((20, 20),))
    assert ports["GE0/0/6"] == ("access", 20, ((20, 20),), ())
    assert ports["GE0/0/7"] == (None, None, (), ((20, 20),))
    assert ports["GE0/0/8"] == (None, None, None, None)
    assert ports["Eth-Trunk1"] == ("trunk", 1, (), ((1, 1),))
    assert {p.name: p.negotiable for p in facts.ports}["GigabitEthernet0/0/9"] == "desirable"
    assert {p.name: p.mode for p in facts.ports}["GigabitEthernet0/0/10"] == "member"


def test_huawei_by_its_ports_alone():
    facts = facts_of("huawei_vrp", {"display port vlan": HUAWEI_PORTS})
    ports = brief(facts)
    assert ports["Eth-Trunk1"] == (
        "trunk",
        1,
        ((1, 1),),
        ((20, 20), (30, 40), (100, 100), (200, 200), (300, 300), (400, 400), (500, 500), (600, 610), (700, 700)),
    )
    assert ports["GigabitEthernet0/0/6"] == ("access", 20, ((20, 20),), ())
    assert ports["GigabitEthernet0/0/5"] == ("hybrid", 1, None, None)
    assert ports["GigabitEthernet0/0/9"] == (None, 1, None, None)


def test_huawei_that_lists_less_than_it_counts_is_a_gap():
    facts = facts_of("huawei_vrp", {"display vlan": HUAWEI.replace("vlans is : 3", "vlans is : 4")})
    assert facts.vlans is None
    assert str(facts.gaps[0].reason).startswith("3 lignes lues sur 4")


HOSTILE = [
    "a " * 120 + "\n",
    "1 " + "1" * 250 + "!\n",
    "-" * 250 + "x\n",
    "1    " + "a" * 240 + "\n",
    "Port      Name               Status       Vlan       Duplex  Speed Type\n" + ("Gi1/0/1 " + "x " * 120 + "\n") * 400,
    "VLAN Name Status Ports\n" + ("10 " + "a " * 120 + "\n") * 400,
    "Vlan Name Ports\n" + "- " * 120 + "\n",
    "Trunking VLANs Enabled: " + "1," * 110 + "x\n",
    "Name: Gi1\n" + "Trunking VLANs Enabled: " + "1," * 110 + "\n" + ("     " + "1," * 110 + "\n") * 500,
    "\x1b[2J\x1b[31mVLAN Name Status Ports\x07\n",
    "VLAN ID: 1\n Tagged ports:\n" + ("GigabitEthernet1/0/1 " * 10 + "\n") * 500,
]  # fmt: skip


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_answers_take_no_time_and_are_gaps_or_facts(platform, number):
    began = time.process_time()
    facts_of(platform, dict.fromkeys(commands(platform), HOSTILE[number] * 5))
    assert time.process_time() - began < 5


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("answer", ["x" * (CHARACTERS + 1), "x\n" * 50_000, "x" * 300])
def test_answers_beyond_the_bounds_are_gaps(platform, answer):
    facts = facts_of(platform, dict.fromkeys(commands(platform), answer))
    assert (facts.vlans, facts.ports) == (None, None)


GROUND = [SHOW_VLAN, block("Gi1/0/1"), STATUS, PROCURVE, PROCURVE_BRIEF, CX, R6_MEMBERS, R8_MEMBERS, AWPLUS, AWPLUS_PORTS,
          S300, COMWARE, COMWARE_BRIEF, HUAWEI, HUAWEI_PORTS]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PLATFORMS), st.sampled_from(GROUND), st.data())
def test_no_answer_makes_a_reader_fail(platform, ground, data):
    """Any answer to any command, with characters changed: facts or gaps, never an exception."""
    lines = ground.splitlines()
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at] = data.draw(st.text(max_size=60) | st.sampled_from(lines))
    facts_of(platform, dict.fromkeys(commands(platform), "\n".join(lines)))


def test_switches_that_are_read_at_once_do_not_mix():
    """The collector reads each switch in a thread of its own."""
    answers = [
        "VLAN Name Status Ports\n" + "".join(f"{vlan} V{number} active\n" for vlan in range(number + 1, 4000, 16))
        for number in range(16)
    ]
    alone = [facts_of("cisco_ios", {"show vlan": answer}) for answer in answers]
    with ThreadPoolExecutor(16) as pool:
        for _ in range(3):
            assert list(pool.map(lambda answer: facts_of("cisco_ios", {"show vlan": answer}), answers)) == alone
