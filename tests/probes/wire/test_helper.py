"""The helper keeps its own limits, counts what it loses, and never outlives its client."""

import asyncio
import os
import signal
import socket
import struct
import time
from pathlib import Path

import pytest

from probes.wire import bpf, helper
from probes.wire.capture import Direction
from probes.wire.channel import WireError, WireRefused
from probes.wire.client import Wire
from tests.probes.wire.support import MAC_A, OpenGate, Tap, frame, gone, python, status

TWO = "0000000000003000"  # CAP_NET_ADMIN and CAP_NET_RAW
NONE = "0000000000000000"


def launch(interfaces=("wa",), max_rate=1000, max_frames=1000):
    return Wire.launch(interfaces, max_rate=max_rate, max_frames=max_frames)


def raw_send(wire: Wire, interface: str, frames: list[bytes]):
    """Ask the helper directly, as a compromised client would."""
    name = interface.encode()
    body = helper.SEND.pack(len(name), len(frames)) + name
    body += b"".join(helper.LENGTH.pack(len(each)) + each for each in frames)
    return wire._channel.request(helper.OP_SEND, body)


def test_holds_exactly_two_capabilities(pair):
    async def scenario():
        async with await launch() as wire:
            lines = status(wire.state.pid)
            assert [lines[key] for key in ("CapPrm", "CapEff", "CapBnd")] == [TWO] * 3
            assert [lines[key] for key in ("CapInh", "CapAmb")] == [NONE] * 2
            assert lines["NoNewPrivs"] == "1"
            assert lines["Uid"].split() == ["65534"] * 4
            assert lines["Groups"] == ""
            assert int(lines["VmRSS"].split()[0]) < 16_000  # kB

    asyncio.run(scenario())


def test_refuses_an_undeclared_interface(pair):
    async def scenario():
        tap = Tap("wb")
        async with await launch(("wa",)) as wire:
            with pytest.raises(WireRefused, match="'wb' was not declared") as refusal:
                async with wire.capture("wb"):
                    pass
            assert refusal.value.reason == helper.REASON_INTERFACE
            with pytest.raises(WireRefused, match="'wb' was not declared"):
                await raw_send(wire, "wb", [frame()])
        assert tap.take(outgoing=True) == []
        tap.close()

    asyncio.run(scenario())


def test_refuses_past_the_rate(pair):
    async def scenario():
        tap = Tap("wb")
        async with await launch(max_rate=20) as wire:
            with pytest.raises(WireRefused, match="more than 20 frames in one second") as refusal:
                await raw_send(wire, "wa", [frame(number) for number in range(50)])
            assert (refusal.value.sent, refusal.value.reason) == (20, helper.REASON_RATE)
            with pytest.raises(WireRefused):
                await raw_send(wire, "wa", [frame()])
            await asyncio.sleep(0.6)
            with pytest.raises(WireRefused):
                await raw_send(wire, "wa", [frame()])
            await asyncio.sleep(0.45)
            await raw_send(wire, "wa", [frame(number) for number in range(20)])
        assert len(tap.take(outgoing=False)) == 40
        tap.close()

    asyncio.run(scenario())


def test_refuses_past_the_total(pair):
    async def scenario():
        tap = Tap("wb")
        async with await launch(max_frames=7) as wire:
            with pytest.raises(WireRefused, match="all 7 frames") as refusal:
                await raw_send(wire, "wa", [frame(number) for number in range(9)])
            assert (refusal.value.sent, refusal.value.reason) == (7, helper.REASON_TOTAL)
        async with await launch(max_frames=0) as wire:
            with pytest.raises(WireRefused, match="all 0 frames"):
                await raw_send(wire, "wa", [frame()])
        assert len(tap.take(outgoing=False)) == 7
        tap.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("size", [0, 13, helper.MAX_FRAME + 1])
def test_refuses_an_impossible_frame(pair, size):
    async def scenario():
        async with await launch() as wire:
            with pytest.raises(WireRefused) as refusal:
                await raw_send(wire, "wa", [bytes(size)])
            assert refusal.value.reason == helper.REASON_PROTOCOL

    asyncio.run(scenario())


def test_survives_nonsense(pair):
    async def scenario():
        async with await launch() as wire:
            for operation in (helper.OP_OPEN, helper.OP_SEND, helper.OP_STATISTICS, helper.OP_CLOSE, 99):
                for body in (b"", b"\xff" * 3, b"\xff" * 40, struct.pack("<HH", 2, 9) + b"wa"):
                    with pytest.raises(WireRefused):
                        await wire._channel.request(operation, body)
            with pytest.raises(WireRefused):
                async with wire.capture("wa", buffer_bytes=helper.MAX_BUFFER + 1):
                    pass
            with pytest.raises(WireRefused):
                async with wire.capture("wa", bpf=b"\xff" * 8):
                    pass
            async with wire.capture("wa") as capture:
                assert (await capture.statistics()).received == 0

    asyncio.run(scenario())


def test_captures_with_time_direction_and_tag(pair):
    tags = (bytes.fromhex("8100a00a"), bytes.fromhex("88a80014"), bytes.fromhex("81000000"))

    async def scenario():
        tap = Tap("wb")
        async with await launch() as wire, wire.capture("wa", promiscuous=True) as capture:
            plain = frame(1)
            tagged = [plain[:12] + tag + plain[12:] for tag in tags]
            double = plain[:12] + tags[1] + tags[0] + plain[12:]
            before = time.time_ns()
            for each in (plain, *tagged, double):
                tap.inject(each)
            await wire.send(OpenGate(), "wa", [plain, tagged[0]])
            statistics = await capture.statistics()
            seen = capture.take()
            assert [each.data for each in seen] == [plain, *tagged, double, plain, tagged[0]]
            assert [each.original_length for each in seen] == [len(each.data) for each in seen]
            assert [each.direction for each in seen] == [Direction.INCOMING] * 5 + [Direction.OUTGOING] * 2
            found = [each.vlan and (each.vlan.vid, each.vlan.priority, each.vlan.protocol) for each in seen]
            ten, twenty, zero = (10, 5, 0x8100), (20, 0, 0x88A8), (0, 0, 0x8100)
            assert found == [None, ten, twenty, zero, twenty, None, ten]
            assert all(before <= each.t_ns <= time.time_ns() for each in seen)
            assert all(0 <= time.monotonic_ns() - each.monotonic_ns < 2_000_000_000 for each in seen)
            assert statistics.received == 7
            assert statistics.complete
        tap.close()

    asyncio.run(scenario())


def test_captures_wait_for_requests_no_longer_than_they_may():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        each = helper.Helper(theirs, ["wa"], 1, 1)
        assert not each.patient(), "nothing was read yet"
        assert each.patient(), "just read: what is to leave goes first"
        each.read -= helper.PATIENCE
        assert not each.patient(), "however many requests follow"
        assert each.patient()


def test_a_closed_capture_leaves_no_socket(pair):
    def sockets(pid: int) -> int:
        links = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()]
        return sum(link.startswith("socket:") for link in links)

    async def scenario():
        async with await launch() as wire:
            before = sockets(wire.state.pid)
            async with wire.capture("wa"):
                assert sockets(wire.state.pid) == before + 1
            for _ in range(100):  # it is told first and closed then
                if sockets(wire.state.pid) == before:
                    return
                await asyncio.sleep(0.01)
            raise AssertionError("the capture's socket stays open")

    asyncio.run(scenario())


def test_counts_every_drop_of_a_flood(pair):
    count = 4000

    async def scenario():
        tap = Tap("wb")
        async with await launch() as wire, wire.capture("wa", buffer_bytes=4096) as capture:
            for number in range(count):
                tap.inject(frame(number, size=600))
            statistics = await capture.statistics()
            delivered = len(capture.take())
            assert statistics.received == count
            assert statistics.kernel_drops > 0
            assert not statistics.complete
            assert delivered + statistics.kernel_drops + statistics.forwarding_drops == count
            again = await capture.statistics()
            assert again.kernel_drops == statistics.kernel_drops, "reading must not reset what is told"
        tap.close()

    asyncio.run(scenario())


def test_counts_what_a_slow_consumer_loses(pair):
    async def scenario():
        tap = Tap("wb")
        async with await launch() as wire, wire.capture("wa", queue_octets=10_000) as capture:
            for number in range(100):
                tap.inject(frame(number, size=1000))
            statistics = await capture.statistics()
            assert len(capture.take()) == 10
            assert (statistics.kernel_drops, statistics.forwarding_drops) == (0, 90)
            assert not statistics.complete
        tap.close()

    asyncio.run(scenario())


def test_stays_small_while_its_client_sleeps(pair):
    async def scenario():
        tap = Tap("wb")
        async with await launch() as wire, wire.capture("wa", buffer_bytes=1 << 20) as capture:
            before = int(status(wire.state.pid)["VmRSS"].split()[0])
            for number in range(20_000):  # the loop does not run: nobody reads
                tap.inject(frame(number, size=1000))
            after = int(status(wire.state.pid)["VmRSS"].split()[0])
            assert after - before < 4096  # kB: the queue's limit of 1 MiB, and change
            statistics = await capture.statistics()
            assert statistics.received == 20_000
            assert statistics.kernel_drops > 0
            assert len(capture.take()) + statistics.kernel_drops + statistics.forwarding_drops == 20_000
        tap.close()

    asyncio.run(scenario())


def test_counts_an_interface_that_went_down(pair):
    async def scenario():
        async with await launch() as wire, wire.capture("wa") as capture:
            assert (await capture.statistics()).complete
            ending = await asyncio.create_subprocess_exec("ip", "link", "set", "wa", "down")
            await ending.wait()
            statistics = await capture.statistics()
            assert statistics.interruptions == 1
            assert not statistics.complete

    asyncio.run(scenario())


def test_helper_death_is_named(pair):
    async def scenario():
        wire = await launch()
        async with wire.capture("wa") as capture:
            waiting = asyncio.create_task(capture.wait())
            await asyncio.sleep(0)
            os.kill(wire.state.pid, signal.SIGKILL)
            for operation in (waiting, capture.statistics(), wire.send(OpenGate(), "wa", [frame()])):
                with pytest.raises(WireError, match=f"helper .pid {wire.state.pid}. "):
                    await operation
            with pytest.raises(WireError):
                async for _ in capture:
                    pass
        await wire.close()

    asyncio.run(scenario())


CLIENT = """
import asyncio, sys
from probes.wire.client import Wire
async def main():
    async with await Wire.launch(["wa"], max_rate=10, max_frames=10) as wire, wire.capture("wa") as capture:
        print(wire.state.pid, flush=True)
        async for _ in capture:
            pass
asyncio.run(main())
"""


def test_exits_when_its_client_is_killed(pair):
    client = python(CLIENT)
    pid = int(client.stdout.readline())
    client.kill()
    began = time.monotonic()
    assert gone(pid, 0.5)
    assert time.monotonic() - began < 0.5
    client.communicate()


def test_interrupt_ends_both_and_helper_ignores_its_own(pair):
    client = python(CLIENT)
    pid = int(client.stdout.readline())
    assert os.getsid(pid) == pid, "the terminal's signals must not reach it"
    os.kill(pid, signal.SIGINT)
    time.sleep(0.05)
    assert status(pid)["State"][0] in "SR"
    client.send_signal(signal.SIGINT)
    _, errors = client.communicate(timeout=5)
    assert gone(pid, 0.5)
    assert "KeyboardInterrupt" in errors
    assert "ResourceWarning" not in errors


def test_cancellation_leaves_no_process(pair):
    async def scenario():
        started: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def listen():
            async with await launch() as wire, wire.capture("wa") as capture:
                started.set_result(wire.state.pid)
                await capture.wait()

        task = asyncio.create_task(listen())
        pid = await started
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not Path(f"/proc/{pid}").exists(), "ended and reaped"  # noqa: ASYNC240 - a look into /proc

    asyncio.run(scenario())


def test_filter_stands_before_the_first_frame(pair):
    async def scenario():
        tap = Tap("wb")
        nothing = bpf.compile_filter(bpf.source(MAC_A) & ~bpf.source(MAC_A))
        async with await launch() as wire:
            for number in range(20):
                tap.inject(frame(number))
                async with wire.capture("wa", bpf=nothing) as capture:
                    tap.inject(frame(number))
                    assert (await capture.statistics()).received == 0
        tap.close()

    asyncio.run(scenario())


def test_a_cancelled_opening_leaves_no_capture(pair):
    async def scenario():
        async with await launch() as wire:
            for turns in range(2 * helper.MAX_CAPTURES):

                async def listen():
                    async with wire.capture("wa") as capture:
                        await capture.wait()

                task = asyncio.create_task(listen())
                for _ in range(turns % 3 + 1):
                    await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                async with wire.capture("wa"):  # answered after the opening before it, which is closed by then
                    pass
            async with wire.capture("wa") as capture:
                assert (await capture.statistics()).received == 0

    asyncio.run(scenario())
