"""The family's catalogue: its collectors and its checks. Imports nothing that talks to a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.api import CollectorSpec
from probes.vlan.admin import AdminUnreachable
from probes.vlan.dwellings import DwellingsIsolated
from probes.vlan.facts import InsideFacts, LeaseFacts, PointFacts, ProxyFacts, ReachFacts
from probes.vlan.flows import FlowsOpen
from probes.vlan.holes import NoReturnHole, UdpIsolated
from probes.vlan.isolation import IcmpIsolated, TcpIsolated, ZonesCount
from probes.vlan.lease import DhcpDeclared, NoBox
from probes.vlan.matrix import INSIDE, LEASE, POINT, PROXY, REACH
from probes.vlan.point import PointAlive
from probes.vlan.proxy import NoProxy
from r2s_audit.model.site import Intrusiveness

if TYPE_CHECKING:
    from probes.api import AnyCheck

COLLECTORS: tuple[CollectorSpec, ...] = (
    CollectorSpec(
        id=POINT,
        version="1",
        facts=PointFacts,
        function="probes.vlan.collect:point",
        intrusiveness=Intrusiveness.SAFE,
        packets=10,
        seconds=10.0,
        usual_packets=6,
        usual_seconds=1.0,
        needs_wire=True,
        one_per_device=False,
    ),
    CollectorSpec(
        id=REACH,
        version="2",
        facts=ReachFacts,
        function="probes.vlan.collect:reach",
        intrusiveness=Intrusiveness.SAFE,
        packets=11,  # two frames and a RST, two to resolve, six of the window's own controls
        seconds=15.0,
        usual_packets=4,
        usual_seconds=1.0,  # silence is waited for once per window, not once per address
        needs_wire=True,
        batch=True,
        one_per_device=False,
    ),
    CollectorSpec(
        id=INSIDE,
        version="1",
        facts=InsideFacts,
        function="probes.vlan.inside:inside",
        intrusiveness=Intrusiveness.SAFE,
        packets=24,  # two frames for each way, of which one per TCP service; six of the window's own controls
        seconds=20.0,
        usual_packets=12,
        usual_seconds=1.0,
        needs_wire=True,
        batch=True,
        one_per_device=False,
    ),
    CollectorSpec(
        id=PROXY,
        version="1",
        facts=ProxyFacts,
        function="probes.vlan.proxying:proxy",
        intrusiveness=Intrusiveness.SAFE,
        packets=40,  # two for each other VLAN, six of the window's own controls
        seconds=15.0,
        usual_packets=12,
        usual_seconds=2.0,
        needs_wire=True,
        one_per_device=False,
    ),
    CollectorSpec(
        id=LEASE,
        version="1",
        facts=LeaseFacts,
        function="probes.vlan.leasing:lease",
        intrusiveness=Intrusiveness.SAFE,
        packets=1,
        seconds=5.0,
        usual_seconds=4.0,
        needs_wire=True,
        one_per_device=False,
    ),
)
CHECKS: tuple[AnyCheck, ...] = (
    PointAlive(),
    IcmpIsolated(),
    TcpIsolated(),
    UdpIsolated(),
    NoReturnHole(),
    FlowsOpen(),
    AdminUnreachable(),
    ZonesCount(),
    DwellingsIsolated(),
    NoProxy(),
    DhcpDeclared(),
    NoBox(),
)
