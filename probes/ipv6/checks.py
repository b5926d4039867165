"""The family's catalogue: its collectors and its checks. Imports nothing that talks to a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.api import CollectorSpec
from probes.ipv6.addresses import AddressFormed
from probes.ipv6.declared import ADDRESS, DHCP, ECHO, MAX_ROUTERS, NEIGHBOUR, ROUTER
from probes.ipv6.dhcp import DhcpDeclared
from probes.ipv6.dhcp_facts import DhcpFacts
from probes.ipv6.facts import AddressFacts, EchoFacts, NeighbourFacts, RouterFacts
from probes.ipv6.reach import MAX_ECHOES, GatewayEcho, NeighboursAnswer
from probes.ipv6.routers import NameServers, RaDeclared, RaPresent
from probes.ipv6.usage import InUse
from r2s_audit.model.site import Intrusiveness

if TYPE_CHECKING:
    from probes.api import AnyCheck

COLLECTORS: tuple[CollectorSpec, ...] = (
    CollectorSpec(
        id=ROUTER,
        version="1",
        facts=RouterFacts,
        function="probes.ipv6.collect:router",
        intrusiveness=Intrusiveness.SAFE,
        packets=1 + 4 * MAX_ROUTERS,  # one solicitation, and each router asked twice at both ends
        seconds=10.0,
        usual_packets=5,
        usual_seconds=4.6,
        needs_wire=True,
        one_per_device=False,
        apart=True,
    ),
    CollectorSpec(
        id=ADDRESS,
        version="1",
        facts=AddressFacts,
        function="probes.ipv6.collect:address",
        intrusiveness=Intrusiveness.PASSIVE,
        packets=0,
        seconds=5.0,
        usual_seconds=0.2,
        one_per_device=False,
        apart=True,
    ),
    CollectorSpec(
        id=NEIGHBOUR,
        version="1",
        facts=NeighbourFacts,
        function="probes.ipv6.collect:neighbour",
        intrusiveness=Intrusiveness.SAFE,
        packets=8,  # two solicitations of each kind, and the IPv4 address asked twice at both ends
        seconds=5.0,
        usual_packets=4,
        usual_seconds=0.2,
        needs_wire=True,
        batch=True,
        one_per_device=False,
        apart=True,
    ),
    CollectorSpec(
        id=ECHO,
        version="1",
        facts=EchoFacts,
        function="probes.ipv6.collect:echo",
        intrusiveness=Intrusiveness.SAFE,
        packets=MAX_ECHOES + 8,  # and both gateways asked twice at both ends
        seconds=10.0,
        usual_packets=24,
        usual_seconds=0.2,
        needs_wire=True,
        one_per_device=False,
        apart=True,
    ),
    CollectorSpec(
        id=DHCP,
        version="1",
        facts=DhcpFacts,
        function="probes.ipv6.soliciting:dhcp",
        intrusiveness=Intrusiveness.SAFE,
        packets=1 + 4 * MAX_ROUTERS,  # one SOLICIT, and each router asked twice at both ends
        seconds=8.0,
        usual_packets=5,
        usual_seconds=3.1,
        needs_wire=True,
        one_per_device=False,
        apart=True,
    ),
)
CHECKS: tuple[AnyCheck, ...] = (
    RaPresent(),
    RaDeclared(),
    DhcpDeclared(),
    AddressFormed(),
    NameServers(),
    NeighboursAnswer(),
    GatewayEcho(),
    InUse(),
)
