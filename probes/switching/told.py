"""What a command line says of a switch, in the words that checks judge by: ports by number, names, VLANs. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from probes.api import Evidence, NotVerified
from r2s_audit.model.site import Device
from r2s_audit.model.text import Message, msg
from r2s_audit.model.topology import Topology

from .asking import the_request
from .facts import Range, SwitchFacts, SwitchPort
from .names import spelt
from .ports import Configured, Port


def told(evidence: Evidence, device: Device, expected: Message) -> SwitchFacts:
    """The facts of a switch's command line.

    Raises:
        NotVerified: it was not read, or no access is declared.
    """
    return evidence.facts(the_request(evidence.topology, device, expected), SwitchFacts)


def said_by(facts: SwitchFacts) -> str:
    """Which commands speak, for a sentence: those that were read."""
    asked = facts.used.commands if facts.used is not None else ()
    silent = {gap.command for gap in facts.gaps}
    read = [c for c in asked if c not in silent and not _is_configuration(c)]
    return f"{', '.join(read)} ({facts.platform})" if read else facts.platform


def vlans_told(facts: SwitchFacts, device: Device, expected: Message) -> set[int]:
    """VLANs that are configured and carry something.

    Raises:
        NotVerified: the command line did not list them.
    """
    if facts.vlans is None:
        raise not_told(facts, device, expected)
    return {vlan.id for vlan in facts.vlans if vlan.active is not False}


def ports_told(facts: SwitchFacts, device: Device, topology: Topology, expected: Message) -> Configured:
    """Ports in the order of the facts; of the VLANs that they are given, those that exist on the switch.

    Raises:
        NotVerified: the command line did not tell of ports, or not of the VLANs that exist.
    """
    if facts.ports is None or facts.vlans is None:
        raise not_told(facts, device, expected)
    existing = frozenset(vlan.id for vlan in facts.vlans)
    numbers: dict[str, int] = {}
    for number, port in enumerate(facts.ports):
        numbers.setdefault(port.name, number)
    return Configured(
        source=said_by(facts),
        ports={number: _port(port, existing) for number, port in enumerate(facts.ports)},
        numbers=spelt(numbers, declared_names(topology, device)),
    )


def declared_names(topology: Topology, device: Device) -> set[str]:
    """Names that the declaration gives ports of a switch: sockets', devices', and its own others."""
    site = topology.site
    found = {s.port for s in site.sockets if s.switch == device.id} | set(device.other_ports or ())
    return found | {a.port for d in site.devices for a in d.attached_to if a.switch == device.id}


def not_told(facts: SwitchFacts, device: Device, expected: Message, *, configuration: bool = False) -> NotVerified:
    """Why a judgement cannot rest on these facts: the first command that was not read, else that there is none for it.

    ``configuration``: it would rest on the switch's configuration, and not on its tables.
    """
    for gap in facts.gaps:
        if _is_configuration(gap.command) is configuration:
            return NotVerified(
                msg(
                    "{device} : « {command} » n'apprend rien ({reason})",
                    device=device.id,
                    command=gap.command,
                    reason=str(gap.reason),
                ),
                expected=expected,
            )
    return NotVerified(
        msg("la ligne de commande de {device} ({platform}) ne le dit pas", device=device.id, platform=facts.platform),
        expected=expected,
    )


def _is_configuration(command: str) -> bool:
    return "running-config" in command


def _port(port: SwitchPort, existing: frozenset[int]) -> Port:
    tagged, untagged = port.tagged, port.untagged
    return Port(
        tagged=_numbers(tagged or ()) & existing,
        untagged=_numbers(untagged or ()) & existing,  # a port of a VLAN that is not there passes nothing
        pvid=port.pvid,
        negotiable=port.negotiable,
        told=tagged is not None and untagged is not None,
        member=port.mode == "member",
    )


def _numbers(ranges: Iterable[Range]) -> frozenset[int]:
    return frozenset(v for low, high in ranges for v in range(low, high + 1))
