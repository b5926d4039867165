"""SNMPv3 with USM by pysnmp, driven step by step over a :class:`~probes.snmp.channel.Channel`.

pysnmp prepares and verifies messages; it never owns a socket, a timer or a retry here. Its transport only puts the
message that it wants to send into an outbox; we take exactly the one that belongs to our request, pay for it and send
it. What it would like to send on its own account (reports to whoever sends us a request) is dropped unsent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyasn1.error import PyAsn1Error
from pysnmp.carrier.asyncio.dgram.udp import UdpAsyncioTransport
from pysnmp.carrier.base import AbstractTransportDispatcher
from pysnmp.entity import config
from pysnmp.error import PySnmpError
from pysnmp.proto import errind
from pysnmp.proto.api import v2c
from pysnmp.proto.error import StatusInformation
from pysnmp.proto.rfc1905 import EndOfMibView, NoSuchInstance, NoSuchObject
from pysnmp.proto.secmod.rfc3414.service import SnmpUSMSecurityModel

from probes.api import CollectFailure
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import Message, msg

from .engine import master_key, new_engine
from .facts import UsmUsed
from .values import Value

if TYPE_CHECKING:
    from r2s_audit.model.administration import SnmpV3

    from .channel import Channel
    from .oids import Oid

MAX_MESSAGE = 1472
"""msgMaxSize that we announce: one Ethernet frame, so that no answer depends on IP fragments getting through."""
TRIES = 2
"""A request and one repetition after silence; USM's own exchanges (engine, time) come on top, at most three."""
ANSWER_SECONDS = 2.0
"""Requirements, section 4."""
MAX_SYNC = 3
MAX_STRAYS = 16
"""Datagrams that are no answer to the request in hand, before we stop listening to that target."""

AUTH = {
    "MD5": config.USM_AUTH_HMAC96_MD5,
    "SHA-1": config.USM_AUTH_HMAC96_SHA,
    "SHA-224": config.USM_AUTH_HMAC128_SHA224,
    "SHA-256": config.USM_AUTH_HMAC192_SHA256,
    "SHA-384": config.USM_AUTH_HMAC256_SHA384,
    "SHA-512": config.USM_AUTH_HMAC384_SHA512,
}
PRIV = {
    "DES": config.USM_PRIV_CBC56_DES,
    "AES-128": config.USM_PRIV_CFB128_AES,
    "AES-192": config.USM_PRIV_CFB192_AES,
    "AES-256": config.USM_PRIV_CFB256_AES,
}
"""RFC 3414, 3826, 7860; AES-192 and AES-256 with the key extension that Cisco and net-snmp use."""

_DOMAIN = config.SNMP_UDP_DOMAIN
_MESSAGE_V3, _PDU_V2 = 3, 1
_LEVELS = {"noAuthNoPriv": 1, "authNoPriv": 2, "authPriv": 3}
_DENIED: dict[str, Message] = {
    "UnknownUserName": msg("accès SNMPv3 refusé : l'agent ne connaît pas cet utilisateur (usmStatsUnknownUserNames)"),
    "WrongDigest": msg(
        "accès SNMPv3 refusé : mot de passe ou algorithme d'authentification rejeté par l'agent (usmStatsWrongDigests)"
    ),
    "DecryptionError": msg(
        "accès SNMPv3 refusé : mot de passe ou algorithme de chiffrement rejeté par l'agent (usmStatsDecryptionErrors)"
    ),
    "UnsupportedSecurityLevel": msg(
        "accès SNMPv3 refusé : niveau de sécurité rejeté par l'agent (usmStatsUnsupportedSecLevels)"
    ),
    "NotInTimeWindow": msg(
        "accès SNMPv3 refusé : hors de la fenêtre de temps malgré la synchronisation (usmStatsNotInTimeWindows)"
    ),
}
"""By pysnmp's class of error indication (its instances cannot be hashed); the names are :attr:`Denied.by` too."""
_RESYNC = {"UnknownEngineID", "NotInTimeWindow"}
TOO_BIG, GEN_ERR = 1, 5
_DENIED_STATUS = {6: "noAccess", 16: "authorizationError"}


MIN_PASSPHRASE = 8
"""Octets (RFC 3414, section 11.2)."""
HOSTILE = (
    PyAsn1Error,
    PySnmpError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    RecursionError,
)
"""What pysnmp and pyasn1 raise on bytes and values that they cannot take."""


def _key(text: str | None, protocol: str | None) -> bytes | None:
    """The key of a passphrase under an authentication protocol; CollectFailure where RFC 3414 does not allow it."""
    if text is None or protocol is None:
        return None
    octets = text.encode()
    if len(octets) < MIN_PASSPHRASE:
        raise CollectFailure(
            Failure.ACCESS_DENIED,
            msg("mot de passe SNMPv3 de moins de {least} octets (RFC 3414, section 11.2)", least=MIN_PASSPHRASE),
        )
    return master_key(octets, protocol)


class Denied(CollectFailure):
    """The agent said no: ``by`` is the USM counter of its report, or the error-status of its response."""

    def __init__(self, by: str, reason: Message) -> None:
        """Keep who said it, and the sentence."""
        super().__init__(Failure.ACCESS_DENIED, reason)
        self.by = by


class AgentError(Exception):
    """The agent answered with an error-status (RFC 3416, section 3) that is no refusal of access."""

    def __init__(self, status: int) -> None:
        """Keep the error-status."""
        super().__init__(f"error-status {status}")
        self.status = status


class _Outbox(UdpAsyncioTransport):  # type: ignore[misc]  # pysnmp is not typed
    """pysnmp's UDP transport without a socket: what is to be sent waits here until it is paid for."""

    def __init__(self) -> None:
        """No loop, no socket: both belong to the channel."""
        self.messages: list[bytes] = []

    def send_message(self, outgoingMessage: bytes, transportAddress: object) -> None:  # noqa: N803, ARG002 - pysnmp's signature
        """Keep the message."""
        self.messages.append(bytes(outgoingMessage))

    def close_transport(self) -> None:
        """Nothing to close."""
        self.messages.clear()
        self.unregister_callback()

    def deliver(self, datagram: bytes) -> None:
        """Hand a received datagram to pysnmp, which verifies it and calls the request's callback, or drops it."""
        self._callback_function(self, _PEER, datagram)


_PEER = ("target", 161)
"""pysnmp keys its cache of engines by address; one engine speaks to one connected socket only, so any constant does."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One variable of an answer; ``end`` is endOfMibView (RFC 3416, section 4.2.3)."""

    name: Oid
    value: Value | None
    end: bool = False


def _value(raw: Any) -> Value | None:
    """A pyasn1 value as int, bytes or tuple; None for the exceptions of RFC 3416 and for Null."""
    if isinstance(raw, NoSuchObject | NoSuchInstance | EndOfMibView | v2c.Null):
        return None
    if isinstance(raw, v2c.OctetString | v2c.IpAddress | v2c.Opaque):
        return bytes(raw)
    if isinstance(raw, v2c.ObjectIdentifier):
        return tuple(raw)
    return int(raw)


@dataclass(slots=True)
class _Pending:
    """Where pysnmp's callback leaves what became of a request."""

    request_id: int
    error: Any = None
    status: int = 0
    bindings: tuple[Binding, ...] = ()
    done: bool = False

    def __call__(self, *arguments: Any) -> None:
        """Take what pysnmp gives: (…, PDU, statusInformation, sendPduHandle, cbCtx)."""
        pdu, status = arguments[8], arguments[9]
        if status is not None:
            self.error = status.get("errorIndication") or errind.ReportPduReceived("?")
        elif int(v2c.apiPDU.get_request_id(pdu)) == self.request_id:
            self.status = int(v2c.apiPDU.get_error_status(pdu))
            self.bindings = tuple(
                Binding(tuple(name), _value(value), end=isinstance(value, EndOfMibView))
                for name, value in v2c.apiPDU.get_varbinds(pdu)
            )
        else:
            return
        self.done = True


class UsmSession:
    """A conversation with one agent under one USM user; close it."""

    def __init__(self, channel: Channel, access: SnmpV3, auth_key: str | None, priv_key: str | None) -> None:
        """Prepare keys (RFC 3414, A.2): nothing is sent yet.

        Raises CollectFailure(ACCESS_DENIED) for a user or passphrase that USM does not allow; never with their text.
        """
        self._channel = channel
        self._access = access
        self._engine = new_engine(MAX_MESSAGE)
        self._outbox = _Outbox()
        dispatcher = AbstractTransportDispatcher()
        dispatcher.register_transport(_DOMAIN, self._outbox)
        self._engine.register_transport_dispatcher(dispatcher)
        self.level = "authPriv" if access.priv_protocol else "authNoPriv" if access.auth_protocol else "noAuthNoPriv"
        self._user = v2c.OctetString(access.user.encode())
        try:
            config.add_v3_user(
                self._engine,
                self._user,
                AUTH[access.auth_protocol] if access.auth_protocol else config.USM_AUTH_NONE,
                _key(auth_key, access.auth_protocol),
                PRIV[access.priv_protocol] if access.priv_protocol else config.USM_PRIV_NONE,
                _key(priv_key, access.auth_protocol),
                authKeyType=config.USM_KEY_TYPE_MASTER,
                privKeyType=config.USM_KEY_TYPE_MASTER,
            )
        except HOSTILE:
            # pysnmp's errors quote the value that they refuse: its text and its cause go nowhere (promise 6).
            self.close()
            raise CollectFailure(
                Failure.ACCESS_DENIED, msg("utilisateur ou mot de passe SNMPv3 inutilisable (RFC 3414)")
            ) from None

    def close(self) -> None:
        """Forget the engine; the keys go with it."""
        self._engine.close_dispatcher()

    def used(self, address: str, port: int) -> UsmUsed:
        """What the answers so far were accepted under: pysnmp returns none that does not verify at this level."""
        return UsmUsed.model_validate(
            {
                "level": self.level,
                "auth_protocol": self._access.auth_protocol or "",
                "priv_protocol": self._access.priv_protocol or "",
                "address": address,
                "port": port,
            }
        )

    async def get(self, names: Sequence[Oid]) -> tuple[Binding, ...]:
        """GET; objects that the agent does not have come back with the value None.

        Raises CollectFailure (TIMEOUT, ACCESS_DENIED, REFUSED, LIMIT_EXCEEDED …) and AgentError.
        """
        return await self._request(v2c.GetRequestPDU(), names)

    async def get_bulk(self, names: Sequence[Oid], repetitions: int) -> tuple[Binding, ...]:
        """GETBULK without non-repeaters; raises as :meth:`get`."""
        return await self._request(v2c.GetBulkRequestPDU(), names, repetitions)

    async def _request(self, pdu: Any, names: Sequence[Oid], repetitions: int = 0) -> tuple[Binding, ...]:
        api = v2c.apiBulkPDU if repetitions else v2c.apiPDU
        api.set_defaults(pdu)
        if repetitions:
            api.set_non_repeaters(pdu, 0)
            api.set_max_repetitions(pdu, repetitions)
        api.set_varbinds(pdu, [(v2c.ObjectIdentifier(name), v2c.null) for name in names])
        pending = _Pending(int(api.get_request_id(pdu)))
        silences = syncs = 0
        while True:
            await self._channel.send(self._prepare(pdu, pending))
            await self._listen(pending)
            if not pending.done:
                silences += 1
                if silences >= TRIES:
                    raise CollectFailure(
                        Failure.TIMEOUT,
                        msg(
                            "aucune réponse SNMPv3 après {tries} envois de {seconds} s",
                            tries=TRIES,
                            seconds=ANSWER_SECONDS,
                        ),
                    )
            elif pending.error is None:
                return self._answer(pending)
            elif type(pending.error).__name__ in _RESYNC and syncs < MAX_SYNC:
                syncs += 1
                pending = _Pending(pending.request_id)
            else:
                raise self._denied(pending.error)

    def _prepare(self, pdu: Any, pending: _Pending) -> bytes:
        self._outbox.messages.clear()
        try:
            self._engine.message_dispatcher.send_pdu(
                self._engine,
                _DOMAIN,
                _PEER,
                _MESSAGE_V3,
                SnmpUSMSecurityModel.SECURITY_MODEL_ID,
                self._user,
                _LEVELS[self.level],
                None,
                b"",
                _PDU_V2,
                pdu,
                True,
                0,
                pending,
                None,
            )
        except StatusInformation as error:
            raise CollectFailure(
                Failure.NOT_SUPPORTED,
                msg("message SNMPv3 impossible à préparer : {error}", error=str(error.get("errorIndication"))),
            ) from None
        return self._outbox.messages[0]

    async def _listen(self, pending: _Pending) -> None:
        """Deliver datagrams until the request is settled or ANSWER_SECONDS of silence are over."""
        for _ in range(MAX_STRAYS):
            datagram = await self._channel.receive(ANSWER_SECONDS)
            if datagram is None:
                return
            try:
                self._outbox.deliver(datagram)
            except HOSTILE as error:
                raise CollectFailure(
                    Failure.NOT_SUPPORTED,
                    msg("réponse SNMPv3 indéchiffrable ({error})", error=type(error).__name__),
                ) from error
            if pending.done:
                return
        raise CollectFailure(
            Failure.LIMIT_EXCEEDED,
            msg("plus de {limit} datagrammes sans rapport avec la demande : lecture arrêtée", limit=MAX_STRAYS),
        )

    def _denied(self, error: Any) -> CollectFailure:
        name = type(error).__name__
        if name in _DENIED:
            return Denied(name, _DENIED[name])
        return CollectFailure(
            Failure.NOT_SUPPORTED,
            msg("l'agent SNMPv3 répond par un rapport inattendu : {error}", error=str(error)[:200]),
        )

    @staticmethod
    def _answer(pending: _Pending) -> tuple[Binding, ...]:
        if pending.status in _DENIED_STATUS:
            name = _DENIED_STATUS[pending.status]
            raise Denied(name, msg("lecture refusée par l'agent ({error})", error=name))
        if pending.status:
            raise AgentError(pending.status)
        return pending.bindings
