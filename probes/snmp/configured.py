"""Who speaks for a switch: its agent, or its command line where the agent cannot. Pure.

A switch with ``admin.snmp`` is judged by SNMP. Where that observation completed, and shows that the agent has no such
tables, the command line decides, if ``admin.ssh`` is declared; where it failed, nothing is known, whatever the command
line says: else a lost observation would let another one decide. A switch with ``admin.ssh`` alone is judged by that.
"""

from __future__ import annotations

from collections.abc import Iterable

from probes.api import Evidence, NotVerified
from probes.switching import asking as command_line
from probes.switching.ports import Configured
from probes.switching.told import ports_told, told
from probes.switching.words import listed
from r2s_audit.model.finding import Subject
from r2s_audit.model.observation import Request
from r2s_audit.model.site import Device
from r2s_audit.model.text import Message, msg
from r2s_audit.model.topology import Topology

from .asking import no_gap, requests_for, subjects_for, the_request
from .facts import BridgeFacts, SystemFacts
from .ports import names, ports
from .specs import BRIDGE, SYSTEM

SNMP = "SNMP"
NAME_TABLES = ("ifTable", "ifXTable")


def by_command_line(device: Device) -> bool:
    """Whether a switch has a command line and nothing else to be asked."""
    return device.admin.snmp is None and device.admin.ssh is not None


def switch_subjects(topology: Topology, devices: Iterable[Device]) -> list[Subject]:
    """One subject per switch, seen from the point that asks it in its way."""
    found = []
    for device in devices:
        if by_command_line(device):
            point = command_line.point_for(topology, device)
            found.append(Subject(target=device.id, point=point.id if point else ""))
        else:
            found += subjects_for(topology, [device])
    return found


def switch_requests(topology: Topology, switch: str, *, named: bool = True) -> tuple[Request, ...]:
    """The bridge observation, that of the interfaces for their names, and the command line; those that are declared."""
    device = topology.devices[switch]
    asked = command_line.requests_for(topology, device)
    if device.admin.snmp is None:
        return asked
    bridge = requests_for(topology, device, BRIDGE)
    return (*bridge, *(requests_for(topology, device, SYSTEM) if named else ()), *asked)


def configured(evidence: Evidence, subject: Subject, expected: Message, *, named: bool = True) -> Configured:
    """The ports of a switch by whoever speaks for it; without names where nobody asks for them.

    Raises:
        NotVerified: whoever it is was not read, or does not tell.
    """
    topology = evidence.topology
    device = topology.devices[subject.target]
    if by_command_line(device):
        return ports_told(told(evidence, device, expected), device, topology, expected)
    bridge = evidence.facts(the_request(topology, subject, BRIDGE, expected), BridgeFacts)
    if device.admin.ssh is not None and ports(bridge, expected) is None:
        return ports_told(told(evidence, device, expected), device, topology, expected)
    return by_agent(evidence, subject, bridge, expected, named=named)


def by_agent(
    evidence: Evidence, subject: Subject, bridge: BridgeFacts, expected: Message, *, named: bool = True
) -> Configured:
    """The ports of a switch by its agent, whatever its command line would say.

    Raises:
        NotVerified: it was not read to the end, or does not tell.
    """
    found = ports(bridge, expected)
    if found is None:
        raise no_ports(expected)
    if not named:
        return Configured(SNMP, found, {})
    system = evidence.facts(the_request(evidence.topology, subject, SYSTEM, expected), SystemFacts)
    return Configured(SNMP, found, names(bridge, system), _unread(system, expected))


def no_ports(expected: Message) -> NotVerified:
    """The agent has no tables of ports, and nobody else is there to be asked."""
    return NotVerified(
        msg("l'agent n'offre de ports ni dans dot1qVlanStaticTable ni dans dot1qVlanCurrentTable (RFC 4363)"),
        expected=expected,
    )


def vlans_untold(subject: Subject, ports: Iterable[str], found: Configured, expected: Message) -> NotVerified:
    """Why nothing is concluded of ports that were read: the switch does not say all that they carry."""
    return NotVerified(
        msg(
            "{device} ne dit pas tout ce que portent ses ports {ports} ; selon {source}",
            device=subject.target,
            ports=listed(ports),
            source=found.source,
        ),
        expected=expected,
    )


def _unread(system: SystemFacts, expected: Message) -> NotVerified | None:
    try:
        no_gap(system.gaps, NAME_TABLES, expected)
    except NotVerified as error:
        return error
    return None
