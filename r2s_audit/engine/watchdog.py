"""A bound on code that does not give the processor back.

An asyncio deadline cannot interrupt a collector that blocks the loop, nor a check that never returns. Both run in the
main thread: an interval timer raises :class:`Stalled` inside whatever is running there, and the engine turns it into a
cell in error. While the event loop is alive it postpones the alarm; a pure function is simply given its seconds.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class Stalled(BaseException):
    """Raised in the middle of code that held the processor for too long.

    Not an Exception: code that tries again after every exception would go on for ever.
    """


def _raise(signum: int, frame: FrameType | None) -> None:
    del signum, frame
    raise Stalled("the processor was not given back in time")


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Run a pure function for at most so many seconds; outside the main thread there is no alarm to set.

    Raises:
        Stalled: inside the block.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGALRM, _raise)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@contextmanager
def guarded_loop(seconds: float) -> Iterator[None]:
    """While the block runs in a live event loop, interrupt the task that blocks it for longer than ``seconds``.

    The alarm only ever raises inside a task; if it fires between two tasks (a machine that was suspended), nothing
    was blocked and nothing is raised.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    owner = asyncio.current_task()

    def alarm(signum: int, frame: FrameType | None) -> None:
        task = asyncio.current_task(loop)
        if task is not None and task is not owner:
            _raise(signum, frame)

    beat: list[asyncio.Handle] = []

    def postpone() -> None:
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
        beat[:] = [loop.call_later(seconds / 4, postpone)]

    previous = signal.signal(signal.SIGALRM, alarm)
    postpone()
    try:
        yield
    finally:
        beat[0].cancel()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
