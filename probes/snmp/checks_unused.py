"""Check of switch ports that nothing is declared to use: administratively down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from pydantic import model_validator

from probes.api import Check, Evidence, NotVerified, sans_objet
from probes.switching.names import is_physical, port_key, spelt
from probes.switching.ports import switches
from probes.switching.told import declared_names, not_told, said_by, told
from probes.switching.words import listed
from r2s_audit.model.base import Model
from r2s_audit.model.finding import Judgement, Subject, Value
from r2s_audit.model.observation import Request
from r2s_audit.model.profile import Share
from r2s_audit.model.site import Device, Intrusiveness
from r2s_audit.model.text import Message, msg
from r2s_audit.model.topology import Topology

from .asking import no_gap, the_request
from .configured import NAME_TABLES, SNMP, by_command_line, switch_requests, switch_subjects
from .facts import BridgeFacts, Interface, SystemFacts
from .ports import PORT_TABLES, numbered
from .specs import BRIDGE, SYSTEM

_ETHERNET = {6, 7, 11, 62, 69, 117}
"""ifType of Ethernet: ethernetCsmacd, and those that RFC 3635 §3.2.4 replaces by it, which old agents still say."""
_UP, _DOWN, _TESTING = 1, 2, 3
_SHOWN = 24
"""Ports named in a sentence."""


class UnusedParameters(Model):
    """Shares of the ports without a declared use that are down, on one switch."""

    atteint: Share
    partiel: Share

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if Fraction(self.partiel) > Fraction(self.atteint):
            raise ValueError("partiel is above atteint: thresholds out of order")
        return self


class UnusedPorts(Check[UnusedParameters]):
    """Expected: on each switch, the physical Ethernet ports that the site gives no use are administratively down.

    Only where the declaration of the switch's ports says that it is complete (``other_ports``): else a port that
    nobody wrote down would be taken for one that nobody uses. What is no port of the bridge counts where it is open; a
    disabled one may be a virtual interface that calls itself Ethernet: what it would change is not verified.
    """

    id = "snmp.unused-ports"
    title = msg("Ports sans usage déclaré désactivés")
    reference = "RFC 2863 (ifAdminStatus, ifConnectorPresent) ; ANSSI-PA-108 R182 ; référentiel S1.2"
    intrusiveness = Intrusiveness.SAFE
    controls = msg("aucun : seule une lecture authentifiée menée à bien est jugée")

    def subjects(self, topology: Topology, parameters: UnusedParameters) -> Iterable[Subject]:  # noqa: ARG002 - contract
        """Declared switches."""
        return switch_subjects(topology, switches(topology))

    def requests(self, topology: Topology, subject: Subject, parameters: UnusedParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The interfaces, and which of them are the bridge's; and the command line."""
        return switch_requests(topology, subject.target)

    def judge(self, subject: Subject, evidence: Evidence, parameters: UnusedParameters) -> Judgement:
        """By the share of unused ports that are down; not verified where a declared port is not found."""
        topology = evidence.topology
        device = topology.devices[subject.target]
        expected = msg(
            "sur {device}, ports Ethernet sans usage déclaré désactivés, {atteint} au moins",
            device=device.id,
            atteint=parameters.atteint,
        )
        unused = _told(evidence, subject, expected)
        if unused.none:
            return sans_objet(
                expected, msg("tous les ports Ethernet de {device} ont un usage déclaré", device=device.id)
            )
        opened, down, sure = unused.opened, unused.down, unused.sure
        worst, best = (_value(count, len(opened), parameters) for count in (sure, down))
        if worst is not best:
            raise NotVerified(
                msg(
                    "ports sans usage déclaré : {opened} ouverts, {down} désactivés ; {count} autres interfaces désactivées,"
                    " dont rien ne dit si ce sont des ports",
                    opened=len(opened),
                    down=sure,
                    count=down - sure,
                ),
                expected=expected,
            )
        return Judgement(value=worst, expected=expected, measured=_measured(sure, opened, unused.source))


@dataclass(frozen=True, slots=True)
class _Unused:
    """The ports that nothing is declared to use: names of those that are open, how many are down, of how many that is sure."""

    opened: list[str]
    down: int
    sure: int
    source: str

    @property
    def none(self) -> bool:
        """Every port has a use."""
        return not self.opened and not self.down


def _told(evidence: Evidence, subject: Subject, expected: Message) -> _Unused:
    """By whoever speaks for the switch: see :mod:`probes.snmp.configured`. An agent that names no port of the bridge cannot.

    Raises:
        NotVerified: it was not read, or does not tell.
    """
    topology = evidence.topology
    device = topology.devices[subject.target]
    if by_command_line(device):
        return _by_command_line(evidence, device, expected)
    system = evidence.facts(the_request(topology, subject, SYSTEM, expected), SystemFacts)
    bridge = evidence.facts(the_request(topology, subject, BRIDGE, expected), BridgeFacts)
    if device.admin.ssh is not None and not numbered(bridge):
        no_gap(bridge.gaps, PORT_TABLES, expected)
        return _by_command_line(evidence, device, expected)
    return _by_agent(topology, device, system, bridge, expected)


def _by_agent(
    topology: Topology, device: Device, system: SystemFacts, bridge: BridgeFacts, expected: Message
) -> _Unused:
    """By ifTable; of what is down, ports of the bridge are ports for sure.

    Raises:
        NotVerified: a table was not read to its end, or a declared port is not found.
    """
    used = _used(topology, device, expected)
    no_gap(system.gaps, NAME_TABLES, expected)
    unused = _unused(system, used, device, expected)
    down = [interface.index for interface in unused.values() if interface.admin == _DOWN]
    return _Unused(
        opened=[name for name, interface in unused.items() if interface.admin != _DOWN],
        down=len(down),
        sure=sum(index in numbered(bridge) for index in down),
        source=SNMP,
    )


def _by_command_line(evidence: Evidence, device: Device, expected: Message) -> _Unused:
    """By the list of ports; aggregates and interfaces of the switch itself are none.

    A declared port that is not in the list may be one of the switch's own management, which many leave out of it: then
    the configuration names it.

    Raises:
        NotVerified: there is no such list, a declared port is nowhere, or one does not say its state.
    """
    facts = told(evidence, device, expected)
    used = _used(evidence.topology, device, expected)
    if facts.ports is None:
        raise not_told(facts, device, expected)
    numbers = spelt({port.name: n for n, port in enumerate(facts.ports)}, used)
    beside = {port_key(name) for name in (facts.protections.interfaces if facts.protections else ())}
    missing = sorted(name for name in used - numbers.keys() if port_key(name) not in beside)
    if missing:
        raise _not_found(missing, device, (port.name for port in facts.ports), expected)
    taken = {numbers[name] for name in used & numbers.keys()}
    unused = [port for n, port in enumerate(facts.ports) if n not in taken and is_physical(port.name)]
    if any(port.enabled is None for port in unused):
        raise not_told(facts, device, expected)
    opened = [port.name for port in unused if port.enabled]
    down = len(unused) - len(opened)
    return _Unused(opened, down, down, said_by(facts))


def _value(down: int, opened: int, parameters: UnusedParameters) -> Value:
    """The class of a share; of no port at all, none is known."""
    if not down + opened:
        return Value.NON_VERIFIE
    share = Fraction(down, down + opened)
    if share >= Fraction(parameters.atteint):
        return Value.CONFORME
    return Value.PARTIEL if share >= Fraction(parameters.partiel) else Value.NON_CONFORME


def _used(topology: Topology, device: Device, expected: Message) -> set[str]:
    """Names of the ports with a declared use: sockets', devices', links', and the switch's other ones.

    Raises:
        NotVerified: the declaration does not say that these are all.
    """
    if device.other_ports is None:
        raise NotVerified(
            msg(
                "le site ne dit pas quels autres ports de {device} servent : other_ports, liste vide si aucun",
                device=device.id,
            ),
            expected=expected,
        )
    return declared_names(topology, device)


def _unused(facts: SystemFacts, used: set[str], device: Device, expected: Message) -> dict[str, Interface]:
    """The physical Ethernet ports that no declared name is the name of, by one name each.

    Raises:
        NotVerified: a declared port is not found, or a port does not say its state.
    """
    known: set[str] = set()
    unused: dict[str, Interface] = {}
    for interface in facts.interfaces:
        texts = [t.text for t in (interface.name, interface.descr) if t is not None and t.text]
        known.update(texts)
        if interface.type not in _ETHERNET or interface.connector_present is False or not used.isdisjoint(texts):
            continue
        name = texts[0] if texts else f"ifIndex {interface.index}"
        if interface.admin not in {_UP, _DOWN, _TESTING}:
            raise NotVerified(
                msg("état du port {port} de {device} non lu", port=name, device=device.id), expected=expected
            )
        unused[name if name not in unused else f"{name} (ifIndex {interface.index})"] = interface
    missing = sorted(used - known)
    if missing:
        raise _not_found(missing, device, known, expected)
    return unused


def _not_found(missing: Iterable[str], device: Device, known: Iterable[str], expected: Message) -> NotVerified:
    return NotVerified(
        msg(
            "ports {ports} introuvables sur {device}, qui connaît {known}",
            ports=listed(missing),
            device=device.id,
            known=listed(sorted(known)[:48]),
        ),
        expected=expected,
    )


def _measured(down: int, opened: list[str], source: str) -> Message:
    if not opened:
        return msg("ports sans usage déclaré, tous désactivés : {count} ; selon {source}", count=down, source=source)
    return msg(
        "ports sans usage déclaré : {count}, dont ouverts : {opened} ({ports}) ; selon {source}",
        source=source,
        opened=len(opened),
        count=down + len(opened),
        ports=listed([*opened[:_SHOWN], *(["…"] if len(opened) > _SHOWN else [])]),
    )
