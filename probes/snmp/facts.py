"""What SNMP observations hold: typed, serialisable, and without any judgement.

Texts come from devices: they are bounded here and escaped by each renderer. ``None`` says that the agent did not
provide the object, an empty text that it provided an empty one.
"""

from __future__ import annotations

from typing import Literal

from r2s_audit.model.base import Model
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import Message


class Text(Model):
    """An octet string that ought to be text: what can be read of it, and its bytes where it is not printable."""

    text: str
    hex: str = ""
    """All bytes kept, in hexadecimal; empty where ``text`` says everything."""
    truncated: bool = False


Level = Literal["noAuthNoPriv", "authNoPriv", "authPriv"]
LEVELS: tuple[Level, ...] = ("noAuthNoPriv", "authNoPriv", "authPriv")
"""USM security levels, each includes those before it (RFC 3411, section 3.4.3)."""


class UsmUsed(Model):
    """Under which protection the agent's answers were accepted: shown by verified digests, not by a declaration."""

    level: Level
    auth_protocol: str = ""
    priv_protocol: str = ""
    address: str
    port: int


class Gap(Model):
    """A table that could not be read to its end, and why; what was read of it is not among the facts."""

    table: str
    failure: Failure
    reason: Message


class Interface(Model):
    """One row of ifTable and ifXTable (RFC 2863)."""

    index: int
    descr: Text | None = None
    type: int | None = None
    mtu: int | None = None
    mac: str | None = None
    admin: int | None = None
    oper: int | None = None
    in_errors: int | None = None
    name: Text | None = None
    hc_in_octets: int | None = None
    high_speed_mbps: int | None = None
    connector_present: bool | None = None
    alias: Text | None = None


class Entity(Model):
    """One row of entPhysicalTable (RFC 6933) that names software, firmware or a model."""

    index: int
    physical_class: int | None = None
    firmware: Text | None = None
    software: Text | None = None
    serial: Text | None = None
    manufacturer: Text | None = None
    model: Text | None = None


class SystemFacts(Model):
    """``snmp.system``: system group, interfaces, software."""

    used: UsmUsed
    descr: Text | None = None
    object_id: str | None = None
    uptime_ticks: int | None = None
    contact: Text | None = None
    name: Text | None = None
    location: Text | None = None
    interfaces: tuple[Interface, ...] = ()
    entities: tuple[Entity, ...] = ()
    provided: tuple[str, ...] = ()
    """Names of the objects of which the agent gave at least one value."""
    gaps: tuple[Gap, ...] = ()


class StaticVlan(Model):
    """One row of dot1qVlanStaticTable; ports are bridge ports, not ifIndex."""

    id: int
    name: Text | None = None
    egress: tuple[int, ...] = ()
    untagged: tuple[int, ...] = ()


class CurrentVlan(Model):
    """One row of dot1qVlanCurrentTable; ``status``: 1 other, 2 permanent, 3 dynamic (GVRP)."""

    id: int
    fdb_id: int | None = None
    status: int | None = None
    egress: tuple[int, ...] = ()
    untagged: tuple[int, ...] = ()


class BridgePort(Model):
    """One bridge port; ``acceptable`` is the agent's own number, which the two families of tables do not read alike."""

    port: int
    if_index: int | None = None
    pvid: int | None = None
    acceptable: int | None = None
    admits: Literal["all", "tagged", "untagged"] | None = None
    """What that number says; ``untagged`` lets priority-tagged frames in too. None: not given, or of no standard."""
    ingress_filtering: bool | None = None
    """Whether a tagged frame of a VLAN that the port is no member of is dropped (IEEE 802.1Q-2022, 8.6.2)."""


class Learnt(Model):
    """One forwarding entry; ``vlans`` are those of its filtering database (dot1qVlanFdbId), empty where none is known."""

    fdb_id: int
    mac: str
    port: int
    vlans: tuple[int, ...] = ()


class VtpVlan(Model):
    """One Ethernet VLAN of vtpVlanTable (CISCO-VTP-MIB); ``state``: 1 operational, 2 suspended, 3 and 4 MTU too big."""

    id: int
    name: Text | None = None
    state: int | None = None


class CiscoPort(Model):
    """A port of vlanTrunkPortTable and vmMembershipTable, by ifIndex."""

    if_index: int
    access_vlan: int | None = None
    """vmVlan: the VLAN of a port that is no trunk; 0 for none."""
    native: int | None = None
    dynamic_state: int | None = None
    """1 on, 2 off, 3 desirable, 4 auto, 5 onNoNegotiate; 3 and 4 make a trunk of whoever asks by DTP."""
    dynamic_status: int | None = None
    """1 trunking, 2 not trunking."""
    allowed: tuple[tuple[int, int], ...] = ()
    """Ranges of the VLANs that the port lets pass where it is a trunk."""


class BridgeFacts(Model):
    """``snmp.bridge``: the switch as BRIDGE-MIB and Q-BRIDGE-MIB show it."""

    used: UsmUsed
    version: int | None = None
    """dot1qVlanVersionNumber: RFC 4363 knows version1(1) only."""
    num_vlans: int | None = None
    stp_version: int | None = None
    gvrp: int | None = None
    dialect: Literal["q-bridge", "ieee8021-q-bridge"] = "q-bridge"
    """Whose tables the VLANs and forwarding entries are from."""
    static_vlans: tuple[StaticVlan, ...] = ()
    current_vlans: tuple[CurrentVlan, ...] = ()
    ports: tuple[BridgePort, ...] = ()
    fdb: tuple[Learnt, ...] = ()
    vtp_vlans: tuple[VtpVlan, ...] = ()
    cisco_ports: tuple[CiscoPort, ...] = ()
    invalid_rows: int = 0
    """Rows whose index no standard allows (a VLAN above 4094, a MAC address of five octets)."""
    gaps: tuple[Gap, ...] = ()


class LldpPort(Model):
    """One row of lldpLocPortTable; ``number`` is not an ifIndex."""

    number: int
    id_subtype: int | None = None
    id: Text | None = None
    descr: Text | None = None
    vlan: int | None = None
    """The Port VLAN ID that it announces (LLDP-EXT-DOT1-MIB); 0 for none."""


class Neighbour(Model):
    """One row of lldpRemTable with its management addresses."""

    local_port: int
    index: int
    chassis_subtype: int | None = None
    chassis: str = ""
    """A MAC address ``aa:bb:…`` (subtype 4), an IP address (subtype 5), else the text or the hexadecimal bytes."""
    port_subtype: int | None = None
    port: str = ""
    port_descr: Text | None = None
    sys_name: Text | None = None
    sys_descr: Text | None = None
    capabilities: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    vlan: int | None = None
    """The Port VLAN ID that the neighbour announces; 0 for none."""


class LldpFacts(Model):
    """``snmp.lldp``: what the device says of itself and hears from its neighbours."""

    used: UsmUsed
    supported: bool
    """The agent gave at least one object of LLDP-MIB."""
    chassis: str = ""
    sys_name: Text | None = None
    ports: tuple[LldpPort, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    invalid_rows: int = 0
    gaps: tuple[Gap, ...] = ()


class Control(Model):
    """The target's control: whether the same address and port answers on the same socket."""

    kind: Literal["usm_get", "discovery"]
    """``usm_get`` an authenticated read; ``discovery`` a report without credentials, where no access is declared."""
    answered: bool
    reason: Message | None = None


class Attempt(Model):
    """One community GET of sysDescr.0; the community itself is never kept."""

    version: Literal["v1", "v2c"]
    community: Literal["declared", "public", "private"]
    answered: bool
    readable: bool = False
    """The answer carried a value: the community gives read access."""
    error_status: int | None = None


class LevelAttempt(Model):
    """One GET of sysUpTime.0 for the declared user, protected less than declared."""

    level: Level
    outcome: Literal["value", "empty", "denied", "silence", "unclear"]
    """``value``: read. ``empty``: accepted, without a value. ``denied``: the agent says no. ``unclear``: anything else."""
    by: str = ""
    """Which report or error-status says no."""
    reason: Message | None = None


class LevelsFacts(Model):
    """``snmp.levels``: reads below the declared security level, between two reads at that level, on one socket."""

    address: str
    port: int
    declared: Level
    before: Control
    attempts: tuple[LevelAttempt, ...]
    after: Control
    drops: int
    """Datagrams that the socket lost (SO_MEMINFO, SK_MEMINFO_DROPS)."""


class LegacyFacts(Model):
    """``snmp.legacy``: community GETs between two controls, on one socket."""

    address: str
    port: int
    before: Control
    attempts: tuple[Attempt, ...]
    after: Control
    window_seconds: float
    """How long answers were waited for after the last community GET, before the control after."""
    drops: int
    """Datagrams that the socket lost (SO_MEMINFO, SK_MEMINFO_DROPS)."""
    undecodable: int = 0
    """Datagrams from the target that were no SNMP message at all."""


class EngineFacts(Model):
    """``snmp.engine``: what an agent tells anybody (RFC 3414, section 4)."""

    address: str
    port: int
    engine_id: str
    enterprise: int | None = None
    """Private enterprise number in the engine identifier (RFC 3411, section 5)."""
    boots: int
    time: int
    report: str
    """The counter that the report names."""
