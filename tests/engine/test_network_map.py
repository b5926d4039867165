"""The map of the network: what is found, missing or undeclared rests on completed observations, never on silence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from r2s_audit.engine.network_map import MAX_NEIGHBOURS, network_map
from r2s_audit.model.audit import PassSummary
from r2s_audit.model.network_map import MapLink, MapNode, NetworkMap, Presence
from r2s_audit.model.observation import Failure, Observation, request
from r2s_audit.model.topology import Topology
from tests.builders import site, site_data

NOW = datetime(2026, 1, 1, tzinfo=UTC)
USED = {"level": "authPriv", "address": "10.0.0.1", "port": 161}
POINT_MAC, CAMERA_MAC = "02:00:00:00:00:0a", "02:00:00:00:00:0c"


def building() -> Topology:
    data = site_data()
    zone = data["zones"][0]["id"]
    socket = data["sockets"][0]
    devices = [
        {"id": "r1", "role": "router", "zone": zone},
        {"id": socket["switch"], "role": "switch", "zone": zone},
        {"id": "s2", "role": "switch", "zone": zone},
        {"id": "cam", "role": "camera", "zone": zone, "mac": CAMERA_MAC},
    ]
    known = {d["id"] for d in devices}
    devices += [d for d in data["devices"] if d["id"] not in known]
    return Topology(site(devices=devices))


TOPOLOGY = building()
SOCKET = TOPOLOGY.sockets[TOPOLOGY.site.points[0].socket]
SWITCH = SOCKET.switch
EQUIPMENT = [d.id for d in TOPOLOGY.site.devices if d.role.is_network_equipment]


def seen(collector: str, target: str, facts: dict[str, Any] | None, failure: Failure | None = None) -> Observation:
    return Observation(
        request=request(collector, TOPOLOGY.site.points[0].id, target),
        pass_id="P01",
        state="completed" if facts is not None else "failed",
        facts=facts,
        failure=failure,
        started=NOW,
        ended=NOW,
        collector_version="1",
    )


def lldp(target: str, *neighbours: tuple[str, str, str], gaps: tuple[str, ...] = ()) -> Observation:
    """Neighbours as (own port, name, their port)."""
    facts = {
        "used": USED,
        "supported": True,
        "ports": [{"number": n, "id": {"text": port}} for n, (port, _, _) in enumerate(neighbours, start=1)],
        "neighbours": [
            {"local_port": n, "index": n, "chassis": f"id-{name}", "port": port, "sys_name": {"text": name}}
            for n, (_, name, port) in enumerate(neighbours, start=1)
        ],
        "gaps": [{"table": t, "failure": "timeout", "reason": {"template": "x"}} for t in gaps],
    }
    return seen("snmp.lldp", target, facts)


def bridge(target: str, *learnt: tuple[str, int]) -> Observation:
    """Ports 1 (the socket's) and 2."""
    rows = [{"fdb_id": 1, "mac": mac, "port": port} for mac, port in learnt]
    ports = [{"port": 1, "if_index": 1}, {"port": 2, "if_index": 2}]
    return seen("snmp.bridge", target, {"used": USED, "ports": ports, "fdb": rows})


def names(target: str) -> Observation:
    ports = [{"index": 1, "name": {"text": SOCKET.port}}, {"index": 2, "name": {"text": "autre"}}]
    return seen("snmp.system", target, {"used": USED, "interfaces": ports})


def made(*observations: Observation) -> NetworkMap:
    point = TOPOLOGY.site.points[0]
    machine = {
        "hostname": "h",
        "kernel": "k",
        "python": "p",
        "program": "r",
        "operator": "",
        "interfaces": {point.interface: POINT_MAC},
    }
    done = PassSummary.model_validate(
        {
            "id": "P01",
            "state": "complete",
            "points": (point.id,),
            "opened": NOW,
            "closed": NOW,
            "observations": 1,
            "failed": 0,
            "packets": 1,
            "machine": machine,
        }
    )
    return network_map(TOPOLOGY, {o.request.key: o for o in observations}, [done])


def node(found: NetworkMap, name: str) -> MapNode:
    return next(n for n in found.nodes if n.id == name)


def link(found: NetworkMap, name: str) -> MapLink:
    return next(one for one in found.links if name in {one.a, one.b})


def test_without_observations_everything_is_declared_and_nothing_else() -> None:
    found = made()
    assert {n.state for n in found.nodes} | {one.state for one in found.links} == {Presence.DECLARED}
    assert (found.read, found.equipment) == (0, len(EQUIPMENT))


def test_two_hearings_of_one_cable_are_one_link() -> None:
    found = made(lldp("r1", ("adm", SWITCH, "ge1")), lldp(SWITCH, ("ge1", "r1", "adm")))
    (cable,) = [one for one in found.links if one.source == "lldp"]
    assert (cable.state, cable.heard) == (Presence.FOUND, 2)
    assert node(found, "r1").state is node(found, SWITCH).state is Presence.FOUND
    assert node(found, "s2").state is Presence.DECLARED


def test_a_neighbour_that_nobody_declared() -> None:
    found = made(lldp(SWITCH, ("ge7", "intrus", "eth0")))
    assert [(n.name, n.kind, n.state) for n in found.nodes if n.id == "?1"] == [
        ("intrus", "neighbour", Presence.UNDECLARED)
    ]
    assert link(found, "?1").state is Presence.UNDECLARED


OTHERS = [name for name in EQUIPMENT if name != "s2"]


@pytest.mark.parametrize(
    ("own", "gaps", "left_out", "state"),
    [
        (Failure.TIMEOUT, (), "", Presence.MISSING),
        (Failure.UNREACHABLE, (), "", Presence.MISSING),
        (Failure.ACCESS_DENIED, (), "", Presence.DECLARED),  # somebody answered
        (Failure.MISSING_PRIVILEGE, (), "", Presence.DECLARED),  # nobody asked
        (Failure.TIMEOUT, ("lldpRemTable",), "", Presence.DECLARED),  # a table that was not read to its end
        (Failure.TIMEOUT, (), "r1", Presence.DECLARED),  # a table that nobody read
        (None, (), "", Presence.DECLARED),  # never asked
    ],
)
def test_missing_needs_silence_and_all_other_tables(
    own: Failure | None, gaps: tuple[str, ...], left_out: str, state: Presence
) -> None:
    read = [lldp(name, gaps=gaps) for name in OTHERS if name != left_out]
    asked = [seen("snmp.lldp", "s2", None, own)] if own else []
    assert node(made(*read, *asked), "s2").state is state


@pytest.mark.parametrize(
    ("learnt", "state", "seen_on"),
    [
        ((), Presence.DECLARED, ""),
        (((POINT_MAC, 1),), Presence.FOUND, ""),
        (((POINT_MAC, 2),), Presence.MISSING, "autre"),
        (((POINT_MAC, 2), (POINT_MAC, 1)), Presence.FOUND, ""),
    ],
)
def test_the_cable_of_a_measuring_socket(learnt: tuple[tuple[str, int], ...], state: Presence, seen_on: str) -> None:
    cable = link(made(bridge(SWITCH, *learnt), names(SWITCH)), SOCKET.id)
    assert (cable.state, cable.seen_on, cable.a_port) == (state, seen_on, SOCKET.port)


def test_a_port_whose_name_the_switch_does_not_know_proves_nothing() -> None:
    assert link(made(bridge(SWITCH, (POINT_MAC, 2))), SOCKET.id).state is Presence.DECLARED


def test_a_device_is_where_its_address_was_learnt_and_not_behind_an_uplink() -> None:
    found = made(
        lldp(SWITCH, ("autre", "s2", "tr1")),
        bridge(SWITCH, (CAMERA_MAC, 2)),
        names(SWITCH),
        bridge("s2", (CAMERA_MAC, 1)),
    )
    assert (node(found, "cam").state, link(found, "cam").a) == (Presence.FOUND, "s2")


def test_inventions_are_bounded_and_facts_of_another_version_are_left_out() -> None:
    many = made(lldp(SWITCH, *((f"p{n}", f"faux-{n}", "x") for n in range(MAX_NEIGHBOURS + 50))))
    assert sum(n.kind == "neighbour" for n in many.nodes) == MAX_NEIGHBOURS
    assert made(seen("snmp.lldp", SWITCH, {"autre": 1})) == made()


def test_order_of_observations_changes_nothing() -> None:
    one = [lldp("r1", ("adm", SWITCH, "ge1")), lldp(SWITCH, ("ge1", "r1", "adm")), bridge(SWITCH, (CAMERA_MAC, 2))]
    assert made(*one) == made(*one[::-1])


def linked() -> Topology:
    """The same building, with the link between its two switches declared by both ends, and a second one by one."""
    data = TOPOLOGY.site.model_dump(mode="json")
    for device in data["devices"]:
        if device["id"] == "s2":
            device["attached_to"] = [
                {"switch": SWITCH, "port": "tr1", "link": True},
                {"switch": SWITCH, "port": "tr2", "link": True},
            ]
        if device["id"] == SWITCH:
            device["attached_to"] = [{"switch": "s2", "port": "up1", "link": True}]
    return Topology(type(TOPOLOGY.site).model_validate(data))


def cables(*observations: Observation) -> set[tuple[str, str, str, str, Presence]]:
    found = network_map(linked(), {o.request.key: o for o in observations})
    return {
        (one.a, one.a_port, one.b, one.b_port, one.state) for one in found.links if {one.a, one.b} == {SWITCH, "s2"}
    }


def test_declared_links_are_drawn_until_they_are_found_and_missing_where_both_ends_were_read() -> None:
    assert cables() == {
        ("s2", "up1", SWITCH, "tr1", Presence.DECLARED),
        ("s2", "", SWITCH, "tr2", Presence.DECLARED),
    }
    here = lldp(SWITCH, ("tr1", "s2", "up1"), ("tr2", "autre", "x"))
    assert cables(here) == {
        ("s2", "up1", SWITCH, "tr1", Presence.FOUND),
        ("s2", "", SWITCH, "tr2", Presence.DECLARED),
    }
    assert cables(here, lldp("s2", ("up1", SWITCH, "tr1"))) == {
        ("s2", "up1", SWITCH, "tr1", Presence.FOUND),
        ("s2", "", SWITCH, "tr2", Presence.MISSING),
    }
    assert cables(here, lldp("s2", ("up1", SWITCH, "tr1"), gaps=("lldpRemTable",))) == {
        ("s2", "up1", SWITCH, "tr1", Presence.FOUND),
        ("s2", "", SWITCH, "tr2", Presence.DECLARED),
    }
