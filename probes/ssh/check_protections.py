"""Check of the layer-2 protections of a switch, as its command line shows them configured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from probes.api import Check, Evidence, NoParameters, NotVerified, conforme, non_conforme
from probes.switching.asking import point_for, requests_for
from probes.switching.facts import Protections, Range
from probes.switching.names import port_key
from probes.switching.ports import switches
from probes.switching.told import not_told, told
from probes.switching.words import listed
from r2s_audit.model.finding import Judgement, Subject
from r2s_audit.model.observation import Request
from r2s_audit.model.site import Device, Intrusiveness
from r2s_audit.model.text import Message, msg
from r2s_audit.model.topology import Topology

_NOT_OF_AN_END = {"trunk", "mirror"}
"""Points whose sockets are no place of an end device."""


@dataclass(frozen=True, slots=True)
class _Ends:
    """What a switch is to protect: ports of end devices by their names, with whose they are, and these ports' VLANs."""

    ports: Mapping[str, str] = field(default_factory=dict)
    vlans: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Lacking:
    """Where a protection is not at work, and where nothing tells."""

    ports: tuple[str, ...] = ()
    vlans: tuple[int, ...] = ()
    unknown: tuple[str, ...] = ()


Lacks = Callable[[Protections, "_Ends"], _Lacking]


def _of_ports(shown: Callable[[Protections], Iterable[str]]) -> Lacks:
    """A protection of ports: each port of an end device has to be among those shown."""

    def lacks(guards: Protections, ends: _Ends) -> _Lacking:
        on = _keys(shown(guards))
        return _without(ends, guards, lambda key: key not in on)

    return lacks


def _of_vlans(
    shown: Callable[[Protections], Iterable[Range]], trusted: Callable[[Protections], Iterable[str]] | None = None
) -> Lacks:
    """A protection of VLANs: each VLAN of an end device has it, and no port of an end device is exempt."""

    def lacks(guards: Protections, ends: _Ends) -> _Lacking:
        on = {v for low, high in shown(guards) for v in range(low, high + 1)}
        exempt = _keys(trusted(guards)) if trusted is not None else set()
        found = _without(ends, guards, lambda key: key in exempt) if trusted is not None else _Lacking()
        return _Lacking(found.ports, tuple(sorted(ends.vlans - on)), found.unknown)

    return lacks


def _without(ends: _Ends, guards: Protections, bad: Callable[[str], bool]) -> _Lacking:
    """Ports of end devices that are bad; unknown where the configuration names them not, or stands elsewhere too."""
    named, unsure = _keys(guards.interfaces), _keys(guards.unsure)
    lacking, unknown = [], []
    for port, owner in ends.ports.items():
        key = port_key(port)
        text = f"{port} ({owner})"
        if key not in named or key in unsure:
            unknown.append(text)
        elif bad(key):
            lacking.append(text)
    return _Lacking(tuple(lacking), unknown=tuple(unknown))


def _keys(names: Iterable[str]) -> set[str]:
    return {port_key(name) for name in names}


@dataclass(frozen=True, slots=True)
class _Protection:
    expected: Callable[[str, _Ends], Message]
    """For a switch and what it is to protect."""
    lacks: Lacks


_PROTECTIONS: dict[str, _Protection] = {
    "storm-control": _Protection(
        lambda device, ends: msg(
            "limitation des diffusions (DISA L2S-000001) sur les ports des prises et équipements de {device} : {ports}",
            device=device,
            ports=listed(ends.ports),
        ),
        _of_ports(lambda g: g.storm_control),
    ),
    "multicast-snooping": _Protection(
        lambda device, ends: msg(
            "surveillance IGMP ou MLD (DISA L2S-000002) dans les VLAN {vlans} de {device}",
            device=device,
            vlans=listed(sorted(ends.vlans)),
        ),
        _of_vlans(lambda g: g.multicast_snooping),
    ),
    "root-guard": _Protection(
        # A port that any BPDU closes is closed to superior ones too.
        lambda device, ends: msg(
            "garde de racine ou garde BPDU (DISA L2S-000021) sur les ports des prises et équipements de {device} : {ports}",
            device=device,
            ports=listed(ends.ports),
        ),
        _of_ports(lambda g: (*g.root_guard, *g.bpdu_guard)),
    ),
    "bpdu-guard": _Protection(
        lambda device, ends: msg(
            "garde BPDU (DISA L2S-000022) sur les ports des prises et équipements de {device} : {ports}",
            device=device,
            ports=listed(ends.ports),
        ),
        _of_ports(lambda g: g.bpdu_guard),
    ),
    "dhcp-snooping": _Protection(
        lambda device, ends: msg(
            "surveillance DHCP (DISA L2S-000025) dans les VLAN {vlans} de {device}, sans confiance aux ports des prises et"
            " équipements : {ports}",
            device=device,
            vlans=listed(sorted(ends.vlans)),
            ports=listed(ends.ports),
        ),
        _of_vlans(lambda g: g.dhcp_snooping, lambda g: g.dhcp_trusted),
    ),
    "source-guard": _Protection(
        lambda device, ends: msg(
            "contrôle de l'adresse source (DISA L2S-000026) sur les ports des prises et équipements de {device} : {ports}",
            device=device,
            ports=listed(ends.ports),
        ),
        _of_ports(lambda g: g.source_guard),
    ),
    "arp-inspection": _Protection(
        lambda device, ends: msg(
            "inspection ARP (DISA L2S-000027) dans les VLAN {vlans} de {device}, sans confiance aux ports des prises et"
            " équipements : {ports}",
            device=device,
            vlans=listed(sorted(ends.vlans)),
            ports=listed(ends.ports),
        ),
        _of_vlans(lambda g: g.arp_inspection, lambda g: g.arp_trusted),
    ),
}


class Layer2Protections(Check[NoParameters]):
    """One subject per switch with ports of end devices and protection: configured on each of these ports and VLANs.

    What is configured on links between equipment is not judged: the declaration does not say on which side of a link
    the root of the spanning tree and the DHCP servers are.
    """

    id = "ssh.layer2-protections"
    title = msg("Protections de couche 2 configurées")
    reference = (
        "DISA Layer 2 Switch SRG V3R1, L2S-000001, -000002, -000021, -000022, -000025 à -000027 ; référentiel S1.2"
    )
    intrusiveness = Intrusiveness.SAFE
    controls = msg("aucun : seule une configuration lue dans une session authentifiée est jugée")

    def subjects(self, topology: Topology, parameters: NoParameters) -> Iterable[Subject]:  # noqa: ARG002 - contract
        """Each protection of each declared switch that end devices are declared to be plugged into."""
        for device in switches(topology):
            if _ends(topology, device).ports:
                point = point_for(topology, device)
                for name in _PROTECTIONS:
                    yield Subject(target=device.id, point=point.id if point else "", detail=(("protection", name),))

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The command line, where there is an access to it."""
        return requests_for(topology, topology.devices[subject.target])

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:  # noqa: ARG002 - contract
        """N where a port or a VLAN lacks it; not verified where the configuration does not tell of one, and no other does."""
        topology = evidence.topology
        device = topology.devices[subject.target]
        ends, protection = _ends(topology, device), _PROTECTIONS[subject.get("protection")]
        expected = protection.expected(device.id, ends)
        facts = told(evidence, device, expected)
        if facts.protections is None:
            raise not_told(facts, device, expected, configuration=True)
        lacking = protection.lacks(facts.protections, ends)
        source = f"show running-config ({facts.platform})"
        if lacking.ports or lacking.vlans:
            return non_conforme(
                expected,
                msg(
                    "absente des ports {ports} et des VLAN {vlans} ; selon {source}",
                    ports=listed(lacking.ports),
                    vlans=listed(lacking.vlans),
                    source=source,
                ),
            )
        if lacking.unknown:
            raise NotVerified(
                msg(
                    "la configuration de {device} ne dit pas tout des ports {ports} ; selon {source}",
                    device=device.id,
                    ports=listed(lacking.unknown),
                    source=source,
                ),
                expected=expected,
            )
        return conforme(
            expected,
            msg(
                "en place sur {count} ports et dans les VLAN {vlans} ; selon {source}",
                count=len(ends.ports),
                vlans=listed(sorted(ends.vlans)),
                source=source,
            ),
        )


def _ends(topology: Topology, switch: Device) -> _Ends:
    """Ports of a switch that end devices are declared to be plugged into: sockets', and those of devices that are no network."""
    site = topology.site
    special = {point.socket for point in site.points if point.kind in _NOT_OF_AN_END}
    ports = {s.port: s.id for s in site.sockets if s.switch == switch.id and s.id not in special}
    vlans = {s.vlan for s in site.sockets if s.switch == switch.id and s.id not in special}
    for device in site.devices:
        for attached in device.attached_to:
            if attached.switch == switch.id and not attached.link and not device.role.is_network_equipment:
                ports.setdefault(attached.port, device.id)
                vlans |= {attached.vlan} if attached.vlan is not None else topology.vlans_of(device)
    return _Ends(ports, frozenset(vlans))
