"""The privileged half of 802.1X: a small process that starts one program, wpa_supplicant, and nothing else.

It keeps CAP_NET_RAW and CAP_NET_ADMIN and serves one interface, fixed when it starts, for one client over the
inherited AF_UNIX SOCK_SEQPACKET socket. What the client may ask for is closed:

- start, with credentials as fields. The configuration is written here, in one shape, every text in hexadecimal: no
  field can become another setting, name a file, load a library. Without an authority and a server name to validate
  the server by, nothing starts: the inner identity and the password would go to whoever asks.
- a command of ``COMMANDS``, by number; the supplicant's control socket itself, which could reconfigure it, is never
  handed over.
- stop.

The supplicant runs as ``/usr/sbin/wpa_supplicant -D wired -i INTERFACE -c /proc/self/fd/3 -W`` without a shell and
without an environment. Its configuration comes through a pipe: it is in no file, no argument, and gone once read. It
is killed when this process ends, which ends when the client's end is closed.
"""

import _socket
import base64
import contextlib
import ctypes
import errno
import fcntl
import os
import resource
import select
import signal
import struct
import time

from probes.wire import helper

VERSION = 1
OP_START, OP_COMMAND, OP_STOP = 1, 2, 3
OP_HELLO, OP_DONE, OP_REFUSED, OP_DATAGRAM, OP_ENDED, OP_FATAL = 128, 129, 130, 131, 132, 133
HELLO = struct.Struct("<HIIQQ")  # version, pid, uid, permitted, effective
START, FIELD = struct.Struct("<BB"), struct.Struct("<I")  # method and inner method; length of each field
ENDED = struct.Struct("<i")  # wait status
METHODS = {1: "TLS", 2: "PEAP", 3: "TTLS"}
INNER = {0: "MSCHAPV2", 1: "PAP"}
FIELDS = ("identity", "outer", "server_name", "password", "authority", "certificate", "key")
REQUIRED = ("identity", "outer", "server_name", "authority")
COMMANDS = (b"PING", b"STATUS", b"LOGOFF")
PROGRAMS = ("/usr/sbin/wpa_supplicant", "/sbin/wpa_supplicant")
MAX_MESSAGE, MAX_CONFIGURATION, MAX_DATAGRAM = 1 << 17, 1 << 18, 1 << 16
CONTROL_SECONDS, END_SECONDS, TURN_SECONDS = 3.0, 1.0, 0.01
MAX_MEMORY, MAX_FILES = 256 << 20, 64

PR_SET_PDEATHSIG, PR_CAP_AMBIENT_RAISE, F_SETPIPE_SZ = 1, 2, 1031
CLONE_NEWNS, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 0x20000, 2, 4, 8, 0x4000, 0x40000
COVERED = "/tmp"  # noqa: S108 - a private tmpfs is mounted there, or a directory of mode 700 made


class RefusedError(Exception):
    """A request that is not carried out, with the reason that the client is told; never with a secret."""


def unpack_start(body: bytes) -> tuple[str, str, dict[str, bytes]]:
    """Return method, inner method and fields of a start request; RefusedError, struct.error if it is none."""
    method, inner = START.unpack_from(body)
    position, fields = START.size, {}
    for name in FIELDS:
        (size,) = FIELD.unpack_from(body, position)
        position += FIELD.size + size
        fields[name] = body[position - size : position]
    if position != len(body) or method not in METHODS or inner not in INNER:
        raise RefusedError("a start request that does not read")
    missing = [name for name in REQUIRED if not fields[name]]
    if missing:
        raise RefusedError(f"nothing starts without {', '.join(missing)}")
    return METHODS[method], INNER[inner], fields


def configuration(directory: str, method: str, inner: str, fields: dict[str, bytes]) -> bytes:
    """Return the supplicant's configuration; texts in hexadecimal, files as blobs (wpa_supplicant.conf(5))."""
    lines = [f"ctrl_interface=DIR={directory}", "ap_scan=0", "fast_reauth=0", "cert_in_cb=1", "network={"]
    lines += ["key_mgmt=IEEE8021X", "eapol_flags=0", f"eap={method}", 'ca_cert="blob://authority"']
    names = {"identity": "identity", "outer": "anonymous_identity", "server_name": "domain_suffix_match"}
    lines += [f"{name}={fields[field].hex()}" for field, name in names.items()]
    if method == "TLS":
        lines += ['client_cert="blob://certificate"', 'private_key="blob://key"']
    else:
        lines += [f"password={fields['password'].hex()}", f'phase2="auth={inner}"']
    lines.append("}")
    for name in ("authority", "certificate", "key"):
        if fields[name]:
            lines += [f"blob-base64-{name}={{", base64.encodebytes(fields[name]).decode().rstrip("\n"), "}"]
    return ("\n".join(lines) + "\n").encode()


def private_directory(libc: ctypes.CDLL, uid: int, gid: int) -> str:
    """Return a directory that nobody else reaches: a tmpfs of our own mount namespace, else one of mode 700."""
    if os.geteuid() == 0 and libc.unshare(CLONE_NEWNS) == 0:
        options = f"size=64k,mode=0700,uid={uid},gid={gid}".encode()
        helper.check(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "private mounts")
        flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
        helper.check(libc.mount(b"tmpfs", COVERED.encode(), b"tmpfs", flags, options), "private directory")
        return COVERED
    path = f"{COVERED}/r2s-dot1x-{os.urandom(8).hex()}"
    os.mkdir(path, 0o700)  # noqa: PTH102 - pathlib triples the start time
    if os.geteuid() == 0:
        os.chown(path, uid, gid)
    return path


def confine(libc: ctypes.CDLL, uid: int, gid: int) -> None:
    """Keep the two capabilities, for the supplicant too (ambient set), and leave root; OSError on failure."""
    permitted, _ = helper.capabilities(libc)
    if not permitted >> helper.CAP_NET_RAW & 1:
        raise PermissionError(errno.EPERM, "the launcher was started without CAP_NET_RAW")
    keep = permitted & helper.KEEP
    for number in (signal.SIGINT, signal.SIGHUP):  # the terminal's Ctrl-C is the client's to handle
        signal.signal(number, signal.SIG_IGN)
    helper.check(libc.prctl(helper.PR_CAP_AMBIENT, helper.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "clear the ambient set")
    if permitted >> helper.CAP_SETPCAP & 1:
        surplus = helper.bounding(libc) & ~helper.KEEP
        for cap in (number for number in range(64) if surplus >> number & 1):
            helper.check(libc.prctl(helper.PR_CAPBSET_DROP, cap, 0, 0, 0), "reduce the bounding set")
    if os.geteuid() == 0 and uid:
        helper.check(libc.prctl(helper.PR_SET_KEEPCAPS, 1, 0, 0, 0), "keep capabilities")
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    data = struct.pack("=6I", keep, keep, keep, 0, 0, 0)
    header = ctypes.create_string_buffer(helper.CAP_HEADER)
    helper.check(libc.capset(header, ctypes.create_string_buffer(data)), "capset")
    for cap in (number for number in range(64) if keep >> number & 1):
        helper.check(libc.prctl(helper.PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0), "raise the ambient set")
    helper.check(libc.prctl(helper.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    helper.check(libc.prctl(helper.PR_SET_DUMPABLE, 0, 0, 0, 0), "not dumpable")
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(kind, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_FILES, MAX_FILES))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))


class Launcher:
    """The request loop, with one supplicant at a time."""

    def __init__(self, client: _socket.socket, interface: str, directory: str, libc: ctypes.CDLL) -> None:
        self.client, self.interface, self.directory, self.libc = client, interface, directory, libc
        self.child = self.descriptor = 0
        self.control: _socket.socket | None = None

    def post(self, operation: int, payload: bytes = b"") -> None:
        """Send one message; a client that does not read holds nobody but itself up."""
        self.client.send(bytes([operation]) + payload)

    def start(self, body: bytes) -> None:
        """Start the supplicant and attach to its events."""
        if self.child:
            raise RefusedError("a supplicant runs already")
        method, inner, fields = unpack_start(body)
        text = configuration(self.directory, method, inner, fields)
        program = next((path for path in PROGRAMS if os.access(path, os.X_OK)), None)
        if program is None:
            raise RefusedError(f"not installed: {PROGRAMS[0]}")
        if len(text) > MAX_CONFIGURATION:
            raise RefusedError(f"{len(text)} octets of configuration, {MAX_CONFIGURATION} at most")
        read, write = os.pipe()
        try:
            fcntl.fcntl(write, F_SETPIPE_SZ, MAX_CONFIGURATION)
            os.write(write, text)  # fits: nobody has to read it first
        finally:
            os.close(write)
        self.child = os.fork() or self.become(program, read)
        os.close(read)
        self.descriptor = os.pidfd_open(self.child)
        self.attach()

    def become(self, program: str, read: int) -> int:
        """In the child: be the supplicant; never returns."""
        try:
            self.libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor, source in ((0, nothing), (1, nothing), (2, nothing), (3, read)):
                os.dup2(source, descriptor)
            os.set_inheritable(3, True)  # it may have been 3 already: dup2 then changes nothing
            os.closerange(4, MAX_FILES)
            arguments = ["wpa_supplicant", "-D", "wired", "-i", self.interface, "-c", "/proc/self/fd/3", "-W"]
            os.execve(program, arguments, {})  # noqa: S606 - a fixed program, no shell
        finally:
            os._exit(127)

    def attach(self) -> None:
        """Connect to the supplicant's control socket, which appears within milliseconds; RefusedError if not."""
        own = f"{self.directory}/client"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(own)  # noqa: PTH108 - see private_directory
        control = self.control = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
        control.bind(own)
        deadline = time.monotonic() + CONTROL_SECONDS
        while time.monotonic() < deadline and not self.ended(0):
            try:
                control.connect(f"{self.directory}/{self.interface}")
                control.send(b"ATTACH")
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(TURN_SECONDS)
                continue
            poll = select.poll()
            poll.register(control, select.POLLIN)
            if poll.poll(CONTROL_SECONDS * 1000) and control.recv(MAX_DATAGRAM) == b"OK\n":
                return
            break
        self.stop()
        raise RefusedError("the supplicant did not open its control socket")

    def ended(self, seconds: float) -> bool:
        """Tell whether the supplicant ends within seconds; it is reaped by `stop` alone."""
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def command(self, body: bytes) -> None:
        """Pass on one command of the list."""
        if self.control is None or len(body) != 1 or body[0] >= len(COMMANDS):
            raise RefusedError("no such command, or no supplicant")
        self.control.send(COMMANDS[body[0]])

    def stop(self) -> int:
        """End the supplicant; return its wait status, 0 where there is none to be had."""
        if self.control is not None:
            self.control.close()
            self.control = None
        status = 0
        if self.child:
            for number in (signal.SIGTERM, signal.SIGKILL):
                if not self.ended(0):
                    signal.pidfd_send_signal(self.descriptor, number)
                    self.ended(END_SECONDS)
            status = os.waitpid(self.child, 0)[1]
            os.close(self.descriptor)
        self.child = self.descriptor = 0
        for name in ("client", self.interface):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self.directory}/{name}")  # noqa: PTH108 - see private_directory
        return status

    def carry_out(self, operation: int, body: bytes) -> None:
        """Do what one message asks for."""
        if operation == OP_START:
            self.start(body)
        elif operation == OP_COMMAND:
            self.command(body)
        elif operation == OP_STOP:
            self.stop()
        else:
            raise RefusedError(f"no operation {operation}")

    def serve(self, message: bytes) -> None:
        """Answer one message; what is wrong with it is told, never fatal."""
        try:
            self.carry_out(message[0], message[1:])
        except struct.error:
            self.post(OP_REFUSED, b"a request that does not read")
        except (RefusedError, OSError) as error:
            self.post(OP_REFUSED, str(error).encode())
        else:
            self.post(OP_DONE)

    def run(self) -> None:
        """Serve until the client's end is closed; forward what the supplicant says as it is."""
        client = self.client.fileno()
        while True:
            poll = select.poll()
            poll.register(client, select.POLLIN)
            if self.control is not None:
                poll.register(self.control.fileno(), select.POLLIN)
                poll.register(self.descriptor, select.POLLIN)
            for descriptor, _ in poll.poll():
                if descriptor == client:
                    if not (message := self.client.recv(MAX_MESSAGE)):
                        return
                    self.serve(message)
                elif self.control is not None and descriptor == self.control.fileno():
                    with contextlib.suppress(ConnectionResetError):
                        self.post(OP_DATAGRAM, self.control.recv(MAX_DATAGRAM, _socket.MSG_DONTWAIT))
                elif descriptor == self.descriptor and self.child:
                    self.post(OP_ENDED, ENDED.pack(self.stop()))


def main(arguments: list[str]) -> int:
    """Confine this process, say hello, serve, leave nothing behind; return the exit status."""
    descriptor, uid, gid = (int(text) for text in arguments[:3])
    client = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, descriptor)
    libc = ctypes.CDLL(None, use_errno=True)
    launcher = None
    try:
        directory = private_directory(libc, uid, gid)
        launcher = Launcher(client, arguments[3], directory, libc)
        confine(libc, uid, gid)
        launcher.post(OP_HELLO, HELLO.pack(VERSION, os.getpid(), os.geteuid(), *helper.capabilities(libc)))
        launcher.run()
    except (BrokenPipeError, ConnectionResetError):
        return 0  # the client is gone: nobody is left to be told
    except Exception as error:  # noqa: BLE001 - the last words go to the client, who reports them
        client.send(bytes([OP_FATAL]) + f"{type(error).__name__}: {error}".encode(), _socket.MSG_DONTWAIT)
        return 70
    finally:
        if launcher is not None:
            launcher.stop()
            if launcher.directory != COVERED:
                os.rmdir(launcher.directory)  # noqa: PTH106 - see private_directory
    return 0
