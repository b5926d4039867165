"""Modbus/TCP: Read Device Identification, function 43 / 14 (Modbus application protocol V1.1b3, 6.21 and 7)."""

from __future__ import annotations

from probes.services.facts import ModbusAnswer
from probes.services.wire_reader import Malformed, Reader, text, whole

_TRANSACTION = 1
_UNIT = 0xFF
"""A device on TCP itself, behind no serial line (messaging on TCP/IP guide V1.0b, 4.4.2)."""
_FUNCTION, _MEI, _BASIC = 0x2B, 0x0E, 0x01
_ERROR = 0x80
MAX_PDU = 253
MIN_LENGTH = 3
"""Unit, function, exception code."""


def read_device_id() -> bytes:
    """The basic objects from the first on: vendor, product code, revision."""
    return _TRANSACTION.to_bytes(2) + b"\0\0" + (5).to_bytes(2) + bytes((_UNIT, _FUNCTION, _MEI, _BASIC, 0))


def parse_response(data: bytes) -> ModbusAnswer:
    """The answer, or the exception that a device gives in its place: it speaks Modbus either way.

    Raises:
        Incomplete: more has to come.
        Malformed: it is no answer to this question.
    """
    reader = Reader(data)
    transaction, protocol, length = reader.integer(2), reader.integer(2), reader.integer(2)
    if transaction != _TRANSACTION or protocol or not MIN_LENGTH <= length <= MAX_PDU + 1:
        raise Malformed(f"transaction {transaction}, protocol {protocol}, {length} octets")
    body = Reader(reader.take(length))
    body.integer()
    try:
        return parse_pdu(body)
    except Malformed as error:  # the whole message is there: what is missing now will not come
        raise Malformed(str(error)) from error


def parse_pdu(body: Reader) -> ModbusAnswer:
    """From the function code on.

    Raises:
        Malformed: see :func:`parse_response`.
    """
    function = body.integer()
    if function == _FUNCTION | _ERROR:
        code = body.integer()
        whole(body)
        return ModbusAnswer(exception=code)
    if function != _FUNCTION or body.integer() != _MEI:
        raise Malformed(f"function {function}")
    body.take(4)  # read code, conformity, more follows, next object
    objects: dict[int, str] = {}
    for _ in range(body.integer()):
        number = body.integer()
        objects.setdefault(number, text(body.take(body.integer())))
    whole(body)
    return ModbusAnswer(vendor=objects.get(0, ""), product=objects.get(1, ""), revision=objects.get(2, ""))
