"""What the machine's clock is worth: read from the kernel, which asks nobody and needs no privilege."""

from __future__ import annotations

import ctypes
import os

from r2s_audit.model.record import ClockReading

SOURCE = "adjtimex(2)"
_UNSYNCHRONISED = 0x0040  # STA_UNSYNC
_NANOSECONDS = 0x2000  # STA_NANO: the offset is in nanoseconds, else in microseconds
_ERROR = 5  # TIME_ERROR


class _Timex(ctypes.Structure):
    """``struct timex`` of adjtimex(2)."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("fraction", ctypes.c_long),
        ("tick", ctypes.c_long),
        ("rest", ctypes.c_long * 20),
    )


def read_clock() -> ClockReading:
    """The offset that the kernel is still correcting, and its bound on the error; nothing where nobody disciplines it.

    An undisciplined clock has no known offset: None, and not 0.
    """
    timex = _Timex()
    libc = ctypes.CDLL(None, use_errno=True)
    state = int(libc.adjtimex(ctypes.byref(timex)))
    if state < 0:
        return ClockReading(source=f"{SOURCE}: {os.strerror(ctypes.get_errno())}")
    if state == _ERROR or timex.status & _UNSYNCHRONISED:
        return ClockReading(source=SOURCE, synchronised=False)
    per_ms = 1e6 if timex.status & _NANOSECONDS else 1e3
    return ClockReading(
        source=SOURCE,
        synchronised=True,
        offset_ms=round(timex.offset / per_ms, 6),
        max_error_ms=round(timex.maxerror / 1e3, 3),
    )
