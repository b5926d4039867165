"""The family's catalogue: its collectors and its checks. Imports nothing that talks to a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.api import CollectorSpec
from probes.vlan.admin import AdminUnreachable
from probes.vlan.dwellings import DwellingsIsolated
from probes.vlan.egress import LeavesAsDeclared
from probes.vlan.egress_facts import EgressFacts
from probes.vlan.facts import InsideFacts, LeaseFacts, PointFacts, ProxyFacts, ReachFacts
from probes.vlan.flows import FlowsOpen
from probes.vlan.heard_check import ControlProtocols, ForeignFrames
from probes.vlan.heard_facts import HeardFacts, TagControlFacts
from probes.vlan.heard_requests import HEARD, TAG_CONTROL
from probes.vlan.holes import NoReturnHole, UdpIsolated
from probes.vlan.isolation import IcmpIsolated, TcpIsolated, ZonesCount
from probes.vlan.lease import DhcpDeclared, NoBox
from probes.vlan.matrix import EGRESS, INSIDE, LEASE, POINT, PROXY, REACH
from probes.vlan.point import PointAlive
from probes.vlan.proxy import NoProxy
from probes.vlan.sentinels import SentinelsIsolated
from probes.vlan.tags_check import DoubleTag, SentTag
from probes.vlan.tags_facts import TagsReceivedFacts, TagsSentFacts
from probes.vlan.tags_requests import RECEIVED
from probes.vlan.udp_sentinels import UdpSentinelsIsolated
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
        apart=True,
    ),
    CollectorSpec(
        id=REACH,
        version="2",
        facts=ReachFacts,
        function="probes.vlan.collect:reach",
        intrusiveness=Intrusiveness.SAFE,
        packets=11,  # two frames and a RST, two to resolve, six of the window's own controls
        seconds=15.0,
        usual_packets=2,  # two frames into silence, or one and a RST
        usual_seconds=2.5,  # two silences and both controls, once per window, not once per address
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
        usual_seconds=2.5,
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
        apart=True,
    ),
    CollectorSpec(
        id=HEARD,
        version="1",
        facts=HeardFacts,
        function="probes.vlan.heard:heard",
        intrusiveness=Intrusiveness.PASSIVE,
        packets=0,
        seconds=305.0,  # a profile may ask for twice that, which the deadline allows
        usual_seconds=0.0,  # beside what the pass does anyhow
        needs_wire=True,
        beside=True,
        one_per_device=False,
    ),
    CollectorSpec(
        id=TAG_CONTROL,
        version="1",
        facts=TagControlFacts,
        function="probes.vlan.heard:tag_control",
        intrusiveness=Intrusiveness.SAFE,
        packets=252,  # one at first, one a second later, then every five seconds, to four points
        seconds=305.0,
        usual_packets=8,
        usual_seconds=0.0,
        needs_wire=True,
        beside=True,
        one_per_device=False,
    ),
    CollectorSpec(
        id=SentTag.id,
        version="1",
        facts=TagsSentFacts,
        function="probes.vlan.tags:tried",
        intrusiveness=Intrusiveness.INTRUSIVE,
        packets=9,  # three frames, six of the window's own controls
        seconds=15.0,
        usual_packets=4,
        usual_seconds=2.5,
        needs_wire=True,
        batch=True,
        one_per_device=False,
        apart=True,
    ),
    CollectorSpec(
        id=DoubleTag.id,
        version="1",
        facts=TagsSentFacts,
        function="probes.vlan.tags:tried",
        intrusiveness=Intrusiveness.INTRUSIVE,
        packets=12,  # three frames of each form, six of the window's own controls
        seconds=15.0,
        usual_packets=8,
        usual_seconds=2.5,
        needs_wire=True,
        batch=True,
        one_per_device=False,
        apart=True,
    ),
    CollectorSpec(
        id=RECEIVED,
        version="1",
        facts=TagsReceivedFacts,
        function="probes.vlan.tags:received",
        intrusiveness=Intrusiveness.SAFE,
        packets=12,  # the controls at both ends of the window
        seconds=310.0,  # a profile may ask for twice that, which the deadline allows
        usual_packets=8,
        usual_seconds=0.0,
        needs_wire=True,
        beside=True,
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
        apart=True,
    ),
    CollectorSpec(
        id=EGRESS,
        version="1",
        facts=EgressFacts,
        function="probes.vlan.egressing:egress",
        intrusiveness=Intrusiveness.SAFE,
        packets=32,  # two for each of eight hops and for the end, a RST to each of its answers; six of the window's own
        seconds=15.0,
        usual_packets=7,  # two hops and the end; both controls
        usual_seconds=0.5,
        needs_wire=True,
        batch=True,
        one_per_device=False,
        apart=True,  # it asks the operator's end, which is no device of the building, and the gateway
    ),
)
CHECKS: tuple[AnyCheck, ...] = (
    PointAlive(),
    IcmpIsolated(),
    TcpIsolated(),
    UdpIsolated(),
    SentinelsIsolated(),
    UdpSentinelsIsolated(),
    NoReturnHole(),
    FlowsOpen(),
    AdminUnreachable(),
    ZonesCount(),
    DwellingsIsolated(),
    NoProxy(),
    ControlProtocols(),
    ForeignFrames(),
    SentTag(),
    DoubleTag(),
    DhcpDeclared(),
    NoBox(),
    LeavesAsDeclared(),
)
