"""What a collector is lent: gated sockets, budget, secrets for declared addresses, the wire."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from probes.api import CollectFailure
from r2s_audit.engine.scope import PointGate
from r2s_audit.engine.steady import SteadyClock
from r2s_audit.errors import OutOfScope, UsageError
from r2s_audit.evidence.regular import open_regular, read_regular
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from probes.wire.client import Wire
    from probes.wire.supplicant import Supplicants
    from r2s_audit.engine.interfaces import Interface
    from r2s_audit.evidence.blobs import BlobStore
    from r2s_audit.model.base import SecretRef
    from r2s_audit.model.observation import BlobRef
    from r2s_audit.model.site import AnyAddress, Device, MeasuringPoint
    from r2s_audit.model.topology import Topology

_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EADDRNOTAVAIL, errno.ENETDOWN}
MAX_FILE = 1 << 20
TCP_PACKETS = 3
"""SYN, ACK and FIN: what a connection costs before anything is said on it."""


class Secrets:
    """Reads the secrets that a site file refers to, when they are needed, and keeps none."""

    def __init__(self, base: Path, environment: Mapping[str, str]) -> None:
        """``base``: the directory of the site file, to which ``file:`` references are relative."""
        self._base = base
        self._environment = environment

    def read(self, reference: SecretRef) -> str:
        """The secret.

        Raises:
            UsageError: not there, or a file that others may read.
        """
        kind, _, place = reference.partition(":")
        if kind == "env":
            value = self._environment.get(place)
            if value is None:
                raise UsageError(
                    msg("secret {reference} : variable absente", reference=reference),
                    remedy=msg("export {name}=… avant l'audit", name=place),
                )
            return value
        path = self._base / place
        try:
            with open_regular(path, MAX_FILE) as file:
                open_to_others = os.fstat(file.fileno()).st_mode & 0o077
                text = "" if open_to_others else file.read(MAX_FILE).decode().replace("\r\n", "\n").rstrip("\n")
        except (OSError, ValueError) as error:
            raise UsageError(
                msg("secret {reference} illisible : {path}", reference=reference, path=str(path)),
                remedy=msg("écrire le fichier, droits 600"),
            ) from error
        if open_to_others:
            raise UsageError(
                msg("secret {reference} : {path} est lisible par d'autres", reference=reference, path=str(path)),
                remedy=msg("chmod 600 {path}", path=str(path)),
            )
        return text

    def public_file(self, name: str) -> bytes:
        """A file beside the site file that is no secret.

        Raises:
            CollectFailure: it cannot be read, or is larger than any certificate file.
        """
        path = self._base / name
        try:
            return read_regular(path, MAX_FILE)
        except OSError as error:
            if error.errno == errno.EFBIG:
                reason = msg("{name} dépasse {most} octets", name=name, most=MAX_FILE)
                raise CollectFailure(Failure.LIMIT_EXCEEDED, reason) from error
            reason = msg("{name} illisible : {error}", name=name, error=os.strerror(error.errno or 0))
            raise CollectFailure(Failure.ACCESS_DENIED, reason) from error


@dataclass(frozen=True, slots=True)
class PassTools:
    """What all points of a pass share."""

    secrets: Secrets
    blobs: BlobStore
    wire: Wire | None
    no_wire: Message | None = None
    """Why there are no raw frames, where there are none."""
    supplicants: Supplicants | None = None
    no_supplicants: Message | None = None
    """Why nobody can authenticate (802.1X), where nobody can."""
    clock: SteadyClock = field(default_factory=SteadyClock)


@dataclass(frozen=True, slots=True)
class PointAccess:
    """The :class:`probes.api.Access` of one measuring point."""

    gate: PointGate
    interface: Interface | None
    tools: PassTools
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once all rounds of the pass are over."""

    @property
    def alone(self) -> bool:
        """Whether only what runs beside the rounds is left."""
        return self.over.is_set()

    @property
    def topology(self) -> Topology:
        """The declared site."""
        return self.gate.scope.topology

    @property
    def point(self) -> MeasuringPoint:
        """Where the agent is plugged in."""
        return self.gate.point

    @property
    def frame_gate(self) -> PointGate:
        """The gate of every frame."""
        return self.gate

    @property
    def wire(self) -> Wire:
        """Raw frames, or a failure that names the remedy."""
        self._own_interface()
        if self.tools.wire is None:
            reason = self.tools.no_wire or msg("trames brutes impossibles sans CAP_NET_RAW")
            raise CollectFailure(Failure.MISSING_PRIVILEGE, reason)
        return self.tools.wire

    @property
    def supplicants(self) -> Supplicants:
        """802.1X supplicants, or a failure that names the remedy."""
        self._own_interface()
        if self.tools.supplicants is None:
            reason = self.tools.no_supplicants or msg("802.1X impossible : aucun lanceur pour cette passe")
            raise CollectFailure(Failure.MISSING_PRIVILEGE, reason)
        return self.tools.supplicants

    @property
    def mac(self) -> bytes:
        """Six bytes."""
        return bytes.fromhex(self._own_interface().mac.replace(":", ""))

    def source(self, version: int) -> AnyAddress | None:
        """The point's own address of an IP version, of its declared VLAN where it has one there."""
        vlan = self.topology.vlan_of(self.point)
        prefixes = [subnet.prefix for subnet in vlan.subnets] if vlan else []
        return self._own_interface().source(version, prefixes)

    def now(self) -> datetime:
        """UTC."""
        return self.tools.clock.now()

    def keep(self, data: bytes, kind: str, *, redacted: bool = False) -> BlobRef:
        """Store evidence."""
        return self.tools.blobs.put(data, kind, redacted=redacted)

    def secret(self, device: Device, address: AnyAddress, reference: SecretRef) -> str:
        """A credential for a declared address of the device."""
        if address not in device.addresses:
            raise OutOfScope(
                msg(
                    "aucun secret pour {address} : ce n'est pas une adresse déclarée de {device}",
                    address=str(address),
                    device=device.id,
                )
            )
        return self._read(reference)

    def own_secret(self, reference: SecretRef) -> str:
        """A credential that the point itself declares (802.1X)."""
        own = self.point.dot1x
        if own is None or reference not in {own.password, own.private_key}:
            raise OutOfScope(
                msg(
                    "aucun secret {reference} : le point {point} ne le déclare pas",
                    reference=reference,
                    point=self.point.id,
                )
            )
        return self._read(reference)

    def _read(self, reference: SecretRef) -> str:
        try:
            return self.tools.secrets.read(reference)
        except UsageError as error:
            raise CollectFailure(Failure.ACCESS_DENIED, error.message) from error

    def declared_file(self, name: str) -> bytes:
        """A file that the site names as a trust anchor or as the point's certificate, from the site file's directory.

        Raises:
            CollectFailure: not named by the site, or not readable.
        """
        declared = {path for d in self.topology.site.devices for service in d.services for path in service.trust}
        if self.point.dot1x is not None:
            declared |= {*self.point.dot1x.trust, self.point.dot1x.certificate}
        if name not in declared:
            raise CollectFailure(Failure.OUT_OF_SCOPE, msg("{name} n'est pas un fichier nommé par le site", name=name))
        return self.tools.secrets.public_file(name)

    async def pay(self, device: Device, packets: int = 1) -> None:
        """Wait for the budget."""
        await self.gate.budget.pay(device, packets)

    async def tcp(
        self, device: Device, address: AnyAddress, port: int, *, seconds: float = 2.0, packets: int = 0
    ) -> socket.socket:
        """A connected TCP socket of the point, with the conversation on it paid for."""
        self.gate.scope.admit_connection(device, address, port)
        await self.pay(device, TCP_PACKETS + packets)
        sock = self._socket(address, socket.SOCK_STREAM)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
        except BaseException as error:
            sock.close()
            failure = _connect_failure(error, address, port, seconds)
            if failure is None:
                raise
            raise failure from error
        return sock

    async def udp(self, device: Device, address: AnyAddress, port: int) -> socket.socket:
        """A connected UDP socket of the point: the kernel drops whatever comes from elsewhere."""
        self.gate.scope.admit_connection(device, address, port)
        sock = self._socket(address, socket.SOCK_DGRAM)
        try:
            sock.connect((str(address), port))
        except OSError as error:
            sock.close()
            failure = _connect_failure(error, address, port, 0)
            if failure is None:
                raise
            raise failure from error
        return sock

    def _own_interface(self) -> Interface:
        if self.interface is None:
            raise CollectFailure(
                Failure.MISSING_INTERFACE,
                msg(
                    "interface {name} absente de cette machine : brancher le point {point} ou corriger « points »",
                    name=self.point.interface,
                    point=self.point.id,
                ),
            )
        return self.interface

    def _socket(self, address: AnyAddress, kind: socket.SocketKind) -> socket.socket:
        interface = self._own_interface()
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - the IP version itself
        sock = socket.socket(family, kind)
        try:
            sock.setblocking(False)
            # Allowed without privilege since Linux 5.7; the route then follows the interface, not the other way round.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.name.encode() + b"\0")
        except PermissionError as error:
            sock.close()
            raise CollectFailure(
                Failure.MISSING_PRIVILEGE,
                msg("lier une prise réseau à {name} demande Linux 5.7 ou CAP_NET_RAW", name=interface.name),
            ) from error
        return sock


def _connect_failure(error: BaseException, address: AnyAddress, port: int, seconds: float) -> CollectFailure | None:
    """The failure that a connection error stands for; None where it is none of the network's."""
    where = f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"
    if isinstance(error, TimeoutError) and getattr(error, "errno", None) in {None, errno.ETIMEDOUT}:
        return CollectFailure(
            Failure.TIMEOUT, msg("{where} muet pendant {seconds} s", where=where, seconds=float(seconds))
        )
    if isinstance(error, ConnectionRefusedError):
        return CollectFailure(Failure.REFUSED, msg("{where} refuse la connexion (RST)", where=where))
    if isinstance(error, OSError) and error.errno in _UNREACHABLE:
        return CollectFailure(
            Failure.UNREACHABLE,
            msg("{where} injoignable : {error}", where=where, error=os.strerror(error.errno or 0)),
        )
    return None
