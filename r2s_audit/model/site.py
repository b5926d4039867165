"""The building as declared: what the site file says, and nothing that was measured.

Addresses, VLANs, sockets, devices, allowed flows and measuring points are declarations; observations are compared with
them. Secrets are never here: only references to where the program may read them at run time.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from .addresses import IPAddress, IPNetwork
from .administration import Administration
from .base import Identifier, Model, Port, SecretRef
from .egress import Egress

SITE_FORMAT = 1
"""Version of the site file that this program reads; a newer one is refused."""


VlanId = Annotated[int, Field(ge=1, le=4094)]
"""IEEE 802.1Q VID: 0 and 4095 are reserved."""
Duid = Annotated[str, Field(pattern=r"^[0-9a-f]{2}(:[0-9a-f]{2}){2,129}$")]
"""A DHCP unique identifier (RFC 8415 §11): type and 1 to 128 octets, in hexadecimal with colons."""
Mac = Annotated[str, Field(pattern=r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")]


class Intrusiveness(StrEnum):
    """How far a check goes; each level includes those before it."""

    PASSIVE = "passive"
    SAFE = "safe"
    INTRUSIVE = "intrusive"


class Stage(StrEnum):
    """The label's moments of evaluation (seed 000, « étapes de la délivrance »)."""

    CONCEPTION = "conception"
    EXECUTION = "execution"
    AS_BUILT = "as_built"


class Building(Model):
    """Which building, which file at the label body."""

    id: Identifier
    name: str
    address: str = ""
    dossier: str = ""
    stage: Stage = Stage.EXECUTION
    target_level: str = ""


class Party(Model):
    """Somebody who signs or answers for something."""

    role: Literal["maitre_ouvrage", "amo", "integrateur", "auditeur", "exploitant", "certificateur"]
    name: str
    contact: str = ""


class Mandate(Model):
    """The written permission to test; intrusive checks need one that is in force and names them."""

    reference: str
    signed_by: str
    valid_from: date
    valid_until: date
    intrusive_checks: list[str] = []

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        if self.valid_until < self.valid_from:
            raise ValueError("valid_until is before valid_from")
        return self


class Rates(Model):
    """Packets per second that the auditor allows himself (requirements, section 4: our hypothesis)."""

    total: Annotated[int, Field(ge=1, le=100000)] = 200
    per_target: Annotated[int, Field(ge=1, le=100000)] = 20
    building_devices: Annotated[int, Field(ge=1, le=1000)] = 10


class Scope(Model):
    """Where packets may go: prefixes, less exclusions, at most this intrusive, no faster than that."""

    networks: list[IPNetwork]
    exclude: list[IPNetwork] = []
    intrusiveness: Intrusiveness = Intrusiveness.SAFE
    rates: Rates = Rates()
    max_packets: Annotated[int, Field(ge=1)] = 1_000_000


class ZoneKind(StrEnum):
    """What a zone is for; checks speak of kinds, never of a building's own names."""

    ADMINISTRATION = "administration"
    TECHNIQUE = "technique"
    LOGEMENTS = "logements"
    PARTIES_COMMUNES = "parties_communes"
    VISITEURS = "visiteurs"
    VIDEO = "video"
    WAN = "wan"
    AUTRE = "autre"


class Zone(Model):
    """A set of places and devices under one filtering policy (IEC 62443-3-2 zone)."""

    id: Identifier
    name: str = ""
    kind: ZoneKind


class Subnet(Model):
    """An IP prefix of a VLAN and the router's address in it."""

    prefix: IPNetwork
    gateway: IPAddress | None = None


class Vlan(Model):
    """A declared VLAN: its 802.1Q identifier, its zone, its subnets."""

    id: VlanId
    name: str
    zone: Identifier
    subnets: list[Subnet] = []
    dhcp_servers: list[IPAddress] = []
    """Who may hand out IPv4 leases in it, by the address that offers name (RFC 2132 §9.7): server or relayed server."""
    dhcpv6_servers: list[Duid] | None = None
    """Who may answer DHCPv6 in it, by DUID (RFC 8415 §11), relayed or not; empty: nobody. Default: not said, not judged."""


class Socket(Model):
    """A wall socket and the switch port that it should lead to."""

    id: Identifier
    zone: Identifier
    vlan: VlanId
    switch: Identifier
    port: str
    dwelling: str = ""
    riser: str = ""
    floor: str = ""


class Service(Model):
    """Something that listens on a device and that the building needs."""

    protocol: str
    port: Port
    transport: Literal["tcp", "udp"] = "tcp"
    tls: bool = False
    server_name: str = ""
    trust: list[str] = []
    """PEM files (relative to the site file) of the building's own certification authorities."""


class DeviceRole(StrEnum):
    """What a device is to the Réseau Smart."""

    SWITCH = "switch"
    ROUTER = "router"
    SUPERVISOR = "supervisor"
    GATEWAY = "gateway"
    CAMERA = "camera"
    INTERCOM = "intercom"
    METER = "meter"
    CONTROLLER = "controller"
    SENSOR = "sensor"
    SERVER = "server"
    OTHER = "other"

    @property
    def is_infrastructure(self) -> bool:
        """Switches, routers and servers stand the infrastructure rate; all else is treated as a building controller."""
        return self in {DeviceRole.SWITCH, DeviceRole.ROUTER, DeviceRole.SERVER, DeviceRole.SUPERVISOR}

    @property
    def is_network_equipment(self) -> bool:
        """What requirement C3.2 calls an administrable equipment of the Réseau Smart."""
        return self in {DeviceRole.SWITCH, DeviceRole.ROUTER}


class Attachment(Model):
    """A switch port that a device is plugged into."""

    switch: Identifier
    port: str
    """The name that the switch gives its port (ifName, else ifDescr)."""
    vlan: VlanId | None = None
    """The VLAN that the port should have, untagged; default: the VLAN of the device's addresses."""
    link: bool = False
    """A link between network equipment: the port carries tagged VLANs, none untagged, and LLDP tells of the other end."""

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.link and self.vlan is not None:
            raise ValueError("vlan goes with a port that is no link")
        return self


class Device(Model):
    """A declared device: where it is, what it answers to, how it is administered."""

    id: Identifier
    name: str = ""
    role: DeviceRole
    zone: Identifier
    place: str = ""
    dwelling: str = ""
    addresses: list[IPAddress] = []
    mac: Mac | None = None
    services: list[Service] = []
    admin: Administration = Administration()
    attached_to: list[Attachment] = []
    """The switch ports that it is plugged into; without them its port is compared with nothing."""
    other_ports: list[str] | None = None
    """A switch's own ports in use beyond those of sockets and devices; empty: none. Default: not said, not judged."""
    tls: Literal["single", "full"] | None = None
    """How many TLS handshakes the device stands: default full on infrastructure, single elsewhere."""

    @property
    def tls_mode(self) -> Literal["single", "full"]:
        """The declared TLS politeness, or the default of the device's role."""
        return self.tls or ("full" if self.role.is_infrastructure else "single")


class Flow(Model):
    """An allowed flow; whatever is not declared is denied between zones."""

    source: Identifier
    destination: Identifier
    protocol: Literal["icmp", "tcp", "udp"]
    ports: list[Port] = []
    reason: str = ""

    @model_validator(mode="after")
    def _ports_fit(self) -> Self:
        if (self.protocol == "icmp") == bool(self.ports):
            raise ValueError("ports are needed for tcp and udp, and refused for icmp")
        return self


class Dot1xCredentials(Model):
    """How the auditor authenticates on a socket (IEEE 802.1X); what is secret is a reference.

    An authority and a server name are mandatory: the inner identity and the password go to a server that was validated
    by both, or to nobody.
    """

    method: Literal["eap-tls", "peap", "ttls"]
    identity: Annotated[str, Field(min_length=1, max_length=253)]
    outer_identity: Annotated[str, Field(min_length=1, max_length=253)] = "anonymous"
    """What is said in clear before the server is validated."""
    server_name: Annotated[str, Field(min_length=1, max_length=253)]
    """The DNS name that the server's certificate has to bear, or its last labels."""
    trust: Annotated[list[str], Field(min_length=1)]
    """PEM files (relative to the site file) of the authorities that the server's certificate may come from."""
    password: SecretRef | None = None
    inner: Literal["mschapv2", "pap"] = "mschapv2"
    """How the password is shown inside the tunnel; pap with ttls only."""
    certificate: str = ""
    """PEM file (relative to the site file) of the client's certificate."""
    private_key: SecretRef | None = None
    """Its key, in PEM."""

    @model_validator(mode="after")
    def _fits_the_method(self) -> Self:
        if self.method == "eap-tls":
            if not self.certificate or self.private_key is None or self.password is not None:
                raise ValueError("eap-tls needs certificate and private_key, and no password")
        elif self.password is None or self.certificate or self.private_key is not None:
            raise ValueError("peap and ttls need password, and no certificate or private_key")
        if self.inner == "pap" and self.method != "ttls":
            raise ValueError("inner pap goes with ttls only")
        return self


class MeasuringPoint(Model):
    """Where the agent is plugged in."""

    id: Identifier
    socket: Identifier
    interface: Annotated[str, Field(pattern=r"^[^\s/]{1,15}$")]
    kind: Literal["access", "trunk", "unauthenticated", "mirror"] = "access"
    vlan: VlanId | None = None
    """VLAN expected on the interface; default: the VLAN of the socket."""
    dot1x: Dot1xCredentials | None = None
    """For an unauthenticated point: who may open it; it should then be in the VLAN above."""

    @model_validator(mode="after")
    def _credentials_where_they_serve(self) -> Self:
        if self.dot1x is not None and self.kind != "unauthenticated":
            raise ValueError("dot1x goes with kind: unauthenticated")
        return self


class NotApplicable(Model):
    """A criterion that the building has no object for, said by somebody, with a reason."""

    criterion: Identifier
    reason: Annotated[str, Field(min_length=10)]
    declared_by: str


class Site(Model):
    """A whole site file."""

    r2s_site: Literal[1]
    building: Building
    parties: list[Party] = []
    mandate: Mandate | None = None
    scope: Scope
    zones: list[Zone]
    vlans: list[Vlan] = []
    sockets: list[Socket] = []
    devices: list[Device] = []
    flows: list[Flow] = []
    egress: list[Egress] = []
    points: list[MeasuringPoint] = []
    not_applicable: list[NotApplicable] = []


AnyAddress: TypeAlias = IPv4Address | IPv6Address


def is_one_host(address: AnyAddress) -> bool:
    """Whether an address is that of one machine, and says itself which prefix it is in.

    Not: groups, the unspecified and the limited broadcast address, IPv6 addresses that stand for an IPv4 one (the kernel
    would send to that: RFC 4291 §2.5.5.2), and addresses that name an interface (RFC 4007 §11).
    """
    if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255":
        return False
    return address.version == 4 or (address.ipv4_mapped is None and address.scope_id is None)  # noqa: PLR2004 - IP version
