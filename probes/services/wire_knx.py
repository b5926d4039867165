"""KNXnet/IP: SEARCH_REQUEST to one device, and its SEARCH_RESPONSE (ISO 22510, core services). Never a CONNECT."""

from __future__ import annotations

from ipaddress import IPv4Address

from probes.services.facts import KnxAnswer, KnxFamily
from probes.services.wire_reader import Malformed, Reader, text, whole

_HEADER, _VERSION = 0x06, 0x10
_SEARCH_REQUEST, _SEARCH_RESPONSE, _SEARCH_RESPONSE_EXTENDED = 0x0201, 0x0202, 0x020C
_HPAI, _UDP = 8, 1
_DEVICE, _FAMILIES, _SECURED = 0x01, 0x02, 0x06
_SECURITY = 9
_DEVICE_SIZE = 54
MAX_DATAGRAM = 1500
MAX_BLOCKS = 16


def search_request(own: IPv4Address, port: int) -> bytes:
    """A SEARCH_REQUEST that wants its answer at our own address and port."""
    endpoint = bytes((_HPAI, _UDP)) + own.packed + port.to_bytes(2)
    return bytes((_HEADER, _VERSION)) + _SEARCH_REQUEST.to_bytes(2) + (_HEADER + _HPAI).to_bytes(2) + endpoint


def parse_search_response(data: bytes) -> KnxAnswer:
    """What the device says of itself.

    Raises:
        Malformed: it is no search response, or its blocks contradict their lengths.
    """
    if len(data) > MAX_DATAGRAM:
        raise Malformed(f"datagram of {len(data)} octets")
    reader = Reader(data)
    size, version, service, total = reader.integer(), reader.integer(), reader.integer(2), reader.integer(2)
    if (size, version) != (_HEADER, _VERSION) or service not in {_SEARCH_RESPONSE, _SEARCH_RESPONSE_EXTENDED}:
        raise Malformed(f"header {size}/{version}, service {service:#06x}")
    if total != len(data):
        raise Malformed(f"{total} octets announced, {len(data)} received")
    if (reader.integer(), reader.integer()) != (_HPAI, _UDP):
        raise Malformed("no control endpoint")
    control = IPv4Address(reader.take(4))
    reader.integer(2)
    blocks: dict[int, Reader] = {}
    for _ in range(MAX_BLOCKS):
        if not reader.left:
            break
        length = reader.integer()
        if length < 2:  # noqa: PLR2004 - the length counts itself and the type
            raise Malformed(f"block of {length} octets")
        body = Reader(reader.take(length - 1))
        blocks.setdefault(body.integer(), body)
    whole(reader)
    families = _families(blocks[_FAMILIES]) if _FAMILIES in blocks else ()
    secured = _SECURED in blocks or any(f.family == _SECURITY for f in families)
    device = _device(blocks[_DEVICE]) if _DEVICE in blocks else KnxAnswer()
    return device.model_copy(update={"control": control, "families": families, "secured": secured})


def _device(body: Reader) -> KnxAnswer:
    if body.left != _DEVICE_SIZE - 2:
        raise Malformed(f"device block of {body.left} octets")
    medium, _, address = body.integer(), body.integer(), body.integer(2)
    body.take(2)  # project installation
    serial = body.take(6)
    body.take(10)  # multicast address, MAC address
    name = body.take(30).partition(b"\0")[0].decode("iso-8859-1")
    individual = f"{address >> 12}.{address >> 8 & 0x0F}.{address & 0xFF}"
    return KnxAnswer(name=text(name.encode()), individual_address=individual, medium=medium, serial=serial.hex())


def _families(body: Reader) -> tuple[KnxFamily, ...]:
    if body.left % 2:
        raise Malformed(f"families of {body.left} octets")
    return tuple(KnxFamily(family=body.integer(), version=body.integer()) for _ in range(body.left // 2))
