"""Messages without USM: community GETs (RFC 1157, 3416) and the credential-free discovery of SNMPv3 (RFC 3414).

Only encoding and decoding, by pysnmp's message classes; who may send them where is decided elsewhere.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Literal

from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import rfc1905, rfc3411
from pysnmp.proto.api import v1, v2c
from pysnmp.proto.mpmod.rfc3412 import ScopedPDU, SNMPv3Message
from pysnmp.proto.secmod.rfc3414.service import UsmSecurityParameters

from .oids import SYSTEM_SCALARS, USM_REPORTS, dotted
from .usm import HOSTILE, MAX_MESSAGE

CommunityVersion = Literal["v1", "v2c"]
_MODULES: dict[CommunityVersion, Any] = {"v1": v1, "v2c": v2c}
_NUMBERS: dict[int, CommunityVersion] = {0: "v1", 1: "v2c"}
_REPORTABLE = b"\x04"
_USM = 3
_MIN_ENGINE_ID = 5


class NotSnmp(ValueError):
    """The datagram is not the message that it should be."""


@dataclass(frozen=True, slots=True)
class CommunityAnswer:
    """An answer to a community GET: of which version and request, and whether it carried a value."""

    version: CommunityVersion
    request_id: int
    error_status: int
    readable: bool


@dataclass(frozen=True, slots=True)
class Discovered:
    """A report that answers a discovery: the engine's own parameters, not authenticated."""

    message_id: int
    engine_id: bytes
    boots: int
    time: int
    report: str


def random_id() -> int:
    """A request or message identifier (0 … 2^31-1), unpredictable to whoever does not see the request."""
    return secrets.randbelow(2**31 - 1) + 1


def encode_get(version: CommunityVersion, community: str, request_id: int) -> bytes:
    """GET sysDescr.0."""
    api = _MODULES[version]
    pdu = api.GetRequestPDU()
    api.apiPDU.set_defaults(pdu)
    api.apiPDU.set_request_id(pdu, request_id)
    api.apiPDU.set_varbinds(pdu, [(SYSTEM_SCALARS["sysDescr"], api.null)])
    message = api.Message()
    api.apiMessage.set_defaults(message)
    api.apiMessage.set_community(message, community.encode())
    api.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))


def message_version(datagram: bytes) -> int | None:
    """The version field of an SNMP message (0 v1, 1 v2c, 3 v3), or None where there is none."""
    # SEQUENCE, its length in short or long form, INTEGER of one octet.
    if len(datagram) < 2 or datagram[0] != 0x30:  # noqa: PLR2004 - BER tag and length
        return None
    start = 2 + (datagram[1] & 0x7F if datagram[1] & 0x80 else 0)
    head = datagram[start : start + 3]
    return head[2] if len(head) == 3 and head[:2] == b"\x02\x01" else None  # noqa: PLR2004 - tag, length, value


def decode_answer(datagram: bytes) -> CommunityAnswer:
    """A v1 or v2c GetResponse; NotSnmp for anything else."""
    number = message_version(datagram)
    version = None if number is None else _NUMBERS.get(number)
    if version is None:
        raise NotSnmp("neither v1 nor v2c")
    api = _MODULES[version]
    try:
        message, _ = decoder.decode(datagram, asn1Spec=api.Message())
        pdu = api.apiMessage.get_pdu(message)
        if pdu.tagSet != api.GetResponsePDU.tagSet:
            raise NotSnmp("not a response")
        status = int(api.apiPDU.get_error_status(pdu))
        bindings = list(api.apiPDU.get_varbinds(pdu))
        values = [
            v
            for _, v in bindings
            if not isinstance(v, rfc1905.NoSuchObject | rfc1905.NoSuchInstance | rfc1905.EndOfMibView)
        ]
        return CommunityAnswer(
            version, int(api.apiPDU.get_request_id(pdu)), status, readable=not status and bool(values)
        )
    except HOSTILE as error:
        raise NotSnmp(type(error).__name__) from error


def encode_discovery(message_id: int) -> bytes:
    """A GET with an empty engine identifier and user, reportable, noAuthNoPriv (RFC 3414, section 4)."""
    pdu = v2c.GetRequestPDU()
    v2c.apiPDU.set_defaults(pdu)
    v2c.apiPDU.set_request_id(pdu, message_id)
    v2c.apiPDU.set_varbinds(pdu, [])
    scoped = ScopedPDU()
    scoped.setComponentByPosition(0, b"")
    scoped.setComponentByPosition(1, b"")
    scoped.setComponentByPosition(2)
    scoped.getComponentByPosition(2).setComponentByType(
        pdu.tagSet, pdu, verifyConstraints=False, matchTags=False, matchConstraints=False
    )
    usm = UsmSecurityParameters()
    for position, value in enumerate((b"", 0, 0, b"", b"", b"")):
        usm.setComponentByPosition(position, value)
    message = SNMPv3Message()
    message.setComponentByPosition(0, 3)
    header = message.setComponentByPosition(1).getComponentByPosition(1)
    for position, value in enumerate((message_id, MAX_MESSAGE, _REPORTABLE, _USM)):
        header.setComponentByPosition(position, value)
    message.setComponentByPosition(2, encoder.encode(usm))
    message.setComponentByPosition(3).getComponentByPosition(3).setComponentByType(
        scoped.tagSet, scoped, verifyConstraints=False, matchTags=False, matchConstraints=False
    )
    return bytes(encoder.encode(message))


def decode_report(datagram: bytes) -> Discovered:
    """A Report that carries an engine identifier; NotSnmp for anything else."""
    try:
        message, _ = decoder.decode(datagram, asn1Spec=SNMPv3Message())
        header = message.getComponentByPosition(1)
        usm, _ = decoder.decode(bytes(message.getComponentByPosition(2)), asn1Spec=UsmSecurityParameters())
        pdu = message.getComponentByPosition(3).getComponent().getComponentByPosition(2).getComponent()
        if int(message.getComponentByPosition(0)) != _USM or pdu.tagSet not in rfc3411.INTERNAL_CLASS_PDUS:
            raise NotSnmp("not a report")
        names = [tuple(name) for name, _ in v2c.apiPDU.get_varbinds(pdu)]
        report = USM_REPORTS.get(names[0], dotted(names[0])[:200]) if names else ""
        return Discovered(
            int(header.getComponentByPosition(0)),
            bytes(usm.getComponentByPosition(0)),
            int(usm.getComponentByPosition(1)),
            int(usm.getComponentByPosition(2)),
            report,
        )
    except HOSTILE as error:
        raise NotSnmp(type(error).__name__) from error


def enterprise(engine_id: bytes) -> int | None:
    """The private enterprise number in the first four octets of an engine identifier (RFC 3411, section 5)."""
    if len(engine_id) < _MIN_ENGINE_ID:
        return None
    return int.from_bytes(engine_id[:4], "big") & 0x7FFFFFFF
