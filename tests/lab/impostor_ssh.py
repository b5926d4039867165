"""An SSH server with a key of its own that lets everybody in and writes down whatever it is shown. Run inside a node.

``python impostor_ssh.py ADDRESS PORT LOG``: one line per event, ``connected`` or ``auth METHOD USER``.
"""

from __future__ import annotations

import io
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ADDRESS, PORT, LOG = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])


def note(what: str) -> None:
    with LOG.open("a") as log:
        log.write(what + "\n")


class Harvest(paramiko.ServerInterface):
    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey,keyboard-interactive"

    def check_auth_none(self, username: str) -> int:
        note(f"auth none {username}")
        return paramiko.AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        note(f"auth password {username}")
        return paramiko.AUTH_SUCCESSFUL

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        note(f"auth publickey {username}")
        return paramiko.AUTH_SUCCESSFUL


def serve(sock: socket.socket, key: paramiko.PKey) -> None:
    transport = paramiko.Transport(sock)
    transport.add_server_key(key)
    with suppress(paramiko.SSHException, EOFError, OSError):
        transport.start_server(server=Harvest())
        note(f"keys exchanged as {key.fingerprint}")
        transport.join(20)


def main() -> None:
    text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    key = paramiko.Ed25519Key.from_private_key(io.StringIO(text))
    listener = socket.create_server((ADDRESS, PORT))
    note("listening")
    while True:
        sock, _ = listener.accept()
        note("connected")
        threading.Thread(target=serve, args=(sock, key), daemon=True).start()


main()
