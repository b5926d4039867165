"""How SNMP facts are collected; each function answers one request and returns an outcome or raises CollectFailure."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.api import Access, CollectFailure, CollectorSpec, Outcome
from r2s_audit.model.administration import SnmpV3
from r2s_audit.model.observation import Failure, Request
from r2s_audit.model.site import AnyAddress, Device
from r2s_audit.model.text import msg

from . import oids, tables
from .bridging import bridge_facts, has_vlans, memberships
from .channel import Channel, open_channel
from .community import NotSnmp, decode_report, encode_discovery, enterprise, random_id
from .dialects import IEEE, Q_BRIDGE
from .facts import Control, EngineFacts, LegacyFacts, LevelAttempt, LevelsFacts, LldpFacts, SystemFacts
from .levels import attempt, below, declared_level
from .oids import Oid, dotted
from .refusal import Refusal, discovery_control, usm_control
from .specs import BRIDGE, ENGINE, LEGACY, LEVELS, LLDP, SYSTEM
from .usm import ANSWER_SECONDS, TRIES, UsmSession
from .values import Rows, integer, text
from .walk import Reading, get, read_table

if TYPE_CHECKING:
    from r2s_audit.model.observation import BlobRef

    from .facts import UsmUsed

EVIDENCE = "application/json; profile=snmp-varbinds"
MAX_INTERFACES = 4096
MAX_ENTITIES = 4096
MAX_VLANS = 4096
MAX_NEIGHBOURS = 1024
MAX_FDB = 16384
MAX_MEMBERSHIPS = 131072
"""Port memberships of all VLANs together: a core switch of a building has some hundreds."""


@dataclass(slots=True)
class Reader:
    """A session with what it has read."""

    session: UsmSession
    channel: Channel
    used: UsmUsed
    reading: Reading

    async def scalars(self, names: Mapping[str, Oid]) -> None:
        """Read scalars; absent ones are simply not among the rows."""
        self.reading.rows.update(await get(self.session, list(names.values())))

    async def table(self, name: str, columns: Mapping[str, Oid], max_rows: int) -> None:
        """Read a table or note the gap."""
        await read_table(self.session, self.reading, name, columns, max_rows=max_rows)


def _session(access: Access, channel: Channel, device: Device, address: AnyAddress, snmp: SnmpV3) -> UsmSession:
    auth = access.secret(device, address, snmp.auth_secret) if snmp.auth_secret else None
    priv = access.secret(device, address, snmp.priv_secret) if snmp.priv_secret else None
    return UsmSession(channel, snmp, auth, priv)


def _declared(device: Device) -> SnmpV3:
    """The declared USM access; CollectFailure(ACCESS_DENIED) where there is none."""
    if device.admin.snmp is None:
        raise CollectFailure(
            Failure.ACCESS_DENIED,
            msg("aucun accès SNMPv3 déclaré pour {device} (admin.snmp du fichier de site)", device=device.id),
        )
    return device.admin.snmp


@asynccontextmanager
async def _reader(access: Access, request: Request, spec: CollectorSpec) -> AsyncIterator[Reader]:
    """A reader with the declared USM access; ACCESS_DENIED where none is declared."""
    channel, device, address, port = await open_channel(access, request, spec)
    try:
        snmp = _declared(device)
        session = _session(access, channel, device, address, snmp)
        try:
            yield Reader(session, channel, session.used(str(address), port), Reading())
        finally:
            session.close()
    finally:
        channel.close()


def evidence(access: Access, request: Request, rows: Rows) -> BlobRef:
    """The raw variables as sorted JSON: numbers, ``0x…`` octets, dotted identifiers; nothing of USM is in it."""
    shown = {
        dotted(name): value
        if isinstance(value, int)
        else f"0x{value.hex()}"
        if isinstance(value, bytes)
        else dotted(value)
        for name, value in sorted(rows.items())
    }
    document = {"collector": request.collector, "target": request.target, "varbinds": shown}
    return access.keep(json.dumps(document, ensure_ascii=True, indent=0).encode(), EVIDENCE, redacted=True)


def _provided(rows: Rows, names: Mapping[str, Oid]) -> list[str]:
    return [name for name, prefix in names.items() if any(key[: len(prefix)] == prefix for key in rows)]


async def system(access: Access, request: Request) -> Outcome:
    """``snmp.system``: system group, interfaces, and what ENTITY-MIB says of software."""
    async with _reader(access, request, SYSTEM) as reader:
        await reader.scalars(oids.SYSTEM_SCALARS)
        await reader.table("ifTable", oids.IF_COLUMNS, MAX_INTERFACES)
        await reader.table("ifXTable", oids.IFX_COLUMNS, MAX_INTERFACES)
        await reader.table("entPhysicalTable", oids.ENTITY_COLUMNS, MAX_ENTITIES)
        rows = reader.reading.rows
        scalars = oids.SYSTEM_SCALARS
        object_id = rows.get(scalars["sysObjectID"])
        facts = SystemFacts(
            used=reader.used,
            descr=text(rows.get(scalars["sysDescr"])),
            object_id=dotted(object_id) if isinstance(object_id, tuple) else None,
            uptime_ticks=integer(rows.get(scalars["sysUpTime"])),
            contact=text(rows.get(scalars["sysContact"])),
            name=text(rows.get(scalars["sysName"])),
            location=text(rows.get(scalars["sysLocation"])),
            interfaces=tables.interfaces(rows),
            entities=tables.entities(rows),
            provided=tuple(_provided(rows, {**scalars, **oids.IF_COLUMNS, **oids.IFX_COLUMNS, **oids.ENTITY_COLUMNS})),
            gaps=tuple(reader.reading.gaps),
        )
        return Outcome(facts, blobs=(evidence(access, request, rows),), packets_sent=reader.channel.sent)


async def bridge(access: Access, request: Request) -> Outcome:
    """``snmp.bridge``: 802.1Q version, VLANs, ports, forwarding entries."""
    async with _reader(access, request, BRIDGE) as reader:
        await reader.scalars(oids.BRIDGE_SCALARS)
        await reader.table("dot1qVlanStaticTable", oids.VLAN_STATIC_COLUMNS, MAX_VLANS)
        await reader.table("dot1qVlanCurrentTable", oids.VLAN_CURRENT_COLUMNS, MAX_VLANS)
        await reader.table("dot1dBasePortTable", oids.BASE_PORT_COLUMNS, MAX_INTERFACES)
        await reader.table("dot1qPortVlanTable", oids.PORT_VLAN_COLUMNS, MAX_INTERFACES)
        await reader.table("dot1qTpFdbTable", oids.FDB_COLUMNS, MAX_FDB)
        rows = reader.reading.rows
        if not has_vlans(rows, Q_BRIDGE):
            await _successors(reader)
        if (found := memberships(rows)) > MAX_MEMBERSHIPS:
            raise CollectFailure(
                Failure.LIMIT_EXCEEDED,
                msg("{found} appartenances de ports à des VLAN, {limit} au plus", found=found, limit=MAX_MEMBERSHIPS),
            )
        facts = bridge_facts(rows, reader.used, reader.reading.gaps)
        return Outcome(facts, blobs=(evidence(access, request, rows),), packets_sent=reader.channel.sent)


async def _successors(reader: Reader) -> None:
    """The IEEE's tables, then Cisco's: asked only of agents without Q-BRIDGE-MIB, for most have it."""
    await reader.table("ieee8021QBridgeVlanStaticTable", oids.IEEE_VLAN_STATIC_COLUMNS, MAX_VLANS)
    await reader.table("ieee8021QBridgeVlanCurrentTable", oids.IEEE_VLAN_CURRENT_COLUMNS, MAX_VLANS)
    if has_vlans(reader.reading.rows, IEEE):
        await reader.table("ieee8021BridgeBasePortTable", oids.IEEE_BASE_PORT_COLUMNS, MAX_INTERFACES)
        await reader.table("ieee8021QBridgePortVlanTable", oids.IEEE_PORT_VLAN_COLUMNS, MAX_INTERFACES)
        await reader.table("ieee8021QBridgeTpFdbTable", oids.IEEE_FDB_COLUMNS, MAX_FDB)
        return
    await reader.table("vtpVlanTable", oids.VTP_VLAN_COLUMNS, MAX_VLANS)
    await reader.table("vlanTrunkPortTable", oids.VTP_TRUNK_COLUMNS, MAX_INTERFACES)
    await reader.table("vmMembershipTable", oids.VM_MEMBERSHIP_COLUMNS, MAX_INTERFACES)


async def lldp(access: Access, request: Request) -> Outcome:
    """``snmp.lldp``: the device's own identity and its neighbours."""
    async with _reader(access, request, LLDP) as reader:
        await reader.scalars(oids.LLDP_SCALARS)
        await reader.table("lldpLocPortTable", oids.LLDP_PORT_COLUMNS, MAX_INTERFACES)
        await reader.table("lldpRemTable", oids.LLDP_REMOTE_COLUMNS, MAX_NEIGHBOURS)
        await reader.table("lldpRemManAddrTable", oids.LLDP_ADDRESS_COLUMNS, MAX_NEIGHBOURS)
        await reader.table("lldpXdot1LocTable", oids.LLDP_PORT_VLAN_COLUMNS, MAX_INTERFACES)
        await reader.table("lldpXdot1RemTable", oids.LLDP_REMOTE_VLAN_COLUMNS, MAX_NEIGHBOURS)
        rows = reader.reading.rows
        scalars = oids.LLDP_SCALARS
        neighbours, invalid = tables.neighbours(rows)
        facts = LldpFacts(
            used=reader.used,
            supported=bool(rows),
            chassis=tables.chassis_id(
                rows.get(scalars["lldpLocChassisId"]), rows.get(scalars["lldpLocChassisIdSubtype"])
            ),
            sys_name=text(rows.get(scalars["lldpLocSysName"])),
            ports=tables.lldp_ports(rows),
            neighbours=neighbours,
            invalid_rows=invalid,
            gaps=tuple(reader.reading.gaps),
        )
        return Outcome(facts, blobs=(evidence(access, request, rows),), packets_sent=reader.channel.sent)


async def legacy(access: Access, request: Request) -> Outcome:
    """``snmp.legacy``: are v1 and v2c refused? Controls before and after, on one socket (promise 3)."""
    channel, device, address, port = await open_channel(access, request, LEGACY)
    try:
        declared = device.admin.snmp_community
        refusal = Refusal(channel, access.secret(device, address, declared) if declared else None)
        snmp = device.admin.snmp
        session = _session(access, channel, device, address, snmp) if snmp else None
        try:
            control = usm_control(session) if session else discovery_control(channel)
            before = await control()
            try:
                await refusal.ask()
                after = await control()
            except CollectFailure as failure:
                # An answer that was heard stands, whatever became of the agent since; silence does not.
                if not any(attempt.answered for attempt in refusal.attempts()):
                    raise
                after = Control(kind=before.kind, answered=False, reason=failure.reason)
            facts = LegacyFacts(
                address=str(address),
                port=port,
                before=before,
                attempts=refusal.attempts(),
                after=after,
                window_seconds=refusal.window_seconds,
                drops=channel.drops,
                undecodable=refusal.undecodable,
            )
        finally:
            if session:
                session.close()
        # The answers themselves are not kept: a v1 or v2c message carries its community.
        kept = access.keep(
            facts.model_dump_json(indent=0).encode(), "application/json; profile=snmp-legacy", redacted=True
        )
        return Outcome(facts, blobs=(kept,), packets_sent=channel.sent)
    finally:
        channel.close()


async def levels(access: Access, request: Request) -> Outcome:
    """``snmp.levels``: is less protection than declared refused? Controls before and after, on one socket (promise 3)."""
    channel, device, address, port = await open_channel(access, request, LEVELS)
    try:
        snmp = _declared(device)
        auth = access.secret(device, address, snmp.auth_secret) if snmp.auth_secret else None
        session = _session(access, channel, device, address, snmp)
        try:
            control = usm_control(session)
            before = await control()
            attempts: list[LevelAttempt] = []
            try:
                for level in below(snmp):
                    attempts.append(await attempt(channel, snmp, level, auth))  # noqa: PERF401 - those before a failure stand
                after = await control()
            except CollectFailure as failure:
                # A value that was read stands, whatever became of the agent since; silence does not.
                if not any(found.outcome == "value" for found in attempts):
                    raise
                after = Control(kind=before.kind, answered=False, reason=failure.reason)
        finally:
            session.close()
        facts = LevelsFacts(
            address=str(address),
            port=port,
            declared=declared_level(snmp),
            before=before,
            attempts=tuple(attempts),
            after=after,
            drops=channel.drops,
        )
        kept = access.keep(
            facts.model_dump_json(indent=0).encode(), "application/json; profile=snmp-levels", redacted=True
        )
        return Outcome(facts, blobs=(kept,), packets_sent=channel.sent)
    finally:
        channel.close()


async def engine(access: Access, request: Request) -> Outcome:
    """``snmp.engine``: discovery without credentials (RFC 3414, section 4)."""
    channel, device, address, port = await open_channel(access, request, ENGINE)
    try:
        for _ in range(TRIES):
            message_id = random_id()
            await channel.send(encode_discovery(message_id))
            datagram = await channel.receive(ANSWER_SECONDS)
            if datagram is None:
                continue
            try:
                found = decode_report(datagram)
            except NotSnmp as error:
                raise CollectFailure(
                    Failure.NOT_SUPPORTED,
                    msg("{device} répond autre chose qu'un rapport SNMPv3", device=device.id),
                ) from error
            if found.message_id != message_id:
                continue
            facts = EngineFacts(
                address=str(address),
                port=port,
                engine_id=found.engine_id.hex(),
                enterprise=enterprise(found.engine_id),
                boots=found.boots,
                time=found.time,
                report=found.report,
            )
            kept = access.keep(datagram, "application/octet-stream; profile=snmp-report")
            return Outcome(facts, blobs=(kept,), packets_sent=channel.sent)
        raise CollectFailure(
            Failure.TIMEOUT,
            msg("{device} ne répond pas à la découverte SNMPv3 ({tries} envois)", device=device.id, tries=TRIES),
        )
    finally:
        channel.close()
