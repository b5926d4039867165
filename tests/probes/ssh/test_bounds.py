"""The socket between the library and the line: what it lets through, and why it stops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from probes.ssh.bounds import CHUNK, MAX_BYTES, MAX_HELLO_BYTES, MAX_READS, MAX_WRITES, LentSocket, PastBoundsError


class Line:
    """A socket of no network."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.answer: bytes | Exception = b"x"
        self.open = True

    def recv(self, size: int) -> bytes:
        self.asked.append(size)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def send(self, data: bytes) -> int:
        return len(data)

    def settimeout(self, seconds: float | None) -> None:
        pass

    def getsockopt(self, *_: int) -> bytes:
        raise OSError

    def close(self) -> None:
        self.open = False


def lent(line: Line, clock: list[float] | None = None) -> LentSocket:
    times = clock or [0.0]
    sock: Any = line
    return LentSocket(sock, 5, now=lambda: times[0])


def again(call: Callable[[], object], times: int) -> None:
    for _ in range(times):
        call()


def test_a_packet_that_says_four_gigabytes_is_read_by_the_chunk() -> None:
    line = Line()
    lent(line).recv(0xFFFFFFFC)
    assert line.asked == [CHUNK]


@pytest.mark.parametrize(("trusted", "most"), [(False, MAX_HELLO_BYTES), (True, MAX_BYTES)])
def test_bytes(trusted: bool, most: int) -> None:
    line = Line()
    line.answer = bytes(CHUNK)
    sock = lent(line)
    if trusted:
        sock.trust()
    with pytest.raises(PastBoundsError):
        again(lambda: sock.recv(CHUNK), MAX_BYTES)
    assert sock.broken == "bytes"
    assert most < sock.received <= most + CHUNK


def test_crumbs() -> None:
    sock = lent(Line())
    sock.trust()
    with pytest.raises(PastBoundsError):
        again(lambda: sock.recv(1), MAX_READS + 2)
    assert sock.broken == "bytes"


def test_what_is_made_to_be_said() -> None:
    sock = lent(Line())
    with pytest.raises(PastBoundsError):
        again(lambda: sock.send(b"x"), MAX_WRITES + 2)
    assert sock.segments >= MAX_WRITES


def test_time() -> None:
    clock = [0.0]
    sock = lent(Line(), clock)
    clock[0] = 5.1
    with pytest.raises(PastBoundsError):
        sock.recv(1)
    assert sock.broken == "time"
    sock.step(5)
    with pytest.raises(PastBoundsError):  # what is over stays over
        sock.send(b"x")


@pytest.mark.parametrize(
    ("answer", "broken"), [(b"", "closed"), (ConnectionResetError(), "reset"), (TimeoutError(), "")]
)
def test_how_it_ended(answer: bytes | Exception, broken: str) -> None:
    line = Line()
    line.answer = answer
    sock = lent(line)
    if isinstance(answer, Exception):
        with pytest.raises(type(answer)):
            sock.recv(1)
    else:
        sock.recv(1)
    assert sock.broken == broken


def test_its_end_wakes_and_is_told_once() -> None:
    line = Line()
    sock = lent(line)
    sock.close()
    sock.close()
    assert not line.open
