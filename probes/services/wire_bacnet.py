"""BACnet/IP: a ranged Who-Is, and the I-Am that answers it (ANSI/ASHRAE 135, annex J, clauses 6, 16.10 and 20)."""

from __future__ import annotations

from probes.services.facts import BacnetAnswer
from probes.services.wire_reader import Malformed, Reader, whole

MAX_INSTANCE = 4194303
MAX_DATAGRAM = 1500
_BVLC = 0x81
_FORWARDED, _UNICAST, _BROADCAST = 0x04, 0x0A, 0x0B
_VERSION = 1
_NETWORK_MESSAGE, _DESTINATION, _SOURCE = 0x80, 0x20, 0x08
_UNCONFIRMED, _I_AM, _WHO_IS = 0x10, 0, 8
_OBJECT_ID, _UNSIGNED, _ENUMERATED = 12, 2, 9
_DEVICE = 8
_MAX_OCTETS = 4


def who_is(low: int, high: int) -> bytes:
    """A Who-Is for device instances ``low`` to ``high``, as an original unicast."""
    if not 0 <= low <= high <= MAX_INSTANCE:
        raise ValueError(f"instances {low} to {high}")
    apdu = bytes((_UNCONFIRMED, _WHO_IS)) + _context(0, low) + _context(1, high)
    npdu = bytes((_VERSION, 0)) + apdu
    return bytes((_BVLC, _UNICAST)) + (len(npdu) + 4).to_bytes(2) + npdu


def _context(number: int, value: int) -> bytes:
    """An unsigned integer under a context tag (20.2.15)."""
    octets = value.to_bytes(max(1, (value.bit_length() + 7) // 8))
    return bytes((number << 4 | 0x08 | len(octets),)) + octets


def parse_i_am(data: bytes) -> BacnetAnswer:
    """What a datagram says of its sender.

    Raises:
        Malformed: anything but one whole I-Am of a device.
    """
    if len(data) > MAX_DATAGRAM:
        raise Malformed(f"datagram of {len(data)} octets")
    reader = Reader(data)
    _skip_headers(reader, len(data))
    if reader.integer() != _UNCONFIRMED or reader.integer() != _I_AM:
        raise Malformed("no I-Am")
    identifier = _application(reader, _OBJECT_ID)
    if identifier >> 22 != _DEVICE:
        raise Malformed(f"object type {identifier >> 22}")
    max_apdu = _application(reader, _UNSIGNED)
    segmentation = _application(reader, _ENUMERATED)
    vendor = _application(reader, _UNSIGNED)
    whole(reader)
    return BacnetAnswer(instance=identifier & MAX_INSTANCE, vendor=vendor, segmentation=segmentation, max_apdu=max_apdu)


def _skip_headers(reader: Reader, size: int) -> None:
    """BVLC and NPDU, up to the first octet of the APDU."""
    if reader.integer() != _BVLC:
        raise Malformed("no BVLC of type 0x81")
    function, length = reader.integer(), reader.integer(2)
    if length != size:
        raise Malformed(f"{length} octets announced, {size} received")
    if function == _FORWARDED:
        reader.take(6)  # B/IP address of the origin: recorded with the raw answer, not followed
    elif function not in {_UNICAST, _BROADCAST}:
        raise Malformed(f"BVLC function {function}")
    version, control = reader.integer(), reader.integer()
    if version != _VERSION or control & _NETWORK_MESSAGE:
        raise Malformed(f"NPDU version {version}, control {control}")
    if control & _DESTINATION:
        reader.take(2)
        reader.take(reader.integer())
    if control & _SOURCE:
        reader.take(2)
        reader.take(reader.integer())
    if control & _DESTINATION:
        reader.integer()  # hop count


def _application(reader: Reader, number: int) -> int:
    """The value of an application tag, as an unsigned integer."""
    tag = reader.integer()
    length = tag & 0x07
    if tag >> 4 != number or tag & 0x08 or not 1 <= length <= _MAX_OCTETS:
        raise Malformed(f"tag {tag}, expected number {number}")
    return reader.integer(length)
