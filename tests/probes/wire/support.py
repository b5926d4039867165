"""What the wire's tests share: a network of their own, a tap that is not the code under test, gates."""

import ctypes
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from probes.wire.frames import FrameHeader
from probes.wire.gate import FrameRefused

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
MAC_A = "02:00:00:00:00:0a"
MAC_B = "02:00:00:00:00:0b"


def ip(*lines: str) -> None:
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True, capture_output=True)


def _enter(descriptor: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def own_namespace() -> Iterator[int]:
    """Live in a new network namespace; it ends with the last process and socket inside."""
    before = os.open("/proc/self/ns/net", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    inside = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        yield inside
    finally:
        _enter(before)
        os.close(before)
        os.close(inside)


@contextmanager
def inside(descriptor: int) -> Iterator[None]:
    """Be in the namespace for the length of the context; sockets made there stay there."""
    before = os.open("/proc/self/ns/net", os.O_RDONLY)
    _enter(descriptor)
    try:
        yield
    finally:
        _enter(before)
        os.close(before)


class Tap:
    """An AF_PACKET socket of the test's own: frames as seen on an interface, independent of the helper."""

    def __init__(self, interface: str) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        self.socket.bind((interface, ETH_P_ALL))
        self.socket.setblocking(False)

    def take(self, *, outgoing: bool) -> list[bytes]:
        frames = []
        while True:
            try:
                data, address = self.socket.recvfrom(65536)
            except BlockingIOError:
                return frames
            if (address[2] == socket.PACKET_OUTGOING) is outgoing:
                frames.append(data)

    def inject(self, frame: bytes) -> None:
        self.socket.send(frame)

    def close(self) -> None:
        self.socket.close()


class OpenGate:
    """Admits everything; remembers what it saw."""

    def __init__(self) -> None:
        self.admitted: list[FrameHeader] = []
        self.paid: list[FrameHeader] = []

    def admit(self, interface: str, header: FrameHeader) -> None:
        self.admitted.append(header)

    def pay_now(self, interface: str, header: FrameHeader) -> bool:
        return False  # one by one, through pay

    async def pay(self, interface: str, header: FrameHeader) -> None:
        self.paid.append(header)


class ClosedGate:
    """Refuses everything, or only what a predicate names."""

    def __init__(self, refuses=lambda header: True) -> None:
        self.refuses = refuses

    def admit(self, interface: str, header: FrameHeader) -> None:
        if self.refuses(header):
            raise FrameRefused("closed")

    def pay_now(self, interface: str, header: FrameHeader) -> bool:
        return False  # one by one, through pay

    async def pay(self, interface: str, header: FrameHeader) -> None:
        return


def frame(number: int = 0, source: str = MAC_A, destination: str = MAC_B, size: int = 60) -> bytes:
    head = bytes.fromhex((destination + source).replace(":", "")) + b"\x88\xb5"  # local experimental EtherType
    return (head + struct.pack("!I", number)).ljust(size, b"\0")


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def gone(pid: int, seconds: float) -> bool:
    """Tell whether the process ends (or is a zombie only) within seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if status(pid)["State"].startswith("Z"):
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.005)
    return False


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Start Python on code, with the project importable."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
