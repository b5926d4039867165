"""An SSH server of the tests' own: it counts every request of an account, and plays a command line."""

from __future__ import annotations

import asyncio
import hashlib
import io
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Self

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probes.api import CollectFailure, Outcome
from probes.ssh.collect import switch
from probes.ssh.transport import _NEVER
from r2s_audit.model.observation import BlobRef, Failure, request
from r2s_audit.model.site import Site
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology
from tests.builders import site_data

PASSWORD = "Tr0ub4dor&3-mot-de-passe"
USER = "auditeur"
PROMPT = b"sw-acces#"


def ed25519() -> tuple[paramiko.PKey, str]:
    """A key pair: the library's object, and its text."""
    text = (
        Ed25519PrivateKey.generate()
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
        .decode()
    )
    return paramiko.Ed25519Key.from_private_key(io.StringIO(text)), text


HOST_KEY, _ = ed25519()
CLIENT_KEY, CLIENT_KEY_TEXT = ed25519()
PINNED = f"{HOST_KEY.get_name()} {HOST_KEY.get_base64()}"

Cli = Callable[[paramiko.Channel], None]


def command_line(answers: dict[str, bytes], prompt: bytes = PROMPT) -> Cli:
    """A well-behaved command line: echo, answer, invitation."""

    def run(channel: paramiko.Channel) -> None:
        channel.sendall(b"\r\nBienvenue\r\n" + prompt)
        for line in lines(channel):
            channel.sendall(line + b"\r\n")
            if line:
                channel.sendall(answers.get(line.decode(), b"% Invalid input detected at '^' marker.\r\n"))
            channel.sendall(prompt)

    return run


def lines(channel: paramiko.Channel) -> Any:
    """What the client types, by line, until it closes."""
    held = b""
    while data := channel.recv(1024):
        held += data.replace(b"\r", b"\n")
        while b"\n" in held:
            line, _, held = held.partition(b"\n")
            yield line


@dataclass
class Played(paramiko.ServerInterface):
    """What a server takes, and what it was asked."""

    methods: str = "publickey,password"
    password: str = PASSWORD
    questions: tuple[tuple[str, bool], ...] = (("Password: ", False),)
    rounds: int = 1
    asked: list[str] = field(default_factory=list)
    """Every request of an account, by method and user; answers to questions too."""
    shells: int = 0
    shell: threading.Event = field(default_factory=threading.Event)
    pty: bool = True

    def get_allowed_auths(self, username: str) -> str:
        return self.methods

    def check_auth_none(self, username: str) -> int:
        self.asked.append(f"none {username}")
        return paramiko.AUTH_SUCCESSFUL if self.methods == "none" else paramiko.AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        self.asked.append(f"password {username} {password}")
        return paramiko.AUTH_SUCCESSFUL if password == self.password else paramiko.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.asked.append(f"publickey {username}")
        return paramiko.AUTH_SUCCESSFUL if key == CLIENT_KEY else paramiko.AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: str) -> Any:
        self.asked.append(f"keyboard-interactive {username}")
        return paramiko.InteractiveQuery("", "", *self.questions)

    def check_auth_interactive_response(self, responses: list[str]) -> Any:
        self.asked.append("answers " + " ".join(responses))
        self.rounds -= 1
        if self.rounds > 0:
            return paramiko.InteractiveQuery("", "", *self.questions)
        return paramiko.AUTH_SUCCESSFUL if responses == [self.password] else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        self.shells += 1
        return paramiko.OPEN_SUCCEEDED if kind == "session" else paramiko.OPEN_FAILED_UNKNOWN_CHANNEL_TYPE

    def check_channel_pty_request(self, *args: Any) -> bool:
        return self.pty

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        self.shell.set()
        return True


class Server:
    """Listens on loopback; every connection is one session with what is played."""

    def __init__(
        self,
        cli: Cli,
        played: Played | None = None,
        *,
        key: paramiko.PKey = HOST_KEY,
        only: dict[str, list[str]] | None = None,
        banner: str = "SSH-2.0-Essai_1.0",
    ) -> None:
        self.cli = cli
        self.played = played or Played()
        self.key = key
        self.only = only or {}
        self.banner = banner
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._transports: list[paramiko.Transport] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for transport in self._transports:
            transport.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._session, args=(sock,), daemon=True).start()

    def _session(self, sock: socket.socket) -> None:
        transport = paramiko.Transport(sock, disabled_algorithms=self.only)
        transport.local_version = self.banner
        self._transports.append(transport)
        transport.add_server_key(self.key)
        with suppress(paramiko.SSHException, EOFError, OSError):
            transport.start_server(server=self.played)
            channel = transport.accept(20)
            if channel is not None and self.played.shell.wait(10):
                self.cli(channel)


class Raw:
    """A TCP server that does what it is told with each connection."""

    def __init__(self, play: Callable[[socket.socket], None]) -> None:
        self.play = play
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                threading.Thread(target=self._one, args=(sock,), daemon=True).start()

    def _one(self, sock: socket.socket) -> None:
        with suppress(OSError), sock:
            self.play(sock)


def topology(port: int, **ssh: Any) -> Topology:
    """One switch on loopback with a declared command line."""
    access = {"platform": "cisco_ios", "user": USER, "host_key": PINNED, "password": "env:MDP", "port": port} | ssh
    device = {
        "id": "sw",
        "role": "switch",
        "zone": "adm",
        "addresses": ["127.0.0.1"],
        "admin": {"ssh": {name: value for name, value in access.items() if value is not None}},
    }
    return Topology(Site.model_validate(site_data(devices=[device])))


@dataclass
class FakeAccess:
    """Loopback sockets, no gate; counts what is paid."""

    topology: Topology
    paid: int = 0
    connections: int = 0
    blobs: dict[str, bytes] = field(default_factory=dict)
    redacted: list[bool] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=lambda: {"env:MDP": PASSWORD, "env:CLE": CLIENT_KEY_TEXT})

    async def pay(self, device: Any, packets: int = 1) -> None:
        self.paid += packets

    async def tcp(
        self, device: Any, address: Any, port: int, *, seconds: float = 2.0, packets: int = 0
    ) -> socket.socket:
        self.paid += packets + 3
        self.connections += 1
        sock = socket.socket()
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
        except ConnectionRefusedError as error:
            sock.close()
            raise CollectFailure(Failure.REFUSED, msg("refus")) from error
        return sock

    def secret(self, device: Any, address: Any, reference: str) -> str:
        assert address in device.addresses
        return self.secrets[reference]

    def keep(self, data: bytes, kind: str, *, redacted: bool = False) -> BlobRef:
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        self.redacted.append(redacted)
        return BlobRef(digest=f"sha256:{digest}", kind=kind, size=len(data), redacted=redacted)


def observe(access: FakeAccess) -> Outcome:
    """One session; no thread of ours is left a moment after."""
    (device,) = access.topology.site.devices
    assert device.admin.ssh is not None
    asked = request("ssh.switch", "P-ADM", "sw", address=str(ip_address("127.0.0.1")), port=device.admin.ssh.port)
    before = set(threading.enumerate())
    try:
        return asyncio.run(switch(access, asked))  # type: ignore[arg-type]
    finally:
        until = time.monotonic() + 2
        while time.monotonic() < until and any(_ours(thread) for thread in set(threading.enumerate()) - before):
            time.sleep(0.02)
        assert not [thread for thread in set(threading.enumerate()) - before if _ours(thread)]


def _ours(thread: threading.Thread) -> bool:
    """Not the server's, nor what it starts."""
    timer = isinstance(thread, threading.Timer) and thread.interval == _NEVER
    return timer or (isinstance(thread, paramiko.Transport) and not thread.server_mode)
