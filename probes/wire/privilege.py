"""Capabilities of this process: what it holds, and giving them up for good.

The calls are capget(2), capset(2) and prctl(2). They act on the calling *thread*: capabilities are given up
while the process has one thread, so that every later thread inherits the state; `drop_all` refuses otherwise.
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

CAP_SETGID = 6
CAP_SETUID = 7
CAP_SETPCAP = 8
CAP_NET_ADMIN = 12
CAP_NET_RAW = 13
LAST_CAPABILITY = 63  # two 32-bit words; numbers that the kernel does not know read as absent

_HEADER = struct.pack("=Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_READ = 23
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_GET_NO_NEW_PRIVS = 39
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_IS_SET = 1
_PR_CAP_AMBIENT_CLEAR_ALL = 4


class PrivilegeError(Exception):
    """Privileges could not be read or given up; the process must not go on as if they had been."""


class CapabilityState(NamedTuple):
    """The five capability sets of a thread, as bit masks (capabilities(7)), and no_new_privs."""

    permitted: int
    effective: int
    inheritable: int
    bounding: int
    ambient: int
    no_new_privs: bool

    def has(self, capability: int) -> bool:
        """Tell whether the capability of this number can be used now."""
        return bool(self.effective >> capability & 1)

    @property
    def powerless(self) -> bool:
        """Tell whether nothing is held and nothing can be regained by executing a file."""
        return not (self.permitted or self.effective or self.inheritable or self.ambient) and self.no_new_privs


class DropReport(NamedTuple):
    """What `drop_all` changed: the sets before and after, and the identity before and after."""

    before: CapabilityState
    after: CapabilityState
    uid_before: int
    uid_after: int
    gid_after: int
    memory_limit: int | None

    @property
    def dropped(self) -> tuple[int, ...]:
        """Return the numbers of the permitted capabilities that were given up."""
        gone = self.before.permitted & ~self.after.permitted
        return tuple(number for number in range(LAST_CAPABILITY + 1) if gone >> number & 1)


def current() -> CapabilityState:
    """Return this thread's capability state; raise PrivilegeError if the kernel does not tell."""
    libc = _libc()
    data = ctypes.create_string_buffer(24)
    _check(libc.capget(ctypes.create_string_buffer(_HEADER), data), "capget")
    low_e, low_p, low_i, high_e, high_p, high_i = struct.unpack("=6I", data.raw)
    return CapabilityState(
        permitted=low_p | high_p << 32,
        effective=low_e | high_e << 32,
        inheritable=low_i | high_i << 32,
        bounding=_mask(libc, (_PR_CAPBSET_READ,)),
        ambient=_mask(libc, (_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_IS_SET)),
        no_new_privs=libc.prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1,
    )


def sudo_identity(environment: Mapping[str, str]) -> tuple[int, int] | None:
    """Return (uid, gid) of the user who called sudo, from SUDO_UID and SUDO_GID; None outside sudo.

    Raises:
        PrivilegeError: the variables are there and are not two non-negative numbers.
    """
    uid, gid = environment.get("SUDO_UID"), environment.get("SUDO_GID")
    if uid is None or gid is None:
        return None
    if not (uid.isascii() and uid.isdigit() and gid.isascii() and gid.isdigit()):
        raise PrivilegeError(f"SUDO_UID={uid!r} and SUDO_GID={gid!r} are not numbers")
    return int(uid), int(gid)


def drop_all(*, identity: tuple[int, int] | None = None, memory_limit: int | None = None) -> DropReport:
    """Give up every capability of this process, for good, and forbid regaining any by execve; leave no core file.

    Args:
        identity: (uid, gid) to become, typically `sudo_identity(os.environ)`; only root may ask for it.
        memory_limit: octets of address space at most (RLIMIT_AS), see `limit_memory`.

    Returns:
        What was dropped, read back from the kernel.

    Raises:
        PrivilegeError: more than one thread, a refused call, or a state that is not powerless afterwards.
    """
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        raise PrivilegeError(f"{threads} threads run already: capabilities would stay with the others")
    libc = _libc()
    before, uid_before = current(), os.geteuid()
    _check(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "clearing the ambient set")
    if before.has(CAP_SETPCAP):  # without it the set cannot be reduced; no_new_privs then stands alone
        for capability in range(LAST_CAPABILITY + 1):
            if before.bounding >> capability & 1:
                _check(libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0), "reducing the bounding set")
    if identity is not None and identity != (uid_before, os.getegid()):
        _become(*identity)
    nothing = ctypes.create_string_buffer(24)
    _check(libc.capset(ctypes.create_string_buffer(_HEADER), nothing), "capset")
    _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    # A core file, or a debugger of the same user, would show the secrets that this process has read.
    _check(libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "not dumpable")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory_limit is not None:
        limit_memory(memory_limit)
    after = current()
    if not after.powerless:
        raise PrivilegeError(f"privileges remain after the drop: {after}")
    return DropReport(before, after, uid_before, os.geteuid(), os.getegid(), memory_limit)


def limit_memory(octets: int) -> None:
    """Limit this process's address space (RLIMIT_AS, soft and hard); raise PrivilegeError if refused."""
    try:
        resource.setrlimit(resource.RLIMIT_AS, (octets, octets))
    except (OSError, ValueError) as error:
        raise PrivilegeError(f"the address space cannot be limited to {octets} octets: {error}") from error


def _become(uid: int, gid: int) -> None:
    """Change to the identity, groups first: setuid ends the right to change groups."""
    try:
        os.setgroups([gid])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        raise PrivilegeError(f"cannot become uid {uid}, gid {gid}: {error.strerror}") from error


def _mask(libc: ctypes.CDLL, call: tuple[int, ...]) -> int:
    """Ask prctl about each capability; unknown numbers answer with an error and read as absent."""
    mask = 0
    for capability in range(LAST_CAPABILITY + 1):
        arguments = (*call, capability, 0, 0, 0)[:5]
        if libc.prctl(*arguments) == 1:
            mask |= 1 << capability
    return mask


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result < 0:
        raise PrivilegeError(f"{what}: {os.strerror(ctypes.get_errno())}")
