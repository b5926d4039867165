"""Run inside a node, by its path: ``INTERFACE ra``, ``dhcp4 MAC``, ``dhcp6 MAC`` or ``dns NAME SERVER…``; writes JSON.

A client as small as the protocols allow (RFC 2131, 8415, 4861): what a laptop without a static address would get.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import struct
import sys

WAIT = 5.0


def dhcp4(interface: str, mac: bytes) -> dict[str, str]:
    """Discover and request; nothing is configured."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        client.bind(("", 68))
        client.settimeout(WAIT)

        def ask(options: bytes) -> tuple[bytes, dict[int, bytes]]:
            head = struct.pack("!BBBBIHH", 1, 1, 6, 0, 0x52325321, 0, 0x8000) + bytes(16) + mac.ljust(16, b"\0")
            client.sendto(head + bytes(192) + b"c\x82Sc" + options + b"\xff", ("255.255.255.255", 67))
            data = client.recv(2048)
            found, rest = {}, data[240:]
            while rest and rest[0] != 255:
                found[rest[0]], rest = rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
            return data[16:20], found

        offered, options = ask(b"5\1\1")
        address, options = ask(b"5\1\3" + b"2\4" + offered + b"6\4" + options[54])
    assert options[53] == b"\5", "no acknowledgement"
    text = {name: str(ipaddress.ip_address(options[code])) for name, code in (("router", 3), ("dns", 6), ("mask", 1))}
    return {"address": str(ipaddress.ip_address(address)), **text}


def dhcp6(interface: str, mac: bytes) -> dict[str, str]:
    """Solicit and read the advertised address."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        client.bind(("::", 546))
        client.settimeout(WAIT)
        identity = struct.pack("!HH", 3, 1) + mac
        body = struct.pack("!HH", 1, len(identity)) + identity + struct.pack("!HHIII", 3, 12, 1, 0, 0)
        body += struct.pack("!HHH", 6, 2, 23)
        client.sendto(b"\1\1\2\3" + body, ("ff02::1:2", 547, 0, socket.if_nametoindex(interface)))
        data = client.recv(2048)[4:]
    found = dict(_options(data))
    inner = dict(_options(found[3][12:]))
    addresses = {"address": inner[5][:16], "dns": found[23][:16]}
    return {name: str(ipaddress.ip_address(value)) for name, value in addresses.items()}


def _options(data: bytes):
    while len(data) >= 4:
        code, length = struct.unpack("!HH", data[:4])
        yield code, data[4 : 4 + length]
        data = data[4 + length :]


def advertisements(interface: str, seconds: float) -> list[dict[str, object]]:
    """Listen: who advertises, for how long, which prefixes and resolvers."""
    ra, heard = 134, {}
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86DD)) as ear:
        ear.bind((interface, 0x86DD))
        ear.settimeout(seconds)
        try:
            while not heard or ear.gettimeout():
                data, where = ear.recvfrom(2048)
                if where[2] == socket.PACKET_OUTGOING or data[6] != 58 or data[40] != ra:
                    continue
                source = str(ipaddress.ip_address(data[8:24]))
                if source in heard:
                    break
                heard[source] = _advertised(source, data[40:])
        except TimeoutError:
            pass
    return list(heard.values())


def _advertised(source: str, message: bytes) -> dict[str, object]:
    flags, lifetime = message[5], struct.unpack("!H", message[6:8])[0]
    found: dict[str, object] = {"source": source, "lifetime": lifetime, "managed": bool(flags & 0x80)}
    rest = message[16:]
    while len(rest) >= 8 and rest[1]:
        option, rest = rest[: rest[1] * 8], rest[rest[1] * 8 :]
        if option[0] == 3:
            found["prefix"] = f"{ipaddress.ip_address(option[16:32])}/{option[2]}"
            found["on_link"], found["autonomous"] = bool(option[3] & 0x80), bool(option[3] & 0x40)
        if option[0] == 25:
            found["resolver"] = str(ipaddress.ip_address(option[8:24]))
    return found


def resolve(interface: str, server: str, name: str) -> list[str]:
    """Ask a resolver for both kinds of addresses (RFC 1035)."""
    question = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    found = []
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        client.settimeout(WAIT)
        for kind, size in ((1, 4), (28, 16)):
            head = struct.pack("!HHHHHH", kind, 0x0100, 1, 0, 0, 0)
            client.sendto(head + question + struct.pack("!HH", kind, 1), (server, 53))
            data = client.recv(2048)
            assert data[:2] == head[:2]
            if struct.unpack("!H", data[6:8])[0]:
                found.append(str(ipaddress.ip_address(data[-size:])))
    return found


def main() -> None:
    interface, what = sys.argv[1:3]
    answer: object = None
    if what == "dns":
        answer = {server: resolve(interface, server, sys.argv[3]) for server in sys.argv[4:]}
    elif what == "ra":
        answer = advertisements(interface, WAIT)
    else:
        mac = bytes.fromhex(sys.argv[3].replace(":", ""))
        answer = {"dhcp4": dhcp4, "dhcp6": dhcp6}[what](interface, mac)
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
