"""The gate: what may be touched, decided from the site file alone.

One object decides for sockets and for frames, per interface, VLAN, destination, EtherType, address and port. It knows
only what the site declares: an address that a device supplied (a redirect, an LLDP management address, an AIA URL) is
not declared and is therefore refused (promise 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from probes.wire.frames import ETH_LOCAL_EXPERIMENT, ETH_VLAN, ICMPV6, FrameHeader, FrameKind
from probes.wire.gate import FrameRefused, never_allowed
from probes.wire.trials import trial_of
from r2s_audit.engine.budget import Budget, OverBudget
from r2s_audit.errors import OutOfScope
from r2s_audit.model.site import Intrusiveness, is_one_host
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Callable

    from r2s_audit.model.site import AnyAddress, Device, MeasuringPoint
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology

PRINTER_PORTS = range(9100, 9108)
"""Raw printing: whatever connects there is printed (requirements, section 4)."""
BROADCAST = "ff:ff:ff:ff:ff:ff"
ROUTERS_OWN = (134, 137)
"""Router advertisement and redirect (RFC 4861): whoever sends one changes the routes of others."""
ALL_ROUTERS_MAC = "33:33:00:00:00:02"
SOLICITED_NODE_MAC = "33:33:ff:"
PAE_GROUP_MAC = "01:80:c2:00:00:03"
"""Port access entities (IEEE 802.1X-2020 clause 11.1.1)."""
LIMITED_BROADCAST = "255.255.255.255"
_EAP_PACKET, _EAPOL_START, _EAPOL_LOGOFF, _EAP_RESPONSE = 0, 1, 2, 2
_DHCP_CLIENT, _DHCP_SERVER, _DHCP_DISCOVER = 68, 67, 1
_DHCPV6_CLIENT, _DHCPV6_SERVER, _DHCPV6_SOLICIT = 546, 547, 1
_DHCPV6_GROUP, _DHCPV6_GROUP_MAC = "ff02::1:2", "33:33:00:01:00:02"
"""All DHCPv6 servers and relays of the link (RFC 8415 §7.1)."""


_RANK = {Intrusiveness.PASSIVE: 0, Intrusiveness.SAFE: 1, Intrusiveness.INTRUSIVE: 2}


def _today() -> date:
    return datetime.now(UTC).date()


class GateRefused(FrameRefused):
    """The gate of a point kept a frame off the wire, and says why in the reader's language."""

    def __init__(self, message: Message) -> None:
        """Keep the sentence; ``str(error)`` is French."""
        super().__init__(str(message))
        self.message = message


@dataclass(frozen=True, slots=True)
class Scope:
    """Decisions; each refusal names the line of the site file's logic that refuses."""

    topology: Topology
    allow_intrusive: bool = False
    """The flag of the command line; without it nothing intrusive runs, whatever the mandate says."""

    def admit_intrusiveness(self, level: Intrusiveness, what: str, today: date) -> None:
        """Whether something this intrusive may run today.

        Raises:
            OutOfScope: above ``scope.intrusiveness``, or intrusive without flag, mandate in force, or mention in it.
        """
        site = self.topology.site
        if _RANK[level] > _RANK[site.scope.intrusiveness]:
            raise OutOfScope(
                msg(
                    "{what} : niveau {level}, le site n'autorise que {allowed}",
                    what=what,
                    level=level.value,
                    allowed=site.scope.intrusiveness.value,
                )
            )
        if level is not Intrusiveness.INTRUSIVE:
            return
        if not self.allow_intrusive:
            raise OutOfScope(msg("{what} : intrusif, demander --intrusive", what=what))
        mandate = site.mandate
        if mandate is None or not mandate.valid_from <= today <= mandate.valid_until:
            raise OutOfScope(
                msg("{what} : intrusif sans mandat en vigueur le {today}", what=what, today=today.isoformat())
            )
        if what not in mandate.intrusive_checks:
            raise OutOfScope(
                msg("{what} : intrusif et absent du mandat {mandate}", what=what, mandate=mandate.reference)
            )

    def admit_address(self, address: AnyAddress) -> None:
        """Whether packets may be addressed there at all.

        Raises:
            OutOfScope: not the address of one machine, excluded, or in none of ``scope.networks``.
        """
        if not is_one_host(address):
            raise OutOfScope(msg("{address} n'est pas l'adresse d'une seule machine", address=str(address)))
        scope = self.topology.site.scope
        for prefix in scope.exclude:
            if address in prefix:
                raise OutOfScope(
                    msg("{address} est exclu (scope.exclude : {prefix})", address=str(address), prefix=str(prefix))
                )
        if not any(address in prefix for prefix in scope.networks):
            raise OutOfScope(msg("{address} n'est dans aucun préfixe de scope.networks", address=str(address)))

    def admit_connection(self, device: Device, address: AnyAddress, port: int) -> None:
        """Whether a socket may be connected there: an address declared for this very device, inside the scope.

        Raises:
            OutOfScope: with the reason.
        """
        if address not in device.addresses:
            raise OutOfScope(
                msg("{address} n'est pas une adresse déclarée de {device}", address=str(address), device=device.id)
            )
        self.admit_address(address)
        self.admit_port(address, port)

    @staticmethod
    def admit_port(address: AnyAddress, port: int) -> None:
        """Whether a port may be touched.

        Raises:
            OutOfScope: a raw printing port.
        """
        if port in PRINTER_PORTS:
            raise OutOfScope(
                msg(
                    "{address} port {port} : les ports {first} à {last} ne sont jamais touchés (imprimantes)",
                    address=str(address),
                    port=port,
                    first=PRINTER_PORTS[0],
                    last=PRINTER_PORTS[-1],
                )
            )

    def admit_destination(self, address: AnyAddress) -> Device | None:
        """Whether a frame may go to this IP address: a declared device or a declared gateway; the device, if it is one.

        Raises:
            OutOfScope: with the reason.
        """
        device = self.topology.device_at(address)
        if device is None and address not in self.gateways:
            raise OutOfScope(msg("{address} n'est ni un équipement ni une passerelle déclarés", address=str(address)))
        self.admit_address(address)
        return device

    @property
    def gateways(self) -> frozenset[AnyAddress]:
        """The declared router addresses of every VLAN."""
        return frozenset(s.gateway for v in self.topology.site.vlans for s in v.subnets if s.gateway)


@dataclass(frozen=True, slots=True)
class PointGate:
    """The frame gate of one measuring point: the :class:`probes.wire.gate.FrameGate` that its collectors are lent."""

    scope: Scope
    budget: Budget
    point: MeasuringPoint
    own: frozenset[str] = frozenset()
    """MAC addresses of the interfaces of this pass."""
    today: Callable[[], date] = _today
    """For the dates of a mandate."""

    def admit(self, interface: str, header: FrameHeader) -> None:
        """Allow one frame or raise FrameRefused with the reason."""
        reason = never_allowed(header)
        if reason:
            raise FrameRefused(reason)
        if interface != self.point.interface:
            raise GateRefused(
                msg(
                    "interface {interface} : le point {point} est sur {own}",
                    interface=interface,
                    point=self.point.id,
                    own=self.point.interface,
                )
            )
        if self._is_tag_control(header) or self._is_tag_trial(header):
            return
        self._admit_tags(header)
        try:
            self._admit_content(header)
        except OutOfScope as error:
            raise GateRefused(error.message) from error

    def _is_tag_control(self, header: FrameHeader) -> bool:
        """A frame that proves to another point of ours, in the same VLAN, that it hears tags (``vlan.tag-control``).

        The tag of the point's own VLAN, which is where the frame is anyhow, inside a priority tag, which names none.
        """
        vlan = self.scope.topology.vlan_of(self.point)
        tags = [(tag.protocol, tag.vid) for tag in header.vlans]
        return (
            self.point.kind == "access"
            and vlan is not None
            and tags == [(ETH_VLAN, 0), (ETH_VLAN, vlan.id)]
            and header.ethertype == ETH_LOCAL_EXPERIMENT
            and header.destination_mac in self.own
        )

    def _is_tag_trial(self, header: FrameHeader) -> bool:
        """A frame that tries whether a foreign tag gets in, to another point of ours, where a mandate asks for it.

        Raises:
            GateRefused: such a trial, and no mandate in force, no flag, or not this trial.
        """
        vlan = self.scope.topology.vlan_of(self.point)
        if self.point.kind != "access" or vlan is None or header.destination_mac not in self.own:
            return False
        trial = trial_of(header, vlan.id, self.scope.topology.vlans)
        if trial is None:
            return False
        try:
            self.scope.admit_intrusiveness(Intrusiveness.INTRUSIVE, trial, self.today())
        except OutOfScope as error:
            raise GateRefused(error.message) from error
        return True

    def _admit_tags(self, header: FrameHeader) -> None:
        if not header.vlans:
            return
        if self.point.kind != "trunk":
            raise GateRefused(msg("trame étiquetée refusée sur un point {kind}", kind=self.point.kind))
        declared = self.scope.topology.vlans
        if len(header.vlans) > 1 or header.vlans[0].vid not in declared:
            tags = ", ".join(str(tag.vid) for tag in header.vlans)
            raise GateRefused(msg("étiquettes {tags} : seul un VLAN déclaré est permis", tags=tags))

    def _admit_content(self, header: FrameHeader) -> None:
        match header.kind:
            case FrameKind.ARP if header.arp is not None:
                self.scope.admit_destination(header.arp.target_ip)
                allowed: tuple[str, ...] = (BROADCAST,)
            case FrameKind.EAPOL:
                allowed = self._admit_eapol(header)
            case FrameKind.IPV4 if self._is_discover(header):
                allowed = (BROADCAST,)
            case FrameKind.IPV4 if header.destination_ip is not None:
                self.scope.admit_destination(header.destination_ip)
                allowed = ()
            case FrameKind.IPV6 if header.destination_ip is not None:
                allowed = self._admit_ipv6(header)
            case _:
                raise OutOfScope(
                    msg(
                        "trame de type {kind} (EtherType {ethertype}) non prévue par le périmètre",
                        kind=str(header.kind),
                        ethertype=str(header.ethertype),
                    )
                )
        if header.is_group and not header.destination_mac.startswith(tuple(allowed) or ("-",)):
            raise OutOfScope(msg("destination de groupe {mac} non prévue", mac=header.destination_mac))
        if header.destination_port is not None and header.destination_ip is not None:
            self.scope.admit_port(header.destination_ip, header.destination_port)

    def _admit_eapol(self, header: FrameHeader) -> tuple[str, ...]:
        """802.1X as a supplicant speaks it, where nobody is authenticated yet, to the socket's own authenticator.

        Never a key or an announcement, never what an authenticator would say.
        """
        if self.point.kind != "unauthenticated":
            raise OutOfScope(msg("EAPOL refusé sur un point {kind}", kind=self.point.kind))
        spoken = header.eapol_type in (_EAPOL_START, _EAPOL_LOGOFF)
        if not spoken and (header.eapol_type, header.eap_code) != (_EAP_PACKET, _EAP_RESPONSE):
            raise OutOfScope(
                msg(
                    "EAPOL de type {type}, code EAP {code} : seuls Start, Logoff et EAP-Response partent",
                    type=str(header.eapol_type),
                    code=str(header.eap_code),
                )
            )
        switch = self.scope.topology.devices.get(self.scope.topology.sockets[self.point.socket].switch)
        if not header.is_group and (switch is None or header.destination_mac != switch.mac):
            raise OutOfScope(
                msg("EAPOL vers {mac}, qui n'est pas le commutateur de la prise", mac=header.destination_mac)
            )
        return (PAE_GROUP_MAC,)

    def _is_discover(self, header: FrameHeader) -> bool:
        """One question to all DHCP servers (RFC 2131 §4.1): never a request, and never from a mirror, which is mute."""
        return (
            self.point.kind != "mirror"
            and header.destination_mac == BROADCAST
            and (str(header.source_ip), str(header.destination_ip)) == ("0.0.0.0", LIMITED_BROADCAST)
            and (header.source_port, header.destination_port) == (_DHCP_CLIENT, _DHCP_SERVER)
            and header.dhcp_message == _DHCP_DISCOVER
        )

    def _admit_ipv6(self, header: FrameHeader) -> tuple[str, ...]:
        """IPv6 by its destination; neighbour solicitations by the address that they ask about."""
        if header.icmp_type in ROUTERS_OWN and header.protocol == ICMPV6:
            raise OutOfScope(msg("un auditeur n'annonce pas de routeur (ICMPv6 {type})", type=header.icmp_type or 0))
        if header.neighbour_target is not None:
            self.scope.admit_destination(header.neighbour_target)
            return (SOLICITED_NODE_MAC,)
        destination = header.destination_ip
        if destination is None:
            raise OutOfScope(msg("paquet IPv6 sans destination"))
        if header.destination_mac == ALL_ROUTERS_MAC and str(destination) == "ff02::2":
            return (ALL_ROUTERS_MAC,)
        if self._is_solicit(header):
            return (_DHCPV6_GROUP_MAC,)
        self.scope.admit_destination(destination)
        return ()

    def _is_solicit(self, header: FrameHeader) -> bool:
        """One question to all DHCPv6 servers of the link (RFC 8415 §18.2.1): never what leases, renews or releases.

        From a point that is in its VLAN; a first fragment could hide what its options are.
        """
        return (
            self.point.kind in {"access", "trunk"}
            and header.destination_mac == _DHCPV6_GROUP_MAC
            and header.source_ip is not None
            and header.source_ip.is_link_local
            and str(header.destination_ip) == _DHCPV6_GROUP
            and (header.source_port, header.destination_port) == (_DHCPV6_CLIENT, _DHCPV6_SERVER)
            and header.dhcp_message == _DHCPV6_SOLICIT
            and not header.more_fragments
        )

    def pay_now(self, interface: str, header: FrameHeader) -> bool:
        """Take the slot of the frame's target if it is free now; FrameRefused when the budget of the pass is spent."""
        del interface
        try:
            return self.budget.pay_now(self._payer(header))
        except OverBudget as error:
            raise GateRefused(error.message) from error

    async def pay(self, interface: str, header: FrameHeader) -> None:
        """Wait for the slot of the frame's target; FrameRefused when the budget of the pass is spent."""
        del interface
        try:
            await self.budget.pay(self._payer(header))
        except OverBudget as error:
            raise GateRefused(error.message) from error

    def _payer(self, header: FrameHeader) -> Device | None:
        address = header.arp.target_ip if header.arp else header.neighbour_target or header.destination_ip
        return self.scope.topology.device_at(address) if address else None
