"""joined.vlans-hold: configured apart and reached all the same, row by row; nothing without both sides."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.joined.apart import VlansHold
from probes.snmp.facts import BridgeFacts, BridgePort, Interface, StaticVlan, SystemFacts, Text, UsmUsed
from probes.switching.facts import SwitchFacts, SwitchPort, SwitchVlan
from probes.vlan.isolation import Window
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure
from tests.probes.vlan.support import INTERVALS, evidence, is_reach, proxied, told, topology, value

CHECK, WINDOW = VlansHold(), Window(control_window_s=60)
USED = UsmUsed(level="authPriv", auth_protocol="SHA-256", priv_protocol="AES-128", address="10.0.10.2", port=161)
ROUTER, TARGET, OTHER = "02:00:00:00:00:01", "02:00:00:00:20:10", "02:00:00:00:66:66"
PORTS = {"ge10": 1, "ge20": 2, "ge30": 3, "sup1": 4, "gw1": 5}
SANE = {1: 10, 2: 20, 3: 30, 4: 20, 5: 30}
C, N, NONE, U = Value.CONFORME, Value.NON_CONFORME, Value.SANS_OBJET, Value.NON_VERIFIE


def building(**changes):
    devices = [d.model_dump(mode="json") for d in topology().site.devices]
    more = {
        "sw": {"admin": {"snmp": {"user": "u"}}},
        "sup": {"mac": TARGET, "attached_to": [{"switch": "sw", "port": "sup1"}]},
        "gw": {"attached_to": [{"switch": "sw", "port": "gw1"}]},
    }
    for name, change in changes.items():
        more[name] = more.get(name, {}) | change
    return topology(devices=[d | more.get(d["id"], {}) for d in devices])


def bridge(untagged=SANE, tagged=(), gaps=()):
    rows = {vlan: tuple(p for p, v in untagged.items() if v == vlan) for vlan in (10, 20, 30)}
    carried = {vlan: tuple(p for p, v in tagged if v == vlan) for vlan in (10, 20, 30)}
    return BridgeFacts(
        used=USED,
        static_vlans=tuple(StaticVlan(id=v, egress=rows[v] + carried[v], untagged=rows[v]) for v in rows),
        ports=tuple(BridgePort(port=n, if_index=100 + n, pvid=v) for n, v in untagged.items()),
        gaps=gaps,
    )


def system(known=PORTS):
    return SystemFacts(
        used=USED, interfaces=tuple(Interface(index=100 + n, name=Text(text=p)) for p, n in known.items())
    )


def cli(untagged=SANE, tagged=()):
    """The same by the command line, which abbreviates."""
    ports = tuple(
        SwitchPort(
            name=name,
            pvid=untagged[n],
            untagged=((untagged[n], untagged[n]),),
            tagged=tuple((v, v) for p, v in tagged if p == n),
        )
        for name, n in PORTS.items()
    )
    return SwitchFacts(platform="cisco_ios", vlans=tuple(SwitchVlan(id=v) for v in (10, 20, 30)), ports=ports)


NOBODY = {4: proxied(("10.0.10.2", None), ("10.0.20.10", None)), 6: proxied(("fd00:20::10", None), version=6)}


def answers(top, one, told_of=lambda request: "silence", tables=None, interfaces=None, stands=NOBODY):
    """Evidence of one subject: both switch tables, who stands in for whom, and every attempt by a short name."""
    found = []
    for request in CHECK.requests(top, one, WINDOW):
        if request.collector == "snmp.bridge":
            found.append((request, bridge() if tables is None else tables))
        elif request.collector == "snmp.system":
            found.append((request, system() if interfaces is None else interfaces))
        elif request.collector == "ssh.switch":
            found.append((request, cli() if tables is None else tables))
        elif not is_reach(request):
            found.append((request, stands[int(request.param("version"))]))
        else:
            token = told_of(request) if request.param("phase") == "attempt" else "open"
            point = top.points[one.point]
            version = 6 if ":" in request.param("address") else 4
            hop = {"next_hop": top.gateway(point, version), "answer_mac": ROUTER if token == "open" else None}
            if token == "beside":
                token, hop = "open", hop | {"answer_mac": TARGET, "answer_hop_limit": 64}
            found.append((request, told(request, token, **hop)))
    return found


def the(top, key):
    return {s.key: s for s in CHECK.subjects(top, WINDOW)}[key]


def judged(key="S30 vlan=20@P30", top=None, **how):
    top = top or building()
    one = the(top, key)
    proof = evidence(top, answers(top, one, **how))
    found = value(CHECK, one, proof, WINDOW)
    return found, str(CHECK.judge(one, proof, WINDOW).measured) if found is not U else ""


def https(request):
    return "open" if request.param("port") == 443 else "silence"


def test_one_subject_per_socket_and_other_vlan_between_declared_ports():
    assert [s.key for s in CHECK.subjects(building(), WINDOW)] == [
        "S10 vlan=30@P10",
        "S20 vlan=30@P20",
        "S30 vlan=20@P30",
        "S10 vlan=20@P10",
    ]
    assert not list(CHECK.subjects(topology(), WINDOW))  # where devices are plugged in is not declared


def test_nothing_more_is_asked_than_the_other_checks_ask():
    asked = {r.collector for s in CHECK.subjects(building(), WINDOW) for r in CHECK.requests(building(), s, WINDOW)}
    assert asked == {"snmp.bridge", "snmp.system", "vlan.reach", "vlan.proxy"}


@pytest.mark.parametrize(
    ("how", "expected", "said"),
    [
        ({}, C, "cellules tenues vers sup : 6"),
        ({"told_of": https}, N, "par 10.0.30.1, fd00:30::1 (sup 10.0.20.10 (TCP 443), sup fd00:20::10 (TCP 443))"),
        ({"told_of": lambda request: "beside"}, N, "sans routeur entre les deux"),
        ({"told_of": lambda request: "target-error"}, N, "on passe par"),
        ({"told_of": lambda request: "missing"}, U, ""),
        ({"told_of": lambda request: "host-unreachable"}, U, ""),
        # The other VLAN's device answers ARP here for itself, although the router lets nothing through.
        ({"stands": NOBODY | {4: proxied(("10.0.20.10", TARGET))}}, N, "sans routeur entre les deux"),
        # Who it is that answers is not known: the declared device has another MAC address.
        ({"stands": NOBODY | {4: proxied(("10.0.20.10", OTHER))}}, U, ""),
        # The router stands in for it, and lets nothing through: a matter of another check.
        ({"stands": NOBODY | {4: proxied(("10.0.20.10", ROUTER))}}, C, "cellules tenues vers sup : 6"),
        ({"stands": NOBODY | {4: None}}, U, ""),
        ({"stands": NOBODY | {6: Failure.TIMEOUT}}, U, ""),
        ({"stands": {4: None, 6: None}, "told_of": https}, N, "on passe par"),
        # Without the tables, nothing is configured in any way; with others, it is configured otherwise.
        ({"tables": Failure.TIMEOUT}, U, ""),
        ({"tables": Failure.TIMEOUT, "told_of": https}, U, ""),
        ({"interfaces": Failure.ACCESS_DENIED, "told_of": https}, U, ""),
        ({"interfaces": system({"ge30": 3}), "told_of": https}, U, ""),
        ({"tables": bridge(SANE | {3: 20}), "told_of": https}, NONE, "S30 (ge30) : 20 [–] ≠ 30"),
        ({"tables": bridge(tagged=((3, 20),)), "told_of": https}, NONE, "S30 (ge30) : 30 [20] ≠ 30"),
        ({"tables": bridge(SANE | {4: 30}), "told_of": https}, NONE, "sup (sup1) : 30 [–] ≠ 20"),
        ({"tables": bridge(SANE | {4: 30})}, NONE, "sup (sup1) : 30 [–] ≠ 20"),
    ],
)
def test_judgement(how, expected, said):
    found, measured = judged(**how)
    assert found is expected
    assert said in measured


def test_a_device_whose_port_is_wrong_does_not_hide_another():
    second = {"id": "sup2", "role": "supervisor", "zone": "technique", "addresses": ["10.0.20.11"]}
    second["attached_to"] = [{"switch": "sw", "port": "sup2"}]
    devices = [d.model_dump(mode="json") for d in building().site.devices]
    top = topology(devices=[*devices, second])
    how = {"interfaces": system(PORTS | {"sup2": 6})}
    alone = judged(top=top, tables=bridge(SANE | {4: 30, 6: 20}), **how)
    assert alone[0] is C
    assert "cellules tenues vers sup2 : 1" in alone[1]
    both = judged(top=top, tables=bridge(SANE | {4: 30, 6: 20}), told_of=lambda request: "open", **how)
    assert both[0] is N
    assert "sup2 10.0.20.11" in both[1]
    assert "sup 10.0.20.10" not in both[1]


def test_a_long_list_of_cells_is_cut_and_counted():
    services = [{"protocol": "https", "port": port} for port in range(8000, 8020)]
    found, said = judged(top=building(sup={"services": services}), told_of=lambda request: "open")
    assert found is N
    assert "(+34)" in said


TOKENS = st.sampled_from(["silence", "silence", "silence", "open", "beside", "missing", "rst", "host-unreachable"])


@st.composite
def cases(draw):
    tables = draw(st.sampled_from([bridge(), bridge(), bridge(), bridge(SANE | {3: 20}), Failure.TIMEOUT]))
    stand = draw(st.sampled_from([None, TARGET, OTHER, ROUTER]))
    top = building()
    token = {}
    found = answers(
        top,
        the(top, "S30 vlan=20@P30"),
        told_of=lambda request: token.setdefault(
            request.key, "silence" if request.param("protocol") == "icmp" and draw(st.booleans()) else draw(TOKENS)
        ),
        tables=tables,
        stands=NOBODY | {4: proxied(("10.0.20.10", stand))},
    )
    return top, found, draw(st.lists(st.booleans(), min_size=len(found), max_size=len(found)))


@settings(max_examples=150, deadline=None)
@given(cases())
def test_losing_evidence_never_narrows(case):
    top, found, kept = case
    one = the(top, "S30 vlan=20@P30")
    bounds = INTERVALS | {NONE: (2, 2)}
    whole = bounds[value(CHECK, one, evidence(top, found), WINDOW)]
    part = bounds[value(CHECK, one, evidence(top, [f for f, k in zip(found, kept, strict=True) if k]), WINDOW)]
    assert part[0] <= whole[0] <= whole[1] <= part[1]


SSH = {"platform": "cisco_ios", "user": "u", "host_key": f"SHA256:{'A' * 43}", "password": "env:SSH"}


@pytest.mark.parametrize(
    ("how", "expected", "said"),
    [
        ({}, C, "configurés séparés (selon cisco_ios) ; cellules tenues vers sup : 6"),
        ({"told_of": https}, N, "les deux ports sont configurés comme déclarés"),
        ({"tables": cli(SANE | {3: 20})}, NONE, "la prise est configurée autrement"),
        ({"tables": cli(tagged=((3, 20),))}, NONE, "la prise est configurée autrement"),
        ({"tables": cli().model_copy(update={"ports": None})}, U, ""),
        ({"tables": Failure.TIMEOUT}, U, ""),
    ],
)
def test_a_switch_that_is_known_by_its_command_line_alone(how, expected, said):
    top = building(sw={"admin": {"ssh": SSH}})
    asked = {r.collector for r in CHECK.requests(top, the(top, "S30 vlan=20@P30"), WINDOW)}
    assert asked == {"ssh.switch", "vlan.reach", "vlan.proxy"}
    found, measured = judged(top=top, **how)
    assert found is expected
    assert said in measured
