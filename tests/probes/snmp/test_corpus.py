"""Decoders on recorded agents (LibreNMS test data in the directory that R2S_CORPUS names), against LibreNMS's own view.

What LibreNMS derives is a parser's output and not the truth. VLANs, memberships and neighbours: test_corpus_vlans.py.
"""

from __future__ import annotations

from collections import Counter

import pytest

from probes.snmp import tables
from tests.probes.snmp.recordings import CORPUS, agents

pytestmark = pytest.mark.skipif(not CORPUS, reason="R2S_CORPUS names no directory of recordings")


@pytest.fixture(name="agents")
def _agents():
    """Name, rows and LibreNMS's view ({} where there is none) of every recording."""
    return [(agent.name, agent.rows, agent.view) for agent in agents()]


def test_every_recording_is_decoded(agents):
    count = Counter()
    for _, rows, _ in agents:
        static, bad_static = tables.static_vlans(rows)
        current, bad_current = tables.current_vlans(rows)
        learnt, bad_learnt = tables.forwarding(rows, current)
        neighbours, bad_neighbours = tables.neighbours(rows)
        count.update(
            agents=1, rows=len(rows), interfaces=len(tables.interfaces(rows)), entities=len(tables.entities(rows)),
            static=len(static), current=len(current), learnt=len(learnt), neighbours=len(neighbours),
            bridge_ports=len(tables.bridge_ports(rows)), lldp_ports=len(tables.lldp_ports(rows)),
            invalid=bad_static + bad_current + bad_learnt + bad_neighbours,
        )  # fmt: skip
    print("decoded:", dict(count))
    assert all(count[name] for name in count if name != "invalid")
    assert count["invalid"] < count["static"] + count["current"] + count["learnt"] + count["neighbours"]


def test_interfaces_against_librenms(agents):
    compared = 0
    for name, rows, view in agents:
        ours = {i.index: i for i in tables.interfaces(rows)}
        for port in view.get("ports", []):
            interface = ours.get(port["ifIndex"])
            if interface is None or interface.name is None or not interface.name.text or not port.get("ifName"):
                continue  # LibreNMS falls back to ifDescr or to a vendor's table
            assert interface.name.text == port["ifName"], name
            compared += 1
    print(f"interface names: {compared} compared")
    assert compared
