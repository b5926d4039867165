"""No frame leaves without the gate, and the witness knows every frame that left."""

import asyncio
import socket
import subprocess
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

import probes.wire
from probes.wire import build
from probes.wire.client import Wire
from probes.wire.frames import parse_header
from probes.wire.gate import FrameRefused
from tests.probes.wire.support import MAC_A, MAC_B, ClosedGate, OpenGate, Tap, frame

LINK = build.Link(MAC_A, MAC_B)
HERE, THERE = IPv4Address("10.99.0.1"), IPv4Address("10.99.0.2")
HERE6, THERE6 = IPv6Address("fd99::1"), IPv6Address("fd99::2")


def launch():
    return Wire.launch(["wa"], max_rate=1000, max_frames=1000)


def raw6(following: int, payload: bytes) -> bytes:
    head = (6 << 28).to_bytes(4) + len(payload).to_bytes(2) + bytes([following, 64])
    return build.ethernet(LINK, 0x86DD, head + HERE6.packed + THERE6.packed + payload)


def raw4(protocol: int, payload: bytes, options: bytes = b"", flags: int = 0) -> bytes:
    size = 20 + len(options)
    head = bytes([0x40 + size // 4, 0]) + (size + len(payload)).to_bytes(2) + b"\0\0" + flags.to_bytes(2)
    return build.ethernet(
        LINK, 0x0800, head + bytes([64, protocol, 0, 0]) + HERE.packed + THERE.packed + options + payload
    )


def snap(oui_and_type: str) -> bytes:
    body = bytes.fromhex("aaaa03" + oui_and_type) + bytes(40)
    return build.ethernet(build.Link(MAC_A, "01:00:0c:cc:cc:cc"), len(body), body)


REFUSED = {
    "empty": b"",
    "cut": build.arp_request(MAC_A, HERE, THERE)[:30],
    "too long": bytes(20_000),
    "DTP": snap("00000c2004"),
    "VTP": snap("00000c2003"),
    "IGMP query": raw4(2, b"\x11" + bytes(7)),
    "MLD query": raw6(58, b"\x82" + bytes(23)),
    "MLD query behind hop-by-hop": raw6(0, b"\x3a\0\x05\x02\0\0\x01\0\x82" + bytes(23)),
    "loose source route": raw4(17, bytes(4) + b"\0\x08\0\0", b"\x83\x07\x04" + THERE.packed + b"\0"),
    "routing header": raw6(43, b"\x11\x02\0\x01" + bytes(20) + bytes(4) + b"\0\x08\0\0"),
    "IP in IP": raw4(4, bytes(40)),
    "GRE": raw4(47, bytes(40)),
    "later fragment": raw4(17, bytes(40), flags=4),
    "bad length": raw4(17, bytes(4) + b"\x01\0\0\0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_gate_may_allow(pair, name):
    async def scenario():
        tap, gate = Tap("wb"), OpenGate()
        async with await launch() as wire:
            with pytest.raises(FrameRefused):
                await wire.send(gate, "wa", [REFUSED[name]])
        assert gate.admitted == []
        assert tap.take(outgoing=False) == []
        tap.close()

    asyncio.run(scenario())


def test_a_closed_gate_lets_nothing_out(pair):
    async def scenario():
        tap = Tap("wa")
        async with await launch() as wire:
            with pytest.raises(FrameRefused, match="closed"):
                await wire.send(ClosedGate(), "wa", [frame(1)])
            one = build.arp_request(MAC_A, HERE, THERE)
            other = build.arp_request(MAC_A, HERE, IPv4Address("10.99.0.3"))
            gate = ClosedGate(lambda header: str(header.arp.target_ip) == "10.99.0.3")
            with pytest.raises(FrameRefused):
                await wire.send(gate, "wa", [one, other])
            assert tap.take(outgoing=True) == [], "one refused: none of the batch leaves"
            await wire.send(gate, "wa", [one])
            assert tap.take(outgoing=True) == [one]
        tap.close()

    asyncio.run(scenario())


def test_each_frame_is_paid_for_before_it_leaves(pair):
    async def scenario():
        tap = Tap("wa")
        balance = []

        class Paying(OpenGate):
            async def pay(self, interface, header):
                balance.append(len(tap.take(outgoing=True)))
                if len(balance) == 4:
                    raise FrameRefused("nothing left")

        async with await launch() as wire:
            gate = Paying()
            with pytest.raises(FrameRefused, match="nothing left"):
                await wire.send(gate, "wa", [frame(number) for number in range(6)])
            assert balance == [0, 1, 1, 1]
            assert len(gate.admitted) == 6
        assert tap.take(outgoing=True) == []
        tap.close()

    asyncio.run(scenario())


def test_only_the_client_speaks_of_sending():
    """The request to send is written in one place, behind the gate."""
    folder = Path(probes.wire.__file__).parent
    users = [path.name for path in folder.glob("*.py") if "OP_SEND" in path.read_text(encoding="utf-8")]
    assert sorted(users) == ["client.py", "helper.py"]
    assert (folder / "client.py").read_text(encoding="utf-8").count("OP_SEND") == 1


def test_witness_equals_an_independent_tap(peer):
    """Ours, the kernel's and another process's frames: the ledger has each, in the tap's order."""

    async def scenario():
        tap = Tap("wa")
        async with await launch() as wire, wire.witness("wa") as witness:
            vlan = build.VlanTag(7)
            ours = [
                build.arp_request(MAC_A, HERE, THERE),
                build.icmp_echo(LINK, HERE6, THERE6, identifier=1, sequence=1),
                build.tcp(
                    build.Link(MAC_A, MAC_B, (vlan,)), HERE, THERE, source_port=1024, destination_port=80, sequence=1
                ),
                frame(5),
            ]
            await wire.send(OpenGate(), "wa", ours)
            ping = await asyncio.create_subprocess_exec("ping", "-c3", "-i0.02", "10.99.0.2", stdout=subprocess.DEVNULL)
            assert await ping.wait() == 0
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
                datagram.sendto(b"x" * 3000, ("10.99.0.2", 9))  # fragments
            statistics = await witness.statistics()
            records = witness.take()
            expected = tap.take(outgoing=True)
            # The kernel spoke before the witness listened (MLD); both are compared from our first frame on.
            expected = expected[expected.index(ours[0]) :]
            records = records[[record.header for record in records].index(parse_header(ours[0])) :]
            assert len(expected) >= 4 + 3 + 3
            assert [record.length for record in records[: len(expected)]] == [len(each) for each in expected]
            assert [record.header for record in records[: len(expected)]] == [parse_header(each) for each in expected]
            assert statistics.complete
            assert statistics.received >= len(expected)
            assert all(record.unread is None for record in records)
            line = next(each for each in (record.as_ledger() for record in records) if each.get("vlans"))
            assert {key: line[key] for key in ("vlans", "destination_ip", "destination_port", "protocol")} == {
                "vlans": [7],
                "destination_ip": "10.99.0.2",
                "destination_port": 80,
                "protocol": 6,
            }
        tap.close()

    asyncio.run(scenario())


def test_witness_records_what_does_not_read(pair):
    async def scenario():
        tap = Tap("wa")
        broken = build.arp_request(MAC_A, HERE, THERE)[:14] + b"\xff" * 46
        async with await launch() as wire, wire.witness("wa") as witness:
            tap.inject(broken)
            assert (await witness.statistics()).received == 1
            (record,) = witness.take()
            assert record.unread
            assert record.header is not None
            assert record.as_ledger()["source_mac"] == MAC_A
        tap.close()

    asyncio.run(scenario())
