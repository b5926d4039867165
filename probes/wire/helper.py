"""The privileged half of the wire: a small process that moves frames and parses none.

Run as ``python -I -S -B helper.py FD MAX_RATE MAX_FRAMES UID GID INTERFACE...``. It uses the standard
library alone, keeps CAP_NET_RAW and CAP_NET_ADMIN and nothing else, and speaks with its client over the
inherited AF_UNIX SOCK_SEQPACKET socket FD: the kernel keeps the message borders, so no length is trusted.

It enforces itself, whatever the client asks: the interfaces of argv, at most MAX_RATE frames in any one
second (a sliding window, exact), MAX_FRAMES in its life, bounded captures, buffers and queue. While the
client does not read, captures are not read either: the kernel's bounded buffer fills and the kernel counts
what it drops; frames unread at a close are forwarding drops. It exits when the client's end is closed.
``_socket`` instead of ``socket``: the latter's enumerations double the start time (7 ms of 15).
"""

import _socket
import ctypes
import errno
import os
import resource
import select
import struct
import sys
import time
from collections import deque

VERSION = 1
REQUEST = struct.Struct("<BI")  # operation, request id
OPEN = struct.Struct("<BIIH")  # flags, receive buffer in octets, snap length, length of the name
SEND = struct.Struct("<HH")  # length of the interface's name, number of frames
LENGTH, CAPTURE = struct.Struct("<H"), struct.Struct("<I")
HELLO = struct.Struct("<HIIQQQ")  # version, pid, uid, permitted, effective, bounding
OPENED, SENT = struct.Struct("<II"), struct.Struct("<IQ")  # capture, buffer obtained; sent by this request, in all
STATISTICS = struct.Struct("<QQQQQ")  # tp_packets, tp_drops, forwarded, forwarding drops, interruptions
REFUSAL = struct.Struct("<HIi")  # reason, frames sent before it, errno
BATCH = struct.Struct("<q")  # CLOCK_MONOTONIC minus CLOCK_REALTIME, in nanoseconds
FRAME = struct.Struct("<IqBBHHIH")  # capture, wall ns, pkttype, flags, tci, tpid, length, snapped

OP_OPEN, OP_SEND, OP_STATISTICS, OP_CLOSE = 1, 2, 3, 4
OP_HELLO, OP_DONE, OP_REFUSED, OP_FRAMES, OP_FATAL = 128, 129, 130, 131, 132
FLAG_PROMISCUOUS, FLAG_ALL_MULTICAST, HAS_VLAN, CHECKSUM_PARTIAL, NO_TIMESTAMP = 1, 2, 1, 2, 4
REASON_INTERFACE, REASON_RATE, REASON_TOTAL, REASON_PROTOCOL, REASON_SYSTEM, REASON_LIMIT = 1, 2, 3, 4, 5, 6

CAP_SETPCAP, CAP_NET_ADMIN, CAP_NET_RAW = 8, 12, 13
KEEP = 1 << CAP_NET_ADMIN | 1 << CAP_NET_RAW
MAX_CAPTURES, MAX_FILES, MAX_MEMORY = 192, 224, 128 << 20
MAX_BUFFER = 32 << 20  # octets of kernel memory per capture
MAX_SNAP, MAX_REQUEST, SECOND = 16384, 131072, 1_000_000_000  # octets, octets, nanoseconds
MIN_FRAME, MAX_FRAME = 14, 9234  # jumbo payload, Ethernet header, one 802.1Q tag
BATCH_LIMIT, QUEUE_LIMIT = 49152, 1 << 20  # octets per message, and waiting: beyond it captures are not read
READ_LIMIT, DRAIN_LIMIT = 256, 65536  # frames taken from one capture per turn, and before its statistics
QUIET, MAX_CLOSED = 40, 16  # milliseconds without an event, and sockets, before one is closed: it takes some ten more
NOTHING = struct.pack("@HBBI", 6, 0, 0, 0)  # struct sock_filter: return 0
PATIENCE = 50_000_000  # nanoseconds that captures wait for requests which follow one another

SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_STATISTICS, PACKET_AUXDATA = 263, 1, 6, 8
PACKET_MR_PROMISC, PACKET_MR_ALLMULTI = 1, 2
SO_RCVBUFFORCE, SO_SNDBUFFORCE, SO_ATTACH_FILTER, SO_TIMESTAMPNS = 33, 32, 26, 35
TP_STATUS_CSUMNOTREADY, TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 8, 16, 64
ETH_P_ALL, ETH_P_8021Q = 3, 0x8100
AUXDATA = struct.Struct("=IIIHHHH")  # struct tpacket_auxdata, linux/if_packet.h
TIMESPEC, ANCILLARY = struct.Struct("@ll"), 128  # octets: both control messages with room to spare

PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_CAPBSET_READ, PR_CAPBSET_DROP = 4, 8, 23, 24
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
CAP_HEADER = struct.pack("=Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread
SIGINT, SIGHUP, SIG_IGN = 2, 1, 1


class RefusedError(Exception):
    """A request that the helper does not carry out: reason, frames sent before it, errno, text."""

    def __init__(self, reason: int, text: str, sent: int = 0, number: int = 0) -> None:
        super().__init__(text)
        self.reason, self.sent, self.number = reason, sent, number


def check(result: int, what: str) -> None:
    """Raise OSError if a call's result is negative."""
    if result < 0:
        raise OSError(ctypes.get_errno(), what)


def capabilities(libc: ctypes.CDLL) -> tuple[int, int]:
    """Return the permitted and the effective capability mask of this thread (capget(2))."""
    check(libc.capget(ctypes.create_string_buffer(CAP_HEADER), data := ctypes.create_string_buffer(24)), "capget")
    low_effective, low_permitted, _, high_effective, high_permitted, _ = struct.unpack("=6I", data.raw)
    return low_permitted | high_permitted << 32, low_effective | high_effective << 32


def bounding(libc: ctypes.CDLL) -> int:
    """Return the bounding set's mask; a number that the kernel does not know reads as absent."""
    return sum(1 << cap for cap in range(64) if libc.prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)


def restrict(libc: ctypes.CDLL, uid: int, gid: int) -> None:
    """Keep the two capabilities of this work only, leave root for uid and gid, set limits; OSError on failure."""
    permitted, _ = capabilities(libc)
    if not permitted >> CAP_NET_RAW & 1:
        raise PermissionError(errno.EPERM, "the helper was started without CAP_NET_RAW")
    keep = permitted & KEEP
    libc.signal(SIGINT, ctypes.c_void_p(SIG_IGN))  # the terminal's Ctrl-C is the client's to handle
    libc.signal(SIGHUP, ctypes.c_void_p(SIG_IGN))
    check(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "clear the ambient set")
    if permitted >> CAP_SETPCAP & 1:  # without it the set cannot be reduced, and no_new_privs stands alone
        surplus = bounding(libc) & ~KEEP
        for cap in (number for number in range(64) if surplus >> number & 1):
            check(libc.prctl(PR_CAPBSET_DROP, cap, 0, 0, 0), "reduce the bounding set")
    if os.geteuid() == 0 and uid:  # root without capabilities would still own root's files
        check(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keep capabilities")
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    data = struct.pack("=6I", keep, keep, 0, 0, 0, 0)
    check(libc.capset(ctypes.create_string_buffer(CAP_HEADER), ctypes.create_string_buffer(data)), "capset")
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    check(libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "not dumpable")
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC):
        resource.setrlimit(kind, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_FILES, MAX_FILES))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))


class Capture:
    """One open packet socket and its counters, cumulated here since reading the kernel's resets them."""

    def __init__(self, number: int, name: str, flags: int, buffer: int, snap: int, program: bytes) -> None:
        # Open, filter, then bind: with protocol 0 no frame arrives before the filter stands.
        self.number, self.snap = number, snap
        self.packets = self.drops = self.forwarded = self.interruptions = 0
        sock = self.socket = _socket.socket(_socket.AF_PACKET, _socket.SOCK_RAW, 0)
        try:
            if program:
                self.listen(program)
            try:
                sock.setsockopt(_socket.SOL_SOCKET, SO_RCVBUFFORCE, buffer)
            except PermissionError:  # without CAP_NET_ADMIN, up to rmem_max; the size obtained is reported
                sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVBUF, buffer)
            sock.setsockopt(_socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            index = _socket.if_nametoindex(name)
            for flag, kind in ((FLAG_PROMISCUOUS, PACKET_MR_PROMISC), (FLAG_ALL_MULTICAST, PACKET_MR_ALLMULTI)):
                if flags & flag:
                    sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, struct.pack("=iHH8s", index, kind, 0, b""))
            sock.bind((name, ETH_P_ALL))
            self.buffer = sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_RCVBUF)
        except BaseException:
            sock.close()
            raise

    def listen(self, program: bytes) -> None:
        """Attach a filter, instead of the one before."""
        code = ctypes.create_string_buffer(program, len(program))
        value = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
        self.socket.setsockopt(_socket.SOL_SOCKET, SO_ATTACH_FILTER, value)

    def read(self) -> bytes | None:
        """Return the next frame as a record of the client's protocol; None when there is none now."""
        try:
            data, ancillary, _, address = self.socket.recvmsg(self.snap, ANCILLARY, _socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno not in (errno.ENETDOWN, errno.ENXIO):
                raise
            self.interruptions += 1  # the interface went down: whoever claims silence must know
            return None
        flags, wall, tci, tpid, length = NO_TIMESTAMP, 0, 0, 0, len(data)
        for level, kind, value in ancillary:
            if level == _socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = TIMESPEC.unpack_from(value)
                wall, flags = seconds * SECOND + nanoseconds, flags & ~NO_TIMESTAMP
            elif level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, length, _, _, _, tci, tpid = AUXDATA.unpack_from(value)
                if status & TP_STATUS_VLAN_VALID:
                    flags |= HAS_VLAN
                    tpid = tpid if status & TP_STATUS_VLAN_TPID_VALID else ETH_P_8021Q
                if status & TP_STATUS_CSUMNOTREADY:
                    flags |= CHECKSUM_PARTIAL
        self.forwarded += 1
        head = FRAME.pack(self.number, wall or time.time_ns(), address[2], flags, tci, tpid, length, len(data))
        return head + data

    def statistics(self) -> bytes:
        """Return the counters since the opening."""
        packets, drops = struct.unpack("=II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        self.packets += packets
        self.drops += drops
        return STATISTICS.pack(self.packets, self.drops, self.forwarded, 0, self.interruptions)

    def last(self) -> bytes:
        """Return the last counters, in which frames never read count as forwarding drops."""
        self.listen(NOTHING)
        packets, drops, forwarded, _, interruptions = STATISTICS.unpack(self.statistics())
        return STATISTICS.pack(packets, drops, forwarded, packets - drops - forwarded, interruptions)


class Helper:
    """The request loop."""

    def __init__(self, client: _socket.socket, interfaces: list[str], max_rate: int, max_frames: int) -> None:
        self.client, self.interfaces, self.max_frames = client, frozenset(interfaces), max_frames
        self.recent: deque[int] = deque([-SECOND] * max_rate, maxlen=max_rate)  # times of the last sends
        self.total = self.opened = self.queued = self.batched = 0
        self.read = 0
        self.captures: dict[int, Capture] = {}
        self.closed: deque[_socket.socket] = deque()  # of captures that are over
        self.senders: dict[str, _socket.socket] = {}
        self.queue: deque[bytes] = deque()
        self.batch: list[bytes] = []

    def post(self, operation: int, request: int, payload: bytes) -> None:
        """Queue one message for the client."""
        self.queue.append(REQUEST.pack(operation, request) + payload)
        self.queued += len(self.queue[-1])

    def flush_batch(self) -> None:
        """Turn the frames gathered so far into one message."""
        if self.batch:
            offset = BATCH.pack(time.clock_gettime_ns(time.CLOCK_MONOTONIC) - time.time_ns())
            self.post(OP_FRAMES, len(self.batch), offset + b"".join(self.batch))
            self.batch.clear()
            self.batched = 0

    def forward(self, capture: Capture, limit: int) -> None:
        """Move up to limit frames to the queue; stop while it is full."""
        for _ in range(limit):
            if self.queued >= QUEUE_LIMIT or (record := capture.read()) is None:
                break
            if self.batched + len(record) > BATCH_LIMIT:
                self.flush_batch()
            self.batch.append(record)
            self.batched += len(record)

    def allowed(self, name: bytes) -> str:
        """Return the interface's name if argv declared it."""
        if (text := name.decode("utf-8", "replace")) in self.interfaces:
            return text
        raise RefusedError(REASON_INTERFACE, f"interface {text!r} was not declared at the start")

    def open(self, body: bytes) -> bytes:
        """Open a capture."""
        flags, buffer, snap, length = OPEN.unpack_from(body)
        name, program = self.allowed(body[OPEN.size : OPEN.size + length]), body[OPEN.size + length :]
        if len(self.captures) >= MAX_CAPTURES or buffer > MAX_BUFFER or not 0 < snap <= MAX_SNAP or len(program) % 8:
            raise RefusedError(REASON_LIMIT, f"over {MAX_CAPTURES} captures, {MAX_BUFFER} buffer or {MAX_SNAP} snap")
        self.opened += 1
        capture = Capture(self.opened, name, flags, buffer, snap, program)
        self.captures[self.opened] = capture
        return OPENED.pack(self.opened, capture.buffer)

    def send(self, body: bytes) -> bytes:
        """Send frames in order until one is refused; which is told with the number sent before it."""
        length, count = SEND.unpack_from(body)
        name, position = self.allowed(body[SEND.size : SEND.size + length]), SEND.size + length
        if (sender := self.senders.get(name)) is None:
            sender = _socket.socket(_socket.AF_PACKET, _socket.SOCK_RAW, 0)  # protocol 0: it hears nothing
            sender.bind((name, 0))
            self.senders[name] = sender
        head, recent, clock = LENGTH.size, self.recent, time.clock_gettime_ns  # once, not once a frame
        for sent in range(count):
            (size,) = LENGTH.unpack_from(body, position)
            start = position + head
            frame, position = body[start : start + size], start + size
            if not MIN_FRAME <= size <= MAX_FRAME or len(frame) != size:
                raise RefusedError(REASON_PROTOCOL, f"a frame of {len(frame)} octets, {size} stated", sent)
            if self.total >= self.max_frames:
                raise RefusedError(REASON_TOTAL, f"all {self.max_frames} frames of this run were sent", sent)
            now = clock(time.CLOCK_MONOTONIC)
            if now - recent[0] < SECOND:
                raise RefusedError(REASON_RATE, f"more than {recent.maxlen} frames in one second", sent)
            recent.append(now)  # before the attempt: a frame whose fate is unknown counts
            self.total += 1
            try:
                sender.send(frame, _socket.MSG_DONTWAIT)
            except OSError as error:
                if error.errno in (errno.ENXIO, errno.ENODEV):  # the interface was replaced: bind anew next time
                    self.senders.pop(name).close()
                raise RefusedError(REASON_SYSTEM, f"{name}: {error.strerror}", sent, error.errno or 0) from error
        return SENT.pack(count, self.total)

    def answer(self, operation: int, body: bytes) -> bytes:
        """Carry out one request; return the payload of its answer."""
        if operation == OP_OPEN:
            return self.open(body)
        if operation == OP_SEND:
            return self.send(body)
        capture = self.captures.get(number := CAPTURE.unpack_from(body)[0])
        if capture is None or operation not in (OP_STATISTICS, OP_CLOSE):
            raise RefusedError(REASON_PROTOCOL, f"no operation {operation} on capture {number}")
        self.forward(capture, DRAIN_LIMIT)  # what has arrived goes first, so that the answer covers it
        self.flush_batch()
        if operation == OP_STATISTICS:
            return capture.statistics()
        del self.captures[number]
        self.closed.append(capture.socket)
        return capture.last()

    def serve(self, message: bytes) -> None:
        """Answer one message; what is wrong with it is told, never fatal."""
        request = 0
        try:
            operation, request = REQUEST.unpack_from(message)
            self.post(OP_DONE, request, self.answer(operation, message[REQUEST.size :]))
        except (RefusedError, struct.error, OSError) as error:
            kind = (REASON_SYSTEM, 0, error.errno or 0) if isinstance(error, OSError) else (REASON_PROTOCOL, 0, 0)
            if isinstance(error, RefusedError):
                kind = error.reason, error.sent, error.number
            self.post(OP_REFUSED, request, REFUSAL.pack(*kind) + str(error).encode())

    def run(self) -> None:
        """Serve until the client's end is closed."""
        control, events = self.client.fileno(), [(0, 0)]
        while True:
            poll = select.poll()
            full = self.queued >= QUEUE_LIMIT
            poll.register(control, (0 if full else select.POLLIN) | (select.POLLOUT if self.queue else 0))
            by_descriptor = {} if full else {each.socket.fileno(): each for each in self.captures.values()}
            for descriptor in by_descriptor:
                poll.register(descriptor, select.POLLIN)
            pause = QUIET if events else 0  # quiet already: the next one at once
            events = poll.poll(pause if self.closed or self.senders else None)
            ready = dict(events)
            asked = ready.pop(control, 0)
            if asked & select.POLLIN:
                if not (message := self.client.recv(MAX_REQUEST)):
                    return
                self.serve(message)
            elif asked & (select.POLLHUP | select.POLLERR):
                return
            if not (asked & select.POLLIN and self.patient()):
                for descriptor in ready:
                    if (capture := by_descriptor[descriptor]).number in self.captures:
                        self.forward(capture, READ_LIMIT)
            self.flush_batch()
            try:
                while self.queue:
                    self.client.send(self.queue[0], _socket.MSG_DONTWAIT)
                    self.queued -= len(self.queue.popleft())
            except BlockingIOError:
                pass  # the client is slow: poll tells when it has room
            self.release(quiet=not events)

    def release(self, *, quiet: bool) -> None:
        """Close one socket that nobody needs now: that of an ended capture, or one to send through, held while it serves."""
        if self.closed and (quiet or len(self.closed) > MAX_CLOSED):
            self.closed.popleft().close()
        elif quiet:
            self.senders.popitem()[1].close()

    def patient(self) -> bool:
        """Tell whether captures may wait, in the kernel's buffers, for what the client wants to send meanwhile."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        if now - self.read < PATIENCE:
            return True
        self.read = now
        return False


def main(arguments: list[str]) -> int:
    """Restrict this process, say hello, serve; return the exit status."""
    descriptor, max_rate, max_frames, uid, gid = (int(text) for text in arguments[:5])
    client = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, descriptor)
    libc = ctypes.CDLL(None, use_errno=True)
    helper = Helper(client, arguments[5:], max_rate, max_frames)
    try:
        restrict(libc, uid, gid)
        permitted, effective = capabilities(libc)
        if effective >> CAP_NET_ADMIN & 1:
            client.setsockopt(_socket.SOL_SOCKET, SO_SNDBUFFORCE, QUEUE_LIMIT)
        identity = VERSION, os.getpid(), os.geteuid()
        helper.post(OP_HELLO, 0, HELLO.pack(*identity, permitted, effective, bounding(libc)))
        helper.run()
    except (BrokenPipeError, ConnectionResetError):
        return 0  # the client is gone: nobody is left to be told
    except Exception as error:  # noqa: BLE001 - the last words go to the client, who reports them
        client.send(REQUEST.pack(OP_FATAL, 0) + f"{type(error).__name__}: {error}".encode(), _socket.MSG_DONTWAIT)
        return 70
    return 0


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))  # no teardown: the sockets close with the process, at once
